# After everything else: no kernel, and not the hypervisor, has anything to complain about, and no grant is in use.
# guests: none
# timeout: 60
# last

complaints='WARNING|BUG|Oops|Call Trace|general protection|g\.e\. .* still pending|leaking g\.e\.|hung task|rcu:.*stall'

check() { # NAME: standard input is a log
    if grep -E "$complaints"; then
        fail "$1 complains"
    fi
}

expect "dom0's kernel log has lost its beginning" sh -c "dmesg | grep -q 'Linux version'"
dmesg | check "dom0's kernel"
dmesg -r | grep -E "$driver_complaints" && fail "dom0's netback complains"
booted='Freed .* init memory' # what Xen says of the machine before that is none of our business
xl dmesg > "$WORK/hypervisor"
expect "the hypervisor's log has lost the end of its boot" grep -q "$booted" "$WORK/hypervisor"
sed "1,/$booted/d" "$WORK/hypervisor" |
    grep -E '\(XEN\).*(grant_table|event_channel|Xen BUG|WARN|Assertion)' && fail "the hypervisor complains"
for kind in pv pvh; do
    cat "$LAB/$kind.earlier" "$(console_of "$kind")" 2> /dev/null | check "the console of $kind"
    if [ -e "$LAB/$kind.domid" ]; then
        expect "$kind has no kernel log" run "$kind" "dmesg > /tmp/dmesg && ! grep -E '$complaints' /tmp/dmesg"
        expect "a driver of $kind complains" run "$kind" "! dmesg -r | grep -E '$driver_complaints'"
    fi
done
deferred=$(dmesg | grep -c 'deferring g\.e\.') || true
figure "grants whose end dom0's kernel had to defer: $deferred"
expect "grants are left in Xen's tables" test "$(active_grants)" = 0
