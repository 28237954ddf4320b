"""Builds the initramfs images of dom0 and of the guests.

Both are the same tree: busybox, Xen's tools and the kernel modules (the base, written once for a set of
packages), then the programs under test and the lab's own scripts. dom0's image also carries what it
starts guests with: the kernel and the guests' image. Nothing is compressed: QEMU loads it faster than an
emulated CPU can unpack it.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from . import LabError
from .cpio import Archive

DIRECTORIES = ("dev", "etc/xen/scripts", "proc", "sys", "run", "root", "tmp", "usr/bin", "usr/sbin", "usr/lib",
               "usr/lib64", "usr/lib/x86_64-linux-gnu", "lab", "var/lib/xen", "var/lib/xenstored", "var/log/xen")
MERGED = ("bin", "sbin", "lib", "lib64")
XEN_TOOLS = ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "lsevtchn")
STORE_TOOLS = ("xenstore-exists", "xenstore-list", "xenstore-ls", "xenstore-read", "xenstore-rm",
               "xenstore-watch", "xenstore-write", "xenstore-chmod")
NET_TOOLS = ("usr/bin/iperf3", "sbin/ethtool")
SCRIPT_TOOLS = ("bin/bash", "usr/bin/flock")  # what Xen's hotplug scripts want and busybox has not
MODULES = ("xen-privcmd", "xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc",
           "tun", "llc", "stp", "bridge", "xen-netfront")  # in an order that satisfies them
EXTRA_MODULES = ("xen-netback",)  # a scenario may load them: insmod /lab/extra/NAME.ko
LOADED_ON_DEMAND = ("libgcc_s.so.1",)  # by pthread_cancel: xl aborts without it


def dom0_image(packages, cache, scripts, programs):
    """The bytes of dom0's initramfs, able to start guests that carry the same programs."""
    guest = _base(packages, cache) + _programs(packages, scripts, programs)
    boot = Archive()
    boot.file("boot/vmlinuz", packages.kernel)
    boot.data("boot/guest.img", guest)
    return guest + boot.to_bytes()


def _base(packages, cache):
    """The part that depends on the packages alone, kept in the cache."""
    identity = repr((sorted(packages.names()), DIRECTORIES, XEN_TOOLS, STORE_TOOLS, NET_TOOLS, MODULES,
                     EXTRA_MODULES, SCRIPT_TOOLS))
    name = "base-" + hashlib.sha256(identity.encode()).hexdigest()[:16] + ".cpio"
    path = os.path.join(cache, name)
    if not os.path.exists(path):
        for old in glob.glob(os.path.join(glob.escape(cache), "base-*.cpio")):
            os.unlink(old)
        with open(path + ".new", "wb") as stream:
            stream.write(_pack_base(packages))
        os.rename(path + ".new", path)
    with open(path, "rb") as stream:
        return stream.read()


def _pack_base(packages):
    archive = Archive()
    for name in DIRECTORIES:
        archive.directory(name)
    for name in MERGED:
        archive.symlink(name, "usr/" + name)
    archive.symlink("var/run", "/run")
    archive.device("dev/console", 5, 1)
    archive.data("etc/xen/xl.conf", b"")
    _add_busybox(archive, packages)
    for tool in XEN_TOOLS:
        _add_program(archive, packages, os.path.join(packages.xen_tools, tool), "usr/sbin")
    for tool in STORE_TOOLS:
        _add_program(archive, packages, packages.path("usr/bin", tool), "usr/bin")
    for tool in (*NET_TOOLS, *SCRIPT_TOOLS):
        _add_program(archive, packages, packages.path(tool), "usr/bin")
    for script in sorted(glob.glob(os.path.join(glob.escape(packages.path("etc/xen/scripts")), "*"))):
        archive.file("etc/xen/scripts/" + os.path.basename(script), script)
    for library in LOADED_ON_DEMAND:
        archive.file("usr/lib/x86_64-linux-gnu/" + library, _find_library(packages, library))
    for position, module in enumerate(MODULES):
        archive.file(f"lab/modules/{position:02}-{module}.ko", _find_module(packages, module))
    for module in EXTRA_MODULES:
        archive.file(f"lab/extra/{module}.ko", _find_module(packages, module))
    return archive.to_bytes()


def _add_busybox(archive, packages):
    busybox = packages.path("bin/busybox")
    archive.file("usr/bin/busybox", busybox)
    for applet in subprocess.check_output([busybox, "--list"], text=True).split():
        if applet != "busybox":
            archive.symlink("usr/bin/" + applet, "busybox")


def _programs(packages, scripts, programs):
    """What changes from run to run: `scripts` maps names in the image to files, `programs` are executables."""
    archive = Archive()
    for name in ("usr/bin", "usr/lib/x86_64-linux-gnu", "usr/lib64"):
        archive.directory(name)
    for name, source in scripts.items():
        archive.file(name, source)
    for program in programs:
        _add_program(archive, packages, program, "usr/bin", strip=True)
    return archive.to_bytes()


def _add_program(archive, packages, source, directory, strip=False):
    """Adds an executable and the libraries that it is linked with."""
    if not os.path.exists(source):
        raise LabError(f"{source} does not exist")
    name = f"{directory}/{os.path.basename(source)}"
    if name not in archive:
        archive.data(name, _executable(source, strip), 0o755)
    for wanted, found in _libraries(packages, source):
        if wanted not in archive:
            archive.file(wanted, found)


def _executable(source, strip):
    """The file's bytes, without debug information: an image of debug builds would not fit in a guest."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = os.path.join(scratch, "program")
        shutil.copy(source, copy)
        if strip and shutil.which("strip"):
            subprocess.run(["strip", "-g", copy], check=True)
        with open(copy, "rb") as stream:
            return stream.read()


def _libraries(packages, program):
    """Pairs of a name in the image and a file, for each library that the loader would take."""
    environment = dict(os.environ, LD_LIBRARY_PATH=":".join(packages.libraries), LC_ALL="C")
    done = subprocess.run(["ldd", program], env=environment, capture_output=True, text=True, check=False)
    if "not found" in done.stdout:
        raise LabError(f"{program} misses libraries:\n{done.stdout}")
    for line in done.stdout.splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            path = found.group(1)
            base = os.path.basename(path)
            loader = base.startswith("ld-linux")
            yield ("usr/lib64/" if loader else "usr/lib/x86_64-linux-gnu/") + base, path


def _find_module(packages, name):
    found = glob.glob(f"{packages.modules}/kernel/**/{name}.ko", recursive=True)
    if len(found) != 1:
        raise LabError(f"kernel module {name} is not in {packages.modules}")
    return found[0]


def _find_library(packages, name):
    for directory in [*packages.libraries, "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            return path
    raise LabError(f"{name} is neither in the packages nor on this machine")
