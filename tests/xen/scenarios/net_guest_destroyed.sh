# A guest is destroyed, and another time rebooted, while bytes flow both ways: netback goes on for others and
# leaves nothing behind.
# guests: pv pvh
# timeout: 400
# needs: xenring

. /lab/net.sh
start_netback
guest_with_vif "$GUEST"
start flood dom0 "ping -f -s 8000 -w 120 -q 10.9.0.2"
start stream "$GUEST" "cat /dev/zero | nc 10.9.0.1 5001"
start sink dom0 "nc -l -p 5001 > /dev/null"
sleep 2
destroy_guest "$GUEST"
wait_until dom0 "! ls -d /sys/class/net/vif*"
expect "netback died" kill -0 "$(cat "$WORK/netback.pid")"
expect "the store keeps the vif" sh -c '! xenstore-list /local/domain/0/backend/vif | grep .'

guest_with_vif "$GUEST"
run dom0 "ping -c 3 -W 10 -q 10.9.0.2"
destroy_guest "$GUEST"
stop_netback
