/* SPDX-License-Identifier: Apache-2.0 */
/* What packets are judged by, and how it is read again while they come. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "cli/sample.h"

/* --- the digest --- */

struct inputs {
	VEC(const struct source *) v;
};

static void add(struct inputs *in, const struct source *src)
{
	if (src && (!in->v.n || in->v.v[in->v.n - 1] != src))
		*vec_add(&in->v) = src;
}

static int by_name(const void *va, const void *vb)
{
	const struct source *const *a = va, *const *b = vb;
	int c = strcmp((*a)->name, (*b)->name);
	return c ? c : strcmp((*a)->sha256, (*b)->sha256);
}

#define ADD_PLACES(in, list, n)                                                                \
	for (size_t i_ = 0; i_ < (n); i_++)                                                    \
	add(in, (list)[i_].at.src)

static const char *digest_of(struct arena *a, const struct loaded *l)
{
	const struct estate *e = l->estate;
	const struct policy *p = e->policy;
	struct inputs in = { { 0 } };
	struct text t = { 0 };
	vec_each (acc, &l->snap->accounts)
		add(&in, (*acc)->src);
	ADD_PLACES(&in, e->sources, e->n_sources);
	ADD_PLACES(&in, p->tenants, p->n_tenants);
	ADD_PLACES(&in, p->zones, p->n_zones);
	ADD_PLACES(&in, p->services, p->n_services);
	ADD_PLACES(&in, p->flows, p->n_flows);
	ADD_PLACES(&in, p->exceptions, p->n_exceptions);
	ADD_PLACES(&in, p->controls, p->n_controls);
	if (in.v.n)
		qsort(in.v.v, in.v.n, sizeof(*in.v.v), by_name);
	for (size_t i = 0; i < in.v.n; i++)
		if (!i || by_name(&in.v.v[i - 1], &in.v.v[i]))
			text_putf(&t, "%s  %s\n", in.v.v[i]->sha256, in.v.v[i]->name);
	const char *digest = sha256_hex(a, t.s ? t.s : "", t.len);
	text_finish(&t);
	vec_free(&in.v);
	return digest;
}

/* --- reading --- */

static const char *first_error(struct arena *a, const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == DIAG_ERROR)
			return arena_printf(a, "%s [%s]", d->v[i].text, d->v[i].code);
	return "it can't be read";
}

int standing_read(const struct app *app, const struct sample_asked *a, struct standing **ret)
{
	struct standing *s = xcalloc(1, sizeof(*s));
	s->app = (struct app){ .arena = arena_create(),
			       .err_style = app->err_style,
			       .out_style = app->out_style,
			       .usage = app->usage };
	diags_init(&s->app.diags, s->app.arena);
	s->check = a->check;
	*ret = s;
	int code = load_estate(&s->app, a->estate, NULL, &s->loaded);
	if (code) {
		s->why = first_error(s->app.arena, &s->app.diags);
		return code;
	}
	if (s->loaded.any_failed)
		s->why = "a source could not be read to its end";
	print_diags(&s->app);
	s->check.failed = s->loaded.failed;
	s->digest = digest_of(s->app.arena, &s->loaded);
	if (a->in.interface && a->one_in > 1)
		kernel_filter_build(s->app.arena, s->loaded.estate->policy, (unsigned)a->one_in,
				    !a->per_packet, &s->filter);
	return 0;
}

/* The judge and all that it made go together, as often as there is another. */
static void unjudge(struct standing *s)
{
	judge_destroy(s->judge);
	arena_destroy(s->judging);
}

void standing_judge(struct standing *s, int64_t as_of)
{
	unjudge(s);
	s->check.as_of = as_of;
	s->judging = arena_create();
	s->judge = judge_create(s->judging, s->loaded.estate, s->loaded.snap, &s->check);
}

void standing_destroy(struct standing *s)
{
	if (!s)
		return;
	unjudge(s);
	if (s->loaded.snap)
		loaded_free(&s->loaded);
	diags_finish(&s->app.diags);
	arena_destroy(s->app.arena);
	free(s);
}

/* --- while packets come --- */

struct reading {
	pthread_t thread;
	bool threaded;
	atomic_bool over;
	const struct app *app;
	const struct sample_asked *asked;
	int64_t as_of;
	struct standing *made;
	int code;
};

static void *work(void *arg)
{
	struct reading *r = arg;
	r->code = standing_read(r->app, r->asked, &r->made);
	if (!r->code && !r->made->why)
		standing_judge(r->made, r->as_of);
	atomic_store_explicit(&r->over, true, memory_order_release);
	return NULL;
}

struct reading *reading_begin(const struct app *app, const struct sample_asked *a,
			      int64_t as_of)
{
	struct reading *r = xcalloc(1, sizeof(*r));
	sigset_t all, old;
	r->app = app;
	r->asked = a;
	r->as_of = as_of;
	/* signals are for the thread that waits for records */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r->threaded = !pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r->threaded)
		work(r);
	return r;
}

bool reading_over(const struct reading *r)
{
	return atomic_load_explicit(&r->over, memory_order_acquire);
}

int reading_end(struct reading *r, struct standing **ret)
{
	if (r->threaded)
		pthread_join(r->thread, NULL);
	int code = r->code;
	*ret = r->made;
	free(r);
	return code;
}
