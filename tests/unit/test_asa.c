/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "collectors/asa_internal.h"
#include "tests/unit/cisco_world.h"

static struct world read_bytes(const char *text, size_t size)
{
	return config_read(&collector_asa, "fw", text, size);
}

static struct world read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const struct device *device(const struct world *w, const char *name)
{
	const struct device *d = snapshot_device(w->snap, name);

	cr_assert(d, "no device %s", name);
	return d;
}

static char ask(const struct world *w, const char *list, const char *line)
{
	const struct ruleset *rs = device_ruleset(device(w, "fw"), list);
	struct packet p = packet(w, line);

	cr_assert(rs, "no ruleset %s", list);
	return verdict(rs, &p);
}

/* Through the device: everything bound on the way in and out. */
static char cross(const struct world *w, const char *in, const char *out, const char *line)
{
	const struct device *d = device(w, "fw");
	char worst = 'P';
	struct packet p = packet(w, line);

	p.iif = in;
	p.oif = out;
	for (size_t i = 0; i < d->n_hooks; i++) {
		const struct hook *h = &d->hooks[i];
		char v;

		if (!(h->kind == HOOK_IN && !strcmp(h->port, in)) &&
		    !(h->kind == HOOK_OUT && !strcmp(h->port, out)))
			continue;
		v = verdict(h->ruleset, &p);
		if (v == 'D' || worst == 'D')
			worst = 'D';
		else if (v == 'U')
			worst = 'U';
	}
	return worst;
}

#define ASK(w, list, line, want)                                                               \
	cr_expect_eq(ask(&(w), list, line), want, "%s: %s: got %c", list, line,                \
		     ask(&(w), list, line))
#define CROSS(w, in, out, line, want)                                                          \
	cr_expect_eq(cross(&(w), in, out, line), want, "%s to %s: %s: got %c", in, out, line,  \
		     cross(&(w), in, out, line))

#define V9 "ASA Version 9.8(2)\n"
#define V8 "ASA Version 8.2(5)\n"
#define PORTS                                                                                  \
	"interface GigabitEthernet0/0\n nameif outside\n security-level 0\n"                   \
	" ip address 198.51.100.2 255.255.255.0\n"                                             \
	"interface GigabitEthernet0/1\n nameif inside\n security-level 100\n"                  \
	" ip address 10.0.0.1 255.255.0.0\n"                                                   \
	"interface GigabitEthernet0/2.30\n vlan 30\n nameif dmz\n security-level 50\n"         \
	" ip address 192.0.2.1 255.255.255.0\n"

Test(asa, every_table_is_sorted)
{
	static const char *const keywords[] = { "aaa",	"access-list", "conduit", "crypto",
						"zone", "xlate",       "write",	  "mtu" };
	static const char *const protocols[] = { "ah", "icmp6", "udp", "sctp", "ip" };
	static const char *const ports[] = { "aol", "www", "xdmcp", "ftp-data", "cifs" };

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		cr_expect_neq(asa_keyword((struct word){ keywords[i],
							 (uint32_t)strlen(keywords[i]) }),
			      KW_UNKNOWN, "%s", keywords[i]);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		cr_expect(asa_protocol((struct word){ protocols[i],
						      (uint32_t)strlen(protocols[i]) }) >= 0,
			  "%s", protocols[i]);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		cr_expect(asa_port_name((struct word){ ports[i], (uint32_t)strlen(ports[i]) }) >
				  0,
			  "%s", ports[i]);
	cr_expect(asa_keywords_sorted());
	cr_expect(asa_names_sorted());
	cr_expect_eq(asa_port_name((struct word){ "radius", 6 }), 1645);
	cr_expect_eq(asa_icmp_type((struct word){ "echo", 4 }, false), 8);
	cr_expect_eq(asa_icmp_type((struct word){ "echo", 4 }, true), 128);
	cr_expect_eq(asa_icmp_type((struct word){ "echoes", 6 }, true), -1);
}

Test(asa, extended_entries)
{
	struct world w = read_text(
		V9
		"access-list a extended permit tcp 10.1.0.0 255.255.0.0 host 192.0.2.9 eq "
		"https\n"
		"access-list a extended deny udp any any range 1000 2000\n"
		"access-list a extended permit udp any lt 1024 any gt 40000 log 5 interval 60\n"
		"access-list a extended permit tcp any4 any neq 25 log disable\n"
		"access-list a extended permit icmp any any echo\n"
		"access-list a extended permit icmp any any unreachable 4\n"
		"access-list a extended permit 47 any host 192.0.2.7\n"
		"access-list a extended permit ip host 2001:db8::1 2001:db8:1::/48\n");

	ASK(w, "a", "tcp 10.1.2.3 40000 192.0.2.9 443", 'P');
	ASK(w, "a", "udp 10.1.2.3 53 192.0.2.9 50000", 'P');
	ASK(w, "a", "udp 10.1.2.3 1024 192.0.2.9 50000", 'D');
	ASK(w, "a", "udp 10.1.2.3 53 192.0.2.9 1500", 'D');
	ASK(w, "a", "tcp 10.2.2.3 40000 192.0.2.9 443", 'P');
	ASK(w, "a", "tcp 10.2.2.3 40000 192.0.2.9 25", 'D');
	ASK(w, "a", "tcp 2001:db8::2 40000 2001:db8::9 443", 'D');
	ASK(w, "a", "icmp 10.2.2.3 8 192.0.2.9 0", 'P');
	ASK(w, "a", "icmp 10.2.2.3 0 192.0.2.9 0", 'D');
	ASK(w, "a", "icmp 10.2.2.3 3 192.0.2.9 4", 'P');
	ASK(w, "a", "icmp 10.2.2.3 3 192.0.2.9 3", 'D');
	ASK(w, "a", "ip:47 10.2.2.3 0 192.0.2.7 0", 'P');
	ASK(w, "a", "ip:50 10.2.2.3 0 192.0.2.7 0", 'D');
	ASK(w, "a", "tcp 2001:db8::1 40000 2001:db8:1::9 443", 'P');
	cr_expect_eq(account(&w)->count[ACCOUNT_EXACT], 8);
	cr_expect_eq(account(&w)->policy[ACCOUNT_EXACT], 8);
	done(&w);
}

Test(asa, place_of_an_entry)
{
	struct world w = read_text(V9 "  access-list a extended permit ip any any  \n");
	const struct ruleset *rs = device_ruleset(device(&w, "fw"), "a");

	cr_assert_eq(rs->n, 1);
	cr_expect_eq(rs->rules[0].at.line, 2);
	cr_expect_eq(rs->rules[0].at.col, 3);
	cr_expect_eq(rs->rules[0].at.end_col, 43);
	cr_expect_str_eq(rs->rules[0].name, "line 1");
	done(&w);
}

Test(asa, netmask_with_holes_is_exact)
{
	struct world w = read_text(
		V9 "access-list a extended permit ip any 128.168.0.0 191.255.255.128\n"
		   "object-group network g\n network-object 10.0.1.0 255.0.255.0\n"
		   "access-list b extended permit ip object-group g any\n");

	ASK(w, "a", "tcp 10.0.0.1 1 128.168.0.5 80", 'P');
	ASK(w, "a", "tcp 10.0.0.1 1 192.168.0.5 80", 'P');
	ASK(w, "a", "tcp 10.0.0.1 1 192.168.0.200 80", 'D');
	ASK(w, "a", "tcp 10.0.0.1 1 64.168.0.5 80", 'D');
	ASK(w, "b", "tcp 10.77.1.9 1 192.0.2.1 80", 'P');
	ASK(w, "b", "tcp 10.77.2.9 1 192.0.2.1 80", 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED], 0);
	done(&w);
}

Test(asa, host_bits_are_masked_and_told)
{
	struct world w =
		read_text(V9 "access-list a extended permit ip 10.0.0.7 255.255.255.0 any\n");

	ASK(w, "a", "tcp 10.0.0.200 1 192.0.2.1 80", 'P');
	cr_expect(diags_has(&w.diags, "asa.host-bits"));
	cr_expect_not(diags_has(&w.diags, "asa.wildcard-mask"));
	done(&w);
}

Test(asa, wildcard_mask_is_read_as_a_netmask)
{
	struct world w =
		read_text(V9 "access-list a extended permit ip 10.0.0.0 0.0.0.255 any\n");

	ASK(w, "a", "tcp 172.16.5.0 1 192.0.2.1 80", 'P');
	ASK(w, "a", "tcp 10.0.0.5 1 192.0.2.1 80", 'D');
	cr_expect(diags_has(&w.diags, "asa.wildcard-mask"));
	done(&w);
}

Test(asa, any_by_version)
{
	static const struct {
		const char *head;
		char want; /* of an IPv6 packet */
	} rows[] = { { "ASA Version 9.0(1)\n", 'P' },
		     { "ASA Version 8.4(7)\n", 'D' },
		     { "PIX Version 6.3(5)\n", 'D' },
		     { "FWSM Version 4.1(4)\n", 'D' },
		     { "", 'U' },
		     { "ASA Version strange\n", 'U' },
		     { "access-list b extended permit ip any6 any6\n", 'P' },
		     { "ipv6 access-list b permit ip any any\n", 'D' },
		     { "nat (inside) 1 10.0.0.0 255.0.0.0\n", 'D' } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];
		struct world w;

		snprintf(text, sizeof(text), "%saccess-list a extended permit ip any any\n",
			 rows[i].head);
		w = read_text(text);
		ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 80", 'P');
		cr_expect_eq(ask(&w, "a", "tcp 2001:db8::1 1 2001:db8::2 80"), rows[i].want,
			     "%s", rows[i].head);
		done(&w);
	}
}

Test(asa, any4_any6)
{
	struct world w = read_text(V9 "access-list a extended permit ip any4 any4\n"
				      "access-list b extended permit ip any6 any6\n"
				      "access-list c extended permit ip any4 any6\n");

	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 80", 'P');
	ASK(w, "a", "tcp 2001:db8::1 1 2001:db8::2 80", 'D');
	ASK(w, "b", "tcp 10.0.0.1 1 192.0.2.1 80", 'D');
	ASK(w, "b", "tcp 2001:db8::1 1 2001:db8::2 80", 'P');
	ASK(w, "c", "tcp 10.0.0.1 1 192.0.2.1 80", 'D');
	ASK(w, "c", "tcp 2001:db8::1 1 2001:db8::2 80", 'D');
	done(&w);
}

Test(asa, network_objects_and_groups)
{
	struct world w = read_text(
		V9 "names\nname 10.9.9.9 printer\nname 10.8.0.0 branch\n"
		   "object network web\n host 192.0.2.10\n description the web host\n"
		   "object network lan\n subnet 10.0.0.0 255.255.0.0\n"
		   "object network lan6\n subnet 2001:db8::/64\n"
		   "object network pool\n range 10.5.0.10 10.5.0.20\n"
		   "object-group network inner\n network-object object pool\n"
		   " network-object host printer\n"
		   "object-group network outer\n description all\n network-object object lan\n"
		   " network-object object lan6\n network-object branch 255.255.255.0\n"
		   " network-object 2001:db8:5::/48\n group-object inner\n"
		   "access-list a extended permit tcp object-group outer object web eq 80\n");

	ASK(w, "a", "tcp 10.0.3.4 1 192.0.2.10 80", 'P');
	ASK(w, "a", "tcp 10.5.0.15 1 192.0.2.10 80", 'P');
	ASK(w, "a", "tcp 10.5.0.21 1 192.0.2.10 80", 'D');
	ASK(w, "a", "tcp 10.9.9.9 1 192.0.2.10 80", 'P');
	ASK(w, "a", "tcp 10.8.0.200 1 192.0.2.10 80", 'P');
	ASK(w, "a", "tcp 10.8.1.1 1 192.0.2.10 80", 'D');
	ASK(w, "a", "tcp 10.0.3.4 1 192.0.2.11 80", 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED], 0);
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(asa, object_defined_twice_holds_the_last_value)
{
	struct world w = read_text(V9 "object network o\n host 10.0.0.1\n"
				      "object network o\n host 10.0.0.2\n"
				      "access-list a extended permit ip object o any\n");

	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 80", 'D');
	ASK(w, "a", "tcp 10.0.0.2 1 192.0.2.1 80", 'P');
	done(&w);
}

Test(asa, groups_opened_twice_grow)
{
	struct world w = read_text(V9 "object-group network g\n network-object host 10.0.0.1\n"
				      "object-group network g\n network-object host 10.0.0.2\n"
				      "access-list a extended permit ip object-group g any\n");

	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 80", 'P');
	ASK(w, "a", "tcp 10.0.0.2 1 192.0.2.1 80", 'P');
	ASK(w, "a", "tcp 10.0.0.3 1 192.0.2.1 80", 'D');
	done(&w);
}

Test(asa, service_objects_and_groups)
{
	struct world w = read_text(
		V9
		"object service alt\n service tcp source range 1000 2000 destination eq 8080\n"
		"object service ping\n service icmp echo 0\n"
		"object-group service mixed\n service-object tcp destination eq 443\n"
		" service-object udp eq domain\n service-object tcp-udp destination eq 500\n"
		" service-object object alt\n service-object icmp6 echo\n"
		" service-object object icmp-echo\n service-object 50\n"
		"object-group service more\n group-object mixed\n service-object ospf\n"
		"access-list a extended permit object-group more any any\n"
		"access-list b extended permit object ping any any\n"
		"access-list c extended permit object ospf any any\n");

	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 443", 'P');
	ASK(w, "a", "udp 10.0.0.1 1 192.0.2.1 443", 'D');
	ASK(w, "a", "udp 10.0.0.1 1 192.0.2.1 53", 'P');
	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 53", 'D');
	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 500", 'P');
	ASK(w, "a", "udp 10.0.0.1 1 192.0.2.1 500", 'P');
	ASK(w, "a", "tcp 10.0.0.1 1500 192.0.2.1 8080", 'P');
	ASK(w, "a", "tcp 10.0.0.1 999 192.0.2.1 8080", 'D');
	ASK(w, "a", "icmpv6 2001:db8::1 128 2001:db8::2 0", 'P');
	ASK(w, "a", "icmpv6 2001:db8::1 129 2001:db8::2 0", 'D');
	ASK(w, "a", "icmp 10.0.0.1 8 192.0.2.1 0", 'P');
	ASK(w, "a", "icmp 10.0.0.1 0 192.0.2.1 0", 'D');
	ASK(w, "a", "ip:50 10.0.0.1 0 192.0.2.1 0", 'P');
	ASK(w, "a", "ip:89 10.0.0.1 0 192.0.2.1 0", 'P');
	ASK(w, "b", "icmp 10.0.0.1 8 192.0.2.1 0", 'P');
	ASK(w, "b", "icmp 10.0.0.1 8 192.0.2.1 1", 'D');
	ASK(w, "c", "ip:89 10.0.0.1 0 192.0.2.1 0", 'P');
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED], 0);
	done(&w);
}

Test(asa, groups_where_ports_protocols_and_types_stand)
{
	struct world w = read_text(
		V9 "object-group service web tcp\n port-object eq www\n port-object range 8000 "
		   "8010\n"
		   "object-group service dns tcp-udp\n port-object eq domain\n"
		   "object-group protocol tu\n protocol-object tcp\n protocol-object udp\n"
		   "object-group icmp-type pings\n icmp-object echo\n icmp-object echo-reply\n"
		   "object-group network n\n network-object host 10.0.0.1\n"
		   "access-list a extended permit tcp any any object-group web\n"
		   "access-list b extended permit tcp any object-group web object-group n\n"
		   "access-list c extended permit object-group tu any any object-group dns\n"
		   "access-list d extended permit icmp any any object-group pings\n"
		   "access-list e extended permit object-group tu object-group n any eq 99\n");

	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 80", 'P');
	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 8011", 'D');
	ASK(w, "b", "tcp 10.0.0.9 8005 10.0.0.1 5", 'P');
	ASK(w, "b", "tcp 10.0.0.9 5 10.0.0.1 8005", 'D');
	ASK(w, "c", "udp 10.0.0.9 5 10.0.0.1 53", 'P');
	ASK(w, "c", "tcp 10.0.0.9 5 10.0.0.1 53", 'P');
	ASK(w, "c", "sctp 10.0.0.9 5 10.0.0.1 53", 'D');
	ASK(w, "d", "icmp 10.0.0.9 0 10.0.0.1 0", 'P');
	ASK(w, "d", "icmp 10.0.0.9 3 10.0.0.1 0", 'D');
	ASK(w, "e", "udp 10.0.0.1 5 10.0.0.9 99", 'P');
	ASK(w, "e", "udp 10.0.0.2 5 10.0.0.9 99", 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED], 0);
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(asa, what_is_not_known_opens_one_field)
{
	struct world w = read_text(
		V9 "object network h\n fqdn v4 db.example.org\n"
		   "object-group user u\n user LAB\\alice\n"
		   "access-list a extended permit tcp any object h eq 443\n"
		   "access-list b extended permit tcp object-group missing any eq 443\n"
		   "access-list c extended permit tcp user LAB\\bob any any eq 443\n"
		   "access-list d extended permit tcp any any eq 443 time-range work\n"
		   "access-list e extended permit tcp security-group name x any any eq 443\n"
		   "access-list f extended permit tcp object-group-user u any any eq 443\n"
		   "access-list g extended permit tcp any any object-group noports\n"
		   "time-range work\n periodic weekdays 8:00 to 18:00\n");
	static const char *const lists[] = { "a", "b", "c", "d", "e", "f" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		ASK(w, lists[i], "tcp 10.0.0.9 1 192.0.2.1 443", 'U');
		ASK(w, lists[i], "tcp 10.0.0.9 1 192.0.2.1 444", 'D');
	}
	ASK(w, "a", "tcp 2001:db8::1 1 2001:db8::2 443", 'D');
	ASK(w, "g", "tcp 10.0.0.9 1 192.0.2.1 443", 'U');
	ASK(w, "g", "udp 10.0.0.9 1 192.0.2.1 443", 'D');
	cr_expect(diags_has(&w.diags, "asa.undefined-name"));
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	cr_expect_eq(device(&w, "fw")->n_taints, 0);
	done(&w);
}

Test(asa, deny_on_an_unknown_is_not_certain)
{
	struct world w = read_text(V9 "object network h\n fqdn db.example.org\n"
				      "access-list a extended deny ip any object h\n"
				      "access-list a extended permit tcp any any eq 443\n");

	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 443", 'U');
	done(&w);
}

Test(asa, inactive_entries_do_not_match)
{
	struct world w = read_text(V9 "access-list a extended permit ip any any inactive\n");

	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 443", 'D');
	cr_expect_eq(account(&w)->count[ACCOUNT_EXACT], 1);
	done(&w);
}

Test(asa, cycle_of_groups_is_named)
{
	struct world w =
		read_text(V9 "object-group network one\n group-object two\n"
			     "object-group network two\n network-object host 10.0.0.1\n"
			     " group-object one\n"
			     "access-list a extended permit tcp object-group one any eq 1\n");

	cr_expect(diags_has(&w.diags, "asa.object-cycle"));
	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 1", 'U');
	ASK(w, "a", "tcp 10.0.0.9 1 192.0.2.1 2", 'D');
	done(&w);
}

Test(asa, deep_nesting_is_refused)
{
	struct text t = { 0 };
	struct world w;

	text_put(&t, V9 "object-group network g0\n network-object host 10.0.0.1\n");
	/* Each names the next, so that the first one asked for is the deepest. */
	for (int i = 1; i < 500; i++)
		text_putf(&t, "object-group network h%d\n group-object h%d\n", i, i + 1);
	text_put(&t, "object-group network h500\n network-object host 10.0.0.2\n"
		     "access-list a extended permit ip object-group h1 any\n");
	w = read_bytes(t.s, t.len);
	cr_expect(diags_has(&w.diags, "asa.object-depth"));
	ASK(w, "a", "tcp 10.9.0.9 1 192.0.2.1 1", 'U');
	done(&w);
	text_finish(&t);
}

Test(asa, empty_group_is_not_any)
{
	struct world w = read_text(V9 "object-group network g\n"
				      "access-list a extended permit ip object-group g any\n");

	cr_expect(diags_has(&w.diags, "asa.empty-group"));
	ASK(w, "a", "tcp 10.9.0.9 1 192.0.2.1 1", 'U');
	done(&w);
}

Test(asa, entries_spread_and_inserted)
{
	struct world w = read_text(
		V9 "access-list a extended permit tcp any any eq 1\n"
		   "access-list b extended permit ip any any\n"
		   "access-list a extended permit tcp any any eq 2\n"
		   "access-list a line 1 extended deny tcp any any eq 1\n"
		   "access-list a line 2 remark second\n"
		   "access-list a line 99 extended deny ip any any\n"
		   "access-list a line 1 extended permit tcp host 10.0.0.1 any eq 1\n");
	const struct ruleset *rs = device_ruleset(device(&w, "fw"), "a");
	static const uint32_t lines[] = { 8, 5, 2, 4, 7 };
	static const char *const names[] = { "line 1", "line 2", "line 4", "line 5", "line 6" };

	cr_assert_eq(rs->n, 5);
	for (size_t i = 0; i < 5; i++) {
		cr_expect_eq(rs->rules[i].at.line, lines[i], "%zu: %u", i,
			     rs->rules[i].at.line);
		cr_expect_str_eq(rs->rules[i].name, names[i]);
	}
	cr_expect_str_eq(rs->rules[2].note, "second");
	ASK(w, "a", "tcp 10.0.0.1 1 192.0.2.1 1", 'P');
	ASK(w, "a", "tcp 10.0.0.2 1 192.0.2.1 1", 'D');
	done(&w);
}

Test(asa, inserted_entries_agree_with_doing_it_one_by_one)
{
	unsigned seed = 7;

	for (int round = 0; round < 50; round++) {
		struct text t = { 0 };
		uint32_t want[64];
		unsigned n = 0, total = 40;
		struct world w;
		const struct ruleset *rs;

		text_put(&t, V9);
		for (unsigned k = 0; k < total; k++) {
			unsigned at = (seed = seed * 1103515245 + 12345) >> 16;

			at = at % 3 ? at % 45 + 1 : 0;
			if (at)
				text_putf(&t,
					  "access-list a line %u permit tcp any any eq %u\n",
					  at, k + 1);
			else
				text_putf(&t, "access-list a permit tcp any any eq %u\n",
					  k + 1);
			if (!at || at > n + 1)
				at = n + 1;
			memmove(&want[at], &want[at - 1], (n - at + 1) * sizeof(*want));
			want[at - 1] = k + 2;
			n++;
		}
		w = read_bytes(t.s, t.len);
		rs = device_ruleset(device(&w, "fw"), "a");
		cr_assert_eq(rs->n, n);
		for (unsigned k = 0; k < n; k++)
			cr_assert_eq(rs->rules[k].at.line, want[k], "round %d place %u", round,
				     k);
		done(&w);
		text_finish(&t);
	}
}

Test(asa, an_entry_not_understood_may_be_anything)
{
	struct world w =
		read_text(V9 "access-list a extended permit tcp any object o tcp 5\n"
			     "access-list a extended deny ip any any\n"
			     "access-list b extended permit tcp any any eq nosuchport\n"
			     "access-list c extended permit tcp any any range 9 5\n"
			     "access-list d extended allow tcp any any\n"
			     "access-list e extended permit tcp 10.0.0.0 any\n");
	static const char *const lists[] = { "a", "b", "c", "d", "e" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		ASK(w, lists[i], "udp 10.0.0.9 1 192.0.2.1 443", 'U');
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 5);
	cr_expect_eq(diags_count(&w.diags, "asa.ace"), 5);
	done(&w);
}

Test(asa, interface_as_address)
{
	struct world w = read_text(
		V9 PORTS
		"interface GigabitEthernet0/5\n nameif dsl\n ip address dhcp setroute\n"
		"access-list a extended permit tcp any interface outside eq 443\n"
		"access-list b extended permit tcp any interface dsl eq 443\n");

	ASK(w, "a", "tcp 10.0.0.9 1 198.51.100.2 443", 'P');
	ASK(w, "a", "tcp 10.0.0.9 1 198.51.100.3 443", 'D');
	ASK(w, "b", "tcp 10.0.0.9 1 198.51.100.3 443", 'U');
	ASK(w, "b", "tcp 10.0.0.9 1 198.51.100.3 444", 'D');
	done(&w);
}

Test(asa, ports_and_routes)
{
	struct world w = read_text(
		V9 PORTS "interface GigabitEthernet0/6\n shutdown\n no nameif\n"
			 "interface GigabitEthernet0/7\n nameif v6\n security-level 10\n"
			 " ipv6 address 2001:db8:7::1/64\n shutdown\n"
			 "route outside 0.0.0.0 0.0.0.0 198.51.100.1 1\n"
			 "route dmz 0.0.0.0 0.0.0.0 192.0.2.254 200\n"
			 "route inside 10.200.0.0 255.255.0.0 10.0.0.254\n"
			 "route Null0 10.0.0.0 255.0.0.0\n"
			 "ipv6 route v6 2001:db8:8::/48 2001:db8:7::2\n");
	const struct device *d = device(&w, "fw");
	const struct port *p = device_port(d, "dmz");

	cr_assert_eq(d->n_ports, 4);
	cr_expect_str_eq(p->alias, "GigabitEthernet0/2.30");
	cr_expect_eq(p->vlan, 30);
	cr_assert_eq(p->n_prefixes, 1);
	cr_expect_eq(p->prefixes[0].len, 24);
	cr_expect_eq(p->addrs[0].lo, 0xc0000201);
	cr_expect(p->up);
	p = device_port(d, "v6");
	cr_expect_not(p->up);
	cr_expect_eq(p->prefixes[0].family, FAMILY_V6);
	cr_assert_eq(d->n_routes, 4, "not that of the port which is shut down");
	cr_expect_str_eq(d->routes[0].port, "outside");
	cr_expect_eq(d->routes[0].metric, 1);
	cr_expect_str_eq(d->routes[1].port, "dmz");
	cr_expect_eq(d->routes[1].metric, 200, "the floating route");
	cr_expect_str_eq(d->routes[2].port, "inside");
	cr_expect(d->routes[3].drop);
	cr_expect(d->connected);
	cr_expect_eq(d->routing, ROUTING_WHOLE);
	cr_expect_eq(account(&w)->count[ACCOUNT_BOUNDED], 0);
	done(&w);
}

Test(asa, security_levels_where_no_list_is_bound)
{
	struct world w = read_text(V9 PORTS);

	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'P');
	CROSS(w, "inside", "dmz", "tcp 10.0.0.9 1 192.0.2.9 443", 'P');
	CROSS(w, "dmz", "outside", "tcp 192.0.2.9 1 203.0.113.1 443", 'P');
	CROSS(w, "dmz", "inside", "tcp 192.0.2.9 1 10.0.0.9 443", 'D');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'D');
	CROSS(w, "inside", "inside", "tcp 10.0.0.9 1 10.0.0.8 443", 'D');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 443 10.0.0.9 1 state=established", 'P');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 443 10.0.0.9 1 state=related", 'U');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443 state=invalid", 'D');
	done(&w);
}

Test(asa, default_levels)
{
	struct world w =
		read_text(V9 "interface Ethernet0\n nameif INSIDE\n ip address 10.0.0.1 "
			     "255.0.0.0\ninterface Ethernet1\n nameif other\n"
			     " ip address 192.0.2.1 255.255.255.0\n");

	CROSS(w, "INSIDE", "other", "tcp 10.0.0.9 1 192.0.2.9 443", 'P');
	CROSS(w, "other", "INSIDE", "tcp 192.0.2.9 1 10.0.0.9 443", 'D');
	done(&w);
}

Test(asa, equal_levels)
{
	static const char ports[] =
		"interface Ethernet0\n nameif one\n security-level 50\n ip address 10.1.0.1 "
		"255.255.0.0\ninterface Ethernet1\n nameif two\n security-level 50\n"
		" ip address 10.2.0.1 255.255.0.0\n";
	char text[1024];
	struct world w;

	snprintf(text, sizeof(text), V9 "%s", ports);
	w = read_text(text);
	CROSS(w, "one", "two", "tcp 10.1.0.9 1 10.2.0.9 443", 'D');
	done(&w);
	snprintf(text, sizeof(text), V9 "%ssame-security-traffic permit inter-interface\n",
		 ports);
	w = read_text(text);
	CROSS(w, "one", "two", "tcp 10.1.0.9 1 10.2.0.9 443", 'P');
	CROSS(w, "one", "one", "tcp 10.1.0.9 1 10.1.7.9 443", 'D');
	done(&w);
	snprintf(text, sizeof(text), V9 "%ssame-security-traffic permit intra-interface\n",
		 ports);
	w = read_text(text);
	CROSS(w, "one", "two", "tcp 10.1.0.9 1 10.2.0.9 443", 'D');
	CROSS(w, "one", "one", "tcp 10.1.0.9 1 10.1.7.9 443", 'P');
	done(&w);
	/* A list does not open what the command would. */
	snprintf(
		text, sizeof(text),
		V9
		"%saccess-list a extended permit ip any any\naccess-group a in interface one\n",
		ports);
	w = read_text(text);
	CROSS(w, "one", "two", "tcp 10.1.0.9 1 10.2.0.9 443", 'U');
	CROSS(w, "one", "one", "tcp 10.1.0.9 1 10.1.7.9 443", 'D');
	done(&w);
}

Test(asa, lists_bound_in_out_and_global)
{
	struct world w = read_text(
		V9 PORTS "access-list o extended permit tcp any host 192.0.2.9 eq 443\n"
			 "access-list g extended permit tcp any any eq 22\n"
			 "access-list d extended permit tcp any any range 1 500\n"
			 "access-list d extended deny tcp any any eq 22\n"
			 "access-list l extended permit tcp any any\n"
			 "access-group o in interface outside\n"
			 "access-group g global\n"
			 "access-group d out interface dmz\n");

	CROSS(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.9 443", 'P');
	CROSS(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.9 22", 'P');
	CROSS(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.9 80", 'D');
	CROSS(w, "outside", "dmz", "udp 203.0.113.1 1 192.0.2.9 22", 'D');
	/* A global list alone: levels do not permit any more. */
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'D');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 22", 'P');
	CROSS(w, "dmz", "outside", "tcp 192.0.2.9 443 203.0.113.1 1 state=established", 'P');
	done(&w);
}

Test(asa, lists_are_rulesets_of_their_own)
{
	struct world w = read_text(V9 PORTS "access-list o extended permit tcp any any\n"
					    "access-group o in interface outside\n");
	const struct device *d = device(&w, "fw");
	size_t written = 0;

	for (size_t i = 0; i < d->n_rulesets; i++) {
		written += !d->rulesets[i]->glue;
		for (uint32_t k = 0; d->rulesets[i]->glue && k < d->rulesets[i]->n; k++)
			cr_expect(d->rulesets[i]->rules[k].flags & RULE_GLUE);
	}
	cr_expect_eq(written, 1);
	cr_expect_str_eq(device_ruleset(d, "o")->kind, "access list");
	for (size_t i = 0; i < d->n_hooks; i++)
		if (d->hooks[i].kind == HOOK_IN)
			cr_expect(d->hooks[i].ruleset->stateful);
	done(&w);
}

Test(asa, bound_but_missing_is_not_known)
{
	struct world w = read_text(V9 PORTS "access-group nosuch in interface outside\n");

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'U');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'P');
	cr_expect(diags_has(&w.diags, "asa.undefined-list"));
	cr_expect_eq(account(&w)->policy[ACCOUNT_BOUNDED], 1);
	done(&w);
}

Test(asa, standard_list_can_not_be_bound)
{
	struct world w = read_text(V9 PORTS "access-list s standard permit 10.0.0.0 255.0.0.0\n"
					    "access-group s in interface outside\n");

	ASK(w, "s", "tcp 192.0.2.1 1 10.1.1.1 1", 'P');
	ASK(w, "s", "tcp 10.1.1.1 1 192.0.2.1 1", 'D');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'U');
	cr_expect(diags_has(&w.diags, "asa.list-kind"));
	done(&w);
}

Test(asa, ipv6_lists_before_9)
{
	struct world w = read_text(
		V8 "interface E0\n nameif outside\n security-level 0\n"
		   " ip address 198.51.100.2 255.255.255.0\n ipv6 address 2001:db8:1::1/64\n"
		   "interface E1\n nameif inside\n security-level 100\n"
		   " ip address 10.0.0.1 255.0.0.0\n ipv6 address 2001:db8:2::1/64\n"
		   "access-list a extended permit tcp any any eq 443\n"
		   "ipv6 access-list b permit tcp any host 2001:db8:2::9 eq 80\n"
		   "access-list c extended permit tcp any any eq 443\n"
		   "access-group a in interface outside\n"
		   "access-group b in interface outside\n"
		   "access-group c in interface inside\n");

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'P');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 80", 'D');
	CROSS(w, "outside", "inside", "tcp 2001:db8::1 1 2001:db8:2::9 80", 'P');
	CROSS(w, "outside", "inside", "tcp 2001:db8::1 1 2001:db8:2::9 443", 'D');
	/* The list of IPv4 says nothing about IPv6: levels do. */
	CROSS(w, "inside", "outside", "tcp 2001:db8:2::9 1 2001:db8::1 80", 'P');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 80", 'D');
	done(&w);
}

Test(asa, no_ipv6_without_an_address)
{
	struct world w = read_text(V9 PORTS "access-list a extended permit ip any any\n"
					    "access-group a in interface outside\n");

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'P');
	CROSS(w, "outside", "inside", "tcp 2001:db8::1 1 2001:db8:2::9 443", 'D');
	done(&w);
	/* Where it leaves by. */
	w = read_text(V9 "interface E0\n nameif a\n security-level 90\n"
			 " ipv6 address 2001:db8:a::1/64\n"
			 "interface E1\n nameif b\n security-level 50\n"
			 " ip address 10.0.0.1 255.0.0.0\n"
			 "interface E2\n nameif c\n security-level 40\n"
			 " ipv6 address 2001:db8:c::1/64\n");
	CROSS(w, "a", "b", "tcp 2001:db8:a::9 1 2001:db8:b::9 443", 'D');
	CROSS(w, "a", "c", "tcp 2001:db8:a::9 1 2001:db8:c::9 443", 'P');
	done(&w);
	/* A part of a configuration does not say so for certain. */
	w = read_text(PORTS "access-list a extended permit ip any any\n"
			    "access-group a in interface outside\n");
	CROSS(w, "outside", "inside", "tcp 2001:db8::1 1 2001:db8:2::9 443", 'D');
	CROSS(w, "inside", "outside", "tcp 2001:db8::1 1 2001:db8:2::9 443", 'U');
	done(&w);
}

Test(asa, packets_to_the_firewall_are_not_decided)
{
	struct world w = read_text(V9 PORTS "access-list a extended deny ip any any\n"
					    "access-group a in interface outside\n");

	CROSS(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.2 22", 'U');
	done(&w);
}

Test(asa, management_port_carries_nothing)
{
	struct world w = read_text(V9 PORTS "interface M0/0\n management-only\n nameif mgmt\n"
					    " security-level 100\n"
					    " ip address 172.16.0.1 255.255.0.0\n");

	CROSS(w, "mgmt", "outside", "tcp 172.16.0.9 1 203.0.113.1 443", 'D');
	CROSS(w, "inside", "mgmt", "tcp 10.0.0.9 1 172.16.0.9 443", 'D');
	done(&w);
}

Test(asa, port_that_is_down_carries_nothing)
{
	struct world w = read_text(V9 PORTS "interface GigabitEthernet0/2\n shutdown\n");

	cr_expect_not(device_port(device(&w, "fw"), "dmz")->up);
	CROSS(w, "inside", "dmz", "tcp 10.0.0.9 1 192.0.2.9 443", 'D');
	CROSS(w, "dmz", "outside", "tcp 192.0.2.9 1 203.0.113.1 443", 'D');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'P');
	done(&w);
}

Test(asa, fwsm_permits_nothing_by_level)
{
	struct world w = read_text("FWSM Version 4.1(4) <context>\n" PORTS);

	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'D');
	done(&w);
}

Test(asa, pix_6_names_and_conduits)
{
	struct world w = read_text("PIX Version 6.3(5)\n"
				   "nameif ethernet0 outside security0\n"
				   "nameif ethernet1 inside security100\n"
				   "interface ethernet0 auto\n"
				   "ip address outside 198.51.100.2 255.255.255.0\n"
				   "ip address inside 10.0.0.1 255.0.0.0\n"
				   "fixup protocol http 80\n"
				   "conduit permit tcp host 198.51.100.9 eq www any\n"
				   "static (inside,outside) 198.51.100.9 10.0.0.9\n"
				   "nat (inside) 1 10.0.0.0 255.0.0.0\n"
				   "global (outside) 1 interface\n"
				   "conduit deny icmp any any\n"
				   "route outside 0 0 198.51.100.1 1\n");

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 198.51.100.9 80", 'P');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 198.51.100.9 81", 'D');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 81", 'P');
	cr_expect_eq(device(&w, "fw")->n_routes, 1);
	/* Nothing passes without a translation there. */
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 198.51.100.10 80", 'D');
	CROSS(w, "inside", "outside", "tcp 192.168.0.9 1 203.0.113.1 81", 'D');
	done(&w);
}

Test(asa, vpn_packets_pass_without_the_list)
{
	static const char text[] = V9 PORTS "access-list o extended deny ip any any\n"
					    "access-list vpn extended permit ip 10.0.0.0 "
					    "255.255.0.0 172.20.0.0 255.255.0.0\n"
					    "access-group o in interface outside\n"
					    "crypto map m 10 match address vpn\n"
					    "crypto map m 10 set peer 203.0.113.200\n"
					    "crypto map m interface outside\n";
	char off[2048];
	struct world w = read_text(text);

	CROSS(w, "outside", "inside", "tcp 172.20.0.9 1 10.0.0.9 443", 'U');
	CROSS(w, "outside", "inside", "tcp 172.21.0.9 1 10.0.0.9 443", 'D');
	done(&w);
	snprintf(off, sizeof(off), "%sno sysopt connection permit-vpn\n", text);
	w = read_text(off);
	CROSS(w, "outside", "inside", "tcp 172.20.0.9 1 10.0.0.9 443", 'D');
	done(&w);
}

Test(asa, vpn_users_come_from_their_pool)
{
	struct world w =
		read_text(V9 PORTS "access-list o extended deny ip any any\n"
				   "access-group o in interface outside\n"
				   "ip local pool p 10.99.0.1-10.99.0.50 mask 255.255.255.0\n"
				   "webvpn\n enable outside\n anyconnect enable\n");

	CROSS(w, "outside", "inside", "tcp 10.99.0.7 1 10.0.0.9 443", 'U');
	CROSS(w, "outside", "inside", "tcp 10.99.0.51 1 10.0.0.9 443", 'D');
	done(&w);
}

Test(asa, per_user_override_counts_where_users_can_bring_lists)
{
	static const char text[] =
		V9 PORTS "access-list o extended deny ip any any\n"
			 "access-group o in interface outside per-user-override\n";
	char more[2048];
	struct world w = read_text(text);

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'D');
	done(&w);
	snprintf(more, sizeof(more), "%saaa authentication match x outside LOCAL\n", text);
	w = read_text(more);
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 443", 'U');
	done(&w);
}

Test(asa, filters_and_logins_may_narrow)
{
	struct world w = read_text(V9 PORTS "access-list l extended permit tcp any any eq 23\n"
					    "filter url http 10.0.0.0 255.255.0.0 0 0\n"
					    "filter java 80 10.0.0.0 255.255.0.0 0 0\n"
					    "aaa authentication match l inside LOCAL\n");

	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 80", 'U');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 23", 'U');
	CROSS(w, "inside", "outside", "tcp 10.0.0.9 1 203.0.113.1 443", 'P');
	done(&w);
}

Test(asa, unknown_line_taints_the_device)
{
	struct world w = read_text(V9 PORTS "frobnicate all packets\n");

	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 1);
	cr_assert_eq(device(&w, "fw")->n_taints, 1);
	cr_expect_null(device(&w, "fw")->taints[0].port);
	cr_expect_eq(device(&w, "fw")->taints[0].at.line, 15);
	cr_expect(diags_has(&w.diags, "asa.unknown-line"));
	done(&w);
}

Test(asa, unknown_interface_line_taints_the_port)
{
	struct world w = read_text(V9 "interface E0\n nameif outside\n frobnicate\n");

	cr_assert_eq(device(&w, "fw")->n_taints, 1);
	cr_expect_str_eq(device(&w, "fw")->taints[0].port, "outside");
	done(&w);
}

Test(asa, blocks_that_have_no_say)
{
	struct world w = read_text(
		": Saved\n:\n" V9 "hostname edge\nbanner motd access-list a permit ip any any\n"
		"class-map inspection_default\n match default-inspection-traffic\n"
		"policy-map global_policy\n class inspection_default\n  inspect dns\n"
		"tunnel-group x type ipsec-l2l\ntunnel-group x ipsec-attributes\n"
		" ikev1 pre-shared-key *****\n"
		"crypto ca certificate chain T\n certificate 01\n    30820122 300d0609\n  "
		"quit\n"
		"logging host inside 10.0.0.1\nCryptochecksum:0123\n: end\n");

	cr_expect_eq(w.err, 0);
	cr_expect_eq(account(&w)->count[ACCOUNT_IRRELEVANT], w.src->n_lines);
	cr_expect_eq(device(&w, "fw")->n_taints, 0);
	cr_expect_eq(device(&w, "fw")->n_rulesets, 2, "only those of the firewall itself");
	cr_expect_str_eq(device(&w, "fw")->hostname, "edge");
	done(&w);
}

Test(asa, a_list_line_inside_a_block_is_still_one)
{
	struct world w = read_text(V9 "group-policy g attributes\n vpn-idle-timeout none\n"
				      " access-list a extended permit ip any any\n");

	cr_expect_eq(device_ruleset(device(&w, "fw"), "a")->n, 1);
	done(&w);
}

Test(asa, indentation_of_the_whole_text)
{
	struct world w = read_text("  " V9 "  crypto isakmp identity address\n"
				   "  interface E0\n   nameif outside\n   security-level 0\n"
				   "  route outside 0 0 10.0.0.1\n"
				   "  object network o\n   host 10.0.0.9\n"
				   "  logging enable\n");

	cr_expect_eq(device(&w, "fw")->n_ports, 1);
	cr_expect_eq(device(&w, "fw")->n_routes, 1);
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(asa, script_without_indentation)
{
	struct world w = read_text(
		"interface Vlan1\nnameif inside\nsecurity-level 100\n"
		"ip address 10.0.0.1 255.0.0.0\nexit\n"
		"object-group network g\nnetwork-object host 10.0.0.5\n"
		"object network o\nhost 10.0.0.6\n"
		"policy-map type inspect ip-options m\nparameters\n eool action allow\n"
		"access-list a permit ip object-group g object o\n");

	cr_expect_eq(device(&w, "fw")->n_ports, 1);
	cr_expect_eq(device(&w, "fw")->ports[0].vlan, 1);
	ASK(w, "a", "tcp 10.0.0.5 1 10.0.0.6 1", 'P');
	cr_expect_eq(account(&w)->count[ACCOUNT_REJECTED], 0);
	done(&w);
}

Test(asa, clear_takes_a_list_back)
{
	struct world w = read_text(V9 PORTS "access-list a permit ip any any\n"
					    "access-group a in interface outside\n"
					    "clear configure access-list a\n"
					    "access-list a permit tcp any any eq 80\n"
					    "access-group a in interface outside\n");

	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 80", 'P');
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 81", 'D');
	done(&w);
	w = read_text(V9 PORTS "access-list a permit ip any any\n"
			       "access-group a in interface outside\n"
			       "clear configure access-list a\n"
			       "access-list a permit tcp any any eq 80\n");
	CROSS(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.0.9 81", 'U');
	done(&w);
}

Test(asa, negated_lines_are_not_guessed)
{
	struct world w = read_text(V9 PORTS "access-list a permit ip any any\n"
					    "no access-list a permit ip any any\n");

	cr_expect(diags_has(&w.diags, "asa.command"));
	cr_expect_eq(device(&w, "fw")->n_taints, 1);
	done(&w);
}

Test(asa, several_contexts_in_a_file)
{
	struct world w = read_text(": Saved\n:\nASA Version 9.8(2) <context>\nhostname red\n"
				   "access-list a extended permit tcp any any\n: end\n"
				   ": Saved\n:\nASA Version 9.8(2) <context>\nhostname blue\n"
				   "access-list a extended permit udp any any\n: end\n"
				   ": Saved\n:\nASA Version 9.8(2) <system>\nhostname blue\n"
				   "context red\n allocate-interface E0\n: end\n");

	cr_expect_eq(w.err, 0);
	cr_assert_eq(w.snap->devices.n, 3);
	cr_expect_not_null(snapshot_device(w.snap, "fw:red"));
	cr_expect_not_null(snapshot_device(w.snap, "fw:blue"));
	cr_expect_not_null(snapshot_device(w.snap, "fw:system"));
	cr_expect_eq(account(&w)->count[ACCOUNT_EXACT], 2);
	done(&w);
}

Test(asa, truncated_file)
{
	struct world w =
		read_text(": Saved\n:\n" V9 PORTS "access-list a extended permit tcp any ho");

	cr_expect(w.err < 0);
	cr_expect(account(&w)->failed);
	cr_expect(diags_has(&w.diags, "asa.truncated"));
	cr_expect_geq(device(&w, "fw")->n_taints, 1);
	done(&w);
}

Test(asa, output_of_show_commands_is_refused)
{
	static const char *const texts[] = {
		("access-list a; 1 elements; name hash: 0x178be4f2\n"
		 "access-list a line 1 extended permit ip any any (hitcnt=0) 0xb8411547\n"),
		"Manual NAT Policies (Section 1)\n1 (any) to (any) source static any any\n",
		"---\nparsed_sample:\n  - acl: a\n",
		"<?xml version=\"1.0\"?>\n<FWObjectDatabase>\n</FWObjectDatabase>\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct world w = read_text(texts[i]);

		cr_expect(w.err < 0, "%zu", i);
		cr_expect(diags_has(&w.diags, "asa.not-configuration"), "%zu", i);
		cr_expect_eq(w.snap->devices.n, 0);
		cr_expect(account(&w)->failed);
		done(&w);
	}
}

Test(asa, empty_file)
{
	struct world w = read_text("");

	cr_expect_eq(account_total(account(&w)), 0);
	cr_expect(w.err < 0);
	cr_expect(diags_has(&w.diags, "asa.empty"));
	done(&w);
}

Test(asa, names_are_noted_for_lint)
{
	struct world w =
		read_text(V9 PORTS "object network o\n host 10.0.0.1\n"
				   "access-list a extended permit ip object o object-group g\n"
				   "access-list b extended permit ip any any\n"
				   "class-map c\n match access-list b\n"
				   "access-group a in interface outside\n");
	unsigned defined = 0, used = 0;

	vec_each (u, &w.snap->names) {
		cr_expect_str_eq(u->device, "fw");
		if (u->defines)
			defined++;
		else if (!strcmp(u->kind, "access list") || !strcmp(u->kind, "object") ||
			 !strcmp(u->kind, "object-group"))
			used++;
	}
	cr_expect_eq(defined, 3, "%u", defined);
	cr_expect_eq(used, 4, "%u", used);
	done(&w);
}

Test(asa, probes)
{
	static const struct {
		const char *text;
		bool sure, none;
	} rows[] = {
		{ V9, true, false },
		{ ": Saved\n:\nPIX Version 6.3(5)\n", true, false },
		{ "access-list a extended permit ip any any\naccess-group a in interface "
		  "outside\n",
		  true, false },
		{ "version 15.2\nhostname r1\ninterface Gi0/1\n ip address 10.0.0.1 255.0.0.0\n"
		  " ip access-group 101 in\naccess-list 101 permit ip any any\n",
		  false, true },
		{ "access-list a extended permit ip any any\nip access-list extended b\n",
		  false, true },
		{ "clear configure access-list a\naccess-list a extended deny ip any any\n",
		  true, false },
		{ "{\"nftables\": []}\n", false, true },
		{ "", false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int score = collector_asa.probe(rows[i].text, strlen(rows[i].text), "x");

		cr_expect(!rows[i].sure || score >= 50, "%zu: %d", i, score);
		cr_expect(!rows[i].none || score == 0, "%zu: %d", i, score);
	}
}

Test(asa, large_file_is_linear)
{
	struct text t = { 0 };
	struct world w;

	text_put(&t, V9);
	for (int i = 0; i < 100000; i++)
		text_putf(
			&t,
			"access-list a line 1 extended permit tcp host 10.%d.%d.%d any eq %d\n",
			i >> 16 & 255, i >> 8 & 255, i & 255, i % 60000 + 1);
	w = read_bytes(t.s, t.len);
	cr_expect_eq(device_ruleset(device(&w, "fw"), "a")->n, 100000);
	cr_expect_eq(device_ruleset(device(&w, "fw"), "a")->rules[0].at.line, 100001);
	done(&w);
	text_finish(&t);
}

/* Random lists against what the words say, without matches in between. */
struct plain {
	bool permit, inactive;
	unsigned proto; /* 0: any */
	uint32_t src, src_mask, dst, dst_mask;
	unsigned op, lo, hi; /* of the destination port: 0 none, eq, neq, lt, gt, range */
};

static unsigned draw(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 12) % n;
}

static void put_address(struct text *t, uint32_t addr, uint32_t mask)
{
	if (!mask)
		text_put(t, " any");
	else if (mask == UINT32_MAX)
		text_putf(t, " host %u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
			  addr & 255);
	else
		text_putf(t, " %u.%u.%u.%u %u.%u.%u.%u", addr >> 24, addr >> 16 & 255,
			  addr >> 8 & 255, addr & 255, mask >> 24, mask >> 16 & 255,
			  mask >> 8 & 255, mask & 255);
}

static void put_entry(struct text *t, const struct plain *e)
{
	static const char *const ops[] = { "", "eq", "neq", "lt", "gt", "range" };

	text_putf(t, "access-list a extended %s %s", e->permit ? "permit" : "deny",
		  e->proto == PROTO_TCP	  ? "tcp"
		  : e->proto == PROTO_UDP ? "udp"
		  : e->proto == PROTO_GRE ? "gre"
					  : "ip");
	put_address(t, e->src, e->src_mask);
	put_address(t, e->dst, e->dst_mask);
	if (e->op)
		text_putf(t, " %s %u", ops[e->op], e->lo);
	if (e->op == 5)
		text_putf(t, " %u", e->hi);
	text_put(t, e->inactive ? " log inactive\n" : "\n");
}

static bool plain_matches(const struct plain *e, const struct packet *p)
{
	if (e->inactive || (e->proto && p->proto != e->proto) ||
	    (p->src.lo & e->src_mask) != e->src || (p->dst.lo & e->dst_mask) != e->dst)
		return false;
	switch (e->op) {
	case 1:
		return p->dport == e->lo;
	case 2:
		return p->dport != e->lo;
	case 3:
		return p->dport < e->lo;
	case 4:
		return p->dport > e->lo;
	case 5:
		return p->dport >= e->lo && p->dport <= e->hi;
	default:
		return true;
	}
}

Test(asa, random_lists_mean_what_they_say)
{
	static const uint32_t masks[] = { 0,	      0xff000000, 0xffff0000, 0xffffff00,
					  UINT32_MAX, 0xff00ff00, 0xfffffffe, 0x000000ff };
	static const unsigned protos[] = { 0, PROTO_TCP, PROTO_UDP, PROTO_GRE };
	unsigned seed = 20, wrong = 0, permits = 0;

	for (int round = 0; round < 200; round++) {
		struct plain v[12];
		struct text t = { 0 };
		struct world w;
		const struct ruleset *rs;

		text_put(&t, V9);
		for (int i = 0; i < 12; i++) {
			struct plain *e = &v[i];

			*e = (struct plain){ .permit = draw(&seed, 2),
					     .inactive = !draw(&seed, 8),
					     .proto = protos[draw(&seed, 4)],
					     .src_mask = masks[draw(&seed, 8)],
					     .dst_mask = masks[draw(&seed, 8)] };
			e->src = (0x0a000000 | draw(&seed, 4) << 8 | draw(&seed, 3)) &
				 e->src_mask;
			e->dst = (0x0a000000 | draw(&seed, 4) << 8 | draw(&seed, 3)) &
				 e->dst_mask;
			if (e->proto == PROTO_TCP || e->proto == PROTO_UDP) {
				e->op = draw(&seed, 6);
				e->lo = draw(&seed, 5);
				e->hi = e->lo + draw(&seed, 3);
			}
			put_entry(&t, e);
		}
		w = read_bytes(t.s, t.len);
		rs = device_ruleset(device(&w, "fw"), "a");
		cr_assert_eq(account(&w)->policy[ACCOUNT_EXACT], 12);
		for (int k = 0; k < 300; k++) {
			struct packet p = { .proto = (uint8_t)(protos[1 + draw(&seed, 3)]),
					    .state = STATE_NEW };
			char want = 'D';

			p.src.lo = 0x0a000000 | draw(&seed, 4) << 8 | draw(&seed, 4);
			p.dst.lo = 0x0a000000 | draw(&seed, 4) << 8 | draw(&seed, 4);
			if (p.proto != PROTO_GRE)
				p.dport = (uint16_t)draw(&seed, 7);
			for (int i = 0; i < 12; i++)
				if (plain_matches(&v[i], &p)) {
					want = v[i].permit ? 'P' : 'D';
					break;
				}
			permits += want == 'P';
			wrong += verdict(rs, &p) != want;
		}
		done(&w);
		text_finish(&t);
	}
	cr_expect_eq(wrong, 0, "%u of 60000 packets", wrong);
	cr_expect_gt(permits, 10000, "%u", permits);
}
