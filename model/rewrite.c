/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rewrite.h"

#include <stdlib.h>

const struct match *rewrite_match(struct rewriter *rw, const struct match *m)
{
	if (rw->placed && !m->placed)
		return m;
	if (m->kind != MATCH_AND && m->kind != MATCH_OR && m->kind != MATCH_NOT)
		return rw->leaf(rw->m, m, rw->user);
	while (rw->matches.n <= m->id)
		vec_add(&rw->matches);
	if (rw->matches.v[m->id].from == m)
		return rw->matches.v[m->id].to;
	const struct match *done;
	if (m->kind == MATCH_NOT) {
		done = match_not(rw->m, rewrite_match(rw, m->kids[0]));
	} else {
		const struct match **kids = xcalloc(m->n, sizeof(*kids));
		for (uint32_t i = 0; i < m->n; i++)
			kids[i] = rewrite_match(rw, m->kids[i]);
		done = m->kind == MATCH_AND ? match_and_n(rw->m, kids, m->n)
					    : match_or_n(rw->m, kids, m->n);
		free(kids);
	}
	rw->matches.v[m->id].from = m;
	rw->matches.v[m->id].to = done;
	return done;
}

/* Calls may lead into cycles: a copy is known before its rules are. */
const struct ruleset *rewrite_ruleset(struct rewriter *rw, const struct ruleset *rs)
{
	while (rw->rulesets.n <= rs->id)
		vec_add(&rw->rulesets);
	if (rw->rulesets.v[rs->id].from == rs)
		return rw->rulesets.v[rs->id].to;
	struct ruleset *to = arena_copy(rw->m->arena, rs, sizeof(*rs));
	struct rule *rules = arena_copy(rw->m->arena, rs->rules, rs->n * sizeof(*rules));
	rw->rulesets.v[rs->id].from = rs;
	rw->rulesets.v[rs->id].to = to;
	to->rules = rules;
	to->id += rw->ids;
	for (uint32_t i = 0; i < rs->n; i++) {
		rules[i].match = rewrite_match(rw, rules[i].match);
		if (rules[i].target && !rules[i].target->opaque)
			rules[i].target = rewrite_ruleset(rw, rules[i].target);
	}
	return to;
}

void rewriter_finish(struct rewriter *rw)
{
	vec_free(&rw->rulesets);
	vec_free(&rw->matches);
}
