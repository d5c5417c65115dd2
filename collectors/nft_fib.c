/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fib saddr|daddr type`: what the host takes an address for (nft_fib_ipv4.c, nft_fib_ipv6.c).
 * For IPv4 the local table and the address itself decide (__inet_dev_addr_type); for IPv6 an
 * address that isn't the host's is looked up in the routes, which we leave open. So each
 * address has a few types that it may be of: where all of them are asked for it matches, where
 * none is it doesn't, else nobody knows. Asked for one interface (`. iif`), an address of
 * another one is not the host's there.
 */
#include "collectors/nft_internal.h"

#include <string.h>

enum {
	UNICAST = 1 << 1,
	LOCAL = 1 << 2,
	BROADCAST = 1 << 3,
	MULTICAST = 1 << 5,
	ALL = (1 << NFT_FIB_TYPES) - 1
};

struct asking {
	struct nft_rule *r;
	const struct nft_key *k;
	unsigned types;
	const struct match *left; /* addresses that were not told of yet */
	const struct match *ret;
};

/* Those of the addresses that were not told of before are of one of these types. */
static void are(struct asking *a, const struct match *addrs, unsigned may)
{
	struct matches *m = a->r->n->m;
	const struct match *these = match_and(m, a->left, addrs);
	if (!(may & ~a->types))
		a->ret = match_or(m, a->ret, these);
	else if (may & a->types)
		a->ret =
			match_or(m, a->ret,
				 match_and(m, these,
					   nft_doubt(a->r, "fib type: the host's addresses and "
							   "routes")));
	a->left = match_and(m, a->left, match_not(m, addrs));
}

static void spans_are(struct asking *a, enum family f, const struct nf_spans *s, unsigned may)
{
	are(a, match_spans(a->r->n->m, (enum field)a->k->field, f, s->v, s->n), may);
}

static void prefix_is(struct asking *a, enum family f, uint64_t hi, uint64_t lo, unsigned len,
		      unsigned may)
{
	struct addr addr = { .hi = hi, .lo = lo };
	are(a, match_prefix(a->r->n->m, (enum field)a->k->field, f, addr, len), may);
}

const struct match *nft_fib_in(struct nft_rule *r, const struct nft_key *k,
			       const bool types[NFT_FIB_TYPES])
{
	struct matches *m = r->n->m;
	const struct nf_host *host = r->n->host;
	unsigned elsewhere = k->fib_dev ? UNICAST : 0;
	struct asking a = { .r = r, .k = k, .ret = match_none(m) };
	for (unsigned x = 0; x < NFT_FIB_TYPES; x++)
		a.types |= types[x] ? 1u << x : 0;

	a.left = match_family(m, FAMILY_V4);
	prefix_is(&a, FAMILY_V4, 0, 0, 32, BROADCAST);
	prefix_is(&a, FAMILY_V4, 0, 0xffffffff, 32, BROADCAST);
	prefix_is(&a, FAMILY_V4, 0, 0xe0000000, 4, MULTICAST);
	/* older kernels take all of "this network" (RFC 1122, 3.2.1.3) for a broadcast */
	prefix_is(&a, FAMILY_V4, 0, 0, 8, UNICAST | LOCAL | BROADCAST);
	if (host->addressed) {
		spans_are(&a, FAMILY_V4, &host->local[FAMILY_V4], LOCAL | elsewhere);
		spans_are(&a, FAMILY_V4, &host->broadcast[FAMILY_V4], BROADCAST | elsewhere);
		are(&a, match_all(m), UNICAST);
	} else {
		are(&a, match_all(m), UNICAST | LOCAL | BROADCAST);
	}

	a.left = match_family(m, FAMILY_V6);
	prefix_is(&a, FAMILY_V6, 0xff00000000000000, 0, 8,
		  ALL & ~(UNICAST | LOCAL | BROADCAST));
	if (host->addressed) {
		const struct nf_spans *own = &host->local[FAMILY_V6];
		enum field f = (enum field)k->field;
		/* a link's own address is the host's on that link alone */
		struct addr link = { .hi = 0xfe80000000000000 };
		are(&a,
		    match_and(m, match_spans(m, f, FAMILY_V6, own->v, own->n),
			      match_prefix(m, f, FAMILY_V6, link, 10)),
		    ALL & ~(MULTICAST | BROADCAST));
		spans_are(&a, FAMILY_V6, &host->local[FAMILY_V6],
			  k->fib_dev ? ALL & ~(MULTICAST | BROADCAST) : LOCAL);
		are(&a, match_all(m), ALL & ~(LOCAL | MULTICAST | BROADCAST));
	} else {
		are(&a, match_all(m), ALL & ~(MULTICAST | BROADCAST));
	}
	return a.ret;
}
