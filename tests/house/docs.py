#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the documents against the program.

    docs.py SOURCE_ROOT PLUMBLINE
"""
import os
import re
import subprocess
import sys

root, plumbline = sys.argv[1:3]
wrong = []


def read(*path):
    with open(os.path.join(root, *path), encoding="utf-8") as f:
        return f.read()


def run(*args):
    return subprocess.run([plumbline, *args], capture_output=True, text=True, check=True).stdout


# docs/findings.md has the table of checks as the program lists it
listed = [tuple(line.split(None, 2)) for line in run("list", "checks").splitlines()]
table = re.findall(r"^\| `([a-z.-]+)` \| (\w+) \| (.*) \|$", read("docs", "findings.md"), re.M)
if table != listed:
    wrong.append(f"docs/findings.md differs from `list checks`: {set(table) ^ set(listed)}")

# an exception or control may name every check that a check run reports, and no other
known = set(re.findall(r'"([a-z]+\.[a-z-]+)"', re.search(r"check_ids\[\] = \{(.*?)\};",
                                                           read("model", "policy.c"), re.S).group(1)))
reported = {c[0] for c in listed if not c[0].startswith(("name.", "diff."))}
if known != reported:
    wrong.append(f"model/policy.c knows other checks than diff/list.c: {known ^ reported}")

# every command of the README's table is one, and every command is in it
commands = set(re.findall(r"^  (\w+) +\S", run("--help"), re.M))
in_readme = set(re.findall(r"^\| `(\w+) ", read("README.md"), re.M))
if commands != in_readme:
    wrong.append(f"README.md names other commands: {commands ^ in_readme}")

# files that the documents name exist
for doc in ["README.md", "CONTRIBUTING.md"] + ["docs/" + d for d in os.listdir(os.path.join(root, "docs"))
                                               if d.endswith(".md")]:
    for name in re.findall(r"`((?:[a-z_]+/)+[\w.-]+\.(?:c|h|py|md|json|yaml))`", read(doc)):
        if not os.path.exists(os.path.join(root, name)) and not name.startswith("build") and "NAME" not in name:
            wrong.append(f"{doc} names {name}, which is not there")

print("\n".join(wrong) or "the documents agree with the program")
sys.exit(bool(wrong))
