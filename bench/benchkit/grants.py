"""What a domain asks of its hypervisor, here the stand-in, by pages that it granted to itself. grant_bench alone
does the same in dom0 of a real Xen."""

import functools
import os

from .measure import Case, sample_of
from .stand_in import StandIn


def cases(build, scale):
    with Machine(build) as machine:
        run = functools.partial(machine.subject, os.path.join(build, "bench", "grant_bench"))
        for size in (64, 1500, 4096):
            for batch in (1, 8, 64, 256):
                count = str(int((10_000 if batch == 1 else 250_000) * scale))
                yield Case("grants", f"copy a segment of {size} bytes, batches of {batch}", "ns", False,
                           {"grant copy": run("copy", str(batch), str(size), count),
                            "a mapping that stays": run("mapped", str(batch), str(size), count)},
                           series=f"copy a segment of {size} bytes", at=batch)
        for pages in (1, 16):
            count = int(5_000 * scale)
            yield Case("grants", f"read a page once, {pages} at a time", "ns", False,
                       {"map and unmap": run("map", str(pages), str(count * pages)),
                        "grant copy": run("copy", str(pages), "4096", str(count * pages))})
        yield Case("grants", "notify", "ns", False,
                   {"event channel": run("notify", str(int(500_000 * scale))),
                    "a system call": functools.partial(
                        sample_of, [os.path.join(build, "bench", "limit_bench"), "syscall", "1", "1000000"])})
        count = str(int(20_000 * scale))
        yield Case("grants", "round trip of events between two threads that sleep", "ns", False,
                   {"event channel": run("round-trip", count), "eventfd": run("eventfd", count)})


class Machine(StandIn):
    """A stand-in, of which domain 0 asks."""

    def subject(self, program, *words):
        return functools.partial(sample_of, [program, *self._machine[1:], *words])
