/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_RULESET_H
#define MODEL_RULESET_H

/*
 * An ordered list of rules: an access list, a chain, a security group. The first rule that
 * decides wins. A ruleset that is asked directly ends with its default; one that is called by
 * JUMP or GOTO ends by returning, whatever its default is.
 *
 *	PERMIT, DENY   decide
 *	CONTINUE       decides nothing (a log line, a counter); kept for its place
 *	JUMP           goes through target; what target doesn't decide comes back here
 *	GOTO           goes through target; what target doesn't decide returns to our caller
 *	RETURN         ends this ruleset: back to the caller, or to the default at the top
 *	UNKNOWN        we can't say what becomes of the packet (a queue to a program)
 */

#include "model/match.h"

enum verdict {
	VERDICT_PERMIT,
	VERDICT_DENY,
	VERDICT_CONTINUE,
	VERDICT_JUMP,
	VERDICT_GOTO,
	VERDICT_RETURN,
	VERDICT_UNKNOWN,
};

enum {
	RULE_INACTIVE = 1, /* written but not in force (`inactive`): never matches */
	RULE_IMPLICIT = 2, /* not written: the device adds it; at is what calls it forth */
	RULE_PART = 4,	   /* one of several that the same written rule became */
	/* Written once and seen many times (a group on every interface that holds it), or made
	 * by us to join lists: never a subject of the rule checks. */
	RULE_GLUE = 8,
};

enum { RULESET_DEPTH = 64 };

struct ruleset;

struct rule {
	struct loc at;		   /* the text that says so */
	const char *name;	   /* "line 3", "seq 20", "handle 12"; NULL: none */
	const struct match *match; /* never NULL */
	const struct ruleset *target; /* of JUMP and GOTO; never NULL there */
	const char *note; /* why the verdict is UNKNOWN, or a remark for people; NULL: none */
	uint32_t id;	  /* unique within the snapshot; 1.. */
	uint8_t verdict;  /* enum verdict */
	uint8_t flags;
};

struct ruleset {
	const char *name;   /* unique within its device: "outside_in", "inet filter forward" */
	const char *kind;   /* for people: "access list", "chain", "security group" */
	struct loc at;	    /* where it is defined or bound */
	const struct rule *rules;
	uint32_t n;
	uint32_t id;	     /* unique within the snapshot; 1.. */
	uint8_t dflt;	     /* VERDICT_PERMIT, VERDICT_DENY or VERDICT_UNKNOWN */
	struct loc dflt_at;  /* the line that says so, or LOC_NONE where it is the device's nature */
	bool stateful;	     /* passes replies to what it passed */
	/* Leads into a cycle, or into calls nested deeper than RULESET_DEPTH: what a call of it
	 * gives is unknown. Set by device_build_finish. */
	bool opaque;
	bool glue;	     /* made by us: not listed as something the user wrote */
	/* What a host does beside its firewall (a check of sources): where it lets all pass of
	 * two zones it is no enforcing point between them. */
	bool incidental;
};

#endif
