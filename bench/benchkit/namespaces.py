"""Network namespaces without a name: they end with the programs in them, which end with this one."""

import contextlib
import os
import subprocess
import time

from .measure import Failed, output_of

KILLED_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # however we end, nothing stays behind


def until(what, holds, limit=10):
    """Waits until `holds()`."""
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise Failed(f"never: {what}")
        time.sleep(0.02)


class Namespace(contextlib.AbstractContextManager):
    """One, and the programs in it, which all run on one CPU."""

    def __init__(self, cpu):
        self._cpu = str(cpu % os.cpu_count())
        self._programs = []

    def __enter__(self):
        if os.geteuid() != 0:
            raise Failed("network namespaces need root")
        self._holder = subprocess.Popen([*KILLED_WITH_US, "unshare", "--net", "sleep", "infinity"])
        until("a network namespace", lambda: os.readlink(self.path) != os.readlink("/proc/self/ns/net"))
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for program in [*reversed(self._programs), self._holder]:
            program.terminate()
            try:
                program.wait(timeout=10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    @property
    def path(self):
        return f"/proc/{self._holder.pid}/ns/net"

    def start(self, *command):
        """Runs until the end, or until it is done."""
        program = subprocess.Popen(self._within(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._programs.append(program)
        return program

    def output(self, *command):
        return output_of(self._within(command))

    def ip(self, *words):
        self.output("ip", *words)

    def has(self, interface):
        done = subprocess.run(self._within(["ip", "link", "show", interface]), capture_output=True, check=False)
        return done.returncode == 0

    def received(self, interface):
        """How many packets an interface has received so far; what a program writes into a TAP, it receives."""
        with open(f"/proc/{self._holder.pid}/net/dev", encoding="utf-8") as stream:
            fields = {name.strip(): counts.split() for name, colon, counts in (line.partition(":") for line in stream)
                      if colon}
        return int(fields[interface][1])

    def address(self, interface, address):
        self.ip("address", "add", address, "dev", interface)
        self.ip("link", "set", interface, "up")

    def _within(self, command):
        return [*KILLED_WITH_US, "nsenter", f"--net={self.path}", "taskset", "-c", self._cpu, *command]
