/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Addresses moved by a constant: static translation, and zones that exist twice.
 *
 * The digits of the new address are those of the old one plus those of the distance, with a
 * carry that comes from below. So what stands below a digit is asked for twice, once for the
 * addresses that carry into it and once for those that don't; every node is visited at most
 * twice a digit, however the two ranges lie to each other.
 */

#include "model/pset_internal.h"

enum { DIGITS_MAX = 8 };

struct shift {
	unsigned first, digits;	       /* levels of the field */
	unsigned distance[DIGITS_MAX]; /* by digit, most significant first */
	unsigned carry; /* what leaves the field: 1 for a distance backwards, which is one
			 * forwards round the end */
	struct node_map above;		   /* of nodes above the field */
	struct node_map at[DIGITS_MAX][2]; /* of those at a digit, by the carry they give */
	uint32_t *child;		   /* runs being walked, one node above the other */
	uint16_t *bound;
	size_t n, cap_child, cap_bound;
};

/* The runs of a node as a stack of their own: nodes move while new ones are made. */
static size_t hold_runs(struct pset_space *sp, struct shift *j, uint32_t f, unsigned level)
{
	size_t base = j->n;
	if (node_level(sp, f) != level) {
		/* the level isn't asked: one run over all of it */
		j->child = vec_room(j->child, j->n, &j->cap_child, sizeof(*j->child));
		j->bound = vec_room(j->bound, j->n, &j->cap_bound, sizeof(*j->bound));
		j->child[j->n] = f;
		j->bound[j->n++] = sp->top[level];
		return base;
	}
	struct node nd = node_get(sp, f);
	for (uint32_t i = 0; i < nd.n; i++) {
		j->child = vec_room(j->child, j->n, &j->cap_child, sizeof(*j->child));
		j->bound = vec_room(j->bound, j->n, &j->cap_bound, sizeof(*j->bound));
		j->child[j->n] = nd.child[i];
		j->bound[j->n++] = nd.bound[i];
	}
	return base;
}

static uint32_t shift_digit(struct pset_space *sp, struct shift *j, uint32_t f, unsigned k,
			    unsigned carry);

/*
 * What of the runs from base on, moved by `by`, stays in the digit (carry 0) or leaves it
 * (carry 1); children are taken for the carry that they give.
 */
static uint32_t move_runs(struct pset_space *sp, struct shift *j, size_t base, size_t n,
			  unsigned k, unsigned given, unsigned carry)
{
	unsigned by = j->distance[k] + given, top = UINT16_MAX, next = 0;
	uint32_t *child = xmalloc(n * sizeof(*child));
	for (size_t i = 0; i < n; i++) {
		child[i] = shift_digit(sp, j, j->child[base + i], k + 1, given);
		if (child[i] == PSET_SPENT) {
			free(child);
			return PSET_SPENT;
		}
	}
	size_t at = sp->stack;
	unsigned lo = 0, end = 0; /* the first of the run; behind the last that was put */
	for (size_t i = 0; i < n; i++, lo = next) {
		next = j->bound[base + i] + 1u;
		/* old digits lo..next - 1 become lo + by.. + by, without the carry */
		unsigned from = lo + by, to = next - 1 + by, off = carry ? top + 1 : 0;
		if (from < off)
			from = off;
		if (to > off + top)
			to = off + top;
		if (from > to || from > off + top)
			continue;
		if (from - off > end)
			push_run(sp, at, from - off - 1, 0);
		push_run(sp, at, to - off, child[i]);
		end = to - off + 1;
	}
	free(child);
	if (end <= top)
		push_run(sp, at, top, 0);
	return node_make(sp, j->first + k, at);
}

/* The set of new digits from k on whose old ones are in f and give the carry. */
static uint32_t shift_digit(struct pset_space *sp, struct shift *j, uint32_t f, unsigned k,
			    unsigned carry)
{
	bool new;
	if (k == j->digits)
		return carry ? 0 : f;
	if (!f)
		return 0;
	double known = *node_map_at(&j->at[k][carry], f, &new);
	if (!new)
		return (uint32_t)known;
	size_t base = hold_runs(sp, j, f, j->first + k), n = j->n - base;
	uint32_t r = move_runs(sp, j, base, n, k, 0, carry);
	uint32_t other = r == PSET_SPENT ? r : move_runs(sp, j, base, n, k, 1, carry);
	if (r != PSET_SPENT)
		r = other == PSET_SPENT ? other : op_or(sp, r, other);
	j->n = base;
	*node_map_at(&j->at[k][carry], f, &new) = r;
	return r;
}

static uint32_t shift_above(struct pset_space *sp, struct shift *j, uint32_t f)
{
	unsigned level = node_level(sp, f);
	bool new;
	if (!f || level >= j->first)
		return shift_digit(sp, j, f, 0, j->carry);
	double known = *node_map_at(&j->above, f, &new);
	if (!new)
		return (uint32_t)known;
	size_t at = sp->stack;
	uint32_t n = node_get(sp, f).n, r;
	for (uint32_t i = 0; i < n; i++) {
		struct node nd = node_get(sp, f);
		unsigned bound = nd.bound[i];
		r = shift_above(sp, j, nd.child[i]);
		if (r == PSET_SPENT)
			return node_abandon(sp, at);
		push_run(sp, at, bound, r);
	}
	r = node_make(sp, level, at);
	*node_map_at(&j->above, f, &new) = r;
	return r;
}

struct pset pset_shift(struct pset_space *sp, struct pset s, enum field field, struct span from,
		       struct addr to)
{
	struct shift j = { .first = sp->level[field], .digits = sp->digits };
	struct pset moved = pset_and(sp, s, pset_spans(sp, field, &from, 1));
	struct addr by = { to.hi - from.lo.hi - (to.lo < from.lo.lo), to.lo - from.lo.lo };
	if (pset_is_spent(moved) || pset_is_empty(moved) || addr_equal(from.lo, to))
		return moved;
	by = addr_and(by, addr_max((enum family)sp->family));
	for (unsigned k = 0; k < j.digits; k++)
		j.distance[k] = addr_digit(sp, by, k);
	j.carry = addr_compare(to, from.lo) < 0;
	uint32_t r = shift_above(sp, &j, moved.id);
	node_map_finish(&j.above);
	for (unsigned k = 0; k < j.digits; k++)
		for (unsigned c = 0; c < 2; c++)
			node_map_finish(&j.at[k][c]);
	free(j.child);
	free(j.bound);
	return (struct pset){ r };
}
