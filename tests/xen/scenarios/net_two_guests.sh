# A PV and a PVH guest at once: they reach dom0 and one another through our netback and the bridge.
# timeout: 600
# needs: xenring

. /lab/net.sh
start_netback
for guest in pv pvh; do
    expect "guest $guest does not start" ensure_guest "$guest"
done
attach_vif pv 2
attach_vif pvh 3
pings pv "ping -c 3 -W 10 -q 10.9.0.3"
run pvh "dd if=/dev/urandom of=/tmp/net.data bs=1M count=8 2> /dev/null"
transfer pvh pv 10.9.0.2
pings dom0 "ping -c 3 -W 10 -q 10.9.0.2 && ping -c 3 -W 10 -q 10.9.0.3"
destroy_guest pv
pings dom0 "ping -c 3 -W 10 -q 10.9.0.3"
destroy_guest pvh
stop_netback
