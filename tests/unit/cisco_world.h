/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CISCO_WORLD_H
#define TESTS_UNIT_CISCO_WORLD_H

/* One configuration of ASA or IOS, read as a device, and questions to it. */

#include <criterion/criterion.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_asa, collector_ios;

struct world {
	struct snapshot *snap;
	struct arena *arena;
	struct diags diags;
	const struct source *src;
	const struct device *dev; /* NULL: none of that name */
	int err;
};

/* Asserts that every line is counted once. */
struct world config_read(const struct collector *c, const char *device, const char *text,
			 size_t size);
/* The same of a device "r" that has to be read without an error. */
struct world config_good(const struct collector *c, const char *text);
void done(struct world *w);

const struct account *account(const struct world *w);
/* Lines that are modelled with a bound, or rejected. */
size_t bounded(const struct world *w);
/* A line as `eval` reads it. */
struct packet packet(const struct world *w, const char *line);
/* P: permitted for certain, D: denied for certain, U: not known. */
char verdict(const struct ruleset *rs, const struct packet *p);

#endif
