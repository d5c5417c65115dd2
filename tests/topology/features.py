# SPDX-License-Identifier: Apache-2.0
"""What makes a packet's way worth asking about: routes that compete, rules that choose tables,
translation, filters. Each feature adds lines to a topology that worked without it."""
import ipaddress

IP = ("ip", "ip6")
FORMS = {  # where a filter stands: iptables' table and chain, nft's hook and priority
    "forward": ("filter", "FORWARD", "forward", 0),
    "raw": ("raw", "PREROUTING", "prerouting", -300),
    "early": ("mangle", "PREROUTING", "prerouting", -150),
    "leaving": ("mangle", "POSTROUTING", "postrouting", -150),
    "left": (None, None, "postrouting", 150),  # behind translation, nft alone
    "dnat": ("nat", "PREROUTING", "prerouting", -100),
    "snat": ("nat", "POSTROUTING", "postrouting", 100),
}
SERVICES = ((22, 22), (53, 80), (80, 80), (80, 443), (443, 8080), (5000, 5000), (8080, 8080))


# ---- conditions ----

def around(m, family, seg=None):
    """A prefix about hosts: a whole subnet, a half, a quarter, one of them."""
    seg = seg or m.rng.choice([s for s in m.segments if s.zone])
    if seg is m.outside:
        return some_outside(m, family)
    net = seg.nets[family]
    host = net[m.rng.choice((10, 70, 130, 200))]
    whole = 24 if family == 0 else m.rng.choice((64, 120))
    bits = whole + 96 if whole == 24 and family else whole
    more = m.rng.choice((0, 0, 1, 2, 8))
    length = bits if not more else (24 if family == 0 else 120) + more
    return str(ipaddress.ip_network((int(host), length), strict=False) if family == 0 else
               ipaddress.IPv6Network((int(host), length), strict=False))


def some_outside(m, family):
    far = int(ipaddress.ip_address(m.rng.choice(m.far[family])))
    bits = (32, 128)[family]
    far >>= (more := m.rng.choice((0, bits // 4, 3 * bits // 4, bits - 1)))
    return str((ipaddress.IPv4Network, ipaddress.IPv6Network)[family]((far << more, bits - more)))


def inside(m):
    """A subnet whose zone isn't everything else."""
    return m.rng.choice([s for s in m.segments if s.zone and s is not m.outside])


def condition(m, space, family, places=True):
    c = {}
    if m.chance(0.55):
        c["src"] = around(m, family)
    if m.chance(0.55):
        c["dst"] = around(m, family)
    if m.chance(0.5):
        c["proto"] = m.rng.choice(("tcp", "udp", "icmp"))
        if c["proto"] != "icmp" and m.chance(0.7):
            c["dport"] = m.rng.choice(SERVICES)
    if places and m.chance(0.2):
        c["iif"] = f"eth{m.rng.randrange(max(1, space.n_ports))}"
    return c


def icmp_name(family):
    return ("icmp", "ipv6-icmp")[family]


def nft_words(c, family):
    ip = IP[family]
    out = []
    for key, word in (("iif", 'iifname "{}"'), ("oif", 'oifname "{}"'), ("src", ip + " saddr {}"),
                      ("dst", ip + " daddr {}")):
        if key in c:
            out.append(word.format(c[key]))
    if "dport" in c:
        lo, hi = c["dport"]
        out.append(f"{c['proto']} dport {lo}" + (f"-{hi}" if hi != lo else ""))
    elif "proto" in c:
        out.append("meta l4proto " + (icmp_name(family) if c["proto"] == "icmp" else c["proto"]))
    if not any(k in c for k in ("src", "dst")):
        out.insert(0, f"meta nfproto ipv{(4, 6)[family]}")
    return " ".join(out)


def ipt_words(c, family):
    out = []
    for key, word in (("src", "-s"), ("dst", "-d"), ("iif", "-i"), ("oif", "-o")):
        if key in c:
            out.append(f"{word} {c[key]}")
    if "proto" in c:
        out.append("-p " + (icmp_name(family) if c["proto"] == "icmp" else c["proto"]))
    if "dport" in c:
        lo, hi = c["dport"]
        out.append(f"-m {c['proto']} --dport {lo}" + (f":{hi}" if hi != lo else ""))
    return " ".join(out)


# ---- where rules stand ----

def once(space, text, kind="nft", table="", feature=""):
    if not any(i.kind == kind and i.table == table and i.text == text for i in space.items):
        space.add(kind, text, table=table, feature=feature)


def nft_chain(space, form, policy="accept"):
    """'family table chain', made where it wasn't; the policy is the first asker's."""
    _, _, hook, priority = FORMS[form]
    kind = "nat" if form in ("dnat", "snat") else "filter"
    name = f"inet {kind} at_{form}"
    once(space, f"add table inet {kind}")
    if not any(i.text.startswith(f"add chain {name} ") for i in space.items):
        space.add("nft", f"add chain {name} {{ type {kind} hook {hook} priority {priority}; policy {policy}; }}")
    return name


def carries(space):
    return any("type vxlan" in t for t in space.text("link"))


def rule(m, space, family, form, c, nft, ipt, feature):
    """One rule in the space's own tool; nft, ipt: what is done."""
    if carries(space) and form in ("raw", "early", "leaving", "left") and "src" not in c:
        c = {**c, "src": around(m, family)}  # what carries an overlay isn't followed
    if space.tool == "nft" or FORMS[form][0] is None:
        space.add("nft", f"add rule {nft_chain(space, form)} {nft_words(c, family)} {nft}", True,
                  feature=feature)
        return
    table, chain, _, _ = FORMS[form]
    kind = space.tool + "46"[family]
    space.add(kind, f"-A {chain} {ipt_words(c, family)} {ipt}".replace("  ", " "), True, table, feature)


def policy(space, form, verdict):
    """The chain's own answer for both families, before any rule of it."""
    if space.tool == "nft":
        nft_chain(space, form, "drop" if verdict == "DROP" else "accept")
        return
    table, chain, _, _ = FORMS[form]
    for version in "46":
        once(space, f":{chain} {verdict} [0:0]", space.tool + version, table)


# ---- routes ----

def neighbour(m, space):
    """(own member, another router's) of a subnet that both are on; None where it is alone."""
    beside = m.beside(space)
    return m.rng.choice(beside)[1] if beside else None


def other(m, space):
    """A zone's subnet that the router isn't on, or any."""
    far = [s for s in m.segments if s.zone and not s.of(space)]
    return m.rng.choice(far or [s for s in m.segments if s.zone])


def families(m):
    return m.rng.choice(((0,), (1,), (0, 1)))


def more_specific(m):
    r = m.rng.choice(m.routers)
    hop, seg = neighbour(m, r), other(m, r)
    for f in families(m):
        if hop:
            m.route(r, f, around(m, f, seg), [hop], " metric 7", feature="more_specific")


def blackhole(m):
    r = m.rng.choice(m.routers)
    seg = other(m, r)
    for f in families(m):
        kind = m.rng.choice(("blackhole", "unreachable", "prohibit"))
        r.add("ip", f"route add {kind} {around(m, f, seg)} metric 9", True, feature="blackhole")


def missing(m):
    r = m.rng.choice(m.routers)
    routes = [i for i in r.items if i.free and i.kind in IP and i.text.startswith("route add")]
    if routes:
        r.items.remove(m.rng.choice(routes))


def metric(m):
    r = m.rng.choice(m.routers)
    hop, seg = neighbour(m, r), other(m, r)
    for f in families(m):
        if hop:
            value = m.rng.choice(((5, 300), (100, 3000))[f])
            m.route(r, f, seg.nets[f], [hop], f" metric {value}", feature="metric")


def table(m, r, f):
    """A table of the router's own with something in it; its number."""
    m.n_tables += 1
    n = 100 + m.n_tables
    zero = ("0.0.0.0/0", "::/0")[f]
    kind = m.rng.choice(("default", "default", "zones", "hole", "empty", "throw"))
    hops = [neighbour(m, r) for _ in range(2)]
    if not hops[0]:
        kind = "hole"
    if kind == "hole":
        r.add("ip", f"route add blackhole {zero} table {n}", True)
    elif kind == "zones":
        for seg in (s for s in m.segments if s.zone and m.chance(0.6)):
            m.route(r, f, seg.nets[f], [m.rng.choice(hops)], f" table {n}")
    elif kind in ("default", "throw"):
        m.route(r, f, zero, [hops[0]], f" table {n}")
        if kind == "throw":
            for _ in range(2):
                r.add("ip", f"route add throw {around(m, f)} metric {m.rng.randrange(1, 200)} table {n}", True)
    return n


def selector(m, r, f):
    c = {}
    for _ in range(m.rng.choice((1, 1, 2))):
        what = m.rng.choice(("from", "to", "iif", "ports", "proto"))
        if what in ("from", "to"):
            c[what] = around(m, f)
        elif what == "iif":
            c["iif"] = f"eth{m.rng.randrange(max(1, r.n_ports))}"
        else:
            c["ipproto"] = m.rng.choice(("tcp", "udp"))
            if what == "ports":
                lo, hi = m.rng.choice(SERVICES)
                c["dport"] = f"{lo}-{hi}" if hi != lo else f"{lo}"
    words = " ".join(f"{k} {v}" for k, v in c.items())
    return ("not " if m.chance(0.12) else "") + words


def rule_line(m, r, f, words, action, feature):
    r.add(IP[f], f"rule add {words} pref {m.rng.randrange(1000, 2000)} {action}", True, feature=feature)


def routing_rule(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule_line(m, r, f, selector(m, r, f), f"lookup {table(m, r, f)}", "routing_rule")


def rule_ends(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule_line(m, r, f, selector(m, r, f), m.rng.choice(("blackhole", "unreachable", "prohibit")),
                  "rule_ends")


def suppress(m):
    """Only what the main table knows better than by its default route."""
    r = m.rng.choice(m.routers)
    for f in families(m):
        length = m.rng.choice((0, 0, (24, 64)[f]))
        r.add(IP[f], f"rule add pref 800 lookup main suppress_prefixlength {length}", True, feature="suppress")
        r.add(IP[f], f"rule add pref 900 lookup {table(m, r, f)}", True, feature="suppress")


def rule_jump(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        r.add(IP[f], f"rule add pref 1500 {selector(m, r, f)} goto 2100", True, feature="rule_jump")
        r.add(IP[f], f"rule add pref 2000 lookup {table(m, r, f)}", True, feature="rule_jump")
        once(r, "rule add pref 2100 lookup main", IP[f], feature="rule_jump")


def mark(m):
    """Packets are marked, marks choose a table."""
    r = m.rng.choice(m.routers)
    for f in families(m):
        value = m.rng.choice((1, 2, 0x10))
        for _ in range(m.rng.choice((1, 2))):
            rule(m, r, f, "early", condition(m, r, f), f"meta mark set {value}", f"-j MARK --set-mark {value}",
                 "mark")
        word = m.rng.choice((f"fwmark {value}", f"fwmark {value}/{value}"))
        rule_line(m, r, f, word, f"lookup {table(m, r, f)}", "mark")


# ---- translation ----

def out_port(m, r):
    return m.rng.choice([s.of(r).port for s in m.segments if s.of(r)])


def transits(m):
    """Everybody knows the networks between the routers, so that answers to them come back."""
    for r in m.routers:
        for seg in m.segments:
            hops = None if seg.zone or "underlay" in seg.name else m.hops(r, seg)
            for f in (0, 1):
                if hops and not any(i.kind == "ip" and i.text.startswith(f"route add {seg.nets[f]} ")
                                    for i in r.items):
                    m.route(r, f, seg.nets[f], [m.rng.choice(hops)], feature="transits")


def narrowed(m, r, f, **more):
    """A condition for translation: mostly about sources."""
    c = condition(m, r, f, places=False)
    if m.chance(0.5):
        c.pop("dst", None)
    return {**c, **more}


def public(m, r, base, feature):
    """A subnet of public addresses, of both families, that others look for at r."""
    m.n_publics += 1
    n = m.n_publics
    nets = (ipaddress.ip_network(f"{base[0]}.{16 * n}/28"), ipaddress.ip_network(f"{base[1]}:{n:x}::/124"))
    m.route_to(r, nets, feature)
    return nets


def filtered(m, r, f, translated, feature):
    """A rule behind routing that asks for the source: as it was, or what it was translated to."""
    if m.chance(0.5):
        form = m.rng.choice(("leaving", "left"))
        c = {"src": translated if translated and m.chance(0.5) else around(m, f)}
        if m.chance(0.4):
            c["proto"] = m.rng.choice(("tcp", "udp"))
        rule(m, r, f, form, c, "drop", "-j DROP", feature)


def asked(m, r, f, public_address, feature):
    """The same before translation: a destination as it was published, or as it becomes."""
    if m.chance(0.4):
        c = {"dst": public_address if m.chance(0.7) else around(m, f)}
        if m.chance(0.4):
            c["proto"] = m.rng.choice(("tcp", "udp"))
        rule(m, r, f, m.rng.choice(("raw", "early")), c, "drop", "-j DROP", feature)


def snat(m):
    r = m.rng.choice(m.routers)
    nets = public(m, r, ("203.0.113", "2001:db8:2:0"), "snat")
    for f in families(m):
        to = str(nets[f][m.rng.randrange(1, 15)])
        last = str(nets[f][15])
        c = narrowed(m, r, f)
        if m.chance(0.6):
            c["oif"] = out_port(m, r)
        if m.chance(0.2):
            to += f"-{last}"
        rule(m, r, f, "snat", c, f"snat {IP[f]} to {to}", f"-j SNAT --to-source {to}", "snat")
        filtered(m, r, f, to.split("-")[0], "snat")


def masquerade(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule(m, r, f, "snat", narrowed(m, r, f, oif=out_port(m, r)), "masquerade", "-j MASQUERADE",
             "masquerade")
        filtered(m, r, f, None, "masquerade")
    if m.chance(0.7):
        transits(m)


def bracket(addr, port):
    return (f"[{addr}]" if ":" in addr else addr) + (f":{port}" if port else "")


def dnat_to(m, r, f, dst, feature):
    """A public address (and mostly a service) becomes a host of a zone."""
    seg = inside(m)
    host = str(seg.nets[f][m.rng.choice((10, 70, 130, 200))])
    c = {"dst": dst}
    port = 0
    if m.chance(0.7):
        c["proto"] = m.rng.choice(("tcp", "udp"))
        lo, hi = m.rng.choice(SERVICES)
        c["dport"] = (lo, hi)
        port = m.rng.choice((0, 0, 80, 8080))
        m.targets.append((dst, c["proto"], m.rng.choice((lo, hi))))
    if m.chance(0.25):
        c["src"] = around(m, f)
    m.targets.append((dst,))
    to = bracket(host, port)
    rule(m, r, f, "dnat", c, f"dnat {IP[f]} to {to}", f"-j DNAT --to-destination {to}", feature)


def dnat(m):
    r = m.rng.choice(m.routers)
    nets = public(m, r, ("198.51.100", "2001:db8:1:0"), "dnat")
    for f in families(m):
        for _ in range(m.rng.choice((1, 2, 3))):
            to = str(nets[f][m.rng.randrange(1, 4)])
            dnat_to(m, r, f, to, "dnat")
            asked(m, r, f, to, "dnat")


def forwarded_port(m):
    """The same with an address of the router's own."""
    r = m.rng.choice(m.routers)
    seg = m.rng.choice([s for s in m.segments if s.of(r) and "underlay" not in s.name])
    for f in families(m):
        dnat_to(m, r, f, seg.of(r).addrs[f], "forwarded_port")
    if m.chance(0.5):
        transits(m)


def dnat_map(m):
    """nft: one rule, many addresses."""
    r = m.rng.choice(m.routers)
    nets = public(m, r, ("198.51.100", "2001:db8:1:0"), "dnat_map")
    for f in families(m):
        hosts = [str(inside(m).nets[f][h]) for h in (10, 70, 130)]
        ip = IP[f]
        if m.chance(0.5):
            pairs = ", ".join(f"{nets[f][k]} : {h}" for k, h in enumerate(hosts, 1))
            text = f"dnat {ip} to {ip} daddr map {{ {pairs} }}"
        else:
            pairs = ", ".join(f"{nets[f][k]} . {22 if k < 3 else 80} : {h} . {k + 79}"
                              for k, h in enumerate(hosts, 1))
            text = f"dnat {ip} to {ip} daddr . tcp dport map {{ {pairs} }}"
            m.targets += [(str(nets[f][k]), "tcp", 22 if k < 3 else 80) for k in (1, 2, 3)]
        m.targets += [(str(nets[f][k]),) for k in (1, 2, 3)]
        r.add("nft", f"add rule {nft_chain(r, 'dnat')} {text}", True, feature="dnat_map")


def netmap(m):
    """A block of public addresses becomes one of a zone's, address by address."""
    r = m.rng.choice([r for r in m.routers if r.tool != "nft"] or m.routers)
    if r.tool == "nft":
        return
    nets = public(m, r, ("198.51.100", "2001:db8:1:0"), "netmap")
    seg = inside(m)
    for f in families(m):
        block = ipaddress.ip_network((int(seg.nets[f][64]), nets[f].prefixlen)) if f == 0 else \
            ipaddress.IPv6Network((int(seg.nets[f][64]), nets[f].prefixlen))
        m.targets.append((str(nets[f][6]),))
        r.add(r.tool + "46"[f], f"-A PREROUTING -d {nets[f]} -j NETMAP --to {block}", True, "nat", "netmap")


def redirect(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        c = narrowed(m, r, f)
        c["proto"], c["dport"] = m.rng.choice(("tcp", "udp")), m.rng.choice(SERVICES)
        rule(m, r, f, "dnat", c, "redirect to :3128", "-j REDIRECT --to-ports 3128", "redirect")


def exempt(m):
    """Taken out of what the translations behind it say."""
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule(m, r, f, m.rng.choice(("snat", "dnat")), narrowed(m, r, f), "accept", "-j ACCEPT", "exempt")


def untracked(m):
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule(m, r, f, "raw", condition(m, r, f), "notrack", "-j CT --notrack", "untracked")


# ---- filters ----

def stateful(m):
    r = m.rng.choice(m.routers)
    if m.chance(0.7):
        policy(r, "forward", "DROP")
    for f in (0, 1):
        rule(m, r, f, "forward", {}, "ct state established,related accept",
             "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "stateful")
        for _ in range(m.rng.choice((2, 4, 6))):
            permit = m.chance(0.75)
            rule(m, r, f, "forward", condition(m, r, f), "accept" if permit else "drop",
                 "-j ACCEPT" if permit else "-j DROP", "stateful")


def stateless(m):
    """Drops here and there; answers have to find their own way through."""
    r = m.rng.choice(m.routers)
    form = m.rng.choice(("forward", "raw", "early", "leaving", "left"))
    for f in families(m):
        for _ in range(m.rng.choice((1, 2, 3))):
            permit = m.chance(0.3)
            rule(m, r, f, form, condition(m, r, f, form in ("forward", "raw", "early")),
                 "accept" if permit else "drop", "-j ACCEPT" if permit else "-j DROP", "stateless")


def translated(m):
    """Only what a destination was translated for."""
    r = m.rng.choice(m.routers)
    for f in families(m):
        rule(m, r, f, "forward", condition(m, r, f), "ct status dnat accept",
             "-m conntrack --ctstate DNAT -j ACCEPT", "translated")
        rule(m, r, f, "forward", condition(m, r, f), "drop", "-j DROP", "translated")


def beside_overlays(m, s, f, c):
    """What carries an overlay isn't followed: rules in a switch below one are about zones."""
    return {**c, "src": around(m, f)} if s.name in m.below and "src" not in c else c


def switch_filter(m):
    """nft's bridge family in a switch."""
    switches = [s for s in m.plan.spaces if s.role == "switch"]
    if not switches:
        return
    s = m.rng.choice(switches)
    once(s, "add table bridge filter")
    once(s, "add chain bridge filter forward { type filter hook forward priority 0; policy accept; }")
    for f in (0, 1):
        for _ in range(2):
            c = beside_overlays(m, s, f, condition(m, s, f))
            words = nft_words(c, f).replace(f"meta nfproto ipv{(4, 6)[f]}", f"ether type ip{('', '6')[f]}")
            s.add("nft", f"add rule bridge filter forward {words} drop", True, feature="switch_filter")


def switch_calls(m):
    """A switch that shows its frames to the rules of IP."""
    switches = [s for s in m.plan.spaces if s.role == "switch"]
    if not switches:
        return
    s = m.rng.choice(switches)
    s.add("sysctl", "net/bridge/bridge-nf-call-iptables 1")
    s.add("sysctl", "net/bridge/bridge-nf-call-ip6tables 1")
    for f in (0, 1):
        for _ in range(2):
            rule(m, s, f, "forward", beside_overlays(m, s, f, condition(m, s, f, False)), "drop", "-j DROP",
                 "switch_calls")


# ---- the host's own ----

def source_check(m):
    r = m.rng.choice(m.routers)
    r.add("sysctl", f"net/ipv4/conf/all/rp_filter {m.rng.choice((1, 1, 2))}", True, feature="source_check")


def not_forwarding(m):
    r = m.rng.choice(m.routers)
    if m.chance(0.5):
        r.add("sysctl", f"net/ipv4/conf/eth{m.rng.randrange(max(1, r.n_ports))}/forwarding 0", True,
              feature="not_forwarding")
    else:
        r.add("sysctl", "net/ipv6/conf/all/forwarding 0", True, feature="not_forwarding")


def tunnel(m):
    """Some addresses are reached over the heads of the routers between."""
    fit = [r for r in m.routers if any(s.of(r) and not s.zone for s in m.segments)]
    if len(fit) < 2:
        return
    a, b = m.rng.sample(fit, 2)
    transits(m)
    seg = m.segment([a, b], "tunnel")
    for r, peer in ((a, b), (b, a)):
        goal = other(m, r)
        for f in families(m):
            m.route(r, f, around(m, f, goal), [(seg.of(r), seg.of(peer))], " metric 6", feature="tunnel")


def link_down(m):
    """Its routes go with it; the other end has no carrier."""
    r = m.rng.choice(m.routers)
    if r.n_ports and not carries(r):
        port = f"eth{m.rng.randrange(r.n_ports)}"
        r.add("ip", f"link set {port} down", True, feature="link_down")
        m.forsake(r, port)


WEIGHTS = {
    more_specific: 6, blackhole: 5, missing: 3, metric: 4, routing_rule: 10, rule_ends: 3, suppress: 3,
    rule_jump: 2, mark: 5, snat: 7, masquerade: 7, dnat: 9, forwarded_port: 4, dnat_map: 3, netmap: 3,
    redirect: 2, exempt: 3, untracked: 2, stateful: 9, stateless: 7, translated: 2, switch_filter: 4,
    switch_calls: 3, source_check: 2, not_forwarding: 1, link_down: 1, tunnel: 0,
}


def draw(m):
    n = m.rng.choice((1, 2, 3, 3, 4, 5, 6))
    # rules that translate stand behind those that exempt
    for f in m.rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=n):
        m.plan.features.append(f.__name__)
        f(m)
