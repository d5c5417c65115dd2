/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_RUN_H
#define DIFF_RUN_H

/* A check run, as the checks see it. Internal to diff/. */

#include "diff/engine.h"

struct twin; /* diff/twin.h */

/* What was found of a pair's counterparts, for its coverage. */
struct twin_said {
	const char *with;  /* "cloud-web to cloud-db": compared with it; NULL: not compared */
	const char *doubt; /* why not, where it should have been; or NULL */
	bool wider, open;  /* the counterpart surely permits more; possibly */
};
struct replies;

struct check_run {
	struct engine *engine;	/* NULL for lint */
	struct arena *scratch;
	const struct estate *estate; /* NULL for lint */
	const struct policy *policy;
	const struct snapshot *snap;
	struct diags *diags;
	const struct check_options *options;
	struct results *res;
	const struct check *check; /* the one that runs */
	struct pair *pair;	   /* the zone pair that it looks at */
	/* Reported already for this pair and family by a graver check. */
	struct pset taken, taken_possible;
	struct twin *twin; /* of this pair and family; NULL: not asked for yet, or none */
	struct twin_said twin_said;
	const struct device *asymmetric; /* of this pair: told already */
	struct map *causes;	/* of this pair: cause to finding's index + 1 */
	size_t pair_findings;	/* where the pair's findings begin in res->findings */
	bool *exception_used;	/* by place in policy->exceptions */
	bool *exception_expired; /* held something after its day */
};

/*
 * A set of packets that a check objects to. What decides is told stage by stage: on the planes
 * in `permits` (bit per plane) every stage permits them, and where `denies` is a plane, some
 * stage of it denies.
 */
enum { ANY_PLANE = PLANE_COUNT };

struct objection {
	struct pset certain;	/* surely wrong */
	struct pset possible;	/* perhaps wrong; may hold the certain ones too */
	unsigned permits;	/* 1 << enum plane */
	int denies;		/* enum plane, ANY_PLANE, or -1 */
	/* Who denies, where it isn't the run's own estate (two estates compared); or NULL. */
	struct engine *deny_engine;
	const struct path *deny_path;
	/* Who denies is the counterpart (plane `denies` of its pair), asked about the packet that
	 * stands for ours; or NULL. */
	const struct twin *twin;
	/* It isn't the packets that are denied, but their answers; or NULL. */
	const struct replies *replies;
	const char *plane;	/* where to act: "physical", "virtual", "both" */
	enum severity severity;
	const char *permit_note, *deny_note; /* said of each such rule, NULL: nothing */
	bool deny_first;	/* the denying rule is the one to change */
	/* The title of each finding, ended by ": " and its service: "Undeclared traffic passes
	 * from internet to web". */
	const char *title;
	const char *message;
	const struct flow *flow; /* the declaration it rests on, NULL: none */
};

/*
 * Turns the objection into findings, one for each cause, without what graver checks took
 * before; takes exceptions into account.
 */
void raise_objection(struct check_run *run, const struct objection *ob);
/* The same, where there is anything to object to; the title: "TITLE from A to B". */
void raise_between(struct check_run *run, const struct objection *ob, const char *title);

/* A finding that rests on one place only, without traffic. */
struct finding *raise_plain(struct check_run *run, enum severity severity,
			    const struct evidence *ev, size_t n_ev, const char *title,
			    const char *message);

/* Tells a set of packets with the finding, as boxes; counts those beyond the limit. */
void finding_add_traffic(struct results *res, struct finding *f, struct pset_space *sp,
			 struct pset region);

/* The flow with that action that declares the packet for the pair, or NULL. */
const struct flow *declaring_flow(const struct check_run *run, enum flow_action action,
				  const struct packet *p);

/* Evidence that a rule (or, with rule NULL, the ruleset's default) decides at the stage. */
struct evidence evidence_of(const struct engine *en, const struct stage *st,
			    const struct rule *rule, bool permits);

/* Sets id-relevant members that follow from the others: fingerprint, controls. */
void finish_finding(struct results *res, const struct policy *pol, struct finding *f,
		    const char *salt);

#endif
