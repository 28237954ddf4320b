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
    attach_vif "$GUEST"
    pings dom0 "ping -c 1 -W 10 -q 10.9.0.2"
    expect "no rings are mapped" maps_grants
    [ "$round" != 1 ] || expect "Xen's tables show no grant of a vif" test "$(active_grants)" -gt 0
    detach_vif "$GUEST"
    expect "a TAP is left over" no_vifs
    [ "$round" != 1 ] || first=$(holdings)
done
expect "after the first guest: $first; after the last: $(holdings)" test "$first" = "$(holdings)"
echo "netback holds $first"
stop_netback
guest_is_content
