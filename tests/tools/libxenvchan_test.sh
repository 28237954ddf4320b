#!/usr/bin/env bash
# libxenvchan_test.sh NAME: bytes to and from libxenvchan, packets, full rings, paths, events.
source "$(dirname "$0")/with_libxenvchan.sh"

# Each side sends a pattern of its own at the same time, and each gets the other's. The client closes:
# once it has everything itself (its input is held open until then) and the server has, too (-N).
transfer() { # LISTEN-SIDE CONNECT-SIDE BYTES [--ring L:R]; a side is `ours` or `theirs`
    local listen=$1 connect=$2 bytes=$3 name=t$RANDOM
    shift 3
    rm -f "$work"/*.digest
    ("$PEER" generate "$bytes" 1 | if [[ $listen == ours ]]; then ours 1 listen "$@" 2 $name; else
        theirs 1 listen "$@" 2 data/vchan/2/$name; fi 2>"$work/server.log" |
        "$PEER" digest >"$work/server.digest") &
    local server=$!
    eventually "announced" announced 1 2 $name
    ({ "$PEER" generate "$bytes" 2 && until [[ -s $work/client.digest ]]; do sleep 0.02; done; } |
        if [[ $connect == ours ]]; then ours 2 connect -N 1 $name; else
            theirs 2 connect -N 1 $server_path/$name; fi 2>"$work/client.log" |
        { "$PEER" digest "$bytes" >"$work/client.digest" && "$PEER" digest >"$work/more.digest"; }) &
    expect_status $! 0 "client ($connect)"
    expect_status $server 0 "server ($listen)"
    expect_digest server "$bytes" 2
    expect_digest client "$bytes" 1
    expect_digest more 0 0
}
expect_digest() { # FILE BYTES SEED
    [[ $(<"$work/$1.digest") == $("$PEER" generate "$2" "$3" | "$PEER" digest) ]] ||
        fail "the $1's bytes differ"
}

both_ways_at_once_theirs_with_theirs() { transfer theirs theirs 20000000; }
both_ways_at_once_ours_listens() { transfer ours theirs $((1 << 30)) --ring 65536:65536; }
both_ways_at_once_theirs_listens() { transfer theirs ours $((1 << 30)) --ring 65536:65536; }

every_ring_size_ours_listens() { every_ring_size ours theirs; }
every_ring_size_theirs_listens() { every_ring_size theirs ours; }
every_ring_size() {
    local sizes
    for sizes in 0:0 1024:1024 1024:2048 2048:1024 2048:2048 1025:1024 4096:4096 1024:4096 \
        4096:2048 2049:2049 65536:65536 1048576:1048576; do
        transfer "$1" "$2" 300000 --ring $sizes
    done
    # More than 1 MiB is refused by both, before anything is announced.
    local path=toolarge status=0 text='"1048577:1024" is not LEFT[:RIGHT], each a number of bytes up to 1M'
    [[ $1 == ours ]] || path=data/vchan/2/$path text="no channel with domain 2 at $path"
    ("$1" 1 listen --ring 1048577:1024 2 $path </dev/null 2>"$work/refused.log") || status=$?
    ((status != 0)) || fail "1 MiB + 1 was accepted"
    expect_said "$work/refused.log" "$text"
    expect_nothing_left
}

packets_of_exactly_the_ring() {
    # 2048 is the whole ring that a server of libxenvchan sends through by default.
    (theirs 1 listen --ring 1024:2048 2 data/vchan/2/packets send-packets 2048 200 7 \
        </dev/null >"$work/server.out" 2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 packets
    (ours 2 connect 1 packets </dev/null >"$work/packets" 2>"$work/client.log") &
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    [[ $(stat -c %s "$work/packets") == $((2048 * 200)) ]] || fail "bytes are missing"
    [[ $("$PEER" generate $((2048 * 200)) 7 | sha256sum) == $(sha256sum <"$work/packets") ]] ||
        fail "the bytes differ"
}

# libxenvchan with itself waits for ever where packets of 600 bytes go through a ring of 1024 to a
# receiver of 700: a stream gives and takes what fits.
packets_that_deadlock_libxenvchan_do_not_with_ours() {
    (ours 1 listen --ring 1024:2048 2 odd </dev/null >"$work/packets" 2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 odd
    (theirs 2 connect 1 $server_path/odd send-packets 600 700 7 >/dev/null 2>"$work/client.log") &
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    [[ $("$PEER" digest <"$work/packets") == $("$PEER" generate 420000 7 | "$PEER" digest) ]] ||
        fail "the packets differ"
    (theirs 1 listen --ring 1024:2048 2 data/vchan/2/odd receive-packets 700 600 \
        >"$work/received" 2>"$work/server.log") &
    server=$!
    eventually "announced" announced 1 2 odd
    (ours 2 connect -N 1 odd <"$work/packets" >/dev/null 2>"$work/client.log") &
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    [[ $(<"$work/received") == $("$PEER" digest <"$work/packets") ]] || fail "the stream differs"
}

early_server_write() {
    (printf 'early' | ours 1 listen -N 2 early >/dev/null 2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 early
    sleep 0.2
    (theirs 2 connect 1 $server_path/early </dev/null >"$work/out" 2>"$work/client.log") &
    local client=$!
    expect_status $server 0 "server"
    wait $client || true
    [[ $(<"$work/out") == early ]] || fail "the early bytes are missing"
}

# What fits into no ring is refused by libxenvchan, and nothing of it comes.
packets_larger_than_the_ring() {
    local server
    (theirs 1 listen --ring 1024:2048 2 data/vchan/2/large send-packets 2049 1 7 </dev/null \
        >/dev/null 2>"$work/server.log") &
    expect_status $! 1 "a server that sends 2049 bytes through 2048"
    expect_said "$work/server.log" "a packet could not be sent"

    (ours 1 listen --ring 1024:2048 2 large </dev/null >"$work/large" 2>"$work/server.log") &
    server=$!
    eventually "announced" announced 1 2 large
    (theirs 2 connect 1 $server_path/large send-packets 1025 1 7 >/dev/null \
        2>"$work/client.log") &
    expect_status $! 1 "client"
    expect_status $server 0 "server"
    expect_said "$work/client.log" "a packet could not be sent"
    [[ ! -s $work/large ]] || fail "a part of the packet came"

    # The largest that fits does fit, with the ring empty.
    (theirs 1 listen --ring 1024:2048 2 data/vchan/2/large receive-packets 1024 3 </dev/null \
        >"$work/received" 2>"$work/server.log") &
    server=$!
    eventually "announced" announced 1 2 large
    "$PEER" generate 3072 7 >"$work/packets"
    (ours 2 connect -N 1 large <"$work/packets" >/dev/null 2>"$work/client.log") &
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    [[ $(<"$work/received") == $("$PEER" digest <"$work/packets") ]] || fail "the packets differ"
    expect_nothing_left
}

# A packet of nothing is sent and is taken at once, and nothing comes of it.
packets_of_nothing() {
    local action
    for action in "send-packets 0 3 7" "receive-packets 0 3"; do
        hold_open
        (ours 1 listen 2 none <"$work/open" >"$work/taken" 2>"$work/server.log") &
        local server=$!
        eventually "announced" announced 1 2 none
        # shellcheck disable=SC2086 # several words on purpose
        (theirs 2 connect 1 $server_path/none $action >"$work/said" 2>"$work/client.log") &
        expect_status $! 0 "client"
        expect_status $server 0 "server"
        [[ ! -s $work/taken ]] || fail "something came"
        expect_nothing_left
        rm "$work/open"
    done
    [[ $(<"$work/said") == $(: | "$PEER" digest) ]] || fail "something was received"
}

# The reader is stopped until the writer sleeps on a full ring; then everything comes.
a_full_ring_drains() {
    local writer_role pair name bytes=3000000
    for pair in "ours theirs" "theirs ours"; do
        for writer_role in server client; do
            # shellcheck disable=SC2086 # two words on purpose
            set -- $pair
            name=d$RANDOM
            fill_and_drain "$1" "$2" $writer_role
        done
    done
    expect_nothing_left
}
fill_and_drain() { # LISTEN-SIDE CONNECT-SIDE WRITER
    local -A process
    local role side path words domain
    "$PEER" generate $bytes 7 >"$work/all"
    for role in server client; do
        if [[ $role == server ]]; then
            side=$1 domain=1 words="listen $rings 2" path=data/vchan/2/$name
        else
            eventually "announced" announced 1 2 $name
            side=$2 domain=2 words="connect 1" path=$server_path/$name
        fi
        [[ $side == theirs ]] || path=$name
        # shellcheck disable=SC2086 # several words on purpose
        if [[ $role == "$3" ]]; then
            # The writer's input is held back until the reader is stopped.
            rm -f "$work/held" && mkfifo "$work/held"
            exec 3<>"$work/held" # for both, so that opening waits for nobody
            ("$side" $domain ${words/ / -N } "$path" <"$work/held" >/dev/null \
                2>"$work/$role.log" 3>&-) &
        else
            ("$side" $domain $words "$path" </dev/null >"$work/taken" 2>"$work/$role.log" \
                3>&-) &
        fi
        process[$role]=$!
    done
    local reader=client
    [[ $3 == server ]] || reader=server
    eventually "connected" connected
    kill -STOP "${process[$reader]}"
    eventually "the reader is stopped" stopped "${process[$reader]}"
    cat "$work/all" >&3 &
    exec 3>&-
    eventually "the writer sleeps on a full ring" blocked "${process[$3]}"
    [[ ! -s $work/taken ]] || fail "a stopped process has written"
    kill -CONT "${process[$reader]}"
    expect_status "${process[$3]}" 0 "the writer"
    expect_status "${process[$reader]}" 0 "the reader"
    expect_same all taken
}

# 49 bytes of base path are the most that libxenvchan can put into its 64 bytes with a key's name.
the_longest_base_path() {
    local base=/local/domain/1/data/vchan/2/12345678901234567890 pair
    ((${#base} == 49)) || fail "the path has ${#base} bytes"
    for pair in "ours theirs" "theirs ours"; do
        # shellcheck disable=SC2086 # two words on purpose
        set -- $pair
        over_base "$1" "$2" $base
        ! grep -q "49 bytes" "$work/server.log" || fail "a warning where none is due"
    done
    over_base ours ours ${base}x
    expect_said "$work/server.log" "cannot name a path over 49 bytes"
    expect_nothing_left
    # And what the warning is about.
    hold_open
    (ours 1 listen 2 ${base}x <"$work/open" >/dev/null 2>"$work/server.log") &
    local server=$!
    eventually "announced" store xenstore-exists ${base}x/event-channel
    (theirs 2 connect 1 ${base}x </dev/null >/dev/null 2>"$work/client.log") &
    expect_status $! 1 "libxenvchan's client"
    kill -TERM $server
    expect_status $server 143 "server"
    expect_nothing_left
}
over_base() { # LISTEN-SIDE CONNECT-SIDE BASE
    random_file up 100000
    ("$1" 1 listen $rings 2 "$3" </dev/null >"$work/taken" 2>"$work/server.log") &
    local server=$!
    eventually "announced" store xenstore-exists "$3/event-channel"
    ("$2" 2 connect -N 1 "$3" <"$work/up" >/dev/null 2>"$work/client.log") &
    expect_status $! 0 "client ($2)"
    expect_status $server 0 "server ($1)"
    expect_same up taken
}

# Outside of `xenring run`, with no stand-in: what the program is told to be started with, is right.
without_a_stand_in_it_says_what_works() {
    local words
    ! LD_LIBRARY_PATH=${XENRING%/*}/../compat XENRING_HYPERVISOR=local:$work/none \
        "$PEER" listen 2 data/vchan/2/none </dev/null >/dev/null 2>"$work/advice.log" ||
        fail "it runs"
    words=$(sed -n '/.*start programs with: xenring /{s///p;q}' "$work/advice.log")
    [[ $words == *" N "*"-- PROGRAM" ]] || fail "no advice: $words"
    words=${words/ N / 1 }
    # shellcheck disable=SC2086 # words on purpose
    [[ $("$XENRING" ${words/PROGRAM/echo it runs}) == "it runs" ]] || fail "xenring $words fails"
}

# The same messages in the same steps: each is written when the one before was read, and read when
# it is there. Nobody ever sleeps on the other, so every event is one too many.
events_for_the_same_bytes() {
    local sender theirs_sent ours_sent
    for sender in server client; do
        count_events "$PEER" $sender
        theirs_sent=$counted
        count_events "$OUR_PEER" $sender
        ours_sent=$counted
        echo "1000 messages of the $sender: libxenvchan $theirs_sent events, ours $ours_sent"
        ((theirs_sent >= 500)) || fail "libxenvchan's events are not counted"
        # Connecting, closing, and the answers to the bits that are set from the start.
        ((ours_sent <= 10)) || fail "ours sends events that nobody needs"
    done
}
count_events() { # PROGRAM SENDER: in $counted
    local role action name=e$RANDOM process=()
    rm -f "$work"/to_*
    mkfifo "$work/to_server" "$work/to_client"
    for role in server client; do
        action="step-receive 1000"
        [[ $role != "$2" ]] || action="step-send 64 1000"
        # Opened for reading and writing, a fifo waits for nobody.
        # shellcheck disable=SC2086 # several words on purpose
        if [[ $role == server ]]; then
            (exec "$XENRING" --domid 1 run -- "$1" listen --ring 65536:65536 --events 2 \
                $server_path/$name $action 0<>"$work/to_server" 1<>"$work/to_client" \
                2>"$work/server.log") &
            eventually "announced" announced 1 2 $name
        else
            (exec "$XENRING" --domid 2 run -- "$1" connect --events 1 $server_path/$name $action \
                0<>"$work/to_client" 1<>"$work/to_server" 2>"$work/client.log") &
        fi
        process+=($!)
    done
    expect_status "${process[0]}" 0 "server"
    expect_status "${process[1]}" 0 "client"
    counted=$(cat "$work/server.log" "$work/client.log" |
        awk '/^[0-9]+ events$/ { sum += $1; ++lines } END { print lines == 2 ? sum : -1 }')
    ((counted >= 0)) || fail "no events were counted"
}

run_named_test "$@"
