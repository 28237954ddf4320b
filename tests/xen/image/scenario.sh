# What a scenario is written with. SIDE is dom0, pv or pvh; $GUEST is the guest that the scenario runs
# with. A scenario fails at its first failing command (sh -e) or at its time limit.
#
#   start LABEL SIDE COMMAND    runs the command in the background
#   finish LABEL [SECONDS]      waits for it (60 s); gives its exit status, 124 if it did not end in time
#   run SIDE COMMAND            start and finish in one
#   kill_group LABEL            kills what was started in dom0, if it still runs
#   output LABEL                what the command has printed; of a guest's command, only once it ended
#   wait_until SIDE COMMAND     repeats the command until it succeeds, for at most 150 s
#   expect TEXT COMMAND...      fails with TEXT unless the command succeeds
#   figure TEXT...              a measured figure, shown in the summary of the run

. /lab/guests.sh

start() { # LABEL SIDE COMMAND
    echo "+ $1 in $2: $3"
    echo "$2" > "$WORK/$1.side"
    if [ "$2" = dom0 ]; then
        setsid sh -c "$3" > "$WORK/$1.out" 2>&1 < /dev/null &
        echo $! > "$WORK/$1.pid"
    else
        send_command "$2" "$3"
        echo "$command_number" > "$WORK/$1.number"
    fi
}

finish() { # LABEL [SECONDS]
    finish_side=$(cat "$WORK/$1.side")
    finish_status=0
    if [ "$finish_side" = dom0 ]; then
        finish_pid=$(cat "$WORK/$1.pid")
        poll "${2:-60}" process_ended "$finish_pid" || finish_status=124
        [ "$finish_status" = 124 ] || wait "$finish_pid" || finish_status=$?
    elif poll "${2:-60}" ended_or_gone "$finish_side" "$(cat "$WORK/$1.number")"; then
        finish_status=$(command_output "$finish_side" "$(cat "$WORK/$1.number")" | sed -n '$s/^exit //p')
        finish_status=${finish_status:-124} # the guest is gone
    else
        finish_status=124
    fi
    echo "- $1 in $finish_side: exit status $finish_status"
    output "$1" | sed 's/^/    /'
    return "$finish_status"
}

kill_group() { # LABEL
    kill -9 -- "-$(cat "$WORK/$1.pid")" 2> /dev/null || true
}

ended_in_guest() { # KIND NUMBER: once the guest has said so, what it printed is on its way
    [ -e "$LAB/ended.$2" ] && command_output "$1" "$2" | grep -q '^exit [0-9]*$'
}

ended_or_gone() { # KIND NUMBER
    ended_in_guest "$1" "$2" || ! { read -r ended_domid < "$LAB/$1.domid"; } 2> /dev/null ||
        [ -e "$LAB/gone.$ended_domid" ]
}

output() { # LABEL
    output_side=$(cat "$WORK/$1.side")
    if [ "$output_side" = dom0 ]; then
        cat "$WORK/$1.out"
    else
        command_output "$output_side" "$(cat "$WORK/$1.number")" | sed '$d'
    fi
}

run() { # SIDE COMMAND
    start run "$1" "$2"
    finish run
}

wait_until() { # SIDE COMMAND
    start wait "$1" "until { $2; }; do usleep 100000; done"
    finish wait 150
}

expect() { # TEXT COMMAND...
    expect_text=$1
    shift
    "$@" || fail "$expect_text"
}

fail() { # TEXT
    echo "FAILED: $1"
    exit 1
}

figure() { # TEXT...
    echo "figure: $*"
}
