# Our netfront in a guest, in place of the kernel's: the interface is xr0, with the vif's address.

. /lab/net.sh
INTERFACE=xr0

# Gives the guest a vif that its kernel leaves alone, and serves it.
attach_netfront() { # [OPTIONS [KEY=VALUE]]
    run "$GUEST" "rmmod xen-netfront"
    run dom0 "xl network-attach $(domid "$GUEST") mac=00:16:3e:00:09:02 bridge=xenbr0 script=vif-lab ${2:-}"
    start_netfront "${1:-}"
}

# Takes the vif away and gives the kernel its driver back.
detach_netfront() {
    stop_netfront
    run dom0 "xl network-detach $(domid "$GUEST") 0"
    run "$GUEST" "insmod /lab/modules/*-xen-netfront.ko"
}

start_netfront() { # [OPTIONS]
    start netfront "$GUEST" "xenring --verbose netfront --device 0 --tap xr0 ${1:-} & echo \$! > /tmp/netfront.pid; wait \$!"
    wait_until "$GUEST" "grep -q 1 /sys/class/net/xr0/carrier || { ip link set xr0 up; false; }"
    run "$GUEST" "ip addr add 10.9.0.2/24 dev xr0; ip link show xr0 | grep -q 00:16:3e:00:09:02"
}

stop_netfront() { # it closes the device first
    run "$GUEST" "kill -USR1 \$(cat /tmp/netfront.pid); usleep 300000; kill -TERM \$(cat /tmp/netfront.pid)"
    netfront_status=0
    finish netfront 60 || netfront_status=$?
    expect "netfront ended with $netfront_status, not by SIGTERM" test "$netfront_status" = 143
    expect "the device is not closed" test "$(xenstore-read "/local/domain/$(domid "$GUEST")/device/vif/0/state")" = 6
}

start_linux_netback() { # [PARAMETERS]
    brctl addbr xenbr0 2> /dev/null || true
    ip addr add 10.9.0.1/24 dev xenbr0 2> /dev/null || true
    ip link set xenbr0 up
    run dom0 "insmod /lab/extra/xen-netback.ko ${1:-}"
}

stop_linux_netback() {
    run dom0 "rmmod xen-netback"
}
