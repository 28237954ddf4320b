# A client waits for a server that comes later, and gives up at its deadline when none comes.
# guests: pv pvh
# timeout: 200
# needs: xenring libxenvchan_peer

. /lab/vchan.sh

for pair in "dom0 $GUEST" "$GUEST dom0"; do
    # shellcheck disable=SC2086 # two words on purpose
    set -- $pair
    start late "$2" "xenring vchan connect --wait 1 $(domid "$1") $(vchan_path "$1" "$2")"
    late_status=0
    finish late 30 || late_status=$?
    expect "a client without a server ended with $late_status instead of 1" test "$late_status" = 1
    expect "it does not say why" test -n "$(output late | grep '^xenring: ')"

    start client "$2" "set -o pipefail; $(client "xenring vchan" "" "$1" "$2") < /dev/null |
        libxenvchan_peer digest"
    wait_until "$2" "pidof xenring > /dev/null"
    usleep 2000000
    start server "$1" "set -o pipefail; libxenvchan_peer generate 100000 7 |
        $(server "xenring vchan" -N "$1" "$2")"
    expect "the client failed" finish client
    expect "the server failed" finish server
    expect_digest client 100000 7
done
