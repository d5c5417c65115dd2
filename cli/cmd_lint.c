/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static const struct option options[] = {
	{ "collector", required_argument, NULL, 'c' },
	{ "format", required_argument, NULL, 'f' },
	{ 0 },
};

static int run(struct app *app, int argc, char **argv)
{
	struct outputs outputs = { { 0 } };
	const char *collector = NULL;
	struct loaded l;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "c:f:", options, NULL)) != -1) {
		if (c == 'c')
			collector = optarg;
		else if (c == 'f')
			code = outputs_add(app, &outputs, optarg);
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && optind == argc)
		code = usage_error(app, "a source is missing");
	if (!code)
		code = load_sources(app, argv + optind, argc - optind, collector, NULL, &l);
	if (code) {
		print_diags(app);
		outputs_free(&outputs);
		return code;
	}
	struct check_options opt = { 0 };
	struct results res;
	results_init(&res, app->arena, "lint");
	lint_snapshot(l.snap, &app->diags, &opt, &res);
	code = judge_results(&res, SEVERITY_LOW, l.any_failed);
	print_diags(app);
	int written = outputs_write_results(app, &outputs, &res);
	results_finish(&res);
	outputs_free(&outputs);
	loaded_free(&l);
	return written ? written : code;
}

const struct command cmd_lint = {
	.name = "lint",
	.synopsis = "SOURCE... [--collector NAME] [--format F[:PATH]]...",
	.summary = "dead, shadowed and redundant rules; undefined and unused names",
	.help = "  --collector NAME    read every source with this collector instead of probing\n"
		"  --format F[:PATH]   text (default), json, sarif; several\n",
	.run = run,
};
