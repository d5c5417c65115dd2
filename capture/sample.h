/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_SAMPLE_H
#define CAPTURE_SAMPLE_H

#include "base/text.h"
#include "capture/judge.h"

/*
 * Everything in the arena; after observations_results(). That received = processed + dropped is
 * held here: counts that don't add up are a reason not to call the run clean.
 */
void observations_statement(const struct observations *o, struct arena *a,
			    struct statement *ret);

/* A file of the packets, for pcap_open_offline(3PCAP) and tcpdump(8): in t. */
void excerpt_file(const struct excerpt *v, size_t n, struct text *t);

/* Upper end of the one-sided 95 % interval for x of n. */
double rate_bound(uint64_t x, uint64_t n);

#endif
