/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PATH_H
#define MODEL_PATH_H

/*
 * From a source zone to a destination zone: the enforcing points that a packet meets and what
 * is rewritten of it on the way. From the estate's declared paths, or, where none names the pair,
 * from its bindings: every device to which both zones are bound (a zone that isn't bound to a
 * device that has the other one is behind the device's uplink, where the estate names one); or
 * else from what the devices know: links, connected networks, routes (model/graph.h).
 */

#include "model/estate.h"
#include "model/snapshot.h"

/* One ruleset that a packet meets, seen from its place. */
struct stage {
	const struct device *device;
	const struct ruleset *ruleset;
	const struct hook *hook;
	/* The place as this ruleset sees it; NULL: not known, or several; "": there is none. */
	const char *iif, *oif, *physin, *physout;
};

/* The packet as it is seen there; a MAC address that it tells is kept. */
struct packet stage_packet(const struct stage *st, const struct packet *p);
/* Tells places apart: equal texts, equal answers. Appends. */
void stage_key(struct text *t, const struct stage *st);

/* What happens to a packet at a point, in order. */
enum step_kind {
	STEP_STAGE,   /* a ruleset has to permit it */
	STEP_TAKE,    /* only packets that match (negate: that don't) take this way */
	STEP_REWRITE, /* it may be translated: the first of nats that holds does it */
	STEP_RESTORE, /* of an answer: it is translated back */
};

struct way_step {
	uint8_t kind;		     /* enum step_kind */
	bool negate;		     /* TAKE */
	bool partly;		     /* RESTORE: the destination alone; its source follows */
	const struct stage *stage;   /* STAGE: one of the point's; TAKE: the place that match sees */
	const struct match *match;   /* TAKE; an inexact one may hold or not */
	const struct nat *const *nats; /* REWRITE: all rewrite the same address, none is BOUND */
	size_t n_nats;
};

/* The ports of one side of a device. */
struct side {
	const char *const *ports;
	size_t n;
	bool local; /* the device itself */
	bool routed; /* of the way out: the host sends it there itself, though it may be the
		      * bridge that it came by */
};

/* One device crossed from one port to another. */
struct point {
	const struct device *device; /* NULL: no point, only conditions that hold before all */
	const struct estate_source *source; /* the estate's entry for it */
	const char *text;		    /* "edge outside>dmz" */
	const char *iif, *oif;
	/* What routing and translation see: the bridge, where the port is one of its. */
	const char *ip_iif, *ip_oif;
	struct side in, out;
	const struct stage *stages;
	size_t n_stages;
	bool bridged; /* a bridge passes it on: of the host's rules only those that it shows it to */
	const struct way_step *steps; /* every stage is one of them */
	size_t n_steps;
	/* How it goes on, where that was found: "10.2.0.0/16 via 192.0.2.1", and where it is
	 * written; NULL: declared. */
	const char *route;
	struct loc route_at;
	/* Of an answer's way: the conversation's packet as it was before that point of its own
	 * way (all points: as it arrived), whose addresses exchanged the answer has as it comes
	 * in and as it goes out. The change is at the STEP_RESTORE. */
	size_t level_in, level_out;
	/* Addresses that have somebody behind the ports (see struct port); NULL: any.
	 * The first over FIELD_SRC, the second over FIELD_DST. */
	const struct match *present_src, *present_dst;
	struct loc at; /* what says that the packet goes here: path or binding */
};

/*
 * One way. A packet takes it if it holds at every STEP_TAKE; where several ways take a packet
 * they are alternatives, of which we don't know which one is taken.
 */
struct route_way {
	const struct point *points;
	size_t n_points;
	uint8_t families; /* 1 << enum family, or'ed: whose packets may take it */
	bool rewrites;	  /* some step is a STEP_REWRITE */
	uint8_t end; /* enum way_end */
	const char *why; /* of the last two: "no route to 10.2.0.0/16", "nobody has the next hop 192.0.2.1" */
	struct loc why_at;
};

enum way_end {
	WAY_ARRIVES,
	WAY_DROPPED, /* no route, a route that drops, a loop */
	WAY_UNKNOWN, /* a named gap: nothing is said about the packets that take it */
	/* A device takes it in: an address of its own among a zone's hosts. Not what the zone's pairs
	 * are about; a zone of such addresses alone is reached by WAY_ARRIVES. */
	WAY_ASIDE,
};

struct path {
	const struct zone *from, *to;
	const struct route_way *ways;
	size_t n_ways; /* 0: not known, why says so */
	bool none;     /* declared as not connected */
	bool found;    /* by what the devices know; otherwise declared, or from bindings */
	const char *why; /* NULL: nothing to complain of */
	struct loc why_at;
};

struct graph;

/*
 * *ret_path lives in the arena, the conditions that its ways are taken by in m, which lasts as
 * long as the packet sets that are made of them. Never fails: what can't be told stands in why,
 * or is a way that ends there.
 */
void path_find(struct arena *a, const struct graph *g, struct matches *m,
	       const struct zone *from, const struct zone *to, struct path *ret_path);

/* Declared as not connected, or some way whose end is known. Otherwise nothing is known of the pair. */
bool path_known(const struct path *p);
/* Some way gets there. */
bool path_arrives(const struct path *p);

/*
 * The ways that answers take to what came by p->ways[way], which arrives: found in the graph, or
 * where the way there is declared or bound, so is the way back. *ret_path goes from p->to to p->from;
 * conditions and stages are asked of the answer. A device that translated the conversation
 * translates its answers back, whatever their addresses; one that didn't and would translate them
 * is a gap.
 */
void path_answers(struct arena *a, const struct graph *g, struct matches *m,
		  const struct path *p, size_t way, struct path *ret_path);

/*
 * One device crossed from port in to port out, without an estate; NULL: not told, "self": the
 * device itself. False with *ret_why when a port isn't there or has to be told.
 */
bool path_cross(struct arena *a, const struct device *d, const char *in, const char *out,
		struct point *ret_point, const char **ret_why);

/* The estate's source entry that a device came from, or NULL. */
const struct estate_source *path_source(const struct estate *e, const struct device *d);

#endif
