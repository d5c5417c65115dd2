/* SPDX-License-Identifier: Apache-2.0 */
#include "model/answer.h"

static const struct {
	uint8_t asks, answers;
} icmp_pairs[] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 }, { 128, 129 } };

enum { N_PAIRS = sizeof(icmp_pairs) / sizeof(*icmp_pairs) };

static bool holds(const struct match *leaf, unsigned value)
{
	for (uint32_t i = 0; i < leaf->n; i++)
		if (value >= leaf->ranges[i].lo && value <= leaf->ranges[i].hi)
			return true;
	return false;
}

static const struct match *constant(struct matches *m, bool yes)
{
	return yes ? match_all(m) : match_none(m);
}

static const struct match *answer_type(struct matches *m, const struct match *leaf)
{
	struct range r[N_PAIRS];
	size_t n = 0;
	for (size_t i = 0; i < N_PAIRS; i++)
		if (holds(leaf, icmp_pairs[i].answers))
			r[n++] = (struct range){ icmp_pairs[i].asks, icmp_pairs[i].asks };
	return match_ranges(m, FIELD_ICMP_TYPE, r, n);
}

const struct match *answer_expected(struct matches *m)
{
	struct range r[N_PAIRS];
	for (size_t i = 0; i < N_PAIRS; i++)
		r[i] = (struct range){ icmp_pairs[i].asks, icmp_pairs[i].asks };
	return match_ranges(m, FIELD_ICMP_TYPE, r, N_PAIRS);
}

static const struct match *answer_leaf(struct matches *m, const struct match *leaf, void *user)
{
	static const unsigned syn_ack = TCP_SYN | TCP_ACK;
	(void)user;
	if (leaf->kind == MATCH_FLAGS)
		return (syn_ack & leaf->flags.mask) == leaf->flags.value
			       ? match_flags(m, 0, 0)
			       : match_none(m);
	if (leaf->kind == MATCH_RANGES && leaf->field == FIELD_STATE)
		return constant(m, holds(leaf, STATE_ESTABLISHED));
	if (leaf->kind == MATCH_RANGES && leaf->field == FIELD_FRAGMENT)
		return constant(m, holds(leaf, 0));
	if (leaf->kind == MATCH_RANGES && leaf->field == FIELD_ICMP_TYPE)
		return answer_type(m, leaf);
	if (leaf->kind == MATCH_RANGES && leaf->field == FIELD_ICMP_CODE)
		return holds(leaf, 0) ? match_range(m, FIELD_ICMP_TYPE, 0, 255) : match_none(m);
	return match_swap(m, leaf);
}

struct rewriter answer_rewriter(struct matches *m)
{
	return (struct rewriter){ .m = m, .leaf = answer_leaf, .ids = ANSWER_IDS };
}

static const struct match *unseen_leaf(struct matches *m, const struct match *leaf, void *user)
{
	if (leaf->kind == MATCH_RANGES && leaf->field == FIELD_STATE)
		return match_unknown(m, LOC_NONE, "state of a conversation that went another way");
	return answer_leaf(m, leaf, user);
}

struct rewriter answer_rewriter_unseen(struct matches *m)
{
	return (struct rewriter){ .m = m, .leaf = unseen_leaf, .ids = 3u * ANSWER_IDS };
}
