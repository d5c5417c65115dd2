/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/cisco_route.h"

#include <stdlib.h>
#include <string.h>

typedef const struct match *match_ptr;

static bool same_block(const struct rule *a, const struct rule *b)
{
	bool known_a = a->verdict == VERDICT_PERMIT || a->verdict == VERDICT_DENY;
	bool known_b = b->verdict == VERDICT_PERMIT || b->verdict == VERDICT_DENY;

	return known_a && known_b && a->verdict == b->verdict;
}

static bool silent(const struct rule *r)
{
	return r->flags & RULE_INACTIVE || r->verdict == VERDICT_CONTINUE;
}

/* Blocks of one verdict, from the last one up: if (block) verdict else what stands below. */
const struct match *rules_permit(struct matches *m, const struct rule *v, size_t n)
{
	const struct match *below = match_none(m);
	VEC(match_ptr) block = { 0 };
	VEC(match_ptr) permits = { 0 };
	size_t blocks = 0;

	for (size_t i = n; i > 0;) {
		const struct rule *last = &v[i - 1];
		const struct match *one;

		if (silent(last)) {
			i--;
			continue;
		}
		block.n = 0;
		do {
			if (!silent(&v[i - 1]))
				*vec_add(&block) = v[i - 1].match;
			i--;
		} while (i > 0 && (silent(&v[i - 1]) || same_block(&v[i - 1], last)));
		one = match_or_n(m, block.v, block.n);
		if (last->verdict != VERDICT_DENY)
			*vec_add(&permits) = one;
		if (++blocks > PERMITS_BLOCKS_MAX)
			continue;
		if (last->verdict == VERDICT_PERMIT)
			below = match_or(m, one, below);
		else if (last->verdict == VERDICT_DENY)
			below = match_and(m, below, match_not(m, one));
		else
			below = match_or(m,
					 match_and(m, one,
						   match_unknown(m, last->at,
								 "a rule whose verdict isn't "
								 "known")),
					 match_and(m, below, match_not(m, one)));
	}
	if (blocks > PERMITS_BLOCKS_MAX)
		below = match_and(m, match_or_n(m, permits.v, permits.n),
				  match_unknown(m, LOC_NONE,
						"a list of too many turns between permit "
						"and deny"));
	vec_free(&block);
	vec_free(&permits);
	return below;
}

enum { SOURCES_DEPTH = 64, SOURCES_WEIGHT = 100000 };

static bool sources(const struct match *m, enum family f, unsigned depth,
		    struct source_spans *ret)
{
	size_t n = ret->n;

	if (depth > SOURCES_DEPTH || m->weight > SOURCES_WEIGHT)
		return false;
	switch (m->kind) {
	case MATCH_NONE:
		return true;
	case MATCH_SPANS:
		if (m->field != FIELD_SRC)
			return false;
		for (uint32_t i = 0; i < m->n && m->family == f; i++)
			*vec_add(ret) = m->spans[i];
		return true;
	case MATCH_AND:
		/* Any one of them bounds the whole. */
		for (uint32_t i = 0; i < m->n; i++) {
			if (sources(m->kids[i], f, depth + 1, ret))
				return true;
			ret->n = n;
		}
		return false;
	case MATCH_OR:
		for (uint32_t i = 0; i < m->n; i++)
			if (!sources(m->kids[i], f, depth + 1, ret))
				return false;
		return true;
	default:
		return false;
	}
}

bool match_sources(const struct match *m, enum family f, struct source_spans *ret)
{
	return sources(m, f, 0, ret);
}

static bool same_segment(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

const struct port *port_towards(const struct device_build *b, const char *segment,
				enum family f, struct addr to)
{
	const struct port *best = NULL;
	int len = -1;

	vec_each (p, &b->ports) {
		if (!p->up || !same_segment(p->segment, segment))
			continue;
		for (size_t i = 0; i < p->n_prefixes; i++) {
			const struct prefix *x = &p->prefixes[i];

			if (x->family == f && (int)x->len > len &&
			    span_has(span_prefix(f, x->addr, x->len), to)) {
				best = p;
				len = x->len;
			}
		}
	}
	return best;
}

/* In a network of the port, and neither its own nor known already. */
static bool is_new(const struct port *p, struct addr at)
{
	bool on = false;

	for (size_t j = 0; j < p->n_prefixes; j++) {
		if (p->prefixes[j].family != FAMILY_V4)
			continue;
		on |= span_has(span_prefix(FAMILY_V4, p->prefixes[j].addr, p->prefixes[j].len),
			       at);
		if (addr_equal(p->addrs[j], at))
			return false;
	}
	for (size_t j = 0; on && j < p->n_shared; j++)
		if (addr_equal(p->shared[j], at))
			return false;
	return on;
}

void answer_for(struct device_build *b, const char *port, const struct span *v, size_t n,
		size_t *left)
{
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += v[i].hi.lo - v[i].lo.lo + 1;
	if (count > *left)
		return;
	*left -= count;
	vec_each (p, &b->ports) {
		VEC(struct addr) all = { 0 };

		if (port && strcmp(port, p->name))
			continue;
		for (size_t i = 0; i < n; i++)
			for (uint64_t at = v[i].lo.lo; at <= v[i].hi.lo; at++)
				if (is_new(p, (struct addr){ 0, at }))
					*vec_add(&all) = (struct addr){ 0, at };
		if (all.n) {
			for (size_t i = 0; i < p->n_shared; i++)
				*vec_add(&all) = p->shared[i];
			p->shared = vec_keep(b->snap->arena, &all);
			p->n_shared = all.n;
		}
		vec_free(&all);
	}
}

/* Route maps */

static struct route_rule *put(struct device_build *b, enum route_rule_kind kind, const char *in,
			      const struct match *match, struct loc at)
{
	struct route_rule *r = vec_add(&b->route_rules);

	*r = (struct route_rule){
		.kind = (uint8_t)kind, .in = in, .match = match, .suppress = -1, .at = at
	};
	return r;
}

static const struct port *named(const struct device_build *b, const char *name)
{
	if (name)
		vec_each (p, &b->ports)
			if (!strcmp(p->name, name))
				return p;
	return NULL;
}

/* True: a rule was made that ends the clause. */
static bool follow(struct device_build *b, const struct policy_set *s, const char *in,
		   const char *segment, const struct match *match, struct loc at)
{
	bool fallback = s->kind == SET_DEFAULT_VIA || s->kind == SET_DEFAULT_PORT ||
			s->kind == SET_DEFAULT_DROP;
	const struct port *p = NULL;
	struct route_rule *r;

	if (s->kind == SET_VIA || s->kind == SET_DEFAULT_VIA) {
		p = port_towards(b, segment, (enum family)s->family, s->via);
	} else if (s->kind == SET_PORT || s->kind == SET_DEFAULT_PORT) {
		p = named(b, s->port);
		if (p && !p->up)
			return false;
	}
	if (fallback) {
		r = put(b, ROUTE_LOOKUP, in, match, at);
		r->table = segment;
		r->falls = true;
		r->suppress = 0;
	}
	switch (s->kind) {
	case SET_VIA:
	case SET_DEFAULT_VIA:
		if (!p) {
			r = put(b, ROUTE_UNKNOWN, in, match, at);
			r->why = "a next hop in no connected network";
			return true;
		}
		r = put(b, ROUTE_VIA, in, match, at);
		r->port = p->name;
		r->via = s->via;
		r->has_via = true;
		return true;
	case SET_PORT:
	case SET_DEFAULT_PORT:
		if (!p) {
			r = put(b, ROUTE_UNKNOWN, in, match, at);
			r->why = "a port that isn't defined";
			return true;
		}
		r = put(b, ROUTE_VIA, in, match, at);
		r->port = p->name;
		return true;
	case SET_DROP:
	case SET_DEFAULT_DROP:
		put(b, ROUTE_DROP, in, match, at);
		return true;
	case SET_TABLE:
		r = put(b, ROUTE_LOOKUP, in, match, at);
		r->table = s->table;
		return true;
	default:
		r = put(b, ROUTE_UNKNOWN, in, match, at);
		r->why = s->why ? s->why : "a route map that was not understood";
		return true;
	}
}

void policy_rules(struct device_build *b, enum family f, const char *in, const char *segment,
		  const struct policy_clause *v, size_t n)
{
	struct matches *m = &b->snap->matches;

	for (size_t i = 0; i < n; i++) {
		const struct match *match = match_family(m, f);
		bool ended = false;

		if (v[i].match)
			match = match_and(m, match, v[i].match);
		if (match->kind == MATCH_NONE)
			continue;
		for (size_t k = 0; k < v[i].n_sets && !v[i].deny && !ended; k++)
			ended = follow(b, &v[i].sets[k], in, segment, match, v[i].at);
		if (!ended)
			put(b, ROUTE_LOOKUP, in, match, v[i].at)->table = segment;
	}
}

void policy_rules_finish(struct device_build *b)
{
	if (!b->route_rules.n)
		return;
	vec_each (p, &b->ports)
		put(b, ROUTE_LOOKUP, p->name, NULL, p->at)->table = p->segment;
	put(b, ROUTE_LOOKUP, "", NULL, b->dev.at);
}

/* Reverse paths */

struct path_to {
	struct span span;
	uint8_t len;
	uint32_t metric;
	bool ours; /* leads out of the port */
};

typedef VEC(struct path_to) paths;
typedef VEC(struct span) spans;

static int by_length(const void *x, const void *y)
{
	const struct path_to *a = x, *b = y;
	int c;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	c = addr_compare(a->span.lo, b->span.lo);
	if (c)
		return c;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static bool gather_routes(const struct device_build *b, const char *segment, const char *port,
			  enum family f, bool allow_default, paths *ret)
{
	vec_each (p, &b->ports)
		for (size_t i = 0; i < p->n_prefixes; i++)
			if (p->up && same_segment(p->segment, segment) &&
			    p->prefixes[i].family == f)
				*vec_add(ret) = (struct path_to){
					.span = span_prefix(f, p->prefixes[i].addr,
							    p->prefixes[i].len),
					.len = p->prefixes[i].len,
					.ours = !port || !strcmp(port, p->name)
				};
	vec_each (r, &b->routes) {
		const struct port *out = NULL;

		if (r->dst.family != f || !same_segment(r->segment, segment) || r->local)
			continue;
		if (r->odd || r->into)
			return false;
		if (!r->drop && !r->port) {
			out = r->has_via ? port_towards(b, segment, f, r->via) : NULL;
			if (!out)
				return false;
		}
		*vec_add(ret) = (struct path_to){
			.span = span_prefix(f, r->dst.addr, r->dst.len),
			.len = r->dst.len,
			.metric = r->metric,
			.ours = !r->drop && (r->dst.len || allow_default) &&
				(!port || !strcmp(port, r->port ? r->port : out->name))
		};
	}
	return ret->n <= SOURCES_ROUTES_MAX;
}

/* Routes nest: between two boundaries the longest that covers one point decides for all. */
static int by_addr(const void *x, const void *y)
{
	return addr_compare(*(const struct addr *)x, *(const struct addr *)y);
}

bool route_sources(const struct device_build *b, const char *segment, const char *port,
		   enum family f, bool allow_default, const struct span **ret_v, size_t *ret_n)
{
	paths v = { 0 };
	spans in = { 0 };
	VEC(struct addr) cuts = { 0 };
	VEC(struct path_to) best = { 0 };
	bool good = gather_routes(b, segment, port, f, allow_default, &v);

	if (good && v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_length);
	/* One for each destination: of the best metric, ours if any of those is. */
	for (size_t i = 0; good && i < v.n; i++) {
		struct path_to *last = best.n ? &best.v[best.n - 1] : NULL;

		if (last && last->len == v.v[i].len &&
		    addr_equal(last->span.lo, v.v[i].span.lo)) {
			if (last->metric == v.v[i].metric)
				last->ours |= v.v[i].ours;
			continue;
		}
		*vec_add(&best) = v.v[i];
		*vec_add(&cuts) = v.v[i].span.lo;
		if (!addr_equal(v.v[i].span.hi, addr_max(f)))
			*vec_add(&cuts) = addr_next(v.v[i].span.hi);
	}
	if (cuts.n)
		qsort(cuts.v, cuts.n, sizeof(*cuts.v), by_addr);
	for (size_t i = 0; i < cuts.n; i++) {
		struct addr lo = cuts.v[i],
			    hi = i + 1 < cuts.n ? addr_prev(cuts.v[i + 1]) : addr_max(f);
		const struct path_to *hit = NULL;

		if (i + 1 < cuts.n && addr_equal(lo, cuts.v[i + 1]))
			continue;
		for (size_t k = best.n; k-- > 0 && !hit;)
			if (span_has(best.v[k].span, lo))
				hit = &best.v[k];
		if (hit && hit->ours)
			*vec_add(&in) = (struct span){ lo, hi };
	}
	if (good) {
		size_t n = spans_normalise(in.v, in.n);

		in.n = n;
		*ret_v = vec_keep(b->snap->arena, &in);
		*ret_n = n;
	}
	vec_free(&v);
	vec_free(&in);
	vec_free(&cuts);
	vec_free(&best);
	return good;
}

/* Sources in networks of this port alone. */
static const struct match *own_sources(const struct device_build *b, const char *segment,
				       const char *port, enum family f)
{
	struct matches *m = &b->snap->matches;
	const struct match *r;
	spans own = { 0 }, other = { 0 };
	struct span *rest;
	size_t n = 0;

	vec_each (p, &b->ports)
		for (size_t i = 0; i < p->n_prefixes; i++) {
			struct span s;

			if (p->prefixes[i].family != f || !same_segment(p->segment, segment))
				continue;
			s = span_prefix(f, p->prefixes[i].addr, p->prefixes[i].len);
			if (strcmp(p->name, port))
				*vec_add(&other) = s;
			else if (p->up)
				*vec_add(&own) = s;
		}
	vec_each (x, &b->routes)
		if (x->dst.family == f && x->dst.len > 8)
			*vec_add(&other) = span_prefix(f, x->dst.addr, x->dst.len);
	own.n = spans_normalise(own.v, own.n);
	other.n = spans_normalise(other.v, other.n);
	rest = spans_minus(b->snap->arena, own.v, own.n, other.v, other.n, &n);
	r = match_spans(m, FIELD_SRC, f, rest, n);
	vec_free(&own);
	vec_free(&other);
	return r;
}

const struct match *sources_refused(const struct device_build *b, const char *segment,
				    const char *port, bool loose, enum family f,
				    bool allow_default, bool whole, struct loc at)
{
	struct matches *m = &b->snap->matches;
	const struct match *all = match_family(m, f);
	const struct span *v;
	size_t n;

	if (whole && route_sources(b, segment, loose ? NULL : port, f, allow_default, &v, &n))
		return match_and(m, all, match_not(m, match_spans(m, FIELD_SRC, f, v, n)));
	return match_and(m, match_and(m, all, match_not(m, own_sources(b, segment, port, f))),
			 match_unknown(m, at, "unicast reverse path check"));
}
