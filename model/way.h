/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_WAY_H
#define MODEL_WAY_H

/*
 * One packet followed along a way by the interpreter, without packet sets: which rules it meets,
 * what it is after each translation. The sets of a way (diff/pull.h) are built from the same
 * steps by other means; every witness is held against this.
 */

#include "model/interp.h"
#include "model/path.h"

/* What became of the packet at one step. */
struct way_event {
	const struct point *point;
	const struct way_step *step;
	struct packet before, after; /* equal but for a translation */
	const struct nat *nat;	     /* the translation that took it, or NULL */
	struct interp_answer answer; /* of STEP_STAGE */
};

struct way_walk {
	enum truth takes;     /* whether the packet takes this way at all */
	bool sure, maybe;     /* every stage permits it, surely or possibly */
	struct packet packet; /* at the end */
	bool chosen;	      /* an address or a port is one of several that the device may choose */
	size_t n;
};

enum { WAY_EVENTS_MAX = 256 };

/*
 * p as its source sends it. ret (NULL: not wanted) has room for WAY_EVENTS_MAX events; those
 * beyond are followed and not told. Where a translation may choose, the first address is taken.
 */
struct way_walk way_walk(const struct route_way *way, const struct packet *p,
			 struct way_event *ret);

/* The translation of the step that takes p at that point; NULL: none. *ret_truth: whether surely. */
const struct nat *way_nat(const struct point *pt, const struct way_step *st,
			  const struct packet *p, enum truth *ret_truth);
/* One step: p becomes what it is behind it. TRUTH_FALSE: p doesn't take the way. Rulesets aren't
 * asked. */
enum truth way_step_packet(const struct point *pt, const struct way_step *st, struct packet *p);

/* p as nat leaves it (the first address and port where it may choose). */
struct packet way_translate(const struct nat *nat, const struct packet *p);

#endif
