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
        self._build = build
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

    def talk(self, tool, options, listens, connects, before=()):
        """A server as domain 1 and its client as domain 2: what the client prints, and how many events both sent."""
        path = self._path()
        server = self._start(1, [*before, tool, "listen", "--events", *options, "2", path, *listens])
        return self._with_client(server, [*before, tool, "connect", "--events", "--wait", "10", *options, "1", path,
                                          *connects])

    def talk_when_ready(self, tool, words, before=()):
        """The same, for a client that does not wait for its server. Without events where nobody tells of them."""
        path = self._path()
        server = self._start(1, [*before, tool, "listen", "2", path, *words])
        self._until_it_speaks(server)
        return self._with_client(server, [*before, tool, "connect", "1", path, *words])

    def step(self, tool, options, size, count, before):
        """Messages from domain 1 to domain 2 in step, so that neither waits in a read or a write; `before` is put
        before the writer and before the reader. What each said as an error."""
        path = self._path()
        to_reader, to_writer = os.pipe(), os.pipe()
        commands = ([*before[0], tool, "listen", *options, "2", path, "step-send", str(size), str(count)],
                    [*before[1], tool, "connect", *options, "--wait", "60", "1", path, "step-receive", str(count)])
        ends = [subprocess.Popen(self._as_domain(domid, command), stdin=reads[0], stdout=writes[1],
                                 stderr=subprocess.PIPE, text=True)
                for domid, command, reads, writes in ((1, commands[0], to_writer, to_reader),
                                                      (2, commands[1], to_reader, to_writer))]
        for end in (*to_reader, *to_writer):
            os.close(end)
        said = [end.communicate(timeout=120)[1] for end in ends]
        if any(end.returncode != 0 for end in ends):
            raise Failed(f"in step: {said}")
        return said

    def open_many(self, tool, count):
        """What opening a client's end takes, us, of `count` that are kept."""
        path = self._path()
        server = self._start(1, [tool, "listen-many", "2", path, str(count)])
        self._until_it_speaks(server)
        printed = output_of(self._as_domain(2, [tool, "connect-many", "1", path, str(count)]))
        server.communicate(timeout=30)
        return figure(printed, r"([0-9.]+) us")

    def idle_wakeups(self, tool, seconds=2.0):
        """How often in a second a process that waits for bytes wakes up though none come."""
        path = self._path()
        ends = [self._start(1, [tool, "listen", "2", path, "echo"]),
                self._start(2, [tool, "connect", "--wait", "10", "1", path, "echo"])]
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

    def _start(self, domid, command):
        return subprocess.Popen(self._as_domain(domid, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @staticmethod
    def _until_it_speaks(server):
        if not server.stdout.readline():
            raise Failed(server.communicate()[1])

    def _with_client(self, server, client):
        try:
            done = subprocess.run(self._as_domain(2, client), capture_output=True, text=True, timeout=120, check=True)
            _, said = server.communicate(timeout=30)
        except subprocess.SubprocessError as failed:
            server.kill()
            raise Failed(f"{failed}: {getattr(failed, 'stderr', '')}; {server.communicate()[1]}") from failed
        return done.stdout, sum(float(count) for text in (done.stderr, said)
                                for count in re.findall(r"(\d+) events", text))

    def _as_domain(self, domid, command):
        return [*self._machine, "--domid", str(domid), "run", "--", "taskset", "-c", str(domid - 1), *command]


def switches(process):
    """How often a process has given up its CPU."""
    with open(f"/proc/{process}/status", encoding="utf-8") as stream:
        return figure(stream.read(), r"\nvoluntary_ctxt_switches:\s*(\d+)")
