/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_IOS_XLATE_H
#define COLLECTORS_IOS_XLATE_H

#include "collectors/ios_internal.h"

/* Which entries go before which. */
enum xlate_rank { RANK_PORT, RANK_MAPPED_HOST, RANK_HOST, RANK_NETWORK, RANK_DYNAMIC };

/* A line of `ip nat inside|outside source`. */
struct xlate {
	uint32_t line, index;
	uint8_t rank;
	const char *text, *why; /* why: only touches is known */
	const struct match *touches;
	const char *vrf, *map, *list;
	bool outside; /* `ip nat outside source` */
	struct span from, to;
	bool to_known, no_alias;
	const struct span *pool;
	size_t n_pool;
	bool overload;
	int proto; /* -1: all */
	uint16_t from_port, to_port;
	const struct match *takes; /* of RANK_DYNAMIC */
	size_t from_nat, to_nat;
};

/* ios_xlate_line.c: fills the zeroed *t, but for its index; `why` where only touches is known.
 */
void ios_xlate_line(struct ios *x, const struct nat_line *l, struct xlate *t);

#endif
