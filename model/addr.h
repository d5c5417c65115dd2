/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ADDR_H
#define MODEL_ADDR_H

/*
 * Addresses of both families as numbers: IPv4 in the low 32 bits of lo with hi zero, IPv6 as
 * 128 bits, both most significant first. The family is always told beside the address.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

enum family { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

struct addr {
	uint64_t hi, lo;
};

/* All addresses lo..hi of one family, both ends included; lo <= hi. */
struct span {
	struct addr lo, hi;
};

int addr_compare(struct addr a, struct addr b);
bool addr_equal(struct addr a, struct addr b);
struct addr addr_and(struct addr a, struct addr b);
struct addr addr_or(struct addr a, struct addr b);
struct addr addr_not(enum family f, struct addr a); /* within the family's width */
struct addr addr_next(struct addr a);		    /* + 1; wraps */
struct addr addr_prev(struct addr a);		    /* - 1; wraps */
/* a - from + to; of IPv4 addresses within 32 bits where the caller's range is. */
struct addr addr_shift(struct addr a, struct addr from, struct addr to);
struct addr addr_max(enum family f);		    /* all ones */
unsigned addr_bits(enum family f);		    /* 32 or 128 */

/* The netmask of a prefix length (0..addr_bits). */
struct addr addr_mask(enum family f, unsigned len);
/* Length of a contiguous netmask, -1 where the ones are not all in front. */
int addr_mask_len(enum family f, struct addr mask);
/* addr/len as a span; bits behind the length are ignored. */
struct span span_prefix(enum family f, struct addr a, unsigned len);
bool span_has(struct span s, struct addr a);

/*
 * Sorts n spans and joins the overlapping and adjacent ones in place; returns how many are
 * left.
 */
size_t spans_normalise(struct span *v, size_t n);
/* a minus b, both normalised; result in the arena, normalised. */
struct span *spans_minus(struct arena *a, const struct span *x, size_t nx, const struct span *y,
			 size_t ny, size_t *ret_n);
/* What both have; the same. */
struct span *spans_and(struct arena *a, const struct span *x, size_t nx, const struct span *y,
		       size_t ny, size_t *ret_n);

/* Dotted quad without leading zeros in the octets; IPv6 by RFC 4291 (no zone id). */
bool addr_parse(const char *s, size_t len, enum family *ret_family, struct addr *ret_addr);
/*
 * "a.b.c.d", "a.b.c.d/len" or the IPv6 forms. *ret_host_bits says whether bits behind the
 * length are set (an error in policies, a warning in exports). False where it is neither.
 */
bool prefix_parse(const char *s, size_t len, enum family *ret_family, struct addr *ret_addr,
		  unsigned *ret_len, bool *ret_host_bits);

/* RFC 5952 for IPv6. */
void addr_print(struct text *t, enum family f, struct addr a);
/* As a prefix where it is one, as one address, or as "lo-hi"; "any" for the whole family. */
void span_print(struct text *t, enum family f, struct span s);

#endif
