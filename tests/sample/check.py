# SPDX-License-Identifier: Apache-2.0
"""What the tests of long runs have in common."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("PLUMBLINE", str(ROOT / "build/cli/plumbline"))
SCAN = os.environ.get("SCAN", str(ROOT / "build/tests/sample/scan"))
WORLD = ROOT / "tests/cases/packets"
failed = []


def expect(ok, what):
    if not ok:
        failed.append(what)
        print("FAIL", what)


def done():
    print(f"{len(failed)} failed")
    sys.exit(bool(failed))


def world(folder):
    """A copy of the estate that may be changed: its path."""
    for name in ("estate.yaml", "policy.yaml", "edge.cfg"):
        shutil.copy(WORLD / name, folder)
    return pathlib.Path(folder, "estate.yaml")


def folder():
    return tempfile.TemporaryDirectory(prefix="plumbline-sample-")


def frames(path, *lines):
    subprocess.run([sys.executable, WORLD / "frames.py", path, *lines], check=True)


def closed(schema):
    """What isn't named in it is refused."""
    if isinstance(schema, dict):
        out = {k: closed(v) for k, v in schema.items()}
        if isinstance(out.get("properties"), dict):
            out["additionalProperties"] = False
        return out
    return [closed(v) for v in schema] if isinstance(schema, list) else schema


def validators():
    """Of events and of documents; None where python3-jsonschema is not installed."""
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not installed: schemas aren't asked")
        return None, None
    docs = {n: closed(json.loads((ROOT / "docs" / n).read_text()))
            for n in ("events.schema.json", "results.schema.json")}
    for d in docs.values():
        jsonschema.Draft7Validator.check_schema(d)
    made = [jsonschema.Draft7Validator(d, resolver=jsonschema.RefResolver(n, d, store=docs))
            for n, d in docs.items()]
    return made[0], made[1]


def valid(validator, doc, what):
    if validator:
        for e in validator.iter_errors(doc):
            expect(False, f"{what}: {list(e.absolute_path)}: {e.message[:300]}")
