# Our server with our client.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/vchan.sh
exchange "xenring vchan" "xenring vchan" 100000000
