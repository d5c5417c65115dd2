/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/engine.h"

#include <stdlib.h>
#include <string.h>

#include "diff/pull.h"
#include "model/answer.h"
#include "model/way.h"

struct lowered_entry {
	struct bounds b[FAMILY_COUNT];
	bool done[FAMILY_COUNT];
	bool too_large[FAMILY_COUNT]; /* lower it again within each pair */
};

void engine_init(struct engine *en, struct arena *a, const struct estate *e,
		 const struct snapshot *s, const struct graph *g, size_t budget,
		 const bool *failed, struct engine *peer)
{
	memset(en, 0, sizeof(*en));
	en->arena = a;
	en->estate = e;
	en->snap = s;
	en->budget = budget ? budget : (size_t)1 << 30;
	en->failed = failed;
	en->graph = g ? g : graph_create(a, e, s);
	matches_init(&en->matches, a);
	en->flows = flows_index(a, e->policy);
	en->answers = answer_rewriter(&en->matches);
	en->unseen = answer_rewriter_unseen(&en->matches);
	en->peer = peer;
	en->borrowed = peer != NULL;
	if (peer)
		peer->peer = en;
	en->asks = arena_alloc(a, s->n_rulesets + 1);
	en->zones = arena_array(a, e->policy->n_zones, sizeof(*en->zones));
	for (int f = 0; f < FAMILY_COUNT; f++)
		en->space[f] = peer ? peer->space[f] : pset_space_create((enum family)f, en->budget);
	en->n_rules = s->n_rules + 1;
	en->rules = arena_array(a, en->n_rules, sizeof(*en->rules));
	vec_each(dp, &s->devices) {
		const struct device *d = *dp;
		for (size_t i = 0; i < d->n_rulesets; i++) {
			const struct ruleset *rs = d->rulesets[i];
			for (uint32_t k = 0; k < rs->n; k++)
				en->rules[rs->rules[k].id] =
					(struct rule_place){ d, rs, &rs->rules[k] };
		}
	}
}

void engine_finish(struct engine *en)
{
	for (size_t i = 0; i < en->lowered.n; i++)
		free(en->lowered.entries[i].value);
	map_finish(&en->lowered);
	for (int f = 0; f < FAMILY_COUNT; f++)
		lower_calls_clear(&en->calls[f]);
	text_finish(&en->key);
	rewriter_finish(&en->answers);
	rewriter_finish(&en->unseen);
	matches_finish(&en->matches);
	if (en->peer)
		en->peer->peer = NULL;
	for (int f = 0; f < FAMILY_COUNT && !en->borrowed; f++)
		pset_space_destroy(en->space[f]);
}

const struct rule_place *engine_rule(const struct engine *en, const struct rule *r)
{
	const struct rule_place *rp = r->id < en->n_rules ? &en->rules[r->id] : NULL;
	if (!rp || !rp->rule)
		return NULL;
	const struct loc a = rp->rule->at, b = r->at;
	bool copy = b.src && a.src == b.src && a.line == b.line && a.col == b.col &&
		    a.path == b.path;
	return rp->rule == r || copy ? rp : NULL;
}

struct root_list {
	VEC(struct pset *) v;
};

static void add_zones(struct engine *en, int f, struct root_list *roots)
{
	for (size_t i = 0; i < en->estate->policy->n_zones; i++)
		for (int side = 0; side < 2; side++)
			if (en->zones[i].done[f][side])
				*vec_add(&roots->v) = &en->zones[i].set[f][side];
}

static void add_calls(struct engine *en, int f, struct root_list *roots)
{
	for (size_t i = 0; i < en->calls[f].done.n; i++) {
		struct lower_call *lc = en->calls[f].done.entries[i].value;
		for (int maybe = 0; maybe < 2; maybe++)
			if (lc->known[maybe])
				*vec_add(&roots->v) = &lc->f[maybe];
	}
}

/* Everything of the family that is kept is a root. */
static void collect(struct engine *en, int f)
{
	struct root_list roots = { { 0 } };
	for (size_t i = 0; i < en->n_keep[f]; i++)
		*vec_add(&roots.v) = &en->keep[f][i];
	for (struct engine *e = en; e; e = e == en ? en->peer : NULL) {
		add_zones(e, f, &roots);
		add_calls(e, f, &roots);
		for (size_t i = 0; i < e->lowered.n; i++) {
			struct lowered_entry *le = e->lowered.entries[i].value;
			if (!le->done[f] || le->too_large[f])
				continue;
			*vec_add(&roots.v) = &le->b[f].sure;
			*vec_add(&roots.v) = &le->b[f].maybe;
		}
	}
	pset_space_collect(en->space[f], (struct pset *const *)roots.v.v, roots.v.n);
	pset_space_trim(en->space[f], en->budget / 8);
	vec_free(&roots.v);
}

/* What was kept the last time is kept again: only what came since can be given up. */
static bool is_crowded(const struct engine *en, int f)
{
	size_t bytes = pset_space_bytes(en->space[f]);
	return bytes >= en->budget / 4 && bytes >= en->kept[f] + en->budget / 8;
}

void engine_breathe(struct engine *en)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		/* Long before memory is short: the sets of a pair are of no use to others, and what
		 * is small stays near the processor. */
		if (!pset_space_is_full(en->space[f]) && !is_crowded(en, f))
			continue;
		collect(en, f);
		en->kept[f] = pset_space_bytes(en->space[f]);
		if (en->kept[f] < en->budget / 2)
			continue;
		/* What is kept leaves no room to work: lower within each pair from now on. */
		for (size_t i = 0; i < en->lowered.n; i++) {
			struct lowered_entry *le = en->lowered.entries[i].value;
			le->too_large[f] = le->too_large[f] || le->done[f];
		}
		lower_calls_clear(&en->calls[f]);
		collect(en, f);
		en->kept[f] = pset_space_bytes(en->space[f]);
	}
}

struct pset_assume engine_assume(const struct stage *st)
{
	return (struct pset_assume){ .iif = st->iif,
				     .oif = st->oif,
				     .physin = st->physin,
				     .physout = st->physout,
				     .first = true };
}

/* What a ruleset asks of the place; KNOWN: that was looked up. */
enum { ASKS_IIF = 1, ASKS_OIF = 2, ASKS_LINK = 4, ASKS_ALL = 7, ASKS_KNOWN = 8 };

/* A heavy expression asks for all. */
static unsigned match_asks(const struct match *m)
{
	enum { WALKED = 4096 };
	unsigned asks = 0;
	if (!m->placed && !m->linked)
		return 0;
	if (m->weight > WALKED)
		return ASKS_ALL;
	if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT)
		for (uint32_t i = 0; i < m->n; i++)
			asks |= match_asks(m->kids[i]);
	else if (m->kind == MATCH_IFACE)
		asks = m->field == FIELD_IIF   ? ASKS_IIF
		       : m->field == FIELD_OIF ? ASKS_OIF
					       : ASKS_LINK;
	else
		asks = ASKS_ALL;
	return asks;
}

/* On which words of its place what the ruleset says may depend. */
static unsigned ruleset_asks(struct engine *en, const struct ruleset *rs)
{
	if (rs->id >= ANSWER_IDS) /* a copy for answers, which isn't in the snapshot */
		return ASKS_ALL;
	uint8_t *known = &en->asks[rs->id];
	if (*known)
		return *known & ASKS_ALL;
	unsigned asks = rs->opaque ? ASKS_ALL : 0; /* calls of calls without end are not followed */
	for (uint32_t i = 0; i < rs->n && asks != ASKS_ALL; i++) {
		asks |= match_asks(rs->rules[i].match);
		if (rs->rules[i].target)
			asks |= ruleset_asks(en, rs->rules[i].target);
	}
	*known = (uint8_t)(asks | ASKS_KNOWN);
	return asks;
}

static bool is_same_anywhere(void *user, const struct ruleset *rs)
{
	return !ruleset_asks(user, rs);
}

/* Places of one key are one place to the ruleset: it asks only for what is in the key, and for
 * whether the rest is known. */
static struct lowered_entry *entry_of(struct engine *en, const struct stage *st)
{
	struct text *key = &en->key;
	unsigned asks = ruleset_asks(en, st->ruleset);
	struct stage place = { .ruleset = st->ruleset };
	if (asks) {
		place = *st;
		place.iif = st->iif && !(asks & ASKS_IIF) ? "" : st->iif;
		place.oif = st->oif && !(asks & ASKS_OIF) ? "" : st->oif;
		place.physin = st->physin && !(asks & ASKS_LINK) ? "" : st->physin;
		place.physout = st->physout && !(asks & ASKS_LINK) ? "" : st->physout;
	}
	text_clear(key);
	stage_key(key, &place);
	void **at = map_atn(&en->lowered, key->s, key->len);
	if (!*at)
		*at = xcalloc(1, sizeof(struct lowered_entry));
	return *at;
}

bool engine_whole(struct engine *en, enum family f, const struct stage *st,
			struct bounds *ret)
{
	struct lowered_entry *le = entry_of(en, st);
	if (!le->done[f] && !le->too_large[f]) {
		struct pset_space *sp = en->space[f];
		struct pset_assume as = engine_assume(st);
		en->calls[f].same = is_same_anywhere;
		en->calls[f].user = en;
		struct lowered l = lower_again(sp, st->ruleset, &as, pset_universe(sp, &as),
					       &en->calls[f]);
		le->done[f] = true;
		le->too_large[f] = pset_is_spent(l.sure) || pset_is_spent(l.maybe);
		le->b[f] = (struct bounds){ l.sure, l.maybe };
	}
	*ret = le->b[f];
	return !le->too_large[f];
}

struct bounds bounds_and(struct pset_space *sp, struct bounds a, struct bounds b)
{
	struct pset sure = pset_and(sp, a.sure, b.sure);
	bool exact = pset_equal(a.sure, a.maybe) && pset_equal(b.sure, b.maybe);
	return (struct bounds){ sure, exact ? sure : pset_and(sp, a.maybe, b.maybe) };
}

struct bounds engine_stage(struct engine *en, enum family f, const struct stage *st,
			   struct pset within)
{
	struct bounds b, w = { within, within };
	if (engine_whole(en, f, st, &b))
		return bounds_and(en->space[f], b, w);
	struct pset_assume as = engine_assume(st);
	struct lowered l = lower(en->space[f], st->ruleset, &as, within);
	return (struct bounds){ l.sure, l.maybe };
}

bool engine_nat_applies(const struct nat *n, const struct point *pt)
{
	/* A translation works on the way there and on the way back. */
	bool there = (!n->in || !pt->iif || !strcmp(n->in, pt->iif)) &&
		     (!n->out || !pt->oif || !strcmp(n->out, pt->oif));
	bool back = (!n->in || !pt->oif || !strcmp(n->in, pt->oif)) &&
		    (!n->out || !pt->iif || !strcmp(n->out, pt->iif));
	return there || back;
}

const struct nat *engine_nat(const struct route_way *way, const struct packet *p,
			     const struct device **ret_device)
{
	struct packet here = *p, gone = *p;
	for (size_t i = 0; i < way->n_points; i++, here = gone) {
		const struct point *pt = &way->points[i];
		const struct device *d = pt->device;
		/* which of its translations sees what the others made of it isn't told */
		for (size_t k = 0; k < pt->n_steps; k++)
			way_step_packet(pt, &pt->steps[k], &gone);
		for (size_t k = 0; d && k < d->n_nats; k++)
			if (d->nats[k].kind == NAT_BOUND && engine_nat_applies(&d->nats[k], pt) &&
			    (match_judge(d->nats[k].touches, &here) != TRUTH_FALSE ||
			     match_judge(d->nats[k].touches, &gone) != TRUTH_FALSE))
				return *ret_device = d, &d->nats[k];
	}
	return NULL;
}

bool engine_tainted(const struct engine *en, const struct point *pt, const char **ret_why,
		    struct loc *ret_at)
{
	const struct device *d = pt->device;
	if (!d)
		return false;
	if (en->failed && pt->source && en->failed[pt->source - en->estate->sources]) {
		*ret_why = "its source could not be read to its end";
		*ret_at = d->at;
		return true;
	}
	if (en->stale && pt->source && en->stale[pt->source - en->estate->sources]) {
		*ret_why = "its export is older than the estate allows";
		*ret_at = pt->source->at;
		return true;
	}
	for (size_t i = 0; i < d->n_taints; i++) {
		const char *port = d->taints[i].port;
		if (port && pt->iif && pt->oif && strcmp(port, pt->iif) && strcmp(port, pt->oif))
			continue;
		*ret_why = d->taints[i].why;
		*ret_at = d->taints[i].at;
		return true;
	}
	return false;
}
