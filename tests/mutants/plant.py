# SPDX-License-Identifier: Apache-2.0
"""Plants mistakes one at a time in a copy of the tree, builds it, and asks a test whether it finds each.

A mistake is a tuple: file, what stands there once, what is put instead, what it is, and whatever
else the test wants of it."""
import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def copy_tree(to):
    """What the build file names, and the file itself."""
    shutil.copy(os.path.join(ROOT, "meson.build"), to)
    with open(os.path.join(to, "meson.build"), encoding="utf-8") as f:
        for room in re.findall(r"^subdir\('(\w+)'\)", f.read(), re.M):
            shutil.copytree(os.path.join(ROOT, room), os.path.join(to, room), symlinks=True)


def try_mutant(tree, mutant, targets, ask):
    path, old, new = mutant[:3]
    full = os.path.join(tree, path)
    with open(full, encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        return "broken", f"{text.count(old)} places in {path}"
    with open(full, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    try:
        build = subprocess.run(["ninja", "-C", "build", "--quiet"] + targets, cwd=tree,
                               capture_output=True, text=True)
        if build.returncode:
            return "broken", build.stdout[-300:]
        return ask(tree, mutant)
    finally:
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)


def plant(mutants, only, targets, ask):
    """Mistakes whose description matches the expression `only`; `targets` is what to build;
    ask(tree, mutant) gives "found" or "survived", and a word about it. True: some weren't found."""
    chosen = [m for m in mutants if re.search(only, m[3])]
    count = {"found": 0, "survived": 0, "broken": 0}
    with tempfile.TemporaryDirectory(prefix="plumbline-mutants-") as tree:
        copy_tree(tree)
        subprocess.run(["meson", "setup", "build", "--buildtype=debugoptimized", "-Dwerror=false"],
                       cwd=tree, check=True, capture_output=True)
        for mutant in chosen:
            verdict, detail = try_mutant(tree, mutant, targets, ask)
            count[verdict] += 1
            print(f"{verdict}: {mutant[3]}: {detail}", flush=True)
    print(f"{len(chosen)} mistakes: {count['found']} found, {count['survived']} survived, "
          f"{count['broken']} broken")
    return count["found"] != len(chosen)
