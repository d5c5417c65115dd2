/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "cli/cli.h"

void print_diags(struct app *app)
{
	struct text t = { 0 };
	for (size_t i = app->printed; i < app->diags.n; i++)
		report_diag(&app->diags.v[i], app->err_style, &t);
	app->printed = app->diags.n;
	for (size_t i = 0; i < app->diags.n_counts; i++)
		if (app->diags.counts[i].n > DIAG_CAP_PER_CODE)
			text_putf(&t, "%zu more of [%s] are only counted\n",
				  app->diags.counts[i].n - DIAG_CAP_PER_CODE,
				  app->diags.counts[i].code);
	if (t.s)
		fputs(t.s, stderr);
	text_finish(&t);
}

int outputs_add(struct app *app, struct outputs *o, const char *arg)
{
	const char *colon = strchr(arg, ':');
	const char *name = colon ? arena_strn(app->arena, arg, (size_t)(colon - arg)) : arg;
	const struct report_format *f = report_format_find(name);
	if (!f) {
		const char *names[32];
		size_t n = 0;
		while (report_formats[n] && n < 32)
			names[n] = report_formats[n]->name, n++;
		const char *near = nearest_word(name, names, n);
		return usage_error(app, "there is no format \"%s\"%s%s%s (plumbline list formats)", name,
				   near ? "; did you mean \"" : "", near ? near : "",
				   near ? "\"" : "");
	}
	if (colon && !colon[1])
		return usage_error(app, "--format %s: a path is missing behind the colon", arg);
	const char *path = colon ? colon + 1 : NULL;
	vec_each(x, &o->v)
		if (path ? x->path && !strcmp(x->path, path) : !x->path)
			return usage_error(app, "two formats go to %s: give one a path of its own, as in "
					   "--format sarif:results.sarif", path ? path
										: "standard output");
	*vec_add(&o->v) = (struct output){ f, path };
	return 0;
}

void outputs_free(struct outputs *o)
{
	vec_free(&o->v);
}

int write_stdout(struct app *app, const char *s, size_t len)
{
	if ((len && fwrite(s, 1, len, stdout) != len) || fflush(stdout)) {
		fputs("plumbline: standard output can't be written\n", stderr);
		return EXIT_INPUT;
	}
	(void)app;
	return 0;
}

/* res: what *results is made of when it is asked for, or NULL. */
static int write_all(struct app *app, struct outputs *o, const struct results *res,
		     json_t **results)
{
	int code = 0;
	struct output text = { report_format_find("text"), NULL };
	const struct report_format *json = report_format_find("json");
	for (size_t i = 0; i < (o->v.n ? o->v.n : 1); i++) {
		const struct output *x = o->v.n ? &o->v.v[i] : &text;
		struct text t = { 0 };
		if (res && x->format == json) {
			results_text(res, &t);
		} else {
			if (!*results)
				*results = results_json(res);
			report_render(x->format, *results,
				      x->path ? (struct report_style){ 0 } : app->out_style, &t);
		}
		if (!x->path) {
			code = write_stdout(app, t.s ? t.s : "", t.len) ? EXIT_INPUT : code;
		} else {
			int err = file_write(x->path, t.s ? t.s : "", t.len);
			if (err) {
				fprintf(stderr, "plumbline: %s can't be written: %s\n", x->path,
					strerror(-err));
				code = EXIT_INPUT;
			}
		}
		text_finish(&t);
	}
	return code;
}

int outputs_write(struct app *app, struct outputs *o, json_t *results)
{
	return write_all(app, o, NULL, &results);
}

int outputs_write_results(struct app *app, struct outputs *o, const struct results *res)
{
	json_t *made = NULL;
	int code = write_all(app, o, res, &made);
	json_decref(made);
	return code;
}

size_t cores(void)
{
	cpu_set_t set;
	return !sched_getaffinity(0, sizeof(set), &set) ? (size_t)CPU_COUNT(&set) : 1;
}

bool as_of_option(const char *arg, int64_t *ret_days)
{
	if (arg)
		return parse_date(arg, strlen(arg), ret_days);
	*ret_days = time(NULL) / 86400;
	return true;
}

int fail_on_option(const struct app *app, const char *arg, int *ret)
{
	int level = SEVERITY_LOW;
	while (level <= SEVERITY_CRITICAL && strcmp(arg, severity_name((enum severity)level)))
		level++;
	if (level > SEVERITY_CRITICAL && strcmp(arg, "none"))
		return usage_error(app, "--fail-on %s: it is low, medium, high, critical or none",
				   arg);
	*ret = level;
	return 0;
}

const char *date_text(struct arena *a, int64_t days)
{
	time_t t = days * 86400;
	struct tm tm;
	char buf[32];
	if (!gmtime_r(&t, &tm) || !strftime(buf, sizeof(buf), "%Y-%m-%d", &tm))
		return "?";
	return arena_str(a, buf);
}

int judge_results(struct results *res, enum severity fail_on, bool failed_input)
{
	size_t grave = 0, open = 0;
	vec_each(f, &res->findings) {
		if (f->excepted.exception && !f->excepted.expired)
			continue;
		grave += f->certainty == CERTAIN && f->severity >= fail_on;
		open += f->certainty == POSSIBLE;
	}
	vec_each(c, &res->coverage)
		open += c->verdict == COVER_INCONCLUSIVE;
	if (failed_input) {
		res->exit_code = EXIT_INPUT;
		res->exit_reason = "an input could not be read";
	} else if (grave) {
		res->exit_code = EXIT_FINDINGS;
		res->exit_reason = arena_printf(res->arena, "%zu finding%s at or above %s", grave,
						grave == 1 ? "" : "s", severity_name(fail_on));
	} else if (open) {
		res->exit_code = EXIT_INCONCLUSIVE;
		res->exit_reason = "not everything could be concluded";
	} else {
		res->exit_code = EXIT_ALIGNED;
		/* "none" asks for no level at all */
		res->exit_reason = arena_printf(res->arena, "nothing at or above %s",
						fail_on > SEVERITY_CRITICAL ? "any level"
									    : severity_name(fail_on));
	}
	return res->exit_code;
}

void show_progress(void *user, size_t done, size_t all)
{
	const struct app *app = user;
	if (!app->progress || !all)
		return;
	int width = 24, full = (int)(done * (size_t)width / all);
	fprintf(stderr, "\r[%.*s%*s] %zu/%zu", full, "########################", width - full, "",
		done, all);
	if (done == all)
		fputs("\r\033[K", stderr);
}
