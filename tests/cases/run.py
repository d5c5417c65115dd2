#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the cases: tests/cases/cli/NAME/ holds a command and what is expected of it.

    cmd      the arguments of plumbline, as a shell would split them; run in the case's folder,
             @samples stands for the samples; @tmp for an empty folder of the case's own
    stdin    standard input (optional)
    prepare  a shell script that makes what can't lie in a repository, in @tmp (optional)
    exit     the exit code
    stdout   the whole of standard output (optional)
    has      lines, each of which standard output has to hold (optional)
    lacks    lines, none of which standard output or error may hold (optional)
    codes    the codes of all diagnostics on standard error, sorted (optional; empty: none)
    json     Python expressions over `d`, the document on standard output; all true (optional)

    run.py SOURCE_ROOT PLUMBLINE [NAME...]     run.py --update SOURCE_ROOT PLUMBLINE NAME...
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

CODE = re.compile(r"(?:error|warning|note): .*?\[([a-z0-9]+\.[a-z0-9-]+)\]", re.S)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def read(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return f.read()


def diagnostic_codes(text):
    """Codes stand in square brackets at the end of a message, which may be wrapped."""
    return sorted(set(re.findall(r"\[([a-z0-9]+\.[a-z0-9-]+)\]", text)))


def run_case(root, plumbline, folder, tmp):
    words = []
    for word in shlex.split(read(folder, "cmd"), comments=True):
        word = word.replace("@samples", os.path.relpath(os.path.join(root, "samples"), folder))
        words.append(word.replace("@tmp", tmp))
    prepare = read(folder, "prepare")
    if prepare:
        subprocess.run(["sh", "-e", "-c", prepare], cwd=tmp, check=True,
                       env=dict(os.environ, CASE=folder))
    stdin = read(folder, "stdin")
    return subprocess.run([plumbline] + words, cwd=folder, input=(stdin or "").encode(),
                          capture_output=True, timeout=120,
                          env=dict(os.environ, TZ="UTC", LC_ALL="C", NO_COLOR="1"))


def judge(folder, done):
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    wrong = []
    want = (read(folder, "exit") or "0").strip()
    if str(done.returncode) != want:
        wrong.append(f"exit {done.returncode}, expected {want}")
    expected = read(folder, "stdout")
    if expected is not None and out != expected:
        wrong.append("standard output differs:\n" + out[:2000])
    for line in (read(folder, "has") or "").splitlines():
        if line and line not in out:
            wrong.append(f"standard output lacks: {line}")
    for line in (read(folder, "lacks") or "").splitlines():
        if line and (line in out or line in err):
            wrong.append(f"the output holds: {line}")
    codes = read(folder, "codes")
    if codes is not None and diagnostic_codes(err) != codes.split():
        wrong.append(f"codes {diagnostic_codes(err)}, expected {codes.split()}")
    checks = read(folder, "json")
    if checks is not None:
        try:
            doc = json.loads(out)
        except ValueError as e:
            return wrong + [f"standard output is not JSON: {e}"]
        for line in checks.splitlines():
            if line.strip() and not line.startswith("#") and not eval(line, {"d": doc}):
                wrong.append(f"not true: {line}")
    if wrong:
        wrong.append("standard error: " + err[:1500])
    return wrong


def main():
    args = sys.argv[1:]
    update = args[:1] == ["--update"]
    args = args[update:]
    root, plumbline = os.path.abspath(args[0]), os.path.abspath(args[1])
    base = os.path.join(root, "tests", "cases", "cli")
    names = args[2:] or sorted(os.listdir(base))
    failed = 0
    for name in names:
        folder = os.path.join(base, name)
        tmp = tempfile.mkdtemp(prefix="plumbline-case-")
        try:
            done = run_case(root, plumbline, folder, tmp)
            if update:
                for what, text in (("stdout", done.stdout.decode()),
                                   ("exit", f"{done.returncode}\n"),
                                   ("codes", "\n".join(diagnostic_codes(done.stderr.decode())))):
                    if what != "stdout" or os.path.exists(os.path.join(folder, "stdout")):
                        with open(os.path.join(folder, what), "w", encoding="utf-8") as f:
                            f.write(text)
                continue
            wrong = judge(folder, done)
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
        failed += bool(wrong)
        for line in wrong:
            print(f"{name}: {line}")
    print(f"{len(names)} cases, {failed} failed")
    return bool(failed) or not names


sys.exit(main())
