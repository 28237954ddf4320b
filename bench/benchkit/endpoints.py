"""Who is measured as a stream of bytes between two processes, each on a CPU of its own. All of them do the same by
the same words, and give what they printed and how many events both sides sent. `before` is put before the programs."""

import os

from .measure import output_of


def words(values):
    return [str(value) for value in values]


class Vchans:
    """Ours or libxenvchan, between two domains of a stand-in."""

    def __init__(self, machine, build, name):
        self._machine = machine
        self._peer = os.path.join(build, "tests", "xen", "xenring_peer" if name == "ours" else "libxenvchan_peer")
        self._many = os.path.join(build, "bench", "many_vchan" if name == "ours" else "many_libxenvchan")

    def flood(self, ring, size, count, sink="sink", before=()):
        return self._talk(["--ring", ring], ["flood", count, size], [sink], before)

    def both(self, ring, size, count, before=()):
        return self._talk(["--ring", ring], ["both", count, size], ["both", count, size], before)

    def ping(self, size, rounds, options=(), before=()):
        return self._talk(options, ["echo"], ["ping", size, rounds], before)

    def load(self, size, count, rate, before=()):
        return self._talk([], ["echo"], ["load", size, count, rate], before)

    def many(self, channels, size, rounds, before=()):
        return self._machine.talk_when_ready(self._many, words([channels, rounds, size]), before)

    def open_many(self, count):
        return self._machine.open_many(self._peer, count)

    def idle_wakeups(self):
        return self._machine.idle_wakeups(self._peer)

    def step(self, ring, size, count, before):
        return self._machine.step(self._peer, ["--ring", str(ring)], size, count, before)

    def _talk(self, options, listens, connects, before):
        return self._machine.talk(self._peer, words(options), words(listens), words(connects), before)


class Kernel:
    """What the kernel has for two processes: `name` is pipe or unix."""

    def __init__(self, machine, build, name):
        self._machine, self._name = machine, name
        self._program, self._many = (os.path.join(build, "bench", program) for program in ("channel_bench", "many_unix"))

    def flood(self, ring, size, count, before=()):
        return self._run("flood", [count, size, ring], before)

    def both(self, ring, size, count, before=()):
        return self._run("both", [count, size, ring], before)

    def ping(self, size, rounds, before=()):
        return self._run("ping", [size, rounds], before)

    def load(self, size, count, rate, before=()):
        return self._run("load", [size, count, rate], before)

    def many(self, channels, size, rounds, before=()):
        return self._machine.talk_when_ready(self._many, words([channels, rounds, size]), before)

    def _run(self, what, values, before):
        return output_of([*before, self._program, self._name, what, *words(values)]), 0
