#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the program's JSON documents against the schemas in docs/.

Every document that is kept in tests/cases/report/, and every one that the program makes of
the samples, has to be valid by its published schema and may hold no member that the schema
doesn't name. Exits 77 (skipped) where python3-jsonschema is not installed.
"""
import copy
import json
import os
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP documents: python3-jsonschema is not installed")
    sys.exit(77)

ROOT = pathlib.Path(os.environ.get("SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("PLUMBLINE", "")


def closed(schema):
    """The schema with every object closed: what isn't named is refused."""
    if isinstance(schema, dict):
        out = {k: closed(v) for k, v in schema.items()}
        if "properties" in out and isinstance(schema.get("properties"), dict):
            out["additionalProperties"] = False
        return out
    if isinstance(schema, list):
        return [closed(v) for v in schema]
    return schema


def load_schema(name):
    schema = json.loads((ROOT / "docs" / name).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(closed(schema))


def documents():
    for path in sorted((ROOT / "tests/cases/report").glob("*.json")):
        yield path.name, json.loads(path.read_text())
    if not PROGRAM or not (ROOT / "samples").is_dir():
        return
    for estate in sorted((ROOT / "samples").rglob("estate.yaml")):
        for command in ("check",):
            run = subprocess.run([PROGRAM, command, str(estate), "--format", "json"],
                                 capture_output=True, cwd=estate.parent, check=False)
            if run.returncode in (0, 1, 3, 4) and run.stdout:
                yield f"{command} {estate.parent.name}", json.loads(run.stdout)


def check_matrices():
    """The document of `show --matrix`, which has no account: how many are not valid."""
    schema = load_schema("matrix.schema.json")
    run = subprocess.run([PROGRAM, "show", str(ROOT / "samples/acme/aligned/hypervisor.json"),
                          "--matrix", "tcp/443", "--iif", "eth0", "--format", "json"],
                         capture_output=True, check=False)
    doc = json.loads(run.stdout)
    errors = list(schema.iter_errors(doc))
    for e in errors[:10]:
        print(f"matrix: {e.message[:200]}")
    if not doc["matrices"] or not doc["matrices"][0]["possible"]:
        print("matrix: nothing in it")
        return 1
    doc["matrices"][0]["family"] = "ipx"
    if schema.is_valid(doc):
        print("a broken matrix is valid")
        return 1
    return bool(errors)


def check_queries():
    """The documents of `query`: how many are not valid."""
    schema = load_schema("query.schema.json")
    acme, cases = ROOT / "samples/acme/misaligned", ROOT / "tests/cases/cli"
    asked = [(acme, "internet", "web-a", "tcp/22"), (acme, "internet", "db-a", "tcp/5432"), (acme, "web-a", "web-a", "any"),
             (cases / "query-translated", "internet", "198.51.100.6", "tcp/2525"),
             (cases / "query-translated", "servers", "internet", "any"), (cases / "query-gap", "here", "there", "any"),
             (cases / "query-gap", "here", "nowhere", "any"), (cases / "query-link", "here", "there", "any"),
             (cases / "reply-blocked", "desks", "servers", "any"), (cases / "reply-blocked", "desks", "servers", "tcp/22"),
             (cases / "reply-passes", "desks", "servers", "any"), (cases / "path-asymmetric", "desks", "servers", "any")]
    bad, ends, replies = 0, set(), set()
    for where, source, to, service in asked:
        run = subprocess.run([PROGRAM, "query", str(where / "estate.yaml"), "--from", source, "--to", to, "--service",
                              service, "--format", "json"], capture_output=True, check=False)
        doc = json.loads(run.stdout)
        errors = list(schema.iter_errors(doc))
        for e in errors[:5]:
            print(f"query {to}: /{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}")
        bad += bool(errors)
        replies.add(doc["reply"]["verdict"])
        ends |= {w["end"] for a in doc["answers"] for f in a["families"] for w in f["ways"]}
    doc["verdict"]["together"] = "perhaps"
    if schema.is_valid(doc) or ends != {"arrives", "dropped", "unknown"}:
        print(f"a broken query is valid, or ways end in {ends} only")
        bad += 1
    if replies != {None, "passes", "blocked", "partly", "unknown"}:
        print(f"answers are {replies} only")
        bad += 1
    return bad


def main():
    results, show = load_schema("results.schema.json"), load_schema("show.schema.json")
    good = bad = 0
    broken = None
    for name, doc in documents():
        schema = show if doc.get("command") == "show" else results
        errors = list(schema.iter_errors(doc))
        for e in errors[:10]:
            where = "/".join(str(p) for p in e.absolute_path)
            print(f"{name}: /{where}: {e.message[:200]}")
        good, bad = good + (not errors), bad + bool(errors)
        for account in (s["account"] for s in doc["sources"]):
            parts = sum(account[k] for k in ("exact", "bounded", "irrelevant", "rejected"))
            told = account["bounded"] + account["rejected"]
            if parts != account["total"] or told != len(account["entries"]):
                print(f"{name}: an account that doesn't add up")
                bad += 1
        if schema is results and not errors and doc["findings"]:
            broken = copy.deepcopy(doc)
    if PROGRAM:
        bad += check_matrices() + check_queries()
    # The schema has to be able to say no.
    if broken is None:
        print("no document with findings")
        return 1
    broken["findings"][0]["severity"] = "grave"
    if results.is_valid(broken):
        print("a broken document is valid")
        bad += 1
    print(f"{good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
