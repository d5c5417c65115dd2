/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "collectors/ios_internal.h"
#include "tests/unit/cisco_world.h"

static struct world read_bytes(const char *text, size_t size)
{
	return config_read(&collector_ios, "r", text, size);
}

static struct world read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const struct ruleset *list(const struct world *w, const char *name)
{
	const struct ruleset *rs = device_ruleset(w->dev, name);
	cr_assert(rs, "no list %s", name);
	return rs;
}

/* P: permitted for certain, D: denied for certain, U: not known. */
static char ask_rules(const struct world *w, const struct ruleset *rs, const char *line)
{
	struct packet p = packet(w, line);
	return verdict(rs, &p);
}

static char ask(const struct world *w, const char *name, const char *line)
{
	return ask_rules(w, list(w, name), line);
}

/* All hooks of that kind on the port together; N: there is none. */
static char ask_port(const struct world *w, enum hook_kind kind, const char *port,
		     const char *line)
{
	char all = 'N';
	for (size_t i = 0; i < w->dev->n_hooks; i++) {
		const struct hook *h = &w->dev->hooks[i];
		if (h->kind != kind || (h->port ? !port || strcmp(h->port, port) : !!port))
			continue;
		char c = ask_rules(w, h->ruleset, line);
		all = all == 'D' || c == 'D' ? 'D' : all == 'U' || c == 'U' ? 'U' : 'P';
	}
	return all;
}

static bool tainted(const struct world *w, const char *port)
{
	for (size_t i = 0; i < w->dev->n_taints; i++) {
		const char *p = w->dev->taints[i].port;
		if (p ? port && !strcmp(p, port) : !port)
			return true;
	}
	return false;
}

static bool named(const struct world *w, const char *kind, const char *name, bool defines)
{
	vec_each (n, &w->snap->names)
		if (!strcmp(n->kind, kind) && !strcmp(n->name, name) && n->defines == defines)
			return true;
	return false;
}

/* What one list of the given head and entry says of packets: "packet\tverdict" rows. */
struct row {
	const char *head, *entry, *packet;
	char want;
};

#define EXT "ip access-list extended T\n "
#define STD "ip access-list standard T\n "
#define SIX "ipv6 access-list T\n "
#define NX  "feature bgp\nip access-list T\n "
#define EOS "! device: s (x, EOS-4.20)\nip access-list T\n "

static const struct row rows[] = {
	{ EXT, "permit ip any any", "tcp 1.1.1.1 1 2.2.2.2 2", 'P' },
	{ EXT, "permit ip any any", "tcp 2001:db8::1 1 2001:db8::2 2", 'D' },
	{ EXT, "permit tcp any any", "udp 1.1.1.1 1 2.2.2.2 2", 'D' },
	{ EXT, "permit tcp host 1.1.1.1 any", "tcp 1.1.1.1 1 2.2.2.2 2", 'P' },
	{ EXT, "permit tcp host 1.1.1.1 any", "tcp 1.1.1.2 1 2.2.2.2 2", 'D' },
	{ EXT, "permit ip 10.0.0.0 0.0.0.255 any", "udp 10.0.0.9 1 2.2.2.2 2", 'P' },
	{ EXT, "permit ip 10.0.0.0 0.0.0.255 any", "udp 10.0.1.9 1 2.2.2.2 2", 'D' },
	/* not a prefix: 10.x.0.y with y even */
	{ EXT, "permit ip 10.0.0.0 0.255.0.254 any", "tcp 10.77.0.4 1 2.2.2.2 2", 'P' },
	{ EXT, "permit ip 10.0.0.0 0.255.0.254 any", "tcp 10.77.0.5 1 2.2.2.2 2", 'D' },
	{ EXT, "permit ip 10.0.0.0 0.255.0.254 any", "tcp 10.77.1.4 1 2.2.2.2 2", 'D' },
	/* a netmask is read as the wildcard that it is */
	{ EXT, "permit ip 10.1.2.3 255.255.255.0 any", "tcp 99.98.97.3 1 2.2.2.2 2", 'P' },
	{ EXT, "permit ip 0.0.0.0 0.0.0.0 any", "tcp 9.9.9.9 1 2.2.2.2 2", 'D' },
	{ EXT, "permit tcp any any eq www", "tcp 1.1.1.1 1 2.2.2.2 80", 'P' },
	{ EXT, "permit tcp any any eq www 443 22", "tcp 1.1.1.1 1 2.2.2.2 443", 'P' },
	{ EXT, "permit tcp any any eq www 443 22", "tcp 1.1.1.1 1 2.2.2.2 81", 'D' },
	{ EXT, "permit tcp any eq 20 any", "tcp 1.1.1.1 20 2.2.2.2 80", 'P' },
	{ EXT, "permit tcp any eq 20 any", "tcp 1.1.1.1 21 2.2.2.2 80", 'D' },
	{ EXT, "permit tcp any any neq 80", "tcp 1.1.1.1 1 2.2.2.2 80", 'D' },
	{ EXT, "permit tcp any any neq 80", "tcp 1.1.1.1 1 2.2.2.2 0", 'P' },
	{ EXT, "permit udp any any neq 80 81", "udp 1.1.1.1 1 2.2.2.2 81", 'D' },
	{ EXT, "permit tcp any any gt 1023", "tcp 1.1.1.1 1 2.2.2.2 1023", 'D' },
	{ EXT, "permit tcp any any gt 1023", "tcp 1.1.1.1 1 2.2.2.2 1024", 'P' },
	{ EXT, "permit tcp any any lt 1024", "tcp 1.1.1.1 1 2.2.2.2 1023", 'P' },
	{ EXT, "permit tcp any any lt 1024", "tcp 1.1.1.1 1 2.2.2.2 1024", 'D' },
	{ EXT, "permit tcp any any range ftp-data ftp", "tcp 1.1.1.1 1 2.2.2.2 21", 'P' },
	{ EXT, "permit tcp any any range ftp-data ftp", "tcp 1.1.1.1 1 2.2.2.2 22", 'D' },
	{ EXT, "permit udp any any eq syslog", "udp 1.1.1.1 1 2.2.2.2 514", 'P' },
	{ EXT, "permit tcp any any eq cmd", "tcp 1.1.1.1 1 2.2.2.2 514", 'P' },
	{ EXT, "permit udp any any eq who", "udp 1.1.1.1 1 2.2.2.2 513", 'P' },
	{ EXT, "permit tcp any any eq nosuchname", "tcp 1.1.1.1 1 2.2.2.2 80", 'U' },
	{ EXT, "permit tcp any any eq nosuchname", "udp 1.1.1.1 1 2.2.2.2 80", 'D' },
	/* IANA's names are EOS's, not IOS's or NX-OS's */
	{ EOS, "permit tcp any any eq ldaps", "tcp 1.1.1.1 1 2.2.2.2 636", 'P' },
	{ NX, "permit tcp any any eq ldaps", "tcp 1.1.1.1 1 2.2.2.2 636", 'U' },
	{ NX, "permit tcp 10.0.0.0/24 any eq bgp", "tcp 10.0.0.1 1 2.2.2.2 179", 'P' },
	{ NX, "permit tcp 10.0.0.0 0.0.1.255 any", "tcp 10.0.1.1 1 2.2.2.2 179", 'P' },
	{ EXT, "permit tcp any any established", "tcp 1.1.1.1 1 2.2.2.2 2 flags=A", 'P' },
	{ EXT, "permit tcp any any established", "tcp 1.1.1.1 1 2.2.2.2 2 flags=R", 'P' },
	{ EXT, "permit tcp any any established", "tcp 1.1.1.1 1 2.2.2.2 2 flags=S", 'D' },
	{ EXT, "permit tcp any any ack", "tcp 1.1.1.1 1 2.2.2.2 2 flags=SA", 'P' },
	{ EXT, "permit tcp any any ack", "tcp 1.1.1.1 1 2.2.2.2 2 flags=S", 'D' },
	{ EXT, "permit tcp any any match-all +ack -syn", "tcp 1.1.1.1 1 2.2.2.2 2 flags=A",
	  'P' },
	{ EXT, "permit tcp any any match-all +ack -syn", "tcp 1.1.1.1 1 2.2.2.2 2 flags=SA",
	  'D' },
	{ EXT, "permit tcp any any match-any +ack -syn", "tcp 1.1.1.1 1 2.2.2.2 2 flags=SA",
	  'P' },
	{ EXT, "permit tcp any any match-any +ack -syn", "tcp 1.1.1.1 1 2.2.2.2 2 flags=S",
	  'D' },
	/* established psh: how the two combine isn't known, what either way gives is */
	{ EXT, "permit tcp any any established psh", "tcp 1.1.1.1 1 2.2.2.2 2 flags=PA", 'P' },
	{ EXT, "permit tcp any any established psh", "tcp 1.1.1.1 1 2.2.2.2 2 flags=A", 'U' },
	{ EXT, "permit tcp any any established psh", "tcp 1.1.1.1 1 2.2.2.2 2 flags=S", 'D' },
	{ NX, "permit tcp any any ack", "tcp 1.1.1.1 1 2.2.2.2 2 flags=A", 'P' },
	{ NX, "permit tcp any any ack", "tcp 1.1.1.1 1 2.2.2.2 2 flags=SA", 'U' },
	{ NX, "permit tcp any any ack", "tcp 1.1.1.1 1 2.2.2.2 2 flags=S", 'D' },
	{ EXT, "permit icmp any any echo", "icmp 1.1.1.1 8 2.2.2.2 0", 'P' },
	{ EXT, "permit icmp any any echo", "icmp 1.1.1.1 0 2.2.2.2 0", 'D' },
	{ EXT, "permit icmp any any 3 4", "icmp 1.1.1.1 3 2.2.2.2 4", 'P' },
	{ EXT, "permit icmp any any 3 4", "icmp 1.1.1.1 3 2.2.2.2 3", 'D' },
	{ EXT, "permit icmp any any packet-too-big", "icmp 1.1.1.1 3 2.2.2.2 4", 'P' },
	{ EXT, "permit icmp any any unreachable", "icmp 1.1.1.1 3 2.2.2.2 9", 'P' },
	{ EXT, "permit esp any any", "ip:50 1.1.1.1 0 2.2.2.2 0", 'P' },
	{ EXT, "permit 89 any any", "ip:89 1.1.1.1 0 2.2.2.2 0", 'P' },
	{ EXT, "permit ahp any any", "ip:51 1.1.1.1 0 2.2.2.2 0", 'P' },
	{ EXT, "permit ipinip any any", "ip:4 1.1.1.1 0 2.2.2.2 0", 'P' },
	{ EXT, "permit nos any any", "ip:94 1.1.1.1 0 2.2.2.2 0", 'P' },
	/* later fragments */
	{ EXT, "permit tcp any any eq 80", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'P' },
	{ EXT, "deny tcp any any eq 80\n permit ip any any", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1",
	  'P' },
	{ EXT, "deny tcp any any\n permit ip any any", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'D' },
	{ EXT, "permit ip any any fragments", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'P' },
	{ EXT, "permit ip any any fragments", "tcp 1.1.1.1 1 2.2.2.2 2", 'D' },
	{ EXT, "permit tcp any any established", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1", 'P' },
	{ EXT, "permit icmp any any echo", "icmp 1.1.1.1 0 2.2.2.2 0 frag=1", 'P' },
	{ EXT, "deny icmp any any echo\n permit ip any any", "icmp 1.1.1.1 0 2.2.2.2 0 frag=1",
	  'P' },
	/* what a packet of ours doesn't hold may only narrow */
	{ EXT, "permit ip any any dscp ef", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "deny ip any any time-range NIGHT\n permit ip any any",
	  "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any eq 80 time-range NIGHT", "tcp 1.1.1.1 1 2.2.2.2 81", 'D' },
	{ EXT, "permit ip any any ttl eq 5", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit ip any any option any-options log", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit igmp any any host-query", "ip:2 1.1.1.1 0 2.2.2.2 0", 'U' },
	{ EXT, "permit igmp any any", "ip:2 1.1.1.1 0 2.2.2.2 0", 'P' },
	{ EXT, "dynamic KEY timeout 10 permit ip any any", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any eq 80 log-input COOKIE", "tcp 1.1.1.1 1 2.2.2.2 80", 'P' },
	{ EXT, "permit udp any any reflect ANSWERS timeout 30", "udp 1.1.1.1 1 2.2.2.2 2",
	  'P' },
	{ EXT, "evaluate ANSWERS", "udp 1.1.1.1 1 2.2.2.2 2 state=new", 'D' },
	{ EXT, "evaluate ANSWERS", "udp 1.1.1.1 1 2.2.2.2 2 state=established", 'U' },
	{ EXT, "permit 0 any any", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	/* standard lists look at the source alone */
	{ STD, "permit 10.0.0.1", "tcp 10.0.0.1 1 2.2.2.2 2", 'P' },
	{ STD, "permit 10.0.0.1", "tcp 10.0.0.2 1 2.2.2.2 2", 'D' },
	{ STD, "permit host 10.0.0.1", "ip:47 10.0.0.1 0 2.2.2.2 0", 'P' },
	{ STD, "permit 10.0.0.0 0.0.0.255 log", "tcp 10.0.0.7 1 2.2.2.2 2", 'P' },
	{ STD, "permit any", "tcp 10.0.0.7 1 2.2.2.2 2", 'P' },
	{ STD, "permit 10.0.0.1", "tcp 10.0.0.1 0 2.2.2.2 0 frag=1", 'P' },
	/* IPv6 */
	{ SIX, "permit tcp any host 2001:db8::1 eq 22", "tcp 2001:db8::9 1 2001:db8::1 22",
	  'P' },
	{ SIX, "permit ipv6 2001:db8::/32 any", "udp 2001:db8:9::9 1 2002::1 22", 'P' },
	{ SIX, "permit ipv6 2001:db8::/32 any", "udp 2001:db9::9 1 2002::1 22", 'D' },
	{ SIX, "permit any any", "udp 2001:db9::9 1 2002::1 22", 'P' },
	{ SIX, "sequence 10 deny ipv6 any any", "udp 2001:db9::9 1 2002::1 22", 'D' },
	{ SIX, "permit icmp any any echo-request", "icmpv6 2001:db9::9 128 2002::1 0", 'P' },
	{ SIX, "permit tcp any any eq 22", "icmpv6 2001:db9::9 136 2002::1 0", 'P' },
	{ SIX, "permit tcp any any eq 22", "icmpv6 2001:db9::9 135 2002::1 0", 'P' },
	{ SIX, "permit tcp any any eq 22", "icmpv6 2001:db9::9 134 2002::1 0", 'D' },
	{ SIX, "deny ipv6 any any", "icmpv6 2001:db9::9 135 2002::1 0", 'D' },
	{ SIX, "permit ipv6 any any routing", "tcp 2001:db9::9 1 2002::1 2", 'U' },
	{ SIX, "permit hbh any any", "tcp 2001:db9::9 1 2002::1 2", 'U' },
	{ SIX, "permit tcp any any eq 80 sequence 5", "tcp 2001:db9::9 1 2002::1 80", 'P' },
	/* what isn't an entry may be any */
	{ EXT, "permit tcp any any eq 70000", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any lt 0", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any gt 65535", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any range 9 5", "tcp 1.1.1.1 1 2.2.2.2 7", 'U' },
	{ NX, "permit ip 10.0.0.0/33 any", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit ip any any eq 80", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp any any sideways", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit tcp host any any", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "permit icmp any any 300", "icmp 1.1.1.1 3 2.2.2.2 4", 'U' },
	{ EXT, "permit tcp any any eq 80 fragments", "tcp 1.1.1.1 1 2.2.2.2 80", 'U' },
	{ EXT, "permit", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "allow ip any any", "tcp 1.1.1.1 1 2.2.2.2 2", 'U' },
	{ EXT, "deny icmp any any 3\n permit frob any any\n deny ip any any",
	  "icmp 1.1.1.1 3 2.2.2.2 4", 'D' },
};

Test(ios, entries)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];
		snprintf(text, sizeof(text), "%s%s\n", rows[i].head, rows[i].entry);
		struct world w = read_text(text);
		char got = ask(&w, "T", rows[i].packet);
		cr_expect_eq(got, rows[i].want, "row %zu: %s: %s: %c, not %c", i, rows[i].entry,
			     rows[i].packet, got, rows[i].want);
		done(&w);
	}
}

Test(ios, order_is_by_sequence_number)
{
	struct world w = read_text("ip access-list extended T\n"
				   " 30 permit tcp any any\n"
				   " 10 deny tcp any any eq 22\n"
				   " permit udp any any\n"
				   " 20 remark between\n"
				   " 20 deny tcp any any eq 23\n");
	const struct ruleset *rs = list(&w, "T");
	cr_assert_eq(rs->n, 4);
	cr_expect_str_eq(rs->rules[0].name, "seq 10");
	cr_expect_str_eq(rs->rules[1].name, "seq 20");
	cr_expect_str_eq(rs->rules[2].name, "seq 30");
	cr_expect_eq(rs->rules[3].at.line, 4); /* behind the highest */
	cr_expect_eq(rs->rules[0].at.line, 3);
	cr_expect_eq(rs->rules[0].at.col, 2);
	cr_expect_eq(rs->rules[0].at.end_col, 2 + strlen("10 deny tcp any any eq 22"));
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 22"), 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_IRRELEVANT], 1);
	cr_expect_eq(account(&w)->policy[ACCOUNT_EXACT], 5);
	done(&w);
}

Test(ios, duplicate_numbers)
{
	struct world w = read_text("ip access-list extended T\n"
				   " 10 permit tcp any any\n"
				   " 10 deny udp any any\n");
	/* IOS refuses the second */
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'P');
	cr_expect_eq(list(&w, "T")->n, 1);
	cr_expect(diags_has(&w.diags, "ios.duplicate-sequence"));
	cr_expect_eq(account(&w)->policy[ACCOUNT_REJECTED], 1);
	done(&w);

	w = read_text("feature bgp\nip access-list T\n"
		      "  10 permit tcp any any\n"
		      "  10 deny udp any any\n"
		      "  20 permit ip any any\n");
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask(&w, "T", "udp 1.1.1.1 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask(&w, "T", "ip:47 1.1.1.1 0 2.2.2.2 0"), 'P');
	done(&w);
}

Test(ios, edits)
{
	struct world w = read_text("ip access-list extended T\n"
				   " 10 permit tcp any any\n"
				   " 20 permit udp any any\n"
				   " 30 permit icmp any any\n"
				   " no 20\n"
				   " no permit tcp any any\n");
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'D');
	cr_expect_eq(ask(&w, "T", "udp 1.1.1.1 1 2.2.2.2 2"), 'D');
	cr_expect_eq(ask(&w, "T", "icmp 1.1.1.1 8 2.2.2.2 0"), 'P');
	done(&w);

	/* what was taken away isn't known: only packets that it matches are uncertain */
	w = read_text("ip access-list extended T\n"
		      " permit ip any any\n"
		      " no permit tcp any any\n");
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask(&w, "T", "udp 1.1.1.1 1 2.2.2.2 2"), 'P');
	cr_expect(diags_has(&w.diags, "ios.no-entry"));
	done(&w);

	w = read_text("ip access-list extended T\n"
		      " permit ip any any\n"
		      "no ip access-list extended T\n"
		      "ip access-list extended T\n"
		      " 5 permit udp any any\n"
		      " 6 deny udp any any eq 9\n"
		      "ip access-list resequence T 100 10\n"
		      "ip access-list extended T\n"
		      " 105 deny udp any any\n");
	cr_expect_eq(list(&w, "T")->n, 3);
	cr_expect_str_eq(list(&w, "T")->rules[1].name, "seq 105");
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'D');
	done(&w);
}

Test(ios, numbered_lists)
{
	struct world w = read_text("access-list 10 permit 10.0.0.0 0.0.0.255\n"
				   "access-list 10 remark closed\n"
				   "access-list 1300 permit 10.0.0.1\n"
				   "access-list 101 permit tcp any any eq telnet\n"
				   "access-list 2000 permit udp any any\n"
				   "access-list 700 permit 0000.0c00.0000 0000.00ff.ffff\n"
				   "ip access-list extended 101\n"
				   " permit tcp any any eq 22\n");
	cr_expect_eq(ask(&w, "10", "tcp 10.0.0.9 1 2.2.2.2 2"), 'P');
	cr_expect_eq(ask(&w, "1300", "tcp 10.0.0.1 1 2.2.2.2 2"), 'P');
	cr_expect_eq(list(&w, "101")->n, 2);
	cr_expect_eq(ask(&w, "101", "tcp 10.0.0.9 1 2.2.2.2 22"), 'P');
	cr_expect_eq(list(&w, "101")->rules[0].at.col, 17);
	cr_expect_str_eq(list(&w, "101")->rules[1].name, "line 2");
	cr_expect_eq(ask(&w, "2000", "udp 10.0.0.9 1 2.2.2.2 22"), 'P');
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(ios, object_groups)
{
	struct world w = read_text("object-group network NETS\n"
				   " description all of it\n"
				   " host 10.0.0.1\n"
				   " 10.1.0.0 255.255.0.0\n"
				   " 10.2.0.0 /16\n"
				   " range 10.3.0.5 10.3.0.9\n"
				   " group-object MORE\n"
				   "object-group network MORE\n"
				   " host 10.9.9.9\n"
				   "object-group service WEB\n"
				   " tcp eq www\n"
				   " tcp source eq 99 443\n"
				   " tcp-udp range 5000 5001\n"
				   " icmp echo\n"
				   " 47\n"
				   " group-object REST\n"
				   "object-group service REST\n"
				   " esp\n"
				   "ip access-list extended T\n"
				   " permit object-group WEB object-group NETS any\n"
				   "ip access-list extended N\n"
				   " deny object-group WEB object-group NETS any\n"
				   " permit ip any any\n"
				   "ip access-list extended D\n"
				   " permit udp any object-group NETS eq ntp\n");
	static const char *const in[] = { "10.0.0.1", "10.1.255.1", "10.2.3.4", "10.3.0.7",
					  "10.9.9.9" };
	for (size_t i = 0; i < 5; i++) {
		char p[64];
		snprintf(p, sizeof(p), "tcp %s 1 2.2.2.2 80", in[i]);
		cr_expect_eq(ask(&w, "T", p), 'P', "%s", p);
		cr_expect_eq(ask(&w, "N", p), 'D', "%s", p);
		snprintf(p, sizeof(p), "udp 2.2.2.2 1 %s 123", in[i]);
		cr_expect_eq(ask(&w, "D", p), 'P', "%s", p);
	}
	cr_expect_eq(ask(&w, "T", "tcp 10.3.0.10 1 2.2.2.2 80"), 'D');
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.1 1 2.2.2.2 443"), 'D');
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.1 99 2.2.2.2 443"), 'P');
	cr_expect_eq(ask(&w, "T", "udp 10.0.0.1 99 2.2.2.2 5001"), 'P');
	cr_expect_eq(ask(&w, "T", "udp 10.0.0.1 99 2.2.2.2 80"), 'D');
	cr_expect_eq(ask(&w, "T", "icmp 10.0.0.1 8 2.2.2.2 0"), 'P');
	cr_expect_eq(ask(&w, "T", "icmp 10.0.0.1 0 2.2.2.2 0"), 'D');
	cr_expect_eq(ask(&w, "T", "ip:47 10.0.0.1 0 2.2.2.2 0"), 'P');
	cr_expect_eq(ask(&w, "T", "ip:50 10.0.0.1 0 2.2.2.2 0"), 'P');
	/* fragments: a permit lets the later ones pass, a deny leaves them */
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.1 0 2.2.2.2 0 frag=1"), 'P');
	cr_expect_eq(ask(&w, "N", "tcp 10.0.0.1 0 2.2.2.2 0 frag=1"), 'P');
	cr_expect_eq(account(&w)->policy[ACCOUNT_EXACT], 24);
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	cr_expect(named(&w, "object-group", "MORE", false));
	cr_expect(named(&w, "object-group", "MORE", true));
	done(&w);
}

Test(ios, object_groups_of_nx_os)
{
	struct world w = read_text("feature bgp\n"
				   "object-group ip address NETS\n"
				   "  10 host 192.0.2.1\n"
				   "  20 198.51.100.0/24\n"
				   "  30 10.0.0.0 0.255.0.255\n"
				   "object-group ip port PORTS\n"
				   "  10 eq 22\n"
				   "  20 range 5 7\n"
				   "object-group ip port BAD\n"
				   "  10 lt 0\n"
				   "ip access-list T\n"
				   "  10 permit tcp addrgroup NETS any portgroup PORTS\n"
				   "ip access-list S\n"
				   "  10 permit tcp any portgroup PORTS any\n"
				   "ip access-list B\n"
				   "  10 permit tcp any any portgroup BAD\n");
	cr_expect_eq(ask(&w, "T", "tcp 192.0.2.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(ask(&w, "T", "tcp 10.77.0.3 1 2.2.2.2 6"), 'P');
	cr_expect_eq(ask(&w, "T", "tcp 10.77.1.3 1 2.2.2.2 6"), 'D');
	cr_expect_eq(ask(&w, "T", "tcp 198.51.100.9 1 2.2.2.2 8"), 'D');
	cr_expect_eq(ask(&w, "S", "tcp 1.1.1.1 7 2.2.2.2 8"), 'P');
	cr_expect_eq(ask(&w, "S", "tcp 1.1.1.1 8 2.2.2.2 7"), 'D');
	cr_expect_eq(ask(&w, "B", "tcp 1.1.1.1 8 2.2.2.2 7"), 'U');
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 1);
	cr_expect(diags_has(&w.diags, "ios.bad-member"));
	done(&w);
}

Test(ios, groups_that_hold_themselves)
{
	struct world w = read_text("object-group network A\n"
				   " host 10.0.0.1\n"
				   " group-object B\n"
				   "object-group network B\n"
				   " host 10.0.0.2\n"
				   " group-object A\n"
				   "ip access-list extended T\n"
				   " permit ip object-group A any\n");
	cr_expect(diags_has(&w.diags, "ios.object-cycle"));
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.1 1 2.2.2.2 2"), 'P');
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.9 1 2.2.2.2 2"), 'U');
	cr_expect_eq(account(&w)->policy[ACCOUNT_REJECTED], 1);
	done(&w);
}

Test(ios, groups_nested_too_deep)
{
	struct text t = { 0 };
	for (int i = 0; i < 100; i++)
		text_putf(&t, "object-group network G%d\n group-object G%d\n", i, i + 1);
	text_put(&t, "object-group network G100\n host 10.0.0.1\n"
		     "ip access-list extended T\n permit ip object-group G0 any\n");
	struct world w = read_text(t.s);
	cr_expect(diags_has(&w.diags, "ios.object-depth"));
	cr_expect_eq(ask(&w, "T", "tcp 10.0.0.1 1 2.2.2.2 2"), 'U');
	done(&w);
	text_finish(&t);
}

Test(ios, groups_that_are_missing_or_empty)
{
	struct world w = read_text("object-group network EMPTY\n"
				   "ip access-list extended T\n"
				   " deny tcp any object-group EMPTY\n"
				   " permit udp object-group NONE any\n"
				   " permit object-group NOSVC host 1.1.1.1 any\n");
	cr_expect(diags_has(&w.diags, "ios.group-missing"));
	cr_expect(diags_has(&w.diags, "ios.group-empty"));
	cr_expect_eq(ask(&w, "T", "udp 10.0.0.1 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.2 1 2.2.2.2 2"), 'D');
	cr_expect_eq(account(&w)->policy[ACCOUNT_BOUNDED], 3);
	done(&w);
}

Test(ios, interfaces)
{
	struct world w = read_text("interface GigabitEthernet0/1.10\n"
				   " encapsulation dot1Q 10\n"
				   " vrf forwarding BLUE\n"
				   " ip address 10.0.0.1 255.255.255.0\n"
				   " ip address 10.0.1.1 255.255.255.128 secondary\n"
				   " ipv6 address 2001:db8::1/64\n"
				   " standby 1 ip 10.0.0.254\n"
				   "interface Gi0/2\n"
				   " shutdown\n"
				   "interface Vlan20\n"
				   "interface FastEthernet0/5\n"
				   " switchport access vlan 20\n"
				   "ip route vrf BLUE 0.0.0.0 0.0.0.0 Gi0/1.10 10.0.0.9\n"
				   "ip route 192.0.2.0 255.255.255.0 Null0 250 name hole\n"
				   "ipv6 route 2001:db8:1::/48 2001:db8::9\n");
	const struct port *p = device_port(w.dev, "GigabitEthernet0/1.10");
	cr_assert(p);
	cr_expect_eq(p->vlan, 10);
	cr_expect_str_eq(p->segment, "BLUE");
	cr_assert_eq(p->n_prefixes, 3);
	cr_expect_eq(p->prefixes[0].len, 24);
	cr_expect_eq(p->prefixes[0].addr.lo, 0x0a000000);
	cr_expect_eq(p->addrs[0].lo, 0x0a000001);
	cr_expect_eq(p->prefixes[1].len, 25);
	cr_expect_eq(p->prefixes[2].family, FAMILY_V6);
	cr_assert_eq(p->n_shared, 1);
	cr_expect_eq(p->shared[0].lo, 0x0a0000fe);
	p = device_port(w.dev, "gigabitethernet0/2");
	cr_assert(p);
	cr_expect(!p->up);
	cr_expect_str_eq(p->alias, "Gi0/2");
	cr_expect_eq(device_port(w.dev, "Gi0/2"), p);
	cr_expect_eq(device_port(w.dev, "Vlan20")->vlan, 20);
	cr_expect_eq(device_port(w.dev, "FastEthernet0/5")->vlan, 20);
	cr_assert_eq(w.dev->n_routes, 3);
	cr_expect_str_eq(w.dev->routes[0].segment, "BLUE");
	cr_expect_str_eq(w.dev->routes[0].port, "GigabitEthernet0/1.10");
	cr_expect_eq(w.dev->routes[0].via.lo, 0x0a000009);
	cr_expect(w.dev->routes[1].drop);
	cr_expect_eq(w.dev->routes[2].dst.family, FAMILY_V6);
	cr_expect(w.dev->routes[2].has_via);
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED] + account(&w)->count[ACCOUNT_REJECTED],
		     0);
	done(&w);
}

Test(ios, a_vrf_takes_addresses_away)
{
	struct world w = read_text("interface Ethernet0\n"
				   " ip address 10.0.0.1 255.255.255.0\n"
				   " ip vrf forwarding BLUE\n");
	cr_expect_eq(device_port(w.dev, "Ethernet0")->n_prefixes, 0);
	cr_expect(diags_has(&w.diags, "ios.vrf-clears-addresses"));
	done(&w);
}

Test(ios, interface_ranges)
{
	struct world w = read_text("interface range Gi1/0/1 - 3 , Vlan5-6\n"
				   " ip access-group 101 in\n"
				   "interface Ethernet1/1-2\n"
				   " shutdown\n"
				   "access-list 101 permit tcp any any\n");
	static const char *const ports[] = { "GigabitEthernet1/0/1", "GigabitEthernet1/0/3",
					     "Vlan5", "Vlan6" };
	cr_expect_eq(w.dev->n_ports, 7);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(ask_port(&w, HOOK_IN, ports[i], "udp 1.1.1.1 1 2.2.2.2 2"), 'D',
			     "%s", ports[i]);
	cr_assert(device_port(w.dev, "Ethernet1/2"));
	cr_expect(!device_port(w.dev, "Ethernet1/2")->up);
	done(&w);
}

Test(ios, bindings)
{
	struct world w = read_text("ip access-list extended FOUR\n"
				   " permit tcp any any eq 22\n"
				   "ipv6 access-list SIX\n"
				   " permit tcp any any eq 22\n"
				   "access-list 10 permit host 10.0.0.1\n"
				   "interface Ethernet0\n"
				   " ip access-group FOUR in\n"
				   " ipv6 traffic-filter SIX out\n"
				   "interface Ethernet1\n"
				   " ip access-group FOUR in\n"
				   " ip access-group 10 in\n"
				   " no ip access-group FOUR out\n"
				   "line vty 0 4\n"
				   " access-class 10 in\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 1.1.1.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 1.1.1.1 1 2.2.2.2 23"), 'D');
	/* a list of one family says nothing of the other */
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 2001:db8::1 1 2001:db8::2 23"),
		     'P');
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Ethernet0", "tcp 2001:db8::1 1 2001:db8::2 23"),
		     'D');
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Ethernet0", "tcp 1.1.1.1 1 2.2.2.2 23"), 'P');
	/* the second list of a direction replaces the first */
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "udp 10.0.0.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "tcp 1.1.1.1 1 2.2.2.2 22"), 'D');
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Ethernet1", "tcp 1.1.1.1 1 2.2.2.2 22"), 'N');
	cr_expect_eq(ask_port(&w, HOOK_OTHER, "line vty 0 4", "tcp 10.0.0.2 1 2.2.2.2 22"),
		     'D');
	/* no list of ours answers for state: they are stateless */
	cr_expect(!list(&w, "FOUR")->stateful);
	done(&w);
}

Test(ios, lists_that_are_missing_or_empty)
{
	struct world w = read_text("ip access-list extended EMPTY\n"
				   "ip access-list extended REMARKS\n"
				   " remark nothing yet\n"
				   "ip access-list extended UNUSED\n"
				   " deny ip any any\n"
				   "interface Ethernet0\n"
				   " ip access-group MISSING in\n"
				   " ip access-group EMPTY out\n"
				   "interface Ethernet1\n"
				   " ip access-group REMARKS in\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 1.1.1.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Ethernet0", "tcp 1.1.1.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "tcp 1.1.1.1 1 2.2.2.2 22"), 'U');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "tcp 2001:db8::1 1 2001:db8::2 22"),
		     'P');
	cr_expect(diags_has(&w.diags, "ios.acl-missing"));
	cr_expect(diags_has(&w.diags, "ios.acl-empty"));
	cr_expect(named(&w, "access list", "MISSING", false));
	cr_expect(!named(&w, "access list", "MISSING", true));
	cr_expect(named(&w, "access list", "UNUSED", true));
	cr_expect(!named(&w, "access list", "UNUSED", false));
	done(&w);

	/* EOS: not documented, so not known */
	w = read_text("! device: s (x, EOS-4.20)\n"
		      "interface Ethernet1\n   no switchport\n   ip access-group MISSING in\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "tcp 1.1.1.1 1 2.2.2.2 22"), 'U');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1", "tcp 2001:db8::1 1 2001:db8::2 22"),
		     'P');
	done(&w);
}

Test(ios, nx_os_fragments)
{
	struct world w = read_text("feature bgp\n"
				   "ip access-list ALL\n"
				   "  fragments permit-all\n"
				   "  10 deny tcp any any eq 80\n"
				   "ip access-list NONE\n"
				   "  fragments deny-all\n"
				   "  10 permit tcp any any eq 80\n");
	cr_expect_eq(ask(&w, "ALL", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1"), 'P');
	cr_expect_eq(ask(&w, "ALL", "tcp 1.1.1.1 1 2.2.2.2 81"), 'D');
	cr_expect_eq(ask(&w, "NONE", "tcp 1.1.1.1 0 2.2.2.2 0 frag=1"), 'U');
	cr_expect_eq(ask(&w, "NONE", "tcp 1.1.1.1 1 2.2.2.2 80"), 'P');
	cr_expect(list(&w, "ALL")->rules[1].flags & RULE_IMPLICIT);
	done(&w);
}

Test(ios, port_lists)
{
	struct world w = read_text("ip access-list extended T\n"
				   " permit tcp any any\n"
				   "interface FastEthernet0/1\n"
				   " switchport access vlan 10\n"
				   " ip access-group T in\n"
				   "interface Vlan10\n"
				   "interface Vlan11\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "FastEthernet0/1", "udp 1.1.1.1 1 2.2.2.2 2"), 'D');
	cr_expect(tainted(&w, "Vlan10"));
	cr_expect(!tainted(&w, "Vlan11"));
	cr_expect(!tainted(&w, NULL));
	done(&w);

	/* a port of which nothing says whether it bridges */
	w = read_text("access-list 101 permit tcp any any\n"
		      "interface GigabitEthernet1/0/1\n"
		      " ip access-group 101 in\n"
		      "interface Vlan1\n"
		      " ip address 10.0.0.1 255.255.255.0\n");
	cr_expect(tainted(&w, "Vlan1"));
	done(&w);

	/* NX-OS: a list of routed packets is not in force on a port that bridges */
	w = read_text("feature bgp\n"
		      "ip access-list T\n"
		      "  10 permit tcp any any\n"
		      "interface Ethernet1/1\n"
		      "  switchport\n"
		      "  ip access-group T in\n"
		      "interface Ethernet1/2\n"
		      "  switchport\n"
		      "  ip port access-group T in\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1/1", "udp 1.1.1.1 1 2.2.2.2 2"), 'N');
	cr_expect(diags_has(&w.diags, "ios.inactive-binding"));
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet1/2", "udp 1.1.1.1 1 2.2.2.2 2"), 'D');
	done(&w);
}

Test(ios, vlan_access_maps)
{
	struct world w = read_text("ip access-list extended TELNET\n"
				   " deny tcp host 10.0.0.9 any\n"
				   " permit tcp any any eq 23\n"
				   "ip access-list extended WEB\n"
				   " permit tcp any any eq 80\n"
				   "vlan access-map M 20\n"
				   " match ip address WEB\n"
				   " action forward\n"
				   "vlan access-map M 10\n"
				   " match ip address TELNET\n"
				   " action drop\n"
				   "vlan filter M vlan-list 5,10-12\n"
				   "interface Vlan11\n"
				   "interface Vlan13\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan11", "tcp 10.0.0.1 1 2.2.2.2 23"), 'D');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan11", "tcp 10.0.0.1 1 2.2.2.2 80"), 'P');
	/* a deny in the list means: not this clause */
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Vlan11", "tcp 10.0.0.9 1 2.2.2.2 80"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_OUT, "Vlan11", "tcp 10.0.0.9 1 2.2.2.2 23"), 'D');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan11", "udp 10.0.0.1 1 2.2.2.2 80"), 'D');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan11", "udp 2001:db8::1 1 2001:db8::2 80"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan13", "udp 10.0.0.1 1 2.2.2.2 80"), 'N');
	done(&w);

	w = read_text("vlan access-map M 10\n"
		      " match ip address NONE\n"
		      " action forward\n"
		      "vlan filter M vlan-list all\n"
		      "vlan filter NOMAP vlan-list 2\n"
		      "interface Vlan1\n"
		      "interface Vlan2\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Vlan1", "udp 10.0.0.1 1 2.2.2.2 80"), 'U');
	cr_expect(tainted(&w, "Vlan2"));
	cr_expect(diags_has(&w.diags, "ios.vacl-missing"));
	done(&w);
}

/* Lines that may drop or let through in ways that we can't judge. */
static const struct {
	const char *lines, *port;
	bool taint; /* else: a packet that would pass isn't certain to */
} filters[] = {
	{ "interface Eth0\n zone-member security INSIDE\n", "Ethernet0", true },
	{ "interface Eth0\n ip inspect FW in\n", "Ethernet0", true },
	{ "interface Eth0\n traffic-policy input P\n", "Ethernet0", true },
	{ "interface Eth0\n inherit port-profile P\n", "Ethernet0", true },
	{ "interface Eth0\n frobnicate on\n", "Ethernet0", true },
	{ "interface Eth0\n ip address 10.0.0.1 255.0.255.0\n", "Ethernet0", true },
	{ "interface Eth0\n ip access-group\n", "Ethernet0", true },
	{ "interface Eth0\n ip access-group X sideways\n", "Ethernet0", true },
	{ "interface Eth0\n ip frobnicate\n", "Ethernet0", true },
	{ "interface Eth0\n service instance 10 ethernet\n  ip access-group X in\n",
	  "Ethernet0", true },
	{ "interface Eth0\n switchport protected\n", "Ethernet0", true },
	{ "frobnicate all\n", NULL, true },
	{ "ip frobnicate all\n", NULL, true },
	{ "ip route 10.0.0.0 255.0.255.0 Null0\n", NULL, true },
	{ "cts role-based enforcement\n", NULL, true },
	{ "banner motd #\nno end of this\n", NULL, true },
	{ "Current configuration : 99 bytes\nhostname r\n", NULL, true },
	{ "access-list 101 permit ip any any\nno access-list 101 permit ip any any\n", NULL,
	  true },
	{ "interface Eth0\n mac access-group M in\n", "Ethernet0", false },
	{ "interface Eth0\n ip verify unicast source reachable-via rx\n", "Ethernet0", false },
	{ "interface Eth0\n ip ips SIGS in\n", "Ethernet0", false },
	{ "policy-map P\n class C\n  drop\ninterface Eth0\n service-policy input P\n",
	  "Ethernet0", false },
	{ "policy-map P\n class C\n  police 8000 conform-action drop\n"
	  "interface Eth0\n service-policy input P\n",
	  "Ethernet0", false },
};

Test(ios, filters_that_are_not_modelled)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct world w = read_text(filters[i].lines);
		if (filters[i].taint)
			cr_expect(tainted(&w, filters[i].port), "%s", filters[i].lines);
		else
			cr_expect_eq(ask_port(&w, HOOK_IN, filters[i].port,
					      "tcp 1.1.1.1 1 2.2.2.2 2"),
				     'U', "%s", filters[i].lines);
		done(&w);
	}
}

Test(ios, reverse_path_check_passes_connected_sources)
{
	struct world w = read_text("interface Ethernet0\n"
				   " ip address 10.0.0.1 255.255.255.0\n"
				   " ip verify unicast source reachable-via rx\n"
				   "ip route 10.0.0.64 255.255.255.192 192.0.2.1\n");
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 10.0.0.5 1 2.2.2.2 2"), 'P');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 10.0.0.70 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 10.0.1.5 1 2.2.2.2 2"), 'U');
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "tcp 2001:db8::1 1 2001:db8::2 2"),
		     'P');
	done(&w);
}

Test(ios, banners_are_no_configuration)
{
	static const char *const texts[] = {
		"banner motd ^C\naccess-list 101 permit ip any any\n^C\naccess-list 1 permit "
		"any\n",
		"banner motd ^CC\naccess-list 101 permit ip any any^C\naccess-list 1 permit "
		"any\n",
		"banner login # access-list 101\naccess-list 101 permit ip any any\n#\n"
		"access-list 1 permit any\n",
		"banner exec \003\naccess-list 101 permit ip any any\n\003\naccess-list 1 "
		"permit any\n",
		"! device: s (x, EOS-4.20)\nbanner motd\naccess-list 101 permit ip any any\n"
		"EOF not alone\nEOF\naccess-list 1 permit any\n",
		"banner motd #one line#\naccess-list 1 permit any\n",
		"banner exec **\naccess-list 1 permit any\n",
		"macro name M\naccess-list 101 permit ip any any\n@\naccess-list 1 permit "
		"any\n",
		"aaa authentication banner %\naccess-list 101 permit ip any any\n%\n"
		"access-list 1 permit any\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct world w = read_text(texts[i]);
		cr_expect(!device_ruleset(w.dev, "101"), "%s", texts[i]);
		cr_expect(device_ruleset(w.dev, "1"), "%s", texts[i]);
		cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0, "%s", texts[i]);
		cr_expect(!tainted(&w, NULL), "%s", texts[i]);
		done(&w);
	}
}

Test(ios, encodings_and_line_ends)
{
	static const char crlf[] =
		"\xef\xbb\xbfip access-list extended T\r\n permit tcp any any "
		"eq 22\r\n deny ip any any";
	struct world w = read_text(crlf);
	cr_expect_eq(list(&w, "T")->n, 2);
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 22"), 'P');
	cr_expect_eq(account(&w)->count[ACCOUNT_EXACT], 3);
	done(&w);

	char wide[512];
	size_t n = 0;
	wide[n++] = '\xff', wide[n++] = '\xfe';
	for (const char *s = crlf + 3; *s; s++)
		wide[n++] = *s, wide[n++] = 0;
	w = read_bytes(wide, n);
	cr_expect_eq(ask(&w, "T", "tcp 1.1.1.1 1 2.2.2.2 22"), 'P');
	done(&w);
}

Test(ios, text_without_indentation)
{
	struct world w = read_text("interface Ethernet0\n"
				   "ip address 10.0.0.1 255.255.255.0\n"
				   "ip access-group T in\n"
				   "ip access-list extended T\n"
				   "permit tcp any any\n"
				   "20 deny ip any any\n");
	cr_expect_eq(device_port(w.dev, "Ethernet0")->n_prefixes, 1);
	cr_expect_eq(list(&w, "T")->n, 2);
	cr_expect_eq(ask_port(&w, HOOK_IN, "Ethernet0", "udp 1.1.1.1 1 2.2.2.2 2"), 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);

	/* a blank too many in front of a command of its own */
	w = read_text("interface Ethernet0\n"
		      " shutdown\n"
		      " interface Ethernet1\n"
		      " ip address 10.0.0.1 255.255.255.0\n"
		      "ip classless\n"
		      " ip route 10.9.0.0 255.255.0.0 Null0\n"
		      " access-list 5 permit any\n");
	cr_expect_eq(device_port(w.dev, "Ethernet1")->n_prefixes, 1);
	cr_expect(device_port(w.dev, "Ethernet1")->up);
	cr_expect_eq(w.dev->n_routes, 1);
	cr_expect(device_ruleset(w.dev, "5"));
	done(&w);
}

Test(ios, nat_is_kept_with_what_it_touches)
{
	struct world w =
		read_text("access-list 10 permit 10.0.0.0 0.0.0.255\n"
			  "ip nat pool P 192.0.2.1 192.0.2.9 netmask 255.255.255.0\n"
			  "ip nat inside source list 10 pool P overload\n"
			  "ip nat inside source static tcp 10.5.5.5 80 198.51.100.5 8080\n"
			  "ip nat inside source static network 10.6.0.0 10.7.0.0 /16\n"
			  "interface Ethernet0\n"
			  " ip address 203.0.113.1 255.255.255.0\n"
			  " ip nat outside\n"
			  "ip nat inside source route-map NONE interface Ethernet0\n");
	static const struct {
		uint32_t line;
		const char *packet;
		bool touched;
	} asks[] = {
		{ 3, "tcp 10.0.0.7 1 8.8.8.8 2", true },
		{ 3, "tcp 8.8.8.8 1 192.0.2.5 2", true },
		{ 3, "tcp 8.8.8.8 1 10.0.0.7 2", true },
		{ 3, "tcp 10.0.1.7 1 8.8.8.8 2", false },
		{ 4, "tcp 8.8.8.8 1 198.51.100.5 8080", true },
		{ 4, "tcp 10.5.5.5 80 8.8.8.8 1", true },
		{ 4, "tcp 10.5.5.6 80 8.8.8.8 1", false },
		{ 5, "tcp 10.6.9.9 80 8.8.8.8 1", true },
		{ 5, "tcp 8.8.8.8 80 10.7.8.8 1", true },
		{ 5, "tcp 10.8.9.9 80 8.8.8.8 1", false },
		{ 9, "tcp 7.7.7.7 80 8.8.8.8 1", true },
	};
	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		struct packet p = packet(&w, asks[i].packet);
		bool touched = false;
		for (size_t k = 0; k < w.dev->n_nats; k++)
			if (w.dev->nats[k].at.line == asks[i].line)
				touched |= match_judge(w.dev->nats[k].touches, &p) != TRUTH_FALSE;
		cr_expect_eq(touched, asks[i].touched, "%s", asks[i].packet);
	}
	done(&w);
}

Test(ios, crypto_maps_touch_what_their_list_names)
{
	struct world w =
		read_text("access-list 110 permit ip 10.0.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"
			  "crypto map VPN 10 ipsec-isakmp\n"
			  " set peer 192.0.2.1\n"
			  " match address 110\n"
			  "interface Ethernet0\n"
			  " crypto map VPN\n");
	cr_assert_eq(w.dev->n_nats, 2);
	struct packet there = packet(&w, "tcp 10.0.0.1 1 10.1.0.1 2");
	struct packet back = packet(&w, "tcp 10.1.0.1 1 10.0.0.1 2");
	struct packet other = packet(&w, "tcp 10.2.0.1 1 10.0.0.1 2");
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(match_judge(w.dev->nats[i].touches, &there), TRUTH_TRUE);
		cr_expect_eq(match_judge(w.dev->nats[i].touches, &back), TRUTH_TRUE);
		cr_expect_eq(match_judge(w.dev->nats[i].touches, &other), TRUTH_FALSE);
	}
	done(&w);
}

Test(ios, what_is_no_configuration)
{
	struct world w = read_text("Extended IP access list 101\n"
				   "    10 permit ip any any (3 matches)\n");
	cr_expect(w.err);
	cr_expect(diags_has(&w.diags, "ios.not-configuration"));
	cr_expect(account(&w)->failed);
	cr_expect_null(w.dev);
	done(&w);

	w = read_text(
		"!! IOS XR Configuration 6.1.2\nipv4 access-list A\n 10 permit ipv4 any any\n");
	cr_expect(w.err);
	cr_expect(diags_has(&w.diags, "ios.xr"));
	done(&w);
}

static const struct {
	const char *text;
	int least, most;
} probes[] = {
	{ "hostname r\ninterface GigabitEthernet0/0\n ip address 10.0.0.1 255.0.0.0\n", 60,
	  95 },
	{ "ip access-list extended T\n permit ip any any\n", 60, 95 },
	{ "access-list 101 permit ip any any\naccess-list 101 deny ip any any\n", 30, 95 },
	{ "!RANCID-CONTENT-TYPE: arista\nhostname x\n", 80, 95 },
	{ "ASA Version 9.1(1)\nhostname a\naccess-list X extended permit ip any any\n", 0, 0 },
	{ "interface Ethernet0\n nameif outside\n ip address 1.1.1.1 255.0.0.0\n", 0, 0 },
	{ "set system host-name x\nset interfaces ge-0/0/0 unit 0\n", 0, 0 },
	{ "{ \"nftables\": [] }\n", 0, 0 },
	{ "<config></config>\n", 0, 0 },
	{ "", 0, 0 },
	{ "mary had a little lamb\n", 0, 0 },
};

Test(ios, probing)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		int p = collector_ios.probe(probes[i].text, strlen(probes[i].text), "f");
		cr_expect(p >= probes[i].least && p <= probes[i].most, "%s: %d", probes[i].text,
			  p);
	}
}

Test(ios, dialects)
{
	static const struct {
		const char *text;
		enum ios_dialect want;
	} heads[] = {
		{ "hostname r\nip access-list extended T\n permit ip any any\n", IOS_IOS },
		{ "access-list 10 permit any\n", IOS_IOS },
		{ "feature bgp\nvrf context RED\nip access-list T\n", IOS_NXOS },
		{ "!Command: show running-config\nip access-list T\n", IOS_NXOS },
		{ "! device: x (vEOS, EOS-4.23.0.1F)\nip access-list T\n", IOS_EOS },
		{ "vrf instance RED\ninterface Management1\n   ip address 10.0.0.1/24\n",
		  IOS_EOS },
		{ "interface GigabitEthernet0/0\n ip address 10.0.0.1 255.0.0.0\n", IOS_IOS },
	};
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		cr_expect_eq(ios_guess_dialect(heads[i].text, strlen(heads[i].text)),
			     heads[i].want, "%s", heads[i].text);
}

Test(ios, word_tables_are_sorted)
{
	for (size_t t = 0; t < IOS_TABLES; t++)
		for (size_t i = 1; i < ios_tables[t].n; i++)
			cr_expect_lt(strcmp(ios_tables[t].words[i - 1], ios_tables[t].words[i]),
				     0, "%s", ios_tables[t].words[i]);
}

Test(ios, account_of_each_class)
{
	struct world w = read_text("! a comment\n"
				   "\n"
				   "hostname r\n"
				   "ip access-list extended T\n"
				   " permit tcp any any\n"
				   " permit ip any any dscp ef\n"
				   " permit tcp any any eq 70000\n"
				   "frobnicate\n"
				   " below it\n");
	const struct account *a = account(&w);
	cr_expect_eq(a->count[ACCOUNT_IRRELEVANT], 3);
	cr_expect_eq(a->count[ACCOUNT_EXACT], 2);
	cr_expect_eq(a->count[ACCOUNT_BOUNDED], 1);
	cr_expect_eq(a->count[ACCOUNT_REJECTED], 3);
	cr_expect_eq(a->policy[ACCOUNT_REJECTED], 1);
	cr_assert_eq(a->entries.n, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(a->entries.v[i].at.line, 6 + i);
	cr_expect(diags_has(&w.diags, "ios.bad-entry"));
	cr_expect(diags_has(&w.diags, "ios.unknown-line"));
	done(&w);
}

Test(ios, oddities_are_told)
{
	struct world w = read_text("# not a comment of IOS\nip access-list extended T\n"
				   " permit ip 0.0.0.0 0.0.0.0 10.0.0.0 0.0.0.255\n"
				   " permit ip 10.0.0.0 255.255.255.0 any\n");
	cr_expect(diags_has(&w.diags, "ios.wildcard-zero"));
	cr_expect(diags_has(&w.diags, "ios.wildcard-netmask"));
	cr_expect(diags_has(&w.diags, "ios.hash-comment"));
	cr_expect_eq(account(&w)->policy[ACCOUNT_EXACT], 3);
	done(&w);
}

Test(ios, uses_of_lists_are_counted)
{
	struct world w = read_text("route-map R permit 10\n match ip address A B\n"
				   "router eigrp 1\n distribute-list C in\n"
				   "snmp-server community secret RO D\n"
				   "ip http access-class E\n"
				   "class-map match-all M\n match access-group name F\n"
				   "ntp access-group peer G\n"
				   "route-map R permit 20\n match ip address prefix-list P\n");
	for (const char *s = "ABCDEFG"; *s; s++)
		cr_expect(named(&w, "access list", (char[]){ *s, 0 }, false), "%c", *s);
	cr_expect(!named(&w, "access list", "P", false));
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(ios, long_lists_in_little_time)
{
	struct text t = { 0 };
	text_put(&t, "ip access-list extended BIG\n");
	for (unsigned i = 0; i < 10000; i++)
		text_putf(&t, " permit tcp 10.%u.%u.0 0.0.0.255 host 172.16.%u.%u eq %u\n",
			  i % 251, i % 241, i % 239, i % 233, 1 + i * 6);
	struct world w = read_text(t.s);
	cr_expect_eq(list(&w, "BIG")->n, 10000);
	cr_expect_eq(account(&w)->policy[ACCOUNT_EXACT], 10001);
	cr_expect_lt(arena_used(w.snap->arena), 16u << 20);
	done(&w);
	text_finish(&t);
}
