# A guest is rebooted, and another time destroyed, while bytes flow both ways: netback goes on for others and
# leaves nothing behind.
# guests: pv pvh
# timeout: 400
# needs: xenring

. /lab/net.sh

# Fills the way in both directions, until somebody stops it.
flood_both_ways() {
    start sink dom0 "$(receive 5001 /dev/null)"
    wait_until dom0 "netstat -ltn | grep -q ':5001 '"
    start stream "$GUEST" "cat /dev/zero | nc 10.9.0.1 5001"
    start flood dom0 "ping -i 0.01 -s 8000 -w 120 -q 10.9.0.2"
    from=$(bridge_bytes rx) to=$(bridge_bytes tx)
    expect "the guest sends nothing" poll 30 more_than rx "$from" 2000000
    expect "the guest receives nothing" poll 30 more_than tx "$to" 2000000
}

bridge_bytes() { cat "/sys/class/net/xenbr0/statistics/$1_bytes"; }
more_than() { test "$(bridge_bytes "$1")" -gt $(($2 + $3)); } # rx|tx BEFORE BYTES

nothing_of_it_stays() {
    wait_until dom0 "! ls -d /sys/class/net/vif*"
    expect "netback died" kill -0 "$(cat "$WORK/netback.pid")"
    expect "the store keeps the vif" sh -c '! xenstore-list /local/domain/0/backend/vif | grep .'
    kill_group flood
    kill_group sink
}

start_netback
attach_vif "$GUEST"
flood_both_ways
destroy_guest "$GUEST"
nothing_of_it_stays

guest_with_vif "$GUEST" # with a vif line, as it is kept over a reboot
flood_both_ways
before=$(domid "$GUEST")
expect "the guest does not reboot" reboot_guest "$GUEST"
expect "it is the same guest" test "$(domid "$GUEST")" != "$before"
guest_address "$GUEST"
kill_group flood
wait_until dom0 "ping -c 1 -W 2 -q 10.9.0.2"
pings "$GUEST" "ping -c 3 -W 10 -q 10.9.0.1"
destroy_guest "$GUEST"
kill_group sink
stop_netback
