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

# Our streams notice a peer's end within a second. To that comes what the machine takes to run anything at
# all: little with KVM, and under emulation several times as much as it would otherwise.
if [ -e /lab/emulated ]; then notice_within=5000; else notice_within=2000; fi # ms

# What breaks the flow, with a note of when it was done, and how long the lab took to do it.
break_flow() { # COMMAND...
    break_began=$(milliseconds)
    "$@"
    broken_at=$(milliseconds)
    break_took=$((broken_at - break_began))
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

# To hear of an end in a guest takes the lab about as long as to have something done there.
noticed() { # LABEL
    notice_took=$(($(milliseconds) - broken_at))
    figure "the $1 in $(cat "$WORK/$1.side") ended within $notice_took ms of a break that took $break_took ms"
    expect "the $1 took more than $notice_within ms to notice" \
        test "$notice_took" -le $((notice_within + break_took))
}

milliseconds() { # since the machine was started
    read -r milliseconds_now _ < /proc/uptime
    echo "${milliseconds_now%.*}${milliseconds_now#*.}0"
}

other() { # server or client
    if [ "$1" = server ]; then echo client; else echo server; fi
}
