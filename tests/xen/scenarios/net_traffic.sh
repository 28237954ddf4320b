# TCP both ways through our netback with a stock guest, content verified by digest, over IPv4 and IPv6; and
# offload really passes through: frames on the TAP are larger than the MTU.
# guests: pv pvh
# timeout: 600
# needs: xenring

. /lab/net.sh
start_netback
attach_vif "$GUEST"
run dom0 "echo 0 > /proc/sys/net/ipv6/conf/xenbr0/accept_dad; ip addr add fd09::1/64 dev xenbr0; dd if=/dev/urandom of=/tmp/net.data bs=1M count=12 2> /dev/null"
run "$GUEST" "echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; ip addr add fd09::2/64 dev eth0; dd if=/dev/urandom of=/tmp/net.data bs=1M count=12 2> /dev/null"
for version in 4 6; do
    address=$(if [ "$version" = 4 ]; then echo 10.9.0; else echo fd09:; fi)
    dot=$(if [ "$version" = 4 ]; then echo .; else echo :; fi)
    transfer dom0 "$GUEST" "$address${dot}2"
    transfer "$GUEST" dom0 "$address${dot}1"
done
datagrams "$GUEST" dom0 10.9.0.1 20000
datagrams dom0 "$GUEST" 10.9.0.2 20000
tcp_both_ways
counted=$(statistics)
echo "$counted"
expect "the guest sent no large segments" sh -c "echo '$counted' | grep -Eq 'tx [^;]* segmented [0-9]{2}'"
expect "the guest received no large segments" sh -c "echo '$counted' | grep -Eq 'rx .* segmented [0-9]{2}'"
for loss in rejected unusable uncopied; do
    expect "frames were lost: $loss" sh -c "! echo '$counted' | grep -q $loss"
done
guest_is_content
detach_vif "$GUEST"
stop_netback
