# netback is killed under traffic and started again: the guest's connections go on, and it notices nothing; its
# rate is limited, and the limit is kept.
# guests: pv pvh
# timeout: 400
# needs: xenring libxenvchan_peer

. /lab/net.sh
. /lab/vchan.sh # for its pattern
start_netback
attach_vif "$GUEST" 2 rate=2MB/s # so that the transfer takes long enough
run "$GUEST" "dd if=/dev/urandom of=/tmp/net.data bs=1M count=32 2> /dev/null"
start receiver dom0 "$(receive 5002)"
wait_until dom0 "netstat -ltn | grep -q ':5002 '"
start sink "$GUEST" "rm -f /tmp/sink; mkfifo /tmp/sink; nc -l -p 5003 <> /tmp/sink | libxenvchan_peer digest"
wait_until "$GUEST" "netstat -ltn | grep -q ':5003 '"
start flood dom0 "libxenvchan_peer generate 1000000000000 7 | nc 10.9.0.2 5003" # endless, so that it is killed at work
read_uptime
began=$uptime_now
start sender "$GUEST" "nc 10.9.0.1 5002 < /tmp/net.data"
for round in 1 2 3; do
    for way in rx tx; do
        before=$(cat "/sys/class/net/xenbr0/statistics/${way}_bytes")
        expect "nothing flows ($way)" poll 30 sh -c \
            "test \$(cat /sys/class/net/xenbr0/statistics/${way}_bytes) -gt $((before + 1000000))"
    done
    kill -9 "$(cat "$WORK/netback.pid")"
    finish netback 5 > /dev/null || true
    start_netback
done
expect "the sender failed" finish sender 120
expect "the receiver failed" finish receiver 60
expect_same "$GUEST" dom0
kill_group flood
expect "the sink failed" finish sink 60
flooded=$(output sink | sed 's/ .*//')
expect "only $flooded bytes went to the guest" test "$flooded" -gt 3000000
expect_digest sink "$flooded" 7
read_uptime
expect "32 MB took less than 12 s at 2 MB/s" test $((uptime_now - began)) -ge 12
pings dom0 "ping -c 3 -W 10 -q 10.9.0.2"
guest_is_content
statistics
detach_vif "$GUEST"
stop_netback
