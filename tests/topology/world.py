# SPDX-License-Identifier: Apache-2.0
"""A plan in the kernel: namespaces built and torn down, packets injected at the zones, and what
arrives there, answered the way a host would.

All zones' hosts are one namespace without an address (WORLD): the other ends of the veth pairs
that the plan's edges are. A packet written there has been forwarded or dropped, through every
namespace, when the call returns, as the kernel takes it to the other end of a veth in the same
context; where it was put off (another thread has the processor) it is late, so a result is
believed only once nothing more comes.
"""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field

import packets

WORLD = "world"
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE, ETH_P_ALL = 263, 23, 33, 3
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40
# before there are interfaces: nothing is sent that no probe asked for
FIRST = [("net/ipv6/conf/default/addr_gen_mode", 1), ("net/ipv6/conf/default/accept_dad", 0),
         ("net/ipv6/conf/default/router_solicitations", 0), ("net/ipv4/icmp_ratemask", 0),
         ("net/ipv4/conf/all/rp_filter", 0), ("net/ipv4/conf/default/rp_filter", 0),
         ("net/ipv4/conf/all/send_redirects", 0), ("net/ipv4/conf/default/send_redirects", 0)]
libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A tool or the kernel did not take what the plan says."""


@dataclass
class Seen:
    """What became of one probe."""
    arrived: list = field(default_factory=list)   # (zone, packet); own too
    own: list = field(default_factory=list)       # those that a router took in for itself
    answered: list = field(default_factory=list)  # (zone, packet): answers that came in there


def run(argv, text="", ok=(0,)):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C", "TZ": "UTC"})
    if done.returncode not in ok:
        raise Refused(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()[:400]}")
    return done.stderr


class World:
    """One worker's; it stands in mount, process and network namespaces of its own."""

    def __init__(self):
        self.root = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.spaces = []
        self.sock = None
        self.taken = []  # raw sockets of every namespace: what is for itself

    def enter(self, space):
        fd = self.root if space is None else os.open(f"/run/netns/{space}", os.O_RDONLY)
        failed = libc.setns(fd, CLONE_NEWNET)
        if space is not None:
            os.close(fd)
        if failed:
            raise OSError(ctypes.get_errno(), f"setns {space}")

    @staticmethod
    def set(name, value):
        with open(f"/proc/sys/{name}", "w", encoding="ascii") as f:
            f.write(str(value))

    # ---- building ----

    def build(self, plan, lenient=False):
        """lenient: a line that the kernel doesn't take (a next hop that a line before made
        unreachable, or what depends on something that was taken away) is not there; how many."""
        refused = 0
        names = [s.name for s in plan.spaces] + [WORLD]
        force = ["-force"] if lenient else []
        run(["ip", "-batch", "-"], "".join(f"netns add {n}\n" for n in names))
        self.spaces = names
        for name in names:
            self.enter(name)
            for key, value in FIRST:
                self.set(key, value)
        self.listen()
        self.enter(None)
        run(["ip", "-batch", "-"], "".join(c + "\n" for c in plan.wires))
        for s in plan.spaces:
            self.enter(s.name)
            self.listen_inside()
            run(["ip", "-batch", "-"], "".join(c + "\n" for c in s.text("link")))
        self.enter(WORLD)
        run(["ip", "-batch", "-"], "".join(f"link set {e.world} up arp off\n" for e in plan.edges))
        for name in names:
            self.settle(name)
        # takes the lock that links change under: what was told of them is done by then
        run(["ip", "-n", WORLD, "link", "set", "lo", "up"])
        for s in plan.spaces:
            self.enter(s.name)
            for family in ("ip", "ip6"):
                batch = ["ip", *(["-6"] if family == "ip6" else []), *force, "-batch", "-"]
                text = "".join(c + "\n" for c in s.text(family))
                if text:
                    said = run(batch, text, ok=(0, 1) if lenient else (0,))
                    refused += said.count("Command failed")
            for item in s.items:
                if item.kind == "sysctl":
                    self.set(*item.text.split(" "))
            fdb = s.text("bridge")
            if fdb:
                run(["bridge", "-batch", "-"], "".join(c + "\n" for c in fdb))
            for loader, text in s.loads():
                run(loader, text)
        self.enter(None)
        return refused

    def settle(self, space):
        """Until every interface works: that a carrier came is told the rest of the kernel later."""
        self.enter(space)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, \
                open("/proc/thread-self/net/dev", encoding="ascii") as f:
            names = [line.split(":")[0].strip() for line in f.readlines()[2:]]
            until = time.monotonic() + 5
            for name in names:
                while name != "lo":
                    got = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16s16x", name.encode()))
                    if struct.unpack("H", got[16:18])[0] & IFF_RUNNING:
                        break
                    if time.monotonic() > until:
                        raise Refused(f"{space}: {name} does not come up")
                    time.sleep(0.0005)

    def clear(self):
        self.enter(None)
        if self.sock:
            self.sock.close()
        self.sock = None
        for s, _, _ in self.taken:
            s.close()
        self.taken = []
        run(["ip", "-force", "-batch", "-"], "".join(f"netns del {n}\n" for n in self.spaces),
            ok=(0, 1))
        self.spaces = []

    # ---- packets ----

    def listen(self):
        """One socket for all zones, in the namespace that is entered."""
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.setblocking(False)

    def listen_inside(self):
        """What the namespace takes in for itself, behind all its rules."""
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            for proto in (packets.TCP, packets.UDP, packets.ICMP[version]):
                s = socket.socket(family, socket.SOCK_RAW, proto)
                s.setblocking(False)
                if version == 6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                self.taken.append((s, version, proto))

    def receive_inside(self):
        got = []
        for s, version, proto in self.taken:
            while True:
                try:
                    data, more, _, where = s.recvmsg(2048, 64)
                except BlockingIOError:
                    break
                if version == 4:
                    parsed = packets.parse(data)
                else:
                    dst = next(socket.inet_ntop(socket.AF_INET6, d[:16]) for _, t, d in more
                               if t == socket.IPV6_PKTINFO)
                    parsed = packets.parse_body(proto, 6, where[0], dst, data)
                if parsed:
                    got.append(parsed)
        return got

    def send(self, edge, gateway, data):
        kind = 0x86dd if data[0] >> 4 == 6 else 0x800
        frame = gateway + edge.mac + struct.pack("!H", kind) + data
        for _ in range(100):
            try:
                self.sock.sendto(frame, (edge.world, kind))
                return
            except OSError:  # the queue is full: let it run
                time.sleep(0.002)
        raise Refused(f"nothing can be sent by {edge.world}")

    def receive(self, edges, wait):
        """All that came: (edge, MAC that it is for, parsed). wait: the silence that ends it."""
        got, until = [], time.monotonic() + wait
        while True:
            try:
                data, where = self.sock.recvfrom(2048)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return got
                time.sleep(0.0005)
                continue
            edge = edges.get(where[0])
            parsed = packets.parse(data[14:]) if edge else None
            if parsed:
                got.append((edge, data[:6], parsed))
                until = time.monotonic() + wait

    def inject(self, plan, probes, wait=0.002):
        """probes: {number: probe}. {number: Seen}."""
        edges = {e.world: e for e in plan.edges}
        seen = {n: Seen() for n in probes}
        numbers = list(probes)
        for at in range(0, len(numbers), 64):
            for n in numbers[at:at + 64]:
                self.send(probes[n].edge, probes[n].gateway, packets.build(probes[n].packet, n))
            got = self.receive(edges, wait)
            while got:
                for edge, to, (packet, n, answer) in got:
                    if n not in seen or to != edge.mac:
                        continue  # to somebody else on a shared link
                    if answer:
                        seen[n].answered.append((edge.zone, packet))
                        continue
                    seen[n].arrived.append((edge.zone, packet))
                    if len(seen[n].arrived) == 1:
                        self.send(edge, edge.beside.get(packet.src) or edge.gateways[0],
                                  packets.build(packet.swapped(), n, True))
                got = self.receive(edges, wait)
            for packet, n, answer in self.receive_inside():
                if n in seen and not answer:
                    seen[n].own.append((plan.zone_of(packet.dst), packet))
        for s in seen.values():
            s.arrived += s.own
        return seen
