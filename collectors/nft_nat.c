/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations (nft(8), NAT STATEMENTS): which packets a statement takes is for its rule to
 * say, to what it changes them is told here, with a target for each entry of a map that it
 * asks. A map that chooses by chance or by a hash is one target, any of its addresses.
 */
#include "collectors/nft_internal.h"

#include <string.h>

enum { CHANCES_MOST = 1 << 16, TARGETS_MOST = 1 << 19 };

struct targets {
	struct nf_nat_target *v;
	size_t n, cap;
};

struct reading {
	struct nft_rule *r;
	enum family family;
	bool source, prefix, random;
	struct nft_spans to; /* all addresses, for the bound */
	struct targets out;
	bool known;
};

static bool has_flag(const json_t *v, const char *key, const char *flag)
{
	const json_t *x = json_object_get(v, key);
	for (size_t i = 0; i < json_array_size(x); i++) {
		const char *s = json_string_value(json_array_get(x, i));
		if (s && !strcmp(s, flag))
			return true;
	}
	return json_is_string(x) && !strcmp(json_string_value(x), flag);
}

/* A port or a range of them into the target; true where v is NULL. */
static bool set_ports(struct nf_nat_target *t, const json_t *v)
{
	struct span s;
	if (!v)
		return true;
	if (!nft_number_span(DOMAIN_PORT, v, &s) || s.hi.lo > 65535)
		return false;
	t->has_port = true;
	t->port_lo = (uint16_t)s.lo.lo, t->port_hi = (uint16_t)s.hi.lo;
	return true;
}

static bool set_address(struct reading *x, struct nf_nat_target *t, const json_t *v)
{
	struct span s;
	if (!v)
		return true;
	if (!nft_addr(x->family, v, &s))
		return false;
	*vec_add(&x->to) = s;
	t->to = arena_copy(x->r->n->arena, &s, sizeof(s));
	t->n_to = 1;
	return true;
}

/* {"numgen": ...} and hashes: which values they give; false where the key is none of them. */
static bool by_chance(const json_t *key, uint64_t *ret_from, uint64_t *ret_n)
{
	static const char *const names[] = { "numgen", "jhash", "symhash" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const json_t *v = json_object_get(key, names[i]);
		json_int_t mod = json_integer_value(json_object_get(v, "mod"));
		json_int_t offset = json_integer_value(json_object_get(v, "offset"));
		if (!v || mod <= 0 || offset < 0 || mod > CHANCES_MOST)
			continue;
		*ret_from = (uint64_t)offset, *ret_n = (uint64_t)mod;
		return true;
	}
	return false;
}

static bool members_of(struct nft_rule *r, const json_t *map, struct nft_members *ret)
{
	const json_t *data = json_object_get(map, "data"), *list = json_object_get(data, "set");
	const char *ref = json_string_value(json_is_string(data) ? data : list);
	if (r->n->n_targets > TARGETS_MOST)
		return false;
	if (!ref) {
		nft_members_add(r, ret, list, true);
		r->n->n_targets += ret->n;
		return json_is_array(list);
	}
	struct nft_set *set = nft_set_find(r, ref);
	if (!set)
		return false;
	vec_each (array, &set->elems)
		nft_members_add(r, ret, *array, true);
	r->n->n_targets += ret->n;
	return !set->loose;
}

bool nft_covers(struct nft_rule *r, const json_t *map)
{
	struct nft_members ms = { 0 };
	uint64_t from = 0, n = 0, have = 0;
	bool ok = by_chance(json_object_get(map, "key"), &from, &n) && members_of(r, map, &ms);
	for (size_t i = 0; i < ms.n && ok; i++) {
		struct span s;
		if (ms.v[i].maybe)
			continue;
		if (!ms.v[i].key)
			have = n;
		else if (nft_number_span(DOMAIN_MARK, ms.v[i].key, &s) && s.lo.lo >= from &&
			 s.hi.lo < from + n)
			have += s.hi.lo - s.lo.lo + 1;
	}
	vec_free(&ms);
	return ok && have >= n; /* elements don't overlap */
}

/* One target for all that a map by chance may give. */
static bool one_of(struct reading *x, const struct nft_members *ms, const json_t *port)
{
	struct nf_nat_target t = { 0 };
	struct nft_spans all = { 0 };
	bool ok = !x->prefix && ms->n;
	for (size_t i = 0; i < ms->n && ok; i++) {
		const json_t *data = ms->v[i].data;
		const json_t *parts = json_object_get(data, "concat");
		struct nf_nat_target one = { 0 };
		ok = set_address(x, &one, parts ? json_array_get(parts, 0) : data) &&
		     set_ports(&one, parts ? json_array_get(parts, 1) : port);
		/* with ports of their own they differ in more than the address */
		ok &= !i || (one.has_port == t.has_port && one.port_lo == t.port_lo &&
			     one.port_hi == t.port_hi);
		t.has_port = one.has_port, t.port_lo = one.port_lo, t.port_hi = one.port_hi;
		if (ok)
			*vec_add(&all) = one.to[0];
	}
	t.n_to = all.n ? spans_normalise(all.v, all.n) : 0;
	t.to = arena_copy(x->r->n->arena, all.v, t.n_to * sizeof(*all.v));
	vec_free(&all);
	if (ok)
		*vec_add(&x->out) = t;
	return ok;
}

/* A target for each entry; addr: the map gives addresses (and perhaps ports), else ports. */
static bool each_of(struct reading *x, const json_t *map, bool addr, const json_t *other)
{
	struct nft_rule *r = x->r;
	struct matches *m = r->n->m;
	struct nft_members ms = { 0 };
	struct nft_keys k;
	uint64_t from = 0, n = 0;
	bool ok = members_of(r, map, &ms);
	if (ok && addr && by_chance(json_object_get(map, "key"), &from, &n)) {
		ok = one_of(x, &ms, other);
		vec_free(&ms);
		return ok;
	}
	nft_keys(r, json_object_get(map, "key"), &k);
	for (size_t i = 0; i < ms.n && ok; i++) {
		const struct nft_member *e = &ms.v[i];
		const json_t *parts = json_object_get(e->data, "concat");
		struct nf_nat_target t = { 0 };
		ok = e->key != NULL; /* what is left for the catch-all isn't worked out */
		if (!ok)
			break;
		t.is = nft_compare(r, &k, nft_is_member(r, &k, e, 1), false);
		if (!addr)
			ok = set_address(x, &t, other) && set_ports(&t, e->data);
		else if (parts)
			ok = json_array_size(parts) == 2 && !other &&
			     set_address(x, &t, json_array_get(parts, 0)) &&
			     set_ports(&t, json_array_get(parts, 1));
		else
			ok = set_address(x, &t, e->data) && set_ports(&t, other);
		t.is = match_and(m, t.is, nft_need(r, &k));
		*vec_add(&x->out) = t;
	}
	vec_free(&ms);
	return ok && x->out.n;
}

static bool read_targets(struct reading *x, const json_t *v)
{
	const json_t *addr = json_object_get(v, "addr"), *port = json_object_get(v, "port");
	const json_t *addrs = json_object_get(addr, "map"),
		     *ports = json_object_get(port, "map");
	if (addrs && ports)
		return false;
	if (addrs)
		return each_of(x, addrs, true, port);
	if (ports)
		return each_of(x, ports, false, addr);
	struct nf_nat_target t = { 0 };
	bool ok = set_address(x, &t, addr) && set_ports(&t, port);
	*vec_add(&x->out) = t;
	return ok;
}

/* Of the packet's own family, or the one that the statement names; -1: both. */
static int family_of(const struct nft_rule *r, const json_t *v)
{
	int f = nft_family(nft_str(v, "family"));
	if (f != NFT_IP && f != NFT_IP6)
		f = (int)r->chain->table->family;
	return f == NFT_IP ? FAMILY_V4 : f == NFT_IP6 ? FAMILY_V6 : -1;
}

static void read(struct reading *x, struct nft_rule *r, const char *name, const json_t *v)
{
	int f = family_of(r, v);
	*x = (struct reading){ .r = r, .family = f < 0 ? FAMILY_V4 : (enum family)f };
	x->source = !strcmp(name, "snat") || !strcmp(name, "masquerade");
	x->prefix = has_flag(v, "flags", "netmap") || has_flag(v, "type_flags", "prefix");
	x->random = has_flag(v, "flags", "random") || has_flag(v, "flags", "fully-random");
	x->known = (f >= 0 || !json_object_get(v, "addr")) && read_targets(x, v);
	/* of sources: any port that the kernel takes, unless one is told */
	vec_each (t, &x->out)
		if (x->source && x->random && !t->has_port)
			t->has_port = true, t->port_lo = 1, t->port_hi = 65535;
}

static void finish(struct reading *x)
{
	vec_free(&x->to);
	vec_free(&x->out);
}

/*
 * Beside what it does exactly: packets that the rule takes, their answers, and all that goes to
 * or comes from the addresses it gives may look different on the other side.
 */
struct nf_translation *nft_translation(struct nft_rule *r, const char *name, const json_t *v,
				       const struct match *touch)
{
	struct matches *m = r->n->m;
	struct nf_translation *ret = arena_alloc(r->n->arena, sizeof(*ret));
	bool own = !strcmp(name, "masquerade") || !strcmp(name, "redirect");
	int f = family_of(r, v);
	struct reading x;
	struct text t = { 0 };
	read(&x, r, name, v);
	if (f >= 0)
		touch = match_and(m, touch, match_family(m, x.family));
	ret->takes = touch;
	ret->touches = match_or(m, touch, match_swap(m, touch));
	text_put(&t, name);
	if (json_object_get(v, "addr")) {
		if (x.known && x.to.n) {
			const struct match *src =
				match_spans(m, FIELD_SRC, x.family, x.to.v, x.to.n);
			ret->touches = match_or(m, ret->touches, src);
			ret->touches = match_or(m, ret->touches, match_swap(m, src));
			text_put(&t, " to ");
			span_print(&t, x.family, x.to.v[0]);
		} else {
			ret->touches = match_all(m);
		}
	}
	if (x.known && x.out.n == 1 && x.out.v[0].has_port && json_object_get(v, "port"))
		text_putf(&t,
			  x.out.v[0].port_hi > x.out.v[0].port_lo ? " port %u-%u" : " port %u",
			  x.out.v[0].port_lo, x.out.v[0].port_hi);
	if (x.out.n > 1 || x.to.n > 1)
		text_put(&t, ", ...");
	ret->at = r->at;
	ret->text = arena_str(r->n->arena, t.s);
	ret->rewrites = x.source ? NAT_SOURCE : NAT_DESTINATION;
	ret->families = f < 0 ? 1u << FAMILY_V4 | 1u << FAMILY_V6 : 1u << f;
	ret->v = arena_copy(r->n->arena, x.out.v, x.out.n * sizeof(*x.out.v));
	ret->n = x.out.n;
	ret->how = !x.known || (own && x.out.n != 1) ? NF_NAT_BOUND
		   : own      ? x.source ? NF_NAT_MASQUERADE : NF_NAT_REDIRECT
		   : x.prefix ? NF_NAT_PREFIX
			      : NF_NAT_TO;
	text_finish(&t);
	finish(&x);
	return ret;
}

const struct match *nft_looks(struct nft_rule *r, const char *name, const json_t *v)
{
	struct matches *m = r->n->m;
	const struct match *ret = match_all(m);
	struct reading x;
	if (strcmp(name, "dnat"))
		return strcmp(name, "redirect") ? NULL : ret;
	read(&x, r, name, v);
	if (x.known && x.to.n)
		ret = match_spans(m, FIELD_DST, x.family, x.to.v, x.to.n);
	finish(&x);
	return ret;
}

void nft_nat_chain(struct nft *n, struct nft_chain *ch, enum hook_kind kind, unsigned families)
{
	struct matches *m = n->m;
	const struct match *reach = match_all(m);
	if (ch->table->doubt)
		reach = match_and(m, reach, match_unknown(m, LOC_NONE, "%s", ch->table->doubt));
	if (n->notrack)
		reach = match_and(m, reach, match_not(m, n->notrack));
	if (families == 1u << FAMILY_V4 || families == 1u << FAMILY_V6)
		reach = match_and(
			m, reach,
			match_family(m, families == 1u << FAMILY_V4 ? FAMILY_V4 : FAMILY_V6));
	nf_nat_chain(n->nats, &(struct nf_nat_chain){ .kind = kind,
						      .priority = ch->prio,
						      .families = families,
						      .ruleset = ch->ruleset,
						      .reach = reach });
}
