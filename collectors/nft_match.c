/* SPDX-License-Identifier: Apache-2.0 */
/* One match statement: what a key asks of what stands on its right. */
#include "collectors/nft_internal.h"

#include <string.h>

static bool is_op(const char *op, const char *list)
{
	size_t len = strlen(op);
	for (const char *s = list; *s; s += strcspn(s, " "), s += *s == ' ')
		if (!strncmp(s, op, len) && (s[len] == ' ' || !s[len]))
			return len > 0;
	return false;
}

static const struct match *not_understood(struct nft_rule *r, const struct nft_keys *k,
					  const char *what)
{
	return nft_compare(r, k, nft_doubt(r, what), false);
}

/* "<", ">", "<=", ">=": by value, as nft compares. */
static const struct match *relation(struct nft_rule *r, const struct nft_keys *k,
				    const char *op, const json_t *right)
{
	const struct nft_key *key = &k->v[0];
	struct span x;
	struct nft_spans v = { 0 };
	if (k->n != 1 || key->kind == KEY_UNKNOWN || key->over ||
	    !nft_key_span(key, right, &x) || !addr_equal(x.lo, x.hi))
		return not_understood(r, k, key->why ? key->why : "a comparison");
	struct addr max = key->kind == KEY_ADDR ? addr_max((enum family)key->family)
						: (struct addr){ 0, UINT32_MAX };
	bool below = *op == '<', with = op[1] == '=';
	struct span s = below ? (struct span){ { 0, 0 }, x.lo } : (struct span){ x.lo, max };
	if (!with && addr_equal(x.lo, below ? (struct addr){ 0, 0 } : max))
		return match_none(r->n->m);
	if (!with && below)
		s.hi = addr_prev(s.hi);
	else if (!with)
		s.lo = addr_next(s.lo);
	if (addr_compare(s.lo, max) <= 0)
		*vec_add(&v) = s;
	const struct match *ret = nft_condition(r, key, &v, false, false);
	vec_free(&v);
	return nft_compare(r, k, ret, false);
}

/* Protocols that the match rules out are ruled out for the rest of the rule. */
static void narrow(struct nft_rule *r, const struct nft_keys *k, const struct match *is)
{
	for (size_t i = 0; i < k->n; i++)
		for (int w = 0; w < 4; w++)
			r->protos[w] &= k->v[i].protos[w];
	if (k->n != 1 || (k->v[0].domain != DOMAIN_PROTO && k->v[0].domain != DOMAIN_PROTO4) ||
	    is->kind != MATCH_RANGES || is->field != FIELD_PROTO)
		return;
	uint64_t left[4] = { 0 };
	for (uint32_t i = 0; i < is->n; i++)
		for (unsigned p = is->ranges[i].lo; p <= is->ranges[i].hi && p < 256; p++)
			left[p / 64] |= 1ull << p % 64;
	for (int w = 0; w < 4; w++)
		r->protos[w] &= left[w];
}

static const struct match *against(struct nft_rule *r, const struct nft_keys *k,
				   const struct nft_member *v, size_t n, bool negate)
{
	if (k->n != 1) {
		narrow(r, k, match_all(r->n->m));
		return nft_compare(r, k, nft_is_member(r, k, v, n), negate);
	}
	const struct match *ret = nft_one_key(r, &k->v[0], v, n, negate, false);
	narrow(r, k, ret);
	/* ranges of a header's field say themselves that the header is there */
	if (negate && ret->kind != MATCH_RANGES)
		ret = match_and(r->n->m, k->v[0].have, ret);
	return nft_compare(r, k, ret, false);
}

/* "in" and "!" on flags: some of the bits are set, none is. */
static const struct match *bits(struct nft_rule *r, struct nft_keys *k, bool some,
				const json_t *right)
{
	struct nft_key *key = &k->v[0];
	if (key->n_ops == NFT_OPS ||
	    !nft_number(key->domain, right, &key->ops[key->n_ops].number))
		return not_understood(r, k, "a test of bits");
	key->ops[key->n_ops++].op = '&';
	json_t *zero = json_integer(0);
	struct nft_member m = { .key = zero };
	const struct match *ret = against(r, k, &m, 1, some);
	json_decref(zero);
	return ret;
}

/* The header whose field the match wants to differ from one value, or NULL. */
static const char *differs_in(const json_t *v)
{
	const json_t *payload = json_object_get(json_object_get(v, "left"), "payload");
	const json_t *right = json_object_get(v, "right");
	const char *op = nft_str(v, "op"), *header = nft_str(payload, "protocol");
	const char *field = nft_str(payload, "field"), *s = json_string_value(right);
	if (!op || strcmp(op, "!=") || !header || !field || (!s && !json_is_integer(right)))
		return NULL;
	bool address = !strcmp(field, "saddr") || !strcmp(field, "daddr");
	return (s && *s == '@') || (address && header[0] == 'i') ? NULL : header;
}

/*
 * nft loads neighbouring fields of a header by one instruction, and compares them by one: of
 * `tcp sport != 100 tcp dport != 5` it makes "not both of them" (payload_try_merge() of 1.0.6), and
 * lists it as it was written. Another version may keep the two apart, so both readings count.
 */
static bool may_be_joined(const struct nft_rule *r, const json_t *v)
{
	const char *header = differs_in(v), *other;
	const json_t *list = json_object_get(r->rule, "expr");
	size_t n = 0;
	for (size_t i = 0; header && i < json_array_size(list); i++) {
		other = differs_in(json_object_get(json_array_get(list, i), "match"));
		n += other && !strcmp(other, header);
	}
	return n > 1;
}

static const struct match *match_one(struct nft_rule *r, const json_t *v,
				     struct nft_keys *ret_keys)
{
	static const char *const known[] = { "op", "left", "right", NULL };
	const json_t *right = json_object_get(v, "right");
	const char *op = nft_str(v, "op"), *ref = json_string_value(right);
	nft_keys(r, json_object_get(v, "left"), ret_keys);
	const struct nft_keys *k = ret_keys;
	bool flags =
		k->n == 1 && k->v[0].kind == KEY_NUMBER && nft_domain_is_bits(k->v[0].domain);
	const json_t *set = json_object_get(right, "set");
	if (!op && !json_object_get(v, "op"))
		op = "==";
	if (set && json_object_size(right) == 1 && json_is_string(set))
		ref = json_string_value(set), set = NULL;
	bool named = ref && *ref == '@';
	if (!op || !right || !nft_only(v, known) || !is_op(op, "== != in ! < > <= >="))
		return not_understood(r, k, "a comparison");
	if (is_op(op, "< > <= >="))
		return relation(r, k, op, right);
	if (flags && !set && !named && is_op(op, "in !"))
		return bits(r, ret_keys, *op == 'i', right);
	bool negate = !strcmp(op, "!=");
	if (*op == '!' && !negate)
		return not_understood(r, k, "a test of bits");
	if (named) {
		struct nft_set *s = nft_set_find(r, ref);
		narrow(r, k, match_all(r->n->m));
		if (!s)
			return nft_compare(r, k,
					   match_unknown(r->n->m, LOC_NONE,
							 "%s, which is not in this file", ref),
					   negate);
		const struct match *in = nft_in_set(r, k, s);
		if (!negate)
			narrow(r, k, in);
		return nft_compare(r, k, in, negate);
	}
	if (set && json_object_size(right) == 1) {
		struct nft_members ms = { 0 };
		nft_members_add(r, &ms, set, false);
		const struct match *ret = against(r, k, ms.v, ms.n, negate);
		vec_free(&ms);
		return ret;
	}
	if (*op == 'i' && (k->n != 1 || k->v[0].kind != KEY_UNKNOWN) && json_is_array(right))
		return not_understood(r, k, "a test of bits");
	struct nft_member one = { .key = right };
	return against(r, k, &one, 1, negate);
}

const struct match *nft_match(struct nft_rule *r, const json_t *v, struct nft_keys *ret_keys)
{
	uint64_t protos[4];
	memcpy(protos, r->protos, sizeof(protos));
	const struct match *m = match_one(r, v, ret_keys);
	if (!may_be_joined(r, v))
		return m;
	memcpy(r->protos, protos, sizeof(protos)); /* it may not narrow them */
	const struct match *joined = nft_doubt(r, "nft may join it with another != of the rule");
	return match_or(r->n->m, m, match_and(r->n->m, nft_need(r, ret_keys), joined));
}
