# SPDX-License-Identifier: Apache-2.0
"""Network namespaces for the tests of `plumbline collect linux`, gone when the test ends."""
import atexit
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("PLUMBLINE", str(ROOT / "build/cli/plumbline"))
TOOLS = ["ip", "bridge", "nft", "iptables-legacy", "ip6tables-nft", "ebtables", "ipset", "unshare",
         "setpriv", "nsenter"]
spaces, folders = [], []


def skip(why):
    print(f"SKIP live: {why}")
    sys.exit(77)


def need(*tools):
    if os.geteuid():
        skip("it takes root to make a network namespace")
    for t in tools:
        if not shutil.which(t):
            skip(f"{t} is not installed")
    if subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        skip("no network namespace can be made here")


def sh(*args, check=True, **more):
    return subprocess.run([str(a) for a in args], check=check, capture_output=True, text=True, **more)


def space(tag):
    """A new namespace; its name."""
    name = f"plLT{os.getpid()}{tag}"
    sh("ip", "netns", "add", name)
    spaces.append(name)
    sh("ip", "-n", name, "link", "set", "lo", "up")
    return name


def drop(name):
    if name in spaces:
        spaces.remove(name)
        subprocess.run(["ip", "netns", "del", name], check=False)


def folder():
    f = tempfile.mkdtemp(prefix="plumbline-live-")
    folders.append(f)
    return pathlib.Path(f)


@atexit.register
def clean():
    for name in list(spaces):
        drop(name)
    for f in folders:
        shutil.rmtree(f, ignore_errors=True)


def inside(name, script, check=True, text=None):
    """Runs a shell script within the namespace."""
    return subprocess.run(["ip", "netns", "exec", name, "sh", "-ec", script], check=check, input=text,
                          capture_output=True, text=True)


def nft(name, ruleset):
    return inside(name, "nft -f -", text=ruleset)


def collect(name, *before, codes=(0,)):
    """The document, its exit code, standard error; before: a command to run it under."""
    cmd = [*before, PROGRAM, "collect", "linux", "--netns", name]
    done = subprocess.run(cmd, capture_output=True, text=True, check=False, timeout=150)
    if done.returncode not in codes:
        raise AssertionError(f"{' '.join(cmd)}: exit {done.returncode}, expected {codes}\n{done.stderr}"
                             f"{done.stdout[:400]}")
    return json.loads(done.stdout), done.returncode, done.stderr


def problems(doc, part=None):
    return [(p["part"], p["kind"]) for p in doc["problems"] if part in (None, p["part"])]


def run_all(tests):
    bad = 0
    for t in tests:
        try:
            t()
            print(f"ok {t.__name__}", flush=True)
        except (AssertionError, KeyError, StopIteration, subprocess.SubprocessError) as e:
            bad += 1
            print(f"FAILED {t.__name__}: {type(e).__name__} {e} {getattr(e, 'stderr', '') or ''}", flush=True)
            if os.environ.get("LIVE_TRACE"):
                raise
        finally:
            for name in list(spaces):
                drop(name)
    print(f"{len(tests) - bad} passed, {bad} failed")
    return 1 if bad or not tests else 0
