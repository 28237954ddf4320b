"""Byte streams on the stand-in: ours and libxenvchan between two processes as two domains, and what the kernel
has for two processes."""

import contextlib
import functools
import os
import re
import subprocess
import tempfile
import time

from .measure import Case, Failed, output_of

CHANNEL = "/local/domain/1/data/vchan/2"


def cases(build, scale):
    with StandIn(build) as machine:
        channels = os.path.join(build, "bench", "channel_bench")
        for ring in (4096, 65536, 1 << 20):
            for size, bytes_sent, target in ((64, 60e6, 4.0), (1500, 600e6, 2.5), (65536, 3e9, 1.5)):
                flood = [str(int(bytes_sent * scale)), str(size)]
                subjects = {name: functools.partial(machine.flood, peer, ring, flood)
                            for name, peer in machine.peers.items()}
                for name in ("pipe", "unix"):
                    subjects[name] = functools.partial(number, [channels, name, "flood", *flood, str(ring)])
                yield Case("vchan", f"stream, writes of {size} bytes, rings of {ring >> 10} KiB", "MB/s", True,
                           subjects, {"libxenvchan": target} if ring == 65536 else {},
                           f"stream, rings of {ring >> 10} KiB", size)
        rounds = str(max(50, int(20000 * scale)))
        subjects = {name: functools.partial(machine.ping, peer, rounds)
                    for name, peer in machine.blocking_peers.items()}
        for name in ("pipe", "unix"):
            subjects[name] = functools.partial(number, [channels, name, "ping", "64", rounds])
        yield Case("vchan", "round trip, 64 bytes, blocking", "us", False, subjects, {"libxenvchan": 1.0})


def number(command):
    """The figure in front of the unit in the last line: "1000 12.3 MB/s" or "4.5 us"."""
    found = re.search(r"([0-9.]+) (?:MB/s|us)", output_of(command).strip().splitlines()[-1])
    if not found:
        raise Failed(f"no figure from {' '.join(command)}")
    return float(found.group(1))


class StandIn(contextlib.AbstractContextManager):
    """A stand-in hypervisor for as long as it is measured."""

    def __init__(self, build):
        self._xenring = os.path.join(build, "tools", "xenring")
        peers = os.path.join(build, "tests", "xen")
        ours, theirs = (os.path.join(peers, name) for name in ("xenring_peer", "libxenvchan_peer"))
        self.peers = {"ours": [ours], "libxenvchan": [theirs]}
        self.blocking_peers = {"ours": [ours, "--spin", "0"], "libxenvchan": [theirs]}
        self._number = 0

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self._machine = [self._xenring, "--hypervisor", "local:" + os.path.join(self._directory.name, "machine")]
        self._process = subprocess.Popen([*self._machine, "hypervisor"], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 10
        while subprocess.run([*self._machine, "status"], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > limit or self._process.poll() is not None:
                raise Failed("the stand-in does not start")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()

    def flood(self, peer, ring, flood):
        return self._both(peer, ["--ring", str(ring)], ["flood", *flood], ["sink"])

    def ping(self, peer, rounds):
        return self._both(peer, [], ["echo"], ["ping", "64", rounds])

    def _both(self, peer, options, listens, connects):
        """What the client prints, whose server listens as domain 1."""
        self._number += 1
        path = f"{CHANNEL}/b{self._number}"
        server = subprocess.Popen(self._as_domain(1, peer, "listen", [*options, "2", path, *listens]),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            printed = number(self._as_domain(2, peer, "connect", ["--wait", "10", "1", path, *connects]))
        except Failed as failed:
            server.kill()
            raise Failed(f"{failed}; the server said: {server.communicate()[1].decode()}") from failed
        server.wait(timeout=30)
        return printed

    def _as_domain(self, domid, peer, role, words):
        tool, *own = peer
        return [*self._machine, "--domid", str(domid), "run", "--", tool, role, *own, *words]
