# A guest with libxenvchan in it is destroyed while bytes flow: ours, in dom0, is told nothing and must notice.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/breaks.sh
for sender in server client; do
    start_flow dom0 "$GUEST" "$sender" "xenring vchan" libxenvchan_peer
    break_flow destroy_guest "$GUEST"
    expect_peer_lost server "$DESTROYED"
    ensure_guest "$GUEST"

    start_flow "$GUEST" dom0 "$sender" libxenvchan_peer "xenring vchan"
    break_flow destroy_guest "$GUEST"
    expect_peer_lost client "$DESTROYED"
    ensure_guest "$GUEST"
done
