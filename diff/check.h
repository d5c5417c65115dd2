/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_CHECK_H
#define DIFF_CHECK_H

/* The list of checks: one const table each, named once in diff/list.c. */

#include "diff/results.h"

struct check_run; /* diff/diff.h */

struct check {
	const char *id;
	const char *title; /* one line, "Traffic passes that the policy doesn't declare" */
	const char *help;  /* one paragraph: what it means and what to do */
	enum severity severity; /* the usual one */
	int (*run)(struct check_run *run); /* NULL: reported by other parts of the run */
};

/* NULL-terminated, in the order of `plumbline list checks`. */
extern const struct check *const checks[];

/* Raised by the check of answers. */
extern const struct check check_asymmetric;

const struct check *check_find(const char *id);

#endif
