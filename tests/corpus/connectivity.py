#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what plumbline says of AWS exports against the connectivity that another analyser printed of them.

    connectivity.py SOURCE_ROOT PLUMBLINE

np-guard's exports list instances, subnets, access lists and groups, but neither route tables nor all
network interfaces. It takes every subnet of a VPC to reach every other, and an instance with a public
address to reach the Internet; so does the estate that is made here, by declared paths. Each instance
is a zone; every ordered pair, and the Internet, is asked for a handful of services. What plumbline leaves
open counts as a bound; a sure answer that differs fails the test unless BEYOND names why. Exit code 77,
saying so, where the corpus is absent.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

SKIP = 77
EXAMPLES = "aws/np-guard__vpc-network-config-analyzer/pkg/awsvpc/examples"
LABS = [("input_aws_sg_1", "aws_sg_1_all_vpcs_"), ("input_basic_config_with_sg", "basic_config_with_sg_all_vpcs_")]
SERVICES = [("tcp", 22), ("tcp", 9080), ("udp", 53)]
OUTSIDE = "Public Internet (all ranges)"
SURE = {"permit": True, "deny": False}


def instances(export):
    """(name, address, subnet, groups, VPC, public) of those that run with an interface."""
    for i in export["instances"]:
        name = next((t["Value"] for t in i.get("Tags") or [] if t["Key"] == "Name"), i["InstanceId"])
        for n in i.get("NetworkInterfaces") or []:
            yield (name, n["PrivateIpAddress"], n["SubnetId"], [g["GroupId"] for g in n["Groups"]], n["VpcId"],
                   bool((n.get("Association") or {}).get("PublicIp")))


def expected(path):
    """(from, to) -> function of protocol and port."""
    told = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"(.+?)(?:\[[\d.]+\])? => (.+?)(?:\[[\d.]+\])? : (.+)", line.strip())
            if m:
                told[m[1], m[2]] = m[3]
    return told


def holds(text, proto, port):
    if text is None:
        return False
    if text == "All Connections":
        return True
    for part in text.split(";"):
        m = re.match(r"\s*protocol: ([A-Z,]+)(?: dst-ports: ([\d,-]+))?\s*$", part)
        if not m:
            raise SystemExit(f"what does this connection mean: {text}")
        ranges = [r.split("-") for r in (m[2] or "0-65535").split(",")]
        if proto.upper() in m[1].split(",") and any(int(r[0]) <= port <= int(r[-1]) for r in ranges):
            return True
    return False


def estate(folder, export_file, hosts):
    """An estate with a zone for each host; written as JSON, which is YAML."""
    zones = [{"name": "internet", "external": True}] + [{"name": h[0], "prefixes": [h[1] + "/32"]} for h in hosts]
    policy = {"version": 1, "name": "asked", "zones": zones, "alignment": [{"from": "any", "to": "any", "relation": "effective"}]}
    paths = []
    for a in hosts:
        place = {"device": "cloud:" + a[4], "in": [a[2], *a[3]]}
        paths += [{"from": a[0], "to": b[0], "hops": [{**place, "out": [b[2], *b[3]]}]} for b in hosts if b is not a and b[4] == a[4]]
        if a[5]:
            paths.append({"from": a[0], "to": "internet", "hops": [place]})
            paths.append({"from": "internet", "to": a[0], "hops": [{"device": "cloud:" + a[4], "out": [a[2], *a[3]]}]})
    with open(os.path.join(folder, "policy.yaml"), "w", encoding="utf-8") as f:
        json.dump(policy, f)
    with open(os.path.join(folder, "estate.yaml"), "w", encoding="utf-8") as f:
        json.dump({"version": 1, "name": "asked", "policy": "policy.yaml", "paths": paths,
                   "sources": [{"name": "cloud", "file": os.path.relpath(export_file, folder)}]}, f)
    return os.path.join(folder, "estate.yaml")


def ask(plumbline, file, a, b, proto, port):
    p = subprocess.run([plumbline, "query", file, "--from", a, "--to", b, "--service", f"{proto}/{port}", "--format", "json",
                        "--as-of", "2026-11-22"], capture_output=True, text=True, check=False)
    if p.returncode not in (0, 4):
        raise SystemExit(f"{a} to {b}: exit code {p.returncode}: {p.stderr}")
    return json.loads(p.stdout)["verdict"]["together"]


def main():
    root, plumbline = sys.argv[1:3]
    shared = os.environ.get("PLUMBLINE_SHARED", os.path.join(root, "..", "shared"))
    examples = os.path.join(shared, "corpus", EXAMPLES)
    if not os.path.isdir(examples):
        print(f"skipped: no {examples}")
        return SKIP
    wrong = []
    print("export                         asked  agree  bound  differ")
    for lab, out in LABS:
        export_file = os.path.join(examples, "input", lab + ".json")
        with open(export_file, encoding="utf-8") as f:
            hosts = list(instances(json.load(f)))
        told = expected(os.path.join(examples, "out/analysis_out", out + ".txt"))
        with tempfile.TemporaryDirectory() as tmp:
            file = estate(tmp, export_file, hosts)
            pairs = [(a, b) for a in hosts for b in hosts if a is not b and a[4] == b[4]]
            asked = [(a[0], b[0], told.get((a[0], b[0]))) for a, b in pairs]
            asked += [(a[0], "internet", told.get((a[0], OUTSIDE))) for a in hosts if a[5]]
            asked += [("internet", a[0], told.get((OUTSIDE, a[0]))) for a in hosts if a[5]]
            questions = [(a, b, t, *s) for a, b, t in asked for s in SERVICES]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                got = list(pool.map(lambda q: ask(plumbline, file, q[0], q[1], q[3], q[4]), questions))
        agree = bound = 0
        for (a, b, t, proto, port), verdict in zip(questions, got):
            if verdict not in SURE:
                bound += 1
            elif SURE[verdict] == holds(t, proto, port):
                agree += 1
            else:
                wrong.append(f"{lab}: {a} to {b}, {proto}/{port}: {verdict}; the other analyser: {t}")
        print(f"{lab:30} {len(questions):5}  {agree:5}  {bound:5}  {len(questions) - agree - bound:6}")
        if not agree:
            wrong.append(f"{lab}: nothing was decided")
    for w in wrong:
        print("differs: " + w)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
