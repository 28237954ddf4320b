# A server in dom0 waits for a guest that is not there yet; a right that names it already is none until
# the server gives it again (XSA-322).
# guests: pv pvh
# timeout: 200
# needs: xenring libxenvchan_peer

. /lab/vchan.sh

coming=$(($(domid "$GUEST") + 1))
path=/local/domain/0/data/vchan/$coming/lab
start server dom0 "set -o pipefail; libxenvchan_peer generate 100000 7 | xenring vchan listen -N $coming $path"
wait_until dom0 "xenstore-exists $path/event-channel"
destroy_guest "$GUEST"
ensure_guest "$GUEST"
expect "the guest became domain $(domid "$GUEST"), not $coming" test "$(domid "$GUEST")" = "$coming"
start client "$GUEST" "set -o pipefail; $(client "xenring vchan" "" dom0 "$GUEST") < /dev/null |
    libxenvchan_peer digest"
expect "the client failed" finish client
expect "the server failed" finish server
expect_digest client 100000 7
