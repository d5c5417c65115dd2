# SPDX-License-Identifier: Apache-2.0
"""Reads Prometheus' text exposition format, version 0.0.4, and refuses what isn't of it
(prometheus.io/docs/instrumenting/exposition_formats)."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def unescape(s):
    return re.sub(r'\\(.)', lambda m: {"n": "\n"}.get(m[1], m[1]), s)


def labels(s, line):
    out = {}
    while s:
        m = LABEL.match(s)
        if not m or m[1] in out:
            raise ValueError(f"labels: {line}")
        out[m[1]] = unescape(m[2])
        s = s[m.end():]
        if s and not s.startswith(","):
            raise ValueError(f"labels: {line}")
        s = s[1:]
    return out


def parse(text):
    """{name: {frozenset of labels: value}}; every family has HELP and TYPE, once, before its
    series, which stand together; no series comes twice; counters are called so."""
    if not text.endswith("\n"):
        raise ValueError("the last line doesn't end")
    out, helped, typed, now, over = {}, set(), {}, None, set()
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP ") or line.startswith("# TYPE "):
            _, kind, name, rest = line.split(" ", 3)
            if not NAME.fullmatch(name) or not rest:
                raise ValueError(line)
            if kind == "HELP":
                if name in helped:
                    raise ValueError(f"told twice: {line}")
                helped.add(name)
            else:
                if name in typed or rest not in TYPES or name in out:
                    raise ValueError(line)
                typed[name] = rest
            continue
        m = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9.eE+-]+|NaN|[+-]Inf)", line)
        if not m:
            raise ValueError(f"no series: {line}")
        name = m[1]
        if name != now:
            over.add(now)
            now = name
        if name in over or name not in helped or name not in typed:
            raise ValueError(f"out of place: {line}")
        if typed[name] == "counter" and not name.endswith("_total"):
            raise ValueError(f"a counter's name: {line}")
        key = frozenset(labels(m[2] or "", line).items())
        series = out.setdefault(name, {})
        if key in series:
            raise ValueError(f"twice: {line}")
        series[key] = float(m[3])
    return out


def value(parsed, name, **wanted):
    return parsed[name][frozenset(wanted.items())]
