"""The part that is measured on real Xen: scenarios of the lab, which print their figures."""

import os
import re
import subprocess
import sys

from .measure import Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIOS = ("vchan_figures", "net_figures", "netfront_figures")
FIGURE = re.compile(r"figure: (?P<what>.*): (?P<who>[^:]*): (?P<value>[0-9.]+) (?P<unit>\S+), (?P<ratio>[0-9.]+) times")
# By the end of what is measured and whose it is: the target, and whether it is a least.
TARGETS = {
    ("64 KiB writes, default rings", "spinning serves spinning"): (1.5, True),
    ("100 B writes, default rings", "spinning serves spinning"): (5, True),
    ("64 B round trip, default rings", "spinning serves spinning"): (0.25, False),
    ("TCP from the guest", "xenring"): (1.0, True),
    ("TCP to the guest", "xenring"): (1.0, True),
    ("64 B datagrams from the guest, received", "xenring"): (1.5, True),
    ("64 B datagrams to the guest, received", "xenring"): (1.5, True),
    ("64 B datagrams from the guest, received", "ours_with_ours"): (3.0, True),
    ("64 B datagrams to the guest, received", "ours_with_ours"): (3.0, True),
}


def run(build):
    """Runs the scenarios in PV and PVH guests, showing what the lab says; the lines of figures of all."""
    results = os.path.join(build, "bench", "xen")
    os.makedirs(results, exist_ok=True)
    names = [f"{scenario}.{guest}" for guest in ("pv", "pvh") for scenario in SCENARIOS]
    command = [os.path.join(ROOT, "tests", "xen", "lab"), "run", "--results", results]
    for directory in ("tools", "tests/xen"):
        command += ["--bin-dir", os.path.join(build, directory)]
    status = subprocess.run(command + names, stdout=sys.stderr, check=False).returncode
    if status != 0:
        raise Failed(f"the lab: status {status}; what failed is in {results}")
    return [line for name in names for line in figures(os.path.join(results, f"{name}.result"))]


def figures(path):
    with open(path, encoding="utf-8") as stream:
        return [line.strip() for line in stream if line.startswith("figure: ")]


def table(lines):
    """Rows for the report: ratios to the first contender, and beside them the counts."""
    rows = ["", "| what | whose | median | ratio | target |", "| --- | --- | --- | --- | --- |"]
    counts = []
    for line in lines:
        found = FIGURE.match(line)
        if not found:
            counts.append("- " + line.removeprefix("figure: "))
            continue
        rows.append(f"| {found['what']} | {found['who']} | {found['value']} {found['unit']} | {found['ratio']} | "
                    f"{verdict(found)} |")
    return rows + [""] + counts


def verdict(found):
    for (what, who), (target, least) in TARGETS.items():
        if found["what"].endswith(what) and found["who"] == who:
            reached = float(found["ratio"]) >= target if least else float(found["ratio"]) <= target
            return f"at {'least' if least else 'most'} {target:g}: {'reached' if reached else 'missed'}"
    return ""
