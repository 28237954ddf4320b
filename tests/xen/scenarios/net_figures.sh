# Our netback beside Linux's, with the same guest and its kernel's netfront.
# guests: pv pvh
# timeout: 900
# needs: xenring
# measures

. /lab/net_figures.sh
for round in 1 2 3; do
    start_linux_netback
    attach_vif "$GUEST"
    measure linux
    detach_vif "$GUEST"
    stop_linux_netback

    start_netback
    attach_vif "$GUEST"
    measure xenring
    figure_costs xenring
    detach_vif "$GUEST"
    stop_netback
done
compare_all linux xenring
tell_costs xenring
