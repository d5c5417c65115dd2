#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes on a 10,000-line IOS access list: `lint` and `diff` from start to report.

    process.py PLUMBLINE

Prints CPU seconds and peak memory of each, and their ratio to `cat` of the same file; fails
above 0.3 s or 60 MB. The list is made here, from a fixed seed.
"""
import os
import random
import subprocess
import sys
import tempfile

LINES, SECONDS, MEGABYTES, RUNS = 10000, 0.3, 60, 5


def make(path, change):
    r = random.Random(2026)
    nets = [f"10.{r.randrange(64)}.{r.randrange(256)}" for _ in range(600)]
    lines = ["hostname big", "!", "ip access-list extended BIG"]
    for i in range(LINES):
        proto = r.choice(["tcp", "tcp", "udp"])
        src = r.choice(["any", f"{r.choice(nets)}.0 0.0.0.255", f"host {r.choice(nets)}.{r.randrange(1, 255)}"])
        dst = r.choice([f"{r.choice(nets)}.0 0.0.0.255", f"host {r.choice(nets)}.{r.randrange(1, 255)}"])
        port = r.choice(["eq 22", "eq 443", "range 1024 65535", f"eq {r.randrange(1, 65535)}", ""])
        lines.append(f" {r.choice(['permit', 'permit', 'deny'])} {proto} {src} {dst} {port}".rstrip())
    if change:
        lines[LINES // 2] = " permit tcp any host 10.1.2.3 eq 3389"
    lines += ["!", "interface GigabitEthernet0/1", " ip address 10.0.0.1 255.255.255.0",
              " ip access-group BIG in", "!", "end"]
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


def run(cmd):
    """The best CPU time of several runs, and the largest peak memory."""
    best, peak = 1e9, 0
    for _ in range(RUNS):
        with open(os.devnull, "w") as null:
            p = subprocess.Popen(cmd, stdout=null, stderr=null)
            _, status, use = os.wait4(p.pid, 0)
        best = min(best, use.ru_utime + use.ru_stime)
        peak = max(peak, use.ru_maxrss / 1024)
    return best, peak


def main():
    plumbline, bad = sys.argv[1], False
    with tempfile.TemporaryDirectory() as tmp:
        old, new = os.path.join(tmp, "old.cfg"), os.path.join(tmp, "new.cfg")
        make(old, False)
        make(new, True)
        cat, _ = run(["cat", old])
        for name, cmd in (("lint", ["lint", old]), ("diff", ["diff", old, new])):
            seconds, peak = run([plumbline] + cmd)
            bad |= seconds > SECONDS or peak > MEGABYTES
            print(f"{name} of {LINES} lines: {seconds:.3f} s CPU ({seconds / max(cat, 1e-4):.0f} times cat), "
                  f"{peak:.1f} MB; the aims are {SECONDS} s and {MEGABYTES} MB")
    return bad


sys.exit(main())
