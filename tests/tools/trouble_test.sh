#!/usr/bin/env bash
# What the xenring command says and does when the stand-in, its store or its directory is not as it
# should be: trouble_test.sh NAME. $XENRING is the command.
source "$(dirname "$0")/stand_in.sh"

# Another program of domain 1 has 513 of its 1024 pages granted; a server that wants as many waits.
keep_waits_for_pages_that_are_lacking() {
    hold_open
    (domain 1 vchan listen --ring 1M:1M 2 first <"$work/open" >/dev/null 2>"$work/first.log") &
    local first=$! server
    eventually "announced" announced 1 2 first
    listen server --keep --ring 1M:1M 2 second
    server=$!
    eventually "it is said" grep -q "no more pages can be granted" "$work/server.log"
    sleep 1 # some more tries
    kill -TERM $first
    expect_status $first 143 "the first server"
    echo hello >"$work/client.in"
    connect client --wait 10 -N 1 second
    expect_status $! 0 "client"
    eventually "the server has it" cmp "$work/client.in" "$work/server.out"
    kill -TERM $server
    expect_status $server 143 "server"
    (($(grep -c "no more pages" "$work/server.log") == 1)) || fail "it is not said once"
}

# While the stand-in is stopped nothing that is asked of it, or of its store, is answered.
end_while_the_stand_in_is_stopped() { # PROCESS STATUS WHAT [SIGNAL]
    kill -STOP $hypervisor
    [[ -z ${4:-} ]] || kill "-$4" "$1"
    eventually "$3 has ended" gone "$1"
    kill -CONT $hypervisor
    expect_status "$1" "$2" "$3"
}

a_signal_ends_it_even_while_the_store_does_not_answer() {
    hold_channel silent
    end_while_the_stand_in_is_stopped $server 143 "the server" TERM
    expect_said "$work/server.log" "does not answer: ended without closing in order"
    expect_status $client 0 "the client, which shared memory told,"
    listen lonely 2 lonely
    server=$!
    eventually "announced" announced 1 2 lonely
    end_while_the_stand_in_is_stopped $server 143 "a server without a client" TERM
    connect waiting --wait inf 1 never
    client=$!
    eventually "it watches" watching
    end_while_the_stand_in_is_stopped $client 130 "a client that waits" INT
}

watching() { "$XENRING" status | awk '$1 == 2 && $7 > 0 { found = 1 } END { exit !found }'; }

a_wait_ends_even_if_the_store_does_not_answer() {
    connect waiting --wait 3 1 never
    local client=$!
    eventually "it watches" watching
    end_while_the_stand_in_is_stopped $client 1 "the client"
    expect_said "$work/waiting.log" "waited in vain"
}

a_stand_in_that_does_not_answer_is_told() {
    local status=0
    kill -STOP $hypervisor
    "$XENRING" status >/dev/null 2>"$work/status.log" || status=$?
    [[ $status == 1 ]] || fail "status: exit status $status, not 1"
    expect_said "$work/status.log" "the stand-in in $work/hypervisor does not answer"
    status=0
    "$XENRING" --domid 1 vchan listen 2 x 2>"$work/listen.log" || status=$?
    [[ $status == 1 ]] || fail "listen: exit status $status, not 1"
    expect_said "$work/listen.log" "the stand-in in $work/hypervisor does not answer"
    kill -CONT $hypervisor
}

what_the_store_refuses_is_told() {
    listen server 2 /foo/bar
    expect_status $! 1 "server"
    expect_said "$work/server.log" "the store refused to let this domain write there"
    expect_said "$work/server.log" "only below its own data/"
    expect_said "$work/server.log" "this is domain 1"
    local i=0
    while ((i < 1100)) && XENSTORED_PATH=$work/hypervisor/store/1 xenstore-write \
        "data/$i/a" "" "data/$i/b" "" "data/$i/c" "" "data/$i/d" "" "data/$i/e" "" 2>/dev/null; do
        ((i += 1))
    done
    while XENSTORED_PATH=$work/hypervisor/store/1 xenstore-write "data/last$i" "" 2>/dev/null; do
        ((i += 1))
    done
    listen server 2 name
    expect_status $! 1 "server"
    expect_said "$work/server.log" "the quota in the store of this domain is used up"
    expect_said "$work/server.log" "this is domain 1"
}

calls_that_the_specification_wants_to_fail_do() {
    local spec=local:$work/hypervisor
    XENRING_HYPERVISOR="$spec?fail=share:1" listen server 2 faulty
    expect_status $! 1 "server"
    expect_said "$work/server.log" "no more pages can be granted"
    XENRING_HYPERVISOR="$spec?fail=bind_unbound:1:EPERM,map:7" listen server 2 faulty
    expect_status $! 1 "server"
    expect_said "$work/server.log" "Operation not permitted"
    expect_nothing_left
    refused 'fail= is "nonsense", not CALL:NTH' --hypervisor "$spec?domid=1&fail=nonsense" \
        vchan listen 2 faulty
    "$XENRING" --help >"$work/help"
    expect_said "$work/help" "fail=share:1"
}

# Whoever may not enter the directory; root may enter any.
a_stand_in_of_another_user_is_called_that() {
    local status=0 as=()
    if ((EUID == 0)); then
        chmod 755 "$work"
        install -m 755 "$XENRING" "$work/xenring"
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups "$work/xenring")
    else
        chmod 0 "$work/hypervisor"
        as=("$XENRING")
    fi
    "${as[@]}" --domid 1 vchan listen 2 x 2>"$work/listen.log" || status=$?
    chmod 700 "$work/hypervisor"
    [[ $status == 1 ]] || fail "exit status $status, not 1"
    expect_said "$work/listen.log" "is another user's"
    ! grep -q "no stand-in answers" "$work/listen.log" || fail "one does answer"
}

a_second_stand_in_says_that_one_runs() {
    local status=0
    "$XENRING" hypervisor 2>"$work/second.log" || status=$?
    [[ $status == 1 ]] || fail "exit status $status, not 1"
    expect_said "$work/second.log" "a stand-in hypervisor runs in $work/hypervisor already"
    : >"$work/file"
    ! "$XENRING" --hypervisor "local:$work/file" hypervisor 2>"$work/second.log" || fail "it runs"
    expect_said "$work/second.log" "cannot run the stand-in in $work/file: Not a directory"
}

a_directory_of_somebody_elses_files_is_refused() {
    local status=0
    mkdir -p "$work/mine/store/inventory"
    echo precious >"$work/mine/store/inventory/list"
    "$XENRING" --hypervisor "local:$work/mine" hypervisor 2>"$work/foreign.log" || status=$?
    [[ $status == 1 ]] || fail "exit status $status, not 1"
    expect_said "$work/foreign.log" "$work/mine/store/inventory was not made by one; move it away"
    [[ -s $work/mine/store/inventory/list ]] || fail "the file is gone"
}

a_directory_too_long_for_a_socket_is_called_that() {
    local long=$work/$(printf '%0100d' 0)
    ! "$XENRING" --hypervisor "local:$long" hypervisor 2>"$work/long.log" || fail "it runs"
    expect_said "$work/long.log" "choose a shorter directory"
    ! "$XENRING" --hypervisor "local:$long" status 2>"$work/long.log" || fail "it answers"
    expect_said "$work/long.log" "choose a shorter directory"
}

a_missing_hypervisor_says_what_to_do() {
    local status=0
    "$XENRING" --hypervisor "local:$work/none" --domid 1 vchan listen 2 x 2>"$work/err" || status=$?
    [[ $status == 1 ]] || fail "exit status $status, not 1"
    expect_said "$work/err" "xenring --hypervisor local:$work/none hypervisor"
    status=0
    "$XENRING" --hypervisor xen vchan listen 2 x 2>"$work/err" || status=$?
    [[ $status == 1 || -e /dev/xen ]] || fail "exit status $status, not 1"
    [[ -e /dev/xen ]] || expect_said "$work/err" "/dev/xen"
    ! grep -q stand-in "$work/err" || fail "nobody asked for a stand-in"
    ! "$XENRING" --hypervisor "local:$work/none" status 2>"$work/err" || fail "status works"
    expect_said "$work/err" "xenring --hypervisor local:$work/none hypervisor"
    ! grep -q /dev/xen "$work/err" || fail "nobody asked for Xen"
}

run_named_test "$@"
