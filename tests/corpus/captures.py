#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's captures: each one is read, or refused by name, and its flows are held against
those that Zeek (conn.log, tunnel.log), nDPI (result/*.out) and Suricata (suricata-verify's
test.yaml) tell of the same file.

    captures.py SOURCE_ROOT CAPTURES     CAPTURES: the program built from captures.c

Why we differ stands in captures-differences.tsv: a class of differences by name, where it holds,
and the reason. A difference that no line explains, and a line that explains none, fail. Skips,
saying so, where the corpus is absent.
"""
import collections
import fnmatch
import ipaddress
import os
import re
import subprocess
import sys

import yaml

PROTO = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132, "esp": 50,
         "gre": 47, "igmp": 2, "ah": 51, "pim": 103, "vrrp": 112, "ipv6": 41, "ip-in-ip": 4, "ospf": 89, "unknown_transport": None}
PORTS = {6, 17, 33, 132, 136}


class Flow:
    def __init__(self, f):
        (self.number, self.family, self.proto, self.src, self.sport, self.dst, self.dport,
         self.type, self.code, self.segments, self.tunnels, self.opaque, self.ethertype,
         self.fragments, self.anomalies) = f[:15]
        for k in ("proto", "sport", "dport", "type", "code", "fragments"):
            setattr(self, k, int(getattr(self, k)))
        self.segments = self.segments.split(", ") if self.segments else []
        self.vlans = [int(s[5:]) for s in self.segments if s.startswith("vlan ")]
        self.tunnels = [t.split(">") for t in self.tunnels.split()]
        self.packets = [0, 0]

    def key(self):
        return key(self.proto, self.src, self.sport, self.dst, self.dport)


def key(proto, src, sport, dst, dport):
    """Both directions alike; ports where the protocol has them."""
    if proto not in PORTS:
        sport = dport = 0
    return (proto,) + tuple(sorted([(str(ipaddress.ip_address(src)), int(sport)),
                                    (str(ipaddress.ip_address(dst)), int(dport))]))


def run(program, files):
    """{file: (status, packets, why, [Flow])}"""
    out = subprocess.run([program] + files, stdout=subprocess.PIPE, text=True, check=True).stdout
    ours, flows = {}, {}
    for line in out.splitlines():
        f = line.split("\t")
        if f[0] == "flow":
            flow = flows.setdefault(f[1], Flow(f[1:]))
            flow.packets[0] += int(f[-2])
            flow.packets[1] += int(f[-1])
        else:
            ours[f[1]] = (f[2], int(f[3]), f[4], list(flows.values()))
            flows = {}
    return ours


class Report:
    def __init__(self, table):
        self.explained = []
        with open(table, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    self.explained.append(line.rstrip("\n").split("\t") + [0])
        self.counts = collections.defaultdict(collections.Counter)
        self.bad = []

    def agree(self, tool):
        self.counts[tool]["agreed"] += 1

    def differ(self, tool, capture, what):
        for e in self.explained:
            if fnmatch.fnmatchcase(f"{tool} {capture}", e[1]) and re.fullmatch(e[2], what):
                e[-1] += 1
                self.counts[tool]["explained: " + e[0]] += 1
                return
        self.bad.append(f"{tool} {capture}: {what}")
        self.counts[tool]["unexplained"] += 1


def says(k):
    proto, (a, p), (b, q) = k
    return f"{proto} {a} {p} {b} {q}"


def zeek_table(path):
    fields, rows = [], []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#fields"):
                fields = line.rstrip("\n").split("\t")[1:]
            elif not fields and not line.startswith("#"):
                fields = line.rstrip("\n").split("\t")
            elif not line.startswith("#") and line.strip():
                rows.append(dict(zip(fields, line.rstrip("\n").split("\t"))))
    return rows


def compare(report, tool, name, theirs, flows, vlans_told):
    """theirs: {(key, vlans): packets}; ours the same, plus the packets of each tunnel's ends."""
    ours, carried, opaque = collections.Counter(), collections.Counter(), {}
    for f in flows:
        n = sum(f.packets)
        if f.family != "-":
            k = f.key(), tuple(f.vlans) if vlans_told else ()
            ours[k] += n
            opaque[k] = f.opaque
            if f.fragments:
                opaque[k] = "fragments"
            elif "truncated" in f.anomalies:
                opaque[k] = "truncated"
        for src, dst, proto, dport in f.tunnels:
            carried[(int(proto),) + tuple(sorted([str(ipaddress.ip_address(src)),
                                                 str(ipaddress.ip_address(dst))]))] += n
    report.counts[tool]["flows"] += len(theirs)
    for (k, vlans), n in sorted(theirs.items(), key=str):
        mine = ours.pop((k, vlans), 0)
        ends = (k[0], k[1][0], k[2][0])
        if mine == n:
            report.agree(tool)
        elif not mine and carried[ends] >= n:
            report.differ(tool, name, f"carries others: {says(k)} x{n}")
        elif not mine:
            other = [v for (l, v) in ours if l == k]
            report.differ(tool, name, f"not ours: {says(k)} {vlans} x{n}"
                          + (f"; ours in {other[0]}" if other else ""))
        else:
            report.differ(tool, name, f"packets: {says(k)} {vlans}: theirs {n}, ours {mine}")
    for (k, vlans), n in sorted(ours.items(), key=str):
        report.differ(tool, name, f"not theirs: {says(k)} {vlans} x{n}, {opaque[k, vlans]}")


def zeek(report, name, log, flows):
    rows = zeek_table(log)
    by_uid, theirs = {}, collections.Counter()
    rows = [r for r in rows if "id.orig_h" in r]  # some tell other columns alone
    told = bool(rows) and "vlan" in rows[0]
    tunnels = os.path.join(os.path.dirname(log), "tunnel.log")
    for r in (zeek_table(tunnels) if os.path.exists(tunnels) else []) + rows:
        by_uid.setdefault(r.get("uid"), tuple(sorted([r["id.orig_h"], r["id.resp_h"]])))
    for r in rows:
        v6 = ":" in r["id.orig_h"]
        proto = int(r["ip_proto"]) if r.get("ip_proto", "-") != "-" else PROTO[r.get("proto", "tcp")]
        proto = 58 if proto == 1 and v6 else proto
        k = key(proto, r["id.orig_h"], r["id.orig_p"], r["id.resp_h"], r["id.resp_p"])
        vlans = tuple(int(r[f]) for f in ("vlan", "inner_vlan") if r.get(f, "-") != "-")
        if "pppoe_session_id" in r:
            report.counts["zeek"]["flows"] += 1
            if any(f"pppoe {r['pppoe_session_id']}" in f.segments for f in flows if f.key() == k):
                report.agree("zeek")
            else:
                report.differ("zeek", name, f"session: {says(k)} in {r['pppoe_session_id']}")
            continue
        theirs[k, vlans] += int(r["orig_pkts"]) + int(r["resp_pkts"])
        parents = [by_uid.get(u) for u in r.get("tunnel_parents", "-").strip("-").split(",") if u]
        mine = [f for f in flows if f.family != "-" and f.key() == k]
        ends = {tuple(sorted(t[:2])) for f in mine for t in f.tunnels}
        if mine and r.get("tunnel_parents", "-") != "-":
            for p in parents:
                if p in ends or (p is None and ends):
                    report.counts["zeek"]["tunnels agreed"] += 1
                else:
                    report.differ("zeek", name, f"tunnel: {says(k)} in {p}, ours in {sorted(ends)}")
        elif ends:
            report.differ("zeek", name, f"tunnel: {says(k)} in none, ours in {sorted(ends)}")
    if theirs:
        compare(report, "zeek", name, theirs, flows, told)


NDPI = re.compile(r"^\t\d+\t([A-Z0-9_-]+) (\[[0-9a-f:.]+\]|[0-9.]+):(\d+) <?->? "
                  r"(\[[0-9a-f:.]+\]|[0-9.]+):(\d+) (?:\[VLAN: (\d+)\])?.*?"
                  r"\[(\d+) pkts/\d+ bytes (?:<->|->) (\d+) pkts/\d+ bytes\]")


def ndpi(report, name, result, flows):
    theirs = collections.Counter()
    with open(result, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = NDPI.match(line)
            if not m:
                if re.match(r"^\t\d+\t[A-Z0-9_-]+ .*(->)", line):
                    report.bad.append(f"ndpi {name}: a line that isn't understood: {line[:90]}")
                continue
            proto, a, p, b, q, vlan, x, y = m.groups()
            proto = PROTO.get(proto.lower(), None)
            if proto is None:
                report.bad.append(f"ndpi {name}: protocol {m.group(1)}")
                continue
            a, b = a.strip("[]"), b.strip("[]")
            if proto == 1 and ":" in a:
                proto = 58
            theirs[key(proto, a, p, b, q), (int(vlan),) if vlan else ()] += int(x) + int(y)
    last = []
    for f in flows:  # nDPI tells one VLAN: the last tag before IP
        g = Flow.__new__(Flow)
        g.__dict__.update(f.__dict__)
        g.vlans = f.vlans[-1:]
        last.append(g)
    compare(report, "ndpi", name, theirs, last, True)


def fits(match, f):
    """Whether one of our flows is what a check asks for, either way round. None: it asks nothing
    that is ours to tell."""
    asked = False
    for reverse in (False, True):
        src, sport, dst, dport = ((f.dst, f.dport, f.src, f.sport) if reverse else
                                  (f.src, f.sport, f.dst, f.dport))
        there, back = (f.packets[1], f.packets[0]) if reverse else f.packets
        good = f.family != "-"
        for k, v in match.items():
            if k in ("src_ip", "dest_ip"):
                good = good and ipaddress.ip_address(v) == ipaddress.ip_address(
                    src if k == "src_ip" else dst)
            elif k in ("src_port", "dest_port"):
                good = good and int(v) == (sport if k == "src_port" else dport)
            elif k == "proto":
                good = good and PROTO.get(str(v).lower(), -1) == f.proto
            elif k == "vlan":
                good = good and v == f.vlans
            elif k.startswith("vlan["):
                n = int(k[5:-1])
                good = good and len(f.vlans) > n and f.vlans[n] == v
            elif k == "flow.pkts_toserver" and match.get("event_type") == "flow":
                good = good and there == v
            elif k == "flow.pkts_toclient" and match.get("event_type") == "flow":
                good = good and back == v
            elif k in ("tunnel.src_ip", "tunnel.dest_ip"):
                good = good and any(ipaddress.ip_address(v) in (ipaddress.ip_address(t[0]),
                                                                ipaddress.ip_address(t[1]))
                                    for t in f.tunnels)
            elif k == "tunnel.dest_port":
                good = good and any(int(t[3]) == v for t in f.tunnels)
            else:
                continue
            asked = True
        if good and asked:
            return True
    return False if asked else None


def tunnel_flow(f, end):
    g = Flow.__new__(Flow)
    g.__dict__.update(f.__dict__, family="tunnel", src=end[0], dst=end[1], proto=int(end[2]),
                      sport=0, dport=int(end[3]), tunnels=[])
    return g


OURS = {"event_type", "src_ip", "dest_ip", "src_port", "dest_port", "proto", "vlan",
        "flow.pkts_toserver", "flow.pkts_toclient", "tunnel.src_ip", "tunnel.dest_ip",
        "tunnel.dest_port", "tunnel.proto", "vlan[0]", "vlan[1]", "vlan[2]", "ip_v"}


def suricata(report, name, test, flows):
    with open(test, encoding="utf-8") as f:
        doc = yaml.safe_load(f)
    for check in doc.get("checks") or []:
        f = check.get("filter") if isinstance(check, dict) else None
        if not f or "match" not in f:
            continue
        match, count = f["match"], f.get("count", 1)
        results = [fits(match, x) for x in flows]
        if not results or results[0] is None:
            continue
        got = sum(bool(x) for x in results)
        report.counts["suricata"]["checks"] += 1
        exact = match.get("event_type") == "flow" and set(match) <= OURS
        if (got == count if exact else got > 0 if count else True):
            report.agree("suricata")
        else:
            ends = {k: v for k, v in match.items() if k in ("src_ip", "dest_ip")} or {
                k: v for k, v in match.items() if k == "dest_port"}
            inner = any(fits(ends, tunnel_flow(f, e)) for f in flows for e in f.tunnels)
            asks = ("carries others: " if inner else "") + " ".join(f"{k}={v}" for k, v in sorted(match.items()) if k in OURS)
            report.differ("suricata", name, f"{asks}: theirs {count}, ours {got}")


def main():
    root, program = sys.argv[1:3]
    shared = os.environ.get("PLUMBLINE_SHARED") or os.path.join(root, "..", "shared")
    top = os.path.join(shared, "corpus")
    if not os.path.isdir(os.path.join(top, "pcap")):
        print("skipped: there is no corpus; PLUMBLINE_SHARED may name the folder that holds it")
        return 0
    files = []
    for folder, _, names in sorted(os.walk(os.path.join(top, "pcap"))):
        files += [os.path.relpath(os.path.join(folder, n), top) for n in sorted(names)
                  if re.search(r"\.(pcap|pcapng|cap|dmp)(\.gz)?$", n)]
    root, program = os.path.abspath(root), os.path.abspath(program)
    os.chdir(top)
    ours = run(program, files)
    if sorted(ours) != sorted(files):
        print("not every capture has an answer:", sorted(set(files) - set(ours))[:5])
        return 1
    report = Report(os.path.join(root, "tests/corpus/captures-differences.tsv"))

    status = collections.Counter(s for s, *_ in ours.values())
    print(f"{len(files)} captures: {status['read']} read, {status['cut']} read up to where they are "
          f"cut, {status['link']} of other link types, {status['refused']} refused")
    refused = collections.Counter()
    for name, (s, _, why, _) in sorted(ours.items()):
        if s in ("refused", "link"):
            refused[("link type " if s == "link" else "") + why] += 1
            if not why:
                report.bad.append(f"{name}: refused without a reason")
    for why, n in sorted(refused.items()):
        print(f"  {n:6} {why}")
    print(f"{sum(n for _, n, _, _ in ours.values())} packets, "
          f"{sum(len(f) for *_, f in ours.values())} flows")

    with open("PAIRS.tsv", encoding="utf-8") as f:
        pairs = [line.rstrip("\n").split("\t") for line in f]
    done = collections.Counter()
    for p in pairs:
        if len(p) < 4 or p[0] != "pcap" or p[2] not in ours or not os.path.exists(p[3]):
            continue
        flows = ours[p[2]][3]
        short = "/".join(p[3].split("/")[-2:])
        if "/Baseline/" in p[3] and p[3].endswith(("/conn.log", "/conn.log.cut")):
            done["zeek"] += 1
            zeek(report, short, p[3], flows)
        elif "/nDPI/" in p[3].replace("ntop__nDPI", "nDPI") and p[3].endswith(".out"):
            done["ndpi"] += 1
            ndpi(report, p[3].split("/")[-1], p[3], flows)
        elif p[3].endswith("/test.yaml"):
            done["suricata"] += 1
            suricata(report, short, p[3], flows)
    for tool in sorted(report.counts):
        print(f"{tool}: {done[tool]} captures")
        for what, n in sorted(report.counts[tool].items()):
            print(f"  {n:6} {what}")
    for e in report.explained:
        if not e[-1]:
            report.bad.append(f"explains nothing: {e[0]}, {e[1]}, {e[2]}")
    for line in report.bad[:200]:
        print(line)
    if not all(done[t] for t in ("zeek", "ndpi", "suricata")):
        report.bad.append("nothing compared")
    return bool(report.bad)


sys.exit(main())
