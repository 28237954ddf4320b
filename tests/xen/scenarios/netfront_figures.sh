# Our netfront beside Linux's in the same guest, both with Linux's netback in dom0; and ours with ours, where pages
# stay granted.
# guests: pv pvh
# timeout: 1200
# needs: xenring
# measures

. /lab/net_figures.sh
for round in 1 2 3; do
    start_linux_netback
    attach_vif "$GUEST"
    measure linux
    detach_vif "$GUEST"
    attach_netfront
    measure our_netfront
    detach_netfront
    stop_linux_netback

    start_netback
    attach_netfront
    measure ours_with_ours
    figure_costs ours_with_ours
    detach_netfront
    stop_netback
done
compare_all linux our_netfront ours_with_ours
tell_costs ours_with_ours
