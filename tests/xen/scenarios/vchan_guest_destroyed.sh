# A guest is destroyed while bytes flow, in either direction and either role: no event tells dom0.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/breaks.sh
senders="server client"
[ "$GUEST" = pv ] || senders=client # booting a guest is what takes the time; PV has both
for sender in $senders; do
    start_flow dom0 "$GUEST" "$sender"
    break_flow destroy_guest "$GUEST"
    expect_peer_lost server "$DESTROYED"
    ensure_guest "$GUEST"

    start_flow "$GUEST" dom0 "$sender"
    break_flow destroy_guest "$GUEST"
    expect_peer_lost client "$DESTROYED"
    ensure_guest "$GUEST"
done
