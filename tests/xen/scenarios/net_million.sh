# A million datagrams of 64 bytes each way through our netback, and each is accounted for.
# guests: pv pvh
# timeout: 2400
# needs: xenring
# measures

. /lab/net.sh
start_netback
attach_vif "$GUEST"
datagrams "$GUEST" dom0 10.9.0.1 1000000
datagrams dom0 "$GUEST" 10.9.0.2 1000000
figure "$(statistics)"
guest_is_content
detach_vif "$GUEST"
stop_netback
