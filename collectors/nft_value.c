/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right side of a match: constants, ranges, prefixes, sets and their elements, turned
 * into conditions on the field that the left side names. All numbers, ports and flags as well
 * as addresses, are spans here; what a mask or a shift on the left makes of a small field is
 * found by trying each of its values.
 */
#include "collectors/nft_internal.h"

#include <string.h>

enum { EXPANSION_MAX = 1 << 26 }; /* values tried in one source */

const struct match *nft_doubt(struct nft_rule *r, const char *why)
{
	return match_unknown(r->n->m, LOC_NONE, "%s", why);
}

bool nft_addr(enum family f, const json_t *v, struct span *ret)
{
	static const char *const prefix_keys[] = { "addr", "len", NULL };
	enum family of;
	struct addr a;
	unsigned len;
	bool bits;
	if (json_is_string(v)) {
		const char *s = json_string_value(v);
		if (!prefix_parse(s, strlen(s), &of, &a, &len, &bits) || of != f)
			return false;
		*ret = span_prefix(f, a, len);
		return true;
	}
	const json_t *p = json_object_get(v, "prefix");
	if (p && json_object_size(v) == 1 && nft_only(p, prefix_keys)) {
		const char *s = nft_str(p, "addr");
		const json_t *l = json_object_get(p, "len");
		if (!s || !json_is_integer(l) || json_integer_value(l) < 0 ||
		    json_integer_value(l) > (json_int_t)addr_bits(f) ||
		    !addr_parse(s, strlen(s), &of, &a) || of != f)
			return false;
		*ret = span_prefix(f, a, (unsigned)json_integer_value(l));
		return true;
	}
	const json_t *range = json_object_get(v, "range");
	struct span lo, hi;
	if (json_array_size(range) != 2 || json_object_size(v) != 1 ||
	    !json_is_string(json_array_get(range, 0)) ||
	    !json_is_string(json_array_get(range, 1)) ||
	    !nft_addr(f, json_array_get(range, 0), &lo) ||
	    !nft_addr(f, json_array_get(range, 1), &hi) || addr_compare(lo.lo, hi.hi) > 0)
		return false;
	*ret = (struct span){ lo.lo, hi.hi };
	return true;
}

bool nft_number_span(enum nft_domain d, const json_t *v, struct span *ret)
{
	uint64_t lo, hi;
	const json_t *range = json_object_get(v, "range");
	if (range && json_object_size(v) == 1) {
		if (json_array_size(range) != 2 ||
		    !nft_number(d, json_array_get(range, 0), &lo) ||
		    !nft_number(d, json_array_get(range, 1), &hi) || lo > hi)
			return false;
	} else if (nft_number(d, v, &lo)) {
		hi = lo;
	} else {
		return false;
	}
	*ret = (struct span){ { 0, lo }, { 0, hi } };
	return true;
}

bool nft_key_span(const struct nft_key *k, const json_t *v, struct span *ret)
{
	if (k->kind == KEY_ADDR)
		return nft_addr((enum family)k->family, v, ret);
	return k->kind == KEY_NUMBER && nft_number_span(k->domain, v, ret);
}

static bool in_spans(const struct span *v, size_t n, uint64_t x)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (v[mid].hi.lo < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && v[lo].lo.lo <= x;
}

bool nft_spans_have(const struct nft_spans *v, uint64_t x)
{
	return in_spans(v->v, v->n, x);
}

static uint64_t apply(const struct nft_key *k, uint64_t x)
{
	for (unsigned i = 0; i < k->n_ops; i++) {
		uint64_t y = k->ops[i].number;
		switch (k->ops[i].op) {
		case '&':
			x &= y;
			break;
		case '|':
			x |= y;
			break;
		default:
			x ^= y;
			break;
		}
	}
	return x;
}

bool nft_key_has(const struct nft_key *k, const struct nft_spans *v, uint64_t x)
{
	return in_spans(v->v, v->n, apply(k, x));
}

/*
 * The field's own values that, seen through the operations, are in (negate: not in) v; v is
 * normalised in place. False where there were too many to try.
 */
static bool raw_values(struct nft_rule *r, const struct nft_key *k, struct nft_spans *v,
		       bool negate, struct nft_spans *ret)
{
	unsigned max = nft_domain_max(k->domain);
	v->n = v->n ? spans_normalise(v->v, v->n) : 0;
	*ret = (struct nft_spans){ 0 };
	if (!k->n_ops) {
		uint64_t from = 0;
		for (size_t i = 0; i < v->n && v->v[i].lo.lo <= max; i++) {
			uint64_t lo = v->v[i].lo.lo;
			uint64_t hi = v->v[i].hi.lo > max ? max : v->v[i].hi.lo;
			if (!negate)
				*vec_add(ret) = (struct span){ { 0, lo }, { 0, hi } };
			else if (lo > from)
				*vec_add(ret) = (struct span){ { 0, from }, { 0, lo - 1 } };
			from = hi + 1;
		}
		if (negate && from <= max)
			*vec_add(ret) = (struct span){ { 0, from }, { 0, max } };
		return true;
	}
	r->n->n_expansions += (size_t)max + 1;
	if (r->n->n_expansions > EXPANSION_MAX)
		return false;
	for (uint64_t x = 0; x <= max; x++) {
		if (in_spans(v->v, v->n, apply(k, x)) == negate)
			continue;
		if (ret->n && ret->v[ret->n - 1].hi.lo + 1 == x)
			ret->v[ret->n - 1].hi.lo = x;
		else
			*vec_add(ret) = (struct span){ { 0, x }, { 0, x } };
	}
	return true;
}

/* The TCP flags of which f is true, as few masks as splitting bit by bit gives. */
static const struct match *flags_in(struct matches *m, const bool *f, unsigned value,
				    unsigned mask)
{
	unsigned split = 0;
	for (unsigned bit = 1; bit < 256 && !split; bit <<= 1)
		for (unsigned x = 0; !(mask & bit) && x < 256 && !split; x++)
			if ((x & mask) == value && f[x] != f[x ^ bit])
				split = bit;
	if (!split)
		return f[value] ? match_flags(m, value, mask) : match_none(m);
	return match_or(m, flags_in(m, f, value, mask | split),
			flags_in(m, f, value | split, mask | split));
}

static const struct match *ranges_in(struct matches *m, enum field field,
				     const struct nft_spans *v)
{
	struct range *ranges = xcalloc(v->n + 1, sizeof(*ranges));
	for (size_t i = 0; i < v->n; i++)
		ranges[i] = (struct range){ (uint16_t)v->v[i].lo.lo, (uint16_t)v->v[i].hi.lo };
	const struct match *ret = match_ranges(m, field, ranges, v->n);
	free(ranges);
	return ret;
}

/* IPv6 extension headers: the kernel walks over these, they are never "the protocol". */
static const uint8_t ext_headers[] = { 0, 43, 44, 51, 59, 60 };

static size_t count_ext(const struct nft_spans *v)
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof(ext_headers); i++)
		n += in_spans(v->v, v->n, ext_headers[i]);
	return n;
}

/*
 * `meta l4proto` of an extension header, which IPv6 packets never have there; one that the
 * model tells of may carry anything.
 */
static const struct match *proto_in(struct nft_rule *r, const struct nft_spans *v)
{
	struct matches *m = r->n->m;
	const struct match *all = ranges_in(m, FIELD_PROTO, v), *ext = match_none(m);
	size_t n = count_ext(v);
	if (!n || n == sizeof(ext_headers))
		return all;
	for (size_t i = 0; i < sizeof(ext_headers); i++)
		if (in_spans(v->v, v->n, ext_headers[i]))
			ext = match_or(m, ext, match_value(m, FIELD_PROTO, ext_headers[i]));
	const struct match *v6 = match_and(m, match_family(m, FAMILY_V6), ext);
	return match_or(m, match_and(m, all, match_not(m, v6)),
			match_and(m, v6, nft_doubt(r, "an IPv6 extension header")));
}

/*
 * The first next header: that of the protocol, unless there are extension headers, of which
 * the model tells nothing.
 */
static const struct match *nexthdr_in(struct nft_rule *r, const struct nft_spans *v)
{
	struct matches *m = r->n->m;
	const struct match *in = ranges_in(m, FIELD_PROTO, v);
	const struct match *maybe =
		nft_doubt(r, "ip6 nexthdr: extension headers may come first");
	size_t n = count_ext(v);
	const struct match *out = n ? match_and(m, match_not(m, in), maybe) : match_none(m);
	if (n < sizeof(ext_headers))
		in = match_and(m, in, maybe);
	return match_or(m, in, out);
}

/* The 16 bits of flags and offset: a later fragment is one whose offset isn't 0. */
static const struct match *frag_off_in(struct nft_rule *r, const struct nft_spans *v)
{
	struct matches *m = r->n->m;
	size_t first = 0, later = 0;
	for (size_t i = 0; i < v->n; i++) {
		later += v->v[i].hi.lo - v->v[i].lo.lo + 1;
		for (unsigned flags = 0; flags < 8; flags++)
			first += v->v[i].lo.lo <= flags << 13 && flags << 13 <= v->v[i].hi.lo;
	}
	later -= first;
	const struct match *maybe = nft_doubt(r, "ip frag-off");
	const struct match *none = match_none(m), *all = match_all(m);
	return match_or(m,
			match_and(m, match_value(m, FIELD_FRAGMENT, 0),
				  first == 8 ? all
				  : first    ? maybe
					     : none),
			match_and(m, match_value(m, FIELD_FRAGMENT, 1),
				  later == 65528 ? all
				  : later	 ? maybe
						 : none));
}

static const struct match *families_in(struct matches *m, const struct nft_spans *v,
				       unsigned v4, unsigned v6)
{
	const struct match *none = match_none(m);
	return match_or(m, in_spans(v->v, v->n, v4) ? match_family(m, FAMILY_V4) : none,
			in_spans(v->v, v->n, v6) ? match_family(m, FAMILY_V6) : none);
}

/* The field's own values as a condition; ports_ok: only protocols with ports get here. */
static const struct match *raw_condition(struct nft_rule *r, const struct nft_key *k,
					 const struct nft_spans *v, bool ports_ok)
{
	struct matches *m = r->n->m;
	if (!v->n)
		return match_none(m);
	switch (k->domain) {
	case DOMAIN_PROTO:
		return proto_in(r, v);
	case DOMAIN_NEXTHDR:
		return nexthdr_in(r, v);
	case DOMAIN_FRAG_OFF:
		return frag_off_in(r, v);
	case DOMAIN_NFPROTO:
		return families_in(m, v, 2, 10);
	case DOMAIN_ETHERTYPE:
		return families_in(m, v, 0x0800, 0x86dd);
	case DOMAIN_VERSION:
		return families_in(m, v, 4, 6);
	case DOMAIN_FIB_TYPE: {
		bool types[NFT_FIB_TYPES];
		for (unsigned x = 0; x < NFT_FIB_TYPES; x++)
			types[x] = in_spans(v->v, v->n, x);
		return nft_fib_in(r, k, types);
	}
	case DOMAIN_CT_STATE: {
		struct range states[STATE_COUNT];
		size_t n = 0;
		for (uint16_t s = 0; s < STATE_COUNT; s++)
			if (in_spans(v->v, v->n, nft_state_bit[s]))
				states[n++] = (struct range){ s, s };
		return match_ranges(m, FIELD_STATE, states, n);
	}
	case DOMAIN_TCP_FLAGS: {
		bool f[256];
		for (unsigned x = 0; x < 256; x++)
			f[x] = in_spans(v->v, v->n, x);
		return flags_in(m, f, 0, 0);
	}
	default:
		break;
	}
	const struct match *ret = ranges_in(m, (enum field)k->field, v);
	if (!k->raw_ports || ports_ok)
		return ret;
	const struct match *ports = match_none(m);
	for (unsigned p = 0; p < 256; p++)
		if (proto_has_ports(p))
			ports = match_or(m, ports, match_value(m, FIELD_PROTO, p));
	const struct match *bytes[] = { match_not(m, ports), k->have,
					nft_doubt(r, "bytes of a header without ports") };
	return match_or(m, ret, match_and_n(m, bytes, 3));
}

/* Spans of addresses, perhaps under a mask. False where they can't be told. */
static bool addr_condition(struct nft_rule *r, const struct nft_key *k, struct nft_spans *v,
			   const struct match **ret)
{
	struct matches *m = r->n->m;
	enum family f = (enum family)k->family;
	if (!k->n_ops) {
		*ret = match_spans(m, (enum field)k->field, f, v->v, v->n);
		return true;
	}
	struct addr mask = k->ops[0].addr;
	const struct match **each = xcalloc(v->n + 1, sizeof(*each));
	size_t n = 0;
	bool ok = true;
	for (size_t i = 0; i < v->n && ok; i++) {
		/* a span that is a prefix fixes its leading bits, the mask the others */
		struct addr differ = { v->v[i].lo.hi ^ v->v[i].hi.hi,
				       v->v[i].lo.lo ^ v->v[i].hi.lo };
		struct addr fixed = addr_not(f, differ);
		ok = addr_mask_len(f, fixed) >= 0 &&
		     addr_equal(addr_and(v->v[i].lo, differ), (struct addr){ 0, 0 }) &&
		     addr_equal(addr_and(v->v[i].hi, differ), differ);
		if (!ok || !addr_equal(addr_and(addr_and(v->v[i].lo, fixed), addr_not(f, mask)),
				       (struct addr){ 0, 0 }))
			continue; /* asks for a bit that the mask took away: never */
		each[n++] = match_wild(m, (enum field)k->field, f, v->v[i].lo,
				       addr_and(mask, fixed));
	}
	*ret = match_or_n(m, each, n);
	free(each);
	return ok;
}

const struct match *nft_condition(struct nft_rule *r, const struct nft_key *k,
				  struct nft_spans *v, bool negate, bool ports_ok)
{
	const struct match *ret;
	if (k->kind == KEY_NUMBER && k->domain == DOMAIN_MARK) {
		v->n = v->n ? spans_normalise(v->v, v->n) : 0;
		return nft_mark_in(r, k, v, negate);
	}
	if (k->kind == KEY_NUMBER) {
		struct nft_spans raw;
		if (!raw_values(r, k, v, negate, &raw))
			return nft_doubt(r, "too many masked comparisons");
		ret = raw_condition(r, k, &raw, ports_ok);
		vec_free(&raw);
		return ret;
	}
	if (!addr_condition(r, k, v, &ret))
		return nft_doubt(r, "a masked address");
	return negate ? match_not(r->n->m, ret) : ret;
}
