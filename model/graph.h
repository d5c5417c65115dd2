/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GRAPH_H
#define MODEL_GRAPH_H

/*
 * What is connected with what: the ports of all devices, the links that they are on, the zones
 * that are behind them, and each device's routing tables. Built once from what was read, then
 * only read (several threads may).
 *
 * Ports are on one link where
 *  - they have the same wire (struct port),
 *  - the estate declares a link between them,
 *  - or, with neither, they have the same connected network. A network that two such ports claim
 *    with one address, or with different VLANs, is not one link but several that can't be told
 *    apart: none of its ports is joined, and link.why says so.
 * Every port is on a link, if only by itself. A bridge is on the links of its ports; what comes
 * in on one goes out on the others.
 */

#include "model/estate.h"
#include "model/fib.h"
#include "model/footprint.h"
#include "model/snapshot.h"

#define GRAPH_NONE UINT32_MAX

struct graph_port {
	const struct device *device;
	const struct port *port;
	uint32_t node; /* index of the device */
	uint32_t link;
	uint32_t master;	 /* the bridge that it is a port of, or GRAPH_NONE */
	const uint32_t *members; /* of a bridge */
	size_t n_members;
};

struct graph_link {
	const uint32_t *ports;
	size_t n;
	const char *why; /* why others may be on it that aren't told; NULL: no reason known */
	struct loc why_at;
	/* Of an overlay: another port of it knows other ends, so that who gets what isn't known; the
	 * text says which. NULL: no. */
	const char *torn;
	/* the zones behind its ports; those behind a bridge are on all its links */
	const struct graph_attach **zones;
	size_t n_zones;
};

/* A zone is behind a port. */
struct graph_attach {
	const struct zone *zone;
	uint32_t node;
	const char *const *ports; /* all apply together, as in a binding */
	size_t n_ports;
	uint32_t port; /* the one that has the link; GRAPH_NONE: none of them was read */
	struct spans spans[FAMILY_COUNT]; /* which of the zone's addresses */
	bool bound;			  /* the estate says so; otherwise found by address */
	struct loc at;
};

struct graph_node {
	const struct device *device;
	const struct estate_source *source; /* it came from, or NULL */
	uint32_t first; /* of its ports */
	const uint32_t *by_name; /* its ports, sorted by name */
	struct fibs fibs;
};

struct graph {
	const struct estate *estate;
	const struct snapshot *snap;
	struct graph_node *nodes; /* in the snapshot's order */
	size_t n_nodes;
	struct graph_port *ports;
	size_t n_ports;
	struct graph_link *links;
	size_t n_links;
	struct graph_zone {
		const struct graph_attach *v;
		size_t n;
		const struct binding *unread; /* to a device that wasn't read; NULL: none */
		/* what packets to it may be addressed to, before any translation */
		struct spans destinations[FAMILY_COUNT];
	} *attached; /* by place in policy->zones */
};

/* Lives in the arena, with pointers into estate and snapshot. */
struct graph *graph_create(struct arena *a, const struct estate *e, const struct snapshot *s);

/* GRAPH_NONE: no such. */
uint32_t graph_port_of(const struct graph *g, uint32_t node, const char *name);
uint32_t graph_node_of(const struct graph *g, const struct device *d);
/* The estate's source entry that the device came from, or NULL. */
const struct estate_source *graph_source_of(const struct graph *g, const struct device *d);
uint32_t graph_node_named(const struct graph *g, const char *device);

/* Whether what is behind the port can only get further by its device; otherwise there may be
 * other routers on its link. */
bool graph_is_gateway(const struct graph *g, uint32_t port);

#endif
