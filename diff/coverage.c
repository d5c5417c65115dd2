/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be said of every zone pair on each plane. Only what was looked at whole, with
 * nothing possible left over, is called aligned.
 */
#include "diff/coverage.h"

#include <string.h>

/* Planes agree or differ with each other: what is wrong between two zones is a matter of both.
 * Only a plane that isn't there is its own. */
static bool concerns(const struct finding *f, int plane)
{
	return strcmp(f->check, "coverage.plane-absent") ||
	       !strcmp(f->plane, plane_name(plane));
}

static void put_points(struct results *res, const struct path *path, int plane,
		       struct coverage *c)
{
	VEC(const char *) points = { 0 };
	for (size_t w = 0; w < path->n_ways; w++)
		for (size_t i = 0; i < path->ways[w].n_points; i++) {
			const struct point *pt = &path->ways[w].points[i];
			bool old = !pt->device || pt->device->plane != plane;
			for (size_t k = 0; k < points.n && !old; k++)
				old = !strcmp(points.v[k], pt->text);
			if (!old)
				*vec_add(&points) = pt->text;
		}
	c->points = (const char *const *)vec_keep(res->arena, &points);
	c->n_points = points.n;
	vec_free(&points);
}

/* The first point of the plane that isn't understood whole. A point of the other plane counts
 * as well: it may rewrite or hide what reaches this one. */
static bool tainted(const struct check_run *run, const struct path *path, struct coverage *c)
{
	for (size_t w = 0; w < path->n_ways; w++)
		for (size_t i = 0; i < path->ways[w].n_points; i++) {
			const struct point *pt = &path->ways[w].points[i];
			const char *why;
			struct loc at;
			if (!engine_tainted(run->engine, pt, &why, &at))
				continue;
			c->why = arena_printf(run->res->arena, "%s is not understood whole: %s",
					      pt->device->name, why);
			c->why_at = at;
			return true;
		}
	return false;
}

static void judge(struct check_run *run, const struct path *path, const bool *present,
		  const char *doubt, int plane, struct coverage *c)
{
	struct arena *a = run->res->arena;
	size_t certain = 0, possible = 0, excepted = 0;
	VEC(size_t) mine = { 0 };
	for (size_t i = run->pair_findings; i < run->res->findings.n; i++) {
		const struct finding *f = &run->res->findings.v[i];
		if (!concerns(f, plane))
			continue;
		*vec_add(&mine) = i;
		if (f->excepted.exception)
			excepted++;
		else if (f->certainty == CERTAIN)
			certain++;
		else
			possible++;
	}
	c->finding_index = vec_keep(a, &mine);
	c->n_findings = mine.n;
	vec_free(&mine);
	c->verdict = COVER_INCONCLUSIVE;
	c->why_at = LOC_NONE;
	if (certain) {
		c->verdict = COVER_MISALIGNED;
		c->why = arena_printf(a, "%zu finding%s%s%s", certain, certain == 1 ? "" : "s",
				      doubt ? ", and more may be missing: " : "",
				      doubt ? doubt : "");
	} else if (run->twin_said.wider) {
		c->verdict = COVER_MISALIGNED;
		c->why = arena_printf(a, "its counterpart %s permits more", run->twin_said.with);
	} else if (!path_known(path)) {
		c->why = path->why;
		c->why_at = path->why_at;
	} else if (tainted(run, path, c)) {
		/* why is set */
	} else if (doubt) {
		c->why = doubt;
	} else if (run->twin_said.doubt) {
		c->why = run->twin_said.doubt;
	} else if (run->twin_said.open) {
		c->why = arena_printf(a, "its counterpart %s possibly permits more",
				      run->twin_said.with);
	} else if (possible) {
		c->why = arena_printf(a, "%zu possible finding%s: not everything is understood",
				      possible, possible == 1 ? "" : "s");
	} else if (path->why && !path->none) {
		c->why = path->why;
		c->why_at = path->why_at;
	} else if (!path->none && !path_arrives(path)) {
		c->verdict = COVER_ALIGNED;
		c->why = arena_printf(a, "not routed: %s", path->ways[0].why);
		c->why_at = path->ways[0].why_at;
	} else if (path->none) {
		c->verdict = COVER_ALIGNED;
		c->why = arena_printf(a, "declared as not connected: %s", path->why);
		c->why_at = path->why_at;
	} else if (!present[PLANE_PHYSICAL] && !present[PLANE_VIRTUAL]) {
		c->why = "no plane has an enforcing point: nothing is known to filter this pair";
	} else {
		c->verdict = COVER_ALIGNED;
		c->why = run->twin_said.with
				 ? arena_printf(a, "compared with %s, its counterpart",
						run->twin_said.with)
			 : !present[plane] ? arena_printf(a, "absent: the %s plane stands alone",
							plane_name(!plane))
			 : !present[!plane] ? "stands alone: the other plane has no enforcing point"
			 : excepted	    ? "all findings are excepted"
					    : "";
	}
}

void cover_pair(struct check_run *run, const struct path *path, const bool *present,
		const char *doubt)
{
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		struct coverage c = { .from = path->from->name,
				      .to = path->to->name,
				      .plane = plane_name(plane),
				      .enforced = present[plane],
				      .apart = path->none };
		put_points(run->res, path, plane, &c);
		judge(run, path, present, doubt, plane, &c);
		*vec_add(&run->res->coverage) = c;
	}
}
