# Transfers between two sides over a vchan. A TOOL is a command that knows `listen` and `connect` and
# pipes standard input and output: "xenring vchan" or "libxenvchan_peer".

RING="--ring 65536"

vchan_path() { # SERVER_SIDE CLIENT_SIDE
    echo "/local/domain/$(domid "$1")/data/vchan/$(domid "$2")/lab"
}

server() { # TOOL OPTIONS SERVER_SIDE CLIENT_SIDE: the command line of the server
    echo "$1 listen $RING $2 $(domid "$4") $(vchan_path "$3" "$4")"
}

client() { # TOOL OPTIONS SERVER_SIDE CLIENT_SIDE: the command line of the client
    echo "$1 connect --wait 20 $2 $(domid "$3") $(vchan_path "$3" "$4")"
}

digest_of() { # BYTES SEED: what `digest` prints for this pattern
    libxenvchan_peer generate "$1" "$2" | libxenvchan_peer digest
}

expect_digest() { # LABEL BYTES SEED: the command printed the digest of this pattern
    expect "$1 did not receive what was sent" test -n "$(output "$1" | grep -x "$(digest_of "$2" "$3")")"
}

# Sends one way; the sender closes once everything was taken, and no byte may be lost by that.
one_way() { # SERVER_TOOL SERVER_SIDE CLIENT_TOOL CLIENT_SIDE BYTES SENDER, server or client
    send="set -o pipefail; libxenvchan_peer generate $5 7 |"
    receive="| libxenvchan_peer digest"
    if [ "$6" = server ]; then
        start server "$2" "$send $(server "$1" -N "$2" "$4")"
        start client "$4" "set -o pipefail; $(client "$3" "" "$2" "$4") < /dev/null $receive"
        receiver=client
    else
        start server "$2" "set -o pipefail; $(server "$1" "" "$2" "$4") < /dev/null $receive"
        start client "$4" "$send $(client "$3" -N "$2" "$4")"
        receiver=server
    fi
    expect "the client failed" finish client 120
    expect "the server failed" finish server 30
    expect_digest "$receiver" "$5" 7
}

# Sends both ways at once; afterwards the client is asked to stop, and the server ends by that.
both_ways() { # SERVER_TOOL SERVER_SIDE CLIENT_TOOL CLIENT_SIDE BYTES
    run "$2" "rm -f /tmp/digest" # before anything starts: an old one would end the wait below
    run "$4" "rm -f /tmp/digest"
    start server "$2" "libxenvchan_peer generate $5 1 | $(server "$1" "" "$2" "$4") |
        { libxenvchan_peer digest $5; touch /tmp/digest; cat; }"
    start client "$4" "libxenvchan_peer generate $5 2 | $(client "$3" "" "$2" "$4") |
        { libxenvchan_peer digest $5; touch /tmp/digest; cat; }"
    expect "the server's data did not come" wait_until "$4" "test -e /tmp/digest"
    expect "the client's data did not come" wait_until "$2" "test -e /tmp/digest"
    expect "the client is not there any more" run "$4" "killall -TERM ${3%% *}"
    expect "the client does not stop" ends client 10
    expect "the server does not notice that the client left" ends server 10
    expect_digest server "$5" 2
    expect_digest client "$5" 1
}

ends() { # LABEL SECONDS: it ends in time, with whatever status
    ends_status=0
    finish "$@" || ends_status=$?
    [ "$ends_status" != 124 ]
}

# Everything that two programs have to be able to do with each other, with dom0 in either role. With the
# guest as the server it is less, unless BYTES says otherwise: the emulator is slowest there.
exchange() { # SERVER_TOOL CLIENT_TOOL [BYTES]
    exchange_between "$1" dom0 "$2" "$GUEST" 100000000
    exchange_between "$1" "$GUEST" "$2" dom0 "${3:-10000000}"
}

exchange_between() { # SERVER_TOOL SERVER_SIDE CLIENT_TOOL CLIENT_SIDE BYTES
    both_ways "$1" "$2" "$3" "$4" "$5"
    one_way "$1" "$2" "$3" "$4" 1000003 server
    one_way "$1" "$2" "$3" "$4" 1000003 client
}
