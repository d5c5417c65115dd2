/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of a run, or of a period of one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/sample.h"

/* Never an absolute path: a report says the same wherever it was made. */
static const char *file_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	if (!strcmp(name, "-"))
		return "standard input";
	return *name == '/' && slash ? slash + 1 : name;
}

const char *sample_interface(void *user, unsigned interface)
{
	const struct sample_told *told = user;
	return told->worker ? capture_interface(told->worker, interface) : NULL;
}

const char *sample_where(void *user, const struct flow_record *r)
{
	const struct capture_input *in = &((const struct sample_told *)user)->asked->in;
	if (in->interface)
		return in->interface;
	return r->file < in->n_files ? file_name(in->files[r->file]) : "?";
}

const char *const *sample_inputs(struct arena *a, const struct capture_input *in, size_t *ret_n)
{
	size_t n = in->interface ? 1 : in->n_files;
	const char **v = arena_array(a, n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = in->interface ? in->interface : file_name(in->files[i]);
	*ret_n = n;
	return v;
}

static void tell_inputs(struct arena *a, const struct sample_told *told, struct statement *st)
{
	const struct capture_input *in = &told->asked->in;
	const struct kernel_filter *f = &told->standing->filter;
	const char *kernel = f->program ? f->text : NULL;
	st->inputs = sample_inputs(a, in, &st->n_inputs);
	st->live = in->interface;
	st->sandbox = told->worker ? arena_str(a, capture_sandbox_text(told->worker))
				   : "not begun";
	if (kernel && in->expression)
		st->filter = arena_printf(a, "%s; and of that: %s", kernel, in->expression);
	else
		st->filter = kernel ? kernel : in->expression;
	if (f->program)
		st->one_in = f->one_in;
	st->period = told->period;
}

/* Whether there is to be a file of it: of a long run not of more than are bearable. */
static bool is_kept(struct map *kept, const char *id)
{
	if (!kept)
		return true;
	if (!map_get(kept, id) && kept->n >= SAMPLE_EXCERPTS)
		return false;
	*map_at(kept, id) = kept;
	return true;
}

/* One file for each finding, named by its id; whole or not at all. */
static int write_excerpts(const char *folder, struct map *kept, struct results *res)
{
	int code = 0;
	if (mkdir(folder, 0777) && errno != EEXIST) {
		fprintf(stderr, "plumbline: %s can't be made: %s\n", folder, strerror(errno));
		return EXIT_INPUT;
	}
	vec_each (f, &res->findings) {
		if (!f->seen || !f->seen->n_excerpts || !is_kept(kept, f->id))
			continue;
		struct text t = { 0 };
		struct sighting *seen = arena_copy(res->arena, f->seen, sizeof(*seen));
		const char *name = arena_printf(res->arena, "%s.pcap", f->id);
		const char *path = arena_printf(res->arena, "%s/%s", folder, name);
		excerpt_file(seen->excerpts, seen->n_excerpts, &t);
		int err = file_write(path, t.s, t.len);
		text_finish(&t);
		if (err) {
			fprintf(stderr, "plumbline: %s can't be written: %s\n", path,
				strerror(-err));
			code = EXIT_INPUT;
			continue;
		}
		seen->file = name;
		f->seen = seen;
	}
	return code;
}

/* Violations, then what keeps it from being clean. */
static void judge_sample(struct results *res, const struct statement *st, int fail_on,
			 bool failed)
{
	int code = judge_results(res, (enum severity)fail_on, failed);
	if (code != EXIT_ALIGNED && code != EXIT_INCONCLUSIVE)
		return;
	if (st->n_inconclusive) {
		res->exit_code = EXIT_INCONCLUSIVE;
		res->exit_reason =
			arena_printf(res->arena, "%s%s", st->inconclusive[0],
				     st->n_inconclusive > 1 ? ", among other reasons" : "");
	} else if (code == EXIT_ALIGNED) {
		res->exit_reason = arena_printf(
			res->arena, "nothing at or above %s",
			fail_on > SEVERITY_CRITICAL ? "any level"
						    : severity_name((enum severity)fail_on));
	}
}

int sample_result(struct app *app, struct sample_told *told, struct observations *o,
		  const struct diags *diags, struct statement *st, struct results *res)
{
	const struct sample_asked *a = told->asked;
	const struct standing *s = told->standing;
	const struct estate *e = s->loaded.estate;
	results_init(res, app->arena, "sample");
	res->as_of = date_text(app->arena, s->check.as_of);
	res->estate = e->name;
	res->policy = e->policy;
	res->policy_name = e->policy->name;
	res->policy_version = e->policy->version;
	res->snap = s->loaded.snap;
	res->diags = diags;
	observations_results(o, res);
	results_freeze(res);
	int written = a->excerpt ? write_excerpts(a->excerpt, told->excerpts, res) : 0;
	observations_statement(o, app->arena, st);
	tell_inputs(app->arena, told, st);
	res->statement = st;
	judge_sample(res, st, a->fail_on, told->lost || s->loaded.any_failed);
	return written;
}
