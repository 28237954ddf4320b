"""A stand-in hypervisor, and two programs on it that talk, each on a CPU of its own."""

import contextlib
import os
import re
import subprocess
import tempfile
import time

from .measure import Failed, output_of

CHANNEL = "/local/domain/1/data/vchan/2"


def figure(text, pattern):
    """The number that `pattern` finds in what a program printed."""
    found = re.search(pattern, text)
    if not found:
        raise Failed(f"no figure in {text!r}")
    return float(found.group(1))


class StandIn(contextlib.AbstractContextManager):
    """Runs for as long as it is measured."""

    def __init__(self, build):
        self._xenring = os.path.join(build, "tools", "xenring")
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
        for domid in (1, 2):  # a server gives rights to a client's domain that is there
            output_of([*self._machine, "--domid", str(domid), "run", "--", "true"])
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()

    def talk(self, peer, options, listens, connects):
        """A server as domain 1 and its client as domain 2: what the client prints, and how many events both sent."""
        path = self._path()
        server = self._start(1, peer, "listen", ["--events", *options, "2", path, *listens])
        try:
            done = subprocess.run(self._as_domain(2, peer, "connect",
                                                  ["--events", "--wait", "10", "1", path, *connects]),
                                  capture_output=True, text=True, timeout=120, check=True)
            _, said = server.communicate(timeout=30)
        except subprocess.SubprocessError as failed:
            server.kill()
            raise Failed(f"{failed}: {getattr(failed, 'stderr', '')}; {server.communicate()[1]}") from failed
        return done.stdout, sum(figure(text, r"(\d+) events") for text in (done.stderr, said))

    def open_many(self, peer, count):
        """What opening a client's end takes, us, of `count` that are kept."""
        path = self._path()
        server = self._start(1, peer, "listen-many", ["2", path, str(count)])
        if not server.stdout.readline():
            raise Failed(server.communicate()[1])
        printed = output_of(self._as_domain(2, peer, "connect-many", ["1", path, str(count)]))
        server.communicate(timeout=30)
        return figure(printed, r"([0-9.]+) us")

    def idle_wakeups(self, peer, seconds=2.0):
        """How often in a second a process that waits for bytes wakes up though none come."""
        path = self._path()
        ends = [self._start(1, peer, "listen", ["2", path, "echo"]),
                self._start(2, peer, "connect", ["--wait", "10", "1", path, "echo"])]
        time.sleep(1.5)
        before = switches(ends[0].pid)
        time.sleep(seconds)
        after = switches(ends[0].pid)
        for end in ends:
            end.kill()
            end.communicate()
        return (after - before) / seconds

    def _path(self):
        self._number += 1
        return f"{CHANNEL}/b{self._number}"

    def _start(self, domid, peer, role, words):
        return subprocess.Popen(self._as_domain(domid, peer, role, words), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _as_domain(self, domid, peer, role, words):
        tool, *own = peer
        return [*self._machine, "--domid", str(domid), "run", "--", "taskset", "-c", str(domid - 1), tool, role,
                *own, *words]


def switches(process):
    """How often a process has given up its CPU."""
    with open(f"/proc/{process}/status", encoding="utf-8") as stream:
        return figure(stream.read(), r"\nvoluntary_ctxt_switches:\s*(\d+)")
