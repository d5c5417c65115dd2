/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_AWS_INTERNAL_H
#define COLLECTORS_AWS_INTERNAL_H

/*
 * What the files of one estate entry say about VPCs, as the API names it, before it becomes
 * devices. Objects refer to each other by pointers; one that is only spoken of stays
 * undefined, and whatever depends on it is unknown.
 *
 *	aws.c          files, documents, wrappers
 *	aws_kind.c     what objects are, by their list's name or their members; the probe
 *	aws_member.c   members of JSON objects, the account
 *	aws_object.c   VPCs, subnets, network interfaces
 *	aws_acl.c      network ACLs, prefix lists
 *	aws_group.c    security groups and their permissions
 *	aws_ruleset.c  references resolved; groups and ACLs as rulesets
 *	aws_device.c   ports, what hangs on them, devices
 *	aws_route.c    route tables, and the gateways that routes name
 *	aws_transit.c  transit gateways: attachments, tables, routes; each becomes a device
 *	aws_balance.c  network load balancers: listeners, targets; each becomes a device
 *	aws_path.c     a VPC's routing: ports of gateways, tables
 *	aws_gate.c     internet, egress-only and NAT gateways; public addresses
 */

#include <jansson.h>

#include "base/jsonloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "collectors/collector.h"

enum aws_kind {
	AWS_GROUP,
	AWS_INTERFACE,
	AWS_SUBNET,
	AWS_VPC,
	AWS_ACL,
	AWS_LIST,
	AWS_LIST_ENTRY,
	AWS_TABLE,
	AWS_IGW, /* InternetGateways, and so on: gateways, each read by aws_read_gate() */
	AWS_EIGW,
	AWS_NAT,
	AWS_PEERING,
	AWS_VGW,
	AWS_ENDPOINT,
	AWS_ADDRESS,
	AWS_TGW,
	AWS_TGW_ATTACHMENT,
	AWS_TGW_VPC,
	AWS_TGW_TABLE,
	AWS_TGW_PROPAGATION,
	AWS_TGW_ROUTES,
	AWS_BALANCER,
	AWS_BALANCER_ATTRIBUTES,
	AWS_LISTENER,
	AWS_TARGET_GROUP,
	AWS_TARGET_ATTRIBUTES,
	AWS_TARGET_HEALTH,
	AWS_INSTANCE,
	AWS_RESERVATION, /* instances that were started together */
	AWS_OTHER, /* of the API, but nothing that is modelled here */
	AWS_KINDS
};

/* Seen from the network: what reaches an interface, what leaves it. */
enum aws_direction { AWS_INGRESS, AWS_EGRESS, AWS_DIRECTIONS };

struct aws_spans {
	VEC(struct span) of[FAMILY_COUNT];
};

/* Whatever a route may name besides interfaces: a gateway by its id. */
struct aws_gate {
	const char *id;
	uint8_t kind; /* enum aws_kind, of the list that has it; AWS_OTHER: none has */
	struct loc at;
	bool defined;
	uint64_t print;
	const char *odd;
	bool gone;		   /* deleted, not active, not attached */
	const char *ends[2];	   /* VPCs where it is attached; peering: both ends */
	struct aws_subnet *subnet; /* NAT gateway */
	struct aws_spans addrs;	   /* NAT gateway: its private addresses */
	struct aws_table *table;   /* for what comes in by it: a gateway association */
	struct loc table_at;
};

struct aws_hop {
	struct loc at;
	struct prefix dst;
	struct aws_list *list; /* destinations are its entries; NULL: dst */
	const char *target;    /* "local", an id, or NULL */
	const char *interface; /* "eni-..." beside an instance; or NULL */
	bool blackhole;
};

struct aws_table {
	const char *id;
	struct loc at, main_at;
	const char *vpc_id;
	bool defined, main;
	uint64_t print;
	const char *odd; /* why it isn't known where it sends packets */
	VEC(struct aws_hop) routes;
	bool transit, lists; /* some route leads to a transit gateway, or names a list */
	/* made for what packets its lists might have routes; NULL: nothing is missing */
	const struct match *missing;
	const char *missing_why;
	bool looked;
};

/* One VPC, peering... attached to a transit gateway. */
struct aws_attachment {
	const char *id, *type; /* "vpc", "peering", "vpn"...; NULL: not told */
	struct loc at;
	struct aws_tgw *tgw;
	const char *vpc_id, *odd;
	struct aws_vpc *vpc; /* NULL: none that was collected */
	VEC(struct aws_subnet *) subnets;
	bool told; /* in the list that tells associations */
	bool gone;
	bool appliance; /* keeps a flow in one zone: any zone may be chosen */
	bool no_v6;
	struct aws_tgw_table *table; /* association; NULL: none */
};

struct aws_tgw_route {
	struct loc at;
	struct prefix dst;
	struct aws_list *list;
	bool blackhole, propagated;
	VEC(const char *) attachments;
};

struct aws_tgw_table {
	const char *id;
	struct loc at;
	struct aws_tgw *tgw;
	bool defined, has_routes, has_propagations;
	const char *odd;
	VEC(struct aws_tgw_route) routes;
	VEC(const char *) propagations; /* ids of attachments */
	struct loc propagations_at;
};

struct aws_tgw {
	const char *id, *name;
	struct loc at;
	bool defined;
	uint64_t print;
	VEC(struct aws_attachment *) attachments;
	VEC(struct aws_tgw_table *) tables;
};

struct aws_target {
	const char *id,
		*zone; /* instance or address; the account's name of its zone, or NULL */
	uint16_t port;
};

struct aws_target_group {
	struct loc at;
	const char *type; /* "instance", "ip"...; NULL: not told */
	bool has_targets;
	const char *preserve; /* client addresses: "true" or "false"; NULL: not told */
	const char *odd;
	VEC(struct aws_target) targets;
};

struct aws_listener {
	struct loc at;
	const struct match *proto;
	uint16_t port;
	const char *odd;
	VEC(const char *) groups;
};

/* A network load balancer. */
struct aws_balancer {
	const char *id; /* "net/NAME/0123abcd", the end of its ARN */
	const char *name, *vpc_id, *odd;
	struct loc at;
	bool defined, told; /* told: its listeners are here */
	uint64_t print;
	const char *cross_zone; /* "true" or "false"; NULL: not told */
	VEC(struct aws_listener) listeners;
	VEC(struct aws_interface *) interfaces;
};

/* A public address and the private one that stands behind it, one by one. */
struct aws_public {
	struct addr private, public;
	struct loc at;
};

struct aws_vpc {
	const char *id, *name; /* name: the tag, or NULL */
	struct loc at;
	const char *owner;  /* account that the objects name, or NULL */
	const char *second; /* another such account: the VPC is shared */
	bool defined;
	uint64_t print;	     /* fingerprint of what decides, to know copies by */
	const char *blocked; /* block public access is on, in this mode */
	const char *odd;     /* why something about it isn't known */
	struct loc odd_at;
	VEC(struct aws_group *) groups;
	VEC(struct aws_interface *) interfaces;
	VEC(struct aws_subnet *) subnets;
	VEC(struct aws_acl *) acls;
	/* Why interfaces, or addresses of theirs, may be missing; NULL: all are known. */
	const char *partial;
	const char *lost; /* an interface of it may have addresses that aren't known */
	struct device_build *build;
	const char *device;
	/* by direction: every interface by its groups; every address by its subnet's ACL */
	struct ruleset *members[AWS_DIRECTIONS], *borders[AWS_DIRECTIONS];
	/* addresses of all interfaces, over our own field */
	const struct match *held_match[AWS_DIRECTIONS];
	struct aws_spans cidrs;
	VEC(struct prefix) prefixes; /* its networks, as routes of others to it say them */
	const char *cidrs_odd;	     /* why there may be more of them */
	VEC(struct aws_table *) tables;
	struct aws_table *main;
	VEC(struct aws_gate *) gates; /* attached to it */
	VEC(struct aws_attachment *) attachments;
	VEC(struct aws_balancer *) balancers;
	VEC(struct aws_public) publics;
	struct map sets;			   /* rulesets of sets of groups, by name */
	struct map ports;			   /* those of gateways, by name */
	struct ruleset *no_border[AWS_DIRECTIONS]; /* of a subnet that isn't told; or NULL */
};

struct aws_subnet {
	const char *id, *name;
	struct loc at;
	struct aws_vpc *vpc;
	bool defined;
	uint64_t print;
	const char *odd;
	struct aws_spans cidrs;
	VEC(struct prefix) prefixes;
	VEC(struct aws_interface *) interfaces;
	struct aws_acl *acl; /* NULL: none is known to be associated */
	struct loc acl_at;
	const char *acl_odd; /* two ACLs claim it */
	struct ruleset *border[AWS_DIRECTIONS];
	/* The same without what is passed because it stays within the subnet. */
	struct ruleset *passage;
	const char *zone;	 /* availability zone; NULL: not told */
	const char *zone_name;	 /* the account's own name for it */
	struct aws_table *table; /* NULL: the VPC's main one */
	struct loc table_at;
	const char *table_odd;
	/* ports in it: of transit gateways, and of others that packets go on through */
	VEC(const char *) transits, relays;
};

struct aws_interface {
	const char *id, *name, *type;
	struct loc at;
	struct aws_vpc *vpc;
	struct aws_subnet *subnet;
	uint64_t print;
	bool defined;
	bool forwards;	  /* sends and receives for others (no source/destination check) */
	bool unfiltered;  /* of a service that has no security groups by design */
	const char *odd;  /* why its groups or addresses aren't known */
	const char *lost; /* why it may have addresses that aren't known */
	struct aws_spans addrs;
	VEC(struct aws_group *) groups;
	const char *instance, *description;
	bool first;	/* the instance's first one */
	bool unchecked; /* whether it has a source/destination check is not told */
	struct account *account; /* of its source, where only its instance tells of it */
	VEC(struct aws_public) publics;
};

struct aws_list {
	const char *id, *name;
	struct loc at;
	uint64_t print;
	bool defined, has_cidrs, has_entries;
	bool odd;	     /* entries that weren't understood, or a missing page */
	int family;	     /* enum family, -1: not said */
	unsigned open, last; /* pages with and without a token for the next */
	struct aws_spans spans;
	const struct match *match[AWS_DIRECTIONS]; /* over FIELD_SRC, FIELD_DST */
	const struct aws_vpc *named_in;		   /* the device whose names have it already */
};

/* A service with one range, list or group: what AWS calls a security group rule. */
struct aws_rule {
	struct loc at;
	const char *note; /* the user's description, or NULL */
	struct account *account;
	const struct match *service;
	const struct match *peer; /* NULL: list or group tells */
	struct aws_list *list;
	struct aws_group *group;
	const char *user, *vpc_id, *status; /* what the pair says of the group; NULL: nothing */
	bool peered;			    /* the pair names a peering connection */
	uint8_t class;			    /* enum account_class */
	const char *why;
};

struct aws_group {
	const char *id, *name, *owner;
	struct loc at;
	struct aws_vpc *vpc; /* NULL: not known */
	bool defined;
	uint64_t print;
	const char *odd; /* why it isn't known what it permits */
	bool has[AWS_DIRECTIONS];
	const char *extra[AWS_DIRECTIONS]; /* a member that may permit more */
	VEC(struct aws_rule) rules[AWS_DIRECTIONS];
	VEC(struct aws_interface *) holders;
	const struct match *held_match[AWS_DIRECTIONS]; /* over FIELD_SRC, FIELD_DST */
	struct ruleset *ruleset[AWS_DIRECTIONS];
	struct aws_vpc *built_in;	  /* whose device ruleset[] belongs to */
	VEC(struct aws_interface *) here; /* while a list of members is made */
};

struct aws_acl_entry {
	struct loc at;
	uint64_t number;
	const struct match *match;
	uint8_t verdict;  /* enum verdict: PERMIT, DENY, or UNKNOWN with a reason in why */
	uint8_t families; /* 1 << enum family, or'ed */
	bool implicit;
	bool contested; /* another entry has the same number */
	const char *why;
};

struct aws_acl {
	const char *id, *name;
	struct loc at;
	struct aws_vpc *vpc;
	bool defined;
	uint64_t print;
	const char *odd;
	VEC(struct aws_acl_entry) entries[AWS_DIRECTIONS];
	struct ruleset *ruleset[AWS_DIRECTIONS];
};

/* An answer of describe-addresses, whose interface may come later. */
struct aws_address {
	struct aws_public pair;
	const char *interface;
};

struct aws {
	struct collect *c;
	struct snapshot *snap;
	struct matches *m;
	struct arena *arena; /* of this one read */
	struct map vpcs, subnets, interfaces, acls, lists, groups;
	struct map of_instances; /* interfaces as descriptions of instances have them */
	struct map tables, gates, tgws, attachments, tgw_tables;
	struct map balancers, target_groups;
	VEC(struct aws_address) addresses;
	VEC(struct account *) accounts;
	struct map pages;	 /* "kind directory": struct aws_pages */
	bool missing[AWS_KINDS]; /* pages of the list are */
	const char *failed;	 /* name of a source that couldn't be read to its end */
	/* the document being read */
	const struct source *src;
	struct jsonloc *places;
	struct account *account;
	size_t found; /* objects of the API met so far */
};

struct aws_pages {
	enum aws_kind kind;
	struct loc at;
	unsigned open, last;
};

/* aws_kind.c. AWS_OTHER: of another command, nothing of a group or an ACL stands in it; AWS_KINDS:
 * nothing that is known. */
enum aws_kind aws_kind_of_list(const char *name);
enum aws_kind aws_kind_of_members(const json_t *object);
int aws_probe(const char *head, size_t len, const char *filename);

/* aws_member.c: reading members; null counts as absent everywhere. */
const json_t *aws_member(const json_t *object, const char *key);
/* A copy in the read's arena, or NULL where it isn't a (non-empty) string. */
const char *aws_string(struct aws *w, const json_t *object, const char *key);
/* The same, of the value of the tag "Name" in the list under key. */
const char *aws_name_tag(struct aws *w, const json_t *object, const char *key);
/* The array under key; *ret_bad where there is something else. */
const json_t *aws_array(const json_t *object, const char *key, bool *ret_bad);
/* A whole number, also one written as a string. */
bool aws_number(const json_t *value, int64_t *ret);
/* The first member that isn't in the NULL-terminated list and says something, or NULL. */
const char *aws_unknown_member(const json_t *object, const char *const *known);
/* Place of a value of the tree, with its path. */
struct loc aws_at(struct aws *w, const json_t *value);
/*
 * The place to quote for an object: its own where it begins with more than a bracket, else
 * that of the member that tells most.
 */
struct loc aws_at_member(struct aws *w, const json_t *object, const char *key);
/* Counts a unit of the document being read. */
void aws_account(struct aws *w, enum account_class class, bool policy, struct loc at,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Equal for objects that say the same in all members that aren't in `ignore`. */
uint64_t aws_print(const json_t *object, const char *const *ignore);
/*
 * Whether an object under this id is new. A copy is counted as such; one that says something
 * else is an error, and *odd tells so.
 */
bool aws_first(struct aws *w, const json_t *object, const char *id, bool *defined,
	       uint64_t *print, const char *const *ignore, struct loc before, const char **odd);

void aws_spans_add(struct aws_spans *s, enum family f, struct span span);
void aws_spans_join(struct aws_spans *s, const struct aws_spans *more);
void aws_spans_finish(struct aws_spans *s);
/* Over field; NONE where it is empty. */
const struct match *aws_spans_match(struct aws *w, const struct aws_spans *s, enum field field);

/* The addresses of n interfaces, over field. */
const struct match *aws_interfaces_match(struct aws *w, struct aws_interface *const *v,
					 size_t n, enum field field);

/* The id under key, or NULL after the object was counted as rejected (policy: as one that
 * carries policy). */
const char *aws_id(struct aws *w, const json_t *o, const char *key, bool policy);

/* The object of that id, made undefined where it is new. */
struct aws_vpc *aws_vpc(struct aws *w, const char *id, const char *owner, struct loc at);
struct aws_subnet *aws_subnet(struct aws *w, const char *id, struct loc at);
struct aws_list *aws_list(struct aws *w, const char *id, struct loc at);
struct aws_group *aws_group(struct aws *w, const char *id, struct loc at);

struct aws_table *aws_table(struct aws *w, const char *id, struct loc at);
struct aws_gate *aws_gate(struct aws *w, const char *id, struct loc at);
/* v stands under key in m: a zeroed one of that size where it is new (*ret_new). */
void *aws_object(struct aws *w, struct map *m, const char *id, size_t size, bool *ret_new);

/* The readers of one object each; what they find is in the account. */
void aws_read_group(struct aws *w, const json_t *o);
void aws_read_interface(struct aws *w, const json_t *o);
/* An instance: only its network interfaces, which count where they aren't listed themselves. */
void aws_read_instance(struct aws *w, const json_t *o);
/* Takes what instances tell of interfaces, where nothing else does; true: so it is. */
bool aws_take_instances(struct aws *w);
void aws_read_subnet(struct aws *w, const json_t *o);
void aws_read_vpc(struct aws *w, const json_t *o);
void aws_read_acl(struct aws *w, const json_t *o);
void aws_read_list(struct aws *w, const json_t *o);
void aws_read_table(struct aws *w, const json_t *o);
void aws_read_gate(struct aws *w, enum aws_kind kind, const json_t *o);
void aws_read_address(struct aws *w, const json_t *o);
/* Of transit gateways: AWS_TGW to AWS_TGW_ROUTES. */
void aws_read_transit(struct aws *w, enum aws_kind kind, const json_t *o);
/* Of load balancers: AWS_BALANCER to AWS_TARGET_HEALTH. */
void aws_read_balance(struct aws *w, enum aws_kind kind, const json_t *o);
/* The entries of a managed prefix list; list NULL: nobody says of which. */
void aws_read_entries(struct aws *w, struct aws_list *list, const json_t *entries, bool open);

/*
 * The service of a permission or ACL entry. proto: as the API writes it, may be NULL. lo, hi:
 * ports, or ICMP type and code; NULL: absent. *ret_why and *ret_class tell what wasn't
 * understood.
 */
const struct match *aws_service(struct aws *w, const json_t *proto, const json_t *lo,
				const json_t *hi, uint8_t *ret_class, const char **ret_why);
/* Text of the value for messages: a string as it is, anything else as JSON. */
const char *aws_say(struct aws *w, const json_t *value);
/* A CIDR of the wanted family (-1: any); warns of bits behind the length. */
bool aws_parse_cidr(struct aws *w, struct loc at, const json_t *value, int family,
		    enum family *ret_family, struct span *ret_span);
/* A CIDR of the wanted family over field; an unknown where it isn't one. */
const struct match *aws_cidr(struct aws *w, struct loc at, const json_t *value,
			     enum family family, enum field field, uint8_t *ret_class,
			     const char **ret_why);

/* The field that the other side stands in: the source of what comes, the destination of what
 * goes. */
static inline enum field aws_peer_field(enum aws_direction d)
{
	return d == AWS_EGRESS ? FIELD_DST : FIELD_SRC;
}

/* The field that our side stands in. */
static inline enum field aws_own_field(enum aws_direction d)
{
	return d == AWS_EGRESS ? FIELD_SRC : FIELD_DST;
}

static inline const char *aws_direction_name(enum aws_direction d)
{
	return d == AWS_EGRESS ? "egress" : "ingress";
}

/* Length of the prefix that a span is. */
unsigned aws_span_len(enum family f, struct span s);

/* aws_ruleset.c, after everything was read. */
/* As a ruleset of v's device; a group of another VPC is a copy there. */
void aws_build_group(struct aws *w, struct aws_vpc *v, struct aws_group *g);
void aws_build_acl(struct aws *w, struct aws_vpc *v, struct aws_acl *acl);
/* aws_device.c */
void aws_build_device(struct aws *w, struct aws_vpc *v);
/* The border of a subnet that isn't known. */
struct ruleset *aws_no_border(struct aws *w, struct aws_vpc *v, enum aws_direction d);

/* A list of rules while it is made. */
struct aws_rules {
	VEC(struct rule) v;
};

void aws_rule(struct aws_rules *r, enum verdict verdict, const struct match *m,
	      const struct ruleset *target, struct loc at, const char *note);
/* A ruleset of ours that denies what no rule decides; frees r. */
struct ruleset *aws_rules_finish(struct device_build *b, struct aws_rules *r, const char *name,
				 const char *kind, struct loc at, bool stateful);

/*
 * aws_path.c. join: after all was read, who belongs to what; build: into the VPC's device,
 * whose ports and borders are there already.
 */
void aws_path_join(struct aws *w);
void aws_path_build(struct aws *w, struct aws_vpc *v);
/* The devices beside the VPCs: NAT gateways, transit gateways, load balancers. */
void aws_path_devices(struct aws *w);
void aws_path_finish(struct aws *w);
/* aws_gate.c: the port of a gateway, where it isn't there yet, and what it does. alone: there
 * is no internet gateway, which would announce the addresses. */
void aws_gate_internet(struct aws *w, struct aws_vpc *v, const char *id, struct loc at);
void aws_gate_egress(struct aws *w, struct aws_vpc *v, const char *id, struct loc at,
		     bool alone);
/* The device of a NAT gateway. */
void aws_gate_nat(struct aws *w, struct aws_vpc *v, const struct aws_gate *g);
/* aws_transit.c */
void aws_transit_join(struct aws *w);
void aws_transit_devices(struct aws *w);
void aws_transit_finish(struct aws *w);
/* The name of the attachment's port in the subnet, also its wire. */
const char *aws_transit_port(struct aws *w, const struct aws_attachment *at,
			     const struct aws_subnet *s);
/* aws_balance.c; ports: of balancers in the VPC, with the table that each looks up in */
void aws_balance_join(struct aws *w);
/* What comes in by this port looks up the route table of the subnet. */
void aws_path_look_up(struct aws *w, struct aws_vpc *v, struct map *made, const char *in,
		      const struct aws_subnet *s);
/* A port of v to something beside the VPC, with a wire of its own; NULL: it is there already.
 */
struct port *aws_path_port(struct aws *w, struct aws_vpc *v, const char *id, const char *kind,
			   struct loc at);
/* What permits at an interface of v: its groups, its subnet's border. */
void aws_hook_interface(struct aws *w, struct aws_vpc *v, const char *port,
			struct aws_interface *n);
void aws_balance_ports(struct aws *w, struct aws_vpc *v, struct map *made);
void aws_balance_devices(struct aws *w);
void aws_balance_finish(struct aws *w);
/* The attachment of v to the transit gateway; NULL: none is known, or *ret_many. */
struct aws_attachment *aws_transit_of(struct aws_vpc *v, const char *tgw, bool *ret_many);
/* A route of a table for every prefix of the span list. */
void aws_add_route(struct aws *w, struct device_build *b, struct route r);

#endif
