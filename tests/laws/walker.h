/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAWS_WALKER_H
#define TESTS_LAWS_WALKER_H

/*
 * One packet at a time through a whole estate, without sets: what model/device.h says of hooks,
 * translations, rules and routes, done literally. It shares no code with the search for ways,
 * so that a mistake there can't hide here. Where the estate leaves a choice (several routes, a
 * condition that isn't known, an address out of a pool, a route that may not be in force) every
 * choice is walked; of pools and of what isn't told, a few.
 */

#include "base/vec.h"
#include "model/estate.h"
#include "model/snapshot.h"

enum fate_kind {
	FATE_ARRIVES, /* at hosts of the zone */
	FATE_DROPPED,
	FATE_OWN,     /* taken by a device itself */
	FATE_UNKNOWN, /* nobody can tell from here: it may arrive where its destination is */
	FATE_UNSURE,  /* something may be done to it that isn't known; other fates say more */
};

struct fate {
	uint8_t kind; /* enum fate_kind */
	const struct zone *zone;
	const struct device *device; /* where it was last */
	struct packet packet;	     /* as it is then */
	const char *why;	     /* a literal, or a name of the estate */
	struct loc at;
};

enum { FATES_MAX = 64 };

struct fates {
	struct fate v[FATES_MAX];
	size_t n;
	bool many; /* more than were followed: nothing can be concluded */
};

/* A port of the estate: which link it is on. */
struct walker_port {
	const struct device *device;
	const struct port *port;
	size_t link; /* equal ones are on one link */
};

struct walker_place {
	const struct zone *zone;
	size_t port; /* among the walker's ports */
	bool bound;
};

struct walker {
	const struct estate *estate;
	const struct snapshot *snap;
	VEC(struct walker_port) ports;
	VEC(struct walker_place) places; /* where zones are attached */
	/* Addresses to try where a translation isn't understood; borrowed. */
	const struct addr *sample[FAMILY_COUNT];
	size_t n_sample[FAMILY_COUNT];
};

void walker_init(struct walker *w, const struct estate *e, const struct snapshot *s);
void walker_finish(struct walker *w);

/* planes: bit per plane (1 << enum plane) whose rulesets are in force. */
void walker_walk(const struct walker *w, const struct zone *from, const struct packet *p,
		 unsigned planes, struct fates *ret);

bool zone_has(const struct zone *z, const struct packet *p, bool source);

#endif
