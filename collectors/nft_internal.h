/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NFT_INTERNAL_H
#define COLLECTORS_NFT_INTERNAL_H

/*
 * The parts of the nft collector share these. The order of the work, and the file of each:
 *
 *	nft.c		probe, the order of reading, what rules do to the rest of the file
 *	nft_object.c	tables, chains, sets
 *	nft_graph.c	who calls whom: cycles, depth, which hooks reach a chain
 *	nft_base.c	what stands in front of a base chain, and where it is bound
 *	nft_rule.c	one rule: its statements in order, verdict maps, translations
 *	nft_nat.c	translations: which packets, to what
 *	nft_vmap.c	verdicts and maps to them
 *	nft_trace.c	what earlier rules did to a packet: marks, tracking
 *	nft_match.c	one match: left, operator, right
 *	nft_key.c	the left side of a match: which field, and what a packet needs to have
 *	nft_value.c	the right side: constants, ranges and masks, as conditions
 *	nft_fib.c	`fib saddr|daddr type`: of which type the host takes an address
 *	nft_set.c	sets, maps and their elements
 *	nft_names.c	the words of nft for protocols, types, flags and priorities
 *	nft_compact.c	makes long listings cheaper to parse
 *	nft_text.c	text: has nft read it (nft_run.c), finds the places (nft_script.c)
 */

#include <jansson.h>

#include "base/jsonloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "collectors/collector.h"
#include "collectors/netfilter_nat.h"
#include "collectors/nft.h"

enum nft_family { NFT_IP, NFT_IP6, NFT_INET, NFT_ARP, NFT_BRIDGE, NFT_NETDEV };

/* Which hooks reach a chain, directly or through jumps. */
enum {
	REACH_FRAME = 1, /* sees frames: bridge, ingress, egress */
	REACH_IN = 2,
	REACH_FORWARD = 4,
	REACH_OUT = 8,
	REACH_LOCAL_IN = 16,
	REACH_LOCAL_OUT = 32,
	REACH_EARLY = 64, /* before connection tracking has looked at the packet */
};

struct nft_table {
	enum nft_family family;
	const char *name, *path; /* "table inet filter" */
	struct loc at;
	bool dormant;
	bool elsewhere;	   /* its rules are read from another listing */
	const char *doubt; /* why it may not be in force, or NULL */
	const char *dev;   /* the only device of its ingress and egress chains, or NULL */
	bool many_devs;
};

struct nft_chain;
struct nft_marks;

struct nft_set {
	const char *name, *label; /* "set blocked" */
	struct loc at;
	bool is_map, verdicts;
	const char *loose;	   /* why membership isn't known (it changes), or NULL */
	VEC(const json_t *) elems; /* arrays of elements */
	struct map memo;	   /* kind of key to the condition (struct match) */
	struct nft_chain *node;	   /* of the graph: what a verdict map calls */
};

struct nft_call {
	struct nft_chain *to;
	struct loc at;
};

struct nft_chain {
	struct nft_table *table;
	const char *name, *path; /* "table inet filter chain forward" */
	struct loc at;
	struct ruleset *ruleset;
	bool base, nat;
	const char *hook;
	int prio;
	VEC(const char *) devs;
	VEC(const json_t *) rules;  /* rule objects, in order */
	VEC(struct nft_call) calls; /* jumps and gotos, found by nft_graph */
	unsigned reach, own_reach;  /* with, and without, what its callers bring */
	unsigned depth;		    /* calls on the longest way from here; 0 for a leaf */
	uint8_t colour;		    /* of the walk: 0 not seen, 1 on the way, 2 done */
	size_t next;		    /* of calls, in the walk */
};

struct nft {
	struct collect *c;
	const struct source *src;
	const struct nf_host *host;    /* never NULL */
	struct nf_nats *nats;	       /* never NULL */
	const struct nft_facts *facts; /* what the kernel itself says, or NULL */
	struct arena *arena;
	struct matches *m;
	struct diags *d;
	struct jsonloc *loc;
	const struct nft_places *places; /* of text, in the place of loc; else NULL */
	struct device_build *b;
	struct account *acc;
	struct map tables, chains, sets; /* "inet filter", "inet filter forward" */
	struct map ports;
	VEC(struct nft_chain *) order; /* as they stand in the file */
	VEC(struct nft_set *) all_sets;
	/* A rule takes packets out of tracking: those (at least) that this matches. */
	const struct match *notrack;
	bool tracked[FAMILY_COUNT]; /* connection tracking is in use: fragments are joined */
	bool offload;		    /* a flow table takes established flows past the hooks */
	size_t n_expansions;	    /* value by value, so far: bounded */
	size_t n_targets;	    /* of translations through maps, so far: bounded */
	size_t n_parts;		    /* rules that verdict maps made, so far: bounded */
	unsigned nat_chains[512];   /* how many there are, by reach */
	struct map at_rule;	    /* address of a rule to what nft_trace() found there */
};

/* One rule while it is read. */
struct nft_rule {
	struct nft *n;
	const json_t *rule;
	struct nft_chain *chain;
	struct loc at;
	const char *name;
	/* What the packet must be that protocol and ports of its IP header can be asked at all:
	 * ALL in the IP families, an unknown where frames may carry a VLAN tag. */
	const struct match *frame;
	uint64_t protos[4]; /* protocols still possible here, a bit each */
	bool transport;	    /* something looked at the transport header */
	/* What earlier rules did to the packets that get here; NULL: not known. */
	const struct nft_marks *marks;
};

/* nft_names.c */

enum nft_domain {
	DOMAIN_NONE,
	DOMAIN_PORT,
	DOMAIN_PROTO,
	DOMAIN_PROTO4,	/* the same in the IPv4 header */
	DOMAIN_NEXTHDR, /* the next header of the fixed IPv6 header */
	DOMAIN_ICMP_TYPE,
	DOMAIN_ICMP_CODE,
	DOMAIN_ICMPV6_TYPE,
	DOMAIN_ICMPV6_CODE,
	DOMAIN_TCP_FLAGS,
	DOMAIN_CT_STATE,
	DOMAIN_NFPROTO,
	DOMAIN_ETHERTYPE,
	DOMAIN_VERSION,
	DOMAIN_FRAG_OFF,
	DOMAIN_FIB_TYPE,
	DOMAIN_MARK,
};

/* The largest value of the domain. */
unsigned nft_domain_max(enum nft_domain d);
/* Constants whose bits may be joined and tested (flags). */
bool nft_domain_is_bits(enum nft_domain d);
/* One constant: a number, a word of the domain, or several joined by "|". */
bool nft_number(enum nft_domain d, const json_t *v, uint64_t *ret);
/* -1 where the name isn't one. */
int nft_family(const char *name);
/* A priority as number or name with offset ("filter + 10"); names differ for bridges. */
bool nft_priority(enum nft_family f, const json_t *v, int *ret);
/* The bit of ct state of each enum conn_state. */
extern const uint8_t nft_state_bit[STATE_COUNT];

/* nft_key.c */

enum nft_key_kind { KEY_UNKNOWN, KEY_ADDR, KEY_NUMBER, KEY_IFACE };

enum { NFT_OPS = 4, NFT_KEYS = 16 };

/* What a match looks at: a field, perhaps seen through a mask. */
struct nft_key {
	enum nft_key_kind kind;
	enum nft_domain domain;
	uint8_t field;	/* enum field */
	uint8_t family; /* of KEY_ADDR */
	/* Ports of any protocol ("th"): on protocols without ports the bytes are others. */
	bool raw_ports;
	bool absent;	/* of KEY_IFACE: the hook has no such interface, ever */
	bool fib_dev;	/* of DOMAIN_FIB_TYPE: asked of one interface's addresses alone */
	const char *why; /* of KEY_UNKNOWN: "meta mark" */
	/* The packets that are asked at all: others end the rule, whatever it asks, also !=.
	 * need is part of every condition; have is said beside negations, where the
	 * condition itself does not imply it. */
	const struct match *need, *have;
	/* An unknown that lies over every answer ("packets may have been taken out of
	 * tracking"), or NULL: answer' = or(and(not over, answer), and(over, unknown)); with
	 * over_known, of ct state, such packets are untracked. */
	const struct match *over;
	bool over_known;
	const struct nft_marks *marks; /* of DOMAIN_MARK */
	uint64_t protos[4];
	struct {
		char op; /* & | ^ */
		uint64_t number;
		struct addr addr;
	} ops[NFT_OPS];
	unsigned n_ops;
};

struct nft_keys {
	struct nft_key v[NFT_KEYS];
	size_t n;
};

/* Never fails: what isn't understood is a KEY_UNKNOWN that says what. */
void nft_keys(struct nft_rule *r, const json_t *left, struct nft_keys *ret);
/* The object has no other keys than those (NULL-terminated). */
bool nft_only(const json_t *object, const char *const *keys);

/* nft_value.c */

struct nft_spans {
	struct span *v;
	size_t n, cap;
};

/* An unknown of the rule itself. */
const struct match *nft_doubt(struct nft_rule *r, const char *why);
/* v is normalised and has x. */
bool nft_spans_have(const struct nft_spans *v, uint64_t x);
/* A flag x of the key's field, seen through its operations, is in v, which is normalised. */
bool nft_key_has(const struct nft_key *k, const struct nft_spans *v, uint64_t x);
/* Address, prefix or range. */
bool nft_addr(enum family f, const json_t *v, struct span *ret);
/* Number, word or range. */
bool nft_number_span(enum nft_domain d, const json_t *v, struct span *ret);
/* Either, as the key asks; false for keys of other kinds. */
bool nft_key_span(const struct nft_key *k, const json_t *v, struct span *ret);
/*
 * The key (an address or a number) is in v, seen through its mask (negate: it isn't). v is
 * normalised in place. ports_ok: only protocols with ports get here.
 */
const struct match *nft_condition(struct nft_rule *r, const struct nft_key *k,
				  struct nft_spans *v, bool negate, bool ports_ok);

/* nft_fib.c */

/* The address is of one of the types (by number, RTN_* of linux/rtnetlink.h). */
enum { NFT_FIB_TYPES = 9 };
const struct match *nft_fib_in(struct nft_rule *r, const struct nft_key *k,
			       const bool types[NFT_FIB_TYPES]);

/* nft_trace.c */

/* What rules do to the marks and the tracking of packets, along their ways. */
void nft_trace(struct nft *n);
/* What the packets that get to the rule have, or NULL where that isn't known. */
const struct nft_marks *nft_marks_at(const struct nft *n, const json_t *rule);
const struct match *nft_marks_untracked(const struct nft_marks *k);
/* Different where anything is. */
uint32_t nft_marks_version(const struct nft_marks *k);
/* The mark, seen through the key's operations, is in v (negate: isn't); v is normalised. */
const struct match *nft_mark_in(struct nft_rule *r, const struct nft_key *k,
				const struct nft_spans *v, bool negate);

/* nft_set.c */

/* An element of a set or map as it stands in the export. */
struct nft_member {
	const json_t *key, *data; /* data NULL in sets; key NULL: the catch-all */
	bool maybe;		  /* may be there or not (a timeout) */
};

struct nft_members {
	struct nft_member *v;
	size_t n, cap;
};

/* Elements of an array of a set (or map: pairs). */
void nft_members_add(struct nft_rule *r, struct nft_members *ms, const json_t *array, bool map);
/* What the keys must be to be one of the members, without what they need. */
const struct match *nft_is_member(struct nft_rule *r, const struct nft_keys *k,
				  const struct nft_member *v, size_t n);
/* The same with what the keys need; negate: the keys are there, but none of the members. */
const struct match *nft_compare(struct nft_rule *r, const struct nft_keys *k,
				const struct match *is_member, bool negate);
/* What the packet must be that the keys can be read. */
const struct match *nft_need(struct nft_rule *r, const struct nft_keys *k);
/* One key against members, negate: it is none of them; without what it needs. */
const struct match *nft_one_key(struct nft_rule *r, const struct nft_key *k,
				const struct nft_member *v, size_t n, bool negate,
				bool ports_ok);
/* {"map": v}: its key has an entry, without which the statement ends the rule. */
const struct match *nft_has_entry(struct nft_rule *r, const json_t *v);
/* The condition that the keys are in the named set, made once for each kind of keys. */
const struct match *nft_in_set(struct nft_rule *r, const struct nft_keys *k,
			       struct nft_set *set);
/* The set that "@name" names, or NULL after a diagnostic. */
struct nft_set *nft_set_find(struct nft_rule *r, const char *ref);
/* Two members with different verdicts both match some value, as far as we could see. */
bool nft_members_overlap(struct nft_rule *r, const struct nft_keys *k,
			 const struct nft_members *ms, const uint32_t *group);

/* Tells kinds of keys apart, as far as a set's elements are concerned. */
void nft_keys_text(struct text *t, const struct nft_keys *k);

/* nft_nat.c */

/* What {name: v} translates, of the packets `touch` (that hold for all of a connection); never
 * NULL. */
struct nf_translation *nft_translation(struct nft_rule *r, const char *name, const json_t *v,
				       const struct match *touch);
/* A map by chance or by a hash has an entry for every value. */
bool nft_covers(struct nft_rule *r, const json_t *map);
/* A statement that translates destinations may give packets that look so; NULL: it doesn't. */
const struct match *nft_looks(struct nft_rule *r, const char *name, const json_t *v);
/* The chain is bound to a hook: its translations go to the host's. */
void nft_nat_chain(struct nft *n, struct nft_chain *ch, enum hook_kind kind, unsigned families);

/* nft_vmap.c */

struct nft_verdict {
	enum verdict verdict;
	const struct ruleset *target;
	const char *note; /* why it is UNKNOWN, or NULL */
};

/* {name: v}, as {"accept": null}, {"jump": {"target": "x"}}; false where it isn't one. */
bool nft_verdict(struct nft_rule *r, const char *name, const json_t *v,
		 struct nft_verdict *ret);
/* Name and value of an object's only member (a string: its own name), or NULL. */
const char *nft_only_member(const json_t *v, const json_t **ret_value);

struct nft_vmap {
	struct {
		struct nft_verdict to;
		const struct match *is; /* with what the keys need */
	} * v;
	size_t n;
};

/* {"vmap": v}: its outcomes, each once; NULL and why where nobody knows them. */
const struct nft_vmap *nft_vmap(struct nft_rule *r, const json_t *v, struct nft_keys *ret_keys,
				const char **ret_why);

/* nft_match.c */

/* {"match": v}; ret_keys tells what it looked at. */
const struct match *nft_match(struct nft_rule *r, const json_t *v, struct nft_keys *ret_keys);

/* nft_rule.c */

/* What a rule is read with, before its first statement. */
void nft_rule_start(struct nft_rule *r, struct nft *n, struct nft_chain *ch, const json_t *rule);
/* Reads all rules of the chain into its ruleset, behind n_glue of ours, and their accounts. */
void nft_chain_rules(struct nft *n, struct nft_chain *ch, struct rule *glue, size_t n_glue);
/* The condition of a rule's match statements alone, for what rules do to later ones. */
const struct match *nft_rule_match(struct nft *n, struct nft_chain *ch, const json_t *rule);

/* nft_graph.c */

/* From the calls: reach and depth of all chains; names cycles and deep chains. */
void nft_graph(struct nft *n);
/* Adds the calls that a statement of the rule makes. */
void nft_graph_calls(struct nft *n, struct nft_chain *from, const json_t *stmt,
		     const json_t *rule);

/* nft_base.c */

enum { NFT_GLUE = 8 };

/* The packets that rules take out of tracking, over the whole file. */
void nft_note_untracked(struct nft *n);
/* The rules in front of a base chain's own: what never gets to them, or may not. At most
 * NFT_GLUE; how many. */
size_t nft_glue(struct nft *n, struct nft_chain *ch, struct rule *v);
/* The chain never sees a later fragment as such. */
bool nft_joins_fragments(const struct nft *n, const struct nft_chain *ch);
/* A rule of ours: nobody can say what becomes of later fragments. */
void nft_glue_fragments(struct nft *n, struct nft_chain *ch, struct rule *ret);
/* Puts a base chain that is in force to its hooks; its ruleset is filled. */
void nft_bind(struct nft *n, struct nft_chain *ch);

/* nft_object.c: one object each, and its account */

void nft_read_table(struct nft *n, const json_t *v);
void nft_read_chain(struct nft *n, const json_t *v);
void nft_read_set(struct nft *n, const json_t *v, bool map);
void nft_read_elements(struct nft *n, const json_t *v);
/* The object is not understood: nothing about the device is certain any more. */
void nft_reject(struct nft *n, const json_t *v, const char *why);
void nft_irrelevant(struct nft *n, const json_t *v);
/* The object (a chain, a rule...) is of a table that another listing tells of. */
bool nft_elsewhere(struct nft *n, const json_t *v);

/* nft_text.c */

/*
 * Text instead of JSON: has nft read it, and gives the tree of its listing (the caller's) with
 * what nft's JSON leaves out, and where its objects stand in the text (in the arena, to be
 * finished). A negative errno after a diagnostic where there is none to be had.
 */
int nft_text_read(struct collect *c, const struct source *src, json_t **ret_root,
		  struct nft_places **ret_places);
void nft_places_finish(struct nft_places *p); /* NULL is fine */
struct loc nft_text_loc(const struct nft_places *p, const json_t *v);

/* nft_compact.c */

/* The source, or where it is long one that says the same in fewer values at the same places. */
const struct source *nft_compact(struct arena *a, const struct source *src);

/* nft.c */

struct loc nft_loc(struct nft *n, const json_t *v, const char *path);
struct loc nft_rule_loc(struct nft *n, struct nft_chain *ch, const json_t *rule,
			const char **ret_name);
const char *nft_key_of(struct nft *n, const char *family, const char *table, const char *name);
const char *nft_family_name(enum nft_family f);
const char *nft_str(const json_t *object, const char *key); /* NULL where it isn't a string */
void nft_port(struct nft *n, const char *name, struct loc at);

#endif
