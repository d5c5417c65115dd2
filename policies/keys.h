/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_KEYS_H
#define POLICIES_KEYS_H

/*
 * The keys of every mapping in policy.yaml and estate.yaml. The readers refuse what is not
 * listed here, and a test holds these tables equal to docs/policy.schema.json and
 * docs/estate.schema.json.
 */

#include <stdbool.h>

struct key {
	const char *name;
	bool needed;
};

/* Keys that begin with "x-" are the user's own in every shape. */
struct shape {
	const char *name; /* of the definition in the schema; "policy", "estate": the root */
	const struct key *keys; /* ends with a NULL name */
};

extern const struct shape shape_policy, shape_service, shape_tenant, shape_zone, shape_flow,
	shape_segregation, shape_alignment, shape_exception, shape_scope, shape_exclusion,
	shape_control;
extern const struct shape shape_estate, shape_source, shape_binding, shape_path, shape_hop,
	shape_link, shape_end, shape_counterpart, shape_twin, shape_segment;

/* All of the above, NULL-terminated. */
extern const struct shape *const policy_shapes[], *const estate_shapes[];

/* The words that a key takes, NULL-terminated, in the order of the enums they stand for. */
extern const char *const responsible_words[]; /* enum responsibility, from CSP on */
extern const char *const plane_words[];	      /* enum plane */
extern const char *const action_words[];      /* enum flow_action */
extern const char *const relation_words[];    /* enum alignment */
extern const char *const family_words[];      /* enum family */

#endif
