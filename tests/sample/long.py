#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Long runs on an interface, in network namespaces: the estate is read again under way and the
accounts go on; one that is broken leaves the earlier one, and nothing clean; a signal ends the
run with a last period; loss on purpose is inconclusive every time; a scan takes no memory.

    long.py [reload|one-in|loss|scan]...     77: skipped, said so
"""
import atexit
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time

import check
import prometheus
from check import expect

SPACE = f"plSL{os.getpid()}"
FEED = ("10.3.0.5", "514")  # declared, from web to app


def sh(*words):
    subprocess.run([str(w) for w in words], check=True)


def make_space():
    for tool in ("ip", "nsenter"):
        if not shutil.which(tool):
            print(f"SKIP: {tool} is not installed")
            sys.exit(77)
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        print("SKIP: it takes root and network namespaces")
        sys.exit(77)
    sh("ip", "netns", "add", SPACE)
    atexit.register(lambda: subprocess.run(["ip", "netns", "del", SPACE], check=False))
    sh("ip", "netns", "exec", SPACE, "sh", "-ec",
       "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add in0 type veth peer name out0;"
       "ip link set in0 up; ip link set out0 up")


def send(n, size=60, to=FEED):
    sh("ip", "netns", "exec", SPACE, check.SCAN, "in0", n, size, *to)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
running = []


@atexit.register
def end_all():
    for p in running:
        if p.poll() is None:
            p.kill()
            p.wait()


class Run:
    """`plumbline sample` on the interface."""

    def __init__(self, tmp, estate, *options, interval="1h"):
        self.prom, self.out = f"{tmp}/m.prom", f"{tmp}/out"
        self.p = subprocess.Popen(  # pylint: disable=consider-using-with
            [check.PROGRAM, "sample", str(estate), "--interface", "out0", "--netns", SPACE, "--interval", interval,
             "--metrics", self.prom, "--out", self.out, "--events", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(self.p)
        self.events, self.lines = [], queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()
        if not self.next("start"):
            sys.exit(f"it doesn't start: {self.p.stderr.read()}")

    def listen(self):
        for line in self.p.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def next(self, *names):
        """The next event of these names; None at the end."""
        while line := self.lines.get(timeout=120):
            self.events.append(json.loads(line))
            if self.events[-1]["event"] in names:
                return self.events[-1]
        return None

    def signal(self, number):
        os.kill(self.p.pid, number)

    def child(self):
        text = pathlib.Path(f"/proc/{self.p.pid}/task/{self.p.pid}/children").read_text()
        return int(text.split()[0])

    def finish(self):
        self.signal(signal.SIGTERM)
        self.next()
        self.p.wait(60)
        self.p.stdout.close()
        self.p.stderr.close()
        return self.p.returncode

    def periods(self):
        return [e for e in self.events if e["event"] == "period"]

    def metrics(self):
        return prometheus.parse(pathlib.Path(self.prom).read_text())


def test_reload(tmp, events, documents):
    estate, policy = check.world(tmp), pathlib.Path(tmp, "policy.yaml")
    whole = policy.read_text()
    run = Run(tmp, estate)
    first = run.events[0]["judged_by"]["digest"]
    send(100)
    # the flow goes on; it isn't declared any more
    policy.write_text("".join(x for x in whole.splitlines(True) if "id: feed" not in x))
    run.signal(signal.SIGHUP)
    again = run.next("reload")
    expect(again["done"] and again["why"] is None and again["judged_by"]["digest"] != first, f"read again: {again}")
    (period,) = run.periods()
    expect(period["exit_code"] == 0 and period["digest"] == first and period["packets"]["received"] == 100,
           f"the first period: {period}")
    send(50)
    send(5, to=("10.3.0.5", "515"))
    found = run.next("finding")  # of what begins, at once; of what goes on, when the period ends
    expect(found["finding"]["check"] == "observed.cross-talk" and found["finding"]["witness"]["destination_port"] == 515 and
           len(run.periods()) == 1, f"found {found}")
    # broken: nothing changes but that nothing is clean
    policy.write_text("flows: [")
    run.signal(signal.SIGHUP)
    broken = run.next("reload")
    expect(not broken["done"] and broken["why"] and broken["judged_by"] == again["judged_by"], f"broken: {broken}")
    m = run.metrics()
    expect(prometheus.value(m, "plumbline_estate_outdated") == 1, "metrics: outdated")
    expect(prometheus.value(m, "plumbline_reloads_total", result="failure") == 1, "metrics: failure")
    expect(prometheus.value(m, "plumbline_reloads_total", result="success") == 1, "metrics: success")
    send(25)
    # as it was in the beginning
    policy.write_text(whole)
    run.signal(signal.SIGHUP)
    healed = run.next("reload")
    expect(healed["done"] and healed["judged_by"]["digest"] == first, f"healed: {healed}")
    second = run.periods()[1]
    expect(second["packets"]["received"] == 80 and second["exit_code"] == 1 and second["inconclusive"],
           f"the second period: {second}")
    send(10)
    code = run.finish()
    third = run.periods()[2]
    expect(third["packets"]["received"] == 10 and third["exit_code"] == 0 and not third["inconclusive"],
           f"the third period: {third}")
    expect(code == 1 and run.events[-1]["event"] == "end" and run.events[-1]["exit_code"] == 1, f"exit {code}")
    for p in run.periods():
        n = p["packets"]
        expect(n["received"] == n["processed"] + n["dropped_kernel"] + n["dropped_interface"], f"adds up: {n}")
        expect(sum(v["packets"] for v in p["verdicts"]) == n["processed"], "every packet has a verdict")
        expect(sum(v["flows"] for v in p["verdicts"]) == 1 + (p is second), "a flow that lasts counts in each")
        doc = json.loads(pathlib.Path(p["document"]).read_text())
        check.valid(documents, doc, "document")
        expect(doc["statement"]["period"]["digest"] == p["digest"], "document's digest")
        expect(doc["statement"]["period"]["outdated"] == (p is second), "document says it is out of date")
    for e in run.events:
        check.valid(events, e, e["event"])
    m = run.metrics()
    expect(prometheus.value(m, "plumbline_packets_received_total") == 190, "metrics: received")
    expect(prometheus.value(m, "plumbline_estate_outdated") == 0, "metrics: not out of date")
    expect(prometheus.value(m, "plumbline_flow_packets_total", verdict="cross-talk") == 80, "metrics: cross-talk")
    print(f"read again: {[p['packets']['received'] for p in run.periods()]} packets by period, exit {code}")


def test_one_in(tmp):
    """1 in N flows: the same ones by another estate, with the kernel's filter that is made of it."""
    estate, policy, flows = check.world(tmp), pathlib.Path(tmp, "policy.yaml"), 2000
    run = Run(tmp, estate, "--one-in", "10")
    send(flows, 60, ())
    policy.write_text(policy.read_text() + "  - {id: CLD.1, framework: f, title: t, responsible: csp, checks: \"tenant.*\"}\n")
    run.signal(signal.SIGHUP)
    expect(run.next("reload")["done"], "read again")
    send(flows, 60, ())
    run.finish()
    got = [p["packets"]["received"] for p in run.periods()]
    expect(len(got) == 2 and got[0] == got[1] and 0 < got[0] < flows / 2, f"packets by period: {got}")
    # what was chosen the second time is what was chosen the first time, or there would be more of them
    expect(prometheus.value(run.metrics(), "plumbline_flows_open") == got[0], "the same flows")
    print(f"1 in 10 of {flows} flows, read again in between: {got} packets")


def test_loss(tmp, times=20):
    """The reader stands still while more comes than the ring has room for."""
    estate, right = check.world(tmp), 0
    for i in range(times):
        run = Run(tmp, estate, "--buffer", "1")
        child = run.child()
        os.kill(child, signal.SIGSTOP)
        send(30000, 200)
        os.kill(child, signal.SIGCONT)
        code = run.finish()
        (period,) = run.periods()
        n = period["packets"]
        ok = code == 4 == period["exit_code"] and n["dropped_kernel"] > 0 and n["received"] == 30000 and \
            n["received"] == n["processed"] + n["dropped_kernel"] + n["dropped_interface"]
        right += ok
        expect(ok, f"time {i + 1}: exit {code}, {n}")
    print(f"loss on purpose: inconclusive {right} of {times}; the last time {n['dropped_kernel']} of {n['received']} dropped")


def high_water(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def spent(pid):
    """Clock ticks of all its threads."""
    return sum(int(x) for x in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])


def await_rest(*pids):
    """Until they do no more than look up now and then: what stood in the ring is read. With a sanitizer
    that takes longer than a run waits for it at its end."""
    before, quiet = [], 0
    for _ in range(600):
        now = [spent(p) for p in pids]
        quiet = quiet + 1 if before and sum(now) - sum(before) <= 1 else 0
        if quiet == 5:
            return
        before = now
        time.sleep(0.1)


def test_scan(tmp, n=2000000):
    """Both processes have what they need when the table is full for the first time."""
    run = Run(tmp, check.world(tmp), "--buffer", "64")
    sizes = []
    for count in (n // 4, n - n // 4):
        send(count, 60, ())
        await_rest(run.p.pid, run.child())
        sizes.append((high_water(run.p.pid), high_water(run.child())))
    code = run.finish()
    m = run.metrics()
    value = prometheus.value
    got, evicted = value(m, "plumbline_packets_processed_total"), value(m, "plumbline_flows_evicted_total")
    lost = value(m, "plumbline_packets_dropped_total", reason="kernel")
    expect(got + lost == value(m, "plumbline_packets_received_total") == n, f"{got} and {lost} are not {n}")
    expect(value(m, "plumbline_flows_open") <= 262144 and got > 2 * 262144, f"{got} packets")
    expect(evicted > 0, "some were put out")
    expect(code in (1, 4), f"exit {code}: {run.events[-1]}")
    print(f"scan of {n} addresses, live: {got:.0f} processed, {lost:.0f} dropped, {evicted:.0f} flows evicted, exit {code}; "
          f"KiB after a quarter and at the end: judging {sizes[0][0]}, {sizes[1][0]}; reading {sizes[0][1]}, {sizes[1][1]}")
    for a, b in zip(*sizes):
        expect(b - a <= 8192, f"it grew from {a} to {b} KiB")
        expect(b <= 262144, f"{b} KiB")


def main():
    parts = sys.argv[1:] or ["reload", "one-in", "loss", "scan"]
    make_space()
    events, documents = check.validators()
    for part in parts:
        with check.folder() as tmp:
            if part == "reload":
                test_reload(tmp, events, documents)
            elif part == "one-in":
                test_one_in(tmp)
            elif part == "loss":
                test_loss(tmp)
            else:
                test_scan(tmp)
    check.done()


main()
