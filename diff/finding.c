/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a set of packets that a check objects to, to findings: one for each cause. A packet is
 * picked and walked through every stage by the interpreter; the rules that decide it are the
 * cause; everything that the same rules decide is told with it and taken off the set; and so
 * on until nothing is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "diff/pull.h"
#include "diff/twin.h"
#include "diff/reply.h"
#include "diff/run.h"
#include "model/way.h"

enum { BOXES_MAX = 8, STAGES_MAX = 64, CAUSES_MAX = 100 };

/* One stage that the cause rests on. */
struct decided {
	const struct engine *engine;
	const struct stage *stage;
	const struct route_way *way;
	struct way_place place; /* where on it the stage is */
	const struct rule *rule; /* NULL: the default */
	const struct rule *unknown;
	enum bound bound;
	bool permits;
	bool there; /* of the counterpart: asked about its packet */
};

struct cause {
	const struct engine *engine; /* of what is being added */
	struct decided v[STAGES_MAX];
	size_t n;
	const struct route_way *way; /* shown as the path */
	const struct nat *nat;
	const struct device *nat_device;
	const struct route_way *dropped; /* no ruleset: it isn't routed there */
	bool there;	    /* what is being added is the counterpart's */
	struct packet twin; /* its packet, where there is one */
	bool has_twin;
	bool nat_there, dropped_there; /* the two above are the counterpart's */
	bool dropped_back;		 /* of the answer's ways */
	struct text key;
};

/* Functions "which rule decides" over the objection's set, each built once. */
struct deciders {
	struct pset_space *sp;
	struct pset within;
	struct {
		const struct stage *stage;
		enum bound bound;
		struct pset f;
	} v[2 * STAGES_MAX];
	size_t n;
};

/* Over the packets as they are at the stage. */
static struct pset decider(struct deciders *ds, struct engine *en, const struct decided *d)
{
	const struct stage *st = d->stage;
	enum bound bound = d->bound;
	for (size_t i = 0; i < ds->n; i++)
		if (ds->v[i].stage == st && ds->v[i].bound == bound)
			return ds->v[i].f;
	struct pset_assume as = engine_assume(st);
	struct pset here = d->way->rewrites ? push_on(en, pset_family(ds->sp), d->way, d->place,
						      ds->within)
					    : ds->within;
	struct pset f = lower_decides(ds->sp, st->ruleset, &as, bound, here);
	if (ds->n < 2 * STAGES_MAX) {
		ds->v[ds->n].stage = st;
		ds->v[ds->n].bound = bound;
		ds->v[ds->n++].f = f;
	}
	return f;
}

static struct interp_answer ask(const struct stage *st, const struct packet *w)
{
	struct packet p = stage_packet(st, w);
	return interp(st->ruleset, &p);
}

static void add_stage(struct cause *c, const struct route_way *way, struct way_place place,
		      const struct stage *stage, const struct interp_answer *a, enum bound bound,
		      bool permits)
{
	if (c->n == STAGES_MAX)
		return;
	c->v[c->n++] = (struct decided){
		.engine = c->engine,
		.stage = stage,
		.way = way,
		.place = place,
		.rule = bound == BOUND_SURE ? a->sure_rule : a->maybe_rule,
		.unknown = a->sure == a->maybe ? NULL : a->unknown_rule,
		.bound = bound,
		.permits = permits,
		.there = c->there,
	};
}

static void add_decided(struct cause *c, const struct route_way *way, struct way_place place,
			const struct interp_answer *a, enum bound bound, bool permits)
{
	add_stage(c, way, place, way->points[place.i].steps[place.k].stage, a, bound, permits);
}

/* A packet on its way: as it is before each step. */
struct walker {
	const struct route_way *way;
	struct way_place at;
	struct packet packet;
	bool off; /* it doesn't take this way */
};

/* Goes on to the next stage; NULL at the end of the way. */
static const struct stage *next_stage(struct walker *w, struct way_place *ret_place)
{
	for (; w->at.i < w->way->n_points; w->at = (struct way_place){ w->at.i + 1, 0 }) {
		const struct point *pt = &w->way->points[w->at.i];
		while (w->at.k < pt->n_steps) {
			struct way_place here = w->at;
			const struct way_step *st = &pt->steps[w->at.k++];
			enum truth t = way_step_packet(pt, st, &w->packet);
			if (t == TRUTH_FALSE) {
				w->off = true;
				return NULL;
			}
			if (st->kind == STEP_STAGE) {
				*ret_place = here;
				return st->stage;
			}
		}
	}
	return NULL;
}

static bool takes_way(const struct route_way *way, const struct packet *w)
{
	struct walker k = { .way = way, .packet = *w };
	struct way_place at;
	if (!(way->families >> w->family & 1) ||
	    (way->end != WAY_ARRIVES && way->end != WAY_DROPPED))
		return false;
	while (next_stage(&k, &at))
		;
	return !k.off;
}

/* Every stage of the planes on the way permits w. */
static bool way_permits(const struct route_way *way, unsigned planes, bool certain,
			const struct packet *w, struct cause *c)
{
	struct walker k = { .way = way, .packet = *w };
	const struct stage *st;
	struct way_place at;
	if (way->end == WAY_DROPPED)
		return false;
	while ((st = next_stage(&k, &at))) {
		if (!(planes >> st->device->plane & 1))
			continue;
		struct interp_answer a = ask(st, &k.packet);
		if (!(certain ? a.sure : a.maybe))
			return false;
		add_decided(c, way, at, &a, certain ? BOUND_SURE : BOUND_MAYBE, true);
	}
	return !k.off;
}

/* Some stage of the plane on the way denies w: the first one that does. */
static bool way_denies(const struct route_way *way, int plane, bool certain,
		       const struct packet *w, struct cause *c)
{
	struct walker k = { .way = way, .packet = *w };
	const struct stage *st;
	struct way_place at;
	if (way->end == WAY_DROPPED) {
		c->dropped = way;
		return true;
	}
	while ((st = next_stage(&k, &at))) {
		if (plane != ANY_PLANE && st->device->plane != plane)
			continue;
		struct interp_answer a = ask(st, &k.packet);
		if (certain ? a.maybe : a.sure)
			continue;
		add_decided(c, way, at, &a, certain ? BOUND_MAYBE : BOUND_SURE, false);
		return true;
	}
	return false;
}

/* The other estate denies: some way of it that does. */
static bool other_denies(const struct objection *ob, bool certain, const struct packet *w,
			 struct cause *c)
{
	c->engine = ob->deny_engine;
	for (size_t i = 0; i < ob->deny_path->n_ways; i++) {
		if (!takes_way(&ob->deny_path->ways[i], w))
			continue;
		if (!certain && (c->nat = engine_nat(&ob->deny_path->ways[i], w, &c->nat_device)))
			return true;
		if (way_denies(&ob->deny_path->ways[i], ANY_PLANE, certain, w, c))
			return true;
	}
	return ob->deny_path->none;
}

/* The packet of the counterpart that stands for w: one that is denied there, if any is. */
static bool twin_packet(struct check_run *run, const struct twin *tw, bool certain,
			const struct packet *w, struct packet *ret)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset there = twin_universe(sp, &tw->pair);
	struct bounds b = twin_bounds(sp, &tw->pair, !tw->tp.plane);
	struct pset denied = pset_minus(sp, there, certain ? b.maybe : b.sure);
	return counterpart_packet(run->engine, &tw->tp, w, there, denied, ret);
}

/* The counterpart denies its packet on some way, or nothing is known of the way it takes. */
static bool twin_denies(const struct objection *ob, bool certain, struct cause *c)
{
	const struct path *path = &ob->twin->path;
	const struct packet *w = &c->twin;
	bool denies = path->none;
	if (!c->has_twin)
		return path->none;
	c->there = true;
	for (size_t i = 0; i < path->n_ways && !denies; i++) {
		const struct route_way *way = &path->ways[i];
		if (!certain && way->end == WAY_UNKNOWN)
			denies = true;
		else if (!takes_way(way, w))
			continue;
		else if (!certain && (c->nat = engine_nat(way, w, &c->nat_device)))
			denies = c->nat_there = true;
		else if (way_denies(way, ob->denies, certain, w, c))
			denies = true, c->dropped_there = c->dropped != NULL;
	}
	c->there = false;
	return denies;
}

/* Something on the way back denies the answer to w. */
static bool answer_denied(const struct reply_ways *rw, bool certain, const struct packet *w,
			  struct cause *c)
{
	for (size_t i = 0; i < rw->n; i++) {
		const struct reply_way *r = &rw->v[i];
		enum truth takes = reply_takes(rw, r, w);
		if (takes == TRUTH_FALSE || r->back->end == WAY_UNKNOWN)
			continue;
		for (size_t k = 0; k < r->n_stages; k++) {
			const struct reply_stage *st = &r->stages[k];
			struct packet p = reply_packet(rw->way, st->level, w);
			struct interp_answer a = ask(&st->stage, &p);
			if (certain ? a.maybe : a.sure)
				continue;
			add_stage(c, rw->way, st->level, &st->stage, &a,
				  certain ? BOUND_MAYBE : BOUND_SURE, false);
			return true;
		}
		if (r->back->end == WAY_DROPPED || r->missed) {
			c->dropped = r->back;
			c->dropped_back = true;
			return true;
		}
	}
	return false;
}

static bool answers_denied(const struct objection *ob, const struct route_way *way, bool certain,
			   const struct packet *w, struct cause *c)
{
	for (size_t i = 0; i < ob->replies->n; i++)
		if (ob->replies->v[i].way == way)
			return answer_denied(&ob->replies->v[i], certain, w, c);
	return false;
}

static bool denied_on(const struct objection *ob, const struct route_way *way, bool certain,
		      const struct packet *w, struct cause *c)
{
	if (ob->replies)
		return answers_denied(ob, way, certain, w, c);
	if (ob->deny_path)
		return other_denies(ob, certain, w, c);
	if (ob->twin && ob->denies >= 0)
		return twin_denies(ob, certain, c);
	return ob->denies < 0 || way_denies(way, ob->denies, certain, w, c);
}

/*
 * Walks the witness along the ways by the interpreter. One way that shows all of it is best;
 * a possible finding may draw on two (what one permits, the other denies).
 */
static bool replay(struct check_run *run, const struct objection *ob, bool certain,
		   const struct packet *w, struct cause *c)
{
	const struct path *path = run->pair->path;
	if (ob->twin)
		c->has_twin = twin_packet(run, ob->twin, certain, w, &c->twin);
	for (size_t i = 0; i < path->n_ways; i++) {
		const struct route_way *way = &path->ways[i];
		if (!takes_way(way, w))
			continue;
		c->engine = run->engine;
		c->n = 0;
		c->way = way;
		c->dropped = NULL;
		c->dropped_there = false;
		c->dropped_back = false;
		if (!certain && (c->nat = engine_nat(way, w, &c->nat_device)))
			return true;
		if ((!ob->permits || way_permits(way, ob->permits, certain, w, c)) &&
		    denied_on(ob, way, certain, w, c))
			return true;
	}
	if (certain || !path->n_ways)
		return !path->n_ways; /* nothing to walk: declared as not connected */
	bool permits = !ob->permits, denies = false;
	c->engine = run->engine;
	c->n = 0;
	for (size_t i = 0; i < path->n_ways && !permits; i++) {
		if (!takes_way(&path->ways[i], w))
			continue;
		c->n = 0;
		c->way = &path->ways[i];
		permits = way_permits(c->way, ob->permits, false, w, c);
	}
	for (size_t i = 0; i < path->n_ways && !denies; i++)
		denies = takes_way(&path->ways[i], w) &&
			 denied_on(ob, &path->ways[i], false, w, c);
	return permits && denies;
}

struct evidence evidence_of(const struct engine *en, const struct stage *st,
			    const struct rule *rule, bool permits)
{
	const struct estate_source *src = path_source(en->estate, st->device);
	struct evidence ev = { .device = st->device->name,
			       .plane = st->device->plane == PLANE_PHYSICAL ? "physical" : "virtual",
			       .ruleset = st->ruleset->name,
			       .kind = st->ruleset->kind,
			       .owner = src ? src->owner : NULL };
	if (!rule) {
		ev.role = permits ? "default-permit" : "default-deny";
		ev.at = st->ruleset->dflt_at.src ? st->ruleset->dflt_at : st->ruleset->at;
		if (!ev.at.src)
			ev.at = st->hook->at;
		return ev;
	}
	const struct rule_place *rp = engine_rule(en, rule);
	ev.role = permits ? "permits" : "denies";
	ev.at = rule->at;
	ev.rule = rule->name;
	ev.note = rule->note;
	if (rp && !rp->ruleset->glue) {
		ev.ruleset = rp->ruleset->name;
		ev.kind = rp->ruleset->kind;
	}
	return ev;
}

static struct evidence unknown_evidence(const struct engine *en, const struct stage *st,
					const struct rule *rule)
{
	struct evidence ev = evidence_of(en, st, rule, true);
	const struct match *u = match_first_unknown(rule->match);
	ev.role = "not-understood";
	ev.note = u ? u->unknown.reason : rule->note ? rule->note : "what this leads to";
	if (u && u->unknown.at.src)
		ev.at = u->unknown.at;
	return ev;
}

/* Evidence by a plain rule counts for more than a default or one of our own joints. */
static bool is_plain(const struct decided *d)
{
	return d->rule && !(d->rule->flags & (RULE_GLUE | RULE_IMPLICIT));
}

struct evidence_list {
	VEC(struct evidence) v;
};

static bool on_plane(const struct decided *d, int plane)
{
	return plane == ANY_PLANE || d->stage->device->plane == plane;
}

static void put_decided(const struct objection *ob, const struct cause *c, int plane,
			bool permits, struct evidence_list *out)
{
	bool any_plain = false;
	for (size_t i = 0; i < c->n; i++)
		any_plain |= c->v[i].permits == permits && on_plane(&c->v[i], plane) &&
			     is_plain(&c->v[i]);
	for (size_t i = 0; i < c->n; i++) {
		const struct decided *d = &c->v[i];
		if (d->permits != permits || !on_plane(d, plane))
			continue;
		if (any_plain && !is_plain(d))
			continue;
		struct evidence *ev = vec_add(&out->v);
		*ev = evidence_of(d->engine, d->stage, d->rule, permits);
		const char *note = permits ? ob->permit_note : ob->deny_note;
		ev->note = note ? note : ev->note;
	}
}

static void put_unknowns(const struct cause *c, struct evidence_list *out)
{
	const struct rule *seen[STAGES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct rule *u = c->v[i].unknown;
		bool old = !u;
		for (size_t k = 0; k < n && !old; k++)
			old = seen[k] == u;
		if (old)
			continue;
		seen[n++] = u;
		*vec_add(&out->v) = unknown_evidence(c->v[i].engine, c->v[i].stage, u);
	}
}

static const char *plane_word(int plane)
{
	return plane == PLANE_PHYSICAL ? "physical" : "virtual";
}

/* Routing ends the way. */
static struct evidence dropped_evidence(const struct engine *en, const struct route_way *way)
{
	const struct device *d = NULL;
	for (size_t i = 0; i < way->n_points; i++)
		d = way->points[i].device ? way->points[i].device : d;
	const struct estate_source *src = d ? path_source(en->estate, d) : NULL;
	return (struct evidence){ .role = "no-route",
				  .device = d ? d->name : NULL,
				  .plane = d ? plane_word(d->plane) : NULL,
				  .note = way->why ? way->why
						   : "the answer misses what translated the question",
				  .owner = src ? src->owner : NULL,
				  .at = way->why_at };
}

static void put_evidence(struct check_run *run, const struct objection *ob,
			 const struct cause *c, struct evidence_list *out)
{
	/* Traffic that comes in from outside is stopped at the edge first. */
	int first = run->pair->from->external ? PLANE_PHYSICAL : PLANE_VIRTUAL;
	if (c->nat) {
		const struct estate_source *src = path_source(run->estate, c->nat_device);
		*vec_add(&out->v) = (struct evidence){
			.role = "address-translation",
			.device = c->nat_device->name,
			.plane = plane_word(c->nat_device->plane),
			.note = c->nat->text,
			.owner = src ? src->owner : NULL,
			.at = c->nat->at,
		};
	}
	if (c->dropped)
		*vec_add(&out->v) = dropped_evidence(run->engine, c->dropped);
	if (!run->pair->path->n_ways)
		*vec_add(&out->v) = (struct evidence){ .role = "declares",
						       .plane = "declared",
						       .note = run->pair->path->why,
						       .at = run->pair->path->why_at };
	if (ob->deny_first && ob->denies >= 0)
		put_decided(ob, c, ob->denies, false, out);
	put_decided(ob, c, first, true, out);
	put_decided(ob, c, first == PLANE_PHYSICAL ? PLANE_VIRTUAL : PLANE_PHYSICAL, true, out);
	if (!ob->deny_first && ob->denies >= 0)
		put_decided(ob, c, ob->denies, false, out);
	put_unknowns(c, out);
	if (ob->flow)
		*vec_add(&out->v) = (struct evidence){ .role = "declares",
						       .plane = "declared",
						       .rule = ob->flow->id,
						       .owner = ob->flow->owner,
						       .at = ob->flow->at };
}

/* "TCP port 22 (ssh)", for titles. */
static void put_service(struct text *t, const struct packet *p)
{
	const char *name = proto_name(p->proto);
	if (name)
		for (const char *s = name; *s; s++)
			text_putc(t, *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s);
	else
		text_putf(t, "IP protocol %u", p->proto);
	if (packet_has_ports(p)) {
		const char *service = service_name(p->proto, p->dport);
		text_putf(t, " port %u", p->dport);
		if (service)
			text_putf(t, " (%s)", service);
	} else if (packet_has_icmp(p)) {
		text_putf(t, " type %u", p->icmp_type);
	}
}

static void add_traffic(struct check_run *run, struct finding *f, struct pset region)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset_box boxes[BOXES_MAX];
	size_t left = 0, room = f->n_traffic < BOXES_MAX ? BOXES_MAX - f->n_traffic : 0;
	size_t n = pset_boxes(sp, region, boxes, room, &left);
	const char **list = arena_array(run->res->arena, f->n_traffic + n, sizeof(*list));
	for (size_t i = 0; i < f->n_traffic; i++)
		list[i] = f->traffic[i];
	for (size_t i = 0; i < n; i++) {
		struct text t = { 0 };
		pset_box_print(&t, run->pair->family, &boxes[i]);
		list[f->n_traffic + i] = arena_str(run->res->arena, t.s ? t.s : "");
		text_finish(&t);
	}
	f->traffic = list;
	f->n_traffic += n;
	f->traffic_left += left;
}

void finish_finding(struct results *res, const struct policy *pol, struct finding *f,
		    const char *salt)
{
	struct text t = { 0 };
	text_putf(&t, "%s|%s|%s|%s|%s", f->check, f->plane ? f->plane : "",
		  f->from ? f->from : "", f->to ? f->to : "", salt);
	f->fingerprint = sha256_hex(res->arena, t.s, t.len);
	text_finish(&t);
	if (!pol)
		return;
	VEC(const char *) ids = { 0 };
	for (size_t i = 0; i < pol->n_controls; i++)
		for (size_t k = 0; k < pol->controls[i].n_checks; k++)
			if (check_matches(pol->controls[i].checks[k], f->check)) {
				*vec_add(&ids) = pol->controls[i].id;
				break;
			}
	f->controls = (const char *const *)vec_keep(res->arena, &ids);
	f->n_controls = ids.n;
	vec_free(&ids);
}

/* What stays the same when lines move: who decides and what the rules say. */
static const char *salt_of(struct check_run *run, const struct cause *c)
{
	struct text t = { 0 };
	for (size_t i = 0; i < c->n; i++) {
		const struct decided *d = &c->v[i];
		const struct rule_place *rp = d->rule ? engine_rule(d->engine, d->rule) : NULL;
		if (!is_plain(d) && d->rule)
			continue;
		text_putf(&t, "%s/%s/%s/", d->stage->device->name,
			  rp ? rp->ruleset->name : d->stage->ruleset->name,
			  d->permits ? "permit" : "deny");
		if (d->rule)
			match_print(&t, d->rule->match);
		text_putc(&t, '|');
	}
	if (c->nat)
		text_putf(&t, "nat/%s/%s", c->nat_device->name, c->nat->text);
	if (c->dropped)
		text_putf(&t, "dropped/%s", c->dropped->why);
	const char *s = arena_str(run->res->arena, t.s ? t.s : "");
	text_finish(&t);
	return s;
}

static void set_path(struct check_run *run, struct finding *f, const struct route_way *way)
{
	if (!way)
		return;
	const char **list = arena_array(run->res->arena, way->n_points, sizeof(*list));
	f->n_path = 0;
	for (size_t i = 0; i < way->n_points; i++)
		if (way->points[i].device)
			list[f->n_path++] = way->points[i].text;
	f->path = list;
}

static void set_people(struct check_run *run, struct finding *f)
{
	for (size_t i = 0; i < f->n_rules && !f->owner; i++)
		f->owner = f->rules[i].owner;
	for (size_t i = 0; i < f->n_rules && !f->responsible; i++) {
		if (!f->rules[i].device)
			continue;
		const struct device *d = snapshot_device(run->snap, f->rules[i].device);
		const struct estate_source *src = d ? path_source(run->estate, d) : NULL;
		f->responsible = src ? responsibility_name(src->responsible) : NULL;
	}
}

static struct finding *new_finding(struct check_run *run, enum severity severity,
				   enum certainty certainty, const char *plane)
{
	struct finding *f = vec_add(&run->res->findings);
	f->check = run->check->id;
	f->severity = (uint8_t)severity;
	f->certainty = (uint8_t)certainty;
	f->plane = plane;
	f->fingerprint = "";
	if (run->pair) {
		f->from = run->pair->from->name;
		f->to = run->pair->to->name;
		f->from_tenant = run->pair->from->tenant ? run->pair->from->tenant->name : NULL;
		f->to_tenant = run->pair->to->tenant ? run->pair->to->tenant->name : NULL;
	}
	return f;
}

struct finding *raise_plain(struct check_run *run, enum severity severity,
			    const struct evidence *ev, size_t n_ev, const char *title,
			    const char *message)
{
	struct finding *f = new_finding(run, severity, CERTAIN, n_ev ? ev[0].plane : NULL);
	f->rules = arena_copy(run->res->arena, ev, n_ev * sizeof(*ev));
	f->n_rules = n_ev;
	f->title = arena_str(run->res->arena, title);
	f->message = arena_str(run->res->arena, message);
	if (run->estate)
		set_people(run, f);
	return f;
}

static void describe(struct check_run *run, const struct objection *ob, bool certain,
		     const struct exception *ex, const struct packet *w, const struct cause *c,
		     struct finding *f)
{
	struct arena *a = run->res->arena;
	struct evidence_list ev = { { 0 } };
	put_evidence(run, ob, c, &ev);
	f->rules = vec_keep(a, &ev.v);
	f->n_rules = ev.v.n;
	vec_free(&ev.v);
	struct text t = { 0 };
	text_putf(&t, "%s%s: ", certain ? "" : "Possibly: ", ob->title);
	put_service(&t, w);
	text_putc(&t, '.');
	f->title = arena_str(a, t.s);
	text_finish(&t);
	f->message = ob->message;
	f->witness = *w;
	f->has_witness = true;
	if (ob->twin) {
		f->twin_from = ob->twin->tp.from->name;
		f->twin_to = ob->twin->tp.to->name;
		f->has_twin = c->has_twin;
		f->twin = c->twin;
	}
	f->excepted.exception = ex;
	set_path(run, f, c->way);
	set_people(run, f);
	char extra[32];
	snprintf(extra, sizeof(extra), "|%s", ex ? "excepted" : "");
	finish_finding(run->res, run->policy, f,
		       arena_printf(a, "%s%s", salt_of(run, c), extra));
}

static void key_of(const struct check_run *run, const struct objection *ob, bool certain,
		   const struct exception *ex, struct cause *c)
{
	text_putf(&c->key, "%s/%s/%d/%d/%s", run->check->id, ob->plane, ob->severity, certain,
		  ex ? ex->id : "");
	for (size_t i = 0; i < c->n; i++) {
		const struct decided *d = &c->v[i];
		/* Joints and defaults differ by family without being another cause. */
		if (is_plain(d))
			text_putf(&c->key, "/%u.%u", d->stage->ruleset->id, d->rule->id);
		else
			text_putf(&c->key, "/%u", d->stage->ruleset->id);
	}
	if (c->nat)
		text_putf(&c->key, "/nat %p", (const void *)c->nat);
	if (c->dropped)
		text_putf(&c->key, "/dropped %s", c->dropped->why);
}

static struct bounds everything(struct pset_space *sp)
{
	return (struct bounds){ pset_all(sp), pset_all(sp) };
}

/* The packets, as sent, that the stage decides by the rule that decides w. */
static struct pset decided_alike(struct check_run *run, struct deciders *ds,
				 const struct decided *d, const struct packet *w)
{
	struct pset_space *sp = ds->sp;
	struct engine *en = run->engine;
	struct packet here = *w;
	for (size_t i = 0; i <= d->place.i && i < d->way->n_points; i++)
		for (size_t k = 0; k < d->way->points[i].n_steps &&
				   (i < d->place.i || k < d->place.k); k++)
			way_step_packet(&d->way->points[i], &d->way->points[i].steps[k], &here);
	struct pset f = decider(ds, en, d);
	struct pset same = pset_where(sp, f, pset_label_of(sp, f, &here));
	if (!d->way->rewrites)
		return same;
	struct bounds b = { same, same };
	return pull_back(en, pset_family(sp), d->way, d->place, 0, b, ds->within).maybe;
}

/* A set of the counterpart's packets as the pair's own, within left. */
static struct pset from_there(struct check_run *run, const struct twin *tw, struct pset same,
			      struct pset left)
{
	struct twin_pair back = counterpart_back(&tw->tp, run->pair);
	return counterpart_rename(run->engine, run->pair->family, &back, same, left);
}

/* The part of `left` that the same rules decide as they decide w. */
static struct pset same_cause(struct check_run *run, struct deciders *ds, const struct cause *c,
			      const struct twin *tw, const struct packet *w, struct pset left)
{
	struct pset_space *sp = ds->sp;
	struct pset region = left;
	if (c->nat) {
		struct pset_assume as = { .first = true };
		if (c->nat_there)
			return left;
		return pset_and(sp, left, pset_hi(sp, c->nat->touches, &as));
	}
	for (size_t i = 0; i < c->n; i++) {
		bool there = c->v[i].there;
		struct pset same =
			decided_alike(run, &ds[there], &c->v[i], there ? &c->twin : w);
		region = pset_and(sp, region, there ? from_there(run, tw, same, left) : same);
	}
	if (c->dropped && !c->dropped_back) {
		struct pset of = c->dropped_there ? ds[1].within : left;
		struct pset same = pull_back(run->engine, pset_family(sp), c->dropped,
					     way_end_of(c->dropped), 0, everything(sp), of)
					   .maybe;
		region = pset_and(sp, region,
				  c->dropped_there ? from_there(run, tw, same, left) : same);
	}
	if (!c->n && !c->dropped)
		return left;
	return pset_and(sp, region, left);
}

static void replay_failed(struct check_run *run, const struct packet *w)
{
	struct text t = { 0 };
	run->engine->witness_failed = true;
	packet_print(&t, w);
	diag_error(run->diags, EPROTO, "internal.replay", LOC_NONE,
		   "%s from %s to %s: the witness %s is not confirmed rule by rule; this is an error "
		   "of this program, please report it",
		   run->check->id, run->pair->from->name, run->pair->to->name, t.s);
	text_finish(&t);
}

static void raise_causes(struct check_run *run, const struct objection *ob, bool certain,
			 const struct exception *ex, struct pset set)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	const struct twin *tw = ob->twin;
	struct deciders ds[2] = { { .sp = sp, .within = set }, { .sp = sp } };
	if (tw)
		ds[1].within = counterpart_rename(run->engine, run->pair->family, &tw->tp, set,
						  twin_universe(sp, &tw->pair));
	size_t most = run->options->causes_max ? run->options->causes_max : CAUSES_MAX;
	struct packet w;
	for (size_t n = 0; pset_pick(sp, set, &w); n++) {
		struct cause c = { 0 };
		run->res->witnesses++;
		bool confirmed = replay(run, ob, certain, &w, &c);
		run->res->replayed += confirmed;
		if (!confirmed)
			replay_failed(run, &w);
		key_of(run, ob, certain, ex, &c);
		struct pset region = confirmed && n < most ? same_cause(run, ds, &c, tw, &w, set)
						       : set;
		bool rest = n >= most;
		/* A cause that doesn't hold its own witness would never end. */
		if (pset_is_spent(region) || !pset_has(sp, region, &w))
			region = set, rest = true;
		void **at = map_at(run->causes, c.key.s);
		struct finding *f;
		if (*at && !rest) {
			f = &run->res->findings.v[(size_t)(uintptr_t)*at - 1];
		} else {
			f = new_finding(run, ob->severity, certain ? CERTAIN : POSSIBLE, ob->plane);
			describe(run, ob, certain, ex, &w, &c, f);
			if (!rest)
				*at = (void *)(uintptr_t)run->res->findings.n;
			else
				f->message = arena_printf(run->res->arena,
							  "%s The causes beyond the first %zu are told "
							  "together here.", ob->message, n);
		}
		add_traffic(run, f, region);
		text_finish(&c.key);
		set = pset_minus(sp, set, region);
	}
}

static bool zone_is(const struct zone *want, const struct zone *is)
{
	return !want || want == is;
}

static void raise_part(struct check_run *run, const struct objection *ob, bool certain,
		       struct pset set)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset_assume as = { .first = true };
	for (size_t i = 0; i < run->policy->n_exceptions; i++) {
		const struct exception *ex = &run->policy->exceptions[i];
		if (!check_matches(ex->check, run->check->id) || !zone_is(ex->from, run->pair->from) ||
		    !zone_is(ex->to, run->pair->to))
			continue;
		if (ex->plane && strcmp(ob->plane, "both") && strcmp(ex->plane, ob->plane))
			continue;
		struct pset held = pset_and(sp, set, pset_lo(sp, ex->service, &as));
		if (pset_is_empty(held) || pset_is_spent(held))
			continue;
		run->exception_used[i] = true;
		if (run->options->as_of > ex->expires) {
			run->exception_expired[i] = true;
			continue;
		}
		raise_causes(run, ob, certain, ex, held);
		set = pset_minus(sp, set, held);
	}
	raise_causes(run, ob, certain, NULL, set);
}

/* A packet set is reported once, under the gravest check: what others took is left out. */
static struct objection untaken(struct check_run *run, const struct objection *all)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct objection ob = *all;
	ob.certain = pset_minus(sp, all->certain, run->taken);
	ob.possible = pset_minus(sp, pset_minus(sp, all->possible, all->certain),
				 pset_or(sp, run->taken, run->taken_possible));
	return ob;
}

void raise_objection(struct check_run *run, const struct objection *all)
{
	struct objection mine = untaken(run, all), *ob = &mine;
	if (pset_is_spent(ob->certain) || pset_is_spent(ob->possible)) {
		run->pair->spent = true;
		return;
	}
	if (!pset_is_empty(ob->certain))
		raise_part(run, ob, true, ob->certain);
	if (!pset_is_empty(ob->possible))
		raise_part(run, ob, false, ob->possible);
	struct pset_space *sp = run->engine->space[run->pair->family];
	run->taken = pset_or(sp, run->taken, ob->certain);
	run->taken_possible = pset_or(sp, run->taken_possible, ob->possible);
}

const struct flow *declaring_flow(const struct check_run *run, enum flow_action action,
				  const struct packet *p)
{
	for (size_t i = 0; i < run->policy->n_flows; i++) {
		const struct flow *fl = &run->policy->flows[i];
		bool from = false, to = false;
		if (fl->action != action)
			continue;
		for (size_t k = 0; k < fl->n_from; k++)
			from |= fl->from[k] == run->pair->from;
		for (size_t k = 0; k < fl->n_to; k++)
			to |= fl->to[k] == run->pair->to;
		if (from && to && match_judge(fl->service, p) == TRUTH_TRUE)
			return fl;
	}
	return NULL;
}
