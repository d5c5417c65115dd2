/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAWS_ESTATE_RANDOM_INTERNAL_H
#define TESTS_LAWS_ESTATE_RANDOM_INTERNAL_H

/* An estate in the making. Internal to estate_random*.c. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/laws/estate_random.h"

enum {
	DEVICES_MAX = 12,
	NODES_MAX = 2 * DEVICES_MAX,
	NETS_MAX = 48,
	MEMBERS_MAX = 3,
	ZONES_MAX = 10,
};

/* A routing instance of a device: color 1 is a second VRF. */
struct node {
	unsigned device, color;
};

enum net_kind {
	NET_PREFIX, /* one network, told by its prefix */
	NET_WIRE,
	NET_DECLARED, /* the estate says so */
	NET_BROKEN,   /* nobody says so */
};

/* A network: between routers, or with hosts on it. */
struct net {
	uint8_t kind; /* enum net_kind */
	bool hosts;
	unsigned number; /* its address */
	unsigned color;
	unsigned member[MEMBERS_MAX], n; /* nodes */
	unsigned len[FAMILY_COUNT];
	bool shared;	/* the first two members answer for one more address */
	bool other_way; /* of DECLARED: told apart by wires, not by lengths */
	char wire[16];
};

struct maker {
	struct random_estate *re;
	struct rng r, extra; /* extra: what the twist draws */
	enum twist_kind twist;
	bool unknowns, v6, colors, ecmp;
	unsigned n_devices;
	struct node nodes[NODES_MAX];
	unsigned n_nodes;
	struct net nets[NETS_MAX];
	unsigned n_nets;
	struct device_build *build[DEVICES_MAX];
	unsigned outside; /* node with the way out; n_nodes: none */
	bool uplink;
	unsigned reason;
};

const char *port_name(struct maker *m, unsigned net, unsigned member);
const char *segment_of(unsigned color);

/* Networks with hosts are 10.N.0.0, those between routers 172.16.N.0. */
struct addr net_addr(const struct net *n, enum family f, unsigned host);
/* The member's own address there, and the one that two of them answer for. */
struct addr member_addr(const struct net *n, enum family f, unsigned member);
struct addr shared_addr(const struct net *n, enum family f);
/* Addresses of a device that are translated: 198.18.D.0/24. */
struct addr public_addr(enum family f, unsigned device, unsigned host);

/* What packets and conditions are drawn from afterwards. */
void remember(struct random_estate *re, enum family f, struct span s);
void remember_port(struct random_estate *re, unsigned lo, unsigned hi);
struct addr some_addr(const struct random_estate *re, struct rng *r, enum family f);

const struct match *random_unknown(struct maker *m, const struct match *x);
const struct match *random_net(struct maker *m, enum field field, enum family f);
const struct match *random_service(struct maker *m);
const struct match *random_match(struct maker *m);

void random_filter(struct maker *m, unsigned device, unsigned k);
void random_nat(struct maker *m, unsigned d, int *order);

void random_routes(struct maker *m);
/* Leaks between VRFs, narrower routes that go another way or nowhere. */
void random_oddities(struct maker *m);
void connected_routes(struct maker *m, unsigned d);
void random_rules(struct maker *m, unsigned d);
void split_routes(struct device_build *b);

#endif
