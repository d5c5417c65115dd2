/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct command *const commands[] = {
	&cmd_check, &cmd_diff, &cmd_query, &cmd_eval, &cmd_lint, &cmd_show,
	&cmd_collect, &cmd_sample, &cmd_report, &cmd_list,
};

enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static void out_of_memory(size_t size)
{
	fprintf(stderr, "plumbline: out of memory (%zu bytes could not be had)\n", size);
	exit(EXIT_INPUT);
}

int usage_error(const struct app *app, const char *fmt, ...)
{
	va_list ap;
	fputs("plumbline: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: plumbline %s\n", app->usage);
	return EXIT_USAGE;
}

static void print_help(FILE *out)
{
	fputs("usage: plumbline COMMAND ...\n\n"
	      "Reads what physical and virtual networks enforce and what the policy declares, and\n"
	      "shows with a packet where they disagree.\n\n",
	      out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nplumbline COMMAND --help tells a command's options.\n"
	      "Exit codes: 0 aligned, 1 findings, 2 usage or configuration, 3 an input could not be\n"
	      "read, 4 nothing worse than inconclusive.\n",
	      out);
}

static void style_of(int fd, struct report_style *st)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize ws;
	st->colour = isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
	if (isatty(fd) && !ioctl(fd, TIOCGWINSZ, &ws) && ws.ws_col)
		st->width = ws.ws_col;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct app app = { .arena = arena_create() };
	diags_init(&app.diags, app.arena);
	style_of(STDOUT_FILENO, &app.out_style);
	style_of(STDERR_FILENO, &app.err_style);
	app.progress = isatty(STDERR_FILENO);
	app.usage = arena_printf(app.arena, "%s %s", c->name, c->synopsis);
	int code;
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("usage: plumbline %s\n\n%s.\n\n%s", app.usage, c->summary, c->help);
		code = fflush(stdout) ? EXIT_INPUT : EXIT_ALIGNED;
	} else {
		code = c->run(&app, argc, argv);
	}
	diags_finish(&app.diags);
	arena_destroy(app.arena);
	return code;
}

int main(int argc, char **argv)
{
	oom_set_handler(out_of_memory);
	json_set_alloc_funcs(xmalloc, free);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return fflush(stdout) ? EXIT_INPUT : EXIT_ALIGNED;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("plumbline " PLUMBLINE_VERSION);
		return fflush(stdout) ? EXIT_INPUT : EXIT_ALIGNED;
	}
	const char *names[N_COMMANDS];
	for (size_t i = 0; i < N_COMMANDS; i++) {
		names[i] = commands[i]->name;
		if (!strcmp(argv[1], names[i]))
			return run_command(commands[i], argc - 1, argv + 1);
	}
	const char *near = nearest_word(argv[1], names, N_COMMANDS);
	fprintf(stderr, "plumbline: there is no command \"%s\"", argv[1]);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"", near);
	fputs("\n\n", stderr);
	print_help(stderr);
	return EXIT_USAGE;
}
