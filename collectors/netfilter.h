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

/*
 * A question of routing: has a packet that is about to be routed this mark ((its mark ^ value) &
 * mask is 0)? Asked of packets as they look then, behind translation of destinations.
 */
struct nf_mark {
	enum family family;
	uint32_t value, mask;
	const struct match *is; /* the answer; NULL: none was given */
};

/* An address of the host, in the order in which its interface has them. */
struct nf_addr {
	const char *port;
	uint8_t family;
	bool secondary; /* another one of its network stands in for it (IPv4) */
	bool narrow;	/* of the link, the site or the host: not given to packets that go on */
	struct addr addr;
};

struct nf_nats;

struct nf_host {
	/* All rulesets of the host are told of: a table that isn't listed isn't there. */
	bool whole;
	/* The host's addresses are known: what `addrtype` and `fib ... type` ask of. Addresses of
	 * type local and broadcast (of the local table); multicast and the rest follow. */
	bool addressed;
	struct nf_spans local[FAMILY_COUNT], broadcast[FAMILY_COUNT];
	/* What masquerading gives; NULL: not known. */
	const struct nf_addr *addrs;
	size_t n_addrs;
	/* Where translations are put, of all readers (netfilter_nat.h); NULL: the reader is alone
	 * and sees to the device's list by itself. */
	struct nf_nats *nats;
	/* Connection tracking is at work for the family: some rule on the host, whoever wrote
	 * it, asks for it. Then fragments are joined before any hook sees them. */
	enum nf_fact tracked[FAMILY_COUNT];
	/* bridge-nf-call-iptables, -ip6tables: bridged packets meet the IP hooks. */
	enum nf_fact bridged[FAMILY_COUNT];
	/* The host's bridges and their ports are known: rulesets of the IP hooks are bound to
	 * bridged packets as well (LAYER_BRIDGED), as `bridged` says. */
	bool bridges;
	/* Another reader's rules (or something else) set packet marks before these see the
	 * packet: why marks are not known, or NULL. */
	const char *mark_doubt;
	/* Marks to be told of; a reader whose rules set marks of the family answers. */
	struct nf_mark *marks;
	size_t n_marks;
	bool sets_marks[FAMILY_COUNT]; /* some rule of the host does */
	/* Packets that the host itself took out of a tunnel, over FIELD_IIF: they may carry the
	 * mark of their wrapping. NULL: none that is known. */
	const struct match *unwrapped;
	/* Another reader's nat chains may translate a packet first, after which these don't see
	 * it: why, or NULL. */
	const char *nat_doubt;
};

/* All open. */
#define NF_HOST_OPEN ((struct nf_host){ .addressed = false })

/*
 * Binds a base chain's ruleset to its hook: once for routed packets (LAYER_IP) and, where the
 * host's bridges are known, once for bridged ones, which meet it as h->bridged says for each
 * of the families (a bit each, 1 << FAMILY_V4 | 1 << FAMILY_V6) that the chain sees; then a
 * ruleset of ours, "NAME (bridged)", lets pass what doesn't meet the chain. Hooks for the host
 * itself have no bridged side: such frames are routed to it. rs is filled, its default set.
 */
void nf_bind(struct device_build *b, const struct nf_host *h, const struct ruleset *rs,
	     enum hook_kind kind, int order, unsigned families, struct loc at);

/* A rule of ours in a ruleset: RULE_GLUE | RULE_IMPLICIT. note is a literal or in the arena. */
struct rule nf_glue(const struct match *m, enum verdict verdict, struct loc at,
		    const char *note);

/* Answers pass whatever the rules say of new packets: nothing before an accept denies them. */
bool nf_is_stateful(const struct ruleset *rs);

/* The number of a protocol or a service by the names of /etc/protocols and /etc/services, case
 * ignored; -1 where none is known. s is not NUL-terminated. */
int nf_protocol(const char *s, size_t len);
int nf_service(const char *s, size_t len);

#endif
