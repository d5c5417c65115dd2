/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts for packets, a line in, a line out. What a packet meets is one ruleset (named, or
 * the only one there is), or the way across the device between the interfaces that the packet
 * tells. Each such place is prepared once: for the engine `sets` as functions from packets to
 * the rule that decides, in both bounds (factored where it is a plain list, see
 * model/decide.h); the engine `rules` walks the rules as written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "cli/cli.h"
#include "model/decide.h"
#include "model/interp.h"
#include "model/skim.h"

static const struct option options[] = {
	{ "collector", required_argument, NULL, 'c' },
	{ "ruleset", required_argument, NULL, 'r' },
	{ "engine", required_argument, NULL, 'e' },
	{ 0 },
};

/* A ruleset as seen from one place. */
struct seat {
	const struct ruleset *rs;
	struct stage at;
	const char *mac;
	struct {
		bool ready, too_large;
		struct decide *list[2]; /* by bound, of a plain list */
		struct pset f[2];	/* by bound, of all others */
	} family[FAMILY_COUNT];
};

/* All that a packet meets at one place; or why that can't be told. */
struct way {
	struct seat *seats; /* in the app's arena */
	size_t n;
	const char *why;
	const struct taint *taint; /* what isn't understood and may change any answer here */
	/* The place before routing, where destinations are rewritten; in the app's arena. */
	const char *iif;
};

struct evaluator {
	struct app *app;
	const struct snapshot *snap;
	const struct device *device;   /* the one that is crossed */
	const struct ruleset *ruleset; /* the one that is asked; NULL: cross the device */
	bool rules;		       /* engine */
	struct pset_space *space[FAMILY_COUNT];
	const struct rule **by_id;
	struct skims *skims;
	struct map ways;
	struct arena *line; /* rewound for each line */
	size_t errors;
};

struct answer {
	bool permit, sure;
	struct loc at;
	bool by_default;
};

static const struct rule *rule_by_id(const struct evaluator *ev, uint32_t id)
{
	return id <= ev->snap->n_rules ? ev->by_id[id] : NULL;
}

static void prepare(struct evaluator *ev, struct seat *s, int f)
{
	struct pset_space *sp = ev->space[f];
	struct pset_assume as = { .iif = s->at.iif,
				  .oif = s->at.oif,
				  .physin = s->at.physin,
				  .physout = s->at.physout,
				  .mac = s->mac,
				  .state = -1,
				  .fragment = -1 };
	struct pset all = pset_all(sp);
	s->family[f].ready = true;
	for (int b = 0; b < 2; b++)
		s->family[f].list[b] = decide_ruleset((enum family)f, s->rs, &as,
						      b ? BOUND_MAYBE : BOUND_SURE, 0);
	if (s->family[f].list[0] && s->family[f].list[1])
		return;
	for (int b = 0; b < 2; b++) {
		s->family[f].f[b] =
			lower_decides(sp, s->rs, &as, b ? BOUND_MAYBE : BOUND_SURE, all);
		s->family[f].too_large |= pset_is_spent(s->family[f].f[b]);
	}
	if (s->family[f].too_large)
		diag_note(
			&ev->app->diags, "eval.by-rules", s->rs->at,
			"%s is too large for one set of packets in the memory it may take: its "
			"rules are walked one by one",
			s->rs->name);
}

static struct answer from_interp(struct evaluator *ev, const struct seat *s,
				 const struct packet *p)
{
	struct packet here = stage_packet(&s->at, p);
	struct interp_answer a = interp_skimming(s->rs, &here, ev->skims);
	const struct rule *r = a.sure ? a.sure_rule : !a.maybe ? a.maybe_rule : a.unknown_rule;
	return (struct answer){ .permit = a.maybe,
				.sure = a.sure == a.maybe,
				.at = r ? r->at : LOC_NONE,
				.by_default = !r };
}

/* The label of the rule that decides by one bound, as lower_decides() gives them. */
static uint32_t label_of(const struct evaluator *ev, const struct seat *s, int bound,
			 const struct packet *p)
{
	const struct decide *list = s->family[p->family].list[bound];
	if (!s->family[p->family].list[!bound] || !list)
		return pset_label_of(ev->space[p->family], s->family[p->family].f[bound], p);
	int64_t i = decide_packet(list, p);
	enum verdict v = i == DECIDE_NONE ? s->rs->dflt : s->rs->rules[i].verdict;
	bool permit = v == VERDICT_PERMIT || (v == VERDICT_UNKNOWN && bound);
	return 2 * (i == DECIDE_NONE ? LOWER_DEFAULT : s->rs->rules[i].id) + permit;
}

static struct answer ask_seat(struct evaluator *ev, struct seat *s, const struct packet *p)
{
	if (!ev->rules && !s->family[p->family].ready)
		prepare(ev, s, p->family);
	if (ev->rules || s->family[p->family].too_large)
		return from_interp(ev, s, p);
	uint32_t sure = label_of(ev, s, 0, p), maybe = label_of(ev, s, 1, p);
	if ((sure & 1) != (maybe & 1))
		return from_interp(ev, s, p); /* who isn't understood is told by the rules */
	uint32_t id = (sure & 1 ? sure : maybe) >> 1;
	const struct rule *r = id == LOWER_DEFAULT ? NULL : rule_by_id(ev, id);
	return (struct answer){
		.permit = sure & 1, .sure = true, .at = r ? r->at : LOC_NONE, .by_default = !r
	};
}

/* A Linux host, told whole or by its ruleset alone. */
static bool is_host(const struct device *d)
{
	return d && (d->netfilter || !strcmp(d->vendor, "nft"));
}

/* A line that wasn't understood, of the whole Linux host or of a port on the way. */
static const struct taint *taint_of(const struct device *d, const char *iif, const char *oif)
{
	for (size_t i = 0; is_host(d) && i < d->n_taints; i++) {
		const char *port = d->taints[i].port;
		if (!port || (iif && !strcmp(port, iif)) || (oif && !strcmp(port, oif)))
			return &d->taints[i];
	}
	return NULL;
}

static struct way *way_of(struct evaluator *ev, const struct packet *p)
{
	struct text key = { 0 };
	for (int f = FIELD_IIF; f <= FIELD_MAC; f++) {
		const char *word = packet_word(p, (enum field)f);
		text_putf(&key, "%s\n", word ? word : "");
	}
	void **at = map_atn(&ev->ways, key.s, key.len);
	text_finish(&key);
	if (*at)
		return *at;
	struct arena *a = ev->app->arena;
	struct way *w = *at = arena_alloc(a, sizeof(*w));
	const char *iif = p->iif ? arena_str(a, p->iif) : NULL;
	const char *oif = p->oif ? arena_str(a, p->oif) : NULL;
	const char *mac = p->mac ? arena_str(a, p->mac) : NULL;
	if (ev->ruleset) {
		w->seats = arena_alloc(a, sizeof(*w->seats));
		w->seats[w->n++] = (struct seat){
			.rs = ev->ruleset,
			.mac = mac,
			.at = { .iif = iif,
				.oif = oif,
				.physin = p->physin ? arena_str(a, p->physin) : NULL,
				.physout = p->physout ? arena_str(a, p->physout) : NULL },
		};
		return w;
	}
	struct point pt;
	if (!path_cross(a, ev->device, iif, oif, &pt, &w->why))
		return w;
	w->seats = arena_array(a, pt.n_stages, sizeof(*w->seats));
	const struct port *in = iif ? device_port(ev->device, iif) : NULL;
	w->iif = in && in->master ? in->master : iif && !strcmp(iif, "self") ? "" : iif;
	w->taint = taint_of(ev->device, iif, oif);
	for (size_t i = 0; i < pt.n_stages; i++)
		w->seats[w->n++] = (struct seat){ .rs = pt.stages[i].ruleset,
						  .at = pt.stages[i],
						  .mac = mac };
	return w;
}

/*
 * A translation on a Linux host that gives the packet another destination, or may: the rulesets behind it
 * see that one. Sources are rewritten when all is decided.
 */
static const struct nat *rewrites(const struct device *d, const struct way *w,
				  const struct packet *p)
{
	struct packet here = *p;
	here.iif = w->iif, here.oif = NULL, here.physin = here.physout = NULL;
	for (size_t i = 0; is_host(d) && i < d->n_nats; i++) {
		const struct nat *n = &d->nats[i];
		bool first = p->state == STATE_NEW || p->state == STATE_UNTRACKED;
		if (first && n->rewrites == NAT_SOURCE)
			continue;
		const struct match *m = first && n->takes ? n->takes : n->touches;
		if (match_judge(m, &here) != TRUTH_FALSE)
			return n;
	}
	return NULL;
}

/* All must permit: a certain denial decides, then an unknown, else the last that permits. */
static struct answer ask_way(struct evaluator *ev, struct way *w, const struct packet *p)
{
	struct answer all = { .permit = true, .sure = true, .by_default = true };
	const struct nat *nat = ev->ruleset ? NULL : rewrites(ev->device, w, p);
	if (w->taint || nat)
		return (struct answer){ .permit = true,
					.at = w->taint ? w->taint->at : nat->at };
	for (size_t i = 0; i < w->n; i++) {
		struct answer a = ask_seat(ev, &w->seats[i], p);
		if (a.sure && !a.permit)
			return a;
		if (!a.sure && all.sure)
			all = a;
		else if (a.sure && all.sure && !a.by_default)
			all = a;
	}
	return all;
}

static void answer_line(struct evaluator *ev, const char *line, size_t len, struct text *out)
{
	struct packet p;
	const char *why;
	struct arena_mark mark = arena_mark(ev->line);
	if (!packet_parse(ev->line, line, len, &p, &why)) {
		text_putf(out, "error\t%s\n", why);
		ev->errors++;
		arena_rewind(ev->line, mark);
		return;
	}
	struct way *w = way_of(ev, &p);
	if (w->why) {
		text_putf(out, "error\t%s\n", w->why);
		ev->errors++;
	} else {
		struct answer a = ask_way(ev, w, &p);
		text_put(out, !a.sure ? "unknown\t" : a.permit ? "permit\t" : "deny\t");
		text_put(out, a.by_default ? "default" : loc_print(ev->line, a.at));
		text_putc(out, '\n');
	}
	arena_rewind(ev->line, mark);
}

enum { FLUSH_AT = 1 << 16 };

static int stream(struct evaluator *ev)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	struct text out = { 0 };
	int code = 0;
	while (!code && (len = getline(&line, &room, stdin)) >= 0) {
		answer_line(ev, line, (size_t)len, &out);
		if (out.len < FLUSH_AT)
			continue;
		code = write_stdout(ev->app, out.s, out.len);
		text_clear(&out);
	}
	if (!code && ferror(stdin)) {
		fputs("plumbline: standard input can't be read\n", stderr);
		code = EXIT_INPUT;
	}
	if (!code && out.len)
		code = write_stdout(ev->app, out.s, out.len);
	text_finish(&out);
	free(line);
	return code;
}

static void free_lists(const struct way *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (int f = 0; f < FAMILY_COUNT; f++)
			for (int b = 0; b < 2; b++)
				decide_destroy(w->seats[i].family[f].list[b]);
}

/* What a way across the device answers can't be trusted where a line wasn't understood. */
static void tell_taints(struct evaluator *ev)
{
	for (size_t i = 0; !ev->ruleset && i < ev->device->n_taints; i++)
		diag_warning(&ev->app->diags, "eval.tainted", ev->device->taints[i].at,
			     "could change any answer and is not understood: %s",
			     ev->device->taints[i].why);
}

static int evaluate(struct app *app, const struct loaded *l, const char *ruleset, bool rules)
{
	struct evaluator ev = { .app = app, .snap = l->snap, .rules = rules };
	int code = choose_subject(app, l->snap, ruleset, &ev.device, &ev.ruleset);
	if (code)
		return code;
	tell_taints(&ev);
	ev.line = arena_create();
	ev.skims = skims_create();
	ev.by_id = xcalloc((size_t)l->snap->n_rules + 1, sizeof(const struct rule *));
	vec_each (dp, &l->snap->devices)
		for (size_t i = 0; i < (*dp)->n_rulesets; i++)
			for (uint32_t k = 0; k < (*dp)->rulesets[i]->n; k++)
				ev.by_id[(*dp)->rulesets[i]->rules[k].id] =
					&(*dp)->rulesets[i]->rules[k];
	for (int f = 0; f < FAMILY_COUNT; f++)
		ev.space[f] = pset_space_create((enum family)f, 0);
	code = stream(&ev);
	for (size_t i = 0; i < ev.ways.n; i++)
		free_lists(ev.ways.entries[i].value);
	for (int f = 0; f < FAMILY_COUNT; f++)
		pset_space_destroy(ev.space[f]);
	skims_destroy(ev.skims);
	free(ev.by_id);
	map_finish(&ev.ways);
	arena_destroy(ev.line);
	if (!code && ev.errors) {
		fprintf(stderr, "plumbline: %zu lines are not packets\n", ev.errors);
		code = EXIT_USAGE;
	}
	return code;
}

static int run(struct app *app, int argc, char **argv)
{
	const char *collector = NULL, *ruleset = NULL, *engine = "sets";
	struct loaded l;
	int c, code = 0;
	opterr = 0;
	while (!code && (c = getopt_long(argc, argv, "c:r:e:", options, NULL)) != -1) {
		if (c == 'c')
			collector = optarg;
		else if (c == 'r')
			ruleset = optarg;
		else if (c == 'e')
			engine = optarg;
		else
			code = usage_error(app, "unknown option or missing argument: %s",
					   argv[optind - 1]);
	}
	if (!code && strcmp(engine, "sets") && strcmp(engine, "rules"))
		code = usage_error(app, "--engine %s: it is sets or rules", engine);
	if (!code && optind != argc - 1)
		code = usage_error(app, "one source at a time");
	if (!code)
		code = load_sources(app, argv + optind, 1, collector, NULL, &l);
	if (code)
		return code;
	code = evaluate(app, &l, ruleset, !strcmp(engine, "rules"));
	print_diags(app);
	if (!code && l.any_failed)
		code = EXIT_INPUT;
	loaded_free(&l);
	return code;
}

const struct command cmd_eval = {
	.name = "eval",
	.synopsis = "SOURCE [--collector NAME] [--ruleset NAME] [--engine sets|rules]",
	.summary = "verdicts for packets on standard input",
	.help = "  --collector NAME    read the source with this collector instead of probing\n"
		"  --ruleset NAME      ask this access list, chain or group; without it the "
		"only one\n"
		"                      there is, or the way between the packet's iif= and "
		"oif=\n"
		"  --engine E          sets (default) or rules: rule by rule as written\n\n"
		"A packet a line: PROTO SRC SPORT DST DPORT [key=value]...\n"
		"  tcp 10.0.0.1 40000 10.0.0.2 443 flags=S state=new iif=eth0 oif=eth1\n"
		"  icmp 10.0.0.1 TYPE 10.0.0.2 CODE          ip:47 10.0.0.1 0 10.0.0.2 0\n"
		"Answers: permit, deny or unknown, a tab, and the place of the rule that "
		"decides\n"
		"(or \"default\"); error, a tab and why for a line that is no packet.\n",
	.run = run,
};
