/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_HOST_WORLD_H
#define TESTS_UNIT_HOST_WORLD_H

/* One export of a Linux host, read as a device, and questions to it. */

#include <criterion/criterion.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_linux, collector_iptables, collector_nft;

/* Of the export that was read last. */
extern struct arena *arena;
extern struct diags diags;
extern struct snapshot *snap;
extern const struct device *device; /* NULL: none was made of it */
extern const struct account *account;

/* Reads it as the device of that name; `sets`: an ipset listing beside it, or NULL. Gives what
 * the reader gave. */
int host_read(const struct collector *c, const char *name, const char *file, const char *data,
	      size_t size, const char *sets);
void done(void);

/* A line as `eval` reads it; a physical port "none" is none. */
struct packet packet_of(const char *line);
/* "permit", "deny" or "unknown", as a ruleset asked directly answers. */
const char *answer(const char *ruleset, const char *line);

#endif
