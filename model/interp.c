/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk is done twice, once for each bound, since a condition that isn't known bends the
 * two ways apart. In the lower walk a permit counts only when it is surely reached and surely
 * matched, a deny already when it may be; in the upper walk the other way round. What stands
 * behind an uncertain jump, goto or return is walked for what it would decide against the
 * bound (a deny for the lower, a permit for the upper), and then the other way is taken.
 */
#include "model/interp.h"

#include "model/skim.h"

/* Chains that call each other in a ladder can double the work at every rung. */
enum { DEPTH_MAX = 128, STEPS_MAX = 10 * 1000 * 1000 };

enum outcome { FELL_OFF, PERMITTED, DENIED, RETURNED };

struct walk {
	const struct packet *packet;
	bool upper;
	const struct rule *decided;
	const struct rule *unknown;
	unsigned depth;
	size_t steps;
	struct skims *skims; /* NULL: every rule is looked at */
};

static enum outcome walk_rules(struct walk *w, const struct ruleset *rs);

/* What decides even where it is only possible: a deny for the lower bound, a permit for the
 * upper. */
static enum outcome eager(const struct walk *w)
{
	return w->upper ? PERMITTED : DENIED;
}

static enum outcome decide(struct walk *w, const struct rule *r, enum outcome o)
{
	w->decided = r;
	return o;
}

static void note_unknown(struct walk *w, const struct rule *r)
{
	if (!w->unknown)
		w->unknown = r;
}

/* Goes into the target of a jump or goto; a cycle is an unknown of its own. */
static enum outcome enter(struct walk *w, const struct rule *r)
{
	if (r->target->opaque || w->depth == DEPTH_MAX) {
		note_unknown(w, r);
		return decide(w, r, eager(w));
	}
	w->depth++;
	enum outcome o = walk_rules(w, r->target);
	w->depth--;
	return o == RETURNED ? FELL_OFF : o;
}

static enum outcome walk_surely(struct walk *w, const struct rule *r)
{
	enum outcome o;
	switch ((enum verdict)r->verdict) {
	case VERDICT_PERMIT:
		return decide(w, r, PERMITTED);
	case VERDICT_DENY:
		return decide(w, r, DENIED);
	case VERDICT_JUMP:
		return enter(w, r);
	case VERDICT_GOTO:
		o = enter(w, r);
		return o == FELL_OFF ? RETURNED : o;
	case VERDICT_RETURN:
		return RETURNED;
	case VERDICT_UNKNOWN:
		note_unknown(w, r);
		return decide(w, r, eager(w));
	default:
		return FELL_OFF; /* decides nothing */
	}
}

/* *leave is set where the rule may end this ruleset without deciding. */
static enum outcome walk_perhaps(struct walk *w, const struct rule *r, bool *leave)
{
	enum outcome o;
	if (r->verdict == VERDICT_CONTINUE)
		return FELL_OFF;
	note_unknown(w, r);
	switch ((enum verdict)r->verdict) {
	case VERDICT_PERMIT:
		return w->upper ? decide(w, r, PERMITTED) : FELL_OFF;
	case VERDICT_DENY:
		return w->upper ? FELL_OFF : decide(w, r, DENIED);
	case VERDICT_UNKNOWN:
		return decide(w, r, eager(w));
	case VERDICT_RETURN:
		*leave = true;
		return FELL_OFF;
	default: /* a jump or goto */
		o = enter(w, r);
		if (o == eager(w))
			return o;
		*leave |= r->verdict == VERDICT_GOTO && o == FELL_OFF;
		return FELL_OFF;
	}
}

static enum outcome walk_rules(struct walk *w, const struct ruleset *rs)
{
	/* Set behind a goto or return that may be taken: what the rest decides counts only
	 * where it is eager, otherwise the caller goes on. */
	bool leaving = false;
	struct skim_at at;
	bool skims = w->skims && skim_seek(w->skims, rs, w->packet, &at);
	for (uint32_t i = 0;; i++) {
		if (skims)
			i = skim_next(&at, i);
		if (i >= rs->n)
			break;
		const struct rule *r = &rs->rules[i];
		if (r->flags & RULE_INACTIVE)
			continue;
		if (++w->steps > STEPS_MAX) {
			note_unknown(w, r);
			return decide(w, r, eager(w));
		}
		enum truth t = match_judge(r->match, w->packet);
		enum outcome o = t == TRUTH_TRUE      ? walk_surely(w, r)
				 : t == TRUTH_UNKNOWN ? walk_perhaps(w, r, &leaving)
						      : FELL_OFF;
		if (o != FELL_OFF)
			return leaving && o != eager(w) ? RETURNED : o;
	}
	return leaving ? RETURNED : FELL_OFF;
}

static bool walk(struct walk *w, const struct ruleset *rs)
{
	enum outcome o = walk_rules(w, rs);
	if (o == PERMITTED || o == DENIED)
		return o == PERMITTED;
	w->decided = NULL;
	return rs->dflt == VERDICT_PERMIT || (rs->dflt == VERDICT_UNKNOWN && w->upper);
}

struct interp_answer interp(const struct ruleset *rs, const struct packet *p)
{
	return interp_skimming(rs, p, NULL);
}

struct interp_answer interp_skimming(const struct ruleset *rs, const struct packet *p,
				     struct skims *skims)
{
	struct walk lower = { .packet = p, .skims = skims };
	struct walk upper = { .packet = p, .upper = true, .skims = skims };
	struct interp_answer a = { .sure = walk(&lower, rs), .maybe = walk(&upper, rs) };
	a.sure_rule = lower.decided;
	a.maybe_rule = upper.decided;
	a.unknown_rule = lower.unknown ? lower.unknown : upper.unknown;
	return a;
}
