"""The targets of targets.toml beside what was measured."""

import dataclasses
import fnmatch
import os
import tomllib

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "targets.toml")


@dataclasses.dataclass(frozen=True)
class Observation:
    """One figure that a target can look at: a subject's own, or its ratio `to` another one's."""

    part: str
    case: str
    whose: str
    value: float
    to: str = ""
    count: str = ""
    interval: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    part: str
    cases: tuple[str, ...]
    to: str = ""
    count: str = ""
    whose: str = "ours"
    at_least: float | None = None
    at_most: float | None = None
    why: str = ""

    def __post_init__(self):
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.what}: either at_least or at_most")

    @property
    def bound(self):
        return f"at least {self.at_least:g}" if self.at_most is None else f"at most {self.at_most:g}"

    def looks_at(self, seen):
        return ((seen.part, seen.whose, seen.to) == (self.part, self.whose, self.to)
                and fnmatch.fnmatchcase(seen.count, self.count)
                and any(fnmatch.fnmatchcase(seen.case, pattern) for pattern in self.cases))

    def is_reached(self, value):
        return value >= self.at_least if self.at_most is None else value <= self.at_most

    def verdict(self, seen):
        """Whether a figure reaches it, and if not, by how much it misses."""
        if self.is_reached(seen.value):
            return "reached"
        bound = self.at_least if self.at_most is None else self.at_most
        within = seen.interval and seen.interval[0] <= bound <= seen.interval[1]
        return (f"missed by {abs(seen.value - bound):.3g}" + (f" ({abs(seen.value / bound - 1):.1%})" if bound else "")
                + (", the bound being within the interval" if within else ""))


def load():
    with open(PATH, "rb") as stream:
        return [Target(**each | {"cases": tuple(each["cases"])}) for each in tomllib.load(stream)["target"]]


def table(targets, seen):
    """A row for each target: what was measured, and what is to say of a miss."""
    lines = ["| what | target | measured | outcome | why, and what would have to change |",
             "| --- | --- | --- | --- | --- |"]
    for target in targets:
        found = [each for each in seen if target.looks_at(each)]
        measured, outcome = summary(target, found) if found else ("", "not measured")
        why = target.why if found and outcome != "reached" else ""
        lines.append(f"| {target.what} | {target.bound} | {measured} | {outcome} | {why} |")
    return lines


def summary(target, found):
    """Of many figures the range, and the outcome of the worst one."""
    found = sorted(found, key=lambda each: each.value, reverse=target.at_most is not None)
    worst, best = found[0], found[-1]
    outcome = target.verdict(worst)
    if len(found) == 1:
        return f"{worst.value:.3g}", outcome
    reached = sum(target.is_reached(each.value) for each in found)
    if reached == len(found):
        return f"{worst.value:.3g} to {best.value:.3g}", outcome
    return (f"{worst.value:.3g} to {best.value:.3g}; {reached} of {len(found)} reached",
            f"{outcome} at worst: {worst.case}")


def verdicts(targets, seen, case, whose="ours"):
    """What a case's row says of the targets that look at it."""
    return "<br>".join(f"{target.bound}{' ' + each.to if each.to else ''}{' ' + each.count if each.count else ''}: "
                       f"{target.verdict(each)}"
                       for target in targets for each in seen
                       if (each.case, each.whose) == (case, whose) and target.looks_at(each))
