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
 *	unknown       it can't be said (no zone, an ambiguous address, ports not known): never
 *                    clean, makes the run inconclusive where tenants may differ, or where it
 *                    is for want of ports or of memory
 *	declared      the policy has it, and the model doesn't deny it
 *	excluded      the policy leaves it out
 *	within        one zone with itself that the policy doesn't judge
 *
 * An answer is judged as its conversation. Where it isn't known who began, the direction that
 * the policy declares is believed, and a violation is one only if neither is declared.
 */

#include "capture/identity.h"
#include "diff/diff.h"

#define JUDGE_NO_PAIR UINT32_MAX

struct judgement {
	uint8_t observed;  /* enum observed */
	uint8_t certainty; /* enum certainty */
	bool reversed;	   /* judged as begun by who the record's packet goes to */
	bool across;	   /* two tenants that are to be kept apart, or they can't be told */
	/* What was judged: as its source sends it, ports exchanged where reversed; of a tunnel
	 * that crosses tenants its own packet (tunnel: which, + 1). */
	struct packet packet;
	uint8_t tunnel;
	bool portless;	/* the ports aren't known */
	bool undecided; /* of UNKNOWN: it would be judged, were more known of it */
	uint32_t pair;	/* counts the zone pairs that were seen, from 0; JUDGE_NO_PAIR: none */
	/* An exception of the policy holds it; expired: it did. */
	struct exception_use excepted;
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
void judge_flow(struct judge *j, const char *interface, const struct flow_record *r,
		struct judgement *ret);
/*
 * The same, kept of another flow of which it had to be the same: but for the packet, the
 * addresses of the parties and their segment, which are the other one's. Valid until the next
 * call. NULL: judge_flow() has to say, which is so for each violation.
 */
const struct judgement *judge_quick(struct judge *j, const char *interface,
				    const struct flow_record *r);
/* Zone pairs so far; the pair's zones. */
size_t judge_pairs(const struct judge *j);
void judge_pair_zones(const struct judge *j, uint32_t pair, const struct zone **ret_from,
		      const struct zone **ret_to);
/*
 * Who decides about the judged packet on each plane, in evidence for a finding: what should
 * have stopped it, or what lets it through; and the way that it takes. In the arena.
 */
void judge_evidence(struct judge *j, struct arena *a, const struct judgement *g,
		    struct finding *f);
/* Why the model says nothing sure of a packet: which of its addresses, that a zone has by the
 * policy, it doesn't know ("the source 10.1.0.9 isn't known in the model"), or that a device has
 * it. NULL: it isn't that. In the arena. */
const char *judge_strangers(struct judge *j, struct arena *a, const struct judgement *g);
const struct policy *judge_policy(const struct judge *j);
const struct estate *judge_estate(const struct judge *j);

/* Whether a flow is surely not between tenants, nor may be: what may be left out by sampling.
 */
bool judge_baseline(struct judge *j, const char *interface, const struct flow_record *r);

/* What a run has seen, gathered: bounded, whatever the packets are. */
struct observations;

struct observation_options {
	unsigned one_in;     /* of what isn't between tenants, 1 in N flows is judged; 0: all */
	size_t findings_max; /* 0: 200; the rest of each check is told in one */
	unsigned excerpts;   /* packets kept of each finding */
	/*
	 * Of a period that isn't the run's first: what was counted before it, and the highest
	 * number of a flow that was seen by then. Such a flow counts again, once, where it has
	 * packets in the period. NULL: a run that is one period.
	 */
	const struct capture_counts *before;
	uint64_t flows_before;
	/* Names of flow_record.interface (to tell segments by) and of where a record is from
	 * (to be told). */
	const char *(*interface)(void *user, unsigned interface);
	const char *(*where)(void *user, const struct flow_record *r);
	void *user;
};

struct observations *observations_create(struct judge *j, const struct observation_options *o);
void observations_destroy(struct observations *o);
/* A flow_sink: judges and counts. */
void observations_add(void *o, const struct flow_record *r, const void *more, size_t n);
/* A reason why the run can't be called clean, besides those that follow from the records. */
void observations_doubt(struct observations *o, const char *why);
/* The findings (observed.*), each with where it was seen. */
void observations_results(struct observations *o, struct results *res);
/* Those findings that no call told yet, with what was seen of them so far. */
void observations_news(struct observations *o, struct results *res);

#endif
