"""A run: one boot, many scenarios, every wait with a limit."""

import os
import time

from . import results

BOOT_SECONDS = 180
SLACK_SECONDS = 60  # for what surrounds a scenario: starting a guest anew, the logs of a failure


class Watcher:
    """Follows a booted machine and writes a result for each scenario of the plan."""

    def __init__(self, machine, plan, directory, show):
        self._machine = machine
        self._plan = {scenario.name: scenario for scenario in plan}
        self._directory = directory
        self._show = show
        self._reader = results.EventReader()
        self._done = {}

    def follow(self):
        """Until all scenarios ended or one hung; gives the results in the order of the plan."""
        began = time.monotonic()
        limit = began + BOOT_SECONDS
        doing, tries, booted = None, 0, False
        with open(self._machine.events, encoding="utf-8", errors="replace") as events:
            while not self._reader.finished:
                alive = self._machine.running
                text = events.read()
                ended = list(self._reader.feed(text))
                if self._reader.ready and not booted:
                    booted = True
                    self._show(f"dom0 is up after {time.monotonic() - began:.0f} s")
                for result in ended:
                    self._finish(result)
                if (self._doing(), self._reader.tries) != (doing, tries):
                    doing, tries = self._doing(), self._reader.tries
                    limit = time.monotonic() + self._seconds_for(doing)
                if not text and not alive:
                    return self._give_up("the machine stopped")
                if time.monotonic() > limit:
                    return self._give_up("the machine hangs")
                time.sleep(0.1)
        return self._in_order()

    def _doing(self):
        return self._reader.current or ("ready" if self._reader.ready else None)

    def _seconds_for(self, doing):
        scenario = self._plan.get(doing)
        return SLACK_SECONDS + (scenario.timeout if scenario else 0)

    def _finish(self, result):
        self._done[result.name] = result
        results.write(self._directory, result)
        self._show(result.summary())

    def _give_up(self, reason):
        """What has no result yet has failed; the first of them with all that is known."""
        known = self._reader.log() + self._tail() + self._machine.complaints()
        stuck = self._reader.current
        for name in sorted(set(self._plan) - set(self._done), key=lambda name: name != stuck):
            first = stuck is None or name == stuck
            text = reason if first else f"not run: {reason} in {stuck}"
            self._finish(results.Result(name, False, 0.0, text, known if first else ""))
            stuck = stuck or name
        return self._in_order()

    def _tail(self):
        with open(self._machine.console, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
        return "\n".join(["--- console of the hypervisor and dom0", *lines[-60:], ""])

    def _in_order(self):
        return [self._done[name] for name in self._plan if name in self._done]


def missing_programs(plan, bin_dirs):
    """Pairs of a scenario and the programs that it needs and the build tree does not have."""
    for scenario in plan:
        missing = [name for name in scenario.needs if find_program(name, bin_dirs) is None]
        if missing:
            yield scenario, missing


def find_program(name, bin_dirs):
    for directory in bin_dirs:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None
