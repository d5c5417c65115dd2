/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NFT_SCRIPT_H
#define COLLECTORS_NFT_SCRIPT_H

/*
 * What stands where in nftables text (nft(8)): tables, chains and sets with their heads, and
 * the rules of each chain in the order that the kernel gets them. It reads the form alone;
 * what a rule says is nft's to tell.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

struct nft_place {
	size_t off, len;
};

struct nft_block {
	struct nft_place head;		/* "table inet filter", "chain forward", "set s" */
	VEC(struct nft_place) rules;	/* of a chain */
	VEC(struct nft_place) inserted; /* in front of those, the last one first */
	VEC(const char *) words;	/* flags of a table or set, devices of a chain */
	size_t n_elements;		/* of a set, in its own block */
	bool lost;			/* its rules were moved in a way that is not followed */
};

/* A zeroed one is empty. */
struct nft_script {
	struct arena *arena;
	/* By "inet filter", "inet filter forward"; values are struct nft_block. */
	struct map tables, chains, sets;
	struct map links; /* words that may name interfaces */
	/* Why the text is not to be loaded: a diagnostic's code, or NULL. */
	const char *refused, *why;
	struct nft_place refused_at;
};

/* Never fails: what has another form than expected is passed over. text is NUL-terminated. */
void nft_script_scan(struct nft_script *s, struct arena *a, const char *text, size_t len);
void nft_script_finish(struct nft_script *s);
/* Rule i of the chain, below rules.n + inserted.n. */
struct nft_place nft_block_rule(const struct nft_block *b, size_t i);

#endif
