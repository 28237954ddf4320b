#!/usr/bin/env bash
# `./dev xen WORD...` gives the lab what the lab takes: dev_test.sh TREE. A copy of ./dev, with a lab that only tells
# what the real one understands, and with nothing to build.
set -euo pipefail
tree=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/tree/tests/xen"
cp "$tree/dev" "$work/tree/"
cat >"$work/tree/tests/xen/lab" <<TEXT
#!/usr/bin/env python3
import importlib.machinery, importlib.util, sys
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("lab", "$tree/tests/xen/lab")
lab = importlib.util.module_from_spec(importlib.util.spec_from_loader("lab", loader))
loader.exec_module(lab)
options = lab.parse_arguments()
words = getattr(options, "scenario", None) or getattr(options, "guest", None) or []
print(options.command.__name__, len(getattr(options, "bin_dir", [])), *([words] if isinstance(words, str) else words))
TEXT
for program in cmake dpkg-query; do
    printf '#!/bin/sh\necho installed\n' >"$work/bin/$program"
done
chmod +x "$work/tree/tests/xen/lab" "$work/bin"/*

expect() { # WHAT_THE_LAB_UNDERSTANDS WORD...
    local wanted=$1 found
    shift
    found=$(PATH=$work/bin:$PATH "$work/tree/dev" xen "$@" 2>&1 | tail -n 1) || true
    [[ $found == "$wanted" ]] || { echo "FAILED: ./dev xen $*: $found, not $wanted" >&2; exit 1; }
}

expect "shell 4"
expect "shell 4 pv" shell pv
expect "show_list 0" list
expect "show_list 0" list --measures
expect "run_scenarios 4" run
expect "run_scenarios 4 net_ping kernel_log" run net_ping kernel_log
expect "run_scenarios 4 net_ping.pv" run --results "$work" net_ping.pv
expect "report 0 net_ping.pv" report --results "$work" net_ping.pv
[[ $("$tree/dev" xen list) == *net_ping.pv* ]] || { echo "FAILED: ./dev xen list names no scenario" >&2; exit 1; }
