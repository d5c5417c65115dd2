/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program says of packets: ask ESTATE, a zone and a packet a line on standard input
 * ("zone1 tcp 10.0.0.1 40000 10.1.0.1 80"), an answer a line as JSON. For every other zone:
 *
 *   set     "sure", "maybe" or "no", by the packet sets; "gap": a way whose end isn't known
 *           takes it; "out": the pair says nothing of such packets; "unsaid": nothing is known
 *           of the pair; "spent": the sets did not fit; "lost": our own error
 *   reply   of what is sure: whether its answer comes back, in the same words
 *   taint   a device on the way that takes it can't be relied on: nothing above is believed
 *   ways    those that take the packet, by the interpreter: how each ends, what the packet is
 *           there, whether that was the device's choice, whether it is permitted
 *   why     where it isn't known for sure: the first reason
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "diff/engine.h"
#include "diff/reply.h"
#include "model/way.h"

struct known {
	struct path path;
	struct pair pair[FAMILY_COUNT];
	struct replies replies[FAMILY_COUNT];
	bool ready[FAMILY_COUNT], found;
};

struct asker {
	struct app app;
	struct loaded l;
	struct engine en;
	struct known *known; /* zones x zones */
};

static struct known *know(struct asker *as, size_t from, size_t to, enum family f)
{
	const struct policy *p = as->l.estate->policy;
	struct known *k = &as->known[from * p->n_zones + to];
	if (!k->found)
		path_find(as->app.arena, as->en.graph, &as->en.matches, &p->zones[from],
			  &p->zones[to], &k->path);
	k->found = true;
	if (!k->ready[f]) {
		engine_pair(&as->en, &k->path, f, NULL, &k->pair[f]);
		replies_find(&as->en, as->app.arena, &k->pair[f], k->pair[f].effective.maybe,
			     &k->replies[f]);
	}
	k->ready[f] = true;
	return k;
}

static const char *set_word(struct asker *as, const struct pair *pr, const struct packet *p)
{
	struct pset_space *sp = as->en.space[pr->family];
	if (pr->spent || pset_is_spent(pr->universe) || pset_is_spent(pr->effective.sure) ||
	    pset_is_spent(pr->effective.maybe))
		return "spent";
	if (pr->lost)
		return "lost";
	if (pset_has(sp, pr->unknown, p))
		return "gap";
	if (!pset_has(sp, pr->universe, p))
		return path_known(pr->path) ? "out" : "unsaid";
	if (pset_has(sp, pr->effective.sure, p))
		return "sure";
	return pset_has(sp, pr->effective.maybe, p) ? "maybe" : "no";
}

/* Of packets that surely arrive: whether they are answered. */
static const char *reply_word(struct asker *as, const struct pair *pr, const struct replies *re,
			      const struct packet *p)
{
	struct pset_space *sp = as->en.space[pr->family];
	if (pset_is_spent(re->set.sure) || pset_is_spent(re->set.maybe) ||
	    pset_is_spent(re->unknown))
		return "spent";
	if (pset_has(sp, re->unknown, p))
		return "gap";
	if (pset_has(sp, re->set.sure, p))
		return "sure";
	return pset_has(sp, re->set.maybe, p) ? "maybe" : "no";
}

/* The first thing on the way that isn't known. */
static const char *doubt(struct asker *as, const struct route_way *w, const struct way_walk *x,
			 const struct way_event *ev)
{
	for (size_t i = 0; i < x->n && i < WAY_EVENTS_MAX; i++) {
		const struct way_step *st = ev[i].step;
		if (st->kind == STEP_STAGE && ev[i].answer.sure != ev[i].answer.maybe) {
			const struct rule *r = ev[i].answer.maybe_rule;
			const struct match *un = r ? match_first_unknown(r->match) : NULL;
			return arena_printf(as->app.arena, "rule: %s: %s",
					    st->stage->ruleset->name,
					    un ? un->unknown.reason : "its verdict");
		}
		if (ev[i].nat && ev[i].nat->kind == NAT_BOUND)
			return arena_printf(as->app.arena, "bound translation: %s",
					    ev[i].nat->text);
	}
	if (w->end == WAY_UNKNOWN)
		return w->why ? w->why : "a gap";
	if (x->takes == TRUTH_UNKNOWN)
		return "it may or may not come this way";
	return NULL;
}

static json_t *tell_trail(const struct route_way *w)
{
	struct text t = { 0 };
	for (size_t i = 0; i < w->n_points; i++)
		text_putf(&t, "%s%s", i ? ", " : "", w->points[i].text ? w->points[i].text : "-");
	json_t *o = json_string(t.len ? t.s : "");
	text_finish(&t);
	return o;
}

/* The ways that the answer may take. */
static json_t *tell_answers(const struct replies *re, const struct packet *p)
{
	json_t *o = json_array();
	for (size_t i = 0; i < re->n; i++) {
		struct way_event ev[WAY_EVENTS_MAX];
		if (way_walk(re->v[i].way, p, ev).takes == TRUTH_FALSE)
			continue;
		for (size_t k = 0; k < re->v[i].n; k++)
			if (reply_takes(&re->v[i], &re->v[i].v[k], p) != TRUTH_FALSE)
				json_array_append_new(o, tell_trail(re->v[i].v[k].back));
	}
	return o;
}

/* What makes a device on the way inconclusive, or NULL. */
static const char *taint(struct asker *as, const struct route_way *w)
{
	const char *why;
	struct loc at;
	for (size_t i = 0; i < w->n_points; i++)
		if (w->points[i].device && engine_tainted(&as->en, &w->points[i], &why, &at))
			return why;
	return NULL;
}

static json_t *tell_way(struct asker *as, const struct route_way *w, const struct packet *p,
			const char **ret_doubt, const char **ret_taint)
{
	static struct way_event ev[WAY_EVENTS_MAX];
	static const char *const ends[] = { "arrives", "dropped", "unknown", "aside" };
	struct way_walk x = way_walk(w, p, ev);
	struct text t = { 0 };
	if (x.takes == TRUTH_FALSE)
		return NULL;
	packet_print(&t, &x.packet);
	json_t *o =
		json_pack("{s:s, s:b, s:b, s:b, s:b, s:s, s:o}", "end", ends[w->end], "takes",
			  x.takes == TRUTH_TRUE, "sure", x.sure, "maybe", x.maybe, "chosen",
			  x.chosen, "packet", t.s, "trail", tell_trail(w));
	if (w->why)
		json_object_set_new(o, "why", json_string(w->why));
	*ret_doubt = *ret_doubt ? *ret_doubt : doubt(as, w, &x, ev);
	*ret_taint = *ret_taint ? *ret_taint : taint(as, w);
	text_finish(&t);
	return o;
}

static json_t *tell_zone(struct asker *as, size_t from, size_t to, const struct packet *p)
{
	const struct known *k = know(as, from, to, (enum family)p->family);
	const char *why = NULL, *bad = NULL, *word = set_word(as, &k->pair[p->family], p);
	json_t *ways = json_array(), *o = json_object();
	for (size_t i = 0; i < k->path.n_ways; i++) {
		bool fits = k->path.ways[i].families & 1u << p->family;
		json_t *w = fits ? tell_way(as, &k->path.ways[i], p, &why, &bad) : NULL;
		if (w)
			json_array_append_new(ways, w);
	}
	if (!why && json_array_size(ways) > 1)
		why = "several ways";
	why = k->path.n_ways ? why : k->path.why;
	json_object_set_new(o, "set", json_string(word));
	if (!strcmp(word, "sure")) {
		const struct replies *re = &k->replies[p->family];
		const char *back = reply_word(as, &k->pair[p->family], re, p);
		json_object_set_new(o, "reply", json_string(back));
		json_object_set_new(o, "answers", tell_answers(re, p));
		if (re->why && !strcmp(back, "gap"))
			json_object_set_new(o, "reply_why", json_string(re->why));
	}
	if (bad)
		json_object_set_new(o, "taint", json_string(bad));
	if (why && strcmp(word, "sure") && strcmp(word, "no"))
		json_object_set_new(o, "why", json_string(why));
	json_object_set_new(o, "ways", ways);
	return o;
}

static json_t *tell(struct asker *as, const char *zone, const struct packet *p)
{
	const struct policy *pol = as->l.estate->policy;
	size_t from = 0;
	while (from < pol->n_zones && strcmp(pol->zones[from].name, zone))
		from++;
	json_t *o = json_object();
	for (size_t to = 0; from < pol->n_zones && to < pol->n_zones; to++)
		if (to != from)
			json_object_set_new(o, pol->zones[to].name, tell_zone(as, from, to, p));
	return o;
}

static void answer_line(struct asker *as, char *line)
{
	struct packet p;
	const char *why;
	char *text = strchr(line, ' ');
	line[strcspn(line, "\n")] = 0;
	json_t *o;
	if (!text || !packet_parse(as->app.arena, text + 1, strlen(text + 1), &p, &why)) {
		o = json_pack("{s:s}", "error", text ? why : "a zone and a packet");
	} else {
		*text = 0;
		o = tell(as, line, &p);
	}
	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
}

int main(int argc, char **argv)
{
	struct asker as = { .app = { .arena = arena_create() } };
	char line[512];
	if (argc != 2) {
		fprintf(stderr, "usage: ask ESTATE < PACKETS\n");
		return 2;
	}
	diags_init(&as.app.diags, as.app.arena);
	int code = load_estate(&as.app, argv[1], NULL, &as.l);
	for (size_t i = 0; i < as.app.diags.n; i++)
		fprintf(stderr, "%s: %s\n", as.app.diags.v[i].code, as.app.diags.v[i].text);
	if (code)
		return code;
	size_t n = as.l.estate->policy->n_zones;
	as.known = calloc(n * n + 1, sizeof(*as.known));
	engine_init(&as.en, as.app.arena, as.l.estate, as.l.snap, NULL, 256u << 20, as.l.failed,
		    NULL);
	while (fgets(line, sizeof(line), stdin))
		answer_line(&as, line);
	engine_finish(&as.en);
	loaded_free(&as.l);
	free(as.known);
	diags_finish(&as.app.diags);
	arena_destroy(as.app.arena);
	return 0;
}

/* cli/load.c says these through the program's own; here the diagnostics are printed above. */
void print_diags(struct app *app)
{
}

int usage_error(const struct app *app, const char *fmt, ...)
{
	return EXIT_USAGE;
}
