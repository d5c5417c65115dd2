/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_GEN_H
#define TESTS_BENCH_GEN_H

/*
 * Rule lists for benchmarks, shaped like those that ClassBench draws (Taylor and Turner 2007):
 *
 *	ACL	destinations are specific, sources half so, exact destination ports
 *	FW	many rules take any source or any destination, ports often free
 *	IPC	both ends are specific
 *
 * Everything is a function of shape, family, n and seed.
 */

#include "model/snapshot.h"

enum gen_shape { GEN_ACL, GEN_FW, GEN_IPC, GEN_SHAPES };

extern const char *const gen_names[GEN_SHAPES];

struct gen_rule {
	struct span src, dst;	   /* prefixes; the whole family is "any" */
	struct range proto;	   /* one protocol, or 0..255 */
	struct range sport, dport; /* 0..65535 where any */
	bool permit;
};

uint64_t gen_random(uint64_t *state); /* splitmix64 */

void gen_rules(enum gen_shape shape, enum family family, size_t n, uint64_t seed,
	       struct gen_rule *ret_rules);
bool gen_rule_has(const struct gen_rule *r, const struct packet *p);
/* The rule's condition in a snapshot (or any other place for expressions). */
const struct match *gen_match(struct matches *m, enum family family, const struct gen_rule *r);
/* A device of one plain list; the default denies. v may come from gen_rules and be changed. */
const struct ruleset *gen_ruleset(struct snapshot *s, const char *name, enum family family,
				  const struct gen_rule *v, size_t n);

/* Packets at the corners of random rules: first packets, most of them TCP and UDP. */
void gen_packets(enum family family, const struct gen_rule *v, size_t n, uint64_t seed,
		 struct packet *ret_packets, size_t n_packets);

/*
 * A list over object groups: each rule takes one of the groups (50 to 500 networks) for its
 * source and one for its destination, and a group of 20 services.
 */
const struct ruleset *gen_group_list(struct snapshot *s, size_t n_rules, uint64_t seed);

/*
 * A cloud of `groups` security groups with some addresses each and `rules` rules, allow-only:
 * the destination is the group that the rule belongs to, the source another group or a
 * network.
 */
const struct ruleset *gen_cloud(struct snapshot *s, size_t groups, size_t rules, uint64_t seed);

#endif
