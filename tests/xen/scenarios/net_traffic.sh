# TCP both ways through our netback with a stock guest, content verified by digest, over IPv4 and IPv6, with an
# MTU of 9000 too; and offload really passes through: frames on the TAP are larger than the MTU.
# guests: pv pvh
# timeout: 600
# needs: xenring

. /lab/net.sh
start_netback
attach_vif "$GUEST"
prepare_transfers
transfer_both_ways
datagrams "$GUEST" dom0 10.9.0.1 20000
datagrams dom0 "$GUEST" 10.9.0.2 20000
tcp_both_ways
jumbo_frames
counted=$(statistics)
echo "$counted"
expect "the guest sent no large segments" sh -c "echo '$counted' | grep -Eq 'tx [^;]* segmented [0-9]{2}'"
expect "the guest received no large segments" sh -c "echo '$counted' | grep -Eq 'rx .* segmented [0-9]{2}'"
for loss in rejected unusable uncopied refused expired; do
    expect "frames were lost: $loss" sh -c "! echo '$counted' | grep -q $loss"
done
guest_is_content
detach_vif "$GUEST"
stop_netback
