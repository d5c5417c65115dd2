/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_SAMPLE_H
#define CAPTURE_SAMPLE_H

#include <stddef.h>

#include "base/text.h"
#include "capture/judge.h"

/*
 * Everything in the arena; after observations_results(). That received = processed + dropped is
 * held here: counts that don't add up are a reason not to call the run clean.
 */
void observations_statement(const struct observations *o, struct arena *a,
			    struct statement *ret);

/*
 * What was counted between two times of one run; first and last are those of now. False: a
 * counter went back (none of ours does, but they come from another process): it is taken as if
 * nothing was counted, and received is what the others add up to.
 */
bool counts_since(const struct capture_counts *now, const struct capture_counts *before,
		  struct capture_counts *ret);

/* A file of the packets, for pcap_open_offline(3PCAP) and tcpdump(8): in t. */
void excerpt_file(const struct excerpt *v, size_t n, struct text *t);

/* Upper end of the one-sided 95 % interval for x of n. */
double rate_bound(uint64_t x, uint64_t n);

#endif
