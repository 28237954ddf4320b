"""The net pair without Xen: our netback in one network namespace and our netfronts in another, as domains of one
stand-in, with iperf3 between the two; beside them what else can join two namespaces. The netback's side has one CPU,
the netfronts' side another."""

import contextlib
import functools
import json
import os
import re
import subprocess

from .counting import Counting
from .measure import Case, Failed, Sample
from .namespaces import Namespace, until
from .stand_in import StandIn

SIZE = 64
MAC = "00:16:3e:0a:00:0{}"
COUNTED = {"packets": "packets", "copies": "copy calls a packet", "segments": "segments copied by call",
           "static_segments": "by memcpy", "events": "events from the guest", "notified": "events to it",
           "system calls": "system calls", "allocations": "allocations"}


def cases(build, _scale):  # iperf3 measures whole seconds
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(StandIns(build))
        back, front = (stack.enter_context(Namespace(cpu)) for cpu in (0, 1))
        links = machine.vifs(back, front) | {"TAP to TAP (the limit)": tap_loop(build, back, front),
                                             "veth": veth(back, front)}
        for number, link in enumerate(links.values()):
            link.join(number)
        back.start("iperf3", "--server")
        until("iperf3 listens", lambda: ":5201 " in back.output("ss", "--tcp", "--listening", "--numeric"))
        for way, options in (("from the guest", []), ("to the guest", ["--reverse"])):
            yield Case("net", f"TCP {way}", "Mbit/s", True, subjects(links, tcp, options))
        for way, options in (("from the guest", []), ("to the guest", ["--reverse"])):
            yield Case("net", f"datagrams of {SIZE} bytes {way}, carried", "1/s", True,
                       subjects(links, datagrams, [*options, "--udp", "--bitrate", "0", "--length", str(SIZE)]))


def subjects(links, figure, options):
    return {name: functools.partial(link.run, figure, options) for name, link in links.items()}


def tcp(end, _carried):
    return end["sum_received"]["bits_per_second"] / 1e6, {}


def datagrams(end, carried):
    """Those that came out of the far interface; and beside them those that a socket took, for whose program the CPU
    that carries them must have time too."""
    sent, taken = end["sum"], end["sum_received"]["bytes"] / SIZE  # what is lost last, iperf3 does not count as lost
    return carried / sent["seconds"], {"taken by the socket": taken / sent["seconds"],
                                       "lost %": 100 * (1 - taken / max(1, sent["packets"]))}


class Link:
    """Two interfaces, one in each namespace, and the processes that carry frames between them."""

    def __init__(self, back, front, interfaces, carriers=(), counts=dict):
        self._back, self._front, self._interfaces = back, front, interfaces
        self._carriers, self._counts = carriers, counts

    def join(self, number):
        for where, interface, host in zip((self._back, self._front), self._interfaces, (1, 2)):
            until(f"there is {interface}", functools.partial(where.has, interface))
            where.address(interface, f"10.201.{number}.{host}/24")
        self._server = f"10.201.{number}.1"

    def run(self, figure, options):
        receives = self._front if "--reverse" in options else self._back
        interface = self._interfaces[receives is self._front]
        time, counts, carried = self._time(), self._counts(), receives.received(interface)
        printed = self._front.output("iperf3", "--json", "--time", "1", "--client", self._server, *options)
        counts = {name: after - counts[name] for name, after in self._counts().items()}
        time, carried = self._time() - time, receives.received(interface) - carried
        printed = json.loads(printed)
        if "error" in printed:
            raise Failed(f"iperf3: {printed['error']}")
        found, beside = figure(printed["end"], carried)
        packets = counts.pop("packets", 0)
        if packets:
            beside |= {COUNTED[name]: count / packets for name, count in counts.items()}
            beside["events"] = (counts["events"] + counts["notified"]) / packets
            beside["us of CPU"] = time * 1e6 / packets
        return Sample(found, beside)

    def _time(self):
        """Seconds of CPU that the carriers used."""
        return sum(cpu_time(carrier.pid) for carrier in self._carriers)


def cpu_time(process):
    with open(f"/proc/{process}/stat", encoding="utf-8") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def veth(back, front):
    back.ip("link", "add", "veth", "type", "veth", "peer", "name", "veth", "netns", front.path)
    return Link(back, front, ("veth", "veth"))


def tap_loop(build, back, front):
    loop = back.start(os.path.join(build, "bench", "tap_loop"), back.path, "loop", front.path, "loop")
    return Link(back, front, ("loop", "loop"), [loop])


class StandIns(StandIn):
    """A stand-in with a netback and a guest for each of two vifs: all pages of the first one's frames are static
    grants, and the frames of the second one are all copied by grant copies."""

    def vifs(self, back, front):
        for guest in (1, 2):
            self._make_vif(guest)
        statistics = os.path.join(self._directory.name, "statistics")
        self._counting = Counting(self._build)
        machine = [*self._counting.before, *self._machine]
        netback = back.start(*machine, "--domid", "0", "netback", "--statistics", statistics,
                             "--vif", "vif2.0:ctrl-ring=off")
        links = {}
        for guest, name in ((1, "ours"), (2, "ours, without static grants")):
            netfront = front.start(*machine, "--domid", str(guest), "netfront", "--tap", f"xr{guest}")
            links[name] = Link(back, front, (f"vif{guest}.0", f"xr{guest}"), [netback, netfront],
                               functools.partial(self._counts, statistics, f"vif{guest}.0"))
            until(f"vif{guest}.0 is connected", functools.partial(self._is_connected, guest))
        return links

    def _make_vif(self, guest):
        """As a toolstack does whose hotplug script has run."""
        back, front = directories(guest)
        subprocess.run([*self._machine, "--domid", str(guest), "run", "--", "true"], check=True)  # it is there now
        self._store("write", f"{front}/backend", back, f"{front}/backend-id", "0", f"{front}/handle", "0",
                    f"{front}/mac", MAC.format(guest), f"{front}/state", "1")
        self._store("chmod", "-r", front, f"n{guest}", "r0")
        self._store("write", f"{back}/frontend", front, f"{back}/frontend-id", str(guest), f"{back}/online", "1",
                    f"{back}/handle", "0", f"{back}/mac", MAC.format(guest), f"{back}/hotplug-status", "connected",
                    f"{back}/state", "1")
        self._store("chmod", "-r", back, "n0", f"r{guest}")

    def _is_connected(self, guest):
        return all(self._store("read", f"{directory}/state").strip() == "4" for directory in directories(guest))

    def _store(self, word, *arguments):
        where = os.path.join(self._directory.name, "machine", "store", "0")
        done = subprocess.run([f"xenstore-{word}", *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "XENSTORED_PATH": where})
        if done.returncode != 0:
            raise Failed(f"xenstore-{word} {arguments}: {done.stderr.strip()}")
        return done.stdout

    def _counts(self, statistics, vif):
        """What the netback counted of a vif, in both directions, and what both processes asked of the kernel."""
        text = subprocess.run([self._xenring, "stat", "--prometheus", statistics], capture_output=True, text=True,
                              check=True).stdout
        sums = dict.fromkeys(COUNTED, 0) | self._counting.now()
        for name, of, count in re.findall(r'^xenring_vif_(\w+)_total\{vif="([^"]+)".*\} (\d+)$', text, re.MULTILINE):
            if of == vif and name in sums:
                sums[name] += int(count)
        return sums


def directories(guest):
    return f"/local/domain/0/backend/vif/{guest}/0", f"/local/domain/{guest}/device/vif/0"
