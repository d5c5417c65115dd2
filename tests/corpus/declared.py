#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was declared against what was generated: firewalld's and Docker's own test files hold
both, commands and the rules that these made. What the commands mean is worked out here, what the
rules mean is asked of `plumbline eval`; the two have to agree on every packet.

    declared.py SOURCE_ROOT PLUMBLINE [-v]

Reads ../shared/corpus (or PLUMBLINE_SHARED) and skips, saying so, where it isn't, and where nft
or a network namespace isn't to be had. Listings that are not judged are counted by reason.
declared-differences.tsv names those that don't agree, and why.
"""
import collections
import copy
import ipaddress
import os
import re
import shlex
import subprocess
import sys
import tempfile

OUTSIDE = "203.0.113.7"


class Skip(Exception):
    """Why a listing is not judged."""


class Rules:
    """nft text that is asked about packets."""

    def __init__(self, plumbline, collector="nft"):
        self.plumbline, self.collector, self.runs = plumbline, collector, 0

    def ask(self, text, ruleset, packets):
        """For each packet its verdict and the line of the text that decides (0: none)."""
        self.runs += 1
        with tempfile.TemporaryDirectory() as tmp:
            with open(os.path.join(tmp, "rules"), "w", encoding="utf-8") as f:
                f.write(text)
            p = subprocess.run([self.plumbline, "eval", "rules", "--collector", self.collector, "--ruleset", ruleset],
                               input="".join(l + "\n" for l in packets), capture_output=True, text=True,
                               cwd=tmp, check=False)
        lines = p.stdout.splitlines()
        if len(lines) != len(packets):
            raise Skip("not read here: " + re.sub(r".*(nft does not take it: [^;\[]*).*", r"\1",
                                                  " ".join(p.stderr.split())).strip()[:90])
        for line in lines:
            m = re.match(r"(\w+)\t(?:rules:(\d+))?", line)
            yield m.group(1), int(m.group(2) or 0)


# ---- firewalld -----------------------------------------------------------------------------

ZONES = {"block": "%%REJECT%%", "dmz": "default", "drop": "DROP", "external": "default",
         "home": "default", "internal": "default", "public": "default", "trusted": "ACCEPT",
         "work": "default"}
SERVICES = {"ssh": ["22/tcp"], "http": ["80/tcp"], "https": ["443/tcp"], "tftp": ["69/udp"],
            "dns": ["53/tcp", "53/udp"], "mdns": None, "samba": ["139/tcp", "445/tcp"],
            "ntp": ["123/udp"], "smtp": ["25/tcp"]}


class Thing:
    """A zone or a policy as declared."""

    def __init__(self, target="default", priority=-1):
        self.lists = collections.defaultdict(list)
        self.target = target
        self.priority = {"": priority, "ingress": 0, "egress": 0}
        self.unread = None


class Config:
    def __init__(self):
        self.zones = {z: Thing(t) for z, t in ZONES.items()}
        self.zones["public"].lists["service"] = ["ssh", "dhcpv6-client"]
        self.policies = {"allow-host-ipv6": Thing(priority=-15000)}
        self.policies["allow-host-ipv6"].lists["ingress-zone"] = ["ANY"]
        self.policies["allow-host-ipv6"].lists["egress-zone"] = ["HOST"]
        self.default = "public"


PASSIVE = re.compile(r"--(query|get|list|info|check|state|version|help|path|set-(short|description|log-denied)|"
                     r"permanent|zone|policy|timeout|family|option|type|debug|ipset|(new|add|remove|delete)-"
                     r"(ipset|entry|entries|helper|icmptype|service$|module|include))")


class Firewalld:
    """firewall-cmd, as far as it has a say in the chains that are judged."""

    def __init__(self):
        self.permanent, self.runtime = Config(), Config()

    def reload(self):
        self.runtime = copy.deepcopy(self.permanent)

    def command(self, text):
        try:
            words = shlex.split(re.sub(r"\|.*", "", text) if "'" not in text else text)
        except ValueError:
            return
        options, i = [], 0
        while i < len(words):
            w = words[i]
            if w.startswith("--"):
                name, _, value = w.partition("=")
                if not _ and i + 1 < len(words) and not words[i + 1].startswith("--"):
                    i += 1
                    value = words[i]
                options.append((name[2:], value))
            i += 1
        names = [n for n, _ in options]
        if "reload" in names or "complete-reload" in names:
            self.reload()
            return
        if "runtime-to-permanent" in names:
            self.permanent = copy.deepcopy(self.runtime)
            return
        config = self.permanent if "permanent" in names else self.runtime
        values = dict(options)
        if any(n in names for n in ("direct", "passthrough", "add-passthrough")):
            return
        if "policy" in values:
            config.policies.setdefault(values["policy"], Thing())
            thing = config.policies[values["policy"]]
        else:
            thing = config.zones.setdefault(values.get("zone") or config.default, Thing())
        for name, value in options:
            self.change(config, thing, name, value)

    def policy_file(self, path, text):
        m = re.fullmatch(r"\./policies/([\w-]+)\.xml", path)
        head = re.search(r'<policy target="(\w+)"(?: priority="(-?\d+)")?', text)
        if not m or not head:
            return
        policy = self.permanent.policies[m.group(1)] = Thing(head.group(1), int(head.group(2) or -1))
        policy.unread = "the content of a policy's file"
        for side in "ingress", "egress":
            policy.lists[side + "-zone"] = re.findall(rf'<{side}-zone name="([\w-]+)"', text)

    def change(self, config, thing, name, value):
        m = re.match(r"(add|remove)-(.*)", name)
        if name == "new-policy":
            config.policies[value] = Thing()
        elif name == "delete-policy":
            config.policies.pop(value, None)
        elif name == "new-zone":
            config.zones[value] = Thing()
        elif name == "delete-zone":
            config.zones.pop(value, None)
        elif name == "set-target":
            thing.target = value
        elif name == "set-default-zone":
            config.default = value
            self.permanent.default = self.runtime.default = value
        elif name == "set-priority":
            thing.priority[""] = thing.priority["ingress"] = thing.priority["egress"] = int(value)
        elif name in ("set-ingress-priority", "set-egress-priority"):
            thing.priority[name.split("-")[1]] = int(value)
        elif name == "change-interface":
            for z in config.zones.values():
                z.lists["interface"] = [x for x in z.lists["interface"] if x != value]
            thing.lists["interface"].append(value)
        elif m and re.fullmatch("interface|source|ingress-zone|egress-zone|port|source-port|protocol|service|"
                                "rich-rule|masquerade|forward|forward-port|icmp-block|icmp-block-inversion|disable",
                                m.group(2)):
            known = thing.lists[m.group(2)]
            if m.group(1) == "add":
                known.append(value)
            elif value in known:
                known.remove(value)
            elif not value:
                known.clear()
        elif not PASSIVE.match("--" + name):
            thing.unread = "an option that is not followed: --" + name


def in_net(address, net):
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(net, strict=False)
    except ValueError as e:
        raise Skip("a source that is not an address") from e


def zone_of(config, iface, address, side):
    """The zone that a packet comes from or goes to."""
    order = []
    for name, z in config.zones.items():
        p = z.priority[side]
        order += [(p, 0, name, s) for s in z.lists["source"]] + [(p, 1, name, i) for i in z.lists["interface"]]
    for _, kind, name, value in sorted(order):
        if kind and (iface.startswith(value[:-1]) if value.endswith("+") else value == iface):
            return name
        if not kind and value.startswith("ipset:"):
            raise Skip("a zone by ipset")
        if not kind and ":" not in value and in_net(address, value):
            return name
    return config.default


def applies(policy, ingress, egress):
    if policy.lists["disable"]:
        return False
    def side(listed, zone):
        return zone in listed or ("ANY" in listed and zone != "HOST")
    return side(policy.lists["ingress-zone"], ingress) and side(policy.lists["egress-zone"], egress)


def constants(config):
    """Interfaces and addresses worth trying."""
    ifaces, addrs = ["other0"], [OUTSIDE]
    for z in config.zones.values():
        ifaces += [i[:-1] + "9" if i.endswith("+") else i for i in z.lists["interface"]]
        for s in z.lists["source"]:
            if re.fullmatch(r"[\d./]+", s):
                net = ipaddress.ip_network(s, strict=False)
                addrs += [str(net[0]), str(net[-1])]
                addrs += [str(net[0] - 1), str(net[-1] + 1)]
    return ifaces, addrs


def chains_of(body):
    """Chain name to its lines, as listed."""
    ret, name = {}, None
    for line in body.splitlines():
        m = re.match(r"\s*chain ([\w-]+) \{", line)
        if m:
            name = m.group(1)
            ret[name] = []
        elif line.strip() == "}":
            name = None
        elif name and line.strip():
            ret[name].append(line.strip())
    return ret


def ruleset(chains, stubs, hooked):
    """A whole ruleset; a line number to its chain."""
    lines, where = ["table inet firewalld {"], {}
    for name, body in list(stubs.items()) + list(chains.items()):
        lines.append(f"chain {name} {{")
        for rule in body:
            lines.append(rule)
            where[len(lines)] = name
        lines.append("}")
    lines += ["chain top {", "type filter hook forward priority 0; policy accept;", f"jump {hooked}", "}", "}", ""]
    return "\n".join(lines), where


def targets(chains):
    found = []
    for body in chains.values():
        for rule in body:
            found += [t for t in re.findall(r"(?:jump|goto) ([\w-]+)", rule) if t not in chains and t not in found]
    return found


DISPATCH = {
    "filter_INPUT": ("filter_IN_{i}_to_HOST", "ingress"), "filter_OUTPUT": ("filter_OUT_HOST_to_{e}", "egress"),
    "filter_FORWARD": ("filter_FWD_{i}_dispatch_stage2", "ingress"), "nat_OUTPUT": ("nat_OUT_HOST_to_{e}", "egress"),
    "nat_PREROUTING": ("nat_PRE_{i}_dispatch_stage2", "ingress"),
    "mangle_PREROUTING": ("mangle_PRE_{i}_dispatch_stage2", "ingress"),
    "nat_POSTROUTING": ("nat_POST_{i}_dispatch_stage2", "ingress"),
}


def judge_dispatch(rules, config, chains, name, pattern, ingress=None):
    ifaces, addrs = constants(config)
    packets, want = [], []
    for i in ifaces:
        for a in addrs:
            for o in ifaces if ingress else [i]:
                for d in addrs if ingress else [a]:
                    packets.append(f"tcp {a} 40000 {d} 22 iif={i} oif={o}")
                    want.append(pattern.format(i=ingress or zone_of(config, i, a, "ingress"),
                                               e=zone_of(config, o, d, "egress")))
    stubs = {t: ["counter accept"] for t in targets(chains)}
    text, where = ruleset(chains, stubs, name)
    for packet, expected, (verdict, line) in zip(packets, want, rules.ask(text, "inet firewalld top", packets)):
        got = where.get(line, "nothing")
        if verdict != "permit" or got != expected:
            return f"{packet}: declared {expected}, rules say {verdict} by {got}"
    return None


def judge_pair(rules, config, chains, name, prefix, ingress, egress):
    """Which policies a packet between two zones meets, in which order, and what is left then."""
    jumps = targets(chains)
    mine = [j for j in jumps if j.startswith(prefix + "_policy_")]
    listed = {j[len(prefix) + 8:] for j in mine}
    declared = {p for p, t in config.policies.items() if applies(t, ingress, egress)}
    packet = [f"tcp {OUTSIDE} 40000 198.51.100.9 22"]
    for policy in sorted(listed | declared):
        if prefix != "filter_IN" and policy == "allow-host-ipv6" and policy not in listed:
            continue
        stubs = {j: ["counter accept"] if j == f"{prefix}_policy_{policy}" else [] for j in jumps}
        text, where = ruleset(chains, stubs, name)
        (verdict, line), = rules.ask(text, "inet firewalld top", packet)
        met = verdict == "permit" and where.get(line) == f"{prefix}_policy_{policy}"
        if met != (policy in declared):
            return f"policy {policy} is declared {'to apply' if policy in declared else 'not to apply'} " \
                   f"from {ingress} to {egress}; the rules {'ask' if met else 'do not ask'} it"
    text, where = ruleset(chains, {j: [] for j in jumps}, name)
    (verdict, line), = rules.ask(text, "inet firewalld top", packet)
    zone = config.zones.get(ingress)
    target = zone.target if zone and prefix in ("filter_IN", "filter_FWD") else "ACCEPT"
    expected = "permit" if target == "ACCEPT" else "deny"
    if verdict != expected:
        return f"what no policy decides from {ingress} to {egress}: declared {expected}, rules say {verdict}"
    # all of them permit: the first by priority is the one that decides
    order = sorted((config.policies[p].priority[""], p) for p in declared & listed)
    if order:
        text, where = ruleset(chains, {j: ["counter accept"] for j in jumps if j in mine} |
                              {j: [] for j in jumps if j not in mine}, name)
        (verdict, line), = rules.ask(text, "inet firewalld top", packet)
        first = [p for n, p in order if n == order[0][0]]
        if where.get(line) not in [f"{prefix}_policy_{p}" for p in first]:
            return f"policy {first[0]} has the lowest priority, {where.get(line)} decides"
    return None


class Service:
    """A declared condition: a packet that has all of it."""

    def __init__(self, **parts):
        self.parts = parts

    def has(self, p):
        for key, value in self.parts.items():
            if key == "family" and p["family"] != value:
                return False
            if key == "proto" and p["proto"] != value:
                return False
            if key in ("sport", "dport") and not value[0] <= p[key] <= value[1]:
                return False
            if key in ("src", "dst"):
                net, invert = value
                if ipaddress.ip_network(net, strict=False).version != (4 if p["family"] == "ipv4" else 6):
                    return False
                if in_net(p[key], net) == invert:
                    return False
        return True


def port(text):
    m = re.fullmatch(r"(\d+)(?:-(\d+))?/(\w+)", text)
    if not m:
        raise Skip("a port that is not read: " + text)
    return (int(m.group(1)), int(m.group(2) or m.group(1))), m.group(3)


def rich(text):
    """(priority, condition, action) of a rich rule."""
    words = shlex.split(text.replace("=", " = "))
    text = re.sub(r"\s*=\s*", "=", " ".join(words))
    parts, priority = {}, 0
    m = re.search(r"\bpriority=(-?\d+)", text)
    if m:
        priority = int(m.group(1))
    m = re.search(r"\bfamily=(ipv[46])", text)
    if m:
        parts["family"] = m.group(1)
    for word, key in (("source", "src"), ("destination", "dst")):
        m = re.search(rf"\b{word} (not )?address=([\w.:/]+)( invert=\S+)?", text, re.I)
        if m:
            parts[key] = (m.group(2), bool(m.group(1) or m.group(3)))
        elif re.search(rf"\b{word} (?!-)", text) and f"{word}-port" not in text:
            raise Skip(f"a rich rule by {word} of another kind")
    for word, key in ((r"(?<!-)port", "dport"), ("source-port", "sport")):
        m = re.search(rf"\b{word} port=([\d-]+) protocol=(\w+)", text)
        if m:
            parts[key], parts["proto"] = port(f"{m.group(1)}/{m.group(2)}")
    m = re.search(r"\bprotocol value=(\w+)", text)
    if m:
        parts["proto"] = m.group(1)
    for word in ("service", "icmp-block", "icmp-type", "masquerade", "forward-port", "ipset", "mac", "mark", "tcp-mss",
                 "limit"):
        if re.search(rf"\b{word}\b", text):
            raise Skip(f"a rich rule with {word}")
    action = re.search(r"\b(accept|reject|drop)\b", re.sub(r"type=\S+", "", text))
    return priority, Service(**parts), action.group(1) if action else None


def declared_content(thing, kind):
    """The ordered rules of a chain of a policy or zone: conditions and actions."""
    if thing.unread:
        raise Skip(thing.unread)
    ret = []
    for text in thing.lists["rich-rule"]:
        priority, cond, action = rich(text)
        if action is None:
            continue
        if kind == "pre" and priority < 0 or kind == "post" and priority > 0:
            ret.append((priority, len(ret), cond, action))
        elif not priority and (kind == "allow") == (action == "accept") and kind in ("allow", "deny"):
            ret.append((0, len(ret), cond, action))
    if kind in ("pre", "post"):
        ret.sort(key=lambda r: (r[0], {"drop": 0, "reject": 0, "accept": 1}[r[3]]))
    if kind == "allow":
        if thing.lists["icmp-block"] or thing.lists["icmp-block-inversion"]:
            raise Skip("icmp blocks")
        for p in thing.lists["port"]:
            span, proto = port(p)
            ret.append((0, 0, Service(proto=proto, dport=span), "accept"))
        for p in thing.lists["source-port"]:
            span, proto = port(p)
            ret.append((0, 0, Service(proto=proto, sport=span), "accept"))
        for p in thing.lists["protocol"]:
            ret.append((0, 0, Service(proto=p), "accept"))
        for s in thing.lists["service"]:
            if s == "dhcpv6-client":
                ret.append((0, 0, Service(proto="udp", dport=(546, 546), family="ipv6", dst=("fe80::/64", False)),
                            "accept"))
                continue
            if not SERVICES.get(s):
                raise Skip("a service of its own")
            for p in SERVICES[s]:
                span, proto = port(p)
                ret.append((0, 0, Service(proto=proto, dport=span), "accept"))
    return ret


def content_packets(rules):
    v4, v6, ports, protos = [OUTSIDE], ["2001:db8:ffff::7"], {22, 40000}, {"tcp", "udp"}
    for _, _, cond, _ in rules:
        for key, value in cond.parts.items():
            if key in ("src", "dst"):
                net = ipaddress.ip_network(value[0], strict=False)
                (v4 if net.version == 4 else v6).extend([str(net[0]), str(net[-1]), str(net[-1] + 1)])
            elif key in ("sport", "dport"):
                ports |= {max(value[0] - 1, 1), value[0], value[1], min(value[1] + 1, 65535)}
            elif key == "proto" and value in ("tcp", "udp", "sctp", "dccp"):
                protos.add(value)
            elif key == "proto":
                protos.add(value)
    numbers = {"icmp": 1, "ipv6-icmp": 58, "igmp": 2, "gre": 47, "esp": 50, "ah": 51}
    for addrs, family in ((v4, "ipv4"), (v6, "ipv6")):
        for src in addrs[:8]:
            for dst in addrs[:8]:
                for proto in sorted(protos):
                    if proto in numbers:
                        yield {"family": family, "proto": proto, "src": src, "dst": dst, "sport": 0, "dport": 0}, \
                            f"ip:{numbers[proto]} {src} 0 {dst} 0" if proto not in ("icmp", "ipv6-icmp") else \
                            f"{'icmp' if family == 'ipv4' else 'icmpv6'} {src} 8 {dst} 0"
                        continue
                    if proto not in ("tcp", "udp", "sctp", "dccp"):
                        raise Skip("a protocol that is not read: " + proto)
                    for sport in sorted(ports)[:6]:
                        for dport in sorted(ports):
                            yield {"family": family, "proto": proto, "src": src, "dst": dst, "sport": sport,
                                   "dport": dport}, f"{proto} {src} {sport} {dst} {dport}"


def judge_content(rules, thing, chains, name, kind):
    declared = declared_content(thing, kind)
    asked = list(content_packets(declared))[:4000]
    text, _ = ruleset(chains, {}, name)
    text = text.replace("policy accept", "policy drop") if kind == "allow" else text
    # one verdict for what no rule decides, another one for what some rule does
    fallen = [("permit" if kind != "allow" else "deny")] * len(asked)
    answers = list(rules.ask(text, "inet firewalld top", [line for _, line in asked]))
    for (packet, line), (verdict, at), fell in zip(asked, answers, fallen):
        want = fell
        for _, _, cond, action in declared:
            if cond.has(packet):
                want = "permit" if action == "accept" else "deny"
                break
        if verdict != want:
            return f"{line}: declared {want}, rules say {verdict}"
    return None


def judge_listing(rules, config, table, name, body):
    chains = chains_of(body)
    if name not in chains:
        raise Skip("an empty listing")
    if re.search(r"@\w", body):
        raise Skip("a set that the listing does not hold")
    m = re.fullmatch(r"(\w+?)_dispatch", name)
    if m and m.group(1) in DISPATCH:
        return judge_dispatch(rules, config, chains, name, DISPATCH[m.group(1)][0])
    m = re.fullmatch(r"(filter_FWD|nat_POST|nat_PRE|mangle_PRE)_([\w-]+)_dispatch_stage2", name)
    if m:
        return judge_dispatch(rules, config, chains, name, f"{m.group(1)}_{{i}}_to_{{e}}", m.group(2))
    m = re.fullmatch(r"(filter_IN|filter_FWD|filter_OUT|nat_PRE|nat_POST|nat_OUT|mangle_PRE)_([\w-]+)_to_([\w-]+)", name)
    if m:
        for zone in m.group(2), m.group(3):
            if zone in config.zones and config.zones[zone].unread:
                raise Skip(config.zones[zone].unread)
        return judge_pair(rules, config, chains, name, m.group(1), m.group(2), m.group(3))
    m = re.fullmatch(r"filter_(?:IN|FWD)_(?:policy_)?([\w-]+?)_(allow|deny|pre|post)", name)
    if m:
        things = config.policies if "_policy_" in name else config.zones
        if m.group(1) not in things:
            raise Skip("a policy or zone that was not declared here")
        return judge_content(rules, things[m.group(1)], chains, name, m.group(2))
    raise Skip("a kind of chain that holds no decision of its own")


def between(text, start):
    """The m4 argument from '[' at start, without its brackets; where it ends."""
    depth, i = 0, start
    while i < len(text):
        depth += text[i] == "["
        depth -= text[i] == "]"
        i += 1
        if not depth:
            return text[start + 1:i - 1], i
    return text[start + 1:], len(text)


def arguments(text, at):
    """Arguments of a macro whose '(' is at `at`."""
    args, i = [], at + 1
    while i < len(text) and text[i] not in ")":
        if text[i] == "[":
            arg, i = between(text, i)
            args.append(arg)
        elif text[i] == "," or text[i].isspace():
            i += 1
        else:
            m = re.match(r"[^,)\[]+", text[i:])
            args.append(m.group(0).strip())
            i += m.end()
    return args


def firewalld_listings(path):
    """(name of the test, configuration, table, chain, listing) in the order of the file."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    daemon, title = Firewalld(), ""
    for m in re.finditer(r"\b(AT_DATA|FWD_START_TEST|FWD_CHECK|FWD_OFFLINE_CHECK|FWD_RELOAD|FWD_RESTART|FWD_START_FIREWALLD|"
                         r"NFT_LIST_RULES)\b(\(?)", text):
        line = text[text.rfind("\n", 0, m.start()) + 1:m.start()]
        if "dnl" in line:
            continue
        args = arguments(text, m.end() - 1) if m.group(2) else []
        if m.group(1) == "FWD_START_TEST":
            daemon, title = Firewalld(), args[0]
        elif m.group(1) == "AT_DATA":
            daemon.policy_file(args[0], args[1] if len(args) > 1 else "")
        elif m.group(1) in ("FWD_RELOAD", "FWD_RESTART", "FWD_START_FIREWALLD"):
            daemon.reload()
        elif m.group(1) in ("FWD_CHECK", "FWD_OFFLINE_CHECK"):
            if len(args) > 1 and args[1].strip() == "0" or len(args) == 1:
                daemon.command(args[0])
        elif len(args) > 3 and args[2].strip() == "0" and args[0] == "inet":
            yield title, copy.deepcopy(daemon.runtime), args[0], args[1], re.sub(r"^dnl\n", "", args[3])


# ---- Docker --------------------------------------------------------------------------------

def docker_world(text):
    """Networks and published ports as the page's commands declare them."""
    networks, ports = {"docker0": {"subnet": "172.17.0.0/16", "internal": False, "icc": True, "mode": "nat"}}, []
    for cmd in re.findall(r"^\t(docker (?:network create|run|service)(?:.*\\\n)*.*)", text, re.M):
        words = shlex.split(cmd.replace("\\\n", " "))
        if words[1] == "service":
            raise Skip("a service of a swarm: its addresses are not in the page")
        options = collections.defaultdict(list)
        for i, w in enumerate(words):
            if w.startswith("-") and i + 1 < len(words):
                options[w].append(words[i + 1])
        if words[1] == "network":
            o = dict(x.split("=", 1) for x in options["-o"])
            name = o["com.docker.network.bridge.name"]
            networks[name] = {"subnet": options["--subnet"][0], "internal": "--internal" in words,
                              "icc": o.get("com.docker.network.bridge.enable_icc", "true") == "true",
                              "mode": o.get("com.docker.network.bridge.gateway_mode_ipv4", "nat")}
        else:
            for p in options["-p"]:
                m = re.fullmatch(r"(?:([\d.]+):)?(\d+):(\d+)(?:/(\w+))?", p)
                ports.append((options["--network"][0], m.group(1), int(m.group(2)), int(m.group(3)), m.group(4) or "tcp"))
    if len(networks) == 1:
        raise Skip("no network and no container declared")
    return networks, ports


def container(subnet):
    return str(ipaddress.ip_network(subnet)[2])


def docker_forward(networks, ports):
    """(packet behind any translation, whether it is declared to pass the host)."""
    for name, n in networks.items():
        inside = container(n["subnet"])
        tries = sorted({p[3] for p in ports} | {p[3] + 1 for p in ports} | {p[2] for p in ports} | {22})
        others = [("eth0", OUTSIDE)] + [(o, container(x["subnet"])) for o, x in networks.items() if o != name]
        for iif, src in others:
            into = not n["internal"] and not (iif in networks and networks[iif]["internal"])
            for t in tries:
                for proto in ("tcp", "udp"):
                    published = any(p[0] == name and p[3] == t and p[4] == proto for p in ports)
                    yield f"{proto} {src} 40000 {inside} {t} iif={iif} oif={name}", into and published
            if n["mode"] == "routed":
                yield f"icmp {src} 8 {inside} 0 iif={iif} oif={name}", into
        yield f"tcp {inside} 40000 {OUTSIDE} 443 iif={name} oif=eth0", not n["internal"]
        yield f"udp {inside} 40000 {OUTSIDE} 53 iif={name} oif=eth0", not n["internal"]
        yield f"tcp {inside} 40000 {ipaddress.ip_network(n['subnet'])[3]} 22 iif={name} oif={name}", n["icc"]
        if not n["internal"]:
            yield f"tcp {OUTSIDE} 443 {inside} 40000 state=established iif=eth0 oif={name}", True
    yield f"tcp {OUTSIDE} 40000 198.18.0.9 22 iif=eth0 oif=eth1", True


def docker_prerouting(networks, ports):
    """Packets as they come in, before any translation: containers are not reached directly."""
    for name, host, hport, cport, _ in ports:
        n = networks[name]
        inside = container(n["subnet"])
        yield f"tcp {OUTSIDE} 40000 {inside} {cport} iif=eth0", n["mode"] == "routed"
        yield f"tcp {inside} 40000 {inside} {cport} iif={name}", True
        if host == "127.0.0.1":
            yield f"tcp {OUTSIDE} 40000 127.0.0.1 {hport} iif=eth0", False
            yield f"tcp 127.0.0.1 40000 127.0.0.1 {hport} iif=lo", True
            yield f"tcp {OUTSIDE} 40000 127.0.0.1 {hport + 1} iif=eth0", True


def docker_judge(rules, text, forward, prerouting, world):
    networks, ports = world
    differ = []
    for name, asked in ((forward, list(docker_forward(networks, ports))),
                        (prerouting, list(docker_prerouting(networks, ports)))):
        if not asked or not name:
            continue
        for (packet, passes), (verdict, _) in zip(asked, rules.ask(text, name, [p for p, _ in asked])):
            if verdict != ("permit" if passes else "deny"):
                differ.append(f"{packet}: declared to {'pass' if passes else 'stay out'}, rules say {verdict}")
    return "; ".join(differ)


def docker_nft(page):
    body = re.search(r"<summary>Full table ...</summary>\n\n((?:    .*\n|\n)+)", page)
    if not body:
        raise Skip("no full table")
    text = re.sub(r"^    ", "", body.group(1), flags=re.M)
    # nft 1.0.6 does not take the word at this hook, which newer ones write
    return text.replace("hook output priority dstnat", "hook output priority -100")


def docker_iptables(page):
    """The commands that `iptables -S` printed, a table each, as iptables-save has them."""
    tables = {}
    for block in re.findall(r"(?:^    -[PNA] .*\n)+", page, re.M):
        lines = [l.strip() for l in block.splitlines()]
        builtin = {l.split()[1] for l in lines if l.startswith("-P")}
        table = "nat" if "POSTROUTING" in builtin else "filter" if "FORWARD" in builtin else "raw"
        if table not in tables and builtin:
            tables[table] = lines
    if "filter" not in tables:
        raise Skip("no rules in the form of commands")
    ret = ["# Generated by iptables-save v1.8.9"]
    for table, lines in tables.items():
        ret.append("*" + table)
        ret += [f":{l.split()[1]} {l.split()[2]} [0:0]" for l in lines if l.startswith("-P")]
        ret += [f":{l.split()[1]} - [0:0]" for l in lines if l.startswith("-N")]
        ret += [l for l in lines if l.startswith("-A")]
        ret.append("COMMIT")
    return "\n".join(ret + ["# Completed on Sun Nov 22 04:00:00 2026", ""]), "raw" in tables


# ---- all of them ---------------------------------------------------------------------------

class Tally:
    def __init__(self, known, verbose):
        self.agree, self.skips, self.bad = 0, collections.Counter(), 0
        self.known, self.used, self.verbose = known, set(), verbose

    def judge(self, what, f, *args):
        try:
            difference = f(*args)
        except Skip as why:
            self.skips[str(why)] += 1
            if self.verbose:
                print(f"skipped: {what}: {why}")
            return
        for pattern, reason in self.known:
            if difference and re.fullmatch(pattern, f"{what}: {difference}"):
                self.used.add(pattern)
                self.skips["known: " + reason] += 1
                return
        if difference:
            print(f"DIFFERS: {what}: {difference}")
            self.bad += 1
        else:
            self.agree += 1

    def tell(self, what):
        print(f"{what}: {self.agree} agree, {self.bad} differ, {sum(self.skips.values())} not judged")
        for why, n in self.skips.most_common():
            print(f"\t{n}\t{why}")


def files(top, suffix):
    found = []
    for folder, _, names in os.walk(top):
        found += [os.path.join(folder, n) for n in names if n.endswith(suffix)]
    return sorted(found)


def known_differences(root):
    path = os.path.join(root, "tests", "corpus", "declared-differences.tsv")
    with open(path, encoding="utf-8") as f:
        return [tuple(l.rstrip("\n").split("\t")) for l in f if l.strip() and not l.startswith("#")]


def main():
    root, plumbline = sys.argv[1], os.path.abspath(sys.argv[2])
    verbose = "-v" in sys.argv
    shared = os.environ.get("PLUMBLINE_SHARED") or os.path.join(root, "..", "shared")
    top = os.path.join(shared, "corpus")
    if not os.path.isdir(top):
        print(f"skipped: no corpus at {top}")
        return 0
    try:
        list(Rules(plumbline).ask("table inet t { chain c { type filter hook forward priority 0;\n}\n}", "inet t c",
                                  ["tcp 1.1.1.1 1 2.2.2.2 2"]))
    except Skip as why:
        print(f"skipped: {why}")
        return 0
    known, bad = known_differences(root), False
    t = Tally(known, verbose)
    for path in files(os.path.join(top, "nftables", "firewalld__firewalld"), ".at"):
        short = os.path.basename(path)
        for i, (_, config, table, name, body) in enumerate(firewalld_listings(path)):
            t.judge(f"{short} {i} {name}", judge_listing, Rules(plumbline), config, table, name, body)
    t.tell("firewalld, listings")
    bad |= t.bad > 0 or t.agree < 100
    used = t.used
    listed = subprocess.run([plumbline, "list", "collectors"], capture_output=True, text=True, check=True).stdout
    for kind in ("nftables", "iptables"):
        t = Tally(known, verbose)
        for path in files(os.path.join(top, kind, "moby__moby"), ".md"):
            with open(path, encoding="utf-8") as f:
                page = f.read()

            def judge(page=page, kind=kind):
                world = docker_world(page)
                if kind == "nftables":
                    return docker_judge(Rules(plumbline), docker_nft(page), "ip docker-bridges filter-FORWARD",
                                        "ip docker-bridges raw-PREROUTING", world)
                if not re.search(r"^iptables ", listed, re.M):
                    raise Skip("no collector for iptables")
                text, raw = docker_iptables(page)
                return docker_judge(Rules(plumbline, "iptables"), text, "filter FORWARD",
                                    "raw PREROUTING" if raw else None, world)
            t.judge(f"{kind} {os.path.basename(path)}", judge)
        t.tell(f"Docker, pages of {kind}")
        bad |= t.bad > 0
        used |= t.used
    for pattern, _ in known:
        if pattern not in used:
            print(f"declared-differences.tsv: {pattern} names nothing")
            bad = True
    return int(bad)


sys.exit(main())
