# A guest with two CPUs uses two queues of our netback, with an MTU of 9000; a kernel's netback that is loaded
# is said to be in the way.
# guests: pv
# timeout: 400
# needs: xenring

. /lab/net.sh
start_netback "--queues 2 --statistics /tmp/net.stat"
guest_with_vif "$GUEST" 2 "" "vcpus = 2"
expect "the guest did not ask for two queues" \
    test "$(xenstore-read "/local/domain/$(domid "$GUEST")/device/vif/0/multi-queue-num-queues")" = 2
vif="vif$(domid "$GUEST").0"
run dom0 "ip link set $vif mtu 9000 && ip link set xenbr0 mtu 9000"
run "$GUEST" "ip link set eth0 mtu 9000; dd if=/dev/urandom of=/tmp/net.data bs=1M count=12 2> /dev/null"
pings "$GUEST" "ping -c 3 -W 10 -q -s 8900 10.9.0.1"
transfer "$GUEST" dom0 10.9.0.1
iperf3 -s -D
wait_until dom0 "netstat -ltn | grep -q ':5201 '"
run "$GUEST" "iperf3 -c 10.9.0.1 -P 16 -t 1 && iperf3 -c 10.9.0.1 -P 16 -t 1 -R" # senders choose by ports
killall iperf3
run dom0 "xenring stat /tmp/net.stat"
for queue in 0 1; do
    for way in tx rx; do
        expect "queue $queue $way is idle" sh -c "echo '$(output run)' | grep -Eq ' queue $queue $way [1-9][0-9]* packets'"
    done
done
run dom0 "ip link set xenbr0 mtu 1500"
guest_is_content
destroy_guest "$GUEST"
stop_netback
run dom0 "insmod /lab/extra/xen-netback.ko && ! xenring netback 2> /tmp/refused; rmmod xen-netback; grep xen-netback /tmp/refused"
