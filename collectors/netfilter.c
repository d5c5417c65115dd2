/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/netfilter.h"

struct rule nf_glue(const struct match *m, enum verdict verdict, struct loc at,
		    const char *note)
{
	return (struct rule){ .at = at,
			      .match = m,
			      .verdict = (uint8_t)verdict,
			      .note = note,
			      .flags = RULE_GLUE | RULE_IMPLICIT };
}

/* The chain as bridged packets meet it; NULL where none does. */
static const struct ruleset *bridged(struct device_build *b, const struct nf_host *h,
				     const struct ruleset *rs, unsigned families, struct loc at)
{
	struct matches *m = &b->snap->matches;
	struct rule v[FAMILY_COUNT + 1];
	size_t n = 0;
	bool any = false;
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT; f++) {
		const struct match *of = match_family(m, f);
		bool here = families & 1u << f;
		any |= here && h->bridged[f] != NF_NO;
		if (here && h->bridged[f] == NF_YES)
			continue;
		if (here && h->bridged[f] == NF_OPEN)
			of = match_and(
				m, of,
				match_unknown(m, LOC_NONE, "whether bridged packets meet it"));
		v[n++] = nf_glue(of, VERDICT_PERMIT, at,
				 "bridged packets do not meet the chain");
	}
	if (!any)
		return NULL;
	v[n] = nf_glue(match_all(m), VERDICT_JUMP, at, NULL);
	v[n++].target = rs;
	struct ruleset *glue = device_build_ruleset(
		b, arena_printf(b->snap->arena, "%s (bridged)", rs->name), rs->kind, rs->at);
	glue->glue = true;
	glue->dflt = rs->dflt;
	glue->dflt_at = rs->dflt_at;
	glue->stateful = rs->stateful;
	device_build_rules(b, glue, v, n);
	return glue;
}

void nf_bind(struct device_build *b, const struct nf_host *h, const struct ruleset *rs,
	     enum hook_kind kind, int order, unsigned families, struct loc at)
{
	device_build_hook(b, kind, order, NULL, rs, at);
	if (!h->bridges || kind == HOOK_LOCAL_IN || kind == HOOK_LOCAL_OUT ||
	    kind == HOOK_OTHER)
		return;
	const struct ruleset *glue = bridged(b, h, rs, families, at);
	if (!glue)
		return;
	device_build_hook(b, kind, order, NULL, glue, at);
	b->hooks.v[b->hooks.n - 1].layer = LAYER_BRIDGED;
}

/* No packet of an established connection meets the condition. */
static bool excludes_established(const struct match *m)
{
	if (m->kind == MATCH_AND)
		for (uint32_t i = 0; i < m->n; i++)
			if (excludes_established(m->kids[i]))
				return true;
	if (m->kind != MATCH_RANGES || m->field != FIELD_STATE)
		return false;
	for (uint32_t i = 0; i < m->n; i++)
		if (m->ranges[i].lo <= STATE_ESTABLISHED &&
		    STATE_ESTABLISHED <= m->ranges[i].hi)
			return false;
	return true;
}

bool nf_is_stateful(const struct ruleset *rs)
{
	for (uint32_t i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rules[i];
		if (r->flags & RULE_GLUE || r->verdict == VERDICT_PERMIT ||
		    r->verdict == VERDICT_CONTINUE) {
			const struct match *m = r->match;
			if (r->verdict == VERDICT_PERMIT && !m->inexact &&
			    (m->kind == MATCH_ALL ||
			     (m->kind == MATCH_RANGES && m->field == FIELD_STATE &&
			      !excludes_established(m))))
				return true;
			continue;
		}
		if (!excludes_established(r->match))
			return false;
	}
	return rs->dflt == VERDICT_PERMIT;
}
