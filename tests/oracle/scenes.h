/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_SCENES_H
#define TESTS_ORACLE_SCENES_H

/*
 * What random packets don't reach, as scenes of a few packets each: states of connections,
 * translations, bridges, tunnels. A scene is a host (links, settings), rulesets, and packets in
 * order, each with what the kernel does; every drop stands beside a packet that passes the
 * same way. The project's answer must hold for each.
 */

#include "tests/oracle/probe.h"
#include "tests/oracle/script.h"

/* How what the host is can be read. */
enum scene_reading {
	SCENE_LISTING, /* by the bare listings: enough for what is routed */
	SCENE_STATE,   /* by `collect linux`: bridges ask for it */
};

enum { STEPS_MAX = 24, NEEDS_MAX = 4 };

struct step {
	/* Interfaces of the host; a TUN, or a TAP where the name begins with "p". */
	const char *from, *to;
	const char *
		packet; /* a line of `plumbline eval`: its state is what tracking makes of it */
	bool passes;
	/* How it comes out where it is translated or wrapped: the part of the line that changes
	 * ("tcp 10.0.0.1 1 10.0.0.2 22"), NULL: as it went in. */
	const char *becomes;
	const char *quotes; /* an ICMP error about this packet */
	/* VXLAN: it goes out of, or comes in by, `wire` inside a UDP packet of these addresses.
	 */
	const char *wire, *wrapped;
	/* The answer is a bound here, and known to be one: a translation may touch it. */
	bool bound;
};

struct scene {
	const char *name;
	const char *needs[NEEDS_MAX]; /* features */
	enum scene_reading reading;
	const char *host;		   /* shell commands that finish the host, or NULL */
	const char *nft, *legacy4, *xnft4; /* rulesets, or NULL */
	struct step steps[STEPS_MAX];
};

extern const struct scene scenes_state[], scenes_bridge[]; /* end with a name of NULL */

/* Plays all in namespaces of their own, one after the other. How many failed; counts what was
 * played, skipped, and how many packets. */
struct scene_count {
	size_t played, skipped, failed, packets, bounds;
};
void scenes_play(const struct features *have, struct scene_count *ret);

#endif
