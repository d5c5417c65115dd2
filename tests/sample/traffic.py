#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wire between the sample's hypervisors: a leak that no configuration shows is found, on the wire
and in the packets that were kept of it; without it nothing is.

    traffic.py SOURCE_ROOT PLUMBLINE

Exit code 77, saying so, where namespaces can't be made.
"""
import json
import os
import shutil
import subprocess
import sys

DAY = "2026-11-22"
ESTATE = "samples/acme/aligned/estate.yaml"


def judge(what, code, doc, leaks):
    wrong = []
    s = doc["statement"]
    found = {(f["check"], f["from"], f["to"]) for f in doc["findings"]}
    if leaks:
        if code != 1 or found != {("observed.cross-talk", "web-a", "db-b")}:
            wrong.append(f"{what}: exit {code}, {found}")
        for f in doc["findings"]:
            denies = {r["plane"] for r in f["rules"] if "den" in r["role"]}
            if denies != {"physical", "virtual"}:
                wrong.append(f"{what}: rules that should have stopped it are named on {denies} alone")
    elif code or found:
        wrong.append(f"{what}: exit {code}, {found}, {doc['diagnostics']}")
    print(f"{what}: {json.dumps(s)[:300]}")
    return wrong


def sample(root, plumbline, file):
    p = subprocess.run([plumbline, "sample", ESTATE, "--pcap", file, "--format", "json", "--as-of", DAY], cwd=root,
                       capture_output=True, check=False)
    return p.returncode, json.loads(p.stdout)


def live(root, plumbline, *plants):
    p = subprocess.run(["bash", "samples/acme/traffic/run", plumbline, *plants, "--", "--format", "json", "--as-of", DAY],
                       cwd=root, capture_output=True, check=False)
    if not p.stdout:
        return p.returncode, {"findings": [], "diagnostics": p.stderr.decode(), "statement": {}}
    return p.returncode, json.loads(p.stdout)


def main():
    root, plumbline = map(os.path.abspath, sys.argv[1:3])
    wrong = []
    for name, leaks in (("clean", False), ("leak", True)):
        wrong += judge(f"kept, {name}", *sample(root, plumbline, f"samples/acme/traffic/{name}.pcap"), leaks)
    for w in wrong:
        print(w)
    if wrong:
        return 1
    if not shutil.which("ip") or os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        print("skipped: needs root, iproute2 and network namespaces")
        return 77
    wrong += judge("live, clean", *live(root, plumbline), False)
    wrong += judge("live, leak", *live(root, plumbline, "leak"), True)
    for w in wrong:
        print(w)
    print(f"4 runs, {len(wrong)} failures")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
