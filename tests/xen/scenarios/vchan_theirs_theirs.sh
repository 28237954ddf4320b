# Xen's libxenvchan with itself: proves the lab before ours is held against it.
# guests: pv pvh
# timeout: 600
# needs: libxenvchan_peer

. /lab/vchan.sh
exchange libxenvchan_peer libxenvchan_peer
