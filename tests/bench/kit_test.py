#!/usr/bin/env python3
"""How ./dev bench computes and reports: what it says of figures that are made up."""

import fnmatch
import json
import os
import sys
import tempfile
import unittest

BENCH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "bench")
sys.path.insert(0, BENCH)

from benchkit import measure, report, ring, targets, vchan, xen  # noqa: E402
from benchkit.targets import Observation, Target  # noqa: E402


def case_of(figures, **more):
    """A case whose subjects give these figures, run after run."""
    runs = {name: iter(values) for name, values in figures.items()}
    return measure.Case("part", "case", "ns", False, {name: lambda run=run: next(run) for name, run in runs.items()},
                        **more)


class Measuring(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_pairs(self):
        result = measure.measure(case_of({"ours": [1, 2, 30], "other": [2, 2, 10]}), 3)
        self.assertEqual(result["medians"], {"ours": 2, "other": 2})
        self.assertEqual(result["ratios"]["other"]["median"], 1)
        self.assertEqual((result["ratios"]["other"]["low"], result["ratios"]["other"]["high"]), (0.5, 3))

    def test_counts_are_taken_once_and_stand_beside_the_figure(self):
        taken = []
        result = measure.measure(case_of({"ours": [1, 1]}, counts={"ours": lambda: taken.append(1) or {"calls": 4}}), 2)
        self.assertEqual((result["beside"]["ours"], len(taken)), ({"calls": 4}, 1))


class Targets(unittest.TestCase):
    def test_a_bound_is_at_least_or_at_most(self):
        for bounds in ({}, {"at_least": 1.0, "at_most": 2.0}):
            with self.assertRaises(ValueError):
                Target("what", "part", ("*",), **bounds)

    def test_a_verdict_says_by_how_much_it_is_missed(self):
        least = Target("what", "part", ("case",), to="peer", at_least=4.0)
        self.assertEqual(least.verdict(Observation("part", "case", "ours", 4.0, "peer")), "reached")
        self.assertEqual(least.verdict(Observation("part", "case", "ours", 3.0, "peer")), "missed by 1 (25.0%)")
        self.assertIn("within the interval",
                      least.verdict(Observation("part", "case", "ours", 3.9, "peer", interval=(3.5, 4.2))))

    def test_none_of_something_is_missed_by_what_there_is(self):
        none = Target("what", "part", ("case",), at_most=0.0)
        self.assertEqual(none.verdict(Observation("part", "case", "ours", 0.0)), "reached")
        self.assertEqual(none.verdict(Observation("part", "case", "ours", 12.5)), "missed by 12.5")

    def test_of_many_cases_the_worst_decides(self):
        target = Target("what", "part", ("case *",), to="peer", at_most=1.0, why="because")
        rows = targets.table([target], [Observation("part", f"case {value}", "ours", value, "peer")
                                        for value in (0.5, 2.0, 0.9)])
        self.assertEqual(rows[-1], "| what | at most 1 | 2 to 0.5; 2 of 3 reached | "
                                   "missed by 1 (100.0%) at worst: case 2.0 | because |")

    def test_what_was_not_measured_says_so_and_excuses_nothing(self):
        row = targets.table([Target("what", "part", ("*",), at_most=1.0, why="because")], [])[-1]
        self.assertEqual(row, "| what | at most 1 |  | not measured |  |")

    def test_each_target_of_the_file_finds_a_case(self):
        names = {"ring": [case.name for case in ring.cases("build", 1.0)],
                 "vchan": [case.name for case in vchan.Suite(None, "build", 1.0).cases()]}
        for target in targets.load():
            if target.part in names:
                self.assertTrue(fnmatch.filter(names[target.part], target.cases[0]), target.what)


class Report(unittest.TestCase):
    def test_each_target_stands_in_the_table_on_top_and_in_its_row(self):
        wanted = next(target for target in targets.load() if target.part == "vchan" and target.to and not target.count)
        value = wanted.at_least or wanted.at_most
        result = {"part": "vchan", "name": wanted.cases[0].replace("*", "x"), "unit": "MB/s", "higher_is_better": True,
                  "series": "", "at": 0, "figures": {"ours": [value], wanted.to: [1.0]},
                  "medians": {"ours": value, wanted.to: 1.0}, "beside": {"ours": {}, wanted.to: {}},
                  "ratios": {wanted.to: {"median": value, "low": value, "high": value}}}
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "vchan.json"), "w", encoding="utf-8") as stream:
                json.dump({"part": "vchan", "date": "", "machine": {"cpus": 1, "cpu": "", "system": ""}, "pairs": 1,
                           "quick": False, "command": "", "results": [result]}, stream)
            report.write(directory)
            with open(os.path.join(directory, "report.md"), encoding="utf-8") as stream:
                lines = stream.read().splitlines()
        self.assertTrue(any(line.startswith(f"| {wanted.what} |") and "| reached |" in line for line in lines))
        self.assertTrue(any(line.startswith(f"| {result['name']} |") and "reached" in line for line in lines))


class RealXen(unittest.TestCase):
    LINES = ["figure: pv, TCP to the guest: xenring: 30.5 Mbit/s, 1.20 times",
             "figure: pv, 64 B datagrams to the guest, events a packet: ours_with_ours: 0.0200 each",
             "figure: xenring, tx: 100 packets, for each 0.10 grant copy calls, 1.00 segments copied"]

    def test_figures_are_seen_with_and_without_a_ratio(self):
        seen = xen.observations({"lines": self.LINES})
        self.assertEqual([(each.whose, each.to, each.value) for each in seen],
                         [("xenring", "", 30.5), ("xenring", "the first", 1.2), ("ours_with_ours", "", 0.02)])

    def test_targets_find_their_rows(self):
        table = "\n".join(xen.table({"lines": self.LINES}, targets.load()))
        self.assertIn("| 1.20 | at least 1 the first: reached |", table)
        self.assertIn("| 0.0200 each |  | at most 0.03125: reached |", table)
        self.assertIn("- xenring, tx: 100 packets", table)


if __name__ == "__main__":
    unittest.main()
