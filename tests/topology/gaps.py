# SPDX-License-Identifier: Apache-2.0
"""Mismatches with a name: what is known to be told wrongly, and why. They are counted apart, and are
mismatches again with TOPOLOGY_STRICT=1. docs/topology.md has the list."""

BRIDGED = "a zone beyond another device's bridge"
COMMON = "both zones at one device by bindings"
HOOKED = "translation where a bridge shows its frames to it"

ASTRAY = "surely answered though translated, but no answer came"
OWN_BACK = "told unanswered, but an answer came from a router's own address"
OWN = "answers of a translated own address"
MISSED = "an answer that misses what translated its question"


def of(plan, a, b, kind):
    """The name of the gap that explains it, or None."""
    if kind == "sets and interpreter differ":
        return None
    if kind in (ASTRAY, OWN_BACK):
        return MISSED if kind == ASTRAY else OWN
    if places(plan, a) & places(plan, b):
        return COMMON
    if plan.beyond & {a, b}:
        return BRIDGED
    return HOOKED if hooked(plan) else None


def places(plan, zone):
    """Devices that the estate says the zone is behind: by binding, or by an uplink."""
    bound = {x["device"] for x in plan.bindings if x["zone"] == zone}
    return bound | {s.name for s in plan.spaces if s.uplink}


def hooked(plan):
    """A namespace with a bridge that translates."""
    return any(any("type bridge" in t for t in s.text("link")) and
               any(i.table == "nat" or " inet nat " in i.text and "add rule" in i.text for i in s.items)
               for s in plan.spaces)
