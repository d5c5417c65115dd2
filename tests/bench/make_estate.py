#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A generated estate: zones, devices and rules on both planes, in the formats that are read.

    make_estate.py FOLDER [--zones 1000] [--devices 200] [--rules 100000] [--seed 1]
                   [--paths routes|bindings] [--faults 20] [--change KIND]

Writes FOLDER/estate.yaml, FOLDER/policy.yaml and one file a device. The same arguments give the
same bytes. The shape is a data centre's: an ASA towards the Internet, one IOS core router,
an IOS router for every eight or so hosts, and Linux hosts that hold the zones (half of them by
nftables, half by iptables). A tenth of the devices are routers. Each router permits towards its
hosts what the policy allows (physical), each host the same again (virtual). `--faults` plants
rules of one plane, or of both, that the policy doesn't know.

--paths routes: zones are where their networks are connected, ways are found by routes;
bindings: every zone is bound to its host and its router, as in estates without routes.

--change KIND changes one thing in the result: rule (a line taken out of one router's list),
rule-host (one of a host's rules), comment (a remark), order (two permits of one list that say
nothing of each other's packets exchanged), route (a static route to another router), zone (one
prefix halved), binding, none.
"""
import argparse
import hashlib
import json
import os
import random
import sys

SERVICES = [("https", "tcp", 443), ("ssh", "tcp", 22), ("postgresql", "tcp", 5432), ("ntp", "udp", 123),
            ("dns", "udp", 53), ("metrics", "tcp", 9100), ("app", "tcp", 8443), ("ldaps", "tcp", 636)]
TENANT = 10  # zones of one tenant


class Zone:
    def __init__(self, i):
        self.i = i
        self.name = f"z{i:04d}"
        self.net = f"10.{i >> 8}.{i & 255}"
        self.tenant = i // TENANT
        self.wanted = []  # (source zone or None for everybody, service)
        self.out = False  # may reach the Internet
        self.host = None
        self.port = f"seg{i}"


class Host:
    def __init__(self, i, router):
        self.i, self.router = i, router
        self.name = f"host{i:03d}"
        self.vlan = 100 + i
        self.net = f"172.{16 + (i >> 14)}.{(i >> 6) & 255}.{(i & 63) * 4}"
        a = self.net.rsplit(".", 1)
        self.gateway, self.own = f"{a[0]}.{int(a[1]) + 1}", f"{a[0]}.{int(a[1]) + 2}"
        self.zones = []


class Router:
    def __init__(self, i):
        self.i = i
        self.name = f"dist{i:02d}"
        self.net = f"172.31.{i // 64}.{i % 64 * 4}"
        a = self.net.rsplit(".", 1)
        self.core, self.own = f"{a[0]}.{int(a[1]) + 1}", f"{a[0]}.{int(a[1]) + 2}"
        self.hosts = []


class Estate:
    def __init__(self, a):
        self.a, self.rnd = a, random.Random(a.seed)
        n_routers = max(1, a.devices // 10)
        n_hosts = max(1, a.devices - n_routers - 2)
        self.routers = [Router(i) for i in range(n_routers)]
        self.hosts = []
        for i in range(n_hosts):
            r = self.routers[i % n_routers]
            self.hosts.append(Host(i, r))
            r.hosts.append(self.hosts[-1])
        self.zones = [Zone(i) for i in range(a.zones - 1)]  # and the Internet
        for z in self.zones:
            z.host = self.hosts[z.i % n_hosts]
            z.host.zones.append(z)
        self.wish()
        self.plant()

    def wish(self):
        """What the policy allows: half of it within the tenant, half from others."""
        r = self.rnd
        each = max(2, (self.a.rules - 3 * self.a.zones) // 2 // max(1, len(self.zones)))
        shared = self.zones[:TENANT]
        for z in self.zones:
            seen = set()
            own = [y for y in self.zones[z.tenant * TENANT:(z.tenant + 1) * TENANT] if y is not z]
            if r.random() < 0.05:
                z.wanted.append((None, SERVICES[0]))
            z.out = r.random() < 0.3
            # A small estate has fewer different wishes than rules were asked for.
            for _ in range(4 * each):
                pool = own if r.random() < 0.5 else self.zones
                src = r.choice(shared) if r.random() < 0.1 else r.choice(pool or self.zones)
                svc = r.choice(SERVICES)
                if src is z or (src, svc) in seen:
                    continue
                seen.add((src, svc))
                z.wanted.append((src, svc))
                if len(z.wanted) >= each:
                    break

    def plant(self):
        """Rules that a plane has and the policy doesn't, by zone."""
        self.extra = {"physical": {}, "virtual": {}}
        for i in range(self.a.faults):
            z = self.rnd.choice(self.zones)
            src = self.rnd.choice(self.zones)
            rule = (src, ("telnet", "tcp", 23 + i % 3))
            for plane in (("physical",), ("virtual",), ("physical", "virtual"))[i % 3]:
                if src.host is not z.host:
                    self.extra[plane].setdefault(z.i, []).append(rule)

    # What reaches a zone, in one plane.
    def rules(self, z, plane):
        return z.wanted + self.extra[plane].get(z.i, [])

    def policy(self):
        out = ["version: 1", "name: generated", "services:"]
        out += [f"  {n}: {p}/{port}" for n, p, port in SERVICES]
        out.append("tenants:")
        tenants = sorted({z.tenant for z in self.zones})
        out += [f"  - {{name: t{t}, responsible: csc{', shared: true' if t == 0 else ''}}}" for t in tenants]
        out.append("zones:")
        out.append("  - {name: internet, external: true}")
        for z in self.zones:
            length = 25 if self.a.change == "zone" and z.i == 7 else 24
            out.append(f"  - {{name: {z.name}, tenant: t{z.tenant}, prefixes: {z.net}.0/{length}}}")
        out.append("flows:")
        for z in self.zones:
            by = {}
            for src, svc in z.wanted:
                by.setdefault(svc, []).append(src)
            for svc in sorted(by):
                srcs = by[svc]
                word = "any" if None in srcs else "[" + ", ".join(s.name for s in sorted(srcs, key=lambda s: s.i)) + "]"
                action = "require" if svc[1] == "tcp" and None not in srcs and z.i % 3 == 0 else "allow"
                out.append(f"  - {{id: {z.name}-{svc[0]}, from: {word}, to: {z.name}, service: {svc[0]}, "
                           f"action: {action}}}")
        outside = [z.name for z in self.zones if z.out]
        if outside:
            out.append(f"  - {{id: out, from: [{', '.join(outside)}], to: internet, service: https, action: allow}}")
        out += ["exclusions:",
                "  - {id: transit, prefixes: [172.16.0.0/12, 192.0.2.0/24, 198.51.100.0/24], reason: the routers' own links}",
                "alignment:", "  - {from: internet, relation: effective}", "  - {to: internet, relation: effective}",
                "  - {relation: equal}"]
        return out

    def estate(self):
        bound = self.a.paths == "bindings"
        out = ["version: 1", "name: generated", "policy: policy.yaml", "sources:"]

        def source(name, collector, plane, uplink):
            up = f", uplink: {uplink}" if bound else ""
            end = "json" if collector == "linux" else "cfg"
            out.append(f"  - {{name: {name}, file: {name}.{end}, collector: {collector}, plane: {plane}, owner: ops@{name}.example{up}}}")
        source("edge", "asa", "physical", "inside")
        source("core", "ios", "physical", "GigabitEthernet0/0")
        for r in self.routers:
            source(r.name, "ios", "physical", "GigabitEthernet0/0")
        for h in self.hosts:
            source(h.name, "linux", "virtual", "eth0")
        out.append("bindings:")
        out.append("  - {zone: internet, device: edge, interface: outside}")
        for z in self.zones:
            h = z.host
            if bound:
                port = f"Vlan{h.vlan}"
                out.append(f"  - {{zone: {z.name}, device: {h.router.name}, interface: {port}}}")
            if bound or z.i % 10 == 3:
                port = z.port
                if self.a.change == "binding" and z.i == 13:
                    port = h.zones[0].port if h.zones[0] is not z else h.zones[-1].port
                out.append(f"  - {{zone: {z.name}, device: {h.name}, interface: {port}}}")
        return out

    def edge(self):
        out = ["ASA Version 9.16(4)", "!", "hostname edge", "!",
               "interface GigabitEthernet0/0", " nameif outside", " security-level 0",
               " ip address 198.51.100.2 255.255.255.248", "!",
               "interface GigabitEthernet0/1", " nameif inside", " security-level 100",
               " ip address 192.0.2.1 255.255.255.252", "!"]
        for z in self.zones:
            for src, svc in z.wanted:
                if src is None:
                    out.append(f"access-list outside_in extended permit {svc[1]} any {z.net}.0 255.255.255.0 eq {svc[2]}")
        out.append("access-list outside_in extended deny ip any any")
        for z in self.zones:
            if z.out:
                out.append(f"access-list inside_in extended permit tcp {z.net}.0 255.255.255.0 any eq 443")
        out += ["access-list inside_in extended deny ip any any",
                "access-group outside_in in interface outside", "access-group inside_in in interface inside",
                "route outside 0.0.0.0 0.0.0.0 198.51.100.1 1",
                "route inside 10.0.0.0 255.0.0.0 192.0.2.2 1", "route inside 172.16.0.0 255.240.0.0 192.0.2.2 1",
                ": end"]
        return out

    def core(self):
        out = ["version 15.7", "hostname core", "!", "interface GigabitEthernet0/0",
               " ip address 192.0.2.2 255.255.255.252", "!"]
        for r in self.routers:
            out += [f"interface GigabitEthernet1/{r.i}", f" ip address {r.core} 255.255.255.252", "!"]
        moved = None
        if self.a.change == "route":
            moved = self.zones[5]
        for z in self.zones:
            r = z.host.router
            if z is moved:
                r = self.routers[(r.i + 1) % len(self.routers)]
            out.append(f"ip route {z.net}.0 255.255.255.0 {r.own}")
        out += ["ip route 0.0.0.0 0.0.0.0 192.0.2.1", "end"]
        return out

    def middle(self, h, rules):
        """The rule nearest the middle of the list that another host's zone needs."""
        for k in sorted(range(len(rules)), key=lambda k: abs(k - len(rules) // 2)):
            src, z, svc = rules[k]
            if src is not None and src.host is not h and (src, svc) in z.wanted:
                return k
        sys.exit(f"{h.name} has no rule to take out")

    def list_of(self, h):
        rules = [(src, z, svc) for z in h.zones for src, svc in self.rules(z, "physical")]
        lines = []
        for src, z, (_, proto, port) in rules:
            s = "any" if src is None else f"{src.net}.0 0.0.0.255"
            lines.append(f" permit {proto} {s} {z.net}.0 0.0.0.255 eq {port}")
        if h is self.hosts[len(self.hosts) // 2]:
            if self.a.change == "rule":
                del lines[self.middle(h, rules)]
            elif self.a.change == "comment":
                lines.insert(len(lines) // 2, " remark nothing to see here")
            elif self.a.change == "order":
                lines[2], lines[-2] = lines[-2], lines[2]
        return [" permit tcp any any established"] + lines + [" deny ip any any"]

    def router(self, r):
        out = ["version 15.7", f"hostname {r.name}", "!", "interface GigabitEthernet0/0",
               f" ip address {r.own} 255.255.255.252", "!"]
        for h in r.hosts:
            out += [f"interface Vlan{h.vlan}", f" ip address {h.gateway} 255.255.255.252",
                    f" ip access-group {h.name}-IN in", f" ip access-group {h.name}-OUT out", "!"]
        for h in r.hosts:
            out.append(f"ip access-list extended {h.name}-IN")
            out += [f" permit ip {z.net}.0 0.0.0.255 any" for z in h.zones]
            out.append(" deny ip any any")
            out.append(f"ip access-list extended {h.name}-OUT")
            out += self.list_of(h)
        out.append(f"ip route 0.0.0.0 0.0.0.0 {r.core}")
        for h in r.hosts:
            out += [f"ip route {z.net}.0 255.255.255.0 {h.own}" for z in h.zones]
        return out + ["end"]

    def host_rules(self, h):
        """(source zone or None, zone, service) in the order of the chain."""
        rules = [(src, z, svc) for z in h.zones for src, svc in self.rules(z, "virtual")]
        if self.a.change == "rule-host" and h is self.hosts[len(self.hosts) // 3]:
            del rules[self.middle(h, rules)]
        return rules

    # The host's own addresses in its zones are reached by what reaches the zone.
    def iptables(self, h):
        out = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":zones - [0:0]",
               "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -j zones",
               "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
        out += [f"-A FORWARD -i {z.port} -o eth0 -s {z.net}.0/24 -j ACCEPT" for z in h.zones]
        out.append("-A FORWARD -j zones")
        for src, z, (_, proto, port) in self.host_rules(h):
            s = "" if src is None else f"-s {src.net}.0/24 "
            out.append(f"-A zones {s}-d {z.net}.0/24 -p {proto} -m {proto} --dport {port} -j ACCEPT")
        return out + ["COMMIT"]

    def nftables(self, h):
        chains = {"input": [], "forward": [], "zones": []}
        handle = [10]

        def eq(left, right):
            return {"match": {"op": "==", "left": left, "right": right}}

        def add(chain, *expr):
            handle[0] += 1
            chains[chain].append({"rule": {"family": "ip", "table": "filter", "chain": chain, "handle": handle[0],
                                           "expr": list(expr)}})

        def net(z):
            return {"prefix": {"addr": f"{z.net}.0", "len": 24}}

        def field(proto, name):
            return {"payload": {"protocol": proto, "field": name}}
        accept, jump = {"accept": None}, {"jump": {"target": "zones"}}
        answers = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}
        add("input", answers, accept)
        add("input", jump)
        add("forward", answers, accept)
        for z in h.zones:
            add("forward", eq({"meta": {"key": "iifname"}}, z.port), eq({"meta": {"key": "oifname"}}, "eth0"),
                eq(field("ip", "saddr"), net(z)), accept)
        add("forward", jump)
        for src, z, (_, proto, port) in self.host_rules(h):
            source = [] if src is None else [eq(field("ip", "saddr"), net(src))]
            add("zones", *source, eq(field("ip", "daddr"), net(z)), eq(field(proto, "dport"), port), accept)
        listing = [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
                   {"table": {"family": "ip", "name": "filter", "handle": 1}}]
        kernel = []
        for i, (name, rules) in enumerate(chains.items()):
            base = name != "zones"
            told = {"family": "ip", "table": "filter", "name": name, "handle": i + 1}
            seen = {"name": name, "handle": i + 1, "flags": ["base"] if base else []}
            if base:
                told |= {"type": "filter", "hook": name, "prio": 0, "policy": "drop"}
                seen |= {"type": "filter", "hook": name, "priority": 0, "policy": "drop"}
            listing.append({"chain": told})
            kernel.append(seen | {"rules": len(rules), "rule_handles": [r["rule"]["handle"] for r in rules]})
        for rules in chains.values():
            listing += rules
        return {"listing": {"nftables": listing},
                "kernel": {"generation": [7, 7], "tables": [{"family": "ip", "name": "filter", "handle": 1, "flags": [],
                                                             "chains": kernel, "sets": [], "objects": [],
                                                             "flowtables": []}]},
                "differences": []}

    def host(self, h):
        links = [("lo", "127.0.0.1", 8)] + [("eth0", h.own, 30)] + [(z.port, f"{z.net}.1", 24) for z in h.zones]
        flags = ["up", "broadcast", "running", "multicast", "lower_up"]
        parts = {}
        parts["links"] = {"data": [
            {"index": i + 1, "name": n, "kind": None, "type": 1 if i else 772,
             "flags": flags if i else ["up", "loopback", "running", "lower_up"], "up": True,
             "state": "up" if i else "unknown", "mtu": 1500 if i else 65536,
             "mac": f"02:00:00:{h.i >> 8:02x}:{h.i & 255:02x}:{i:02x}" if i else "00:00:00:00:00:00", "group": 0,
             "master": None, "master_index": None, "parent_index": None} for i, (n, _, _) in enumerate(links)]}
        parts["addresses"] = {"data": [
            {"link": n, "link_index": i + 1, "family": "ipv4", "address": a, "prefix_length": length,
             "scope": "global" if i else "host", "label": n, "flags": ["permanent"]}
            for i, (n, a, length) in enumerate(links)]}
        routes = [{"family": "ipv4", "table": 254, "type": "unicast", "destination": "0.0.0.0/0", "gateway": h.gateway,
                   "link": "eth0", "link_index": 2, "priority": 0, "protocol": "static", "scope": "global", "flags": []}]
        for i, (n, a, length) in enumerate(links):
            net = f"{h.net}/30" if n == "eth0" else "127.0.0.0/8" if not i else a.rsplit(".", 1)[0] + ".0/24"
            if i:
                routes.append({"family": "ipv4", "table": 254, "type": "unicast", "destination": net, "gateway": None,
                               "link": n, "link_index": i + 1, "priority": 0, "protocol": "kernel", "scope": "link",
                               "preferred_source": a, "flags": []})
        for i, (n, a, length) in enumerate(links):
            routes.append({"family": "ipv4", "table": 255, "type": "local", "destination": f"{a}/32" if i else "127.0.0.0/8",
                           "gateway": None, "link": n, "link_index": i + 1, "priority": 0, "protocol": "kernel",
                           "scope": "host", "preferred_source": a, "flags": []})
        parts["routes"] = {"data": routes, "others": {"mpls": 0, "ipv4_multicast": 0, "ipv6_multicast": 0}}
        parts["nexthops"] = {"data": []}
        rules = [("ipv4", 0, 255), ("ipv4", 32766, 254), ("ipv4", 32767, 253), ("ipv6", 0, 255), ("ipv6", 32766, 254)]
        parts["rules"] = {"data": [{"family": f, "priority": p, "invert": False, "action": "table", "table": t,
                                    "protocol": "kernel"} for f, p, t in rules],
                          "others": {"ipv4_multicast": 1, "ipv6_multicast": 1}}
        parts["neighbours"] = {"data": []}
        parts["bridge"] = {"data": {"ports": [], "fdb": [], "vlans": []}}
        parts["traffic_control"] = {"data": []}
        parts["xfrm"] = {"data": {"policies": 0, "states": 0}}
        ctl = {"net/ipv4/ip_forward": "1"}
        for n in ["all", "default"] + [n for n, _, _ in links]:
            ctl[f"net/ipv4/conf/{n}/forwarding"] = "1"
            ctl[f"net/ipv4/conf/{n}/rp_filter"] = "0"
            ctl[f"net/ipv4/conf/{n}/accept_local"] = "0"
            ctl[f"net/ipv4/conf/{n}/route_localnet"] = "0"
            ctl[f"net/ipv6/conf/{n}/forwarding"] = "0"
            ctl[f"net/ipv6/conf/{n}/disable_ipv6"] = "1"
        parts["sysctls"] = {"data": ctl}
        empty = {"listing": {"nftables": []}, "kernel": {"generation": [1, 1], "tables": []}, "differences": []}
        if h.i % 2:
            parts["nftables"] = empty
            parts["iptables"] = {"listings": [{"family": "ipv4", "backend": "legacy", "tables": ["filter"],
                                               "text": self.iptables(h)}]}
        else:
            parts["nftables"] = self.nftables(h)
            parts["iptables"] = {"listings": []}
        parts["ebtables"] = {"listings": []}
        parts["ipsets"] = {"text": [], "kernel": [], "differences": []}
        parts["conntrack"] = {"entries": 0, "maximum": 262144, "expectations": 0}
        for name, p in parts.items():
            sha = hashlib.sha256(json.dumps(p, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
            parts[name] = {"sha256": sha, **p}
        doc = {"linux_state": 1, "plumbline": "0.1.0",
               "host": {"hostname": f"{h.name}.example", "kernel": "6.18.0", "machine": "x86_64"},
               "namespace": {"id": f"net:[{4026531840 + h.i}]", "name": None, "pid": None},
               "started": "2026-11-20T08:00:00Z", "ended": "2026-11-20T08:00:01Z", "complete": True, "problems": [],
               "commands": [], "beside": [], "parts": parts}
        return [spread(doc)]

    def write(self):
        os.makedirs(self.a.folder, exist_ok=True)
        files = {"policy.yaml": self.policy(), "estate.yaml": self.estate(), "edge.cfg": self.edge(), "core.cfg": self.core()}
        for r in self.routers:
            files[f"{r.name}.cfg"] = self.router(r)
        for h in self.hosts:
            files[f"{h.name}.json"] = self.host(h)
        for name, lines in files.items():
            with open(os.path.join(self.a.folder, name), "w", encoding="ascii") as f:
                f.write("\n".join(lines) + "\n")


def spread(doc):
    """As `plumbline collect linux` writes it: an item of a list on a line of its own."""
    def tight(v):
        return json.dumps(v, separators=(",", ":"), ensure_ascii=False)

    def walk(v, depth):
        pad = "  " * depth
        if isinstance(v, dict) and v and depth < 5:
            return "{\n" + ",\n".join(f"{pad}  {tight(k)}: {walk(x, depth + 1)}" for k, x in v.items()) + f"\n{pad}}}"
        if isinstance(v, list) and v and depth < 6:
            return "[\n" + ",\n".join(f"{pad}  {tight(x)}" for x in v) + f"\n{pad}]"
        return tight(v)
    return walk(doc, 0)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    for name, value in (("zones", 1000), ("devices", 200), ("rules", 100000), ("seed", 1), ("faults", 20)):
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--paths", choices=["routes", "bindings"], default="routes")
    p.add_argument("--change", default="none", choices=["rule", "rule-host", "comment", "order", "route", "zone",
                                                        "binding", "none"])
    Estate(p.parse_args()).write()


main()
