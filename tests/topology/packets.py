# SPDX-License-Identifier: Apache-2.0
"""First packets and their answers, as bytes and back.

A probe carries its number through any translation: TCP as its sequence number, UDP and ICMP in
the payload. An answer carries the same number and says that it is one; errors of ICMP, which
quote what they are about, carry neither where it is looked for.
"""
import ipaddress
import struct
from dataclasses import dataclass

TCP, UDP = 6, 17
ICMP = {4: 1, 6: 58}
ECHO = {4: (8, 0), 6: (128, 129)}
MAGIC = 0x504c0000  # the number stands below
ASK, ANSWER = b"plumbline-ask-", b"plumbline-ans-"
SYN, ACK = 2, 16


@dataclass(frozen=True)
class Packet:
    """Ports of ICMP: the identifier, and 0."""
    proto: str  # tcp, udp, icmp
    src: str
    dst: str
    sport: int
    dport: int

    @property
    def version(self):
        return 6 if ":" in self.src else 4

    def line(self):
        """As `plumbline eval` reads it."""
        if self.proto == "icmp":
            name = "icmp" if self.version == 4 else "icmpv6"
            return f"{name} {self.src} {ECHO[self.version][0]} {self.dst} 0"
        return f"{self.proto} {self.src} {self.sport} {self.dst} {self.dport}"

    def swapped(self):
        return Packet(self.proto, self.dst, self.src, self.dport, self.sport)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport(p, number, answer):
    """The transport part with a checksum of 0, and where the checksum goes."""
    text = (ANSWER if answer else ASK) + struct.pack("!I", number)
    if p.proto == "tcp":
        seq, ack = (0x1000000 + number, MAGIC + number + 1) if answer else (MAGIC + number, 0)
        return struct.pack("!HHIIBBHHH", p.sport, p.dport, seq, ack, 5 << 4,
                           SYN | ACK if answer else SYN, 64240, 0, 0), 16
    if p.proto == "udp":
        return struct.pack("!HHHH", p.sport, p.dport, 8 + len(text), 0) + text, 6
    kind = ECHO[p.version][answer]
    ident = p.dport if answer else p.sport
    return struct.pack("!BBHHH", kind, 0, 0, ident, number & 0xffff) + text, 2


def build(p, number, answer=False):
    """An IP packet."""
    src, dst = ipaddress.ip_address(p.src).packed, ipaddress.ip_address(p.dst).packed
    proto = {"tcp": TCP, "udp": UDP}.get(p.proto, ICMP[p.version])
    body, at = transport(p, number, answer)
    pseudo = src + dst + struct.pack("!II", len(body), proto)
    if p.proto == "icmp" and p.version == 4:
        pseudo = b""
    summed = checksum(pseudo + body) or 0xffff
    body = body[:at] + struct.pack("!H", summed) + body[at + 2:]
    if p.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + src + dst + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xffff, 0x4000, 64, proto, 0)
    head += src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def parse(data):
    """(packet, number, whether it is an answer) of an IP packet, or None: not one of ours."""
    if len(data) < 28:
        return None
    version = data[0] >> 4
    if version == 4:
        proto, at, src, dst = data[9], (data[0] & 15) * 4, data[12:16], data[16:20]
    elif version == 6 and len(data) >= 48:
        proto, at, src, dst = data[6], 40, data[8:24], data[24:40]
    else:
        return None
    return parse_body(proto, version, str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), data[at:])


def parse_body(proto, version, src, dst, body):
    """The same behind the network's header."""
    if proto == TCP and len(body) >= 20:
        sport, dport, seq, ack, _, flags = struct.unpack("!HHIIBB", body[:14])
        number, answer = (ack - 1 - MAGIC, True) if flags & ACK else (seq - MAGIC, False)
        if not 0 <= number < 0x10000 or not flags & SYN:
            return None
        return Packet("tcp", src, dst, sport, dport), number, answer
    text = body[8:8 + len(ASK) + 4]
    if len(text) < len(ASK) + 4 or text[:len(ASK)] not in (ASK, ANSWER):
        return None
    answer = text[:len(ASK)] == ANSWER
    number = struct.unpack("!I", text[len(ASK):])[0]
    if proto == UDP:
        sport, dport = struct.unpack("!HH", body[:4])
        return Packet("udp", src, dst, sport, dport), number, answer
    if proto == ICMP[version] and body[0] == ECHO[version][answer]:
        ident = struct.unpack("!H", body[4:6])[0]
        return Packet("icmp", src, dst, *((0, ident) if answer else (ident, 0))), number, answer
    return None
