# Our netfront in a guest with two queues, with Linux's netback and with ours, killed and restarted too: both carry
# frames both ways, and every TCP connection is whole.
# guests: pv
# timeout: 500
# needs: xenring

. /lab/netfront.sh

both_queues_carry() { # WHERE
    iperf3 -s -D
    wait_until dom0 "netstat -ltn | grep -q ':5201 '"
    # Senders choose by ports.
    run "$GUEST" "iperf3 -c 10.9.0.1 -P 16 -t 1 && iperf3 -c 10.9.0.1 -P 16 -t 1 -R"
    killall iperf3
    stop_netfront
    output netfront > "$WORK/queues.$1"
    for queue in 0 1; do
        for way in out in; do
            expect "queue $queue $way is idle with $1" \
                grep -Eq "queue $queue $way: packets [1-9][0-9]{2}" "$WORK/queues.$1"
        done
    done
}
asked_for_two() {
    expect "the guest did not ask for two queues" \
        test "$(xenstore-read "/local/domain/$(domid "$GUEST")/device/vif/0/multi-queue-num-queues")" = 2
}

start_linux_netback max_queues=2
attach_netfront "--queues 2"
asked_for_two
ping_all_sizes
prepare_transfers
transfer_both_ways
both_queues_carry Linux
start_netfront "--queues 2 --untrusted"
pings dom0 "ping -c 2 -W 10 -s 4000 10.9.0.2"
detach_netfront
stop_linux_netback

start_netback "--queues 2"
attach_netfront "--queues 2"
asked_for_two
prepare_transfers # the interface is a new one
transfer_both_ways
kill -9 "$(cat "$WORK/netback.pid")"
finish netback 5 > /dev/null || true
start_netback "--queues 4" # more than the guest has
wait_until dom0 "ping -c 1 -W 2 10.9.0.2"
transfer_both_ways
both_queues_carry ours
start_netfront "--queues 2"
detach_netfront
stop_netback
