/* SPDX-License-Identifier: Apache-2.0 */
#include "model/behind.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct done {
	const void *from, *to;
};

struct rewriter {
	struct matches *m;
	const struct behind *v;
	size_t n;
	VEC(struct done) rulesets, matches; /* by the id of `from` */
};

static enum field address_of(enum field iface)
{
	return iface == FIELD_IIF ? FIELD_SRC : FIELD_DST;
}

static bool names(const struct match *leaf, const char *iface)
{
	size_t len = strlen(leaf->iface.name);
	return leaf->iface.prefix ? !strncmp(leaf->iface.name, iface, len)
				  : !strcmp(leaf->iface.name, iface);
}

static const struct match *rewrite_leaf(struct rewriter *rw, const struct match *leaf)
{
	enum field field = (enum field)leaf->field, at = address_of(field);
	const struct match *any = match_none(rw->m);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		const struct match *here = match_none(rw->m), *spoken = here;
		bool whole = false; /* the condition names just one, and that is told of */
		for (size_t i = 0; i < rw->n; i++) {
			if (!rw->v[i].n[f])
				continue;
			const struct match *in = match_spans(rw->m, at, (enum family)f,
							     rw->v[i].spans[f], rw->v[i].n[f]);
			spoken = match_or(rw->m, spoken, in);
			if (!names(leaf, rw->v[i].iface))
				continue;
			here = match_or(rw->m, here, in);
			whole |= !leaf->iface.prefix;
		}
		const struct match *rest = match_and(rw->m, leaf, match_not(rw->m, spoken));
		if (!whole)
			here = match_or(rw->m, here, rest);
		any = match_or(rw->m, any,
			       match_and(rw->m, match_family(rw->m, (enum family)f), here));
	}
	return any;
}

static const struct match *rewrite(struct rewriter *rw, const struct match *m)
{
	if (!m->placed)
		return m;
	if (m->kind == MATCH_IFACE)
		return m->field == FIELD_IIF || m->field == FIELD_OIF ? rewrite_leaf(rw, m) : m;
	if (m->kind != MATCH_AND && m->kind != MATCH_OR && m->kind != MATCH_NOT)
		return m;
	while (rw->matches.n <= m->id)
		vec_add(&rw->matches);
	if (rw->matches.v[m->id].from == m)
		return rw->matches.v[m->id].to;
	const struct match *done;
	if (m->kind == MATCH_NOT) {
		done = match_not(rw->m, rewrite(rw, m->kids[0]));
	} else {
		const struct match **kids = xcalloc(m->n, sizeof(*kids));
		for (uint32_t i = 0; i < m->n; i++)
			kids[i] = rewrite(rw, m->kids[i]);
		done = m->kind == MATCH_AND ? match_and_n(rw->m, kids, m->n)
					    : match_or_n(rw->m, kids, m->n);
		free(kids);
	}
	rw->matches.v[m->id].from = m;
	rw->matches.v[m->id].to = done;
	return done;
}

/* Calls may lead into cycles: a copy is known before its rules are. */
static const struct ruleset *copy(struct rewriter *rw, const struct ruleset *rs)
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
	for (uint32_t i = 0; i < rs->n; i++) {
		rules[i].match = rewrite(rw, rules[i].match);
		if (rules[i].target && !rules[i].target->opaque)
			rules[i].target = copy(rw, rules[i].target);
	}
	return to;
}

const struct ruleset *behind_ruleset(struct matches *m, const struct ruleset *rs,
				     const struct behind *v, size_t n)
{
	struct rewriter rw = { .m = m, .v = v, .n = n };
	if (!n)
		return rs;
	const struct ruleset *to = copy(&rw, rs);
	vec_free(&rw.rulesets);
	vec_free(&rw.matches);
	return to;
}
