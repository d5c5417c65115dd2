/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_ASA_GROUP_H
#define COLLECTORS_ASA_GROUP_H

/*
 * The lines of one object or group while its match is made: asa_objects.c has the addresses and
 * joins all, asa_service.c the services. Readers of members give NULL, or why the line wasn't
 * understood.
 */

#include "collectors/asa_internal.h"

/* What was found so far, for the source and for the destination. */
struct gather {
	VEC(struct span) spans[FAMILY_COUNT];
	VEC(const struct match *) src, dst;
	unsigned families; /* FAMILIES_* */
};

void asa_gather(struct gather *g, const struct match *src, const struct match *dst,
		unsigned families);
/*
 * Adds the object or group `inner` (NULL: not defined) that d names on the line; fits says
 * whether it may stand there. kind: "object" or "object-group".
 */
void asa_nested(struct asa *a, struct def *d, struct def *inner, struct word name,
		const char *kind, uint32_t line, unsigned depth,
		bool (*fits)(const struct def *outer, const struct def *inner),
		struct gather *g);

/* PROTOCOL [source OP] [destination OP | OP] or icmp [TYPE [CODE]], to the end of the line;
 * NULL with *ret_why. */
const struct match *asa_service_spec(struct asa *a, struct line *l, const char **ret_why);
const char *asa_service_member(struct asa *a, struct def *d, struct line *l, struct gather *g,
			       unsigned depth);
const char *asa_port_member(struct asa *a, struct line *l, struct gather *g);
const char *asa_protocol_member(struct asa *a, struct def *d, struct line *l, struct gather *g,
				unsigned depth);
const char *asa_icmp_member(struct asa *a, struct line *l, struct gather *g);

#endif
