#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds each step of Batfish's stored traces against what plumbline reads of the devices.

    traces.py SOURCE_ROOT PLUMBLINE ROUTING

A trace is a list of hops: what a packet met in which device. Each step is a question of its
own: does the list permit it, is there such a connected network or static route, are the two
ports on one link. A route that a protocol has learned stands in no configuration: the device
has to be known as one that learns routes, and nothing of its own may be better. Prints a
table; a step that is neither held nor explained so fails the test. Exit code 77, saying so,
where the corpus is absent.
"""
import collections
import glob
import html
import ipaddress
import json
import os
import re
import subprocess
import sys

SKIP = 77
BATFISH = "batfish-ref/batfish__batfish"
NOTEBOOKS = "batfish-ref/batfish__pybatfish/jupyter_notebooks"
OWN = ("connected", "local", "static")


class Hop:
    def __init__(self, node):
        self.node, self.steps = node, []


class Trace:
    def __init__(self, where, snapshot, flow, end):
        self.where, self.snapshot, self.flow, self.end = where, snapshot, flow, end
        self.hops = []


class Snapshot:
    """The devices of one folder, read when first asked for."""

    def __init__(self, folder, plumbline, routing):
        self.folder, self.plumbline, self.routing = folder, plumbline, routing
        self.files = {}
        for path in glob.glob(folder + "/configs/*") + glob.glob(folder + "/iptables/*"):
            self.files[os.path.basename(path).split(".")[0]] = path
        self.known = {}

    def device(self, node):
        if node in self.known:
            return self.known[node]
        d = {"routing": "none", "why": "", "ports": [], "routes": []}
        out = subprocess.run([self.routing, self.files[node]], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        for line in out.splitlines():
            w = line.split()
            if w[0] == "routing":
                d["routing"], d["why"] = w[1], " ".join(w[2:])
            elif w[0] == "port" and w[2] == "up":
                d["ports"].append((w[1], ipaddress.ip_network(w[3]), w[4]))
            elif w[0] == "route":
                d["routes"].append((ipaddress.ip_network(w[1]), w[2], w[3], w[4]))
        self.known[node] = d
        return d

    def judge(self, node, name, flow):
        path = self.files[node]
        args = [self.plumbline, "eval", path]
        if path.endswith(".iptables"):
            args += ["--collector", "iptables", "--ruleset", name.replace("::", " ")]
        else:
            args += ["--collector", "ios", "--ruleset", name]
        packet = "%s %s %s %s %s\n" % (flow["proto"], flow["src"], flow["sport"], flow["dst"],
                                       flow["dport"])
        out = subprocess.run(args, input=packet, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout
        return out.split("\t")[0].strip()


def notebook_traces(corpus, name, snapshots):
    """Tables of a notebook: a row is a flow, its cells are traces. snapshots: by what a cell's
    source names."""
    with open(os.path.join(corpus, NOTEBOOKS, name), encoding="utf-8") as f:
        cells = json.load(f)["cells"]
    for n, cell in enumerate(cells):
        source = "".join(cell.get("source", []))
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", []))
            heads = re.findall(r'col_heading[^>]*>([^<]*)<', text)
            for row in re.split(r"<tr>", text)[2:]:
                cols = re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S)
                cells_of = dict(zip(heads, cols))
                flow = read_flow(cells_of.get("Flow", ""))
                for head, value in cells_of.items():
                    if flow and "Traces" in head:
                        folder = snapshot_of(source, head, snapshots)
                        yield from html_traces("%s %d" % (name, n), folder, flow, value)


def snapshot_of(source, head, snapshots):
    found = [folder for word, folder in snapshots if
             re.search(r"(?<!reference_)snapshot=%s\b" % word, source)]
    if head.startswith("Reference"):
        found = [folder for word, folder in snapshots if
                 re.search(r"reference_snapshot=%s\b" % word, source)]
    return found[0] if found else snapshots[0][1]


def read_flow(cell):
    f = dict(re.findall(r"(Src IP|Src Port|Dst IP|Dst Port|IP Protocol): ([^<\s]+)", cell))
    if len(f) < 5:
        return None
    return {"src": f["Src IP"], "sport": f["Src Port"], "dst": f["Dst IP"],
            "dport": f["Dst Port"], "proto": f["IP Protocol"].lower()}


def html_traces(where, folder, flow, cell):
    for part in re.split(r"<span[^>]*>", cell)[1:]:
        lines = [html.unescape(re.sub(r"<[^>]*>", "", x)).strip() for x in part.split("<br>")]
        t = Trace(where, folder, flow, lines[0])
        for line in lines[1:]:
            m = re.match(r"\d+\. node: (\S+)", line)
            if m:
                t.hops.append(Hop(m.group(1)))
            elif t.hops:
                read_step(t.hops[-1], line)
        yield t


def read_step(hop, line):
    m = re.match(r"(RECEIVED|TRANSMITTED)\((\S+)\)", line)
    if m:
        hop.steps.append((m.group(1).lower(), m.group(2)))
        return
    m = re.match(r"(PERMITTED|DENIED)\((\S+) \(", line)
    if m:
        hop.steps.append(("list", m.group(2), m.group(1) == "PERMITTED"))
        return
    m = re.match(r"FORWARDED\(Forwarded out interface: ([^ ,]+).*?Routes: \[(\w+) "
                 r"\(Network: ([0-9./]+)", line)
    if m:
        hop.steps.append(("forwarded", m.group(1), m.group(2), m.group(3)))
        return
    m = re.match(r"NULL_ROUTED\(.*?Routes: \[(\w+) \(Network: ([0-9./]+)", line)
    if m:
        hop.steps.append(("discarded", m.group(1), m.group(2)))


def answer_traces(corpus, name, folder):
    """One of Batfish's own stored answers to `traceroute`."""
    with open(os.path.join(corpus, BATFISH, "tests/basic", name), encoding="utf-8") as f:
        answer = json.load(f)
    for row in answer[0]["rows"]:
        v = row["Flow"]
        flow = {"src": v["srcIp"], "dst": v["dstIp"], "proto": v["ipProtocol"].lower(),
                "sport": v.get("srcPort", 0), "dport": v.get("dstPort", 0)}
        for trace in row["Traces"]:
            t = Trace(name, folder, flow, trace["disposition"])
            for h in trace["hops"]:
                hop = Hop(h["node"]["name"])
                for s in h["steps"]:
                    json_step(hop, s)
                t.hops.append(hop)
            yield t


def json_step(hop, s):
    detail = s.get("detail", {})
    if s["type"] == "EnterInputInterface":
        hop.steps.append(("received", detail["inputInterface"]["interface"]))
    elif s["type"] == "ExitOutputInterface":
        hop.steps.append(("transmitted", detail["outputInterface"]["interface"]))
    elif s["type"] == "Filter":
        hop.steps.append(("list", detail["filter"], s["action"] == "PERMITTED"))
    elif s["type"] == "Routing" and detail.get("routes"):
        r = detail["routes"][0]
        if s["action"] == "FORWARDED":
            hop.steps.append(("forwarded", detail.get("outputInterface"), r["protocol"],
                              r["network"]))
        elif s["action"] == "NULL_ROUTED":
            hop.steps.append(("discarded", r["protocol"], r["network"]))


class Table:
    def __init__(self):
        self.rows = collections.OrderedDict()
        self.why = collections.Counter()
        self.wrong = []

    def put(self, trace, kind, verdict, note):
        row = self.rows.setdefault((trace.where, kind), collections.Counter())
        row[verdict] += 1
        if verdict == "explained":
            self.why[note] += 1
        elif verdict == "wrong":
            self.wrong.append("%s: %s: %s" % (trace.where, kind, note))


def own_best(d, dst):
    """The longest prefix of the device's own connected networks and routes."""
    lens = [n.prefixlen for _, n, _ in d["ports"] if dst in n]
    lens += [n.prefixlen for n, _, _, _ in d["routes"] if dst in n]
    return max(lens, default=-1)


def check_route(d, hop, step, flow):
    """(verdict, note) of a step that follows a route."""
    protocol, network = step[-2], ipaddress.ip_network(step[-1])
    dst = ipaddress.ip_address(flow["dst"])
    if protocol not in OWN:
        if d["routing"] != "part":
            return "wrong", "%s isn't known to learn routes (%s)" % (hop.node, protocol)
        if own_best(d, dst) > network.prefixlen:
            return "wrong", "%s has a better route of its own than %s" % (hop.node, network)
        return "explained", "learned by %s: %s" % (protocol, d["why"])
    if step[0] == "discarded":
        good = any(n == network and drop == "drop" for n, _, _, drop in d["routes"])
    elif protocol == "static":
        good = any(n == network and port in ("-", step[1]) for n, port, _, _ in d["routes"])
    else:
        good = any(n == network and port == step[1] for port, n, _ in d["ports"])
    if good and own_best(d, dst) > network.prefixlen:
        good = False
    return ("held", "") if good else ("wrong", "%s: %s %s" % (hop.node, protocol, network))


def on_one_link(a, port_a, b, port_b):
    nets = {n for p, n, _ in a["ports"] if p == port_a}
    return bool(nets & {n for p, n, _ in b["ports"] if p == port_b})


def check(trace, snap, table):
    last = None
    for hop in trace.hops:
        host = snap.files.get(hop.node, "").endswith(".iptables")
        if hop.node not in snap.files:
            table.put(trace, "host", "explained", "a host without rules")
            last = None
            continue
        d = None if host else snap.device(hop.node)
        for step in hop.steps:
            if step[0] == "received" and last and d:
                good = on_one_link(last[0], last[1], d, step[1])
                table.put(trace, "link", "held" if good else "wrong",
                          "%s on the link of %s" % (hop.node, last[1]))
            elif step[0] == "list":
                ours = snap.judge(hop.node, step[1], trace.flow)
                good = ours == ("permit" if step[2] else "deny")
                table.put(trace, "list", "held" if good else "wrong",
                          "%s %s says %s" % (hop.node, step[1], ours))
            elif step[0] in ("forwarded", "discarded") and d:
                table.put(trace, "route", *check_route(d, hop, step, trace.flow))
        out = [s[1] for s in hop.steps if s[0] == "transmitted"]
        last = (d, out[0]) if out and d else None


def main():
    root, plumbline, routing = sys.argv[1:4]
    shared = os.environ.get("PLUMBLINE_SHARED", os.path.join(root, "../shared"))
    corpus = os.path.join(shared, "corpus")
    if not os.path.isdir(os.path.join(corpus, NOTEBOOKS)):
        print("skipped: no corpus at", corpus)
        return SKIP
    networks = NOTEBOOKS + "/networks"
    change = networks + "/forwarding-change-validation/"
    traces = list(answer_traces(corpus, "traceroute-1-2.ref", BATFISH + "/networks/example/live"))
    traces += answer_traces(corpus, "traceroute-2-1.ref", BATFISH + "/networks/example/live")
    traces += notebook_traces(corpus, "Introduction to Forwarding Analysis.ipynb",
                              [("SNAPSHOT_NAME", networks + "/example")])
    traces += notebook_traces(corpus, "Introduction to Forwarding Change Validation.ipynb",
                              [("BASE_NAME", change + "base"),
                               ("CHANGE1_NAME", change + "change1"),
                               ("CHANGE1_FIXED_NAME", change + "change1-fixed"),
                               ("CHANGE2_NAME", change + "change2"),
                               ("CHANGE2_FIXED_NAME", change + "change2-fixed")])
    snaps, table, ends = {}, Table(), collections.Counter()
    for t in traces:
        folder = os.path.join(corpus, t.snapshot)
        snap = snaps.setdefault(folder, Snapshot(folder, plumbline, routing))
        ends[t.end] += 1
        check(t, snap, table)
    print("%d traces: %s" % (len(traces), ", ".join("%d %s" % (n, e)
                                                    for e, n in sorted(ends.items()))))
    print("%-58s %-6s %6s %9s %6s" % ("", "", "held", "explained", "wrong"))
    for (where, kind), row in table.rows.items():
        print("%-58s %-6s %6d %9d %6d" % (where, kind, row["held"], row["explained"],
                                          row["wrong"]))
    for why, n in table.why.most_common():
        print("%6d explained: %s" % (n, why))
    for line in table.wrong:
        print("WRONG", line)
    if not traces:
        print("no trace was found")
    return 1 if table.wrong or not traces else 0


if __name__ == "__main__":
    sys.exit(main())
