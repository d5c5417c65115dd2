/* SPDX-License-Identifier: Apache-2.0 */
/* Which zone pairs a change can reach (diff/incremental.h). */
#include "diff/incremental.h"

static struct pset zone_set(struct pset_space *sp, const struct zone *z, enum field field)
{
	enum family f = pset_family(sp);
	return pset_spans(sp, field, z->spans[f], z->n_spans[f]);
}

/* The part of the region that comes from the zone. */
static struct pset sent_by(struct pset_space *sp, struct pset region, const struct zone *z)
{
	return pset_is_empty(region) ? region
				     : pset_and(sp, region, zone_set(sp, z, FIELD_SRC));
}

static bool meets(struct pset_space *sp, struct pset sent, struct pset redirected,
		  const struct zone *to)
{
	if (!pset_is_empty(redirected))
		return true;
	return !pset_is_empty(sent) && !pset_disjoint(sp, sent, zone_set(sp, to, FIELD_DST));
}

bool reach_pair(const struct reach *r, struct engine *en, const struct zone *from,
		const struct zone *to)
{
	bool met = r->whole;
	for (int f = 0; f < FAMILY_COUNT && !met; f++) {
		struct pset_space *sp = en->space[f];
		met = meets(sp, sent_by(sp, r->region[f], from),
			    sent_by(sp, r->redirected[f], from), to);
	}
	return met;
}

size_t reach_pairs(const struct reach *r, struct engine *en, const struct zone *const *zones,
		   size_t n, bool *wanted)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		struct pset sent[FAMILY_COUNT], redirected[FAMILY_COUNT];
		bool any = r->whole;
		for (int f = 0; f < FAMILY_COUNT && !r->whole; f++) {
			sent[f] = sent_by(en->space[f], r->region[f], zones[i]);
			redirected[f] = sent_by(en->space[f], r->redirected[f], zones[i]);
			any |= !pset_is_empty(sent[f]);
		}
		for (size_t k = 0; k < n && any; k++) {
			bool met = r->whole;
			for (int f = 0; f < FAMILY_COUNT && !met; f++)
				met = meets(en->space[f], sent[f], redirected[f], zones[k]);
			wanted[i * n + k] = met;
			count += met;
		}
	}
	return count;
}
