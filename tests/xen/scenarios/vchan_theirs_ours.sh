# libxenvchan's server with our client.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/vchan.sh
exchange libxenvchan_peer "xenring vchan"
