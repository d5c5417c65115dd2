/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_REPLY_H
#define DIFF_REPLY_H

/*
 * Whether answers come back. A conversation's answer is judged at every point of its way back
 * (model/path.h, path_answers) that keeps no state; one that does passes it if the conversation
 * came by it. Sets are those of the conversation's first packet, as its source sends it. Internal
 * to diff/.
 */

#include "diff/pull.h"

/* A ruleset that the answer meets, asked of the first packet as it is at `level`. */
struct reply_stage {
	struct stage stage; /* its ruleset is a copy for answers, its interfaces are exchanged */
	struct way_place level;
	const struct point *point; /* of the way back */
	bool unseen; /* keeps state, and the conversation didn't come by it */
};

/* A condition that the way back is taken by, in the same terms. */
struct reply_take {
	const struct match *match;
	struct way_place level;
	bool negate;
};

struct reply_way {
	bool missed; /* it gets there from another address than was asked */
	const struct route_way *back;
	bool taken; /* answers may take it */
	const struct reply_stage *stages;
	size_t n_stages;
	const struct reply_take *takes;
	size_t n_takes;
};

/* What may come back of what took one way. */
struct reply_ways {
	const struct route_way *way; /* there */
	const struct path *path;     /* back */
	const struct reply_way *v;
	size_t n;
};

struct replies {
	const struct reply_ways *v; /* one for each way of the pair that arrives */
	size_t n;
	struct pset asked;   /* packets that take such a way */
	/* Of these, those whose answers may go to or come from others than a device itself, or of
	 * which that isn't known. */
	struct pset awaited;
	struct bounds set;   /* packets that are answered, as far as rulesets and routes say */
	struct pset unknown; /* packets of which it isn't known which way their answers go */
	const char *why;     /* of that */
	struct loc why_at;
	const struct reply_stage *unseen; /* the first that some answer surely meets, or NULL */
	const struct point *unseen_at;
};

/* Of the packets, those that are answered at all (model/answer.h, answer_expected). */
struct pset replies_expected(struct engine *en, enum family f, struct pset s);
/*
 * Clients ask from ports of their own choice, which are not the well-known ones (RFC 6335, 6): a
 * list that lets answers pass to 1024-65535 is right. Where all of `s` has others, those.
 */
struct pset replies_clients(struct pset_space *sp, struct pset s);

/* For the packets of `of`; everything lives in the arena or is the engine's. */
void replies_find(struct engine *en, struct arena *a, const struct pair *p, struct pset of,
		  struct replies *ret);

/* Whether the answer to p, as it is sent, takes the way back. */
enum truth reply_takes(const struct reply_ways *rw, const struct reply_way *r,
		       const struct packet *p);
/* The packet at a level of its way. */
struct packet reply_packet(const struct route_way *way, struct way_place level,
			   const struct packet *p);

#endif
