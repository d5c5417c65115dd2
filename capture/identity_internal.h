/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_IDENTITY_INTERNAL_H
#define CAPTURE_IDENTITY_INTERNAL_H

/* The two halves of identity: whose an address is, and whose a segment is. */

#include "capture/identity.h"

/* What may be known of an address. */
struct address_cell {
	const struct candidate *v;
	size_t n;
	bool excluded;	 /* an exclusion covers every packet of it */
	bool masked;	 /* others are translated to it: whose packets they are isn't told */
	bool many;	 /* more zones than are told */
	bool translated; /* one of them has it by translation */
	uint32_t id;	 /* its place in address_index.made */
	bool open; /* nobody has it, or one that is outside: what it is by itself counts */
};

/* Where the address stands: translation makes something else of sources than of destinations.
 */
enum end_role { ROLE_FROM, ROLE_TO, ROLE_COUNT };

/* All addresses of a family in one role, cut where what is known of them changes. */
struct address_index {
	struct addr base;      /* the lowest one that is told apart by the table */
	unsigned shift;	       /* bits of the difference to it that the table doesn't look at */
	uint64_t n_buckets;    /* of the table; beyond: the last cut */
	const uint32_t *table; /* by bucket, and one behind: the last cut before it */
	const struct addr *cuts; /* where each cell begins; the first is address 0 */
	const uint32_t *cells;	 /* and which it is */
	/* Of IPv4 both, a quarter as large: all of it is looked at for every flow. */
	const struct low_cut {
		uint32_t at, cell;
	} * low;
	size_t n;
	const struct address_cell *made;
	size_t n_made;
};

void address_index_build(struct arena *a, const struct estate *e, const struct graph *g,
			 enum family f, enum end_role role, struct address_index *ret);
/* What two have in common is there once: caches are small. */
void address_index_share(struct address_index *x, const struct address_index *with);
const struct address_cell *address_find(const struct address_index *x, struct addr a);

/* What is known of an address in a role. */
const struct address_cell *identity_cell(const struct identity *id, enum end_role role,
					 enum family f, struct addr a);
/* Whether it counts for segments on which interface they are seen. */
bool identity_asks_interface(const struct identity *id);

/* Addresses that never leave their link, or their host: they tell of no zone (RFC 6890). */
bool address_is_local(enum family f, struct addr a);
/* Multicast that may. */
bool address_is_group(enum family f, struct addr a);

/* Whose a segment is, by what it is told. */
struct segment_owner {
	const struct tenant *tenant;
	const struct zone *zone;
	bool declared;
	bool mixed; /* several of them: nothing follows */
	struct loc at;
};

struct segment_index;
struct segment_index *segment_index_build(struct arena *a, const struct estate *e,
					  const struct graph *g);
/* Whether an entry asks for the interface. */
bool segments_ask_interface(const struct segment_index *x);
/*
 * The owner of the innermost segment that anything is known of; false: of none. *ret_tag: the
 * innermost tag that told it, NULL where the interface did.
 */
bool segment_find(const struct segment_index *x, const char *interface,
		  const struct flow_record *r, struct segment_owner *ret,
		  const struct segment_tag **ret_tag);

#endif
