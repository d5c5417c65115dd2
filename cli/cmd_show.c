/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

static const struct option options[] = {
	{ "collector", required_argument, NULL, 'c' },
	{ "format", required_argument, NULL, 'f' },
	{ 0 },
};

static int run(struct app *app, int argc, char **argv)
{
	const char *collector = NULL, *format = "text";
	struct loaded l;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "c:f:", options, NULL)) != -1) {
		if (c == 'c')
			collector = optarg;
		else if (c == 'f')
			format = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && strcmp(format, "text") && strcmp(format, "json"))
		code = usage_error(app, "--format %s: it is text or json", format);
	if (!code && optind == argc)
		code = usage_error(app, "a source is missing");
	if (!code)
		code = load_sources(app, argv + optind, argc - optind, collector, NULL, &l);
	if (code) {
		print_diags(app);
		return code;
	}
	json_t *doc = snapshot_json(l.snap, &app->diags);
	struct text t = { 0 };
	print_diags(app);
	if (!strcmp(format, "json")) {
		char *s = json_dumps(doc, JSON_INDENT(2));
		text_put(&t, s ? s : "");
		text_putc(&t, '\n');
		free(s);
	} else {
		snapshot_text(doc, &t, app->out_style);
	}
	code = write_stdout(app, t.s ? t.s : "", t.len);
	text_finish(&t);
	json_decref(doc);
	if (!code && l.any_failed)
		code = EXIT_INPUT;
	loaded_free(&l);
	return code;
}

const struct command cmd_show = {
	.name = "show",
	.synopsis = "SOURCE... [--collector NAME] [--format text|json]",
	.summary = "the model as read, with the account of lines",
	.help = "  --collector NAME    read every source with this collector instead of probing\n"
		"  --format F          text (default) or json\n",
	.run = run,
};
