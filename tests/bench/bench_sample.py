#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumbline sample` against those who only read, only filter, or only print.

    bench_sample.py PLUMBLINE MAKE_CAPTURE COUNT_CAPTURE SEND_PACKETS [judge|filter|print|live|flat]...

Captures are made here, of tests/bench/traffic.c (IMIX sizes), in a temporary directory. Peers run in
turn on the same file, which is in the page cache; medians of ROUNDS are compared. Each part prints
its aim and fails where it is missed:

    judge   the whole judgement of 2 GB: at most 1.5 times a count by pcap_loop where flows have 20
            packets, at most 3 times where every packet is a new flow
    filter  5 times faster than tcpdump with the same predicates, 200 x 200 prefixes
    print   50 times faster than tshark printing the same fields, on a slice (the same for both)
    live    200,000 packets a second on a veth without a drop, 256 bytes of each
    flat    the cost a packet from 10 to 100,000 prefixes grows by no more than half

An aim is missed where the ratio of wall times is over it. Beside it stand the ratio by CPU time (of a
sample, that of the busier of its two processes), the load average, and what part of the machine others
had meanwhile: where that is above QUIET, a miss is said to be of a machine that wasn't quiet. It is one
all the same: what can't be shown isn't so.
"""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS, SIZE, SLICE, QUIET = 5, 2_100_000_000, 60_000_000, 0.05
RATE, SECONDS, SLOTS = 200_000, 10, 65536
ENV = {"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
CLIENTS, SERVERS = 0x0A000000, 0x0A800000


def prefixes(base, n):
    """As tests/bench/traffic.h has them."""
    out = []
    for i in range(n):
        a = base + (i * (SLOTS // n) << 7)
        out.append(f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}/{25 + i % 4}")
    return out


def write_estate(folder, n):
    """Two tenants with n prefixes each, one router between them that lets through what is declared."""
    files = {"policy.yaml": f"""version: 1
name: benchmark
services:
  https: [tcp/443, udp/443]
tenants:
  - {{name: blue, responsible: csc}}
  - {{name: green, responsible: csc}}
zones:
  - {{name: clients, tenant: blue, prefixes: [{", ".join(prefixes(CLIENTS, n))}]}}
  - {{name: servers, tenant: green, prefixes: [{", ".join(prefixes(SERVERS, n))}]}}
  - {{name: internet, external: true}}
flows:
  - {{id: web, from: clients, to: servers, service: https, action: allow}}
""", "estate.yaml": """version: 1
name: benchmark
policy: policy.yaml
sources:
  - {name: core, file: core.cfg, collector: ios}
bindings:
  - {zone: clients, device: core, interface: GigabitEthernet0/0}
  - {zone: servers, device: core, interface: GigabitEthernet0/1}
""", "core.cfg": """version 15.7
hostname core
!
interface GigabitEthernet0/0
 ip address 10.127.255.1 255.255.255.252
 ip access-group WEB in
!
interface GigabitEthernet0/1
 ip address 10.255.255.1 255.255.255.252
!
ip access-list extended WEB
 permit tcp 10.0.0.0 0.127.255.255 10.128.0.0 0.127.255.255 eq 443
 permit udp 10.0.0.0 0.127.255.255 10.128.0.0 0.127.255.255 eq 443
 deny ip any any
end
"""}
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
    return os.path.join(folder, "estate.yaml")


def busy_seconds():
    """CPU time of all processes since the machine began, and what its host took of it (proc(5), stat)."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq, steal = (int(v) for v in f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Cost:
    """Wall seconds, all CPU seconds, those of the busier process of a sample, and the others' part of the machine."""

    def __init__(self, cmd, out=os.devnull, codes=(0,)):
        before, start, busy = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), busy_seconds()
        with open(out, "wb") as o, open(os.devnull, "wb") as e:
            p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=o, stderr=e, env=ENV)
            first = self.own = 0.0
            while True:
                # what the first process took itself: /proc tells it until it is waited for
                done = os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)
                if done:
                    break
            self.wall = time.monotonic() - start
            with open(f"/proc/{p.pid}/stat", encoding="ascii") as f:
                v = f.read().rsplit(")", 1)[1].split()
            first = (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")
            p.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.busier = max(first, self.cpu - first)
        self.others = max(0, busy_seconds() - busy - self.cpu) / (time.monotonic() - start) / os.cpu_count()
        if p.returncode not in codes:
            sys.exit(f"{' '.join(cmd[:4])}: exit {p.returncode}")


def rounds(n, *commands):
    """Medians of wall, cpu, busier and others for each command, run in turn."""
    costs = [[] for _ in commands]
    for _ in range(n):
        for c, (cmd, out) in zip(costs, commands):
            c.append(Cost(cmd, out))
    return [{k: statistics.median(getattr(x, k) for x in c) for k in ("wall", "cpu", "busier", "others")}
            for c in costs]


class Bench:
    def __init__(self, args, tmp):
        self.plumbline, self.make, self.count, self.send = args
        self.tmp, self.bad, self.made, self.loud = tmp, False, {}, False

    def path(self, name):
        return os.path.join(self.tmp, name)

    def capture(self, size, per_flow, n):
        """A capture, and how many packets it has; the one before goes."""
        key = (size, per_flow, n)
        if key not in self.made:
            for name, _ in self.made.values():
                os.unlink(name)
            name = self.path(f"{size}-{per_flow}-{n}.pcap")
            done = subprocess.run([self.make, name, str(size), str(per_flow), str(n)], capture_output=True,
                                  text=True, check=True)
            self.made = {key: (name, int(done.stdout))}
        return self.made[key]

    def sample(self, estate, capture):
        return [self.plumbline, "sample", estate, "--pcap", capture, "--format", "json"], self.path("result.json")

    def result(self, packets):
        """The judgement was a whole one."""
        with open(self.path("result.json"), encoding="utf-8") as f:
            s = json.load(f)["statement"]
        if s["packets"]["processed"] != packets or sum(v["flows"] for v in s["verdicts"] if v["verdict"] == "declared") != s["judged"]:
            sys.exit(f"not what was sent: {s['packets']} {s['verdicts']}")
        return s

    def say(self, missed, text):
        self.bad |= missed
        miss = " MISSED, on a machine that wasn't quiet" if self.loud else " MISSED"
        print(text + (miss if missed else ""), flush=True)
        self.loud = False

    def around(self, *costs):
        """Who else was at work."""
        others = max(c["others"] for c in costs)
        self.loud = others > QUIET
        return f"load {os.getloadavg()[0]:.1f}, others had {others:.0%} of the machine"

    def judge(self):
        for per_flow, aim in ((20, 1.5), (1, 3.0)):
            capture, packets = self.capture(SIZE, per_flow, 200)
            estate = write_estate(self.path("estate"), 200)
            count, ours = rounds(ROUNDS, ([self.count, capture], os.devnull), self.sample(estate, capture))
            s = self.result(packets)
            wall, busier = ours["wall"] / count["wall"], ours["busier"] / count["cpu"]
            around = self.around(count, ours)
            self.say(wall > aim,
                     f"flows of {per_flow}: {packets} packets, {s['judged']} flows judged in {ours['wall']:.2f} s, "
                     f"counted in {count['wall']:.2f} s: {wall:.2f} times; CPU {ours['cpu']:.2f} s ({ours['busier']:.2f} "
                     f"of the busier process) and {count['cpu']:.2f} s: {busier:.2f} times; {around}; the aim is {aim}")

    def filter(self):
        if not shutil.which("tcpdump", path=ENV["PATH"]):
            print("filter: skipped, tcpdump isn't here")
            return
        capture, packets = self.capture(SIZE, 20, 200)
        estate = write_estate(self.path("estate"), 200)

        def any_of(word, base):
            return "(" + " or ".join(f"{word} net {p}" for p in prefixes(base, 200)) + ")"
        with open(self.path("filter"), "w", encoding="ascii") as f:
            f.write(f"(({any_of('src', CLIENTS)} and {any_of('dst', SERVERS)} and dst port 443) or "
                    f"({any_of('src', SERVERS)} and {any_of('dst', CLIENTS)} and src port 443)) and (tcp or udp)\n")
        peer = [shutil.which("tcpdump", path=ENV["PATH"]), "-r", capture, "-w", "/dev/null", "-F", self.path("filter")]
        theirs, ours = rounds(2, (peer, os.devnull), self.sample(estate, capture))
        self.result(packets)
        self.ratio("tcpdump, 200 x 200 prefixes", theirs, ours, 5)

    def ratio(self, what, theirs, ours, aim):
        wall, busier = theirs["wall"] / ours["wall"], theirs["cpu"] / ours["busier"]
        around = self.around(theirs, ours)
        self.say(wall < aim,
                 f"{what}: {theirs['wall']:.2f} s, {theirs['cpu']:.2f} s CPU; we {ours['wall']:.2f} s, {ours['cpu']:.2f} s "
                 f"CPU: {wall:.1f} times faster, by the busier process's CPU time {busier:.1f}; {around}; the aim is {aim}")

    def print(self):
        tshark = shutil.which("tshark", path=ENV["PATH"])
        if not tshark:
            print("print: skipped, tshark isn't here")
            return
        capture, packets = self.capture(SLICE, 20, 200)
        estate = write_estate(self.path("estate"), 200)
        fields = ["frame.number", "frame.time_epoch", "frame.len", "vlan.id", "ip.src", "ip.dst", "ip.proto", "tcp.srcport",
                  "tcp.dstport", "tcp.flags", "udp.srcport", "udp.dstport"]
        peer = [tshark, "-n", "-r", capture, "-T", "fields"] + [w for f in fields for w in ("-e", f)]
        theirs, ours = rounds(3, (peer, self.path("fields")), self.sample(estate, capture))
        self.result(packets)
        self.ratio(f"tshark, a slice of {packets} packets", theirs, ours, 50)

    def live(self):
        """Both ends of a veth in one namespace of our own."""
        name = f"plbench{os.getpid()}"
        if subprocess.run(["ip", "netns", "add", name], env=ENV, capture_output=True, check=False).returncode:
            print("live: skipped, no right to make a network namespace")
            return
        try:
            run = ["ip", "netns", "exec", name]
            for cmd in (["ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1"],
                        ["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"],
                        ["ip", "link", "set", "veth0", "up", "arp", "off"],
                        ["ip", "link", "set", "veth1", "up", "arp", "off"]):
                subprocess.run(run + cmd, env=ENV, check=True)
            estate = write_estate(self.path("estate"), 200)
            with open(self.path("result.json"), "wb") as out, open(self.path("errors"), "wb") as err:
                p = subprocess.Popen(run + [self.plumbline, "sample", estate, "--interface", "veth1", "--snaplen", "256",
                                            "--buffer", "128", "--format", "json"], stdout=out, stderr=err, env=ENV)
                time.sleep(2)
                sent = subprocess.run(run + [self.send, "veth0", str(RATE), str(SECONDS), "20", "200"], env=ENV,
                                      capture_output=True, text=True, check=True).stdout.split()
                time.sleep(1)
                p.terminate()
                p.wait(60)
            with open(self.path("result.json"), encoding="utf-8") as f:
                n = json.load(f)["statement"]["packets"]
            offered, seconds = int(sent[0]), float(sent[2])
            dropped = n["dropped_kernel"] + n["dropped_interface"]
            self.say(dropped > 0 or n["processed"] < offered or offered / seconds < 0.99 * RATE,
                     f"live: {offered} packets in {seconds:.2f} s ({offered / seconds:.0f} a second), {sent[1]} refused by "
                     f"the veth; {n['received']} received, {n['processed']} processed, {dropped} dropped; the aim is {RATE} "
                     "a second without a drop")
        finally:
            subprocess.run(["ip", "netns", "del", name], env=ENV, check=False)

    def flat(self):
        costs = []
        for total in (10, 100, 1000, 10000, 100000):
            estate = write_estate(self.path("estate"), total // 2)
            one, _ = self.capture(100, 1, total // 2)
            empty = rounds(3, self.sample(estate, one))[0]
            capture, packets = self.capture(SIZE // 5, 1, total // 2)
            full = rounds(3, self.sample(estate, capture))[0]
            self.result(packets)
            costs.append((full["cpu"] - empty["cpu"]) / packets * 1e9)
            print(f"flat: {total} prefixes, {packets} new flows: {costs[-1]:.0f} ns CPU a packet, both processes; "
                  f"{empty['cpu']:.2f} s CPU to read the estate", flush=True)
        self.say(costs[-1] > 1.5 * costs[0],
                 f"flat: {costs[-1] / costs[0]:.2f} times from 10 to 100,000 prefixes; the aim is 1.5")


def main():
    args = [os.path.abspath(a) for a in sys.argv[1:5]]
    with tempfile.TemporaryDirectory() as tmp:
        b = Bench(args, tmp)
        for part in sys.argv[5:] or ["judge", "filter", "print", "live", "flat"]:
            getattr(b, part)()
        return int(b.bad)


sys.exit(main())
