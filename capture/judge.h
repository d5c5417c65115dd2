/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_JUDGE_H
#define CAPTURE_JUDGE_H

/*
 * Flows held against the model: who may talk to whom (the policy), and what each plane and all
 * together let through (diff/engine.h). Each flow gets one verdict, the gravest that holds:
 *
 *	spoofed       segment and address disagree
 *	cross-talk    two tenants, not declared
 *	not-in-model  surely denied by all planes together, and yet it is here
 *	opaque        encrypted or unknown encapsulation between tenants, not declared as such
 *	undeclared    the model permits it, the policy doesn't
 *	unknown       it can't be said (no zone, an ambiguous address, ports not known, a gap in
 *the model and not declared): never clean, makes the run inconclusive where tenants differ
 *	declared      the policy has it, and the model doesn't deny it
 *	excluded      the policy leaves it out
 *	within        one zone with itself that the policy doesn't judge
 *
 * An answer is judged as its conversation. Where it isn't known who began, the direction that
 * the policy declares is believed, and a violation is one only if neither is declared.
 */

#include "capture/identity.h"
#include "diff/diff.h"

struct judgement {
	uint8_t observed;  /* enum observed */
	uint8_t certainty; /* enum certainty */
	bool reversed;	   /* judged as begun by the other end */
	bool across;	   /* two tenants, neither shared */
	/* What the model lets through of it: by plane, and together; 0 surely not, 1 perhaps, 2
	 * surely. 3: the plane is absent. */
	uint8_t plane[PLANE_COUNT], together;
	struct parties parties;
	const struct flow *flow; /* that declares or denies it; NULL: none */
	const char *why;	 /* of UNKNOWN and of POSSIBLE: one phrase; otherwise NULL */
	struct loc why_at;
};

struct judge;

/* Works lazily: a zone pair's sets are made when its first flow comes. Borrows all, until
 * destroyed. */
struct judge *judge_create(struct arena *a, const struct estate *e, const struct snapshot *s,
			   const struct check_options *o);
void judge_destroy(struct judge *j);
/* A verdict may be kept from an equal packet before. */
void judge_flow(struct judge *j, const char *interface, const struct flow_record *r,
		struct judgement *ret);

/* What a run has seen, gathered: bounded, whatever the packets are. */
struct observations;
struct observations *observations_create(struct judge *j, unsigned one_in, size_t findings_max);
void observations_destroy(struct observations *o);
/* A flow_sink: judges and counts; samples the baseline 1 in N by flow, never what is between
 * tenants. */
void observations_add(void *o, const struct flow_record *r, const void *more, size_t n);
/* The findings (observed.*), and diagnostics of what makes it inconclusive. */
void observations_results(struct observations *o, struct diags *d, struct results *res);

#endif
