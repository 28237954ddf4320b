# A PV guest is a driver domain: netback and `xl devd` run in it, and a PVH guest has a plain vif line that names it.
# netback is killed and restarted there, and the vif is detached at run time.
# timeout: 500
# needs: xenring

. /lab/net.sh

driver_vif="mac=00:16:3e:00:09:03,backend=pv,bridge=xenbr0,script=vif-lab"

start_driver_netback() {
    start netback pv "xenring --verbose netback & echo \$! > /tmp/netback.pid; wait \$!"
}

destroy_guest pv
destroy_guest pvh
expect "the driver domain does not start" create_guest pv "driver_domain = 1"
expect "the driver domain does not answer" await_guest pv
run pv "brctl addbr xenbr0 && ip addr add 10.9.0.1/24 dev xenbr0 && ip link set xenbr0 up"
start devd pv "xl devd -F"
start_driver_netback
wait_until pv "pidof xl && pidof xenring"
expect "the guest does not start" create_guest pvh "vif = ['$driver_vif']"
expect "the guest does not answer" await_guest pvh
guest_address pvh 3
pings pv "ping -c 20 -i 0.05 -W 10 -q 10.9.0.3"
pings pvh "ping -c 3 -i 0.1 -W 10 -q -s 20000 10.9.0.1"

run pv "kill -9 \$(cat /tmp/netback.pid)"
finish netback 20 > /dev/null || true
start_driver_netback
wait_until pvh "ping -c 1 -W 2 -q 10.9.0.1"

run dom0 "xl network-detach pvh 0"
wait_until pvh "! test -e /sys/class/net/eth0"
wait_until pv "! ls -d /sys/class/net/vif*"
destroy_guest pvh
run pv "kill -TERM \$(cat /tmp/netback.pid)"
netback_status=0
finish netback 30 || netback_status=$?
expect "netback ended with $netback_status, not by SIGTERM" test "$netback_status" = 143
destroy_guest pv
