/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_RESULTS_H
#define DIFF_RESULTS_H

/*
 * What a run found out: findings, coverage, and what it was drawn from. Made by the checks,
 * frozen, then written by report/. Everything is sorted and holds no clock but as_of.
 */

#include "base/diag.h"
#include "base/vec.h"
#include "diff/statement.h"
#include "model/estate.h"
#include "model/snapshot.h"

/* One rule, default or binding that a finding rests on. */
struct evidence {
	/* "permits", "denies", "default-deny", "default-permit", "not-understood", "declares",
	 * "hides", "hidden", "never", "names", "address-translation" */
	const char *role;
	const char *device;  /* NULL for the policy */
	const char *plane;   /* "physical", "virtual", "declared" */
	const char *ruleset; /* name, NULL: none */
	const char *kind;    /* "access list", "chain", ... NULL: none */
	const char *rule;    /* the rule's name in it, NULL: none */
	const char *note;    /* what is not understood, NULL: nothing */
	const char *owner;   /* who looks after the device, NULL: not said */
	struct loc at;
};

enum certainty { CERTAIN, POSSIBLE };

struct exception_use {
	const struct exception *exception; /* NULL: none */
	bool expired;
};

struct finding {
	const char *id; /* "F-" and the fingerprint's first 8 digits; unique in a run */
	const char *check;
	uint8_t severity;  /* enum severity */
	uint8_t certainty; /* enum certainty */
	const char *from, *to; /* zones; NULL for findings about rules alone */
	const char *from_tenant, *to_tenant;
	const char *plane;   /* where to act: "physical", "virtual", "both", "declared" */
	const char *title;   /* one sentence, ends with a full stop */
	const char *message; /* what it means and what to do, one or two sentences */
	bool has_witness;
	struct packet witness;
	/* Of zones that exist twice: the other pair, and the packet that stands for the witness
	 * there. NULL: none. */
	const char *twin_from, *twin_to;
	bool has_twin;
	struct packet twin;
	const struct evidence *rules; /* the one to change first */
	size_t n_rules;
	const char *const *traffic; /* boxes as text, the largest first */
	size_t n_traffic;
	size_t traffic_left; /* boxes that were left out */
	const char *const *path; /* "edge:outside>dmz", in order */
	size_t n_path;
	const char *owner;	 /* who has to act, NULL: not said */
	const char *responsible; /* "csp", "csc", "shared", NULL: not said */
	const char *const *controls;
	size_t n_controls;
	struct exception_use excepted; /* by an exception that holds: doesn't count for the exit */
	const struct sighting *seen; /* of packets that were captured; NULL otherwise */
	/* SHA-256 hex over what stays when lines move: check, zones, plane, service, the
	 * rules' own text. */
	const char *fingerprint;
};

enum coverage_verdict { COVER_ALIGNED, COVER_MISALIGNED, COVER_INCONCLUSIVE };

/* One zone pair on one plane ("declared" is not one). */
struct coverage {
	const char *from, *to;
	const char *plane; /* "physical" or "virtual" */
	uint8_t verdict;
	const char *why; /* one phrase: "no path: ...", "absent: ...", "3 findings" */
	struct loc why_at; /* the line named, or LOC_NONE */
	bool enforced; /* the plane has an enforcing point on the way */
	bool apart; /* declared as not connected */
	const char *const *points; /* enforcing points: "edge outside>dmz" */
	size_t n_points;
	const char *const *findings; /* ids; set when the results are frozen */
	const size_t *finding_index; /* until then: their places in findings */
	size_t n_findings;
};

struct results {
	struct arena *arena; /* borrowed */
	const char *command; /* "check", "diff", "lint" */
	const char *estate;  /* its name; NULL for lint */
	const char *policy_name, *policy_version;
	const char *as_of; /* "YYYY-MM-DD" or NULL */
	VEC(struct finding) findings;
	VEC(struct coverage) coverage;
	const struct snapshot *snap; /* the accounts; borrowed */
	const struct diags *diags;   /* borrowed */
	const struct policy *policy; /* NULL for lint */
	/* How much was replayed: every witness, by the interpreter. */
	size_t witnesses, replayed;
	/* What was captured, and what that supports; NULL for all but `sample`. */
	const struct statement *statement;
	int exit_code;
	const char *exit_reason;
};

const char *coverage_name(enum coverage_verdict v);   /* "aligned", ... */
const char *certainty_name(enum certainty c);	      /* "certain", "possible" */
const char *plane_name(int plane); /* "physical", "virtual" */

#endif
