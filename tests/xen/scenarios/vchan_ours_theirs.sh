# Our server with libxenvchan's client.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/vchan.sh
exchange "xenring vchan" libxenvchan_peer
