/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written outside lists and changes what they say: packets out of a VPN tunnel pass
 * without them (`sysopt connection permit-vpn`, the default since 7.1), users must log in
 * first (`aaa authentication match`), a URL server is asked (`filter url`). Each becomes a
 * condition that is not known, in front of the lists, as narrow as its line lets it be.
 */
#include "collectors/asa_internal.h"

#include <string.h>

struct crypto_map {
	const char *name;
	VEC(uint32_t) matches; /* lines `match address` */
	uint32_t dynamic;      /* line that names a dynamic map, 0: none */
};

static struct crypto_map *map_of(struct asa *a, struct map *maps, struct word name)
{
	void **at = map_atn(maps, name.s, name.len);

	if (!*at) {
		struct crypto_map *m = arena_alloc(a->arena, sizeof(*m));

		m->name = asa_str(a, name);
		*at = m;
	}
	return *at;
}

static void extra(struct asa *a, uint32_t line, const char *port, enum verdict verdict,
		  const struct match *m, bool out_too)
{
	if (a->extras.n >= ASA_EXTRAS) {
		if (a->extras.n == ASA_EXTRAS)
			asa_reject(a, line, NULL, "asa.too-many-lines",
				   "more than %d lines that change what lists say", ASA_EXTRAS);
		return;
	}
	*vec_add(&a->extras) = (struct extra){ .line = line,
					       .port = port,
					       .verdict = (uint8_t)verdict,
					       .match = m,
					       .out_too = out_too };
}

/* Addresses that the firewall gives to users who dial in; NULL where they may be any. */
static const struct match *pool_sources(struct asa *a)
{
	VEC(struct span) v[FAMILY_COUNT] = { { 0 } };
	const struct match *m = match_none(a->m);
	bool none = a->framed_addresses;

	vec_each (no, &a->pools) {
		struct line l;
		struct word w;
		enum family f, f2;
		struct addr lo, hi;
		const char *dash;

		line_split(a->src, *no, &l);
		l.i = 4; /* ip local pool NAME */
		w = line_next(&l);
		if (line_at(&l, "mask") || line_ended(&l) || memchr(w.s, '-', w.len)) {
			struct word from = w, to = w;
			unsigned len;
			bool bits;

			dash = memchr(w.s, '-', w.len);
			if (dash) {
				from.len = (uint32_t)(dash - w.s);
				to = (struct word){ dash + 1, w.len - from.len - 1 };
			}
			if (asa_addr(a, from, &f, &lo) && asa_addr(a, to, &f2, &hi) &&
			    f == f2 && addr_compare(lo, hi) <= 0) {
				*vec_add(&v[f]) = (struct span){ lo, hi };
				ASA_EXACT(a, *no);
				continue;
			}
			if (prefix_parse(w.s, w.len, &f, &lo, &len, &bits)) {
				*vec_add(&v[f]) = span_prefix(f, lo, len);
				ASA_EXACT(a, *no);
				continue;
			}
		} else {
			unsigned len;
			bool bits;

			if (prefix_parse(w.s, w.len, &f, &lo, &len, &bits)) {
				*vec_add(&v[f]) = span_prefix(f, lo, len);
				ASA_EXACT(a, *no);
				continue;
			}
		}
		none = true;
		asa_class(a, *no, ACCOUNT_BOUNDED, true,
			  "an address pool that was not understood");
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		m = match_or(a->m, m,
			     match_spans(a->m, FIELD_SRC, (enum family)f, v[f].v, v[f].n));
		vec_free(&v[f]);
	}
	return none || !a->pools.n ? NULL : m;
}

static void remote_access(struct asa *a, uint32_t line, const char *port,
			  const struct match *pools)
{
	const struct match *m = match_unknown(
		a->m, asa_loc(a, line), "packets of VPN users, which pass without a list");

	if (pools)
		m = match_and(a->m, pools, m);
	extra(a, line, port, VERDICT_UNKNOWN, m, true);
}

static void crypto_matches(struct asa *a, const struct crypto_map *map, const char *port)
{
	vec_each (no, &map->matches) {
		struct line l;
		struct word name;
		const struct list *list;
		const struct match *m;

		if (a->extras.n >= ASA_EXTRAS) {
			extra(a, *no, port, VERDICT_UNKNOWN, NULL, true);
			return;
		}
		line_split(a->src, *no, &l);
		name = line_peek(&l, l.n - 1);
		list = asa_list(a, name, false, false, 0);
		m = match_unknown(a->m, asa_loc(a, *no),
				  "packets out of a tunnel, which pass without a list");
		if (list && list->permits)
			m = match_and(a->m, match_swap(a->m, list->permits), m);
		extra(a, *no, port, VERDICT_UNKNOWN, m, true);
	}
}

/* What the map's lists mean goes into tunnels, whatever the routes say. */
static void crypto_tunnels(struct asa *a, const struct crypto_map *map, const char *port)
{
	vec_each (no, &map->matches) {
		struct line l;
		const struct list *list;
		const struct match *m = match_all(a->m);
		const char *text;

		line_split(a->src, *no, &l);
		list = asa_list(a, line_peek(&l, l.n - 1), false, false, 0);
		if (list && list->permits)
			m = list->permits;
		text = line_rest(a->arena, a->src, &l);
		*vec_add(&a->b->nats) = (struct nat){
			.at = asa_loc(a, *no), .out = port, .text = text, .touches = m
		};
		asa_bounded(a, *no, "packets that go through a VPN tunnel");
	}
}

static void build_crypto(struct asa *a, const struct match *pools, bool bypass)
{
	struct map maps = { 0 };

	vec_each (no, &a->crypto) {
		struct line l;
		struct word name;
		struct crypto_map *m;

		line_split(a->src, *no, &l);
		l.i = 2;
		name = line_next(&l);
		m = map_of(a, &maps, name);
		line_next(&l); /* sequence number, or `interface` */
		if (line_take(&l, "match"))
			*vec_add(&m->matches) = *no;
		else if (line_take(&l, "ipsec-isakmp") && line_at(&l, "dynamic"))
			m->dynamic = *no;
		asa_class(a, *no, bypass ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true,
			  "packets out of a VPN tunnel pass without the interface's list");
	}
	vec_each (no, &a->crypto) {
		struct line l;
		struct word name;
		const struct intf *i;
		const struct crypto_map *m;

		line_split(a->src, *no, &l);
		l.i = 2;
		name = line_next(&l);
		if (!line_take(&l, "interface"))
			continue;
		m = map_of(a, &maps, name);
		i = asa_port(a, line_peek(&l, 0));
		crypto_tunnels(a, m, i ? i->name : NULL);
		if (!bypass)
			continue;
		crypto_matches(a, m, i ? i->name : NULL);
		if (m->dynamic)
			remote_access(a, m->dynamic, i ? i->name : NULL, pools);
	}
	for (size_t k = 0; k < maps.n; k++)
		vec_free(&((struct crypto_map *)maps.entries[k].value)->matches);
	map_finish(&maps);
}

/* `filter url|https|ftp PORT[-PORT] LOCAL MASK FOREIGN MASK`: a server decides. */
static void build_filter(struct asa *a, uint32_t no)
{
	struct line l;
	struct word w;
	const struct match *m, *src = NULL, *dst = NULL;
	const char *dash;
	int lo, hi;

	line_split(a->src, no, &l);
	line_next(&l);
	w = line_next(&l);
	if (word_is(w, "java") || word_is(w, "activex") || line_at(&l, "except")) {
		/* They take things out of pages, or narrow the filters. */
		asa_class(a, no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	m = match_and(a->m, match_value(a->m, FIELD_PROTO, PROTO_TCP),
		      match_unknown(a->m, asa_loc(a, no), "the answer of a URL filter"));
	w = line_next(&l);
	dash = memchr(w.s, '-', w.len);
	lo = asa_port_name(dash ? (struct word){ w.s, (uint32_t)(dash - w.s) } : w);
	hi = dash ? asa_port_name((struct word){ dash + 1, w.len - (uint32_t)(dash - w.s) - 1 })
		  : lo;
	if (lo >= 0 && hi >= lo)
		m = match_and(a->m, m,
			      match_range(a->m, FIELD_DPORT, (unsigned)lo, (unsigned)hi));
	src = asa_address(a, &l, FIELD_SRC, false).match;
	if (src)
		dst = asa_address(a, &l, FIELD_DST, false).match;
	if (src && dst)
		m = match_and(a->m, m, match_and(a->m, src, dst));
	extra(a, no, NULL, VERDICT_DENY, m, false);
	asa_class(a, no, ACCOUNT_BOUNDED, true, "a URL filter decides");
}

/* `aaa authentication match LIST PORT SERVER`: users must have logged in. */
static void build_aaa(struct asa *a, uint32_t no)
{
	struct line l;
	const struct list *list;
	const struct intf *i = NULL;
	const struct match *m = match_unknown(a->m, asa_loc(a, no), "users who have logged in");

	line_split(a->src, no, &l);
	l.i = 2;
	if (line_take(&l, "match")) {
		list = asa_list(a, line_next(&l), false, false, 0);
		if (list && list->permits)
			m = match_and(a->m, list->permits, m);
		i = asa_port(a, line_peek(&l, 0));
	} else if (line_take(&l, "include")) {
		line_next(&l); /* service */
		i = asa_port(a, line_peek(&l, 0));
	}
	extra(a, no, i ? i->name : NULL, VERDICT_DENY, m, false);
	asa_class(a, no, ACCOUNT_BOUNDED, true, "users must log in before their packets pass");
}

void asa_extras_build(struct asa *a)
{
	/* Off by default up to 7.0. */
	bool bypass = a->vpn_bypass_said ? a->vpn_bypass : !a->pix6;
	const struct match *pools = pool_sources(a);

	build_crypto(a, pools, bypass);
	vec_each (no, &a->vpn_ports) {
		struct line l;
		const struct intf *i;

		line_split(a->src, *no, &l);
		i = asa_port(a, line_peek(&l, word_is(l.w[0], "vpdn") ? 2 : 1));
		asa_class(a, *no, bypass ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true,
			  "packets of VPN users pass without the interface's list");
		if (bypass)
			remote_access(a, *no, i ? i->name : NULL, pools);
	}
	vec_each (p, &a->intfs)
		if ((*p)->tunnel && (*p)->name && bypass)
			extra(a, (*p)->line, (*p)->name, VERDICT_UNKNOWN,
			      match_unknown(
				      a->m, asa_loc(a, (*p)->line),
				      "packets out of a tunnel, which pass without a list"),
			      true);
	vec_each (no, &a->modules)
		extra(a, *no, NULL, VERDICT_DENY,
		      match_unknown(a->m, asa_loc(a, *no), "the rules of an inspection module"),
		      false);
	vec_each (no, &a->filters)
		build_filter(a, *no);
	vec_each (no, &a->aaa_lines)
		build_aaa(a, *no);
}
