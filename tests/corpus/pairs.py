#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what plumbline says against answers that others gave to the same questions.

    pairs.py SOURCE_ROOT PLUMBLINE [CLASS...]

Each class below reads pairs of the corpus, asks, and counts. A difference is explained by a
line of known-differences.tsv (pair, what, ours, theirs, why; shell patterns in the first
four), or it fails the test; a line that explains nothing fails it too. Exit code 77, saying
so, where the corpus is absent.
"""
import collections
import fnmatch
import html
import ipaddress
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

SKIP = 77
BATFISH = "batfish-ref/batfish__batfish"
EXAMPLE = BATFISH + "/networks/example/live/configs"
UNIT = BATFISH + "/tests/parsing-tests"
NOTEBOOKS = "batfish-ref/batfish__pybatfish/jupyter_notebooks"
AERLEON = "aerleon__aerleon"


class Corpus:
    def __init__(self, corpus, plumbline, known):
        self.corpus, self.plumbline, self.known = corpus, plumbline, known
        self.tally = collections.OrderedDict()
        self.used = collections.Counter()
        self.unexplained, self.notes = [], []
        self.cache = {}

    def path(self, *parts):
        return os.path.join(self.corpus, *parts)

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8", errors="replace") as f:
            return f.read()

    def count(self, name, key, n=1):
        row = self.tally.setdefault(name, collections.Counter())
        row[key] += n

    def judge(self, name, pair, what, ours, theirs):
        """One question: agreed, explained or neither."""
        self.count(name, "asked")
        ours, theirs = str(ours), str(theirs)
        if ours == theirs:
            self.count(name, "agreed")
            return
        for at, row in enumerate(self.known):
            if all(fnmatch.fnmatchcase(v, p) for v, p in zip((pair, what, ours, theirs), row)):
                self.used[at] += 1
                self.count(name, "explained")
                return
        self.count(name, "unexplained")
        self.unexplained.append((name, pair, what, ours, theirs))

    def run(self, args, stdin=""):
        return subprocess.run([self.plumbline] + args, input=stdin.encode(), capture_output=True,
                              timeout=120, env=dict(os.environ, LC_ALL="C", NO_COLOR="1"))

    def ask(self, path, collector, ruleset, packets, engine="sets"):
        """The verdict and the place for each packet line."""
        words = ["eval", path, "--collector", collector, "--engine", engine]
        done = self.run(words + (["--ruleset", ruleset] if ruleset else []),
                        "".join(p + "\n" for p in packets))
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        if len(lines) != len(packets):
            err = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return [("refused", err[0] if err else "")] * len(packets)
        return [tuple(x.split("\t", 1)) for x in lines]

    def document(self, command, path, collector=None):
        key = (command, path, collector)
        if key not in self.cache:
            words = [command, "--format", "json", path]
            done = self.run(words + (["--collector", collector] if collector else []))
            try:
                self.cache[key] = json.loads(done.stdout.decode("utf-8", "replace"))
            except ValueError:
                self.cache[key] = None
        return self.cache[key]


# Filters asked about one packet ---------------------------------------------------------

def packet_of_flow(flow):
    proto = flow["ipProtocol"].lower()
    if proto == "icmp":
        return "icmp %s %d %s %d" % (flow["srcIp"], flow.get("icmpType", 8), flow["dstIp"],
                                     flow.get("icmpCode", 0))
    flags = "".join(c for c, k in zip("FSRPAU", ("Fin", "Syn", "Rst", "Psh", "Ack", "Urg"))
                    if flow.get("tcpFlags" + k))
    return "%s %s %d %s %d%s" % (proto, flow["srcIp"], flow["srcPort"], flow["dstIp"],
                                 flow["dstPort"], " flags=" + flags if flags else "")


def steps_of_reference(doc):
    """(node, filter, packet, verdict, line) of testFilters rows and of traces' filter steps."""
    for row in doc["rows"]:
        if "Filter_Name" in row:
            yield (row["Node"]["name"], row["Filter_Name"], packet_of_flow(row["Flow"]),
                   row["Action"].lower(), row["Line_Content"])
        for trace in row.get("Traces", []):
            for hop in trace["hops"]:
                for step in hop["steps"]:
                    if step["type"] == "Filter":
                        yield (hop["node"]["name"], step["detail"]["filter"],
                               packet_of_flow(step["detail"]["flow"]),
                               {"PERMITTED": "permit", "DENIED": "deny"}[step["action"]], None)


def batfish_filters(c):
    name = "batfish: filters and traces"
    for ref in ("testfilters", "traceroute-1-2", "traceroute-2-1"):
        pair = BATFISH + "/tests/basic/" + ref + ".ref"
        c.count(name, "pairs")
        for node, filt, packet, verdict, line in sorted(set(
                steps_of_reference(json.loads(c.read(pair))[0])), key=str):
            config = c.path(EXAMPLE, node + ".cfg")
            if not os.path.exists(config):
                c.count(name, "no reader")      # hosts' filters are iptables
                continue
            ours = c.ask(config, "ios", filt, [packet])[0]
            c.judge(name, pair, "%s %s %s" % (node, filt, packet), ours[0], verdict)


FLOW = re.compile(r"Src IP: (\S+?)<br>(?:Src Port: (\d+)<br>)?Dst IP: (\S+?)<br>"
                  r"(?:Dst Port: (\d+)<br>)?.*?IP Protocol: (\w+)(?: \((\w+)\))?")


def notebook_steps(c, notebook):
    """Filter steps of the traces in a notebook's stored tables, with their snapshot's path."""
    names, last = {}, None
    for cell in json.loads(c.read(NOTEBOOKS, notebook))["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        names.update(re.findall(r"^(\w+) = \"([^\"]+)\"", source, re.M))
        for path, key in re.findall(r"init_snapshot\((\w+), name=(\w+)", source):
            names["at " + key] = names[path]
            last = key
        said = re.search(r"[( ]snapshot=(\w+)", source)
        base = re.search(r"reference_snapshot=(\w+)", source)
        if said:
            last = said.group(1)
        for out in cell.get("outputs", []):
            table = "".join(out.get("data", {}).get("text/html") or [])
            heads = [h for h in re.findall(r"col_heading[^>]*>([^<]*)<", table)]
            for row in table.split("<tr>")[1:]:
                cells = dict(zip(heads, re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)))
                flow = FLOW.search(cells.get("Flow", ""))
                if not flow:
                    continue
                src, sport, dst, dport, proto, flags = flow.groups()
                if not sport:
                    continue
                packet = "%s %s %s %s %s%s" % (proto.lower(), src, sport, dst, dport,
                                               " flags=S" if flags else "")
                for column, key in (("Traces", last), ("Snapshot_Traces", last),
                                    ("Reference_Traces", base and base.group(1))):
                    if column not in cells or "at %s" % key not in names:
                        continue
                    node = None
                    for n, verdict, filt in re.findall(
                            r"node: (\S+?)<br>|(PERMITTED|DENIED)\(([^() ]+) \(",
                            cells[column]):
                        node = n or node
                        if filt:
                            yield (names["at %s" % key], node, html.unescape(filt), packet,
                                   {"PERMITTED": "permit", "DENIED": "deny"}[verdict])


def batfish_notebooks(c):
    name = "batfish: traces in notebooks"
    for notebook in sorted(x for x in os.listdir(c.path(NOTEBOOKS)) if x.endswith(".ipynb")):
        steps = sorted(set(notebook_steps(c, notebook)))
        if steps:
            c.count(name, "pairs")
        for snapshot, node, filt, packet, verdict in steps:
            config = c.path(NOTEBOOKS, snapshot, "configs", node + ".cfg")
            if not os.path.exists(config):
                c.count(name, "no reader")
                continue
            ours = c.ask(config, "ios", filt, [packet])[0]
            c.judge(name, notebook, "%s %s %s %s" % (snapshot, node, filt, packet),
                    ours[0], verdict)


def batfish_compared(c):
    """compareFilters: what the line that only the new list has takes is decided otherwise."""
    name = "batfish: compared filters"
    for notebook in sorted(x for x in os.listdir(c.path(NOTEBOOKS)) if x.endswith(".ipynb")):
        for cell in json.loads(c.read(NOTEBOOKS, notebook))["cells"]:
            if "compareFilters" not in "".join(cell["source"]) or cell["cell_type"] != "code":
                continue
            c.count(name, "pairs")
            table = "".join("".join(o.get("data", {}).get("text/html") or [])
                            for o in cell["outputs"])
            heads = re.findall(r"col_heading[^>]*>([^<]*)<", table)
            for row in table.split("<tr>")[1:]:
                cells = dict(zip(heads, re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)))
                said = re.match(r"permit ip host (\S+) host (\S+)$", cells.get("Line_Content", ""))
                if not said or cells["Reference_Line_Index"] != "End of ACL":
                    if cells:
                        c.count(name, "no reader")
                    continue
                for folder, verdict in (("snapshot", "permit"), ("reference", "deny")):
                    packet = "tcp %s 40000 %s 80" % said.groups()
                    config = c.path(NOTEBOOKS, "networks/drift", folder, "configs",
                                    cells["Node"] + ".cfg")
                    c.judge(name, notebook, folder + " " + packet,
                            c.ask(config, "ios", cells["Filter_Name"], [packet])[0][0], verdict)


# Lines that never decide ----------------------------------------------------------------

def squeeze(text):
    return " ".join(text.split())


def lint_hidden(doc):
    """{(list, line's words): words of the lines that hide it}, where they stand before it."""
    found = {}
    for f in doc["findings"]:
        if f["check"] not in ("rule.shadowed", "rule.redundant", "rule.dead"):
            continue
        hidden = [r for r in f["rules"] if r["role"] == "hidden"]
        hides = [r for r in f["rules"] if r["role"] == "hides"]
        if not hidden or any(r["line"] > hidden[0]["line"] for r in hides):
            continue    # what follows decides alike: not unreachable, only needless
        found[(hidden[0]["ruleset"], squeeze(hidden[0]["text"]))] = sorted(
            squeeze(r["text"]) for r in hides)
    return found


def batfish_unreachable(c):
    name = "batfish: unreachable lines"
    pair = BATFISH + "/tests/basic/filterLineReachability.ref"
    c.count(name, "pairs")
    theirs = {}
    for row in json.loads(c.read(pair))[0]["rows"]:
        for source in row["Sources"]:
            node, filt = source.split(": ", 1)
            theirs[(node, filt, squeeze(row["Unreachable_Line"]))] = sorted(
                squeeze(x) for x in row["Blocking_Lines"])
    ours = {}
    for config in sorted(os.listdir(c.path(EXAMPLE))):
        doc = c.document("lint", c.path(EXAMPLE, config), "ios")
        for (filt, line), by in lint_hidden(doc).items():
            ours[(config[:-len(".cfg")], filt, line)] = by
        shown = c.document("show", c.path(EXAMPLE, config), "ios")
        for device in shown["devices"]:
            for ruleset in device["rulesets"]:
                for rule in ruleset["rules"]:
                    key = (config[:-len(".cfg")], ruleset["name"], squeeze(rule["text"] or ""))
                    if not ruleset["glue"] and not rule["implicit"] and key not in theirs:
                        theirs.setdefault(key, "reachable")
    for key in sorted(set(theirs) | set(ours)):
        c.judge(name, pair, " ".join(key), ours.get(key, "reachable"),
                theirs.get(key, "reachable"))


# Names ----------------------------------------------------------------------------------

# What batfish calls the things that our readers resolve too.
KINDS = re.compile(r"(ipv4|ipv6|ipv4/6|ip|standard|extended)? ?(acl|access-list)\b|"
                   r"(standard|extended) ipv[46] access-list|ip access-list|"
                   r"object(-group)? (network|service|protocol|icmp)")
NOT_KINDS = re.compile(r"as-path|mac acl|ethernet|docsis")
# Files in languages that have no reader here, by what their name says.
OTHER = re.compile(r"juniper|junos|palo_alto|f5|xr_|aruba|cumulus|mrv|foundry|vyos|srx|fortios|"
                   r"checkpoint|aws|hosts|iptables")


def our_names(c, config):
    """{(check, name)} for a configuration of the unit tests, or None where it is refused."""
    doc = c.document("lint", c.path(UNIT, "networks/unit-tests/", config))
    if doc is None or any(x.get("failed") for x in doc["sources"]):
        return None
    found = set()
    for f in doc["findings"]:
        if f["check"] in ("name.undefined", "name.unused"):
            word = re.match(r"The (.+?) is (?:used|defined) but not", f["title"])
            found.add((f["check"], word.group(1).split(" ")[-1] if word else f["title"]))
    return found


def batfish_names(c):
    for check, ref, kind, ident, where in (
            ("name.undefined", "unit-tests-undefined.ref", "Struct_Type", "Ref_Name",
             lambda r: r["File_Name"]),
            ("name.unused", "unit-tests-unused.ref", "Structure_Type", "Structure_Name",
             lambda r: r["Source_Lines"]["filename"])):
        name = "batfish: " + check
        pair = UNIT + "/" + ref
        c.count(name, "pairs")
        theirs = {}
        for row in json.loads(c.read(pair))[0]["rows"]:
            if not OTHER.search(where(row)):
                theirs.setdefault(where(row), {})[row[ident]] = (
                    row[kind] + (": " + row["Context"] if "Context" in row else ""))
        folder = c.path(UNIT, "networks/unit-tests/configs")
        for config in sorted("configs/" + x for x in os.listdir(folder)):
            if OTHER.search(config) or os.path.isdir(c.path(UNIT, "networks/unit-tests", config)):
                continue
            named = {k: v for k, v in theirs.get(config, {}).items()
                     if KINDS.match(v) and not NOT_KINDS.search(v)}
            ours = our_names(c, config)
            if ours is None:
                for ref_name, v in sorted(named.items()):
                    c.judge(name, ref, "%s %s (%s)" % (config, ref_name, v), "refused", "named")
                continue
            ours = {n for k, n in ours if k == check}
            for n in sorted(ours | set(named)):
                c.judge(name, ref, "%s %s (%s)" % (config, n, theirs.get(config, {}).get(n, "-")),
                        "named" if n in ours else "-",
                        "named" if n in theirs.get(config, {}) else "-")


# One policy, generated for a device ------------------------------------------------------

def tokens_of(text):
    """NAME = a b (continued on indented lines), as in capirca's *.net and *.svc."""
    table, key = {}, None
    for line in text.splitlines():
        line = line.split("#")[0].rstrip()
        m = re.match(r"([\w.-]+)\s*=\s*(.*)", line)
        if m:
            key = m.group(1)
            table[key] = m.group(2).split()
        elif key and line.strip():
            table[key] += line.split()
    return table


def expand(table, names):
    out = []
    for n in names:
        out += expand(table, table[n]) if n in table else [n]
    return out


def policies_of(text):
    """[(target words, [term])] of a .pol; a term is {key: [words]}, several lines joined."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    filters = []
    for kind, name, body in re.findall(r"(header|term)\s*([\w.-]*)\s*\{(.*?)\n\}", text, re.S):
        fields = collections.defaultdict(list)
        for key, value in re.findall(r"^\s*([\w-]+)::\s*(.*)$", body, re.M):
            fields[key] += value.split()
        if kind == "header":
            filters.append((fields["target"], []))
        else:
            fields["name"] = [name]
            filters[-1][1].append(fields)
    return filters


ICMP_TYPES = {4: {"echo-reply": 0, "echo-request": 8},
              6: {"multicast-listener-done": 132, "router-solicit": 133,
                  "router-advertisement": 134}}
PROTOS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
READ_KEYS = {"name", "comment", "source-address", "destination-address", "source-port",
             "destination-port", "protocol", "icmp-type", "action", "option", "logging",
             "counter"}


class Policy:
    def __init__(self, nets, services, terms, stateful):
        self.terms, self.stateful = [], stateful
        for t in terms:
            unknown = set(t) - READ_KEYS
            if unknown:
                raise ValueError("term %s: %s" % (t["name"], sorted(unknown)))
            # A stateful target answers replies by itself; such terms render nothing.
            if stateful and "tcp-established" in t["option"]:
                continue
            term = {"action": t["action"][0], "est": "tcp-established" in t["option"],
                    "proto": t["protocol"], "name": t["name"][0], "icmp": t["icmp-type"]}
            for side in ("source", "destination"):
                words = t.get(side + "-address")
                term[side] = None if words is None else [
                    ipaddress.ip_network(x) for x in expand(nets, words)]
                words = t.get(side + "-port")
                term[side + "-port"] = None if words is None else [
                    (p.split("/")[1], int(p.split("/")[0].split("-")[0]),
                     int(p.split("/")[0].split("-")[-1])) for p in expand(services, words)]
            self.terms.append(term)

    def match(self, t, p):
        if t["proto"] and not any(PROTOS[w] == p["proto"] for w in t["proto"]):
            return False
        if p["proto"] in (1, 58) and t["proto"] and (p["version"] == 4) != (p["proto"] == 1):
            return False
        for side in ("source", "destination"):
            if t[side] is not None and not any(
                    n.version == p["version"] and p[side] in n for n in t[side]):
                return False
            ports = t[side + "-port"]
            if ports is not None and not any(
                    PROTOS[w] == p["proto"] and lo <= p[side + "-port"] <= hi
                    for w, lo, hi in ports):
                return False
        if t["icmp"] and p["source-port"] not in [ICMP_TYPES[p["version"]].get(w)
                                                  for w in t["icmp"]]:
            return False
        return not t["est"] or (p["proto"] == 6 and set("AR") & set(p["flags"]))

    def verdict(self, p):
        if self.stateful and p["state"] != "new":
            return "permit"
        for t in self.terms:
            if self.match(t, p):
                return "permit" if t["action"] == "accept" else "deny"
        return "deny"

    def edges(self, version):
        """Values on and beside every bound that the policy names, for each field."""
        addr = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        out = {"port": {0, 1, 40000, 65535}}
        for side in ("source", "destination"):
            values = {int(addr("203.0.113.9" if version == 4 else "2001:db8::9"))}
            for t in self.terms:
                for n in t[side] or []:
                    if n.version == version:
                        lo, hi = int(n.network_address), int(n.broadcast_address)
                        values |= {lo - 1, lo, lo + 1, hi - 1, hi, hi + 1}
                for word, lo, hi in t[side + "-port"] or []:
                    out["port"] |= {lo - 1, lo, lo + 1, hi - 1, hi, hi + 1}
            top = int(addr("255.255.255.255" if version == 4 else "f" * 4 + ":ffff" * 7))
            out[side] = sorted(addr(v) for v in values if 0 <= v <= top)
        out["port"] = sorted(v for v in out["port"] if 0 <= v <= 65535)
        return out


def draw(edges, version, rnd, states):
    p = {"version": version, "flags": "", "state": rnd.choice(states),
         "source": rnd.choice(edges["source"]), "destination": rnd.choice(edges["destination"]),
         "proto": rnd.choice((6, 6, 17, 17, 1 if version == 4 else 58, 47))}
    p["source-port"], p["destination-port"] = rnd.choice(edges["port"]), rnd.choice(edges["port"])
    if p["proto"] == 6:
        p["flags"] = rnd.choice(("S", "A", "SA", "R", "FA", "F"))
        if "ct" in edges:
            p["flags"] = "S" if p["state"] == "new" else "A"
    if p["proto"] in (1, 58):
        p["source-port"] = rnd.choice((0, 1, 7, 8, 9, 11) if version == 4 else
                                      (1, 128, 129, 131, 132, 133, 134, 135))
        p["destination-port"] = 0
    return p


def words_of(p):
    head = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}.get(p["proto"], "ip:%d" % p["proto"])
    sport, dport = p["source-port"], p["destination-port"]
    if head.startswith("ip:"):
        sport = dport = 0
    return "%s %s %d %s %d%s state=%s" % (
        head, p["source"], sport, p["destination"], dport,
        " flags=" + p["flags"] if p["flags"] else "", p["state"])


def hold_policy(c, name, pair, policy, versions, source, collector, ruleset, states, n):
    rnd = random.Random("pairs " + pair + str(ruleset))
    edges = {v: policy.edges(v) for v in versions}
    if policy.stateful:
        for e in edges.values():
            e["ct"] = True
    packets = [draw(edges[v], v, rnd, states) for v in versions for _ in range(n)]
    lines = [words_of(p) for p in packets]
    for engine in ("sets", "rules"):
        for p, line, ours in zip(packets, lines,
                                 c.ask(source, collector, ruleset, lines, engine)):
            c.judge(name, pair, line, ours[0], policy.verdict(p))


def policy_generated(c):
    name = "policy -> device text"
    demo = "policy-gen/%s/tests/regression/demo/TestRegressionDemo.testSmokeTest." % AERLEON
    pol = "policy-gen/%s/policies/pol/" % AERLEON
    nets = tokens_of(c.read("policy-gen/google__capirca/def/NETWORK.net"))
    services = tokens_of(c.read("policy-gen/google__capirca/def/SERVICES.svc"))
    c.count(name, "pairs")
    for words, terms in policies_of(c.read(pol + "sample_cisco_lab.pol")):
        hold_policy(c, name, "sample_cisco_lab.acl", Policy(nets, services, terms, False), (4,),
                    c.path(demo + "sample_cisco_lab.acl.ref"), "ios", words[1],
                    ("new", "established"), 6000)
    if subprocess.run("unshare -n nft -j list ruleset", shell=True,
                      capture_output=True).returncode:
        c.notes.append("the nft pairs were left out: no nft in a network namespace here")
        return
    with tempfile.TemporaryDirectory() as tmp:
        for sample in ("nftables-dev", "nftables-mixed-icmp",
                       "nftables-mixed-multiple-headers-combo"):
            listing = os.path.join(tmp, sample + ".json")
            # The kernel takes one comment a chain, the generator writes several: none is taken.
            text = re.sub(r'^\s*comment ".*"$', "", c.read(demo + "sample_%s.nft.ref" % sample),
                          flags=re.M)
            with open(listing, "wb") as f:
                subprocess.run("unshare -n sh -c 'nft -f - && nft -j list ruleset'", shell=True,
                               input=text.encode(), stdout=f, check=True)
            c.count(name, "pairs")
            for at, (words, terms) in enumerate(policies_of(c.read(pol, "sample_%s.pol" % sample))):
                family = words[1]
                table = {"inet": "ip", "inet6": "ip6", "mixed": "inet"}[family]
                hold_policy(c, name, "sample_%s.nft root%d" % (sample, at),
                            Policy(nets, services, terms, True),
                            {"inet": (4,), "inet6": (6,), "mixed": (4, 6)}[family], listing,
                            "nft", "%s filtering_policies root%d" % (table, at),
                            ("new", "established"), 3000)


# Importer's trace: which line is a rule of which list, doing what ------------------------

TRACE = re.compile(r"^(\d+): (?:filtering|access list) rule: access list (\S+), action (\w+)", re.M)
IMPORTERS = [("cisco-asa/fwbuilder__fwbuilder/src/unit_tests/PIXImporterTest/test_data", "asa",
              ("pix7", "fwsm1", "asa8.3", "asa8.3-acl-object-groups", "asa8.3-objects-and-groups")),
             ("cisco-ios/fwbuilder__fwbuilder/src/unit_tests/ImporterTest/test_data", "ios",
              ("ios",))]


def importer_trace(c):
    name = "fwbuilder: importer's trace"
    for folder, collector, files in IMPORTERS:
        for stem in files:
            pair = stem + ".test -> " + stem + ".output"
            c.count(name, "pairs")
            # It writes acl_133 for the list 133: its own names begin with a letter.
            theirs = {(int(n), re.sub(r"^acl_(?=\d+$)", "", filt)): action
                      for n, filt, action in TRACE.findall(c.read(folder, stem + ".output"))}
            doc = c.document("show", c.path(folder, stem + ".test"), collector)
            ours = {}
            for device in doc["devices"] if doc else []:
                for ruleset in device["rulesets"]:
                    for rule in ruleset["rules"]:
                        if not ruleset["glue"] and not rule["implicit"]:
                            ours[(rule["line"], ruleset["name"])] = rule["verdict"]
            for key in sorted(set(theirs) | set(ours)):
                c.judge(name, pair, "%d %s" % key, ours.get(key, "-"), theirs.get(key, "-"))

# What the importer made of each line, as objects -----------------------------------------

FWB = "{http://www.fwbuilder.org/1.0/}"
ANY_PORT = (0, 65535)


def addresses_of(ids, parent):
    """[(first, last)] of the objects that a rule's side names; None where it is a device."""
    out = []
    for ref in parent:
        obj = ids[ref.get("ref")]
        kind = obj.tag.replace(FWB, "")
        if kind == "ObjectGroup":
            inner = addresses_of(ids, [x for x in obj if x.tag == FWB + "ObjectRef"])
            if inner is None:
                return None
            out += inner
        elif kind in ("AnyNetwork", "Network", "IPv4"):
            n = ipaddress.ip_network(obj.get("address") + "/" + obj.get("netmask"), strict=False)
            out.append((int(n.network_address), int(n.broadcast_address)))
        else:
            return None
    return out


def services_of(ids, parent):
    """[(protocol, source ports, destination ports)]; None where it is more than these say."""
    out = []
    for ref in parent:
        obj = ids[ref.get("ref")]
        kind = obj.tag.replace(FWB, "")
        if kind == "ServiceGroup":
            inner = services_of(ids, [x for x in obj if x.tag == FWB + "ServiceRef"])
            if inner is None:
                return None
            out += inner
        elif kind in ("TCPService", "UDPService"):
            if any(v == "True" for k, v in obj.items() if k.endswith(("_flag", "_mask"))):
                return None
            ports = []
            for side in ("src", "dst"):
                lo, hi = (int(obj.get(side + "_range_" + e)) for e in ("start", "end"))
                ports.append(ANY_PORT if (lo, hi) == (0, 0) else (lo, hi))
            out.append((6 if kind == "TCPService" else 17, *ports, obj.get("established")))
        elif kind == "ICMPService" and obj.get("type") == "-1":
            out.append((1, ANY_PORT, ANY_PORT, None))
        elif kind == "IPService" and obj.get("fragm") == "False":
            number = int(obj.get("protocol_num"))
            out.append((number or None, ANY_PORT, ANY_PORT, None))
        elif kind == "AnyIPService":
            out.append((None, ANY_PORT, ANY_PORT, None))
        else:
            return None
    return out


def imported_lists(path):
    """{list: [(line, permit or deny, sources, destinations, services)]} of an import."""
    tree = ElementTree.parse(path)
    ids = {e.get("id"): e for e in tree.iter() if e.get("id")}
    lists = collections.OrderedDict()
    for rule in tree.iter(FWB + "PolicyRule"):
        said = re.search(r"Imported from (\S+).*line (\d+)", rule.get("comment"), re.S)
        if not said:
            continue
        filt = re.sub(r"^acl_(?=\d+$)", "", said.group(1))
        lists.setdefault(filt, []).append((
            int(said.group(2)), {"Accept": "permit", "Deny": "deny"}[rule.get("action")],
            addresses_of(ids, rule.find(FWB + "Src")), addresses_of(ids, rule.find(FWB + "Dst")),
            services_of(ids, rule.find(FWB + "Srv"))))
    return lists


def inside(v, ranges):
    return any(lo <= v <= hi for lo, hi in ranges)


def decide(rules, p):
    for line, action, sources, destinations, services in rules:
        if (inside(int(p["source"]), sources) and inside(int(p["destination"]), destinations)
                and any(proto in (None, p["proto"])
                        and (p["proto"] not in (1, 6, 17) or     # ICMP: type, code
                             (slo <= p["source-port"] <= shi and dlo <= p["destination-port"] <= dhi))
                        and (est != "True" or set("AR") & set(p["flags"]))
                        for proto, (slo, shi), (dlo, dhi), est in services)):
            return action, line
    return "deny", None


def edges_of(rules):
    out = {"port": {0, 40000, 65535}, "protos": {1, 6, 17, 47}}
    for at, side in ((2, "source"), (3, "destination")):
        values = {int(ipaddress.IPv4Address("203.0.113.9"))}
        for rule in rules:
            for lo, hi in rule[at]:
                values |= {lo - 1, lo, lo + 1, hi - 1, hi, hi + 1}
        out[side] = [ipaddress.IPv4Address(v) for v in sorted(values) if 0 <= v < 1 << 32]
    for rule in rules:
        for proto, sport, dport, _ in rule[4]:
            out["protos"] |= {proto} if proto else set()
            for v in sport + dport:
                out["port"] |= {v - 1, v, v + 1}
    out["port"] = sorted(v for v in out["port"] if 0 <= v <= 65535)
    out["protos"] = sorted(out["protos"])
    return out


def hold_list(c, name, pair, rules, config, collector, filt, n):
    """Verdict and deciding line of boundary packets, by our two engines and by `rules`."""
    rnd, edges = random.Random("pairs " + pair + filt), edges_of(rules)
    packets = []
    for _ in range(n):
        p = draw(edges, 4, rnd, ("new",))
        # As often as not inside a rule of the list, so that the later ones are met too.
        line, _, sources, destinations, services = rnd.choice(rules)
        if rnd.random() < 0.6:
            proto = rnd.choice(services)[0]
            p["source"] = ipaddress.IPv4Address(rnd.choice(rnd.choice(sources)))
            p["destination"] = ipaddress.IPv4Address(rnd.choice(rnd.choice(destinations)))
            p["proto"] = proto or rnd.choice(edges["protos"])
            p["flags"] = rnd.choice(("S", "A", "SA", "R", "F")) if p["proto"] == 6 else ""
            if p["proto"] == 1:
                p["source-port"], p["destination-port"] = rnd.choice((0, 3, 8, 11)), 0
        packets.append(p)
    lines = [words_of(p) for p in packets]
    for engine in ("sets", "rules"):
        for p, line, ours in zip(packets, lines, c.ask(config, collector, filt, lines, engine)):
            place = re.search(r":(\d+):\d+$", ours[1])
            verdict, number = decide(rules, p)
            c.judge(name, pair, "%s: %s" % (filt, line),
                    "%s %s" % (ours[0], place.group(1) if place and number else "-"),
                    "%s %s" % (verdict, number or "-"))


def importer_objects(c):
    name = "fwbuilder: importer's objects"
    for folder, collector, files in IMPORTERS:
        for stem in files:
            config = c.path(folder, stem + ".test")
            doc = c.document("show", config, collector)
            ours = {r["name"]: {x["line"] for x in r["rules"] if not x["implicit"]}
                    for d in doc["devices"] for r in d["rulesets"] if not r["glue"]}
            c.count(name, "pairs")
            for filt, rules in imported_lists(c.path(folder, stem + ".fwb")).items():
                if any(None in r for r in rules) or {r[0] for r in rules} != ours.get(filt):
                    c.count(name, "no reader")      # devices' own rules, merged or other fields
                    continue
                hold_list(c, name, stem + ".fwb", rules, config, collector, filt, 1500)

# Output of show commands, and rows that templates parse from it ---------------------------

SHOWS = (("cisco-asa", "asa"), ("cisco-ios", "ios"), ("cisco-nxos", "ios"), ("arista", "ios"))
RUNNING = "show_running-config_partition_access-list"
PROTO_WORDS = {"tcp": 6, "udp": 17, "icmp": 1, "ip": None, "pim": 103, "ahp": 51}
PORT_WORDS = {"bgp": 179, "telnet": 23, "www": 80, "ftp": 21, "tacacs": 49}
ICMP_WORDS = {"": ANY_PORT, "echo-reply": (0, 0)}


def row_rule(row, line):
    """A parsed row as a rule, or None where it says more than addresses and ports."""
    if row["time"] or row["tcp_flag"] or row["icmp_type"] not in ICMP_WORDS:
        return None
    sides, ports = [], []
    for side in ("src", "dst"):
        first, wild = row[side + "_network"], row[side + "_wildcard"] or "0.0.0.0"
        if row[side + "_host"]:
            first = row[side + "_host"]
        elif row[side + "_any"] or (side == "dst" and not first):
            first, wild = "0.0.0.0", "255.255.255.255"
        lo, mask = int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(wild))
        if mask & (mask + 1):
            return None         # not a range
        sides.append([(lo & ~mask, lo | mask)])
        how, word = row[side + "_port_match"], row[side + "_port"]
        if how == "eq":
            n = PORT_WORDS.get(word) or int(word)
            ports.append((n, n))
        elif how == "range":
            ports.append(tuple(int(PORT_WORDS.get(row["%s_port_range_%s" % (side, e)])
                                   or row["%s_port_range_%s" % (side, e)])
                               for e in ("start", "end")))
        else:
            ports.append(ANY_PORT)
    proto = row["protocol"] or "ip"
    proto = PROTO_WORDS[proto] if proto in PROTO_WORDS else int(proto)
    if proto == 1:
        ports[0] = ICMP_WORDS[row["icmp_type"]]
    return line, row["action"], sides[0], sides[1], [(proto, ports[0], ports[1], "False")]


def show_output(c):
    name = "templates: show commands"
    for vendor, collector in SHOWS:
        for folder, _, files in sorted(os.walk(c.path(vendor, "networktocode__ntc-templates"))):
            for raw in sorted(f for f in files if f.endswith(".raw")):
                path = os.path.join(folder, raw)
                c.count(name, "pairs")
                if not folder.endswith(RUNNING):
                    doc = c.document("show", path, collector)
                    c.judge(name, raw, "refused", doc["sources"][0]["failed"], True)
                    done = c.run(["show", path, "--collector", collector])
                    c.judge(name, raw, "code", re.search(
                        r"\[(\w+\.not-configuration)\]", done.stderr.decode()) is not None, True)
                    continue
                rows = [{k: v for k, v in re.findall(r'^    (\w+): *"?(.*?)"?$', part, re.M)}
                        for part in ("    acl_name:" + x for x in open(
                            path[:-len("raw")] + "yml", encoding="utf-8").read().split(
                                "\n  - acl_name:")[1:])]
                theirs = collections.OrderedDict()
                for row in rows:
                    if row["action"]:
                        theirs.setdefault(row["acl_name"], []).append(row)
                doc = c.document("show", path, collector)
                ours = {r["name"]: [x for x in r["rules"] if not x["implicit"]]
                        for d in doc["devices"] for r in d["rulesets"] if not r["glue"]}
                for filt, parsed in theirs.items():
                    mine = ours.get(filt, [])
                    c.judge(name, raw, "entries of " + filt, [x["verdict"] for x in mine],
                            [x["action"] for x in parsed])
                    rules = [row_rule(r, x["line"]) for r, x in zip(parsed, mine)]
                    if None in rules or len(parsed) != len(mine):
                        c.count(name, "no reader")      # times, flags, scattered wildcards
                        continue
                    hold_list(c, name, raw, rules, path, collector, filt, 600)


# The same terms written for two devices ---------------------------------------------------

IOS_REF = "cisco-ios/%s/tests/regression/cisco/CiscoTest." % AERLEON
NX_REF = "cisco-nxos/%s/tests/regression/cisconx/CiscoNXTest." % AERLEON
EOS_REF = "arista/%s/tests/regression/arista/AristaTest." % AERLEON
SIBLINGS = [(IOS_REF + "testIpv6IcmpTypes", "inet6_acl", NX_REF + "testIpv6IcmpTypes",
             "test-filter", 6),
            (NX_REF + "testExtendedNXosSyntax", "test-filter",
             EOS_REF + "testExtendedEosSyntax", "test-filter", 4)]


def two_vendors(c):
    name = "one policy, two devices"
    for left, left_list, right, right_list, version in SIBLINGS:
        c.count(name, "pairs")
        hosts = {4: ("192.0.2.1", "198.51.100.7"), 6: ("2001:db8::1", "2001:db8:1::7")}[version]
        icmp = "icmp" if version == 4 else "icmpv6"
        lines = ["%s %s %d %s %d" % (icmp, hosts[0], t, hosts[1], code)
                 for t in range(256) for code in (0, 1)]
        lines += ["%s %s %d %s %d%s" % (proto, hosts[0], sport, hosts[1], dport, flags)
                  for proto, kinds in (("tcp", ("S", "A", "R", "SA", "FA", "F", "P", "U")),
                                       ("udp", ("",)))
                  for sport in (0, 1, 58, 1024, 65535) for dport in (0, 1, 3, 129, 65535)
                  for flags in (" flags=" + k if k else "" for k in kinds)]
        ours = c.ask(c.path(left + ".stdout.ref"), "ios", left_list, lines)
        theirs = c.ask(c.path(right + ".stdout.ref"), "ios", right_list, lines)
        pair = os.path.basename(left) + " = " + os.path.basename(right)
        for line, a, b in zip(lines, ours, theirs):
            c.judge(name, pair, line, a[0], b[0])
        c.judge(name, pair, "both verdicts occur", sorted({a[0] for a in ours}),
                ["deny", "permit"])

# What was measured on a real router --------------------------------------------------------

LAB = "batfish-ref/batfish__lab-validation/snapshots/iosxe_connectivity_sample"


def measured(c):
    """Probes through two lists of a port: did the packet arrive, did its answer come back?"""
    name = "lab: measured probes"
    config = c.path(LAB, "configs/iosxe_acl/show_running-config.txt")
    inside, outside, words = "192.168.123.1", "192.168.123.6", {True: "permit", False: "deny"}

    def hold(what, filt, packet, passed):
        c.judge(name, what, filt + " " + packet, c.ask(config, "ios", filt, [packet])[0][0],
                words[passed])

    for probe in sorted(os.listdir(c.path(LAB, "show/inside"))):
        c.count(name, "pairs")
        client = c.read(LAB, "show/inside", probe)
        said = re.match(r"client_outside_%s_(tcp|udp)_(\d+)" % outside, probe)
        if said:
            proto, port = said.groups()
            server = c.read(LAB, "show/outside/server_%s_%s_%s.txt" % (outside, proto, port))
            arrived, answered = "packet1" in server, "[ECHO:]" in client
            hold(probe, "CONNECTIVITY_TEST_OUT", "%s %s 40000 %s %s%s" % (
                proto, inside, outside, port, " flags=S" if proto == "tcp" else ""), arrived)
            if arrived:
                hold(probe, "CONNECTIVITY_TEST_IN", "%s %s %s %s 40000%s" % (
                    proto, outside, port, inside, " flags=SA" if proto == "tcp" else ""), answered)
        elif probe.endswith("_%s.txt" % outside):
            answered = " 1 received" in client
            hold(probe, "CONNECTIVITY_TEST_OUT", "icmp %s 8 %s 0" % (inside, outside), answered)
            hold(probe, "CONNECTIVITY_TEST_IN", "icmp %s 0 %s 0" % (outside, inside), answered)
        else:
            c.count(name, "no reader")      # never leaves the host, or ends at the router


CLASSES = collections.OrderedDict((f.__name__, f) for f in (
    batfish_filters, batfish_notebooks, batfish_compared, batfish_unreachable, batfish_names,
    policy_generated,
    importer_trace, importer_objects, show_output,
    two_vendors, measured))


def known_of(path):
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                words = line.rstrip("\n").split("\t")
                if len(words) != 5 or not words[4].strip():
                    sys.exit("%s: not five columns: %s" % (path, line))
                rows.append(words)
    return rows


def main():
    root, plumbline = sys.argv[1:3]
    corpus = os.path.join(os.environ.get("PLUMBLINE_SHARED")
                          or os.path.join(root, "..", "shared"), "corpus")
    if not os.path.isdir(corpus):
        print("skipped: there is no corpus; PLUMBLINE_SHARED may name the folder that holds it")
        return SKIP
    known = known_of(os.path.join(root, "tests", "corpus", "known-differences.tsv"))
    c = Corpus(corpus, plumbline, known)
    wanted = sys.argv[3:] or list(CLASSES)
    for key in wanted:
        CLASSES[key](c)
    columns = ("pairs", "asked", "agreed", "explained", "unexplained", "no reader")
    print("%-30s" % "class" + "".join("%12s" % x for x in columns))
    for name, row in c.tally.items():
        print("%-30s" % name + "".join("%12d" % row[x] for x in columns))
    for note in c.notes:
        print("note: " + note)
    for row in c.unexplained[:int(os.environ.get("PAIRS_SHOW", "60"))]:
        print("UNEXPLAINED %s | %s | %s | ours %s | theirs %s" % row)
    stale = [known[i] for i in range(len(known)) if not c.used[i]]
    if wanted == list(CLASSES) and not c.notes:
        for row in stale:
            print("EXPLAINS NOTHING " + " | ".join(row))
    else:
        stale = []
    empty = [n for n, row in c.tally.items() if not row["asked"]]
    for n in empty:
        print("NOTHING ASKED " + n)
    return 1 if c.unexplained or stale or empty else 0


if __name__ == "__main__":
    sys.exit(main())
