#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample's hypervisor against itself: what `plumbline eval` says of the state that was read, and
what becomes of real connections through it.

    packets.py SOURCE_ROOT PLUMBLINE

A connection to a port where nobody listens is refused when the packets pass, both ways, and is
not answered when they don't. For every variant some connections have to pass and some not, or
the network itself is broken.
"""
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time

WAIT = 1.0  # seconds for an answer; on one machine it takes microseconds
PORTS = (22, 25, 80, 443, 5432, 9100)

# name: namespace, addresses, the hypervisor's port that it is behind
HOSTS = {
    "internet": ("core", ("192.0.2.77", "2001:db8:77::1"), "eth0"),
    "beta": ("core", ("203.0.113.10", "2001:db8:b:1::10"), "eth0"),
    "shared": ("core", ("10.0.10.5", "2001:db8:5:10::5"), "eth0"),
    "admin": ("core", ("10.0.99.5", "2001:db8:5:99::5"), "eth0"),
    "web1": ("web1", ("198.51.100.10", "2001:db8:a:1::10"), "vnet-web1"),
    "web2": ("web2", ("198.51.100.20", "2001:db8:a:1::20"), "vnet-web2"),
    "db1": ("db1", ("10.10.2.20", "2001:db8:a:2::20"), "vnet-db1"),
}
VARIANTS = [[], ["legacy"], ["dormant"], ["ipv6"], ["bridge"],
            ["legacy", "dormant", "ipv6", "bridge"]]


def probes():
    for source, (namespace, _, port) in HOSTS.items():
        for to, (_, _, to_port) in HOSTS.items():
            if port == to_port:
                continue
            for family in (0, 1):
                for dport in PORTS:
                    yield namespace, HOSTS[source][1][family], HOSTS[to][1][family], dport, \
                        port, to_port


def connect_all(todo):
    """In this process's namespace: which of the connections were answered."""
    waiting, answered = {}, set()
    for source, to, dport in todo:
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        s.bind((source, 0))
        err = s.connect_ex((to, dport))
        if err in (0, 111):
            answered.add((source, to, dport))
        else:
            waiting[s] = (source, to, dport)
    end = time.monotonic() + WAIT
    while waiting and time.monotonic() < end:
        _, ready, _ = select.select([], list(waiting), [], max(0, end - time.monotonic()))
        for s in ready:
            # ECONNREFUSED (111): the far end said no; others: somebody on the way did
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, 111):
                answered.add(waiting[s])
            del waiting[s]
    return answered


def real(prefix, wanted):
    """All namespaces at once: each waits for what is never answered."""
    running = []
    for namespace in sorted({w[0] for w in wanted}):
        todo = [w[1:4] for w in wanted if w[0] == namespace]
        child = subprocess.Popen(["ip", "netns", "exec", f"{prefix}-{namespace}", sys.executable,
                                  __file__, "--connect"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        child.stdin.write(json.dumps(todo))
        child.stdin.close()
        running.append(child)
    answered = set()
    for child in running:
        answered |= {tuple(a) for a in json.loads(child.stdout.read())}
        if child.wait():
            raise SystemExit("a prober failed")
    return answered


def modelled(plumbline, state, wanted, engine):
    lines = "".join(f"tcp {source} 40000 {to} {dport} flags=S state=new iif={iif} oif={oif}\n"
                    for _, source, to, dport, iif, oif in wanted)
    done = subprocess.run([plumbline, "eval", state, "--engine", engine], input=lines, text=True,
                          capture_output=True, check=True)
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def one_variant(root, plumbline, prefix, plants):
    live = os.path.join(root, "samples/acme/live")
    state = f"/tmp/{prefix}.json"
    try:
        subprocess.run([os.path.join(live, "build"), prefix, *plants], check=True,
                       capture_output=True)
        subprocess.run([plumbline, "collect", "linux", "--netns", prefix + "-hv", "-o", state],
                       check=True, capture_output=True)
        if "bridge" in plants:
            # Who owns a machine may set it so that it takes its neighbours for what they are.
            for ns, nets in (("web1", ("10.10.2.0/24", "2001:db8:a:2::/64")),
                             ("web2", ("10.10.2.0/24", "2001:db8:a:2::/64")),
                             ("db1", ("198.51.100.0/25", "2001:db8:a:1::/64"))):
                for net in nets:
                    subprocess.run(["ip", "-n", f"{prefix}-{ns}", "route", "add", net, "dev",
                                    "eth0"], check=True)
        # Routes are not followed yet: where the core's packets for the database go out by the
        # bridge that it is no longer on, the rules alone say less than the network does.
        wanted = [w for w in probes()
                  if "bridge" not in plants or {w[4], w[5]} != {"eth0", "vnet-db1"}]
        answered = real(prefix, wanted)
        wrong = []
        for engine in ("sets", "rules"):
            for w, said in zip(wanted, modelled(plumbline, state, wanted, engine)):
                passed = w[1:4] in answered
                if said != ("permit" if passed else "deny"):
                    wrong.append(f"{engine}: {w[1]} to {w[2]} port {w[3]} ({w[4]} to {w[5]}): "
                                 f"{said}, and it {'passed' if passed else 'did not pass'}")
        print(f"{' '.join(plants) or 'aligned'}: {len(wanted)} connections, {len(answered)} passed, "
              f"{len(wrong)} not as modelled")
        if not answered or len(answered) == len(wanted):
            wrong.append("all connections the same: nothing is proved")
        return wrong
    finally:
        subprocess.run([os.path.join(live, "clean"), prefix], check=False)
        if os.path.exists(state):
            os.unlink(state)


def main():
    if sys.argv[1:] == ["--connect"]:
        print(json.dumps(sorted(connect_all([tuple(t) for t in json.load(sys.stdin)]))))
        return 0
    root, plumbline = map(os.path.abspath, sys.argv[1:3])
    for tool in ("ip", "nft", "iptables-legacy"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed")
            return 77
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        print("skipped: needs root and network namespaces")
        return 77
    failed = 0
    for i, plants in enumerate(VARIANTS):
        wrong = one_variant(root, plumbline, f"pkt{os.getpid()}-{i}", plants)
        failed += len(wrong)
        for w in wrong[:20]:
            print("  " + w)
    print(f"{len(VARIANTS)} variants, {failed} failures")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
