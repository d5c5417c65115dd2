#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`diff` looks only at what a change can reach: it must say what comparing everything says.

    changes.py SOURCE_ROOT PLUMBLINE [SEED [ROUNDS]]

Generated estates, changed at random: lines of lists and routes taken out, doubled, moved or
rewritten, translations and interfaces added, rules and routes of hosts, zones, bindings and
exclusions of estate and policy. For each change `diff` and `diff --whole` must name the same
findings with the same traffic. Comments and order without effect must give nothing at all.
"""
import hashlib
import json
import os
import random
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


def pick(r, lines, word):
    v = [i for i, line in enumerate(lines) if re.match(word, line)]
    return r.choice(v) if v else None


def new_port(r, line):
    return re.sub(r"eq \S+$", f"eq {r.choice([22, 443, 5432, 8443, 53])}", line)


def new_network(r, line):
    return re.sub(r"10\.0\.\d+\.0", f"10.0.{r.randrange(30)}.0", line, count=1)


def edit(r, lines, i):
    """Something happens to line i; returns what."""
    kind = r.choice(["out", "twice", "port", "network", "verdict", "moved"])
    if kind == "out":
        del lines[i]
    elif kind == "twice":
        lines.insert(i, lines[i])
    elif kind == "port":
        lines[i] = new_port(r, lines[i])
    elif kind == "network":
        lines[i] = new_network(r, lines[i])
    elif kind == "verdict":
        lines[i] = lines[i].replace("permit", "deny") if "permit" in lines[i] else lines[i].replace("deny", "permit")
    else:
        line = lines.pop(i)
        lines.insert(max(1, i + r.randrange(-3, 4)), line)
    return kind


def change_router(r, folder):
    name = r.choice(sorted(f for f in os.listdir(folder) if f.startswith("dist")))
    path = os.path.join(folder, name)
    lines = read(path).split("\n")
    what = r.choice(["list", "list", "list", "route", "comment", "port", "nat", "hook"])
    if what == "list":
        what += " " + edit(r, lines, pick(r, lines, " (permit|deny) (tcp|udp) "))
    elif what == "route":
        i = pick(r, lines, "ip route")
        kind = r.choice(["out", "network", "null", "new"])
        if kind == "out":
            del lines[i]
        elif kind == "network":
            lines[i] = new_network(r, lines[i])
        elif kind == "null":
            lines[i] = " ".join(lines[i].split()[:4] + ["Null0"])
        else:
            lines.insert(i, f"ip route 10.0.{r.randrange(30)}.0 255.255.255.128 Null0")
        what += " " + kind
    elif what == "comment":
        lines.insert(pick(r, lines, " permit"), " remark a word")
    elif what == "port":
        i = pick(r, lines, " ip address 172")
        lines[i] = r.choice([" shutdown", lines[i].replace("255.255.255.252", "255.255.255.248")])
    elif what == "nat":
        i = pick(r, lines, "ip route")
        inside = pick(r, lines, "interface Vlan")
        lines.insert(i, f"ip nat inside source static 10.0.{r.randrange(20)}.7 10.99.0.{r.randrange(4)}")
        lines.insert(inside + 1, " ip nat inside")
        lines.insert(pick(r, lines, "interface Gig") + 1, " ip nat outside")
    else:
        i = pick(r, lines, " ip access-group")
        del lines[i]
    write(path, "\n".join(lines))
    return f"{name}: {what}"


def change_edge(r, folder):
    path = os.path.join(folder, "edge.cfg")
    lines = read(path).split("\n")
    what = r.choice(["list", "route", "comment", "nat"])
    if what == "list":
        what += " " + edit(r, lines, pick(r, lines, "access-list"))
    elif what == "route":
        i = pick(r, lines, "route inside")
        lines[i] = r.choice([lines[i].replace(" 1", " 5"), lines[i].replace("192.0.2.2", "192.0.2.3"), "!"])
    elif what == "comment":
        lines.insert(pick(r, lines, "access-list"), "access-list inside_in remark a word")
    else:
        i = pick(r, lines, "access-group")
        lines[i:i] = [f"object network o{r.randrange(9)}", f" host 10.0.{r.randrange(20)}.9",
                      " nat (inside,outside) static 198.51.100.5"]
    write(path, "\n".join(lines))
    return f"edge.cfg: {what}"


def change_host(r, folder):
    name = r.choice(sorted(f for f in os.listdir(folder) if f.startswith("host")))
    path = os.path.join(folder, name)
    doc = json.loads(read(path))
    parts = doc["parts"]
    what = r.choice(["rule", "rule", "route", "forwarding"])
    if what == "rule":
        listings = parts["iptables"]["listings"]
        if listings:
            text = listings[0]["text"]
            i = r.randrange(8, len(text) - 1)
            if r.random() < 0.5:
                del text[i]
            else:
                text[i] = new_network(r, text[i])
        else:
            rules = parts["nftables"]["listing"]["nftables"]
            i = r.choice([k for k, x in enumerate(rules) if x.get("rule", {}).get("chain") == "zones"])
            handle = rules[i]["rule"]["handle"]
            if r.random() < 0.5:
                del rules[i]
                chain = parts["nftables"]["kernel"]["tables"][0]["chains"][2]
                chain["rules"] -= 1
                chain["rule_handles"].remove(handle)
            else:
                rules[i]["rule"]["expr"][-1] = {"drop": None}
    elif what == "route":
        routes = parts["routes"]["data"]
        i = r.randrange(len(routes))
        if r.random() < 0.5:
            del routes[i]
        else:
            routes.insert(0, {"family": "ipv4", "table": 254, "type": "blackhole", "destination":
                              f"10.0.{r.randrange(30)}.0/25", "gateway": None, "link": None, "link_index": None,
                              "priority": 0, "protocol": "static", "scope": "global", "flags": []})
    else:
        keys = sorted(k for k in parts["sysctls"]["data"] if k.endswith("/forwarding") and "ipv4" in k)
        parts["sysctls"]["data"][r.choice(keys)] = "0"
    for part in parts.values():
        del part["sha256"]
        part["sha256"] = hashlib.sha256(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
    write(path, json.dumps(doc, indent=1))
    return f"{name}: {what}"


def change_words(r, folder):
    """Estate and policy."""
    name = r.choice(["estate.yaml", "policy.yaml"])
    path = os.path.join(folder, name)
    lines = read(path).split("\n")
    if name == "estate.yaml":
        i = pick(r, lines, "  - {zone: z")
        if i is None:
            return "nothing"
        if r.random() < 0.5:
            del lines[i]
        else:
            lines[i] = re.sub(r"seg\d+", lambda m: f"seg{int(m[0][3:])}", lines[i])
            lines[i], lines[i - 1] = lines[i - 1], lines[i]
    else:
        what = r.choice(["zone", "flow", "exclusion"])
        if what == "zone":
            i = pick(r, lines, "  - {name: z.*prefixes")
            lines[i] = lines[i].replace("/24", "/26")
        elif what == "flow":
            del lines[pick(r, lines, "  - {id: z")]
        else:
            i = pick(r, lines, "  - {id: transit")
            lines[i] = lines[i].replace("198.51.100.0/24", "198.51.100.0/25")
    write(path, "\n".join(lines))
    return name


def diff(plumbline, old, new, *options):
    p = subprocess.run([plumbline, "diff", f"{old}/estate.yaml", f"{new}/estate.yaml", "--as-of", "2026-11-22",
                        "--format", "json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in (0, 1, 4):
        return None, p.stderr.decode()
    doc = json.loads(p.stdout)
    found = sorted((f["fingerprint"], f["certainty"], f["title"], tuple(f["traffic"]), f["traffic_left"])
                   for f in doc["findings"])
    return found, sorted((c["from"], c["to"], c["why"]) for c in doc["coverage"])


def main():
    root, plumbline = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 24
    r = random.Random(seed)
    changes = [change_router, change_router, change_edge, change_host, change_words]
    bad = told = compared = 0
    with tempfile.TemporaryDirectory() as tmp:
        old = {}
        for paths in ("bindings", "routes"):
            old[paths] = os.path.join(tmp, paths)
            subprocess.run([sys.executable, os.path.join(root, "tests/bench/make_estate.py"), old[paths], "--zones", "21",
                            "--devices", "12", "--rules", "700", "--faults", "6", "--paths", paths, "--seed",
                            str(seed)], check=True)
        for i in range(rounds):
            paths = r.choice(sorted(old))
            new = os.path.join(tmp, "new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(old[paths], new)
            what = ", ".join(r.choice(changes)(r, new) for _ in range(r.choice([1, 1, 2])))
            part, part_cover = diff(plumbline, old[paths], new)
            whole, whole_cover = diff(plumbline, old[paths], new, "--whole")
            if part is None or whole is None:
                if (part is None) != (whole is None):
                    print(f"round {i}, {paths}, {what}: one of the two was refused")
                    bad += 1
                continue
            compared += 1
            told += bool(part)
            # What both say of pairs without an answer may be left out where nothing changed.
            if part != whole or not set(part_cover) <= set(whole_cover):
                bad += 1
                print(f"round {i}, {paths}, {what}: {len(part)} findings of {len(whole)}")
                for f in [f for f in whole if f not in part][:3]:
                    print(f"  left out: {f[2]} {f[3]}")
                for f in [f for f in part if f not in whole][:3]:
                    print(f"  made up:  {f[2]} {f[3]}")
    print(f"seed {seed}: {compared} changes compared, {told} of them with findings, {bad} differences")
    if compared < rounds // 2 or (rounds >= 20 and not told):
        sys.exit("too few changes were compared to prove anything")
    return 1 if bad else 0


sys.exit(main())
