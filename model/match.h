/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MATCH_H
#define MODEL_MATCH_H

/*
 * What a rule asks of a packet, as an expression over conditions on single fields.
 *
 * An expression is judged in three values. MATCH_UNKNOWN is a condition that we can't judge
 * (a rate, a time, a host name that isn't resolved, a missing group): it may be true or
 * false. So every expression stands for two sets of packets, lo (it is surely true) and hi
 * (it may be true), with lo ⊆ what it really matches ⊆ hi; without an unknown inside they are
 * the same. NOT exchanges them, which is what makes negation sound. A condition that may only
 * narrow is `and(rest, unknown)`; a value that can't be resolved is an unknown in the place
 * of that one field's condition.
 *
 * Nodes are immutable, live in the snapshot's arena and may be shared: a group is built once
 * and pointed to by every rule that names it. Constructors simplify (AND with NONE is NONE)
 * and never fail. Conditions on a field that the packet does not have (ports of ESP, ICMP
 * type of TCP, ports of a later fragment, an address of the other family) are false; their
 * NOT is then true, so readers say `and(proto, not(port))` where the device means that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "model/addr.h"
#include "model/packet.h"

enum field {
	FIELD_FAMILY, /* enum family */
	FIELD_PROTO,
	FIELD_SRC,
	FIELD_DST,
	FIELD_SPORT,
	FIELD_DPORT,
	FIELD_ICMP_TYPE,
	FIELD_ICMP_CODE,
	FIELD_FLAGS, /* TCP flags: value under a mask */
	FIELD_STATE, /* enum conn_state */
	FIELD_FRAGMENT,
	/* Words: place, not packet. */
	FIELD_IIF,
	FIELD_OIF,
	FIELD_PHYSIN, /* ports of a bridge, as iptables' physdev asks for them */
	FIELD_PHYSOUT,
	FIELD_MAC, /* the sender's, "02:00:5e:10:00:01" */
	FIELD_COUNT
};

enum match_kind {
	MATCH_ALL,
	MATCH_NONE,
	MATCH_UNKNOWN,
	MATCH_AND,
	MATCH_OR,
	MATCH_NOT,
	MATCH_SPANS, /* FIELD_SRC, FIELD_DST: normalised spans of one family */
	MATCH_WILD,  /* FIELD_SRC, FIELD_DST: (address & mask) == value, any mask */
	MATCH_RANGES, /* FAMILY, PROTO, ports, ICMP, STATE, FRAGMENT: normalised ranges */
	MATCH_FLAGS,  /* FIELD_FLAGS: (flags & mask) == value */
	MATCH_IFACE,  /* FIELD_IIF to FIELD_MAC: a name, or its beginning; "": there is none */
};

struct range {
	uint16_t lo, hi; /* both included, lo <= hi */
};

struct match {
	uint8_t kind;	/* enum match_kind */
	uint8_t field;	/* enum field, of the leaves */
	uint8_t family; /* enum family, of SPANS and WILD */
	bool inexact;	/* holds an unknown somewhere */
	bool placed;	/* holds a condition on an interface somewhere */
	bool linked;	/* holds one on FIELD_PHYSIN, FIELD_PHYSOUT or FIELD_MAC */
	uint32_t id;	/* unique within one struct matches; 1.. */
	uint32_t n;	/* kids, spans or ranges */
	/* Nodes of the tree below, each as often as it is come by: shared nodes can make it far
	 * more than there are. Saturates. Whoever walks trees looks at it first. */
	uint32_t weight;
	/* Of what the node says: equal ones have equal hashes in every struct matches of one
	 * process (SipHash; unknowns by their reason). */
	uint64_t hash;
	union {
		const struct match *const *kids; /* AND, OR, NOT (one) */
		const struct span *spans;
		const struct range *ranges;
		struct {
			struct addr value, mask;
		} wild;
		struct {
			uint8_t value, mask;
		} flags;
		struct {
			const char *name;
			bool prefix; /* matches every name that begins so */
		} iface;
		struct {
			const char *reason; /* why it isn't known, for people */
			struct loc at;	    /* LOC_NONE: the rule's own place */
		} unknown;
	};
};

/* Where nodes are made. Leaves and small nodes that are equal are shared. */
struct matches {
	struct arena *arena; /* borrowed */
	uint32_t n;	     /* nodes made */
	struct match_table *table;
};

void matches_init(struct matches *m, struct arena *a);
void matches_finish(struct matches *m); /* the sharing table only; nodes stay */

const struct match *match_all(struct matches *m);
const struct match *match_none(struct matches *m);
/* reason: a short noun phrase, "time-range WORK", "host name db.example.org"; copied. */
const struct match *match_unknown(struct matches *m, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const struct match *match_and(struct matches *m, const struct match *a, const struct match *b);
const struct match *match_or(struct matches *m, const struct match *a, const struct match *b);
const struct match *match_not(struct matches *m, const struct match *a);
const struct match *match_and_n(struct matches *m, const struct match *const *v, size_t n);
const struct match *match_or_n(struct matches *m, const struct match *const *v, size_t n);

/* field FIELD_SRC or FIELD_DST. spans need not be normalised; n 0 is NONE. */
const struct match *match_spans(struct matches *m, enum field field, enum family family,
				const struct span *v, size_t n);
const struct match *match_prefix(struct matches *m, enum field field, enum family family,
				 struct addr a, unsigned len);
/* mask: ones decide. A contiguous mask becomes a span. value's other bits are ignored. */
const struct match *match_wild(struct matches *m, enum field field, enum family family,
			       struct addr value, struct addr mask);
/*
 * A numeric field. Ranges need not be normalised; n 0 is NONE. A range over all values of a
 * port field still asks that the packet has ports.
 */
const struct match *match_ranges(struct matches *m, enum field field, const struct range *v,
				 size_t n);
const struct match *match_range(struct matches *m, enum field field, unsigned lo, unsigned hi);
const struct match *match_value(struct matches *m, enum field field, unsigned value);
const struct match *match_family(struct matches *m, enum family f);
/* (flags & mask) == value; implies TCP. */
const struct match *match_flags(struct matches *m, unsigned value, unsigned mask);
/*
 * field FIELD_IIF to FIELD_MAC; name is copied. prefix: "eth+" is name "eth" with prefix; an
 * empty name without prefix asks that there is none (a packet that the host itself sends came
 * in by no interface). MAC addresses are six lower-case bytes with colons.
 */
const struct match *match_iface(struct matches *m, enum field field, const char *name,
				bool prefix);
/*
 * The expression with source and destination exchanged (addresses, ports, interfaces): what
 * a rule asks, asked of a reply.
 */
const struct match *match_swap(struct matches *m, const struct match *a);

/* The packet's word in FIELD_IIF to FIELD_MAC; NULL: not known. */
const char *packet_word(const struct packet *p, enum field field);

enum truth { TRUTH_FALSE, TRUTH_UNKNOWN, TRUTH_TRUE };

/* Judges one packet; an interface that the packet doesn't tell is unknown. */
enum truth match_judge(const struct match *m, const struct packet *p);

/* The first unknown met inside (depth first), or NULL. */
const struct match *match_first_unknown(const struct match *m);

/* For people and for `show`: "proto tcp and dst 10.0.0.0/8 and dport 22,80-90". */
void match_print(struct text *t, const struct match *m);

#endif
