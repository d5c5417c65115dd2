/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/ask.h"

#include <string.h>

#include "diff/run.h"
#include "model/interp.h"

enum { BOXES_MAX = 10, ALL = PLANE_COUNT };

static struct told_set tell(struct arena *a, struct pset_space *sp, struct pset s)
{
	struct pset_box boxes[BOXES_MAX];
	struct told_set t = { 0 };
	if (pset_is_spent(s))
		return t;
	t.n = pset_boxes(sp, s, boxes, BOXES_MAX, &t.left);
	const char **list = arena_array(a, t.n, sizeof(*list));
	for (size_t i = 0; i < t.n; i++) {
		struct text line = { 0 };
		pset_box_print(&line, pset_family(sp), &boxes[i]);
		list[i] = arena_str(a, line.s ? line.s : "");
		text_finish(&line);
	}
	t.boxes = list;
	return t;
}

static void tell_steps(struct arena *a, const struct engine *en, const struct path *path,
		       struct answer_family *af)
{
	VEC(struct told_step) steps = { 0 };
	for (size_t w = 0; w < path->n_ways; w++)
		for (size_t i = 0; i < path->ways[w].n_points; i++) {
			const struct point *pt = &path->ways[w].points[i];
			for (size_t k = 0; k < pt->n_stages; k++) {
				const struct stage *st = &pt->stages[k];
				struct packet p = stage_packet(st, &af->packet);
				struct interp_answer ia = interp(st->ruleset, &p);
				const struct rule *r = ia.sure	   ? ia.sure_rule
						       : !ia.maybe ? ia.maybe_rule
								   : ia.unknown_rule;
				struct evidence ev = evidence_of(en, st, r, ia.sure);
				if (ia.sure != ia.maybe)
					ev.role = "not-understood";
				*vec_add(&steps) = (struct told_step){ pt->text, ev, ia.sure,
								       ia.maybe };
			}
		}
	af->steps = vec_keep(a, &steps);
	af->n_steps = steps.n;
	vec_free(&steps);
}

static const char *word(struct pset_space *sp, struct pset asked, struct bounds b)
{
	if (pset_is_spent(b.sure) || pset_is_spent(b.maybe))
		return "unknown";
	if (pset_is_empty(b.maybe))
		return "deny";
	if (pset_subset(sp, asked, b.sure))
		return "permit";
	return pset_equal(b.sure, b.maybe) ? "partly" : "unknown";
}

/* Both families together: the same word, or what lies between. */
static const char *join_words(const char *a, const char *b)
{
	if (!a || !strcmp(a, b))
		return b;
	return !strcmp(a, "unknown") || !strcmp(b, "unknown") ? "unknown" : "partly";
}

static struct bounds narrow(struct pset_space *sp, struct bounds b, struct pset to)
{
	return (struct bounds){ pset_and(sp, b.sure, to), pset_and(sp, b.maybe, to) };
}

static void ask_family(struct arena *a, struct engine *en, const struct path *path,
		       const struct question *q, enum family f, struct answer *ret)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct answer_family *af = &ret->family[f];
	struct pair p;
	engine_pair(en, path, f, NULL, &p);
	struct pset asked = p.universe;
	if (q->src)
		asked = pset_and(sp, asked, pset_hi(sp, q->src, &as));
	if (q->dst)
		asked = pset_and(sp, asked, pset_hi(sp, q->dst, &as));
	if (q->service)
		asked = pset_and(sp, asked, pset_hi(sp, q->service, &as));
	af->asked = !pset_is_empty(asked);
	if (!af->asked)
		return;
	struct bounds b[ALL + 1] = { narrow(sp, p.plane[0], asked), narrow(sp, p.plane[1], asked),
				     narrow(sp, p.effective, asked) };
	for (int i = 0; i <= ALL; i++) {
		bool there = i == ALL ? path_known(path) : p.present[i];
		if (i < ALL)
			ret->present[i] |= p.present[i];
		if (!there)
			continue;
		af->sure[i] = tell(a, sp, b[i].sure);
		af->possible[i] = tell(a, sp, pset_minus(sp, b[i].maybe, b[i].sure));
		ret->verdict[i] = join_words(ret->verdict[i],
					     ret->doubt ? "unknown" : word(sp, asked, b[i]));
	}
	af->declared = tell(a, sp, pset_and(sp, p.intent, asked));
	struct pset tries[] = { b[ALL].sure, b[ALL].maybe, asked };
	for (size_t i = 0; i < 3 && !af->has_packet; i++)
		af->has_packet = pset_pick(sp, tries[i], &af->packet);
	if (!af->has_packet)
		return;
	struct check_run run = { .engine = en, .policy = en->estate->policy, .pair = &p };
	const struct flow *fl = declaring_flow(&run, FLOW_ALLOW, &af->packet);
	if (!fl)
		fl = declaring_flow(&run, FLOW_REQUIRE, &af->packet);
	af->allowed = pset_has(sp, p.intent, &af->packet);
	af->flow = fl ? fl->id : NULL;
	tell_steps(a, en, path, af);
}

void ask(struct arena *a, const struct estate *e, const struct snapshot *s,
	 const struct check_options *o, const struct question *q, struct answer *ret)
{
	struct engine en;
	struct answer ans = { 0 };
	struct path *path = arena_alloc(a, sizeof(*path));
	engine_init(&en, a, e, s, NULL, o->budget, o->failed, NULL);
	path_find(a, en.graph, &en.matches, q->from, q->to, path);
	ans.path = path;
	ans.doubt = path->none ? NULL : path->why;
	ans.doubt_at = path->why_at;
	for (size_t w = 0; w < path->n_ways && !ans.doubt; w++)
		for (size_t i = 0; i < path->ways[w].n_points && !ans.doubt; i++)
			engine_tainted(&en, &path->ways[w].points[i], &ans.doubt, &ans.doubt_at);
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (e->policy->families[f])
			ask_family(a, &en, path, q, (enum family)f, &ans);
	engine_finish(&en);
	*ret = ans;
}
