/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The nodes of one field above what stands below: the links that rules are chained of. None
 * of them needs an operation.
 */

#include "model/pset_internal.h"

bool match_has(const struct match *m, unsigned value)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->ranges[i].lo <= value && value <= m->ranges[i].hi)
			return true;
	return false;
}

struct spans_job {
	struct pset_space *sp;
	unsigned level; /* of the first digit */
	uint32_t inside;
};

/* The address with all digits behind k set to ones. */
static struct addr digit_end(const struct pset_space *sp, struct addr a, unsigned k)
{
	if (sp->family == FAMILY_V4) {
		a.lo |= k ? 0 : 0xffff;
	} else if (k < 4) {
		a.hi |= k == 3 ? 0 : UINT64_MAX >> (16 * (k + 1));
		a.lo = UINT64_MAX;
	} else {
		a.lo |= k == 7 ? 0 : UINT64_MAX >> (16 * (k - 3));
	}
	return a;
}

/* The first address whose digit k has the value, agreeing with a in the digits before. */
static struct addr digit_start(const struct pset_space *sp, struct addr a, unsigned k,
			       unsigned value)
{
	unsigned shift = sp->family == FAMILY_V4 ? 16 - 16 * k : 48 - 16 * (k & 3);
	bool high = sp->family == FAMILY_V6 && k < 4;
	uint64_t *part = high ? &a.hi : &a.lo;

	*part = (*part & ~(UINT64_MAX >> (48 - shift))) | (uint64_t)value << shift;
	if (sp->family == FAMILY_V4)
		a.lo &= UINT32_MAX;
	if (high)
		a.lo = 0;
	return a;
}

/*
 * The node of digit k for the addresses that agree with start before it. v: the normalised
 * spans that touch them, n > 0.
 */
static uint32_t spans_node(const struct spans_job *j, unsigned k, const struct span *v,
			   size_t n, struct addr start)
{
	struct pset_space *sp = j->sp;
	struct addr at = start; /* everything before it is told */
	struct addr end = k ? digit_end(sp, start, k - 1) : addr_max(sp->family);
	size_t base = sp->stack, i = 0;
	unsigned next = 0; /* the first value that is not told */

	while (i < n && next <= UINT16_MAX) {
		struct addr lo = addr_compare(v[i].lo, at) > 0 ? v[i].lo : at;
		struct addr hi = addr_compare(v[i].hi, end) < 0 ? v[i].hi : end;
		unsigned dl = addr_digit(sp, lo, k), dh = addr_digit(sp, hi, k);
		bool whole_lo = addr_equal(lo, digit_start(sp, lo, k, dl));
		bool whole_hi = addr_equal(hi, digit_end(sp, hi, k));
		struct addr dl_end;
		uint32_t child;
		size_t e = i;

		if (whole_lo && (whole_hi || dl < dh)) {
			unsigned to = whole_hi ? dh : dh - 1;

			if (dl > next)
				push_run(sp, base, dl - 1, 0);
			push_run(sp, base, to, j->inside);
			next = to + 1;
			i += whole_hi;
			if (next <= UINT16_MAX)
				at = digit_start(sp, lo, k, next);
			continue;
		}
		dl_end = digit_end(sp, lo, k);
		while (e < n && addr_compare(v[e].lo, dl_end) <= 0)
			e++;
		child = spans_node(j, k + 1, v + i, e - i, digit_start(sp, lo, k, dl));
		if (child == PSET_SPENT)
			return node_abandon(sp, base);
		if (dl > next)
			push_run(sp, base, dl - 1, 0);
		push_run(sp, base, dl, child);
		i = addr_compare(v[e - 1].hi, dl_end) > 0 ? e - 1 : e;
		next = dl + 1;
		if (next <= UINT16_MAX)
			at = digit_start(sp, lo, k, next);
	}
	if (next <= UINT16_MAX)
		push_run(sp, base, UINT16_MAX, 0);
	return node_make(sp, j->level + k, base);
}

uint32_t field_spans(struct pset_space *sp, enum field field, const struct span *v, size_t n,
		     uint32_t inside)
{
	struct spans_job j = { sp, sp->level[field], inside };

	return n ? spans_node(&j, 0, v, n, (struct addr){ 0, 0 }) : 0;
}

/* (address & mask) == value: each digit by itself, the last one first. */
uint32_t field_wild(struct pset_space *sp, enum field field, struct addr value,
		    struct addr mask, uint32_t inside)
{
	for (unsigned k = sp->digits; k-- > 0 && inside != PSET_SPENT;) {
		unsigned m = addr_digit(sp, mask, k), want = addr_digit(sp, value, k) & m;
		size_t base = sp->stack;
		unsigned next = 0;

		for (unsigned x = want; x <= UINT16_MAX; x = ((x | m) + 1) & ~m) {
			/* the next value that fits lies behind the carry over the fixed bits */
			x = (x & ~m) | want;
			if (x > next)
				push_run(sp, base, x - 1, 0);
			push_run(sp, base, x, inside);
			next = x + 1;
			if ((x | m) == UINT16_MAX)
				break;
		}
		if (next <= UINT16_MAX)
			push_run(sp, base, UINT16_MAX, 0);
		inside = node_make(sp, sp->level[field] + k, base);
	}
	return inside;
}

uint32_t field_ranges(struct pset_space *sp, unsigned level, const struct range *v, size_t n,
		      uint32_t inside)
{
	size_t base = sp->stack;
	unsigned next = 0, top = sp->top[level];

	for (size_t i = 0; i < n && v[i].lo <= top; i++) {
		unsigned hi = v[i].hi < top ? v[i].hi : top;

		if (v[i].lo > next)
			push_run(sp, base, v[i].lo - 1u, 0);
		push_run(sp, base, hi, inside);
		next = hi + 1;
	}
	if (next <= top)
		push_run(sp, base, top, 0);
	return node_make(sp, level, base);
}

/* Type and code share a digit. Either may be NULL. */
uint32_t field_icmp(struct pset_space *sp, const struct match *type, const struct match *code,
		    uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned t = 0; t < 256; t++) {
		if (type && !match_has(type, t)) {
			push_run(sp, base, t << 8 | 255, 0);
			continue;
		}
		for (unsigned c = 0; c < 256; c++)
			push_run(sp, base, t << 8 | c,
				 !code || match_has(code, c) ? inside : 0);
	}
	return node_make(sp, sp->level[FIELD_ICMP_TYPE], base);
}

uint32_t field_flags(struct pset_space *sp, unsigned value, unsigned mask, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned x = 0; x < 256; x++)
		push_run(sp, base, x, (x & mask) == value ? inside : 0);
	return node_make(sp, sp->level[FIELD_FLAGS], base);
}

uint32_t field_states(struct pset_space *sp, unsigned states, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned x = 0; x < STATE_COUNT; x++)
		push_run(sp, base, x, states >> x & 1 ? inside : 0);
	return node_make(sp, sp->level[FIELD_STATE], base);
}

/* The node of the first digit: inside where the bit is set. */
uint32_t first_node(struct pset_space *sp, const uint64_t *bits, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned i = 0; i < PSET_PROTOS / 64; i++) {
		unsigned at = 0;

		while (at < 64) {
			bool in = bits[i] >> at & 1;
			uint64_t rest = (in ? ~bits[i] : bits[i]) >> at;
			unsigned n = rest ? (unsigned)__builtin_ctzll(rest) : 64 - at;

			at += n < 64 - at ? n : 64 - at;
			push_run(sp, base, i * 64 + at - 1, in ? inside : 0);
		}
	}
	return node_make(sp, 0, base);
}
