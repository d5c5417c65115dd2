/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_SCRIPT_H
#define TESTS_ORACLE_SCRIPT_H

/*
 * A generated ruleset: text for each of the tools that load one, line by line, and the
 * constants that stand in it. A line that can go without spoiling the rest (a rule) is told,
 * so that a mismatch can be made small.
 */

#include "base/vec.h"
#include "model/packet.h"
#include "tests/oracle/rng.h"

/* In the order of loading. */
enum part {
	PART_IPSET,
	PART_LEGACY4,
	PART_LEGACY6,
	PART_XNFT4,
	PART_XNFT6,
	PART_NFT,
	PART_COUNT
};

struct script_line {
	const char *text;
	uint8_t part;
	bool free;    /* may be left out */
	bool removed; /* is left out */
	/* Lines of one number can go together (a chain with its rules); 0: must stay. */
	unsigned part_of;
};

/* What packets are drawn from: the constants of the ruleset. */
struct pool {
	VEC(struct addr) addr[FAMILY_COUNT];
	VEC(uint16_t) port;
	VEC(uint8_t) proto;
	VEC(uint8_t) type[FAMILY_COUNT];
	VEC(uint8_t) code;
};

struct script {
	struct arena *arena; /* owned */
	uint64_t seed;
	VEC(struct script_line) lines;
	struct pool pool;
	unsigned n_parts, part_of; /* of the lines to come, where they aren't free */
	/* Connection tracking is at work for the family: no fragments, each connection once. */
	bool tracked[FAMILY_COUNT];
};

void script_init(struct script *s, uint64_t seed);
void script_finish(struct script *s);
/* The lines to come can go together, until script_end(). */
void script_begin(struct script *s);
void script_end(struct script *s);
/* A line of the part; free: may be left out. */
void script_put(struct script *s, enum part part, bool free, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The text of one part without what was removed; true where there is any. */
bool script_text(const struct script *s, enum part part, struct text *t);
void script_print(const struct script *s, struct text *t);

void pool_addr(struct pool *p, enum family f, struct addr a);
void pool_port(struct pool *p, unsigned port);

/* The features that the kernel and its tools have, see probe.c. */
struct features;

/* A ruleset of nft alone, over everything that the reader calls exact. */
void gen_nft(struct script *s, struct rng *r, const struct features *have);
/* iptables of either backend, with ipsets; nft beside the legacy one now and then. */
void gen_ipt(struct script *s, struct rng *r, const struct features *have);

#endif
