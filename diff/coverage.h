/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_COVERAGE_H
#define DIFF_COVERAGE_H

#include "diff/run.h"

/*
 * Adds the pair's two lines of coverage. present: planes that have an enforcing point; doubt:
 * why nothing can be concluded although the exports were understood, or NULL. The pair's
 * findings begin at run->pair_findings.
 */
void cover_pair(struct check_run *run, const struct path *path, const bool *present,
		const char *doubt);

#endif
