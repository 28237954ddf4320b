# Our netback beside Linux's: TCP both ways and small UDP packets, with the same kind of guest in one run.
# guests: pv pvh
# timeout: 1200
# needs: xenring
# measures

. /lab/net.sh

rate_of() { # LABEL: Mbit/s at the receiver
    output "$1" | sed -n 's/.* \([0-9.]*\) Mbits\/sec.*receiver.*/\1/p' | tail -n 1
}

measure() { # WHOSE
    iperf3 -s -D
    run "$GUEST" "iperf3 -c 10.9.0.1 -f m -t 8"
    figure "$1: TCP from the guest, Mbit/s: $(rate_of run)"
    run "$GUEST" "iperf3 -c 10.9.0.1 -f m -t 8 -R"
    figure "$1: TCP to the guest, Mbit/s: $(rate_of run)"
    run "$GUEST" "iperf3 -c 10.9.0.1 -u -l 64 -b 0 -t 8"
    figure "$1: UDP of 64 bytes from the guest: $(output run | grep receiver)"
    run "$GUEST" "iperf3 -c 10.9.0.1 -u -l 64 -b 0 -t 8 -R"
    figure "$1: UDP of 64 bytes to the guest: $(output run | grep receiver)"
    killall iperf3
}

start_netback
guest_with_vif "$GUEST"
measure xenring
figure "xenring: $(statistics)"
destroy_guest "$GUEST"
stop_netback
run dom0 "insmod /lab/extra/xen-netback.ko"
guest_with_vif "$GUEST"
measure linux
destroy_guest "$GUEST"
run dom0 "rmmod xen-netback"
