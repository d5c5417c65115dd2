/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff/coverage.h"
#include "diff/paper.h"
#include "diff/plane.h"
#include "diff/rules.h"

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

static void check_pair(struct check_run *run, const struct zone *from, const struct zone *to)
{
	struct path *path = arena_alloc(run->res->arena, sizeof(*path));
	struct map causes = { 0 };
	bool present[PLANE_COUNT] = { false, false }, spent = false, planes = false;
	engine_breathe(run->engine);
	path_find(run->res->arena, run->estate, run->snap, from, to, path);
	run->pair_findings = run->res->findings.n;
	run->causes = &causes;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct pair pair;
		if (!in_scope(run->policy, f))
			continue;
		engine_pair(run->engine, path, (enum family)f, NULL, &pair);
		run->pair = &pair;
		run->taken = run->taken_possible = pset_none();
		for (int i = 0; i < PLANE_COUNT; i++)
			present[i] |= pair.present[i];
		for (size_t i = 0; checks[i] && !pair.spent; i++) {
			run->check = checks[i];
			if (checks[i]->run)
				checks[i]->run(run);
		}
		if (!planes && !pset_is_empty(pair.universe)) {
			check_planes(run, path, pair.present);
			planes = true;
		}
		spent |= pair.spent;
		run->pair = NULL;
	}
	const char *doubt = NULL;
	if (run->engine->witness_failed)
		doubt = "a witness was not confirmed, which is an error of this program";
	else if (spent)
		doubt = "the sets of packets are too large for the memory they may take";
	cover_pair(run, path, present, doubt);
	map_finish(&causes);
	run->causes = NULL;
}

int check_estate(const struct estate *e, const struct snapshot *s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	const struct policy *p = e->policy;
	struct engine en;
	struct check_run run = { .engine = &en,
				 .scratch = arena_create(),
				 .estate = e,
				 .policy = p,
				 .snap = s,
				 .diags = d,
				 .options = o,
				 .res = res };
	bool *stale = xcalloc(e->n_sources, sizeof(*stale));
	res->snap = s;
	res->diags = d;
	res->policy = p;
	res->estate = e->name;
	res->policy_name = p->name;
	res->policy_version = p->version;
	for (size_t i = 0; i < e->n_sources; i++)
		stale[i] = is_stale(&e->sources[i], o->as_of);
	engine_init(&en, res->arena, e, s, o->budget, o->failed, NULL);
	en.stale = stale;
	run.exception_used = xcalloc(p->n_exceptions, sizeof(bool));
	run.exception_expired = xcalloc(p->n_exceptions, sizeof(bool));
	size_t all = p->n_zones * p->n_zones, done = 0;
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < p->n_zones; k++) {
			const struct zone *from = &p->zones[i], *to = &p->zones[k];
			if (from != to || from->self)
				check_pair(&run, from, to);
			if (o->progress)
				o->progress(o->user, ++done, all);
		}
	check_rules(&run);
	check_exceptions(&run);
	check_ages(&run, stale);
	int err = en.witness_failed ? -EPROTO : 0;
	engine_finish(&en);
	free(run.exception_used);
	free(run.exception_expired);
	free(stale);
	arena_destroy(run.scratch);
	results_freeze(res);
	return err;
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
