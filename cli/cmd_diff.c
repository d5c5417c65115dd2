/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

static const struct option options[] = {
	{ "format", required_argument, NULL, 'f' },
	{ "as-of", required_argument, NULL, 'd' },
	{ "collector", required_argument, NULL, 'c' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "whole", no_argument, NULL, 'w' },
	{ 0 },
};

static bool is_estate(const char *path)
{
	return has_suffix(path, ".yaml") || has_suffix(path, ".yml");
}

static int load_both(struct app *app, char **paths, const char *collector, bool estates,
		     struct loaded *was, struct loaded *is)
{
	int code = estates ? load_estate(app, paths[0], NULL, was)
			   : load_sources(app, &paths[0], 1, collector, NULL, was);
	if (code)
		return code;
	code = estates ? load_estate(app, paths[1], was, is)
		       : load_sources(app, &paths[1], 1, collector, was->snap, is);
	if (code) {
		print_diags(app);
		loaded_free(was);
	}
	return code;
}

static int compare(struct app *app, char **paths, const char *collector, bool estates,
		   struct check_options *o, struct outputs *outputs)
{
	struct loaded was, is;
	struct results res;
	int code = load_both(app, paths, collector, estates, &was, &is);
	if (code) {
		print_diags(app);
		return code;
	}
	results_init(&res, app->arena, "diff");
	if (estates)
		res.as_of = date_text(app->arena, o->as_of);
	o->failed_old = was.failed;
	o->failed = is.failed;
	if (estates)
		diff_estates(was.estate, was.snap, is.estate, is.snap, &app->diags, o, &res);
	else
		diff_sources(was.snap, is.snap, &app->diags, o, &res);
	code = judge_results(&res, SEVERITY_LOW, was.any_failed || is.any_failed);
	print_diags(app);
	int written = outputs_write_results(app, outputs, &res);
	results_finish(&res);
	loaded_free(&is);
	loaded_free(&was);
	return written ? written : code;
}

static int run(struct app *app, int argc, char **argv)
{
	struct outputs outputs = { { 0 } };
	struct check_options o = { .jobs = cores() };
	uint64_t jobs;
	const char *date = NULL, *collector = NULL;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "f:c:j:", options, NULL)) != -1) {
		if (c == 'f')
			code = outputs_add(app, &outputs, optarg);
		else if (c == 'd')
			date = optarg;
		else if (c == 'c')
			collector = optarg;
		else if (c == 'w')
			o.whole = true;
		else if (c == 'j' && parse_number(optarg, strlen(optarg), 1, 256, false, &jobs))
			o.jobs = (size_t)jobs;
		else if (c == 'j')
			code = usage_error(app, "--jobs %s: from 1 to 256", optarg);
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && optind != argc - 2)
		code = usage_error(app, "two estates (or two exports of one device), the old one first");
	if (!code && is_estate(argv[optind]) != is_estate(argv[optind + 1]))
		code = usage_error(app, "%s is an estate and %s is not: compare two of a kind",
				   argv[is_estate(argv[optind]) ? optind : optind + 1],
				   argv[is_estate(argv[optind]) ? optind + 1 : optind]);
	if (!code && !as_of_option(date, &o.as_of))
		code = usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", date);
	if (!code)
		code = compare(app, argv + optind, collector, is_estate(argv[optind]), &o, &outputs);
	outputs_free(&outputs);
	return code;
}

const struct command cmd_diff = {
	.name = "diff",
	.synopsis = "OLD_ESTATE NEW_ESTATE [--format F[:PATH]]... [--as-of DATE] [--jobs N] [--whole]",
	.summary = "what a change opens, what it closes, and by which lines",
	.help = "  --format F[:PATH]   text (default), json, sarif; several\n"
		"  --as-of DATE        judge ages of exports by this day (YYYY-MM-DD)\n"
		"  --collector NAME    for two exports: read them with this collector\n"
		"  --jobs N            threads (as many as there are cores); the results are the same\n"
		"  --whole             compare every pair, also what no change can reach\n\n"
		"Two exports of one device can be compared instead of estates (any file that is not\n"
		".yaml): each of their rulesets by its name. Exit code 1: something opened or closed.\n",
	.run = run,
};
