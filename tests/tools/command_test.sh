#!/usr/bin/env bash
# Tests of the xenring command: command_test.sh NAME. $XENRING is the command.
source "$(dirname "$0")/stand_in.sh"

demo_verifies_everything() {
    "$XENRING" demo --bytes 64M --requests 20000 --round-trips 500 >"$work/demo.out" ||
        fail "the demo failed"
    expect_said "$work/demo.out" "20000 of 20000"
    [[ $(grep -cE 'left over +0$' "$work/demo.out") == 2 ]] || fail "something is left over"
}

# The demo's child whose name in `ps` is demo-NAME.
demo_child() { # DEMO NAME
    local each
    for each in /proc/[0-9]*; do
        [[ $(sed -n 's/^PPid:\t//p' "$each/status" 2>/dev/null) == "$1" &&
            $(cat "$each/comm" 2>/dev/null) == "demo-$2" ]] && echo "${each#/proc/}"
    done
    return 0
}
there_is_a_child() { [[ -n $(demo_child "$@") ]]; }

start_demo() {
    mkdir "$work/tmp"
    TMPDIR=$work/tmp env --default-signal=INT "$XENRING" demo --requests 1000000000 \
        >"$work/demo.out" 2>"$work/demo.log" &
    demo=$!
    eventually "the frontend runs" there_is_a_child $demo frontend
}
expect_empty_tmp() { [[ -z $(ls -A "$work/tmp") ]] || fail "a directory is left over"; }

a_demo_that_loses_a_domain_ends() {
    local victim
    start_demo
    victim=$(demo_child $demo frontend)
    local backend=$(demo_child $demo backend)
    kill -KILL "$victim"
    eventually "the demo has ended" gone $demo
    expect_status $demo 1 "the demo"
    expect_said "$work/demo.log" "the frontend was ended by signal 9"
    gone "$backend" || fail "the backend is left over"
    expect_empty_tmp
}

a_signal_ends_the_demo_and_leaves_nothing() {
    local signal child
    for signal in INT TERM; do
        start_demo
        child=$(demo_child $demo hypervisor)
        kill -$signal $demo
        eventually "the demo has ended" gone $demo
        expect_status $demo $((128 + $(kill -l $signal))) "the demo"
        gone "$child" || fail "the stand-in is left over"
        expect_empty_tmp
        rmdir "$work/tmp"
    done
}

all_bytes_arrive_both_ways() {
    random_file server.in 20000000
    random_file client.in 30000001
    listen server -N 2 both
    local server=$!
    connect client --wait 10 1 both
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    expect_same server.in client.out
}

a_client_waits_for_its_server() {
    random_file client.in 100000
    connect client --wait 10 -N 1 later
    local client=$!
    sleep 0.3
    listen server 2 later
    expect_status $! 0 "server"
    expect_status $client 0 "client"
    expect_same client.in server.out
}

without_a_server_it_fails_at_once() {
    connect client 1 nobody
    expect_status $! 1 "client"
    expect_said "$work/client.log" "no server is listening"
    connect client --wait 0.2 1 nobody
    expect_status $! 1 "client"
    expect_said "$work/client.log" "waited in vain: no server is listening"
}

after_a_wait_it_says_what_was_in_the_way() {
    hold_channel busy
    connect second --wait 0.2 1 busy
    expect_status $! 1 "the second client"
    expect_said "$work/second.log" "waited in vain: another client is connected"
}

keep_serves_one_client_after_another() {
    listen server --keep 2 kept
    local server=$! round
    : >"$work/all"
    for round in 1 2 3; do
        random_file client.in $((round * 70000))
        cat "$work/client.in" >>"$work/all"
        connect client --wait 10 -N 1 kept
        expect_status $! 0 "client $round"
    done
    eventually "the server has everything" cmp "$work/all" "$work/server.out"
    kill -TERM $server
    expect_status $server 143 "server"
    expect_nothing_left
}

close_at_end_waits_until_every_byte_was_taken() {
    random_file client.in 300000
    listen server --ring 1K:1K 2 small
    local server=$!
    connect client --wait 10 -N 1 small
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    expect_same client.in server.out
}

# Domain 1 takes until $work/stuck, a pipe that nobody empties, is full; domain 2 sends the file
# client.in with the options that are given.
send_to_a_full_pipe() { # OPTION...
    hold_open
    mkfifo "$work/stuck"
    exec 3<>"$work/stuck"
    (domain 1 vchan listen 2 stuck <"$work/open" >"$work/stuck" 2>"$work/server.log") &
    server=$!
    connect client --wait 10 "$@" 1 stuck
    client=$!
}
client_has_read() { grep -qE "^pos:\s+$1\$" "/proc/$client/fdinfo/0"; }
some_is_taken() { [[ $("$XENRING" status | awk '$1 == 2 { print $5 }') -gt 0 ]] &&
    ! client_has_read 0; }

close_at_end_tells_what_a_peer_that_closes_did_not_take() {
    random_file client.in 100000 # more than the pipe, less than the pipe and the ring
    send_to_a_full_pipe -N
    eventually "everything is sent" client_has_read 100000
    kill -TERM $server
    expect_status $server 143 "server"
    expect_status $client 1 "client"
    grep -qE "domain 1, stuck: .* without taking [1-9][0-9]* bytes that it was sent: send" \
        "$work/client.log" || fail "the client does not say what was lost"
}

close_at_end_tells_that_input_is_left() {
    random_file client.in 3000000
    send_to_a_full_pipe -N
    eventually "some is taken" some_is_taken
    kill -TERM $server
    expect_status $client 1 "client"
    expect_said "$work/client.log" "and the rest of standard input: send"
}

without_close_at_end_a_peer_may_close_any_time() {
    random_file client.in 100000
    send_to_a_full_pipe
    eventually "everything is sent" client_has_read 100000
    kill -TERM $server
    expect_status $client 0 "client"
}

a_peer_that_took_every_byte_may_close_first() {
    mkfifo "$work/up"
    exec 3<>"$work/up"
    hold_open
    (domain 1 vchan listen 2 first <"$work/open" >"$work/server.out" 2>"$work/server.log") &
    local server=$!
    (domain 2 vchan connect --wait 10 -N 1 first <"$work/up" >/dev/null 2>"$work/client.log") &
    local client=$!
    random_file sent 200000
    cat "$work/sent" >&3
    eventually "the server has everything" cmp "$work/sent" "$work/server.out"
    kill -TERM $server
    expect_status $client 0 "client"
}

a_killed_peer_is_an_error() {
    hold_channel dies
    kill -KILL $server
    expect_status $client 1 "client"
    expect_said "$work/client.log" "process died"
}

a_destroyed_domain_is_an_error() {
    hold_channel gone
    "$XENRING" destroy 1
    expect_status $client 1 "client"
    expect_said "$work/client.log" "domain was destroyed"
}

a_signal_closes_in_order() {
    hold_channel signal
    kill -TERM $server
    expect_status $server 143 "server"
    expect_status $client 0 "client"
    expect_nothing_left
}

a_second_signal_is_not_needed_and_does_no_harm() {
    hold_channel twice
    kill -STOP $server
    kill -TERM $server
    kill -INT $server
    kill -CONT $server
    eventually "the server has ended" gone $server
    expect_status $client 0 "client"
    expect_nothing_left
}

# What is wrong with the input is told at once, not when the peer leaves.
an_input_that_cannot_be_read_ends_it() {
    hold_open
    (domain 1 vchan listen 2 directory <"$work/open" >/dev/null 2>"$work/server.log") &
    local server=$!
    (domain 2 vchan connect --wait 10 -N 1 directory <"$work" >/dev/null 2>"$work/client.log") &
    local client=$!
    eventually "the client has ended" gone $client
    expect_status $client 1 "client"
    expect_said "$work/client.log" "standard input: Is a directory"
    expect_status $server 1 "the server, which must not take what it got for the whole,"
    expect_said "$work/server.log" "process died without closing the channel, or gave it up"
}

a_closed_input_is_at_its_end() {
    (domain 1 vchan listen -N 2 none <&- >"$work/server.out" 2>"$work/server.log") &
    local server=$!
    hold_open
    (domain 2 vchan connect --wait 10 1 none <"$work/open" >/dev/null 2>"$work/client.log") &
    local client=$!
    eventually "the server has ended" gone $server
    expect_status $server 0 "server"
    expect_status $client 0 "client"
}

an_output_that_is_closed_takes_nothing() {
    hold_open
    (domain 1 vchan listen 2 none <"$work/open" >&- 2>"$work/server.log") &
    local server=$!
    (echo hello | domain 2 vchan connect --wait 10 1 none >/dev/null 2>"$work/client.log") &
    eventually "the server has ended" gone $server
    expect_status $server 1 "server"
    expect_said "$work/server.log" "standard output: Bad file descriptor"
}

a_closed_output_ends_it() {
    random_file server.in 1000000
    listen server 2 closed
    local server=$!
    eventually "announced" announced 1 2 closed
    hold_open
    mkfifo "$work/brief"
    (domain 2 vchan connect 1 closed <"$work/open" >"$work/brief" 2>"$work/client.log") &
    local client=$!
    head -c 10 "$work/brief" >/dev/null
    expect_status $client 141 "client"
    expect_status $server 0 "server"
}

wrong_arguments_are_status_2() {
    local words status
    for words in "" "nonsense" "vchan" "vchan listen" "vchan listen 1" "vchan listen x p" \
        "vchan listen 40000 p" "vchan listen --ring big 2 p" "vchan connect --wait -1 2 p" \
        "--domid 99999 status" "demo --bytes none" "--hypervisor bogus status" \
        "--hypervisor xen status" "vchan listen --ring 2M 2 p" "vchan connect 2 /p/" \
        "--hypervisor xen demo" "--hypervisor local:$work/hypervisor demo" "--domid 3 demo" \
        "--domid 3 hypervisor" "--domid 3 status" "--domid 3 destroy 4" "demo --bytes -1" \
        "demo --bytes 0"; do
        status=0
        "$XENRING" $words >"$work/out.log" 2>&1 || status=$?
        [[ $status == 2 ]] || fail "xenring $words: exit status $status, not 2"
    done
    "$XENRING" --help >"$work/help" || fail "--help fails"
    expect_said "$work/help" "Exit status"
}

wrong_arguments_are_named() {
    local wrong
    refused "no such command: frob" frob
    refused "no such command: frob" vchan frob
    refused "no such option: --frob" vchan listen --frob 2
    for wrong in "" abc 64K: :64K 4K:4K:4K 2M -1 1000T 99999999999999999999999; do
        refused "--ring: \"$wrong\" is not LEFT[:RIGHT]" vchan listen --ring "$wrong" 2 p
    done
    for wrong in "" abc nan -nan -1 -inf 5s; do
        refused "--wait: \"$wrong\" is not a number of seconds" vchan connect --wait "$wrong" 2 p
    done
    for wrong in "" "a b" / /a/ a//b; do
        refused "vchan path '$wrong' (letters, digits" vchan connect 2 "$wrong"
    done
    refused "the store path is too long" vchan connect 2 "$(printf '%04000d' 0)"
    refused "--domid is for the stand-in only" --domid 3 --hypervisor xen vchan connect 1 x
    XENRING_DOMID=abc refused 'XENRING_DOMID is "abc"' vchan connect 1 x
    XENRING_HYPERVISOR=bogus refused 'XENRING_HYPERVISOR is "bogus"' status
}

# More seconds than a clock can count are for ever, not the past.
a_very_long_wait_is_a_wait() {
    local wait client
    for wait in 1e300 1e12 1e999 inf; do
        connect client --wait $wait -N 1 "long$wait"
        client=$!
        sleep 0.2
        listen server 2 "long$wait"
        expect_status $! 0 "server"
        expect_status $client 0 "client, --wait $wait"
    done
}

xenstore_tools_see_the_channel() {
    hold_open
    (domain 1 vchan listen 2 seen <"$work/open" 2>"$work/server.log") &
    eventually "announced" announced 1 2 seen
    local path=/local/domain/1/data/vchan/2/seen
    [[ $(store xenstore-read $path/ring-ref) =~ ^[0-9]+$ ]] || fail "ring-ref is no number"
    store xenstore-ls -p $path | grep -qF 'ring-ref = "' || fail "xenstore-ls does not see it"
    store xenstore-ls -p $path | grep -F ring-ref | grep -qF '(n1,r2)' || fail "permissions"
    # Domain 3 may not read what is for domain 2.
    ("$XENRING" --domid 3 run -- true)
    ! XENSTORED_PATH=$work/hypervisor/store/3 xenstore-read $path/ring-ref 2>/dev/null ||
        fail "domain 3 reads domain 2's keys"
}

nothing_is_left_over() {
    random_file client.in 5000000
    listen server 2 clean
    local server=$!
    connect client --wait 10 -N 1 clean
    expect_status $! 0 "client"
    expect_status $server 0 "server"
    expect_nothing_left
    ! announced 1 2 clean || fail "the store keys are left over"
}

run_named_test "$@"
