/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

/*
 * What the security team declares: zones, tenants, the flows that are allowed, required or
 * denied, and what is excepted from the checks. Read from policy.yaml by policies/policy.c;
 * docs/policy.md describes the file.
 */

#include "model/device.h"

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

enum responsibility { RESPONSIBLE_UNSAID, RESPONSIBLE_CSP, RESPONSIBLE_CSC, RESPONSIBLE_SHARED };

struct service {
	const char *name;
	const struct match *match; /* protocol, ports, ICMP type: exact */
	struct loc at;
};

struct tenant {
	const char *name;
	bool shared; /* serves the others: crossing into it is no cross-talk */
	uint8_t responsible; /* enum responsibility */
	const char *owner;   /* NULL: not said */
	struct loc at;
};

struct zone {
	const char *name;
	const struct tenant *tenant; /* NULL: none */
	bool external;	   /* everything that no other zone claims; at most one zone */
	const char *segment; /* where tenants reuse addresses; NULL: none */
	const char *owner;
	/* Normalised, without the exclusions; for the external zone the complement of all
	 * others, computed by the reader. */
	const struct span *spans[FAMILY_COUNT];
	size_t n_spans[FAMILY_COUNT];
	bool self; /* the policy judges the zone against itself */
	struct loc at;
};

enum flow_action { FLOW_ALLOW, FLOW_REQUIRE, FLOW_DENY };

struct flow {
	const char *id;
	uint8_t action; /* enum flow_action */
	const struct zone *const *from, *const *to;
	size_t n_from, n_to;
	const struct match *service; /* over all its services; match_all for any */
	const char *service_text;    /* as written: "https, ssh" */
	const char *owner;	     /* NULL: not said */
	const char *const *controls;
	size_t n_controls;
	struct loc at;
};

struct segregation {
	const char *id;
	const struct tenant *const *between; /* every pair of these */
	size_t n_between;
	const char *const *controls;
	size_t n_controls;
	struct loc at;
};

enum alignment {
	ALIGN_EQUAL,
	ALIGN_VIRTUAL_WITHIN_PHYSICAL,
	ALIGN_PHYSICAL_WITHIN_VIRTUAL,
	ALIGN_EFFECTIVE,
};

/* The first entry that names the pair wins; NULL lists mean every zone. */
struct alignment_rule {
	const struct zone *const *from, *const *to;
	size_t n_from, n_to;
	uint8_t relation; /* enum alignment */
	/* Bit per plane (1 << enum plane) that must have an enforcing point on the pair. */
	uint8_t demands;
	struct loc at;
};

struct exception {
	const char *id;
	const char *check;	     /* check id, or a glob of ids ("drift.*") */
	const struct zone *from, *to; /* NULL: any */
	const struct match *service; /* match_all: any */
	const char *plane;	     /* "physical", "virtual", or NULL */
	const char *owner, *approved_by, *justification;
	int64_t expires; /* last day it holds, days since 1970-01-01 */
	const char *expires_text;
	struct loc at;
};

/* Packets that are out of scope, with the reason. */
struct exclusion {
	const char *id;
	const char *reason;
	uint8_t responsible;
	const struct match *match; /* zones' addresses, prefixes, services */
	const char *text;	   /* for people */
	struct loc at;
};

struct control {
	const char *id;	       /* "CLD.13.1.4" */
	const char *framework; /* "ISO/IEC 27017:2015" */
	const char *title;     /* our own words */
	uint8_t responsible;
	const char *const *checks; /* ids or globs */
	size_t n_checks;
	struct loc at;
};

struct policy {
	const char *name, *version, *owner;
	const struct service *services;
	size_t n_services;
	const struct tenant *tenants;
	size_t n_tenants;
	const struct zone *zones;
	size_t n_zones;
	const struct flow *flows;
	size_t n_flows;
	const struct segregation *segregations;
	size_t n_segregations;
	const struct alignment_rule *alignments;
	size_t n_alignments;
	const struct exception *exceptions;
	size_t n_exceptions;
	const struct exclusion *exclusions;
	size_t n_exclusions;
	const struct control *controls;
	size_t n_controls;
	bool families[FAMILY_COUNT]; /* which address families are in scope; default both */
};

const struct zone *policy_zone(const struct policy *p, const char *name);

/*
 * Ids of all checks, NULL-terminated: what exceptions and controls may name. Held equal to
 * the table of diff/list.c by a test, since a policy can't know the checks themselves.
 */
extern const char *const check_ids[];
/* Whether the id is meant by glob: the id itself, or with `*` for any run of characters. */
bool check_matches(const char *glob, const char *id);

/* "low", "medium", "high", "critical". */
const char *severity_name(enum severity s);
const char *alignment_name(enum alignment a);
const char *responsibility_name(enum responsibility r); /* NULL for UNSAID */

#endif
