/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NETFILTER_H
#define COLLECTORS_NETFILTER_H

/*
 * What the readers of Linux rulesets (nft, iptables) share: the host that the rules stand on,
 * as far as it is known. A bare listing knows nothing of its host; the file of `plumbline
 * collect linux` knows all of this.
 */

#include "model/snapshot.h"

struct nf_spans {
	const struct span *v; /* normalised */
	size_t n;
};

/* A fact that a bare listing leaves open. */
enum nf_fact { NF_OPEN, NF_NO, NF_YES };

struct nf_host {
	/* The host's addresses are known: what `addrtype` and `fib ... type` ask of. Addresses of
	 * type local and broadcast (of the local table); multicast and the rest follow. */
	bool addressed;
	struct nf_spans local[FAMILY_COUNT], broadcast[FAMILY_COUNT];
	/* Connection tracking is at work for the family: some rule on the host, whoever wrote
	 * it, asks for it. Then fragments are joined before any hook sees them. */
	enum nf_fact tracked[FAMILY_COUNT];
	/* bridge-nf-call-iptables, -ip6tables: bridged packets meet the IP hooks. */
	enum nf_fact bridged[FAMILY_COUNT];
	/* Another reader's rules (or something else) set packet marks before these see the
	 * packet: why marks are not known, or NULL. */
	const char *mark_doubt;
};

/* All open. */
#define NF_HOST_OPEN ((struct nf_host){ .addressed = false })

#endif
