# SPDX-License-Identifier: Apache-2.0
"""The program's side: every namespace collected, an estate and a policy of it, and what it says
of each probe held against what the kernel did."""
import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass

UNSURE = ("maybe", "gap", "tainted", "unsaid")


class Failed(Exception):
    """The program gave no answer."""


@dataclass
class Mismatch:
    kind: str
    number: int  # of the probe
    zone: str
    text: str


def write(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)


def estate(plan, folder):
    """YAML is told as JSON, which is YAML as well."""
    write(f"{folder}/policy.yaml", {
        "version": 1, "name": "topology",
        "zones": [{"name": z, **({"prefixes": p} if p else {"external": True})} for z, p in plan.zones.items()],
        "flows": [{"id": "all", "from": "any", "to": "any", "service": "any", "action": "allow"}]})
    doc = {"version": 1, "name": "topology", "policy": ["policy.yaml"],
           "sources": [{"name": s.name, "file": f"{s.name}.json", "collector": "linux", "plane": s.plane,
                        **({"uplink": s.uplink} if s.uplink else {})}
                       for s in plan.spaces]}
    if plan.bindings:
        doc["bindings"] = plan.bindings
    write(f"{folder}/estate.yaml", doc)


def collect(plan, folder, program):
    """All at once: most of the time is the kernel's, waiting."""
    running = [(s, subprocess.Popen([program, "collect", "linux", "--netns", s.name, "-o",
                                     f"{folder}/{s.name}.json"], stderr=subprocess.PIPE, text=True))
               for s in plan.spaces]
    for s, child in running:
        said = child.communicate()[1]
        if child.returncode:
            raise Failed(f"collect {s.name}: status {child.returncode}: {said.strip()}")


def ask(plan, probes, folder, program):
    """{number: answer}, and what was said besides."""
    lines = "".join(f"{p.zone} {p.packet.line()}\n" for p in probes.values())
    done = subprocess.run([program, f"{folder}/estate.yaml"], input=lines, capture_output=True, text=True,
                          check=False, timeout=120,
                          env={**os.environ, "ASAN_OPTIONS": "abort_on_error=1"})
    answers = done.stdout.splitlines()
    if done.returncode or len(answers) != len(probes):
        raise Failed(f"ask: status {done.returncode}: {done.stderr.strip()[:600]}")
    return dict(zip(probes, map(json.loads, answers))), done.stderr


def words(line):
    return line.split()[:5]


def hold_sets(ways, word):
    """Whether the sets and the interpreter say the same."""
    if word == "sure":
        return bool(ways) and all(w["end"] == "arrives" and w["sure"] for w in ways)
    if word == "no":
        return not any(w["end"] == "arrives" and w["maybe"] for w in ways)
    return True


def hold(plan, number, probe, seen, answer, count):
    """Mismatches of one probe; counts what was compared."""
    found = []
    there = plan.zone_of(probe.packet.dst)

    def wrong(kind, zone, text):
        found.append(Mismatch(kind, number, zone, text))

    for zone, told in answer.items():
        # what a zone's routers are given for other addresses is nothing that it was sent
        got = [p for z, p in seen.arrived if z == zone == plan.zone_of(p.dst)]
        word, ways = told["set"], told["ways"]
        if word in ("sure", "no") and "taint" in told:
            word = "tainted"
        aside = word == "no" and any(w["end"] == "aside" for w in ways)
        gone = not got and any(w["packet"].split()[3] in plan.dead for w in ways)
        if ((word == "out" or aside) and (probe.packet.dst in plan.own or seen.own)) or gone:
            count["to a router itself, which no zone speaks of"] += 1
            continue
        if got or word not in ("out", "unsaid"):
            count[f"{word}, {'arrived' if got else 'not arrived'}"] += 1
        if word in UNSURE and (got or word != "unsaid"):
            count["why: " + reason(told)] += 1
        if word == "sure" and not got:
            wrong("surely permitted, but lost", zone, "")
        elif word == "no" and got:
            wrong("denied, but arrived", zone, "as " + got[0].line())
        elif word == "out" and (got or (there == zone and not any(w["end"] == "aside" for w in ways))):
            wrong("arrived outside what is told of the pair" if got else "to the zone, but outside the pair",
                  zone, "as " + got[0].line() if got else "")
        elif word in ("spent", "lost"):
            wrong("no answer: " + word, zone, "")
        if word == "sure" and got and not seen.own:
            back = (probe.zone, probe.packet.swapped()) in seen.answered
            told_back = told["reply"]
            count[f"answer {told_back}, {'came' if back else 'did not come'}"] += 1
            if told_back == "sure" and not back:
                wrong("surely answered, but no answer came", zone, "")
            elif told_back == "no" and back:
                wrong("told unanswered, but an answer came", zone, "")
        if word in ("sure", "no") and not hold_sets(ways, word):
            wrong("sets and interpreter differ", zone, word)
        if got and word in ("sure", "maybe"):
            may = [w for w in ways if w["end"] == "arrives"]
            if any(w["chosen"] for w in may):
                count["rewritten by choice"] += 1
            elif any(words(w["packet"]) == words(got[0].line()) for w in may):
                count["rewritten as told" if got[0] != probe.packet else "unchanged as told"] += 1
            elif may and word == "sure":
                wrong("arrived as another packet", zone, "as " + got[0].line())
    return found


def reason(told):
    """Short enough to be counted: numbers and names fall together."""
    why = "taint: " + told["taint"] if "taint" in told else told["set"] + ": " + told.get("why", "not told")
    return " ".join(w for w in why.split() if not any(c.isdigit() for c in w))[:90]


def judge(plan, probes, seen, folder, tools):
    """(mismatches, counts) of a plan that stands in the kernel."""
    count = Counter()
    estate(plan, folder)
    collect(plan, folder, tools["plumbline"])
    answers, said = ask(plan, probes, folder, tools["ask"])
    found = []
    for n, probe in probes.items():
        if "error" in answers[n]:
            raise Failed(f"ask: {answers[n]['error']}: {probe.packet.line()}")
        found += hold(plan, n, probe, seen[n], answers[n], count)
    return found, count, answers, said
