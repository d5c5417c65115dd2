/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "capture/kernel_filter.h"
#include "capture/sample.h"
#include "capture/worker.h"
#include "cli/cli.h"

enum { EXCERPTS = 16, EXCERPT_BYTES = 2048 };

static const struct option options[] = {
	{ "pcap", required_argument, NULL, 'p' },
	{ "interface", required_argument, NULL, 'i' },
	{ "netns", required_argument, NULL, 'N' },
	{ "one-in", required_argument, NULL, '1' },
	{ "per-packet", no_argument, NULL, 'P' },
	{ "count", required_argument, NULL, 'c' },
	{ "duration", required_argument, NULL, 'D' },
	{ "snaplen", required_argument, NULL, 's' },
	{ "buffer", required_argument, NULL, 'b' },
	{ "filter", required_argument, NULL, 'x' },
	{ "excerpt", required_argument, NULL, 'e' },
	{ "fail-on", required_argument, NULL, 'F' },
	{ "format", required_argument, NULL, 'f' },
	{ "as-of", required_argument, NULL, 'd' },
	{ 0 },
};

struct asked {
	struct check_options check;
	struct outputs outputs;
	struct capture_input in;
	VEC(const char *) files;
	const char *as_of, *excerpt;
	uint64_t one_in;
	bool per_packet;
	int fail_on; /* enum severity; one beyond the last: never */
};

static bool number(const char *s, uint64_t lo, uint64_t hi, uint64_t *ret)
{
	return parse_number(s, strlen(s), lo, hi, false, ret);
}

/* "90", "90s", "5m", "2h" as nanoseconds. */
static bool parse_time(const char *s, int64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t len = strlen(s);
	uint64_t n, by = 1;
	for (size_t i = 0; len && i < sizeof(units) / sizeof(*units); i++)
		if (s[len - 1] == units[i].unit) {
			by = units[i].seconds;
			len--;
			break;
		}
	if (!parse_number(s, len, 1, (uint64_t)366 * 86400 / by, false, &n))
		return false;
	*ret = (int64_t)(n * by) * 1000000000;
	return true;
}

static bool parse_severity(const char *s, int *ret)
{
	for (int i = SEVERITY_LOW; i <= SEVERITY_CRITICAL; i++)
		if (!strcmp(s, severity_name((enum severity)i))) {
			*ret = i;
			return true;
		}
	if (strcmp(s, "none"))
		return false;
	*ret = SEVERITY_CRITICAL + 1;
	return true;
}

/* A file of that name, or what the pattern finds, sorted: a shell hasn't looked at it. */
static int add_files(struct app *app, struct asked *a, const char *pattern)
{
	struct stat st;
	glob_t g;
	if (!strcmp(pattern, "-") || !lstat(pattern, &st) || !strpbrk(pattern, "*?[")) {
		*vec_add(&a->files) = pattern;
		return 0;
	}
	int err = glob(pattern, GLOB_ERR, NULL, &g);
	for (size_t i = 0; !err && i < g.gl_pathc; i++)
		*vec_add(&a->files) = arena_str(app->arena, g.gl_pathv[i]);
	globfree(&g);
	if (!err)
		return 0;
	return usage_error(app,
			   err == GLOB_NOMATCH ? "--pcap %s: no file is named so"
					       : "--pcap %s: the folder can't be read",
			   pattern);
}

static int take_option(struct app *app, int c, struct asked *a)
{
	uint64_t n;
	switch (c) {
	case 'p':
		return add_files(app, a, optarg);
	case 'i':
		a->in.interface = optarg;
		return 0;
	case 'N':
		a->in.netns = optarg;
		return 0;
	case '1':
		if (!number(optarg, 1, 1000000, &a->one_in))
			return usage_error(app, "--one-in %s: from 1 to 1000000", optarg);
		return 0;
	case 'P':
		a->per_packet = true;
		return 0;
	case 'c':
		if (!number(optarg, 1, INT64_MAX, &a->in.count))
			return usage_error(app, "--count %s: packets, 1 or more", optarg);
		return 0;
	case 'D':
		if (!parse_time(optarg, &a->in.duration))
			return usage_error(app, "--duration %s: as in 90s, 10m, 2h", optarg);
		return 0;
	case 's':
		if (!number(optarg, 64, 262144, &n))
			return usage_error(app, "--snaplen %s: bytes, from 64 to 262144",
					   optarg);
		a->in.snaplen = (unsigned)n;
		return 0;
	case 'b':
		if (!number(optarg, 1, 1024, &n))
			return usage_error(app, "--buffer %s: MiB, from 1 to 1024", optarg);
		a->in.buffer = (size_t)n << 20;
		return 0;
	case 'x':
		a->in.expression = optarg;
		return 0;
	case 'e':
		a->excerpt = optarg;
		a->in.excerpt_bytes = EXCERPT_BYTES;
		return 0;
	case 'F':
		if (!parse_severity(optarg, &a->fail_on))
			return usage_error(app,
					   "--fail-on %s: it is low, medium, high, critical or "
					   "none",
					   optarg);
		return 0;
	case 'f':
		return outputs_add(app, &a->outputs, optarg);
	case 'd':
		a->as_of = optarg;
		return 0;
	}
	return usage_error(app, "unknown option or missing argument");
}

static int parse(struct app *app, int argc, char **argv, struct asked *a)
{
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "f:i:", options, NULL)) != -1) {
		int code = c == '?' ? usage_error(app, "unknown option or missing argument: %s",
						  argv[optind - 1])
				    : take_option(app, c, a);
		if (code)
			return code;
	}
	if (optind != argc - 1)
		return usage_error(app, optind == argc ? "an estate file is missing"
						       : "one estate at a time");
	if (!a->files.n == !a->in.interface)
		return usage_error(app, a->files.n ? "either --pcap or --interface, not both"
						   : "say --pcap FILE or --interface IF");
	if (a->files.n && (a->in.netns || a->in.buffer || a->in.snaplen || a->per_packet))
		return usage_error(app, "--netns, --buffer, --snaplen and --per-packet are for "
					"--interface");
	if (!as_of_option(a->as_of, &a->check.as_of))
		return usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", a->as_of);
	a->in.files = a->files.v;
	a->in.n_files = a->files.n;
	return 0;
}

/* --- what the records are from --- */

struct source_names {
	const struct capture_input *in;
	const struct capture_worker *w;
};

/* Never an absolute path: a report says the same wherever it was made. */
static const char *file_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	if (!strcmp(name, "-"))
		return "standard input";
	return *name == '/' && slash ? slash + 1 : name;
}

static const char *interface_name(void *user, unsigned interface)
{
	const struct source_names *n = user;
	return capture_interface(n->w, interface);
}

static const char *where(void *user, const struct flow_record *r)
{
	const struct source_names *n = user;
	if (n->in->interface)
		return n->in->interface;
	return r->file < n->in->n_files ? file_name(n->in->files[r->file]) : "?";
}

/* --- the run --- */

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* Until the end. Nonzero: the child is lost. */
static int follow(struct app *app, struct capture_worker *w, struct observations *o)
{
	bool stopping = false;
	for (;;) {
		int got = capture_next(w, &app->diags, observations_add, o);
		if (got == 0)
			return 0;
		if (got < 0 && got != -EINTR)
			return got;
		if (asked_to_stop && !stopping) {
			capture_stop(w);
			stopping = true;
		}
	}
}

static void tell_inputs(struct app *app, const struct asked *a, const struct capture_worker *w,
			struct statement *st)
{
	size_t n = a->in.interface ? 1 : a->in.n_files;
	const char **v = arena_array(app->arena, n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = a->in.interface ? a->in.interface : file_name(a->in.files[i]);
	st->inputs = v;
	st->n_inputs = n;
	st->live = a->in.interface;
	st->sandbox = arena_str(app->arena, capture_sandbox_text(w));
	const char *kernel = a->in.filter ? a->in.filter->text : NULL;
	if (kernel && a->in.expression)
		st->filter = arena_printf(app->arena, "%s; and of that: %s", kernel,
					  a->in.expression);
	else
		st->filter = kernel ? kernel : a->in.expression;
}

/* One file for each finding, named by its id; whole or not at all. */
static int write_excerpts(struct app *app, const char *folder, struct results *res)
{
	int code = 0;
	if (mkdir(folder, 0777) && errno != EEXIST) {
		fprintf(stderr, "plumbline: %s can't be made: %s\n", folder, strerror(errno));
		return EXIT_INPUT;
	}
	vec_each (f, &res->findings) {
		if (!f->seen || !f->seen->n_excerpts)
			continue;
		struct text t = { 0 };
		struct sighting *told = arena_copy(res->arena, f->seen, sizeof(*told));
		const char *name = arena_printf(res->arena, "%s.pcap", f->id);
		const char *path = arena_printf(res->arena, "%s/%s", folder, name);
		excerpt_file(told->excerpts, told->n_excerpts, &t);
		int err = file_write(path, t.s, t.len);
		text_finish(&t);
		if (err) {
			fprintf(stderr, "plumbline: %s can't be written: %s\n", path,
				strerror(-err));
			code = EXIT_INPUT;
			continue;
		}
		told->file = name;
		f->seen = told;
	}
	(void)app;
	return code;
}

/* Violations, then what keeps it from being clean. */
static int judge_sample(struct results *res, const struct statement *st, enum severity fail_on,
			bool failed)
{
	int code = judge_results(res, fail_on, failed);
	if (code != EXIT_ALIGNED && code != EXIT_INCONCLUSIVE)
		return code;
	if (st->n_inconclusive) {
		res->exit_code = EXIT_INCONCLUSIVE;
		res->exit_reason =
			arena_printf(res->arena, "%s%s", st->inconclusive[0],
				     st->n_inconclusive > 1 ? ", among other reasons" : "");
	} else if (code == EXIT_ALIGNED) {
		res->exit_reason = arena_printf(
			res->arena, "nothing at or above %s",
			fail_on > SEVERITY_CRITICAL ? "any level" : severity_name(fail_on));
	}
	return res->exit_code;
}

static int finish(struct app *app, struct asked *a, const struct loaded *l,
		  struct capture_worker *w, struct observations *o, bool failed)
{
	struct results res;
	struct statement st;
	results_init(&res, app->arena, "sample");
	res.as_of = date_text(app->arena, a->check.as_of);
	res.estate = l->estate->name;
	res.policy = l->estate->policy;
	res.policy_name = l->estate->policy->name;
	res.policy_version = l->estate->policy->version;
	res.snap = l->snap;
	res.diags = &app->diags;
	observations_results(o, &res);
	results_freeze(&res);
	int written = a->excerpt ? write_excerpts(app, a->excerpt, &res) : 0;
	observations_statement(o, app->arena, &st);
	tell_inputs(app, a, w, &st);
	if (a->in.filter)
		st.one_in = a->in.filter->one_in;
	res.statement = &st;
	int code = judge_sample(&res, &st, (enum severity)a->fail_on, failed);
	print_diags(app);
	json_t *doc = results_json(&res);
	int out = outputs_write(app, &a->outputs, doc);
	json_decref(doc);
	results_finish(&res);
	return out ? out : written ? written : code;
}

static int capture(struct app *app, struct asked *a, const struct loaded *l)
{
	struct capture_worker *w;
	size_t lost = 0;
	struct kernel_filter filter;
	if (a->in.interface && a->one_in > 1) {
		kernel_filter_build(app->arena, l->estate->policy, (unsigned)a->one_in,
				    !a->per_packet, &filter);
		a->in.filter = &filter;
	}
	/* the child is made before there is much to be copied */
	if (capture_start(app->arena, &app->diags, &a->in, &lost, &w)) {
		print_diags(app);
		return diags_has(&app->diags, "capture.expression") ? EXIT_USAGE : EXIT_INPUT;
	}
	catch_signals();
	struct source_names names = { &a->in, w };
	struct judge *j = judge_create(app->arena, l->estate, l->snap, &a->check);
	struct observation_options oo = {
		/* what the kernel has left out already isn't left out again */
		.one_in = a->in.filter ? 1 : (unsigned)a->one_in,
		.excerpts = a->excerpt ? EXCERPTS : 0,
		.interface = interface_name,
		.where = where,
		.user = &names,
	};
	struct observations *o = observations_create(j, &oo);
	if (lost)
		observations_doubt(o, lost == 1 ? "a file could not be read"
						: "several files could not be read");
	if (follow(app, w, o))
		observations_doubt(o, "the process that decodes ended before the capture did");
	int code = finish(app, a, l, w, o, lost || l->any_failed);
	capture_destroy(w);
	observations_destroy(o);
	judge_destroy(j);
	return code;
}

static int run(struct app *app, int argc, char **argv)
{
	struct asked a = { .fail_on = SEVERITY_MEDIUM, .one_in = 1 };
	struct loaded l;
	int code = parse(app, argc, argv, &a);
	if (!code)
		code = load_estate(app, argv[optind], NULL, &l);
	if (code) {
		print_diags(app);
	} else {
		a.check.failed = l.failed;
		code = capture(app, &a, &l);
		loaded_free(&l);
	}
	outputs_free(&a.outputs);
	vec_free(&a.files);
	return code;
}

const struct command cmd_sample = {
	.name = "sample",
	.synopsis = "ESTATE (--pcap FILE|GLOB|- ... | --interface IF [--netns N]) [--one-in N] "
		    "[--per-packet] [--count N] [--duration S] [--snaplen N] [--buffer MIB] "
		    "[--filter EXPR] [--excerpt DIR] [--fail-on LEVEL] [--format F[:PATH]]... "
		    "[--as-of DATE]",
	.summary = "hold captured packets against the policy and the model",
	.help = "  --pcap FILE         a capture (pcap, pcapng); a pattern in quotes; - for "
		"standard "
		"input; several\n"
		"  --interface IF      capture live; needs CAP_NET_RAW\n"
		"  --netns N           there: a name, a path or a process id\n"
		"  --one-in N          judge 1 in N of what is surely not between tenants (1)\n"
		"  --per-packet        choose those by packet, not by flow\n"
		"  --count N           stop behind N packets\n"
		"  --duration S        stop behind so long: 90s, 10m, 2h\n"
		"  --snaplen N         bytes captured of each packet (256)\n"
		"  --buffer MIB        of the kernel's ring (16)\n"
		"  --filter EXPR       only what pcap-filter(7) lets through; the report says "
		"so\n"
		"  --excerpt DIR       write each finding's packets to DIR/ID.pcap\n"
		"  --fail-on LEVEL     exit 1 at findings of low, medium (default), high, "
		"critical; or "
		"none\n"
		"  --format F[:PATH]   text (default), json, sarif; to PATH or standard "
		"output; "
		"several\n"
		"  --as-of DATE        judge exceptions and ages of exports by this day "
		"(YYYY-MM-DD)\n\n"
		"Exit codes: 0 clean, with the bound that the sample supports; 1 findings; 3 "
		"an input "
		"could not be\n"
		"read; 4 not clean, for a reason that is told: drops, cut packets, no declared "
		"flow "
		"seen.\n",
	.run = run,
};
