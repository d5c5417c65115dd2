/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAT and crypto maps, kept with the set of packets that each may touch in either direction,
 * drawn wide rather than narrow.
 */
#include "collectors/ios_internal.h"

#include <strings.h>

struct lists {
	VEC(const char *) v;
};

void ios_crypto_acl(struct ios *x, const char *map, const char *acl)
{
	void **slot = map_at(&x->crypto_maps, map);
	if (!*slot)
		*slot = arena_alloc(x->arena, sizeof(struct lists));
	struct lists *l = *slot;
	if (l->v.n <= IOS_CLAUSES_MAX) /* one more tells that there are too many */
		*vec_add(&l->v) = arena_str(x->arena, acl);
}

static bool addr_at(const struct toks *w, unsigned i, enum family f, struct addr *ret)
{
	enum family got;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &got, ret) && got == f;
}

struct nat_pool {
	VEC(struct span) v;
	bool known, rotary;
};

static bool pool_range(struct nat_pool *p, const struct toks *w, unsigned i)
{
	struct span s;
	if (!addr_at(w, i, FAMILY_V4, &s.lo) || !addr_at(w, i + 1, FAMILY_V4, &s.hi) ||
	    addr_compare(s.lo, s.hi) > 0)
		return false;
	*vec_add(&p->v) = s;
	return true;
}

/* ip nat pool NAME FIRST LAST netmask M | prefix-length N [type rotary]; or, with the ranges
 * below, ip nat pool NAME netmask M | prefix-length N */
void ios_nat_pool(struct ios *x, const struct toks *w)
{
	void **slot = map_at(&x->pools, tok_str(x, w, 3));
	struct nat_pool *p = *slot;
	if (!p)
		*slot = p = arena_alloc(x->arena, sizeof(*p));
	p->v.n = 0;
	for (unsigned i = 4; i < w->n; i++)
		p->rotary |= tok_is(w, i, "rotary");
	p->known =
		pool_range(p, w, 4) || tok_is(w, 4, "netmask") || tok_is(w, 4, "prefix-length");
	x->pool = p;
	ios_mark(x, w->line, p->known ? ACCOUNT_EXACT : ACCOUNT_BOUNDED, true,
		 "the addresses of this pool");
}

void ios_nat_pool_range(struct ios *x, const struct toks *w)
{
	bool good = pool_range(x->pool, w, 1);
	x->pool->known &= good;
	ios_mark(x, w->line, good ? ACCOUNT_EXACT : ACCOUNT_BOUNDED, true,
		 "the addresses of this pool");
}

/* Packets from or to the addresses. */
static const struct match *either_way(struct ios *x, const struct span *v, size_t n)
{
	return match_or(x->m, match_spans(x->m, FIELD_SRC, FAMILY_V4, v, n),
			match_spans(x->m, FIELD_DST, FAMILY_V4, v, n));
}

static const struct match *crypto_touches(struct ios *x, const char *map)
{
	const struct lists *l = map_get(&x->crypto_maps, map);
	const struct match *m = match_none(x->m);
	if (!l || l->v.n > IOS_CLAUSES_MAX)
		return match_family(x->m, FAMILY_V4);
	for (size_t k = 0; k < l->v.n; k++)
		m = match_or(x->m, m, ios_acl_touches(x, l->v.v[k]));
	return m;
}

/* Lists that the route map names, whatever it does with them. */
static const struct match *map_touches(struct ios *x, const char *name)
{
	const struct route_map *map = map_get(&x->maps, name);
	const struct match *m = match_none(x->m);
	if (!map)
		return match_family(x->m, FAMILY_V4);
	vec_each (c, &map->clauses) {
		if (c->deny)
			continue;
		if (!c->acls[FAMILY_V4].n)
			return match_family(x->m, FAMILY_V4);
		for (size_t k = 0; k < c->acls[FAMILY_V4].n; k++)
			m = match_or(x->m, m, ios_acl_touches(x, c->acls[FAMILY_V4].v[k]));
	}
	return m;
}

const struct match *ios_nat_touches(struct ios *x, const struct toks *w)
{
	VEC(struct span) spans = { 0 };
	const struct match *m = match_none(x->m);
	bool open = false, some = false;
	struct addr a, mask;
	for (unsigned i = 2; i < w->n; i++) {
		if ((tok_is(w, i, "list") || tok_is(w, i, "access-list")) && i + 1 < w->n) {
			m = match_or(x->m, m, ios_acl_touches(x, tok_str(x, w, ++i)));
			some = true;
		} else if (tok_is(w, i, "route-map") && i + 1 < w->n) {
			m = match_or(x->m, m, map_touches(x, tok_str(x, w, ++i)));
			some = true;
		} else if (tok_is(w, i, "pool") && i + 1 < w->n) {
			const struct nat_pool *p = map_get(&x->pools, tok_str(x, w, ++i));
			open |= !p || !p->known;
			for (size_t k = 0; p && k < p->v.n; k++)
				*vec_add(&spans) = p->v.v[k];
		} else if (tok_is(w, i, "interface") && i + 1 < w->n) {
			struct iface *f = ios_iface(x, tok_str(x, w, ++i), false, LOC_NONE);
			open |= !f || !f->addrs.n;
			for (size_t k = 0; f && k < f->addrs.n; k++)
				if (f->addrs.v[k].family == FAMILY_V4)
					*vec_add(&spans) = (struct span){ f->addrs.v[k].addr,
									  f->addrs.v[k].addr };
		} else if (addr_at(w, i, FAMILY_V4, &a)) {
			some = true;
			/* `network A B MASK` or /LEN: both as wide as the mask says */
			unsigned len = 32;
			bool net = false;
			for (unsigned k = 2; k < i; k++)
				net |= tok_is(w, k, "network");
			if (net && addr_at(w, i, FAMILY_V4, &mask) && i >= 2 &&
			    addr_mask_len(FAMILY_V4, mask) > 0 && mask.lo >> 31 &&
			    (mask.lo & 0xff000000u) == 0xff000000u)
				continue;
			if (net) {
				len = 0;
				for (unsigned k = i + 1; k < w->n; k++) {
					uint64_t n;
					if (*w->v[k].s == '/' &&
					    parse_number(w->v[k].s + 1, w->v[k].len - 1, 0, 32,
							 true, &n))
						len = (unsigned)n;
					else if (addr_at(w, k, FAMILY_V4, &mask) &&
						 addr_mask_len(FAMILY_V4, mask) >= 8)
						len = (unsigned)addr_mask_len(FAMILY_V4, mask);
				}
			}
			*vec_add(&spans) = span_prefix(FAMILY_V4, a, len);
		}
	}
	if (open || (!some && !spans.n))
		m = match_family(x->m, FAMILY_V4);
	else if (spans.n)
		m = match_or(x->m, m, either_way(x, spans.v, spans.n));
	vec_free(&spans);
	return m;
}

static void add_nat(struct ios *x, struct loc at, const char *in, const char *out,
		    const char *text, const struct match *touches)
{
	*vec_add(&x->b->nats) = (struct nat){ at, in, out, text, touches };
}

void ios_crypto(struct ios *x)
{
	vec_each (f, &x->ifaces) {
		if (!f->crypto_map)
			continue;
		const struct match *m = crypto_touches(x, f->crypto_map);
		const char *text =
			arena_printf(x->arena, "IPsec by crypto map %s", f->crypto_map);
		add_nat(x, f->crypto_at, f->name, NULL, text, m);
		add_nat(x, f->crypto_at, NULL, f->name, text, m);
	}
}

bool ios_nat_pool_spans(struct ios *x, const char *name, const struct span **ret_v,
			size_t *ret_n)
{
	const struct nat_pool *p = map_get(&x->pools, name);
	if (!p || !p->known || !p->v.n)
		return false;
	*ret_v = vec_keep(x->arena, &p->v);
	*ret_n = p->v.n;
	return true;
}

void ios_nat_finish(struct ios *x)
{
	for (size_t i = 0; i < x->crypto_maps.n; i++) {
		struct lists *l = x->crypto_maps.entries[i].value;
		vec_free(&l->v);
	}
	for (size_t i = 0; i < x->pools.n; i++) {
		struct nat_pool *p = x->pools.entries[i].value;
		vec_free(&p->v);
	}
}
