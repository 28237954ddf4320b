# A guest's network through a netback in dom0: dom0 is 10.9.0.1 on the bridge xenbr0, guests are 10.9.0.2
# and up, each with a vif line and the hotplug script vif-lab.
INTERFACE=eth0 # the guest's

start_netback() { # [OPTIONS]
    brctl addbr xenbr0 2> /dev/null || true
    ip addr add 10.9.0.1/24 dev xenbr0 2> /dev/null || true
    ip link set xenbr0 up
    start netback dom0 "exec xenring --verbose netback${1:+ $1}"
}

stop_netback() { # it closes every vif first
    kill -TERM "$(cat "$WORK/netback.pid")"
    netback_status=0
    finish netback 30 || netback_status=$?
    expect "netback ended with $netback_status, not by SIGTERM" test "$netback_status" = 143
    expect "TAPs are left over" no_vifs
}

no_vifs() { ! ls -d /sys/class/net/vif* 2> /dev/null; }

vif_line() { # NUMBER [,KEY=VALUE]: the configuration of a guest with one vif
    echo "vif = ['mac=00:16:3e:00:09:0$1,bridge=xenbr0,script=vif-lab${2:-}']"
}

# Starts the guest anew with a vif.
guest_with_vif() { # KIND [NUMBER [,KEY=VALUE [LINES]]]
    destroy_guest "$1"
    expect "guest $1 does not start with a vif" create_guest "$1" "$(vif_line "${2:-2}" "${3:-}")
${4:-}"
    expect "guest $1 does not answer" await_guest "$1"
    guest_address "$1" "${2:-2}"
}

# Gives a guest that runs already a vif, and takes it away: cheaper than booting one.
attach_vif() { # KIND [NUMBER [KEY=VALUE]]
    run dom0 "xl network-attach $(domid "$1") mac=00:16:3e:00:09:0${2:-2} bridge=xenbr0 script=vif-lab ${3:-}"
    guest_address "$1" "${2:-2}"
}

detach_vif() { # KIND
    run dom0 "xl network-detach $(domid "$1") 0"
    wait_until "$1" "! test -e /sys/class/net/eth0"
}

guest_address() { # KIND [NUMBER]
    wait_until "$1" "test -e /sys/class/net/eth0 && ip link set eth0 up && grep -q 1 /sys/class/net/eth0/carrier"
    run "$1" "ip addr add 10.9.0.${2:-2}/24 dev eth0"
}

ping_all_sizes() {
    sizes="56 1000 1472 1473 4000 20000 60000"
    pings dom0 "for size in $sizes; do ping -c 2 -i 0.1 -W 10 -q -s \$size 10.9.0.2 || exit; done"
    pings "$GUEST" "for size in $sizes; do ping -c 2 -i 0.1 -W 10 -q -s \$size 10.9.0.1 || exit; done"
    pings dom0 "ping -c 200 -i 0.01 -W 10 -q 10.9.0.2"
}

# Runs a command that pings: ping itself is content with one answer of many.
pings() { # SIDE COMMAND
    run "$1" "$2"
    expect "pings are lost" sh -c "! echo '$(output run)' | grep 'packet loss' | grep -v ' 0% packet loss'"
}

# Whether netback's process has memory of guests mapped now.
maps_grants() { grep -q gntdev "/proc/$(cat "$WORK/netback.pid")/maps"; }

# What netback's process has open and mapped, its ports, and the grants in use: the same after a vif as before it.
holdings() {
    holder=$(cat "$WORK/netback.pid")
    holder_ports=$(lsevtchn 0 | wc -l)
    expect "lsevtchn shows nothing" test "$holder_ports" -gt 0
    echo "$(ls "/proc/$holder/fd" | wc -l) descriptors, $(grep -c gntdev "/proc/$holder/maps") mappings," \
        "$holder_ports ports of dom0, $(active_grants) grants in use"
}

statistics() { # what netback counted so far
    statistics_lines=$(grep -c packets "$WORK/netback.out") || true
    kill -USR1 "$(cat "$WORK/netback.pid")"
    expect "netback does not say what it counted" poll 10 has_more_statistics
    grep packets "$WORK/netback.out" | tail -n 1
}

has_more_statistics() { [ "$(grep -c packets "$WORK/netback.out")" -gt "$statistics_lines" ]; }

counter() { # STATISTICS 1|2 NAME: of what the guest transmits, or of what it receives; 0 if it is not there
    echo "$1" | cut -d ';' -f "$2" | awk -v name="$3" '{
        for (i = 1; i <= NF; i++) if (name == "packets" && $i == name) n = $(i - 1); else if ($i == name) n = $(i + 1)
        print n + 0
    }'
}

# What a receiver runs: what comes for the port goes to /tmp/net.got (or FILE). Its input must not end, because nc ends
# a connection both ways.
receive() { # PORT [FILE]
    echo "rm -f /tmp/net.open; mkfifo /tmp/net.open; nc -l -p $1 <> /tmp/net.open > ${2:-/tmp/net.got}"
}

# Sends /tmp/net.data over TCP and compares what arrived.
transfer() { # FROM TO ADDRESS_OF_TO
    start receiver "$2" "$(receive 5000)"
    wait_until "$2" "netstat -ltn | grep -q ':5000 '"
    began=$(cut -d ' ' -f 1 /proc/uptime)
    run "$1" "nc $3 5000 < /tmp/net.data"
    expect "the receiver failed" finish receiver 120
    echo "$began $(cut -d ' ' -f 1 /proc/uptime)" | awk -v to="$3" '{ printf "to %s: %.2f s\n", to, $2 - $1 }'
    expect_same "$1" "$2"
}

# Gives both ends 12 MB to send, and an address of IPv6 beside that of IPv4.
prepare_transfers() {
    data="dd if=/dev/urandom of=/tmp/net.data bs=1M count=12 2> /dev/null"
    run dom0 "echo 0 > /proc/sys/net/ipv6/conf/xenbr0/accept_dad; ip addr add fd09::1/64 dev xenbr0 2> /dev/null; $data"
    run "$GUEST" "echo 0 > /proc/sys/net/ipv6/conf/$INTERFACE/accept_dad; ip addr add fd09::2/64 dev $INTERFACE; $data"
}

transfer_both_ways() {
    for network in 10.9.0. fd09::; do
        transfer dom0 "$GUEST" "${network}2"
        transfer "$GUEST" dom0 "${network}1"
    done
}

# Frames of up to 9000 bytes, whole pings and TCP.
jumbo_frames() {
    run dom0 "ip link set vif$(domid "$GUEST").0 mtu 9000 && ip link set xenbr0 mtu 9000"
    run "$GUEST" "ip link set $INTERFACE mtu 9000"
    pings "$GUEST" "ping -c 3 -W 10 -q -s 8900 10.9.0.1"
    pings dom0 "ping -c 3 -W 10 -q -s 8900 10.9.0.2"
    transfer dom0 "$GUEST" fd09::2
    transfer "$GUEST" dom0 10.9.0.1
    run "$GUEST" "ip link set $INTERFACE mtu 1500"
    run dom0 "ip link set xenbr0 mtu 1500"
}

expect_same() { # FROM TO: /tmp/net.got there is /tmp/net.data here
    run "$1" "wc -c < /tmp/net.data; sha256sum < /tmp/net.data"
    wanted=$(output run)
    run "$2" "wc -c < /tmp/net.got; sha256sum < /tmp/net.got"
    expect "what arrived is not what was sent" test "$(output run)" = "$wanted"
}

# Frames on dom0's side are larger than the MTU: what offload passes through is in one piece there.
tcp_both_ways() {
    iperf3 -s -D
    wait_until dom0 "netstat -ltn | grep -q ':5201 '"
    large_frames rx "iperf3 -c 10.9.0.1 -f m -t 2"
    large_frames tx "iperf3 -c 10.9.0.1 -f m -t 2 -R"
    killall iperf3
}

large_frames() { # rx|tx, of the vif in dom0; COMMAND of the guest that fills this way
    before_bytes=$(of_vif "$1_bytes") before_packets=$(of_vif "$1_packets")
    run "$GUEST" "$2"
    frame_size=$((($(of_vif "$1_bytes") - before_bytes) / ($(of_vif "$1_packets") - before_packets)))
    echo "$frame_size bytes in a frame"
    expect "frames of $frame_size bytes were segmented before dom0" test "$frame_size" -gt 1514
}

of_vif() { # COUNTER of the vif in dom0
    cat "/sys/class/net/vif$(domid "$GUEST").0/statistics/$1"
}

guest_is_content() { # the guest's kernel has nothing to say against its backend
    run "$GUEST" "! dmesg -r | grep -E '$driver_complaints'"
    run "$GUEST" "! test -e /sys/class/net/eth0 || ethtool -S eth0 | grep -E 'rx_gso_checksum_fixup: 0\$'"
}

# Sends COUNT datagrams of 64 bytes as fast as it can. Sockets may drop what comes too fast, and so may the queue
# of dom0's interface, which counts it; but no frame is lost between the guest's interface and dom0's.
datagrams() { # FROM TO ADDRESS_OF_TO COUNT
    dropped_before=$(of_vif tx_dropped) sent_before=$(of_vif tx_packets)
    apart_tx=$(apart_at_rest tx_packets rx_packets) apart_rx=$(apart_at_rest rx_packets tx_packets)
    start server "$2" "iperf3 -s -1 -f k"
    wait_until "$2" "netstat -ltn | grep -q ':5201 '"
    start client "$1" "iperf3 -c $3 -u -l 64 -b 0 -k $4 -f k"
    expect "the client failed" finish client 1000
    expect "the server failed" finish server 30
    expect "not all datagrams were sent" sh -c "echo '$(output client)' | grep -q '0/$4 .*sender'"
    dropped=$(($(of_vif tx_dropped) - dropped_before))
    figure "$4 datagrams $1 to $2: $(output client | sed -n 's/.*\/sec  \(.*\)receiver.*/jitter, lost: \1/p' | tail -n 1)," \
        "$dropped dropped by the queue of dom0's interface"
    expect "frames are lost on the way to dom0" poll 20 as_far_apart "$apart_tx" tx_packets rx_packets
    expect "frames are lost on the way to the guest" poll 20 as_far_apart "$apart_rx" rx_packets tx_packets
    sent=$(($(of_vif tx_packets) - sent_before))
    [ "$1" != dom0 ] || expect "only $sent frames were sent and $dropped dropped" test $((sent + dropped)) -ge "$4"
}

# How many more frames the guest's interface has counted than dom0's: before the guest's was up, some were lost.
apart() { # COUNTER_OF_THE_GUEST COUNTER_OF_DOM0
    run "$GUEST" "cat /sys/class/net/$INTERFACE/statistics/$1" > /dev/null
    echo $(($(output run) - $(of_vif "$2")))
}

apart_at_rest() { # COUNTER_OF_THE_GUEST COUNTER_OF_DOM0: with no frame on its way
    at_rest=""
    until [ "$at_rest" = "${at_rest_before:-none}" ]; do
        at_rest_before=$at_rest
        pause 0.2
        at_rest=$(apart "$1" "$2")
    done
    echo "$at_rest"
}

as_far_apart() { # FRAMES COUNTER_OF_THE_GUEST COUNTER_OF_DOM0
    apart_now=$(apart "$2" "$3")
    echo "$2 in the guest and $3 in dom0 differ by $apart_now frames, earlier by $1"
    test "$apart_now" = "$1"
}
