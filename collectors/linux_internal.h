/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_LINUX_INTERNAL_H
#define COLLECTORS_LINUX_INTERNAL_H

/*
 * The parts of the linux collector share these. docs/linux-state.md describes the file.
 *
 *	linux.c		probe, head, problems, the order of reading
 *	linux_part.c	parts, their digests, members and what isn't known of them
 *	linux_link.c	links, addresses, bridges and their ports: the device's ports
 *	linux_wire.c	what the ports are plugged into
 *	linux_route.c	routes and policy rules: where a source address is expected
 *	linux_fib.c	the device's routes; what a table says that a route can't
 *	linux_reverse.c	the check of sources where policy rules choose among tables
 *	linux_policy.c	policy rules: which table a packet is looked up in
 *	linux_host.c	what the host does without any ruleset: forwarding, source checks, bridges
 *	linux_rules.c	nftables, iptables, ipsets, ebtables
 */

#include <jansson.h>

#include "base/jsonloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "collectors/collector.h"
#include "collectors/netfilter.h"

enum linux_part_id {
	PART_LINKS,
	PART_ADDRESSES,
	PART_ROUTES,
	PART_NEXTHOPS,
	PART_RULES,
	PART_NEIGHBOURS,
	PART_BRIDGE,
	PART_TRAFFIC_CONTROL,
	PART_XFRM,
	PART_SYSCTLS,
	PART_NFTABLES,
	PART_IPTABLES,
	PART_EBTABLES,
	PART_IPSETS,
	PART_CONNTRACK,
	PART_COUNT
};

struct linux_part {
	const json_t *v; /* NULL: the file hasn't got it */
	struct loc at;
	/* Why it can't be relied on (the first reason), or NULL. */
	const char *trouble;
	struct loc trouble_at;
};

struct linux_spans {
	struct span *v;
	size_t n, cap;
};

struct linux_link {
	const json_t *v; /* as it stands in the file */
	const char *name;
	const char *kind; /* "veth", "bridge"; "" for a network card */
	struct loc at;
	bool up, running, loopback;
	struct linux_link *master; /* bridge, VRF, bond...; NULL: none */
	struct linux_link *parent; /* lower device in this namespace; NULL: none */
	bool looped;		   /* its other end is an interface of this host too */
	bool addressed;		   /* has an IPv4 address */
	bool vlan_filtering;	   /* of a bridge */
	bool calls[FAMILY_COUNT];  /* of a bridge: nf_call_iptables, nf_call_ip6tables */
	unsigned vrf_table;	   /* of a VRF; 0: not told */
	size_t port;		   /* index of the device's port */
	/* of a port of a bridge, from the part `bridge` */
	bool isolated;
	bool blocked; /* spanning tree lets nothing through */
	struct loc port_at;
	struct linux_vlans {
		struct linux_vlan {
			unsigned id;
			bool pvid, untagged;
		} *v;
		size_t n, cap;
	} vlans;
	VEC(const json_t *) fdb; /* entries of a bridge's table that lead elsewhere */
	VEC(struct linux_link *) members; /* ports of a bridge */
	bool wired;			  /* linux_wires() was here */
	const char *wire;		  /* of struct port */
	struct linux_spans sources; /* IPv4 addresses that are reached by it */
};

/* Where the kernel would send a packet to an address, for the check of sources. */
enum linux_target { TARGET_NONE, TARGET_LOCAL, TARGET_BROADCAST, TARGET_DROP, TARGET_LINKS,
		    TARGET_UNKNOWN };

struct linux_route {
	struct prefix dst;
	unsigned table;
	uint32_t metric;
	uint8_t target; /* enum linux_target */
	const char *why; /* of TARGET_UNKNOWN */
	struct linux_link *const *links; /* of TARGET_LINKS */
	size_t n_links;
	struct loc at;
	size_t order; /* as the kernel lists them */
};

/* What a route says, as the device gets it. */
enum linux_fate {
	FATE_LINKS,
	FATE_LOCAL,
	FATE_DROP,
	FATE_THROW, /* the table has no route: the next policy rule is asked */
	FATE_UNKNOWN,
};

struct linux_hop {
	const struct linux_link *link;
	struct addr via;
	bool has_via;
	const char *odd; /* why it may not be in force, or NULL */
};

struct linux_fib_route {
	struct prefix dst;
	unsigned table;
	uint32_t metric;
	uint8_t fate;	 /* enum linux_fate */
	const char *why; /* of FATE_UNKNOWN */
	const char *odd; /* why it may not be in force, or NULL */
	const struct linux_hop *hops;
	size_t n_hops;
	struct loc at;
	size_t order; /* as the kernel lists them */
};

struct linux_read {
	struct collect *c;
	const struct source *src;
	struct arena *arena;
	struct matches *m;
	struct diags *d;
	struct jsonloc *loc;
	struct device_build *b;
	struct account *acc;
	const json_t *root;
	struct linux_part parts[PART_COUNT];
	VEC(struct linux_link *) links;
	struct map link_names, groups; /* of links */
	size_t sources_asked;	       /* of tunnels, by linux_wires() */
	VEC(struct linux_route) routes; /* of IPv4 */
	VEC(struct linux_fib_route) fib; /* all tables of both families */
	struct map nexthops;		 /* id to its object of the file */
	struct map spaces;		 /* of linux_space(), by its arguments */
	VEC(struct nf_mark) marks;	 /* that policy rules ask for */
	const char *rules_why; /* why policy rules aren't the three that every host has */
	struct loc rules_at;
	struct linux_spans local[FAMILY_COUNT], broadcast[FAMILY_COUNT]; /* of the local table */
	/* IPv4, once the tables were asked: reached by some interface; nobody knows */
	struct linux_spans reachable, unsure;
	struct map came;    /* of linux_policy.c */
	struct map reaches; /* of linux_reverse.c */
	bool local_first;   /* the first policy rule of IPv4 asks the local table, whatever comes */
	const char *unsure_why;
	bool looked_up;
	struct nf_host host;
};

/* linux_part.c */

struct loc linux_loc(struct linux_read *r, const json_t *v);
struct loc linux_member(struct linux_read *r, const json_t *object, const char *key);
/* Diagnostic, rejected in the account, taint of the device. */
void linux_reject(struct linux_read *r, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Names members that aren't in the list (words separated by blanks). policy: what isn't known may
 * change verdicts, and taints. False where there was one. */
bool linux_keys(struct linux_read *r, const json_t *object, const char *known, bool policy);
const char *linux_str(const json_t *object, const char *key); /* NULL where it isn't text */
bool linux_has_flag(const json_t *object, const char *flag); /* in its "flags" */
bool linux_true(const json_t *object, const char *key);
/* A number of 0 to 2^32 - 1, -1 where there is none. */
int64_t linux_number(const json_t *object, const char *key);
/* "10.0.0.0/24" or an address without length. */
bool linux_prefix(const json_t *object, const char *key, struct prefix *ret);
/* Finds the parts, and what is wrong with them: missing, edited, problems. */
void linux_parts(struct linux_read *r);
/* The part's member "data", or NULL; of the type that is asked. */
const json_t *linux_data(struct linux_read *r, enum linux_part_id id, json_type type);
void linux_trouble(struct linux_read *r, enum linux_part_id id, struct loc at, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));
/* Items that say nothing about what passes. */
void linux_count(struct linux_read *r, const json_t *list, const char *known);
void linux_exact(struct linux_read *r, const json_t *item);
void linux_irrelevant(struct linux_read *r, const json_t *item);

/* linux_link.c */

void linux_links(struct linux_read *r);
void linux_addresses(struct linux_read *r);
void linux_bridges(struct linux_read *r);
struct linux_link *linux_link(struct linux_read *r, const char *name);
bool linux_is_bridge(const struct linux_link *l);
/* The VRF that the link's packets are in, or NULL. */
const struct linux_link *linux_vrf(const struct linux_link *l);
/* Taints ports of VRFs where rules would see them by another name; all rulesets were read. */
void linux_vrfs(struct linux_read *r);
/* The link's port is one of a bridge. */
bool linux_is_bridged(const struct linux_link *l);

/* linux_wire.c */

/* What the ports are plugged into; links, addresses and bridges were read. */
void linux_wires(struct linux_read *r);

/* linux_route.c */

void linux_routes(struct linux_read *r);
/*
 * The IPv4 source addresses that the interface's source check lets pass (rp_filter, by the
 * kernel's fib_validate_source()), as a condition on FIELD_SRC; inexact where that isn't known.
 */
const struct match *linux_sources(struct linux_read *r, const struct linux_link *l, bool strict);

/* Addresses and what becomes of them, in one table of IPv4; all addresses, in order. */
struct linux_piece {
	struct span span;
	const struct linux_route *route; /* NULL: no route */
};

struct linux_pieces {
	struct linux_piece *v;
	size_t n, cap;
};

/* Appends; to be freed with vec_free(). */
void linux_look_up(struct linux_read *r, unsigned table, struct linux_pieces *out);

/* linux_fib.c */

/* The name that routes and route rules have a table by; NULL: main. */
const char *linux_table(struct linux_read *r, unsigned table);
/* Addresses whose route (of the longest prefix) in the table has that fate, over FIELD_DST; longest:
 * only by prefixes of at most this length. *ret_first: one of the routes, or NULL. */
const struct match *linux_space(struct linux_read *r, enum family f, unsigned table,
				enum linux_fate fate, unsigned longest,
				const struct linux_fib_route **ret_first);
/* Every route of the table is to the host itself. */
bool linux_only_local(struct linux_read *r, enum family f, unsigned table);
/* The device's routes, once all were read; sorts r->fib. */
void linux_fib(struct linux_read *r);

/* linux_reverse.c */

/*
 * The IPv4 sources that the interface's check lets pass, where policy rules choose among tables:
 * the rules are gone through for a packet back. any: whichever interface it would go out by.
 */
const struct match *linux_reverse(struct linux_read *r, const struct linux_link *l, bool any);
void linux_reverse_finish(struct linux_read *r);

/* linux_policy.c */

enum linux_view {
	LINUX_FORTH,
	LINUX_BUT_PLACE, /* without the interface that it came in by */
	LINUX_BACK,	 /* asked of the packet back, for the check of the source */
};

/* What a policy rule asks beside the family. */
const struct match *linux_asked(struct linux_read *r, enum family f, const json_t *v,
				enum linux_view view);

/* The marks that policy rules ask for, to be answered by the readers of rulesets. */
void linux_marks(struct linux_read *r);
/* The device's route rules, once rulesets were read and r->fib is sorted. */
void linux_policy(struct linux_read *r);

/* linux_host.c */

/* Text of a sysctl and its place; NULL where the file hasn't got it. */
const char *linux_sysctl(struct linux_read *r, struct loc *ret_at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Facts that the readers of rulesets ask for, then rulesets of the host's own. */
void linux_facts(struct linux_read *r);
void linux_host(struct linux_read *r);

/* linux_rules.c */

void linux_rules(struct linux_read *r);
/* The host filters IPv4 and not IPv6. */
void linux_families(struct linux_read *r);

/* linux_shared.c */

/* What nft's listing shows of a table beside what iptables itself writes. */
struct linux_shared_table {
	bool xt;	 /* some of it nft can't show */
	const char *why; /* of the first rule that iptables can't have written; NULL: none */
	struct loc at;
};

/*
 * "ip filter" to its struct linux_shared_table, for tables of IPv4 and IPv6 of which there is
 * something to say; whether iptables made them is for the caller to know.
 */
void linux_shared(struct linux_read *r, const json_t *listing, struct map *ret_tables);

#endif
