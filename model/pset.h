/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PSET_H
#define MODEL_PSET_H

/*
 * Sets of packets of one family, and functions from packets to small labels.
 *
 * A value is four bytes: copy it, compare it, never free it. It is canonical: two values of
 * one space are the same set exactly when they are the same integer. pset_none() is the empty
 * set in every space.
 *
 * A function gives each packet a label: 0 (nothing said) or 1..PSET_LABEL_MAX. A set is a
 * function whose only labels are 0 and 1. Operations on sets ask for sets; operations on
 * functions take both.
 *
 * Budget: a space has a limit of bytes. An operation that would pass it gives PSET_SPENT, and
 * every operation on PSET_SPENT gives PSET_SPENT again: test with pset_is_spent() before
 * believing an answer. Nothing partial is ever taken for whole.
 *
 * Not thread-safe: one space, one thread.
 */

#include "model/match.h"

struct pset {
	uint32_t id;
};

enum { PSET_LABEL_MAX = (1 << 28) - 1 };

struct pset_space;

/* budget in bytes (nodes, tables and caches together); 0: 1 GiB. */
struct pset_space *pset_space_create(enum family family, size_t budget);
void pset_space_destroy(struct pset_space *sp);
enum family pset_family(const struct pset_space *sp);
/* Taken now, whether by what is alive, by garbage or by tables that have room. */
size_t pset_space_bytes(const struct pset_space *sp);

/*
 * Collects garbage: everything not reachable from the roots is given up, the roots are
 * updated in place and every other value becomes invalid. Never called behind the caller's
 * back outside pset_compile.
 */
void pset_space_collect(struct pset_space *sp, struct pset *const *roots, size_t n);
/* Whether so much was made since the last collection that another is worth its time. */
bool pset_space_is_full(const struct pset_space *sp);
/*
 * Behind a collection: gives back what is taken and neither in use nor room for about as much
 * again, as far as more than `spare` bytes are taken. No value changes.
 */
void pset_space_trim(struct pset_space *sp, size_t spare);

struct pset pset_none(void);
struct pset pset_all(const struct pset_space *sp);
struct pset pset_spent(void);
bool pset_is_spent(struct pset s);
bool pset_is_empty(struct pset s);	       /* false for PSET_SPENT */
bool pset_equal(struct pset a, struct pset b); /* false when either is spent */

/* From a condition on one field; the field exists as packet.h says. field: SRC, DST. */
struct pset pset_spans(struct pset_space *sp, enum field field, const struct span *v, size_t n);
struct pset pset_wild(struct pset_space *sp, enum field field, struct addr value,
		      struct addr mask);
/* PROTO, SPORT, DPORT, ICMP_TYPE, ICMP_CODE, STATE, FRAGMENT, FAMILY. */
struct pset pset_ranges(struct pset_space *sp, enum field field, const struct range *v,
			size_t n);
struct pset pset_flags(struct pset_space *sp, unsigned value, unsigned mask);

/*
 * The two sets of an expression. `assume` fixes what is known beforehand (NULL: nothing), so
 * that conditions on it vanish: interface names, connection state, fragment. Such a set is
 * right inside pset_universe(assume); outside it says nothing. The space remembers expressions
 * by their address, so they must live as long as it does.
 */
struct pset_assume {
	/* NULL: not known, conditions on it are unknown */
	const char *iif, *oif, *physin, *physout, *mac;
	int state;	       /* enum conn_state, or -1 */
	int fragment;	       /* 0, 1, or -1 */
	/* First packets only (state new, not a fragment, TCP flags exactly SYN under
	 * FSRPAU): the packets that conversations are judged by. Overrides the two above. */
	bool first;
};
struct pset pset_lo(struct pset_space *sp, const struct match *m, const struct pset_assume *as);
struct pset pset_hi(struct pset_space *sp, const struct match *m, const struct pset_assume *as);
/* All packets that `assume` leaves possible: the universe of a question. */
struct pset pset_universe(struct pset_space *sp, const struct pset_assume *as);

struct pset pset_or(struct pset_space *sp, struct pset a, struct pset b);
struct pset pset_and(struct pset_space *sp, struct pset a, struct pset b);
struct pset pset_minus(struct pset_space *sp, struct pset a, struct pset b);
struct pset pset_not(struct pset_space *sp, struct pset a);
bool pset_subset(struct pset_space *sp, struct pset a, struct pset b);	 /* false when spent */
bool pset_disjoint(struct pset_space *sp, struct pset a, struct pset b); /* false when spent */

/* Functions. over: f, and where f says nothing, g. */
struct pset pset_over(struct pset_space *sp, struct pset f, struct pset g);
/* The function that says label on the set and nothing elsewhere. */
struct pset pset_label(struct pset_space *sp, struct pset set, uint32_t label);
/* f inside the set, nothing outside. */
struct pset pset_within(struct pset_space *sp, struct pset f, struct pset set);
/* The packets to which f gives the label (0: those of which it says nothing). */
struct pset pset_where(struct pset_space *sp, struct pset f, uint32_t label);
/* Every label l of f becomes to[l] for l < n; labels >= n stay. to[0] must be 0. */
struct pset pset_relabel(struct pset_space *sp, struct pset f, const uint32_t *to, size_t n);
/* The labels that f really gives, ascending, at most max; returns how many there are. */
size_t pset_labels(struct pset_space *sp, struct pset f, uint32_t *ret, size_t max);

/*
 * A first-match list of n functions, the first on top: over(v[0], over(v[1], ...)), by
 * balanced divide and conquer with garbage collection in between. v is consumed: its values
 * are not valid afterwards when collect is set, in which case every other value of the space
 * except keep[] (updated in place) is invalid too.
 */
struct pset pset_compile(struct pset_space *sp, struct pset *v, size_t n, bool collect,
			 struct pset *const *keep, size_t n_keep);

uint32_t pset_label_of(const struct pset_space *sp, struct pset f, const struct packet *p);
bool pset_has(const struct pset_space *sp, struct pset s, const struct packet *p);

/*
 * A packet of a non-empty set, chosen to be readable: TCP before UDP before ICMP, a host
 * inside a prefix rather than its ends, a well-known destination port, source port 40000,
 * state new, flags S. Deterministic. False where the set is empty or spent.
 */
bool pset_pick(struct pset_space *sp, struct pset s, struct packet *ret_packet);

/* Exists: the set of packets that agree with one of s in all but the given field. */
struct pset pset_project(struct pset_space *sp, struct pset s, enum field field);
/* Every packet of s with the field set to the value (NAT): project, then the value. */
struct pset pset_rewrite_addr(struct pset_space *sp, struct pset s, enum field field,
			      struct addr to);
struct pset pset_rewrite_port(struct pset_space *sp, struct pset s, enum field field,
			      unsigned to);
/*
 * The packets of s whose address (field: SRC or DST) is in `from`, moved so that from.lo becomes
 * `to` and all others keep their distance; packets outside `from` are left out. `to` and what
 * follows it must have room in the family. Back again: the two exchanged.
 */
struct pset pset_shift(struct pset_space *sp, struct pset s, enum field field, struct span from,
		       struct addr to);

/* How many packets, as a double (2^104 and more are not exact); for ordering only. */
double pset_count(struct pset_space *sp, struct pset s);

/*
 * For people: disjoint boxes that together are exactly s, the largest first, at most max of
 * them; *ret_left counts those that were left out. Each box is source x destination x
 * service.
 */
struct pset_box {
	struct span src, dst;
	struct range proto;
	struct range sport, dport; /* ports, or whole range where the protocol has none */
	struct range icmp;	   /* type << 8 | code */
	bool has_ports, has_icmp;  /* the two above speak */
	bool any_tail;		   /* every TCP flag, state and fragment */
	bool first_tail;	   /* exactly the first packets (pset_assume.first) */
	double count;
};
size_t pset_boxes(struct pset_space *sp, struct pset s, struct pset_box *ret, size_t max,
		  size_t *ret_left);
void pset_box_print(struct text *t, enum family f, const struct pset_box *b);

/* Nodes and words reachable from s: for `show`, tests and benchmarks. */
void pset_size(const struct pset_space *sp, struct pset s, size_t *ret_nodes,
	       size_t *ret_words);

#endif
