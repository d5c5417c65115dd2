/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PATH_INTERNAL_H
#define MODEL_PATH_INTERNAL_H

/*
 * How ways are made:
 *
 *	path.c       which of the three tells a pair's path; declared paths, bindings
 *	path_point.c one device crossed: its stages in order, what each sees of the ports
 *	path_nat.c   translations put among the stages
 *	search.c     ways found through the graph
 */

#include "model/footprint.h"
#include "model/graph.h"
#include "model/path.h"

struct finder {
	struct arena *arena;
	const struct graph *graph;
	const struct estate *estate;
	const struct snapshot *snap;
	struct matches *matches; /* of the conditions that ways are taken by */
	const char *why;
	struct loc why_at;
	bool bound; /* the ways come from bindings */
	bool open; /* the estate says nothing of the pair: what the devices know may */
};

/* A part of graph_create(): fills g->attached and the zones of the links. */
void graph_zones(struct arena *a, struct graph *g);

/* The first complaint stays. */
void path_complain(struct finder *f, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Proper names for the ports; false with a complaint where one isn't there. */
bool path_side(struct finder *f, const struct device *d, struct side *s, struct loc at);

/* The device crossed from in to out, its steps the stages in order; false with a complaint. */
bool path_point(struct finder *f, const struct device *d, struct side in, struct side out,
		struct loc at, struct point *ret);

/* The interface that routing and translation see: a bridge rather than its port, "" for the
 * device itself; NULL: not told. */
const char *path_seen(const struct device *d, const struct side *s);

/* The hook's place on the way across the device; translations are beside these two. */
enum { PATH_RANK_IN = 5, PATH_RANK_OUT = 7 };
int path_hook_rank(const struct hook *h);

/* Conditions that a packet takes a way by. */
struct takes {
	const struct way_step *v; /* each a STEP_TAKE */
	size_t n;
};
struct takes path_take(struct finder *f, struct takes t, const struct match *m, bool negate);
/* Only addresses of s in field; nothing is added where all of `have` are in s. */
struct takes path_take_spans(struct finder *f, struct takes t, enum family fam, enum field field,
			     struct spans have, struct spans s);

/* One thing that a device may do to destinations before it routes. */
struct nat_branch {
	struct takes takes;
	const struct nat *nat; /* NULL: none takes the packet */
	/* an answer, which is translated back: where it comes in, but for its source on Linux */
	bool restores, late;
	bool both; /* late, and its destination was translated back where it came in */
	struct spans src, dst; /* behind it */
};

enum { NAT_BRANCHES_MAX = 64 };

/*
 * The translations of destinations that packets of fp may meet that come in by the side; ret has
 * room for NAT_BRANCHES_MAX. False with a complaint where there are more.
 */
bool path_nat_destinations(struct finder *f, const struct device *d, const struct side *in,
			   const struct footprint *fp, struct nat_branch *ret, size_t *ret_n);

/* Those of sources on the way from in to out, in order; sources behind them in *ret_src. */
struct nat_list {
	const struct nat *const *v;
	size_t n;
};
struct nat_list path_nat_sources(struct finder *f, const struct device *d, const struct side *in,
				 const struct side *out, const struct footprint *fp,
				 struct spans *ret_src);

/*
 * What a point before leaves to translate where its device is come to again. A Linux host decides it
 * once for a conversation, by its first packet: one that comes again as it was isn't looked at
 * anew (nf_nat_inet_fn), one that it has translated is a new conversation, whose source port is
 * changed because its answers would be those of the first (nf_nat_used_tuple).
 */
enum again { AGAIN_NOT, AGAIN_SAME, AGAIN_TRANSLATED };
enum again path_again(const struct point *before, const struct device *d);
/* Whether that changes what is said of packets which the branch (NULL: none) and the sources take;
 * then the phrase for people, otherwise NULL. */
const char *path_decided(struct arena *a, enum again again, const struct device *d,
			 const struct nat_branch *b, struct nat_list sources);

/*
 * Puts what isn't a stage among the steps of the point: `first` in front of all; the translation of
 * the branch, where the device does it; `routed` behind it; translations of sources; `last`.
 */
void path_weave(struct finder *f, struct point *pt, struct takes first,
		const struct nat_branch *b, struct takes routed, struct nat_list sources,
		struct takes last);

/* The addresses that a STEP_REWRITE leaves of *src and *dst. */
void path_image(struct arena *a, const struct way_step *st, enum family f, struct spans *src,
		struct spans *dst);

/* The pair's ways as the estate says them, declared or by bindings, before translation; f->open
 * where it says nothing. */
void path_said(struct finder *f, struct path *p);

/* Destinations that may end in the spans, themselves and before translation by any device. */
struct spans path_destinations(struct arena *a, const struct snapshot *s, enum family f,
			       struct spans to);

/*
 * A way whose points are known, split by what translation makes of the packets. Appends to ret; one
 * that nothing translates stays as it is.
 */
struct way_list;
void path_translate(struct finder *f, const struct route_way *way, const struct zone *from,
		    const struct zone *to, struct way_list *ret);

struct way_list {
	VEC(struct route_way) v;
};

enum { WAYS_MAX = 1024 };

/* What a way makes of the addresses: before each point, and at the end. */
struct forward {
	const struct route_way *way;
	const struct spans *src, *dst; /* n_points + 1 of each */
};

/*
 * The point before `level` at which the device translates, or SIZE_MAX. Translations are undone in
 * reverse order: PATH_OUT_OF_ORDER where another device's comes first, whose answer this one
 * doesn't know, or where the device was crossed once more behind it.
 */
#define PATH_OUT_OF_ORDER (SIZE_MAX - 1)
size_t path_translates(const struct forward *fw, const struct device *d, size_t level);

/* What the point before `level` translates back, and when: a Linux host the destination of an answer
 * as it comes in, its source as it goes out (nf_nat_packet). */
void path_restores(const struct forward *fw, size_t at, struct nat_branch *ret);

/* The ways back in the graph of what came by fw; of the family of the way. */
void path_search_answers(struct finder *f, const struct forward *fw, enum family family,
			 const struct zone *from, const struct zone *to, struct way_list *ret);

/* The ways through the graph, of both families; what can't be told is a way too. */
void path_search(struct finder *f, const struct zone *from, const struct zone *to,
		 struct way_list *ret);

#endif
