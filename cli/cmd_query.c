/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "report/query.h"

static const struct option options[] = {
	{ "from", required_argument, NULL, 'F' },
	{ "to", required_argument, NULL, 'T' },
	{ "service", required_argument, NULL, 's' },
	{ "as-of", required_argument, NULL, 'd' },
	{ "format", required_argument, NULL, 'f' },
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

enum { ZONES_MAX = 8 };

/* One end of the question: a zone, or an address or prefix. */
struct end {
	const struct zone *zones[ZONES_MAX]; /* that it can mean */
	size_t n;
	const struct match *narrow; /* NULL: the whole zone */
};

/* Where packets from an address come from, and where packets to it are delivered. */
static struct end parse_end(const struct loaded *l, const char *s, enum field field,
			    const struct match *service)
{
	const struct policy *p = l->estate->policy;
	struct end e = { { policy_zone(p, s) }, 1, NULL };
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	if (e.zones[0])
		return e;
	e.n = 0;
	if (!prefix_parse(s, strlen(s), &f, &a, &len, &host_bits))
		return e;
	struct span want = span_prefix(f, a, len);
	e.narrow = match_spans(&l->snap->matches, field, f, &want, 1);
	if (field == FIELD_DST) {
		e.n = ask_zones_to(l->estate, l->snap, f, want, service, e.zones, ZONES_MAX);
		return e;
	}
	for (size_t i = 0; i < p->n_zones && !e.n; i++)
		for (size_t k = 0; k < p->zones[i].n_spans[f] && !e.n; k++)
			if (span_has(p->zones[i].spans[f][k], want.lo) &&
			    span_has(p->zones[i].spans[f][k], want.hi))
				e.zones[e.n++] = &p->zones[i];
	return e;
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

static bool any_asked(const struct answer *ans)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (ans->family[f].asked)
			return true;
	return false;
}

struct wish {
	const char *from, *to, *service;
	int64_t as_of;
	bool json;
};

static int write_query(struct app *app, const struct wish *w, const struct query *q)
{
	struct text t = { 0 };
	if (w->json) {
		json_t *doc = query_json(q, &app->diags);
		char *s = json_dumps(doc, JSON_INDENT(2));
		text_put(&t, s ? s : "");
		text_putc(&t, '\n');
		free(s);
		json_decref(doc);
	} else {
		query_text(&t, app->out_style, q);
	}
	int code = write_stdout(app, t.s ? t.s : "", t.len);
	text_finish(&t);
	return code;
}

static int answer(struct app *app, const struct loaded *l, const struct wish *w)
{
	const struct policy *p = l->estate->policy;
	const struct match *service = NULL;
	struct question questions[ZONES_MAX];
	struct answer answers[ZONES_MAX];
	if (w->service && !(service = parse_service(&l->snap->matches, p, w->service)))
		return usage_error(app, "--service %s: a service of the policy, or as in tcp/443, "
				   "udp/1000-2000, icmp/8, esp, any", w->service);
	struct end from = parse_end(l, w->from, FIELD_SRC, service);
	if (!from.n)
		return no_end(app, p, "--from", w->from);
	struct end to = parse_end(l, w->to, FIELD_DST, service);
	if (!to.n)
		return no_end(app, p, "--to", w->to);
	struct query q = { .estate = l->estate->name,
			   .from = w->from,
			   .to = w->to,
			   .service = w->service,
			   .questions = questions,
			   .answers = answers };
	struct check_options o = { .as_of = w->as_of, .failed = l->failed };
	for (size_t i = 0; i < to.n; i++) {
		struct question one = { from.zones[0], to.zones[i], from.narrow, to.narrow, service };
		struct answer ans;
		ask(app->arena, l->estate, l->snap, &o, &one, &ans);
		/* Of several zones, those that packets to the address don't reach at all say
		 * nothing. */
		if (i + 1 < to.n || q.n)
			if (!any_asked(&ans))
				continue;
		questions[q.n] = one;
		answers[q.n++] = ans;
	}
	int code = write_query(app, w, &q);
	if (code)
		return code;
	if (l->any_failed)
		return EXIT_INPUT;
	const char *all = query_verdict(&q, PLANE_COUNT);
	return !all || !strcmp(all, "unknown") ? EXIT_INCONCLUSIVE : EXIT_ALIGNED;
}

static int run(struct app *app, int argc, char **argv)
{
	const char *date = NULL, *format = "text";
	struct wish w = { 0 };
	struct loaded l;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == 'F')
			w.from = optarg;
		else if (c == 'T')
			w.to = optarg;
		else if (c == 's')
			w.service = optarg;
		else if (c == 'd')
			date = optarg;
		else if (c == 'f')
			format = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && (optind != argc - 1 || !w.from || !w.to))
		code = usage_error(app, "an estate, --from and --to are needed");
	if (!code && strcmp(format, "text") && strcmp(format, "json"))
		code = usage_error(app, "--format %s: it is text or json", format);
	w.json = !strcmp(format, "json");
	if (!code && !as_of_option(date, &w.as_of))
		code = usage_error(app, "--as-of %s: a date is written YYYY-MM-DD", date);
	if (code)
		return code;
	code = load_estate(app, argv[optind], NULL, &l);
	print_diags(app);
	if (code)
		return code;
	code = answer(app, &l, &w);
	loaded_free(&l);
	return code;
}

const struct command cmd_query = {
	.name = "query",
	.synopsis = "ESTATE --from X --to Y [--service S] [--format text|json] [--as-of DATE]",
	.summary = "each plane's answer between two zones or addresses, hop by hop",
	.help = "  --from X, --to Y    a zone of the policy, or an address or prefix inside one; to: "
		"or one\n"
		"                      that is translated into one\n"
		"  --service S         a service of the policy, or tcp/443, udp/1000-2000, icmp/8, esp\n"
		"  --format F          text (default) or json\n"
		"  --as-of DATE        judge ages of exports by this day (YYYY-MM-DD)\n\n"
		"Exit codes: 0 the answer is known, 4 it is not, 3 an input could not be read.\n",
	.run = run,
};
