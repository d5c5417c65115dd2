/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAWS_WALKER_INTERNAL_H
#define TESTS_LAWS_WALKER_INTERNAL_H

#include "tests/laws/walker.h"

/* walker_links.c; names may be NULL, which is as good as "" */
bool walker_same(const char *a, const char *b);
bool walker_prefix_has(struct prefix x, enum family f, struct addr a);
bool walker_on_network(const struct port *p, enum family f, struct addr a);
/* An address of the port; shared: also one that it answers for. */
bool walker_owns(const struct port *p, enum family f, struct addr a, bool shared);
/* Among the walker's ports; their number: there is none. */
size_t walker_port_at(const struct walker *w, const char *device, const char *port);

/* walker_route.c */
enum { HOPS_MAX = 24 };

enum hop_kind { HOP_NONE, HOP_DROP, HOP_LOCAL, HOP_PORT, HOP_GAP };

struct hop {
	uint8_t kind;
	size_t port; /* among the walker's ports */
	struct addr via;
	bool has_via;
	struct loc at;
	bool routed;
};

struct hops {
	struct hop v[HOPS_MAX];
	size_t n;
	bool many; /* more than these */
};

void walker_add_hop(struct hops *h, struct hop x);
/* Adds to *ret where the table sends a. suppress: shorter routes and those of that length don't
 * count; only: routes that leave by this port, NULL: any. */
void walker_lookup(const struct walker *w, const struct device *d, enum family f, struct addr a,
		   const char *table, int suppress, const char *only, unsigned depth,
		   struct hops *ret);
/* The next hop is on a network of the table's ports, or is itself looked up. */
void walker_next_hop(const struct walker *w, const struct device *d, enum family f,
		     const struct route *r, unsigned depth, struct hops *ret);

#endif
