/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_POLICIES_H
#define POLICIES_POLICIES_H

/*
 * The readers of estate.yaml and policy.yaml. Both refuse what they don't know: an unknown key
 * is an error with its place and the nearest known word. Errors are collected, not just the
 * first; with any error the result is not given out.
 */

#include "base/diag.h"
#include "base/source.h"
#include "model/estate.h"

/*
 * Reads the estate at path and the policies it names. Everything lives in the matches' arena.
 * Messages and places name files relative to the estate's folder. 0 or a negative errno after
 * error diagnostics (codes "estate.*", "policy.*", "yaml.*"; docs/estate.md lists them).
 */
int estate_read(struct matches *m, struct diags *d, const char *path,
		const struct estate **ret_estate);

/* One or more policy files that were read already; used by estate_read, tests and fuzzing. */
int policy_read(struct matches *m, struct diags *d, const struct source *const *v, size_t n,
		const struct policy **ret_policy);
/* The estate's own text, with the policy it is held against (NULL: names are not checked). */
int estate_parse(struct matches *m, struct diags *d, const struct source *src,
		 const struct policy *policy, const char *folder,
		 const struct estate **ret_estate);

#endif
