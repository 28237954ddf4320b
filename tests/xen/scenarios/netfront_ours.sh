# Our netfront in a guest with our netback in dom0: ping both ways, all sizes, datagrams, TCP, netback killed and
# restarted; and as netback keeps the guest's pages mapped, a packet costs no grant copy.
# guests: pv pvh
# timeout: 400
# needs: xenring

. /lab/netfront.sh
start_netback
attach_netfront
ping_all_sizes
datagrams "$GUEST" dom0 10.9.0.1 20000
datagrams dom0 "$GUEST" 10.9.0.2 20000
tcp_both_ways

before=$(statistics)
pings dom0 "ping -c 200 -i 0.01 -W 10 -s 1400 -q 10.9.0.2"
after=$(statistics)
figure "before 200 pings: $before"
figure "after 200 pings: $after"
for way in 1 2; do
    packets=$(($(counter "$after" $way packets) - $(counter "$before" $way packets)))
    copies=$(($(counter "$after" $way copies) - $(counter "$before" $way copies)))
    expect "only $packets packets were counted" test "$packets" -ge 200
    expect "$copies grant copies for $packets packets" test "$copies" = 0
done

run dom0 "kill -9 $(cat "$WORK/netback.pid")"
finish netback 5 > /dev/null || true
start_netback
wait_until dom0 "ping -c 1 -W 2 10.9.0.2"
pings "$GUEST" "ping -c 2 -W 10 -s 4000 10.9.0.1"
detach_netfront
stop_netback
