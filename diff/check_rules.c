/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that never decide, and names that lead nowhere: what `lint` says of an export. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "diff/rules.h"
#include "model/shadow.h"

static struct evidence rule_evidence(const struct check_run *run, const struct device *d,
				     const struct ruleset *rs, const struct rule *r,
				     const char *role)
{
	const struct estate_source *src = run->estate ? path_source(run->estate, d) : NULL;
	const struct match *u = match_first_unknown(r->match);
	return (struct evidence){ .role = role,
				  .device = d->name,
				  .plane = plane_name(d->plane),
				  .ruleset = rs->name,
				  .kind = rs->kind,
				  .rule = r->name,
				  .note = u ? u->unknown.reason : r->note,
				  .owner = src ? src->owner : NULL,
				  .at = r->at };
}

static const struct check *check_of(const struct shadow *s)
{
	return s->kind == SHADOW_DEAD	    ? &check_rule_dead
	       : s->kind == SHADOW_SHADOWED ? &check_rule_shadowed
					    : &check_rule_redundant;
}

static const char *title_of(struct check_run *run, const struct ruleset *rs,
			    const struct shadow *s)
{
	static const char *const what[] = {
		[SHADOW_DEAD] = "can match no packet",
		[SHADOW_SHADOWED] = "never decides: earlier rules take all its packets, to another "
				    "effect",
		[SHADOW_REDUNDANT] = "changes nothing: earlier rules take all its packets, to the "
				     "same effect",
	};
	return arena_printf(run->res->arena, "%s of %s %s %s.",
			    s->rule->name ? s->rule->name : "A rule", rs->kind, rs->name,
			    s->kind == SHADOW_REDUNDANT && s->below
				    ? "changes nothing: what follows decides its packets alike"
				    : what[s->kind]);
}

static const char *message_of(const struct shadow *s)
{
	switch ((enum shadow_kind)s->kind) {
	case SHADOW_DEAD:
		return "Its conditions exclude each other or name nothing. Correct it or take it out.";
	case SHADOW_SHADOWED:
		return "Whoever wrote it expects something else than what happens. Move it up, or take "
		       "it out.";
	case SHADOW_REDUNDANT:
		break;
	}
	return "It can be taken out without changing what passes.";
}

static void raise_shadow(struct check_run *run, const struct device *d, const struct ruleset *rs,
			 const struct shadow *s)
{
	struct evidence ev[1 + SHADOW_COVERS];
	size_t n = 0;
	struct text salt = { 0 };
	run->check = check_of(s);
	ev[n++] = rule_evidence(run, d, rs, s->rule, s->kind == SHADOW_DEAD ? "never" : "hidden");
	for (uint32_t i = 0; i < s->n_covers; i++)
		ev[n++] = rule_evidence(run, d, rs, s->covers[i], "hides");
	struct finding *f = raise_plain(run, SEVERITY_LOW, ev, n, title_of(run, rs, s),
					message_of(s));
	f->has_witness = s->has_witness;
	f->witness = s->witness;
	text_putf(&salt, "%s|%s|%d|", d->name, rs->name, s->rule->verdict);
	match_print(&salt, s->rule->match);
	finish_finding(run->res, run->policy, f, salt.s);
	text_finish(&salt);
}

/* An explicit "deny everything else" at the end is a habit, not a defect. */
static bool is_habit(const struct shadow *s)
{
	return s->by_default && s->rule->verdict == VERDICT_DENY;
}

/* Rulesets that others jump to: what they leave open goes back there. */
static void mark_called(const struct device *d, bool *called)
{
	for (size_t i = 0; i < d->n_rulesets; i++)
		for (uint32_t k = 0; k < d->rulesets[i]->n; k++)
			if (d->rulesets[i]->rules[k].target)
				called[d->rulesets[i]->rules[k].target->id] = true;
}

void check_rules(struct check_run *run)
{
	bool *called = xcalloc((size_t)run->snap->n_rulesets + 1, sizeof(*called));
	vec_each(dp, &run->snap->devices)
		mark_called(*dp, called);
	vec_each(dp, &run->snap->devices) {
		const struct device *d = *dp;
		for (size_t i = 0; i < d->n_rulesets; i++) {
			const struct ruleset *rs = d->rulesets[i];
			if (rs->glue || !rs->n)
				continue;
			struct arena_mark mark = arena_mark(run->scratch);
			struct shadows s = shadow_find(run->scratch, rs, called[rs->id]);
			for (size_t k = 0; k < s.n; k++) {
				if (is_habit(&s.v[k]))
					continue;
				s.v[k].witness.iif = s.v[k].witness.oif = NULL;
				raise_shadow(run, d, rs, &s.v[k]);
			}
			if (s.n_open)
				diag_warning(run->diags, "rule.not-judged", rs->at,
					     "%zu rules of %s are too entangled to tell whether they "
					     "ever decide", s.n_open, rs->name);
			arena_rewind(run->scratch, mark);
		}
	}
	free(called);
}

/* Names are told apart by device and kind. */
static void put_key(struct text *t, const struct name_use *u)
{
	text_clear(t);
	text_putf(t, "%s\n%s\n%s", u->device, u->kind, u->name);
}

enum { DEFINED = 1, USED = 2 };

static void raise_name(struct check_run *run, const struct check *check,
		       const struct name_use *u, const char *what, const char *message)
{
	const struct device *d = snapshot_device(run->snap, u->device);
	struct evidence ev = { .role = "names",
			       .device = u->device,
			       .plane = d && d->plane == PLANE_VIRTUAL ? "virtual" : "physical",
			       .at = u->at };
	run->check = check;
	const char *title = arena_printf(run->res->arena, "The %s %s is %s.", u->kind, u->name, what);
	struct finding *f = raise_plain(run, SEVERITY_LOW, &ev, 1, title, message);
	struct text salt = { 0 };
	put_key(&salt, u);
	finish_finding(run->res, run->policy, f, salt.s);
	text_finish(&salt);
}

void check_names(struct check_run *run)
{
	struct map seen = { 0 };
	struct text key = { 0 };
	vec_each(u, &run->snap->names) {
		put_key(&key, u);
		void **at = map_at(&seen, key.s);
		*at = (void *)((uintptr_t)*at | (u->defines ? DEFINED : USED));
	}
	vec_each(u, &run->snap->names) {
		put_key(&key, u);
		void **at = map_at(&seen, key.s);
		uintptr_t is = (uintptr_t)*at;
		if (is == USED)
			raise_name(run, &check_name_undefined, u, "used but not defined",
				   "What the device does with it is given in the model as a bound or by "
				   "the vendor's rule. Define it, or take the use out.");
		else if (is == DEFINED)
			raise_name(run, &check_name_unused, u, "defined but not used",
				   "It has no say in what passes. Bind it, or take it out.");
		*at = (void *)(uintptr_t)(DEFINED | USED); /* told once */
	}
	map_finish(&seen);
	text_finish(&key);
}

const struct check check_rule_dead = {
	.id = "rule.dead",
	.title = "A rule can match no packet",
	.help = "The rule's conditions exclude each other, or a group that it names is empty. "
		"Correct it or take it out.",
	.severity = SEVERITY_LOW,
};

const struct check check_rule_shadowed = {
	.id = "rule.shadowed",
	.title = "A rule never decides: others take its packets to another effect",
	.help = "Every packet that the rule could match is decided by earlier rules, some of them to "
		"another effect. Whoever wrote it expects something else than what happens.",
	.severity = SEVERITY_LOW,
};

const struct check check_rule_redundant = {
	.id = "rule.redundant",
	.title = "A rule changes nothing",
	.help = "Every packet that the rule could match is decided alike without it. It can be taken "
		"out.",
	.severity = SEVERITY_LOW,
};

const struct check check_name_undefined = {
	.id = "name.undefined",
	.title = "A name is used but not defined",
	.help = "An access list, group or chain is named that the export doesn't define. Vendors "
		"differ in what that does; the finding's rules say what was assumed.",
	.severity = SEVERITY_LOW,
};

const struct check check_name_unused = {
	.id = "name.unused",
	.title = "A name is defined but not used",
	.help = "An access list, group or chain is defined and nothing refers to it: it filters "
		"nothing.",
	.severity = SEVERITY_LOW,
};
