# xl network-attach and network-detach 20 times in a row: each time the guest gets a working interface, and
# nothing of it stays.
# guests: pv
# timeout: 600
# needs: xenring

. /lab/net.sh
if xenstore-exists "/local/domain/$(domid "$GUEST")/device/vif/0"; then # left by a scenario that failed
    destroy_guest "$GUEST"
    ensure_guest "$GUEST"
fi
start_netback
for round in $(seq 20); do
    run dom0 "xl network-attach $(domid "$GUEST") mac=00:16:3e:00:09:02 bridge=xenbr0 script=vif-lab"
    wait_until "$GUEST" "test -e /sys/class/net/eth0"
    guest_address "$GUEST"
    run dom0 "ping -c 1 -W 10 -q 10.9.0.2"
    run dom0 "xl network-detach $(domid "$GUEST") 0"
    wait_until "$GUEST" "! test -e /sys/class/net/eth0"
    expect "a TAP is left over" no_vifs
done
stop_netback
guest_is_content
