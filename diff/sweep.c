/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "diff/parallel.h"

enum { JOBS_MAX = 256, BUDGET_LEAST = 16 << 20 };

/* What came out of one row. */
struct part {
	struct results res;
	struct diags diags;
};

struct rows {
	struct sweep *sweep;
	struct worker *workers;
	struct part *parts;
};

size_t sweep_jobs(const struct check_options *o)
{
	return o->jobs < 1 ? 1 : o->jobs > JOBS_MAX ? JOBS_MAX : o->jobs;
}

static int by_name(const void *x, const void *y)
{
	const struct zone *const *a = x, *const *b = y;
	return strcmp((*a)->name, (*b)->name);
}

const struct zone **sweep_order(struct arena *a, const struct policy *p)
{
	const struct zone **v = arena_array(a, p->n_zones, sizeof(struct zone *));
	for (size_t i = 0; i < p->n_zones; i++)
		v[i] = &p->zones[i];
	if (p->n_zones)
		qsort(v, p->n_zones, sizeof(struct zone *), by_name);
	return v;
}

static const char *keep_text(struct worker *w, const char *s)
{
	if (!s)
		return NULL;
	void **at = map_at(&w->texts, s);
	if (!*at)
		*at = arena_str(w->kept, s);
	return *at;
}

static const char *const *keep_list(struct worker *w, const char *const *v, size_t n)
{
	enum { SHORT = 64 };
	const char *few[SHORT], **kept = n > SHORT ? xcalloc(n, sizeof(*kept)) : few;
	for (size_t i = 0; i < n; i++)
		kept[i] = keep_text(w, v[i]);
	/* Equal texts have one address. */
	void **at = map_atn(&w->lists, n ? (const char *)kept : "", n * sizeof(*kept));
	if (!*at)
		*at = arena_copy(w->kept, kept, n * sizeof(*kept));
	if (kept != few)
		free(kept);
	return *at;
}

static void keep_coverage(struct worker *w, struct coverage *c)
{
	c->why = keep_text(w, c->why);
	c->why_at.path = keep_text(w, c->why_at.path);
	c->points = keep_list(w, c->points, c->n_points);
	c->finding_index = arena_copy(w->kept, c->finding_index,
				      c->n_findings * sizeof(*c->finding_index));
}

static void part_start(struct sweep *sw, struct worker *w, struct part *p)
{
	p->res = *sw->res;
	p->res.arena = w->pair;
	memset(&p->res.findings, 0, sizeof(p->res.findings));
	memset(&p->res.coverage, 0, sizeof(p->res.coverage));
	p->res.witnesses = p->res.replayed = 0;
	diags_init(&p->diags, w->kept);
	w->run.res = &p->res;
	w->run.diags = &p->diags;
}

static void one_pair(struct sweep *sw, struct worker *w, const struct zone *from,
		     const struct zone *to, bool last)
{
	struct results *res = w->run.res;
	struct arena_mark mark = arena_mark(w->pair);
	size_t findings = res->findings.n, coverage = res->coverage.n;
	size_t witnesses = res->witnesses, replayed = res->replayed;
	if (!sw->pair(sw, w, from, to, last) && !last) {
		res->findings.n = findings;
		res->coverage.n = coverage;
		res->witnesses = witnesses;
		res->replayed = replayed;
		*vec_add(&w->deferred) = (struct deferred){ from, to };
	}
	for (size_t i = coverage; i < res->coverage.n; i++)
		keep_coverage(w, &res->coverage.v[i]);
	if (res->findings.n == findings)
		arena_rewind(w->pair, mark);
}

static void one_row(void *user, size_t worker, size_t row)
{
	struct rows *rows = user;
	struct sweep *sw = rows->sweep;
	struct worker *w = &rows->workers[worker];
	const struct zone *from = sw->zones[row];
	part_start(sw, w, &rows->parts[row]);
	for (size_t i = 0; i < sw->n; i++) {
		const struct zone *to = sw->zones[i];
		if ((from != to || from->self) && (!sw->wanted || sw->wanted(sw, row, i)))
			one_pair(sw, w, from, to, false);
	}
}

/* Behind what is there already. */
static void part_join(struct sweep *sw, struct part *p)
{
	struct results *res = sw->res;
	size_t first = res->findings.n;
	vec_each (f, &p->res.findings)
		*vec_add(&res->findings) = *f;
	vec_each (c, &p->res.coverage) {
		size_t *index = (size_t *)c->finding_index;
		for (size_t i = 0; i < c->n_findings; i++)
			index[i] += first;
		*vec_add(&res->coverage) = *c;
	}
	res->witnesses += p->res.witnesses;
	res->replayed += p->res.replayed;
	diags_join(sw->diags, &p->diags);
	vec_free(&p->res.findings);
	vec_free(&p->res.coverage);
	diags_finish(&p->diags);
}

static void worker_start(struct sweep *sw, struct worker *w, size_t budget)
{
	memset(w, 0, sizeof(*w));
	w->kept = arena_create();
	w->pair = arena_create();
	w->run = (struct check_run){ .engine = &w->engine,
				     .scratch = arena_create(),
				     .policy = sw->policy,
				     .options = sw->options };
	w->run.exception_used = xcalloc(sw->policy->n_exceptions, sizeof(bool));
	w->run.exception_expired = xcalloc(sw->policy->n_exceptions, sizeof(bool));
	sw->start(sw, w, budget);
}

/* What the worker's results point to goes to the arena of all results. */
static void worker_finish(struct sweep *sw, struct worker *w)
{
	sw->finish(sw, w);
	arena_join(sw->res->arena, w->kept);
	arena_join(sw->res->arena, w->pair);
	map_finish(&w->texts);
	map_finish(&w->lists);
	vec_free(&w->deferred);
	arena_destroy(w->run.scratch);
	free(w->run.exception_used);
	free(w->run.exception_expired);
}

/* The pairs that did not fit beside others, each alone. */
static void retry(struct sweep *sw, const struct deferred *d, size_t budget)
{
	struct worker w;
	struct part part;
	worker_start(sw, &w, budget);
	part_start(sw, &w, &part);
	one_pair(sw, &w, d->from, d->to, true);
	part_join(sw, &part);
	worker_finish(sw, &w);
}

static void report_rows(void *user, size_t done)
{
	const struct sweep *sw = user;
	sw->options->progress(sw->options->user, done * sw->n, sw->n * sw->n);
}

void sweep_run(struct sweep *sw)
{
	const struct check_options *o = sw->options;
	size_t jobs = sw->jobs ? sw->jobs : 1, budget = o->budget ? o->budget : (size_t)1 << 30;
	jobs = jobs > sw->n && sw->n ? sw->n : jobs;
	size_t share = budget / jobs;
	if (share < BUDGET_LEAST)
		share = BUDGET_LEAST < budget ? BUDGET_LEAST : budget;
	struct rows rows = { .sweep = sw,
			     .workers = xcalloc(jobs, sizeof(*rows.workers)),
			     .parts = xcalloc(sw->n, sizeof(*rows.parts)) };
	VEC(struct deferred) again = { 0 };
	for (size_t i = 0; i < jobs; i++)
		worker_start(sw, &rows.workers[i], share);
	parallel_each(jobs, sw->n, one_row, &rows, o->progress ? report_rows : NULL, sw);
	for (size_t i = 0; i < sw->n; i++)
		part_join(sw, &rows.parts[i]);
	for (size_t i = 0; i < jobs; i++) {
		vec_each (d, &rows.workers[i].deferred)
			*vec_add(&again) = *d;
		worker_finish(sw, &rows.workers[i]);
	}
	vec_each (d, &again)
		retry(sw, d, budget);
	vec_free(&again);
	free(rows.parts);
	free(rows.workers);
}
