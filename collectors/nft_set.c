/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets, maps and their elements. A set becomes one condition on the fields that the match
 * names: the elements of a plain set are joined into one leaf, those of a concatenation that
 * differ in their widest part only into one leaf each, so that a set of a million addresses is
 * a handful of nodes that all its rules share.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a key is compared with, taken together. */
struct values {
	struct nft_spans sure, maybe;
	VEC(const struct match *) ifaces, maybe_ifaces;
	bool any, maybe_any; /* the catch-all */
	bool open;	     /* something that wasn't understood: may be any value */
};

static void values_finish(struct values *v)
{
	vec_free(&v->sure);
	vec_free(&v->maybe);
	vec_free(&v->ifaces);
	vec_free(&v->maybe_ifaces);
}

/* A name, or its beginning: "eth*"; a star of the name itself is written "\*". */
static const struct match *iface(struct nft_rule *r, const struct nft_key *k, const json_t *v)
{
	char name[64];
	size_t n = 0;
	bool prefix = false;
	const char *s = json_string_value(v);
	if (!s || !*s || !strcmp(s, "*") || strlen(s) >= sizeof(name) || strchr(s, '/'))
		return NULL;
	for (; *s; s++) {
		if (*s == '\\' && s[1] == '*')
			name[n++] = *++s;
		else if (*s == '*' && !s[1])
			prefix = true;
		else
			name[n++] = *s;
	}
	name[n] = 0;
	if (!prefix)
		nft_port(r->n, name, r->at);
	if (k->absent)
		return match_none(r->n->m);
	return match_iface(r->n->m, (enum field)k->field, name, prefix);
}

static void values_add(struct nft_rule *r, const struct nft_key *k, struct values *out,
		       const struct nft_member *m)
{
	struct span s;
	if (!m->key) {
		out->any |= !m->maybe;
		out->maybe_any |= m->maybe;
		return;
	}
	if (k->kind == KEY_UNKNOWN)
		return;
	if (k->kind == KEY_IFACE) {
		const struct match *x = iface(r, k, m->key);
		if (!x)
			out->open = true;
		else if (m->maybe)
			*vec_add(&out->maybe_ifaces) = x;
		else
			*vec_add(&out->ifaces) = x;
	} else if (nft_key_span(k, m->key, &s)) {
		if (m->maybe)
			*vec_add(&out->maybe) = s;
		else
			*vec_add(&out->sure) = s;
	} else {
		out->open = true;
	}
	if (out->open)
		diag_warning(r->n->d, "nft.value", r->at,
			     "a value here isn't one that its field can have");
}

/* All of it is known, and is plain values. */
static bool flat_values(const struct values *v)
{
	return !v->any && !v->maybe_any && !v->open && !v->maybe.n;
}

/* Is the key one of v (negate: none of them)? */
static const struct match *in_values(struct nft_rule *r, const struct nft_key *k,
				     struct values *v, bool negate, bool ports_ok)
{
	struct matches *m = r->n->m;
	const struct match *ret, *maybe = match_none(m);
	const struct match *unsure = nft_doubt(r, "an element that may have expired");
	/* where all is known the values themselves are turned round: shorter, and exact */
	bool flat = negate && flat_values(v) &&
		    (k->kind == KEY_NUMBER || k->kind == KEY_ADDR);
	if (k->kind == KEY_UNKNOWN) {
		ret = nft_doubt(r, k->why);
	} else if (k->kind == KEY_IFACE) {
		ret = match_or_n(m, v->ifaces.v, v->ifaces.n);
		maybe = match_or_n(m, v->maybe_ifaces.v, v->maybe_ifaces.n);
	} else {
		ret = nft_condition(r, k, &v->sure, flat, ports_ok);
		if (v->maybe.n)
			maybe = nft_condition(r, k, &v->maybe, false, ports_ok);
	}
	ret = match_or(m, ret, match_and(m, maybe, unsure));
	if (v->any)
		ret = match_all(m);
	if (v->maybe_any)
		ret = match_or(m, ret, unsure);
	if (v->open)
		ret = match_or(m, ret, nft_doubt(r, "a value that was not understood"));
	if (negate && !flat)
		ret = match_not(m, ret);
	if (k->over) {
		const struct match *there = nft_doubt(r, "packets taken out of tracking");
		if (k->over_known && flat_values(v))
			there = nft_key_has(k, &v->sure, nft_state_bit[STATE_UNTRACKED]) != negate
					? match_all(m)
					: match_none(m);
		ret = match_or(m, match_and(m, match_not(m, k->over), ret),
			       match_and(m, k->over, there));
	}
	return ret;
}

const struct match *nft_one_key(struct nft_rule *r, const struct nft_key *k,
				const struct nft_member *v, size_t n, bool negate,
				bool ports_ok)
{
	struct values vals = { 0 };
	for (size_t i = 0; i < n; i++)
		values_add(r, k, &vals, &v[i]);
	const struct match *ret = in_values(r, k, &vals, negate, ports_ok);
	values_finish(&vals);
	return ret;
}

/* Component i of an element of a concatenation, NULL where it has none. */
static const json_t *component(const json_t *key, size_t n, size_t i)
{
	const json_t *list = json_object_get(key, "concat");
	return json_array_size(list) == n ? json_array_get(list, i) : NULL;
}

/* The element's protocol, where the keys ask for one, has ports. */
static bool element_has_ports(const struct nft_keys *k, const json_t *key)
{
	for (size_t i = 0; i < k->n; i++) {
		struct span s;
		const json_t *c = component(key, k->n, i);
		if (k->v[i].kind != KEY_NUMBER ||
		    (k->v[i].domain != DOMAIN_PROTO && k->v[i].domain != DOMAIN_PROTO4) || !c ||
		    k->v[i].n_ops || !nft_number_span(DOMAIN_PROTO, c, &s))
			continue;
		bool all = s.hi.lo < 256;
		for (uint64_t p = s.lo.lo; all && p <= s.hi.lo; p++)
			all = proto_has_ports((unsigned)p);
		if (all)
			return true;
	}
	return false;
}

/* Elements that differ in one component only are joined there: a few nodes for many. */
struct bundle {
	struct nft_member *v; /* the component that differs */
	size_t n, cap;
	const struct match *rest; /* the other components */
	bool ports_ok;
};

static const struct match *many_keys(struct nft_rule *r, const struct nft_keys *k,
				     const struct nft_member *v, size_t n)
{
	struct matches *m = r->n->m;
	const struct match *ret = match_none(m);
	/* the address component is the one that differs most, as a rule */
	size_t wide = 0;
	while (wide < k->n && k->v[wide].kind != KEY_ADDR)
		wide++;
	if (wide == k->n)
		wide = 0;
	struct map bundles = { 0 };
	for (size_t i = 0; i < n; i++) {
		const struct match *parts[NFT_KEYS], *rest;
		size_t n_parts = 0;
		if (!v[i].key) { /* the catch-all */
			ret = match_or(
				m, ret,
				v[i].maybe ? nft_doubt(r, "an element that may have expired")
					   : match_all(m));
			continue;
		}
		bool ports_ok = element_has_ports(k, v[i].key);
		bool whole = component(v[i].key, k->n, wide) != NULL;
		for (size_t j = 0; j < k->n && whole; j++) {
			const struct nft_member c = { .key = component(v[i].key, k->n, j) };
			if (j != wide)
				parts[n_parts++] =
					nft_one_key(r, &k->v[j], &c, 1, false, ports_ok);
		}
		if (!whole) {
			diag_warning(r->n->d, "nft.value", r->at,
				     "an element has not as many parts as the match");
			ret = match_or(m, ret, nft_doubt(r, "a value that was not understood"));
			continue;
		}
		rest = match_and_n(m, parts, n_parts);
		char name[32];
		int len = snprintf(name, sizeof(name), "%u %d", rest->id, ports_ok);
		void **at = map_atn(&bundles, name, (size_t)len);
		struct bundle *b = *at ? *at : (*at = xcalloc(1, sizeof(*b)));
		b->rest = rest;
		b->ports_ok = ports_ok;
		*vec_add(b) = (struct nft_member){ .key = component(v[i].key, k->n, wide),
						   .maybe = v[i].maybe };
	}
	const struct match **each = xcalloc(bundles.n + 1, sizeof(*each));
	for (size_t i = 0; i < bundles.n; i++) {
		struct bundle *b = bundles.entries[i].value;
		each[i] = match_and(m,
				    nft_one_key(r, &k->v[wide], b->v, b->n, false, b->ports_ok),
				    b->rest);
		free(b->v);
		free(b);
	}
	each[bundles.n] = ret;
	ret = match_or_n(m, each, bundles.n + 1);
	free(each);
	map_finish(&bundles);
	return ret;
}

const struct match *nft_is_member(struct nft_rule *r, const struct nft_keys *k,
				  const struct nft_member *v, size_t n)
{
	if (k->n == 1)
		return nft_one_key(r, &k->v[0], v, n, false, false);
	return many_keys(r, k, v, n);
}

const struct match *nft_need(struct nft_rule *r, const struct nft_keys *k)
{
	const struct match *ret = match_all(r->n->m);
	for (size_t i = 0; i < k->n; i++) {
		ret = match_and(r->n->m, ret, k->v[i].need);
		ret = match_and(r->n->m, ret, k->v[i].have);
	}
	return ret;
}

const struct match *nft_compare(struct nft_rule *r, const struct nft_keys *k,
				const struct match *is_member, bool negate)
{
	struct matches *m = r->n->m;
	const struct match *ret = negate ? match_not(m, is_member) : is_member;
	for (size_t i = k->n; i-- > 0;) {
		if (negate)
			ret = match_and(m, k->v[i].have, ret);
		/* spans of addresses say their family themselves */
		if (ret->kind != MATCH_SPANS || ret->family != k->v[i].family ||
		    r->frame->kind != MATCH_ALL)
			ret = match_and(m, k->v[i].need, ret);
	}
	return ret;
}

/* Statements of an element that change nothing about who is in the set. */
static bool element_is_plain(const json_t *e)
{
	static const char *const keys[] = { "val", "comment", "counter", "last", NULL };
	return nft_only(e, keys);
}

static bool is_catch_all(const json_t *v)
{
	return json_is_string(v) && !strcmp(json_string_value(v), "*");
}

void nft_members_add(struct nft_rule *r, struct nft_members *ms, const json_t *array, bool map)
{
	size_t n = json_is_array(array) ? json_array_size(array) : 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(array, i), *data = NULL;
		struct nft_member x = { 0 };
		if (map) {
			data = json_array_get(e, 1);
			e = json_array_get(e, 0);
		}
		const json_t *wrap = json_object_get(e, "elem");
		if (wrap) {
			x.maybe = !element_is_plain(wrap) || json_object_size(e) != 1;
			e = json_object_get(wrap, "val");
			if (map && !data && json_array_size(e) == 2) {
				data = json_array_get(e, 1);
				e = json_array_get(e, 0);
			}
		}
		if (!e || (map && !data))
			x.maybe = true; /* not an element: any value may be meant */
		x.key = is_catch_all(e) ? NULL : e;
		x.data = data;
		*vec_add(ms) = x;
	}
	if (array && !json_is_array(array)) {
		diag_warning(r->n->d, "nft.value", r->at, "the elements are not a list");
		*vec_add(ms) = (struct nft_member){ .maybe = true };
	}
}

struct nft_set *nft_set_find(struct nft_rule *r, const char *ref)
{
	const struct nft_table *t = r->chain->table;
	const char *name =
		nft_key_of(r->n, nft_family_name(t->family), t->name, ref + (*ref == '@'));
	struct nft_set *set = map_get(&r->n->sets, name);
	if (set)
		snapshot_name(r->n->c->snap, r->n->c->device, "set", name, r->at, false);
	else
		diag_error(r->n->d, EINVAL, "nft.set-missing", r->at,
			   "%s is not in this file: nobody knows who is in it", ref);
	return set;
}

/* What tells kinds of keys apart, as far as a set's elements are concerned. */
void nft_keys_text(struct text *t, const struct nft_keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct nft_key *x = &k->v[i];
		text_putf(t, "%d.%d.%d.%d.%d%d%d%d.%u.%s", x->kind, x->domain, x->field,
			  x->family, x->raw_ports, x->absent, x->fib_dev, x->over_known, x->over ? x->over->id : 0,
			  x->why ? x->why : "");
		if (x->marks)
			text_putf(t, "m%u", nft_marks_version(x->marks));
		for (unsigned j = 0; j < x->n_ops; j++)
			text_putf(t, "%c%llx.%llx.%llx", x->ops[j].op,
				  (unsigned long long)x->ops[j].number,
				  (unsigned long long)x->ops[j].addr.hi,
				  (unsigned long long)x->ops[j].addr.lo);
		text_putc(t, '/');
	}
}

const struct match *nft_in_set(struct nft_rule *r, const struct nft_keys *k,
			       struct nft_set *set)
{
	if (set->loose)
		return match_unknown(r->n->m, set->at, "%s: %s", set->label, set->loose);
	struct text t = { 0 };
	nft_keys_text(&t, k);
	const struct match **at = (const struct match **)map_atn(&set->memo, t.s, t.len);
	if (!*at) {
		struct nft_members ms = { 0 };
		vec_each (array, &set->elems)
			nft_members_add(r, &ms, *array, set->is_map);
		*at = nft_is_member(r, k, ms.v, ms.n);
		vec_free(&ms);
	}
	text_finish(&t);
	return *at;
}

const struct match *nft_has_entry(struct nft_rule *r, const json_t *v)
{
	static const char *const known[] = { "key", "data", NULL };
	struct nft_keys k;
	const json_t *data = json_object_get(v, "data"), *list = json_object_get(data, "set");
	const char *ref = json_string_value(json_is_string(data) ? data : list);
	const struct match *in;
	nft_keys(r, json_object_get(v, "key"), &k);
	if (ref && nft_only(v, known)) {
		struct nft_set *set = nft_set_find(r, ref);
		in = set ? nft_in_set(r, &k, set)
			 : match_unknown(r->n->m, LOC_NONE, "%s, which is not in this file",
					 ref);
	} else if (json_is_array(list) && nft_only(v, known)) {
		struct nft_members ms = { 0 };
		nft_members_add(r, &ms, list, true);
		in = nft_is_member(r, &k, ms.v, ms.n);
		vec_free(&ms);
	} else {
		in = nft_doubt(r, "a map that was not understood");
	}
	return match_and(r->n->m, nft_need(r, &k), nft_compare(r, &k, in, false));
}

/* A box of the keys' space, for finding overlaps. */
struct box {
	struct span s[NFT_KEYS];
	const char *name[NFT_KEYS];
	uint32_t group;
	uint32_t n;
};

enum { OVERLAP_STEPS = 1 << 24, OVERLAP_BOXES = 1 << 17 };

static bool names_meet(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	bool pa = la && a[la - 1] == '*', pb = lb && b[lb - 1] == '*';
	if (pa && pb)
		return !strncmp(a, b, la < lb ? la - 1 : lb - 1);
	if (pa)
		return !strncmp(a, b, la - 1);
	return pb ? !strncmp(a, b, lb - 1) : !strcmp(a, b);
}

static bool boxes_meet(const struct box *a, const struct box *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->name[i] && b->name[i]) {
			if (!names_meet(a->name[i], b->name[i]))
				return false;
		} else if (!a->name[i] && !b->name[i]) {
			if (addr_compare(a->s[i].hi, b->s[i].lo) < 0 ||
			    addr_compare(b->s[i].hi, a->s[i].lo) < 0)
				return false;
		}
	}
	return true;
}

static int box_order(const void *x, const void *y)
{
	const struct box *a = x, *b = y;
	int c = addr_compare(a->s[0].lo, b->s[0].lo);
	return c ? c : a->group < b->group ? -1 : a->group > b->group;
}

bool nft_members_overlap(struct nft_rule *r, const struct nft_keys *k,
			 const struct nft_members *ms, const uint32_t *group)
{
	VEC(struct box) boxes = { 0 };
	size_t steps = 0;
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].kind == KEY_UNKNOWN)
			return false; /* nothing is known anyway */
	bool ret = ms->n > OVERLAP_BOXES;
	for (size_t i = 0; i < ms->n && !ret; i++) {
		if (!ms->v[i].key)
			continue;
		struct box *b = vec_add(&boxes);
		b->group = group[i];
		b->n = (uint32_t)k->n;
		for (size_t j = 0; j < k->n; j++) {
			const json_t *c =
				k->n == 1 ? ms->v[i].key : component(ms->v[i].key, k->n, j);
			if (k->v[j].kind == KEY_IFACE)
				b->name[j] = json_string_value(c);
			else if (!c || is_catch_all(c) || !nft_key_span(&k->v[j], c, &b->s[j]))
				b->s[j].hi = addr_max(FAMILY_V6);
		}
	}
	if (boxes.n)
		qsort(boxes.v, boxes.n, sizeof(*boxes.v), box_order);
	for (size_t i = 0; i < boxes.n && !ret; i++)
		for (size_t j = i + 1; j < boxes.n && !ret; j++) {
			if (!boxes.v[i].name[0] &&
			    addr_compare(boxes.v[j].s[0].lo, boxes.v[i].s[0].hi) > 0)
				break;
			ret = ++steps > OVERLAP_STEPS ||
			      (boxes.v[i].group != boxes.v[j].group &&
			       boxes_meet(&boxes.v[i], &boxes.v[j]));
		}
	vec_free(&boxes);
	return ret;
}
