# Peers that go away in the middle of a transfer. Both ends are `xenring vchan`; the survivor must end by
# itself, soon, with exit status 1 and a message.

. /lab/vchan.sh
ENDLESS=1000000000000

# Starts a transfer that does not end by itself and waits until bytes arrive.
start_flow() { # SERVER_SIDE CLIENT_SIDE SENDER, server or client
    send="set -o pipefail; libxenvchan_peer generate $ENDLESS 7 |"
    receive="< /dev/null | { head -c 1000000 > /dev/null; touch /tmp/flowing; cat > /dev/null; }"
    serve=$(server "xenring vchan" "" "$1" "$2")
    attach=$(client "xenring vchan" "" "$1" "$2")
    run "$1" "rm -f /tmp/flowing"
    run "$2" "rm -f /tmp/flowing"
    if [ "$3" = server ]; then
        start server "$1" "$send $serve"
        start client "$2" "set -o pipefail; $attach $receive"
        wait_until "$2" "test -e /tmp/flowing"
    else
        start server "$1" "set -o pipefail; $serve $receive"
        start client "$2" "$send $attach"
        wait_until "$1" "test -e /tmp/flowing"
    fi
}

expect_peer_lost() { # LABEL: of the survivor
    lost_status=0
    finish "$1" 15 || lost_status=$?
    expect "the $1 ended with status $lost_status instead of 1" test "$lost_status" = 1
    expect "the $1 does not say what happened" test -n "$(output "$1" | grep '^xenring: ')"
}

other() { # server or client
    if [ "$1" = server ]; then echo client; else echo server; fi
}
