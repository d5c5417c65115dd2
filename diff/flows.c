/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/flows.h"

#include <stdlib.h>

static size_t place(const struct policy *p, const struct zone *z)
{
	return (size_t)(z - p->zones);
}

struct flow_index flows_index(struct arena *a, const struct policy *p)
{
	size_t words = (p->n_zones + 63) / 64;
	uint64_t *from = arena_array(a, p->n_flows, words * sizeof(*from));
	size_t *first = arena_array(a, p->n_zones + 1, sizeof(*first));
	/* A zone may stand twice in a list, and counts once. */
	size_t *seen = xcalloc(p->n_zones, sizeof(*seen)), n = 0;
	for (size_t i = 0; i < p->n_flows; i++) {
		const struct flow *fl = &p->flows[i];
		for (size_t k = 0; k < fl->n_from; k++) {
			size_t z = place(p, fl->from[k]);
			from[i * words + z / 64] |= (uint64_t)1 << z % 64;
		}
		for (size_t k = 0; k < fl->n_to; k++) {
			size_t z = place(p, fl->to[k]);
			if (seen[z] == i + 1)
				continue;
			seen[z] = i + 1;
			first[z + 1]++;
			n++;
		}
	}
	uint32_t *flows = arena_array(a, n, sizeof(*flows));
	size_t *fill = xcalloc(p->n_zones, sizeof(*fill));
	for (size_t z = 0; z < p->n_zones; z++)
		first[z + 1] += first[z], seen[z] = 0;
	for (size_t i = 0; i < p->n_flows; i++)
		for (size_t k = 0; k < p->flows[i].n_to; k++) {
			size_t z = place(p, p->flows[i].to[k]);
			if (seen[z] == i + 1)
				continue;
			seen[z] = i + 1;
			flows[first[z] + fill[z]++] = (uint32_t)i;
		}
	free(fill);
	free(seen);
	return (struct flow_index){ p, words, from, first, flows };
}

const struct flow *flows_next(const struct flow_index *x, const struct zone *from,
			      const struct zone *to, size_t *at)
{
	size_t f = place(x->policy, from), t = place(x->policy, to);
	while (x->first[t] + *at < x->first[t + 1]) {
		uint32_t i = x->flows[x->first[t] + (*at)++];
		if (x->from[i * x->words + f / 64] >> f % 64 & 1)
			return &x->policy->flows[i];
	}
	return NULL;
}
