"""The part that is measured on real Xen: scenarios of the lab, which print their figures."""

import os
import re
import subprocess
import sys

from .measure import Failed
from .targets import Observation, verdicts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIOS = ("vchan_figures", "net_figures", "netfront_figures")
FIGURE = re.compile(r"figure: (?P<what>.*): (?P<who>[^:]*): (?P<value>[0-9.]+) (?P<unit>\S+)"
                    r"(, (?P<ratio>[0-9.]+) times)?$")
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


def observations(found):
    """What targets can look at: each figure, and where there is one its ratio to the first contender's."""
    seen = []
    for told in filter(None, map(FIGURE.match, found["lines"])):
        seen.append(Observation("xen", told["what"], told["who"], float(told["value"])))
        if told["ratio"]:
            seen.append(Observation("xen", told["what"], told["who"], float(told["ratio"]), "the first"))
    return seen


def table(found, targets):
    """Rows for the report: ratios to the first contender, and beside them the counts."""
    rows = ["", "| what | whose | median | ratio | target |", "| --- | --- | --- | --- | --- |"]
    others = []
    seen = observations(found)
    for line in found["lines"]:
        told = FIGURE.match(line)
        if not told:
            others.append("- " + line.removeprefix("figure: "))
            continue
        rows.append(f"| {told['what']} | {told['who']} | {told['value']} {told['unit']} | {told['ratio'] or ''} | "
                    f"{verdicts(targets, seen, told['what'], told['who'])} |")
    return rows + [""] + others
