#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Service matrices of a proved analyser (see bounds.c) against `plumbline show --matrix`.

    bounds_matrices.py SOURCE_ROOT PLUMBLINE

Its golden outputs end with matrices, each of a TCP service: classes of addresses and who may
begin a conversation with whom, by its upper bound. Ours has to be the same relation between the
same addresses, by what is permitted or possible. Where both bounds of ours differ our classes
may be finer; joined by the possible ones alone they have to be exactly its classes.
"""
import ipaddress
import json
import os
import re
import subprocess
import sys

GOLDEN = "haskell_tool/test/Suites/GoldenFiles/"
EXAMPLES = "thy/Iptables_Semantics/Examples/"

# golden output, ruleset, chain, which addresses are behind which interface
RUNS = [
    ("synology_iptables-save_jun_2015_cleanup",
     "Synology_Diskstation_DS414/iptables-save_jun_2015_cleanup", "filter INPUT",
     ["lo=127.0.0.0/8"]),
    # its assignment puts the same addresses behind several interfaces: then it proves nothing
    # by them, and neither do we
    ("sqrl_2015_aug_iptables-save-spoofing-protection",
     "SQRL_Shorewall/2015_aug_iptables-save-spoofing-protection", "raw PREROUTING", []),
]


def number(s):
    return int(ipaddress.ip_address(s))


def golden_matrices(path):
    """[(source port, destination port, {class: [(low, high)]}, {(from, to)})]"""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("== calculating service matrices"):]
    found = []
    for part in re.split(r"=+ TCP port ", text)[1:]:
        head = re.match(r"(\d+)->(\d+) =", part)
        classes = {m[1]: [(number(a), number(b)) for a, b in
                          re.findall(r"\{([\d.]+) \.\. ([\d.]+)\}", m[2])]
                   for m in re.finditer(r"^(\w+) \|-> (.*)$", part, re.M)}
        edges = {(m[1], m[2]) for m in re.finditer(r"^\((\w+),(\w+)\)$", part, re.M)}
        found.append((head[1], head[2], classes, edges))
    return found


def span_of(s):
    if s == "any":
        return 0, 2**32 - 1
    if "-" in s:
        low, high = s.split("-")
        return number(low), number(high)
    net = ipaddress.ip_network(s)
    return int(net[0]), int(net[-1])


def ours(plumbline, path, ruleset, behind, service):
    command = [plumbline, "show", path, "--collector", "iptables", "--ruleset", ruleset,
               "--matrix", service, "--format", "json"]
    for b in behind:
        command += ["--behind", b]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: exit {done.returncode}\n{done.stderr.decode()}")
    m = next(m for m in json.loads(done.stdout)["matrices"] if m["family"] == "ipv4")
    classes = {c["name"]: [span_of(s) for s in c["addresses"]] for c in m["classes"]}
    return classes, {tuple(e) for e in m["permitted"] + m["possible"]}


def join(classes, edges):
    """Classes that the edges alone don't tell apart become one: as a set of sets of ranges,
    with the edges between them."""
    alike = {}
    for name in classes:
        sign = (frozenset(b for a, b in edges if a == name),
                frozenset(a for a, b in edges if b == name))
        alike.setdefault(sign, []).append(name)
    whole, name_of = {}, {}
    for names in alike.values():
        spans = sorted(s for n in names for s in classes[n])
        joined = []
        for low, high in spans:
            if joined and joined[-1][1] + 1 == low:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        for n in names:
            name_of[n] = tuple(joined)
        whole[tuple(joined)] = True
    return set(whole), {(name_of[a], name_of[b]) for a, b in edges}


def main():
    root, plumbline = sys.argv[1:3]
    shared = os.environ.get("PLUMBLINE_SHARED", os.path.join(root, "..", "shared"))
    corpus = os.path.join(shared, "corpus/iptables/diekmann__Iptables_Semantics")
    if not os.path.isdir(corpus):
        print(f"skipped: no corpus at {corpus}")
        return 77
    listed = subprocess.run([plumbline, "list", "collectors"], capture_output=True, check=True)
    if b"iptables" not in listed.stdout:
        print("skipped: there is no iptables collector")
        return 77
    failed = done = 0
    for golden, save, ruleset, behind in RUNS:
        for sport, dport, classes, edges in golden_matrices(os.path.join(corpus, GOLDEN + golden)):
            service = f"tcp/{sport}:{dport}"
            theirs = join(classes, edges)
            mine = join(*ours(plumbline, os.path.join(corpus, EXAMPLES + save), ruleset, behind,
                              service))
            done += 1
            print(f"{golden}: {service}: {len(theirs[0])} classes: "
                  f"{'the same' if mine == theirs else 'OTHERS'}")
            if mine != theirs:
                failed += 1
                print(f"  theirs: {theirs}\n  ours:   {mine}")
    print(f"{done} matrices, {failed} differ")
    return bool(failed) or not done


if __name__ == "__main__":
    sys.exit(main())
