/* SPDX-License-Identifier: Apache-2.0 */
/* estate.yaml from untrusted bytes, with a policy and without one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] = "version: 1\n"
				  "name: fixture\n"
				  "tenants: [{name: blue}, {name: green}]\n"
				  "zones:\n"
				  "  - {name: web, tenant: blue, prefixes: [10.1.0.0/24]}\n"
				  "  - {name: db, tenant: green, prefixes: [10.2.0.0/24]}\n"
				  "  - {name: internet, external: true}\n";

static void check(const struct estate *e)
{
	for (size_t i = 0; i < e->n_sources; i++)
		if (!e->sources[i].name || !e->sources[i].n_files ||
		    *e->sources[i].files[0] == '/')
			abort();
	for (size_t i = 0; i < e->n_bindings; i++)
		if (!e->bindings[i].zone || !e->bindings[i].device || !e->bindings[i].n_ports)
			abort();
	for (size_t i = 0; e->policy && i < e->n_paths; i++) {
		const struct estate_path *p = &e->paths[i];
		if (!p->n_from || !p->n_to || p->none == !!p->n_hops || (p->none && !p->reason))
			abort();
	}
}

static void read_with(struct arena *a, const struct source *src, bool with_policy)
{
	struct diags d;
	struct matches m;
	const struct policy *p = NULL;
	const struct source *text;
	const struct estate *e;
	diags_init(&d, a);
	matches_init(&m, a);
	if (with_policy &&
	    (source_from_bytes(a, &d, "policy.yaml", policy_text, strlen(policy_text), &text) ||
	     policy_read(&m, &d, &text, 1, &p)))
		abort();
	int err = estate_parse(&m, &d, src, p, NULL, &e);
	if (!err != !d.n_errors)
		abort();
	if (!err)
		check(e);
	matches_finish(&m);
	diags_finish(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "estate.yaml", data, size, &src)) {
		read_with(a, src, false);
		read_with(a, src, true);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
