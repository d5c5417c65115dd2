#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The results of a check are the same bytes for any number of threads.

    jobs.py SOURCE_ROOT PLUMBLINE

Also where the sets of some pairs don't fit their share of the memory and are asked again.
"""
import os
import subprocess
import sys
import tempfile


def check(plumbline, estate, *options):
    p = subprocess.run([plumbline, "check", estate, "--as-of", "2026-11-22", "--format", "json", *options],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in (0, 1, 4):
        sys.exit(f"exit code {p.returncode}: {p.stderr.decode()[-2000:]}")
    return p.stdout


def main():
    root, plumbline = sys.argv[1:3]
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        for paths in ("bindings", "routes"):
            folder = os.path.join(tmp, paths)
            subprocess.run([sys.executable, os.path.join(root, "tests/bench/make_estate.py"), folder, "--zones", "40",
                            "--devices", "12", "--rules", "2000", "--faults", "12", "--paths", paths], check=True)
            estate = os.path.join(folder, "estate.yaml")
            for memory in ("1024", "16"):
                one = check(plumbline, estate, "--jobs", "1", "--memory", memory)
                if len(one) < 100000:
                    sys.exit("the results are too small to prove anything")
                for jobs in ("2", "5", "64"):
                    same = check(plumbline, estate, "--jobs", jobs, "--memory", memory) == one
                    print(f"{paths}, {memory} MiB, {jobs} threads: {'same' if same else 'DIFFERENT'}")
                    bad += not same
    return 1 if bad else 0


sys.exit(main())
