/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "cli/cli.h"
#include "collectors/live.h"

static const struct option options[] = {
	{ "netns", required_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ 0 },
};

/* RFC 3339, UTC. */
static const char *now_text(struct arena *a)
{
	time_t t = time(NULL);
	struct tm tm;
	char buf[32];
	if (!gmtime_r(&t, &tm) || !strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "1970-01-01T00:00:00Z";
	return arena_str(a, buf);
}

static int write_out(struct app *app, const char *path, const struct text *t)
{
	if (!path || !strcmp(path, "-"))
		return write_stdout(app, t->s, t->len);
	int err = file_write(path, t->s, t->len);
	if (!err)
		return 0;
	fprintf(stderr, "plumbline: %s can't be written: %s\n", path, strerror(-err));
	return EXIT_INPUT;
}

static int collect(struct app *app, const char *netns, const char *path)
{
	struct live *l;
	const char *started = now_text(app->arena);
	int err = live_collect(app->arena, &app->diags, netns, &l);
	print_diags(app);
	if (err)
		return err == -ENOENT ? EXIT_USAGE : EXIT_INPUT;
	struct text t = { 0 };
	live_print(l, PLUMBLINE_VERSION, started, now_text(app->arena), &t);
	int code = write_out(app, path, &t);
	text_finish(&t);
	if (!code && !live_complete(l))
		code = EXIT_INCONCLUSIVE;
	live_destroy(l);
	return code;
}

static int run(struct app *app, int argc, char **argv)
{
	const char *netns = NULL, *path = NULL;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "n:o:", options, NULL)) != -1) {
		if (c == 'n')
			netns = optarg;
		else if (c == 'o')
			path = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && (optind + 1 != argc || strcmp(argv[optind], "linux")))
		code = usage_error(app, "say what to collect: linux");
	return code ? code : collect(app, netns, path);
}

const struct command cmd_collect = {
	.name = "collect",
	.synopsis = "linux [--netns NAME|PID] [-o FILE]",
	.summary = "this host's live state as one file",
	.help = "  --netns NAME|PID    read this network namespace instead of the caller's\n"
		"  -o FILE             write there, whole or not at all, instead of standard "
		"output\n\n"
		"Reading changes nothing. Exit codes: 0 everything was read, 4 something could "
		"not be\n"
		"(the file says what), 2 there is no such namespace, 3 nothing could be read "
		"or written.\n",
	.run = run,
};
