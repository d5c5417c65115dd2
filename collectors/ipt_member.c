/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -m set --match-set NAME src,dst: whether a packet is in a set of ipset, dimension by
 * dimension (net/netfilter/ipset/ip_set_core.c, ip_set_getport.c and the types beside them).
 * Elements that agree in all but the first address become one condition over addresses.
 */
#include "collectors/ipt_internal.h"

#include <string.h>

struct spans {
	struct span *v;
	size_t n, cap;
};

static const struct match *maybe(struct ipt_parse *p, const char *why)
{
	return match_unknown(p->r->m, LOC_NONE, "%s", why);
}

static const char timeout[] = "an element of a set that times out";

static int by_length(const void *x, const void *y)
{
	const struct ipt_single *a = *(const struct ipt_single *const *)x;
	const struct ipt_single *b = *(const struct ipt_single *const *)y;
	/* wider ones first: the size of a prefix grows with the distance of its ends */
	struct addr da = { a->s.lo.hi ^ a->s.hi.hi, a->s.lo.lo ^ a->s.hi.lo };
	struct addr db = { b->s.lo.hi ^ b->s.hi.hi, b->s.lo.lo ^ b->s.hi.lo };
	int c = addr_compare(db, da);
	if (!c && a->flags != b->flags)
		return a->flags < b->flags ? -1 : 1;
	return c ? c : addr_compare(a->s.lo, b->s.lo);
}

/* With exceptions the most specific net decides: from the widest to the narrowest. */
static const struct match *with_exceptions(struct ipt_parse *p, struct ipt_set *s, enum field f,
					   enum family family)
{
	struct matches *m = p->r->m;
	const struct ipt_single **v = xreallocarray(NULL, s->singles.n, sizeof(*v));
	const struct match *in = match_none(m);
	size_t n = s->singles.n;
	for (size_t i = 0; i < n; i++)
		v[i] = &s->singles.v[i];
	qsort(v, n, sizeof(*v), by_length);
	struct spans some = { 0 };
	/* runs of one kind are of one step */
	for (size_t i = 0; i < n;) {
		uint8_t kind = v[i]->flags;
		some.n = 0;
		for (; i < n && v[i]->flags == kind; i++)
			*vec_add(&some) = v[i]->s;
		const struct match *is = match_spans(m, f, family, some.v, some.n);
		if (kind & MEMBER_MAYBE)
			is = match_and(m, is, maybe(p, timeout));
		in = kind & MEMBER_NOMATCH ? match_and(m, in, match_not(m, is))
					   : match_or(m, in, is);
	}
	vec_free(&some);
	free(v);
	return in;
}

static const struct match *in_singles(struct ipt_parse *p, struct ipt_set *s, enum field f)
{
	struct matches *m = p->r->m;
	enum family family = s->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
	struct spans sure = { 0 }, timed = { 0 };
	bool exceptions = false;
	vec_each (e, &s->singles) {
		exceptions |= e->flags & MEMBER_NOMATCH;
		if (e->flags & MEMBER_MAYBE)
			*vec_add(&timed) = e->s;
		else
			*vec_add(&sure) = e->s;
	}
	const struct match *in;
	if (exceptions)
		in = with_exceptions(p, s, f, family);
	else
		in = match_or(m, match_spans(m, f, family, sure.v, sure.n),
			      match_and(m, match_spans(m, f, family, timed.v, timed.n),
					maybe(p, timeout)));
	vec_free(&sure);
	vec_free(&timed);
	return in;
}

/* What the port of an element asks of the packet. */
static const struct match *port_is(struct ipt_parse *p, const struct ipt_set *s,
				   const struct ipt_tuple *e, bool source)
{
	struct matches *m = p->r->m;
	enum field f = source ? FIELD_SPORT : FIELD_DPORT;
	const struct match *proto = match_value(m, FIELD_PROTO, e->proto);
	if (e->any_proto) {
		struct range r[] = { { PROTO_TCP, PROTO_TCP }, { PROTO_UDP, PROTO_UDP } };
		return match_and(m, match_ranges(m, FIELD_PROTO, r, 2),
				 match_range(m, f, e->lo, e->hi));
	}
	if (e->proto == PROTO_ICMP || e->proto == PROTO_ICMPV6) {
		/* only of its own family; in the other the port is none */
		const struct match *all[] = { proto,
					      match_value(m, FIELD_ICMP_TYPE, e->lo >> 8),
					      match_value(m, FIELD_ICMP_CODE, e->lo & 255) };
		return match_and_n(m, all, 3);
	}
	if (e->proto == PROTO_TCP || e->proto == PROTO_UDP || e->proto == PROTO_UDPLITE ||
	    e->proto == PROTO_SCTP)
		return match_and(m, proto, match_range(m, f, e->lo, e->hi));
	if (e->lo)
		return match_none(m);
	if (s->family == FAMILY_V6)
		proto = match_and(m, proto, match_value(m, FIELD_FRAGMENT, 0));
	return proto;
}

struct group {
	const struct match *rest; /* of all dimensions but the first address */
	struct spans sure, timed;
};

/* All but the first address of an element: a text that tells groups apart, and the condition.
 */
static void rest_of(struct ipt_parse *p, const struct ipt_set *s, const struct ipt_tuple *e,
		    const bool *source, struct text *key, const struct match **ret)
{
	struct matches *m = p->r->m;
	enum family family = s->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
	const struct match *all = match_all(m);
	size_t addresses = 0;
	text_clear(key);
	for (size_t i = 0; i < s->n_dims; i++) {
		enum field f = source[i] ? FIELD_SRC : FIELD_DST;
		switch (s->dims[i]) {
		case DIM_IP:
		case DIM_NET:
			if (!addresses++)
				break;
			text_putf(key, " %llx:%llx-%llx:%llx",
				  (unsigned long long)e->ip[1].lo.hi,
				  (unsigned long long)e->ip[1].lo.lo,
				  (unsigned long long)e->ip[1].hi.hi,
				  (unsigned long long)e->ip[1].hi.lo);
			if (ret)
				all = match_and(m, all,
						match_spans(m, f, family, &e->ip[1], 1));
			break;
		case DIM_PORT:
			text_putf(key, " %u:%u-%u", e->proto, e->lo, e->hi);
			if (ret)
				all = match_and(m, all, port_is(p, s, e, source[i]));
			break;
		case DIM_IFACE:
			text_putf(key, " %u%s", e->flags & (MEMBER_PHYSDEV | MEMBER_WILDCARD),
				  e->word);
			if (!ret)
				break;
			all = match_and(
				m, all,
				e->flags & MEMBER_PHYSDEV
					? maybe(p, "a port of a bridge in a set")
					: match_iface(m, source[i] ? FIELD_IIF : FIELD_OIF,
						      e->word, e->flags & MEMBER_WILDCARD));
			break;
		case DIM_MAC:
			text_putf(key, " %s", e->word);
			if (ret)
				all = match_and(
					m, all,
					source[i] ? match_iface(m, FIELD_MAC, e->word, false)
						  : maybe(p, "the receiver's MAC address"));
			break;
		default:
			break;
		}
	}
	if (ret)
		*ret = all;
}

static const struct match *in_tuples(struct ipt_parse *p, struct ipt_set *s, const bool *source)
{
	struct matches *m = p->r->m;
	enum family family = s->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
	struct map groups = { 0 };
	struct text key = { 0 };
	bool exceptions = false, addressed = s->dims[0] == DIM_IP || s->dims[0] == DIM_NET;
	vec_each (e, &s->tuples) {
		if (e->flags & MEMBER_NOMATCH) {
			exceptions = true;
			continue;
		}
		rest_of(p, s, e, source, &key, NULL);
		void **slot = map_atn(&groups, key.s ? key.s : "", key.len);
		struct group *g = *slot;
		if (!g) {
			g = *slot = xcalloc(1, sizeof(*g));
			rest_of(p, s, e, source, &key, &g->rest);
		}
		if (e->flags & MEMBER_MAYBE)
			*vec_add(&g->timed) = e->ip[0];
		else
			*vec_add(&g->sure) = e->ip[0];
	}
	const struct match **all = xreallocarray(NULL, groups.n + 1, sizeof(*all));
	enum field f = source[0] ? FIELD_SRC : FIELD_DST;
	for (size_t i = 0; i < groups.n; i++) {
		struct group *g = groups.entries[i].value;
		const struct match *doubt = maybe(p, timeout), *in;
		if (addressed)
			in = match_or(
				m, match_spans(m, f, family, g->sure.v, g->sure.n),
				match_and(m, match_spans(m, f, family, g->timed.v, g->timed.n),
					  doubt));
		else
			in = g->sure.n ? match_all(m) : doubt;
		all[i] = match_and(m, in, g->rest);
		vec_free(&g->sure);
		vec_free(&g->timed);
		free(g);
	}
	const struct match *in = match_or_n(m, all, groups.n);
	free(all);
	map_finish(&groups);
	text_finish(&key);
	if (exceptions)
		in = match_and(m, in, maybe(p, "a set with exceptions"));
	return in;
}

static struct addr width(const struct span *s)
{
	return (struct addr){ s->lo.hi ^ s->hi.hi, s->lo.lo ^ s->hi.lo };
}

static int tuples_by_length(const void *x, const void *y)
{
	const struct ipt_tuple *a = *(const struct ipt_tuple *const *)x;
	const struct ipt_tuple *b = *(const struct ipt_tuple *const *)y;
	int c = addr_compare(width(&b->ip[0]), width(&a->ip[0]));
	return c ? c : strcmp(a->word, b->word);
}

/*
 * hash:net,iface: the most specific net that holds the address decides alone, whatever the
 * interfaces of the wider ones (ip_set_hash_gen.h, mtype_test_cidrs() ends with `multi`).
 * From the widest nets to the narrowest each takes back what the ones before said of it.
 */
static const struct match *in_ifaces(struct ipt_parse *p, struct ipt_set *s, const bool *source)
{
	struct matches *m = p->r->m;
	enum family family = s->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
	enum field f = source[0] ? FIELD_SRC : FIELD_DST;
	const struct ipt_tuple **v = xreallocarray(NULL, s->tuples.n, sizeof(*v));
	const struct match *in = match_none(m);
	struct spans some = { 0 };
	struct text key = { 0 };
	size_t n = s->tuples.n;
	for (size_t i = 0; i < n; i++)
		v[i] = &s->tuples.v[i];
	if (n)
		qsort(v, n, sizeof(*v), tuples_by_length);
	for (size_t i = 0; i < n;) {
		struct addr w = width(&v[i]->ip[0]);
		const struct match *held = match_none(m), *is = held;
		while (i < n && addr_equal(width(&v[i]->ip[0]), w)) {
			const struct ipt_tuple *e = v[i];
			const struct match *rest;
			some.n = 0;
			for (; i < n && addr_equal(width(&v[i]->ip[0]), w) &&
			       v[i]->flags == e->flags && !strcmp(v[i]->word, e->word);
			     i++)
				*vec_add(&some) = v[i]->ip[0];
			const struct match *nets = match_spans(m, f, family, some.v, some.n);
			if (e->flags & MEMBER_MAYBE)
				nets = match_and(m, nets, maybe(p, timeout));
			held = match_or(m, held, nets);
			rest_of(p, s, e, source, &key, &rest);
			if (!(e->flags & MEMBER_NOMATCH))
				is = match_or(m, is, match_and(m, nets, rest));
		}
		in = match_or(m, match_and(m, in, match_not(m, held)), is);
	}
	vec_free(&some);
	text_finish(&key);
	free(v);
	return in;
}

static const struct match *in_set(struct ipt_parse *p, struct ipt_set *s, const char *flags,
				  const bool *source, unsigned n);

static const struct match *in_list(struct ipt_parse *p, struct ipt_set *s, const char *flags,
				   const bool *source, unsigned n)
{
	struct matches *m = p->r->m;
	const struct match *in = match_none(m);
	if (s->busy) /* the kernel allows no list in a list */
		return maybe(p, "a list of sets that leads to itself");
	s->busy = true;
	vec_each (e, &s->tuples) {
		struct ipt_set *of = map_get(&p->r->sets, e->word);
		const struct match *is = of ? in_set(p, of, flags, source, n)
					    : maybe(p, "a set that is not there");
		if (e->flags & (MEMBER_MAYBE | MEMBER_NOMATCH))
			is = match_and(m, is, maybe(p, timeout));
		in = match_or(m, in, is);
	}
	s->busy = false;
	return in;
}

static const struct match *in_set(struct ipt_parse *p, struct ipt_set *s, const char *flags,
				  const bool *source, unsigned n)
{
	struct matches *m = p->r->m;
	if (s->loose)
		return match_unknown(m, LOC_NONE, "set %s: %s", s->name, s->loose);
	if (map_get(&p->r->loosened, s->name))
		return match_unknown(m, LOC_NONE, "set %s: rules add to it or take from it",
				     s->name);
	if (n < s->n_dims)
		return match_none(m); /* the kernel finds nothing then */
	void **slot = map_at(&s->memo, flags);
	if (*slot)
		return *slot;
	const struct match *in;
	if (s->dims[0] == DIM_SET)
		in = in_list(p, s, flags, source, n);
	else if (s->n_dims == 1 && (s->dims[0] == DIM_IP || s->dims[0] == DIM_NET))
		in = in_singles(p, s, source[0] ? FIELD_SRC : FIELD_DST);
	else if (s->n_dims == 2 && s->dims[0] == DIM_NET && s->dims[1] == DIM_IFACE)
		in = in_ifaces(p, s, source);
	else
		in = in_tuples(p, s, source);
	*map_at(&s->memo, flags) = (void *)in;
	return in;
}

const struct match *ipt_in_set(struct ipt_parse *p, const char *name, const char *flags)
{
	bool source[8];
	unsigned n = 0;
	struct ipt_set *s = map_get(&p->r->sets, name);
	snapshot_name(p->r->c->snap, p->r->c->device, "ipset", name, p->rule->at, false);
	for (const char *f = flags; n < 8;) {
		size_t len = strcspn(f, ",");
		bool src = len == 3 && !strncmp(f, "src", 3);
		if (!src && (len != 3 || strncmp(f, "dst", 3) != 0))
			return ipt_unknown(p, "directions %s of a set", flags);
		source[n++] = src;
		if (!f[len])
			break;
		f += len + 1;
	}
	if (s)
		return in_set(p, s, flags, source, n);
	if (!p->r->sets_missing++)
		diag_warning(p->r->d, "ipt.set-missing", p->rule->at,
			     "the set %s is not here: collect `ipset save` as well", name);
	return match_unknown(p->r->m, LOC_NONE, "set %s, which is not here", name);
}
