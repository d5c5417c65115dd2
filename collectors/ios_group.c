/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object groups in three spellings:
 *
 *	IOS	object-group network NAME     host A | A NETMASK | A /len | range A B |
 *					      any | group-object NAME
 *		object-group service NAME     PROTO [source PORTS] [PORTS] | icmp TYPE |
 *					      group-object NAME
 *	NX-OS	object-group ip address NAME  [SEQ] host A | A WILDCARD | A/len
 *		object-group ip port NAME     [SEQ] eq P | gt P | lt P | neq P | range P Q
 *	EOS	as IOS, with A/len
 *
 * IOS's masks are netmasks here, where those of its lists are wildcards ("Object Groups for
 * ACLs", Security Configuration Guide); NX-OS's are wildcards. A group is built once and
 * shared by every entry that names it. A line that isn't understood adds an unknown to the
 * group, and so does a group that holds itself.
 */
#include "collectors/ios_internal.h"

static const char *const kind_names[] = { "network", "network6", "service", "port", "other" };

struct group *ios_group(struct ios *x, enum group_kind kind, const char *name, bool create)
{
	const char *key = arena_printf(x->arena, "%s %s", kind_names[kind], name);
	struct group *g = map_get(&x->groups, key);
	if (g || !create)
		return g;
	g = arena_alloc(x->arena, sizeof(*g));
	g->name = arena_str(x->arena, name);
	g->kind = kind;
	*map_at(&x->groups, key) = g;
	*vec_add(&x->group_list) = g;
	return g;
}

void ios_group_clear(struct ios *x, struct group *g)
{
	for (size_t k = 0; k < g->lines.n; k++)
		ios_mark(x, g->lines.v[k], ACCOUNT_EXACT, true, NULL);
	g->lines.n = 0;
}

bool ios_group_open(struct ios *x, const struct toks *w)
{
	enum group_kind kind = GROUP_OTHER;
	unsigned name = 2;
	bool vendor_ip = false;
	if (toks_are(w, 1, "ip address") || toks_are(w, 1, "ipv4 address"))
		kind = GROUP_NETWORK, name = 3, vendor_ip = true;
	else if (toks_are(w, 1, "ipv6 address"))
		kind = GROUP_NETWORK6, name = 3, vendor_ip = true;
	else if (toks_are(w, 1, "ip port"))
		kind = GROUP_PORT, name = 3;
	else if (tok_is(w, 1, "network"))
		kind = GROUP_NETWORK;
	else if (tok_is(w, 1, "v6-network"))
		kind = GROUP_NETWORK6;
	else if (tok_is(w, 1, "service") || tok_is(w, 1, "v6-service") ||
		 tok_is(w, 1, "protocol"))
		kind = GROUP_SERVICE;
	if (name >= w->n)
		return false;
	x->group = ios_group(x, kind, tok_str(x, w, name), true);
	if (!x->group->at.src)
		x->group->at = tok_loc(x, w, name);
	x->group->vendor_ip = vendor_ip;
	x->group->v6 = tok_is(w, 1, "v6-service");
	ios_define(x, "object-group", x->group->name, tok_loc(x, w, name));
	return true;
}

/* What is being gathered from the lines of one group. */
struct gather {
	struct ios *x;
	struct group *g;
	unsigned depth;
	enum family family;
	struct map numbers; /* the sequence numbers that were given */
	VEC(struct span) spans;
	VEC(const struct match *) m[2];
	VEC(const struct match *) permit;
	VEC(const struct match *) deny;
	VEC(const struct match *) protos;
};

static void unknown_member(struct gather *b, struct loc at, const char *why)
{
	struct matches *m = b->x->m;
	const struct match *u = match_unknown(m, at, "%s", why);
	if (b->g->kind == GROUP_NETWORK || b->g->kind == GROUP_NETWORK6)
		u = match_and(m, match_family(m, b->family), u);
	for (int k = 0; k < 2; k++)
		*vec_add(&b->m[k]) =
			b->g->kind != GROUP_PORT
				? u
				: match_and(m,
					    match_range(m, k ? FIELD_DPORT : FIELD_SPORT, 0,
							65535),
					    u);
	*vec_add(&b->permit) = u;
	*vec_add(&b->deny) = u;
	*vec_add(&b->protos) = u;
}

static void bad_member(struct gather *b, const struct toks *w, unsigned i, const char *why)
{
	struct ios *x = b->x;
	ios_reject(x, w, "ios.bad-member", tok_loc(x, w, i),
		   "%s: object group %s is not known in full", why, b->g->name);
	unknown_member(b, tok_loc(x, w, i), why);
}

static bool address_at(const struct gather *b, const struct toks *w, unsigned i,
		       struct addr *ret)
{
	enum family f;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &f, ret) && f == b->family;
}

static void nested(struct gather *b, const struct toks *w, unsigned i)
{
	struct ios *x = b->x;
	const char *name = tok_str(x, w, i);
	struct loc at = tok_loc(x, w, i);
	struct group *o = i < w->n ? ios_group(x, b->g->kind, name, false) : NULL;
	ios_use(x, "object-group", name, at);
	if (!o) {
		diag_warning(x->d, "ios.group-missing", at, "object group %s is not defined",
			     name);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "object group %s is not defined",
			 name);
		unknown_member(b, at, arena_printf(x->arena, "object group %s", name));
		return;
	}
	if (o->state == GROUP_OPEN) {
		diag_error(x->d, 0, "ios.object-cycle", at, "object group %s holds itself%s%s",
			   o->name, o == b->g ? "" : " by way of ",
			   o == b->g ? "" : b->g->name);
		diag_related(x->d, o->at, "%s is defined here", o->name);
		ios_mark(x, w->line, ACCOUNT_REJECTED, true, "object group %s holds itself",
			 o->name);
		unknown_member(b, at,
			       arena_printf(x->arena, "object group %s holds itself", o->name));
		return;
	}
	if (b->depth + 1 >= IOS_GROUP_DEPTH && o->state != GROUP_DONE) {
		diag_error(x->d, 0, "ios.object-depth", at,
			   "object groups are nested more than %d deep", IOS_GROUP_DEPTH);
		ios_mark(x, w->line, ACCOUNT_REJECTED, true, "nested too deep");
		unknown_member(b, at, "an object group that is nested too deep");
		return;
	}
	ios_group_resolve(x, o, b->depth + 1);
	const struct match *what = b->g->kind == GROUP_SERVICE ? o->permit : o->m[0];
	if (!o->lines.n)
		unknown_member(b, at, arena_printf(x->arena, "object group %s is empty", name));
	ios_mark(x, w->line, what->inexact || !o->lines.n ? ACCOUNT_BOUNDED : ACCOUNT_EXACT,
		 true, "object group %s is %s", name,
		 o->lines.n ? "not known in full" : "empty");
	for (int k = 0; k < 2; k++)
		if (o->m[k])
			*vec_add(&b->m[k]) = o->m[k];
	if (o->permit) {
		*vec_add(&b->permit) = o->permit;
		*vec_add(&b->deny) = o->deny;
		*vec_add(&b->protos) = o->protos;
	}
}

static void add_wild(struct gather *b, struct addr a, struct addr mask)
{
	int len = addr_mask_len(b->family, mask);
	if (len >= 0) {
		*vec_add(&b->spans) = span_prefix(b->family, a, (unsigned)len);
		return;
	}
	*vec_add(&b->m[0]) = match_wild(b->x->m, FIELD_SRC, b->family, a, mask);
	*vec_add(&b->m[1]) = match_wild(b->x->m, FIELD_DST, b->family, a, mask);
}

/* NULL, or why the words from i on are no member of a network group. */
static const char *network(struct gather *b, const struct toks *w, unsigned i)
{
	struct addr a, c;
	enum family f;
	unsigned len;
	bool host_bits;
	uint64_t n;
	if (tok_is(w, i, "any") && w->n == i + 1) {
		*vec_add(&b->spans) = (struct span){ { 0 }, addr_max(b->family) };
		return NULL;
	}
	if (tok_is(w, i, "host")) {
		if (w->n != i + 2 || !address_at(b, w, i + 1, &a))
			return "host needs an address";
		*vec_add(&b->spans) = (struct span){ a, a };
		return NULL;
	}
	if (tok_is(w, i, "range")) {
		if (w->n != i + 3 || !address_at(b, w, i + 1, &a) ||
		    !address_at(b, w, i + 2, &c))
			return "range needs two addresses";
		if (addr_compare(a, c) > 0)
			return "the range is the wrong way round";
		*vec_add(&b->spans) = (struct span){ a, c };
		return NULL;
	}
	if (i < w->n && memchr(w->v[i].s, '/', w->v[i].len) && w->n == i + 1) {
		if (!prefix_parse(w->v[i].s, w->v[i].len, &f, &a, &len, &host_bits) ||
		    f != b->family)
			return "not a prefix";
		*vec_add(&b->spans) = span_prefix(b->family, a, len);
		return NULL;
	}
	if (!address_at(b, w, i, &a))
		return "not an address";
	if (w->n == i + 1 && b->x->dialect != IOS_NXOS)
		return "a mask is missing";
	if (w->n != i + 2)
		return "a mask is missing or something stands behind it";
	const struct tok *v = &w->v[i + 1];
	if (*v->s == '/') {
		if (!parse_number(v->s + 1, v->len - 1, 0, addr_bits(b->family), false, &n))
			return "not a prefix length";
		*vec_add(&b->spans) = span_prefix(b->family, a, (unsigned)n);
		return NULL;
	}
	if (!address_at(b, w, i + 1, &c))
		return "not a mask";
	if (b->g->vendor_ip) {
		add_wild(b, a, addr_not(b->family, c));
		return NULL;
	}
	if (addr_mask_len(b->family, c) < 0)
		return "a netmask must have its ones in front";
	add_wild(b, a, c);
	return NULL;
}

static const char *port(struct gather *b, const struct toks *w, unsigned i)
{
	const char *why = NULL;
	unsigned k = i;
	const struct match *s = ios_ports(b->x, PROTO_TCP, w, &k, FIELD_SPORT, &why);
	if (!s || why)
		return why ? why : "not a port";
	if (k < w->n)
		return "something stands behind the port";
	*vec_add(&b->m[0]) = s;
	*vec_add(&b->m[1]) = ios_ports(b->x, PROTO_TCP, w, &i, FIELD_DPORT, &why);
	return NULL;
}

/* One protocol with its ports: adds what a permit and what a deny of it match. */
static const char *one_service(struct gather *b, const struct toks *w, unsigned i, int proto)
{
	struct ios *x = b->x;
	struct matches *m = x->m;
	const char *why = NULL;
	uint64_t n;
	const struct match *l4 = NULL, *p;
	const struct match *l3 =
		proto < 0 ? match_all(m) : match_value(m, FIELD_PROTO, (unsigned)proto);
	bool ports = proto > 0 && proto_has_ports((unsigned)proto);
	if (ports && tok_is(w, i, "source")) {
		i++;
		l4 = ios_ports(x, (unsigned)proto, w, &i, FIELD_SPORT, &why);
		if (!l4 && !why && tok_number(w, i, 0, 65535, &n))
			l4 = match_value(m, FIELD_SPORT, (unsigned)n), i++;
		if (!l4)
			return why ? why : "source needs a port";
	}
	if (ports && i < w->n) {
		p = ios_ports(x, (unsigned)proto, w, &i, FIELD_DPORT, &why);
		if (!p && !why && tok_number(w, i, 0, 65535, &n))
			p = match_value(m, FIELD_DPORT, (unsigned)n), i++;
		if (!p && !why) {
			int named = ios_port_name(x->dialect, (unsigned)proto, w->v[i].s,
						  w->v[i].len);
			if (named >= 0)
				p = match_value(m, FIELD_DPORT, (unsigned)named), i++;
		}
		if (!p)
			return why ? why : "not a port";
		l4 = l4 ? match_and(m, l4, p) : p;
	} else if (proto == PROTO_ICMP || proto == PROTO_ICMPV6) {
		l4 = ios_icmp(x, proto == PROTO_ICMP ? FAMILY_V4 : FAMILY_V6, w, &i, &why);
		if (why)
			return why;
	}
	if (i < w->n)
		return "something stands behind the service";
	*vec_add(&b->protos) = l3;
	*vec_add(&b->deny) = l4 ? match_and(m, l3, l4) : l3;
	*vec_add(&b->permit) =
		l4 ? match_and(m, l3, match_or(m, match_value(m, FIELD_FRAGMENT, 1), l4)) : l3;
	return NULL;
}

static const char *service(struct gather *b, const struct toks *w, unsigned i)
{
	int proto;
	if (tok_is(w, i, "service-object") || tok_is(w, i, "protocol-object"))
		i++;
	if (tok_is(w, i, "tcp-udp")) {
		const char *why = one_service(b, w, i + 1, PROTO_TCP);
		return why ? why : one_service(b, w, i + 1, PROTO_UDP);
	}
	if (!ios_proto(b->x, b->g->v6 ? FAMILY_V6 : FAMILY_V4, w, i, &proto))
		return "not a protocol";
	return one_service(b, w, i + 1, proto);
}

static void member(struct gather *b, uint32_t line)
{
	struct toks w;
	uint64_t n;
	unsigned i = 0;
	const char *why = NULL;
	ios_words(b->x->src, line, &w);
	if (tok_number(&w, 0, 1, UINT32_MAX, &n) && b->g->kind != GROUP_SERVICE) {
		i = 1; /* NX-OS: members have sequence numbers */
		void **seen = map_atn(&b->numbers, w.v[0].s, w.v[0].len);
		if (*seen) {
			bad_member(b, &w, 0, "this number is given twice");
			return;
		}
		*seen = b;
	}
	if (tok_is(&w, i, "group-object")) {
		nested(b, &w, i + 1);
		return;
	}
	if (tok_is(&w, i, "network-object"))
		i++;
	switch (b->g->kind) {
	case GROUP_NETWORK:
	case GROUP_NETWORK6:
		why = network(b, &w, i);
		break;
	case GROUP_PORT:
		why = port(b, &w, i);
		break;
	case GROUP_SERVICE:
		why = service(b, &w, i);
		break;
	case GROUP_OTHER:
		why = "this kind of object group is not modelled";
		break;
	}
	if (why)
		bad_member(b, &w, i, why);
	else
		ios_mark(b->x, line, ACCOUNT_EXACT, true, NULL);
}

/* Parts of an expression, one level down: what an OR of leaves holds. */
static size_t size_of(const struct match *m)
{
	size_t n = m->n;
	if (m->kind == MATCH_OR)
		for (uint32_t k = 0; k < m->n; k++)
			n += m->kids[k]->n;
	return n;
}

void ios_group_resolve(struct ios *x, struct group *g, unsigned depth)
{
	if (g->state == GROUP_DONE)
		return;
	struct gather b = { .x = x,
			    .g = g,
			    .depth = depth,
			    .family = g->kind == GROUP_NETWORK6 ? FAMILY_V6 : FAMILY_V4 };
	g->state = GROUP_OPEN;
	bool large = x->atoms > IOS_ATOMS_MAX;
	if (large) {
		diag_error(x->d, 0, "ios.group-too-large", g->at,
			   "the object groups have more than %d members in all", IOS_ATOMS_MAX);
		unknown_member(&b, g->at, "an object group that is too large");
	}
	for (size_t k = 0; k < g->lines.n; k++)
		if (large)
			ios_mark(x, g->lines.v[k], ACCOUNT_BOUNDED, true,
				 "too many members in all");
		else
			member(&b, g->lines.v[k]);
	g->state = GROUP_DONE;
	if (b.spans.n) {
		*vec_add(&b.m[0]) =
			match_spans(x->m, FIELD_SRC, b.family, b.spans.v, b.spans.n);
		*vec_add(&b.m[1]) =
			match_spans(x->m, FIELD_DST, b.family, b.spans.v, b.spans.n);
	}
	for (int k = 0; k < 2; k++)
		g->m[k] = match_or_n(x->m, b.m[k].v, b.m[k].n);
	g->permit = match_or_n(x->m, b.permit.v, b.permit.n);
	g->deny = match_or_n(x->m, b.deny.v, b.deny.n);
	g->protos = match_or_n(x->m, b.protos.v, b.protos.n);
	x->atoms += b.spans.n + size_of(g->m[0]) + size_of(g->permit);
	map_finish(&b.numbers);
	vec_free(&b.spans);
	vec_free(&b.m[0]);
	vec_free(&b.m[1]);
	vec_free(&b.permit);
	vec_free(&b.deny);
	vec_free(&b.protos);
}
