/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run: records come from the process that reads packets and are judged; a period ends where
 * that process says so, and everything that it has counted until then belongs to it. So does
 * another estate begin to judge: it is read in a thread, while the earlier one goes on judging,
 * then the period is ended early, together with the kernel's filter, and the next one is judged
 * by the new one. Flows go on; what they counted in a period is judged by that period's estate.
 * A run without periods is one that lasts until the end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/sample.h"
#include "report/events.h"

enum { EXCERPTS = 16, DOUBTS = 8, TOLD_MAX = 1 << 16, DAY = 86400 };

struct period {
	struct app app; /* memory and diagnostics of the period */
	struct observations *seen;
	int64_t begin;
	int64_t first, last; /* of its packets */
};

struct run {
	struct app *app;
	const struct sample_asked *asked;
	struct capture_worker *worker;
	struct standing *standing; /* judges */
	struct standing *next;	   /* judges from the tick of this number on */
	uint64_t next_tick;
	struct reading *reading;
	struct period period;
	struct sample_told told;
	bool lost; /* a file */
	/* Of the whole run, so far. */
	struct capture_counts counts;
	uint64_t flows, ticks; /* the highest number of a flow; periods that we ended */
	/* Of the last RECORD_TICK or RECORD_END. */
	int64_t tick_at;
	uint64_t tick;
	bool counts_new;
	size_t n_periods;
	int64_t ended;		    /* when the last period did */
	const char *doubts[DOUBTS]; /* that hold for the rest of the run */
	size_t n_doubts;
	const char *outdated; /* why the estate is an earlier one; NULL: it isn't */
	struct map findings;  /* fingerprints of those that were told as events */
	struct map excerpts;
	struct metrics metrics;
	int code; /* the worst so far */
	const char *reason;
};

static bool is_long(const struct run *r)
{
	return r->asked->in.interval > 0;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void worsen(struct run *r, int code, const char *reason)
{
	if (r->reason && sample_worse(r->code, code) == r->code)
		return;
	r->code = code;
	r->reason = arena_str(r->app->arena, reason);
}

/* --- signals --- */

static volatile sig_atomic_t asked_to_stop, asked_to_read;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		asked_to_read = 1;
	else
		asked_to_stop = 1;
}

/* Before anything is read: a signal that comes meanwhile is remembered. */
static void catch_signals(const struct run *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	/* poll(2) is interrupted all the same, and writing isn't */
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t ours;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&ours);
	for (size_t i = 0; i < (is_long(r) ? 3 : 2); i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&ours, signals[i]);
	}
	/* whoever started us may have held them back */
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
}

/* --- what is told on the way --- */

static void put_event(struct run *r, struct text *t)
{
	if (write_stdout(r->app, t->s, t->len))
		worsen(r, EXIT_INPUT, "standard output can't be written");
	text_finish(t);
}

static struct event_standing standing_told(const struct standing *s)
{
	const struct estate *e = s->loaded.estate;
	return (struct event_standing){ e->name, e->policy->name, e->policy->version,
					s->digest };
}

static void put_metrics(struct run *r)
{
	if (r->asked->metrics && sample_write_metrics(r->asked->metrics, &r->metrics))
		worsen(r, EXIT_INPUT, "the metrics can't be written");
}

static void take_standing(struct run *r, struct standing *s)
{
	struct event_standing e = standing_told(s);
	standing_destroy(r->standing);
	r->standing = s;
	r->told.standing = s;
	metrics_standing(&r->metrics, e.estate, e.policy, e.policy_version, e.digest);
}

/* Findings are told when they are first seen; of very many it is forgotten that they were. */
static bool is_new(struct run *r, const struct finding *f)
{
	if (map_get(&r->findings, f->fingerprint))
		return false;
	if (r->findings.n >= TOLD_MAX)
		map_finish(&r->findings), r->findings = (struct map){ 0 };
	*map_at(&r->findings, f->fingerprint) = r;
	return true;
}

static void tell_news(struct run *r)
{
	struct results res;
	if (!r->asked->events)
		return;
	results_init(&res, r->period.app.arena, "sample");
	observations_news(r->period.seen, &res);
	if (res.findings.n)
		results_freeze(&res);
	vec_each (f, &res.findings) {
		struct text t = { 0 };
		if (!is_new(r, f))
			continue;
		event_finding(&t, now(), f);
		put_event(r, &t);
	}
	results_finish(&res);
}

/* --- records --- */

static void keep_doubt(struct run *r, const void *text, size_t n)
{
	if (r->asked->in.interface && r->n_doubts < DOUBTS)
		r->doubts[r->n_doubts++] = arena_printf(
			r->app->arena, "earlier in the run: %.*s", (int)n, (const char *)text);
}

/* A flow_sink. */
static void hear(void *user, const struct flow_record *rec, const void *more, size_t n)
{
	struct run *r = user;
	struct period *p = &r->period;
	switch (rec->kind) {
	case RECORD_FIRST:
	case RECORD_MORE:
	case RECORD_LAST:
		r->flows = rec->flow > r->flows ? rec->flow : r->flows;
		p->first = rec->at < p->first ? rec->at : p->first;
		p->last = rec->until > p->last ? rec->until : p->last;
		break;
	case RECORD_COUNTS:
		if (n == sizeof(r->counts))
			memcpy(&r->counts, more, n);
		break;
	case RECORD_FAULT:
		keep_doubt(r, more, n);
		break;
	case RECORD_TICK:
		r->tick_at = rec->at;
		r->tick = rec->number;
		break;
	}
	observations_add(p->seen, rec, more, n);
}

/* --- periods --- */

static void begin_app(struct period *p, const struct app *app)
{
	*p = (struct period){ .app = *app, .first = INT64_MAX, .last = INT64_MIN };
	p->app.arena = arena_create();
	p->app.printed = 0;
	diags_init(&p->app.diags, p->app.arena);
}

static void begin_period(struct run *r)
{
	struct period *p = &r->period;
	struct observation_options o = {
		/* what the kernel has left out already isn't left out again */
		.one_in = r->standing->filter.program ? 1 : (unsigned)r->asked->one_in,
		.excerpts = r->asked->excerpt ? EXCERPTS : 0,
		.before = r->n_periods ? &r->counts : NULL,
		.flows_before = r->flows,
		.interface = sample_interface,
		.where = sample_where,
		.user = &r->told,
	};
	p->begin = r->asked->in.interface ? r->n_periods ? r->ended : now() : 0;
	p->seen = observations_create(r->standing->judge, &o);
	for (size_t i = 0; i < r->n_doubts; i++)
		observations_doubt(p->seen, r->doubts[i]);
	if (r->lost)
		observations_doubt(p->seen, "not all files could be read");
	if (r->outdated)
		observations_doubt(p->seen, r->outdated);
}

/* Of files, time is that of the packets; periods without any aren't told. */
static void set_times(struct run *r, bool ticked, struct statement_period *ret)
{
	struct period *p = &r->period;
	int64_t length = r->asked->in.interval;
	if (r->asked->in.interface) {
		ret->begin = p->begin;
		ret->end = ticked ? r->tick_at : now();
	} else {
		int64_t first = p->first == INT64_MAX ? r->ended : p->first;
		int64_t last = p->last == INT64_MIN ? first : p->last;
		ret->end = ticked ? r->tick_at : last;
		ret->begin = first;
		if (r->n_periods && first > r->ended)
			ret->begin = r->ended + (first - r->ended) / length * length;
		else if (r->n_periods)
			ret->begin = r->ended;
	}
	if (ret->end < ret->begin)
		ret->end = ret->begin;
}

static void write_documents(struct run *r, struct results *res, struct event_period *told)
{
	const struct sample_asked *a = r->asked;
	struct app *app = &r->period.app;
	int code = 0;
	if (a->out) {
		const char *name = sample_name(app->arena, told->begin);
		code = sample_write(app, a->out, name, a->keep, res, &told->removed,
				    &told->n_removed);
		if (!code)
			told->document = arena_printf(app->arena, "%s/%s", a->out, name);
		r->metrics.documents_removed += told->n_removed;
		for (size_t i = 0; !a->events && i < told->n_removed; i++)
			fprintf(stderr, "plumbline: removed %s: %llu are kept\n",
				told->removed[i], (unsigned long long)a->keep);
	}
	if (a->outputs.v.n || (!a->out && !a->events))
		code = sample_worse(
			code, outputs_write_results(app, (struct outputs *)&a->outputs, res));
	if (code)
		worsen(r, EXIT_INPUT, "a result can't be written");
}

/* Tells what was seen in it. ticked: it ended by a RECORD_TICK. */
static void end_period(struct run *r, bool ticked)
{
	struct period *p = &r->period;
	struct statement_period span = { .digest = r->standing->digest,
					 .outdated = r->outdated };
	struct statement st;
	struct results res;
	struct diags all;
	tell_news(r);
	set_times(r, ticked, &span);
	diags_init(&all, p->app.arena);
	diags_join(&all, &r->standing->app.diags);
	diags_join(&all, &p->app.diags);
	r->told.period = is_long(r) ? &span : NULL;
	if (sample_result(&p->app, &r->told, p->seen, &all, &st, &res))
		worsen(r, EXIT_INPUT, "an excerpt can't be written");
	print_diags(&p->app);
	worsen(r, res.exit_code, res.exit_reason);
	struct event_period told = {
		.begin = span.begin, .end = span.end, .results = &res, .digest = span.digest
	};
	write_documents(r, &res, &told);
	if (is_long(r)) {
		metrics_period(&r->metrics, &res, span.begin, span.end);
		put_metrics(r);
	}
	if (r->asked->events) {
		struct text t = { 0 };
		event_period(&t, now(), &told);
		put_event(r, &t);
	}
	r->ended = span.end;
	r->n_periods++;
	results_finish(&res);
	diags_finish(&all);
	observations_destroy(p->seen);
	diags_finish(&p->app.diags);
	arena_destroy(p->app.arena);
}

/* --- another estate --- */

/* Exceptions run out and exports grow old by the day: live, where none was asked for. */
static int64_t today(const struct run *r)
{
	return r->asked->in.interface && !r->asked->as_of ? now() / 1000000000 / DAY
							  : r->asked->check.as_of;
}

static void tell_reading(struct run *r, const char *why)
{
	r->metrics.reloads[!why]++;
	r->metrics.outdated = why;
	put_metrics(r);
	if (r->asked->events) {
		struct text t = { 0 };
		struct event_standing e = standing_told(r->standing);
		event_reload(&t, now(), &e, why);
		put_event(r, &t);
	}
}

/* It couldn't be read: the earlier one goes on judging, and nothing is clean by it. */
static void keep_standing(struct run *r, struct standing *made)
{
	const char *why = made->why ? made->why : "it can't be read";
	r->outdated = arena_printf(
		r->app->arena,
		"the estate couldn't be read again, and an earlier one judges: %s", why);
	observations_doubt(r->period.seen, r->outdated);
	fprintf(stderr, "plumbline: %s\n", r->outdated);
	tell_reading(r, why);
	standing_destroy(made);
}

/* The period ends early, and the next is judged by what was read. */
static void order_standing(struct run *r, struct standing *made)
{
	const struct kernel_filter *f = made->filter.program ? &made->filter : NULL;
	if (!r->asked->in.interface) {
		capture_tick(r->worker);
	} else if (capture_refilter(r->worker, &r->period.app.diags, f)) {
		made->why = "the kernel's filter can't be replaced";
		keep_standing(r, made);
		return;
	}
	r->next = made;
	r->next_tick = ++r->ticks;
}

static void read_again(struct run *r)
{
	struct standing *made;
	if (asked_to_read && !r->reading && !r->next) {
		asked_to_read = 0;
		r->reading = reading_begin(r->app, r->asked, today(r));
	}
	if (!r->reading || !reading_over(r->reading))
		return;
	int code = reading_end(r->reading, &made);
	r->reading = NULL;
	if (code || made->why)
		keep_standing(r, made);
	else
		order_standing(r, made);
}

/* Between two periods. */
static void change_standing(struct run *r)
{
	if (r->next && r->tick >= r->next_tick) {
		take_standing(r, r->next);
		r->next = NULL;
		r->outdated = NULL;
		tell_reading(r, NULL);
	}
	if (r->standing->check.as_of != today(r))
		standing_judge(r->standing, today(r));
}

/* --- the run --- */

/* Of files a signal is no end; of standard input it is how whoever writes it ends as well. */
static void doubt_end(struct run *r)
{
	const struct capture_input *in = &r->asked->in;
	for (size_t i = 0; i < in->n_files; i++)
		if (strcmp(in->files[i], "-")) {
			observations_doubt(r->period.seen,
					   "a signal ended the run before the files' end");
			return;
		}
}

static void follow(struct run *r)
{
	bool stopping = false;
	for (;;) {
		int got = capture_next(r->worker, &r->period.app.diags, hear, r);
		if (got < 0 && got != -EINTR)
			observations_doubt(
				r->period.seen,
				"the process that decodes ended before the capture did");
		if (got != 1 && got != -EINTR)
			break;
		if (got == 1) {
			end_period(r, true);
			change_standing(r);
			begin_app(&r->period, r->app);
			begin_period(r);
		} else {
			tell_news(r);
		}
		read_again(r);
		if (asked_to_stop && !stopping) {
			capture_stop(r->worker);
			doubt_end(r);
			stopping = true;
		}
	}
	end_period(r, false);
}

/* A signal came before the capture could begin. */
static void end_unbegun(struct run *r)
{
	struct flow_record rec = { .kind = RECORD_COUNTS };
	struct capture_counts none = { .drops_known = r->asked->in.interface };
	hear(r, &rec, &none, sizeof(none));
	observations_doubt(r->period.seen, "a signal ended the run before the capture began");
	end_period(r, false);
}

static void begin_run(struct run *r)
{
	struct event_standing e = standing_told(r->standing);
	size_t n;
	const char *const *inputs = sample_inputs(r->app->arena, &r->asked->in, &n);
	metrics_standing(&r->metrics, e.estate, e.policy, e.policy_version, e.digest);
	put_metrics(r);
	if (r->asked->events) {
		struct text t = { 0 };
		event_start(&t, now(), &e, inputs, n);
		put_event(r, &t);
	}
}

static void end_run(struct run *r)
{
	struct standing *made = NULL;
	if (r->reading)
		reading_end(r->reading, &made);
	standing_destroy(made);
	standing_destroy(r->next);
	if (r->asked->events) {
		struct text t = { 0 };
		event_end(&t, now(), r->code, r->reason ? r->reason : "");
		put_event(r, &t);
	}
	metrics_finish(&r->metrics);
	map_finish(&r->findings);
	map_finish(&r->excerpts);
}

int sample_run(struct app *app, struct sample_asked *a)
{
	struct run r = { .app = app, .asked = a, .told = { .asked = a } };
	size_t lost = 0;
	catch_signals(&r);
	int code = standing_read(app, a, &r.standing);
	if (code) {
		standing_destroy(r.standing);
		return code;
	}
	if (r.standing->filter.program)
		a->in.filter = &r.standing->filter;
	begin_app(&r.period, app);
	/* the child is made before there is much to be copied */
	a->in.stop = &asked_to_stop;
	int err = asked_to_stop ? -EINTR
				: capture_start(app->arena, &r.period.app.diags, &a->in, &lost,
						&r.worker);
	if (err && err != -EINTR) {
		print_diags(&r.period.app);
		code = diags_has(&r.period.app.diags, "capture.expression") ? EXIT_USAGE
									    : EXIT_INPUT;
		diags_finish(&r.period.app.diags);
		arena_destroy(r.period.app.arena);
		standing_destroy(r.standing);
		return code;
	}
	standing_judge(r.standing, a->check.as_of);
	r.told = (struct sample_told){ .asked = a,
				       .standing = r.standing,
				       .worker = r.worker,
				       .lost = lost,
				       .excerpts = is_long(&r) ? &r.excerpts : NULL };
	r.lost = lost;
	begin_run(&r);
	begin_period(&r);
	if (r.worker)
		follow(&r);
	else
		end_unbegun(&r);
	end_run(&r);
	capture_destroy(r.worker);
	standing_destroy(r.standing);
	return r.code;
}
