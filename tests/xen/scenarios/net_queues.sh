# A guest with two CPUs uses two queues of our netback, with an MTU of 9000; a kernel's netback that is loaded
# is said to be in the way.
# guests: pv
# timeout: 400
# needs: xenring

. /lab/net.sh
start_netback "--queues 2"
guest_with_vif "$GUEST" 2 "" "vcpus = 2"
expect "the guest did not ask for two queues" \
    test "$(xenstore-read "/local/domain/$(domid "$GUEST")/device/vif/0/multi-queue-num-queues")" = 2
vif="vif$(domid "$GUEST").0"
run dom0 "ip link set $vif mtu 9000 && ip link set xenbr0 mtu 9000"
run "$GUEST" "ip link set eth0 mtu 9000; dd if=/dev/urandom of=/tmp/net.data bs=1M count=12 2> /dev/null"
run "$GUEST" "ping -c 3 -W 10 -q -s 8900 10.9.0.1"
transfer "$GUEST" dom0 10.9.0.1
for stream in 1 2; do # the sender chooses a queue by its ports
    transfer "$GUEST" dom0 10.9.0.1
done
run dom0 "ip link set xenbr0 mtu 1500"
guest_is_content
statistics
destroy_guest "$GUEST"
stop_netback
run dom0 "insmod /lab/extra/xen-netback.ko && ! xenring netback 2> /tmp/refused; rmmod xen-netback; grep xen-netback /tmp/refused"
