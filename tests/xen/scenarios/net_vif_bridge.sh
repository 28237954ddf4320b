# A vif line that names no script gets Xen's own, vif-bridge; with vifname= that renames our TAP as well, which
# stays its vif's when netback is killed.
# guests: pv
# timeout: 400
# needs: xenring

. /lab/net.sh

attach_plain_vif() { # [KEY=VALUE]
    run dom0 "xl network-attach $(domid "$GUEST") mac=00:16:3e:00:09:02 bridge=xenbr0 ${1:-}"
    guest_address "$GUEST"
}

start_netback
attach_plain_vif
expect "vif-bridge has not put the TAP into the bridge" \
    test -e "/sys/class/net/xenbr0/brif/vif$(domid "$GUEST").0"
pings dom0 "ping -c 20 -i 0.05 -W 10 -q 10.9.0.2"
pings "$GUEST" "ping -c 2 -W 10 -q -s 20000 10.9.0.1"
detach_vif "$GUEST"
expect "a TAP is left over" no_vifs

attach_plain_vif vifname=lan0
expect "the TAP has not the name that was asked for" test -e /sys/class/net/xenbr0/brif/lan0
pings dom0 "ping -c 5 -i 0.05 -W 10 -q 10.9.0.2"
kill -9 "$(cat "$WORK/netback.pid")"
finish netback 5 > /dev/null || true
start_netback
wait_until dom0 "ping -c 1 -W 2 10.9.0.2"
expect "the TAP was made anew" test -e /sys/class/net/xenbr0/brif/lan0
detach_vif "$GUEST"
expect "the renamed TAP is left over" sh -c "! test -e /sys/class/net/lan0"
xenstore-rm /local/domain/lan0 # vif-bridge takes the name for vifDOMID.DEVICE and writes the MTU there
stop_netback
