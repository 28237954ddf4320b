# Servers in dom0 wait for a guest that is not there yet; a right that names it already is none until the
# server gives it again (XSA-322).
# guests: pv pvh
# timeout: 200
# needs: xenring libxenvchan_peer

. /lab/vchan.sh

# Which number Xen gives to the next guest is nearly certain, but not quite.
now=$(domid "$GUEST")
for ahead in 1 2 3 4; do
    path=/local/domain/0/data/vchan/$((now + ahead))/lab
    start "server$ahead" dom0 "set -o pipefail; libxenvchan_peer generate 100000 7 |
        xenring vchan listen -N $((now + ahead)) $path"
    wait_until dom0 "xenstore-exists $path/event-channel"
done
destroy_guest "$GUEST"
ensure_guest "$GUEST"
ahead=$(($(domid "$GUEST") - now))
expect "the guest became domain $(domid "$GUEST")" test "$ahead" -ge 1 -a "$ahead" -le 4
start client "$GUEST" "set -o pipefail; $(client "xenring vchan" "" dom0 "$GUEST") < /dev/null |
    libxenvchan_peer digest"
expect "the client failed" finish client
expect "the server failed" finish "server$ahead"
expect_digest client 100000 7
run dom0 "killall -TERM xenring"
