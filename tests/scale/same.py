#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A changed comment, and another order without effect, are no difference.

    same.py SOURCE_ROOT PLUMBLINE

The sample estate (ASA, IOS, nft, AWS) and a generated one (iptables, nft, IOS, ASA, routes): each
edit below leaves what passes as it is, and `diff` must find nothing, with exit code 0. For each file a
twin with an effect is held against it, which must be found.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def lines(edit):
    def apply(text):
        v = text.split("\n")
        edit(v)
        return "\n".join(v)
    return apply


def find(v, word, n=0):
    hits = [i for i, line in enumerate(v) if re.search(word, line)]
    if len(hits) <= n:
        sys.exit(f"no line {n} with {word}")
    return hits[n]


def insert(word, line):
    return lines(lambda v: v.insert(find(v, word), line))


def swap(a, b):
    def edit(v):
        i, k = find(v, a), find(v, b)
        v[i], v[k] = v[k], v[i]
    return lines(edit)


def drop(word, n=0):
    return lines(lambda v: v.pop(find(v, word, n)))


def js(edit):
    def apply(text):
        doc = json.loads(text)
        edit(doc)
        for part in doc.get("parts", {}).values() if isinstance(doc, dict) else ():
            del part["sha256"]
            part["sha256"] = hashlib.sha256(
                json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
        return json.dumps(doc, indent=2)
    return apply


def turn(key):
    return js(lambda d: d[key].reverse())


def nft_comment(d):
    rules = [x["rule"] for x in d["nftables"] if "rule" in x]
    rules[0]["comment"] = "another word"


def nft_drop(d):
    i = [k for k, x in enumerate(d["nftables"]) if "rule" in x and {"accept": None} in x["rule"]["expr"]]
    for k in reversed(i):
        del d["nftables"][k]


def table_text(d):
    return d["parts"]["iptables"]["listings"][0]["text"]


def swap_text(d):
    t = table_text(d)
    t[-3], t[-4] = t[-4], t[-3]


def rules_of(d):
    return d["parts"]["nftables"]["listing"]["nftables"]


def swap_rules(d):
    v = rules_of(d)
    v[-2], v[-3] = v[-3], v[-2]
    handles = d["parts"]["nftables"]["kernel"]["tables"][0]["chains"][2]["rule_handles"]
    handles[-2], handles[-3] = handles[-3], handles[-2]


def drop_rules(d):
    v = rules_of(d)
    chain = d["parts"]["nftables"]["kernel"]["tables"][0]["chains"][2]
    v[:] = [x for x in v if x.get("rule", {}).get("chain") != "zones"]
    chain["rule_handles"], chain["rules"] = [], 0


def yaml_turn(section):
    """The entries of a list of one-line mappings in the other order."""
    def edit(v):
        i = find(v, f"^{section}:") + 1
        end = i
        while end < len(v) and v[end].startswith("  "):
            end += 1
        v[i:end] = [x for x in reversed(v[i:end]) if x.strip().startswith("- {")]
    return lines(edit)


# folder, file, edit, whether something passes otherwise then
EDITS = [
    ("sample", "edge.cfg", insert("access-list outside_in extended permit", "access-list outside_in remark a word"), False),
    ("sample", "edge.cfg", insert("^! *$", "! a word"), False),
    ("sample", "edge.cfg", swap("outside_in extended permit tcp any object-group sites-alpha",
                                "outside_in extended permit tcp any object-group sites-beta"), False),
    ("sample", "edge.cfg", drop("outside_in extended permit tcp any object-group sites-alpha"), True),
    ("sample", "core.cfg", insert("^ permit tcp", " remark a word"), False),
    ("sample", "core.cfg", drop("description", 1), False),
    ("sample", "core.cfg", drop("^ permit tcp"), True),
    ("sample", "hypervisor.json", js(nft_comment), False),
    ("sample", "hypervisor.json", js(nft_drop), True),
    ("sample", "aws/security-groups.json", turn("SecurityGroups"), False),
    ("sample", "aws/security-groups.json", js(lambda d: [g["IpPermissions"].clear() for g in d["SecurityGroups"]]), True),
    ("sample", "aws/subnets.json", turn("Subnets"), False),
    ("sample", "aws/network-acls.json", turn("NetworkAcls"), False),
    ("sample", "estate.yaml", yaml_turn("bindings"), False),
    ("sample", "estate.yaml", yaml_turn("sources"), False),
    ("sample", "estate.yaml", insert("^bindings", "# a word"), False),
    ("sample", "policy.yaml", yaml_turn("flows"), False),
    ("sample", "policy.yaml", yaml_turn("zones"), False),
    ("sample", "policy.yaml", insert("^zones", "# a word"), False),
    ("made", "edge.cfg", insert("access-group", "access-list inside_in remark a word"), False),
    ("made", "edge.cfg", drop("access-list inside_in extended permit"), True),
    ("made", "dist00.cfg", insert("^ permit tcp 10", " remark a word"), False),
    ("made", "dist00.cfg", swap("^ip route 10.0.0.0", "^ip route 10.0.1.0"), False),
    ("made", "dist00.cfg", drop("^ip route 10.0"), True),
    ("made", "host001.json", js(swap_text), False),
    ("made", "host001.json", js(lambda d: table_text(d).insert(1, "# a word")), False),
    ("made", "host001.json", js(lambda d: table_text(d).__setitem__(slice(-20, -1), [])), True),
    ("made", "host000.json", js(swap_rules), False),
    ("made", "host000.json", js(drop_rules), True),
    ("made", "policy.yaml", yaml_turn("tenants"), False),
]


def main():
    root, plumbline = sys.argv[1:3]
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        old = {"sample": os.path.join(tmp, "sample"), "made": os.path.join(tmp, "made")}
        shutil.copytree(os.path.join(root, "samples/acme/aligned"), old["sample"])
        shutil.copy(os.path.join(root, "samples/acme/policy.yaml"), old["sample"])
        estate = os.path.join(old["sample"], "estate.yaml")
        write(estate, read(estate).replace("../policy.yaml", "policy.yaml"))
        subprocess.run([sys.executable, os.path.join(root, "tests/bench/make_estate.py"), old["made"], "--zones", "21",
                        "--devices", "12", "--rules", "700", "--faults", "0"], check=True)
        for i, (folder, name, edit, effect) in enumerate(EDITS):
            new = os.path.join(tmp, "new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(old[folder], new)
            path = os.path.join(new, name)
            was = read(path)
            now = edit(was)
            if now == was:
                sys.exit(f"edit {i} of {name} changes nothing")
            write(path, now)
            p = subprocess.run([plumbline, "diff", f"{old[folder]}/estate.yaml", f"{new}/estate.yaml", "--as-of",
                                "2026-11-22", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                doc = json.loads(p.stdout)
            except ValueError:
                sys.exit(f"{name}: exit code {p.returncode}: {p.stderr.decode()[-1000:]}")
            found, left = len(doc["findings"]), len(doc["coverage"])
            # A route that is gone leaves pairs without a way: told, if only as inconclusive.
            ok = bool(found or left) == effect and (effect or p.returncode == 0)
            print(f"{'ok ' if ok else 'BAD'} {folder} {name}, edit {i}: {found} findings, {left} without an answer")
            for f in doc["findings"][:2] if not ok else ():
                print(f"      {f['title']} {f['certainty']}")
            bad += not ok
    return 1 if bad else 0


sys.exit(main())
