/* SPDX-License-Identifier: Apache-2.0 */
/* Who decides about a packet that was seen, told rule by rule on each way that it may take. */
#include <stdlib.h>

#include "capture/judge_internal.h"
#include "diff/run.h"
#include "diff/tell.h"
#include "model/way.h"

enum { EVIDENCE_MAX = 16 };

struct list {
	VEC(struct evidence) v;
};

static bool same_evidence(const struct evidence *a, const struct evidence *b)
{
	return a->role == b->role && a->device == b->device && a->ruleset == b->ruleset &&
	       a->at.src == b->at.src && a->at.line == b->at.line && a->at.col == b->at.col &&
	       a->at.path == b->at.path;
}

static void put(struct list *out, const struct evidence *ev)
{
	for (size_t i = 0; i < out->v.n; i++)
		if (same_evidence(&out->v.v[i], ev))
			return;
	if (out->v.n < EVIDENCE_MAX)
		*vec_add(&out->v) = *ev;
}

/* On one way: of a plane that denies, who denies first; of one that doesn't, who permits last.
 */
static void tell_way(struct judge *j, const struct route_way *way, const struct packet *p,
		     struct way_event *events, struct list *out)
{
	struct way_walk w = way_walk(way, p, events);
	if (w.takes == TRUTH_FALSE)
		return;
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		struct told_event best = { 0 };
		for (size_t i = 0; i < w.n && !(best.by.role && !best.maybe); i++) {
			const struct way_event *e = &events[i];
			if (e->step->kind != STEP_STAGE || !e->point->device ||
			    e->point->device->plane != plane)
				continue;
			struct told_event ev = tell_rule(&j->engine, e->step->stage, e->answer);
			if (!(ev.sure && e->step->stage->ruleset->incidental))
				best = ev;
		}
		if (best.by.role)
			put(out, &best.by);
	}
	if (way->end == WAY_DROPPED) {
		const struct device *d = NULL;
		for (size_t i = 0; i < way->n_points; i++)
			d = way->points[i].device ? way->points[i].device : d;
		struct evidence ev = { .role = "no-route",
				       .device = d ? d->name : NULL,
				       .plane = !d	   ? NULL
						: d->plane ? "virtual"
							   : "physical",
				       .note = way->why,
				       .at = way->why_at };
		put(out, &ev);
	}
}

static void tell_path(struct arena *a, const struct route_way *way, struct finding *f)
{
	const char **list = arena_array(a, way->n_points, sizeof(*list));
	f->n_path = 0;
	for (size_t i = 0; i < way->n_points; i++)
		if (way->points[i].device)
			list[f->n_path++] = way->points[i].text;
	f->path = list;
}

/* The flow that denies it by name, or that declares it. */
static const struct flow *flow_of(struct judge *j, const struct zone_pair *zp,
				  const struct judgement *g)
{
	const struct flow *fl;
	for (size_t at = 0; (fl = flows_next(&j->engine.flows, zp->from, zp->to, &at));)
		if (fl->action == FLOW_DENY && !g->portless &&
		    match_judge(fl->service, &g->packet) == TRUTH_TRUE)
			return fl;
	return g->flow;
}

void judge_evidence(struct judge *j, struct arena *a, const struct judgement *g,
		    struct finding *f)
{
	struct list out = { { 0 } };
	const struct zone_pair *zp = g->pair == JUDGE_NO_PAIR ? NULL : j->pairs.v[g->pair];
	if (g->observed == OBSERVED_SPOOFED && g->parties.at.src)
		*vec_add(&out.v) = (struct evidence){ .role = "declares",
						      .plane = "declared",
						      .note = "whose the segment is",
						      .at = g->parties.at };
	struct way_event *events = xcalloc(WAY_EVENTS_MAX, sizeof(*events));
	for (size_t i = 0; zp && i < zp->path.n_ways; i++) {
		const struct route_way *way = &zp->path.ways[i];
		if (!(way->families >> g->packet.family & 1) || way->end == WAY_ASIDE)
			continue;
		size_t before = out.v.n;
		tell_way(j, way, &g->packet, events, &out);
		if (!f->n_path && out.v.n > before)
			tell_path(a, way, f);
	}
	free(events);
	if (zp && zp->path.none)
		*vec_add(&out.v) = (struct evidence){ .role = "declares",
						      .plane = "declared",
						      .note = zp->path.why,
						      .at = zp->path.why_at };
	const struct flow *fl = zp ? flow_of(j, zp, g) : NULL;
	if (fl)
		*vec_add(&out.v) = (struct evidence){ .role = "declares",
						      .plane = "declared",
						      .rule = fl->id,
						      .owner = fl->owner,
						      .at = fl->at };
	f->rules = vec_keep(a, &out.v);
	f->n_rules = out.v.n;
	vec_free(&out.v);
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct device *d =
			f->rules[i].device ? snapshot_device(j->engine.snap, f->rules[i].device)
					   : NULL;
		const struct estate_source *src = d ? path_source(j->estate, d) : NULL;
		f->owner = f->owner ? f->owner : f->rules[i].owner;
		if (src && !f->responsible)
			f->responsible = responsibility_name(src->responsible);
	}
}

/* Why a device takes the packet in, where one does; NULL otherwise. */
static const char *taken_in(const struct zone_pair *zp, const struct packet *p)
{
	const char *why = NULL;
	struct way_event *events = xcalloc(WAY_EVENTS_MAX, sizeof(*events));
	for (size_t i = 0; i < zp->path.n_ways && !why; i++) {
		const struct route_way *way = &zp->path.ways[i];
		if (way->end == WAY_ASIDE && way->families >> p->family & 1 &&
		    way_walk(way, p, events).takes != TRUTH_FALSE)
			why = way->why;
	}
	free(events);
	return why;
}

const char *judge_strangers(struct judge *j, struct arena *a, const struct judgement *g)
{
	unsigned who = pair_strangers(j, g);
	bool both = who == (STRANGER_SOURCE | STRANGER_DESTINATION);
	const char *why = who ? taken_in(j->pairs.v[g->pair], &g->packet) : NULL;
	struct text t = { 0 };
	if (!who || why)
		return why;
	if (who & STRANGER_SOURCE) {
		text_put(&t, "the source ");
		addr_print(&t, g->packet.family, g->packet.src);
	}
	if (both)
		text_put(&t, " and ");
	if (who & STRANGER_DESTINATION) {
		text_put(&t, "the destination ");
		addr_print(&t, g->packet.family, g->packet.dst);
	}
	text_put(&t, both ? " aren't known in the model" : " isn't known in the model");
	const char *s = arena_str(a, t.s);
	text_finish(&t);
	return s;
}
