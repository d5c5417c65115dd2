/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FIB_H
#define MODEL_FIB_H

/*
 * A device's routing tables, ready to be asked: for every address the routes of the longest
 * prefix that holds it, of those the ones of the smallest metric (several: ECMP). A table holds
 * the routes of its name and, where the device's networks are routes by themselves, those of the
 * ports of that segment (RFC 1812, 5.2.4.3: longest match, then preference).
 */

#include "model/device.h"

/* One way to go on from the device. */
struct fib_hop {
	struct prefix dst;	   /* of the route */
	const struct route *route; /* NULL: a connected network */
	const struct port *port;   /* NULL: the route drops, is local, or nobody knows the port */
	struct addr via;
	bool has_via; /* otherwise the destination itself is on the port's link */
	/* Why it may not be in force, or where its next hop is isn't known; NULL: it is. */
	const char *odd;
};

struct fib_piece {
	struct span span;
	const struct fib_hop *hops;
	size_t n; /* 0: no route */
};

/* The pieces of a table, sorted, all addresses of the family together. */
struct fib {
	const char *table; /* "" for the default one */
	int suppress;	   /* routes of this prefix length or shorter don't count; -1: all do */
	struct fib_piece *pieces[FAMILY_COUNT];
	size_t n[FAMILY_COUNT];
};

struct fibs {
	const struct fib *v;
	size_t n;
};

/* Every table that the device's routes, ports and rules name. Everything lives in the arena. */
struct fibs fibs_build(struct arena *a, const struct device *d);

/* NULL: the device has no such table. table NULL: the default one. */
const struct fib *fib_find(const struct fibs *f, const char *table, int suppress);

/* The index of the piece that holds the address; there always is one. */
size_t fib_piece_of(const struct fib *t, enum family f, struct addr a);

#endif
