/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_NAMES_H
#define POLICIES_NAMES_H

/*
 * Names that a file defines and others refer to, with the place of each definition, and the
 * lists of zones that `from` and `to` stand for.
 */

#include "base/map.h"
#include "model/policy.h"
#include "policies/fields.h"

/* Zeroed: empty. Names that differ in case alone are taken for the same one. */
struct names {
	const char *kind; /* "zone", for people */
	struct map by_name;
};

void names_finish(struct names *v);
/*
 * Adds a definition; index is what the caller knows it by. False after yaml.duplicate-name
 * where there is one already (both places are told).
 */
bool names_add(struct reader *r, struct names *v, const char *name, struct loc at,
	       size_t index);
/* The index, or -1 where the name isn't defined. */
ptrdiff_t names_index(struct reader *r, const struct names *v, const char *name);
/*
 * Reports a name that is none of those of v (and w, may be NULL), with the nearest one and
 * its place. code: as of diag_error.
 */
void names_undefined(struct reader *r, const char *code, const struct names *v,
		     const struct names *w, const char *name, struct loc at);

/* Limits that keep a hostile policy from being larger in memory than on disk. */
enum { MAX_ZONES = 4096, MAX_ZONE_REFS = 1 << 24 };

/* What the words in `from`, `to` and `zones` mean: zones, tenants for all their zones, any. */
struct zone_words {
	const struct zone *zones;
	size_t n_zones;
	struct names *zone_names, *tenant_names; /* borrowed; index into zones and tenants */
	const struct zone *const *all;
	const struct zone *const **of_tenant; /* zones of each tenant, in order */
	size_t *n_of_tenant;
	size_t refs;	  /* given out so far */
	const char *code; /* "policy.undefined-zone" or "estate.undefined-zone" */
};

/* Everything is made in r's arena; tenants are those that zone_names' zones point to. */
void zone_words_init(struct reader *r, struct zone_words *w, const struct zone *zones,
		     size_t n_zones, const struct tenant *tenants, size_t n_tenants);
/*
 * The zones under a key, each once, in order of writing; 0 after a diagnostic. The key being
 * absent gives 0 without one.
 */
size_t zones_at(struct reader *r, struct zone_words *w, const struct node *map, const char *key,
		const struct zone *const **ret_zones);
/* The one zone under a key; NULL where it is absent, `any`, or wrong (after a diagnostic). */
const struct zone *zone_at(struct reader *r, struct zone_words *w, const struct node *map,
			   const char *key, bool any_allowed);

#endif
