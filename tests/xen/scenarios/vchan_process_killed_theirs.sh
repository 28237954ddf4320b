# A process is killed while bytes flow between ours and libxenvchan: either of them, in each role.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/breaks.sh
ours="xenring vchan" theirs=libxenvchan_peer

kill_one() { # SERVER_SIDE SERVER_TOOL CLIENT_SIDE CLIENT_TOOL SENDER VICTIM
    start_flow "$1" "$3" "$5" "$2" "$4"
    if [ "$6" = server ]; then victim_side=$1 victim_tool=$2; else victim_side=$3 victim_tool=$4; fi
    break_flow run "$victim_side" "killall -9 ${victim_tool%% *}"
    case "$victim_tool,$6" in
    "$theirs,server") expect_peer_lost client "$DIED" ;; # it left its keys in the store
    "$theirs,client") expect_peer_left server ;;         # the page shows the same after a close
    *) expect_peer_left "$(other "$6")" ;;               # libxenvchan knows no difference
    esac
    expect "the killed $6 still runs" ends "$6" 15
}

# Each pair once with dom0 as the server and once with the guest.
for sender in server client; do
    for victim in server client; do
        kill_one dom0 "$ours" "$GUEST" "$theirs" "$sender" "$victim"
        kill_one "$GUEST" "$theirs" dom0 "$ours" "$sender" "$victim"
    done
done
kill_one dom0 "$theirs" "$GUEST" "$ours" server server
kill_one "$GUEST" "$ours" dom0 "$theirs" client client
