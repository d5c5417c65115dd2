#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Topologies in the kernel against the paths that the program finds: docs/topology.md.

    run.py --topologies N --seed S --jobs J [--build DIR] [--first] [--max-unknown PERCENT]
    run.py --seed S --only K [--keep DIR]     one topology again, told in full
    run.py --plain --topologies N --seed S    the kernel alone: everything must arrive
"""
import argparse
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gen  # noqa: E402
import judge  # noqa: E402
import world  # noqa: E402

ROOT = os.environ.get("SOURCE_ROOT", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOOLS = ["ip", "bridge", "nft", "unshare", "iptables-legacy-restore", "ip6tables-legacy-restore",
         "iptables-nft-restore", "ip6tables-nft-restore"]
INSIDE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
          'mount -t tmpfs none /run && mkdir /run/netns && exec "$@"', "sh"]
PATIENCE = 0.1  # seconds of silence, for one packet alone
LATE = 1.5  # the same before it is told: on a busy machine the kernel's own threads wait too
SMALLER = 1     # mismatches that a worker takes apart


def skip(why):
    print(f"SKIP topology: {why}")
    sys.exit(77)


def need():
    if os.geteuid():
        skip("it takes root to make network namespaces")
    for t in TOOLS:
        if not shutil.which(t):
            skip(f"{t} is not installed")
    done = subprocess.run(INSIDE + ["ip", "link", "add", "type", "veth"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        skip(f"no network namespace can be made here: {done.stderr.strip()}")


# ---- one topology ----

class Worker:
    def __init__(self, options):
        self.options = options
        self.world = world.World()
        self.folder = tempfile.mkdtemp(prefix="topology-", dir="/run")
        self.tools = {"plumbline": options.plumbline, "ask": options.ask}
        self.smaller = self.refused = 0
        quiet_symbols(self.folder)

    def stand(self, plan, probes, wait=0.002, lenient=False):
        """Builds, injects and, with the program, judges; whatever stood is gone afterwards."""
        try:
            self.refused = self.world.build(plan, lenient)
            seen = self.world.inject(plan, probes, wait)
            if self.options.plain:
                return seen, [], Counter(), {}, ""
            return (seen, *judge.judge(plan, probes, seen, self.folder, self.tools))
        finally:
            self.world.clear()

    def again(self, plan, found, wait=PATIENCE):
        """The mismatch, with its probe alone and all the time that it may take; or None."""
        probes = {found.number: plan.probes[found.number]}
        try:
            _, more, *_ = self.stand(plan, probes, wait, lenient=True)
        except (world.Refused, judge.Failed, subprocess.TimeoutExpired):
            return None
        return next((m for m in more if (m.kind, m.zone) == (found.kind, found.zone)), None)

    def reduce(self, plan, found):
        """Lines taken away, half of them at a time and less, as long as it stays wrong."""
        size = max(1, len(plan.free()) // 2)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            at = 0
            while at < len(plan.free()) and time.monotonic() < until:
                fewer = plan.without(plan.free()[at:at + size])
                if self.again(fewer, found):
                    plan = fewer
                else:
                    at += size
            if size == 1:
                break
            size = max(1, size // 2)
        return plan

    def topology(self, number):
        plan = gen.draw(self.options.seed, number, self.options.plain)
        row = {"number": number, "probes": len(plan.probes), "spaces": len(plan.spaces), "features": plan.features}
        try:
            seen, found, count, _, _ = self.stand(plan, plan.probes, lenient=not self.options.plain)
        except (world.Refused, judge.Failed, subprocess.TimeoutExpired) as e:
            return {**row, "failed": str(e)}
        row["count"] = dict(count)
        row["refused"] = self.refused
        row["lines"] = len(plan.free())
        row["arrived"] = sum(bool(s.arrived) for s in seen.values())
        row["answered"] = sum(any(z == plan.probes[n].zone for z, _ in s.answered) for n, s in seen.items())
        row["twice"] = sum(len(s.arrived) > 1 for s in seen.values())
        if self.options.plain:
            row["mismatches"] = plain_wrong(plan, seen)
            return row
        taken = set()  # kinds of which one was taken apart
        row["mismatches"] = [text for m in found[:40] if (text := self.tell(plan, m, taken))]
        row["first"] = len(found)
        return row

    def tell(self, plan, m, taken):
        probe = plan.probes[m.number]
        head = f"{m.kind}: {probe.zone} to {m.zone}: {probe.packet.line()} {m.text}"
        for _ in range(3):  # what is wrong is wrong every time
            if not self.again(plan, m, LATE):
                return None  # late, not lost
        if (m.kind, m.zone) in taken or self.options.quick or self.smaller >= SMALLER:
            return {"kind": m.kind, "text": head}
        self.smaller += 1
        taken.add((m.kind, m.zone))
        small = self.reduce(plan, m)
        probes = {m.number: probe}
        seen, _, _, answers, said = self.stand(small, probes, PATIENCE, lenient=True)
        lines = [head, small.say(), f"kernel: {seen[m.number]}", f"program: {json.dumps(answers[m.number], indent=1)}",
                 said]
        if self.options.keep:
            shutil.copytree(self.folder, self.options.keep, dirs_exist_ok=True)
        return {"kind": m.kind, "text": "\n".join(lines)}


def quiet_symbols(folder):
    """The kernel's list of symbols, which collecting looks into, takes a tenth of a second to
    make each time: a copy of it stands in its place."""
    with open("/proc/kallsyms", "rb") as f, open(f"{folder}/kallsyms", "wb") as to:
        to.write(f.read())
    subprocess.run(["mount", "--bind", f"{folder}/kallsyms", "/proc/kallsyms"], check=True)


def plain_wrong(plan, seen):
    """Everything arrives that is sent to a host, nothing else does, every answer comes back."""
    wrong = []
    for n, s in seen.items():
        probe = plan.probes[n]
        zone = plan.zone_of(probe.packet.dst)
        dst = ipaddress.ip_address(probe.packet.dst)
        far = [*gen.DEAD, *gen.OUTSIDE[0], *gen.OUTSIDE[1]]
        if zone and not plan.zones[zone] and probe.packet.dst not in far:
            continue  # a router's, which not every router knows the way to
        host = zone and (int(dst) & 255 in gen.HOSTS if plan.zones[zone] else probe.packet.dst in far)
        want = [(zone, probe.packet)] if host else []
        back = [(probe.zone, probe.packet.swapped())] if want else []
        if [a for a in s.arrived if a not in s.own] != want or s.answered != back:
            wrong.append({"kind": "plain", "text": f"{probe.packet.line()} from {probe.zone}: {s}"})
    return wrong


def work(options):
    worker = Worker(options)
    if options.only is not None:
        numbers = [options.only]
    else:
        numbers = range(options.worker, options.topologies, options.jobs)
    for n in numbers:
        print(json.dumps(worker.topology(n)), flush=True)


# ---- all of them ----

def start(options, k):
    argv = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--worker", str(k)]
    return subprocess.Popen(INSIDE + argv, stdout=subprocess.PIPE, text=True)


def rows(options):
    """As they come, from all workers in turn."""
    jobs = 1 if options.only is not None else options.jobs
    running = [start(options, k) for k in range(jobs)]
    try:
        live = list(running)
        while live:
            for child in list(live):
                line = child.stdout.readline()
                if line:
                    yield json.loads(line)
                else:
                    live.remove(child)
                    if child.wait():
                        yield {"number": -1, "failed": f"a worker ended with {child.returncode}", "probes": 0}
    finally:
        for child in running:
            child.kill()
            child.wait()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--topologies", type=int, default=20)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--jobs", type=int, default=1)
    a.add_argument("--only", type=int)
    a.add_argument("--build", default=os.path.join(ROOT, "build"))
    a.add_argument("--keep")
    a.add_argument("--plain", action="store_true")
    a.add_argument("--first", action="store_true")
    a.add_argument("--quick", action="store_true", help="mismatches are not taken apart")
    a.add_argument("--max-unknown", type=float, default=100)
    a.add_argument("--worker", type=int)
    o = a.parse_args()
    o.build = os.path.abspath(o.build)
    o.plumbline = os.environ.get("PLUMBLINE", f"{o.build}/cli/plumbline")
    o.ask = os.environ.get("TOPOLOGY_ASK", f"{o.build}/tests/topology/ask")
    if o.worker is not None:
        return work(o)
    need()
    return report(o)


def report(o):
    total, count, features, bad, failed = Counter(), Counter(), Counter(), [], []
    from_time = time.monotonic()
    for row in rows(o):
        total["topologies"] += 1
        for key in ("probes", "spaces", "arrived", "answered", "twice", "lines", "refused"):
            total[key] += row.get(key, 0)
        features.update(set(row.get("features", [])))
        count.update(row.get("count", {}))
        if "failed" in row:
            failed.append(f"topology {row['number']}: {row['failed']}")
            print(f"FAILED {failed[-1]}", flush=True)
        for m in row.get("mismatches", []):
            bad.append(m["kind"])
            if len(bad) <= 400 or o.only is not None:
                print(f"MISMATCH seed {o.seed} topology {row['number']} {row['features']}\n{m['text']}\n", flush=True)
        if bad and o.first:
            break
    print(f"seed {o.seed}: {total['topologies']} topologies of {total['spaces']} forwarding namespaces, "
          f"{total['probes']} packets, {total['arrived']} arrived, {total['answered']} answered, "
          f"{total['refused']} of {total['lines']} lines refused, {time.monotonic() - from_time:.0f} s")
    print("features: " + ", ".join(f"{k} {v}" for k, v in sorted(features.items())))
    unknown = sum(v for k, v in count.items() if k.split(",")[0] in judge.UNSURE)
    asked = unknown + sum(v for k, v in count.items() if k.split(",")[0] in ("sure", "no"))
    for k, v in sorted(count.items(), key=lambda x: (-x[1] if x[0].startswith("why") else 0, x[0])):
        print(f"  {v:8} {k}")
    share = 100 * unknown / asked if asked else 0
    print(f"answers: {asked}, of which {unknown} are bounds ({share:.2f} %)")
    print(f"{len(bad)} mismatches {dict(Counter(bad)) if bad else ''}, {len(failed)} failures")
    if share > o.max_unknown:
        print(f"more bounds than {o.max_unknown} %: the comparison says too little")
        return 1
    if total["refused"] * 100 > total["lines"]:
        print("more than a line in a hundred was refused: the topologies aren't what they should be")
        return 1
    return 1 if bad or failed else 0


if __name__ == "__main__":
    sys.exit(main())
