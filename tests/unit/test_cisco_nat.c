/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ASA and IOS make of addresses. A small walker takes one packet through the device as
 * model/device.h says: hooks and translations by their order, the first translation that holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/unit/cisco_world.h"

struct walk {
	const struct world *w;
	struct packet p;
	char verdict; /* P, D, U */
	bool doubt;   /* whether a translation holds isn't known */
	bool pool_src, pool_dst, port_src, port_dst;
};

static const char *change(struct walk *k, enum nat_rewrites what)
{
	const struct device *d = k->w->dev;
	bool src = what == NAT_SOURCE;

	for (size_t i = 0; i < d->n_nats; i++) {
		const struct nat *n = &d->nats[i];
		struct addr *at = src ? &k->p.src : &k->p.dst;
		enum truth t;

		if (n->rewrites != what || (n->in && strcmp(n->in, k->p.iif)) ||
		    (src && n->out && strcmp(n->out, k->p.oif)))
			continue;
		t = match_judge(n->kind == NAT_BOUND ? n->touches : n->match, &k->p);
		if (t == TRUTH_FALSE)
			continue;
		if (t == TRUTH_UNKNOWN || n->kind == NAT_BOUND) {
			k->doubt = true;
			continue;
		}
		if (n->kind == NAT_SHIFT) {
			cr_assert(span_has(n->from, *at));
			at->lo = n->to[0].lo.lo + (at->lo - n->from.lo.lo);
			cr_assert(span_has(n->to[0], *at));
		} else if (n->kind == NAT_POOL) {
			*(src ? &k->pool_src : &k->pool_dst) =
				n->n_to != 1 || !addr_equal(n->to[0].lo, n->to[0].hi);
			*at = n->to[0].lo;
		}
		if (n->has_port && packet_has_ports(&k->p)) {
			*(src ? &k->port_src : &k->port_dst) = n->port_lo != n->port_hi;
			*(src ? &k->p.sport : &k->p.dport) = n->port_lo;
		}
		return n->out;
	}
	return NULL;
}

static int by_order(const void *x, const void *y)
{
	return ((const struct hook *)x)->order - ((const struct hook *)y)->order;
}

static void pass(struct walk *k, enum hook_kind kind, enum nat_rewrites what, const char *port)
{
	const struct device *d = k->w->dev;
	struct hook hooks[64];
	size_t n = 0;
	int order = 0;
	bool has = false, changed = false;

	for (size_t i = 0; i < d->n_nats; i++)
		if (d->nats[i].rewrites == what && d->nats[i].kind != NAT_BOUND) {
			cr_assert(!has || order == d->nats[i].order);
			order = d->nats[i].order;
			has = true;
		}
	for (size_t i = 0; i < d->n_hooks; i++)
		if (d->hooks[i].kind == kind && n < 64 &&
		    (!d->hooks[i].port || !strcmp(d->hooks[i].port, port)))
			hooks[n++] = d->hooks[i];
	qsort(hooks, n, sizeof(*hooks), by_order);
	for (size_t i = 0; i <= n; i++) {
		if (!changed && (i == n || hooks[i].order >= order)) {
			const char *out = change(k, what);

			if (what == NAT_DESTINATION && out)
				k->p.oif = out;
			changed = true;
		}
		if (i == n)
			break;
		struct interp_answer a = interp(hooks[i].ruleset, &k->p);
		char v = a.sure ? 'P' : a.maybe ? 'U' : 'D';

		if (v == 'D' || k->verdict == 'D')
			k->verdict = 'D';
		else if (v == 'U')
			k->verdict = 'U';
	}
}

static void put_end(struct text *t, const struct packet *p, struct addr a, bool pool,
		    unsigned port, bool any_port)
{
	addr_print(t, p->family, a);
	text_put(t, pool ? "+" : "");
	if (!packet_has_ports(p))
		return;
	if (any_port)
		text_put(t, ":*");
	else
		text_putf(t, ":%u", port);
}

/* "P 198.51.100.10:1>203.0.113.1:443 outside"; "?": a translation may be missing from it, "+":
 * any of several addresses. */
static void walk(const struct world *w, const char *in, const char *out, const char *line,
		 struct text *t)
{
	struct walk k = { .w = w, .verdict = 'P' };

	k.p = packet(w, line);
	k.p.iif = in;
	k.p.oif = out;
	/* The port it leaves by is one for the whole device: where a translation says it, from
	 * the beginning. */
	struct walk first = k;
	pass(&first, HOOK_IN, NAT_DESTINATION, in);
	k.p.oif = first.p.oif;
	pass(&k, HOOK_IN, NAT_DESTINATION, in);
	pass(&k, HOOK_OUT, NAT_SOURCE, k.p.oif);
	text_clear(t);
	if (k.verdict == 'D') {
		text_put(t, "D");
		return;
	}
	text_putf(t, "%c%s ", k.verdict, k.doubt ? "?" : "");
	put_end(t, &k.p, k.p.src, k.pool_src, k.p.sport, k.port_src);
	text_putc(t, '>');
	put_end(t, &k.p, k.p.dst, k.pool_dst, k.p.dport, k.port_dst);
	text_putf(t, " %s", k.p.oif);
}

#define WALK(w, in, out, line, want)                                                           \
	do {                                                                                   \
		struct text t_ = { 0 };                                                        \
		walk(&(w), in, out, line, &t_);                                                \
		cr_expect_str_eq(t_.s, want, "%s > %s: %s: got %s", in, out, line, t_.s);      \
		text_finish(&t_);                                                              \
	} while (0)

#define OPEN                                                                                   \
	"access-list any extended permit ip any any\n"                                         \
	"access-group any in interface outside\naccess-group any in interface dmz\n"
#define PORTS                                                                                  \
	"interface GigabitEthernet0/0\n nameif outside\n security-level 0\n"                   \
	" ip address 198.51.100.2 255.255.255.0\n"                                             \
	"interface GigabitEthernet0/1\n nameif inside\n security-level 100\n"                  \
	" ip address 10.0.0.1 255.255.0.0\n"                                                   \
	"interface GigabitEthernet0/2\n nameif dmz\n security-level 50\n"                      \
	" ip address 192.0.2.1 255.255.255.0\n"
#define V9 "ASA Version 9.8(2)\n" PORTS
#define V8 "ASA Version 8.2(5)\n" PORTS

static struct world read_asa(const char *text)
{
	return config_good(&collector_asa, text);
}

static struct world read_ios(const char *text)
{
	return config_good(&collector_ios, text);
}

/* Some translation isn't known; and, where the line itself is at fault, neither is the line. */
static void expect_bound(const struct world *w, const char *line, bool told)
{
	bool bound = false;

	for (size_t k = 0; k < w->dev->n_nats; k++)
		bound |= w->dev->nats[k].kind == NAT_BOUND || w->dev->nats[k].match->inexact;
	cr_expect(bound, "%s", line);
	if (told)
		cr_expect_geq(bounded(w), 1, "%s", line);
}

static bool answers(const struct world *w, const char *port, uint64_t addr)
{
	const struct port *p = device_port(w->dev, port);

	for (size_t i = 0; i < p->n_shared; i++)
		if (p->shared[i].lo == addr)
			return true;
	return false;
}

Test(cisco_nat, asa_objects)
{
	struct world w =
		read_asa(V9 OPEN "object network web\n host 192.0.2.10\n"
				 " nat (dmz,outside) static 198.51.100.10\n"
				 "object network lan\n subnet 10.0.0.0 255.255.0.0\n"
				 " nat (inside,outside) dynamic interface\n"
				 "object network net\n subnet 192.0.2.64 255.255.255.192\n"
				 " nat (dmz,outside) static 198.51.100.64\n"
				 "object network mail\n host 192.0.2.25\n"
				 " nat (dmz,outside) static interface service tcp 25 2525\n");

	WALK(w, "dmz", "outside", "tcp 192.0.2.10 1 203.0.113.1 443",
	     "P 198.51.100.10:1>203.0.113.1:443 outside");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.10 443",
	     "P 203.0.113.1:1>192.0.2.10:443 dmz");
	WALK(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.10 443", "D");
	WALK(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.10 443 state=established",
	     "P 203.0.113.1:1>192.0.2.10:443 dmz");
	WALK(w, "dmz", "inside", "tcp 192.0.2.10 1 10.0.0.9 443",
	     "P 192.0.2.10:1>10.0.0.9:443 inside");
	WALK(w, "inside", "outside", "tcp 10.0.3.4 1 203.0.113.1 443",
	     "P 198.51.100.2:*>203.0.113.1:443 outside");
	WALK(w, "inside", "outside", "ip:47 10.0.3.4 0 203.0.113.1 0",
	     "P? 10.0.3.4>203.0.113.1 outside");
	WALK(w, "outside", "inside", "tcp 203.0.113.1 1 10.0.3.4 443", "D");
	WALK(w, "dmz", "outside", "tcp 192.0.2.66 1 203.0.113.1 443",
	     "P 198.51.100.66:1>203.0.113.1:443 outside");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.127 443",
	     "P 203.0.113.1:1>192.0.2.127:443 dmz");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.2 2525",
	     "P 203.0.113.1:1>192.0.2.25:25 dmz");
	WALK(w, "dmz", "outside", "tcp 192.0.2.25 25 203.0.113.1 99",
	     "P 198.51.100.2:2525>203.0.113.1:99 outside");
	WALK(w, "dmz", "outside", "tcp 192.0.2.25 26 203.0.113.1 99",
	     "P 192.0.2.25:26>203.0.113.1:99 outside");
	WALK(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.25 25", "D");
	WALK(w, "outside", "dmz", "tcp 203.0.113.1 1 192.0.2.25 26",
	     "P 203.0.113.1:1>192.0.2.25:26 dmz");
	cr_expect_eq(bounded(&w), 0);
	cr_expect(answers(&w, "outside", 0xc633640a));
	cr_expect(answers(&w, "outside", 0xc633647f));
	cr_expect_not(answers(&w, "outside", 0xc6336402), "its own");
	cr_expect_not(answers(&w, "dmz", 0xc633640a));
	done(&w);
}

/* From 8.3 on lists name real addresses; before, those that are seen at the port. */
Test(cisco_nat, which_address_a_list_names)
{
	struct world w =
		read_asa(V9 "object network web\n host 192.0.2.10\n"
			    " nat (dmz,outside) static 198.51.100.10\n"
			    "access-list in extended permit tcp any host 192.0.2.10 eq 443\n"
			    "access-list in extended permit tcp any host 198.51.100.10 eq 80\n"
			    "access-list out extended permit ip host 192.0.2.10 any\n"
			    "access-group in in interface outside\naccess-group out out "
			    "interface outside\n");

	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.10 443",
	     "P 203.0.113.1:1>192.0.2.10:443 dmz");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.10 80", "D");
	WALK(w, "dmz", "outside", "tcp 192.0.2.10 1 203.0.113.1 80",
	     "P 198.51.100.10:1>203.0.113.1:80 outside");
	done(&w);

	w = read_asa(V8
		     "static (dmz,outside) 198.51.100.10 192.0.2.10 netmask 255.255.255.255\n"
		     "access-list in extended permit tcp any host 192.0.2.10 eq 443\n"
		     "access-list in extended permit tcp any host 198.51.100.10 eq 80\n"
		     "access-list out extended permit ip host 198.51.100.10 any\n"
		     "access-group in in interface outside\naccess-group out out interface "
		     "outside\n");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.10 443", "D");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.10 80",
	     "P 203.0.113.1:1>192.0.2.10:80 dmz");
	WALK(w, "dmz", "outside", "tcp 192.0.2.10 1 203.0.113.1 80",
	     "P 198.51.100.10:1>203.0.113.1:80 outside");
	done(&w);
}

#define NETS                                                                                   \
	"object network lan\n subnet 10.0.0.0 255.255.0.0\n"                                   \
	"object network far\n subnet 172.16.0.0 255.255.0.0\n"                                 \
	"object network a\n host 10.0.0.5\nobject network b\n host 198.51.100.5\n"             \
	"object network c\n host 203.0.113.7\nobject network d\n host 10.0.9.9\n"

Test(cisco_nat, asa_twice)
{
	struct world w = read_asa(
		V9 OPEN NETS
		"nat (inside,outside) source static lan lan destination static far far\n"
		"nat (inside,outside) source static a b destination static d c\n"
		"nat (inside,outside) source static d b inactive\n"
		"nat (inside,outside) after-auto source dynamic any interface\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 172.16.1.1 443",
	     "P 10.0.0.5:1>172.16.1.1:443 outside");
	WALK(w, "outside", "inside", "tcp 172.16.1.1 1 10.0.0.5 443",
	     "P 172.16.1.1:1>10.0.0.5:443 inside");
	WALK(w, "outside", "inside", "tcp 172.17.1.1 1 10.0.0.5 443", "D");
	WALK(w, "inside", "inside", "tcp 10.0.0.5 1 10.0.9.9 443",
	     "P? 198.51.100.2:*>203.0.113.7:443 outside");
	WALK(w, "outside", "outside", "tcp 203.0.113.7 1 198.51.100.5 443",
	     "P? 203.0.113.7:1>10.0.0.5:443 inside");
	WALK(w, "outside", "outside", "tcp 203.0.113.8 1 198.51.100.5 443", "D");
	WALK(w, "inside", "outside", "tcp 10.0.9.9 1 203.0.113.1 443",
	     "P 198.51.100.2:*>203.0.113.1:443 outside");
	cr_expect_eq(bounded(&w), 1);
	done(&w);
}

/* `nat` lines, then objects, then after-auto; a number puts a line in front. */
Test(cisco_nat, asa_order)
{
	struct world w = read_asa(
		V9 OPEN NETS
		"object network small\n host 10.0.0.5\n nat (inside,outside) dynamic c\n"
		"object network wide\n subnet 10.0.0.0 255.255.255.0\n"
		" nat (inside,outside) static 198.51.100.0\n"
		"object network one\n host 10.0.0.6\n nat (inside,outside) static "
		"198.51.100.66\n"
		"nat (inside,outside) after-auto source static a c\n"
		"nat (inside,outside) source static d b\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.6 1 203.0.113.1 443",
	     "P 198.51.100.66:1>203.0.113.1:443 outside");
	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 203.0.113.1 443",
	     "P 198.51.100.5:1>203.0.113.1:443 outside");
	WALK(w, "inside", "outside", "tcp 10.0.9.9 1 203.0.113.1 443",
	     "P 198.51.100.5:1>203.0.113.1:443 outside");
	done(&w);

	w = read_asa(V9 OPEN NETS "nat (inside,outside) source static a b\n"
				  "nat (inside,outside) 1 source static a c\n");
	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 8.8.8.8 443",
	     "P 203.0.113.7:1>8.8.8.8:443 outside");
	done(&w);

	/* A wide rule in front of a narrow one: answers meet the wide one first. */
	w = read_asa(V9 OPEN NETS "nat (inside,outside) source dynamic any interface\n"
				  "object network web\n host 10.0.0.80\n"
				  " nat (inside,outside) static 198.51.100.80\n");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.80 443",
	     "U 203.0.113.1:1>10.0.0.80:443 inside");
	done(&w);
}

Test(cisco_nat, asa_pools)
{
	struct world w = read_asa(V9 OPEN NETS
				  "object network pool\n range 198.51.100.20 198.51.100.30\n"
				  "object network l1\n subnet 10.0.1.0 255.255.255.0\n nat "
				  "(inside,outside) dynamic pool\n"
				  "object network l2\n subnet 10.0.2.0 255.255.255.0\n"
				  " nat (inside,outside) dynamic pool interface\n"
				  "object network l3\n subnet 10.0.3.0 255.255.255.0\n"
				  " nat (inside,outside) dynamic pat-pool pool round-robin\n"
				  "object network l4\n subnet 10.0.4.0 255.255.255.0\n"
				  " nat (inside,outside) dynamic 198.51.100.99\n");

	WALK(w, "inside", "outside", "tcp 10.0.1.1 1 8.8.8.8 443",
	     "P 198.51.100.20+:1>8.8.8.8:443 outside");
	WALK(w, "inside", "outside", "tcp 10.0.2.1 1 8.8.8.8 443",
	     "P 198.51.100.2+:*>8.8.8.8:443 outside");
	WALK(w, "inside", "outside", "tcp 10.0.3.1 1 8.8.8.8 443",
	     "P 198.51.100.20+:*>8.8.8.8:443 outside");
	WALK(w, "inside", "outside", "tcp 10.0.4.1 1 8.8.8.8 443",
	     "P 198.51.100.99:*>8.8.8.8:443 outside");
	/* while a host inside holds the address, it may be called by it */
	WALK(w, "outside", "inside", "tcp 203.0.113.1 1 198.51.100.25 443",
	     "P? 203.0.113.1:1>198.51.100.25:443 inside");
	WALK(w, "outside", "outside", "tcp 203.0.113.1 1 198.51.100.99 443", "D");
	cr_expect_eq(bounded(&w), 0);
	done(&w);
}

Test(cisco_nat, asa_services)
{
	struct world w = read_asa(
		V9 OPEN NETS "object service s80\n service tcp source eq 80\n"
			     "object service s8080\n service tcp source eq 8080\n"
			     "object service d25\n service tcp destination eq 25\n"
			     "object service d2525\n service tcp destination eq 2525\n"
			     "nat (inside,outside) source static a b service s80 s8080\n"
			     "nat (inside,outside) source static d d destination static c c "
			     "service d25 d2525\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.5 80 8.8.8.8 9",
	     "P 198.51.100.5:8080>8.8.8.8:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.0.5 81 8.8.8.8 9",
	     "P 10.0.0.5:81>8.8.8.8:9 outside");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 9 198.51.100.5 8080",
	     "P 8.8.8.8:9>10.0.0.5:80 inside");
	WALK(w, "outside", "outside", "udp 8.8.8.8 9 198.51.100.5 8080", "D");
	WALK(w, "inside", "inside", "tcp 10.0.9.9 1 203.0.113.7 25",
	     "P? 10.0.9.9:1>203.0.113.7:2525 outside");
	done(&w);
}

Test(cisco_nat, asa_one_way_and_identity)
{
	struct world w = read_asa(
		V9 OPEN NETS
		"nat (inside,outside) source static a b unidirectional\n"
		"nat (inside,outside) source static lan lan no-proxy-arp route-lookup\n"
		"nat (any,any) source static any any\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 8.8.8.8 9",
	     "P 198.51.100.5:1>8.8.8.8:9 outside");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 1 198.51.100.5 9", "D");
	/* the routes decide where it goes */
	WALK(w, "outside", "dmz", "tcp 8.8.8.8 1 10.0.0.6 9", "P 8.8.8.8:1>10.0.0.6:9 dmz");
	cr_expect_eq(bounded(&w), 0);
	done(&w);

	w = read_asa(V9 OPEN NETS "nat (inside,outside) source static lan lan\n");
	WALK(w, "outside", "dmz", "tcp 8.8.8.8 1 10.0.0.6 9", "P 8.8.8.8:1>10.0.0.6:9 inside");
	done(&w);
}

Test(cisco_nat, asa_what_is_not_known)
{
	static const char *const lines[] = {
		"nat (inside,outside) source static a nosuch\n",
		"nat (inside,outside) source static nosuch a\n",
		"nat (nosuch,outside) source static a b\n",
		"nat (inside,outside) source static a b destination static nosuch c\n",
		"nat (inside,outside) source static a b service web web2\n",
		"nat (inside,outside) source static a b frobnicate\n",
		"nat (inside,outside) source static a any\n",
		"object network x\n fqdn a.example\n nat (inside,outside) dynamic interface\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct text t = { 0 };
		struct world w;

		text_putf(&t, "%s%s", V9 NETS, lines[i]);
		w = read_asa(t.s);
		expect_bound(&w, lines[i], i < 7);
		done(&w);
		text_finish(&t);
	}
}

Test(cisco_nat, asa_groups)
{
	struct world w =
		read_asa(V9 OPEN "object-group network two\n network-object host 10.0.0.5\n"
				 " network-object host 10.0.0.9\n"
				 "object-group network out\n network-object host 198.51.100.5\n"
				 " network-object host 198.51.100.9\n"
				 "nat (inside,outside) source static two out\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.9 1 8.8.8.8 9",
	     "P 198.51.100.5+:1>8.8.8.8:9 outside");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 1 198.51.100.9 9",
	     "P 8.8.8.8:1>10.0.0.5+:9 inside");
	WALK(w, "inside", "outside", "tcp 10.0.0.6 1 8.8.8.8 9",
	     "P 10.0.0.6:1>8.8.8.8:9 outside");
	done(&w);
}

Test(cisco_nat, before_8_3)
{
	struct world w = read_asa(
		V8 OPEN
		"nat (inside) 1 10.0.0.0 255.255.0.0\n"
		"nat (inside) 2 10.0.7.0 255.255.255.0\n"
		"nat (inside) 3 10.1.0.0 255.255.0.0\n"
		"global (outside) 1 198.51.100.20-198.51.100.30 netmask 255.255.255.0\n"
		"global (outside) 2 interface\n"
		"nat (inside) 0 access-list nonat\n"
		"nat (inside) 0 10.0.8.0 255.255.255.0\n"
		"static (dmz,outside) 198.51.100.40 192.0.2.40 netmask 255.255.255.255\n"
		"static (dmz,outside) tcp interface 80 192.0.2.41 8080\n"
		"static (inside,dmz) 10.0.0.0 10.0.0.0 netmask 255.255.0.0\n"
		"access-list nonat extended permit ip 10.0.0.0 255.255.0.0 172.16.0.0 "
		"255.255.0.0\n");

	WALK(w, "inside", "outside", "tcp 10.0.1.1 1 8.8.8.8 9",
	     "P 198.51.100.20+:1>8.8.8.8:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.7.1 1 8.8.8.8 9",
	     "P 198.51.100.2:*>8.8.8.8:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.8.1 1 8.8.8.8 9",
	     "P 10.0.8.1:1>8.8.8.8:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.1.1 1 172.16.3.3 9",
	     "P 10.0.1.1:1>172.16.3.3:9 outside");
	WALK(w, "outside", "inside", "tcp 172.16.3.3 1 10.0.1.1 9",
	     "P 172.16.3.3:1>10.0.1.1:9 inside");
	WALK(w, "outside", "inside", "tcp 172.17.3.3 1 10.0.1.1 9",
	     "U 172.17.3.3:1>10.0.1.1:9 inside");
	WALK(w, "inside", "dmz", "tcp 10.0.1.1 1 192.0.2.9 9", "P 10.0.1.1:1>192.0.2.9:9 dmz");
	WALK(w, "inside", "outside", "tcp 10.1.1.1 1 8.8.8.8 9",
	     "U 10.1.1.1:1>8.8.8.8:9 outside");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 1 198.51.100.40 9",
	     "P 8.8.8.8:1>192.0.2.40:9 dmz");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 1 198.51.100.2 80",
	     "P 8.8.8.8:1>192.0.2.41:8080 dmz");
	cr_expect_eq(bounded(&w), 0);
	done(&w);
}

Test(cisco_nat, static_by_a_list)
{
	struct world w = read_asa(
		V8 OPEN
		"static (inside,outside) 198.51.100.50 access-list one\n"
		"static (inside,outside) tcp 198.51.100.51 8080 access-list two\n"
		"static (inside,outside) 198.51.100.52 access-list three\n"
		"access-list one extended permit ip host 10.0.0.5 172.16.0.0 255.255.0.0\n"
		"access-list two extended permit tcp host 10.0.0.6 eq 80 any\n"
		"access-list three extended permit tcp host 10.0.0.7 any eq 80\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 172.16.1.1 9",
	     "P 198.51.100.50:1>172.16.1.1:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.0.5 1 172.17.1.1 9",
	     "P 10.0.0.5:1>172.17.1.1:9 outside");
	WALK(w, "outside", "inside", "tcp 172.16.1.1 1 198.51.100.50 9",
	     "P 172.16.1.1:1>10.0.0.5:9 inside");
	WALK(w, "outside", "inside", "tcp 8.8.8.8 1 198.51.100.51 8080",
	     "P 8.8.8.8:1>10.0.0.6:80 inside");
	WALK(w, "inside", "outside", "tcp 10.0.0.6 80 8.8.8.8 1",
	     "P 198.51.100.51:8080>8.8.8.8:1 outside");
	cr_expect_eq(bounded(&w), 1, "the third asks for a port of the other end");
	done(&w);
}

Test(cisco_nat, asa_tunnels)
{
	struct world w = read_asa(
		V9 "access-list vpn extended permit ip 10.0.0.0 255.255.0.0 172.16.0.0 "
		   "255.255.0.0\n"
		   "crypto map m 10 match address vpn\ncrypto map m interface outside\n");
	struct packet p = { .family = FAMILY_V4,
			    .proto = PROTO_TCP,
			    .src = { 0, 0x0a000005 },
			    .dst = { 0, 0xac100101 } };

	cr_assert_eq(w.dev->n_nats, 1);
	cr_expect_eq(w.dev->nats[0].kind, NAT_BOUND);
	cr_expect_str_eq(w.dev->nats[0].out, "outside");
	cr_expect_eq(match_judge(w.dev->nats[0].touches, &p), TRUTH_TRUE);
	p.dst.lo = 0x08080808;
	cr_expect_eq(match_judge(w.dev->nats[0].touches, &p), TRUTH_FALSE);
	done(&w);
}

Test(cisco_nat, nat_control)
{
	struct world w = read_asa(V8 OPEN "nat-control\n"
					  "nat (inside) 1 10.0.0.0 255.255.255.0\n"
					  "global (outside) 1 interface\n"
					  "static (dmz,outside) 198.51.100.40 192.0.2.40\n");

	WALK(w, "inside", "outside", "tcp 10.0.0.9 1 8.8.8.8 9",
	     "P 198.51.100.2:*>8.8.8.8:9 outside");
	WALK(w, "inside", "outside", "tcp 10.0.1.9 1 8.8.8.8 9", "D");
	WALK(w, "inside", "dmz", "tcp 10.0.1.9 1 192.0.2.9 9", "D");
	WALK(w, "outside", "dmz", "tcp 8.8.8.8 1 192.0.2.41 9", "D");
	WALK(w, "outside", "outside", "tcp 8.8.8.8 1 198.51.100.40 9",
	     "P 8.8.8.8:1>192.0.2.40:9 dmz");
	cr_expect_eq(bounded(&w), 0);
	done(&w);
}

#define SIDES                                                                                  \
	"version 15.2\n"                                                                       \
	"interface GigabitEthernet0/0\n ip address 198.51.100.2 255.255.255.0\n"               \
	" ip nat outside\n%s"                                                                  \
	"interface GigabitEthernet0/1\n ip address 10.0.0.1 255.255.0.0\n ip nat inside\n"     \
	"interface GigabitEthernet0/2\n ip address 10.1.0.1 255.255.0.0\n ip nat inside\n"     \
	"interface GigabitEthernet0/3\n ip address 192.0.2.1 255.255.255.0\n"
#define OUT  "GigabitEthernet0/0"
#define IN   "GigabitEthernet0/1"
#define IN2  "GigabitEthernet0/2"
#define SIDE "GigabitEthernet0/3"

static struct world read_sides(const char *more, const char *text)
{
	struct text t = { 0 };
	struct world w;

	text_putf(&t, SIDES, more);
	text_put(&t, text);
	text_put(&t, "end\n");
	w = read_ios(t.s);
	text_finish(&t);
	return w;
}

Test(cisco_nat, ios_static)
{
	struct world w = read_sides(
		"", "ip nat inside source static 10.0.0.5 198.51.100.5\n"
		    "ip nat inside source static tcp 10.0.0.5 80 198.51.100.6 8080 extendable\n"
		    "ip nat inside source static udp 10.1.0.9 domain interface Gi0/0 5353\n"
		    "ip nat inside source static network 10.1.7.0 203.0.113.0 /24 no-alias\n");

	WALK(w, IN, OUT, "tcp 10.0.0.5 1 8.8.8.8 9", "P 198.51.100.5:1>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "tcp 10.0.0.5 80 8.8.8.8 9", "P 198.51.100.6:8080>8.8.8.8:9 " OUT);
	WALK(w, IN, SIDE, "tcp 10.0.0.5 1 8.8.8.8 9", "P 10.0.0.5:1>8.8.8.8:9 " SIDE);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 198.51.100.5 9", "P 8.8.8.8:1>10.0.0.5:9 " IN);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 198.51.100.6 8080", "P 8.8.8.8:1>10.0.0.5:80 " IN);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 198.51.100.6 80", "P 8.8.8.8:1>198.51.100.6:80 " IN);
	WALK(w, OUT, IN2, "udp 8.8.8.8 1 198.51.100.2 5353", "P 8.8.8.8:1>10.1.0.9:53 " IN2);
	WALK(w, IN2, OUT, "tcp 10.1.7.9 1 8.8.8.8 9", "P 203.0.113.9:1>8.8.8.8:9 " OUT);
	/* called by its inside address, its answers come from another one */
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 10.0.0.5 9", "U 8.8.8.8:1>10.0.0.5:9 " IN);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 10.0.0.6 9", "P 8.8.8.8:1>10.0.0.6:9 " IN);
	WALK(w, SIDE, IN, "tcp 8.8.8.8 1 10.0.0.5 9", "P 8.8.8.8:1>10.0.0.5:9 " IN);
	cr_expect_eq(bounded(&w), 0);
	cr_expect(answers(&w, OUT, 0xc6336405));
	cr_expect_not(answers(&w, OUT, 0xc6336402), "its own");
	cr_expect_not(answers(&w, IN, 0xc6336405));
	done(&w);

	w = read_sides("", "ip nat inside source static 10.0.0.5 198.51.100.5 no-alias\n");
	cr_expect_not(answers(&w, OUT, 0xc6336405));
	done(&w);

	w = read_sides("", "ip nat inside source static 10.0.0.5 198.51.100.5 extendable\n"
			   "ip nat inside source static 10.0.0.5 198.51.100.6 extendable\n");
	WALK(w, IN, OUT, "tcp 10.0.0.5 1 8.8.8.8 9", "P? 10.0.0.5:1>8.8.8.8:9 " OUT);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 198.51.100.6 9", "P 8.8.8.8:1>10.0.0.5:9 " IN);
	done(&w);
}

/* The list on the way in sees the packet as it comes, the one on the way out as it leaves. */
Test(cisco_nat, ios_which_address_a_list_names)
{
	struct world w =
		read_sides(" ip access-group IN in\n ip access-group OUT out\n",
			   "ip access-list extended IN\n permit ip any host 198.51.100.5\n"
			   "ip access-list extended OUT\n permit ip host 198.51.100.5 any\n"
			   "ip nat inside source static 10.0.0.5 198.51.100.5\n");

	WALK(w, IN, OUT, "tcp 10.0.0.5 1 8.8.8.8 9", "P 198.51.100.5:1>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "tcp 10.0.0.6 1 8.8.8.8 9", "D");
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 198.51.100.5 9", "P 8.8.8.8:1>10.0.0.5:9 " IN);
	WALK(w, OUT, IN, "tcp 8.8.8.8 1 10.0.0.5 9", "D");
	done(&w);
}

Test(cisco_nat, ios_dynamic)
{
	struct world w = read_sides(
		"", "access-list 1 deny 10.0.9.0 0.0.0.255\naccess-list 1 permit 10.0.0.0 "
		    "0.0.255.255\n"
		    "access-list 2 permit 10.1.0.0 0.0.255.255\n"
		    "ip nat pool P 198.51.100.20 198.51.100.29 netmask 255.255.255.0\n"
		    "ip nat inside source list 1 interface Gi0/0 overload\n"
		    "ip nat inside source list 2 pool P\n"
		    "ip nat inside source static 10.0.0.5 198.51.100.5\n");

	WALK(w, IN, OUT, "tcp 10.0.0.7 1 8.8.8.8 9", "P 198.51.100.2:*>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "tcp 10.0.0.5 1 8.8.8.8 9", "P 198.51.100.5:1>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "tcp 10.0.9.7 1 8.8.8.8 9", "P 10.0.9.7:1>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "ip:50 10.0.0.7 0 8.8.8.8 0", "P? 10.0.0.7>8.8.8.8 " OUT);
	WALK(w, IN2, OUT, "tcp 10.1.0.7 1 8.8.8.8 9", "P 198.51.100.20+:1>8.8.8.8:9 " OUT);
	WALK(w, IN, IN2, "tcp 10.0.0.7 1 10.1.0.7 9", "P 10.0.0.7:1>10.1.0.7:9 " IN2);
	WALK(w, OUT, IN2, "tcp 8.8.8.8 1 198.51.100.25 9", "P? 8.8.8.8:1>198.51.100.25:9 " IN2);
	cr_expect_eq(bounded(&w), 0, "two lists that have nothing in common");
	done(&w);

	w = read_sides("", "access-list 1 permit 10.0.0.0 0.0.255.255\n"
			   "access-list 2 permit 10.0.7.0 0.0.0.255\n"
			   "ip nat pool P 198.51.100.20 198.51.100.29 netmask 255.255.255.0\n"
			   "ip nat inside source list 1 interface Gi0/0 overload\n"
			   "ip nat inside source list 2 pool P\n");
	WALK(w, IN, OUT, "tcp 10.0.0.7 1 8.8.8.8 9", "P 198.51.100.2:*>8.8.8.8:9 " OUT);
	WALK(w, IN, OUT, "tcp 10.0.7.7 1 8.8.8.8 9", "P? 10.0.7.7:1>8.8.8.8:9 " OUT);
	cr_expect_eq(bounded(&w), 2);
	done(&w);
}

Test(cisco_nat, ios_two_ways_out)
{
	struct world w = read_sides(
		"interface GigabitEthernet0/4\n ip address 203.0.113.2 255.255.255.0\n ip nat "
		"outside\n",
		"access-list 1 permit 10.0.0.0 0.0.255.255\n"
		"route-map A permit 10\n match ip address 1\n match interface Gi0/0\n"
		"route-map B permit 10\n match ip address 1\n match interface Gi0/4\n"
		"ip nat inside source route-map A interface Gi0/0 overload\n"
		"ip nat inside source route-map B interface Gi0/4 overload\n");

	WALK(w, IN, OUT, "tcp 10.0.0.7 1 8.8.8.8 9", "P 198.51.100.2:*>8.8.8.8:9 " OUT);
	WALK(w, IN, "GigabitEthernet0/4", "tcp 10.0.0.7 1 8.8.8.8 9",
	     "P 203.0.113.2:*>8.8.8.8:9 GigabitEthernet0/4");
	cr_expect_eq(bounded(&w), 0);
	done(&w);
}

Test(cisco_nat, ios_outside_sources)
{
	struct world w = read_sides(
		"", "ip nat outside source static 203.0.113.9 10.99.0.9 add-route\n");

	WALK(w, OUT, IN, "tcp 203.0.113.9 1 10.0.0.7 9", "P 10.99.0.9:1>10.0.0.7:9 " IN);
	WALK(w, IN, OUT, "tcp 10.0.0.7 1 10.99.0.9 9", "P? 10.0.0.7:1>10.99.0.9:9 " OUT);
	cr_expect_eq(bounded(&w), 1);
	done(&w);
}

Test(cisco_nat, ios_what_is_not_known)
{
	static const char *const lines[] = {
		"ip nat inside source list 9 interface Gi0/0 overload\n",
		"ip nat inside source list 1 pool NONE overload\n",
		"ip nat inside source route-map NONE interface Gi0/0\n",
		"ip nat inside source static 10.0.0.5 198.51.100.5 frobnicate\n",
		"ip nat inside source static 10.0.0.5 198.51.100.5 vrf RED\n",
		"ip nat inside source static 10.0.0.5 interface Gi0/0\n",
		"ip nat inside destination list 1 pool P\n",
		"ip nat source static 10.0.0.5 198.51.100.5\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct text t = { 0 };
		struct world w;

		text_putf(&t, "access-list 1 permit 10.0.0.0 0.0.255.255\n%s", lines[i]);
		w = read_sides("", t.s);
		expect_bound(&w, lines[i], i != 1);
		done(&w);
		text_finish(&t);
	}
}
