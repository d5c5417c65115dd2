/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/names.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/vec.h"

struct definition {
	const char *name;
	struct loc at;
	size_t index;
};

static const char *lower_case(struct reader *r, const char *s)
{
	char *copy = arena_str(r->arena, s);
	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	return copy;
}

void names_finish(struct names *v)
{
	map_finish(&v->by_name);
}

bool names_add(struct reader *r, struct names *v, const char *name, struct loc at, size_t index)
{
	void **slot = map_at(&v->by_name, lower_case(r, name));
	const struct definition *first = *slot;
	if (first) {
		bool same = !strcmp(first->name, name);
		diag_error(
			r->d, EEXIST, "yaml.duplicate-name", at,
			same ? "a second %s named '%s': rename one of them"
			     : "a second %s named '%s', but for upper and lower case: rename "
			       "one of them",
			v->kind, name);
		diag_related(r->d, first->at, "'%s' is defined here", first->name);
		return false;
	}
	struct definition *def = arena_alloc(r->arena, sizeof(*def));
	*def = (struct definition){ name, at, index };
	*slot = def;
	return true;
}

ptrdiff_t names_index(struct reader *r, const struct names *v, const char *name)
{
	const struct definition *def = map_get(&v->by_name, lower_case(r, name));
	return def && !strcmp(def->name, name) ? (ptrdiff_t)def->index : -1;
}

static const struct definition *nearest(struct reader *r, const struct names *v,
					const char *name)
{
	if (!v)
		return NULL;
	const struct definition *def = map_get(&v->by_name, lower_case(r, name));
	if (def)
		return def;
	VEC(const char *) all = { 0 };
	for (size_t i = 0; i < v->by_name.n; i++)
		*vec_add(&all) = ((const struct definition *)v->by_name.entries[i].value)->name;
	const char *near = nearest_word(name, all.v, all.n);
	vec_free(&all);
	return near ? map_get(&v->by_name, lower_case(r, near)) : NULL;
}

void names_undefined(struct reader *r, const char *code, const struct names *v,
		     const struct names *w, const char *name, struct loc at)
{
	const struct definition *near = NULL;
	/* What is only counted needs no search. */
	if (diags_count(r->d, code) < DIAG_CAP_PER_CODE) {
		near = nearest(r, v, name);
		if (!near)
			near = nearest(r, w, name);
	}
	diag_error(r->d, ENOENT, code, at, "there is no %s '%s'%s%s%s", v->kind, shown(r, name),
		   near ? "; did you mean '" : "", near ? near->name : "",
		   near ? "'?" : ": define it, or correct the name");
	if (near)
		diag_related(r->d, near->at, "'%s' is defined here", near->name);
}

void zone_words_init(struct reader *r, struct zone_words *w, const struct zone *zones,
		     size_t n_zones, const struct tenant *tenants, size_t n_tenants)
{
	w->zones = zones;
	w->n_zones = n_zones;
	const struct zone **all = arena_array(r->arena, n_zones, sizeof(*all));
	w->of_tenant = arena_array(r->arena, n_tenants, sizeof(*w->of_tenant));
	w->n_of_tenant = arena_array(r->arena, n_tenants, sizeof(*w->n_of_tenant));
	for (size_t i = 0; i < n_zones; i++) {
		all[i] = &zones[i];
		if (zones[i].tenant)
			w->n_of_tenant[zones[i].tenant - tenants]++;
	}
	w->all = all;
	size_t at = 0;
	const struct zone **sorted = arena_array(r->arena, n_zones, sizeof(*sorted));
	for (size_t i = 0; i < n_tenants; i++) {
		w->of_tenant[i] = sorted + at;
		at += w->n_of_tenant[i];
		w->n_of_tenant[i] = 0;
	}
	for (size_t i = 0; i < n_zones; i++)
		if (zones[i].tenant) {
			size_t t = (size_t)(zones[i].tenant - tenants);
			((const struct zone **)w->of_tenant[t])[w->n_of_tenant[t]++] =
				&zones[i];
		}
}

static void undefined_zone(struct reader *r, struct zone_words *w, const char *name,
			   struct loc at)
{
	if (!strcasecmp(name, "any"))
		diag_error(r->d, ENOENT, w->code, at, "write 'any' in lower case");
	else
		names_undefined(r, w->code, w->zone_names, w->tenant_names, name, at);
}

/* The zones that one word means; none after a diagnostic. */
static size_t zones_of_word(struct reader *r, struct zone_words *w, const struct node *item,
			    const char *name, const struct zone *const **ret)
{
	ptrdiff_t i = names_index(r, w->zone_names, name);
	if (i >= 0) {
		/* A zone whose definition was wrong has a name and nothing else. */
		*ret = w->all + i;
		return (size_t)i < w->n_zones ? 1 : 0;
	}
	i = names_index(r, w->tenant_names, name);
	if (i < 0) {
		undefined_zone(r, w, name, item->at);
		return 0;
	}
	if (!w->n_of_tenant[i])
		diag_error(r->d, EINVAL, "policy.tenant-empty", item->at,
			   "no zone belongs to the tenant '%s': give its zones 'tenant: %s'",
			   name, name);
	*ret = w->of_tenant[i];
	return w->n_of_tenant[i];
}

static bool spend_refs(struct reader *r, struct zone_words *w, size_t n, struct loc at)
{
	if (n > MAX_ZONE_REFS - w->refs) {
		w->refs = MAX_ZONE_REFS;
		diag_error(
			r->d, E2BIG, "policy.too-large", at,
			"from and to name more than %d zones in all: use any, or fewer flows",
			MAX_ZONE_REFS);
		return false;
	}
	w->refs += n;
	return true;
}

size_t zones_at(struct reader *r, struct zone_words *w, const struct node *map, const char *key,
		const struct zone *const **ret_zones)
{
	const char *const *names = NULL;
	const struct node *const *items = NULL;
	size_t n = names_at(r, map, key, &names, &items);
	if (!n)
		return 0;
	const struct zone *const *part = NULL;
	if (n == 1 && !strcmp(names[0], "any")) {
		*ret_zones = w->all;
		return w->n_zones;
	}
	if (n == 1) {
		n = zones_of_word(r, w, items[0], names[0], &part);
		*ret_zones = part;
		return n;
	}
	if (w->refs == MAX_ZONE_REFS)
		return 0; /* said already */
	bool *seen = xcalloc(w->n_zones + 1, sizeof(*seen));
	VEC(const struct zone *) out = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], "any")) {
			diag_error(r->d, EINVAL, "policy.any-with-others", items[i]->at,
				   "'any' holds every zone: leave the other names out");
			continue;
		}
		size_t n_part = zones_of_word(r, w, items[i], names[i], &part);
		for (size_t k = 0; k < n_part; k++)
			if (!seen[part[k] - w->zones]) {
				seen[part[k] - w->zones] = true;
				*vec_add(&out) = part[k];
			}
	}
	free(seen);
	n = spend_refs(r, w, out.n, items[0]->at) ? out.n : 0;
	*ret_zones = n ? (const struct zone *const *)vec_keep(r->arena, &out) : NULL;
	vec_free(&out);
	return n;
}

const struct zone *zone_at(struct reader *r, struct zone_words *w, const struct node *map,
			   const char *key, bool any_allowed)
{
	const struct node *node = node_get(map, key);
	const char *name = node ? name_of(r, node) : NULL;
	if (!name || (any_allowed && !strcmp(name, "any")))
		return NULL;
	ptrdiff_t i = names_index(r, w->zone_names, name);
	if (i >= 0)
		return (size_t)i < w->n_zones ? &w->zones[i] : NULL;
	if (names_index(r, w->tenant_names, name) >= 0)
		diag_error(r->d, EINVAL, w->code, node->at,
			   "'%s' is a tenant: name one of its zones", name);
	else
		undefined_zone(r, w, name, node->at);
	return NULL;
}
