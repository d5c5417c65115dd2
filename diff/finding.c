/* SPDX-License-Identifier: Apache-2.0 */
/* A cause as people read it: the evidence, the title, the traffic, whose it is. */
#include <stdio.h>

#include "base/digest.h"
#include "diff/cause.h"
#include "diff/twin.h"

enum { BOXES_MAX = 8 };

struct evidence evidence_of(const struct engine *en, const struct stage *st,
			    const struct rule *rule, bool permits)
{
	const struct estate_source *src = path_source(en->estate, st->device);
	struct evidence ev = { .device = st->device->name,
			       .plane = plane_name(st->device->plane),
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
			     decided_plainly(&c->v[i]);
	for (size_t i = 0; i < c->n; i++) {
		const struct decided *d = &c->v[i];
		if (d->permits != permits || !on_plane(d, plane))
			continue;
		if (any_plain && !decided_plainly(d))
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

/* Routing ends the way. */
static struct evidence dropped_evidence(const struct engine *en, const struct route_way *way)
{
	const struct device *d = NULL;
	for (size_t i = 0; i < way->n_points; i++)
		d = way->points[i].device ? way->points[i].device : d;
	const struct estate_source *src = d ? path_source(en->estate, d) : NULL;
	return (struct evidence){
		.role = "no-route",
		.device = d ? d->name : NULL,
		.plane = d ? plane_name(d->plane) : NULL,
		.note = way->why ? way->why : "the answer misses what translated the question",
		.owner = src ? src->owner : NULL,
		.at = way->why_at
	};
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
			.plane = plane_name(c->nat_device->plane),
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

void finding_add_traffic(struct results *res, struct finding *f, struct pset_space *sp,
			 struct pset region)
{
	struct pset_box boxes[BOXES_MAX];
	size_t left = 0, room = f->n_traffic < BOXES_MAX ? BOXES_MAX - f->n_traffic : 0;
	size_t n = pset_boxes(sp, region, boxes, room, &left);
	const char **list = arena_array(res->arena, f->n_traffic + n, sizeof(*list));
	for (size_t i = 0; i < f->n_traffic; i++)
		list[i] = f->traffic[i];
	for (size_t i = 0; i < n; i++) {
		struct text t = { 0 };
		pset_box_print(&t, pset_family(sp), &boxes[i]);
		list[f->n_traffic + i] = arena_str(res->arena, t.s ? t.s : "");
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
		if (!decided_plainly(d) && d->rule)
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

struct finding *finding_new(struct check_run *run, enum severity severity,
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
	struct finding *f = finding_new(run, severity, CERTAIN, n_ev ? ev[0].plane : NULL);
	f->rules = arena_copy(run->res->arena, ev, n_ev * sizeof(*ev));
	f->n_rules = n_ev;
	f->title = arena_str(run->res->arena, title);
	f->message = arena_str(run->res->arena, message);
	if (run->estate)
		set_people(run, f);
	return f;
}

void finding_describe(struct check_run *run, const struct objection *ob, bool certain,
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
