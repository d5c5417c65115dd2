/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_ASA_NAT_H
#define COLLECTORS_ASA_NAT_H

/*
 * Between the files of ASA translation. A line becomes one struct xlate or several
 * (asa_nat_new.c from 8.3 on, asa_nat_old.c before); these are sorted into the order in which
 * the firewall asks them and become rules for first packets (asa_nat.c), with the checks that
 * go with them (asa_nat_check.c).
 */

#include "collectors/asa_internal.h"

enum {
	XLATES_MAX = 20000,
	XLATES_COMPARED = 4000, /* more of them are not held against each other */
	NAT_WORK_MAX = 50000000,
	PROXY_MAX = 4096, /* addresses that are looked at one by one */
};

/* Addresses as a translation names them. */
struct xaddr {
	const struct match *src, *dst; /* NULL: anything */
	const struct span *v;	       /* of family, where known */
	size_t n;
	enum family family;
	bool known;
	bool any;
};

/* Ports of a service object; the protocol alone where neither is there. */
struct xports {
	bool source, dest;
	struct range s, d;
};

struct xlate {
	uint32_t line;
	const char *text;
	const char *in, *out; /* of the real and the mapped addresses; NULL: any */
	const struct match *touches;
	const char *why; /* not NULL: only touches is known, and why */
	uint8_t section; /* 1 to 4, see by_order */
	/* Within a section: of two the smaller goes first. */
	uint64_t rank[3];
	const char *name;
	size_t index; /* the order of lines, at last */

	struct xaddr real, mapped;
	const struct match *guard; /* over the packet as it comes; NULL: none */
	bool dynamic;
	bool pat, pat_only; /* ports may change; nothing else than ports tells hosts apart */
	bool one_way;	    /* unidirectional, or only from the real side */
	bool unsure;	    /* whether it is asked at all isn't certain */
	bool has_dest;
	struct xaddr dest_mapped, dest_real;
	bool has_service;
	unsigned proto;
	struct xports first, then; /* of the packet as it comes, and translated */
	bool route_lookup, no_proxy_arp;
	bool stuck;		 /* dynamic without a pool on the port it leaves by: dropped */
	size_t from_nat, to_nat; /* its rules in the builder, behind emission */
	const struct match *earlier; /* made by the checks */
};

typedef VEC(struct xlate) xlates;

struct nat_work {
	struct asa *a;
	xlates v;
	bool old;	/* before 8.3 */
	size_t proxies; /* addresses that may still be looked at */
	size_t work;
};

/* asa_nat.c: addresses */
struct xaddr xaddr_any(void);
struct xaddr xaddr_span(struct asa *a, enum family f, struct addr lo, struct addr hi);
struct xaddr xaddr_join(struct asa *a, struct xaddr x, struct xaddr y);
struct xaddr xaddr_of_port(struct asa *a, const char *port);
/* An object, a group, `any`, `interface` or an address, as lines name them. */
struct xaddr xaddr_word(struct asa *a, struct word w, const char *port, uint32_t line);
struct xaddr xaddr_def(struct asa *a, struct def *d);
bool xaddr_same(struct xaddr x, struct xaddr y);
uint64_t xaddr_count(struct xaddr x);
/* Packets between the two, in either direction. */
const struct match *xaddr_between(struct asa *a, struct xaddr x, struct xaddr y);
/* "(inside,outside)" or "(inside)": ports, NULL for any. False where one isn't known. */
bool nat_port_pair(struct asa *a, struct word w, const char **ret_in, const char **ret_out);
/* A new translation of the line. */
struct xlate *nat_add(struct nat_work *k, const struct line *l);
/* The line wasn't understood: everything may be touched. */
void nat_wrong(struct nat_work *k, const struct line *l, const char *why);

void nat_read_new(struct nat_work *k);
void nat_read_old(struct nat_work *k);
void nat_checks(struct nat_work *k);

#endif
