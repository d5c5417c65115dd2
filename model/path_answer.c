/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back. An answer has the addresses that the conversation's packet had as it arrived,
 * exchanged; every device that translated that packet and that the answer comes to translates
 * it back. So all that the answer is on its way is told by how far back it has been translated:
 * by the point of the way there whose work is undone (its level).
 */
#include "model/path_internal.h"

#include <string.h>

static bool rewrites(const struct point *pt)
{
	for (size_t k = 0; k < pt->n_steps; k++)
		if (pt->steps[k].kind == STEP_REWRITE)
			return true;
	return false;
}

size_t path_translates(const struct forward *fw, const struct device *d, size_t level)
{
	bool other = false;
	for (size_t i = level; i-- > 0;) {
		/* crossed again as another conversation, which takes the answers */
		if (!rewrites(&fw->way->points[i])) {
			other |= fw->way->points[i].device == d && !fw->way->points[i].bridged;
			continue;
		}
		if (fw->way->points[i].device == d)
			return other ? PATH_OUT_OF_ORDER : i;
		other = true;
	}
	return SIZE_MAX;
}

void path_restores(const struct forward *fw, size_t at, struct nat_branch *ret)
{
	const struct point *pt = &fw->way->points[at];
	bool rewrites[] = {
		[NAT_NOT_TOLD] = false, [NAT_SOURCE] = false, [NAT_DESTINATION] = false
	};
	for (size_t k = 0; k < pt->n_steps; k++)
		if (pt->steps[k].kind == STEP_REWRITE)
			rewrites[pt->steps[k].nats[0]->rewrites] = true;
	ret->restores = true;
	ret->late = pt->device->netfilter && rewrites[NAT_DESTINATION];
	ret->both = ret->late && rewrites[NAT_SOURCE];
}

/* What the way's conditions and translations leave of the zones' addresses. */
static struct forward follow(struct finder *f, const struct path *p,
			     const struct route_way *way, enum family fam)
{
	struct arena *a = f->arena;
	size_t n = way->n_points, zone = (size_t)(p->to - f->estate->policy->zones);
	struct spans *src = arena_array(a, n + 1, sizeof(*src));
	struct spans *dst = arena_array(a, n + 1, sizeof(*dst));
	src[0] = (struct spans){ p->from->spans[fam], p->from->n_spans[fam] };
	dst[0] = f->graph->attached[zone].destinations[fam];
	for (size_t i = 0; i < n; i++) {
		struct spans s = src[i], d = dst[i];
		for (size_t k = 0; k < way->points[i].n_steps; k++) {
			const struct way_step *st = &way->points[i].steps[k];
			if (st->kind == STEP_TAKE && !st->negate) {
				s = footprint_bound(a, fam, FIELD_SRC, st->match, s);
				d = footprint_bound(a, fam, FIELD_DST, st->match, d);
			} else if (st->kind == STEP_REWRITE) {
				path_image(a, st, fam, &s, &d);
			}
		}
		src[i + 1] = s, dst[i + 1] = d;
	}
	if (way->end == WAY_ARRIVES) {
		struct spans to = { p->to->spans[fam], p->to->n_spans[fam] };
		dst[n] = spans_both(a, dst[n], to);
	}
	return (struct forward){ way, src, dst };
}

/* A declared way: its points are known, what is translated back at them is not. */
static struct route_way back_along(struct finder *f, const struct forward *fw,
				   const struct route_way *back)
{
	struct point *pts = arena_array(f->arena, back->n_points, sizeof(*pts));
	size_t level = fw->way->n_points;
	for (size_t i = 0; i < back->n_points; i++) {
		struct nat_branch b = { 0 };
		size_t at = path_translates(fw, back->points[i].device, level);
		pts[i] = back->points[i];
		pts[i].level_in = level;
		if (at < PATH_OUT_OF_ORDER)
			path_restores(fw, at, &b);
		level = b.restores ? at : level;
		pts[i].level_out = level;
		path_weave(f, &pts[i], (struct takes){ 0 }, &b, (struct takes){ 0 },
			   (struct nat_list){ 0 }, (struct takes){ 0 });
	}
	return (struct route_way){ .points = pts,
				   .n_points = back->n_points,
				   .families = fw->way->families };
}

void path_answers(struct arena *a, const struct graph *g, struct matches *m,
		  const struct path *p, size_t way, struct path *ret_path)
{
	struct finder f = {
		.arena = a, .graph = g, .estate = g->estate, .snap = g->snap, .matches = m
	};
	struct path back = { .from = p->to, .to = p->from, .found = p->found };
	struct way_list out = { { 0 } };
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		if (!(p->ways[way].families >> fam & 1) || !f.estate->policy->families[fam])
			continue;
		struct forward fw = follow(&f, p, &p->ways[way], (enum family)fam);
		if (p->found) {
			path_search_answers(&f, &fw, (enum family)fam, p->to, p->from, &out);
			continue;
		}
		struct path said = { .from = p->to, .to = p->from };
		path_said(&f, &said);
		for (size_t i = 0; i < said.n_ways; i++) {
			struct route_way *w = vec_add(&out.v);
			*w = back_along(&f, &fw, &said.ways[i]);
			w->families = (uint8_t)(1u << fam);
		}
	}
	back.ways = vec_keep(a, &out.v);
	back.n_ways = out.v.n;
	vec_free(&out.v);
	back.why = f.why;
	back.why_at = f.why_at;
	for (size_t i = 0; i < back.n_ways && !back.why; i++)
		if (back.ways[i].end == WAY_UNKNOWN)
			back.why = back.ways[i].why, back.why_at = back.ways[i].why_at;
	*ret_path = back;
}
