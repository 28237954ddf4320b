"""Counts of what programs ask of the kernel and of malloc (counting.c), taken apart from what is timed."""

import os
import struct
import tempfile


class Counting:
    """One file of counts, to which every program adds that is started with `before` in front of it."""

    def __init__(self, build):
        self._library = os.path.join(os.path.abspath(build), "bench", "libcounting.so")
        self._file = tempfile.NamedTemporaryFile(prefix="xenring-bench-")
        self._file.write(bytes(16))
        self._file.flush()

    @property
    def before(self):
        return ["env", f"LD_PRELOAD={self._library}", f"BENCH_COUNTS={self._file.name}"]

    def now(self):
        """So far."""
        self._file.seek(0)
        calls, allocations = struct.unpack("=QQ", self._file.read(16))
        return {"system calls": calls, "allocations": allocations}

    def each(self, run, amount, unit=1, per=""):
        """For each `unit` of an amount: what run(amount, before) adds beyond what a tenth of it does, for starting and
        ending cost something too. `per` is put behind the names."""
        counted = [self._during(run, part) for part in (amount // 10, amount)]
        units = (amount - amount // 10) / unit
        return {name + per: max(0.0, many - counted[0][name]) / units for name, many in counted[1].items()}

    def _during(self, run, amount):
        before = self.now()
        run(amount, before=self.before)
        return {name: count - before[name] for name, count in self.now().items()}
