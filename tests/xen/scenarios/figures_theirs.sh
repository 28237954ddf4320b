# libxenvchan with itself, dom0 to guest: what our figures are divided by. Each is taken three times.
# guests: pv pvh
# timeout: 400
# needs: libxenvchan_peer

. /lab/vchan.sh

measure() { # NAME SERVER_ACTION CLIENT_ACTION LABEL: shows what that label printed
    for round in 1 2 3; do
        start server dom0 "$(server libxenvchan_peer "" dom0 "$GUEST") $2"
        start client "$GUEST" "$(client libxenvchan_peer "" dom0 "$GUEST") $3"
        expect "the client failed" finish client 120
        expect "the server failed" finish server 30
        figure "libxenvchan, dom0 to $GUEST, $1: $(output "$4" | tail -n 1)"
    done
}

measure "64 KiB writes, 64 KiB rings" "send 100000000 1 65536" receive client
RING=""
measure "100 B writes, default rings" "send 500000 1 100" receive client
measure "64 B round trip" "ping 64 500" echo server
