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

/* What the stage permits, wherever that is asked; false where it is too large to be kept. */
static bool whole_stage(struct engine *en, enum family f, const struct stage *st,
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

static struct bounds narrow(struct pset_space *sp, struct bounds a, struct bounds b)
{
	struct pset sure = pset_and(sp, a.sure, b.sure);
	bool exact = pset_equal(a.sure, a.maybe) && pset_equal(b.sure, b.maybe);
	return (struct bounds){ sure, exact ? sure : pset_and(sp, a.maybe, b.maybe) };
}

struct bounds engine_stage(struct engine *en, enum family f, const struct stage *st,
			   struct pset within)
{
	struct bounds b, w = { within, within };
	if (whole_stage(en, f, st, &b))
		return narrow(en->space[f], b, w);
	struct pset_assume as = engine_assume(st);
	struct lowered l = lower(en->space[f], st->ruleset, &as, within);
	return (struct bounds){ l.sure, l.maybe };
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
	struct packet here = *p, gone = *p;
	for (size_t i = 0; i < way->n_points; i++, here = gone) {
		const struct point *pt = &way->points[i];
		const struct device *d = pt->device;
		/* which of its translations sees what the others made of it isn't told */
		for (size_t k = 0; k < pt->n_steps; k++)
			way_step_packet(pt, &pt->steps[k], &gone);
		for (size_t k = 0; d && k < d->n_nats; k++)
			if (d->nats[k].kind == NAT_BOUND && nat_applies(&d->nats[k], pt) &&
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

/* First packets from or to the zone's addresses. */
static struct pset zone_set(struct engine *en, enum family f, const struct zone *z,
			    enum field field)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	bool own = z >= pol->zones && z < pol->zones + pol->n_zones;
	struct zone_sets *zs = own ? &en->zones[z - pol->zones] : NULL;
	bool side = field == FIELD_DST;
	if (zs && zs->done[f][side])
		return zs->set[f][side];
	struct pset s = pset_and(sp, pset_spans(sp, field, z->spans[f], z->n_spans[f]),
				 pset_universe(sp, &as));
	if (zs && !pset_is_spent(s)) {
		zs->set[f][side] = s;
		zs->done[f][side] = true;
	}
	return s;
}

/* What a way makes of the pair's packets. */
struct way_sets {
	struct bounds takes; /* it at all */
	struct bounds plane[PLANE_COUNT], all;
	bool present[PLANE_COUNT];
	struct pset translated;
	struct pset told; /* the same, whether anybody is at its ends or not */
};

static struct bounds both(struct pset s)
{
	return (struct bounds){ s, s };
}

/* The zones' packets as they are sent, before anything is known of ways. */
static struct pset between(struct engine *en, const struct path *path, enum family f)
{
	return pset_and(en->space[f], zone_set(en, f, path->to, FIELD_DST),
			zone_set(en, f, path->from, FIELD_SRC));
}

static struct pset without_exclusions(struct engine *en, enum family f, struct pset u)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	for (size_t i = 0; i < pol->n_exclusions; i++)
		u = pset_minus(sp, u, pset_lo(sp, pol->exclusions[i].match, &as));
	return u;
}

static bool is_conditional(const struct route_way *way)
{
	for (size_t i = 0; i < way->n_points; i++)
		for (size_t k = 0; k < way->points[i].n_steps; k++)
			if (way->points[i].steps[k].kind != STEP_STAGE)
				return true;
	return false;
}

/* Where it is known that nobody is behind a port, nothing can be permitted or missed. */
static struct pset somebody(struct engine *en, enum family f, const struct route_way *way,
			    struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset there = from;
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		struct pset here = pset_all(sp);
		struct way_place end = { i, pt->n_steps }, start = { i, 0 };
		if (!pt->present_src && !pt->present_dst)
			continue;
		/* sources as they come in, destinations as they go out */
		if (pt->present_src) {
			here = pset_hi(sp, pt->present_src, &as);
			here = way->rewrites ? pull_back(en, f, way, start, 0, both(here), from).maybe
					     : pset_and(sp, here, from);
			there = pset_and(sp, there, here);
		}
		if (pt->present_dst) {
			here = pset_hi(sp, pt->present_dst, &as);
			here = way->rewrites ? pull_back(en, f, way, end, 0, both(here), from).maybe
					     : pset_and(sp, here, from);
			there = pset_and(sp, there, here);
		}
	}
	return there;
}

/* from: the packets that the source zone may send to the destination, under any address. */
static void take_way(struct engine *en, enum family f, const struct route_way *way,
		     struct pset from, struct way_sets *ret)
{
	struct pset all = pset_all(en->space[f]);
	ret->takes = is_conditional(way)
			     ? pull_back(en, f, way, way_end_of(way), 0, both(all), from)
			     : both(from);
	ret->told = ret->takes.maybe;
	ret->takes.maybe = somebody(en, f, way, ret->takes.maybe);
	ret->takes.sure = pset_and(en->space[f], ret->takes.sure, ret->takes.maybe);
}

/*
 * A way on which no packet is rewritten: what takes it, and what its rulesets of the plane permit.
 * The same as pulling back, without asking at each step what is left there.
 */
static struct bounds straight(struct engine *en, enum family f, const struct route_way *way,
			      int plane, struct pset takes, struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct bounds b = { pset_and(sp, takes, from), from };
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		if (!pt->device || pt->device->plane != plane)
			continue;
		for (size_t k = 0; k < pt->n_stages; k++) {
			struct bounds here;
			if (!whole_stage(en, f, &pt->stages[k], &here))
				here = engine_stage(en, f, &pt->stages[k], from);
			b = narrow(sp, b, here);
		}
	}
	return b;
}

/* The packets, as sent, that some translation on the way may take that isn't understood. */
static struct pset bound_on(struct engine *en, enum family f, const struct route_way *way,
			    struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset all = pset_none();
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		const struct way_place start = { i, 0 }, end = { i, pt->n_steps };
		for (size_t k = 0; pt->device && k < pt->device->n_nats; k++) {
			const struct nat *n = &pt->device->nats[k];
			if (n->kind != NAT_BOUND || !nat_applies(n, pt))
				continue;
			struct pset t = pset_hi(sp, n->touches, &as);
			/* which of its translations sees what the others made of it isn't told */
			if (way->rewrites)
				t = pset_or(sp, pull_back(en, f, way, start, 0, both(t), from).maybe,
					    pull_back(en, f, way, end, 0, both(t), from).maybe);
			all = pset_or(sp, all, pset_and(sp, from, t));
		}
	}
	return all;
}

static void filter_way(struct engine *en, const struct route_way *way, const struct pair *p,
		       struct way_sets *ws)
{
	enum family f = p->family;
	struct pset_space *sp = en->space[f];
	struct pset from = pset_and(sp, ws->takes.maybe, p->universe);
	ws->translated = bound_on(en, f, way, from);
	if (way->end == WAY_DROPPED) {
		/* What is translated may go another way. */
		ws->plane[0] = ws->plane[1] = ws->all =
			(struct bounds){ pset_none(), ws->translated };
		return;
	}
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		if (!pt->device)
			continue;
		for (size_t k = 0; k < pt->n_stages && !ws->present[pt->device->plane]; k++)
			ws->present[pt->device->plane] =
				!pt->stages[k].ruleset->incidental ||
				!pset_equal(engine_stage(en, f, &pt->stages[k], from).sure, from);
	}
	for (int i = 0; i < PLANE_COUNT; i++) {
		ws->plane[i] = way->rewrites ? pull_back(en, f, way, way_end_of(way), 1u << i,
							 both(pset_all(sp)), from)
					     : straight(en, f, way, i, ws->takes.sure, from);
		/* What is rewritten on the way is another packet to the rulesets behind: nothing
		 * sure can be said about it, nothing ruled out. */
		ws->plane[i].sure = pset_minus(sp, ws->plane[i].sure, ws->translated);
		ws->plane[i].maybe = pset_or(sp, ws->plane[i].maybe, ws->translated);
	}
	ws->all.sure = pset_and(sp, ws->plane[0].sure, ws->plane[1].sure);
	ws->all.maybe = pset_and(sp, ws->plane[0].maybe, ws->plane[1].maybe);
}

/* The set of a service of the policy, which is asked of packets as they arrive. */
static struct pset as_sent(struct engine *en, const struct pair *p, const struct way_sets *ws,
			   struct pset s)
{
	struct pset_space *sp = en->space[p->family];
	struct pset r = pset_and(sp, s, p->universe);
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!way->rewrites || way->end != WAY_ARRIVES || !(way->families >> p->family & 1))
			continue;
		struct pset from = pset_and(sp, ws[w].takes.maybe, p->universe);
		struct bounds b = pull_back(en, p->family, way, way_end_of(way), 0, both(s), from);
		r = pset_or(sp, pset_minus(sp, r, from), b.sure);
	}
	return r;
}

static void intent_of(struct engine *en, struct pair *p, const struct way_sets *ws)
{
	struct pset_space *sp = en->space[p->family];
	struct pset_assume as = { .first = true };
	struct pset allow = pset_none(), require = pset_none(), deny = pset_none();
	const struct flow *fl;
	for (size_t at = 0; (fl = flows_next(&en->flows, p->from, p->to, &at));) {
		struct pset s = as_sent(en, p, ws, pset_lo(sp, fl->service, &as));
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

/*
 * Which packets the pair is about: those between the zones' own addresses, and those that are
 * translated on their way and arrive. What takes a way into the unknown is left out: nothing
 * is said of it but that.
 */
static void universe_of(struct engine *en, const struct path *zones, const struct way_sets *ws,
			struct pair *p)
{
	struct pset_space *sp = en->space[p->family];
	struct pset base = between(en, zones, p->family);
	struct pset known = pset_none(), arrives = pset_none(), unknown = pset_none();
	struct pset told = pset_none(), aside = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!(way->families >> p->family & 1))
			continue;
		told = pset_or(sp, told, ws[w].told);
		if (way->end == WAY_ASIDE)
			aside = pset_or(sp, aside, ws[w].takes.maybe);
		else if (way->end == WAY_UNKNOWN)
			unknown = pset_or(sp, unknown, ws[w].takes.maybe);
		else
			known = pset_or(sp, known, ws[w].takes.maybe);
		if (way->end == WAY_ARRIVES && way->rewrites)
			arrives = pset_or(sp, arrives, ws[w].takes.maybe);
	}
	p->unknown = without_exclusions(en, p->family, unknown);
	if (!p->path->n_ways) {
		p->universe = without_exclusions(en, p->family, base);
		return;
	}
	p->lost = !pset_subset(sp, base, told) && !pset_is_spent(told) && !pset_is_spent(base);
	struct pset u = pset_or(sp, pset_and(sp, base, known), arrives);
	p->universe = without_exclusions(en, p->family, 
				       pset_minus(sp, pset_minus(sp, u, unknown),
						  pset_minus(sp, aside, known)));
}

static bool spent(struct bounds b)
{
	return pset_is_spent(b.sure) || pset_is_spent(b.maybe);
}

/* What the source zone may send towards the destination, under any of its addresses. */
static struct pset sent(struct engine *en, const struct path *path, enum family f,
			const struct path *zones)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct spans to = en->graph->attached[path->to - en->estate->policy->zones].destinations[f];
	struct pset dst = zone_set(en, f, zones->to, FIELD_DST);
	bool same = to.n == zones->to->n_spans[f];
	for (size_t i = 0; i < to.n && same; i++)
		same = addr_equal(to.v[i].lo, zones->to->spans[f][i].lo) &&
		       addr_equal(to.v[i].hi, zones->to->spans[f][i].hi);
	if (!same)
		dst = pset_or(sp, dst, pset_and(sp, pset_spans(sp, FIELD_DST, to.v, to.n),
						pset_universe(sp, &as)));
	return pset_and(sp, dst, zone_set(en, f, zones->from, FIELD_SRC));
}

/*
 * Of several ways that take a packet we don't know which one is taken: surely permitted is what
 * all of them permit, possibly what any does.
 */
static struct bounds join(struct pset_space *sp, const struct pair *p, const struct way_sets *ws,
			  int plane)
{
	struct bounds r = { pset_none(), pset_none() };
	struct pset doubt = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!(way->families >> p->family & 1) || way->end == WAY_UNKNOWN)
			continue;
		/* of what else takes it, it may be that a device takes it in */
		if (way->end == WAY_ASIDE) {
			doubt = pset_or(sp, doubt, ws[w].takes.maybe);
			continue;
		}
		struct bounds b = plane == PLANE_COUNT ? ws[w].all : ws[w].plane[plane];
		r.sure = pset_or(sp, r.sure, b.sure);
		r.maybe = pset_or(sp, r.maybe, b.maybe);
		if (p->path->n_ways > 1)
			doubt = pset_or(sp, doubt, pset_minus(sp, ws[w].takes.maybe, b.sure));
	}
	r.sure = pset_minus(sp, r.sure, doubt);
	return r;
}

/*
 * Packets to a zone's own addresses that are delivered although they are sent to others: a server
 * that is published under another address is reached, whatever becomes of packets to its own.
 */
static struct pset met_elsewhere(struct engine *en, const struct pair *p,
				 const struct way_sets *ws)
{
	struct pset_space *sp = en->space[p->family];
	struct pset met = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		bool exact = way->rewrites && way->end == WAY_ARRIVES &&
			     (way->families >> p->family & 1);
		for (size_t i = 0; i < way->n_points && exact; i++)
			for (size_t k = 0; k < way->points[i].n_steps && exact; k++) {
				const struct way_step *st = &way->points[i].steps[k];
				for (size_t m = 0; st->kind == STEP_REWRITE && m < st->n_nats; m++)
					exact &= st->nats[m]->rewrites == NAT_DESTINATION &&
						 !st->nats[m]->match->inexact;
			}
		if (!exact)
			continue;
		struct pset there = push_on(en, p->family, way, way_end_of(way), ws[w].all.sure);
		/* those that are sent so are judged by what becomes of them */
		met = pset_or(sp, met, pset_minus(sp, there, ws[w].takes.maybe));
	}
	return met;
}

void engine_pair(struct engine *en, const struct path *path, enum family f,
		 const struct path *zones, struct pair *ret)
{
	struct pset_space *sp = en->space[f];
	struct pair p = { .from = path->from, .to = path->to, .family = f, .path = path };
	struct way_sets *ws = xcalloc(path->n_ways, sizeof(*ws));
	zones = zones ? zones : path;
	struct pset from = sent(en, path, f, zones);
	for (size_t w = 0; w < path->n_ways; w++)
		if (path->ways[w].families >> f & 1)
			take_way(en, f, &path->ways[w], from, &ws[w]);
	universe_of(en, zones, ws, &p);
	p.translated = pset_none();
	intent_of(en, &p, ws);
	for (size_t w = 0; w < path->n_ways; w++) {
		const struct route_way *way = &path->ways[w];
		if (!(way->families >> f & 1) || (way->end != WAY_ARRIVES && way->end != WAY_DROPPED))
			continue;
		filter_way(en, way, &p, &ws[w]);
		for (int i = 0; i < PLANE_COUNT; i++)
			p.present[i] |= ws[w].present[i];
		p.translated = pset_or(sp, p.translated, ws[w].translated);
	}
	p.require = pset_minus(sp, p.require, met_elsewhere(en, &p, ws));
	for (int i = 0; i < PLANE_COUNT; i++)
		p.plane[i] = join(sp, &p, ws, i);
	p.effective = join(sp, &p, ws, PLANE_COUNT);
	if (!path_known(path) || path->none) {
		/* Declared as not connected: nothing passes. Not known: anything may. */
		struct bounds b = { pset_none(), path->none ? pset_none() : p.universe };
		p.plane[0] = p.plane[1] = p.effective = b;
	}
	p.spent = spent(p.plane[0]) || spent(p.plane[1]) || spent(p.effective) ||
		  pset_is_spent(p.universe) || pset_is_spent(p.intent) || pset_is_spent(p.require);
	free(ws);
	*ret = p;
}
