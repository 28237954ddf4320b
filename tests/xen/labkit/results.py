"""Results of scenarios: read from what dom0 reports, kept in files, shown as tests.

A result is a file NAME.result whose first line is "passed SECONDS" or "failed SECONDS REASON", with the
scenario's log below it. A run that could not happen at all leaves a file SKIPPED with the reason.
"""

import dataclasses
import os
import re

AGAIN = "--- the emulator lost the guest; once more"  # in a log: what follows is the try that counts
GTEST_CASE = re.compile(r"^\s*\[\s+(OK|FAILED)\s+\] ([\w/]+\.[\w/]+)(?:,| \()")


@dataclasses.dataclass
class Result:
    name: str
    passed: bool
    seconds: float
    reason: str = ""
    log: str = ""

    @property
    def tries(self):
        return 1 + self.log.splitlines().count(AGAIN)

    def lines(self):
        """The log of the try that counts."""
        return last_try(self.log.splitlines())

    def figures(self):
        return [line.removeprefix("figure: ") for line in self.lines() if line.startswith("figure: ")]

    def gtest_cases(self):
        """(passed, failed): the names of the GoogleTest cases that ran in the scenario."""
        found = [match.groups() for match in map(GTEST_CASE.match, self.lines()) if match]
        return ([name for word, name in found if word == "OK"],
                [name for word, name in found if word == "FAILED"])

    def summary(self):
        text = f"{'passed' if self.passed else 'FAILED'}  {self.name}  {self.seconds:.1f} s"
        if self.tries > 1:
            text += f" at try {self.tries} (the emulator had lost the guest)"
        if self.reason:
            text += f": {self.reason}"
        passed, failed = self.gtest_cases()
        if passed or failed:
            text += f" ({len(passed)} cases passed, {len(failed)} failed)"
        return "\n".join([text, *(f"    FAILED  {name}" for name in failed),
                          *(f"    {figure}" for figure in self.figures())])


def last_try(lines):
    """What follows the last mark of a try that did not count."""
    return lines[len(lines) - lines[::-1].index(AGAIN):] if AGAIN in lines else lines


class EventReader:
    """Turns dom0's reports into results; fed with whatever pieces of text have arrived."""

    def __init__(self):
        self.ready = False
        self.finished = False
        self.current = None  # the scenario that runs now
        self.tries = 0  # how often one began, again or for the first time
        self._rest = ""
        self._log = []

    def feed(self, text):
        """Gives the results that became complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            result = self._event(line.rstrip("\r"))
            if result:
                yield result

    def log(self):
        """What the scenario that runs now has reported."""
        return "\n".join(self._log) + "\n"

    def _event(self, line):
        word, _, rest = line.partition(" ")
        if word == "log":
            self._log.append(rest)
        elif word == "again":
            self._log.append(AGAIN)
            self.tries += 1
        elif word == "begin":
            self.current, self._log = rest, []
            self.tries += 1
        elif word == "ready":
            self.ready = True
        elif word == "finished":
            self.finished = True
        elif word == "end":
            name, status, seconds = rest.split()
            self.current = None
            reasons = [entry for entry in last_try(self._log) if entry.startswith("FAILED: ")]
            reason = reasons[0].removeprefix("FAILED: ") if reasons else f"exit status {status}"
            return Result(name, status == "0", float(seconds), "" if status == "0" else reason, self.log())
        return None


def write(directory, result):
    word = "passed" if result.passed else "failed"
    with open(os.path.join(directory, result.name + ".result"), "w", encoding="utf-8") as stream:
        stream.write(f"{word} {result.seconds} {result.reason}\n{result.log}")


def read(directory, name):
    """The result of a scenario, or None where it has none."""
    try:
        with open(os.path.join(directory, name + ".result"), encoding="utf-8") as stream:
            first, _, log = stream.read().partition("\n")
    except FileNotFoundError:
        return None
    word, seconds, reason = first.split(" ", 2)
    return Result(name, word == "passed", float(seconds), reason, log)


def clear(directory):
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(directory):
        if name.endswith(".result") or name == "SKIPPED":
            os.unlink(os.path.join(directory, name))


def write_skipped(directory, reason):
    clear(directory)
    with open(os.path.join(directory, "SKIPPED"), "w", encoding="utf-8") as stream:
        stream.write(reason)


def skipped(directory):
    """Why the run did not happen, or None."""
    try:
        with open(os.path.join(directory, "SKIPPED"), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
