"""Fetches the Debian packages that the lab is made of and unpacks them, without installing any.

Installed for real, a hypervisor and a kernel would touch the boot loader and start services.
"""

import glob
import os
import shutil
import subprocess

from . import LabError

PACKAGES = (
    "xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xen-utils-common", "xenstore-utils",
    "libxenmisc4.17", "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1",
    "libxengnttab1", "libxenhypfs1", "libxenstore4", "libxentoolcore1", "libxentoollog1",
    "libyajl2", "libuuid1", "liblzma5", "libzstd1", "zlib1g", "libgcc-s1", "busybox-static",
    "iperf3", "libiperf0", "libsctp1", "libssl3", "ethtool", "libmnl0",
    "bash", "libtinfo6", "util-linux",
)
KERNEL_METAPACKAGE = "linux-image-amd64"


class Packages:
    """The unpacked packages in `cache`; fetched once, used offline from then on."""

    def __init__(self, cache):
        self._downloads = os.path.join(cache, "packages")
        self.root = os.path.join(cache, "root")
        self._complete = os.path.join(self.root, ".complete")

    def fetch(self, again=False):
        """Downloads and unpacks what is missing; `again` asks for the newest versions."""
        wanted = " ".join(PACKAGES)
        if not again and _content(self._complete) == wanted:
            return
        os.makedirs(self._downloads, exist_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)
        for package in [*PACKAGES, _kernel_package(self._downloads, again)]:
            self._unpack(package, again)
        with open(self._complete, "w", encoding="utf-8") as stream:
            stream.write(wanted)

    def _unpack(self, package, again):
        pattern = os.path.join(glob.escape(self._downloads), package + "_*.deb")
        if again:
            for old in glob.glob(pattern):
                os.unlink(old)
        if not glob.glob(pattern):
            _run(["apt-get", "-q", "download", package], cwd=self._downloads)
        _run(["dpkg-deb", "-x", glob.glob(pattern)[0], self.root])

    def names(self):
        """The file names of the packages, which carry their versions."""
        return [name for name in os.listdir(self._downloads) if name.endswith(".deb")]

    def path(self, *names):
        return os.path.join(self.root, *names)

    @property
    def kernel(self):
        return self._one("boot/vmlinuz-*")

    @property
    def hypervisor(self):
        return self._one("boot/xen-*-amd64.gz")

    @property
    def modules(self):
        return self._one("lib/modules/*")

    @property
    def xen_tools(self):
        return self._one("usr/lib/xen-[0-9]*/bin")

    @property
    def libraries(self):
        return [self.path("usr/lib/x86_64-linux-gnu"), self.path("lib/x86_64-linux-gnu")]

    def _one(self, pattern):
        found = glob.glob(os.path.join(glob.escape(self.root), pattern))
        if len(found) != 1:
            raise LabError(f"{pattern} in {self.root}: expected one file, found {len(found)}")
        return found[0]


def _kernel_package(downloads, again):
    """The package that the metapackage depends on: its name carries the kernel's version."""
    have = glob.glob(os.path.join(glob.escape(downloads), "linux-image-*.deb"))
    if have and not again:
        return os.path.basename(have[0]).split("_")[0]
    answer = _run(["apt-cache", "depends", KERNEL_METAPACKAGE])
    for line in answer.splitlines():
        if "Depends: linux-image-" in line:
            return line.split()[-1]
    raise LabError(f"apt does not know {KERNEL_METAPACKAGE}; run apt-get update first")


def _run(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout


def _content(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
