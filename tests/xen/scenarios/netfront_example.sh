# The example netfront_ping answers ARP and ping by itself, with Linux's netback in dom0.
# guests: pv pvh
# timeout: 300
# needs: netfront_ping

. /lab/netfront.sh
start_linux_netback
run "$GUEST" "rmmod xen-netfront"
run dom0 "xl network-attach $(domid "$GUEST") mac=00:16:3e:00:09:02 bridge=xenbr0 script=vif-lab"
start example "$GUEST" "netfront_ping 0 10.9.0.2"
wait_until dom0 "ping -c 1 -W 2 10.9.0.2"
for size in 56 1000 1472; do
    pings dom0 "ping -c 3 -W 10 -s $size 10.9.0.2"
done
destroy_guest "$GUEST"
stop_linux_netback
