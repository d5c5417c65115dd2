/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff/coverage.h"
#include "diff/paper.h"
#include "diff/plane.h"
#include "diff/rules.h"
#include "diff/sweep.h"

static bool is_stale(const struct estate_source *src, int64_t as_of)
{
	/* An export of unknown age is as good as an old one where an age is asked for. */
	return src->max_age >= 0 &&
	       (src->collected_at < 0 || as_of * 86400 - src->collected_at > src->max_age);
}

static bool in_scope(const struct policy *p, int family)
{
	return p->families[family];
}

static const char failed_witness[] =
	"a witness was not confirmed, which is an error of this program";

static bool check_pair(struct check_run *run, const struct zone *from, const struct zone *to,
		       bool last)
{
	struct path *path = arena_alloc(run->res->arena, sizeof(*path));
	struct map causes = { 0 };
	bool present[PLANE_COUNT] = { false, false }, spent = false, planes = false, lost = false;
	engine_breathe(run->engine);
	path_find(run->res->arena, run->engine->graph, &run->engine->matches, from, to, path);
	bool gap = !path->found || !path_known(path);
	run->pair_findings = run->res->findings.n;
	run->causes = &causes;
	run->twin_said = (struct twin_said){ 0 };
	run->asymmetric = NULL;
	const char *answers = NULL;
	struct loc answers_at = LOC_NONE;
	for (int f = 0; f < FAMILY_COUNT && (last || !spent); f++) {
		struct pair pair;
		if (!in_scope(run->policy, f))
			continue;
		engine_pair(run->engine, path, (enum family)f, NULL, &pair);
		run->pair = &pair;
		run->taken = run->taken_possible = pset_none();
		run->twin = NULL;
		for (int i = 0; i < PLANE_COUNT; i++)
			present[i] |= pair.present[i];
		/* Without a packet there is nothing to object to. */
		for (size_t i = 0; checks[i] && !pair.spent && !pset_is_empty(pair.universe); i++) {
			run->check = checks[i];
			if (checks[i]->run)
				checks[i]->run(run);
		}
		if (!planes && !pset_is_empty(pair.universe)) {
			check_planes(run, path, pair.present);
			planes = true;
		}
		spent |= pair.spent;
		lost |= pair.lost;
		gap |= !pset_is_empty(pair.unknown);
		if (pair.answers_why && !answers)
			answers = pair.answers_why, answers_at = pair.answers_at;
		run->pair = NULL;
	}
	/* a gap that nothing in scope takes, or one on the way back alone */
	if (!gap)
		path->why = answers, path->why_at = answers_at;
	if (last || !spent)
		cover_pair(
			run, path, present,
			spent  ? "the sets of packets are too large for the memory they may take"
			: lost ? "no way was found for some packets, an error of this program"
			       : NULL);
	map_finish(&causes);
	run->causes = NULL;
	return !spent;
}

/* What all workers of a check share. */
struct checking {
	const struct estate *estate;
	const struct snapshot *snap;
	const struct graph *graph;
	const bool *stale;
	bool *exception_used, *exception_expired;
	bool witness_failed;
};

static void start(struct sweep *sw, struct worker *w, size_t budget)
{
	const struct checking *c = sw->user;
	w->run.estate = c->estate;
	w->run.snap = c->snap;
	engine_init(&w->engine, w->kept, c->estate, c->snap, c->graph, budget,
		    sw->options->failed, NULL);
	w->engine.stale = c->stale;
}

static void finish(struct sweep *sw, struct worker *w)
{
	struct checking *c = sw->user;
	for (size_t i = 0; i < sw->policy->n_exceptions; i++) {
		c->exception_used[i] |= w->run.exception_used[i];
		c->exception_expired[i] |= w->run.exception_expired[i];
	}
	c->witness_failed |= w->engine.witness_failed;
	engine_finish(&w->engine);
}

static bool one_pair(struct sweep *sw, struct worker *w, const struct zone *from,
		     const struct zone *to, bool last)
{
	(void)sw;
	return check_pair(&w->run, from, to, last);
}

int check_estate(const struct estate *e, const struct snapshot *s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	const struct policy *p = e->policy;
	struct check_run run = { .scratch = arena_create(),
				 .estate = e,
				 .policy = p,
				 .snap = s,
				 .diags = d,
				 .options = o,
				 .res = res };
	bool *stale = xcalloc(e->n_sources, sizeof(*stale));
	struct checking c = { .estate = e,
			      .snap = s,
			      .graph = graph_create(res->arena, e, s),
			      .stale = stale };
	struct sweep sw = { .zones = sweep_order(res->arena, p),
			    .n = p->n_zones,
			    .jobs = sweep_jobs(o),
			    .options = o,
			    .res = res,
			    .diags = d,
			    .policy = p,
			    .start = start,
			    .finish = finish,
			    .pair = one_pair,
			    .user = &c };
	results_of(res, e, s, d);
	for (size_t i = 0; i < e->n_sources; i++)
		stale[i] = is_stale(&e->sources[i], o->as_of);
	run.exception_used = c.exception_used = xcalloc(p->n_exceptions, sizeof(bool));
	run.exception_expired = c.exception_expired = xcalloc(p->n_exceptions, sizeof(bool));
	sweep_run(&sw);
	/* Whatever went wrong there may have gone wrong with other pairs as well. */
	vec_each (cover, &res->coverage)
		if (c.witness_failed && cover->verdict == COVER_ALIGNED) {
			cover->verdict = COVER_INCONCLUSIVE;
			cover->why = failed_witness;
		}
	check_rules(&run);
	check_exceptions(&run);
	check_ages(&run, stale);
	free(run.exception_used);
	free(run.exception_expired);
	free(stale);
	arena_destroy(run.scratch);
	results_freeze(res);
	return c.witness_failed ? -EPROTO : 0;
}

int lint_snapshot(const struct snapshot *s, struct diags *d, const struct check_options *o,
		  struct results *res)
{
	struct check_run run = {
		.scratch = arena_create(), .snap = s, .diags = d, .options = o, .res = res
	};
	res->snap = s;
	res->diags = d;
	check_rules(&run);
	check_names(&run);
	arena_destroy(run.scratch);
	results_freeze(res);
	return 0;
}
