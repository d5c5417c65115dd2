/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_GEN_H
#define TESTS_ORACLE_GEN_H

/*
 * What the generators share: constants as text, each entered into the pool that packets are
 * drawn from. All texts live in the script's arena.
 */

#include "tests/oracle/probe.h"
#include "tests/oracle/script.h"

struct gen {
	struct script *s;
	struct rng *r;
	const struct features *have;
	bool f4, f6, inet; /* the table that is written sees the family, or both */
	/* What the rule that is written keeps to, so that the tool takes it: a protocol with
	 * ports, or "icmp"; NULL: whatever comes. */
	const char *l4;
	unsigned marks; /* set by rules so far */
	unsigned broad; /* of its conditions, those that nearly everything meets */
	bool alone;	/* it has one condition and no verdict map */
};

/* printf into the arena. */
#define SAY(g, ...) arena_printf((g)->s->arena, __VA_ARGS__)

enum const_kind {
	CONST_ADDR = 1,
	CONST_PREFIX = 2,
	CONST_RANGE = 4,
	CONST_ANY = 7,
};

/* An address, a prefix or a range ("a-b"), one of the kinds. */
const char *gen_addr(struct gen *g, enum family f, unsigned kinds);
/* An address and an odd mask ("10.0.0.5/255.255.0.255"); sep between them. */
const char *gen_masked(struct gen *g, enum family f, const char *sep);
/* A port, or two with sep between. */
const char *gen_port(struct gen *g);
const char *gen_ports(struct gen *g, const char *sep);
/* n distinct texts of make(g), joined by sep. */
const char *gen_list(struct gen *g, unsigned n, const char *sep,
		     const char *(*make)(struct gen *));

#endif
