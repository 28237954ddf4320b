# A stock Linux guest with a plain vif line gets its network from our netback: ping both ways, all sizes.
# guests: pv pvh
# timeout: 300
# needs: xenring

. /lab/net.sh
start_netback
guest_with_vif "$GUEST"
for size in 56 1000 1472 1473 4000 20000 60000; do
    run dom0 "ping -c 2 -W 10 -s $size 10.9.0.2"
    run "$GUEST" "ping -c 2 -W 10 -s $size 10.9.0.1"
done
run dom0 "ping -c 200 -i 0.01 -W 10 -q 10.9.0.2"
statistics
destroy_guest "$GUEST"
stop_netback
expect "the store keeps a vif" sh -c "! xenstore-exists /local/domain/0/backend/vif || test -z \"\$(xenstore-list /local/domain/0/backend/vif)\""
expect "an event channel is left over" sh -c "! lsevtchn 0 | grep -i 'remote_domain = [1-9]' | grep -v VIRQ | tail -n 3 | grep xenring"
