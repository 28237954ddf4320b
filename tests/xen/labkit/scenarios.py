"""The scenarios: shell scripts that dom0 runs, with a header that says what each needs.

    # What it shows, in a line or two.
    # guests: pv pvh          once with each of these guests; "none" for dom0 alone
    # timeout: 120            seconds
    # needs: PROGRAM...       executables of the build tree
    # last                    after all others
    # measures                a benchmark, no test: runs only when it is named
"""

import dataclasses
import glob
import os
import re

from . import LabError

FIELD = re.compile(r"^# (guests|timeout|needs|last|measures)(?:: (.*))?$")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One script with one guest: what is reported as one test."""

    name: str
    script: str
    guest: str
    timeout: int
    needs: tuple
    last: bool
    measures: bool

    def plan_line(self):
        return f"{self.name} {os.path.basename(self.script)} {self.guest} {self.timeout}\n"


def load(directory):
    """All scenarios of a directory, in the order in which they run: a guest's together."""
    scripts = sorted(glob.glob(os.path.join(glob.escape(directory), "*.sh")))
    found = [scenario for script in scripts for scenario in _scenarios_of(script)]
    return sorted(found, key=lambda scenario: (scenario.last, scenario.guest))


def select(scenarios, names):
    """Those of the names, or all tests; a name without its guest means each of its guests."""
    unknown = [name for name in names if not any(_matches(each, name) for each in scenarios)]
    if unknown:
        raise LabError(f"no such scenario: {' '.join(unknown)} (the command list shows them)")
    if not names:
        return [each for each in scenarios if not each.measures]
    return [each for each in scenarios if any(_matches(each, name) for name in names)]


def _matches(scenario, name):
    return scenario.name == name or scenario.name.rpartition(".")[0] == name


def _scenarios_of(script):
    fields = _header(script)
    base = os.path.splitext(os.path.basename(script))[0]
    for guest in fields.get("guests", "none").split():
        yield Scenario(name=base if guest == "none" else f"{base}.{guest}", script=script, guest=guest,
                       timeout=int(fields.get("timeout", "60")),
                       needs=tuple(fields.get("needs", "").split()), last="last" in fields,
                       measures="measures" in fields)


def _header(script):
    fields = {}
    with open(script, encoding="utf-8") as stream:
        for line in stream:
            if not line.startswith("#"):
                break
            match = FIELD.match(line.rstrip())
            if match:
                fields[match.group(1)] = match.group(2) or ""
    return fields
