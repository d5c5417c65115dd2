#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants mistakes in lowering, interpreter, conditions and paths, one at a time, and counts how many
the suites catch. Each line of tests/mutants/list.py is one mistake; each semantic rule has one.

    run.py [--jobs N] [--only TEXT]

A mutant that doesn't compile is a fault of the list. Fails below 95 %.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from list import MUTANTS  # noqa: E402

CC = ["gcc", "-std=gnu17", "-O1", "-D_GNU_SOURCE", "-I" + ROOT, "-w"]
LIBS = ["-lcriterion", "-lcrypto", "-lm"]
SUITES = {  # program: its own source and how it is called
    "lower_laws": ("tests/laws/lower_laws.c", ["11", "300", "300"]),
    "test_match": ("tests/unit/test_match.c", []),
    "test_path": ("tests/unit/test_path.c", []),
    "test_matrix": ("tests/unit/test_matrix.c", []),
}
SHARED = ["tests/unit/random_rules.c"]  # what some of them need beside the rooms
AIM = 0.95


def sources():
    out = []
    for room in ("base", "model"):
        for name in sorted(os.listdir(os.path.join(ROOT, room))):
            if name.endswith(".c") and name != "jsonloc.c":
                out.append(f"{room}/{name}")
    return out + SHARED


def compile_one(path, out, text=None):
    cmd = CC + ["-c", "-o", out]
    if text is None:
        cmd += [os.path.join(ROOT, path)]
        return subprocess.run(cmd, capture_output=True, text=True)
    return subprocess.run(cmd + ["-x", "c", "-"], input=text, capture_output=True, text=True)


def link(objects, main, out):
    return subprocess.run(["gcc", "-o", out, main] + objects + LIBS, capture_output=True, text=True)


def caught_by(folder, objects, mains):
    for name, (_, args) in SUITES.items():
        program = os.path.join(folder, name)
        done = link(objects, mains[name], program)
        if done.returncode:
            raise SystemExit(done.stderr)
        try:
            run = subprocess.run([program] + args, capture_output=True, timeout=120)
        except subprocess.TimeoutExpired:
            return name + " (never ends)"
        if run.returncode:
            return name
    return None


def try_mutant(i, mutant, base, objects, mains):
    path, old, new, what = mutant
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        return i, "broken", f"{text.count(old)} places in {path}: {old!r}"
    with tempfile.TemporaryDirectory(dir=base) as folder:
        out = os.path.join(folder, "mutant.o")
        done = compile_one(path, out, text.replace(old, new))
        if done.returncode:
            return i, "broken", done.stderr.splitlines()[0]
        theirs = [out if o.endswith("/" + path.replace("/", "_") + ".o") else o for o in objects]
        by = caught_by(folder, theirs, mains)
        return i, "caught" if by else "survived", by or ""


def main():
    args = sys.argv[1:]
    jobs = int(args[args.index("--jobs") + 1]) if "--jobs" in args else os.cpu_count()
    only = args[args.index("--only") + 1] if "--only" in args else ""
    chosen = [m for m in MUTANTS if only in " ".join(m)]
    with tempfile.TemporaryDirectory(prefix="plumbline-mutants-") as base, \
            concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = [os.path.join(base, s.replace("/", "_") + ".o") for s in sources()]
        mains = {n: os.path.join(base, n + ".o") for n in SUITES}
        work = list(zip(sources(), objects)) + [(s[0], mains[n]) for n, s in SUITES.items()]
        for done in pool.map(lambda w: compile_one(*w), work):
            if done.returncode:
                raise SystemExit(done.stderr)
        clean = caught_by(base, objects, mains)
        if clean:
            print(f"{clean} fails without any mistake")
            return 1
        results = list(pool.map(lambda im: try_mutant(im[0], im[1], base, objects, mains),
                                enumerate(chosen)))
    count = {"caught": 0, "survived": 0, "broken": 0}
    for i, verdict, detail in results:
        count[verdict] += 1
        if verdict != "caught":
            print(f"{verdict}: {chosen[i][0]}: {chosen[i][3]} {detail}")
    share = count["caught"] / max(1, len(chosen))
    print(f"{len(chosen)} mutants: {count['caught']} caught, {count['survived']} survived, "
          f"{count['broken']} broken; {share:.1%}, the aim is {AIM:.0%}")
    return share < AIM or count["broken"] > 0


sys.exit(main())
