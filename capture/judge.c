/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/judge.h"

#include <stdlib.h>
#include <string.h>

#include "capture/judge_internal.h"

static bool is_stale(const struct estate_source *src, int64_t as_of)
{
	return src->max_age >= 0 &&
	       (src->collected_at < 0 || as_of * 86400 - src->collected_at > src->max_age);
}

struct judge *judge_create(struct arena *a, const struct estate *e, const struct snapshot *s,
			   const struct check_options *o)
{
	struct judge *j = xcalloc(1, sizeof(*j));
	struct graph *g = graph_create(a, e, s);
	j->arena = a;
	j->estate = e;
	j->policy = e->policy;
	j->options = o;
	j->stale = xcalloc(e->n_sources + 1, sizeof(*j->stale));
	for (size_t i = 0; i < e->n_sources; i++)
		j->stale[i] = is_stale(&e->sources[i], o->as_of);
	engine_init(&j->engine, a, e, s, g, o->budget, o->failed, NULL);
	j->engine.stale = j->stale;
	j->identity = identity_create(a, e, g);
	j->quick = quick_create();
	return j;
}

void judge_destroy(struct judge *j)
{
	if (!j)
		return;
	engine_finish(&j->engine);
	for (size_t i = 0; i < j->pairs.n; i++) {
		for (int f = 0; f < FAMILY_COUNT; f++) {
			pset_image_destroy(j->pairs.v[i]->family[f].image);
			vec_free(&j->pairs.v[i]->family[f].exact.labels);
			vec_free(&j->pairs.v[i]->family[f].loose.labels);
		}
		free(j->pairs.v[i]);
	}
	vec_free(&j->pairs);
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_free(&j->kept[f]);
	quick_destroy(j->quick);
	free(j->slots);
	free(j->stale);
	free(j);
}

const struct policy *judge_policy(const struct judge *j)
{
	return j->policy;
}

const struct estate *judge_estate(const struct judge *j)
{
	return j->estate;
}

size_t judge_pairs(const struct judge *j)
{
	return j->pairs.n;
}

void judge_pair_zones(const struct judge *j, uint32_t pair, const struct zone **ret_from,
		      const struct zone **ret_to)
{
	*ret_from = j->pairs.v[pair]->from;
	*ret_to = j->pairs.v[pair]->to;
}

/* --- one conversation in one direction --- */

void judge_unknown(struct judgement *g, const char *why)
{
	g->observed = OBSERVED_UNKNOWN;
	g->why = why;
}

static bool listed(const struct segregation *s, const struct tenant *t)
{
	for (size_t i = 0; i < s->n_between; i++)
		if (s->between[i] == t)
			return true;
	return false;
}

bool kept_apart(const struct policy *p, const struct tenant *a, const struct tenant *b)
{
	if (!a || !b || a == b)
		return false;
	if (!a->shared && !b->shared)
		return true;
	for (size_t i = 0; i < p->n_segregations; i++)
		if (listed(&p->segregations[i], a) && listed(&p->segregations[i], b))
			return true;
	return false;
}

bool may_cross(const struct party *a, const struct party *b)
{
	bool a_open = a->ambiguous || a->masked || a->n_candidates;
	bool b_open = b->ambiguous || b->masked || b->n_candidates;
	const struct tenant *s = a->tenant, *t = b->tenant;
	if (s && t && s == t && !a->masked && !b->masked)
		return false;
	return (a_open && (b_open || (t && !t->shared))) ||
	       (b_open && (a_open || (s && !s->shared)));
}

/* Whether the pair's sets know of such a packet. */
static bool takes(struct judge *j, const struct zone *from, const struct zone *to,
		  const struct packet *p)
{
	uint32_t at = pair_of(j, from, to);
	const struct pair_label *l =
		at == JUDGE_NO_PAIR ? NULL : pair_label(j, j->pairs.v[at], p);
	return l && (l->bits & (PAIR_KNOWN | PAIR_GAP | PAIR_BEHIND));
}

static void settle(struct party *p, const struct candidate *c)
{
	if (c->translated)
		p->addr = addr_shift(p->addr, c->seen, c->from);
	p->zone = c->zone;
	p->tenant = c->zone->tenant;
	p->translated = c->translated;
	p->n_candidates = 0;
}

static const struct candidate *own_candidate(const struct party *p)
{
	for (size_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].own)
			return &p->candidates[i];
	return NULL;
}

/*
 * An address that leads to zones by translation: the one whose packets such a packet is, or the
 * zone that has the address itself. Of the one who begins, a static translation has replaced
 * it.
 */
static void settle_translated(struct judge *j, struct party *from, struct party *to,
			      struct packet *p)
{
	const struct candidate *own = own_candidate(from), *only = NULL;
	size_t n = 0;
	for (size_t i = 0; i < from->n_candidates && !from->ambiguous; i++)
		if (from->candidates[i].translated)
			only = &from->candidates[i], n++;
	if (n == 1 && (!own || own->zone->external)) {
		settle(from, only);
		p->src = from->addr;
	}
	if (!to->n_candidates || to->ambiguous || !from->zone)
		return;
	own = own_candidate(to);
	n = 0;
	for (size_t i = 0; i < to->n_candidates; i++)
		if (to->candidates[i].translated &&
		    takes(j, from->zone, to->candidates[i].zone, p))
			only = &to->candidates[i], n++;
	if (n == 1)
		settle(to, only);
	else if (!n && own)
		settle(to, own);
}

static const char no_zone[] = "no zone of the policy has the address";
static const char several[] = "zones of several segments have the address";
static const char hidden[] = "others are translated to the address, so that it isn't known "
			     "whose packets they are";
static const char leads[] = "the address is translated to several zones";
static const char group[] = "a multicast group, which the model doesn't follow";
static const char too_large[] =
	"the sets of packets are too large for the memory they may take";

/* Ends that can't be told, or that say all. True: it is decided. */
static bool by_ends(struct judge *j, struct judgement *g)
{
	struct party *from = &g->parties.from, *to = &g->parties.to;
	if (from->excluded || to->excluded || !j->policy->families[g->packet.family]) {
		g->observed = OBSERVED_EXCLUDED;
		return true;
	}
	if (from->local || to->local) {
		g->observed = OBSERVED_WITHIN;
		return true;
	}
	if (from->group || to->group) {
		judge_unknown(g, group);
		return true;
	}
	g->across = may_cross(from, to);
	if (from->masked) {
		judge_unknown(g, hidden);
		return true;
	}
	settle_translated(j, from, to, &g->packet);
	if (from->zone && to->zone)
		return false;
	const struct party *p = from->zone ? to : from;
	judge_unknown(g, p->ambiguous ? several : p->n_candidates ? leads : no_zone);
	return true;
}

/* What a service asks of the packet, where translations have it as it arrives. */
static const struct flow *declared_here(struct judge *j, const struct zone_pair *zp,
					const struct packet *p)
{
	const struct flow *fl, *found = NULL;
	for (size_t at = 0; (fl = flows_next(&j->engine.flows, zp->from, zp->to, &at));) {
		if (match_judge(fl->service, p) != TRUTH_TRUE)
			continue;
		if (fl->action == FLOW_DENY)
			return NULL;
		found = found ? found : fl;
	}
	return found;
}

bool declares_some(struct judge *j, const struct zone *from, const struct zone *to)
{
	const struct flow *fl;
	for (size_t at = 0; (fl = flows_next(&j->engine.flows, from, to, &at));)
		if (fl->action != FLOW_DENY)
			return true;
	return false;
}

static uint8_t answer(unsigned bits, unsigned sure, unsigned maybe)
{
	return bits & sure ? 2 : bits & maybe ? 1 : 0;
}

/* What the model lets through. */
static void by_model(const struct zone_pair *zp, const struct pair_family *pf, unsigned bits,
		     struct judgement *g)
{
	bool told = zp->known && (bits & PAIR_KNOWN) && !(bits & PAIR_GAP);
	for (int i = 0; i < PLANE_COUNT; i++) {
		uint8_t a = answer(bits, PAIR_PLANE_SURE << i, PAIR_PLANE_MAYBE << i);
		if (!a && (!told || (bits & PAIR_BEHIND)))
			a = 1;
		g->plane[i] = pf->present[i] ? a : 3;
	}
	g->together = answer(bits, PAIR_SURE, PAIR_MAYBE);
	if (!g->together && (bits & PAIR_BEHIND))
		g->together = 1;
	if (!told && g->together != 1) {
		g->together = 1;
		g->why = !zp->known && zp->path.why ? zp->path.why
			 : bits & PAIR_GAP	    ? "their way isn't known to its end"
					   : "the model knows no way for these packets, or "
					     "nobody at their address";
		g->why_at = zp->path.why_at;
	}
}

/* Whether a flow names the protocol, and doesn't just let everything through. */
static bool declares_such(const struct flow *fl)
{
	return fl && fl->service->kind != MATCH_ALL;
}

static bool is_opaque(const struct flow_record *r)
{
	return r->opaque == OPAQUE_ENCRYPTED || r->opaque == OPAQUE_ENCAPSULATION;
}

static void possible(struct judgement *g, const char *why, struct loc at)
{
	g->certainty = POSSIBLE;
	g->why = why;
	g->why_at = at;
}

static void by_sets(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	struct zone_pair *zp = j->pairs.v[g->pair];
	const struct zone *from = zp->from, *to = zp->to;
	struct packet *p = &g->packet;
	const struct pair_label *l = g->portless ? pair_loose(j, zp, p) : pair_label(j, zp, p);
	bool opaque = is_opaque(r) && from->tenant != to->tenant;
	if (!l) {
		judge_unknown(g, too_large);
		g->undecided = true;
		return;
	}
	const struct pair_family *pf = &zp->family[p->family];
	if (l->bits & PAIR_EXCLUDED) {
		g->observed = OBSERVED_EXCLUDED;
		return;
	}
	bool declared = l->bits & PAIR_DECLARED;
	g->flow = l->flow;
	/* the pair's sets don't tell what has no known way, nor how it looks on the way */
	if (!declared && (pf->rewrites || !(l->bits & PAIR_KNOWN))) {
		g->flow = g->portless ? NULL : declared_here(j, zp, p);
		declared = g->portless ? declares_some(j, from, to) : g->flow != NULL;
	}
	by_model(zp, pf, l->bits, g);
	if (!declared && (opaque || g->across)) {
		g->observed = opaque ? OBSERVED_OPAQUE : OBSERVED_CROSS_TALK;
		g->why = NULL;
	} else if (!g->together) {
		g->observed = OBSERVED_NOT_IN_MODEL;
		if (zp->taint)
			possible(g, zp->taint, zp->taint_at);
		else if (l->bits & PAIR_BOUND)
			possible(g, "a translation on the way isn't understood", LOC_NONE);
	} else if (opaque && !declares_such(g->flow)) {
		g->observed = OBSERVED_OPAQUE;
	} else if (!declared) {
		g->observed = OBSERVED_UNDECLARED;
	} else if (g->portless) {
		judge_unknown(g, "the ports aren't known, and some are declared");
		g->undecided = true;
	} else {
		g->observed = OBSERVED_DECLARED;
	}
}

/* Whose addresses were told by a segment that nobody declared: a hint, no more. */
static void by_hint(struct judgement *g)
{
	const struct parties *ps = &g->parties;
	if (g->observed < OBSERVED_UNDECLARED || ps->declared || g->certainty == POSSIBLE)
		return;
	if (g->observed == OBSERVED_SPOOFED || ps->from.by_segment || ps->to.by_segment)
		possible(g, "whose the segment is was drawn from what was read: declare it",
			 ps->at);
}

struct packet judge_first_packet(struct packet p)
{
	p.state = STATE_NEW;
	p.fragment = 0;
	p.flags = p.proto == PROTO_TCP ? TCP_SYN : 0;
	return p;
}

void judge_one(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	const struct parties *ps = &g->parties;
	g->packet = judge_first_packet(g->packet);
	if (ps->spoofed) {
		g->observed = OBSERVED_SPOOFED;
		g->across = true;
		by_hint(g);
		return;
	}
	if (by_ends(j, g))
		return;
	g->across = kept_apart(j->policy, ps->from.tenant, ps->to.tenant);
	g->pair = pair_of(j, ps->from.zone, ps->to.zone);
	if (g->pair == JUDGE_NO_PAIR) {
		judge_unknown(g, "more zone pairs than are followed");
		g->undecided = true;
	} else if (ps->from.zone == ps->to.zone && !ps->from.zone->self) {
		g->observed = OBSERVED_WITHIN;
	} else {
		by_sets(j, r, g);
	}
	by_hint(g);
}
