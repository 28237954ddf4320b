# Our netfront in a guest with our netback in dom0: ping both ways, all sizes, TCP, and netback killed and restarted.
# guests: pv pvh
# timeout: 400
# needs: xenring

. /lab/netfront.sh
start_netback
attach_netfront
ping_all_sizes
tcp_both_ways
run dom0 "kill -9 $(cat "$WORK/netback.pid")"
finish netback 5 > /dev/null || true
start_netback
wait_until dom0 "ping -c 1 -W 2 10.9.0.2"
run "$GUEST" "ping -c 2 -W 10 -s 4000 10.9.0.1"
detach_netfront
stop_netback
