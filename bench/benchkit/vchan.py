"""Byte streams on the stand-in: ours and libxenvchan between two processes as two domains, what the kernel has
for two processes, and what the machine allows."""

import functools
import os

from .measure import Case, output_of, sample_of
from .stand_in import StandIn, figure

RINGS = (1024, 4096, 65536, 1 << 20)
WRITES = {64: 20e6, 1500: 200e6, 65536: 400e6}  # and how much is sent
TARGETS = {64: 4.0, 1500: 2.5, 65536: 1.5}  # of ours to libxenvchan, rings of 64 KiB


def cases(build, scale):
    with StandIn(build) as machine:
        suite = Suite(machine, build, scale)
        yield from suite.streams()
        yield from suite.in_place()
        yield from suite.events()
        yield from suite.round_trips()
        yield from suite.openings()
        yield from suite.limits()


class Suite:
    def __init__(self, machine, build, scale):
        self._machine, self._scale = machine, scale
        peers = os.path.join(build, "tests", "xen")
        self._ours, self._theirs = ([os.path.join(peers, name)] for name in ("xenring_peer", "libxenvchan_peer"))
        self._both = {"ours": self._ours, "libxenvchan": self._theirs}
        self._channels, self._limits, self._machine_limits = (
            os.path.join(build, "bench", name) for name in ("channel_bench", "stream_limit", "limit_bench"))

    def streams(self):
        for ring in RINGS:
            for size in WRITES:
                subjects = {name: self._flood(peer, ring, size, "sink", self._speed)
                            for name, peer in self._both.items()}
                for name in ("pipe", "unix"):
                    subjects[name] = self._run([self._channels, name, "flood", *self._amount(ring, size), str(ring)])
                subjects["two-copy limit"] = self._run([self._limits, "stream", str(size), str(ring)])
                targets = {"libxenvchan": TARGETS[size]} if ring == 65536 else {}
                if ring == 1 << 20:
                    targets["two-copy limit"] = 0.7
                yield Case("vchan", f"stream, writes of {size} bytes, rings of {ring >> 10} KiB", "MB/s", True,
                           subjects, targets, f"stream, rings of {ring >> 10} KiB", size)

    def in_place(self):
        for ring in (65536, 1 << 20):
            yield Case("vchan", f"stream read in place, writes of 65536 bytes, rings of {ring >> 10} KiB", "MB/s", True,
                       {"ours": self._flood(self._ours, ring, 65536, "sink-spans", self._speed),
                        "one-copy limit": self._run([self._limits, "touch", "65536", str(ring)])},
                       {"one-copy limit": 0.9})

    def events(self):
        """Of both sides; reads are of 64 KiB."""
        for size in WRITES:
            yield Case("vchan", f"events per MiB, writes of {size} bytes, rings of 64 KiB", "events", False,
                       {name: self._flood(peer, 65536, size, "sink", self._events_per_mib)
                        for name, peer in self._both.items()}, {"libxenvchan": 0.01})

    def round_trips(self):
        rounds = str(max(100, int(4000 * self._scale)))
        for what in ("median", "p99", "p99.9"):
            pattern = rf"([0-9.]+) us {what}"
            subjects = {"ours": self._ping([*self._ours], ["--spin", "0"], rounds, pattern),
                        "libxenvchan": self._ping(self._theirs, [], rounds, pattern)}
            for name in ("pipe", "unix"):
                subjects[name] = self._run([self._channels, name, "ping", "64", rounds], pattern)
            yield Case("vchan", f"round trip, 64 bytes, blocking, {what}", "us", False, subjects,
                       {"libxenvchan": 1.0} if what == "median" else {})
        for what in ("median", "p99", "p99.9"):
            yield Case("vchan", f"round trip, 64 bytes, polled, {what}", "us", False,
                       {"ours": self._ping(self._ours, ["--spin", "1000000"], str(int(rounds) * 10),
                                           rf"([0-9.]+) us {what}"),
                        "cache line": self._microseconds("line")},
                       {"cache line": 3.0} if what == "median" else {})
        yield Case("vchan", "wake-ups in a second while blocked in a read", "wake-ups", False,
                   {"ours": functools.partial(self._machine.idle_wakeups, self._ours)})

    def openings(self):
        yield Case("vchan", "connecting one client after another, default rings, 64 kept", "us", False,
                   {name: functools.partial(self._machine.open_many, peer, 64) for name, peer in self._both.items()},
                   {"libxenvchan": 1.0})

    def limits(self):
        """What is not beside a case already."""
        for name, what in (("a system call", "syscall"), ("a cache line there and back", "line")):
            yield Case("vchan", f"limit: {name}", "us", False, {"machine": self._microseconds(what)})
        for size in WRITES:
            yield Case("vchan", f"limit: copying {size} bytes", "MB/s", True,
                       {"machine": self._run([self._limits, "copy", str(size)])})

    def _amount(self, ring, size):
        return [str(int(WRITES[size] * self._scale / (8 if ring < 65536 else 1))), str(size)]

    def _flood(self, peer, ring, size, sink, result):
        amount = self._amount(ring, size)
        return lambda: result(*self._machine.talk(peer, ["--ring", str(ring)], ["flood", *amount], [sink]), amount)

    def _ping(self, peer, options, rounds, pattern):
        """The client must spin as the server does."""
        tool = [*peer, *options]
        return lambda: figure(self._machine.talk(tool, [], ["echo"], ["ping", "64", rounds])[0], pattern)

    def _microseconds(self, what):
        return lambda: sample_of([self._machine_limits, what, "1", "200000"]).figure / 1000

    @staticmethod
    def _speed(printed, _events, _amount):
        return figure(printed, r"([0-9.]+) MB/s")

    @staticmethod
    def _events_per_mib(_printed, events, amount):
        return events / int(amount[0]) * 2**20

    @staticmethod
    def _run(command, pattern=r"([0-9.]+) (?:MB/s|us)"):
        return lambda: figure(output_of(command), pattern)
