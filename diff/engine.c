/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/engine.h"

#include <stdlib.h>
#include <string.h>

struct lowered_entry {
	struct bounds b[FAMILY_COUNT];
	bool done[FAMILY_COUNT];
	bool too_large[FAMILY_COUNT]; /* lower it again within each pair */
};

void engine_init(struct engine *en, struct arena *a, const struct estate *e,
		 const struct snapshot *s, size_t budget, const bool *failed,
		 struct engine *peer)
{
	memset(en, 0, sizeof(*en));
	en->arena = a;
	en->estate = e;
	en->snap = s;
	en->budget = budget ? budget : (size_t)1 << 30;
	en->failed = failed;
	en->peer = peer;
	en->borrowed = peer != NULL;
	if (peer)
		peer->peer = en;
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
	if (en->peer)
		en->peer->peer = NULL;
	for (int f = 0; f < FAMILY_COUNT && !en->borrowed; f++)
		pset_space_destroy(en->space[f]);
}

const struct rule_place *engine_rule(const struct engine *en, const struct rule *r)
{
	const struct rule_place *rp = r->id < en->n_rules ? &en->rules[r->id] : NULL;
	return rp && rp->rule == r ? rp : NULL;
}

/* Everything of the family that is kept is a root. */
static void collect(struct engine *en, int f)
{
	VEC(struct pset *) roots = { 0 };
	for (size_t i = 0; i < en->n_keep[f]; i++)
		*vec_add(&roots) = &en->keep[f][i];
	for (struct engine *e = en; e; e = e == en ? en->peer : NULL)
		for (size_t i = 0; i < e->lowered.n; i++) {
			struct lowered_entry *le = e->lowered.entries[i].value;
			if (!le->done[f] || le->too_large[f])
				continue;
			*vec_add(&roots) = &le->b[f].sure;
			*vec_add(&roots) = &le->b[f].maybe;
		}
	pset_space_collect(en->space[f], (struct pset *const *)roots.v, roots.n);
	vec_free(&roots);
}

void engine_breathe(struct engine *en)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		if (pset_space_bytes(en->space[f]) < en->budget / 4)
			continue;
		collect(en, f);
		if (pset_space_bytes(en->space[f]) < en->budget / 2)
			continue;
		/* What is kept leaves no room to work: lower within each pair from now on. */
		for (size_t i = 0; i < en->lowered.n; i++) {
			struct lowered_entry *le = en->lowered.entries[i].value;
			le->too_large[f] = le->too_large[f] || le->done[f];
		}
		collect(en, f);
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

static struct lowered_entry *entry_of(struct engine *en, const struct stage *st)
{
	struct text key = { 0 };
	stage_key(&key, st);
	void **at = map_atn(&en->lowered, key.s, key.len);
	text_finish(&key);
	if (!*at)
		*at = xcalloc(1, sizeof(struct lowered_entry));
	return *at;
}

struct bounds engine_stage(struct engine *en, enum family f, const struct stage *st,
			   struct pset within)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = engine_assume(st);
	struct lowered_entry *le = entry_of(en, st);
	if (!le->done[f] && !le->too_large[f]) {
		struct lowered l = lower(sp, st->ruleset, &as, pset_universe(sp, &as));
		le->done[f] = true;
		le->too_large[f] = pset_is_spent(l.sure) || pset_is_spent(l.maybe);
		le->b[f] = (struct bounds){ l.sure, l.maybe };
	}
	if (le->too_large[f]) {
		struct lowered l = lower(sp, st->ruleset, &as, within);
		return (struct bounds){ l.sure, l.maybe };
	}
	return (struct bounds){ pset_and(sp, le->b[f].sure, within),
				pset_and(sp, le->b[f].maybe, within) };
}

static bool nat_applies(const struct nat *n, const struct point *pt)
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
	for (size_t i = 0; i < way->n_points; i++) {
		const struct device *d = way->points[i].device;
		for (size_t k = 0; k < d->n_nats; k++)
			if (nat_applies(&d->nats[k], &way->points[i]) &&
			    match_judge(d->nats[k].touches, p) != TRUTH_FALSE)
				return *ret_device = d, &d->nats[k];
	}
	return NULL;
}

bool engine_tainted(const struct engine *en, const struct point *pt, const char **ret_why,
		    struct loc *ret_at)
{
	const struct device *d = pt->device;
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

static struct pset zone_set(struct pset_space *sp, const struct zone *z, enum field field)
{
	enum family f = pset_family(sp);
	return pset_spans(sp, field, z->spans[f], z->n_spans[f]);
}

static struct pset universe_of(struct engine *en, const struct path *path, enum family f,
			       const struct path *zones)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset u = pset_and(sp, zone_set(sp, zones->to, FIELD_DST),
				 zone_set(sp, zones->from, FIELD_SRC));
	u = pset_and(sp, u, pset_universe(sp, &as));
	const struct policy *pol = en->estate->policy;
	for (size_t i = 0; i < pol->n_exclusions; i++)
		u = pset_minus(sp, u, pset_lo(sp, pol->exclusions[i].match, &as));
	/* Where it is known that nobody is there, nothing can be permitted or missed. */
	struct pset there = path->n_ways ? pset_none() : u;
	for (size_t w = 0; w < path->n_ways; w++) {
		struct pset way = u;
		for (size_t i = 0; i < path->ways[w].n_points; i++) {
			const struct point *pt = &path->ways[w].points[i];
			if (pt->present_src)
				way = pset_and(sp, way, pset_hi(sp, pt->present_src, &as));
			if (pt->present_dst)
				way = pset_and(sp, way, pset_hi(sp, pt->present_dst, &as));
		}
		there = pset_or(sp, there, way);
	}
	return there;
}

static bool has_zone(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return false;
}

static void intent_of(struct engine *en, struct pair *p)
{
	struct pset_space *sp = en->space[p->family];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	struct pset allow = pset_none(), require = pset_none(), deny = pset_none();
	for (size_t i = 0; i < pol->n_flows; i++) {
		const struct flow *fl = &pol->flows[i];
		if (!has_zone(fl->from, fl->n_from, p->from) || !has_zone(fl->to, fl->n_to, p->to))
			continue;
		struct pset s = pset_and(sp, pset_lo(sp, fl->service, &as), p->universe);
		if (fl->action == FLOW_DENY)
			deny = pset_or(sp, deny, s);
		else
			allow = pset_or(sp, allow, s);
		if (fl->action == FLOW_REQUIRE)
			require = pset_or(sp, require, s);
	}
	p->intent = pset_minus(sp, allow, deny);
	p->require = pset_minus(sp, require, deny);
}

/* One way: the three sets of the packets that take it. */
struct way_sets {
	struct bounds plane[PLANE_COUNT], all;
	bool present[PLANE_COUNT];
	struct pset translated;
};

static struct way_sets way_sets(struct engine *en, const struct route_way *way,
				const struct pair *p)
{
	struct pset_space *sp = en->space[p->family];
	struct pset_assume as = { .first = true };
	struct bounds all = { p->universe, p->universe };
	struct way_sets ws = { .plane = { all, all }, .all = all, .translated = pset_none() };
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		struct bounds *b = &ws.plane[pt->device->plane];
		for (size_t k = 0; k < pt->n_stages; k++) {
			struct bounds s = engine_stage(en, p->family, &pt->stages[k], p->universe);
			ws.present[pt->device->plane] |= !pt->stages[k].ruleset->incidental ||
							 !pset_equal(s.sure, p->universe);
			b->sure = pset_and(sp, b->sure, s.sure);
			b->maybe = pset_and(sp, b->maybe, s.maybe);
		}
		for (size_t k = 0; k < pt->device->n_nats; k++)
			if (nat_applies(&pt->device->nats[k], pt))
				ws.translated = pset_or(
					sp, ws.translated,
					pset_and(sp, p->universe,
						 pset_hi(sp, pt->device->nats[k].touches, &as)));
	}
	for (int i = 0; i < PLANE_COUNT; i++) {
		/* What is rewritten on the way is another packet to the rulesets behind: nothing
		 * sure can be said about it, nothing ruled out. */
		ws.plane[i].sure = pset_minus(sp, ws.plane[i].sure, ws.translated);
		ws.plane[i].maybe = pset_or(sp, ws.plane[i].maybe, ws.translated);
		ws.all.sure = pset_and(sp, ws.all.sure, ws.plane[i].sure);
		ws.all.maybe = pset_and(sp, ws.all.maybe, ws.plane[i].maybe);
	}
	return ws;
}

/* Of several ways we don't know which one is taken: sure is what all, maybe what any permits. */
static struct bounds join(struct pset_space *sp, struct bounds a, struct bounds b)
{
	return (struct bounds){ pset_and(sp, a.sure, b.sure), pset_or(sp, a.maybe, b.maybe) };
}

static bool spent(struct bounds b)
{
	return pset_is_spent(b.sure) || pset_is_spent(b.maybe);
}

void engine_pair(struct engine *en, const struct path *path, enum family f,
		 const struct path *zones, struct pair *ret)
{
	struct pset_space *sp = en->space[f];
	struct pair p = { .from = path->from, .to = path->to, .family = f, .path = path };
	p.universe = universe_of(en, path, f, zones ? zones : path);
	p.translated = pset_none();
	intent_of(en, &p);
	for (size_t w = 0; w < path->n_ways; w++) {
		struct way_sets ws = way_sets(en, &path->ways[w], &p);
		for (int i = 0; i < PLANE_COUNT; i++) {
			p.plane[i] = w ? join(sp, p.plane[i], ws.plane[i]) : ws.plane[i];
			p.present[i] |= ws.present[i];
		}
		p.effective = w ? join(sp, p.effective, ws.all) : ws.all;
		p.translated = pset_or(sp, p.translated, ws.translated);
	}
	if (!path->n_ways) {
		/* Declared as not connected: nothing passes. Not known: anything may. */
		struct bounds b = { pset_none(), path->none ? pset_none() : p.universe };
		p.plane[0] = p.plane[1] = p.effective = b;
	}
	p.spent = spent(p.plane[0]) || spent(p.plane[1]) || spent(p.effective) ||
		  pset_is_spent(p.universe) || pset_is_spent(p.intent) || pset_is_spent(p.require);
	*ret = p;
}
