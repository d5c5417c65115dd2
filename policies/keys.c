/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/keys.h"

#include <stddef.h>

#define SHAPE(id, text, ...)                                                                   \
	const struct shape shape_##id = { text, (const struct key[]){ __VA_ARGS__,             \
								      { NULL, false } } }
#define NEEDED(name)                                                                           \
	{                                                                                      \
		name, true                                                                     \
	}
#define OPTIONAL(name)                                                                         \
	{                                                                                      \
		name, false                                                                    \
	}

/* clang-format off */
SHAPE(policy, "policy",
	NEEDED("version"), NEEDED("name"), OPTIONAL("revision"), OPTIONAL("owner"),
	OPTIONAL("services"), OPTIONAL("tenants"), OPTIONAL("zones"), OPTIONAL("flows"),
	OPTIONAL("segregation"), OPTIONAL("alignment"), OPTIONAL("exceptions"),
	OPTIONAL("scope"), OPTIONAL("exclusions"), OPTIONAL("controls"));
SHAPE(service, "service",
	NEEDED("proto"), OPTIONAL("port"), OPTIONAL("source_port"), OPTIONAL("type"),
	OPTIONAL("code"));
SHAPE(tenant, "tenant",
	NEEDED("name"), OPTIONAL("shared"), OPTIONAL("responsible"), OPTIONAL("owner"));
SHAPE(zone, "zone",
	NEEDED("name"), OPTIONAL("tenant"), OPTIONAL("prefixes"), OPTIONAL("exclude"),
	OPTIONAL("external"), OPTIONAL("segment"), OPTIONAL("owner"), OPTIONAL("self"));
SHAPE(flow, "flow",
	NEEDED("id"), NEEDED("from"), NEEDED("to"), NEEDED("service"), NEEDED("action"),
	OPTIONAL("owner"), OPTIONAL("controls"));
SHAPE(segregation, "segregation",
	NEEDED("id"), NEEDED("between"), OPTIONAL("controls"));
SHAPE(alignment, "alignment",
	OPTIONAL("from"), OPTIONAL("to"), NEEDED("relation"), OPTIONAL("planes"));
SHAPE(exception, "exception",
	NEEDED("id"), NEEDED("check"), OPTIONAL("from"), OPTIONAL("to"), OPTIONAL("service"),
	OPTIONAL("plane"), NEEDED("owner"), NEEDED("approved_by"), NEEDED("justification"),
	NEEDED("expires"));
SHAPE(scope, "scope",
	NEEDED("families"));
SHAPE(exclusion, "exclusion",
	NEEDED("id"), OPTIONAL("prefixes"), OPTIONAL("zones"), OPTIONAL("service"),
	NEEDED("reason"), OPTIONAL("responsible"));
SHAPE(control, "control",
	NEEDED("id"), NEEDED("framework"), NEEDED("title"), NEEDED("responsible"),
	NEEDED("checks"));

SHAPE(estate, "estate",
	NEEDED("version"), NEEDED("name"), NEEDED("policy"), NEEDED("sources"),
	OPTIONAL("bindings"), OPTIONAL("paths"), OPTIONAL("links"),
	OPTIONAL("counterparts"), OPTIONAL("segments"));
SHAPE(source, "source",
	NEEDED("name"), OPTIONAL("file"), OPTIONAL("files"), OPTIONAL("dir"),
	OPTIONAL("collector"), OPTIONAL("plane"), OPTIONAL("responsible"), OPTIONAL("owner"),
	OPTIONAL("uplink"), OPTIONAL("collected_at"), OPTIONAL("max_age"));
SHAPE(binding, "binding",
	NEEDED("zone"), NEEDED("device"), OPTIONAL("interface"), OPTIONAL("interfaces"),
	OPTIONAL("vlan"), OPTIONAL("subnet"), OPTIONAL("subnets"), OPTIONAL("security_group"),
	OPTIONAL("security_groups"), OPTIONAL("port"), OPTIONAL("ports"));
SHAPE(path, "path",
	OPTIONAL("id"), NEEDED("from"), NEEDED("to"), OPTIONAL("both_ways"), OPTIONAL("hops"),
	OPTIONAL("none"), OPTIONAL("reason"));
SHAPE(hop, "hop",
	NEEDED("device"), OPTIONAL("in"), OPTIONAL("out"));
SHAPE(link, "link",
	NEEDED("ends"));
SHAPE(end, "end",
	NEEDED("device"), OPTIONAL("interface"), OPTIONAL("vlan"), OPTIONAL("port"));
SHAPE(counterpart, "counterpart",
	OPTIONAL("id"), NEEDED("physical"), NEEDED("virtual"), OPTIONAL("map"));
SHAPE(twin, "twin",
	NEEDED("physical"), NEEDED("virtual"));
SHAPE(segment, "segment",
	OPTIONAL("tenant"), OPTIONAL("zone"), OPTIONAL("interface"), OPTIONAL("vlan"),
	OPTIONAL("vni"), OPTIONAL("gre_key"), OPTIONAL("mpls"), OPTIONAL("teid"),
	OPTIONAL("erspan"), OPTIONAL("pppoe"), OPTIONAL("nsh"));
/* clang-format on */

const struct shape *const policy_shapes[] = {
	&shape_policy, &shape_service,	   &shape_tenant,    &shape_zone,
	&shape_flow,   &shape_segregation, &shape_alignment, &shape_exception,
	&shape_scope,  &shape_exclusion,   &shape_control,   NULL,
};
const struct shape *const estate_shapes[] = {
	&shape_estate, &shape_source, &shape_binding,	  &shape_path, &shape_hop,
	&shape_link,   &shape_end,    &shape_counterpart, &shape_twin, &shape_segment,
	NULL,
};

const char *const responsible_words[] = { "csp", "csc", "shared", NULL };
const char *const plane_words[] = { "physical", "virtual", NULL };
const char *const action_words[] = { "allow", "require", "deny", NULL };
const char *const relation_words[] = { "equal", "virtual-within-physical",
				       "physical-within-virtual", "effective", NULL };
const char *const family_words[] = { "ipv4", "ipv6", NULL };
