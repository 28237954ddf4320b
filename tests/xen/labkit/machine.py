"""Runs QEMU: the emulated machine that Xen, dom0 and the guests live in."""

import ctypes
import gzip
import os
import re
import signal
import subprocess
import sys

from . import LabError

QEMU = "qemu-system-x86_64"
XEN_OPTIONS = ("console=com1 com1=115200,8n1 dom0_mem=1200M,max:1200M dom0_max_vcpus=1 dom0_vcpus_pin "
               "loglvl=warning guest_loglvl=warning conring_size=1m")
DOM0_OPTIONS = "console=hvc0 loglevel=5 clocksource=xen log_buf_len=4M"
MEMORY = "2560"
# What QEMU's emulation cannot do under Xen: with SMAP a PV dom0 faults at boot, with RDTSCP or the
# extended states PVH guests do. ERMS has kernels copy byte by byte, which emulation does one at a time.
EMULATED_CPU = "max,-erms,-smap,-rdtscp,-xsave,-avx,-avx2"


def emulates():
    """Whether this machine's CPU must be emulated: it is unless KVM can run a hypervisor.

    A /dev/kvm that opens is not enough: inside some virtual machines it is there and runs nothing.
    """
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        nests = re.search(r"^flags\s*:.*\b(svm|vmx)\b", stream.read(), re.MULTILINE)
    return not (nests and os.access("/dev/kvm", os.R_OK | os.W_OK))


def accelerator():
    """QEMU's options for the CPU."""
    if emulates():
        return ["-accel", "tcg,thread=multi", "-cpu", EMULATED_CPU]
    return ["-accel", "kvm", "-cpu", "host"]


class Machine:
    """A booted machine. Leaving the `with` block ends QEMU, whatever happened inside.

    `scratch` takes what QEMU loads, `logs` what the machine writes: console.log (the hypervisor and
    dom0's console), events.log (what dom0 reports), qemu.log. With `interactive` the console is the
    caller's terminal instead of a file.
    """

    def __init__(self, packages, image, scratch, logs, interactive=False):
        self.console = os.path.join(logs, "console.log")
        self.events = os.path.join(logs, "events.log")
        self._errors = os.path.join(logs, "qemu.log")
        self._interactive = interactive
        self._process = None
        xen = os.path.join(scratch, "xen")
        initrd = os.path.join(scratch, "dom0.img")
        with gzip.open(packages.hypervisor) as packed, open(xen, "wb") as plain:
            plain.write(packed.read())  # QEMU's multiboot loader wants the plain ELF file
        with open(initrd, "wb") as stream:
            stream.write(image)
        for path in (self.console, self.events):
            open(path, "wb").close()
        console = "mon:stdio" if interactive else f"file:{_escaped(self.console)}"
        self._command = [
            QEMU, *accelerator(), "-smp", "2", "-m", MEMORY, "-display", "none", "-nodefaults",
            "-no-reboot", "-kernel", xen, "-append", XEN_OPTIONS,
            "-initrd", f"{_escaped(packages.kernel)} {DOM0_OPTIONS},{_escaped(initrd)}",
            "-serial", console, "-serial", f"file:{_escaped(self.events)}"]

    def __enter__(self):
        with open(self._errors, "wb") as errors:
            self._process = subprocess.Popen(
                self._command, stdin=None if self._interactive else subprocess.DEVNULL,
                stderr=sys.stderr if self._interactive else errors, preexec_fn=_die_with_parent)
        return self

    def __exit__(self, *_):
        if self.running:
            self._process.kill()
        self._process.wait()

    @property
    def running(self):
        return self._process.poll() is None

    def wait(self):
        """Waits until the machine is switched off."""
        self._process.wait()

    def complaints(self):
        """What QEMU itself had to say."""
        with open(self._errors, encoding="utf-8", errors="replace") as stream:
            return stream.read()


def _die_with_parent():
    """A lab that is killed cannot end QEMU, so the kernel does."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _escaped(path):
    """A path in QEMU's comma-separated options."""
    if " " in path:
        raise LabError(f"QEMU cannot take a path with a blank: {path}")
    return path.replace(",", ",,")
