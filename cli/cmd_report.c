/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static const struct option options[] = {
	{ "format", required_argument, NULL, 'f' },
	{ 0 },
};

static int run(struct app *app, int argc, char **argv)
{
	struct outputs outputs = { { 0 } };
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == 'f')
			code = outputs_add(app, &outputs, optarg);
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && optind != argc - 1)
		code = usage_error(app, "one results file, as written by --format json");
	if (!code) {
		const struct source *src;
		json_t *doc = NULL;
		const char *path = argv[optind];
		if (!source_open(app->arena, &app->diags, path, path, &src))
			doc = results_read(&app->diags, src);
		print_diags(app);
		code = doc ? outputs_write(app, &outputs, doc) : EXIT_INPUT;
		json_decref(doc);
	}
	outputs_free(&outputs);
	return code;
}

const struct command cmd_report = {
	.name = "report",
	.synopsis = "RESULTS.json --format F[:PATH]...",
	.summary = "render the results of an earlier run",
	.help = "  --format F[:PATH]   text (default), json, sarif; several\n",
	.run = run,
};
