/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ruleset becomes a function from packets to what becomes of them: nothing said (it falls
 * through), RETURN, or "rule r denies / permits". A list of plain rules is `over` of their
 * functions, first on top. A jump is the target's function where the jump's condition holds,
 * with RETURN turned into nothing said; a goto turns what the target leaves open into RETURN.
 *
 * Each bound is lowered by itself. `eager` is the verdict that counts even where it is only
 * possible: deny for sure, permit for maybe. A condition has two sets, lo and hi; what lies
 * between (`gap`) may be matched or not:
 *
 *	plain rule	matches by hi if it is eager, by lo if not
 *	jump		in the gap the target's eager part counts, the rest goes on behind
 *	return, goto	in the gap the eager part of all that stands behind in this ruleset counts,
 *			then the caller goes on
 *
 * which is what "both ways permit" (sure) and "either way permits" (maybe) come to, since
 * each is decided by the first eager verdict on either way. model/interp.c does the same for
 * one packet without sets.
 */
#include "model/lower.h"

#include <stdlib.h>

#include "base/vec.h"

enum { LABEL_RETURN = 1 };

static uint32_t label_of(uint32_t rule_id, bool permit)
{
	return 2 * rule_id + permit;
}

struct job {
	struct pset_space *sp;
	const struct pset_assume *as;
	struct pset within;
	bool maybe;
	bool by_rule; /* labels tell the rule; otherwise all rules have id 1 */
	bool open;    /* something that was met may be so or so: the two bounds differ */
	/* functions of called rulesets: open addressing by ruleset id */
	struct done {
		const struct ruleset *rs;
		struct pset f;
		bool open; /* something in it was open, as in the job */
	} *done;
	size_t n_done, n_slots;
	struct lower_calls *calls; /* of other jobs, or NULL */
};

static struct done *done_slot(const struct job *j, const struct ruleset *rs)
{
	size_t i = rs->id * 2654435761u & (j->n_slots - 1);
	while (j->done[i].rs && j->done[i].rs != rs)
		i = (i + 1) & (j->n_slots - 1);
	return &j->done[i];
}

static void done_add(struct job *j, struct done d)
{
	if (j->n_done * 2 >= j->n_slots) {
		struct done *old = j->done;
		size_t n = j->n_slots;
		j->n_slots = n ? n * 2 : 16;
		j->done = xcalloc(j->n_slots, sizeof(*j->done));
		for (size_t i = 0; i < n; i++)
			if (old[i].rs)
				*done_slot(j, old[i].rs) = old[i];
		free(old);
	}
	*done_slot(j, d.rs) = d;
	j->n_done++;
}

static uint32_t eager_bit(const struct job *j)
{
	return j->maybe;
}

/* The part of f whose labels are eager. */
static struct pset eager_part(struct job *j, struct pset f)
{
	size_t n = pset_labels(j->sp, f, NULL, 0);
	uint32_t *labels = xcalloc(n, sizeof(*labels));
	struct pset set = pset_none();
	pset_labels(j->sp, f, labels, n);
	for (size_t i = 0; i < n; i++)
		if (labels[i] > LABEL_RETURN && (labels[i] & 1) == eager_bit(j))
			set = pset_or(j->sp, set, pset_where(j->sp, f, labels[i]));
	free(labels);
	return pset_within(j->sp, f, set);
}

static struct pset function_of(struct job *j, const struct ruleset *rs);

/* Where other jobs left the function; NULL: it isn't theirs (none is that asks by rule). */
static struct lower_call *call_of(const struct job *j, const struct ruleset *rs)
{
	if (!j->calls || !j->calls->same(j->calls->user, rs))
		return NULL;
	void **at = map_atn(&j->calls->done, (const char *)&rs, sizeof(rs));
	if (!*at)
		*at = xcalloc(1, sizeof(struct lower_call));
	return *at;
}

/* What a call says, RETURN turned into nothing, and whether something in it is open by itself. */
static struct done call(struct job *j, const struct ruleset *rs)
{
	static const uint32_t no_return[] = { 0, 0 };
	struct lower_call *lc = call_of(j, rs);
	if (lc && lc->known[j->maybe])
		return (struct done){ rs, lc->f[j->maybe], lc->open[j->maybe] };
	bool before = j->open;
	j->open = false;
	struct pset f = pset_relabel(j->sp, function_of(j, rs), no_return, 2);
	struct done d = { rs, f, j->open };
	j->open = before;
	if (lc && !pset_is_spent(f)) {
		lc->f[j->maybe] = f;
		lc->open[j->maybe] = d.open;
		lc->known[j->maybe] = true;
	}
	return d;
}

/* What a call of the rule's target says. */
static struct pset called(struct job *j, const struct rule *r)
{
	if (!j->n_slots || !done_slot(j, r->target)->rs)
		done_add(j, call(j, r->target));
	const struct done *d = done_slot(j, r->target);
	j->open |= d->open;
	return d->f;
}

struct cond {
	struct pset lo, hi, gap;
};

/* Whether conditions on interfaces can be judged. */
static bool placed(const struct job *j)
{
	return j->as && j->as->iif && j->as->oif;
}

static struct cond cond_of(struct job *j, const struct rule *r)
{
	struct cond c;
	c.hi = pset_and(j->sp, pset_hi(j->sp, r->match, j->as), j->within);
	c.lo = c.hi;
	if (r->match->inexact || r->match->linked || (r->match->placed && !placed(j)))
		c.lo = pset_and(j->sp, pset_lo(j->sp, r->match, j->as), j->within);
	c.gap = c.lo.id == c.hi.id ? pset_none() : pset_minus(j->sp, c.hi, c.lo);
	return c;
}

static struct pset over(struct job *j, struct pset f, struct pset g)
{
	return pset_over(j->sp, f, g);
}

static struct pset in(struct job *j, struct pset f, struct pset set)
{
	return pset_within(j->sp, f, set);
}

static bool is_call(const struct rule *r)
{
	return r->verdict == VERDICT_JUMP || r->verdict == VERDICT_GOTO;
}

/* A rule whose function doesn't depend on what stands behind it. */
static struct pset plain(struct job *j, const struct rule *r, const struct cond *c)
{
	uint32_t id = j->by_rule ? r->id : 1;
	bool permit = r->verdict == VERDICT_PERMIT;
	if (r->verdict == VERDICT_UNKNOWN || (is_call(r) && r->target->opaque))
		return pset_label(j->sp, c->hi, label_of(id, j->maybe));
	if (r->verdict == VERDICT_PERMIT || r->verdict == VERDICT_DENY)
		return pset_label(j->sp, permit == j->maybe ? c->hi : c->lo, label_of(id, permit));
	if (r->verdict == VERDICT_RETURN)
		return pset_label(j->sp, c->lo, LABEL_RETURN);
	struct pset g = called(j, r), f = in(j, g, c->lo);
	if (!pset_is_empty(c->gap))
		f = over(j, f, in(j, eager_part(j, g), c->gap));
	if (r->verdict == VERDICT_GOTO)
		f = over(j, f, pset_label(j->sp, c->lo, LABEL_RETURN));
	return f;
}

/* A return or goto that may be taken, on top of all that stands behind it. */
static struct pset may_leave(struct job *j, const struct rule *r, const struct cond *c,
			     struct pset behind)
{
	struct pset open = c->gap, f = plain(j, r, c);
	if (r->verdict == VERDICT_GOTO)
		open = pset_and(j->sp, open, pset_where(j->sp, called(j, r), 0));
	struct pset left = over(j, in(j, eager_part(j, behind), open),
				pset_label(j->sp, open, LABEL_RETURN));
	return over(j, f, over(j, left, behind));
}

/* A run that was gathered back to front, on top of what stands behind it. */
static struct pset compile_run(struct job *j, struct pset *v, size_t n, struct pset behind)
{
	for (size_t a = 0, b = n; a + 1 < b; a++, b--) {
		struct pset x = v[a];
		v[a] = v[b - 1], v[b - 1] = x;
	}
	return over(j, pset_compile(j->sp, v, n, false, NULL, 0), behind);
}

static struct pset function_of(struct job *j, const struct ruleset *rs)
{
	VEC(struct pset) run = { 0 };
	struct pset behind = pset_none();
	/* From the last rule to the first, in runs that end at a rule that may leave; a run is
	 * gathered back to front. */
	for (uint32_t i = rs->n; i-- > 0;) {
		const struct rule *r = &rs->rules[i];
		if (r->flags & RULE_INACTIVE || r->verdict == VERDICT_CONTINUE)
			continue;
		struct cond c = cond_of(j, r);
		bool leaves = (r->verdict == VERDICT_RETURN ||
			       (r->verdict == VERDICT_GOTO && !r->target->opaque)) &&
			      !pset_is_empty(c.gap);
		if (pset_is_empty(c.hi))
			continue;
		j->open |= !pset_is_empty(c.gap) || r->verdict == VERDICT_UNKNOWN ||
			   (r->target && r->target->opaque);
		if (!leaves) {
			*vec_add(&run) = plain(j, r, &c);
			continue;
		}
		behind = compile_run(j, run.v, run.n, behind);
		behind = may_leave(j, r, &c, behind);
		run.n = 0;
	}
	behind = compile_run(j, run.v, run.n, behind);
	vec_free(&run);
	return behind;
}

static struct pset lower_one(struct pset_space *sp, const struct ruleset *rs,
			     const struct pset_assume *as, struct pset within, bool maybe,
			     struct lower_calls *calls, bool *ret_open)
{
	struct job j = {
		.sp = sp, .as = as, .within = within, .maybe = maybe, .calls = calls
	};
	struct pset f = function_of(&j, rs);
	free(j.done);
	*ret_open = j.open || rs->dflt == VERDICT_UNKNOWN;
	bool open = rs->dflt == VERDICT_PERMIT || (rs->dflt == VERDICT_UNKNOWN && maybe);
	if (open)
		return pset_minus(sp, within, pset_where(sp, f, label_of(1, false)));
	return pset_where(sp, f, label_of(1, true));
}

struct lowered lower_again(struct pset_space *sp, const struct ruleset *rs,
			   const struct pset_assume *as, struct pset within,
			   struct lower_calls *calls)
{
	bool open;
	struct lowered l = { .sure = lower_one(sp, rs, as, within, false, calls, &open) };
	l.maybe = open ? lower_one(sp, rs, as, within, true, calls, &open) : l.sure;
	return l;
}

struct lowered lower(struct pset_space *sp, const struct ruleset *rs,
		     const struct pset_assume *as, struct pset within)
{
	return lower_again(sp, rs, as, within, NULL);
}

void lower_calls_clear(struct lower_calls *calls)
{
	for (size_t i = 0; i < calls->done.n; i++)
		free(calls->done.entries[i].value);
	map_finish(&calls->done);
}

struct pset lower_decides(struct pset_space *sp, const struct ruleset *rs,
			  const struct pset_assume *as, enum bound bound, struct pset within)
{
	static const uint32_t no_return[] = { 0, 0 };
	bool maybe = bound == BOUND_MAYBE;
	struct job j = { .sp = sp, .as = as, .within = within, .maybe = maybe, .by_rule = true };
	struct pset f = pset_relabel(sp, function_of(&j, rs), no_return, 2);
	free(j.done);
	bool open = rs->dflt == VERDICT_PERMIT || (rs->dflt == VERDICT_UNKNOWN && maybe);
	return over(&j, f, pset_label(sp, within, label_of(LOWER_DEFAULT, open)));
}
