/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NFT_RUN_H
#define COLLECTORS_NFT_RUN_H

/*
 * Has this host's nft read a ruleset in a network namespace that exists for nothing else
 * (network_namespaces(7), user_namespaces(7)) and list what the kernel then holds. The
 * caller's own namespace, and everybody else's, stays as it is.
 */

#include <stddef.h>

enum nft_run_end {
	NFT_RUN_DONE,
	NFT_RUN_ABSENT,	   /* nft isn't installed */
	NFT_RUN_NAMESPACE, /* no right to make a network namespace */
	NFT_RUN_REFUSED,   /* nft did not take the ruleset; message says why */
	NFT_RUN_LISTING,   /* it could not be listed whole; message says why, or is empty */
	NFT_RUN_TIME,	   /* it took too long */
	NFT_RUN_FAILED	   /* the child could not be started, or something ended it */
};

struct nft_listing {
	char *json, *text; /* what `nft -j list ruleset` and `nft list ruleset` printed */
	char *message;	   /* what nft said on standard error; "" where nothing */
	size_t json_len, text_len, message_len;
};

enum { NFT_RUN_SECONDS = 180 };

/*
 * script: what `nft -f -` reads, in the time zone UTC and the locale C, without the host names
 * that this machine knows. links: names of interfaces that are there before, of whatever kind,
 * since nft knows interfaces that rules name by index only where there are any. *ret is the
 * caller's (nft_listing_finish), filled as far as it came.
 */
enum nft_run_end nft_run(const char *script, size_t len, const char *const *links,
			 size_t n_links, struct nft_listing *ret);
void nft_listing_finish(struct nft_listing *l);

#endif
