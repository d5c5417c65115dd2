#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit for long sampling: how exposed it is, and that it leaves what sampling needs.

    unit_file.py SOURCE_ROOT      77: skipped, systemd-analyze isn't installed
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MOST = 1.5  # of 10; systemd-analyze(1), "security"
NEEDS = {
    "CapabilityBoundingSet": "CAP_NET_RAW",
    "AmbientCapabilities": "CAP_NET_RAW",
    "RestrictAddressFamilies": "AF_PACKET",
    # what the process that reads packets locks itself in with (capture/sandbox.c)
    "SystemCallFilter": "capset prlimit64 seccomp landlock_create_ruleset landlock_restrict_self",
    "StateDirectory": "plumbline/%i",
}


def exposure(text):
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder, "plumbline-sample@.service")
        unit.write_text(text, encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                              capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    if not found:
        sys.exit(f"no exposure level told: {done.stdout[-500:]}{done.stderr}")
    if done.stderr.strip():
        sys.exit(f"systemd-analyze complains: {done.stderr}")
    return float(found[1])


def main():
    if not shutil.which("systemd-analyze"):
        print("SKIP: systemd-analyze is not installed")
        return 77
    text = pathlib.Path(sys.argv[1], "packaging/plumbline-sample@.service").read_text(encoding="utf-8")
    failed = []
    for key, words in NEEDS.items():
        given = " ".join(re.findall(rf"^{key}=(?!~)(.*)$", text, flags=re.M)).split()
        failed += [f"{key} lacks {w}" for w in words.split() if w not in given]
    level = exposure(text)
    open_one = exposure(re.sub(r"^(Protect|Private|Restrict|SystemCall|NoNew)\w+=.*\n", "", text, flags=re.M))
    print(f"exposure {level} (at most {MOST}); without its restrictions {open_one}")
    if level > MOST:
        failed.append("too exposed")
    if open_one <= MOST:
        failed.append("the measure doesn't tell")
    for f in failed:
        print("FAIL", f)
    return bool(failed)


sys.exit(main())
