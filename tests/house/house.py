#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the order of the house: who may include whom, where a library may be used, and that
nothing outside the command line prints, exits, or reads environment and clock.

    house.py SOURCE_ROOT          check the tree
    house.py --self-test          show that each rule can fail
"""
import os
import re
import sys

ROOMS = {
    "base": {"base"},
    "model": {"base", "model"},
    "collectors": {"base", "model", "collectors"},
    "policies": {"base", "model", "policies"},
    "diff": {"base", "model", "diff"},
    "report": {"base", "model", "diff", "report"},
    "capture": {"base", "model", "diff", "capture"},
    "cli": {"base", "model", "collectors", "policies", "diff", "report", "capture", "cli"},
}

# Header of a library: the files that may include it, as prefixes of their path.
FENCES = {
    "jansson.h": ["collectors/", "report/", "base/jsonloc.", "cli/"],
    "yaml.h": ["policies/"],
    "pcap.h": ["capture/"],
    "pcap/": ["capture/"],
    "seccomp.h": ["capture/"],
    "netlink/": ["collectors/live"],
    "libxml/": ["collectors/"],
    "openssl/": ["base/digest."],
    "criterion/": ["tests/"],
    "bdd.h": ["tests/"],
    "z3.h": ["tests/"],
}

PRINTS = r"\b(?:printf|fprintf|vfprintf|vprintf|puts|fputs|putchar|putc|fputc|perror|fwrite)\s*\("
LEAVES = r"\b(?:exit|_exit|quick_exit|_Exit)\s*\("
READS = r"\b(?:getenv|secure_getenv|time|gettimeofday|clock_gettime|localtime|localtime_r)\s*\("
ABORTS = r"\babort\s*\("
LEAVE_FILES = {"collectors/nft_run.c", "capture/worker_child.c"}  # children leave by _exit
CLOCK_FILES = {"capture/worker_live.c"}  # how long an interface is looked at
ABORT_FILES = {"base/arena.c"}  # memory is spent and no handler was set


def strip(text):
    """Comments and strings become blanks, so that words in them don't count."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def check_file(path, text):
    room = path.split("/")[0]
    found = []
    includes = re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, flags=re.M)
    for kind, name in includes:
        if kind == '"':
            to = name.split("/")[0]
            if "/" not in name:
                found.append(f"{path}: #include \"{name}\" is not root-relative")
            elif room in ROOMS and to not in ROOMS[room]:
                found.append(f"{path}: {room} may not include {name}")
        for fenced, places in FENCES.items():
            if (name == fenced or (fenced.endswith("/") and name.startswith(fenced))) \
                    and not any(path.startswith(p) for p in places + ["tests/"]):
                found.append(f"{path}: {name} belongs to {', '.join(places)}")
    if room not in ROOMS:
        return found
    code = strip(text)
    if room not in ("cli", "report"):
        for what, pattern in (("prints", PRINTS), ("exits", LEAVES),
                              ("reads environment or clock", READS)):
            if (pattern == LEAVES and path in LEAVE_FILES) or \
                    (pattern == READS and path in CLOCK_FILES):
                continue
            for m in re.finditer(pattern, code):
                line = code.count("\n", 0, m.start()) + 1
                found.append(f"{path}:{line}: {what} outside cli/: {m.group(0)}")
    if path not in ABORT_FILES:
        for m in re.finditer(ABORTS, code):
            found.append(f"{path}: aborts")
    if "SPDX-License-Identifier: Apache-2.0" not in text[:200]:
        found.append(f"{path}: no SPDX line on top")
    return found


def check_tree(root):
    found = []
    seen = 0
    for top in list(ROOMS) + ["tests"]:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if not name.endswith((".c", ".h")):
                    continue
                full = os.path.join(folder, name)
                with open(full, encoding="utf-8") as f:
                    found += check_file(os.path.relpath(full, root), f.read())
                seen += 1
    return seen, found


SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
BROKEN = [
    ("model/x.c", SPDX + '#include "diff/diff.h"\n'),
    ("collectors/x.c", SPDX + '#include "policies/policies.h"\n'),
    ("base/x.c", SPDX + '#include "arena.h"\n'),
    ("model/x.c", SPDX + "#include <jansson.h>\n"),
    ("collectors/x.c", SPDX + "#include <seccomp.h>\n"),
    ("report/x.c", SPDX + "#include <openssl/sha.h>\n"),
    ("diff/x.c", SPDX + 'void f(void) { printf("x"); }\n'),
    ("model/x.c", SPDX + "void f(void) { exit(1); }\n"),
    ("model/x.c", SPDX + "void f(void) { time(0); }\n"),
    ("model/x.c", SPDX + "void f(void) { abort(); }\n"),
    ("model/x.c", "int x;\n"),
]
FINE = [
    ("cli/x.c", SPDX + '#include "diff/diff.h"\nvoid f(void) { printf("x"); }\n'),
    ("model/x.c", SPDX + '/* printf(x) */ const char *s = "exit(1)";\n'),
]


def main():
    if sys.argv[1:] == ["--self-test"]:
        bad = [p for p, t in BROKEN if not check_file(p, t)] + \
              [p for p, t in FINE if check_file(p, t)]
        print("self-test:", "failed for " + ", ".join(bad) if bad else "every rule can fail")
        return bool(bad)
    seen, found = check_tree(sys.argv[1])
    for line in found:
        print(line)
    print(f"{seen} files, {len(found)} breaches")
    return bool(found) or not seen


sys.exit(main())
