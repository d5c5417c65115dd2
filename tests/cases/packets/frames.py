#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a capture of packets that are told in lines.

    frames.py FILE [OPTION]... LINE...

    tcp|udp SRC SPORT DST DPORT [KEY=VALUE]...     one packet
    icmp SRC TYPE DST CODE [KEY=VALUE]...
    ip:NUMBER SRC 0 DST 0 [KEY=VALUE]...
    talk tcp|udp SRC SPORT DST DPORT [KEY=VALUE]... a whole small conversation, both ways
    arp [KEY=VALUE]...

    keys: flags=SA   of TCP (S where it isn't given)
          vlan=20 or vlan=100,20   tags, the outer one first
          vni=5001                 in VXLAN, between 10.255.0.1 and 10.255.0.2
          ipip=A,B                 in IP, from A to B
          frag=first|later         a fragment
          times=N                  N times, the source port counted up where it is a talk

    --cut N     the file ends N bytes before its end
    --snap N    at most N bytes of each packet
    --raw       link type of plain IP
    --at N      the first packet's time, seconds since 1970
"""
import ipaddress
import struct
import sys

MACS = bytes.fromhex("020000000002020000000001")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(src, dst, proto, payload, frag=0):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if src.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + src.packed + dst.packed \
            + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, frag, 64, proto, 0,
                       src.packed, dst.packed)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def transport(proto, sport, dport, flags):
    if proto == "tcp":
        bits = sum(1 << "FSRPAUEC".index(c) for c in flags)
        return 6, struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 5 << 4, bits, 8192, 0, 0)
    if proto == "udp":
        return 17, struct.pack(">HHHH", sport, dport, 12, 0) + b"data"
    if proto == "icmp":
        return 1, struct.pack(">BBHHH", sport, dport, 0, 1, 1) + b"echo"
    return int(proto.split(":")[1]), bytes(24)


def frame(packet, keys, raw):
    kind = 0x86dd if packet and packet[0] >> 4 == 6 else 0x0800
    if "ipip" in keys:
        packet = ip(*keys["ipip"].split(","), 4, packet)
    if raw:
        return packet
    if "vni" in keys:
        inner = MACS + struct.pack(">H", kind) + packet
        udp = struct.pack(">HHHH", 50000, 4789, 16 + len(inner), 0)
        udp += struct.pack(">II", 0x08000000, int(keys["vni"]) << 8) + inner
        kind, packet = 0x0800, ip("10.255.0.1", "10.255.0.2", 17, udp)
    tags = [int(v) for v in keys.get("vlan", "").split(",") if v]
    out = MACS
    for i, tag in enumerate(tags):
        out += struct.pack(">HH", 0x88a8 if i + 1 < len(tags) else 0x8100, tag)
    return out + struct.pack(">H", kind) + packet


def one(words, keys, raw):
    proto, src, sport, dst, dport = words
    number, payload = transport(proto, int(sport), int(dport), keys.get("flags", "S"))
    frag = {"first": 0x2000, "later": 0x0064}.get(keys.get("frag"), 0)
    if keys.get("frag") == "later":
        payload = b"later bytes of it"
    return frame(ip(src, dst, number, payload, frag), keys, raw)


def talk(words, keys, raw):
    proto, src, sport, dst, dport = words
    back = [proto, dst, dport, src, sport]
    if proto == "udp":
        return [one(words, keys, raw), one(back, keys, raw)]
    return [one(w, dict(keys, flags=f), raw) for w, f in
            ((words, "S"), (back, "SA"), (words, "A"), (words, "PA"), (back, "PA"),
             (words, "FA"), (back, "FA"))]


def frames(line, raw):
    words = [w for w in line.split() if "=" not in w]
    keys = dict(w.split("=", 1) for w in line.split() if "=" in w)
    for i in range(int(keys.get("times", 1))):
        if words[0] == "arp":
            yield frame(b"", keys, raw)[:-2] + b"\x08\x06" + bytes(28)
        elif words[0] == "talk":
            proto, src, sport, dst, dport = words[1:]
            yield from talk([proto, src, str(int(sport) + i), dst, dport], keys, raw)
        else:
            yield one(words, keys, raw)


def main(args):
    path, lines, cut, snap, raw, at = args.pop(0), [], 0, 65535, False, 1795000000
    while args:
        word = args.pop(0)
        if word == "--cut":
            cut = int(args.pop(0))
        elif word == "--snap":
            snap = int(args.pop(0))
        elif word == "--raw":
            raw = True
        elif word == "--at":
            at = int(args.pop(0))
        else:
            lines.append(word)
    out = bytearray(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snap, 101 if raw else 1))
    at *= 1000000
    for line in lines:
        for data in frames(line, raw):
            out += struct.pack("<IIII", at // 1000000, at % 1000000, min(len(data), snap),
                               len(data)) + data[:snap]
            at += 1500
    with open(path, "wb") as f:
        f.write(out[:len(out) - cut])


main(sys.argv[1:])
