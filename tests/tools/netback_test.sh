#!/usr/bin/env bash
# netback as a user meets it, on the stand-in, where this script is the toolstack:
# netback_test.sh NAME. $XENRING is the command, $NETBACK and $NETFRONT are the examples.
source "$(dirname "$0")/stand_in.sh"

back=/local/domain/0/backend/vif/1/0
front=/local/domain/1/device/vif/0

state() { store xenstore-read "$1/state"; }
reaches() { [[ $(state "$1") == "$2" ]]; }

# A vif of domain 1 in the driver domain 0, as libxl makes one.
make_vif() {
    store xenstore-write $front/backend $back $front/backend-id 0 $front/handle 0 \
        $front/mac 00:16:3e:01:02:03 $front/state 1
    store xenstore-chmod -r $front n1 r0
    store xenstore-write $back/frontend $front $back/frontend-id 1 $back/online 1 \
        $back/handle 0 $back/mac 00:16:3e:01:02:03 $back/hotplug-status "" $back/state 1
    store xenstore-chmod -r $back n0 r1
}
remove_vif() {
    store xenstore-rm $back
    store xenstore-rm $front
    store xenstore-rm /local/domain/0/backend
    store xenstore-rm /local/domain/1/device
}

the_example_asks_the_other_example() {
    make_vif
    XENRING_DOMID=1 "$NETFRONT" 0 10.9.0.2 >"$work/front.out" 2>"$work/front.log" &
    local netfront=$!
    XENRING_DOMID=0 "$NETBACK" 10.9.0.2 >"$work/back.out" 2>"$work/back.log" &
    local netback=$!
    eventually "the guest answers" grep -q "42 bytes from 00:16:3e:01:02:03" "$work/back.out"
    kill $netback $netfront
    wait $netback $netfront || true
}

wrong_features_are_named() {
    local status=0
    domain 0 netback --without sg,gso-udp 2>"$work/one.log" & wait $! || status=$?
    [[ $status == 2 ]] || fail "status $status"
    expect_said "$work/one.log" "no feature 'gso-udp'"
    expect_said "$work/one.log" "gso-tcpv4"
    status=0
    domain 0 netback --vif vif3.0:sg=maybe 2>"$work/two.log" & wait $! || status=$?
    [[ $status == 2 ]] || fail "status $status"
    expect_said "$work/two.log" "=on or =off"
}

wrong_rates_and_levels_are_named() {
    local rate status
    for rate in 5 5, 5,0 5MB,1 -1,5; do
        status=0
        domain 0 netback --rate=$rate 2>"$work/rate.log" & wait $! || status=$?
        [[ $status == 2 ]] || fail "$rate: status $status"
        expect_said "$work/rate.log" "BYTES,MICROSECONDS"
    done
    status=0
    "$XENRING" --log-level loud status 2>"$work/level.log" || status=$?
    [[ $status == 2 ]] || fail "status $status"
    expect_said "$work/level.log" "--log-level"
}

it_says_as_much_as_it_is_told() {
    local netback level
    for level in error info; do
        "$XENRING" --log-level $level --domid 0 netback --rate 1000000,50000 \
            --statistics "$work/socket" 2>"$work/$level.log" &
        netback=$!
        eventually "it answers" "$XENRING" stat "$work/socket"
        kill $netback
        expect_status $netback 143 "netback"
    done
    [[ ! -s $work/error.log ]] || fail "it talks"
    expect_said "$work/info.log" "the stand-in hypervisor"
}

# A network of this test's alone, for real TAPs: begins the test again in there.
in_a_network_of_its_own() { # TEST
    [[ -z ${in_own_network-} ]] || return 0
    if ! unshare -n -m true 2>/dev/null || [[ ! -w /dev/net/tun ]]; then
        echo "SKIPPED: needs CAP_SYS_ADMIN and /dev/net/tun"
        exit 77
    fi
    kill $hypervisor
    wait $hypervisor || true
    rm -rf "$work"
    in_own_network=yes exec unshare -n -m "$BASH" "$0" "$1"
}

what_netfront_loses_is_counted() {
    in_a_network_of_its_own what_netfront_loses_is_counted
    mount -t sysfs sysfs /sys
    "$XENRING" --domid 0 netback 2>"$work/netback.log" &
    local netback=$!
    make_vif
    eventually "it is offered" reaches $back 2
    store xenstore-write $back/hotplug-status connected
    "$XENRING" --domid 1 netfront --tap xr9 2>"$work/netfront.log" &
    local netfront=$!
    eventually "it is connected" reaches $back 4
    ip link set vif1.0 up # and xr9 stays down
    kill -USR1 $netfront
    eventually "it tells" grep -q "lost on the way out: too large 0, unusable 0, refused 0" \
        "$work/netfront.log"
    local try
    for try in {1..500}; do
        python3 -c 'import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("vif1.0", 0))
s.send(b"\xff" * 6 + b"\x02" + b"\0" * 5 + b"\x88\xb5" + b"x" * 60)'
        kill -USR1 $netfront
        sleep 0.02
        ! grep -q "lost on the way in: .* refused [1-9]" "$work/netfront.log" || break
    done
    grep -q "lost on the way in: .* refused [1-9]" "$work/netfront.log" || fail "nothing is lost"
    kill $netback
    wait $netback || true
}

# A service manager's end of sd_notify: every datagram becomes a line of the file, which is there
# once it listens.
service_manager() { # NAME FILE
    python3 - "$1" "$2" <<'PY' &
import socket, sys
name, out = sys.argv[1:]
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.bind("\0" + name[1:] if name[0] == "@" else name)
with open(out, "w", buffering=1) as file:
    while True:
        file.write(end.recv(4096).decode() + "\n")
PY
    eventually "a service manager listens" test -e "$2"
}

a_service_manager_is_told() {
    local name netback notices
    for name in "$work/notify" "@xenring-test-$$"; do
        notices=$work/notices.${#name}
        service_manager "$name" "$notices"
        NOTIFY_SOCKET=$name "$XENRING" --domid 0 netback 2>"$work/netback.log" &
        netback=$!
        eventually "it is ready" grep -qx READY=1 "$notices"
        kill $netback
        expect_status $netback 143 "netback"
        eventually "it stops" grep -qx STOPPING=1 "$notices"
    done
}

statistics_are_shown_and_written() {
    "$XENRING" --domid 0 netback --statistics "$work/socket" --statistics-file "$work/prom" \
        2>"$work/netback.log" &
    local netback=$!
    eventually "it answers" "$XENRING" stat "$work/socket"
    "$XENRING" stat --prometheus "$work/socket" >"$work/stat.out"
    expect_said "$work/stat.out" "# TYPE xenring_vif_packets_total counter"
    kill -USR1 $netback
    eventually "the file is written" cmp "$work/prom" "$work/stat.out"
    rm "$work/prom"
    kill $netback
    expect_status $netback 143 "netback"
    cmp "$work/prom" "$work/stat.out" || fail "nothing was written at the end"
    [[ ! -e $work/socket && ! -e $work/prom.new ]] || fail "something is left over"
}

# The lowest number that no descriptor of the process has.
free_descriptor() { # PID
    local number=0
    while [[ -e /proc/$1/fd/$number ]]; do number=$((number + 1)); done
    echo $number
}

a_lack_of_descriptors_is_said_once_and_waited_out() {
    "$XENRING" --domid 0 netback --statistics "$work/socket" 2>"$work/netback.log" &
    local netback=$! asked
    eventually "it answers" "$XENRING" stat "$work/socket"
    prlimit --pid $netback --nofile="$(free_descriptor $netback):4096"
    "$XENRING" stat --prometheus "$work/socket" >"$work/stat.out" & asked=$!
    eventually "it says so" grep -q "cannot answer at $work/socket for now" "$work/netback.log"
    sleep 2.2 # it has tried again twice
    [[ $(grep -c "cannot answer" "$work/netback.log") == 1 ]] || fail "it says so again and again"
    prlimit --pid $netback --nofile=1024:4096
    expect_status $asked 0 "who asked"
    expect_said "$work/stat.out" "# TYPE xenring_vif_packets_total counter"
    kill $netback
    expect_status $netback 143 "netback"
}

run_named_test "$@"
