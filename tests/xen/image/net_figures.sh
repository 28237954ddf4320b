# What a network costs: TCP both ways and UDP datagrams of 64 bytes, of several contenders taken in turn. Medians
# of three rounds, as ratios to the first contender.

. /lab/netfront.sh

megabits() { sed -n 's/.* \([0-9.]*\) Mbits\/sec.*receiver.*/\1/p'; }
datagrams_of() { sed -n 's/.* \([0-9]*\)\/\([0-9]*\) (.*receiver.*/\1 \2/p'; } # lost and all

note() { # WHOSE WHAT NUMBER
    echo "$3" >> "$WORK/$2.$1"
}

measure_direction() { # WHOSE LABEL [-R]
    run "$GUEST" "iperf3 -c 10.9.0.1 -f m -t 4 ${3:-}"
    note "$1" "tcp_$2" "$(output run | megabits)"
    run "$GUEST" "iperf3 -c 10.9.0.1 -u -l 64 -b 0 -t 4 ${3:-}"
    output run | datagrams_of > "$WORK/datagrams"
    read -r lost all < "$WORK/datagrams"
    note "$1" "forwarded_$2" $((all / 4))
    note "$1" "delivered_$2" $(((all - lost) / 4))
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
    compare tcp_from "TCP from the guest" Mbit/s "$@"
    compare tcp_to "TCP to the guest" Mbit/s "$@"
    compare forwarded_from "64 B datagrams from the guest, sent" /s "$@"
    compare delivered_from "64 B datagrams from the guest, received" /s "$@"
    compare forwarded_to "64 B datagrams to the guest, sent" /s "$@"
    compare delivered_to "64 B datagrams to the guest, received" /s "$@"
}
