/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policies.h"

#include <errno.h>

#include "policies/policy_read.h"

/*
 * policy.yaml, one or several files that together are the policy. First what others refer to
 * (services, tenants, zones, controls), then what refers to it. Every section goes on after
 * an error, so that one run tells all of them.
 */

bool section_next(struct policy_reader *pr, struct section *s, const char *key,
		  const struct shape *shape)
{
	for (;;) {
		while (s->item == s->n) {
			if (s->root == pr->n_roots)
				return false;
			s->item = 0;
			s->n = list_at(&pr->r, pr->roots[s->root++], key, &s->items);
		}
		s->node = s->items[s->item++];
		if (check_shape(&pr->r, s->node, shape))
			return true;
	}
}

static void read_scope(struct policy_reader *pr)
{
	struct reader *r = &pr->r;
	const struct node *first = NULL;
	for (size_t i = 0; i < pr->n_roots; i++) {
		const struct node *scope = node_get(pr->roots[i], "scope");
		if (!scope || !check_shape(r, scope, &shape_scope))
			continue;
		if (first) {
			diag_error(r->d, EEXIST, "policy.duplicate-scope", scope->at,
				   "a second 'scope': keep one of them");
			diag_related(r->d, first->at, "the first one");
			continue;
		}
		first = scope;
		const struct node *const *items = NULL;
		size_t n = items_at(r, scope, "families", &items);
		bool named[FAMILY_COUNT] = { 0 };
		for (size_t k = 0; k < n; k++) {
			int f = word_of(r, items[k], family_words, -1);
			if (f >= 0 && named[f])
				diag_error(r->d, EEXIST, "yaml.repeated", items[k]->at,
					   "'%s' stands in this list twice: keep one",
					   family_words[f]);
			if (f >= 0)
				named[f] = true;
		}
		for (int f = 0; n && f < FAMILY_COUNT; f++)
			pr->policy->families[f] = named[f];
	}
}

static void read_head(struct policy_reader *pr, const struct node *root)
{
	struct reader *r = &pr->r;
	struct policy *p = pr->policy;
	check_version(r, root, "the policy");
	/* Files later in the list only add: the first one that says so names the whole. */
	const char *name = text_at(r, root, "name");
	const char *revision = text_at(r, root, "revision");
	const char *owner = text_at(r, root, "owner");
	p->name = p->name ? p->name : name;
	p->version = p->version ? p->version : revision;
	p->owner = p->owner ? p->owner : owner;
}

static void read_sections(struct policy_reader *pr)
{
	for (size_t i = 0; i < pr->n_roots; i++)
		read_head(pr, pr->roots[i]);
	read_scope(pr);
	read_services(pr);
	read_tenants(pr);
	read_zones(pr);
	read_controls(pr);
	pr->words.zone_names = &pr->zones;
	pr->words.tenant_names = &pr->tenants;
	pr->words.code = "policy.undefined-zone";
	zone_words_init(&pr->r, &pr->words, pr->policy->zones, pr->policy->n_zones,
			pr->policy->tenants, pr->policy->n_tenants);
	read_flows(pr);
	read_segregation(pr);
	read_alignment(pr);
	read_exceptions(pr);
	read_exclusions(pr);
}

int policy_read(struct matches *m, struct diags *d, const struct source *const *v, size_t n,
		const struct policy **ret_policy)
{
	size_t errors = d->n_errors;
	VEC(const struct node *) roots = { 0 };
	struct policy_reader pr = {
		.r = { .arena = m->arena, .d = d, .m = m },
		.policy = arena_alloc(m->arena, sizeof(*pr.policy)),
		.services.kind = "service",
		.tenants.kind = "tenant",
		.zones.kind = "zone",
		.controls.kind = "control",
		.flow_ids.kind = "flow",
		.segregation_ids.kind = "segregation",
		.exception_ids.kind = "exception",
		.exclusion_ids.kind = "exclusion",
	};
	for (int f = 0; f < FAMILY_COUNT; f++)
		pr.policy->families[f] = true;
	for (size_t i = 0; i < n; i++) {
		const struct node *root;
		if (!yaml_parse(m->arena, d, v[i], &root) &&
		    check_shape(&pr.r, root, &shape_policy))
			*vec_add(&roots) = root;
	}
	/* With a file missing, every name that it defines would be reported as undefined. */
	if (roots.n == n && n) {
		pr.roots = roots.v;
		pr.n_roots = roots.n;
		read_sections(&pr);
	}
	struct names *const names[] = { &pr.services,	   &pr.tenants,
					&pr.zones,	   &pr.controls,
					&pr.flow_ids,	   &pr.segregation_ids,
					&pr.exception_ids, &pr.exclusion_ids };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		names_finish(names[i]);
	vec_free(&roots);
	if (!n || d->n_errors != errors)
		return -EINVAL;
	*ret_policy = pr.policy;
	return 0;
}
