# dom0: starts Xen's services and the guests, runs the scenarios of /lab/plan one after another and
# reports on the second serial port, a line an event:
#   ready | begin NAME | log TEXT | again | end NAME STATUS SECONDS | finished
# "again": the emulator has lost the guest, and the scenario begins once more.
# A line of the plan is: NAME SCRIPT GUEST SECONDS, where GUEST is pv, pvh or none.

. /lab/guests.sh
REPORT=/dev/ttyS1

report() { echo "$@" > "$REPORT"; }
report_log() { awk '{ print "log " $0; fflush() }' > "$REPORT"; }
now() { cut -d ' ' -f 1 /proc/uptime; }

start_services() {
    mkdir -p "$LAB" /run/xen /run/xenstored "$CONSOLES"
    mkfifo "$NEVER"
    stty -F "$REPORT" 115200 raw -echo
    xenstored --pid-file=/run/xenstored.pid
    xen-init-dom0 > /dev/null
    xenconsoled --log=guest --log-dir="$CONSOLES"
}

run_scenario() { # NAME SCRIPT GUEST SECONDS
    export WORK="/tmp/scenario/$1" GUEST="$3"
    mkdir -p "$WORK"
    report begin "$1"
    began=$(now)
    kernel_lines=$(dmesg | wc -l)
    for try in 1 2 3 4; do
        faults=$(emulator_faults)
        play "$2" "$3" "$4" 2>&1 | report_log
        status=$(cat "$WORK/status")
        [ "$status" != 0 ] && [ "$(emulator_faults)" -gt "$faults" ] && [ "$try" != 4 ] || break
        report again # the log so far is of a try that does not count
        clean_up "$3" "$status" > /dev/null 2>&1
    done
    [ "$status" = 0 ] || diagnose "$3" "$kernel_lines" | report_log
    clean_up "$3" "$status" > /dev/null 2>&1
    report end "$1" "$status" "$(echo "$began $(now)" | awk '{ printf "%.1f", $2 - $1 }')"
}

# QEMU's emulation of SVM now and then resumes a PVH guest with the hypervisor's registers. The guest ends
# with a triple fault, which no program in it can cause. It is rare while a guest has a CPU to itself, so
# dom0 has the first one and guests have the second. A log that has lost its beginning counts fewer: then
# a failure is a failure.
emulator_faults() { xl dmesg | grep -c "Triple fault"; }

play() { # SCRIPT GUEST SECONDS: leaves the exit status in $WORK/status
    echo 125 > "$WORK/status"
    [ "$2" = none ] || destroy_others "$2"
    if [ "$2" != none ] && ! ensure_guest "$2"; then
        echo "FAILED: guest $2 does not start"
        return
    fi
    setsid sh -e -c ". /lab/scenario.sh; . /lab/scenarios/$1" < /dev/null &
    play_pid=$!
    play_status=0
    if poll "$3" process_ended "$play_pid"; then
        wait "$play_pid" || play_status=$?
    else
        echo "FAILED: no end within $3 s"
        play_status=124
    fi
    kill -9 -- "-$play_pid" 2> /dev/null # what is left of it would hold the log open
    echo "$play_status" > "$WORK/status"
}

# What a failed scenario left running must not disturb the next one.
clean_up() { # GUEST STATUS
    for process in $(cat "$WORK"/*.pid); do
        [ -d "/proc/$process" ] && kill -9 -- "-$process"
    done
    [ "$2" = 0 ] || [ "$1" = none ] || destroy_guest "$1"
    ! lsmod | grep -q '^xen_netback' || rmmod xen-netback
    [ ! -e /sys/class/net/xenbr0 ] || { ip link set xenbr0 down && brctl delbr xenbr0; }
}

diagnose() { # GUEST KERNEL_LINES
    for printed in "$WORK"/*.out; do # of commands that were not finished, and perhaps of others
        [ ! -s "$printed" ] || { echo "--- $(basename "$printed" .out) in dom0 printed"; tail -n 20 "$printed"; }
    done
    echo "--- dom0's kernel log since the scenario began"
    dmesg | tail -n "+$(($2 + 1))" | tail -n 40
    echo "--- hypervisor"
    xl dmesg | tail -n 10
    if [ "$1" != none ]; then
        echo "--- console of $1"
        tail -n 40 "$(console_of "$1")"
    fi
}

start_services
if [ -e /lab/shell ]; then
    for kind in $(cut -d ' ' -f 3 /lab/plan | sort -u | grep -v none); do
        ensure_guest "$kind" || report log "guest $kind does not start"
    done
    report ready
    exec setsid -c sh
fi
report ready
while read -r name script guest seconds; do
    run_scenario "$name" "$script" "$guest" "$seconds" < /dev/null
done < /lab/plan
report finished
poweroff -f
