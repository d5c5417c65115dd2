/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policy_read.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Flows, segregation and alignment: what is said about pairs of zones. */

/* Names the definition under the key `id`; NULL after a diagnostic. */
static const char *id_at(struct policy_reader *pr, const struct node *node, struct names *ids)
{
	const char *id = name_at(&pr->r, node, "id");
	return id && names_add(&pr->r, ids, id, node->at, 0) ? id : NULL;
}

size_t controls_at(struct policy_reader *pr, const struct node *map,
		   const char *const **ret_controls)
{
	struct reader *r = &pr->r;
	const struct node *const *items = NULL;
	size_t n = names_at(r, map, "controls", ret_controls, &items);
	for (size_t i = 0; i < n; i++)
		if (names_index(r, &pr->controls, (*ret_controls)[i]) < 0)
			names_undefined(r, "policy.undefined-control", &pr->controls, NULL,
					(*ret_controls)[i], items[i]->at);
	return n;
}

static uint64_t *zone_bits(struct policy_reader *pr, const struct zone *const *v, size_t n)
{
	const struct zone_words *w = &pr->words;
	uint64_t *bits = arena_array(pr->r.arena, w->n_zones / 64 + 1, sizeof(*bits));
	for (size_t i = 0; i < n; i++)
		bits[(v[i] - w->zones) / 64] |= 1ull << ((v[i] - w->zones) % 64);
	return bits;
}

/* Whether every pair of the flow is a zone with itself that nobody judges. */
static bool never_judged(const struct flow *f)
{
	return f->n_from == 1 && f->n_to == 1 && f->from[0] == f->to[0] && !f->from[0]->self;
}

static void read_flow(struct policy_reader *pr, const struct node *node, struct flow *f,
		      struct flow_sets *sets)
{
	struct reader *r = &pr->r;
	size_t errors = r->d->n_errors;
	f->at = node->at;
	f->id = id_at(pr, node, &pr->flow_ids);
	f->action = (uint8_t)word_at(r, node, "action", action_words, FLOW_DENY);
	f->n_from = zones_at(r, &pr->words, node, "from", &f->from);
	f->n_to = zones_at(r, &pr->words, node, "to", &f->to);
	f->service = service_at(pr, node, "service", &sets->parts, &f->service_text);
	f->owner = text_at(r, node, "owner");
	f->n_controls = controls_at(pr, node, &f->controls);
	sets->whole = r->d->n_errors == errors && f->n_from && f->n_to && f->service;
	if (!sets->whole)
		return;
	sets->from = zone_bits(pr, f->from, f->n_from);
	sets->to = zone_bits(pr, f->to, f->n_to);
	if (never_judged(f))
		diag_warning(r->d, "policy.flow-unjudged", f->at,
			     "the flow is from '%s' to itself, and a zone is judged against "
			     "itself only with 'self: true'",
			     f->from[0]->name);
}

void read_flows(struct policy_reader *pr)
{
	VEC(struct flow) flows = { 0 };
	VEC(struct flow_sets) sets = { 0 };
	for (struct section s = { 0 }; section_next(pr, &s, "flows", &shape_flow);)
		read_flow(pr, s.node, vec_add(&flows), vec_add(&sets));
	pr->policy->flows = vec_keep(pr->r.arena, &flows);
	pr->policy->n_flows = flows.n;
	compare_flows(pr, sets.v);
	vec_free(&flows);
	vec_free(&sets);
}

/* Tenants under `between`: at least two, or `any` for all that are not shared. */
static size_t tenants_at(struct policy_reader *pr, const struct node *node,
			 const struct tenant *const **ret)
{
	struct reader *r = &pr->r;
	const struct policy *p = pr->policy;
	const char *const *names = NULL;
	const struct node *const *items = NULL;
	size_t n = names_at(r, node, "between", &names, &items), used = 0;
	bool any = n == 1 && !strcmp(names[0], "any"), said = false;
	const struct tenant **v =
		arena_array(r->arena, any ? p->n_tenants : n, sizeof(const struct tenant *));
	for (size_t i = 0; any && i < p->n_tenants; i++)
		if (!p->tenants[i].shared)
			v[used++] = &p->tenants[i];
	for (size_t i = 0; !any && i < n; i++) {
		struct loc at = items[i]->at;
		ptrdiff_t t = names_index(r, &pr->tenants, names[i]);
		if (t < 0) {
			names_undefined(r, "policy.undefined-tenant", &pr->tenants, NULL,
					names[i], at);
			said = true;
			continue;
		}
		if (p->tenants[t].shared) {
			diag_warning(r->d, "policy.segregation-shared", at,
				     "'%s' is shared: crossing into it is never cross-talk",
				     names[i]);
			diag_related(r->d, p->tenants[t].at, "'shared: true' here");
		}
		v[used++] = &p->tenants[t];
	}
	if (node_get(node, "between") && !said && used < 2)
		diag_error(r->d, EINVAL, "policy.segregation-alone", node->at,
			   any ? "'any' finds fewer than two tenants that are not shared"
			       : "name at least two tenants, or 'any' for all that are not "
				 "shared");
	*ret = v;
	return used;
}

void read_segregation(struct policy_reader *pr)
{
	VEC(struct segregation) all = { 0 };
	for (struct section s = { 0 };
	     section_next(pr, &s, "segregation", &shape_segregation);) {
		struct segregation x = { .at = s.node->at };
		x.id = id_at(pr, s.node, &pr->segregation_ids);
		x.n_between = tenants_at(pr, s.node, &x.between);
		x.n_controls = controls_at(pr, s.node, &x.controls);
		*vec_add(&all) = x;
	}
	pr->policy->segregations = vec_keep(pr->r.arena, &all);
	pr->policy->n_segregations = all.n;
	vec_free(&all);
}

/* NULL and 0 where the key is absent or any: every zone. */
static size_t zones_or_any(struct policy_reader *pr, const struct node *node, const char *key,
			   const struct zone *const **ret)
{
	size_t n = zones_at(&pr->r, &pr->words, node, key, ret);
	if (*ret != pr->words.all || n != pr->words.n_zones)
		return n;
	*ret = NULL;
	return 0;
}

void read_alignment(struct policy_reader *pr)
{
	struct reader *r = &pr->r;
	VEC(struct alignment_rule) all = { 0 };
	struct loc catch_all = LOC_NONE;
	for (struct section s = { 0 }; section_next(pr, &s, "alignment", &shape_alignment);) {
		struct alignment_rule x = { .at = s.node->at };
		const struct node *const *items = NULL;
		size_t errors = r->d->n_errors;
		x.n_from = zones_or_any(pr, s.node, "from", &x.from);
		x.n_to = zones_or_any(pr, s.node, "to", &x.to);
		x.relation =
			(uint8_t)word_at(r, s.node, "relation", relation_words, ALIGN_EQUAL);
		size_t n = items_at(r, s.node, "planes", &items);
		for (size_t i = 0; i < n; i++) {
			int plane = word_of(r, items[i], plane_words, -1);
			if (plane < 0)
				continue;
			if (x.demands & (1 << plane))
				diag_error(r->d, EEXIST, "yaml.repeated", items[i]->at,
					   "'%s' stands in this list twice: keep one",
					   plane_words[plane]);
			x.demands |= (uint8_t)(1 << plane);
		}
		if (catch_all.src) {
			diag_warning(
				r->d, "policy.alignment-hidden", x.at,
				"never used: the first entry that names a pair counts, and "
				"one before this names all pairs");
			diag_related(r->d, catch_all, "this one");
		} else if (!x.from && !x.to && r->d->n_errors == errors) {
			catch_all = x.at;
		}
		*vec_add(&all) = x;
	}
	pr->policy->alignments = vec_keep(r->arena, &all);
	pr->policy->n_alignments = all.n;
	vec_free(&all);
}
