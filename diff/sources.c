/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two exports of one device without an estate: every ruleset against its namesake, looked at
 * only where they can differ (model/cone.h), and what is bound where.
 */
#include <string.h>

#include "diff/run.h"
#include "model/cone.h"

extern const struct check check_diff_opened, check_diff_closed;

enum { CAUSES_MAX = 100 };

struct job {
	struct check_run run;
	struct pset_space *sp[FAMILY_COUNT];
	const struct device *old_d, *new_d;
	struct map causes; /* of this ruleset: cause to finding's index + 1 */
};

static struct evidence evidence(const struct device *d, const struct ruleset *rs,
				const struct rule *r, bool permits, const char *note)
{
	struct evidence ev = { .device = d->name,
			       .plane = plane_name(d->plane),
			       .ruleset = rs->name,
			       .kind = rs->kind,
			       .note = note };
	if (r) {
		ev.role = permits ? "permits" : "denies";
		ev.rule = r->name;
		ev.at = r->at;
	} else {
		ev.role = permits ? "default-permit" : "default-deny";
		ev.at = rs->dflt_at.src ? rs->dflt_at : rs->at;
	}
	return ev;
}

static struct finding *describe(struct job *j, bool opened, bool certain,
				const struct ruleset *old, const struct ruleset *new,
				const struct interp_answer *was, const struct interp_answer *is,
				const struct packet *w)
{
	struct arena *a = j->run.res->arena;
	const struct rule *r_old = certain == opened ? was->maybe_rule : was->sure_rule;
	const struct rule *r_new = certain == opened ? is->sure_rule : is->maybe_rule;
	struct evidence ev[2] = { evidence(j->new_d, new, r_new, opened, "in the new export"),
				  evidence(j->old_d, old, r_old, !opened, "in the old export") };
	struct text t = { 0 };
	text_putf(&t, "%s%s by %s %s: ", certain ? "" : "Possibly: ", opened ? "Opened" : "Closed",
		  new->kind, new->name);
	packet_say(&t, w);
	text_putc(&t, '.');
	j->run.check = opened ? &check_diff_opened : &check_diff_closed;
	struct finding *f =
		raise_plain(&j->run, SEVERITY_MEDIUM, ev, 2, t.s,
			    opened ? "The new ruleset lets this through and the old one did not."
				   : "The old ruleset let this through and the new one does not.");
	f->certainty = certain ? CERTAIN : POSSIBLE;
	f->witness = *w;
	f->has_witness = true;
	text_clear(&t);
	text_putf(&t, "%s|%s|", j->new_d->name, new->name);
	if (r_old)
		match_print(&t, r_old->match);
	text_putc(&t, '|');
	if (r_new)
		match_print(&t, r_new->match);
	finish_finding(j->run.res, NULL, f, arena_str(a, t.s));
	text_finish(&t);
	return f;
}

static struct pset same_rule(struct pset_space *sp, const struct ruleset *rs, enum bound b,
			     struct pset set, const struct packet *w)
{
	struct pset_assume all = { .state = -1, .fragment = -1 };
	struct pset f = lower_decides(sp, rs, &all, b, set);
	return pset_and(sp, set, pset_where(sp, f, pset_label_of(sp, f, w)));
}

static void raise_set(struct job *j, bool opened, bool certain, const struct ruleset *old,
		      const struct ruleset *new, struct pset_space *sp, struct pset set)
{
	/* The side that permits is judged by the bound that shows it, the other by the other. */
	enum bound b_new = certain == opened ? BOUND_SURE : BOUND_MAYBE;
	enum bound b_old = certain == opened ? BOUND_MAYBE : BOUND_SURE;
	struct packet w;
	for (size_t n = 0; pset_pick(sp, set, &w); n++) {
		struct interp_answer was = interp(old, &w), is = interp(new, &w);
		const struct interp_answer *pa = opened ? &is : &was, *da = opened ? &was : &is;
		j->run.res->witnesses++;
		if (certain ? pa->sure && !da->maybe : pa->maybe && !da->sure) {
			j->run.res->replayed++;
		} else {
			diag_error(j->run.diags, 1, "internal.replay", new->at,
				   "%s: a witness is not confirmed rule by rule; this is an error of this "
				   "program, please report it", new->name);
		}
		struct pset region = set;
		if (n < CAUSES_MAX)
			region = same_rule(sp, new, b_new, same_rule(sp, old, b_old, set, &w), &w);
		if (pset_is_spent(region) || !pset_has(sp, region, &w))
			region = set;
		const struct rule *r_old = b_old == BOUND_SURE ? was.sure_rule : was.maybe_rule;
		const struct rule *r_new = b_new == BOUND_SURE ? is.sure_rule : is.maybe_rule;
		char key[80];
		snprintf(key, sizeof(key), "%d.%d/%u/%u", opened, certain, r_old ? r_old->id : 0,
			 r_new ? r_new->id : 0);
		void **at = map_at(&j->causes, key);
		if (!*at) {
			describe(j, opened, certain, old, new, &was, &is, &w);
			*at = (void *)(uintptr_t)j->run.res->findings.n;
		}
		finding_add_traffic(j->run.res,
				    &j->run.res->findings.v[(size_t)(uintptr_t)*at - 1], sp,
				    region);
		set = pset_minus(sp, set, region);
	}
}

static void compare(struct job *j, const struct ruleset *old, const struct ruleset *new)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct pset_space *sp = j->sp[f];
		struct cone c = cone_diff(sp, old, new, NULL);
		if (c.spent) {
			struct coverage cov = {
				.from = new->name, .to = new->name, .plane = "both",
				.verdict = COVER_INCONCLUSIVE, .why_at = new->at,
				.why = "the sets of packets are too large for the memory they may take"
			};
			*vec_add(&j->run.res->coverage) = cov;
			continue;
		}
		const struct cone_change *both[] = { &c.opened, &c.closed };
		for (int k = 0; k < 2; k++) {
			raise_set(j, !k, true, old, new, sp, both[k]->certain);
			raise_set(j, !k, false, old, new, sp,
				  pset_minus(sp, both[k]->possible, both[k]->certain));
		}
	}
	map_finish(&j->causes);
}

/* Something of a ruleset that stands in one export only. */
static void raise_only(struct job *j, const struct device *d, const struct ruleset *rs,
		       struct loc at, bool is_new, const char *title, const char *message,
		       const char *salt)
{
	struct evidence ev = evidence(d, rs, NULL, false,
				      is_new ? "in the new export" : "in the old export");
	ev.role = "names";
	ev.at = at;
	j->run.check = is_new ? &check_diff_opened : &check_diff_closed;
	struct finding *f = raise_plain(&j->run, SEVERITY_MEDIUM, &ev, 1, title, message);
	finish_finding(j->run.res, NULL, f, salt);
}

static void raise_ruleset(struct job *j, const struct device *d, const struct ruleset *rs,
			  bool is_new)
{
	raise_only(j, d, rs, rs->at, is_new,
		   arena_printf(j->run.res->arena, "%s %s stands only in the %s export.",
				rs->kind, rs->name, is_new ? "new" : "old"),
		   "What that opens or closes depends on where it is bound: compare two estates to know.",
		   rs->name);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_hook(const struct hook *a, const struct hook *b)
{
	return a->kind == b->kind && a->order == b->order && same_text(a->port, b->port) &&
	       !strcmp(a->ruleset->name, b->ruleset->name);
}

/* Bindings that stand on one side only. */
static void compare_hooks(struct job *j, const struct device *here, const struct device *there,
			  bool is_new)
{
	struct arena *a = j->run.res->arena;
	for (size_t i = 0; i < here->n_hooks; i++) {
		const struct hook *h = &here->hooks[i];
		bool found = false;
		for (size_t k = 0; k < there->n_hooks && !found; k++)
			found = same_hook(h, &there->hooks[k]);
		if (found)
			continue;
		const char *port = h->port ? h->port : "";
		raise_only(j, here, h->ruleset, h->at, is_new,
			   arena_printf(a, "%s %s is bound to %s only in the %s export.",
					h->ruleset->kind, h->ruleset->name,
					h->port ? h->port : "every port",
					is_new ? "new" : "old"),
			   "What that opens or closes depends on the paths: compare two estates to know.",
			   arena_printf(a, "%s %s %d %d", h->ruleset->name, port, h->kind,
					h->order));
	}
}

/* A line that isn't understood may hide a change. */
static void tell_taints(struct job *j, const struct device *d, const char *which)
{
	if (!d->n_taints)
		return;
	struct coverage c = { .from = d->name, .to = d->name, .plane = "both",
			      .verdict = COVER_INCONCLUSIVE, .why_at = d->taints[0].at,
			      .why = arena_printf(j->run.res->arena, "the %s export is not understood "
						  "whole: %s", which, d->taints[0].why) };
	*vec_add(&j->run.res->coverage) = c;
}

static void compare_devices(struct job *j, const struct device *old_d, const struct device *new_d)
{
	struct map old_names = { 0 };
	j->old_d = old_d, j->new_d = new_d;
	tell_taints(j, old_d, "old");
	tell_taints(j, new_d, "new");
	for (size_t i = 0; i < old_d->n_rulesets; i++)
		if (!old_d->rulesets[i]->glue)
			*map_at(&old_names, old_d->rulesets[i]->name) = (void *)old_d->rulesets[i];
	for (size_t i = 0; i < new_d->n_rulesets; i++) {
		const struct ruleset *rs = new_d->rulesets[i];
		if (rs->glue)
			continue;
		void **at = map_at(&old_names, rs->name);
		if (*at)
			compare(j, *at, rs);
		else
			raise_ruleset(j, new_d, rs, true);
		*at = NULL;
	}
	for (size_t i = 0; i < old_names.n; i++)
		if (old_names.entries[i].value)
			raise_ruleset(j, old_d, old_names.entries[i].value, false);
	compare_hooks(j, new_d, old_d, true);
	compare_hooks(j, old_d, new_d, false);
	map_finish(&old_names);
}

int diff_sources(const struct snapshot *old_s, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	struct job j = { .run = { .snap = new_s, .diags = d, .options = o, .res = res } };
	res->snap = new_s;
	res->diags = d;
	for (int f = 0; f < FAMILY_COUNT; f++)
		j.sp[f] = pset_space_create((enum family)f, o->budget);
	bool single = old_s->devices.n == 1 && new_s->devices.n == 1;
	vec_each(dp, &new_s->devices) {
		const struct device *old_d = single ? old_s->devices.v[0]
						    : snapshot_device(old_s, (*dp)->name);
		if (old_d) {
			compare_devices(&j, old_d, *dp);
			continue;
		}
		struct coverage c = { .from = (*dp)->name, .to = (*dp)->name, .plane = "both",
				      .verdict = COVER_INCONCLUSIVE, .why_at = (*dp)->at,
				      .why = "the device stands only in the new export" };
		*vec_add(&res->coverage) = c;
	}
	vec_each(dp, &old_s->devices) {
		if (single || snapshot_device(new_s, (*dp)->name))
			continue;
		struct coverage c = { .from = (*dp)->name, .to = (*dp)->name, .plane = "both",
				      .verdict = COVER_INCONCLUSIVE, .why_at = (*dp)->at,
				      .why = "the device stands only in the old export" };
		*vec_add(&res->coverage) = c;
	}
	for (int f = 0; f < FAMILY_COUNT; f++)
		pset_space_destroy(j.sp[f]);
	results_freeze(res);
	return 0;
}
