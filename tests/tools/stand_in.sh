# For the tests that run programs: a stand-in of their own, checks, and the clean-up.
# Source it, define functions named as the tests, and end with: run_named_test "$@"
set -euo pipefail

work=$(mktemp -d)
export XENRING_HYPERVISOR=local:$work/hypervisor
unset XENRING_DOMID XENRING_RUNDIR
hypervisor=

clean_up() {
    local jobs_left
    jobs_left=$(jobs -p)
    [[ -z $jobs_left ]] || kill -KILL $jobs_left 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    for log in "$work"/*.log; do
        [[ -s $log ]] && { echo "--- ${log##*/}" >&2; tail -n 20 "$log" >&2; }
    done
    exit 1
}

start_hypervisor() {
    "$XENRING" hypervisor >"$work/hypervisor.log" 2>&1 &
    hypervisor=$!
    eventually "the stand-in answers" "$XENRING" status
    # Both domains exist before they talk, as guests do that xl has created: a permission for a
    # domain that does not exist yet is none, on Xen as here (XSA-322).
    "$XENRING" --domid 1 run -- true
    "$XENRING" --domid 2 run -- true
    # The directory of announcements stays when channels go, so it is there from the start.
    store xenstore-write /local/domain/1/data/vchan/2 ""
    nodes_at_first=$(nodes)
}

# domain N WORD...: the command as domain N; `exec` makes $! its own process number.
domain() { exec "$XENRING" --domid "$1" "${@:2}"; }

eventually() { # WHAT COMMAND...
    local what=$1 try
    shift
    for ((try = 0; try < 500; ++try)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.02
    done
    fail "never: $what"
}

expect_status() { # PROCESS STATUS WHAT
    local status=0
    wait "$1" || status=$?
    [[ $status == "$2" ]] || fail "$3: exit status $status, not $2"
}

expect_said() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "${1##*/} does not say: $2"
}

# An input for programs that stays open and has nothing to read: $work/open.
hold_open() {
    mkfifo "$work/open"
    sleep 60 >"$work/open" &
}

random_file() { head -c "$2" /dev/urandom >"$work/$1"; }
expect_same() { cmp "$work/$1" "$work/$2" || fail "$2 differs from $1"; }

store() { XENSTORED_PATH=$work/hypervisor/store/0 "$@"; }
announced() { store xenstore-exists "/local/domain/$1/data/vchan/$2/$3/event-channel"; }
# Domain 2 has mapped a page, which is a client's first act.
connected() { "$XENRING" status | awk '$1 == 2 && $5 > 0 { found = 1 } END { exit !found }'; }

# Pages, ports, watches; and store nodes beyond those at the start: the keys of a channel are three
# nodes, which a server that was killed cannot take with it.
expect_nothing_left() { # [NODES]: that many stay
    eventually "nothing is left over" nothing_left "$@"
}
nothing_left() {
    # domid processes granted deferred mapped ports watches nodes
    "$XENRING" status | awk 'NR > 1 && $3 + $4 + $5 + $6 + $7 > 0 { exit 1 }' &&
        (($(nodes) == nodes_at_first + ${1:-0}))
}
nodes() { "$XENRING" status | awk 'NR > 1 { sum += $8 } END { print sum }'; }

listen() { # NAME-OF-FILES WORD...: domain 1, standard input from NAME.in, output to NAME.out
    [[ -e $work/$1.in ]] || : >"$work/$1.in"
    (domain 1 vchan listen "${@:2}" <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.log") &
}

connect() { # the same for domain 2
    [[ -e $work/$1.in ]] || : >"$work/$1.in"
    (domain 2 vchan connect "${@:2}" <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.log") &
}

# Domains 1 and 2 hold a channel open; both have input that stays open.
hold_channel() { # NAME
    hold_open
    (domain 1 vchan listen 2 "$1" <"$work/open" >"$work/server.out" 2>"$work/server.log") &
    server=$!
    (domain 2 vchan connect --wait 10 1 "$1" <"$work/open" >"$work/client.out" \
        2>"$work/client.log") &
    client=$!
    eventually "connected" connected
}

refused() { # TEXT WORD...: wrong arguments, and the message has TEXT
    local status=0
    "$XENRING" "${@:2}" >/dev/null 2>"$work/refused.log" </dev/null || status=$?
    [[ $status == 2 ]] || fail "xenring ${*:2}: exit status $status, not 2"
    expect_said "$work/refused.log" "$1"
    (($(wc -c <"$work/refused.log") < 400)) || fail "xenring ${*:2}: a very long message"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

run_named_test() {
    declare -F "$1" >/dev/null || fail "no test named $1"
    start_hypervisor
    "$1"
    kill "$hypervisor"
    expect_status "$hypervisor" 0 "the stand-in"
}
