/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First fragments, so that later ones join their flow: sets of four, the oldest of a set makes
 * room. What isn't remembered has no ports, and nobody guesses them.
 */
#include <stdlib.h>

#include "capture/flows_internal.h"

struct fragments {
	struct fragment set[FRAGMENT_SETS][FRAGMENT_WAYS]; /* the newest first */
};

struct fragments *fragments_create(void)
{
	return xcalloc(1, sizeof(struct fragments));
}

void fragments_destroy(struct fragments *f)
{
	free(f);
}

bool fragment_same(const struct fragment *a, const struct fragment *b)
{
	return a->used && a->id == b->id && a->interface == b->interface &&
	       a->family == b->family && a->proto == b->proto && a->segments == b->segments &&
	       addr_equal(a->src, b->src) && addr_equal(a->dst, b->dst);
}

bool fragment_near(const struct fragment *known, const struct fragment *f)
{
	/* times may go back by a little where several queues feed one capture */
	int64_t age;
	return !__builtin_sub_overflow(f->at, known->at, &age) && age <= FRAGMENT_AGE &&
	       age >= -FRAGMENT_AGE;
}

void fragments_add(struct fragments *f, uint64_t hash, const struct fragment *first)
{
	struct fragment *set = f->set[hash & (FRAGMENT_SETS - 1)];
	size_t i = 0;
	while (i < FRAGMENT_WAYS - 1 && !fragment_same(&set[i], first))
		i++;
	for (; i; i--)
		set[i] = set[i - 1];
	set[0] = *first;
	set[0].used = 1;
}

const struct fragment *fragments_find(const struct fragments *f, uint64_t hash,
				      const struct fragment *later)
{
	const struct fragment *set = f->set[hash & (FRAGMENT_SETS - 1)];
	for (size_t i = 0; i < FRAGMENT_WAYS; i++) {
		if (!fragment_same(&set[i], later))
			continue;
		return fragment_near(&set[i], later) ? &set[i] : NULL;
	}
	return NULL;
}
