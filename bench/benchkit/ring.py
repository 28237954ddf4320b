"""Request/response rings: ours, ring.h's macros in C, and boost's queue."""

import functools
import os

from .measure import Case, output_of


def cases(build, scale):
    program = os.path.join(build, "bench", "ring_bench")

    def subject(name, what, size, batch):
        count = int({"pairs": 40_000_000, "threads": 10_000_000, "one-way": 20_000_000}[what] * scale)
        command = [program, name, what, str(size), str(batch), str(count)]
        return functools.partial(lambda words: float(output_of(words)), command)

    for what, title in (("pairs", "request and response, one thread"),
                        ("threads", "request and response, two threads")):
        for size in (16, 64):
            for batch in (1, 8, 32):
                yield Case("ring", f"{title}, {size} bytes, batches of {batch}", "ns", False,
                           {"ours": subject("ours", what, size, batch),
                            "ring.h": subject("xen", what, size, batch)},
                           {"ring.h": 0.8}, f"{title}, {size} bytes", batch)
    for size in (16, 64):
        yield Case("ring", f"one way, {size} bytes, batches of 32", "ns", False,
                   {"ours": subject("ours", "one-way", size, 32),
                    "ring.h": subject("xen", "one-way", size, 32),
                    "boost spsc_queue": subject("boost", "one-way", size, 32)},
                   {"boost spsc_queue": 1.0})
