/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_IDENTITY_H
#define CAPTURE_IDENTITY_H

/*
 * Whose packets they are: by segment first, by address second. What a segment is follows from
 * the estate's `segments:` (certain), or from what was read: a zone found or bound behind a
 * port with a VLAN or a VNI is in that segment (a hint: others may use the same number
 * elsewhere).
 *
 * A segment belongs to a tenant (or to one zone). On it, at least one end of each packet is the
 * tenant's own: a router's other side may be anywhere. Where neither is, segment and address
 * disagree: that is spoofed. Where tenants have the same addresses, the segment chooses between
 * the zones that have one; without a segment such an address is ambiguous, which is never
 * guessed.
 */

#include "capture/flows.h"
#include "model/graph.h"

struct identity; /* in an arena; only read once made */

/*
 * A zone that an address may belong to. Of the one who begins, a static translation may have
 * replaced the address: `from` is where the range begins that it was in before, `seen` where it
 * begins now. A destination may be an address that is translated to one of the zone's.
 */
struct candidate {
	const struct zone *zone;
	bool translated;
	bool own; /* it is in the zone as the policy has it */
	struct addr from, seen;
};

/* One end of a flow. */
struct party {
	const struct zone
		*zone; /* NULL: several could be, or the policy leaves the address out */
	const struct tenant *tenant; /* NULL: none, or not known */
	bool ambiguous;	 /* zones of several segments have it, and the segment doesn't choose */
	bool excluded;	 /* an exclusion of the policy covers it */
	bool by_segment; /* the segment chose */
	bool local;	 /* an address that doesn't leave its link: of no zone */
	bool group;	 /* multicast that may leave it: of no zone */
	bool masked;	 /* others are translated to it: whose packet it is isn't told */
	bool translated; /* it is the zone's by translation */
	struct addr addr; /* as the zone has it: before it was translated */
	/* Those that it may belong to, where translation leaves several. */
	const struct candidate *candidates;
	size_t n_candidates;
};

struct parties {
	struct party from, to; /* of flow_record.packet */
	/* The innermost segment that something is known of, in the record; NULL: none. Its tenant
	 * or zone: */
	const struct segment_tag *segment;
	const struct tenant *segment_tenant; /* NULL: none or several */
	const struct zone *segment_zone;     /* NULL: none or several */
	bool declared; /* the estate says so; otherwise drawn from what was read */
	struct loc at; /* the line that says so */
	bool spoofed;
	bool unknown_segment; /* it has tags, and nothing says whose they are */
};

struct identity *identity_create(struct arena *a, const struct estate *e,
				 const struct graph *g);
/* interface: the name captured on, for segments that are told by it. */
void identity_of(const struct identity *id, const char *interface, const struct flow_record *r,
		 struct parties *ret);
/* The same of another conversation in the same segment: an answer's, one that is quoted. */
void identity_again(const struct identity *id, const struct packet *p, struct parties *io);
/* The zone of an address where no segment is told: for kernel filters and benchmarks. */
const struct zone *identity_zone(const struct identity *id, enum family f, struct addr a);

#endif
