# A process is killed while bytes flow: each side, in each role, sending and receiving.
# guests: pv pvh
# timeout: 600
# needs: xenring libxenvchan_peer

. /lab/breaks.sh

kill_one() { # SERVER_SIDE CLIENT_SIDE SENDER VICTIM, the last two server or client
    start_flow "$1" "$2" "$3"
    if [ "$4" = server ]; then victim_side=$1; else victim_side=$2; fi
    break_flow run "$victim_side" "killall -9 xenring"
    expect_peer_lost "$(other "$4")" "$DIED"
    expect "the killed $4 still runs" ends "$4" 15
}

for sender in server client; do
    for victim in server client; do
        kill_one dom0 "$GUEST" "$sender" "$victim"
        kill_one "$GUEST" dom0 "$sender" "$victim"
    done
done
