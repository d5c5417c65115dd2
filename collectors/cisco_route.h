/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_CISCO_ROUTE_H
#define COLLECTORS_CISCO_ROUTE_H

/*
 * What the readers of Cisco's systems share about routing: lists as conditions, route maps as
 * route rules, and the sources that a reverse path check lets in. All of it works on the ports
 * and routes that the device builder holds so far.
 */

#include "model/snapshot.h"

enum { POLICY_CLAUSES_MAX = 1000, PERMITS_BLOCKS_MAX = 64, SOURCES_ROUTES_MAX = 1000 };

/*
 * What a first-match list permits, as one condition: exact where every rule says permit or
 * deny. A list that changes between the two more often than PERMITS_BLOCKS_MAX times gives its
 * permits under an unknown.
 */
const struct match *rules_permit(struct matches *m, const struct rule *v, size_t n);

/* Every address of the family that a source of the condition may have, and maybe more, added to
 * ret. False where that may be any. */
struct source_spans {
	struct span *v;
	size_t n, cap;
};
bool match_sources(const struct match *m, enum family f, struct source_spans *ret);

/* The port of the segment (NULL: the default one) whose connected network holds the address:
 * the longest prefix, of ports that are up. NULL: none. */
const struct port *port_towards(const struct device_build *b, const char *segment,
				enum family f, struct addr to);

/*
 * The device answers ARP for these IPv4 addresses in networks of the port (NULL: of any port):
 * they are shared ones of it, unless they are its own. *left is how many more are looked at.
 */
void answer_for(struct device_build *b, const char *port, const struct span *v, size_t n,
		size_t *left);

/* One `set` of a clause of a route map. */
enum policy_set_kind {
	SET_VIA,	 /* a next hop in a connected network */
	SET_PORT,	 /* out of a port, no next hop told */
	SET_DROP,	 /* Null0 */
	SET_TABLE,	 /* look the destination up in table */
	SET_DEFAULT_VIA, /* the same, where the table has only the default route */
	SET_DEFAULT_PORT,
	SET_DEFAULT_DROP,
	SET_UNKNOWN, /* why says what isn't known */
};

struct policy_set {
	uint8_t kind; /* enum policy_set_kind */
	uint8_t family;
	struct addr via;
	const char *port; /* a port of the device; NULL: of no port that is there */
	const char *table;
	const char *why;
};

struct policy_clause {
	const struct match *match;     /* NULL: every packet */
	bool deny;		       /* what it matches is routed as always */
	const struct policy_set *sets; /* the first that can be followed is */
	size_t n_sets;
	struct loc at;
};

/*
 * The route rules of packets of one family that come in by port `in` ("": from the device
 * itself) of the segment. What no clause means meets none of them.
 */
void policy_rules(struct device_build *b, enum family f, const char *in, const char *segment,
		  const struct policy_clause *v, size_t n);

/*
 * Behind all others: each port looks up in the table of its segment. Without effect where the
 * device has no route rules.
 */
void policy_rules_finish(struct device_build *b);

/*
 * The sources whose best routes lead out of the port (NULL: out of any): what a check of
 * reverse paths lets in. Without the default route unless allow_default. False where the
 * routes don't tell for certain (one that may not be in force, a next hop of no connected
 * network, too many); the caller knows whether all routes are there. *ret_v is in the arena,
 * normalised.
 */
bool route_sources(const struct device_build *b, const char *segment, const char *port,
		   enum family f, bool allow_default, const struct span **ret_v, size_t *ret_n);

/*
 * The packets of a family that a check of reverse paths on the port refuses (loose: where no
 * route leads anywhere). Under an unknown where the routes don't tell, and where not all are
 * there (`whole` is false): then what has its source in the port's own networks alone passes
 * for certain.
 */
const struct match *sources_refused(const struct device_build *b, const char *segment,
				    const char *port, bool loose, enum family f,
				    bool allow_default, bool whole, struct loc at);

#endif
