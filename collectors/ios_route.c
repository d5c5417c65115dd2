/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static routes, and what rewrites packets: NAT and crypto maps. Neither is applied to packets
 * here; each is kept with the set of packets that it may touch in either direction, drawn
 * wide rather than narrow, so that answers about those are bounds.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <strings.h>

struct lists {
	VEC(const char *) v;
};

static void add_list(struct ios *x, const char *kind, const char *map, const char *acl)
{
	void **slot = map_at(&x->route_maps, arena_printf(x->arena, "%s %s", kind, map));
	if (!*slot)
		*slot = arena_alloc(x->arena, sizeof(struct lists));
	struct lists *l = *slot;
	if (l->v.n <= IOS_CLAUSES_MAX) /* one more tells that there are too many */
		*vec_add(&l->v) = arena_str(x->arena, acl);
}

void ios_route_map_acl(struct ios *x, const char *map, const char *acl)
{
	add_list(x, "route-map", map, acl);
}

void ios_crypto_acl(struct ios *x, const char *map, const char *acl)
{
	add_list(x, "crypto map", map, acl);
}

static bool addr_at(const struct toks *w, unsigned i, enum family f, struct addr *ret)
{
	enum family got;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &got, ret) && got == f;
}

static bool destination(const struct toks *w, unsigned *i, enum family f, struct prefix *ret)
{
	enum family got;
	struct addr mask;
	unsigned len;
	bool host_bits;
	ret->family = (uint8_t)f;
	if (*i >= w->n)
		return false;
	if (memchr(w->v[*i].s, '/', w->v[*i].len)) {
		if (!prefix_parse(w->v[*i].s, w->v[*i].len, &got, &ret->addr, &len,
				  &host_bits) ||
		    got != f)
			return false;
		*i += 1;
	} else {
		if (f == FAMILY_V6 || !addr_at(w, *i, f, &ret->addr) ||
		    !addr_at(w, *i + 1, f, &mask) || addr_mask_len(f, mask) < 0)
			return false;
		len = (unsigned)addr_mask_len(f, mask);
		*i += 2;
	}
	ret->len = (uint8_t)len;
	ret->addr = addr_and(ret->addr, addr_mask(f, len));
	return true;
}

static bool is_port(const struct toks *w, unsigned i)
{
	static const char *const words[] = { "name",	    "tag",	     "track",
					     "permanent",   "global",	     "dhcp",
					     "vrf",	    "multicast",     "unicast",
					     "nexthop-vrf", "metric",	     "preference",
					     "bfd",	    "nexthop-group", "egress-vrf" };
	if (i >= w->n || !isalpha((unsigned char)*w->v[i].s))
		return false;
	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		if (tok_is(w, i, words[k]))
			return false;
	return !memchr(w->v[i].s, ':', w->v[i].len);
}

bool ios_route(struct ios *x, const struct toks *w, unsigned i, enum family f, const char *vrf)
{
	struct route r = { .segment = vrf, .at = tok_line(x, w) };
	x->routes_seen = true;
	if (tok_is(w, i, "vrf") && i + 1 < w->n) {
		r.segment = tok_str(x, w, i + 1);
		i += 2;
	}
	if (tok_is(w, i, "topology"))
		i += 2;
	if (!destination(w, &i, f, &r.dst)) {
		ios_reject(x, w, "ios.bad-route", tok_loc(x, w, i), "not a destination");
		device_build_taint(x->b, NULL, tok_line(x, w),
				   "a route that is not understood");
		return true;
	}
	if (is_port(w, i)) {
		if (!strncasecmp(w->v[i].s, "null", 4)) {
			r.drop = true;
		} else {
			const char *name = tok_str(x, w, i);
			/* "GigabitEthernet 0/1" in two words */
			if (i + 1 < w->n && !isdigit((unsigned char)name[strlen(name) - 1]) &&
			    isdigit((unsigned char)*w->v[i + 1].s))
				name = arena_printf(x->arena, "%s%s", name, tok_str(x, w, ++i));
			struct iface *it = ios_iface(x, name, false, LOC_NONE);
			r.port = it ? it->name : ios_iface_name(x->arena, name, strlen(name));
		}
		i++;
	}
	if (!r.drop && i < w->n) {
		enum family got;
		size_t len = w->v[i].len;
		const char *pct = memchr(w->v[i].s, '%', len); /* NX-OS, EOS: A%interface */
		if (pct)
			len = (size_t)(pct - w->v[i].s);
		if (memchr(w->v[i].s, '/', len))
			len = (size_t)((const char *)memchr(w->v[i].s, '/', len) - w->v[i].s);
		if (addr_parse(w->v[i].s, len, &got, &r.via) && got == f) {
			r.has_via = true;
			i++;
		}
	}
	bool conditional = false;
	for (unsigned k = i; k < w->n; k++)
		conditional |= tok_is(w, k, "track") || tok_is(w, k, "dhcp") ||
			       tok_is(w, k, "global") || tok_is(w, k, "egress-vrf") ||
			       tok_is(w, k, "vrf") || tok_is(w, k, "nexthop-group");
	*vec_add(&x->b->routes) = r;
	if (!r.drop && !r.port && !r.has_via)
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
			 "where this route leads isn't known");
	else
		ios_mark(x, w->line, conditional ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true,
			 "a route under a condition or into another table");
	return true;
}

struct pool {
	struct span span;
	bool known;
};

void ios_nat_pool(struct ios *x, const struct toks *w)
{
	struct pool *p = arena_alloc(x->arena, sizeof(*p));
	/* ip nat pool NAME FIRST LAST netmask M | prefix-length N; ranges may stand below */
	p->known = addr_at(w, 4, FAMILY_V4, &p->span.lo) &&
		   addr_at(w, 5, FAMILY_V4, &p->span.hi) &&
		   addr_compare(p->span.lo, p->span.hi) <= 0;
	*map_at(&x->pools, tok_str(x, w, 3)) = p;
	ios_mark(x, w->line, p->known ? ACCOUNT_EXACT : ACCOUNT_BOUNDED, true,
		 "the addresses of this pool");
}

/* Packets from or to the addresses. */
static const struct match *either_way(struct ios *x, const struct span *v, size_t n)
{
	return match_or(x->m, match_spans(x->m, FIELD_SRC, FAMILY_V4, v, n),
			match_spans(x->m, FIELD_DST, FAMILY_V4, v, n));
}

static const struct match *lists_touch(struct ios *x, const char *kind, const char *map)
{
	const struct lists *l =
		map_get(&x->route_maps, arena_printf(x->arena, "%s %s", kind, map));
	const struct match *m = match_none(x->m);
	if (!l || l->v.n > IOS_CLAUSES_MAX)
		return match_family(x->m, FAMILY_V4);
	for (size_t k = 0; k < l->v.n; k++)
		m = match_or(x->m, m, ios_acl_touches(x, l->v.v[k]));
	return m;
}

static const struct match *nat_touches(struct ios *x, const struct toks *w)
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
			m = match_or(x->m, m, lists_touch(x, "route-map", tok_str(x, w, ++i)));
			some = true;
		} else if (tok_is(w, i, "pool") && i + 1 < w->n) {
			const struct pool *p = map_get(&x->pools, tok_str(x, w, ++i));
			if (p && p->known)
				*vec_add(&spans) = p->span;
			else
				open = true;
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

void ios_nats(struct ios *x)
{
	vec_each (l, &x->nats) {
		struct toks w;
		ios_words(x->src, l->line, &w);
		const char *text =
			arena_strn(x->arena, w.v[0].s,
				   (size_t)(w.v[w.n - 1].s - w.v[0].s) + w.v[w.n - 1].len);
		add_nat(x, tok_line(x, &w), NULL, NULL, text, nat_touches(x, &w));
	}
}

void ios_crypto(struct ios *x)
{
	vec_each (f, &x->ifaces) {
		if (!f->crypto_map)
			continue;
		const struct match *m = lists_touch(x, "crypto map", f->crypto_map);
		const char *text =
			arena_printf(x->arena, "IPsec by crypto map %s", f->crypto_map);
		add_nat(x, f->crypto_at, f->name, NULL, text, m);
		add_nat(x, f->crypto_at, NULL, f->name, text, m);
	}
}

void ios_route_finish(struct ios *x)
{
	for (size_t i = 0; i < x->route_maps.n; i++) {
		struct lists *l = x->route_maps.entries[i].value;
		vec_free(&l->v);
	}
}
