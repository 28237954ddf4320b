#!/usr/bin/env bash
# libxenvchan_ends_test.sh NAME: libxenvchan or ours is killed, and others come after it.
source "$(dirname "$0")/with_libxenvchan.sh"

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
    if [[ $3 == server ]]; then
        expect_survivor $client client "$2" "$1" idle
    else
        expect_survivor $server server "$1" "$2" idle
    fi
}

their_killed_client_is_noticed() {
    kill_one ours theirs client
    expect_nothing_left
}

their_killed_server_is_noticed() {
    kill_one theirs ours server
    expect_nothing_left 3
}

our_killed_server_is_noticed_by_them() {
    kill_one ours theirs server
    expect_nothing_left 3
}

# A killed process with bytes under way. The writer pours the pattern without an end.
endless=1000000000000

start_side() { # ROLE(server or client) SIDE WRITES(or not) NAME: its process in $started
    local path=data/vchan/2/$4
    [[ $1 == server ]] || path=/local/domain/1/$path
    local domain=1 words="listen $rings 2"
    [[ $1 == server ]] || { domain=2; words="connect 1"; }
    # shellcheck disable=SC2086 # several words on purpose
    if [[ $3 == writes && $2 == ours ]]; then
        (ours $domain $words "$4" < <(exec "$PEER" generate $endless 7 2>/dev/null) \
            >/dev/null 2>"$work/$1.log") &
    elif [[ $3 == writes ]]; then
        (theirs $domain $words "$path" send $endless 7 </dev/null >/dev/null \
            2>"$work/$1.log") &
    elif [[ $2 == ours ]]; then
        (ours $domain $words "$4" <"$work/open" >"$work/taken" 2>"$work/$1.log") &
    else
        (theirs $domain $words "$path" <"$work/open" >"$work/taken" 2>"$work/$1.log") &
    fi
    started=$!
}

flows() { (($(stat -c %s "$work/taken") > 1000000)); }

expect_taken_is_a_prefix() { # LEAST-BYTES
    local size
    size=$(stat -c %s "$work/taken")
    ((size >= $1)) || fail "only $size bytes came"
    "$PEER" generate "$size" 7 | cmp - "$work/taken" || fail "the bytes that came are wrong"
}

# The end of the survivor: a stream of ours that loses a server, or one of ours, has lost a process
# that died. A killed libxenvchan client looks as one that closed.
expect_survivor() { # PROCESS ROLE SIDE VICTIM-SIDE STATE(writes, reads or idle)
    local status=0
    wait "$1" || status=$?
    case $3.$4.$2.$5 in
    ours.ours.* | ours.theirs.client.*)
        [[ $status == 1 ]] || fail "our $2 ended with $status, not 1"
        expect_said "$work/$2.log" "process died"
        ;;
    ours.theirs.server.*)
        [[ $status == 0 ]] || fail "our server ended with $status, not 0"
        ;;
    theirs.*.writes)
        [[ $status == 1 ]] || fail "their $2 ended with $status, not 1"
        expect_said "$work/$2.log" "the peer closed before it took everything"
        ;;
    *)
        [[ $status == 0 ]] || fail "their $2 ended with $status, not 0"
        ;;
    esac
}

# Clients of ours that are killed leave them: see docs/vchan-wire.md.
remove_signs() {
    local each
    for each in $(store xenstore-list /local/domain/2/data | grep '^vchan-peer-'); do
        store xenstore-rm "/local/domain/2/data/$each"
    done
}

# The two sides in every role, the victim once while bytes flow and once blocked or blocking.
kill_in_flow() { # LISTEN-SIDE CONNECT-SIDE VICTIM(writer or reader)
    local writer state name
    local -A side=([server]=$1 [client]=$2) process action
    hold_open
    for writer in server client; do
        local reader=client
        [[ $writer == server ]] || reader=server
        action=([$writer]=writes [$reader]=reads)
        local victim=$writer survivor=$reader
        [[ $3 == writer ]] || { victim=$reader survivor=$writer; }
        for state in flowing full; do
            name=f$RANDOM
            : >"$work/taken"
            start_side server "$1" ${action[server]} $name
            process[server]=$started
            eventually "announced" announced 1 2 $name
            start_side client "$2" ${action[client]} $name
            process[client]=$started
            eventually "bytes flow" flows
            if [[ $state == full ]]; then
                kill -STOP "${process[$reader]}"
                eventually "the reader is stopped" stopped "${process[$reader]}"
                eventually "the writer sleeps on a full ring" blocked "${process[$writer]}"
            fi
            kill -KILL "${process[$victim]}"
            [[ $state == flowing || $victim == "$reader" ]] ||
                kill -CONT "${process[$reader]}"
            expect_survivor "${process[$survivor]}" $survivor "${side[$survivor]}" \
                "${side[$victim]}" ${action[$survivor]}
            expect_taken_is_a_prefix 1000000
            store xenstore-rm "/local/domain/1/data/vchan/2/$name" 2>/dev/null || true
            [[ $victim == server ]] || remove_signs
            expect_nothing_left
        done
    done
}

killed_writers_ours_listens() { kill_in_flow ours theirs writer; }
killed_readers_ours_listens() { kill_in_flow ours theirs reader; }
killed_writers_theirs_listens() { kill_in_flow theirs ours writer; }
killed_readers_theirs_listens() { kill_in_flow theirs ours reader; }
killed_writers_both_ours() { kill_in_flow ours ours writer; }
killed_readers_both_ours() { kill_in_flow ours ours reader; }

# libxenvchan's clients, one after another, and our server that gives each a page of its own.
their_clients_one_after_another() {
    local round
    hold_open
    (ours 1 listen --keep $rings 2 kept <"$work/open" >"$work/taken" 2>"$work/server.log") &
    local server=$!
    : >"$work/all"
    for round in 1 2 3 4; do
        random_file up $((round * 50000 + round))
        cat "$work/up" >>"$work/all"
        (theirs 2 connect --wait 20 -N 1 $server_path/kept <"$work/up" >/dev/null \
            2>"$work/client.log") &
        expect_status $! 0 "client $round"
        # One that was killed may have left anything in its page; nobody gets that page again.
        eventually "a page for one more" announced 1 2 kept
        (theirs 2 connect --wait 20 1 $server_path/kept <"$work/open" >/dev/null \
            2>"$work/client.log") &
        eventually "connected" connected
        kill -KILL $!
        wait $! || true
    done
    eventually "the server has everything" cmp "$work/all" "$work/taken"
    kill -TERM $server
    expect_status $server 143 "server"
    expect_nothing_left
}

# libxenvchan's server serves client after client on one page: indices and bytes are as the one
# before left them.
our_clients_one_after_another_on_their_page() {
    local round text
    hold_open
    mkfifo "$work/down"
    (theirs 1 listen --ring 1024:2048 --persist 2 data/vchan/2/stale <"$work/down" \
        >"$work/taken" 2>"$work/server.log") &
    local server=$!
    exec 3>"$work/down"
    eventually "announced" announced 1 2 stale
    : >"$work/all"
    for round in 1 2 3 4; do
        # 700 bytes at a time go round the ring of 1024.
        "$PEER" generate 700 $round >"$work/up"
        cat "$work/up" >>"$work/all"
        (ours 2 connect -N 1 stale <"$work/up" >/dev/null 2>"$work/client.log") &
        expect_status $! 0 "client $round"
        eventually "the server has round $round" cmp "$work/all" "$work/taken"
        # What nobody took is for the next one, behind what it is sent itself.
        text="left in round $round;"
        printf '%s' "$text" >&3
        (ours 2 connect 1 stale <"$work/open" >"$work/early" 2>"$work/client.log") &
        eventually "the bytes that waited" grep -qxF "$text" "$work/early"
        kill -KILL $!
        wait $! || true
    done
    exec 3>&-
    kill -KILL $server
    wait $server || true
    remove_signs
    expect_nothing_left 3
}

# A server died and left its keys; the next one at the same place is found.
a_server_after_one_that_was_killed() {
    local first
    hold_open
    (ours 1 listen 2 place <"$work/open" >/dev/null 2>"$work/server.log") &
    first=$!
    eventually "announced" announced 1 2 place
    kill -KILL $first
    wait $first || true
    announced 1 2 place || fail "there are no stale keys to test with"
    (theirs 2 connect 1 $server_path/place </dev/null >/dev/null 2>"$work/client.log") &
    expect_status $! 1 "a client of a dead server"
    (theirs 2 connect --wait 20 -N 1 $server_path/place <<<"found" >/dev/null \
        2>"$work/client.log") &
    local client=$!
    (ours 1 listen 2 place </dev/null >"$work/taken" 2>"$work/server.log") &
    expect_status $! 0 "server"
    expect_status $client 0 "client"
    [[ $(<"$work/taken") == found ]] || fail "the bytes did not come"
    expect_nothing_left
}

run_named_test "$@"
