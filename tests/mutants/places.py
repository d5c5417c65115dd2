#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every planted mistake still has its place: what it replaces stands exactly once in its file."""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LISTS = ["tests/mutants/list.py", "tests/oracle/mutants.py", "tests/topology/mutants.py"]


def mutants_of(path):
    spec = importlib.util.spec_from_file_location("mutants", os.path.join(ROOT, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTANTS


def main():
    lost, count = 0, 0
    for path in LISTS:
        mutants = mutants_of(path)
        for m in mutants:
            with open(os.path.join(ROOT, m[0]), encoding="utf-8") as f:
                n = f.read().count(m[1])
            count += 1
            if n != 1 or m[1] == m[2] or mutants.count(m) > 1:
                lost += 1
                print(f"{path}: {m[3]}: {n} places in {m[0]}"
                      f"{', listed twice' if mutants.count(m) > 1 else ''}")
    print(f"{count} mistakes, {lost} without their one place")
    return lost > 0 or not count


sys.exit(main())
