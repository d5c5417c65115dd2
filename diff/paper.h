/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_PAPER_H
#define DIFF_PAPER_H

#include "diff/run.h"

extern const struct check check_exception_expired, check_exception_unused, check_source_stale;

void check_exceptions(struct check_run *run);
/* stale: by place in estate->sources; NULL: none. */
void check_ages(struct check_run *run, const bool *stale);

#endif
