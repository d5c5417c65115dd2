#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what plumbline says of AWS exports against probes that were really sent there.

    measured.py SOURCE_ROOT PLUMBLINE [LAB...]

Each lab under aws-measured is the export of some accounts and regions, and a table of probes
(ping, TCP) with whether an answer came back. The export becomes one estate, every host that a
probe names a zone of its own, and every probe is asked with `plumbline query`. An answer comes
back where the packet gets there and `plumbline check`, with every such probe required, doesn't
find its reply blocked.

A probe whose answer isn't what was measured has to be explained by a line of
measured-differences.tsv (lab, source, destination, service, ours, measured, why; shell
patterns in all but the last, "=" for a destination that is the source), or it fails the test; so
does a line that explains nothing. The table of labs, probes and agreements is printed. Exit code 77, saying so, where the corpus is
absent.
"""
import collections
import concurrent.futures
import fnmatch
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
LABS = "aws-measured/batfish__lab-validation"
OUTSIDE = "8.8.8.8"      # how the tables call a machine on the Internet
VERDICTS = {"permit": "yes", "deny": "no"}
PROBER = "67.160.71.197"  # the address that it has where network ACLs name it


def documents(folder, name, key):
    for path in sorted(glob.glob(os.path.join(folder, "**", name), recursive=True)):
        with open(path, encoding="utf-8") as f:
            yield from json.load(f).get(key, [])


class Lab:
    """One export and its probes, as an estate in a folder."""

    def __init__(self, corpus, name, where):
        self.name, self.where = name, where
        self.configs = os.path.join(corpus, LABS, "snapshots", name, "aws_configs")
        table = os.path.join(corpus, LABS, "derived", name + ".measured.tsv")
        with open(table, encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
        self.probes = [(r[0], r[1], r[2], r[3], r[5]) for r in rows]
        self.hosts = {a["PrivateIpAddress"]: n["VpcId"]
                      for n in documents(self.configs, "NetworkInterfaces.json",
                                         "NetworkInterfaces")
                      if n["InterfaceType"] == "interface" for a in n["PrivateIpAddresses"]}
        self.private = {a["Association"]["PublicIp"]: a["PrivateIpAddress"]
                        for n in documents(self.configs, "NetworkInterfaces.json",
                                           "NetworkInterfaces")
                        for a in n["PrivateIpAddresses"] if "Association" in a}

    def write(self, required=()):
        """required: flows (from, to, service) that the policy requires."""
        with open(os.path.join(self.where, "policy.yaml"), "w", encoding="utf-8") as f:
            f.write("version: 1\nname: measured\nservices:\n"
                    "  ping: {proto: icmp, type: 8, code: 0}\nzones:\n")
            for a in sorted(self.hosts):  # balancers and gateways are no hosts
                f.write(f"  - {{name: h-{a}, prefixes: {a}/32, segment: {self.hosts[a]}}}\n")
            f.write("  - {name: internet, external: true}\n")
            if required:
                f.write("flows:\n")
            for i, (src, dst, what) in enumerate(required):
                f.write(f"  - {{id: f{i}, from: {src}, to: {dst}, service: {what}, "
                        "action: require}\n")
        shutil.copytree(self.configs, os.path.join(self.where, "export"), dirs_exist_ok=True)
        with open(os.path.join(self.where, "estate.yaml"), "w", encoding="utf-8") as f:
            f.write("version: 1\nname: measured\npolicy: policy.yaml\n"
                    "sources:\n  - {name: aws, dir: export, plane: virtual, collector: aws}\n")


def service(proto, port):
    return "ping" if proto == "icmp" else f"{proto}/{port}"


class Asker:
    def __init__(self, plumbline):
        self.plumbline = plumbline

    def reached(self, lab, probe):
        """yes, no or unknown; and what isn't known."""
        src, dst, proto, port, _ = probe
        words = [self.plumbline, "query", os.path.join(lab.where, "estate.yaml"),
                 "--from", PROBER if src == OUTSIDE else src, "--to", dst,
                 "--service", service(proto, port), "--format", "json"]
        done = subprocess.run(words, capture_output=True, timeout=120, check=False,
                              env=dict(os.environ, LC_ALL="C", NO_COLOR="1"))
        try:
            doc = json.loads(done.stdout)
        except ValueError:
            sys.exit(" ".join(words) + ": " + done.stderr.decode("utf-8", "replace"))
        verdict = doc["verdict"]["together"]
        if verdict is None and not doc["doubt"] and doc["answers"]:
            verdict = "deny"  # no such packet gets to any zone: no listener, no translation
        return VERDICTS.get(verdict, "unknown"), doc["doubt"] or ""


    def unanswered(self, lab, probes):
        """Those of the probes whose answers are blocked on their way back: all at once."""
        flows = {}
        for src, dst, proto, port, _ in probes:
            host = lab.private.get(dst, dst)
            if host in lab.hosts and host != src and src in lab.hosts:
                what = "ping" if proto == "icmp" else f"{proto}/{port}"
                flows[src, dst, proto, port] = ("h-" + src, "h-" + host, what)
        lab.write(sorted(set(flows.values())))
        words = [self.plumbline, "check", os.path.join(lab.where, "estate.yaml"),
                 "--format", "json"]
        done = subprocess.run(words, capture_output=True, timeout=300, check=False,
                              env=dict(os.environ, LC_ALL="C", NO_COLOR="1"))
        if not done.stdout:
            sys.exit(" ".join(words) + ": " + done.stderr.decode("utf-8", "replace"))
        blocked = collections.defaultdict(list)
        for f in json.loads(done.stdout)["findings"]:
            if f["check"] == "intent.reply-blocked":
                blocked[f["from"], f["to"]] += f["traffic"]
        return {probe for probe, (src, dst, _) in flows.items()
                if any(box_holds(box, *probe) for box in blocked[src, dst])}


def box_holds(box, src, dst, proto, port):
    """Whether a box as plumbline prints it has the probe: "SRC -> DST, tcp 22 from port ..."."""
    ends, _, what = box.partition(", ")
    words = what.split()
    return ends == f"{src} -> {dst}" and words[:2] in (
        [[proto, port]] if port != "-" else [["icmp", "type"]])


def read_known(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f
                if line.strip() and not line.startswith("#")]


def run_lab(asker, corpus, name, known, used, report):
    tally = collections.Counter()
    with tempfile.TemporaryDirectory() as where:
        lab = Lab(corpus, name, where)
        lab.write()
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            answers = list(pool.map(lambda p: asker.reached(lab, p), lab.probes))
        there = [p for p, (ours, _) in zip(lab.probes, answers) if ours == "yes"]
        unanswered = asker.unanswered(lab, there)
        for (src, dst, proto, port, measured), (ours, why) in zip(lab.probes, answers):
            tally["probes"] += 1
            if (src, dst, proto, port) in unanswered:
                ours = "no"
            if ours == measured:
                tally["agree"] += 1
                continue
            question = (name, src, "=" if src == dst else dst, service(proto, port), ours, measured)
            for at, row in enumerate(known):
                if all(fnmatch.fnmatchcase(v, p) for v, p in zip(question, row)):
                    used.add(at)
                    tally["explained"] += 1
                    break
            else:
                tally["disagree"] += 1
                report.append("\t".join(question) + ("\t" + why if why else ""))
    return tally


def main():
    root, plumbline, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
    shared = os.environ.get("PLUMBLINE_SHARED", os.path.join(root, "..", "shared"))
    corpus = os.path.join(shared, "corpus")
    tables = sorted(glob.glob(os.path.join(corpus, LABS, "derived", "*.measured.tsv")))
    if not tables:
        print(f"skipped: no measured labs under {corpus}")
        return SKIP
    known = read_known(os.path.join(root, "tests", "corpus", "measured-differences.tsv"))
    asker, used, report = Asker(plumbline), set(), []
    total = collections.Counter()
    heads = ("probes", "agree", "explained", "disagree")
    print(f"{'lab':40}" + "".join(f"{h:>11}" for h in heads))
    for table in tables:
        name = re.sub(r"\.measured\.tsv$", "", os.path.basename(table))
        if wanted and name not in wanted:
            continue
        tally = run_lab(asker, corpus, name, known, used, report)
        total += tally
        print(f"{name:40}" + "".join(f"{tally[h]:11}" for h in heads), flush=True)
    print(f"{'all':40}" + "".join(f"{total[h]:11}" for h in heads))
    for line in report[:200]:
        print("not explained:", line)
    if len(report) > 200:
        print(f"and {len(report) - 200} more")
    idle = [] if wanted else [row for at, row in enumerate(known) if at not in used]
    for row in idle:
        print("explains nothing:", "\t".join(row))
    return 1 if report or idle or not total["probes"] else 0


if __name__ == "__main__":
    sys.exit(main())
