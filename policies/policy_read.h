/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_POLICY_READ_H
#define POLICIES_POLICY_READ_H

/*
 * The parts of the policy reader, in the order in which they run. Each looks at one section
 * of all files, so that a zone may stand in one file and the flows to it in another.
 */

#include "base/vec.h"
#include "policies/names.h"

/* One protocol with its ports or ICMP type: what services are made of, for comparing flows. */
struct service_part {
	uint8_t proto;
	const struct range *sport, *dport; /* normalised; NULL: all */
	size_t n_sport, n_dport;
	int type, code; /* ICMP; -1: all */
};

struct service_parts {
	const struct service_part *v; /* NULL: any packet */
	size_t n;
};

/* What a flow is compared by. */
struct flow_sets {
	struct service_parts parts;
	uint64_t *from, *to; /* a bit for each zone */
	bool whole;	     /* read without an error */
};

struct policy_reader {
	struct reader r;
	const struct node *const *roots; /* one for each file */
	size_t n_roots;
	struct policy *policy;
	struct names services, tenants, zones, controls;
	struct names flow_ids, segregation_ids, exception_ids, exclusion_ids;
	const struct service_parts *parts; /* beside policy->services */
	size_t n_parts;			   /* given out to flows that name several services */
	/* For each zone one other that has addresses in common with it (in another segment), or
	 * NULL. */
	const struct zone **shares;
	size_t n_excluded; /* spans that exclusions have taken from zones */
	struct zone_words words;
};

/* Like those of names.h. */
enum { MAX_SERVICE_PARTS = 1 << 20, MAX_EXCLUDED_SPANS = 1 << 20 };

/*
 * A section of all files as one list: `for (struct section s = { 0 }; section_next(...);)`.
 * A section that is no list is reported once.
 */
struct section {
	size_t root, item, n;
	const struct node *const *items;
	const struct node *node; /* the item */
};
bool section_next(struct policy_reader *pr, struct section *s, const char *key,
		  const struct shape *shape);

void read_services(struct policy_reader *pr);
void read_tenants(struct policy_reader *pr);
void read_zones(struct policy_reader *pr);
void read_controls(struct policy_reader *pr);
void read_flows(struct policy_reader *pr);
void read_segregation(struct policy_reader *pr);
void read_alignment(struct policy_reader *pr);
void read_exceptions(struct policy_reader *pr);
void read_exclusions(struct policy_reader *pr);

/* The service under a key, joined over its words. NULL after a diagnostic, or where absent. */
const struct match *service_at(struct policy_reader *pr, const struct node *map,
			       const char *key, struct service_parts *ret_parts,
			       const char **ret_text);
/* Whether some packet is in both. *budget counts down; false once it is spent. */
bool services_meet(const struct service_parts *a, const struct service_parts *b,
		   size_t *budget);

/* One prefix of either family, without host bits. */
struct claim {
	struct span span;
	uint8_t family;
	struct loc at;
};
/* False after a diagnostic (policy.prefix, policy.host-bits). */
bool prefix_of(struct reader *r, const struct node *node, struct claim *ret_claim);

/* The ids of controls under `controls`, each of them defined. */
size_t controls_at(struct policy_reader *pr, const struct node *map,
		   const char *const **ret_controls);

/* Warns where flows contradict or repeat one another; sets[i] belongs to policy->flows[i]. */
void compare_flows(struct policy_reader *pr, const struct flow_sets *sets);

#endif
