# Our server with our client.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/vchan.sh
bytes=100000000
[ "$GUEST" = pv ] || bytes=10000000 # emulation is four times as slow there
exchange "xenring vchan" "xenring vchan" "$bytes"
