/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/laws/estate_random_internal.h"

/* ---- conditions and rulesets ---- */

struct addr some_addr(const struct random_estate *re, struct rng *r, enum family f)
{
	return re->addr[f].n ? re->addr[f].v[below(r, (unsigned)re->addr[f].n)]
			     : (struct addr){ 0 };
}

const struct match *random_unknown(struct maker *m, const struct match *x)
{
	struct matches *ms = &m->re->snap->matches;
	if (!m->unknowns || !one_in(&m->r, 8))
		return x;
	const struct match *u = match_unknown(ms, LOC_NONE, "u%u", m->reason++);
	return one_in(&m->r, 3) ? match_or(ms, x, u) : match_and(ms, x, u);
}

const struct match *random_net(struct maker *m, enum field field, enum family f)
{
	struct rng *r = &m->r;
	unsigned len = f == FAMILY_V4
			       ? PICK(r, ((const unsigned[]){ 8, 16, 24, 28, 31, 32 }))
			       : PICK(r, ((const unsigned[]){ 48, 64, 64, 120, 127, 128 }));
	struct addr a = some_addr(m->re, r, f);
	struct span s = span_prefix(f, a, len);
	remember(m->re, f, s);
	return match_prefix(&m->re->snap->matches, field, f, a, len);
}

const struct match *random_service(struct maker *m)
{
	static const uint16_t known[] = { 22, 53, 80, 443, 1024, 8080, 40000 };
	struct matches *ms = &m->re->snap->matches;
	struct rng *r = &m->r;
	unsigned lo = PICK(r, known), hi = one_in(r, 3) ? PICK(r, known) : lo;
	if (hi < lo)
		hi = lo;
	remember_port(m->re, lo, hi);
	const struct match *x = match_value(ms, FIELD_PROTO, one_in(r, 3) ? 17 : 6);
	return one_in(r, 4)
		       ? x
		       : match_and(ms, x,
				   match_range(ms, one_in(r, 6) ? FIELD_SPORT : FIELD_DPORT, lo,
					       hi));
}

const struct match *random_match(struct maker *m)
{
	struct matches *ms = &m->re->snap->matches;
	struct rng *r = &m->r;
	enum family f = m->v6 && one_in(r, 3) ? FAMILY_V6 : FAMILY_V4;
	const struct match *x = match_all(ms);
	if (one_in(r, 2))
		x = match_and(ms, x, random_net(m, FIELD_SRC, f));
	if (one_in(r, 2))
		x = match_and(ms, x, random_net(m, FIELD_DST, f));
	if (one_in(r, 2))
		x = match_and(ms, x, random_service(m));
	if (one_in(r, 10))
		x = match_not(ms, x);
	return random_unknown(m, x);
}

void random_filter(struct maker *m, unsigned device, unsigned k)
{
	struct rng *r = &m->r;
	struct device_build *b = m->build[device];
	char name[48];
	enum hook_kind kind = (enum hook_kind)below(r, 3);
	const char *port = b->ports.n && one_in(r, 2)
				   ? b->ports.v[below(r, (unsigned)b->ports.n)].name
				   : NULL;
	snprintf(name, sizeof(name), "%slist-%u", m->twist == TWIST_RENAME ? "renamed-" : "",
		 k);
	struct ruleset *rs = device_build_ruleset(b, name, "list", LOC_NONE);
	struct rule rules[8];
	size_t n = 1 + below(r, 5);
	unsigned dflt = below(r, 12);
	memset(rules, 0, sizeof(rules));
	rs->dflt = dflt < 4		      ? VERDICT_DENY
		   : dflt == 4 && m->unknowns ? VERDICT_UNKNOWN
					      : VERDICT_PERMIT;
	for (size_t i = 0; i < n; i++) {
		unsigned verdict = below(r, 16);
		rules[i].match = random_match(m);
		rules[i].verdict = verdict < 9 ? VERDICT_PERMIT : VERDICT_DENY;
		if (verdict == 15 && m->unknowns)
			rules[i].verdict = VERDICT_UNKNOWN;
		if (verdict == 14 && !b->dev.netfilter && port && kind != HOOK_FORWARD)
			rules[i].match =
				match_and(&m->re->snap->matches, rules[i].match,
					  match_iface(&m->re->snap->matches,
						      kind == HOOK_IN ? FIELD_IIF : FIELD_OIF,
						      port, false));
	}
	if (m->twist == TWIST_PERMIT && one_in(&m->extra, 2)) {
		size_t at = below(&m->extra, (unsigned)n + 1);
		memmove(&rules[at + 1], &rules[at], (n - at) * sizeof(*rules));
		struct rng keep = m->r;
		m->r = m->extra; /* what it permits is drawn beside the seed */
		struct matches *ms = &m->re->snap->matches;
		const struct match *x = match_prefix(
			ms, one_in(&m->r, 2) ? FIELD_SRC : FIELD_DST, FAMILY_V4,
			some_addr(m->re, &m->r, FAMILY_V4), one_in(&m->r, 2) ? 16 : 30);
		rules[at] = (struct rule){ .match = one_in(&m->r, 4) ? match_all(ms) : x,
					   .verdict = VERDICT_PERMIT };
		m->extra = m->r;
		m->r = keep;
		n++;
	}
	device_build_rules(b, rs, rules, n);
	device_build_hook(b, kind, (int)below(r, 5) * 10 - 20, port, rs, LOC_NONE);
}

/* ---- translation ---- */

/* Some addresses on a network with hosts, 2^bits of them. */
static struct span some_hosts(struct maker *m, enum family f, unsigned bits)
{
	const struct net *n = NULL;
	for (unsigned i = 0; i < 50 && (!n || !n->hosts); i++)
		n = &m->nets[below(&m->r, m->n_nets)];
	struct span s =
		span_prefix(f, net_addr(n, f, 8 + below(&m->r, 8)), addr_bits(f) - bits);
	remember(m->re, f, s);
	return s;
}

static struct span some_public(struct maker *m, enum family f, unsigned d, unsigned bits)
{
	struct span s =
		span_prefix(f, public_addr(f, d, below(&m->r, 16)), addr_bits(f) - bits);
	remember(m->re, f, s);
	return s;
}

static const char *some_port(struct maker *m, unsigned d)
{
	struct device_build *b = m->build[d];
	return one_in(&m->r, 2) && b->ports.n
		       ? b->ports.v[below(&m->r, (unsigned)b->ports.n)].name
		       : NULL;
}

void random_nat(struct maker *m, unsigned d, int *order)
{
	struct rng *r = &m->r;
	struct matches *ms = &m->re->snap->matches;
	struct device_build *b = m->build[d];
	enum family f = m->v6 && one_in(r, 4) ? FAMILY_V6 : FAMILY_V4;
	bool source = one_in(r, 2);
	unsigned bits = one_in(r, 2) ? 0 : below(r, 4), kind = below(r, 10);
	struct span inside = some_hosts(m, f, bits), outside = some_public(m, f, d, bits);
	struct nat n = { .text = "translation",
			 .in = some_port(m, d),
			 .rewrites = source ? NAT_SOURCE : NAT_DESTINATION };
	struct span *to = arena_array(m->re->arena, 2, sizeof(*to));
	struct span *back = arena_array(m->re->arena, 1, sizeof(*back));
	*order += (int)below(r, 2) * 10;
	n.order = *order;
	n.to = to;
	if (source && one_in(r, 2))
		n.out = some_port(m, d);
	const struct match *x = match_spans(ms, source ? FIELD_SRC : FIELD_DST, f,
					    source ? &inside : &outside, 1);
	if (one_in(r, 3))
		x = match_and(ms, x, random_service(m));
	if (one_in(r, 4) && f == FAMILY_V4)
		x = match_and(ms, x, random_net(m, source ? FIELD_DST : FIELD_SRC, f));
	n.match = n.touches = random_unknown(m, x);
	if (kind < 4) /* what isn't among those addresses can't be shifted with them */
		n.match = n.touches = match_and(ms, n.match,
						match_spans(ms, source ? FIELD_SRC : FIELD_DST,
							    f, source ? &inside : &outside, 1));
	if (kind < 4) {
		n.kind = NAT_SHIFT;
		n.from = source ? inside : outside;
		to[n.n_to++] = source ? outside : inside;
	} else if (kind < 8) {
		n.kind = NAT_POOL;
		to[n.n_to++] = source ? outside : inside;
		if (one_in(r, 3))
			to[n.n_to++] = source ? some_public(m, f, d, 0) : some_hosts(m, f, 0);
	} else if (kind < 9 || !m->unknowns) {
		n.kind = NAT_KEEP;
	} else {
		n.kind = NAT_BOUND;
		n.takes = one_in(r, 2) ? n.match : NULL;
		n.match = NULL;
	}
	if (n.kind != NAT_KEEP && one_in(r, 3)) {
		n.has_port = true;
		n.port_lo = source ? 1024 : PICK(r, ((const uint16_t[]){ 22, 80, 443, 8080 }));
		n.port_hi = source ? 65535 : n.port_lo;
		n.match = n.match ? match_and(ms, n.match, match_value(ms, FIELD_PROTO, 6))
				  : NULL;
		remember_port(m->re, n.port_lo, n.port_hi);
	}
	*vec_add(&b->nats) = n;
	if (n.kind != NAT_SHIFT || n.has_port || !one_in(r, 2))
		return;
	/* the other direction of a static one */
	back[0] = n.from;
	n.rewrites = source ? NAT_DESTINATION : NAT_SOURCE;
	n.from = n.to[0];
	n.to = back;
	n.in = n.out;
	n.out = NULL;
	n.match = n.touches = match_spans(ms, source ? FIELD_DST : FIELD_SRC, f, &n.from, 1);
	*vec_add(&b->nats) = n;
}
