/* SPDX-License-Identifier: Apache-2.0 */
/* Totals of a run, as counts of one of its periods. */
#include "capture/sample.h"

static uint64_t since(uint64_t now, uint64_t before, bool *whole)
{
	*whole &= now >= before;
	return now >= before ? now - before : 0;
}

bool counts_since(const struct capture_counts *now, const struct capture_counts *before,
		  struct capture_counts *ret)
{
	static const size_t counters[] = {
		offsetof(struct capture_counts, processed),
		offsetof(struct capture_counts, dropped_kernel),
		offsetof(struct capture_counts, dropped_interface),
		offsetof(struct capture_counts, sampled_out),
		offsetof(struct capture_counts, truncated),
		offsetof(struct capture_counts, anomalous),
		offsetof(struct capture_counts, no_ip),
		offsetof(struct capture_counts, opaque),
		offsetof(struct capture_counts, bytes),
		offsetof(struct capture_counts, flows),
		offsetof(struct capture_counts, evicted),
		offsetof(struct capture_counts, backwards),
	};
	struct capture_counts c = *now;
	bool whole = true;
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		uint64_t *to = (uint64_t *)((char *)&c + counters[i]);
		*to = since(*to, *(const uint64_t *)((const char *)before + counters[i]),
			    &whole);
	}
	for (size_t i = 0; i < sizeof(c.anomaly) / sizeof(*c.anomaly); i++)
		c.anomaly[i] = since(now->anomaly[i], before->anomaly[i], &whole);
	/* what doesn't add up has to be seen; a counter that went back is told by itself */
	c.received = now->received >= before->received && whole
			     ? now->received - before->received
			     : c.processed + c.dropped_kernel + c.dropped_interface;
	*ret = c;
	return whole;
}
