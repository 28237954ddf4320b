# dom0's handling of guests, and of waiting. A guest is called by its kind, pv or pvh.

LAB=/run/lab
CONSOLES=/var/log/xen/console
NEVER=$LAB/never # a FIFO that nobody writes to

console_of() { # KIND: the file that holds what the guest printed since it was created first
    echo "$CONSOLES/guest-$1.log"
}

domid() { # SIDE: the domid of dom0, pv or pvh
    if [ "$1" = dom0 ]; then echo 0; else cat "$LAB/$1.domid"; fi
}

create_guest() { # KIND [LINES]: with more lines of configuration
    # The log is appended to, so what an earlier guest of this name printed must not be taken for ours.
    [ ! -e "$(console_of "$1")" ] || cat "$(console_of "$1")" >> "$LAB/$1.earlier"
    rm -f "$(console_of "$1")"
    cat > "$LAB/$1.cfg" << END
name = "$1"
type = "$1"
kernel = "/boot/vmlinuz"
ramdisk = "/boot/guest.img"
memory = 256
vcpus = 1
cpus = "1"
extra = "console=hvc0 loglevel=5 clocksource=xen"
on_poweroff = "destroy"
on_crash = "destroy"
${2:-}
END
    xl create -q "$LAB/$1.cfg" && guest_has_domid "$1"
}

guest_has_domid() { # KIND: notes it
    xl domid "$1" > "$LAB/$1.domid" && follow_guest "$1"
}

# Has a file appear for each command of the guest's that has ended, and one when the guest is gone. To look
# for that again and again would keep dom0's CPU from what is tested: starting processes is dear here.
follow_guest() { # KIND
    follow_domain=/local/domain/$(domid "$1")
    setsid sh -c "xenstore-watch $follow_domain/data/lab/ended | while read -r path; do
        case \$path in
        */ended) xenstore-exists $follow_domain || { : > $LAB/gone.${follow_domain##*/}; kill -9 0; } ;;
        *) : > $LAB/ended.\${path##*/} ;;
        esac
    done" < /dev/null > /dev/null 2>&1 &
}

destroy_guest() { # KIND
    rm -f "$LAB/$1.domid"
    poll 20 guest_is_gone "$1"
}

guest_is_gone() { # KIND: destroys it; a domain that is dying already may refuse
    ! xl domid "$1" > /dev/null 2>&1 || { xl destroy "$1" && ! xl domid "$1" > /dev/null 2>&1; }
}

destroy_others() { # KIND: a guest alone beside dom0 has a CPU to itself
    for destroy_kind in pv pvh; do
        [ "$destroy_kind" = "$1" ] || destroy_guest "$destroy_kind"
    done
}

await_guest() { # KIND: a boot takes 20 s, several times that where others use the processor
    poll 150 grep -q '^\[0\] ready' "$(console_of "$1")"
}

reboot_guest() { # KIND: as its own kernel asks for it; it has another domid then
    reboot_earlier=$(times_ready "$1")
    send_command "$1" "reboot -f"
    poll 150 is_ready_again "$1" "$reboot_earlier" && guest_has_domid "$1"
}

times_ready() { grep -c '^\[0\] ready' "$(console_of "$1")"; }
is_ready_again() { [ "$(times_ready "$1")" -gt "$2" ]; }

ensure_guest() { # KIND: creates the guest unless it is there and answers
    if [ -e "$LAB/$1.domid" ] && xenstore-exists "/local/domain/$(domid "$1")"; then
        return 0
    fi
    create_guest "$1" && await_guest "$1"
}

send_command() { # KIND COMMAND: has the guest run it; the number that marks its output is in $command_number
    command_number=$(($(cat "$LAB/number" 2> /dev/null || echo 0) + 1))
    echo "$command_number" > "$LAB/number"
    xenstore-write -R "/local/domain/$(domid "$1")/data/lab/command/$command_number" "$2"
}

command_output() { # KIND NUMBER: what the command printed; the last line is its exit status once it ended
    tr -d '\r' < "$(console_of "$1")" | sed -n "s/^\[$2\] //p"
}

# What of `dmesg -r` is a complaint of a network driver: anything that it takes for worth a warning.
driver_complaints='^<[0-4]>.*(xen_netfront|xennet|xen_netback|net eth[0-9]|vif)'

# How many grants anybody maps, by Xen's own tables; without the first eight of each domain, which Xen's tools
# make for its console and its store.
active_grants() {
    xl debug-keys g
    xl dmesg | awk '
        /gnttab_usage_print_all \[/ { count = 0 }
        /\[0x[0-9a-f]+\]/ && !/\[0x00[0-7]\]/ { ++count }
        END { print count + 0 }'
}

# Waiting starts no process of its own.
poll() { # SECONDS COMMAND...: repeats the command until it succeeds, for at most that long
    read_uptime
    poll_end=$((uptime_now + $1))
    shift
    until "$@"; do
        read_uptime
        [ "$uptime_now" -lt "$poll_end" ] || return 1
        pause 0.1
    done
}

pause() { # SECONDS
    read -r -t "$1" _ <> "$NEVER" || true
}

read_uptime() { # into $uptime_now, seconds
    read -r uptime_now _ < /proc/uptime
    uptime_now=${uptime_now%.*}
}

process_ended() { # PID: or it is a zombie
    { read -r process_line < "/proc/$1/stat"; } 2> /dev/null || return 0
    case "$process_line" in
    *") Z "*) return 0 ;;
    *) return 1 ;;
    esac
}
