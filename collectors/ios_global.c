/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines outside interfaces and lists: what opens a section, and what is known to have no say in
 * reachability.
 *
 * The tables are the union of the three systems': a word that one of them has never filters
 * in another. A line that is in no table taints the device.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>

static void open_mode(struct ios *x, const struct toks *w, enum ios_mode mode)
{
	x->mode = mode;
	x->mode_indent = w->indent;
	x->leaf = false;
	x->current.n = 0;
	x->standby_sub = false;
	x->pool = NULL;
	x->mode_name = w->n ? tok_str(x, w, 0) : "";
}

static bool starts(const struct toks *w, unsigned i, const char *const *t, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (tok_is(w, i, t[k]))
			return true;
	return false;
}

#define IN(w, i, t) starts(w, i, t, sizeof(t) / sizeof(*(t)))

static void leaf(struct ios *x, const struct toks *w)
{
	ios_note_uses(x, w);
	ios_irrelevant(x, w);
	x->leaf = true;
	x->mode_indent = w->indent;
}

static void block(struct ios *x, const struct toks *w)
{
	ios_note_uses(x, w);
	ios_irrelevant(x, w);
	open_mode(x, w, MODE_IGNORE);
}

static void use_acl(struct ios *x, const struct toks *w, unsigned i)
{
	if (i < w->n)
		ios_use(x, "access list", tok_str(x, w, i), tok_loc(x, w, i));
}

void ios_note_uses(struct ios *x, const struct toks *w)
{
	for (unsigned i = 0; i + 1 < w->n; i++) {
		if (tok_is(w, i, "access-group") || tok_is(w, i, "access-class")) {
			unsigned k = i + 1;
			static const char *const skip[] = { "name",	  "peer",	"serve",
							    "serve-only", "query-only", "ipv4",
							    "ipv6" };
			while (IN(w, k, skip))
				k++;
			use_acl(x, w, k);
			return;
		}
		if (toks_are(w, i, "match ip address") ||
		    toks_are(w, i, "match ipv6 address") || toks_are(w, i, "match address")) {
			unsigned k = i + (tok_is(w, i + 1, "address") ? 2 : 3);
			/* `match address local` names an interface of the keyring */
			if (tok_is(w, k, "prefix-list") || tok_is(w, k, "local"))
				return;
			for (; k < w->n; k++)
				use_acl(x, w, k);
			return;
		}
		if (tok_is(w, i, "distribute-list") && !tok_is(w, i + 1, "prefix") &&
		    !tok_is(w, i + 1, "prefix-list") && !tok_is(w, i + 1, "route-map") &&
		    !tok_is(w, i + 1, "gateway")) {
			use_acl(x, w, i + 1);
			return;
		}
		if (tok_is(w, i, "boundary")) {
			use_acl(x, w, i + 1);
			return;
		}
		if (tok_is(w, i, "rp-address") || tok_is(w, i, "reachable-via")) {
			static const char *const no[] = { "override", "bidir", "allow-default",
							  "allow-self-ping", "l2-src" };
			static const char *const other[] = { "route-map", "group-list",
							     "prefix-list" };
			unsigned n = w->n;
			while (n > i + 2 && IN(w, n - 1, no))
				n--;
			if (n > i + 2 && !IN(w, i + 2, other))
				use_acl(x, w, n - 1);
			return;
		}
		/* Lists of another kind, and settings of all lists: ip as-path access-list 10,
		 * hardware access-list tcam, logging ip access-list cache. */
		static const char *const kind[] = { "as-path", "arp",  "mac",
						    "ip",      "ipv6", "hardware" };
		if (tok_is(w, i, "use-acl") ||
		    (tok_is(w, i, "access-list") && i && !IN(w, i - 1, kind))) {
			use_acl(x, w, i + 1);
			return;
		}
	}
	if (toks_are(w, 0, "snmp-server community"))
		for (unsigned i = 3; i + 1 < w->n; i++)
			if (tok_is(w, i, "ro") || tok_is(w, i, "rw"))
				use_acl(x, w, tok_is(w, i + 1, "ipv6") ? i + 2 : i + 1);
}

static bool family_of(const struct toks *w, enum family *ret)
{
	*ret = tok_is(w, 0, "ipv6") ? FAMILY_V6 : FAMILY_V4;
	return tok_is(w, 0, "ip") || tok_is(w, 0, "ipv6");
}

/* ip access-list [standard|extended] NAME; ipv6 access-list NAME; resequence. */
static bool access_list_section(struct ios *x, const struct toks *w, unsigned i)
{
	enum family f;
	uint64_t n;
	static const char *const idle[] = { "logging",	  "log-update",
					    "persistent", "match-local-traffic",
					    "helper",	  "role-based",
					    "compiled" };
	family_of(w, &f);
	unsigned k = i + 2;
	if (tok_is(w, k, "resequence") && k + 1 < w->n) {
		struct acl *a = ios_acl(x, f, tok_str(x, w, k + 1), true);
		ios_later(x, a, LATER_RESEQ, w->line, k + 2);
		x->leaf = true;
		return true;
	}
	if (w->n > k + 1 && IN(w, k, idle)) {
		leaf(x, w);
		return true;
	}
	bool typed = w->n == k + 2 && (tok_is(w, k, "standard") || tok_is(w, k, "extended"));
	bool standard = typed && tok_is(w, k, "standard");
	if (typed)
		k++;
	if (w->n != k + 1)
		return false;
	const char *name = tok_str(x, w, k);
	open_mode(x, w, MODE_ACL);
	x->acl = ios_acl(x, f, name, true);
	if (f == FAMILY_V4 && !typed && x->dialect == IOS_IOS &&
	    tok_number(w, k, 1, 1999, &n) && (n < 100 || n >= 1300))
		standard = true;
	ios_acl_define(x, x->acl, standard, tok_loc(x, w, k));
	ios_define(x, "access list", name, tok_loc(x, w, k));
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	return true;
}

/* access-list NUMBER permit|deny|remark|dynamic ... */
static bool access_list_line(struct ios *x, const struct toks *w, unsigned i)
{
	uint64_t n;
	static const char *const idle[] = { "compiled", "dynamic-extended", "rate-limit",
					    "access-list" };
	if (IN(w, i + 1, idle)) {
		leaf(x, w);
		return true;
	}
	if (w->n < i + 2)
		return false;
	x->leaf = true;
	x->mode_indent = w->indent;
	const char *name = tok_str(x, w, i + 1);
	bool number = tok_number(w, i + 1, 1, 2699, &n);
	if (number && ((n >= 200 && n < 1300))) {
		/* not of IP: protocol types, MAC addresses, IPX ... */
		ios_irrelevant(x, w);
		return true;
	}
	struct acl *a = ios_acl(x, FAMILY_V4, name, true);
	if (tok_is(w, i + 2, "remark")) {
		/* A list of remarks alone is there, but holds no entry. */
		if (!a->defined)
			ios_define(x, "access list", name, tok_loc(x, w, i + 1));
		ios_acl_define(x, a, number && (n < 100 || (n >= 1300 && n < 2000)),
			       tok_loc(x, w, i + 1));
		a->remarks = true;
		ios_irrelevant(x, w);
		return true;
	}
	if (!a->defined)
		ios_define(x, "access list", name, tok_loc(x, w, i + 1));
	ios_acl_define(x, a, number && (n < 100 || (n >= 1300 && n < 2000)),
		       tok_loc(x, w, i + 1));
	unsigned first = i + 2;
	if (!number && w->n == i + 3 &&
	    (tok_is(w, i + 2, "standard") || tok_is(w, i + 2, "extended"))) {
		/* no IOS writes this; what stands below it is read as the list */
		a->standard = tok_is(w, i + 2, "standard");
		open_mode(x, w, MODE_ACL);
		x->acl = a;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	ios_later(x, a, LATER_ACE, w->line, first);
	return true;
}

static bool no_line(struct ios *x, const struct toks *w)
{
	enum family f = tok_is(w, 1, "ipv6") ? FAMILY_V6 : FAMILY_V4;
	x->leaf = true;
	x->mode_indent = w->indent;
	if (toks_are(w, 1, "ip access-list") || toks_are(w, 1, "ipv6 access-list") ||
	    tok_is(w, 1, "access-list")) {
		unsigned k = tok_is(w, 1, "access-list") ? 2 : 3;
		if (tok_is(w, k, "standard") || tok_is(w, k, "extended"))
			k++;
		if (k >= w->n || tok_is(w, k, "compiled") || tok_is(w, k, "logging")) {
			ios_irrelevant(x, w);
			return true;
		}
		struct acl *a = ios_acl(x, f, tok_str(x, w, k), false);
		if (!a) {
			ios_irrelevant(x, w);
			return true;
		}
		if (k + 1 < w->n) { /* old releases drop the whole list, newer ones an entry */
			ios_reject(x, w, "ios.no-entry", tok_line(x, w),
				   "what this takes away depends on the release");
			device_build_taint(x->b, NULL, tok_line(x, w), "an edit of list %s",
					   a->name);
			return true;
		}
		a->defined = false;
		a->remarks = false;
		ios_later(x, a, LATER_CLEAR, w->line, 0);
		return true;
	}
	if (toks_are(w, 1, "ip route") || toks_are(w, 1, "ipv6 route") ||
	    toks_are(w, 1, "ip nat") || toks_are(w, 1, "vlan filter") ||
	    toks_are(w, 1, "vlan access-map") || tok_is(w, 1, "interface")) {
		/* at home in a script, not in an export; nothing above it is undone here */
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "an undoing that is not followed");
		if (x->routes_seen || x->nats.n || x->filters.n)
			device_build_taint(x->b, NULL, tok_line(x, w),
					   "an undoing that is not followed");
		return true;
	}
	if (toks_are(w, 1, "ip routing") && w->n == 3) {
		x->routing = -1;
		x->routing_at = tok_line(x, w);
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (tok_is(w, 1, "object-group")) {
		for (int kind = 0; kind <= GROUP_OTHER; kind++) {
			struct group *g = ios_group(x, (enum group_kind)kind,
						    tok_str(x, w, w->n - 1), false);
			if (g)
				ios_group_clear(x, g);
		}
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	ios_irrelevant(x, w);
	return true;
}

static bool vlan_line(struct ios *x, const struct toks *w)
{
	uint64_t n = 0;
	if (tok_is(w, 1, "access-map") && w->n >= 3) {
		const char *name = tok_str(x, w, 2);
		void **slot = map_at(&x->vacls, name);
		if (!*slot) {
			struct vacl *v = arena_alloc(x->arena, sizeof(*v));
			v->name = name;
			v->at = tok_loc(x, w, 2);
			*slot = v;
			ios_define(x, "vlan access-map", name, tok_loc(x, w, 2));
		}
		open_mode(x, w, MODE_VACL);
		x->vacl = *slot;
		if (!tok_number(w, 3, 0, 65535, &n))
			n = x->vacl->clauses.n
				    ? x->vacl->clauses.v[x->vacl->clauses.n - 1].seq + 10
				    : 10;
		if (x->vacl->clauses.n >= IOS_CLAUSES_MAX) {
			ios_reject(x, w, "ios.bad-line", tok_line(x, w), "too many clauses");
			device_build_taint(x->b, NULL, tok_line(x, w), "too many clauses");
			return true;
		}
		struct vacl_clause *c = vec_add(&x->vacl->clauses);
		c->seq = n;
		c->at = tok_line(x, w);
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (tok_is(w, 1, "filter") && w->n >= 5 && tok_is(w, 3, "vlan-list")) {
		ios_use(x, "vlan access-map", tok_str(x, w, 2), tok_loc(x, w, 2));
		struct text list = { 0 };
		for (unsigned i = 4; i < w->n; i++)
			text_putn(&list, w->v[i].s, w->v[i].len);
		for (char *s = list.s, *next; s; s = next) {
			next = strchr(s, ',');
			if (next)
				*next++ = 0;
			char *dash = strchr(s, '-');
			uint64_t lo, hi;
			bool ok = dash ? parse_number(s, (size_t)(dash - s), 1, 4094, true,
						      &lo) &&
						  parse_number(dash + 1, strlen(dash + 1), 1,
							       4094, true, &hi)
				       : parse_number(s, strlen(s), 1, 4094, true, &lo);
			if (!dash)
				hi = lo;
			if (!ok) /* `all`, or what isn't read: everywhere */
				lo = 1, hi = 4094;
			*vec_add(&x->filters) =
				(struct vlan_filter){ tok_str(x, w, 2), (uint32_t)lo,
						      (uint32_t)hi, tok_line(x, w) };
		}
		text_finish(&list);
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		x->leaf = true;
		x->mode_indent = w->indent;
		return true;
	}
	block(x, w);
	return true;
}

static void plain_block(struct ios *x, const struct toks *w, enum ios_mode mode)
{
	ios_irrelevant(x, w);
	open_mode(x, w, mode);
}

/* `ip` and `ipv6` lines that tell whether and how the device routes. */
static void routing_line(struct ios *x, const struct toks *w)
{
	bool v6 = tok_is(w, 0, "ipv6");
	if (toks_are(w, 0, "ip routing") && w->n == 2)
		x->routing = 1;
	else if (toks_are(w, 0, "ipv6 unicast-routing"))
		x->routing6 = true;
	else if (toks_are(w, 0, "ip default-network"))
		ios_learned(x, w, "ip default-network");
	else if (v6 && tok_is(w, 1, "router") && !tok_is(w, 2, "vrf"))
		ios_learned(x, w, arena_printf(x->arena, "ipv6 router %s", tok_str(x, w, 2)));
	else if (toks_are(w, 1, "local policy") && tok_is(w, 3, "route-map") && !v6) {
		x->local_policy = tok_str(x, w, 4);
		x->local_policy_at = tok_line(x, w);
	}
}

/* Processes that learn routes; others (pim, msdp, traffic-engineering) don't. */
static void router_line(struct ios *x, const struct toks *w)
{
	static const char *const learns[] = { "ospf", "ospfv3", "eigrp",   "bgp",
					      "rip",  "isis",	"igrp",	   "egp",
					      "odr",  "mobile", "iso-igrp" };
	for (size_t k = 0; k < sizeof(learns) / sizeof(*learns); k++)
		if (tok_is(w, 1, learns[k]))
			ios_learned(x, w,
				    arena_printf(x->arena, "router %s%s%s", learns[k],
						 w->n > 2 ? " " : "", tok_str(x, w, 2)));
}

static bool ip_line(struct ios *x, const struct toks *w)
{
	enum family f;
	family_of(w, &f);
	if (tok_is(w, 1, "access-list"))
		return access_list_section(x, w, 0);
	if (tok_is(w, 1, "route")) {
		x->leaf = true;
		x->mode_indent = w->indent;
		if (tok_is(w, 2, "static") || tok_is(w, 2, "profile")) {
			ios_irrelevant(x, w);
			return true;
		}
		return ios_route(x, w, 2, f, NULL);
	}
	if (toks_are(w, 0, "ip vrf") && w->n >= 3 && !tok_is(w, 2, "forwarding") &&
	    !tok_is(w, 2, "receive")) {
		plain_block(x, w, MODE_VRF);
		x->vrf = tok_str(x, w, 2);
		return true;
	}
	if (toks_are(w, 0, "ip nat")) {
		if (w->n == 3 && (tok_is(w, 2, "inside") || tok_is(w, 2, "outside")))
			return false; /* of an interface */
		x->leaf = true;
		x->mode_indent = w->indent;
		if (tok_is(w, 2, "pool")) {
			/* ranges may stand below */
			open_mode(x, w, MODE_IGNORE);
			ios_nat_pool(x, w);
		} else if (tok_is(w, 2, "inside") || tok_is(w, 2, "outside") ||
			   (tok_is(w, 2, "source") || tok_is(w, 2, "destination"))) {
			*vec_add(&x->nats) = (struct nat_line){ w->line, NULL };
			ios_note_uses(x, w);
			ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "address translation");
		} else {
			ios_irrelevant(x, w);
		}
		return true;
	}
	routing_line(x, w);
	if (f == FAMILY_V4 ? ios_known(IOS_IP_BLOCKS, w, 1)
			   : ios_known(IOS_IPV6_BLOCKS, w, 1)) {
		block(x, w);
		return true;
	}
	if (f == FAMILY_V4 ? ios_known(IOS_IP_LEAVES, w, 1)
			   : ios_known(IOS_IPV6_LEAVES, w, 1)) {
		leaf(x, w);
		return true;
	}
	return false;
}

bool ios_global_line(struct ios *x, const struct toks *w)
{
	if (tok_is(w, 0, "ip") || tok_is(w, 0, "ipv6"))
		return ip_line(x, w);
	if (tok_is(w, 0, "interface") && w->n > 1) {
		open_mode(x, w, MODE_IFACE);
		ios_iface_open(x, w, 1);
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (tok_is(w, 0, "access-list"))
		return access_list_line(x, w, 0);
	if (tok_is(w, 0, "no") || tok_is(w, 0, "default"))
		return no_line(x, w);
	if ((tok_is(w, 0, "hostname") || tok_is(w, 0, "switchname")) && w->n > 1) {
		x->hostname = tok_str(x, w, 1);
		leaf(x, w);
		return true;
	}
	if (tok_is(w, 0, "object-group")) {
		if (!ios_group_open(x, w))
			return false;
		open_mode(x, w, MODE_GROUP);
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (toks_are(w, 0, "mac access-list")) {
		plain_block(x, w, MODE_IGNORE);
		return true;
	}
	if (toks_are(w, 0, "arp access-list")) {
		block(x, w);
		return true;
	}
	if (tok_is(w, 0, "line")) {
		struct text t = { 0 };
		for (unsigned i = 0; i < w->n; i++)
			text_putf(&t, "%s%.*s", i ? " " : "", (int)w->v[i].len, w->v[i].s);
		x->line_name = arena_str(x->arena, t.s);
		text_finish(&t);
		ios_irrelevant(x, w);
		open_mode(x, w, MODE_LINE);
		return true;
	}
	if ((toks_are(w, 0, "vrf definition") || toks_are(w, 0, "vrf context") ||
	     toks_are(w, 0, "vrf instance")) &&
	    w->n > 2) {
		plain_block(x, w, MODE_VRF);
		x->vrf = tok_str(x, w, 2);
		return true;
	}
	if (tok_is(w, 0, "vlan"))
		return vlan_line(x, w);
	if (tok_is(w, 0, "route-map") && w->n > 1) {
		plain_block(x, w, MODE_ROUTE_MAP);
		ios_map_open(x, w);
		return true;
	}
	if (tok_is(w, 0, "policy-map") && w->n > 1) {
		plain_block(x, w, MODE_POLICY_MAP);
		x->mode_name = tok_str(x, w, w->n - 1);
		return true;
	}
	if (toks_are(w, 0, "crypto map") && w->n >= 3) {
		ios_irrelevant(x, w);
		open_mode(x, w, MODE_CRYPTO_MAP);
		x->mode_name = tok_str(x, w, 2);
		return true;
	}
	if (tok_is(w, 0, "control-plane") || toks_are(w, 0, "system control-plane") ||
	    toks_are(w, 0, "management ssh") || toks_are(w, 0, "management telnet") ||
	    toks_are(w, 0, "management api")) {
		ios_irrelevant(x, w);
		open_mode(x, w, MODE_CONTROL);
		x->line_name = tok_is(w, 0, "management") ? "management" : "control-plane";
		return true;
	}
	if (toks_are(w, 0, "zone security")) {
		plain_block(x, w, MODE_IGNORE);
		return true;
	}
	if (toks_are(w, 0, "zone-pair security")) {
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "zone-based firewall");
		open_mode(x, w, MODE_IGNORE);
		return true;
	}
	if (tok_is(w, 0, "traffic-policies")) {
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
			 "traffic policies are not modelled");
		open_mode(x, w, MODE_BOUNDED);
		return true;
	}
	if (toks_are(w, 0, "system default switchport")) {
		x->default_shutdown |= tok_is(w, 3, "shutdown");
		leaf(x, w);
		return true;
	}
	if (toks_are(w, 0, "cts role-based enforcement")) {
		device_build_taint(x->b, NULL, tok_line(x, w), "security group enforcement");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "security group enforcement");
		x->leaf = true;
		return true;
	}
	if (tok_is(w, 0, "end") && w->n == 1) {
		x->ended = x->whole = true;
		ios_irrelevant(x, w);
		x->mode = MODE_GLOBAL;
		return true;
	}
	if (tok_is(w, 0, "router"))
		router_line(x, w);
	x->whole |= tok_is(w, 0, "version") && w->n > 1;
	if (toks_are(w, 0, "time-range"))
		ios_define(x, "time-range", tok_str(x, w, 1), tok_loc(x, w, 1));
	if (ios_known(IOS_BLOCKS, w, 0)) {
		block(x, w);
		return true;
	}
	if (ios_known(IOS_LEAVES, w, 0)) {
		leaf(x, w);
		return true;
	}
	return false;
}
