/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_ENGINE_H
#define DIFF_ENGINE_H

/*
 * The sets behind the checks: rulesets lowered once for each place they are seen from, zone
 * pairs put together from them. Internal to diff/.
 */

#include <stdio.h>

#include "diff/diff.h"
#include "diff/flows.h"
#include "model/graph.h"
#include "model/lower.h"
#include "model/rewrite.h"

/* What is surely and what is possibly permitted. */
struct bounds {
	struct pset sure, maybe;
};

struct bounds bounds_and(struct pset_space *sp, struct bounds a, struct bounds b);

struct rule_place {
	const struct device *device;
	const struct ruleset *ruleset;
	const struct rule *rule;
};

struct lowered_entry;

/* First packets from ([0]) and to ([1]) a zone's addresses, as far as they were asked for. */
struct zone_sets {
	struct pset set[FAMILY_COUNT][2];
	bool done[FAMILY_COUNT][2];
};

struct engine {
	struct arena *arena;
	const struct estate *estate;
	const struct snapshot *snap;
	size_t budget;
	size_t kept[FAMILY_COUNT]; /* bytes that were left when memory was given back last */
	struct pset_space *space[FAMILY_COUNT];
	const struct graph *graph;
	struct rewriter answers; /* rulesets as answers meet them */
	struct rewriter unseen;  /* where the conversation's first packet went another way */
	struct matches matches; /* of the conditions that ways are taken by; lives in the arena */
	struct text key;    /* of what is looked up there */
	struct map lowered; /* of struct lowered_entry, by ruleset and place */
	struct lower_calls calls[FAMILY_COUNT]; /* what those have in common */
	struct flow_index flows;
	struct zone_sets *zones; /* by place in the policy */
	uint8_t *asks; /* by ruleset id: what it asks of its place; 0: not known yet */
	struct rule_place *rules; /* by rule id */
	uint32_t n_rules;
	const bool *failed, *stale; /* by place in estate->sources; NULL: none */
	/* Another engine that works in the same spaces (two estates compared), or NULL. It must
	 * be finished first. */
	struct engine *peer;
	bool borrowed; /* the spaces are the peer's */
	/* Values of others that engine_breathe keeps, in place. */
	struct pset *keep[FAMILY_COUNT];
	size_t n_keep[FAMILY_COUNT];
	bool witness_failed; /* a replay did not confirm a witness */
};

/*
 * The arena outlives the engine and isn't rewound. g: the graph of e and s, which several engines
 * may share; NULL: made here. peer: an engine to share the spaces with, whose snapshot has other
 * ids; or NULL.
 */
void engine_init(struct engine *en, struct arena *a, const struct estate *e,
		 const struct snapshot *s, const struct graph *g, size_t budget,
		 const bool *failed, struct engine *peer);
void engine_finish(struct engine *en);
/* Between pairs: gives memory back when much is used. Every value but the engine's own dies. */
void engine_breathe(struct engine *en);

/* What a stage permits of `within`, first packets only. */
struct bounds engine_stage(struct engine *en, enum family f, const struct stage *st,
			   struct pset within);

/* What the stage permits, wherever that is asked; false where it is too large to be kept. */
bool engine_whole(struct engine *en, enum family f, const struct stage *st,
		  struct bounds *ret);

/* A zone pair in one family. Sets are valid until engine_breathe. */
struct pair {
	const struct zone *from, *to;
	enum family family;
	const struct path *path;
	/*
	 * Source zone x destination zone, and what translation turns into packets to the
	 * destination zone; without what takes a way that isn't known to its end.
	 */
	struct pset universe;
	struct pset unknown; /* what takes such a way */
	bool present[PLANE_COUNT];	   /* some way has an enforcing point of the plane */
	struct bounds plane[PLANE_COUNT];  /* P and V; the universe where absent */
	struct bounds effective;	   /* E */
	struct pset intent, require;	   /* I and R */
	struct pset translated;		   /* touched by address translation */
	bool spent;			   /* a set didn't fit its budget */
	const char *answers_why; /* why it isn't known which way answers go; NULL: it is, or nobody asked */
	struct loc answers_at;
	bool lost; /* no way was found for some packets, which is an error of ours */
};

/* zones: whose addresses count, a path of another estate that is compared; NULL: path's own. */
void engine_pair(struct engine *en, const struct path *path, enum family f,
		 const struct path *zones, struct pair *ret);

/* Whether the device's source failed, or a line that could change any verdict of the point
 * wasn't understood; *ret_why and *ret_at name it. */
bool engine_tainted(const struct engine *en, const struct point *pt, const char **ret_why,
		    struct loc *ret_at);

/* Whether the device may translate by it what goes through the point, or what answers that. */
bool engine_nat_applies(const struct nat *n, const struct point *pt);
/* A translation on the way that may rewrite the packet, or NULL. */
const struct nat *engine_nat(const struct route_way *way, const struct packet *p,
			     const struct device **ret_device);

/* Where a rule of this engine's snapshot, or a copy for answers, stands; NULL where it is neither. */
const struct rule_place *engine_rule(const struct engine *en, const struct rule *r);

struct pset_assume engine_assume(const struct stage *st);

#endif
