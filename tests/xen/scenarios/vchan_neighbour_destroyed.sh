# A guest is destroyed while it talks to another guest: the survivor has no privilege to help it notice.
# guests: pvh
# timeout: 400
# needs: xenring libxenvchan_peer

. /lab/breaks.sh
for sender in server client; do
    ensure_guest pv
    start_flow "$GUEST" pv "$sender"
    break_flow destroy_guest pv
    expect_peer_lost server "$DESTROYED"
done
