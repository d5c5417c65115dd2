/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/ask.h"

#include <stdlib.h>
#include <string.h>

#include "diff/pull.h"
#include "diff/run.h"
#include "diff/tell.h"
#include "model/way.h"

enum { WAYS_MAX = 64, WEIGHT_MAX = 200, ALL = PLANE_COUNT };

static struct evidence evidence_of_nat(const struct point *pt, const struct nat *n)
{
	return (struct evidence){
		.role = "address-translation",
		.device = pt->device->name,
		.plane = plane_name(pt->device->plane),
		.owner = pt->source ? pt->source->owner : NULL,
		.at = n->at,
	};
}

static const char *condition(struct arena *a, const struct way_step *st)
{
	struct text t = { 0 };
	if (st->match->weight > WEIGHT_MAX)
		text_put(&t, "a condition that is too long to be told");
	else
		match_print(&t, st->match);
	const char *s = arena_printf(a, "%s%s%s", st->negate ? "not (" : "", t.s ? t.s : "",
				     st->negate ? ")" : "");
	text_finish(&t);
	return s;
}

struct way_teller {
	struct arena *a;
	const struct engine *en;
	const struct packet *p;
	struct way_event events[WAY_EVENTS_MAX];
};

/* What of a point is told: all that happens to the packet; or, of a way that it doesn't take,
 * which packets do. */
static void tell_point(struct way_teller *wt, const struct point *pt, const struct way_walk *w,
		       size_t *at, struct told_way *way, struct told_hop *ret)
{
	VEC(struct told_event) list = { 0 };
	*ret = tell_hop(pt);
	for (; w->takes != TRUTH_FALSE && *at < w->n && wt->events[*at].point == pt; ++*at) {
		const struct way_event *we = &wt->events[*at];
		struct told_event ev = { .kind = TOLD_REWRITE, .sure = true, .maybe = true };
		if (we->step->kind == STEP_STAGE) {
			ev = tell_rule(wt->en, we->step->stage, we->answer);
			int plane = pt->device->plane;
			ev.aside = we->step->stage->ruleset->incidental && ev.sure;
			way->present[plane] |= !ev.aside;
			way->sure[plane] &= ev.sure;
			way->sure[ALL] &= ev.sure;
			way->maybe[plane] &= ev.maybe;
			way->maybe[ALL] &= ev.maybe;
		} else if (we->step->kind == STEP_REWRITE) {
			if (!we->nat)
				continue;
			ev.by = evidence_of_nat(pt, we->nat);
			ev.text = we->nat->text;
			ev.before = we->before;
			ev.after = we->after;
		} else {
			continue; /* that it takes this way is seen */
		}
		*vec_add(&list) = ev;
	}
	for (size_t k = 0; w->takes != TRUTH_TRUE && k < pt->n_steps; k++)
		if (pt->steps[k].kind == STEP_TAKE)
			*vec_add(&list) =
				(struct told_event){ .kind = TOLD_TAKE,
						     .by.at = pt->route_at,
						     .text = condition(wt->a, &pt->steps[k]) };
	ret->events = vec_keep(wt->a, &list);
	ret->n = list.n;
	vec_free(&list);
}

static struct told_way tell_way(struct way_teller *wt, const struct route_way *way)
{
	struct way_walk w = way_walk(way, wt->p, wt->events);
	struct told_way t = { .of = way,
			      .n = way->n_points,
			      .end = way->end,
			      .why = way->end == WAY_ARRIVES ? NULL : way->why,
			      .why_at = way->why_at,
			      .packet = *wt->p,
			      .takes = w.takes == TRUTH_TRUE,
			      .may_take = w.takes != TRUTH_FALSE,
			      .delivered = w.packet,
			      .chosen = w.chosen };
	struct told_hop *hops = arena_array(wt->a, way->n_points, sizeof(*hops));
	size_t at = 0;
	for (int i = 0; i <= PLANE_COUNT; i++)
		t.sure[i] = t.maybe[i] = true;
	for (size_t i = 0; i < way->n_points; i++)
		tell_point(wt, &way->points[i], &w, &at, &t, &hops[i]);
	t.hops = hops;
	return t;
}

/* Of `asked`, the packets that may take the way. */
static struct pset takers(struct engine *en, enum family f, const struct route_way *way,
			  struct pset asked)
{
	struct pset all = pset_all(en->space[f]);
	struct bounds b = { all, all };
	if (!(way->families >> f & 1) || way->end == WAY_ASIDE)
		return pset_none();
	return pull_back(en, f, way, way_end_of(way), 0, b, asked).maybe;
}

static void tell_ways(struct arena *a, struct engine *en, const struct path *path,
		      enum family f, struct pset asked, struct answer_family *af)
{
	struct way_teller *wt = xcalloc(1, sizeof(*wt));
	struct told_way *ways = arena_array(a, WAYS_MAX, sizeof(*ways));
	wt->a = a;
	wt->en = en;
	/* The ways of the example before those of other packets. */
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; i < path->n_ways; i++) {
			const struct route_way *way = &path->ways[i];
			struct pset set = takers(en, f, way, asked);
			struct packet p = af->packet;
			bool mine = pset_has(en->space[f], set, &p);
			if (pset_is_empty(set) || mine == others)
				continue;
			if (af->n_ways == WAYS_MAX) {
				af->ways_left++;
				continue;
			}
			if (!mine)
				pset_pick(en->space[f], set, &p);
			wt->p = &p;
			ways[af->n_ways] = tell_way(wt, way);
			ways[af->n_ways++].example = mine;
		}
	af->ways = ways;
	free(wt);
}

static const char *word(struct pset_space *sp, struct pset asked, struct bounds b)
{
	if (pset_is_spent(b.sure) || pset_is_spent(b.maybe))
		return "unknown";
	if (pset_is_empty(b.maybe))
		return "deny";
	if (pset_subset(sp, asked, b.sure))
		return "permit";
	return pset_equal(b.sure, b.maybe) ? "partly" : "unknown";
}

/* Both families together: the same word, or what lies between. */
const char *answer_join(const char *a, const char *b)
{
	if (!a || !strcmp(a, b))
		return b;
	return !strcmp(a, "unknown") || !strcmp(b, "unknown") ? "unknown" : "partly";
}

void reply_join(struct told_reply *all, const struct told_reply *one)
{
	if (!one->verdict)
		return;
	all->verdict = answer_join(all->verdict, one->verdict);
	if (!all->why)
		all->why = one->why, all->why_at = one->why_at;
}

static struct bounds narrow(struct pset_space *sp, struct bounds b, struct pset to)
{
	return (struct bounds){ pset_and(sp, b.sure, to), pset_and(sp, b.maybe, to) };
}

/* How the planes differ within what is asked. */
static const char *compare(struct arena *a, struct pset_space *sp, const struct bounds *b,
			   struct answer_family *af)
{
	bool more[PLANE_COUNT], open = false;
	for (int i = 0; i < PLANE_COUNT; i++) {
		struct pset s = pset_minus(sp, b[i].sure, b[!i].maybe);
		more[i] = !pset_is_empty(s);
		open |= pset_is_spent(s) || !pset_equal(b[i].sure, b[i].maybe);
		if (more[i])
			af->alone[i] = tell_set(a, sp, s);
	}
	if (more[0] && more[1])
		return "each-permits-more";
	if (more[0] || more[1])
		return more[0] ? "physical-permits-more" : "virtual-permits-more";
	return open ? "unknown" : "agree";
}

/* Both families together. */
static const char *join_planes(const char *a, const char *b)
{
	if (!a || !strcmp(a, b) || !strcmp(a, "agree"))
		return b;
	if (!strcmp(b, "agree"))
		return a;
	return !strcmp(a, "unknown") ? b : !strcmp(b, "unknown") ? a : "each-permits-more";
}

/* Why nothing certain can be said of these packets; NULL: no reason. */
struct doubt {
	const char *why;
	struct loc at;
};

/* A gap, or a device that isn't understood whole, on a way that some of `asked` take. */
static struct doubt doubt_of(struct engine *en, const struct pair *p, struct pset asked)
{
	struct doubt d = { NULL, LOC_NONE };
	const struct path *path = p->path;
	for (size_t i = 0; i < path->n_ways && !d.why; i++) {
		const struct route_way *way = &path->ways[i];
		if (pset_is_empty(takers(en, p->family, way, asked)))
			continue;
		if (way->end == WAY_UNKNOWN)
			d = (struct doubt){ way->why, way->why_at };
		for (size_t k = 0; k < way->n_points && !d.why; k++)
			if (way->points[k].device)
				engine_tainted(en, &way->points[k], &d.why, &d.at);
	}
	if (!d.why && p->lost)
		d.why = "no way was found for some packets, an error of this program";
	return d;
}

/* What is said of the path holds of all its packets: not that some of them meet a gap. */
static struct doubt doubt_of_path(const struct path *path)
{
	struct doubt d = { path->none ? NULL : path->why, path->why_at };
	bool known = false;
	for (size_t i = 0; i < path->n_ways; i++) {
		if (path->ways[i].end != WAY_UNKNOWN)
			known = true;
		else if (d.why && path->ways[i].why && !strcmp(d.why, path->ways[i].why))
			d.why = NULL;
	}
	if (path->n_ways && !known)
		d.why = NULL; /* each way has its own reason */
	return d;
}

static void ask_family(struct arena *a, struct engine *en, const struct path *path,
		       const struct question *q, enum family f, bool path_doubt,
		       struct answer *ret)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct answer_family *af = &ret->family[f];
	struct pair p;
	engine_pair(en, path, f, NULL, &p);
	struct pset asked = pset_or(sp, p.universe, p.unknown);
	if (q->src)
		asked = pset_and(sp, asked, pset_hi(sp, q->src, &as));
	if (q->dst)
		asked = pset_and(sp, asked, pset_hi(sp, q->dst, &as));
	if (q->service)
		asked = pset_and(sp, asked, pset_hi(sp, q->service, &as));
	af->asked = !pset_is_empty(asked);
	if (!af->asked)
		return;
	struct doubt d = doubt_of(en, &p, asked);
	if (!ret->doubt) {
		ret->doubt = d.why;
		ret->doubt_at = d.at;
	}
	bool open = d.why || path_doubt;
	struct bounds b[ALL + 1] = { narrow(sp, p.plane[0], asked),
				     narrow(sp, p.plane[1], asked),
				     narrow(sp, p.effective, asked) };
	for (int i = 0; i <= ALL; i++) {
		bool there = i == ALL ? path_known(path) : p.present[i];
		if (i < ALL)
			ret->present[i] |= p.present[i];
		if (!there)
			continue;
		af->sure[i] = tell_set(a, sp, b[i].sure);
		af->possible[i] = tell_set(a, sp, pset_minus(sp, b[i].maybe, b[i].sure));
		ret->verdict[i] =
			answer_join(ret->verdict[i], open ? "unknown" : word(sp, asked, b[i]));
	}
	if (p.present[PLANE_PHYSICAL] && p.present[PLANE_VIRTUAL])
		ret->planes =
			join_planes(ret->planes, open ? "unknown" : compare(a, sp, b, af));
	af->declared = tell_set(a, sp, pset_and(sp, p.intent, asked));
	struct pset tries[] = { b[ALL].sure, b[ALL].maybe,
				pset_minus(sp, b[0].sure, b[1].maybe),
				pset_minus(sp, b[1].sure, b[0].maybe), asked };
	for (size_t i = 0; i < 5 && !af->has_packet; i++)
		af->has_packet = pset_pick(sp, tries[i], &af->packet);
	if (!af->has_packet)
		return;
	struct check_run run = { .engine = en, .policy = en->estate->policy, .pair = &p };
	const struct flow *fl = declaring_flow(&run, FLOW_ALLOW, &af->packet);
	if (!fl)
		fl = declaring_flow(&run, FLOW_REQUIRE, &af->packet);
	af->allowed = pset_has(sp, p.intent, &af->packet);
	af->flow = fl ? fl->id : NULL;
	tell_ways(a, en, path, f, asked, af);
	struct reply_doubt rd = { ret->doubt, ret->doubt_at, path_doubt };
	tell_replies(a, en, &p, b[ALL].maybe, rd, af);
	reply_join(&ret->reply, &af->reply);
}

void ask(struct arena *a, const struct estate *e, const struct snapshot *s,
	 const struct check_options *o, const struct question *q, struct answer *ret)
{
	struct engine en;
	struct answer ans = { 0 };
	struct path *path = arena_alloc(a, sizeof(*path));
	engine_init(&en, a, e, s, NULL, o->budget, o->failed, NULL);
	path_find(a, en.graph, &en.matches, q->from, q->to, path);
	ans.path = path;
	struct doubt d = doubt_of_path(path);
	ans.doubt = d.why;
	ans.doubt_at = d.at;
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (e->policy->families[f])
			ask_family(a, &en, path, q, (enum family)f, d.why, &ans);
	engine_finish(&en);
	*ret = ans;
}

/* --- addresses that are translated --- */

struct zone_list {
	const struct zone **v;
	size_t n, max;
};

static void add_zone(struct zone_list *l, const struct zone *z)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == z)
			return;
	if (l->n < l->max)
		l->v[l->n++] = z;
}

static bool has_all(const struct zone *z, enum family f, struct span s)
{
	for (size_t i = 0; i < z->n_spans[f]; i++)
		if (span_has(z->spans[f][i], s.lo) && span_has(z->spans[f][i], s.hi))
			return true;
	return false;
}

static const struct zone *zone_of(const struct policy *p, enum family f, struct span s)
{
	for (size_t i = 0; i < p->n_zones; i++)
		if (has_all(&p->zones[i], f, s))
			return &p->zones[i];
	return NULL;
}

enum { TRANSLATIONS_DEEP = 4 };

/* Where the address is sent on to, by translations of any device, one behind the other. */
static void follow(struct zone_list *l, const struct estate *e, struct snapshot *s,
		   struct pset_space *sp, enum family f, struct span to,
		   const struct match *service, int depth)
{
	struct pset_assume as = { .first = true };
	const struct zone *z = zone_of(e->policy, f, to);
	if (z && (!z->external || !depth))
		add_zone(l, z);
	if (depth == TRANSLATIONS_DEEP)
		return;
	const struct match *dst = match_spans(&s->matches, FIELD_DST, f, &to, 1);
	if (service && !depth) /* behind a translation it may be another port */
		dst = match_and(&s->matches, dst, service);
	struct pset asked = pset_hi(sp, dst, &as);
	vec_each (d, &s->devices)
		for (size_t i = 0; i < (*d)->n_nats; i++) {
			const struct nat *n = &(*d)->nats[i];
			if (n->rewrites != NAT_DESTINATION || !n->n_to ||
			    (n->kind != NAT_SHIFT && n->kind != NAT_POOL) ||
			    pset_is_empty(pset_and(sp, asked, pset_hi(sp, n->match, &as))))
				continue;
			for (size_t k = 0; k < n->n_to; k++) {
				struct packet lo = { .family = (uint8_t)f, .dst = to.lo };
				struct packet hi = { .family = (uint8_t)f, .dst = to.hi };
				struct span next = n->to[k];
				if (n->kind == NAT_SHIFT && span_has(n->from, to.lo) &&
				    span_has(n->from, to.hi))
					next = (struct span){ way_translate(n, &lo).dst,
							      way_translate(n, &hi).dst };
				follow(l, e, s, sp, f, next, NULL, depth + 1);
			}
		}
}

size_t ask_zones_to(const struct estate *e, struct snapshot *s, enum family f, struct span to,
		    const struct match *service, const struct zone **ret, size_t max)
{
	struct zone_list l = { ret, 0, max };
	struct pset_space *sp = pset_space_create(f, 0);
	follow(&l, e, s, sp, f, to, service, 0);
	/* An address that leads to a zone is the zone's, not everybody's. */
	if (l.n > 1 && l.v[0]->external) {
		memmove(&l.v[0], &l.v[1], (l.n - 1) * sizeof(*l.v));
		l.n--;
	}
	pset_space_destroy(sp);
	return l.n;
}
