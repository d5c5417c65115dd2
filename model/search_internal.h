/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SEARCH_INTERNAL_H
#define MODEL_SEARCH_INTERNAL_H

/*
 * The search for ways, in parts:
 *
 *	search.c        where packets begin, and the essay
 *	search_route.c  a device: translation of destinations, its own addresses, routes
 *	search_link.c   a port: translation of sources, links, bridges, the Internet, who is there
 *	search_end.c    the way as it is told
 */

#include "model/path_internal.h"

enum { DEVICES_MAX = 32, LINKS_MAX = 256 };

/* The points of a way so far, the last first. */
struct trail {
	const struct trail *up;
	struct point pt;
	/* how the device was entered, to know a loop by */
	uint32_t node, port;
	struct spans src, dst;
	size_t depth;
};

struct walk {
	struct spans src, dst;
	const struct trail *trail;
	struct takes takes; /* to be put in front of the next point */
	size_t level;	    /* of an answer, as in struct point */
};

struct place {
	uint32_t node, port;
	const char *const *ports;
	size_t n_ports;
	struct loc at;
};

struct search {
	struct finder *f;
	const struct graph *g;
	const struct zone *from, *to;
	enum family family;
	struct spans to_spans;
	struct way_list *ways;
	const struct forward *answers; /* NULL: first packets; otherwise what they answer */
	bool full;
};

/* A device on the way, between coming in and going out. */
struct visit {
	struct search *s;
	const struct walk *w;
	const struct device *d;
	const struct place *in;
	struct side side;
	const struct nat_branch *branch;
	struct spans dst; /* of what is looked at now */
	struct takes routed;
	size_t level; /* of an answer, behind the branch */
	enum again again; /* of a first packet */
};

/* A link that frames reach, and how. */
struct reached {
	uint32_t link;
	size_t parent;	  /* index, or SIZE_MAX: the first */
	uint32_t in, out; /* ports of the bridge between parent and this one, or GRAPH_NONE */
	uint32_t start;	  /* the port that the device sends by */
};

struct domain {
	struct reached v[LINKS_MAX];
	size_t n;
	bool looped; /* some link is reached in two ways */
	bool full;
};

/* Who of those on the Internet takes the packets: one for each port that announces them. */
struct announcer {
	uint32_t port; /* GRAPH_NONE: nobody that was read */
	struct takes takes;
	struct spans dst;
};

struct announcers {
	VEC(struct announcer) v;
};

/* The way is told: its points, how it ends and why. */
void search_end(struct search *s, const struct trail *t, enum way_end end, const char *why,
		struct loc why_at);

/* A pseudo point with the conditions by which packets end here; up itself where there is none.
 */
const struct trail *search_condition(struct search *s, const struct trail *up, struct takes a);
const struct trail *search_add_point(struct search *s, const struct trail *up,
				     const struct point *pt);

/* The way ends within the device, before it has left by a port; `more` are conditions of that
 * end. */
void search_end_inside(struct visit *v, struct takes more, enum way_end end, struct loc at,
		       const char *why);

/* Texts for people, in the arena. */
const char *search_say(struct search *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *search_addr_text(struct search *s, struct addr a);
const char *search_spans_text(struct search *s, struct spans x);

/* "10.2.0.0/16 via 192.0.2.1" */
const char *search_hop_text(struct search *s, const struct fib_hop *h);

/*
 * All links that frames get to that leave by the port (or by any port of that bridge); behind:
 * that somebody on the port's link sends.
 */
void search_flood(const struct graph *g, uint32_t port, bool behind, struct domain *dm);

/* The port itself, or the bridge that it belongs to. */
uint32_t search_routed_port(const struct graph *g, uint32_t port);

/* The bridges crossed to reach dm->v[i], as points. False with a complaint where one can't be
 * told. */
bool search_cross_bridges(struct search *s, const struct domain *dm, size_t i, size_t level,
			  const struct trail **trail);

/* Where the zone's addresses are on links that are reached; index in dm, or SIZE_MAX. */
size_t search_attached_at(const struct search *s, const struct domain *dm,
			  const struct graph_attach *at);

/* Where a zone is. */
const struct graph_attach *search_attached(const struct search *s, const struct zone *z,
					   size_t *ret_n);

/* What the port (its bridge) answers for of dst. */
struct spans search_owned(struct search *s, uint32_t port, struct spans dst);

/* A device is come to. */
void search_enter(struct search *s, struct walk w, struct place in);

/* The conversation came across the device. */
bool search_crossed(const struct forward *fw, const struct device *d);

/* A device is left by a port; hop NULL: its translation says so. */
void search_depart(struct visit *v, const struct fib_hop *hop, uint32_t out);

/*
 * Who of those on the Internet takes the packets; leaving: the port by which they come there,
 * or GRAPH_NONE.
 */
void search_announcers(struct search *s, uint32_t leaving, struct spans src, struct spans dst,
		       struct announcers *out);

#endif
