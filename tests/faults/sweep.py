#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the n-th allocation and the n-th call of the system fail, for every n, and holds what
the program then says against what it says undisturbed.

    sweep.py SOURCE_ROOT PLUMBLINE SHIM [--full | --places] [--jobs N] [--only SCENARIO[,SCENARIO]]
             [--fault FAULT[,FAULT]]

Each scenario is a command. A first run counts its calls and tells from which place in the
program each comes. Then it is run again and again, each time with one call failing. With
--full that is every call, which takes hours; with --places the first and the last of each place;
without both a sample of those, evenly spread.

What may happen: the same answer (exit code, standard output, files); or exit code 2, 3 or 4 and
a reason on standard error. What may not: a signal, no end, another answer
under the same exit code, an exit code that says more than the undisturbed run did, or a file
that is there and not whole.
"""
import argparse
import atexit
import concurrent.futures
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

LIMIT = 10  # seconds until a run is taken for hung; then it has once more six times as many,
            # for a machine that had other things to do
LIMIT_SAID = (b"too large", b"are told together here")

# name, class, errno or short or eof, sticky, share of the places in the quick sweep
FAULTS = [
    ("allocation", "alloc", "0", False, 240),
    ("all later allocations", "alloc", "0", True, 80),
    ("EIO", "io", str(errno.EIO), False, 120),
    ("EIO from then on", "io", str(errno.EIO), True, 60),
    ("EINTR", "io", str(errno.EINTR), False, 60),
    ("ENOSPC", "io", str(errno.ENOSPC), False, 40),
    ("short", "data", "short", False, 40),
    ("all short", "data", "short", True, 10),
    ("end of file", "data", "eof", False, 40),
    ("ENOBUFS", "data", str(errno.ENOBUFS), False, 60),
]


class Scenario:
    """args: of the program, @tmp stands for an empty folder of the run's own."""

    def __init__(self, name, args, stdin=None, faults=None, program="plumbline", normal=None,
                 prefix=(), share=1.0):
        self.name, self.args, self.stdin = name, args, stdin
        self.faults = faults or [f[0] for f in FAULTS if f[0] != "ENOBUFS"]
        self.program = program  # whose calls fail
        self.normal = normal or (lambda out: out)  # takes away what differs between any two runs
        self.prefix = list(prefix)
        self.share = share


def run(scenario, config, env, tmp, limit=LIMIT):
    """Exit code or None (hung), output, error, files of one run."""
    args = [a.replace("@tmp", tmp) for a in scenario.args]
    shim = ["env"] + [f"{k}={v}" for k, v in env.items()] if env else []
    try:
        done = subprocess.run(scenario.prefix + shim + [config.plumbline] + args,
                              cwd=config.root, input=scenario.stdin,
                              stdin=None if scenario.stdin is not None else subprocess.DEVNULL,
                              capture_output=True, timeout=limit,
                              env=dict(os.environ, TZ="UTC", LC_ALL="C", NO_COLOR="1"))
    except subprocess.TimeoutExpired:
        return None, b"", b"", {}
    files = {}
    for name in sorted(os.listdir(tmp)):
        with open(os.path.join(tmp, name), "rb") as f:
            files[name] = scenario.normal(f.read())
    return done.returncode, scenario.normal(done.stdout), done.stderr, files


def places(scenario, config, fault):
    """The calls of a class: for each place that one comes from, the first of them; and how
    many there are."""
    tmp = tempfile.mkdtemp(prefix="plumbline-faults-")
    log = tmp + ".log"
    try:
        run(scenario, config, {"LD_PRELOAD": config.shim, "FAULT_PROGRAM": scenario.program,
                               "FAULT_CLASS": fault[1], "FAULT_LOG": log}, tmp)
        first, last, n = {}, {}, 0
        with open(log, encoding="ascii") as f:
            for line in f:
                number, _, stack = line.split()
                first.setdefault(stack, int(number))
                last[stack] = int(number)
                n = max(n, int(number))
        return sorted(set(first.values()) | set(last.values())), n
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
        if os.path.exists(log):
            os.unlink(log)


def thin(points, most):
    """A sample of at most so many, evenly spread and always the same."""
    if len(points) <= most:
        return points
    return [points[i * len(points) // most] for i in range(most)]


def whole(data):
    """A document to its end; of a host's state one that says that something is missing."""
    try:
        doc = json.loads(data)
    except ValueError:
        return False
    return bool(doc) and ("linux_state" not in doc or doc["complete"] is False)


def judge(good, got):
    code, out, err, files = got
    if code is None:
        return f"no end after {6 * LIMIT} s"
    if code < 0 or code > 100:
        return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    # A set of packets that outgrows its memory is a limit, not an error: the answer then says
    # so and where, and can't be "aligned".
    limit = code != 0 and any(said in text for said in LIMIT_SAID
                              for text in [out, err, *files.values()])
    for name, data in files.items():
        if code == good[0] and good[3].get(name) != data and not (limit and whole(data)):
            return f"exit {code} as ever, but {name} differs"
        if code != good[0] and not whole(data):
            return f"{name} is there and not whole"
        if name not in good[3]:
            return f"{name} was left behind"
    if code == good[0]:
        if out != good[1] and not limit:
            return f"exit {code} as ever, with another answer"
        if set(files) != set(good[3]):
            return f"exit {code} as ever, without its file"
        return None
    if code not in (2, 3, 4):
        return f"exit {code} instead of {good[0]}"
    if not err.strip() and not limit:
        return f"exit {code} without a word"
    return None


def one(scenario, config, fault, at, good):
    tmp = tempfile.mkdtemp(prefix="plumbline-faults-")
    env = {"LD_PRELOAD": config.shim, "FAULT_PROGRAM": scenario.program,
           "FAULT_CLASS": fault[1], "FAULT_AT": str(at), "FAULT_ERROR": fault[2]}
    if fault[3]:
        env["FAULT_STICKY"] = "1"
    try:
        got = run(scenario, config, env, tmp)
        if got[0] is None:
            shutil.rmtree(tmp)
            os.mkdir(tmp)
            got = run(scenario, config, env, tmp, 6 * LIMIT)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    return got[0], judge(good, got)


def sweep(scenario, config):
    tmp = tempfile.mkdtemp(prefix="plumbline-faults-")
    try:
        good = run(scenario, config, None, tmp)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    if good[0] is None or good[0] < 0:
        print(f"{scenario.name}: does not run undisturbed")
        return 1, 0
    failed = runs = 0
    for fault in FAULTS:
        if fault[0] not in scenario.faults or (config.fault and
                                               fault[0] not in config.fault.split(",")):
            continue
        points, calls = places(scenario, config, fault)
        if not calls:
            print(f"{scenario.name}: no call of class {fault[1]} was seen: the shim does not work")
            return failed + 1, runs
        n_places = len(points)
        if config.full:
            points = list(range(1, calls + 1))
        elif not config.places:
            points = thin(points, max(1, int(fault[4] * scenario.share)))
        codes, bad = {}, []
        with concurrent.futures.ThreadPoolExecutor(config.jobs) as pool:
            todo = {pool.submit(one, scenario, config, fault, at, good): at for at in points}
            try:
                for done in concurrent.futures.as_completed(todo):
                    code, wrong = done.result()
                    codes[code] = codes.get(code, 0) + 1
                    if wrong:
                        bad.append((todo[done], wrong))
            except SystemExit:
                pool.shutdown(cancel_futures=True)
                raise
        runs += len(points)
        failed += len(bad)
        said = ", ".join(f"{n} exit {c}" for c, n in sorted(codes.items(), key=str))
        print(f"{scenario.name}: {fault[0]}: {len(points)} of {calls} calls "
              f"({n_places} at the ends of places): {said}")
        for at, wrong in sorted(bad)[:20]:
            print(f"  call {at}: {wrong}")
        sys.stdout.flush()
    return failed, runs


def scenarios(config):
    acme = "samples/acme"
    one = ["--jobs", "1"]  # the shim numbers the places in the order of one thread
    day = ["--as-of", "2026-11-21"] + one
    packets = b"".join(b"tcp 192.0.2.%d 40000 198.51.100.%d 443 iif=eth0 oif=br-web\n" % (i, i)
                       for i in range(1, 120))
    found = [
        Scenario("check misaligned", ["check", f"{acme}/misaligned/estate.yaml"] + day),
        Scenario("check aligned", ["check", f"{acme}/aligned/estate.yaml"] + day, share=0.6),
        Scenario("check to files", ["check", f"{acme}/misaligned/estate.yaml",
                                    "--format", "json:@tmp/results.json",
                                    "--format", "sarif:@tmp/results.sarif"] + day, share=0.6),
        Scenario("show", ["show", "--format", "json", f"{acme}/aligned/edge.cfg",
                          f"{acme}/aligned/core.cfg", f"{acme}/aligned/hypervisor.json",
                          f"{acme}/aligned/aws"], share=0.4),
        Scenario("check live", ["check", f"{acme}/live/misaligned/estate.yaml"] + day, share=0.3),
        Scenario("query", ["query", f"{acme}/aligned/estate.yaml", "--from", "internet", "--to",
                           "web-a", "--service", "http"], share=0.2),
        Scenario("diff", ["diff", f"{acme}/aligned/estate.yaml",
                          f"{acme}/misaligned/estate.yaml"] + one, share=0.2),
        Scenario("lint", ["lint", f"{acme}/misaligned/edge.cfg"], share=0.2),
        Scenario("show matrix", ["show", f"{acme}/aligned/hypervisor.json", "--matrix", "tcp/443",
                                 "--iif", "eth0", "--oif", "br-web"], share=0.2),
        # read by a child, nft
        Scenario("show nft text", ["show", f"{acme}/aligned/hypervisor.nft"], share=0.3),
        Scenario("eval", ["eval", f"{acme}/aligned/hypervisor.json"], stdin=packets, share=0.4),
    ]
    if not config.only or "collect" in config.only:
        collect = collect_scenario(config)
        found += [collect] if collect else []
    return found


def read_state(prefix, data):
    """What `collect linux` wrote, without what moves by itself."""
    try:
        doc = json.loads(data)
    except ValueError:
        return data
    for key in ("started", "ended"):
        doc.pop(key, None)
    for command in doc["commands"]:
        command.pop("version")  # null where it could not be asked for
    # Other namespaces come and go, but for those that the hypervisor is wired to. Whether they
    # are may be unknown (null): a reader takes that for yes.
    doc["beside"] = sorted((dict(b, pids=None, linked=b["linked"] is not False)
                            for b in doc["beside"]
                            if any(n.startswith(prefix) for n in b["names"])),
                           key=lambda b: b["id"])
    for part in ("neighbours", "conntrack"):
        doc.get("parts", {}).pop(part, None)
    return json.dumps(doc, indent=1).encode()


def collect_scenario(config):
    """The sample's hypervisor in namespaces, or None where that can't be had."""
    known = subprocess.run([config.plumbline, "collect", "--help"], capture_output=True,
                           check=False)
    if known.returncode:
        print("collect: skipped: the command is not there")
        return None
    live = os.path.join(config.root, "samples/acme/live")
    if os.geteuid() or not shutil.which("ip") or not shutil.which("nft"):
        print("collect: skipped: needs root, ip and nft")
        return None
    prefix = f"fault{os.getpid()}"
    atexit.register(subprocess.run, [os.path.join(live, "clean"), prefix], check=False)
    built = subprocess.run([os.path.join(live, "build"), prefix], capture_output=True, check=False)
    if built.returncode:
        print(f"collect: skipped: no namespaces: {built.stderr.decode().strip()[:200]}")
        return None
    return Scenario("collect", ["collect", "linux", "--netns", prefix + "-hv",
                                "-o", "@tmp/state.json"], normal=lambda data: read_state(prefix + "-", data),
                    faults=[f[0] for f in FAULTS], share=0.25)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("root")
    p.add_argument("plumbline")
    p.add_argument("shim")
    p.add_argument("--full", action="store_true")
    p.add_argument("--places", action="store_true")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--only", default="")
    p.add_argument("--fault", default="")
    config = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # namespaces go at exit
    config.root, config.plumbline, config.shim = map(
        os.path.abspath, (config.root, config.plumbline, config.shim))
    config.only = [s for s in config.only.split(",") if s]
    failed = runs = 0
    for scenario in scenarios(config):
        if config.only and scenario.name not in config.only:
            continue
        f, r = sweep(scenario, config)
        failed += f
        runs += r
    print(f"{runs} runs with a fault, {failed} failed")
    return bool(failed) or not runs


if __name__ == "__main__":
    sys.exit(main())
