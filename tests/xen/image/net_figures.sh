# What a network costs: TCP both ways and UDP datagrams of 64 bytes, of several contenders taken in turn. Medians
# of three rounds, as ratios to the first contender.

. /lab/netfront.sh

megabits() { sed -n 's/.* \([0-9.]*\) Mbits\/sec.*receiver.*/\1/p'; }
datagrams_of() { sed -n 's/.* \([0-9]*\)\/\([0-9]*\) (.*receiver.*/\1 \2/p'; } # lost and all

note() { # WHOSE WHAT NUMBER
    echo "$3" >> "$WORK/$2.$1"
}

# What has come so far out of the interface at the far end, whose name depends on whose netfront it is.
carried() { # from|to, as the guest sees it
    if [ "$1" = from ]; then
        cat "/sys/class/net/vif$(domid "$GUEST").0/statistics/rx_packets"
    else
        run "$GUEST" "cat /sys/class/net/xr0/statistics/rx_packets || cat /sys/class/net/eth0/statistics/rx_packets" > /dev/null
        output run | tail -n 1
    fi
}

serves() { # our netback does
    [ -e "$WORK/netback.pid" ] && kill -0 "$(cat "$WORK/netback.pid")" 2> /dev/null
}

grown() { # NAME, of what our netback counted of both directions from $counted_before to $counted_after
    echo $(($(counter "$counted_after" 1 "$1") + $(counter "$counted_after" 2 "$1") -
        $(counter "$counted_before" 1 "$1") - $(counter "$counted_before" 2 "$1")))
}

for_each_packet() { # COUNT
    echo "$1 $(grown packets)" | awk '{ printf "%.4f", $1 / ($2 ? $2 : 1) }'
}

measure_direction() { # WHOSE from|to [-R]
    run "$GUEST" "iperf3 -c 10.9.0.1 -f m -t 4 ${3:-}"
    note "$1" "tcp_$2" "$(output run | megabits)"
    ! serves || counted_before=$(statistics)
    carried_before=$(carried "$2")
    run "$GUEST" "iperf3 -c 10.9.0.1 -u -l 64 -b 0 -t 4 ${3:-}"
    output run | datagrams_of > "$WORK/datagrams"
    read -r lost all < "$WORK/datagrams"
    note "$1" "carried_$2" $((($(carried "$2") - carried_before) / 4))
    note "$1" "sent_$2" $((all / 4))
    note "$1" "delivered_$2" $(((all - lost) / 4))
    serves || return 0
    counted_after=$(statistics)
    note "$1" "copies_$2" "$(for_each_packet "$(grown copies)")"
    note "$1" "events_$2" "$(for_each_packet $(($(grown events) + $(grown notified))))"
}

# With the guest's interface up, and between these what netback counts if it is ours.
measure() { # WHOSE
    iperf3 -s -D
    wait_until dom0 "netstat -ltn | grep -q ':5201 '"
    measure_direction "$1" from
    measure_direction "$1" to -R
    killall iperf3
}

figure_costs() { # WHOSE: of our netback, since it was started
    statistics | tr ';' '\n' | awk -v whose="$1" '{
        for (i = 1; i < NF; i++) if ($i == "tx" || $i == "rx") way = $i
        for (i = 1; i < NF; i++) n[$i] = $(i + 1)
        for (i = 1; i < NF; i++) if ($(i + 1) == "packets") n["packets"] = $i
        if (n["packets"]) printf "figure: %s, %s: %d packets, for each %.2f grant copy calls, %.2f segments copied, %.2f events in, %.2f out\n",
            whose, way, n["packets"], n["copies"] / n["packets"], n["segments"] / n["packets"], n["events"] / n["packets"], n["notified"] / n["packets"]
        split("", n)
    }'
}

median() { # WHAT WHOSE
    sort -n "$WORK/$1.$2" | sed -n 2p
}

compare() { # WHAT TEXT UNIT CONTENDER...: the first one is the measure
    compare_what=$1 compare_text=$2 compare_unit=$3
    base=$(median "$1" "$4")
    shift 3
    for whose in "$@"; do
        value=$(median "$compare_what" "$whose")
        ratio=$(echo "$value $base" | awk '{ printf "%.2f", $1 / ($2 ? $2 : 1) }')
        figure "$GUEST, $compare_text: $whose: $value $compare_unit, $ratio times"
    done
}

compare_all() { # CONTENDER...
    for way in from to; do
        compare "tcp_$way" "TCP $way the guest" Mbit/s "$@"
        compare "carried_$way" "64 B datagrams $way the guest, carried" /s "$@"
        compare "sent_$way" "64 B datagrams $way the guest, sent" /s "$@"
        compare "delivered_$way" "64 B datagrams $way the guest, received" /s "$@"
    done
}

# What our netback's pair costs for each of these datagrams.
tell_costs() { # WHOSE
    for way in from to; do
        figure "$GUEST, 64 B datagrams $way the guest, grant copies a packet: $1: $(median "copies_$way" "$1") each"
        figure "$GUEST, 64 B datagrams $way the guest, events a packet: $1: $(median "events_$way" "$1") each"
    done
}
