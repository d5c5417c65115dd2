/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/host_world.h"

static int read_bytes(const char *data, size_t size)
{
	return host_read(&collector_nft, "host", "host.json", data, size, NULL);
}

/* Objects of a listing; single quotes stand for double ones. */
static int read_objects(const char *objects)
{
	struct text t = { 0 };
	text_put(&t, "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\", "
		     "\"json_schema_version\": 1}}");
	if (*objects)
		text_put(&t, ", ");
	for (const char *s = objects; *s; s++)
		text_putc(&t, *s == '\'' ? '"' : *s);
	text_put(&t, "]}");
	int err = read_bytes(t.s, t.len);
	text_finish(&t);
	return err;
}

static void expect(const char *ruleset, const char *line, const char *want)
{
	cr_expect_str_eq(answer(ruleset, line), want, "%s: %s: %s, not %s", ruleset, line,
			 answer(ruleset, line), want);
}

#define TABLE "{'table': {'family': 'inet', 'name': 't', 'handle': 1}}"
#define CHAIN(name)                                                                            \
	", {'chain': {'family': 'inet', 'table': 't', 'name': '" name "', 'handle': 2}}"
#define BASE(name, hook, prio, policy)                                                         \
	", {'chain': {'family': 'inet', 'table': 't', 'name': '" name "', 'handle': 3, "       \
	"'type': 'filter', 'hook': '" hook "', 'prio': " prio ", 'policy': '" policy "'}}"
#define RULE(chain, handle, expr)                                                              \
	", {'rule': {'family': 'inet', 'table': 't', 'chain': '" chain "', 'handle': " handle  \
	", 'expr': [" expr "]}}"
#define ACCEPT "{'accept': null}"
#define DROP   "{'drop': null}"
#define MATCH(op, left, right)                                                                 \
	"{'match': {'op': '" op "', 'left': " left ", 'right': " right "}}"
#define PAYLOAD(proto, field) "{'payload': {'protocol': '" proto "', 'field': '" field "'}}"
#define META(key)	      "{'meta': {'key': '" key "'}}"
#define STATE		      "{'ct': {'key': 'state'}}"
#define DPORT		      PAYLOAD("tcp", "dport")

/*
 * One rule "EXPR accept" in front of a drop: T the packet passes, F it does not, U nobody
 * knows.
 */
static const struct {
	const char *expr, *packet;
	char truth;
} matches[] = {
	/* a port asks for its protocol, also where it is negated */
	{ MATCH("==", DPORT, "22"), "tcp 10.0.0.1 4000 10.0.0.2 22", 'T' },
	{ MATCH("==", DPORT, "22"), "tcp 10.0.0.1 4000 10.0.0.2 23", 'F' },
	{ MATCH("==", DPORT, "22"), "udp 10.0.0.1 4000 10.0.0.2 22", 'F' },
	{ MATCH("==", DPORT, "22"), "tcp 10.0.0.1 0 10.0.0.2 0 frag=1", 'F' },
	{ MATCH("!=", DPORT, "22"), "tcp 10.0.0.1 4000 10.0.0.2 23", 'T' },
	{ MATCH("!=", DPORT, "22"), "tcp 10.0.0.1 4000 10.0.0.2 22", 'F' },
	{ MATCH("!=", DPORT, "22"), "udp 10.0.0.1 4000 10.0.0.2 23", 'F' },
	{ MATCH("!=", DPORT, "22"), "tcp 10.0.0.1 0 10.0.0.2 0 frag=1", 'F' },
	{ MATCH("!=", DPORT, "{'set': [22, {'range': [80, 90]}]}"),
	  "tcp 10.0.0.1 4000 10.0.0.2 79", 'T' },
	{ MATCH("!=", DPORT, "{'set': [22, {'range': [80, 90]}]}"),
	  "tcp 10.0.0.1 4000 10.0.0.2 90", 'F' },
	{ MATCH("==", DPORT, "{'range': [1, 1024]}"), "tcp 10.0.0.1 4 10.0.0.2 1024", 'T' },
	{ MATCH("<", DPORT, "1024"), "tcp 10.0.0.1 4 10.0.0.2 1023", 'T' },
	{ MATCH("<", DPORT, "1024"), "tcp 10.0.0.1 4 10.0.0.2 1024", 'F' },
	{ MATCH("<=", DPORT, "1024"), "tcp 10.0.0.1 4 10.0.0.2 1024", 'T' },
	{ MATCH(">", DPORT, "1024"), "tcp 10.0.0.1 4 10.0.0.2 1024", 'F' },
	{ MATCH(">", DPORT, "1024"), "tcp 10.0.0.1 4 10.0.0.2 1025", 'T' },
	{ MATCH(">=", DPORT, "1024"), "udp 10.0.0.1 4 10.0.0.2 1025", 'F' },
	{ MATCH("<", DPORT, "0"), "tcp 10.0.0.1 4 10.0.0.2 0", 'F' },
	{ MATCH(">", DPORT, "65535"), "tcp 10.0.0.1 4 10.0.0.2 65535", 'F' },
	{ MATCH("==", DPORT, "'ssh'"), "tcp 10.0.0.1 4 10.0.0.2 22", 'T' },
	{ MATCH("==", DPORT, "'nosuchservice'"), "tcp 10.0.0.1 4 10.0.0.2 22", 'U' },
	{ MATCH("==", DPORT, "'nosuchservice'"), "udp 10.0.0.1 4 10.0.0.2 22", 'F' },
	{ MATCH("==", "{'&': [" DPORT ", 255]}", "5"), "tcp 10.0.0.1 4 10.0.0.2 261", 'T' },
	{ MATCH("==", "{'&': [" DPORT ", 255]}", "5"), "tcp 10.0.0.1 4 10.0.0.2 262", 'F' },
	{ MATCH("==", "{'>>': [" DPORT ", 8]}", "1"), "tcp 10.0.0.1 4 10.0.0.2 300", 'U' },
	{ MATCH("==", "{'^': [" DPORT ", 1]}", "22"), "tcp 10.0.0.1 4 10.0.0.2 23", 'T' },
	{ MATCH("==", PAYLOAD("udp", "sport"), "53"), "udp 10.0.0.1 53 10.0.0.2 4", 'T' },
	{ MATCH("==", PAYLOAD("sctp", "dport"), "5"), "sctp 10.0.0.1 53 10.0.0.2 5", 'T' },
	/* th reads the bytes of whatever header is there */
	{ MATCH("==", PAYLOAD("th", "dport"), "53"), "udp 10.0.0.1 4 10.0.0.2 53", 'T' },
	{ MATCH("==", PAYLOAD("th", "dport"), "53"), "udp 10.0.0.1 4 10.0.0.2 54", 'F' },
	{ MATCH("==", PAYLOAD("th", "dport"), "53"), "icmp 10.0.0.1 8 10.0.0.2 0", 'U' },
	{ MATCH("==", PAYLOAD("th", "dport"), "53"), "ip:47 10.0.0.1 0 10.0.0.2 0", 'U' },
	{ MATCH("!=", PAYLOAD("th", "dport"), "53"), "ip:47 10.0.0.1 0 10.0.0.2 0", 'U' },
	{ MATCH("!=", PAYLOAD("th", "dport"), "53"), "udp 10.0.0.1 0 10.0.0.2 0 frag=1", 'F' },
	{ MATCH("==", META("l4proto"),
		"{'set': ['tcp', 'udp']}") ", " MATCH("==", PAYLOAD("th", "dport"), "53"),
	  "icmp 10.0.0.1 8 10.0.0.2 0", 'F' },
	{ MATCH("==", "{'concat': [" META("l4proto") ", " PAYLOAD("th", "dport") "]}",
		"{'set': [{'concat': ['tcp', 22]}, {'concat': ['udp', {'range': [53, 54]}]}]}"),
	  "udp 10.0.0.1 4 10.0.0.2 54", 'T' },
	{ MATCH("==", "{'concat': [" META("l4proto") ", " PAYLOAD("th", "dport") "]}",
		"{'set': [{'concat': ['tcp', 22]}, {'concat': ['udp', {'range': [53, 54]}]}]}"),
	  "tcp 10.0.0.1 4 10.0.0.2 54", 'F' },
	{ MATCH("!=", "{'concat': [" META("l4proto") ", " PAYLOAD("th", "dport") "]}",
		"{'set': [{'concat': ['tcp', 22]}]}"),
	  "icmp 10.0.0.1 8 10.0.0.2 0", 'T' },
	/* addresses ask for their family */
	{ MATCH("==", PAYLOAD("ip", "saddr"), "'10.0.0.1'"), "tcp 10.0.0.1 4 10.0.0.2 5", 'T' },
	{ MATCH("!=", PAYLOAD("ip", "saddr"), "'10.0.0.1'"), "tcp 10.0.0.3 4 10.0.0.2 5", 'T' },
	{ MATCH("!=", PAYLOAD("ip", "saddr"), "'10.0.0.1'"), "tcp fe80::1 4 fe80::2 5", 'F' },
	{ MATCH("==", PAYLOAD("ip", "daddr"), "{'prefix': {'addr': '10.0.0.0', 'len': 8}}"),
	  "tcp 10.0.0.1 4 10.255.0.2 5", 'T' },
	{ MATCH("==", PAYLOAD("ip", "daddr"), "{'prefix': {'addr': '10.0.0.0', 'len': 8}}"),
	  "tcp 10.0.0.1 4 11.0.0.0 5", 'F' },
	{ MATCH("==", PAYLOAD("ip", "daddr"), "{'prefix': {'addr': '10.0.0.0', 'len': 33}}"),
	  "tcp 10.0.0.1 4 11.0.0.0 5", 'U' },
	{ MATCH("==", PAYLOAD("ip", "daddr"), "{'range': ['10.0.0.5', '10.0.0.7']}"),
	  "tcp 10.0.0.1 4 10.0.0.7 5", 'T' },
	{ MATCH("==", PAYLOAD("ip", "daddr"), "{'range': ['10.0.0.7', '10.0.0.5']}"),
	  "tcp 10.0.0.1 4 10.0.0.6 5", 'U' },
	{ MATCH("==", PAYLOAD("ip6", "saddr"), "{'prefix': {'addr': 'fe80::', 'len': 10}}"),
	  "tcp fe80::1 4 fe80::2 5", 'T' },
	{ MATCH("==", PAYLOAD("ip6", "saddr"), "'10.0.0.1'"), "tcp fe80::1 4 fe80::2 5", 'U' },
	{ MATCH("==", "{'&': [" PAYLOAD("ip", "saddr") ", '255.0.255.0']}", "'10.0.5.0'"),
	  "tcp 10.77.5.9 4 10.0.0.2 5", 'T' },
	{ MATCH("==", "{'&': [" PAYLOAD("ip", "saddr") ", '255.0.255.0']}", "'10.0.5.0'"),
	  "tcp 10.77.6.9 4 10.0.0.2 5", 'F' },
	{ MATCH("==", "{'&': [" PAYLOAD("ip", "saddr") ", '255.0.255.0']}", "'10.0.5.1'"),
	  "tcp 10.77.5.1 4 10.0.0.2 5", 'F' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "saddr") ", '0.0.0.255']}", "'0.0.0.5'"),
	  "tcp 10.77.5.5 4 10.0.0.2 5", 'F' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "saddr") ", '0.0.0.255']}", "'0.0.0.5'"),
	  "tcp fe80::5 4 fe80::2 5", 'F' },
	{ MATCH("==", "{'|': [" PAYLOAD("ip", "saddr") ", '0.0.0.1']}", "'10.0.0.5'"),
	  "tcp 10.0.0.4 4 10.0.0.2 5", 'U' },
	{ MATCH("<", PAYLOAD("ip", "saddr"), "'10.0.0.5'"), "tcp 10.0.0.4 4 10.0.0.2 5", 'T' },
	{ MATCH("<", PAYLOAD("ip", "saddr"), "'10.0.0.5'"), "tcp ::1 4 ::2 5", 'F' },
	/* the catch-all of a set still asks for the field */
	{ MATCH("==", PAYLOAD("ip", "saddr"), "{'set': ['*']}"), "tcp ::1 4 ::2 5", 'F' },
	{ MATCH("==", PAYLOAD("ip", "saddr"), "{'set': ['*']}"), "tcp 1.1.1.1 4 2.2.2.2 5",
	  'T' },
	/* an element that may have expired is there or isn't */
	{ MATCH("==", PAYLOAD("ip", "saddr"),
		"{'set': [{'elem': {'val': '1.1.1.1', 'expires': 5}}, '2.2.2.2']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5", 'U' },
	{ MATCH("!=", PAYLOAD("ip", "saddr"),
		"{'set': [{'elem': {'val': '1.1.1.1', 'expires': 5}}, '2.2.2.2']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5", 'U' },
	{ MATCH("!=", PAYLOAD("ip", "saddr"),
		"{'set': [{'elem': {'val': '1.1.1.1', 'expires': 5}}, '2.2.2.2']}"),
	  "tcp 3.1.1.1 4 2.2.2.2 5", 'T' },
	{ MATCH("==", PAYLOAD("ip", "saddr"),
		"{'set': [{'elem': {'val': '1.1.1.1', 'comment': 'x', 'counter': null}}]}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5", 'T' },
	/* states are bits */
	{ MATCH("in", STATE, "['established', 'related']"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=related", 'T' },
	{ MATCH("in", STATE, "['established', 'related']"), "tcp 1.1.1.1 4 2.2.2.2 5", 'F' },
	{ MATCH("in", STATE, "'new'"), "tcp 1.1.1.1 4 2.2.2.2 5", 'T' },
	{ MATCH("==", STATE, "'new'"), "tcp 1.1.1.1 4 2.2.2.2 5", 'T' },
	{ MATCH("!=", STATE, "'new'"), "tcp 1.1.1.1 4 2.2.2.2 5 state=invalid", 'T' },
	{ MATCH("==", STATE, "{'|': ['established', 'related']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=related", 'F' },
	{ MATCH("!=", STATE, "{'|': ['established', 'related']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=related", 'T' },
	{ MATCH("!", STATE, "['established', 'related']"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=related", 'F' },
	{ MATCH("!", STATE, "['established', 'related']"), "tcp 1.1.1.1 4 2.2.2.2 5", 'T' },
	{ MATCH("==", STATE, "{'set': ['new', 'untracked']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=untracked", 'T' },
	{ MATCH("==", "{'&': [" STATE ", ['established', 'new']]}", "'new'"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 state=established", 'F' },
	{ MATCH("==", "{'ct': {'key': 'mark'}}", "5"), "tcp 1.1.1.1 4 2.2.2.2 5", 'U' },
	{ MATCH("==", "{'ct': {'key': 'state', 'dir': 'original'}}", "'new'"),
	  "tcp 1.1.1.1 4 2.2.2.2 5", 'U' },
	/* TCP flags in every form */
	{ MATCH("in", PAYLOAD("tcp", "flags"), "'syn'"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA",
	  'T' },
	{ MATCH("==", PAYLOAD("tcp", "flags"), "'syn'"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA",
	  'F' },
	{ MATCH("!=", PAYLOAD("tcp", "flags"), "'syn'"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA",
	  'T' },
	{ MATCH("!=", PAYLOAD("tcp", "flags"), "'syn'"), "udp 1.1.1.1 4 2.2.2.2 5", 'F' },
	{ MATCH("!", PAYLOAD("tcp", "flags"), "'syn'"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=A",
	  'T' },
	{ MATCH("!", PAYLOAD("tcp", "flags"), "'syn'"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA",
	  'F' },
	{ MATCH("in", PAYLOAD("tcp", "flags"), "['syn', 'ack']"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 flags=FA", 'T' },
	{ MATCH("==", "{'&': [" PAYLOAD("tcp", "flags") ", ['fin', 'syn', 'rst', 'ack']]}",
		"'syn'"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 flags=SU", 'T' },
	{ MATCH("==", "{'&': [" PAYLOAD("tcp", "flags") ", ['fin', 'syn', 'rst', 'ack']]}",
		"'syn'"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA", 'F' },
	{ MATCH("==",
		"{'&': [" PAYLOAD("tcp", "flags") ", {'|': [{'|': ['fin', 'syn']}, 'ack']}]}",
		"{'set': [{'|': ['syn', 'ack']}, 'syn']}"),
	  "tcp 1.1.1.1 4 2.2.2.2 5 flags=SAP", 'T' },
	{ MATCH("==", PAYLOAD("tcp", "flags"), "18"), "tcp 1.1.1.1 4 2.2.2.2 5 flags=SA", 'T' },
	{ MATCH("==", PAYLOAD("tcp", "window"), "18"), "tcp 1.1.1.1 4 2.2.2.2 5", 'U' },
	{ MATCH("==", PAYLOAD("tcp", "window"), "18"), "udp 1.1.1.1 4 2.2.2.2 5", 'F' },
	/* ICMP of its own family */
	{ MATCH("==", PAYLOAD("icmp", "type"), "'echo-request'"), "icmp 1.1.1.1 8 2.2.2.2 0",
	  'T' },
	{ MATCH("!=", PAYLOAD("icmp", "type"), "8"), "icmp 1.1.1.1 3 2.2.2.2 0", 'T' },
	{ MATCH("!=", PAYLOAD("icmp", "type"), "8"), "tcp 1.1.1.1 3 2.2.2.2 0", 'F' },
	{ MATCH("!=", PAYLOAD("icmp", "type"), "8"), "icmpv6 ::1 3 ::2 0", 'F' },
	{ MATCH("==", PAYLOAD("icmp", "code"), "'frag-needed'"), "icmp 1.1.1.1 3 2.2.2.2 4",
	  'T' },
	{ MATCH("==", PAYLOAD("icmpv6", "type"), "{'set': ['nd-neighbor-solicit', 136]}"),
	  "icmpv6 ::1 135 ::2 0", 'T' },
	{ MATCH("==", PAYLOAD("icmpv6", "code"), "'addr-unreachable'"), "icmpv6 ::1 1 ::2 3",
	  'T' },
	{ MATCH("==", PAYLOAD("icmp", "id"), "5"), "icmp 1.1.1.1 8 2.2.2.2 0", 'U' },
	/* protocols */
	{ MATCH("==", META("l4proto"), "'ipv6-icmp'"), "icmpv6 ::1 1 ::2 3", 'T' },
	{ MATCH("==", META("l4proto"), "47"), "ip:47 1.1.1.1 0 2.2.2.2 0", 'T' },
	{ MATCH("!=", META("l4proto"), "{'set': ['tcp', 'udp']}"), "ip:47 1.1.1.1 0 2.2.2.2 0",
	  'T' },
	{ MATCH("==", META("l4proto"), "51"), "ip6:51 ::1 0 ::2 0", 'U' },
	{ MATCH("==", META("l4proto"), "51"), "ip:51 1.1.1.1 0 2.2.2.2 0", 'T' },
	{ MATCH("==", PAYLOAD("ip", "protocol"), "'tcp'"), "tcp 1.1.1.1 3 2.2.2.2 0", 'T' },
	{ MATCH("!=", PAYLOAD("ip", "protocol"), "'tcp'"), "udp ::1 3 ::2 0", 'F' },
	{ MATCH("!=", PAYLOAD("ip", "protocol"), "'tcp'"), "udp 1.1.1.1 3 2.2.2.2 0", 'T' },
	{ MATCH("==", PAYLOAD("ip6", "nexthdr"), "'tcp'"), "tcp ::1 3 ::2 0", 'U' },
	{ MATCH("==", PAYLOAD("ip6", "nexthdr"), "'tcp'"), "udp ::1 3 ::2 0", 'F' },
	{ MATCH("!=", PAYLOAD("ip6", "nexthdr"), "'tcp'"), "udp ::1 3 ::2 0", 'T' },
	{ MATCH("!=", PAYLOAD("ip6", "nexthdr"), "'tcp'"), "tcp ::1 3 ::2 0", 'U' },
	{ MATCH("==", PAYLOAD("ip6", "nexthdr"), "60"), "tcp ::1 3 ::2 0", 'U' },
	{ MATCH("==", META("nfproto"), "'ipv6'"), "tcp ::1 3 ::2 0", 'T' },
	{ MATCH("==", META("nfproto"), "'ipv6'"), "tcp 1.1.1.1 3 2.2.2.2 0", 'F' },
	{ MATCH("==", META("protocol"), "'ip'"), "tcp 1.1.1.1 3 2.2.2.2 0", 'T' },
	{ MATCH("==", META("protocol"), "{'set': ['ip', 'ip6']}"), "tcp ::1 3 ::2 0", 'T' },
	{ MATCH("==", PAYLOAD("ip", "version"), "4"), "tcp ::1 3 ::2 0", 'F' },
	/* fragments */
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 8191]}", "0"),
	  "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'T' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 8191]}", "0"),
	  "tcp 1.1.1.1 3 2.2.2.2 0", 'F' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 8191]}", "0"),
	  "tcp ::1 0 ::2 0 frag=1", 'F' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 8192]}", "0"),
	  "tcp 1.1.1.1 3 2.2.2.2 0", 'U' },
	{ MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 16383]}", "0"),
	  "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'T' },
	{ MATCH("==", PAYLOAD("ip", "frag-off"), "0"), "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'F' },
	/* interfaces */
	{ MATCH("==", META("iifname"), "'eth0'"), "tcp 1.1.1.1 3 2.2.2.2 0 iif=eth0", 'T' },
	{ MATCH("==", META("iifname"), "'eth0'"), "tcp 1.1.1.1 3 2.2.2.2 0 iif=eth00", 'F' },
	{ MATCH("==", META("iifname"), "'eth0'"), "tcp 1.1.1.1 3 2.2.2.2 0", 'U' },
	{ MATCH("==", META("iifname"), "'eth*'"), "tcp 1.1.1.1 3 2.2.2.2 0 iif=eth00", 'T' },
	{ MATCH("!=", META("oifname"), "{'set': ['lo', 'vl*']}"),
	  "tcp 1.1.1.1 3 2.2.2.2 0 oif=vl9", 'F' },
	{ MATCH("!=", META("oifname"), "{'set': ['lo', 'vl*']}"),
	  "tcp 1.1.1.1 3 2.2.2.2 0 oif=eth0", 'T' },
	{ MATCH("==", META("iif"), "'lo'"), "tcp 1.1.1.1 3 2.2.2.2 0 iif=lo", 'T' },
	{ MATCH("==", META("iif"), "7"), "tcp 1.1.1.1 3 2.2.2.2 0 iif=lo", 'U' },
	{ MATCH("==", "{'concat': [" META("iifname") ", " PAYLOAD("ip", "saddr") "]}",
		"{'set': [{'concat': ['eth*', '1.1.1.1']}]}"),
	  "tcp 1.1.1.1 3 2.2.2.2 0 iif=eth5", 'T' },
	/* concatenations */
	{ MATCH("==", "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}",
		"{'set': [{'concat': [{'prefix': {'addr': '10.0.0.0', 'len': 8}}, "
		"{'range': [80, 90]}]}, {'concat': ['1.1.1.1', 3]}]}"),
	  "tcp 10.9.9.9 3 2.2.2.2 85", 'T' },
	{ MATCH("==", "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}",
		"{'set': [{'concat': [{'prefix': {'addr': '10.0.0.0', 'len': 8}}, "
		"{'range': [80, 90]}]}, {'concat': ['1.1.1.1', 3]}]}"),
	  "tcp 10.9.9.9 3 2.2.2.2 3", 'F' },
	{ MATCH("!=", "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}",
		"{'set': [{'concat': ['1.1.1.1', 3]}]}"),
	  "tcp 1.1.1.1 3 2.2.2.2 4", 'T' },
	{ MATCH("!=", "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}",
		"{'set': [{'concat': ['1.1.1.1', 3]}]}"),
	  "udp 1.1.1.1 3 2.2.2.2 4", 'F' },
	{ MATCH("==", "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}",
		"{'set': [{'concat': ['1.1.1.1']}]}"),
	  "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("==", "{'concat': [" STATE ", " META("mark") "]}",
		"{'set': [{'concat': ['new', 5]}]}"),
	  "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("==", "{'concat': [" STATE ", " META("mark") "]}",
		"{'set': [{'concat': ['new', 5]}]}"),
	  "tcp 1.1.1.1 3 2.2.2.2 4 state=invalid", 'F' },
	/* what nobody knows from a file */
	{ MATCH("==", META("mark"), "5"), "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("!=", META("mark"), "5"), "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("==", META("hour"), "{'range': ['08:00', '18:00']}"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", META("day"), "'Monday'"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", META("pkttype"), "'multicast'"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", META("skuid"), "0"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("<", META("random"), "1000"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", META("iiftype"), "'ether'"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", META("iifgroup"), "5"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", "{'fib': {'result': 'type', 'flags': ['daddr']}}", "'local'"),
	  "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", "{'numgen': {'mode': 'random', 'mod': 2}}", "0"), "tcp ::1 3 ::2 4",
	  'U' },
	{ MATCH("==", PAYLOAD("ether", "saddr"), "'00:11:22:33:44:55'"), "tcp ::1 3 ::2 4",
	  'U' },
	{ MATCH("==", PAYLOAD("vlan", "id"), "5"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", "{'payload': {'base': 'nh', 'offset': 8, 'len': 8}}", "5"),
	  "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", PAYLOAD("ip", "dscp"), "'cs1'"), "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("==", PAYLOAD("ip", "dscp"), "'cs1'"), "tcp ::1 3 ::2 4", 'F' },
	{ MATCH(">", PAYLOAD("ip", "length"), "100"), "tcp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ MATCH("==", "{'exthdr': {'name': 'frag'}}", "true"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", "{'exthdr': {'name': 'frag'}}", "true"), "tcp 1.1.1.1 3 2.2.2.2 4", 'F' },
	{ MATCH("==", "{'tcp option': {'name': 'maxseg', 'field': 'size'}}", "500"),
	  "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", "{'tcp option': {'name': 'maxseg', 'field': 'size'}}", "500"),
	  "udp ::1 3 ::2 4", 'F' },
	{ MATCH("==", "{'payload': {'tunnel': 'vxlan', 'protocol': 'ip', 'field': 'saddr'}}",
		"'1.1.1.1'"),
	  "udp 1.1.1.1 3 2.2.2.2 4789", 'U' },
	{ MATCH("==", "{'nosuchthing': 5}", "5"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("~", DPORT, "5"), "tcp ::1 3 ::2 4", 'U' },
	{ "{'match': {'op': '==', 'left': " DPORT ", 'right': 5, 'new': 1}}", "tcp ::1 3 ::2 4",
	  'U' },
	{ "{'limit': {'rate': 5, 'burst': 5, 'per': 'second'}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'limit': 'named'}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'quota': {'val': 5, 'val_unit': 'mbytes'}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'ct count': {'val': 5, 'inv': true}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'xt': {'type': 'match', 'name': 'multiport'}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'xt': null}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'brand new': 1}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'queue': {'num': 0}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'synproxy': {'mss': 1460}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'tproxy': {'port': 80}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'fwd': {'dev': 'lo'}}", "tcp ::1 3 ::2 4", 'U' },
	{ "{'flow': {'op': 'add', 'flowtable': '@f'}}", "tcp ::1 3 ::2 4", 'F' },
	{ MATCH("==", DPORT, "'@nosuchset'"), "tcp ::1 3 ::2 4", 'U' },
	{ MATCH("==", DPORT, "'@nosuchset'"), "udp ::1 3 ::2 4", 'F' },
	/* statements that say nothing about who passes */
	{ "{'counter': {'packets': 0, 'bytes': 0}}", "tcp ::1 3 ::2 4", 'T' },
	{ "{'log': {'prefix': 'x'}}", "tcp ::1 3 ::2 4", 'T' },
	{ "{'mangle': {'key': " META("mark") ", 'value': 5}}", "tcp ::1 3 ::2 4", 'T' },
	{ "{'mangle': {'key': " META("mark") ", 'value': {'ct': {'key': 'mark'}}}}",
	  "tcp ::1 3 ::2 4", 'U' },
	{ "{'mangle': {'key': " META("mark") ", 'value': {'map': {'key': " DPORT
					     ", 'data': {'set': [[22, 1]]}}}}}",
	  "tcp ::1 3 ::2 22", 'T' },
	{ "{'mangle': {'key': " META("mark") ", 'value': {'map': {'key': " DPORT
					     ", 'data': {'set': [[22, 1]]}}}}}",
	  "tcp ::1 3 ::2 23", 'F' },
	{ "{'dup': {'addr': '1.1.1.1'}}", "tcp ::1 3 ::2 4", 'T' },
};

ParameterizedTestParameters(nft, one_match)
{
	static size_t rows[sizeof(matches) / sizeof(*matches)];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(*rows));
}

ParameterizedTest(size_t *row, nft, one_match)
{
	struct text t = { 0 };
	text_put(&t, TABLE BASE("c", "forward", "0", "drop"));
	text_putf(&t, RULE("c", "4", "%s, " ACCEPT), matches[*row].expr);
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	struct packet p = packet_of(matches[*row].packet);
	/* the rule itself: what stands in front of the chain is tested elsewhere */
	const struct ruleset *rs = device_ruleset(device, "inet t c");
	struct ruleset bare = { .name = "bare", .dflt = VERDICT_DENY };
	for (uint32_t i = 0; i < rs->n; i++)
		if (!(rs->rules[i].flags & RULE_GLUE)) {
			bare.rules = &rs->rules[i];
			bare.n = rs->n - i;
			break;
		}
	struct interp_answer a = interp(&bare, &p);
	char got = a.sure ? 'T' : a.maybe ? 'U' : 'F';
	cr_expect_eq(got, matches[*row].truth, "row %zu: %s on %s: %c, not %c", *row,
		     matches[*row].expr, matches[*row].packet, got, matches[*row].truth);
	done();
}

static const struct hook *hook_of(const char *ruleset)
{
	for (size_t i = 0; i < device->n_hooks; i++)
		if (!strcmp(device->hooks[i].ruleset->name, ruleset))
			return &device->hooks[i];
	return NULL;
}

Test(nft, base_chains_are_hooks_of_their_own)
{
	cr_assert_eq(read_objects(TABLE BASE("a", "forward", "'filter + 10'",
					     "drop") BASE("b", "forward", "-150", "accept")
					  BASE("c", "prerouting", "'raw'", "accept")
						  BASE("d", "input", "0", "drop")
							  BASE("e", "output", "'-5'", "drop")
								  CHAIN("f")),
		     0);
	cr_expect_eq(device->n_hooks, 5);
	cr_expect_eq(device->n_rulesets, 6);
	cr_expect_eq(device->n_taints, 0);
	cr_expect_eq(hook_of("inet t a")->order, 10);
	cr_expect_eq(hook_of("inet t a")->kind, HOOK_FORWARD);
	cr_expect_eq(hook_of("inet t b")->order, -150);
	cr_expect_eq(hook_of("inet t c")->order, -300);
	cr_expect_eq(hook_of("inet t c")->kind, HOOK_IN);
	cr_expect_eq(hook_of("inet t d")->kind, HOOK_LOCAL_IN);
	cr_expect_eq(hook_of("inet t e")->kind, HOOK_LOCAL_OUT);
	cr_expect_eq(hook_of("inet t e")->order, -5);
	cr_expect_null(hook_of("inet t f"));
	cr_expect_eq(device_ruleset(device, "inet t f")->dflt, VERDICT_UNKNOWN);
	cr_expect_eq(hook_of("inet t a")->ruleset->dflt, VERDICT_DENY);
	cr_expect_eq(hook_of("inet t b")->ruleset->dflt, VERDICT_PERMIT);
	cr_expect_str_eq(hook_of("inet t a")->ruleset->at.path, "table inet t chain a");
	cr_expect_eq(account_total(account), 8);
	done();
}

Test(nft, jump_goto_and_return)
{
	cr_assert_eq(
		read_objects(
			TABLE CHAIN("sub") CHAIN("far") BASE(
				"c", "forward", "0",
				"accept") RULE("sub", "5",
					       MATCH("==", DPORT, "22") ", {'return': null}")
				RULE("sub", "6",
				     MATCH("==", DPORT, "{'range': [20, 30]}") ", " DROP)
					RULE("sub", "7",
					     MATCH("==", DPORT,
						   "80") ", {'goto': {'target': 'far'}}")
						RULE("far", "8",
						     MATCH("==", DPORT, "81") ", " DROP)
							RULE("c", "9",
							     "{'jump': {'target': 'sub'}}")
								RULE("c", "10",
								     MATCH("==", DPORT,
									   "{'set': [22, "
									   "80]}") ","
										   " " DROP)),
		0);
	expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 22", "deny");
	expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 21", "deny");
	expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 80", "deny");
	expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 81", "permit");
	const struct ruleset *rs = device_ruleset(device, "inet t c");
	cr_expect_str_eq(rs->rules[rs->n - 1].name, "handle 10");
	cr_expect_str_eq(rs->rules[rs->n - 1].at.path, "table inet t chain c handle 10");
	cr_expect_gt(rs->rules[rs->n - 1].at.line, 0);
	done();
}

Test(nft, a_table_of_one_family_passes_the_other)
{
	cr_assert_eq(read_objects("{'table': {'family': 'ip', 'name': 'f', 'handle': 1}}, "
				  "{'chain': {'family': 'ip', 'table': 'f', 'name': 'c', "
				  "'handle': 1, 'type': 'filter', 'hook': 'forward', "
				  "'prio': 0, 'policy': 'drop'}}, "
				  "{'table': {'family': 'ip6', 'name': 'f', 'handle': 1}}, "
				  "{'chain': {'family': 'ip6', 'table': 'f', 'name': 'c', "
				  "'handle': 1, 'type': 'filter', 'hook': 'forward', "
				  "'prio': 0, 'policy': 'drop'}}"),
		     0);
	expect("ip f c", "tcp 1.1.1.1 1 2.2.2.2 22", "deny");
	expect("ip f c", "tcp ::1 1 ::2 22", "permit");
	expect("ip6 f c", "tcp 1.1.1.1 1 2.2.2.2 22", "permit");
	expect("ip6 f c", "tcp ::1 1 ::2 22", "deny");
	done();
}

#define FLAGGED(flags)                                                                         \
	"{'table': {'family': 'inet', 'name': 't', 'handle': 1, 'flags': " flags "}}"

Test(nft, a_dormant_table_has_no_hooks)
{
	cr_assert_eq(read_objects(FLAGGED("'dormant'") BASE("c", "forward", "0", "drop")), 0);
	cr_expect_eq(device->n_hooks, 0);
	cr_expect_eq(device->n_rulesets, 1);
	done();
	cr_assert_eq(read_objects(FLAGGED("['dormant']") BASE("c", "forward", "0", "drop")), 0);
	cr_expect_eq(device->n_hooks, 0);
	done();
	cr_assert_eq(
		read_objects(FLAGGED("['owner', 'persist']") BASE("c", "forward", "0", "drop")),
		0);
	expect("inet t c", "tcp ::1 1 ::2 22", "deny");
	cr_expect_eq(diags.n, 0);
	done();
}

/* nft 1.0.6 prints the name of the table where the flags should be. */
Test(nft, a_flag_that_cant_be_read_may_mean_dormant)
{
	cr_assert_eq(read_objects(FLAGGED("'t'") BASE("c", "forward", "0", "drop")), 0);
	cr_expect(diags_has(&diags, "nft.table-flags"));
	cr_expect_eq(device->n_hooks, 1);
	expect("inet t c", "tcp ::1 1 ::2 22", "unknown");
	done();
	cr_assert_eq(read_objects(FLAGGED("'brandnew'") BASE("c", "forward", "0", "accept")),
		     0);
	cr_expect(diags_has(&diags, "nft.table-flags"));
	expect("inet t c", "tcp ::1 1 ::2 22", "permit");
	done();
}

#define VMAP(key, elems) "{'vmap': {'key': " key ", 'data': {'set': [" elems "]}}}"

Test(nft, verdict_maps)
{
	cr_assert_eq(
		read_objects(
			TABLE CHAIN("web") BASE("c", "forward", "0", "drop") RULE(
				"web", "5",
				MATCH("==", PAYLOAD("ip", "saddr"), "'1.1.1.1'") ", " ACCEPT)
				RULE("c", "6",
				     VMAP(DPORT,
					  "[22, {'accept': null}], [80, {'jump': {'target': "
					  "'web'}}], "
					  "[{'range': [100, 200]}, {'drop': null}], [300, "
					  "{'continue': null}], "
					  "[301, {'return': null}], ['*', {'accept': null}]"))
					RULE("c", "7",
					     MATCH("==", PAYLOAD("udp", "dport"),
						   "53") ", " ACCEPT)),
		0);
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 22", "permit");
	expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 80", "permit");
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 80", "deny"); /* not the catch-all */
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 150", "deny");
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 300", "deny");
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 301", "deny");
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 302", "permit");
	expect("inet t c", "udp 9.9.9.9 1 2.2.2.2 302", "deny");
	expect("inet t c", "udp 9.9.9.9 1 2.2.2.2 53", "permit");
	const struct ruleset *rs = device_ruleset(device, "inet t c");
	cr_expect(rs->rules[0].flags & RULE_GLUE); /* later fragments */
	cr_expect(rs->rules[1].flags & RULE_PART);
	cr_expect_str_eq(rs->rules[1].at.path, rs->rules[2].at.path);
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 0);
	done();
}

Test(nft, a_verdict_maps_elements_that_overlap)
{
	cr_assert_eq(read_objects(TABLE BASE("c", "forward", "0", "drop") RULE(
			     "c", "6",
			     VMAP(DPORT, "[{'range': [10, 30]}, {'accept': null}], "
					 "[22, {'drop': null}]"))),
		     0);
	cr_expect(diags_has(&diags, "nft.overlap"));
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 22", "unknown");
	expect("inet t c", "tcp 9.9.9.9 1 2.2.2.2 9", "deny");
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 1);
	done();
	const char *pair = "{'concat': [" PAYLOAD("ip", "saddr") ", " DPORT "]}";
	struct text t = { 0 };
	text_putf(&t,
		  TABLE BASE("c", "forward", "0", "drop") RULE(
			  "c", "6",
			  VMAP("%s", "[{'concat': [{'prefix': {'addr': '10.0.0.0', 'len': 8}}, "
				     "{'range': [1, 9]}]}, {'accept': null}], "
				     "[{'concat': ['10.1.1.1', 5]}, {'drop': null}]")),
		  pair);
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	cr_expect(diags_has(&diags, "nft.overlap"));
	expect("inet t c", "tcp 10.1.1.1 1 2.2.2.2 5", "unknown");
	done();
}

#define SET(name, extra, elems)                                                                \
	", {'set': {'family': 'inet', 'name': '" name "', 'table': 't', 'type': 'ipv4_addr', " \
	"'handle': 9" extra ", 'elem': [" elems "]}}"
#define SADDR PAYLOAD("ip", "saddr")

Test(nft, named_sets)
{
	cr_assert_eq(
		read_objects(TABLE SET("s", ", 'flags': ['interval']",
				       "'1.1.1.1', {'prefix': {'addr': '10.0.0.0', 'len': 8}}")
				     BASE("c", "forward", "0", "drop") RULE(
					     "c", "6", MATCH("==", SADDR, "'@s'") ", " ACCEPT)),
		0);
	expect("inet t c", "tcp 10.9.9.9 1 2.2.2.2 22", "permit");
	expect("inet t c", "tcp 11.9.9.9 1 2.2.2.2 22", "deny");
	expect("inet t c", "tcp ::1 1 ::2 22", "deny");
	cr_expect_eq(snap->names.n, 4); /* the set and the chain, defined and used */
	done();
	cr_assert_eq(
		read_objects(
			TABLE SET("s", "", "'1.1.1.1'") BASE("c", "forward", "0", "drop") RULE(
				"c", "6",
				MATCH("!=", SADDR,
				      "'@s'") ", " ACCEPT) ", {'element': {'family': 'inet', "
							   "'table': 't', 'name': 's', "
							   "'elem': ['2.2.2.2']}}"),
		0);
	expect("inet t c", "tcp 2.2.2.2 1 2.2.2.2 22", "deny");
	expect("inet t c", "tcp 3.2.2.2 1 2.2.2.2 22", "permit");
	done();
}

static const char *const loose[] = {
	", 'flags': ['dynamic']", ", 'flags': 'dynamic'",     ", 'timeout': 60",
	", 'flags': ['new']",	  ", 'stmt': [{'limit': 1}]", ", 'something': 1",
};

Test(nft, sets_whose_elements_come_and_go)
{
	for (size_t i = 0; i < sizeof(loose) / sizeof(*loose); i++) {
		struct text t = { 0 };
		text_putf(&t,
			  TABLE SET("s", "%s", "'1.1.1.1'") BASE("c", "forward", "0", "drop")
				  RULE("c", "6", MATCH("==", SADDR, "'@s'") ", " ACCEPT),
			  loose[i]);
		cr_assert_eq(read_objects(t.s), 0);
		text_finish(&t);
		expect("inet t c", "tcp 1.1.1.1 1 2.2.2.2 22", "unknown");
		expect("inet t c", "tcp 3.1.1.1 1 2.2.2.2 22", "unknown");
		expect("inet t c", "tcp ::1 1 ::2 22", "deny");
		cr_expect_eq(account->count[ACCOUNT_BOUNDED], 2);
		done();
	}
}

/* nft 1.0.6 does not print the dynamic flag: a rule that adds to the set tells. */
Test(nft, a_set_that_rules_add_to)
{
	cr_assert_eq(
		read_objects(TABLE SET("s", "", "'1.1.1.1'") BASE("c", "forward", "0", "drop")
				     RULE("c", "6", MATCH("==", SADDR, "'@s'") ", " ACCEPT)
					     RULE("c", "7",
						  "{'set': {'op': 'add', 'elem': " SADDR
						  ", 'set': '@s'}}")),
		0);
	expect("inet t c", "tcp 3.1.1.1 1 2.2.2.2 22", "unknown");
	done();
}

Test(nft, references_to_nothing)
{
	cr_assert_eq(
		read_objects(
			TABLE BASE("c", "forward", "0",
				   "drop") RULE("c", "6", "{'jump': {'target': 'gone'}}")
				RULE("c", "7", MATCH("==", SADDR, "'@gone'") ", " ACCEPT)
					RULE("c", "8",
					     "{'vmap': {'key': " SADDR ", 'data': '@gone'}}")),
		0);
	cr_expect_eq(diags_count(&diags, "nft.chain-missing"), 1);
	cr_expect_eq(diags_count(&diags, "nft.set-missing"), 2);
	expect("inet t c", "tcp ::1 1 ::2 22", "unknown");
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 3);
	done();
	cr_assert_eq(read_objects(TABLE RULE("gone", "6", ACCEPT)), 0);
	cr_expect(diags_has(&diags, "nft.chain-missing"));
	cr_expect_eq(account->count[ACCOUNT_REJECTED], 1);
	cr_expect_eq(device->n_taints, 1);
	done();
}

Test(nft, cycles_are_named)
{
	cr_assert_eq(
		read_objects(
			TABLE CHAIN("a") CHAIN("b") BASE("c", "forward", "0", "drop") RULE(
				"a", "5", "{'jump': {'target': 'b'}}")
				RULE("b", "6", VMAP(DPORT, "[22, {'goto': {'target': 'a'}}]"))
					RULE("c", "7", "{'jump': {'target': 'a'}}")),
		0);
	cr_expect_eq(diags_count(&diags, "nft.chain-cycle"), 1);
	expect("inet t c", "tcp ::1 1 ::2 22", "unknown");
	done();
	cr_assert_eq(read_objects(TABLE CHAIN("a") RULE("a", "5", "{'jump': {'target': 'a'}}")),
		     0);
	cr_expect_eq(diags_count(&diags, "nft.chain-cycle"), 1);
	done();
}

Test(nft, a_jump_to_a_base_chain)
{
	cr_assert_eq(read_objects(TABLE BASE("a", "input", "0", "accept")
					  BASE("c", "forward", "0", "drop")
						  RULE("c", "7", "{'jump': {'target': 'a'}}")),
		     0);
	cr_expect(diags_has(&diags, "nft.chain-base"));
	expect("inet t c", "tcp ::1 1 ::2 22", "unknown");
	done();
}

Test(nft, deep_chains)
{
	struct text t = { 0 };
	text_put(&t, TABLE BASE("c", "forward", "0", "drop")
			     RULE("c", "1", "{'jump': {'target': 'n0'}}"));
	for (int i = 0; i < 20; i++)
		text_putf(&t, CHAIN("n%d") RULE("n%d", "1", "{'jump': {'target': 'n%d'}}"), i,
			  i, i + 1);
	text_put(&t, CHAIN("n20") RULE("n20", "1", ACCEPT));
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	cr_expect(diags_has(&diags, "nft.chain-depth"));
	expect("inet t c", "tcp ::1 1 ::2 22", "permit");
	done();
}

#define FIB(flags) "{'fib': {'result': 'type', 'flags': " flags "}}"

/* A bare listing knows no addresses: some types are told by the address alone. */
Test(nft, types_of_addresses)
{
	static const struct {
		const char *expr, *packet, *want;
	} rows[] = {
		{ MATCH("==", FIB("'daddr'"), "'local'"), "udp 10.0.0.1 1 10.0.0.2 2",
		  "unknown" },
		{ MATCH("==", FIB("'daddr'"), "'local'"), "udp 10.0.0.1 1 224.0.0.2 2",
		  "deny" },
		{ MATCH("==", FIB("['daddr']"), "'multicast'"), "udp 10.0.0.1 1 224.0.0.2 2",
		  "permit" },
		{ MATCH("==", FIB("'daddr'"), "'multicast'"), "udp 10.0.0.1 1 10.0.0.2 2",
		  "deny" },
		{ MATCH("==", FIB("'daddr'"), "'multicast'"), "udp ::1 1 ff02::1 2",
		  "unknown" },
		{ MATCH("==", FIB("'daddr'"), "'multicast'"), "udp ::1 1 fe80::1 2", "deny" },
		{ MATCH("==", FIB("'daddr'"), "'broadcast'"),
		  "udp 10.0.0.1 1 255.255.255.255 2", "permit" },
		{ MATCH("==", FIB("'daddr'"), "'broadcast'"), "udp ::1 1 ::2 2", "deny" },
		{ MATCH("!=", FIB("'saddr'"), "{'set': ['local', 'unicast', 'broadcast']}"),
		  "udp 10.0.0.1 1 10.0.0.2 2", "deny" },
		{ MATCH("!=", FIB("'saddr'"), "'unicast'"), "udp 0.0.0.0 1 10.0.0.2 2",
		  "permit" },
		{ MATCH("==", FIB("['daddr', 'iif']"), "'local'"), "udp 10.0.0.1 1 10.0.0.2 2",
		  "unknown" },
		{ MATCH("==", FIB("['daddr', 'saddr']"), "'local'"),
		  "udp 1.1.1.1 1 224.0.0.2 2", "unknown" },
		{ MATCH("==", "{'fib': {'result': 'oif', 'flags': 'saddr'}}", "'eth0'"),
		  "udp 10.0.0.1 1 10.0.0.2 2", "unknown" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct text t = { 0 };
		text_putf(&t,
			  TABLE BASE("c", "forward", "0", "drop") RULE("c", "1", "%s, " ACCEPT),
			  rows[i].expr);
		cr_assert_eq(read_objects(t.s), 0);
		text_finish(&t);
		expect("inet t c", rows[i].packet, rows[i].want);
		done();
	}
}

/* Interfaces and states are asked where the hook knows them. */
Test(nft, hooks_that_know_less)
{
	const char *oif = MATCH("==", META("oifname"), "'eth0'") ", " ACCEPT;
	struct text t = { 0 };
	text_putf(&t,
		  TABLE CHAIN("s") BASE("p", "prerouting", "0", "drop")
			  BASE("f", "forward", "0", "drop") RULE("p", "1", "%s")
				  RULE("f", "2", "%s"),
		  oif, oif);
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	expect("inet t p", "tcp ::1 1 ::2 22 oif=eth0", "deny"); /* there is none yet */
	expect("inet t p", "tcp ::1 1 ::2 22", "deny");
	expect("inet t f", "tcp ::1 1 ::2 22 oif=eth0", "permit");
	done();
	const char *not = MATCH("!=", META("iifname"), "'eth0'") ", " ACCEPT;
	t = (struct text){ 0 };
	text_putf(&t,
		  TABLE BASE("o", "output", "0", "drop") BASE("q", "postrouting", "0", "drop")
			  RULE("o", "1", "%s") RULE("q", "2", "%s"),
		  not, not );
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	expect("inet t o", "tcp ::1 1 ::2 22 iif=eth0", "permit");
	expect("inet t q", "tcp ::1 1 ::2 22 iif=eth1", "unknown");
	done();
	t = (struct text){ 0 };
	/* a chain that both call knows as little as the blinder of them */
	t = (struct text){ 0 };
	text_putf(&t,
		  TABLE CHAIN("s") BASE("p", "prerouting", "0", "drop")
			  BASE("f", "forward", "0", "drop") RULE("s", "1", "%s")
				  RULE("p", "2", "{'jump': {'target': 's'}}")
					  RULE("f", "3", "{'jump': {'target': 's'}}"),
		  oif);
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	expect("inet t f", "tcp ::1 1 ::2 22 oif=eth0", "unknown");
	done();
	cr_assert_eq(read_objects(TABLE BASE("p", "prerouting", "-300", "drop") RULE(
			     "p", "1", MATCH("in", STATE, "'new'") ", " ACCEPT)),
		     0);
	expect("inet t p", "tcp ::1 1 ::2 22", "unknown");
	done();
}

Test(nft, untracked_packets_have_no_state)
{
	cr_assert_eq(
		read_objects(TABLE BASE("p", "prerouting", "-300", "accept") BASE(
			"f", "forward", "0",
			"drop") RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
				     RULE("f", "2", MATCH("in", STATE, "'new'") ", " ACCEPT)),
		0);
	expect("inet t f", "tcp ::1 1 ::2 53", "unknown");
	expect("inet t f", "tcp ::1 1 ::2 54", "permit");
	cr_expect_not(hook_of("inet t f")->ruleset->stateful);
	done();
}

/*
 * What a later fragment meets in a rule that looks at ports differs by kernel; rules before it
 * are as they are written.
 */
Test(nft, later_fragments)
{
	const char *rules = TABLE BASE("f", "forward", "0", "drop") RULE(
		"f", "1", MATCH("==", PAYLOAD("ip", "saddr"), "'1.1.1.1'") ", " ACCEPT)
		RULE("f", "2",
		     MATCH("!=", "{'&': [" PAYLOAD("ip", "frag-off") ", 8191]}", "0") ", " DROP)
			RULE("f", "3", MATCH("!=", DPORT, "22") ", " ACCEPT);
	cr_assert_eq(read_objects(rules), 0);
	expect("inet t f", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", "permit");
	expect("inet t f", "tcp 3.1.1.1 0 2.2.2.2 0 frag=1", "deny");
	expect("inet t f", "tcp ::1 0 ::2 0 frag=1", "unknown");
	expect("inet t f", "tcp ::1 1 ::2 22", "deny");
	expect("inet t f", "tcp ::1 1 ::2 23", "permit");
	done();
	/* a call may lead to such a rule */
	cr_assert_eq(read_objects(TABLE CHAIN("s") BASE("f", "forward", "0", "drop")
					  RULE("s", "1", MATCH("==", DPORT, "22") ", " ACCEPT)
						  RULE("f", "2", "{'jump': {'target': 's'}}")),
		     0);
	expect("inet t f", "tcp ::1 0 ::2 0 frag=1", "unknown");
	done();
	cr_assert_eq(read_objects(TABLE BASE("f", "forward", "0", "drop") RULE(
			     "f", "2", MATCH("==", META("l4proto"), "'tcp'") ", " ACCEPT)),
		     0);
	expect("inet t f", "tcp ::1 0 ::2 0 frag=1", "permit");
	done();
}

Test(nft, connection_tracking_joins_fragments)
{
	cr_assert_eq(
		read_objects(TABLE BASE("f", "forward", "0", "drop") RULE(
			"f", "1", MATCH("==", PAYLOAD("ip6", "saddr"), "'::1'") ", " ACCEPT)
				     RULE("f", "2",
					  MATCH("in", STATE, "'established'") ", " ACCEPT)),
		0);
	expect("inet t f", "tcp ::1 0 ::2 0 frag=1", "unknown");
	expect("inet t f", "tcp ::1 1 ::2 23", "permit");
	done();
}

Test(nft, stateful_is_what_passes_answers_first)
{
	cr_assert_eq(
		read_objects(
			TABLE BASE("a", "forward", "0", "drop") BASE(
				"b", "forward", "1", "drop") BASE("c", "forward", "2", "drop")
				RULE("a", "1", MATCH("in", STATE, "'invalid'") ", " DROP) RULE(
					"a", "2",
					MATCH("in", STATE,
					      "['established', 'related']") ", " ACCEPT)
					RULE("b", "3", MATCH("==", DPORT, "22") ", " DROP) RULE(
						"b", "4",
						MATCH("in", STATE, "'established'") ", " ACCEPT)
						RULE("c", "5",
						     MATCH("==", DPORT, "22") ", " ACCEPT)),
		0);
	cr_expect(hook_of("inet t a")->ruleset->stateful);
	cr_expect_not(hook_of("inet t b")->ruleset->stateful);
	cr_expect_not(hook_of("inet t c")->ruleset->stateful);
	done();
}

#define NATBASE(name, hook, prio)                                                              \
	", {'chain': {'family': 'inet', 'table': 't', 'name': '" name "', 'handle': 3, "       \
	"'type': 'nat', 'hook': '" hook "', 'prio': " prio ", 'policy': 'accept'}}"

static bool touched(const char *line)
{
	struct packet p = packet_of(line);
	for (size_t i = 0; i < device->n_nats; i++)
		if (match_judge(device->nats[i].touches, &p) != TRUTH_FALSE)
			return true;
	return false;
}

Test(nft, translations_touch_both_ways)
{
	cr_assert_eq(read_objects(TABLE NATBASE("p", "prerouting", "-100") RULE(
			     "p", "1",
			     MATCH("in", STATE, "'new'") ", " MATCH(
				     "==", DPORT, "80") ", {'dnat': {'family': 'ip', 'addr': "
							"'10.0.0.1', 'port': 8080}}")),
		     0);
	cr_assert_eq(device->n_nats, 1);
	cr_expect(touched("tcp 1.1.1.1 1 2.2.2.2 80"));
	cr_expect(touched("tcp 1.1.1.1 1 2.2.2.2 80 state=established"));
	cr_expect(touched("tcp 2.2.2.2 80 1.1.1.1 1"));
	cr_expect(touched("tcp 10.0.0.1 8080 1.1.1.1 1"));
	cr_expect(touched("tcp 1.1.1.1 8080 10.0.0.1 22"));
	cr_expect_not(touched("tcp 1.1.1.1 1 2.2.2.2 81"));
	cr_expect_not(touched("tcp ::1 1 ::2 80"));
	expect("inet t p", "tcp 1.1.1.1 1 2.2.2.2 80", "permit");
	const struct ruleset *rs = device_ruleset(device, "inet t p");
	/* taking it out would change more than who passes */
	cr_expect(rs->rules[rs->n - 1].flags & RULE_GLUE);
	done();
	cr_assert_eq(read_objects(TABLE NATBASE("p", "postrouting", "100") RULE(
			     "p", "1",
			     MATCH("==", META("oifname"), "'eth1'") ", {'masquerade': null}")),
		     0);
	cr_expect(touched("tcp 1.1.1.1 1 2.2.2.2 81 oif=eth1"));
	cr_expect_not(touched("tcp 1.1.1.1 1 2.2.2.2 81 oif=eth0 iif=eth0"));
	done();
	cr_assert_eq(read_objects(TABLE NATBASE("p", "prerouting", "-100") RULE(
			     "p", "1",
			     "{'dnat': {'family': 'ip', 'addr': {'map': {'key': " DPORT
			     ", 'data': {'set': [[80, '10.0.0.1'], [81, {'concat': "
			     "['10.0.0.2', 5]}]]}}}}}") RULE("p", "2", DROP)),
		     0);
	expect("inet t p", "tcp 1.1.1.1 1 2.2.2.2 80", "permit");
	expect("inet t p", "tcp 1.1.1.1 1 2.2.2.2 82", "deny");
	/* a nat chain sees first packets only */
	expect("inet t p", "tcp 1.1.1.1 1 2.2.2.2 82 state=established", "permit");
	expect("inet t p", "tcp 1.1.1.1 1 2.2.2.2 82 state=related", "unknown");
	cr_expect(touched("tcp 1.1.1.1 1 10.0.0.2 5"));
	done();
	cr_assert_eq(read_objects(TABLE BASE("p", "prerouting", "-100", "accept") RULE(
			     "p", "1", "{'mangle': {'key': " SADDR ", 'value': '9.9.9.9'}}")),
		     0);
	cr_expect_eq(device->n_nats, 1);
	cr_expect(touched("tcp 1.1.1.1 1 10.0.0.2 5"));
	done();
}

#define INGRESS(dev)                                                                           \
	"{'table': {'family': 'netdev', 'name': 'n', 'handle': 1}}, "                          \
	"{'chain': {'family': 'netdev', 'table': 'n', 'name': 'i', 'handle': 1, " dev          \
	"'type': 'filter', 'hook': 'ingress', 'prio': 0, 'policy': 'drop'}}, "                 \
	"{'rule': {'family': 'netdev', 'table': 'n', 'chain': 'i', 'handle': 2, "              \
	"'expr': [" MATCH("==", SADDR, "'1.1.1.1'") ", " ACCEPT "]}}"

Test(nft, frames)
{
	cr_assert_eq(read_objects(INGRESS("'dev': 'eth0', ")), 0);
	cr_expect_eq(hook_of("netdev n i")->kind, HOOK_IN);
	expect("netdev n i", "tcp 1.1.1.1 1 10.0.0.2 5 iif=eth0", "permit");
	expect("netdev n i", "tcp 1.1.1.2 1 10.0.0.2 5 iif=eth0", "deny");
	/* eth0.5 may lie on top of eth0 */
	expect("netdev n i", "tcp 1.1.1.2 1 10.0.0.2 5 iif=eth0.5", "unknown");
	expect("netdev n i", "tcp 1.1.1.1 1 10.0.0.2 5 iif=eth0.5", "unknown");
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 1); /* the rule: a tag may be there */
	done();
	cr_assert_eq(read_objects(INGRESS("")), 0);
	expect("netdev n i", "tcp 1.1.1.2 1 10.0.0.2 5 iif=eth0", "unknown");
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 2);
	done();
	cr_assert_eq(read_objects("{'table': {'family': 'bridge', 'name': 'b', 'handle': 1}}, "
				  "{'chain': {'family': 'bridge', 'table': 'b', 'name': 'f', "
				  "'handle': 1, 'type': 'filter', 'hook': 'input', "
				  "'prio': 'filter', 'policy': 'accept'}}, "
				  "{'rule': {'family': 'bridge', 'table': 'b', 'chain': 'f', "
				  "'handle': 2, 'expr': [" MATCH("==", SADDR,
								 "'1.1.1.1'") ", " DROP "]}}"),
		     0);
	cr_expect_eq(hook_of("bridge b f")->kind, HOOK_IN);
	cr_expect_eq(hook_of("bridge b f")->order, -200);
	expect("bridge b f", "tcp 1.1.1.1 1 10.0.0.2 5", "unknown");
	expect("bridge b f", "tcp 1.1.1.2 1 10.0.0.2 5", "permit");
	done();
	cr_assert_eq(read_objects("{'table': {'family': 'arp', 'name': 'b', 'handle': 1}}, "
				  "{'chain': {'family': 'arp', 'table': 'b', 'name': 'f', "
				  "'handle': 1, 'type': 'filter', 'hook': 'input', "
				  "'prio': 0, 'policy': 'drop'}}, "
				  "{'rule': {'family': 'arp', 'table': 'b', 'chain': 'f', "
				  "'handle': 2, 'expr': [" DROP "]}}"),
		     0);
	cr_expect_eq(device->n_hooks, 0);
	cr_expect_eq(account->count[ACCOUNT_IRRELEVANT], 3);
	done();
}

Test(nft, offloaded_flows_pass_by_the_hooks)
{
	cr_assert_eq(read_objects(TABLE BASE("f", "forward", "0", "drop") RULE(
			     "f", "1",
			     MATCH("==", META("l4proto"),
				   "'tcp'") ", {'flow': {'op': 'add', 'flowtable': '@ft'}}")),
		     0);
	expect("inet t f", "tcp ::1 1 ::2 22", "deny");
	expect("inet t f", "tcp ::1 1 ::2 22 state=established", "unknown");
	done();
}

Test(nft, reject_is_a_deny_and_dup_goes_on)
{
	cr_assert_eq(read_objects(TABLE BASE("f", "forward", "0", "accept") RULE(
			     "f", "1",
			     "{'counter': null}, {'dup': {'addr': '1.1.1.1'}}, "
			     "{'reject': {'type': 'icmpx', 'expr': 'port-unreachable'}}")),
		     0);
	expect("inet t f", "tcp ::1 1 ::2 22", "deny");
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 0);
	done();
}

Test(nft, reject_says_the_condition_that_nft_leaves_out)
{
	cr_assert_eq(
		read_objects(TABLE BASE("f", "forward", "0", "accept") RULE(
			"f", "1", "{'reject': {'type': 'icmp', 'expr': 'port-unreachable'}}")
				     RULE("f", "2", "{'reject': {'type': 'tcp reset'}}")),
		0);
	expect("inet t f", "udp 10.0.0.1 1 10.0.0.2 22", "deny");
	expect("inet t f", "udp ::1 1 ::2 22", "permit");
	expect("inet t f", "tcp ::1 1 ::2 22", "deny");
	done();
}

Test(nft, iptables_extensions)
{
	cr_assert_eq(read_objects(TABLE BASE("f", "forward", "0", "drop") RULE(
			     "f", "1", "{'xt': {'type': 'target', 'name': 'LOG'}}")
					  RULE("f", "2",
					       MATCH("==", DPORT,
						     "22") ", {'xt': {'type': 'target', "
							   "'name': 'DNAT'}}")),
		     0);
	cr_expect_eq(diags_count(&diags, "nft.xt"), 2);
	expect("inet t f", "tcp ::1 1 ::2 22", "unknown");
	expect("inet t f", "tcp ::1 1 ::2 23", "deny");
	cr_expect_eq(device->n_nats, 1);
	done();
}

Test(nft, what_is_not_understood_taints)
{
	cr_assert_eq(
		read_objects(TABLE ", {'tables': {}}, {'rule': 5}, {'add': {'table': {}}}"), 0);
	cr_expect_eq(account->count[ACCOUNT_REJECTED], 3);
	cr_expect_eq(account_total(account), 5);
	cr_expect_eq(device->n_taints, 3);
	cr_expect_eq(diags_count(&diags, "nft.object"), 3);
	done();
	cr_assert_eq(read_objects(TABLE
				  ", {'chain': {'family': 'inet', 'table': 't', 'name': 'c', "
				  "'type': 'filter', 'hook': 'sideways', 'prio': 0}}"),
		     0);
	cr_expect_eq(device->n_taints, 1);
	cr_expect_eq(device->n_hooks, 0);
	done();
	cr_assert_eq(read_objects(TABLE
				  ", {'chain': {'family': 'inet', 'table': 't', 'name': 'c', "
				  "'type': 'filter', 'hook': 'forward', 'prio': 0, "
				  "'policy': 'perhaps'}}"),
		     0);
	expect("inet t c", "tcp ::1 1 ::2 22", "unknown");
	done();
}

Test(nft, an_empty_listing_needs_proof)
{
	cr_assert_eq(read_bytes("{\"nftables\": []}", 16), 0);
	cr_expect(diags_has(&diags, "nft.empty-ruleset"));
	cr_expect_eq(device->n_taints, 1);
	done();
	cr_assert_eq(read_objects(""), 0);
	cr_expect(diags_has(&diags, "nft.empty-ruleset"));
	cr_expect_eq(device->n_taints, 0);
	done();
}

static const struct {
	const char *text, *code;
} refused[] = {
	{ "{% if x %}\ntable inet filter {\n}\n", "nft.template" },
	{ "", "nft.empty" },
	{ "  \n", "nft.empty" },
	{ "{\"nftables\": [{\"table\": ", "json.syntax" },
	{ "{\"nftables\": [], \"nftables\": []}", "json.duplicate-key" },
};

Test(nft, files_that_are_refused)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		cr_expect_lt(read_bytes(refused[i].text, strlen(refused[i].text)), 0);
		cr_expect(diags_has(&diags, refused[i].code), "%s", refused[i].code);
		cr_expect(account->failed);
		cr_expect_null(device);
		done();
	}
}

Test(nft, other_json_is_not_a_listing)
{
	cr_assert_eq(read_bytes("{\"SecurityGroups\": []}", 22), 0);
	cr_expect_eq(account->count[ACCOUNT_REJECTED], 1);
	cr_expect_gt(device->n_taints, 0);
	done();
}

static int probe(const char *s)
{
	return collector_nft.probe(s, strlen(s), "x");
}

Test(nft, probing)
{
	cr_expect_eq(probe("{\"nftables\": [{\"metainfo\": {}}]}"), 100);
	cr_expect_eq(probe(" \n{\n \"nftables\" : []}"), 100);
	cr_expect_eq(probe("{\"SecurityGroups\": []}"), 0);
	cr_expect_gt(probe("table inet filter {\n"), 0);
	cr_expect_eq(probe(""), 0);
	cr_expect_eq(probe("{"), 0);
	cr_expect_eq(probe("hostname asa\n"), 0);
}

/* nft 1.0.6 prints statements that it has no JSON for as text. */
Test(nft, statements_in_text)
{
	cr_assert_eq(
		read_objects(
			TABLE SET("s", "", "'1.1.1.1'") BASE("c", "forward", "0", "drop")
				RULE("c", "6", "'update @s { ip saddr : tcp sport }', " ACCEPT)
					RULE("c", "7", MATCH("==", SADDR, "'@s'") ", " ACCEPT)),
		0);
	expect("inet t c", "tcp 3.1.1.1 1 2.2.2.2 22", "unknown");
	const struct ruleset *rs = device_ruleset(device, "inet t c");
	cr_expect_eq(rs->rules[rs->n - 1].match->kind, MATCH_AND);
	cr_expect(rs->rules[rs->n - 1].match->inexact);
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 3);
	done();
	cr_assert_eq(read_objects(TABLE BASE("c", "forward", "0", "drop")
					  RULE("c", "6", "'a new thing', " ACCEPT)),
		     0);
	expect("inet t c", "tcp 3.1.1.1 1 2.2.2.2 22", "unknown");
	cr_expect(diags_has(&diags, "nft.statement"));
	done();
}

/* A long listing is made shorter before it is parsed: nobody may notice. */
Test(nft, long_sets_of_networks)
{
	struct text t = { 0 };
	text_put(&t,
		 "{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}}, {\"table\": "
		 "{\"family\": \"inet\", \"name\": \"t\"}}, {\"set\": {\"family\": "
		 "\"inet\", \"name\": \"s\", \"table\": \"t\", \"type\": \"ipv4_addr\", "
		 "\"flags\": [\"interval\"], \"elem\": [\n");
	for (unsigned i = 0; i < 100000; i++)
		text_putf(&t, "{\"prefix\": {\"addr\": \"%u.%u.%u.0\", \"len\": 25}},\n",
			  1 + i / 65536, i / 256 % 256, i % 256);
	text_put(&t,
		 "\"9.9.9.9\"]}}, {\"chain\": {\"family\": \"inet\", \"table\": \"t\", "
		 "\"name\": \"c\", \"type\": \"filter\", \"hook\": \"forward\", \"prio\": 0, "
		 "\"policy\": \"drop\"}},\n"
		 "{\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", "
		 "\"handle\": 7, \"expr\": [{\"match\": {\"op\": \"==\", \"left\": "
		 "{\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}}, \"right\": "
		 "{\"prefix\": {\"addr\": \"200.0.0.0\", \"len\": 8}}}}, {\"match\": {\"op\": "
		 "\"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"daddr\"}}"
		 ", \"right\": \"@s\"}}, {\"accept\": null}]}},\n"
		 "{\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", "
		 "\"handle\": 8, \"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"meta\": "
		 "{\"key\": \"iifname\"}}, \"right\": {\"prefix\": {\"addr\": \"dead\", "
		 "\"len\": 24}}}}, {\"accept\": null}]}}]}\n");
	cr_assert_gt(t.len, 4u << 20);
	cr_assert_eq(read_bytes(t.s, t.len), 0);
	expect("inet t c", "tcp 200.1.1.1 1 1.0.0.127 22", "permit");
	expect("inet t c", "tcp 200.1.1.1 1 1.0.0.128 22", "unknown");
	expect("inet t c", "tcp 200.1.1.1 1 2.134.159.5 22", "permit");
	expect("inet t c", "tcp 200.1.1.1 1 2.134.160.5 22", "unknown");
	expect("inet t c", "tcp 199.1.1.1 1 1.0.0.127 22", "unknown");
	const struct ruleset *rs = device_ruleset(device, "inet t c");
	const struct rule *r = &rs->rules[0];
	cr_expect_eq(r->at.line, 100003);
	cr_expect_eq(r->at.col, 10);
	cr_expect_eq(r->at.src, account->src);
	text_finish(&t);
	done();
}

#define SET_MARK(value) "{'mangle': {'key': {'meta': {'key': 'mark'}}, 'value': " value "}}"
#define MARKED(value)	MATCH("==", META("mark"), value)
#define SADDR_(value)	MATCH("==", PAYLOAD("ip", "saddr"), value)

/* Marks that earlier rules of the way set; each row is a listing with a base chain "f". */
static const struct {
	const char *objects, *packet, *want;
} marks[] = {
	/* set before routing, asked for behind it */
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "22") ", " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "permit" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "22") ", " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 23", "deny" },
	/* asked for before it is set */
	{ BASE("f", "prerouting", "-160", "drop") BASE("p", "prerouting", "-150", "accept")
		  RULE("p", "1", SET_MARK("5")) RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "deny" },
	/* a packet that was accepted before gets no mark */
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", SADDR_("'10.0.0.1'") ", " ACCEPT) RULE("p", "2", SET_MARK("5"))
			  RULE("f", "3", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "deny" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", SADDR_("'10.0.0.1'") ", " ACCEPT) RULE("p", "2", SET_MARK("5"))
			  RULE("f", "3", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.3 1 10.0.0.2 22", "permit" },
	/* bits: mark | 4, asked for as mark & 4 */
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop") RULE(
		  "p", "1",
		  SET_MARK("3")) RULE("p", "2",
				      SADDR_("'10.0.0.1'") ", " SET_MARK(
					      "{'|': [{'meta': {'key': 'mark'}}, 4]}"))
		  RULE("f", "3",
		       MATCH("!=", "{'&': [{'meta': {'key': 'mark'}}, 4]}", "0") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "permit" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0",
							 "drop") RULE("p", "1", SET_MARK("3"))
		  RULE("p", "2",
		       SADDR_("'10.0.0.1'") ", " SET_MARK(
			       "{'|': [{'meta': {'key': 'mark'}}, 4]}"))
			  RULE("f", "3",
			       MATCH("==", "{'^': [{'&': [{'meta': {'key': 'mark'}}, 6]}, 2]}",
				     "4") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "permit" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", SET_MARK("3"))
			  RULE("p", "2",
			       SADDR_("'10.0.0.1'") ", " SET_MARK(
				       "{'|': [{'meta': {'key': 'mark'}}, 4]}"))
				  RULE("f", "3", MARKED("7") ", " ACCEPT),
	  "tcp 10.0.0.3 1 10.0.0.2 22", "deny" },
	/* in a chain that is jumped to, and back */
	{ CHAIN("s") BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "22") ", {'jump': {'target': 's'}}")
			  RULE("s", "2", SADDR_("'10.0.0.1'") ", {'return': null}")
				  RULE("s", "3", SET_MARK("9"))
					  RULE("p", "4", MARKED("9") ", " SET_MARK("10"))
						  RULE("f", "5", MARKED("10") ", " ACCEPT),
	  "tcp 10.0.0.3 1 10.0.0.2 22", "permit" },
	{ CHAIN("s") BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "22") ", {'jump': {'target': 's'}}")
			  RULE("s", "2", SADDR_("'10.0.0.1'") ", {'return': null}")
				  RULE("s", "3", SET_MARK("9"))
					  RULE("p", "4", MARKED("9") ", " SET_MARK("10"))
						  RULE("f", "5", MARKED("10") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "deny" },
	/* a chain that several ways reach with different marks knows none */
	{ CHAIN("s") BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", "{'jump': {'target': 's'}}") RULE("p", "2", SET_MARK("5"))
			  RULE("s", "3", MARKED("5") ", " ACCEPT)
				  RULE("f", "4", "{'jump': {'target': 's'}}"),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "unknown" },
	/* a value that nobody knows, a rate in front */
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", SET_MARK("{'ct': {'key': 'mark'}}"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "unknown" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", "{'limit': {'rate': 1, 'per': 'second'}}, " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "unknown" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", "{'limit': {'rate': 1, 'per': 'second'}}, " SET_MARK("5"))
			  RULE("f", "2", MARKED("6") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "deny" },
	/* two chains at one priority: nobody knows which comes first */
	{ BASE("p", "forward", "0", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", SET_MARK("5")) RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "unknown" },
	/* what others set, and what programs of the host set */
	{ BASE("f", "forward", "0", "drop") RULE("f", "2", MARKED("0") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "unknown" },
	{ BASE("f", "output", "0", "drop") BASE("o", "output", "-150", "accept")
		  RULE("o", "1", SADDR_("'10.0.0.1'") ", " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.3 1 10.0.0.2 22", "unknown" },
	{ BASE("f", "output", "0", "drop") BASE("o", "output", "-150", "accept")
		  RULE("o", "1", SADDR_("'10.0.0.1'") ", " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "permit" },
	/* a map of verdicts in front: what it sends away gets no mark */
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1",
		       "{'vmap': {'key': " DPORT ", 'data': {'set': [[22, {'accept': null}], "
		       "[23, {'continue': null}]]}}}, " SET_MARK("5"))
			  RULE("f", "2", MARKED("5") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 23", "permit" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1",
		       "{'vmap': {'key': " DPORT ", 'data': {'set': [[22, {'accept': null}], "
		       "[23, {'continue': null}]]}}}, " SET_MARK("5"))
			  RULE("p", "3", SET_MARK("{'|': [{'meta': {'key': 'mark'}}, 8]}"))
				  RULE("f", "2", MARKED("8") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 24", "permit" },
	{ BASE("p", "prerouting", "-150", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1",
		       "{'vmap': {'key': " DPORT ", 'data': {'set': [[22, {'accept': null}], "
		       "[23, {'continue': null}]]}}}, " SET_MARK("5"))
			  RULE("p", "3", SET_MARK("{'|': [{'meta': {'key': 'mark'}}, 8]}"))
				  RULE("f", "2", MARKED("0") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 22", "permit" },
	/* out of tracking: the state is "untracked", whatever the packet's would be */
	{ BASE("p", "prerouting", "-300", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'new'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=eth0", "deny" },
	{ BASE("p", "prerouting", "-300", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'new'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 54 iif=eth0", "permit" },
	{ BASE("p", "prerouting", "-300", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'untracked'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=eth0", "permit" },
	{ BASE("p", "prerouting", "-300", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("!=", STATE, "'established'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=eth0 state=established", "permit" },
	{ BASE("p", "prerouting", "-300", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'new'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=lo", "unknown" },
	/* behind tracking it is too late for all but invalid packets */
	{ BASE("p", "prerouting", "-100", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'new'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=eth0", "permit" },
	{ BASE("p", "prerouting", "-100", "accept") BASE("f", "forward", "0", "drop")
		  RULE("p", "1", MATCH("==", DPORT, "53") ", {'notrack': null}")
			  RULE("f", "2", MATCH("in", STATE, "'invalid'") ", " ACCEPT),
	  "tcp 10.0.0.1 1 10.0.0.2 53 iif=eth0 state=invalid", "deny" },
};

ParameterizedTestParameters(nft, what_earlier_rules_did)
{
	static size_t rows[sizeof(marks) / sizeof(*marks)];
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(marks) / sizeof(*marks));
}

ParameterizedTest(size_t *row, nft, what_earlier_rules_did)
{
	struct text t = { 0 };
	text_putf(&t, "%s%s", TABLE, marks[*row].objects);
	cr_assert_eq(read_objects(t.s), 0);
	text_finish(&t);
	cr_expect_str_eq(answer("inet t f", marks[*row].packet), marks[*row].want,
			 "%zu: %s: %s, not %s", *row, marks[*row].packet,
			 answer("inet t f", marks[*row].packet), marks[*row].want);
	done();
}
