# SPDX-License-Identifier: Apache-2.0
"""Draws topologies: routers and switches, how they are joined, where zones are, and what makes
a packet's way worth asking about (features). Everything from one seed."""
import ipaddress
import random
from dataclasses import dataclass, field, replace

import features
from packets import Packet
from plan import Edge, Plan, Probe, Space

HOSTS = (10, 70, 130, 200)  # one in each quarter of a subnet of 256
GATEWAY = 254  # where the Internet begins, on its segment
DEAD = ("192.0.2.77", "fd99::77")  # nobody's, or the Internet's
OUTSIDE = (("8.8.8.8", "1.2.3.4", "185.1.2.3"), ("2001:4860::8888", "2a00::1", "2606:4700::5"))
PORTS = (22, 53, 80, 443, 5000, 8080)


def mac_text(mac):
    return ":".join(f"{b:02x}" for b in mac)


def at(net, offset):
    return str(net[offset])


@dataclass
class Member:
    space: Space
    port: str
    mac: bytes
    addrs: tuple  # of IPv4 and IPv6
    near: str     # link-local


@dataclass
class Segment:
    """One subnet of each family and who is on it."""
    name: str
    nets: tuple
    members: list = field(default_factory=list)
    zones: dict = field(default_factory=dict)  # name: (MAC, last bytes of its hosts)

    @property
    def zone(self):
        return next(iter(self.zones), "")

    def of(self, space):
        return next((m for m in self.members if m.space is space), None)


def halves(seg):
    """(zone, subnet): all of it, or one half each."""
    if len(seg.zones) < 2:
        return [(z, net) for z in seg.zones for net in seg.nets]
    return [(z, n) for net in seg.nets for z, n in
            zip(seg.zones, net.subnets(new_prefix=net.prefixlen + 1) if net.version == 4 else
                [ipaddress.ip_network(f"{net[128 * k]}/121") for k in (0, 1)])]


class Maker:
    def __init__(self, seed, number, plain):
        self.plain = plain
        self.rng = random.Random(f"{seed}/{number}")
        self.plan = Plan(f"seed {seed} topology {number}")
        self.routers, self.segments = [], []
        self.n_macs = self.n_worlds = self.n_publics = self.n_tables = self.n_nexthops = 0
        self.outside, self.far = None, OUTSIDE
        self.below = set()  # switches that carry an overlay
        self.targets = []  # addresses that mean something beside the zones' hosts

    # ---- spaces and ports ----

    def chance(self, p):
        return self.rng.random() < p

    def space(self, role):
        s = Space(f"{role[0]}{len(self.plan.spaces)}", role, self.rng.choice(("physical", "virtual")),
                  self.rng.choice(("nft", "nft", "legacy", "xnft")))
        s.add("link", "link set lo up")
        self.plan.spaces.append(s)
        if role == "router":
            s.add("sysctl", "net/ipv4/ip_forward 1")
            s.add("sysctl", "net/ipv6/conf/all/forwarding 1")
            self.routers.append(s)
        return s

    def mac(self):
        self.n_macs += 1
        return bytes((2, 0, 0, 0, self.n_macs >> 8, self.n_macs & 255))

    @staticmethod
    def port(space):
        space.n_ports += 1
        return f"eth{space.n_ports - 1}"

    def veth(self, a, port_a, mac_a, b, port_b, mac_b):
        """Ends in two spaces; b None: the world."""
        # indexes that differ: a carrier is believed a second later where they are equal
        n = 1000 + 2 * len(self.plan.wires)
        self.plan.wires.append(
            f"link add {port_a} index {n} netns {a.name} address {mac_text(mac_a)} type veth peer name "
            f"{port_b} index {n + 1} netns {b.name if b else 'world'} address {mac_text(mac_b)}")
        for s, port in ((a, port_a), (b, port_b)):
            if s:
                s.add("link", f"link set {port} up")

    def world_port(self):
        self.n_worlds += 1
        return f"w{self.n_worlds}"

    def bridge(self, space, name="br0"):
        mac = self.mac()
        space.add("link", f"link add {name} address {mac_text(mac)} type bridge stp_state 0 "
                        "mcast_snooping 0")
        space.add("link", f"link set {name} up")
        return mac

    def bind(self, zone, space, port):
        self.plan.bindings.append({"zone": zone, "device": space.name, "interface": port})

    # ---- segments ----

    def segment(self, spaces, kind, zones=(), net=None):
        """Joins the routers (and the zones' hosts) on a subnet of its own."""
        n = len(self.segments)
        nets = net or (ipaddress.ip_network(f"172.16.{n}.0/24"), ipaddress.ip_network(f"fd01:0:0:{n:x}::/64"))
        seg = Segment(f"s{n}", nets)
        for k, zone in enumerate(zones):
            seg.zones[zone] = (self.mac(), HOSTS if len(zones) == 1 else HOSTS[2 * k:2 * k + 2])
        self.segments.append(seg)
        ends = {"direct": self.direct, "switch": self.switched, "inner": self.inner,
                "vxlan": self.vxlan, "tunnel": self.tunnel}[kind](seg, spaces)
        for k, (space, port, mac) in enumerate(ends):
            addrs = (at(nets[0], 1 + k), at(nets[1], 1 + k))
            near = f"fe80::{mac[4] << 8 | mac[5]:x}"
            seg.members.append(Member(space, port, mac, addrs, near))
            space.add("ip", f"addr add {addrs[0]}/{nets[0].prefixlen} dev {port}")
            space.add("ip", f"addr add {addrs[1]}/{nets[1].prefixlen} dev {port} nodad")
            space.add("ip", f"addr add {near}/64 dev {port} nodad")
        self.neighbours(seg)
        beside = {a: m.mac for m in seg.members for a in m.addrs}
        for mac, hosts in seg.zones.values():
            beside.update({at(net, h): mac for net in nets for h in hosts})
        for edge in self.plan.edges:
            if any(edge.mac == mac for mac, _ in seg.zones.values()):
                edge.beside.update({a: mac for a, mac in beside.items() if mac != edge.mac})
        return seg

    @staticmethod
    def neighbours(seg):
        """All of them are known for good: nothing has to be asked, nothing gets lost."""
        for me in seg.members:
            known = [(a, m.mac) for m in seg.members if m is not me for a in (*m.addrs, m.near)]
            for mac, hosts in seg.zones.values():
                known += [(at(net, h), mac) for net in seg.nets for h in (*hosts, GATEWAY)]
            for addr, mac in known:
                me.space.add("ip", f"neigh replace {addr} lladdr {mac_text(mac)} dev {me.port} nud permanent")

    def hosts(self, seg, space, port, gateways, zone=None):
        """The veth to a zone's hosts."""
        zone = zone or seg.zone
        world, mac = self.world_port(), self.mac()
        self.veth(space, port, mac, None, world, self.mac())
        self.plan.edges.append(Edge(zone, world, seg.zones[zone][0], gateways or (mac,)))
        return mac

    def direct(self, seg, spaces):
        ports = [self.port(s) for s in spaces]
        if seg.zone:
            return [(spaces[0], ports[0], self.hosts(seg, spaces[0], ports[0], None))]
        macs = [self.mac(), self.mac()]
        self.veth(spaces[0], ports[0], macs[0], spaces[1], ports[1], macs[1])
        return list(zip(spaces, ports, macs))

    def plugged(self, seg, space, bridge, ends, sure):
        """The zones' hosts at ports of the bridge; sure: the estate says by which."""
        for zone in seg.zones:
            plug = self.port(space)
            self.hosts(seg, space, plug, tuple(mac for _, _, mac in ends), zone)
            space.add("link", f"link set {plug} master {bridge}")
            if sure or len(seg.zones) > 1:
                self.bind(zone, space, plug)

    def switched(self, seg, spaces):
        switch = self.space("switch")
        self.bridge(switch)
        ends = []
        for s in spaces:
            port, mac, plug = self.port(s), self.mac(), self.port(switch)
            self.veth(s, port, mac, switch, plug, self.mac())
            switch.add("link", f"link set {plug} master br0")
            ends.append((s, port, mac))
        self.plugged(seg, switch, "br0", ends, self.chance(0.5))
        return ends

    def inner(self, seg, spaces):
        """A bridge of the first router's own, with the others as its ports."""
        own = spaces[0]
        name = f"br{sum('type bridge' in t for t in own.text('link'))}"
        ends = [(own, name, self.bridge(own, name))]
        for s in spaces[1:]:
            port, mac, plug = self.port(s), self.mac(), self.port(own)
            self.veth(s, port, mac, own, plug, self.mac())
            own.add("link", f"link set {plug} master {name}")
            ends.append((s, port, mac))
        self.plugged(seg, own, name, ends, self.chance(0.2))
        return ends

    def vxlan(self, seg, spaces):
        """An overlay of its own above a subnet of its own; two or more ends."""
        n = len(self.segments)
        under = (ipaddress.ip_network(f"172.31.{n}.0/24"), ipaddress.ip_network(f"fd31:0:0:{n:x}::/64"))
        before = len(self.plan.spaces)
        low = self.segment(spaces, "direct" if len(spaces) == 2 else "switch", net=under)
        low.name += " (underlay)"
        self.below |= {s.name for s in self.plan.spaces[before:]}
        return self.overlay(n, [low.of(s) for s in spaces])

    def tunnel(self, seg, spaces):
        """An overlay above whatever is between the two."""
        ends = [self.rng.choice([x.of(s) for x in self.segments if x.of(s) and not x.zone]) for s in spaces]
        return self.overlay(len(self.segments), ends)

    def overlay(self, n, low):
        family = self.rng.choice((0, 0, 1))
        ends = []
        for me in low:
            s, mac = me.space, self.mac()
            port = f"vx{sum('type vxlan' in t for t in s.text('link'))}"
            others = [m.addrs[family] for m in low if m is not me]
            remote = f"remote {others[0]} " if len(others) == 1 else ""
            s.add("link", f"link add {port} address {mac_text(mac)} type vxlan id {1000 + n} {remote}"
                          f"local {me.addrs[family]} dstport 4789")
            s.add("link", f"link set {port} mtu 1400 up")
            if port == "vx0":  # what carries it isn't followed: policy rules leave it alone
                s.add("ip", "rule add iif lo pref 5 lookup main")
                s.add("ip6", "rule add iif lo pref 5 lookup main")
            if not remote:
                for o in others:
                    s.add("bridge", f"fdb append 00:00:00:00:00:00 dev {port} dst {o}")
            ends.append((s, port, mac))
        return ends

    def forsake(self, space, port):
        """Hosts turn to another router where there is one: the cable at the port is dead."""
        dead = {(space.name, port)}
        for w in self.plan.wires:
            words = w.split()
            ends = {(words[6], words[2]), (words[17], words[13])}
            dead |= ends if ends & dead else set()
        gone = [x for seg in self.segments for x in seg.members if (x.space.name, x.port) in dead]
        self.plan.dead |= {a for x in gone for a in x.addrs}
        macs = {x.mac for x in gone}
        for k, e in enumerate(self.plan.edges):
            left = tuple(g for g in e.gateways if g not in macs)
            self.plan.edges[k] = replace(e, gateways=left or e.gateways)

    # ---- ways ----

    def hops(self, space, seg):
        """Next hops (members) from space towards the segment on shortest ways; [] where it is
        on it, None where there is no way."""
        if seg.of(space):
            return []
        dist = {m.space.name: 0 for m in seg.members}
        queue = [m.space for m in seg.members]
        while queue:
            s = queue.pop(0)
            for t, _ in self.beside(s):
                if t.name not in dist:
                    dist[t.name] = dist[s.name] + 1
                    queue.append(t)
        if space.name not in dist:
            return None
        return [(own, m) for t, (own, m) in self.beside(space) if dist.get(t.name, 99) < dist[space.name]]

    def beside(self, space):
        """Routers that share a subnet: (router, (own member, its member))."""
        found = []
        for seg in self.segments:
            own = seg.of(space)
            if own and "underlay" not in seg.name:
                found += [(m.space, (own, m)) for m in seg.members if m is not own]
        return found

    def route(self, space, family, prefix, hops, more="", free=True, feature=""):
        head = f"route add {prefix}"
        near = family and self.chance(0.25)
        words = [f"via {m.near if near else m.addrs[family]} dev {own.port}" for own, m in hops]
        if self.chance(0.12):
            text = f"{head}{more} nhid {self.nexthops(space, family, words)}"
        elif len(words) == 1:
            text = f"{head} {words[0]}{more}"
        else:
            text = head + more + "".join(f" nexthop {w}" for w in words)
        space.add("ip", text, free, feature=feature)

    def nexthops(self, space, family, words):
        """Objects of their own that routes refer to; the number of the last."""
        ids = []
        for w in words:
            self.n_nexthops += 1
            ids.append(str(self.n_nexthops))
            space.add("ip", f"nexthop add id {self.n_nexthops} {w}")
        if len(ids) > 1:
            self.n_nexthops += 1
            space.add("ip", f"nexthop add id {self.n_nexthops} group {'/'.join(ids)}")
        return self.n_nexthops

    def routes(self):
        for r in self.routers:
            stub = self.chance(0.4) and not (self.outside and self.outside.of(r))
            own = list({id(m): (o, m) for _, (o, m) in self.beside(r)}.values())
            if stub and len(own) == 1:
                for f in (0, 1):
                    self.route(r, f, ("0.0.0.0/0", "::/0")[f], own)
                continue
            for seg in self.segments:
                hops = None if seg is self.outside else self.hops(r, seg)
                if not hops or (not seg.zone and self.chance(0.3)):
                    continue
                if len(hops) > 1 and not self.chance(0.4):
                    hops = [self.rng.choice(hops)]
                for f in (0, 1):
                    self.route(r, f, seg.nets[f], hops)

    def route_to(self, space, prefixes, feature):
        """All others learn that these (one of each family, or None) are at the router."""
        segs = [s for s in self.segments if s.of(space)]
        for r in self.routers:
            if r is space:
                continue
            hops = next((h for h in (self.hops(r, s) for s in segs) if h), None)
            if hops is None:  # on a common subnet
                hops = [(o, m) for t, (o, m) in self.beside(r) if t is space]
            for f in (0, 1):
                if hops and prefixes[f]:
                    self.route(r, f, prefixes[f], [self.rng.choice(hops)], feature=feature)

    # ---- all together ----

    def join(self):
        n = self.rng.choice((2, 3, 3, 3, 4))
        for _ in range(n):
            self.space("router")
        todo = self.routers[1:]
        done = [self.routers[0]]
        while todo:
            room = len(self.plan.spaces) < 5
            kind = self.rng.choices(("direct", "switch", "inner", "vxlan"),
                                    (6, 3 if room else 0, 2, 2))[0]
            take = 2 if kind in ("switch", "inner", "vxlan") and len(todo) > 1 and self.chance(0.5) else 1
            if take == 2 and kind == "vxlan" and not room:
                take = 1
            spaces = [self.rng.choice(done), *todo[:take]]
            self.segment(spaces, kind)
            done += todo[:take]
            todo = todo[take:]
        if n > 2 and self.chance(0.45):
            a, b = self.rng.sample(self.routers, 2)
            self.segment([a, b], self.rng.choice(("direct", "inner", "vxlan")))

    def place(self):
        """Zones: each on a subnet of its own, sometimes on two, sometimes with two routers."""
        n = self.rng.choice((2, 3, 3, 4))
        z = 0
        while z < n:
            twins = self.chance(0.15)
            zones = [f"zone{z + k}" for k in range(1 + twins)]
            for zone in zones:
                self.plan.zones[zone] = []
            for k in range(2 if self.chance(0.12) and not twins else 1):
                net = (ipaddress.ip_network(f"10.{10 + z}.{k}.0/24"),
                       ipaddress.ip_network(f"fd00:0:{z:x}:{k:x}::/64"))
                spaces = [self.rng.choice(self.routers)]
                kind = "inner" if twins else self.rng.choice(("direct", "direct", "inner"))
                if len(self.plan.spaces) < 5 and self.chance(0.2):
                    kind = "switch"
                if kind != "direct" and self.chance(0.25):
                    spaces = self.rng.sample(self.routers, 2)
                for zone, subnet in halves(self.segment(spaces, kind, zones, net)):
                    self.plan.zones[zone].append(str(subnet))
            z += len(zones)

    def internet(self):
        """Everything else is behind one router's port: default routes lead there."""
        net = (ipaddress.ip_network("100.64.0.0/24"), ipaddress.ip_network("fd64::/64"))
        r = self.rng.choice(self.routers)
        seg = self.segment([r], "direct", ["internet"], net)
        self.plan.zones["internet"] = []
        self.outside = seg
        if self.chance(0.5):
            self.bind("internet", r, seg.of(r).port)
        else:
            r.uplink = seg.of(r).port

    def defaults(self):
        seg = self.outside
        own = seg.members[0]
        for f in (0, 1):
            zero = ("0.0.0.0/0", "::/0")[f]
            own.space.add("ip", f"route add {zero} via {at(seg.nets[f], GATEWAY)} dev {own.port}", True)
            for r in self.routers:
                hops = self.hops(r, seg)
                if hops and not any(i.text.startswith(f"route add {zero}") for i in r.items) and (self.plain or self.chance(0.85)):
                    self.route(r, f, zero, [self.rng.choice(hops)])

    def source(self, zone, family):
        seg = self.rng.choice([s for s in self.segments if zone in s.zones])
        if zone == "internet":
            return seg, self.rng.choice(OUTSIDE[family])
        return seg, at(seg.nets[family], self.rng.choice(seg.zones[zone][1]))

    def ask(self, zone, family, dst, proto=None, port=None):
        seg, src = self.source(zone, family)
        edge = next(e for e in self.plan.edges if e.mac == seg.zones[zone][0])
        number = len(self.plan.probes) + 1
        proto = proto or self.rng.choice(("tcp", "tcp", "udp", "udp", "icmp"))
        port = 0 if proto == "icmp" else port or self.rng.choice(PORTS)
        packet = Packet(proto, src, dst, 20000 + number, port)
        gateway = edge.beside.get(dst) or self.rng.choice(edge.gateways)
        self.plan.probes[number] = Probe(zone, edge, gateway, packet)

    def ask_all(self):
        zones = list(self.plan.zones)
        for a in zones:
            for f in (0, 1):
                for b in zones:
                    if a == b:
                        continue
                    for _ in range(self.rng.choice((5, 8))):
                        self.ask(a, f, self.source(b, f)[1])
                for _ in range(2):
                    self.ask(a, f, DEAD[f])
                    seg = self.rng.choice(self.segments)
                    self.ask(a, f, self.rng.choice(seg.members).addrs[f])
                for t in self.targets:
                    if (":" in t[0]) == bool(f):
                        self.ask(a, f, *t)
                        self.ask(a, f, t[0])


def draw(seed, number, plain=False):
    """A plan; plain: without features, so that everything arrives and is answered."""
    m = Maker(seed, number, plain)
    m.join()
    m.place()
    if m.chance(0.4):
        m.internet()
    m.routes()
    if m.outside:
        m.defaults()
    if not plain:
        features.draw(m)
    m.ask_all()
    m.plan.own = {a for seg in m.segments for member in seg.members for a in member.addrs}
    return m.plan
