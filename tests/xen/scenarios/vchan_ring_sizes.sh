# Ring sizes that libxenvchan can emit, by either side's server: in the control page, one page, the most.
# guests: pv pvh
# timeout: 300
# needs: xenring libxenvchan_peer

. /lab/vchan.sh

for sizes in 1024:2048 2048:1024 4096:4096 1024:65536 1048576:1048576; do
    RING="--ring $sizes"
    one_way "xenring vchan" dom0 libxenvchan_peer "$GUEST" 300007 server
    one_way libxenvchan_peer "$GUEST" "xenring vchan" dom0 300007 server
done
