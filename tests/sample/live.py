#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample's hypervisor, built out of namespaces, read while it runs, and checked: without a
plant nothing is found, each plant is found where it is (or leaves open what it must), those that
were recorded give what the state that lies beside the estate gives.

    live.py SOURCE_ROOT PLUMBLINE
"""
import json
import os
import shutil
import subprocess
import sys

DAY = "2026-11-21"

# plant: findings that have to be there, (check, from, to), and what all of its findings have in
# common, by the witness's own words
PLANTS = {
    "legacy": ([("intent.blocked", "internet", "web-a")],
               lambda f, p: f["to"] == "web-a" and p[0] == "tcp" and p[4] == "80" and "." in p[3]),
    "dormant": ([("drift.virtual-permits-more", "internet", "web-a"),
                 ("intent.exposed", "shared", "web-a")],
                lambda f, p: f["to"] == "web-a" and p[0] == "tcp" and p[4] == "22"),
    "ipv6": ([("intent.exposed", "db-a", "web-a"), ("intent.exposed", "web-a", "db-a"),
              ("drift.virtual-permits-more", "internet", "db-a"),
              ("drift.virtual-permits-more", "web-a", "internet")],
             lambda f, p: ":" in p[1]),
    "bridge": ([("intent.exposed", "web-a", "db-a"), ("intent.exposed", "db-a", "web-a"),
                ("intent.blocked", "db-a", "shared")],
               lambda f, p: "db-a" in (f["from"], f["to"])),
}


def findings(doc):
    return {(f["check"], f["from"], f["to"], f["plane"]) for f in doc["findings"]}


def run(root, plumbline, plants):
    done = subprocess.run([os.path.join(root, "samples/acme/live/run"), plumbline, *plants, "--",
                           "--format", "json", "--as-of", DAY], capture_output=True, check=False,
                          timeout=120)
    if done.returncode not in (0, 1, 4):
        raise SystemExit(f"{plants}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.returncode, json.loads(done.stdout)


def main():
    root, plumbline = map(os.path.abspath, sys.argv[1:3])
    for tool in ("ip", "nft", "iptables-legacy"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed")
            return 77
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        print("skipped: needs root and network namespaces")
        return 77
    wrong = []
    code, doc = run(root, plumbline, [])
    if code or doc["findings"]:
        wrong.append(f"aligned: exit {code}, {findings(doc)}, "
                     f"{[(d['code'], d['message']) for d in doc['diagnostics']]}")
    for plant, (wanted, mine) in PLANTS.items():
        code, doc = run(root, plumbline, [plant])
        found = {f[:3] for f in findings(doc)}
        if code != 1:
            wrong.append(f"{plant}: exit {code}")
        wrong += [f"{plant}: not found: {w}" for w in wanted if w not in found]
        for f in doc["findings"]:
            if not mine(f, f["witness"]["text"].split()):
                wrong.append(f"{plant}: found too: {f['check']} {f['from']} {f['to']} "
                             f"{f['witness']['text']}")
        print(f"{plant}: {len(doc['findings'])} findings")
    # What nobody has read can't be judged: neither a finding nor aligned.
    code, doc = run(root, plumbline, ["router"])
    told = [d for d in doc["diagnostics"] if d["code"] == "linux.namespace-missing"]
    if code != 4 or doc["findings"] or not told:
        wrong.append(f"router: exit {code}, {findings(doc)}, {told}")
    for variant, plants in (("aligned", []), ("misaligned", list(PLANTS))):
        kept = subprocess.run([plumbline, "check", f"samples/acme/live/{variant}/estate.yaml",
                               "--format", "json", "--as-of", DAY], cwd=root, check=False,
                              capture_output=True)
        _, live = run(root, plumbline, plants)
        if findings(json.loads(kept.stdout)) != findings(live):
            wrong.append(f"{variant}: what lies beside the estate is not what is read: run "
                         f"samples/acme/live/record. {findings(json.loads(kept.stdout))} "
                         f"against {findings(live)}")
    for w in wrong:
        print(w)
    print(f"{len(PLANTS) + 1} plants, {len(wrong)} failures")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
