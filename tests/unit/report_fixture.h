/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_REPORT_FIXTURE_H
#define TESTS_UNIT_REPORT_FIXTURE_H

/*
 * A run that no command made: small sources, findings of every kind, names and lines that
 * try to break a writer.
 */

#include "diff/results.h"

struct fixture {
	struct arena *arena;
	struct diags diags;
	struct snapshot *snap;
	struct results res;
};

/* The run with findings, and one in which everything is aligned. */
struct fixture *fixture_misaligned(void);
struct fixture *fixture_aligned(void);
void fixture_destroy(struct fixture *f);

#endif
