/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_ASK_H
#define DIFF_ASK_H

/* One question: what passes from here to there on each plane, and who decides. */

#include "diff/diff.h"

struct question {
	const struct zone *from, *to;
	/* Narrower than the zones, each over its own field; NULL: the whole zone. */
	const struct match *src, *dst;
	const struct match *service; /* NULL: any */
};

/* A set as boxes, the largest first. */
struct told_set {
	const char *const *boxes;
	size_t n, left;
};

struct told_step {
	const char *point; /* "edge outside>dmz" */
	struct evidence by;
	bool sure, maybe; /* permits the packet */
};

struct answer_family {
	bool asked; /* the question has packets of this family */
	struct told_set sure[PLANE_COUNT + 1];	   /* physical, virtual, all together */
	struct told_set possible[PLANE_COUNT + 1]; /* beyond sure */
	struct told_set declared; /* what the policy allows of it */
	bool has_packet;
	struct packet packet; /* an example: permitted if any is */
	const struct told_step *steps; /* what it meets, in order */
	size_t n_steps;
	bool allowed; /* the example is declared */
	const char *flow; /* by this flow; NULL: none */
};

struct answer {
	const struct path *path;
	bool present[PLANE_COUNT];
	/* The first thing on the way that isn't understood; NULL: nothing. */
	const char *doubt;
	struct loc doubt_at;
	struct answer_family family[FAMILY_COUNT];
	/* "permit", "deny", "partly", "unknown": all of it, nothing, some, not known */
	const char *verdict[PLANE_COUNT + 1];
};

/* Everything of *ret lives in the arena. */
void ask(struct arena *a, const struct estate *e, const struct snapshot *s,
	 const struct check_options *o, const struct question *q, struct answer *ret);

#endif
