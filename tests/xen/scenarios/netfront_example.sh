# The example netfront_ping answers ARP and ping by itself, with Linux's netback in dom0.
# guests: pv pvh
# timeout: 300
# needs: netfront_ping

. /lab/netfront.sh
start_linux_netback
destroy_guest "$GUEST"
expect "guest $GUEST does not start with a vif" create_guest "$GUEST" "$(vif_line 2)"
expect "guest $GUEST does not answer" await_guest "$GUEST" 150
run "$GUEST" "rmmod xen-netfront"
start example "$GUEST" "netfront_ping 0 10.9.0.2"
for size in 56 1472 20000; do
    wait_until dom0 "ping -c 1 -W 2 -s 56 10.9.0.2"
    run dom0 "ping -c 3 -W 10 -s $size 10.9.0.2"
done
destroy_guest "$GUEST"
stop_linux_netback
