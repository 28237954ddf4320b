#!/usr/bin/env bash
# Xen's own libxenvchan, unmodified, with ours, on the stand-in: libxenvchan_test.sh NAME.
# $XENRING is our command, $PEER a small program on libxenvchan.
source "$(dirname "$0")/stand_in.sh"

ours() { exec "$XENRING" --domid "$1" vchan "${@:2}"; }
theirs() { exec "$XENRING" --domid "$1" run -- "$PEER" "${@:2}"; }
server_path=/local/domain/1/data/vchan/2

# transfer SERVER CLIENT: both sides send a file at once, each is `ours` or `theirs`.
transfer() { # LISTEN-SIDE CONNECT-SIDE BYTES [--ring L:R]
    local listen=$1 connect=$2 bytes=$3 name=t$RANDOM
    shift 3
    random_file up "$bytes"
    (if [[ $listen == ours ]]; then ours 1 listen "$@" 2 $name; else
        theirs 1 listen "$@" 2 data/vchan/2/$name; fi </dev/null >"$work/up.out" \
        2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 $name
    (if [[ $connect == ours ]]; then ours 2 connect -N 1 $name; else
        theirs 2 connect -N 1 $server_path/$name; fi <"$work/up" >/dev/null \
        2>"$work/client.log") &
    expect_status $! 0 "client ($connect)"
    expect_status $server 0 "server ($listen)"
    expect_same up up.out
}

theirs_with_theirs() { transfer theirs theirs 20000000; }
ours_listens_theirs_connects() { transfer ours theirs 100000000; }
theirs_listens_ours_connects() { transfer theirs ours 100000000; }

every_ring_size_ours_listens() { every_ring_size ours theirs; }
every_ring_size_theirs_listens() { every_ring_size theirs ours; }
every_ring_size() {
    local sizes
    for sizes in 1024:1024 1024:2048 2048:1024 2048:2048 1025:1024 4096:4096 1024:4096 \
        4096:2048 2049:2049 65536:65536 1048576:1048576; do
        transfer "$1" "$2" 300000 --ring $sizes
    done
    # More than 1 MiB is refused by both, before anything is announced.
    local status=0
    ("$1" 1 listen --ring 1048577:1024 2 toolarge </dev/null 2>"$work/refused.log") || status=$?
    ((status != 0)) || fail "1 MiB + 1 was accepted"
}

both_ways_at_once() {
    random_file up 30000000
    random_file down 30000000
    mkfifo "$work/hold"
    (ours 1 listen -N 2 both <"$work/down" >"$work/up.out" 2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 both
    # The client holds its end open until the server has taken all.
    ({ cat "$work/up"; eventually "up" cmp "$work/up" "$work/up.out"; } |
        theirs 2 connect 1 $server_path/both >"$work/down.out" 2>"$work/client.log") &
    local client=$!
    expect_status $server 0 "server"
    wait $client || true # libxenvchan may lose what is behind a close; ours has closed last
    expect_same down down.out
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

# A side is killed; the other one must end by itself.
kill_one() { # LISTEN-SIDE CONNECT-SIDE VICTIM
    local name=k$RANDOM
    hold_open
    (if [[ $1 == ours ]]; then ours 1 listen 2 $name; else
        theirs 1 listen 2 data/vchan/2/$name; fi <"$work/open" >/dev/null \
        2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 $name
    (if [[ $2 == ours ]]; then ours 2 connect 1 $name; else
        theirs 2 connect 1 $server_path/$name; fi <"$work/open" >/dev/null \
        2>"$work/client.log") &
    local client=$!
    eventually "connected" connected
    sleep 0.1
    kill -KILL "${!3}"
    local survivor=$client
    [[ $3 == server ]] || survivor=$server
    wait $survivor || true
}
connected() { "$XENRING" status | awk '$1 == 2 && $5 > 0 { found = 1 } END { exit !found }'; }

their_killed_client_is_noticed() {
    kill_one ours theirs client
    expect_nothing_left
}

their_killed_server_is_noticed() {
    kill_one theirs ours server
    expect_said "$work/client.log" "process died"
    expect_nothing_left 3
}

our_killed_server_is_noticed_by_them() {
    kill_one ours theirs server
    expect_nothing_left 3
}

run_named_test "$@"
