#!/usr/bin/env bash
# Breaks the rules of cmake/check-arrows in a copy of the tree, one at a time: each is found.
# arrows_test.sh TREE
set -euo pipefail
tree=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { "$tree/cmake/check-arrows" "$work" >/dev/null 2>&1; }

for room in ring grant vchan net backend frontend tools; do
    cp -r "$tree/$room" "$work"
done
check || { echo "the tree itself breaks a rule"; exit 1; }

must_be_found() { # FILE LINE
    echo "$2" >"$work/$1"
    ! check || { echo "not found: $2 in $1"; exit 1; }
    rm "$work/$1"
}

for place in grant grant/impl grant/local vchan net backend frontend tools; do
    must_be_found "$place/broken.cpp" '#include <xengnttab.h>'
done
must_be_found ring/broken.hpp '#include <xenring/grant/types.hpp>'
must_be_found grant/broken.hpp '#include <xenring/vchan/stream.hpp>'
must_be_found vchan/broken.hpp '#include <xenring/net/checksum.hpp>'
must_be_found net/broken.hpp '#include <xenring/vchan/stream.hpp>'
must_be_found backend/broken.hpp '#include <xenring/frontend/netfront.hpp>'
must_be_found frontend/broken.hpp '#include <xenring/backend/netback.hpp>'
must_be_found vchan/broken.cpp 'std::memory_order_relaxed'
