# netback without hotplug scripts: it puts the TAP into the bridge itself and follows the key mtu. With features
# refused, received and transmitted frames share one event channel; and frames go into a file for Wireshark.
# guests: pv pvh
# timeout: 300
# needs: xenring

. /lab/net.sh

advertised() { # KEY: what netback offers
    xenstore-read "/local/domain/0/backend/vif/$(domid "$GUEST")/0/$1" 2> /dev/null || true
}

rm -f /tmp/net.pcap
start_netback "--bridge xenbr0 --without split-event-channels,gso-tcpv6 --pcap /tmp/net.pcap --snapshot-length 128"
run dom0 "xl network-attach $(domid "$GUEST") mac=00:16:3e:00:09:02 script=/bin/true mtu=4000"
guest_address "$GUEST"
expect "split event channels are offered" test "$(advertised feature-split-event-channels)" != 1
expect "gso-tcpv6 is offered" test "$(advertised feature-gso-tcpv6)" != 1
expect "gso-tcpv4 is not offered" test "$(advertised feature-gso-tcpv4)" = 1
expect "the guest uses two event channels" \
    xenstore-exists "/local/domain/$(domid "$GUEST")/device/vif/0/event-channel"
expect "the TAP has not the MTU of the key" \
    test "$(cat "/sys/class/net/vif$(domid "$GUEST").0/mtu")" = 4000
expect "the guest is not told its MTU" \
    test "$(xenstore-read "/local/domain/$(domid "$GUEST")/device/vif/0/mtu")" = 4000
ping_all_sizes
prepare_transfers
transfer_both_ways
both="$(statistics)"
for way in 1 2; do
    for loss in rejected unusable uncopied refused expired; do
        expect "frames were lost: $loss" test "$(counter "$both" $way $loss)" = 0
    done
done
expect "the file holds no frames" test "$(wc -c < /tmp/net.pcap)" -gt 100000
expect "the file is not for Wireshark" test "$(head -c 4 /tmp/net.pcap | od -An -tx1 | tr -d ' ')" = d4c3b2a1
guest_is_content
detach_vif "$GUEST"
stop_netback
rm -f /tmp/net.pcap
