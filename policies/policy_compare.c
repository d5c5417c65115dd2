/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policy_read.h"

#include <errno.h>

/*
 * Flows held against one another. They are unordered and deny beats allow, so that an overlap
 * of the two is legal, but seldom what the second author had in mind. What is both required
 * and denied can't be had at all.
 *
 * Every deny is held against every other flow; the work is bounded, and when it ends early
 * that is said.
 */

enum { COMPARE_BUDGET = 20 * 1000 * 1000, REPORT_COST = 50 };

static void spend(size_t *budget, size_t n)
{
	*budget -= n < *budget ? n : *budget;
}

static bool bits_meet(const uint64_t *a, const uint64_t *b, size_t n, size_t *budget)
{
	size_t i = 0;
	while (i < n && !(a[i] & b[i]))
		i++;
	spend(budget, i + 1);
	return i < n;
}

static bool flows_meet(const struct flow_sets *a, const struct flow_sets *b, size_t words,
		       size_t *budget)
{
	return bits_meet(a->from, b->from, words, budget) &&
	       bits_meet(a->to, b->to, words, budget) &&
	       services_meet(&a->parts, &b->parts, budget) && *budget;
}

static void report_overlap(struct policy_reader *pr, const struct flow *deny,
			   const struct flow *other)
{
	struct diags *d = pr->r.d;
	if (other->action == FLOW_REQUIRE) {
		diag_error(d, EINVAL, "policy.deny-overlaps-require", other->at,
			   "what '%s' requires is denied by '%s', which wins: narrow one of "
			   "the two",
			   other->id, deny->id);
		diag_related(d, deny->at, "'%s' denies here", deny->id);
	} else {
		diag_warning(d, "policy.deny-overlaps-allow", deny->at,
			     "'%s' denies part of what '%s' allows, and deny wins: narrow one "
			     "of the two if that isn't meant",
			     deny->id, other->id);
		diag_related(d, other->at, "'%s' allows here", other->id);
	}
}

static void find_overlaps(struct policy_reader *pr, const struct flow_sets *sets)
{
	const struct policy *p = pr->policy;
	size_t words = pr->words.n_zones / 64 + 1, budget = COMPARE_BUDGET;
	for (size_t i = 0; i < p->n_flows; i++) {
		if (p->flows[i].action != FLOW_DENY || !sets[i].whole)
			continue;
		for (size_t k = 0; k < p->n_flows && budget; k++)
			if (p->flows[k].action != FLOW_DENY && sets[k].whole &&
			    flows_meet(&sets[i], &sets[k], words, &budget)) {
				report_overlap(pr, &p->flows[i], &p->flows[k]);
				spend(&budget, REPORT_COST);
			}
		if (!budget) {
			diag_warning(pr->r.d, "policy.overlaps-unchecked", p->flows[i].at,
				     "too many flows to hold each deny against each allow: "
				     "checked up to this one");
			return;
		}
	}
}

/* Flows with the same action, zones and service; equal services are one node, mostly. */
static void find_repeats(struct policy_reader *pr, const struct flow_sets *sets)
{
	const struct policy *p = pr->policy;
	size_t bytes = (pr->words.n_zones / 64 + 1) * sizeof(uint64_t);
	struct map seen = { 0 };
	for (size_t i = 0; i < p->n_flows; i++) {
		if (!sets[i].whole)
			continue;
		struct {
			uint64_t from, to, service, action;
		} key = { siphash(sets[i].from, bytes), siphash(sets[i].to, bytes),
			  p->flows[i].service->id, p->flows[i].action };
		void **first = map_atn(&seen, (const char *)&key, sizeof(key));
		const struct flow *before = *first;
		if (!before) {
			*first = (void *)&p->flows[i];
			continue;
		}
		diag_note(pr->r.d, "policy.flow-repeats", p->flows[i].at,
			  "'%s' says again what '%s' says", p->flows[i].id, before->id);
		diag_related(pr->r.d, before->at, "'%s' is here", before->id);
	}
	map_finish(&seen);
}

void compare_flows(struct policy_reader *pr, const struct flow_sets *sets)
{
	find_overlaps(pr, sets);
	find_repeats(pr, sets);
}
