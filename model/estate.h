/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ESTATE_H
#define MODEL_ESTATE_H

/*
 * What the network team declares: which exports there are, which plane each enforces, where
 * the zones are attached, and the paths that the exports can't tell. Read from estate.yaml by
 * policies/estate.c; docs/estate.md describes the file.
 */

#include "model/policy.h"

/* One entry of `sources:`: a device's export. */
struct estate_source {
	const char *name;
	const char *const *files; /* relative to the estate file, sorted; a dir's files, or one */
	size_t n_files;
	const char *collector; /* NULL: probe */
	int plane;	       /* enum plane, or -1: the collector's default */
	uint8_t responsible;   /* enum responsibility */
	const char *owner;     /* who looks after it; NULL: not said */
	const char *uplink;    /* port behind which all zones are that aren't bound here */
	int64_t collected_at;  /* seconds since 1970, -1: not said */
	int64_t max_age;       /* seconds, -1: no limit */
	struct loc at;
};

/* A zone is behind a port (or several at once: a subnet and a security group) of a device. */
struct binding {
	const struct zone *zone;
	const char *device; /* source name, or "source:vpc-1" */
	const char *const *ports; /* all apply together */
	size_t n_ports;
	struct loc at;
};

/* A packet crosses the device from one port to another. NULL port: the device itself. */
struct estate_hop {
	const char *device;
	const char *const *in, *const *out; /* ports, all apply together; n 0: not said */
	size_t n_in, n_out;
	bool local_in, local_out; /* to / from the device itself */
	struct loc at;
};

struct estate_path {
	const char *id;
	const struct zone *const *from, *const *to;
	size_t n_from, n_to;
	bool both_ways;
	/* The pair is not connected at all: no device forwards between them. */
	bool none;
	const char *reason; /* needed for none */
	const struct estate_hop *hops;
	size_t n_hops;
	struct loc at;
};

/*
 * Ports that are on one link, which no export tells. A port is told as in a binding: its name,
 * or "vlan:20".
 */
struct estate_link {
	const char *const *device, *const *port; /* by end */
	const struct loc *end_at;
	size_t n; /* 2 or more */
	struct loc at;
};

/* Addresses of one family that stand for each other, one by one in order: as many on each side. */
struct twin_span {
	uint8_t family;
	struct span span[PLANE_COUNT];
	struct loc at;
};

/* A zone that exists twice, in each plane under other addresses. */
struct counterpart {
	const char *id; /* NULL: none */
	const struct zone *zone[PLANE_COUNT];
	/*
	 * As the file tells them, or, where it tells none, the zones' addresses in order where
	 * they have as many in equal runs. No address is in two; what is in none has no twin.
	 */
	const struct twin_span *twins;
	size_t n_twins;
	bool mapped; /* the file tells them */
	struct loc at;
};

/* What a captured packet is told to be on a segment by; the numbers are those of enum
 * segment_kind (capture/decode.h). */
enum tag_kind {
	TAG_VLAN = 1,
	TAG_VNI,
	TAG_GRE_KEY,
	TAG_MPLS,
	TAG_TEID,
	TAG_ERSPAN,
	TAG_PPPOE,
	TAG_NSH,
};

struct estate_tag {
	uint8_t kind; /* enum tag_kind */
	uint32_t id;
};

enum { ESTATE_TAGS_MAX = 9 };

/* Whose a segment is: all its tags and its interface hold for the packets on it. */
struct estate_segment {
	const struct tenant *tenant; /* one of the two */
	const struct zone *zone;
	const struct estate_tag *tags; /* by kind; of VLANs the outer one first */
	size_t n_tags;
	const char *interface; /* that is captured on; NULL: any */
	struct loc at;
};

struct estate {
	const char *name;
	const struct estate_source *sources;
	size_t n_sources;
	const struct binding *bindings;
	size_t n_bindings;
	const struct estate_path *paths;
	size_t n_paths;
	const char *const *policy_files; /* relative to the estate file */
	size_t n_policy_files;
	const struct policy *policy; /* all policy files together */
	const struct estate_link *links;
	size_t n_links;
	const struct counterpart *counterparts;
	size_t n_counterparts;
	const struct estate_segment *segments;
	size_t n_segments;
	struct loc at;
};

#endif
