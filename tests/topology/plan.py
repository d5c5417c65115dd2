# SPDX-License-Identifier: Apache-2.0
"""A topology as what is told to the kernel, line by line, so that lines can be taken away."""
import ipaddress
from dataclasses import dataclass, field

import packets

# Loaders and what they are fed; in this order.
TOOLS = {"legacy4": "iptables-legacy-restore", "legacy6": "ip6tables-legacy-restore",
         "xnft4": "iptables-nft-restore", "xnft6": "ip6tables-nft-restore"}


@dataclass
class Item:
    kind: str   # link, ip, ip6, bridge, sysctl, nft, or one of TOOLS
    text: str
    free: bool  # the rest still makes sense without it
    table: str = ""  # of iptables
    feature: str = ""  # what it was drawn for


@dataclass
class Space:
    """A namespace that passes packets on: a router, or a switch."""
    name: str
    role: str
    plane: str = "virtual"
    tool: str = "nft"  # nft, legacy, xnft
    uplink: str = ""   # the port that the Internet is behind
    items: list = field(default_factory=list)
    n_ports: int = 0

    def add(self, kind, text, free=False, table="", feature=""):
        self.items.append(Item(kind, text, free, table, feature))

    def text(self, kind):
        return [i.text for i in self.items if i.kind == kind]

    def loads(self):
        """Commands and their input."""
        for kind, tool in TOOLS.items():
            tables = {}
            for i in self.items:
                if i.kind == kind:
                    tables.setdefault(i.table, []).append(i.text)
            if tables:
                text = "".join(f"*{t}\n" + "".join(x + "\n" for x in sorted(v, key=chain_first)) +
                               "COMMIT\n" for t, v in tables.items())
                yield [tool, *(["-w"] if kind[0] == "l" else [])], text
        nft = self.text("nft")
        if nft:
            yield ["nft", "-f", "-"], "".join(c + "\n" for c in nft)


def chain_first(line):
    return not line.startswith(":")


@dataclass(frozen=True)
class Edge:
    """Where a zone's hosts are: the end of a veth in the world's namespace."""
    zone: str
    world: str
    mac: bytes
    gateways: tuple  # MACs of the routers there; the first is where answers go
    beside: dict = field(default_factory=dict, compare=False)  # addresses on the same link: MACs


@dataclass(frozen=True)
class Probe:
    zone: str
    edge: Edge
    gateway: bytes
    packet: packets.Packet


@dataclass
class Plan:
    name: str
    spaces: list = field(default_factory=list)
    wires: list = field(default_factory=list)  # commands that make what has ends in two namespaces
    edges: list = field(default_factory=list)
    zones: dict = field(default_factory=dict)  # name: [prefix]; none: the external zone
    bindings: list = field(default_factory=list)
    own: set = field(default_factory=set)  # routers' addresses
    dead: set = field(default_factory=set)  # those whose cable is dead: nobody else has them
    probes: dict = field(default_factory=dict)  # number: Probe
    features: list = field(default_factory=list)
    known: dict = field(default_factory=dict)  # addresses: zones

    def free(self):
        """Places of the lines that may be taken away."""
        return [(s, i) for s, space in enumerate(self.spaces)
                for i, item in enumerate(space.items) if item.free]

    def without(self, places):
        gone = set(places)
        spaces = []
        for s, space in enumerate(self.spaces):
            left = Space(space.name, space.role, space.plane, space.tool, space.uplink)
            left.items = [x for i, x in enumerate(space.items) if (s, i) not in gone]
            spaces.append(left)
        return Plan(self.name, spaces, self.wires, self.edges, self.zones, self.bindings, self.own, self.dead,
                    self.probes, self.features)

    def zone_of(self, addr):
        """Whose address it is; of the external zone where it is nobody else's; None."""
        if addr not in self.known:
            a = ipaddress.ip_address(addr)
            of = [z for z, prefixes in self.zones.items() if any(a in ipaddress.ip_network(p) for p in prefixes)]
            rest = [z for z, prefixes in self.zones.items() if not prefixes]
            self.known[addr] = next(iter(of + rest), None)
        return self.known[addr]

    def say(self):
        """For people, and close to something that a shell takes."""
        out = []
        for w in self.wires:
            out.append("ip " + w)
        for s in self.spaces:
            out.append(f"# {s.name} ({s.role})")
            for i in s.items:
                what = {"link": "ip ", "ip": "ip ", "ip6": "ip -6 ", "bridge": "bridge ", "sysctl": "sysctl ", "nft": "nft "}
                word = what.get(i.kind, f"{i.kind} -t {i.table} ")
                if "neigh " in i.text:
                    continue
                out.append(f"{s.name}: {word}{i.text}")
        for z, prefixes in self.zones.items():
            out.append(f"zone {z}: {', '.join(prefixes) or 'external'}")
        out += [f"binding {b}" for b in self.bindings]
        out += [f"uplink {s.name} {s.uplink}" for s in self.spaces if s.uplink]
        return "\n".join(out)
