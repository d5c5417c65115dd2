/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "report/draw.h"

static const struct option options[] = {
	{ "collector", required_argument, NULL, 'c' },
	{ "format", required_argument, NULL, 'f' },
	{ "matrix", required_argument, NULL, 'm' },
	{ "ruleset", required_argument, NULL, 'r' },
	{ "behind", required_argument, NULL, 'b' },
	{ "iif", required_argument, NULL, 'i' },
	{ "oif", required_argument, NULL, 'o' },
	{ "as-of", required_argument, NULL, 'd' },
	{ 0 },
};

static int show_model(struct app *app, const struct loaded *l, const char *format)
{
	json_t *doc = snapshot_json(l->snap, &app->diags);
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
	int code = write_stdout(app, t.s ? t.s : "", t.len);
	text_finish(&t);
	json_decref(doc);
	return code;
}

static bool is_estate(const char *path)
{
	return has_suffix(path, ".yaml") || has_suffix(path, ".yml");
}

static bool is_drawing(const char *format)
{
	return !strcmp(format, "dot") || !strcmp(format, "svg");
}

/* What a check says of the estate, drawn. */
static int show_drawing(struct app *app, const struct loaded *l, const char *format,
			int64_t as_of)
{
	struct check_options o = { .as_of = as_of,
				   .failed = l->failed,
				   .progress = show_progress,
				   .user = app };
	struct results res;
	struct drawing d;
	struct text t = { 0 };
	results_init(&res, app->arena, "check");
	res.as_of = date_text(app->arena, as_of);
	check_estate(l->estate, l->snap, &app->diags, &o, &res);
	draw_make(app->arena, l->estate, l->snap, &res, &d);
	if (!strcmp(format, "dot"))
		draw_dot(&d, &t);
	else
		draw_svg(&d, &t);
	int code = write_stdout(app, t.s ? t.s : "", t.len);
	text_finish(&t);
	draw_finish(&d);
	results_finish(&res);
	return code;
}

static int run(struct app *app, int argc, char **argv)
{
	const char *collector = NULL, *format = "text", *date = NULL;
	int64_t as_of = 0;
	struct matrix_options matrix = { 0 };
	struct loaded l;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "c:f:m:r:b:i:o:", options, NULL)) != -1) {
		if (c == 'c')
			collector = optarg;
		else if (c == 'f')
			format = optarg;
		else if (c == 'm')
			*vec_add(&matrix.services) = optarg;
		else if (c == 'r')
			matrix.ruleset = optarg;
		else if (c == 'b')
			*vec_add(&matrix.behind) = optarg;
		else if (c == 'i')
			matrix.iif = optarg;
		else if (c == 'o')
			matrix.oif = optarg;
		else if (c == 'd')
			date = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && strcmp(format, "text") && strcmp(format, "json") && !is_drawing(format))
		code = usage_error(app, "--format %s: it is text, json, dot or svg", format);
	if (!code && optind == argc)
		code = usage_error(app, "a source is missing");
	bool estate = !code && !collector && optind == argc - 1 && is_estate(argv[optind]);
	if (!code && is_drawing(format) && (!estate || matrix.services.n))
		code = usage_error(app, "--format %s draws one estate: name its .yaml file", format);
	if (!code && !as_of_option(date, &as_of))
		code = usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", date);
	matrix.json = !strcmp(format, "json");
	if (!code && !matrix.services.n &&
	    (matrix.ruleset || matrix.behind.n || matrix.iif || matrix.oif))
		code = usage_error(app, "--ruleset, --behind, --iif and --oif go with --matrix");
	if (!code && matrix.services.n && optind != argc - 1)
		code = usage_error(app, "--matrix: one source at a time");
	if (!code && estate)
		code = load_estate(app, argv[optind], NULL, &l);
	else if (!code)
		code = load_sources(app, argv + optind, argc - optind, collector, NULL, &l);
	if (code) {
		print_diags(app);
		vec_free(&matrix.services);
		vec_free(&matrix.behind);
		return code;
	}
	if (is_drawing(format))
		code = show_drawing(app, &l, format, as_of);
	else
		code = matrix.services.n ? show_matrices(app, &l, &matrix)
					 : show_model(app, &l, format);
	print_diags(app);
	if (!code && l.any_failed)
		code = EXIT_INPUT;
	loaded_free(&l);
	vec_free(&matrix.services);
	vec_free(&matrix.behind);
	return code;
}

const struct command cmd_show = {
	.name = "show",
	.synopsis = "SOURCE...|ESTATE [--collector NAME] [--format text|json|dot|svg] "
		    "[--matrix SERVICE]...",
	.summary = "the model as read, with the account of lines",
	.help = "  --collector NAME    read every source with this collector instead of probing\n"
		"  --format F          text (default) or json; dot or svg: the estate drawn, with what "
		"a check\n"
		"                      says of its zone pairs\n"
		"  --as-of DATE        draw exceptions and ages of exports by this day (YYYY-MM-DD)\n"
		"  --matrix SERVICE    who may begin a conversation with whom, instead: all addresses "
		"in\n"
		"                      classes that behave alike for tcp/22, udp/53, "
		"tcp/10000:22 (source\n"
		"                      port first), icmp/8 or esp; surely, and possibly\n"
		"  --ruleset NAME      asks this ruleset; without it the only one there is, or the "
		"way\n"
		"                      across the device\n"
		"  --iif, --oif NAME   the interfaces that packets come in and go out by\n"
		"  --behind I=P[,P]... exactly these prefixes are behind interface I (I=!P,...: all "
		"but\n"
		"                      these)\n",
	.run = run,
};
