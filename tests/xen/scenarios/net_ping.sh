# A stock Linux guest with a plain vif line gets its network from our netback: ping both ways, all sizes.
# guests: pv pvh
# timeout: 300
# needs: xenring

. /lab/net.sh
destroy_guest "$GUEST"
channels=$(lsevtchn 0 | wc -l)
start_netback
guest_with_vif "$GUEST"
ping_all_sizes
statistics
destroy_guest "$GUEST"
stop_netback
expect "the store keeps a vif" sh -c "! xenstore-exists /local/domain/0/backend/vif || test -z \"\$(xenstore-list /local/domain/0/backend/vif)\""
expect "an event channel is left over" test "$(lsevtchn 0 | wc -l)" -le "$channels"
