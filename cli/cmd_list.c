/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

static int run(struct app *app, int argc, char **argv)
{
	static const char *const words[] = { "collectors", "checks", "formats" };
	struct text t = { 0 };
	if (argc != 2)
		return usage_error(app, "say what to list: collectors, checks or formats");
	if (!strcmp(argv[1], "collectors")) {
		for (size_t i = 0; collectors[i]; i++)
			text_putf(&t, "%-10s %-9s %s\n", collectors[i]->name,
				  collectors[i]->plane == PLANE_PHYSICAL ? "physical" : "virtual",
				  collectors[i]->summary);
	} else if (!strcmp(argv[1], "checks")) {
		for (size_t i = 0; checks[i]; i++)
			text_putf(&t, "%-28s %-9s %s\n", checks[i]->id,
				  severity_name(checks[i]->severity), checks[i]->title);
	} else if (!strcmp(argv[1], "formats")) {
		for (size_t i = 0; report_formats[i]; i++)
			text_putf(&t, "%-6s %s\n", report_formats[i]->name,
				  report_formats[i]->summary);
	} else {
		const char *near = nearest_word(argv[1], words, 3);
		return usage_error(app, "nothing is listed as \"%s\"%s%s%s", argv[1],
				   near ? "; did you mean \"" : "", near ? near : "",
				   near ? "\"" : "");
	}
	int code = write_stdout(app, t.s ? t.s : "", t.len);
	text_finish(&t);
	return code;
}

const struct command cmd_list = {
	.name = "list",
	.synopsis = "collectors|checks|formats",
	.summary = "what there is",
	.help = "",
	.run = run,
};
