/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_CAUSE_H
#define DIFF_CAUSE_H

/*
 * The cause of a finding: the stages, with their rules, that decide its witness. diff/replay.c
 * fills it, packet by packet; diff/objection.c asks what else it decides; diff/finding.c tells
 * it. Internal to diff/.
 */

#include "base/text.h"
#include "diff/pull.h"
#include "diff/run.h"
#include "model/way.h"

enum { STAGES_MAX = 64 };

/* One stage that the cause rests on. */
struct decided {
	const struct engine *engine;
	const struct stage *stage;
	const struct route_way *way;
	struct way_place place;	 /* where on it the stage is */
	const struct rule *rule; /* NULL: the default */
	const struct rule *unknown;
	enum bound bound;
	bool permits;
	bool there; /* of the counterpart: asked about its packet */
};

struct cause {
	const struct engine *engine; /* of what is being added */
	struct decided v[STAGES_MAX];
	size_t n;
	const struct route_way *way; /* shown as the path */
	const struct nat *nat;
	const struct device *nat_device;
	const struct route_way *dropped; /* no ruleset: it isn't routed there */
	bool there;			 /* what is being added is the counterpart's */
	struct packet twin;		 /* its packet, where there is one */
	bool has_twin;
	bool nat_there, dropped_there; /* the two above are the counterpart's */
	bool dropped_back;	       /* of the answer's ways */
	struct text key;
};

/* A plain rule decides, no default and none of our own joints. */
static inline bool decided_plainly(const struct decided *d)
{
	return d->rule && !(d->rule->flags & (RULE_GLUE | RULE_IMPLICIT));
}

/*
 * Walks the witness w along the pair's ways, rule by rule, and puts into *c what decides it.
 * False: the interpreter doesn't confirm what the sets say of it.
 */
bool replay(struct check_run *run, const struct objection *ob, bool certain,
	    const struct packet *w, struct cause *c);

/* A finding of the check that runs, at the end of its results; valid until the next one. */
struct finding *finding_new(struct check_run *run, enum severity severity,
			    enum certainty certainty, const char *plane);

/* Everything that a finding says of its cause: evidence, title, witness, path, fingerprint.
 * `ex`: the exception that holds it, or NULL. */
void finding_describe(struct check_run *run, const struct objection *ob, bool certain,
		      const struct exception *ex, const struct packet *w, const struct cause *c,
		      struct finding *f);

#endif
