#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole estates: `check` over all zone pairs as they grow, and `diff` after one rule changes.

    bench_estate.py SOURCE_ROOT PLUMBLINE [ZONES...]

`check`: estates of 250, 500 and 1,000 zones with a fifth as many devices and a hundred times as
many rules (the largest: 1,000 zones, 200 devices, 100,000 rules, 999,000 ordered pairs), all three
sets on both planes, from files to the JSON document. Prints wall and CPU seconds (of all
threads), the peak of memory, and the exponent by which CPU time grows with the number of pairs.

`diff`: the largest estate against itself with one line of one access list taken out, as it is
done, and with --whole, which compares every pair. The ratio is told twice: of the whole commands
(both read both estates) and of the comparison alone, which is the command without what `diff` of
the estate with itself takes (there is nothing to compare then).

Aims: 120 s and 4 GiB on two cores; exponent at most 1.3; the comparison at least 50 times faster.
"""
import math
import os
import subprocess
import sys
import tempfile
import time

AIM_SECONDS, AIM_MEGABYTES, AIM_EXPONENT, AIM_RATIO = 120, 4096, 1.3, 50


def run(*command, codes=(0, 1, 4)):
    """Wall seconds, CPU seconds, peak in MB."""
    start = time.monotonic()
    with open(os.devnull, "w") as null:
        p = subprocess.Popen(command, stdout=null, stderr=null)
        _, status, use = os.wait4(p.pid, 0)
    if os.waitstatus_to_exitcode(status) not in codes:
        sys.exit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - start, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def make(root, folder, zones, change="none"):
    subprocess.run([sys.executable, os.path.join(root, "tests/bench/make_estate.py"), folder, "--zones", str(zones),
                    "--devices", str(max(12, zones // 5)), "--rules", str(zones * 100), "--change", change], check=True)
    return os.path.join(folder, "estate.yaml")


def aim(what, value, relation, limit):
    met = value <= limit if relation == "<=" else value >= limit
    print(f"aim: {what} {value:.3g} {relation} {limit:.3g}: {'ok' if met else 'MISSED'}")
    return not met


def main():
    root, plumbline = sys.argv[1:3]
    sizes = [int(a) for a in sys.argv[3:]] or [250, 500, 1000]
    missed, day = 0, ["--as-of", "2026-11-22"]
    with tempfile.TemporaryDirectory() as tmp:
        told = []
        for zones in sizes:
            estate = make(root, os.path.join(tmp, f"z{zones}"), zones)
            out = os.path.join(tmp, "out.json")
            wall, cpu, peak = run(plumbline, "check", estate, *day, "--format", f"json:{out}")
            pairs = zones * (zones - 1)
            told.append((pairs, cpu))
            print(f"check, {zones} zones, {pairs} pairs: {wall:.1f} s, CPU {cpu:.1f} s, {cpu / pairs * 1e6:.0f} us a pair, "
                  f"{peak:.0f} MB, results {os.path.getsize(out) >> 20} MB", flush=True)
            os.unlink(out)
        if len(told) > 1:
            for (p, c), (q, d) in zip(told, told[1:]):
                print(f"  from {p} to {q} pairs: exponent {math.log(d / c) / math.log(q / p):.2f}")
            missed += aim("exponent over all", math.log(told[-1][1] / told[0][1]) / math.log(told[-1][0] / told[0][0]),
                          "<=", AIM_EXPONENT)
        if sizes[-1] >= 1000:
            missed += aim("seconds", wall, "<=", AIM_SECONDS)
            missed += aim("MB", peak, "<=", AIM_MEGABYTES)
        zones = sizes[-1]
        new = make(root, os.path.join(tmp, "new"), zones, "rule")
        nothing = min(run(plumbline, "diff", estate, estate, *day)[1] for _ in range(3))
        part = min(run(plumbline, "diff", estate, new, *day)[1] for _ in range(3))
        whole = run(plumbline, "diff", "--whole", estate, new, *day)[1]
        print(f"diff after one rule, {zones} zones: CPU {part:.2f} s, of them {nothing:.2f} s without a change; "
              f"everything compared: {whole:.1f} s")
        print(f"  whole commands: {whole / part:.1f} times faster")
        # What is too small to be told from nothing counts as a hundredth of a second.
        missed += aim("comparison alone, times faster", (whole - nothing) / max(part - nothing, 0.01), ">=", AIM_RATIO)
    return 1 if missed else 0


sys.exit(main())
