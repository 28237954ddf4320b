# Our stream and libxenvchan, each with itself and with the other, dom0 to guest, taken in turn: medians, and
# how many times libxenvchan's with itself that is.
# guests: pv pvh
# timeout: 400
# measures
# needs: libxenvchan_peer xenring_peer

. /lab/vchan.sh

theirs=libxenvchan_peer ours=xenring_peer

name_of() { # TOOL
    if [ "$1" = $theirs ]; then echo libxenvchan; else echo ours; fi
}

# Adds the first number but a count that the label printed.
measure_once() { # SERVER_TOOL CLIENT_TOOL SERVER_ACTION CLIENT_ACTION LABEL
    start server dom0 "$(server "$1" "" dom0 "$GUEST") $3"
    start client "$GUEST" "$(client "$2" "" dom0 "$GUEST") $4"
    expect "the client failed" finish client 60
    expect "the server failed" finish server 30
    output "$5" | tail -n 1 | sed 's/^[0-9]* \([0-9.]* MB\)/\1/; s/ .*//' >> "$WORK/$1.$2.figures"
}

median() { # SERVER_TOOL CLIENT_TOOL
    sort -n "$WORK/$1.$2.figures" | sed -n 3p
}

# Five times each pair in turn.
compare_pairs() { # PAIRS NAME UNIT SERVER_ACTION CLIENT_ACTION LABEL; a pair is SERVER_TOOL:CLIENT_TOOL
    rm -f "$WORK"/*.figures
    for round in 1 2 3 4 5; do
        for pair in $1; do
            measure_once "${pair%:*}" "${pair#*:}" "$4" "$5" "$6"
        done
    done
    base=$(median $theirs $theirs)
    for pair in $1; do
        median=$(median "${pair%:*}" "${pair#*:}")
        ratio=$(echo "$median $base" | awk '{ printf "%.2f", $1 / $2 }')
        ends="$(name_of "${pair%:*}") serves $(name_of "${pair#*:}")"
        figure "dom0 to $GUEST, $2: $ends: $median $3, $ratio times"
    done
}

compare() { # NAME UNIT SERVER_ACTION CLIENT_ACTION LABEL: each with itself
    compare_pairs "$theirs:$theirs $ours:$ours" "$@"
}

compare_mixed() { # the same, and each with the other
    compare_pairs "$theirs:$theirs $ours:$ours $ours:$theirs $theirs:$ours" "$@"
}

# Neither spins: an end with one CPU does not.
compare_mixed "64 KiB writes, 64 KiB rings" MB/s "flood 50000000 65536" sink client
RING=""
compare "100 B writes, default rings" MB/s "flood 300000 100" sink client
compare_mixed "64 B round trip, default rings" us "ping 64 300" echo server
