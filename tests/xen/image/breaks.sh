# Peers that go away in the middle of a transfer. The survivor must end by itself, soon, and say why.

. /lab/vchan.sh
ENDLESS=1000000000000
DIED="the peer's process died"
DESTROYED="the peer's domain was destroyed"

# Starts a transfer that does not end by itself and waits until bytes arrive. A TOOL is one of vchan.sh's;
# both are `xenring vchan` where they are left out.
start_flow() { # SERVER_SIDE CLIENT_SIDE SENDER, server or client [SERVER_TOOL CLIENT_TOOL]
    send="set -o pipefail; libxenvchan_peer generate $ENDLESS 7 |"
    receive="< /dev/null | { head -c 1000000 > /dev/null; touch /tmp/flowing; cat > /dev/null; }"
    serve=$(server "${4:-xenring vchan}" "" "$1" "$2")
    attach=$(client "${5:-xenring vchan}" "" "$1" "$2")
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

# What breaks the flow, with a note of when.
break_flow() { # COMMAND...
    broken_at=$(hundredths)
    "$@"
}

# The survivor, which is ours, has lost its peer by an error, and says which.
expect_peer_lost() { # LABEL TEXT
    lost_status=0
    finish "$1" 15 || lost_status=$?
    noticed "$1"
    expect "the $1 ended with status $lost_status instead of 1" test "$lost_status" = 1
    expect "the $1 does not say: $2" test -n "$(output "$1" | grep -F "$2" | grep '^xenring: ')"
}

# The survivor ends and takes it for an orderly end: what a killed client of libxenvchan looks like.
expect_peer_left() { # LABEL
    expect "the $1 does not end" ends "$1" 15
    noticed "$1"
    expect "the $1 complains" test -z "$(output "$1" | grep '^xenring: ')"
}

noticed() { # LABEL
    figure "the $1 in $(cat "$WORK/$1.side") ended $((($(hundredths) - broken_at) * 10)) ms after the break"
}

hundredths() { # of seconds since the machine was started
    read -r hundredths_now _ < /proc/uptime
    echo "${hundredths_now%.*}${hundredths_now#*.}"
}

other() { # server or client
    if [ "$1" = server ]; then echo client; else echo server; fi
}
