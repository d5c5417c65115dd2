#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Readers that lie, and a host that moves while it is read: none of it may pass for the truth.

A program that lies is bound over the real one in a mount namespace of its own. 77: skipped.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

from world import TOOLS, PROGRAM, collect, folder, inside, need, nft, problems, run_all, sh, skip, space

RULES = """
table inet t {
  set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 10.2.0.0/16 } }
  map m { type inet_service : verdict; elements = { 1 : accept, 2 : drop } }
  chain sub {
    ip saddr 10.0.0.1 accept
  }
  chain f {
    type filter hook forward priority 0; policy drop;
    tcp dport 22 accept
    tcp dport { 80, 443, 8080 } accept
    ip saddr @s jump sub
    ip saddr 10.9.0.0/16 ip daddr 10.8.0.1 tcp dport 25 drop
    tcp dport vmap @m
    iifname "eth0" oifname "eth1" counter accept
    ct state established,related limit rate 5/second accept
    udp dport 53 ip daddr { 10.0.0.53, 10.0.0.54 } reject
  }
}
"""

# Each changes the document that the real nft printed, and must be noticed.
LIES = {
    "a rule is missing": "rules.pop(2)",
    "the last rule is missing": "rules.pop()",
    "nothing is there": "del objects[1:]",
    "rules in another order": "rules[1], rules[2] = rules[2], rules[1]",
    "a rule comes twice": "rules.insert(1, rules[0])",
    "another verdict": "rule(5)['expr'][-1] = {'drop': None}",
    "no verdict": "rule(5)['expr'].pop()",
    "another target": "rule(3)['expr'][-1]['jump']['target'] = 'other'",
    "another policy": "chain('f')['policy'] = 'accept'",
    "another priority": "chain('f')['prio'] = 1",
    "another hook": "chain('f')['hook'] = 'input'",
    "no base chain": "[chain('f').pop(k) for k in ('hook', 'type', 'prio', 'policy')]",
    "a chain is missing": "objects.remove(next(o for o in objects if o.get('chain', {}).get('name') == 'f'))",
    "a set is shorter": "set_('s')['elem'].pop()",
    "a map is empty": "set_('m').pop('elem')",
    "a set is missing": "objects.remove(next(o for o in objects if 'set' in o))",
    "a set in a rule is shorter": "rule(2)['expr'][0]['match']['right']['set'].pop()",
    "a set in a rule became nothing": "rule(2)['expr'].pop(0)",
    "a condition is missing": "rule(1)['expr'].pop(0)",
    "one of three conditions is missing": "rule(4)['expr'].pop(2)",
    "an interface is missing": "rule(6)['expr'].pop(1)",
    "a limit is missing": "rule(7)['expr'].pop(1)",
    "a state is missing": "rule(7)['expr'].pop(0)",
    "a reject is missing": "rule(8)['expr'].pop()",
    "another set is asked": "rule(3)['expr'][0]['match']['right'] = '@m'",
}

FAKE = """#!/usr/bin/python3
import json, subprocess, sys
real = subprocess.run([{real!r}, *sys.argv[1:]], capture_output=True, text=True)
if "--version" in sys.argv:
    print(real.stdout, end=""); sys.exit(0)
doc = json.loads(real.stdout)
objects = doc["nftables"]
rules = [o for o in objects if "rule" in o]
head = [o for o in objects if "rule" not in o]
def rule(n): return rules[n]["rule"]
def chain(name): return next(o["chain"] for o in objects if o.get("chain", {{}}).get("name") == name)
def set_(name): return next(v for o in objects for k, v in o.items() if k in ("set", "map") and v["name"] == name)
before = json.dumps(rules)
{lie}
if json.dumps(rules) != before:
    doc["nftables"] = head + rules
print(json.dumps(doc))
"""


def under(program, script):
    """A command under which program is the script (see collect's `before`)."""
    f = folder()
    real = os.path.realpath(shutil.which(program))
    shutil.copy(real, f / "real")
    (f / "fake").write_text(script.replace("@REAL@", str(f / "real")))
    (f / "fake").chmod(0o755)
    return ["unshare", "-m", "sh", "-ec", f'mount --bind {f / "fake"} {real}; exec "$@"', "sh"]


def test_truth():
    """The same fake that tells the truth is believed."""
    a = space("t")
    nft(a, RULES)
    f = FAKE.format(real="@REAL@", lie="pass")
    doc, _, _ = collect(a, *under("nft", f))
    assert doc["complete"] and len(doc["parts"]["nftables"]["listing"]["nftables"]) == 15, \
        len(doc["parts"]["nftables"]["listing"]["nftables"])


def test_lies():
    a = space("l")
    nft(a, RULES)
    believed = []
    for name, lie in LIES.items():
        doc, _, _ = collect(a, *under("nft", FAKE.format(real="@REAL@", lie=lie)), codes=(0, 4))
        if ("nftables", "differs") not in problems(doc) or not doc["parts"]["nftables"]["differences"]:
            believed.append(name)
    assert not believed, believed


FAILURES = {
    "dies": "kill -9 $$",
    "ends with 1": "exit 1",
    "complains": "@REAL@ \"$@\"; echo 'Error: Could not process rule' >&2",
    "stops half way": "@REAL@ \"$@\" | head -c 400",
    "says nothing": "exit 0",
    "says something else": "echo hello",
    "brackets only": "echo '{\"nftables\":[{]}}'",
    "a broken object": "echo '{\"nftables\":[{\"table\":}]}'",
    "two documents": "@REAL@ \"$@\"; echo '{}'",
    "duplicate keys": "echo '{\"nftables\":[{\"metainfo\":{},\"metainfo\":{}}]}'",
    "invalid UTF-8": "printf '{\"nftables\":[{\"metainfo\":{\"version\":\"\\377\"}}]}'",
    "deep": "python3 -c 'print(\"{\\\"nftables\\\":[\" + \"[\" * 100000 + \"]\" * 100000 + \"]}\")'",
}


def test_failures():
    a = space("f")
    nft(a, RULES)
    believed = []
    for name, script in FAILURES.items():
        text = "#!/bin/sh\ncase \"$1\" in --version) exec @REAL@ --version;; esac\n" + script + "\n"
        doc, _, _ = collect(a, *under("nft", text), codes=(0, 4))
        part = doc["parts"]["nftables"]
        if ("nftables", "failed") not in problems(doc) or "listing" in part or len(part["kernel"]["tables"]) != 1:
            believed.append(name)
    assert not believed, believed


def test_save_cut_off():
    a = space("s")
    inside(a, "iptables-legacy -A FORWARD -s 1.2.3.4 -j DROP; iptables-legacy -P FORWARD DROP; "
              "ip6tables-legacy -A FORWARD -j ACCEPT")
    whole, _, _ = collect(a)
    listing = whole["parts"]["iptables"]["listings"]
    assert [x["family"] for x in listing] == ["ipv4", "ipv6"]
    for n in (0, 20, 119, 150):
        text = f'#!/bin/sh\ncase "$0 $*" in *--version*) echo x;; *) /usr/sbin/ip6tables-legacy-save "$@" | head -c {n};; esac\n'
        f = folder()
        (f / "fake").write_text(text)
        (f / "fake").chmod(0o755)
        # iptables-legacy-save and its like are one program: only the link of IPv4 is replaced
        run = ["unshare", "-m", "sh", "-ec", f'mkdir -p {f}/up {f}/layers; mount -t tmpfs x {f}/layers; mkdir {f}/layers/u {f}/layers/w; '
               f'mount -t overlay x -o lowerdir=/usr/sbin,upperdir={f}/layers/u,workdir={f}/layers/w /usr/sbin; '
               f'rm /usr/sbin/iptables-legacy-save; cp {f}/fake /usr/sbin/iptables-legacy-save; exec "$@"', "sh"]
        if subprocess.run([*run, "true"], check=False, capture_output=True).returncode:
            print("SKIP test_save_cut_off: no overlay can be mounted here")
            return
        doc, _, _ = collect(a, *run, codes=(4,))
        assert ("iptables", "failed") in problems(doc)
        p = [x for x in doc["problems"] if x["part"] == "iptables"]
        assert p[0]["family"] == "ipv4" and [x["family"] for x in doc["parts"]["iptables"]["listings"]] == ["ipv6"]


def churn(step, times):
    """Runs step() in a thread while collections are made; gives their documents."""
    stop, docs, err = threading.Event(), [], []

    def loop():
        try:
            i = 0
            while not stop.is_set():
                step(i)
                i += 1
        except Exception as e:  # told below
            err.append(e)

    t = threading.Thread(target=loop)
    t.start()
    try:
        for i in range(times):
            docs.append(yield_doc())
    finally:
        stop.set()
        t.join()
    assert not err, err
    return docs


target = None


def yield_doc():
    doc, code, _ = collect(target, codes=(0, 4))
    assert (code == 0) == doc["complete"]
    return doc


def test_ruleset_moves():
    """Two rulesets, changed in one step each: a listing is one of them, or it has moved."""
    global target
    target = space("m")
    head = "table inet t\ndelete table inet t\ntable inet t {{ chain f {{ type filter hook forward priority 0; policy {}; {} }}; }}\n"
    one = head.format("drop", "".join(f"tcp dport {i} accept; " for i in range(1, 60)))
    two = head.format("accept", "".join(f"udp dport {i} drop; " for i in range(1, 40)))
    nft(target, one)
    docs = churn(lambda i: (nft(target, (one, two)[i % 2]), time.sleep(random.random())), 10)
    seen = set()
    for doc in docs:
        part = doc["parts"]["nftables"]
        if not doc["complete"]:
            assert {k for _, k in problems(doc)} <= {"moved"}, problems(doc)
            seen.add("moved")
            continue
        rules = [json.dumps(o["rule"]["expr"]) for o in part["listing"]["nftables"] if "rule" in o]
        policy = [o["chain"]["policy"] for o in part["listing"]["nftables"] if "chain" in o]
        assert (policy, len(rules), all('"tcp"' in r for r in rules)) in (
            (["drop"], 59, True), (["accept"], 39, False)), (policy, len(rules))
        seen.add(policy[0])
    print("   seen:", ", ".join(sorted(seen)))


def test_routes_move():
    """Routes come in order and go in order: at any moment those there are a run without gaps."""
    global target
    target = space("r")
    # enough of them that a dump takes several messages
    sh("ip", "-n", target, "-b", "-", input="".join(f"route add 10.{i // 250}.{i % 250}.0/24 dev lo\n"
                                                 for i in range(3000)))
    state = {"lo": 0, "hi": 30}
    inside(target, "for i in $(seq 0 29); do ip route add 172.16.$i.0/24 dev lo; done")

    def step(_):
        batch = []
        for _ in range(20):
            batch.append(f"route add 172.16.{state['hi'] % 250}.0/24 dev lo")
            state["hi"] += 1
        for _ in range(20):
            batch.append(f"route del 172.16.{state['lo'] % 250}.0/24 dev lo")
            state["lo"] += 1
        sh("ip", "-n", target, "-b", "-", input="\n".join(batch) + "\n")
        time.sleep(random.random())

    moved = 0
    for doc in churn(step, 10):
        if not doc["complete"]:
            assert {k for _, k in problems(doc)} == {"moved"}, problems(doc)
            moved += 1
            continue
        here = sorted(int(r["destination"].split(".")[2]) for r in doc["parts"]["routes"]["data"]
                      if r["destination"].startswith("172.16."))
        gaps = sum((b - a) % 250 != 1 for a, b in zip(here, here[1:] + here[:1]))
        assert gaps == 1 and 30 <= len(here) <= 50, here
        assert len([r for r in doc["parts"]["routes"]["data"] if r["destination"].startswith("10.")]) == 3000
    print(f"   moved: {moved} of 10")


def test_links_move():
    global target
    target = space("k")

    def step(i):
        sh("ip", "-n", target, "link", "add", f"v{i % 5}", "type", "veth", "peer", "name", f"w{i % 5}")
        sh("ip", "-n", target, "addr", "add", f"10.1.{i % 5}.1/24", "dev", f"v{i % 5}")
        sh("ip", "-n", target, "link", "set", f"v{i % 5}", "up")
        sh("ip", "-n", target, "link", "del", f"v{i % 5}")

    for doc in churn(step, 8):
        if doc["complete"]:
            links = {x["name"] for x in doc["parts"]["links"]["data"]}
            assert {x["link"] for x in doc["parts"]["addresses"]["data"]} <= links
            assert {x.get("link") for x in doc["parts"]["routes"]["data"] if "link" in x} <= links
            assert all(x["peer"] for x in doc["parts"]["links"]["data"] if x["kind"] == "veth")
        else:
            assert {k for _, k in problems(doc)} == {"moved"}, problems(doc)


if __name__ == "__main__":
    need(*TOOLS)
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        skip("no mount namespace can be made here")
    sys.exit(run_all([v for k, v in list(globals().items())
                      if k.startswith("test_") and (len(sys.argv) < 2 or k in sys.argv[1:])]))
