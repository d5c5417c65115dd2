/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

static const struct option options[] = {
	{ "fail-on", required_argument, NULL, 'F' },
	{ "format", required_argument, NULL, 'f' },
	{ "as-of", required_argument, NULL, 'd' },
	{ "memory", required_argument, NULL, 'm' },
	{ "jobs", required_argument, NULL, 'j' },
	{ 0 },
};

struct asked {
	struct check_options check;
	struct outputs outputs;
	const char *as_of;
	int fail_on; /* enum severity; one beyond the last: never */
};

static int parse(struct app *app, int argc, char **argv, struct asked *a)
{
	uint64_t mib, jobs;
	int c, code;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "f:j:", options, NULL)) != -1) {
		switch (c) {
		case 'F':
			if ((code = fail_on_option(app, optarg, &a->fail_on)))
				return code;
			break;
		case 'f':
			if ((code = outputs_add(app, &a->outputs, optarg)))
				return code;
			break;
		case 'd':
			a->as_of = optarg;
			break;
		case 'm':
			if (!parse_number(optarg, strlen(optarg), 16, 1 << 20, false, &mib))
				return usage_error(app, "--memory %s: MiB, from 16 to 1048576", optarg);
			a->check.budget = (size_t)mib << 20;
			break;
		case 'j':
			if (!parse_number(optarg, strlen(optarg), 1, 256, false, &jobs))
				return usage_error(app, "--jobs %s: from 1 to 256", optarg);
			a->check.jobs = (size_t)jobs;
			break;
		default:
			return usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return usage_error(app, optind == argc ? "an estate file is missing"
						       : "one estate at a time");
	if (!as_of_option(a->as_of, &a->check.as_of))
		return usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", a->as_of);
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	struct asked a = { .fail_on = SEVERITY_MEDIUM, .check = { .jobs = cores() } };
	struct loaded l;
	int code = parse(app, argc, argv, &a);
	if (!code)
		code = load_estate(app, argv[optind], NULL, &l);
	if (code) {
		print_diags(app);
		outputs_free(&a.outputs);
		return code;
	}
	struct results res;
	results_init(&res, app->arena, "check");
	res.as_of = date_text(app->arena, a.check.as_of);
	a.check.failed = l.failed;
	a.check.progress = show_progress;
	a.check.user = app;
	check_estate(l.estate, l.snap, &app->diags, &a.check, &res);
	code = judge_results(&res, (enum severity)a.fail_on, l.any_failed);
	print_diags(app);
	int written = outputs_write_results(app, &a.outputs, &res);
	results_finish(&res);
	outputs_free(&a.outputs);
	loaded_free(&l);
	return written ? written : code;
}

const struct command cmd_check = {
	.name = "check",
	.synopsis = "ESTATE [--fail-on LEVEL] [--format F[:PATH]]... [--as-of DATE] [--memory MIB] [--jobs N]",
	.summary = "hold physical, virtual and declared against each other",
	.help = "  --fail-on LEVEL     exit 1 at findings of low, medium (default), high, critical; or "
		"none\n"
		"  --format F[:PATH]   text (default), json, sarif; to PATH or standard output; several\n"
		"  --as-of DATE        judge exceptions and ages of exports by this day (YYYY-MM-DD)\n"
		"  --memory MIB        limit of the packet sets of each address family (1024)\n"
		"  --jobs N            threads (as many as there are cores); the results are the same\n",
	.run = run,
};
