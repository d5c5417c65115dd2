#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants mistakes in the readers and in what the sets and the interpreter share, one at a time,
and asks the kernel oracle whether it finds each. By hand, as root: it takes some minutes.

    mutants.py [--only REGEX]
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "mutants"))
from plant import plant  # noqa: E402

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
    ("model/path_point.c", "return !out->local && (!h->port || side_has(out, h->port));", "return false;",
     "hooks behind routing are forgotten", "nft"),
    ("model/packet.c", "return !p->fragment && proto_has_ports(p->proto);",
     "return proto_has_ports(p->proto);", "later fragments have ports", "iptables"),
    ("collectors/nft_rule.c", 'if (type && !strcmp(type, "icmp"))', "if (0)",
     "nft: reject with icmp for both families", "nft"),
]


def ask(tree, mutant):
    run = subprocess.run(["build/tests/oracle/oracle", "--only", mutant[4]] + RUN, cwd=tree,
                         capture_output=True, text=True)
    found = re.search(r"(\d+) packets.*\n(?:.*\n)*?(\d+) mismatches", run.stdout)
    if run.returncode == 0 or not found or found.group(2) == "0":
        return "survived", run.stdout[-300:]
    return "found", f"within {found.group(1)} packets"


def main():
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    return plant(MUTANTS, only, ["tests/oracle/oracle", "cli/plumbline"], ask)


if __name__ == "__main__":
    sys.exit(main())
