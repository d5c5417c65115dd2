/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_STATEMENT_H
#define DIFF_STATEMENT_H

/*
 * What may be said of a sample, and what may not: the statement that stands beside the
 * findings.
 *
 * Packets between tenants are never sampled away, so a violation among what was captured is
 * found. The 95 % upper bound of the violation rate among flows between tenants (and of all) is
 * exact binomial (Clopper and Pearson 1934): with x violations of n flows the rate above which
 * x or fewer would be seen less than once in 20 times; for x = 0 it is 1 - 0.05^(1/n), near
 * 3/n. It holds for what flowed by this place in this window, not for other times and places.
 */

#include "model/policy.h"

/* Of all that was captured so far; nothing is ever taken off. */
struct capture_counts {
	uint64_t received;  /* handed to us and not handed: received = processed + dropped */
	uint64_t processed; /* decoded and counted */
	uint64_t dropped_kernel, dropped_interface;
	bool drops_known;     /* files don't tell, pcapng may */
	uint64_t sampled_out; /* processed, and then left out by 1 in N */
	uint64_t truncated, anomalous, no_ip, opaque;
	uint64_t anomaly[7]; /* by bit of enum anomaly */
	uint64_t bytes;
	uint64_t flows, evicted, flows_now;
	uint64_t backwards;  /* times that go back */
	int64_t first, last; /* nanoseconds since 1970 */
};

/* What became of a flow that was seen; capture/judge.h says what each means. */
enum observed {
	OBSERVED_DECLARED,
	OBSERVED_EXCLUDED,
	OBSERVED_WITHIN,
	OBSERVED_UNKNOWN,
	OBSERVED_UNDECLARED,
	OBSERVED_OPAQUE,
	OBSERVED_NOT_IN_MODEL,
	OBSERVED_CROSS_TALK,
	OBSERVED_SPOOFED,
	OBSERVED_COUNT
};

struct pair_seen {
	const char *from, *to; /* tenants, or zones without one; sorted */
	bool zones;	       /* from, to are zones */
	uint64_t flows, packets, bytes;
	uint64_t by[OBSERVED_COUNT]; /* flows by verdict */
};

struct flow_seen { /* a declared flow of the policy */
	const struct flow *flow;
	uint64_t flows, packets;
	int64_t last; /* nanoseconds since 1970 */
};

/* A packet as it was captured. */
struct excerpt {
	int64_t at; /* nanoseconds since 1970 */
	int dlt;    /* link type, pcap-linktype(7) */
	uint32_t caplen, len;
	const uint8_t *bytes;
};

/* Where and how often what a finding tells of was seen. */
struct sighting {
	const char *where;   /* file or interface */
	uint64_t number;     /* of its first packet there, from 1 */
	int64_t first, last; /* nanoseconds since 1970 */
	uint64_t flows, answered, packets, bytes;
	const char *segment; /* "vlan 20"; NULL: none */
	const char *why;     /* what isn't known; NULL: nothing */
	const char *model;   /* what the model lets through of it, in a phrase */
	/* Of what was captured, by --excerpt; n 0: not asked for. */
	const struct excerpt *excerpts;
	size_t n_excerpts;
	const char *file; /* where they were written, NULL: nowhere */
};

/* The part of a long run that a statement is about. */
struct statement_period {
	int64_t begin, end; /* nanoseconds since 1970 */
	const char *digest; /* SHA-256 of all inputs that it was judged by */
	bool outdated;	    /* they couldn't be read again when that was asked for */
};

struct statement {
	struct capture_counts counts;
	unsigned one_in;
	uint64_t judged;	     /* flows */
	uint64_t by[OBSERVED_COUNT]; /* flows by verdict */
	uint64_t by_packets[OBSERVED_COUNT];
	uint64_t answers;		     /* packets that came back in conversations */
	uint64_t excepted;		     /* flows that an exception of the policy holds */
	uint64_t violating;		     /* flows, of all */
	uint64_t unknown_between;	     /* unknown, and perhaps between tenants */
	uint64_t possible;		     /* findings that are possible, not certain */
	uint64_t between, between_violating; /* flows between tenants */
	double bound_between, bound_all;     /* 95 % upper bounds; 1 where nothing was seen */
	uint64_t positive; /* declared flows that were seen: the control that the place sees
			      anything */
	const struct pair_seen *tenants, *zones;
	size_t n_tenants, n_zones;
	/* Pairs that the policy tells apart or declares, and of which nothing was seen. */
	const struct pair_seen *tenants_missed;
	size_t n_tenants_missed, tenants_missed_left;
	const struct flow_seen *flows; /* every allow and require of the policy, in its order */
	size_t n_flows;
	/* Reasons why the run can't be called clean, as phrases; none: it can. */
	const char *const *inconclusive;
	size_t n_inconclusive;
	/* What was captured: files or an interface, the window, how the decoder is held. */
	const char *const *inputs;
	size_t n_inputs;
	bool live;
	const struct statement_period *period; /* NULL: the run is one */
	const char *filter, *sandbox; /* NULL: none */
	const char *const *notes;     /* what a reader has to know besides */
	size_t n_notes;
};

#endif
