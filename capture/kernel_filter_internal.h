/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_KERNEL_FILTER_INTERNAL_H
#define CAPTURE_KERNEL_FILTER_INTERNAL_H

/* Whose addresses are whose, as disjoint ranges, for the trees of a kernel filter. */

#include "model/policy.h"

#define CLASS_NOBODY UINT32_C(0)	  /* no tenant's, or one's that is shared */
#define CLASS_MANY   UINT32_C(0xffffffff) /* of several: what it is, only a segment tells */

struct class_range {
	struct span span;
	uint32_t class; /* never nobody; otherwise a tenant's number from 1 */
};

struct classes {
	struct class_range *v[FAMILY_COUNT]; /* sorted, disjoint */
	size_t n[FAMILY_COUNT];
	size_t n_tenants; /* that have addresses of either family */
	bool widened;
	unsigned reach[FAMILY_COUNT]; /* classes_widen() has joined what lies so near: bits */
};

void classes_init(struct classes *ret, const struct policy *p);
void classes_finish(struct classes *c);
/*
 * Joins neighbours in the family that has more ranges, nearer ones first, until it has fewer:
 * the same tenant's over a gap, different ones' to many. No pair of addresses that was between
 * tenants isn't any more, but that two of the same tenant may be taken for different. False
 * where there is nothing left to join.
 */
bool classes_widen(struct classes *c);

#endif
