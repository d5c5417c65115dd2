/* SPDX-License-Identifier: Apache-2.0 */
/* policy.yaml from untrusted bytes; a policy that is given out must keep its promises. */
#include <stdint.h>
#include <stdlib.h>

#include "policies/policies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct policy *p)
{
	for (size_t i = 0; i < p->n_zones; i++)
		for (int f = 0; f < FAMILY_COUNT; f++)
			for (size_t k = 0; k < p->zones[i].n_spans[f]; k++) {
				const struct span *s = &p->zones[i].spans[f][k];
				if (addr_compare(s->lo, s->hi) > 0 ||
				    (k && addr_compare(s[-1].hi, s->lo) >= 0))
					abort();
			}
	for (size_t i = 0; i < p->n_flows; i++)
		if (!p->flows[i].id || !p->flows[i].service || !p->flows[i].n_from ||
		    !p->flows[i].n_to || p->flows[i].service->inexact)
			abort();
	for (size_t i = 0; i < p->n_exceptions; i++)
		if (!p->exceptions[i].owner || !p->exceptions[i].approved_by ||
		    !p->exceptions[i].justification || !p->exceptions[i].expires_text)
			abort();
	for (size_t i = 0; i < p->n_exclusions; i++)
		if (!p->exclusions[i].match || !p->exclusions[i].reason)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	struct matches m;
	const struct source *src;
	const struct policy *p;
	diags_init(&d, a);
	matches_init(&m, a);
	if (!source_from_bytes(a, &d, "policy.yaml", data, size, &src)) {
		size_t errors = d.n_errors;
		int err = policy_read(&m, &d, &src, 1, &p);
		if (!err != (d.n_errors == errors))
			abort();
		if (!err)
			check(p);
	}
	matches_finish(&m);
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
