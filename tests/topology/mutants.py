#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants mistakes in what finds paths, one at a time, and asks the kernel's topologies whether they
find each. By hand, as root: it takes some minutes.

    mutants.py [--only REGEX] [--topologies N]
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "mutants"))
from plant import plant  # noqa: E402

MUTANTS = [  # file, what stands there, the mistake, what it is
    ("model/fib.c", "*vec_add(&open) = &v[i];", "if (!open.n) *vec_add(&open) = &v[i];",
     "routes inside wider ones are passed over"),
    ("model/fib.c", "return a->metric < b->metric ? -1 : 1;", "return a->metric < b->metric ? 1 : -1;",
     "the larger metric wins"),
    ("model/fib.c", "(int)r->dst.len <= suppress)", "false)", "suppressed routes count"),
    ("collectors/linux_policy.c", ".table = linux_table(r, table),", ".table = linux_table(r, TABLE_MAIN),",
     "policy rules: every table is the main one"),
    ("collectors/linux_policy.c", 'linux_true(v, "invert") ? match_not(m, ret) : ret;', "ret;",
     "policy rules: not is passed over"),
    ("collectors/linux_policy.c", '{ "from", FIELD_SRC, FIELD_DST }, { "to", FIELD_DST, FIELD_SRC }',
     '{ "from", FIELD_DST, FIELD_SRC }, { "to", FIELD_SRC, FIELD_DST }', "policy rules: from and to exchanged"),
    ("collectors/linux_policy.c", "first ? match_and(m, when, match_not(m, space)) : when, at);", "when, at);",
     "a throw route doesn't leave the table"),
    ("collectors/linux_route.c", "drop			? FATE_DROP", "drop			? FATE_THROW",
     "routes that drop are passed over"),
    ("collectors/netfilter_nat.c", "(source ? NAT_SRC : NAT_DST) + 1;", "(source ? -400 : NAT_DST) + 1;",
     "sources are translated before the other rules of the hook"),
    ("collectors/netfilter_nat.c", "(source ? NAT_SRC : NAT_DST) + 1;", "(source ? NAT_SRC : -400) + 1;",
     "destinations are translated before the other rules of the hook"),
    ("collectors/netfilter_nat.c", "x->from = from, x->to = to->to, x->n_to = 1;",
     "x->from = to->to[0], x->to = to->to, x->n_to = 1;", "a block of addresses stays where it is"),
    ("model/way.c", "*port = nat->port_lo;", ";", "a translated port stays"),
]


def asker(n):
    def ask(tree, _mutant):
        run = subprocess.run(["python3", "tests/topology/run.py", "--topologies", str(n), "--seed", "7", "--jobs",
                              "2", "--quick", "--first"], cwd=tree, capture_output=True, text=True)
        found = re.search(r"^MISMATCH.*\n(.*)", run.stdout, re.M)
        many = re.search(r": (\d+) topologies", run.stdout)
        if not found or not many:
            return "survived", run.stdout[-300:]
        return "found", f"within {many.group(1)} topologies: {found.group(1)[:120]}"
    return ask


def main():
    args = sys.argv[1:]
    only = args[args.index("--only") + 1] if "--only" in args else ""
    n = int(args[args.index("--topologies") + 1]) if "--topologies" in args else 200
    return plant(MUTANTS, only, ["tests/topology/ask", "cli/plumbline"], asker(n))


if __name__ == "__main__":
    sys.exit(main())
