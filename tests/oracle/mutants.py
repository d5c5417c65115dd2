#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants mistakes in the readers and in what the sets and the interpreter share, one at a time,
and asks the kernel oracle whether it finds each. By hand, as root: it takes some minutes.

    mutants.py [--only REGEX]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ["base", "model", "collectors", "policies", "diff", "report", "cli", "tests"]
RUN = ["--first", "--rulesets", "400", "--packets", "2000000", "--seed", "7", "--jobs", "2"]

MUTANTS = [  # file, what stands there, the mistake, what it is, which rulesets
    ("collectors/nft_value.c", "*ret = span_prefix(f, a, (unsigned)json_integer_value(l));",
     "*ret = span_prefix(f, a, (unsigned)json_integer_value(l) - (json_integer_value(l) > 8));",
     "nft: a prefix one bit too short", "nft"),
    ("collectors/nft_vmap.c", "*name == 'j' ? VERDICT_JUMP : VERDICT_GOTO", "VERDICT_JUMP",
     "nft: goto comes back", "nft"),
    ("collectors/nft_vmap.c", '{ "return", VERDICT_RETURN }', '{ "return", VERDICT_PERMIT }',
     "nft: return accepts", "nft"),
    ("collectors/nft_base.c",
     "match_family(m, t->family == NFT_IP ? FAMILY_V6 : FAMILY_V4)", "match_none(m)",
     "nft: an ip table sees IPv6", "nft"),
    ("collectors/nft_match.c", "if (negate && ret->kind != MATCH_RANGES)", "if (0)",
     "nft: != of a field that isn't there", "nft"),
    ("collectors/ipt_match.c", "multiport(p, negate, true, true);", "multiport(p, negate, true, false);",
     "iptables: --ports asks for the source alone", "iptables"),
    ("collectors/ipt_match.c", "TCP_SYN | TCP_RST | TCP_ACK | TCP_FIN, negate", "TCP_SYN | TCP_RST | TCP_ACK, negate",
     "iptables: --syn without FIN", "iptables"),
    ("collectors/ipt_rule.c", "bool prefix = len && s[len - 1] == '+';", "bool prefix = false;",
     "iptables: + is a letter", "iptables"),
    ("collectors/ipt_set.c", "flags |= MEMBER_NOMATCH;", "flags |= 0;",
     "ipset: nomatch matches", "iptables"),
    ("model/path.c", "return !out->local && (!h->port || side_has(out, h->port));", "return false;",
     "hooks behind routing are forgotten", "nft"),
    ("model/packet.c", "return !p->fragment && proto_has_ports(p->proto);",
     "return proto_has_ports(p->proto);", "later fragments have ports", "iptables"),
    ("collectors/nft_rule.c", 'if (type && !strcmp(type, "icmp"))', "if (0)",
     "nft: reject with icmp for both families", "nft"),
]


def copy_tree(to):
    for name in ["meson.build"] + ROOMS:
        src = os.path.join(ROOT, name)
        if os.path.isdir(src):
            shutil.copytree(src, os.path.join(to, name), symlinks=True)
        else:
            shutil.copy(src, to)


def try_mutant(tree, mutant):
    path, old, new, _, kind = mutant
    full = os.path.join(tree, path)
    with open(full, encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        return "broken", f"{text.count(old)} places in {path}"
    with open(full, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    try:
        build = subprocess.run(["ninja", "-C", "build", "--quiet", "tests/oracle/oracle", "cli/plumbline"],
                               cwd=tree, capture_output=True, text=True)
        if build.returncode:
            return "broken", build.stdout[-300:]
        run = subprocess.run(["build/tests/oracle/oracle", "--only", kind] + RUN, cwd=tree,
                             capture_output=True, text=True)
    finally:
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
    found = re.search(r"(\d+) packets.*\n(?:.*\n)*?(\d+) mismatches", run.stdout)
    if run.returncode == 0 or not found or found.group(2) == "0":
        return "survived", run.stdout[-300:]
    return "found", f"within {found.group(1)} packets"


def main():
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    chosen = [m for m in MUTANTS if re.search(only, m[3])]
    count = {"found": 0, "survived": 0, "broken": 0}
    with tempfile.TemporaryDirectory(prefix="plumbline-oracle-") as tree:
        copy_tree(tree)
        subprocess.run(["meson", "setup", "build", "--buildtype=debugoptimized", "-Dwerror=false"],
                       cwd=tree, check=True, capture_output=True)
        for mutant in chosen:
            verdict, detail = try_mutant(tree, mutant)
            count[verdict] += 1
            print(f"{verdict}: {mutant[3]}: {detail}", flush=True)
    print(f"{len(chosen)} mistakes: {count['found']} found, {count['survived']} survived, "
          f"{count['broken']} broken")
    return count["found"] != len(chosen)


sys.exit(main())
