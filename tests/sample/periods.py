#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs with periods, of captures: each period's document holds what is of the period, old ones
are removed, events and documents are as their schemas say, metrics are of their format, and a
scan of millions of addresses takes no more memory than the tables have.

    periods.py [SCAN_ADDRESSES]     SOURCE_ROOT, PLUMBLINE, SCAN from the environment
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import check
import prometheus
from check import expect

SITE = "talk tcp 203.0.113.9 40000 10.1.0.5 443 times=2000"  # 7 packets each, 1.5 ms apart: 21 s
LEAK = "tcp 10.3.0.7 1000 10.1.0.9 22"


def run(estate, pcap, *options):
    return subprocess.run([check.PROGRAM, "sample", str(estate), "--pcap", pcap, "--as-of", "2026-11-22",
                           *options], capture_output=True, text=True, check=False, timeout=240)


def events_of(done, events, what):
    out = [json.loads(line) for line in done.stdout.splitlines()]
    for e in out:
        check.valid(events, e, f"{what}: {e['event']}")
    return out


def test_periods(tmp, events, documents):
    estate, pcap, out, prom = check.world(tmp), f"{tmp}/a.pcap", f"{tmp}/out", f"{tmp}/m.prom"
    # the leak is a flow that lasts: seen in the first period, and again in the last
    check.frames(pcap, SITE, LEAK, SITE.replace("40000", "50000"), LEAK)
    done = run(estate, pcap, "--interval", "10s", "--out", out, "--keep", "3", "--metrics", prom, "--events")
    told = events_of(done, events, "periods")
    names = [e["event"] for e in told]
    expect(names[0] == "start" and names[-1] == "end", f"order {names}")
    expect(done.returncode == 1 and told[-1]["exit_code"] == 1, f"exit {done.returncode}")
    periods = [e for e in told if e["event"] == "period"]
    expect(len(periods) == 5, f"{len(periods)} periods")
    expect([p["exit_code"] for p in periods] == [0, 0, 1, 0, 1], str([p["exit_code"] for p in periods]))
    expect(sum(p["packets"]["received"] for p in periods) == 28002, "packets in all")
    expect(all(p["packets"]["received"] == p["packets"]["processed"] for p in periods), "packets add up")
    expect(all(a["end"] == b["begin"] for a, b in zip(periods, periods[1:])), "periods follow each other")
    # told once, though it is in two periods
    found = [e["finding"] for e in told if e["event"] == "finding"]
    expect([f["check"] for f in found] == ["observed.cross-talk"], f"findings {found}")
    expect(periods[2]["findings"] == periods[4]["findings"] == [found[0]["id"]], "the same finding")
    kept = sorted(os.listdir(out))
    expect(kept == [os.path.basename(p["document"]) for p in periods[2:]], f"kept {kept}")
    expect([len(p["removed"]) for p in periods] == [0, 0, 0, 1, 1], "removed")
    docs = [json.loads(pathlib.Path(out, n).read_text()) for n in kept]
    for d in docs:
        check.valid(documents, d, "document")
        st = d["statement"]
        expect(st["period"]["digest"] == told[0]["judged_by"]["digest"], "digest")
        expect(sum(v["packets"] for v in st["verdicts"]) == st["packets"]["processed"], "verdicts' packets")
        expect(st["period"]["begin"] <= st["window"]["first"] <= st["window"]["last"] <= st["period"]["end"],
               f"window {st['window']} of {st['period']}")
    last = docs[-1]["statement"]
    expect(last["all"]["violating"] == 1 and last["between_tenants"]["violating"] == 1, "a flow that lasts counts")
    m = prometheus.parse(pathlib.Path(prom).read_text())
    value = prometheus.value
    expect(value(m, "plumbline_packets_received_total") == 28002, "metrics: received")
    expect(value(m, "plumbline_packets_dropped_total", reason="kernel") == 0, "metrics: dropped")
    expect(value(m, "plumbline_periods_total", outcome="clean") == 3, "metrics: clean")
    expect(value(m, "plumbline_periods_total", outcome="violations") == 2, "metrics: violations")
    expect(m["plumbline_violations_total"] == {frozenset({("from", "green"), ("to", "blue")}): 2}, "metrics: pairs")
    expect(value(m, "plumbline_flows_total", verdict="cross-talk") == 2, "metrics: flows")
    expect(value(m, "plumbline_documents_removed_total") == 2, "metrics: removed")
    bound = value(m, "plumbline_period_rate_bound_between_tenants")
    expect(abs(bound - last["between_tenants"]["rate_bound_95"]) < 1e-9, "metrics: bound")
    expect(any(("digest", told[0]["judged_by"]["digest"]) in k for k in m["plumbline_estate_info"]), "metrics: digest")
    # only what is ours is removed
    pathlib.Path(out, "sample-notes.json").write_text("{}")
    pathlib.Path(out, "sample-20000101T000000.000Z.json.bak").write_text("{}")
    run(estate, pcap, "--interval", "10s", "--out", out, "--keep", "1")
    expect(len(os.listdir(out)) == 3, f"left {os.listdir(out)}")


def test_midnight(tmp, events):
    """Names of documents are in the order of time over the end of a day, a month and a year."""
    estate, pcap, out = check.world(tmp), f"{tmp}/midnight.pcap", f"{tmp}/midnight"
    check.frames(pcap, "--at", "1798761585", SITE.replace("2000", "3000"))  # 2026-12-31T23:59:45Z, for 31.5 s
    done = run(estate, pcap, "--interval", "10s", "--out", out, "--keep", "3", "--one-in", "3", "--events")
    periods = [e for e in events_of(done, events, "midnight") if e["event"] == "period"]
    names = ["sample-20261231T235945.000Z.json", "sample-20261231T235955.000Z.json",
             "sample-20270101T000005.000Z.json", "sample-20270101T000015.000Z.json"]
    expect([os.path.basename(p["document"]) for p in periods] == names, f"names {[p['document'] for p in periods]}")
    expect(sorted(os.listdir(out)) == names[1:], f"kept {os.listdir(out)}")
    expect([[os.path.basename(r) for r in p["removed"]] for p in periods] == [[], [], [], names[:1]], "the oldest goes")
    expect(done.returncode == 0 and [p["exit_code"] for p in periods] == [0] * 4, f"exit {done.returncode}")
    for p in periods:
        n = p["packets"]
        expect(n["sampled_out"] > 0 and sum(v["packets"] for v in p["verdicts"]) + n["sampled_out"] == n["processed"],
               f"1 in 3, and the rest is counted: {n}")


def test_lost(tmp, events):
    """A run that can't write ends with it; the worst period is the run's."""
    estate, pcap = check.world(tmp), f"{tmp}/b.pcap"
    pathlib.Path(tmp, "file").write_text("")
    check.frames(pcap, SITE)
    done = run(estate, pcap, "--interval", "10s", "--out", f"{tmp}/file", "--events")
    expect(done.returncode == 3, f"no folder: {done.returncode}")
    expect(any(e["event"] == "period" and e["document"] is None for e in events_of(done, events, "lost")),
           "no document is told")
    # of three periods, the last was cut: inconclusive, and so is the run
    check.frames(pcap, SITE, "--cut", "20")
    done = run(estate, pcap, "--interval", "10s", "--events")
    codes = [e["exit_code"] for e in events_of(done, events, "cut") if e["event"] == "period"]
    expect(codes == [0, 0, 4] and done.returncode == 4, f"cut: {codes}, {done.returncode}")


def signalled(number, *words, **options):
    """Runs with a signal that is there from its first instruction on: held back, it outlives exec."""
    def hold():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)
    return subprocess.run([check.PROGRAM, "sample", *words], capture_output=True, text=True, check=False, timeout=240,
                          preexec_fn=hold, **options)


def test_early_signals(tmp, events, documents):
    """A signal that comes before the capture begins ends nothing by its default."""
    estate, pcap, out = str(check.world(tmp)), f"{tmp}/early.pcap", f"{tmp}/early"
    check.frames(pcap, SITE)
    for number in (signal.SIGTERM, signal.SIGINT):
        done = signalled(number, estate, "--pcap", pcap, "--format", "json")
        expect(done.returncode == 4, f"signal {number}: exit {done.returncode} {done.stderr}")
        doc = json.loads(done.stdout)
        check.valid(documents, doc, "document")
        st = doc["statement"]
        expect(st["packets"]["received"] == 0 and st["inconclusive"], f"signal {number}: {st['packets']}")
    # of an interface nothing is opened, so that it takes no privilege
    done = signalled(signal.SIGTERM, estate, "--interface", "none-of-this-name", "--interval", "10s", "--out", out, "--events")
    told = events_of(done, events, "early")
    expect([e["event"] for e in told] == ["start", "period", "end"], f"events {told}")
    expect(done.returncode == told[-1]["exit_code"] == 4, f"exit {done.returncode}")
    expect(len(os.listdir(out)) == 1, "a document of it")
    # standard input that says nothing: there is somebody to wait for it by then
    with subprocess.Popen([check.PROGRAM, "sample", estate, "--pcap", "-", "--format", "json"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        children = pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children")
        while p.poll() is None and not children.read_text():
            time.sleep(0.01)
        p.send_signal(signal.SIGTERM)
        doc = json.loads(p.stdout.read())
    expect(p.returncode == doc["summary"]["exit_code"] == 4, f"silent: exit {p.returncode}")
    # SIGHUP: the estate is read once more at most, and nothing is lost of the packets
    done = signalled(signal.SIGHUP, estate, "--pcap", pcap, "--interval", "1h", "--as-of", "2026-11-22", "--events")
    told = events_of(done, events, "early")
    expect(done.returncode == 0 and told[-1]["event"] == "end", f"exit {done.returncode}: {told[-1:]} {done.stderr}")
    expect(sum(e["event"] == "reload" for e in told) <= 1, "it is read again once at most")
    expect(sum(e["packets"]["processed"] for e in told if e["event"] == "period") == 14000, "all packets")


def test_stopped(tmp, events):
    """A signal is the end of what comes through a pipe, but not of files."""
    estate, pcap = str(check.world(tmp)), f"{tmp}/stopped.pcap"
    check.frames(pcap, SITE)
    for more, code in ((), 0), (("--pcap", pcap), 4):
        with subprocess.Popen([check.PROGRAM, "sample", estate, "--pcap", "-", *more, "--interval", "1h", "--as-of",
                               "2026-11-22", "--events"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            p.stdin.write(pathlib.Path(pcap).read_bytes())
            p.stdin.flush()
            # the pipe is read: it holds less than the file has
            first = p.stdout.readline()
            p.send_signal(signal.SIGTERM)
            rest = p.stdout.read()  # and the pipe stays open
        told = [json.loads(line) for line in (first + rest).splitlines()]
        for e in told:
            check.valid(events, e, f"stopped: {e['event']}")
        expect(p.returncode == code == told[-1]["exit_code"], f"stopped with {more}: {p.returncode} {told[-1]}")


def test_scan(tmp, n):
    """Nothing grows beyond the table's size: as much for 4 times its flows as for 8."""
    estate, sizes = check.world(tmp), []
    for count in (n // 2, n):
        prom = f"{tmp}/scan.prom"
        with subprocess.Popen([check.SCAN, "pcap", str(count), "60"], stdout=subprocess.PIPE) as scan:
            # pylint: disable-next=consider-using-with
            p = subprocess.Popen([check.PROGRAM, "sample", str(estate), "--pcap", "-", "--interval", "1h",
                                  "--metrics", prom, "--out", f"{tmp}/scan"], stdin=scan.stdout,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            scan.stdout.close()
            _, status, use = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
            p.stderr.close()
        m = prometheus.parse(pathlib.Path(prom).read_text())
        open_, evicted = prometheus.value(m, "plumbline_flows_open"), prometheus.value(m, "plumbline_flows_evicted_total")
        expect(prometheus.value(m, "plumbline_packets_processed_total") == count, "all were read")
        expect(open_ + evicted == count and open_ == 262144, f"{open_} open and {evicted} evicted of {count}")
        doc = json.loads(next(pathlib.Path(f"{tmp}/scan").glob("*.json")).read_text())
        # 200, and one for the rest of each check, certain and possible
        expect(len(doc["findings"]) <= 210, f"{len(doc['findings'])} findings")
        sizes.append(use.ru_maxrss)
        print(f"scan of {count} addresses: at most {use.ru_maxrss} KiB in one process, "
              f"{use.ru_maxrss * 1024 / open_:.0f} bytes for each of {open_:.0f} flows, {evicted:.0f} evicted, "
              f"{len(doc['findings'])} findings, exit {p.returncode}")
    expect(sizes[1] - sizes[0] <= 8192, f"twice the addresses took {sizes[1] - sizes[0]} KiB more")
    expect(sizes[1] <= 262144, f"{sizes[1]} KiB are more than the table's flows take")


def main():
    events, documents = check.validators()
    with check.folder() as tmp:
        test_periods(tmp, events, documents)
        test_midnight(tmp, events)
        test_lost(tmp, events)
        test_early_signals(tmp, events, documents)
        test_stopped(tmp, events)
        test_scan(tmp, int(sys.argv[1]) if len(sys.argv) > 1 else 2000000)
    check.done()


main()
