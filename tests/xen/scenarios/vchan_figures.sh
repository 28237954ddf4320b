# Our stream with itself beside libxenvchan with itself, dom0 to guest, taken in turn: medians and ratios.
# guests: pv pvh
# timeout: 400
# measures
# needs: libxenvchan_peer xenring_peer

. /lab/vchan.sh

measure_once() { # TOOL SERVER_ACTION CLIENT_ACTION LABEL: adds the first number but a count that the label printed
    options=""
    [ "$1" = libxenvchan_peer ] || options=$OURS
    start server dom0 "$(server "$1" "$options" dom0 "$GUEST") $2"
    start client "$GUEST" "$(client "$1" "$options" dom0 "$GUEST") $3"
    expect "the client failed" finish client 60
    expect "the server failed" finish server 30
    output "$4" | tail -n 1 | sed 's/^[0-9]* \([0-9.]* MB\)/\1/; s/ .*//' >> "$WORK/$1.figures"
}

median() { # TOOL
    sort -n "$WORK/$1.figures" | sed -n 3p
}

compare() { # NAME UNIT SERVER_ACTION CLIENT_ACTION LABEL: five pairs
    rm -f "$WORK"/*.figures
    for round in 1 2 3 4 5; do
        for tool in libxenvchan_peer xenring_peer; do
            measure_once "$tool" "$3" "$4" "$5"
        done
    done
    theirs=$(median libxenvchan_peer) ours=$(median xenring_peer)
    ratio=$(echo "$ours $theirs" | awk '{ printf "%.2f", $1 / $2 }')
    figure "dom0 to $GUEST, $1: libxenvchan $theirs $2, ours $ours $2: $ratio times"
}

OURS="" # spins for at most 20 us, which is too short under emulation to matter
compare "64 KiB writes, 64 KiB rings" MB/s "flood 50000000 65536" sink client
RING=""
compare "100 B writes, default rings" MB/s "flood 300000 100" sink client
compare "64 B round trip, default rings" us "ping 64 300" echo server

OURS="--spin 10000"
compare "100 B writes, default rings, ours spinning" MB/s "flood 300000 100" sink client
compare "64 B round trip, default rings, ours spinning" us "ping 64 300" echo server
