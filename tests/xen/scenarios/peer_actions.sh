# The actions of libxenvchan_peer that other scenarios rely on, over default rings.
# guests: pv pvh
# timeout: 90
# needs: libxenvchan_peer

. /lab/vchan.sh
RING=""

act() { # SERVER_ACTION CLIENT_ACTION, with the guest as the client
    start server dom0 "$(server libxenvchan_peer "" dom0 "$GUEST") $1"
    start client "$GUEST" "$(client libxenvchan_peer "" dom0 "$GUEST") $2"
    expect "the client failed" finish client
    expect "the server failed" finish server
}

act "send 300001 5" "receive"
expect "wrong bytes came" test "$(output client | cut -d ' ' -f 1,2)" = "$(digest_of 300001 5)"

act "receive-packets 700 100" "send-packets 700 100 9"
expect_digest server 70000 9

act "echo" "ping 64 50"
expect "no round trip time" test -n "$(output client | grep 'us median')"

act "receive" "dump"
expect "the control page is wrong" test "$(output client | grep order)" = "left_order 10
right_order 11"
