/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_PROBE_H
#define TESTS_ORACLE_PROBE_H

/*
 * What the kernel and the tools here can do: each feature is asked for with a ruleset, a set
 * or a link of its own, in a namespace of its own. What isn't there is left out of the
 * generated rulesets and named; tests/oracle/skips.txt records the names.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { FEATURES_MAX = 160 };

struct features {
	bool have[FEATURES_MAX]; /* in the order of the table in probe.c */
	size_t n, n_missing;
};

/* Asks for everything; the caller is in a namespace that it may fill. */
void probe_all(struct features *ret);
/* The feature of that name is there; a name that isn't in the table is a mistake of ours. */
bool probe_has(const struct features *f, const char *name);
/* The names of what isn't there, a line each, sorted as in the table. */
void probe_missing(const struct features *f, struct text *t);

#endif
