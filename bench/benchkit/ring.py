"""Request/response rings: ours and ring.h's macros in C, queues between threads, and what the machine allows."""

import functools
import os

from .callgrind import executed
from .measure import Case, sample_of

MESSAGES = {"tx": "netif transmit", "rx": "netif receive", "blk": "blkif-like"}
BATCHES = (1, 8, 32)


def cases(build, scale):
    programs = Programs(os.path.join(build, "bench"), scale)
    for what, title, count in (("pairs", "one thread", 5_000_000), ("threads", "two threads", 1_000_000)):
        for kind, name in MESSAGES.items():
            for batch in BATCHES:
                yield Case("ring", f"request and response, {title}, {name}, batches of {batch}", "ns", False,
                           programs.rings(what, kind, batch, count)
                           | (programs.two_queues(kind, batch, count) if what == "threads" else {}),
                           series=f"{title}, {name}", at=batch)
    for kind, name in MESSAGES.items():
        for batch in BATCHES:
            yield Case("ring", f"one way, {name}, batches of {batch}", "ns", False,
                       programs.rings("threads", kind, batch, 1_000_000)
                       | programs.queues(kind, batch, 1_000_000), series=f"one way, {name}", at=batch)
    yield Case("ring", "round trip, netif transmit", "ns", False,
               programs.rings("round-trip", "tx", 1, 300_000)
               | {"a cache line (the limit)": programs.limit("line", 1, 300_000)})
    for batch in (1, 32):
        yield Case("ring", f"a request to the kernel that does nothing, batches of {batch}", "ns", False,
                   {"ours": programs.rings("pairs", "tx", batch, 5_000_000)["ours"],
                    "liburing NOP": programs.limit("uring", batch, 300_000),
                    "a system call": programs.limit("syscall", 1, 300_000)})
    for kind, name in MESSAGES.items():
        for batch in (1, 32):
            yield Case("ring", f"instructions for a request and its response, {name}, batches of {batch}", "each",
                       False, programs.instructions(kind, batch))


class Programs:
    """What is run, by the name of the subject."""

    def __init__(self, directory, scale):
        self._directory, self._scale = directory, scale

    def rings(self, what, kind, batch, count):
        return {name: self._subject("ring_bench", name, what, kind, batch, count) for name in ("ours", "ring.h")}

    def queues(self, kind, batch, count):
        return {"boost spsc_queue": self._subject("queue_bench", "boost", kind, batch, count),
                "moodycamel": self._subject("queue_bench", "moodycamel", kind, batch, count)}

    def two_queues(self, kind, batch, count):
        return {"two boost spsc_queues": self._subject("queue_bench", "boost-pair", kind, batch, count)}

    def limit(self, what, batch, count):
        return self._subject("limit_bench", what, batch, count)

    def instructions(self, kind, batch):
        """Counted once, for they are always the same."""
        return {name: functools.cache(functools.partial(self._instructions, name, kind, batch))
                for name in ("ours", "ring.h")}

    def _subject(self, program, *words):
        *words, count = words
        command = [os.path.join(self._directory, program), *map(str, words), str(int(count * self._scale))]
        return functools.partial(sample_of, command)

    def _instructions(self, name, kind, batch):
        few, many = 32_000, 64_000
        command = [os.path.join(self._directory, "ring_bench"), name, "pairs", kind, str(batch)]
        return (executed([*command, str(many)]) - executed([*command, str(few)])) / (many - few)
