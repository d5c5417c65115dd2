/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NFT_H
#define COLLECTORS_NFT_H

/*
 * The reader of nft's JSON for readers of a whole host: the listing is then a part of another
 * file, its device has ports already, and the kernel itself was asked what the listing of nft
 * 1.0.6 doesn't tell (libnftables-json(5) has no place for some of it): which tables are
 * switched off, and which devices a chain of the ingress and egress hooks is put to.
 */

#include <jansson.h>

#include "base/jsonloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "collectors/collector.h"
#include "collectors/netfilter.h"

/* What the kernel says of a table, a base chain, a set; all live in the snapshot's arena. */
struct nft_table_fact {
	bool dormant;
	/* The rules were made by iptables and are read from its own listing: the reader takes
	 * nothing of this table. */
	bool elsewhere;
};

struct nft_chain_fact {
	const char *const *devs; /* of ingress and egress */
	size_t n_devs;
};

struct nft_set_fact {
	bool dynamic; /* rules may add to it */
};

/* A frame of the port `by` may meet what lies on the device `dev` as well: a VLAN's lower
 * device, a bridge and its ports. */
struct nft_rider {
	const char *dev, *by;
};

/*
 * Complete: what isn't here isn't in the kernel. Keys are as in rulesets' names: "inet filter",
 * "inet filter forward" ("inet filter blocked" for sets).
 */
struct nft_facts {
	struct map tables, chains, sets; /* the three structs above */
	VEC(struct nft_rider) riders;
};

struct nft_places;
/* What rules do beyond themselves: to be asked before anybody's rules are read. */
struct nft_glance {
	bool tracks[FAMILY_COUNT]; /* a rule asks for connection tracking */
	bool untracks;		   /* a rule takes packets out of it */
	bool marks;		   /* a rule sets packet marks */
	bool nats;		   /* a chain of type nat */
};

/* Adds what the documents hold to *ret; tables that are read elsewhere don't count. */
void nft_glance(const struct nft_facts *facts, const json_t *const *roots, size_t n,
		struct nft_glance *ret);

struct nft_embed {
	struct collect *c;
	const struct source *src;
	struct jsonloc *loc;		 /* of the roots */
	const struct nft_places *places; /* where they were made of text; else NULL */
	struct device_build *b; /* has its ports; rulesets, hooks, taints are added */
	struct account *acc;
	const struct nf_host *host;
	const struct nft_facts *facts; /* NULL: as for a bare listing */
};

/* Reads the documents of `nft -j list ruleset` into the device. What is wrong with them is
 * told in diagnostics, accounts and taints, as for a file of their own. */
void nft_read_documents(const struct nft_embed *e, const json_t *const *roots, size_t n);

#endif
