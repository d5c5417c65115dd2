/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "diff/ask.h"

static const struct option options[] = {
	{ "from", required_argument, NULL, 'F' },
	{ "to", required_argument, NULL, 'T' },
	{ "service", required_argument, NULL, 's' },
	{ "as-of", required_argument, NULL, 'd' },
	{ 0 },
};

/* "ssh" as the policy names it, or "tcp/22", "udp/1000-2000", "tcp", "icmp/8", "any". */
static const struct match *parse_service(struct matches *m, const struct policy *p,
					 const char *s)
{
	for (size_t i = 0; i < p->n_services; i++)
		if (!strcmp(p->services[i].name, s))
			return p->services[i].match;
	if (!strcmp(s, "any"))
		return match_all(m);
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	int proto = proto_number(s, len);
	uint64_t lo, hi;
	if (proto < 0)
		return NULL;
	const struct match *pm = match_value(m, FIELD_PROTO, (unsigned)proto);
	if (!slash)
		return pm;
	const char *dash = strchr(slash + 1, '-');
	size_t first = dash ? (size_t)(dash - slash - 1) : strlen(slash + 1);
	if (!parse_number(slash + 1, first, 0, 65535, false, &lo))
		return NULL;
	hi = lo;
	if (dash && !parse_number(dash + 1, strlen(dash + 1), lo, 65535, false, &hi))
		return NULL;
	bool icmp = proto == PROTO_ICMP || proto == PROTO_ICMPV6;
	if (!icmp && !proto_has_ports((unsigned)proto))
		return NULL;
	return match_and(m, pm, match_range(m, icmp ? FIELD_ICMP_TYPE : FIELD_DPORT, (unsigned)lo,
					    (unsigned)hi));
}

/* A zone, or an address or prefix inside one. */
static const struct zone *parse_end(struct matches *m, const struct policy *p, const char *s,
				    enum field field, const struct match **ret_narrow)
{
	const struct zone *z = policy_zone(p, s);
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	if (z || !prefix_parse(s, strlen(s), &f, &a, &len, &host_bits))
		return z;
	struct span want = span_prefix(f, a, len);
	*ret_narrow = match_spans(m, field, f, &want, 1);
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < p->zones[i].n_spans[f]; k++)
			if (span_has(p->zones[i].spans[f][k], want.lo) &&
			    span_has(p->zones[i].spans[f][k], want.hi))
				return &p->zones[i];
	return NULL;
}

static int no_end(struct app *app, const struct policy *p, const char *opt, const char *s)
{
	const char **names = arena_array(app->arena, p->n_zones, sizeof(*names));
	for (size_t i = 0; i < p->n_zones; i++)
		names[i] = p->zones[i].name;
	const char *near = nearest_word(s, names, p->n_zones);
	return usage_error(app, "%s %s: neither a zone of the policy nor an address inside one%s%s%s",
			   opt, s, near ? "; did you mean \"" : "", near ? near : "",
			   near ? "\"" : "");
}

static void put_set(struct text *t, const char *what, const struct told_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		text_putf(t, "    %-9s %s\n", i ? "" : what, s->boxes[i]);
	if (s->left)
		text_putf(t, "    %-9s and %zu more\n", "", s->left);
}

static void put_step(struct text *t, struct arena *a, const struct told_step *s)
{
	const struct evidence *ev = &s->by;
	text_putf(t, "    %-8s %s: %s %s", s->sure ? "permits" : s->maybe ? "unknown" : "denies",
		  s->point, ev->kind ? ev->kind : "", ev->ruleset ? ev->ruleset : "");
	if (ev->rule)
		text_putf(t, " %s", ev->rule);
	else if (!strncmp(ev->role, "default", 7))
		text_put(t, " (default)");
	text_putf(t, "  %s", loc_print(a, ev->at));
	if (s->sure != s->maybe && ev->note)
		text_putf(t, "  (%s)", ev->note);
	text_putc(t, '\n');
	if (ev->at.src && ev->at.line) {
		size_t len;
		const char *line = source_line(ev->at.src, ev->at.line, &len);
		while (len && (*line == ' ' || *line == '\t'))
			line++, len--;
		text_putf(t, "               | ");
		for (size_t i = 0; i < len && i < 160; i++)
			text_putc(t, (unsigned char)line[i] < 32 ? ' ' : line[i]);
		text_putc(t, '\n');
	}
}

static void put_answer(struct app *app, struct text *t, const struct question *q,
		       const struct answer *ans)
{
	static const char *const names[] = { "physical", "virtual", "together" };
	text_putf(t, "%s to %s\n", q->from->name, q->to->name);
	for (int i = 0; i <= PLANE_COUNT; i++)
		text_putf(t, "  %-9s %s\n", names[i],
			  ans->verdict[i] ? ans->verdict[i]
			  : i < PLANE_COUNT && ans->path->n_ways ? "absent" : "unknown");
	if (ans->doubt)
		text_putf(t, "  not known: %s (%s)\n", ans->doubt,
			  loc_print(app->arena, ans->doubt_at));
	for (size_t w = 0; w < ans->path->n_ways; w++) {
		text_putf(t, "  %-9s ", w ? "or" : "path");
		for (size_t i = 0; i < ans->path->ways[w].n_points; i++)
			text_putf(t, "%s%s", i ? ", " : "", ans->path->ways[w].points[i].text);
		text_putc(t, '\n');
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		const struct answer_family *af = &ans->family[f];
		if (!af->asked)
			continue;
		text_putf(t, "\n  %s\n", f == FAMILY_V4 ? "IPv4" : "IPv6");
		for (int i = 0; i <= PLANE_COUNT; i++) {
			put_set(t, names[i], &af->sure[i]);
			put_set(t, "possibly", &af->possible[i]);
		}
		put_set(t, "declared", &af->declared);
		if (!af->has_packet)
			continue;
		text_put(t, "    example   ");
		packet_say(t, &af->packet);
		text_putf(t, ": %s%s%s\n", af->allowed ? "declared" : "not declared",
			  af->flow && af->allowed ? " by flow " : "",
			  af->flow && af->allowed ? af->flow : "");
		for (size_t i = 0; i < af->n_steps; i++)
			put_step(t, app->arena, &af->steps[i]);
	}
}

static int answer(struct app *app, const struct loaded *l, const char *from, const char *to,
		  const char *service, int64_t as_of)
{
	const struct policy *p = l->estate->policy;
	struct matches *m = &l->snap->matches;
	struct question q = { 0 };
	struct answer ans;
	q.from = parse_end(m, p, from, FIELD_SRC, &q.src);
	if (!q.from)
		return no_end(app, p, "--from", from);
	q.to = parse_end(m, p, to, FIELD_DST, &q.dst);
	if (!q.to)
		return no_end(app, p, "--to", to);
	if (service && !(q.service = parse_service(m, p, service)))
		return usage_error(app, "--service %s: a service of the policy, or as in tcp/443, "
				   "udp/1000-2000, icmp/8, esp, any", service);
	struct check_options o = { .as_of = as_of, .failed = l->failed };
	ask(app->arena, l->estate, l->snap, &o, &q, &ans);
	struct text t = { 0 };
	put_answer(app, &t, &q, &ans);
	int code = write_stdout(app, t.s, t.len);
	text_finish(&t);
	if (code)
		return code;
	if (l->any_failed)
		return EXIT_INPUT;
	const char *all = ans.verdict[PLANE_COUNT];
	return !all || !strcmp(all, "unknown") ? EXIT_INCONCLUSIVE : EXIT_ALIGNED;
}

static int run(struct app *app, int argc, char **argv)
{
	const char *from = NULL, *to = NULL, *service = NULL, *date = NULL;
	struct loaded l;
	int64_t as_of = 0;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'F')
			from = optarg;
		else if (c == 'T')
			to = optarg;
		else if (c == 's')
			service = optarg;
		else if (c == 'd')
			date = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && (optind != argc - 1 || !from || !to))
		code = usage_error(app, "an estate, --from and --to are needed");
	if (!code && !as_of_option(date, &as_of))
		code = usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", date);
	if (code)
		return code;
	code = load_estate(app, argv[optind], NULL, &l);
	print_diags(app);
	if (code)
		return code;
	code = answer(app, &l, from, to, service, as_of);
	loaded_free(&l);
	return code;
}

const struct command cmd_query = {
	.name = "query",
	.synopsis = "ESTATE --from X --to Y [--service S] [--as-of DATE]",
	.summary = "each plane's answer between two zones or addresses, and who decides",
	.help = "  --from X, --to Y    a zone of the policy, or an address or prefix inside one\n"
		"  --service S         a service of the policy, or tcp/443, udp/1000-2000, icmp/8, esp\n"
		"  --as-of DATE        judge ages of exports by this day (YYYY-MM-DD)\n\n"
		"Exit codes: 0 the answer is known, 4 it is not, 3 an input could not be read.\n",
	.run = run,
};
