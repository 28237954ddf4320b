"""Byte streams on the stand-in: ours and libxenvchan between two processes as two domains, what the kernel has
for two processes, and what the machine allows."""

import functools
import os

from .callgrind import CALLGRIND, collected
from .counting import Counting
from .endpoints import Kernel, Vchans
from .measure import Case, Sample, output_of, sample_of
from .stand_in import StandIn, figure

MIB = 1 << 20
RINGS = (1024, 4096, 65536, MIB)
WRITES = {64: 20e6, 1500: 200e6, 65536: 400e6}  # and how much is sent
LOADS = {5_000: 10_000, 20_000: 10_000, 100_000: 50_000, 400_000: 100_000}  # messages a second, and how many in all
CHANNELS = {1: 8_000, 4: 16_000, 16: 40_000, 64: 80_000, 256: 80_000}  # and how many messages on all of them
WRITTEN = {"ours": "xenring::vchan::stream::write_now*", "libxenvchan": "libxenvchan_write"}
READ = {"ours": "xenring::vchan::stream::read_now*", "libxenvchan": "libxenvchan_read"}


def cases(build, scale):
    with StandIn(build) as machine:
        yield from Suite(machine, build, scale).cases()


class Suite:
    def __init__(self, machine, build, scale):
        self._scale, self._counting = scale, Counting(build)
        self._vchans = {name: Vchans(machine, build, name) for name in ("ours", "libxenvchan")}
        self._ours = self._vchans["ours"]
        self._unix = self._vchans | {"unix": Kernel(machine, build, "unix")}
        self._all = self._vchans | {name: Kernel(machine, build, name) for name in ("pipe", "unix")}
        self._limits, self._machine_limits = (os.path.join(build, "bench", name)
                                              for name in ("stream_limit", "limit_bench"))

    def cases(self):
        for part in (self.streams, self.in_place, self.both_ways, self.round_trips, self.loads, self.channels,
                     self.openings, self.instructions, self.limits):
            yield from part()

    def streams(self):
        for ring in RINGS:
            for size in WRITES:
                subjects, counts = self._streaming(self._all, "flood", ring, size)
                subjects["two-copy limit"] = self._limit("stream", size, ring)
                yield Case("vchan", f"stream, writes of {size} bytes, rings of {ring >> 10} KiB", "MB/s", True,
                           subjects, series=f"stream, rings of {ring >> 10} KiB", at=size, counts=counts)

    def in_place(self):
        for ring in (65536, MIB):
            subjects, counts = self._streaming({"ours": self._ours}, "flood", ring, 65536, sink="sink-spans")
            yield Case("vchan", f"stream read in place, writes of 65536 bytes, rings of {ring >> 10} KiB", "MB/s", True,
                       subjects | {"one-copy limit": self._limit("touch", 65536, ring)}, counts=counts)

    def both_ways(self):
        """What is sent is half as much, for it goes both ways; the figure is of the sum."""
        for ring in (65536, MIB):
            for size in WRITES:
                subjects, counts = self._streaming(self._all, "both", ring, size, part=0.5)
                yield Case("vchan", f"both ways at once, writes of {size} bytes, rings of {ring >> 10} KiB", "MB/s",
                           True, subjects, series=f"both ways at once, rings of {ring >> 10} KiB", at=size,
                           counts=counts)

    def round_trips(self):
        """At least 10 of them are longer than the p99.9."""
        rounds, own = max(100, int(10_000 * self._scale)), {"ours": ["--spin", "0"], "libxenvchan": []}
        runs = {name: functools.partial(who.ping, 64, options=own[name]) if name in own else
                functools.partial(who.ping, 64) for name, who in self._all.items()}
        yield Case("vchan", "round trip, 64 bytes, blocking", "us", False,
                   {name: functools.partial(timed, run, rounds) for name, run in runs.items()},
                   counts=self._counts(runs, rounds))
        polled = functools.partial(self._ours.ping, 64, options=["--spin", "1000000"])
        yield Case("vchan", "round trip, 64 bytes, polled", "us", False,
                   {"ours": functools.partial(timed, polled, rounds * 10), "cache line": self._microseconds("line")},
                   counts=self._counts({"ours": polled}, rounds * 10))
        yield Case("vchan", "wake-ups in a second while blocked in a read", "wake-ups", False,
                   {"ours": self._ours.idle_wakeups})

    def loads(self):
        """Messages at a fixed rate, the answer to each timed from when it was due: the client polls, the server
        sleeps when there is nothing to do."""
        for rate, count in LOADS.items():
            count = max(100, int(count * self._scale))
            runs = {name: lambda amount, who=who, rate=rate, before=(): who.load(64, amount, rate, before)
                    for name, who in self._unix.items()}
            yield Case("vchan", f"open loop, {rate} messages of 64 bytes a second, median", "us", False,
                       {name: functools.partial(timed, run, count) for name, run in runs.items()},
                       series="open loop, median", at=rate, counts=self._counts(runs, count))

    def channels(self):
        """The figure is of messages that were answered."""
        for number, count in CHANNELS.items():
            rounds = max(10, int(count * self._scale / number))
            runs = {name: lambda amount, who=who, number=number, before=(): who.many(number, 64, amount, before)
                    for name, who in self._unix.items()}
            yield Case("vchan", f"channels on one io_context: {number}, a message of 64 bytes under way on each", "1/s",
                       True, {name: functools.partial(answered, run, number, rounds) for name, run in runs.items()},
                       series="channels on one io_context", at=number, counts=self._counts(runs, rounds, 1 / number))

    def openings(self):
        yield Case("vchan", "connecting one client after another, default rings, 64 kept", "us", False,
                   {name: functools.partial(who.open_many, 64) for name, who in self._vchans.items()})

    def instructions(self):
        """Within the call, of both sides in step: neither waits. Counted once, for they are always the same."""
        for size in (64, 1500):
            for what, side, functions in (("written", 0, WRITTEN), ("read", 1, READ)):
                yield Case("vchan", f"instructions for a message of {size} bytes, {what}", "each", False,
                           {name: functools.cache(functools.partial(self._instructions, who, size, side,
                                                                    functions[name]))
                            for name, who in self._vchans.items()})

    def limits(self):
        """What is not beside a case already."""
        for name, what in (("a system call", "syscall"), ("a cache line there and back", "line")):
            yield Case("vchan", f"limit: {name}", "us", False, {"machine": self._microseconds(what)})
        for size in WRITES:
            yield Case("vchan", f"limit: copying {size} bytes", "MB/s", True, {"machine": self._limit("copy", size)})

    def _streaming(self, who, what, ring, size, part=1.0, **more):
        amount = int(WRITES[size] * self._scale * part / (8 if ring < 65536 else 1))
        runs = {name: functools.partial(getattr(each, what), ring, size, **more) for name, each in who.items()}
        subjects = {name: functools.partial(speed, run, amount) for name, run in runs.items()}
        return subjects, self._counts(runs, amount, MIB, "/MiB")

    def _counts(self, runs, amount, unit=1, per=""):
        return {name: functools.partial(self._counting.each, run, amount, unit, per) for name, run in runs.items()}

    @staticmethod
    def _instructions(who, size, side, function):
        count, before = 1000, [[], []]
        before[side] = [*CALLGRIND, f"--toggle-collect={function}"]
        return collected(who.step(65536, size, count, before)[side]) / count

    def _microseconds(self, what):
        def run():
            sample = sample_of([self._machine_limits, what, "1", "200000"])
            return Sample(sample.figure / 1000, {name: value / 1000 for name, value in sample.beside.items()})
        return run

    def _limit(self, what, *sizes):
        return lambda: figure(output_of([self._limits, what, *map(str, sizes)]), r"([0-9.]+) MB/s")


def speed(run, amount):
    """MB/s, and the events of both sides."""
    printed, events = run(amount)
    return Sample(figure(printed, r"([0-9.]+) MB/s"), {"events/MiB": events / amount * MIB})


def timed(run, count):
    """The median in microseconds, and what is beside it for each message."""
    printed, events = run(count)
    return Sample(figure(printed, r"([0-9.]+) us median"),
                  {what: figure(printed, rf"([0-9.]+) us {what}\b(?!\.)") for what in ("p99", "p99.9")}
                  | {"events": events / count})


def answered(run, channels, rounds):
    printed, events = run(rounds)
    return Sample(figure(printed, r"([0-9.]+) messages/s"), {"events": events / (channels * rounds)})
