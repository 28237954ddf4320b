"""A packet's checksum: ours, and the plain loops of 16 and of 64 bits at a time."""

import functools
import os

from .measure import Case, sample_of

LOOPS = {"ours": "ours", "words of 16 bits": "words", "64 bits with carry": "carry"}


def cases(build, scale):
    program = os.path.join(build, "bench", "checksum_bench")
    for size, count in ((64, 10_000_000), (1500, 1_000_000), (65536, 20_000)):
        yield Case("checksum", f"{size} bytes", "ns", False,
                   {name: functools.partial(sample_of, [program, word, str(size), str(int(count * scale))])
                    for name, word in LOOPS.items()}, series="checksum", at=size)
