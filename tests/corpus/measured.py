#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what plumbline says of AWS exports against probes that were really sent there.

    measured.py SOURCE_ROOT PLUMBLINE [LAB...]

Each lab under aws-measured is the export of some accounts and regions, and a table of probes
(ping, TCP) with whether an answer came back. The export becomes one estate, every host that a
probe names a zone of its own, and every probe is asked with `plumbline query`. An answer came
back where the packet got there and its reply was not blocked.

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
import ipaddress
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
        self.vpc, self.private = {}, {}
        for n in documents(self.configs, "NetworkInterfaces.json", "NetworkInterfaces"):
            for a in n["PrivateIpAddresses"]:
                self.vpc[a["PrivateIpAddress"]] = n["VpcId"]
                if "Association" in a:
                    self.private[a["Association"]["PublicIp"]] = a["PrivateIpAddress"]
        self.targets = self.balanced()

    def balanced(self):
        """The hosts that a balancer's address stands for."""
        instances = {}
        for n in documents(self.configs, "NetworkInterfaces.json", "NetworkInterfaces"):
            if n.get("Attachment", {}).get("InstanceId"):
                instances[n["Attachment"]["InstanceId"]] = n["PrivateIpAddress"]
        groups = collections.defaultdict(set)
        for g in documents(self.configs, "TargetGroups.json", "TargetGroups"):
            for arn in g["LoadBalancerArns"]:
                groups[arn.split(":loadbalancer/")[1]].add(g["TargetGroupArn"])
        hosts = collections.defaultdict(set)
        for h in documents(self.configs, "LoadBalancerTargetHealth.json",
                           "LoadBalancerTargetHealth"):
            for t in h["TargetHealthDescriptions"]:
                hosts[h["TargetGroupArn"]].add(
                    instances.get(t["Target"]["Id"], t["Target"]["Id"]))
        targets = {}
        for n in documents(self.configs, "NetworkInterfaces.json", "NetworkInterfaces"):
            if n["Description"].startswith("ELB net/"):
                of = groups[n["Description"][4:]]
                targets[n["PrivateIpAddress"]] = sorted(set().union(*(hosts[g] for g in of)))
        return targets

    def zones(self):
        found = set()
        for src, dst, *_ in self.probes:
            for a in (src, self.private.get(dst, dst)):
                found.update(x for x in [a] + self.targets.get(a, []) if x in self.vpc)
        return sorted(found)

    def write(self):
        with open(os.path.join(self.where, "policy.yaml"), "w", encoding="utf-8") as f:
            f.write("version: 1\nname: measured\nzones:\n")
            for a in self.zones():
                f.write(f"  - {{name: h-{a}, prefixes: {a}/32, segment: {self.vpc[a]}}}\n")
            f.write("  - {name: internet, external: true}\n")
        shutil.copytree(self.configs, os.path.join(self.where, "export"), dirs_exist_ok=True)
        with open(os.path.join(self.where, "estate.yaml"), "w", encoding="utf-8") as f:
            f.write("version: 1\nname: measured\npolicy: policy.yaml\n"
                    "sources:\n  - {name: aws, dir: export, plane: virtual, collector: aws}\n")

    def questions(self, src, dst):
        """The pairs of ends of which one has to be right for the probe to arrive."""
        start = PROBER if src == OUTSIDE else src
        host = self.private.get(dst, dst)
        if host in self.targets:
            return [(start, "h-" + t, dst) for t in self.targets[host] if t in self.vpc]
        if host in self.vpc:
            return [(start, "h-" + host, dst)]
        return [(start, dst, dst)]


def service(proto, port):
    return "icmp/8" if proto == "icmp" else f"{proto}/{port}"


def holds(box, address):
    """Whether a span as plumbline prints it has the address."""
    a = ipaddress.ip_address(address)
    if box == "any":
        return True
    lo, _, hi = box.partition("-")
    if hi:
        return ipaddress.ip_address(lo) <= a <= ipaddress.ip_address(hi)
    return a in ipaddress.ip_network(lo)


class Asker:
    def __init__(self, plumbline):
        self.plumbline = plumbline

    def ask(self, lab, src, to, what):
        """The boxes of packets that surely and possibly pass, and what isn't known."""
        words = [self.plumbline, "query", os.path.join(lab.where, "estate.yaml"), "--from", src,
                 "--to", to, "--service", what]
        done = subprocess.run(words, capture_output=True, timeout=120, check=False,
                              env=dict(os.environ, LC_ALL="C", NO_COLOR="1"))
        if done.returncode not in (0, 1, 4):
            sys.exit(" ".join(words) + ": " + done.stderr.decode("utf-8", "replace"))
        boxes, now, doubt = {"together": [], "possibly": []}, None, ""
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            if line.startswith("  together ") and line.split()[1] == "unknown":
                doubt = doubt or "not known"
            if line.startswith("  not known: "):
                doubt = line[13:]
            if not line.startswith("    ") or line[4:13].strip() in ("example", "declared"):
                now = None
                continue
            # one plane alone enforces here: what it possibly permits, all together do
            label, box = line[4:13].strip(), line[14:]
            now = label or now
            if now in boxes and " -> " in box:
                boxes[now].append(box.split(" -> ")[1].split(",")[0])
        return boxes, doubt

    def verdict(self, lab, src, to, dst, what):
        """permit, deny or unknown; and why."""
        boxes, doubt = self.ask(lab, src, to, what)
        for verdict, name in (("permit", "together"), ("unknown", "possibly")):
            if any(holds(box, dst) for box in boxes[name]):
                return verdict, doubt
        return ("unknown" if doubt else "deny"), doubt

    def reached(self, lab, probe):
        src, dst, proto, port, _ = probe
        found = [self.verdict(lab, a, to, b, service(proto, port))
                 for a, to, b in lab.questions(src, dst)]
        if any(v == "permit" for v, _ in found):
            return "yes", ""
        if all(v == "deny" for v, _ in found):
            return "no", ""
        return "unknown", "; ".join(sorted({why for _, why in found if why}))


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
        for (src, dst, proto, port, measured), (ours, why) in zip(lab.probes, answers):
            tally["probes"] += 1
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
