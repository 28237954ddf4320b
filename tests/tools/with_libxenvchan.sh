# Our command and Xen's own libxenvchan, unmodified, as each other's peer on the stand-in.
# $XENRING is our command, $PEER a small program on libxenvchan, $OUR_PEER the same on our stream.
source "$(dirname "${BASH_SOURCE[0]}")/stand_in.sh"

ours() { exec "$XENRING" --domid "$1" vchan "${@:2}"; }
theirs() { exec "$XENRING" --domid "$1" run -- "$PEER" "${@:2}"; }
server_path=/local/domain/1/data/vchan/2
rings="--ring 4096:4096"

# A process is asleep and stays so: it was not run between two looks.
blocked() { # PROCESS
    local before after
    before=$(grep -E '^(State|(non)?voluntary_ctxt)' "/proc/$1/status")
    sleep 0.1
    after=$(grep -E '^(State|(non)?voluntary_ctxt)' "/proc/$1/status")
    [[ $before == "$after" && $before == *sleeping* ]]
}
stopped() { grep -q '^State:.*stopped' "/proc/$1/status"; }
