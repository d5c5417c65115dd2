#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the schemas of policy and estate against the readers (given as the program `codes`).

Fixtures: each says what its schema makes of it ("# schema: valid", "invalid", or "unread" where
it is no YAML); their good twins, the examples of the documents and the shipped files are valid.
Mutants: valid files with a key or a value changed. What the schema refuses the reader has to
refuse; what the reader refuses for its form alone the schema has to refuse. Exits 77 (skipped)
where python3-jsonschema or python3-yaml is not installed.
"""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError:
    print("SKIP policies: python3-jsonschema or python3-yaml is not installed")
    sys.exit(77)

ROOT = pathlib.Path(os.environ.get("SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
CODES = sys.argv[1]

# Defects of form: a schema can express them, so an editor has to show them.
FORM = {
    "yaml.type", "yaml.unknown-key", "yaml.missing-key", "yaml.version", "yaml.empty-value",
    "yaml.empty-list", "yaml.not-quoted", "yaml.boolean", "yaml.choice", "yaml.name", "policy.icmp",
    "policy.protocol", "policy.external-prefixes", "policy.exclusion-empty", "estate.absolute-path",
    "estate.one-of-file", "estate.binding-without-port", "estate.one-and-many",
    "estate.path-without-hops",
}


class Loader(yaml.SafeLoader):
    """As YAML 1.2 has it, days and times are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rows if not tag.endswith(":timestamp")]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

failures = 0


def fail(text):
    global failures
    failures += 1
    if failures <= 40:
        print("FAIL", text)


def validator(kind):
    schema = json.loads((ROOT / "docs" / f"{kind}.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def example(kind):
    text = (ROOT / "docs" / f"{kind}.md").read_text()
    return re.search(r"```yaml\n(version: 1\n.*?)```", text, re.S).group(1)


def check_fixtures(kind, schema):
    paths = sorted((ROOT / "tests/cases/policy" / kind).glob("*.*.yaml"))
    for path in paths:
        text = path.read_text()
        said = re.search(r"^# schema: (\w+)$", text, re.M)
        want = said.group(1) if said else "valid"
        try:
            got = "valid" if schema.is_valid(yaml.load(text, Loader)) else "invalid"
        except yaml.YAMLError:
            got = "unread"
        except TypeError:  # a key that is no text
            got = "unread"
        if got != want:
            fail(f"{path.name}: the schema finds it {got}, it says {want}")
    return len(paths)


def check_valid(kind, schema, texts):
    for name, text in texts:
        for error in schema.iter_errors(yaml.load(text, Loader)):
            fail(f"{name}: {list(error.absolute_path)}: {error.message[:200]}")


VALUES = [None, True, False, 0, 1, -1, 1.5, 443, 70000, "", " ", "x", "a b", "any", "no such", "/x", "443",
          "10.0.0.0/8", "2026-12-31", "tcp/443", "csp", [], [[]], ["x"], ["x", "x"], [None],
          [443, "80-90"], {}, {"x": 1}, {"x-mine": 1}]


def places(doc, path=()):
    yield path, doc
    if isinstance(doc, dict):
        for key, value in doc.items():
            yield from places(value, path + (key,))
    elif isinstance(doc, list):
        for i, value in enumerate(doc):
            yield from places(value, path + (i,))


def at(doc, path):
    for step in path:
        doc = doc[step]
    return doc


def mutants(doc):
    for path, value in list(places(doc)):
        if isinstance(value, dict):
            for key in list(value):
                less = copy.deepcopy(doc)
                del at(less, path)[key]
                yield less
                other = copy.deepcopy(doc)
                at(other, path)[key + "z"] = at(other, path).pop(key)
                yield other
        if isinstance(value, list):
            more = copy.deepcopy(doc)
            at(more, path).append(copy.deepcopy(value[0]))
            yield more
        if path:
            for new in VALUES:
                changed = copy.deepcopy(doc)
                at(changed, path[:-1])[path[-1]] = new
                yield changed


def check_mutants(kind, schema, docs, arguments):
    all_mutants = [m for doc in docs for m in mutants(doc)]
    texts = [json.dumps(m).encode() for m in all_mutants]
    answers = subprocess.run(
        [CODES, kind] + arguments, check=True, stdout=subprocess.PIPE,
        input=b"".join(b"%d\n%s" % (len(t), t) for t in texts)).stdout.decode().splitlines()
    if len(answers) != len(texts):
        fail(f"{kind}: {len(answers)} answers to {len(texts)} mutants")
    refused = 0
    for doc, text, line in zip(all_mutants, texts, answers):
        codes = set(line.split())
        errors = [e.message[:100] for e in schema.iter_errors(doc)]
        refused += bool(errors)
        if errors and "ok" in codes:
            fail(f"{kind}: only the schema refuses it: {errors[0]}: {text.decode()[:3000]}")
        if not errors and codes & FORM:
            fail(f"{kind}: only the reader refuses it: {codes & FORM}: {text.decode()[:3000]}")
    return len(texts), refused


def main():
    policy, estate = validator("policy"), validator("estate")
    shipped = [(str(p.relative_to(ROOT)), p.read_text())
               for p in sorted((ROOT / "policies").glob("*/*.yaml"))]
    check_valid("policy", policy, shipped + [("docs/policy.md", example("policy"))])
    check_valid("estate", estate, [("docs/estate.md", example("estate"))])
    samples = sorted((ROOT / "samples").glob("**/estate.yaml"))
    check_valid("estate", estate, [(str(p), p.read_text()) for p in samples])
    n = check_fixtures("policy", policy) + check_fixtures("estate", estate)
    print(f"{n} fixtures, {len(shipped)} shipped files, {len(samples)} sample estates")
    if n < 300 or len(shipped) < 4:
        fail("fixtures or shipped files are missing")
    doc = yaml.load(example("policy"), Loader)
    print("policy: %d mutants, %d refused by the schema" % check_mutants("policy", policy, [doc], []))
    with tempfile.TemporaryDirectory() as folder:
        beside = os.path.join(folder, "policy.yaml")
        with open(beside, "w") as f:
            f.write(example("policy"))
        doc = yaml.load(example("estate"), Loader)
        print("estate: %d mutants, %d refused by the schema"
              % check_mutants("estate", estate, [doc], [beside]))
    if failures:
        print(f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
