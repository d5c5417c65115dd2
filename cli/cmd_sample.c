/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/sample.h"

enum { EXCERPT_BYTES = 2048, KEEP = 48 };

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
	{ "interval", required_argument, NULL, 'I' },
	{ "out", required_argument, NULL, 'o' },
	{ "keep", required_argument, NULL, 'k' },
	{ "metrics", required_argument, NULL, 'm' },
	{ "events", no_argument, NULL, 'E' },
	{ 0 },
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

/* A file of that name, or what the pattern finds, sorted: a shell hasn't looked at it. */
static int add_files(struct app *app, struct sample_asked *a, const char *pattern)
{
	struct stat st;
	glob_t g;
	if (!*pattern)
		return usage_error(app, "--pcap takes the name of a file");
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
			   err == GLOB_NOMATCH ? "--pcap %s: no file matches the pattern"
					       : "--pcap %s: the folder can't be read",
			   pattern);
}

static int take_option(struct app *app, int c, struct sample_asked *a)
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
		return fail_on_option(app, optarg, &a->fail_on);
	case 'f':
		return outputs_add(app, &a->outputs, optarg);
	case 'd':
		a->as_of = optarg;
		return 0;
	case 'I':
		if (!parse_time(optarg, &a->in.interval))
			return usage_error(app, "--interval %s: as in 90s, 10m, 2h", optarg);
		return 0;
	case 'o':
		a->out = optarg;
		return 0;
	case 'k':
		if (!number(optarg, 1, 100000, &a->keep))
			return usage_error(app, "--keep %s: documents, from 1 to 100000",
					   optarg);
		return 0;
	case 'm':
		a->metrics = optarg;
		return 0;
	case 'E':
		a->events = true;
		return 0;
	}
	return usage_error(app, "unknown option or missing argument");
}

static int check_interval(struct app *app, struct sample_asked *a)
{
	if (!a->in.interval && (a->out || a->keep || a->metrics || a->events))
		return usage_error(app, "--out, --keep, --metrics and --events are for runs "
					"with --interval");
	if (a->keep && !a->out)
		return usage_error(app, "--keep is for --out DIR");
	a->keep = a->keep ? a->keep : KEEP;
	vec_each (o, &a->outputs.v)
		if (a->events && !o->path)
			return usage_error(app, "standard output is for --events: give the "
						"format a path, as in --format json:FILE");
	return 0;
}

static int parse(struct app *app, int argc, char **argv, struct sample_asked *a)
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
	a->estate = argv[optind];
	return check_interval(app, a);
}

static int run(struct app *app, int argc, char **argv)
{
	struct sample_asked a = { .fail_on = SEVERITY_MEDIUM, .one_in = 1 };
	int code = parse(app, argc, argv, &a);
	if (!code)
		code = sample_run(app, &a);
	outputs_free(&a.outputs);
	vec_free(&a.files);
	return code;
}

const struct command cmd_sample = {
	.name = "sample",
	.synopsis = "ESTATE (--pcap FILE|GLOB|- ... | --interface IF [--netns N]) [--one-in N] "
		    "[--per-packet] [--count N] [--duration S] [--snaplen N] [--buffer MIB] "
		    "[--filter EXPR] [--excerpt DIR] [--fail-on LEVEL] [--format F[:PATH]]... "
		    "[--as-of DATE] [--interval S [--out DIR [--keep N]] [--metrics FILE] [--events]]",
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
		"(YYYY-MM-DD)\n"
		"  --interval S        run for long: a result for each period, until a signal "
		"ends it; SIGHUP\n"
		"                      reads the estate again\n"
		"  --out DIR           write each period's document to DIR/sample-BEGIN.json\n"
		"  --keep N            at most so many of them (48): the oldest are removed\n"
		"  --metrics FILE      the run's counters, for Prometheus\n"
		"  --events            what happens, as JSON lines on standard output\n\n"
		"Exit codes: 0 clean, with the bound that the sample supports; 1 findings; 3 "
		"an input "
		"could not be\n"
		"read; 4 not clean, for a reason that is told: drops, cut packets, no declared "
		"flow "
		"seen.\n",
	.run = run,
};
