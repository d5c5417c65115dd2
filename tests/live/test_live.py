#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `plumbline collect linux` says of namespaces that were made for it. 77: skipped."""
import copy
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys

from world import (PROGRAM, ROOT, TOOLS, collect, folder, inside, need, nft, problems, run_all, sh, space)

RULESET = """
table inet t {
  counter c1 { }
  set s1 { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
  set s2 { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 10.1.0.1-10.1.0.9, 0.0.0.0/8, 224.0.0.0/3 } }
  set s3 { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/24 . 1-5, 10.0.0.0/24 . 80 } }
  set s4 { type inet_service; flags interval; auto-merge; elements = { 1-5, 6-9, 20, 65535 } }
  set dyn { type ipv4_addr; flags dynamic,timeout; timeout 5m; }
  map m1 { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept, * : drop } }
  chain sub {
    tcp dport 22 accept
  }
  chain fw {
    type filter hook forward priority 7; policy drop;
    tcp dport { 22, 80, 443 } accept
    tcp dport { 1-5, 6-10, 20 } accept
    ip saddr @s1 tcp sport 5 jump sub
    ip saddr @s2 goto sub
    ip saddr vmap @m1
    tcp dport vmap { 1 : accept, 2 : drop }
    ip saddr . tcp dport @s3 counter name c1 drop
    add @dyn { ip saddr }
    meter mm { ip saddr limit rate 5/second } accept
    meta mark set ip saddr map { 1.2.3.4 : 5 }
    log prefix "@s1"
    ct state new,established accept
    ct state vmap { invalid : drop, established : accept }
    counter name tcp dport map { 1 : "c1" }
    tcp dport @s4 reject
    return
  }
}
table netdev nd {
  chain i { type filter hook ingress device lo priority 0; ip saddr 1.2.3.4 drop; }
}
"""


def rich(tag):
    """A host with something of everything, and one beside it that it leads to."""
    a, b = space(tag + "a"), space(tag + "b")
    sh("ip", "-n", a, "link", "add", "veth1", "type", "veth", "peer", "name", "eth0", "netns", b)
    inside(a, """
ip link add br0 type bridge
ip link add veth2 type veth peer name veth3
ip link set veth1 master br0; ip link set veth2 master br0
ip link add vx5 type vxlan id 5 remote 10.9.0.2 local 10.9.0.1 dstport 4790 nolearning
ip link set vx5 master br0
ip link add mv0 link veth3 type macvlan mode vepa
ip link set br0 type bridge nf_call_iptables 1
for i in br0 veth1 veth2 veth3 vx5; do sysctl -qw net.ipv6.conf.$i.addr_gen_mode=1; ip link set $i up; done
ip addr add 10.0.0.1/24 dev br0
ip addr add 192.0.2.1 peer 192.0.2.9 dev veth3
ip addr add 10.9.0.1/24 dev veth3
ip addr add 2001:db8::1/64 dev br0 nodad
ip route add 10.5.0.0/16 via 10.0.0.9 table 100 metric 7
ip route add 10.6.0.0/16 nexthop via 10.0.0.8 weight 3 nexthop via 10.0.0.9
ip route add blackhole 10.7.0.0/16
ip route add prohibit 10.8.0.0/16 table 70000
ip nexthop add id 11 via 10.0.0.77 dev br0
ip route add 10.10.0.0/16 nhid 11
ip -6 route add 2001:db8:5::/48 via 2001:db8::9 metric 50
ip -6 route append 2001:db8:5::/48 via 2001:db8::a metric 50
ip rule add not from 10.0.0.0/24 to 10.1.0.0/16 fwmark 0x5/0xff iif br0 oif gone0 lookup 100 pref 100
ip rule add uidrange 5-10 ipproto tcp sport 5-6 dport 80 tos 0x10 lookup 101 pref 101
ip rule add lookup main suppress_prefixlength 0 pref 102
ip rule add goto 200 pref 103
ip rule add blackhole pref 200 from 10.99.0.0/16
ip -6 rule add from 2001:db8::/32 lookup 100 pref 100
ip neigh add 10.0.0.55 lladdr 02:00:00:00:00:55 dev br0
ip neigh add proxy 10.0.0.66 dev br0
bridge link set dev veth2 isolated on
bridge fdb add 02:00:00:00:00:77 dev veth1 master static
bridge fdb append 00:00:00:00:00:00 dev vx5 dst 10.9.0.3
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.br0.rp_filter=2
iptables-legacy -A FORWARD -s 1.2.3.4 -j DROP
iptables-legacy -t raw -A PREROUTING -s 1.2.3.5 -j DROP
ip6tables-nft -A FORWARD -p tcp -m multiport --dports 1,2 -j DROP
ebtables -A FORWARD -s 02:00:00:00:00:01 -j DROP
ipset create s1 hash:ip
ipset add s1 10.0.0.1; ipset add s1 10.0.0.3
ipset create s2 hash:net,port timeout 100
ipset add s2 10.0.0.0/24,tcp:80
""")
    nft(a, RULESET)
    return a, b


def find(items, **want):
    found = [i for i in items if all(i.get(k) == v for k, v in want.items())]
    assert found, f"nothing with {want}"
    return found[0]


def check(what, **want):
    for k, v in want.items():
        assert what.get(k) == v, f"{k} is {what.get(k)!r}, expected {v!r} in {what}"


def data(doc, part):
    return doc["parts"][part]["data"]


def test_links():
    a, b = rich("l")
    doc, _, _ = collect(a)
    links = data(doc, "links")
    assert [x["index"] for x in links] == sorted(x["index"] for x in links)
    beside = {s["names"][0]: s for s in doc["beside"] if s["names"]}
    check(find(links, name="veth1"), kind="veth", master="br0", up=True, peer=None,
          peer_namespace=beside[b]["id"])
    check(find(links, name="veth2"), peer="veth3", peer_namespace=None)
    check(find(links, name="vx5")["vxlan"], vni=5, remote="10.9.0.2", local="10.9.0.1", port=4790,
          learning=False)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        assert doc["host"]["boot"] == f.read().strip()
    check(find(links, name="mv0"), parent="veth3", macvlan={"mode": "vepa"}, up=False)
    check(find(links, name="br0")["bridge"], vlan_filtering=False, nf_call_iptables=True,
          nf_call_ip6tables=False)
    check(find(links, name="lo"), kind=None, type=772)
    addresses = data(doc, "addresses")
    check(find(addresses, link="veth3", prefix_length=32), address="192.0.2.1", peer="192.0.2.9",
          family="ipv4")
    check(find(addresses, address="2001:db8::1"), link="br0", prefix_length=64, scope="global")
    ports = data(doc, "bridge")["ports"]
    check(find(ports, link="veth2"), master="br0", state="forwarding", isolated=True)
    check(find(ports, link="veth1"), isolated=False)
    fdb = data(doc, "bridge")["fdb"]
    check(find(fdb, mac="02:00:00:00:00:77"), link="veth1", master="br0", state=["noarp"])
    assert {f["destination"] for f in fdb if f["link"] == "vx5" and "destination" in f} == {"10.9.0.2",
                                                                                       "10.9.0.3"}
    neighbours = data(doc, "neighbours")
    check(find(neighbours, address="10.0.0.55"), link="br0", mac="02:00:00:00:00:55", state=["permanent"])
    check(find(neighbours, address="10.0.0.66"), flags=["proxy"])
    sysctls = data(doc, "sysctls")
    assert sysctls["net/ipv4/ip_forward"] == "1" and sysctls["net/ipv4/conf/br0/rp_filter"] == "2"
    assert sysctls["net/ipv6/conf/all/forwarding"] == "0"
    assert "net/ipv4/conf/veth3/forwarding" in sysctls


def test_routes():
    a, _ = rich("r")
    doc, _, _ = collect(a)
    routes = data(doc, "routes")
    check(find(routes, destination="10.5.0.0/16"), table=100, gateway="10.0.0.9", link="br0", priority=7)
    hops = find(routes, destination="10.6.0.0/16")["nexthops"]
    assert [(h["gateway"], h["weight"]) for h in hops] == [("10.0.0.8", 3), ("10.0.0.9", 1)]
    check(find(routes, destination="10.7.0.0/16"), type="blackhole", table=254)
    check(find(routes, destination="10.8.0.0/16"), type="prohibit", table=70000)
    check(find(routes, destination="10.10.0.0/16"), nexthop_id=11, gateway="10.0.0.77")
    check(find(routes, destination="10.0.0.1/32"), table=255, type="local")
    check(find(data(doc, "nexthops"), id=11), gateway="10.0.0.77", link="br0", blackhole=False)
    # the two are one multipath route to the kernel
    six = [r for r in routes if r["destination"] == "2001:db8:5::/48"]
    gateways = {r["gateway"] for r in six if r["gateway"]} | \
               {h["gateway"] for r in six for h in r.get("nexthops", [])}
    assert gateways == {"2001:db8::9", "2001:db8::a"}, six
    # as many as ip sees
    for family, option in (("ipv4", "-4"), ("ipv6", "-6")):
        seen = json.loads(sh("ip", "-n", a, "-j", option, "route", "show", "table", "all").stdout)
        assert len(seen) == len([r for r in routes if r["family"] == family])
    rules = data(doc, "rules")
    check(find(rules, priority=100, family="ipv4"), invert=True, to="10.1.0.0/16", fwmark=5, fwmask=255,
          iif="br0", oif="gone0", oif_detached=True, action="table", table=100, **{"from": "10.0.0.0/24"})
    check(find(rules, priority=101), invert=False, ip_proto=6, sport=[5, 6], dport=[80, 80],
          uid_range=[5, 10], tos=16, table=101)
    check(find(rules, priority=102), suppress_prefixlength=0, table=254)
    check(find(rules, priority=103), action="goto", goto=200)
    check(find(rules, priority=200), action="blackhole")
    check(find(rules, priority=100, family="ipv6"), invert=False, **{"from": "2001:db8::/32"})
    assert [r["priority"] for r in rules if r["family"] == "ipv4"] == [0, 100, 101, 102, 103, 200, 32766, 32767]
    for part in ("routes", "rules", "links", "addresses", "neighbours"):
        assert "unknown_attributes" not in doc["parts"][part], doc["parts"][part]["unknown_attributes"]


def test_rulesets():
    a, _ = rich("s")
    doc, _, _ = collect(a)
    part = doc["parts"]["nftables"]
    assert part["differences"] == [] and not problems(doc)
    tables = {(t["family"], t["name"]): t for t in part["kernel"]["tables"]}
    assert set(tables) == {("inet", "t"), ("netdev", "nd"), ("ip6", "filter"), ("bridge", "filter")}
    fw = find(tables["inet", "t"]["chains"], name="fw")
    check(fw, type="filter", hook="forward", priority=7, policy="drop", rules=16)
    assert len(fw["rule_handles"]) == 16
    check(find(tables["netdev", "nd"]["chains"], name="i"), hook="ingress", devices=["lo"])
    sets = {s["name"]: s for s in tables["inet", "t"]["sets"]}
    assert "dynamic" in sets["dyn"]["flags"] and "timeout" in sets["dyn"]["flags"]
    assert [sets[n]["elements"] for n in ("s1", "s2", "s3", "s4", "m1")] == [2, 4, 2, 3, 2]
    assert sum("anonymous" in s["flags"] for s in sets.values()) > 5
    listed = part["listing"]["nftables"]
    assert sum("rule" in o and o["rule"]["chain"] == "fw" for o in listed) == 16
    listings = {(x["family"], x["backend"]): x for x in doc["parts"]["iptables"]["listings"]}
    assert set(listings) == {("ipv4", "legacy"), ("ipv6", "nft")}
    legacy = listings["ipv4", "legacy"]
    assert set(legacy["tables"]) == {"raw", "filter"}
    assert "-A PREROUTING -s 1.2.3.5/32 -j DROP" in legacy["text"] and legacy["text"].count("COMMIT") == 2
    assert any("--dports 1,2" in x for x in listings["ipv6", "nft"]["text"])
    assert "-A FORWARD -s 02:00:00:00:00:01 -j DROP" in doc["parts"]["ebtables"]["listings"][0]["text"]
    ipsets = doc["parts"]["ipsets"]
    assert "add s1 10.0.0.3" in ipsets["text"] and ipsets["differences"] == []
    check(find(ipsets["kernel"], name="s1"), type="hash:ip", family="ipv4", elements=2)
    assert doc["parts"]["conntrack"]["maximum"] > 0


def test_dormant():
    a = space("d")
    nft(a, "table inet off { flags dormant; chain f { type filter hook forward priority 0; policy drop; }; }\n"
           "table inet on { chain f { type filter hook forward priority 0; policy drop; }; }")
    doc, _, _ = collect(a)
    part = doc["parts"]["nftables"]
    tables = {t["name"]: t for t in part["kernel"]["tables"]}
    assert tables["off"]["flags"] == ["dormant"] and tables["on"]["flags"] == []
    assert part["differences"] == []
    listed = [o["table"]["name"] for o in part["listing"]["nftables"] if "table" in o]
    assert listed == ["on"], listed
    inside(a, "nft delete table inet on")
    doc, _, _ = collect(a)
    assert [list(o) for o in doc["parts"]["nftables"]["listing"]["nftables"]] == [["metainfo"]]


def test_statement_that_json_cannot_hold():
    a = space("j")
    nft(a, "table inet t {\n chain f {\n  type filter hook forward priority 0;\n  tcp dport 9 jump {\n"
           "   ip saddr 1.2.3.4 accept\n  }\n }\n}\n")
    doc, _, _ = collect(a, codes=(4,))
    assert problems(doc) == [("nftables", "unsupported")]
    assert doc["parts"]["nftables"]["differences"] == []


def test_interface_called_like_a_set():
    """nft's JSON has the same text for both; only the kernel's read tells them apart."""
    a = space("i")
    nft(a, 'table ip t { set s { type ipv4_addr; }; chain f { iifname "@s" accept; }; }')
    doc, _, _ = collect(a, codes=(4,))
    assert problems(doc) == [("nftables", "differs")] and len(doc["parts"]["nftables"]["differences"]) == 1


def test_beside():
    a, b, c, d = (space("b" + x) for x in "abcd")
    sh("ip", "-n", a, "link", "add", "x", "type", "veth", "peer", "name", "x", "netns", b)
    sh("ip", "-n", b, "link", "add", "y", "type", "veth", "peer", "name", "y", "netns", c)
    sh("ip", "-n", b, "link", "add", "br0", "type", "bridge")
    for link in "xy":
        sh("ip", "-n", b, "link", "set", link, "master", "br0")
    inside(d, "sysctl -qw net.ipv6.conf.all.forwarding=1")
    doc, _, _ = collect(a)
    beside = {s["names"][0]: s for s in doc["beside"] if s["names"]}
    check(beside[b], forwards=True, linked=True, why="bridge br0 with 2 ports")
    check(beside[c], forwards=False, linked=True)
    check(beside[d], forwards=True, linked=False)
    assert a not in beside
    assert any(os.getpid() in s["pids"] or len(s["pids"]) == 8 for s in doc["beside"] if not s["names"])


def test_unknown_peer():
    """An interface that leads to a namespace that nobody names is told."""
    a = space("ua")
    hold = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    try:
        while os.readlink(f"/proc/{hold.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            pass
        sh("ip", "-n", a, "link", "add", "x", "type", "veth", "peer", "name", "x", "netns", hold.pid)
        doc, _, _ = collect(a)
        found = [s for s in doc["beside"] if hold.pid in s["pids"]]
        assert len(found) == 1 and found[0]["linked"] is True and not found[0]["names"]
        by_pid, _, _ = collect(str(hold.pid))
        assert by_pid["namespace"] == {"id": found[0]["id"], "name": None, "pid": hold.pid}
        assert find(data(by_pid, "links"), name="x")
    finally:
        hold.kill()
        hold.wait()


def test_missing_capabilities():
    a, _ = rich("c")
    run = ["ip", "netns", "exec", a, "setpriv", "--bounding-set=-net_admin,-sys_admin",
           "--inh-caps=-net_admin,-sys_admin", PROGRAM, "collect", "linux"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    doc = json.loads(done.stdout)
    assert done.returncode == 4 and doc["complete"] is False
    kinds = dict(problems(doc))
    for part in ("nftables", "iptables", "ipsets", "xfrm"):
        assert kinds[part] == "capability", kinds
    assert "CAP_NET_ADMIN for the ruleset" in done.stderr and "[live.capability]" in done.stderr
    assert "missing" in doc["parts"]["nftables"] and "kernel" not in doc["parts"]["nftables"]
    # the rest is there
    assert find(data(doc, "routes"), destination="10.5.0.0/16") and find(data(doc, "links"), name="vx5")
    schema(doc)
    # a user namespace of one's own has no rights over the namespace it came from
    run = ["ip", "netns", "exec", a, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM,
           "collect", "linux"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 4 and ("iptables", "capability") in problems(json.loads(done.stdout))


def closed(schema_):
    if isinstance(schema_, dict):
        out = {k: closed(v) for k, v in schema_.items()}
        if isinstance(schema_.get("properties"), dict):
            out["additionalProperties"] = False
        return out
    return [closed(v) for v in schema_] if isinstance(schema_, list) else schema_


def schema(doc):
    """Valid by the schema, with no member that it doesn't name; the digests are right."""
    for name, part in doc["parts"].items():
        text = json.dumps({k: v for k, v in part.items() if k != "sha256"}, separators=(",", ":"),
                          ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == part["sha256"], f"digest of {name}"
    try:
        import jsonschema
    except ImportError:
        print("SKIP schema: python3-jsonschema is not installed")
        return
    published = json.loads((ROOT / "docs/linux-state.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(published)
    judge = jsonschema.Draft7Validator(closed(published))
    errors = [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in judge.iter_errors(doc)]
    assert not errors, errors[:5]
    broken = copy.deepcopy(doc)
    broken["parts"]["links"]["data"][0]["index"] = "one"
    assert not judge.is_valid(broken)


def test_schema():
    a, _ = rich("m")
    doc, _, _ = collect(a)
    schema(doc)
    done = subprocess.run([PROGRAM, "collect", "linux", "--netns", a], capture_output=True, text=True,
                          check=True)
    lines = done.stdout.splitlines()
    # an item, a rule, a line of text each on a line
    assert sum('"rule":' in x for x in lines) == sum("rule" in o for o in
                                                    doc["parts"]["nftables"]["listing"]["nftables"])
    assert all(x.count('"destination"') <= 1 for x in lines)
    assert any(x.strip().startswith('"-A PREROUTING') for x in lines)


def volatile(doc):
    doc = copy.deepcopy(doc)
    for part in ("neighbours", "bridge", "conntrack", "ipsets"):
        doc["parts"].pop(part)
    for key in ("started", "ended", "beside"):
        doc.pop(key)
    for listing in doc["parts"]["iptables"]["listings"]:
        listing["text"] = [re.sub(r"\[\d+:\d+\]", "", x) for x in listing["text"]]
    doc["parts"]["iptables"].pop("sha256")
    return doc


def test_same_twice():
    a, _ = rich("t")
    one, two = volatile(collect(a)[0]), volatile(collect(a)[0])
    for name in one["parts"]:
        assert one["parts"][name] == two["parts"][name], name
    assert one == two


def generation(name):
    """nf_tables' own count of changes, by a socket of ours (NFT_MSG_GETGEN)."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    own, fd = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        assert not libc.setns(fd, 0x40000000)
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        libc.setns(own, 0x40000000)
    finally:
        os.close(fd)
        os.close(own)
    s.send(struct.pack("=IHHII4s", 20, 10 << 8 | 16, 1, 1, 0, bytes(4)))
    answer = s.recv(4096)
    s.close()
    assert struct.unpack_from("=H", answer, 4)[0] == 10 << 8 | 15
    return struct.unpack_from(">I", answer, 24)[0]


def portrait(name):
    out = [generation(name)]
    for script in ("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/arp_tables_names",
                   "ip -d link | sed 's/_timer *[0-9.]*//g'", "ip addr", "ip route show table all", "ip -6 route show table all", "ip rule",
                   "ip -6 rule", "ip nexthop", "nft -a list ruleset", "ipset list -t",
                   "sysctl -a 2>/dev/null | grep '^net' | grep -v -e conntrack_count -e 'ipv6.*stable_secret'"):
        out.append(inside(name, script).stdout)
    out.append(open("/proc/modules").read() if os.path.exists("/proc/modules") else None)
    return out


def test_changes_nothing():
    bare = space("n0")
    a, _ = rich("n")
    for name in (bare, a):
        before = portrait(name)
        collect(name)
        after = portrait(name)
        for x, y in zip(before, after):
            assert x == y, f"{x}\n---\n{y}"
    # and a table that is asked for does change it: the comparison can fail
    before = portrait(bare)
    inside(bare, "iptables-legacy-save -t mangle")
    assert portrait(bare) != before


def attach_tcx(name, link):
    """A program that passes everything, on a link by bpf(2); its descriptors, or None (no such kernel)."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    index = json.loads(sh("ip", "-n", name, "-j", "link", "show", link).stdout)[0]["ifindex"]
    own, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{name}", os.O_RDONLY)
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, -1, 0x95, 0, 0, 0))
    gpl = ctypes.create_string_buffer(b"GPL")

    def bpf(cmd, attr):
        return libc.syscall(321, cmd, ctypes.create_string_buffer(attr.ljust(128, b"\0")), 128)

    try:
        assert not libc.setns(there, 0x40000000)
        prog = bpf(5, struct.pack("=IIQQ", 3, 2, ctypes.addressof(code), ctypes.addressof(gpl)))
        fd = bpf(28, struct.pack("=IIII", prog, index, 46, 0)) if prog >= 0 else -1
    finally:
        libc.setns(own, 0x40000000)
        os.close(own)
        os.close(there)
    return (prog, fd) if fd >= 0 else None


def test_beside_netfilter():
    a = space("x")
    sh("ip", "-n", a, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    doc, _, _ = collect(a)
    assert data(doc, "traffic_control") == [] and data(doc, "xfrm") == {"policies": 0, "states": 0}
    if subprocess.run(["tc", "-n", a, "qdisc", "add", "dev", "v0", "clsact"], check=False).returncode:
        print("SKIP clsact: this kernel has none")
    else:
        sh("tc", "-n", a, "filter", "add", "dev", "v0", "egress", "protocol", "ip", "u32", "match", "u32", "0", "0",
           "flowid", "1:1")
        doc, _, _ = collect(a)
        check(data(doc, "traffic_control")[0], link="v0", kind="clsact")
        assert data(doc, "traffic_control")[0]["filters"] > 0
        sh("tc", "-n", a, "qdisc", "del", "dev", "v0", "clsact")
    fds = attach_tcx(a, "v1")
    if not fds:
        print("SKIP tcx: this kernel has none")
    else:
        doc, _, _ = collect(a)
        assert data(doc, "traffic_control") == [{"link": "v1", "link_index": find(data(doc, "links"), name="v1")["index"],
                                                 "kind": "tcx", "filters": 1}]
        for fd in fds:
            os.close(fd)
    policy = ["ip", "-n", a, "xfrm", "policy", "add", "dir", "fwd", "src", "10.0.0.0/8", "dst", "10.0.0.0/8", "action",
              "block"]
    if subprocess.run(policy, check=False, capture_output=True).returncode:
        print("SKIP xfrm: this kernel has none")
    else:
        assert data(collect(a)[0], "xfrm") == {"policies": 1, "states": 0}


def test_empty():
    doc, _, _ = collect(space("e"))
    assert doc["complete"] and doc["parts"]["nftables"]["kernel"]["tables"] == []
    assert doc["parts"]["nftables"]["listing"]["nftables"][1:] == []
    assert doc["parts"]["iptables"]["listings"] == [] and doc["parts"]["ipsets"]["text"] == []


def test_written_whole_or_not():
    a, f = space("w"), folder()
    old = f / "state.json"
    old.write_text("old")
    done = subprocess.run([PROGRAM, "collect", "linux", "--netns", a, "-o", str(f / "no" / "x")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stdout == ""
    done = subprocess.run([PROGRAM, "collect", "linux", "--netns", a, "-o", str(old)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and done.stdout == "" and json.loads(old.read_text())["linux_state"] == 1
    assert os.listdir(f) == ["state.json"]
    full = subprocess.run(f"{PROGRAM} collect linux --netns {a} >/dev/full", shell=True, check=False,
                          stderr=subprocess.DEVNULL)
    assert full.returncode == 3


if __name__ == "__main__":
    need(*TOOLS)
    sys.exit(run_all([v for k, v in list(globals().items())
                      if k.startswith("test_") and (len(sys.argv) < 2 or k in sys.argv[1:])]))
