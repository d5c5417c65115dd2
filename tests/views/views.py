#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drawings of generated estates of 5, 30 and 200 zones, and of one with hostile names.

    views.py SOURCE_ROOT PLUMBLINE

Every drawing is well-formed, needs nothing from elsewhere, is the same bytes a second time,
names every zone, every device and every tenant, has a symbol for every pair that is wrong, and
no text that hardly differs from its ground. Graphviz has to take the other one, where it is
installed.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ROOT, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SVG = "{http://www.w3.org/2000/svg}"
# What is written on what. A colour that is in none of them is a failure.
GROUNDS = [("#1b1f24", "#ffffff"), ("#57606a", "#ffffff"), ("#4a535d", "#e8eef7"), ("#4a535d", "#f3ecf8"),
           ("#1b1f24", "#e8eef7"), ("#1b1f24", "#f3ecf8"), ("#1f4e8c", "#e8eef7"), ("#6a2c91", "#f3ecf8"),
           ("#1f4e8c", "#ffffff"), ("#6a2c91", "#ffffff"), ("#ffffff", "#9b1c1c"), ("#9b1c1c", "#ffffff"),
           ("#5c4400", "#fff4ce"), ("#5c4400", "#ffffff"), ("#2a5f40", "#e9f2ec"), ("#1f4e8c", "#e6edf5")]
problems = []


def expect(ok, what):
    if not ok:
        problems.append(what)


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    hi, lo = sorted((luminance(a), luminance(b)), reverse=True)
    return (hi + 0.05) / (lo + 0.05)


def run(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, timeout=300,
                          env=dict(os.environ, TZ="UTC", LC_ALL="C", NO_COLOR="1"))
    if done.returncode not in (0, 1, 3, 4):
        sys.exit(f"{args}: exit {done.returncode}: {done.stderr.decode()[:500]}")
    return done.stdout.decode()


def words(root):
    return " ".join("".join(t.itertext()) for t in root.iter(SVG + "text"))


def names_in(text):
    return set(re.split(r"[\s,:+]+", text))


def check_svg(what, svg, names):
    root = ET.fromstring(svg)
    expect(root.tag == SVG + "svg", f"{what}: not an svg")
    for e in root.iter():
        for key, value in e.attrib.items():
            bare = key.rsplit("}", 1)[-1]
            expect(not (bare in ("href", "src") and not value.startswith("#")), f"{what}: {bare}={value}")
            expect("url(" not in value or value == "url(#ground)", f"{what}: {value}")
            expect(not bare.startswith("on"), f"{what}: {bare}")
        expect(e.tag.rsplit("}", 1)[-1] not in ("script", "image", "foreignObject", "a"), f"{what}: {e.tag}")
    style = root.find(SVG + "style").text
    expect("import" not in style and "url" not in style and "font-face" not in style, f"{what}: style")
    for colour in set(re.findall(r"#[0-9a-f]{6}", svg)):
        expect(any(colour in pair for pair in GROUNDS), f"{what}: {colour} is on no list")
    width, height = int(root.get("width")), int(root.get("height"))
    for e in root.iter(SVG + "rect", ):
        if e.get("x") and e.get("rx"):
            expect(int(e.get("x")) + int(e.get("width")) <= width, f"{what}: a box beyond the picture")
            expect(int(e.get("y")) + int(e.get("height")) <= height, f"{what}: a box below the picture")
    found = names_in(words(root))
    for name in names:
        expect(name in found, f"{what}: {name} is not drawn")
    return root


def check_symbols(what, root, matrix):
    """As many symbols of what is wrong in the matrix as there are pairs (groups aside)."""
    drawn = {}
    for g in root.iter(SVG + "g"):
        use = g.find(SVG + "use")
        if use is not None:
            drawn[use.get("href")] = drawn.get(use.get("href"), 0) + 1
    for letter, symbol in (("X", "#sX"), ("x", "#sx"), ("?", "#so")):
        pairs = sum(row.count(letter) for row in matrix["rows"])
        expect((drawn.get(symbol, 0) > 0) == (pairs > 0), f"{what}: symbols of {letter}")
        expect(drawn.get(symbol, 0) <= pairs, f"{what}: more symbols of {letter} than pairs")
        if len(matrix["rows"]) <= 40:
            expect(drawn.get(symbol, 0) == pairs, f"{what}: {drawn.get(symbol)} of {pairs} {letter}")


def check_dot(what, dot):
    tool = shutil.which("dot")
    if not tool:
        print(f"SKIP {what}: graphviz is not installed")
        return
    done = subprocess.run([tool, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=200)
    expect(done.returncode == 0, f"{what}: dot says {done.stderr.decode()[:300]}")
    expect("syntax" not in done.stderr.decode(), f"{what}: {done.stderr.decode()[:300]}")
    if done.returncode == 0:
        ET.fromstring(done.stdout.decode())
        return done.stdout.decode()


def generated(folder, zones):
    out = os.path.join(folder, f"zones-{zones}")
    subprocess.run([sys.executable, os.path.join(ROOT, "tests", "bench", "make_estate.py"), out, "--zones",
                    str(zones), "--devices", str(zones // 5 + 4), "--rules", str(zones * 8), "--paths",
                    "bindings", "--faults", str(max(2, zones // 10))], check=True, capture_output=True)
    estate = os.path.join(out, "estate.yaml")
    what = f"{zones} zones"
    matrix = json.loads(run("check", estate, "--as-of", "2026-11-21", "--format", "json"))["matrix"]
    names = {z["name"] for z in matrix["zones"]} | {z["tenant"] for z in matrix["zones"] if z["tenant"]}
    with open(estate, encoding="utf-8") as f:
        names |= set(re.findall(r"^\s*-\s*\{?\s*name: (\w+),", f.read(), re.M))
    svg = run("show", estate, "--as-of", "2026-11-21", "--format", "svg")
    dot = run("show", estate, "--as-of", "2026-11-21", "--format", "dot")
    check_symbols(what, check_svg(what, svg, names), matrix)
    check_dot(what, dot)
    if zones <= 30:
        expect(svg == run("show", estate, "--as-of", "2026-11-21", "--format", "svg"), f"{what}: svg differs")
        expect(dot == run("show", estate, "--as-of", "2026-11-21", "--format", "dot"), f"{what}: dot differs")
    expect(len(svg) < 400000, f"{what}: {len(svg)} bytes")


HOSTILE = 'a "q" <b> & \\N \\"; \'x\' ]] &amp; ü日 \u202e\ufffe end'


def hostile(folder):
    def put(name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    put("rules", "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    put("policy.yaml", "version: 1\nname: p\ntenants: [{name: t}]\nzones:\n"
        "  - {name: a, tenant: t, prefixes: [10.0.0.0/24]}\n"
        "  - {name: b, tenant: t, prefixes: [10.0.1.0/24]}\n")
    text = json.dumps(HOSTILE.replace("\ufffe", "").replace("\u202e", ""), ensure_ascii=False)
    put("estate.yaml", f"version: 1\nname: {text}\npolicy: policy.yaml\n"
        "sources: [{name: gone, file: none}, {name: fw, file: rules, collector: iptables}]\nbindings:\n"
        f"  - {{zone: a, device: fw, interface: {text}}}\n  - {{zone: b, device: fw, interface: eth1}}\n"
        "  - {zone: b, device: gone, interface: x}\n"
        "links: [{ends: [{device: fw, interface: eth1}, {device: gone, port: y}]}]\n")
    estate = os.path.join(folder, "estate.yaml")
    svg = run("show", estate, "--as-of", "2026-11-21", "--format", "svg")
    root = check_svg("hostile names", svg, {"a", "b", "fw", "gone", "t"})
    expect('<b> & \\N \\"; \'x\' ]] &amp;' in words(root) or "<b>" in words(root), "the name is not drawn")
    drawn = check_dot("hostile names", run("show", estate, "--as-of", "2026-11-21", "--format", "dot"))
    if drawn:
        expect("&lt;b&gt; &amp; \\N" in drawn.replace("&#45;", "-"), "the name is not in Graphviz's drawing")


def main():
    for text, ground in GROUNDS:
        expect(contrast(text, ground) >= 4.5, f"{text} on {ground}: {contrast(text, ground):.2f}")
    with tempfile.TemporaryDirectory() as folder:
        for zones in (5, 30, 200):
            generated(folder, zones)
        hostile(folder)
    for p in problems[:30]:
        print(p)
    print(f"{len(problems)} problems")
    return bool(problems)


sys.exit(main())
