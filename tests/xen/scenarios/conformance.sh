# The seam's conformance suite: the tests in dom0, their agent in the guest, which they destroy last.
# guests: pv pvh
# timeout: 300
# needs: conformance_agent conformance_xen

start agent "$GUEST" "exec conformance_agent xen"
start suite dom0 "conformance_xen --far-domid $(domid "$GUEST") --destroy '. /lab/guests.sh && destroy_guest $GUEST'"
finish suite 280
