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

/* What happens to a packet at a point. */
enum told_kind {
	TOLD_RULE,    /* a ruleset decides */
	TOLD_TAKE,    /* it takes this way only if it matches; why these packets go here */
	TOLD_REWRITE, /* it is translated */
};

struct told_event {
	uint8_t kind; /* enum told_kind */
	struct evidence
		by; /* RULE: who decides; REWRITE: the translation; TAKE: the place alone */
	bool sure, maybe; /* RULE: permits the packet. TAKE, REWRITE: holds for it */
	bool aside;	  /* RULE: permits it, and isn't there to filter (ruleset.incidental) */
	const char *text; /* TAKE: the condition; REWRITE: what it does */
	struct packet before, after; /* REWRITE */
};

/* One device that is crossed. */
struct told_hop {
	const char *text;	    /* "edge outside>dmz" */
	const char *device, *plane; /* NULL: no device, only conditions */
	const char *in, *out;	    /* ports; NULL: not known, or several */
	/* "10.2.0.0/16 via 192.0.2.1": what leads on, where that was found; NULL: declared */
	const char *route;
	struct loc route_at;
	struct loc at; /* what says that the packet goes here */
	const struct told_event *events;
	size_t n;
	bool state; /* of an answer: the device keeps state of its conversation, and lets it pass */
};

/* One way that packets of the question take, and what becomes of one of them there. */
struct told_way {
	const struct route_way *of;
	const struct told_hop *hops;
	size_t n;
	uint8_t end;	 /* enum way_end */
	const char *why; /* it doesn't arrive; NULL where it does */
	struct loc why_at;
	/* The answer's example where that takes the way, otherwise another packet that does. */
	struct packet packet;
	bool example;
	/* Whether it surely takes this way, or may; neither: hops tell only which packets do.
	 */
	bool takes, may_take;
	struct packet delivered; /* where it arrives */
	bool chosen;		 /* the device may have chosen another address or port */
	bool sure[PLANE_COUNT + 1], maybe[PLANE_COUNT + 1]; /* permitted by a plane, by all */
	bool present[PLANE_COUNT];			    /* the plane has a ruleset on it */
};

/* One way back, and what becomes there of the answer to one packet. */
struct told_back {
	struct packet packet; /* the conversation's first, as its source sends it */
	bool example;	      /* it is the answer's example */
	size_t way;	      /* the way there, by place in answer_family.ways; SIZE_MAX: not told */
	bool takes;	      /* it surely goes back this way; otherwise it may */
	const struct told_hop *hops;
	size_t n;
	uint8_t end;	 /* enum way_end */
	const char *why; /* it doesn't arrive */
	struct loc why_at;
	bool sure, maybe; /* it comes back */
	/* The first ruleset that denies it, or else of which that isn't known; NULL: none. */
	const struct told_event *stop;
	const char *unseen; /* the first stateful device that saw no first packet, or NULL */
};

/* What becomes of the answers to packets that get there, surely or possibly. */
struct told_reply {
	/* "passes", "blocked", "partly", "unknown"; NULL: nothing gets there that is answered */
	const char *verdict;
	const char *why; /* not all come back; NULL: they do */
	struct loc why_at;
	bool stopped; /* why names a ruleset that denies some */
	struct told_set passes, blocked, possible; /* surely, surely, neither; by first packets */
	const struct told_back *ways;
	size_t n_ways, ways_left;
};

struct answer_family {
	bool asked;				   /* the question has packets of this family */
	struct told_set sure[PLANE_COUNT + 1];	   /* physical, virtual, all together */
	struct told_set possible[PLANE_COUNT + 1]; /* beyond sure */
	struct told_set declared;		   /* what the policy allows of it */
	/* What one plane surely permits and the other surely denies, by who permits it. */
	struct told_set alone[PLANE_COUNT];
	bool has_packet;
	struct packet packet; /* an example: permitted if any is, by a plane alone if none is by
				 both */
	const struct told_way *ways; /* those that the example takes first */
	size_t n_ways, ways_left;
	struct told_reply reply;
	bool allowed;	  /* the example is declared */
	const char *flow; /* by this flow; NULL: none */
};

struct answer {
	const struct path *path;
	bool present[PLANE_COUNT];
	/* The first thing on the way that isn't understood; NULL: nothing. */
	const char *doubt;
	struct loc doubt_at;
	struct answer_family family[FAMILY_COUNT];
	struct told_reply reply; /* of both: its verdict and why alone */
	/* "permit", "deny", "partly", "unknown": all of it, nothing, some, not known */
	const char *verdict[PLANE_COUNT + 1];
	/* "agree", "physical-permits-more", "virtual-permits-more", "each-permits-more",
	 * "unknown"; NULL where a plane is absent */
	const char *planes;
};

/* Two words of answer.verdict, or of told_reply.verdict, for parts of one question; a may be NULL. */
const char *answer_join(const char *a, const char *b);
/* One's verdict into that of all; why is the first that is said. */
void reply_join(struct told_reply *all, const struct told_reply *one);

/*
 * The zones that packets to an address belong to as they are delivered: those that have it, or
 * that a translation of destinations leads it to. Each once; at most `max`.
 */
size_t ask_zones_to(const struct estate *e, struct snapshot *s, enum family f, struct span to,
		    const struct match *service, const struct zone **ret, size_t max);

/* Everything of *ret lives in the arena. */
void ask(struct arena *a, const struct estate *e, const struct snapshot *s,
	 const struct check_options *o, const struct question *q, struct answer *ret);

#endif
