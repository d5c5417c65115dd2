/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_SAMPLE_H
#define CAPTURE_SAMPLE_H

#include "capture/judge.h"

/* Everything in the arena. received = processed + dropped is asserted here. */
void observations_statement(const struct observations *o, struct arena *a,
			    struct statement *ret);

/* Upper end of the one-sided 95 % interval for x of n. */
double rate_bound(uint64_t x, uint64_t n);

#endif
