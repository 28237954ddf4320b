# Our stream and libxenvchan, each with itself and with the other, dom0 to guest, taken in turn: medians, and
# how many times libxenvchan's with itself that is. "ours" sleeps after the default's 50 us without work,
# "spinning" after a millisecond.
# guests: pv pvh
# timeout: 600
# measures
# needs: libxenvchan_peer xenring_peer

. /lab/vchan.sh

tool_of() { # CONTENDER
    if [ "$1" = libxenvchan ]; then echo libxenvchan_peer; else echo xenring_peer; fi
}

options_of() { # CONTENDER
    if [ "$1" = spinning ]; then echo "--spin 1000"; fi
}

# Adds the first number but a count that the label printed.
measure_once() { # SERVER CLIENT SERVER_ACTION CLIENT_ACTION LABEL, server and client being contenders
    start server dom0 "$(server "$(tool_of "$1")" "$(options_of "$1")" dom0 "$GUEST") $3"
    start client "$GUEST" "$(client "$(tool_of "$2")" "$(options_of "$2")" dom0 "$GUEST") $4"
    expect "the client failed" finish client 60
    expect "the server failed" finish server 30
    output "$5" | tail -n 1 | sed 's/^[0-9]* \([0-9.]* MB\)/\1/; s/ .*//' >> "$WORK/$1.$2.figures"
}

median() { # SERVER CLIENT
    sort -n "$WORK/$1.$2.figures" | sed -n 3p
}

# Five times each pair in turn; the first pair is the measure.
compare() { # PAIRS NAME UNIT SERVER_ACTION CLIENT_ACTION LABEL; a pair is SERVER:CLIENT
    rm -f "$WORK"/*.figures
    for round in 1 2 3 4 5; do
        for pair in $1; do
            measure_once "${pair%:*}" "${pair#*:}" "$4" "$5" "$6"
        done
    done
    base=$(median libxenvchan libxenvchan)
    for pair in $1; do
        median=$(median "${pair%:*}" "${pair#*:}")
        ratio=$(echo "$median $base" | awk '{ printf "%.2f", $1 / $2 }')
        figure "dom0 to $GUEST, $2: ${pair%:*} serves ${pair#*:}: $median $3, $ratio times"
    done
}

themselves="libxenvchan:libxenvchan ours:ours spinning:spinning"
each_other="ours:libxenvchan libxenvchan:ours"
compare "$themselves $each_other" "64 KiB writes, 64 KiB rings" MB/s "flood 50000000 65536" sink client
RING=""
compare "$themselves" "64 KiB writes, default rings" MB/s "flood 20000000 65536" sink client
compare "$themselves" "100 B writes, default rings" MB/s "flood 300000 100" sink client
compare "$themselves $each_other" "64 B round trip, default rings" us "ping 64 300" echo server
