/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_NETFILTER_NAT_H
#define COLLECTORS_NETFILTER_NAT_H

/*
 * Translations of a Linux host. The readers of rulesets say what single rules translate and
 * which rulesets are nat chains; once all were read the chains are gone through as the kernel
 * does (nf_nat_inet_fn() in net/netfilter/nf_nat_core.c) and become the device's ordered list:
 * all chains of a hook, by priority, until one translates; whatever their priorities are, all
 * of it happens at -100 (destinations) or 100 (sources).
 */

#include "collectors/netfilter.h"

enum nf_nat_how {
	NF_NAT_BOUND, /* what it does isn't known */
	NF_NAT_TO,
	NF_NAT_PREFIX, /* the bits behind the prefix stay */
	NF_NAT_MASQUERADE,
	NF_NAT_REDIRECT,
};

struct nf_nat_target {
	const struct match *is; /* beside what the rule asks; NULL: all of them */
	const struct span *to;	/* n_to 0: the address stays */
	size_t n_to;
	bool has_port;
	uint16_t port_lo, port_hi;
};

/* What one rule does. Lives in the snapshot's arena. */
struct nf_translation {
	struct loc at;
	const char *text;
	const struct match *touches, *takes; /* as in struct nat */
	uint8_t rewrites;		     /* enum nat_rewrites */
	uint8_t how;			     /* enum nf_nat_how */
	unsigned families;		     /* bits, 1 << FAMILY_V4 | 1 << FAMILY_V6 */
	/* of TO and PREFIX; of MASQUERADE and REDIRECT one, for its port */
	const struct nf_nat_target *v;
	size_t n;
	bool told; /* its bound is on the device's list */
};

struct nf_nat_chain {
	enum hook_kind kind; /* HOOK_IN, _OUT, _LOCAL_IN, _LOCAL_OUT */
	int priority;
	unsigned families;
	const struct ruleset *ruleset;
	const struct match *reach; /* first packets that get to it */
};

struct nf_nats {
	struct device_build *b;
	const struct nf_host *h;
	struct map by_rule; /* ids of rules to struct nf_translation */
	VEC(struct nf_nat_chain) chains;
};

/* Packets that rules take out of connection tracking, as these see them. */
void nf_nat_untracked(struct nf_nats *n, const struct match *when);
/* The rule of a ruleset that has its rules (device_build_rules) translates. */
void nf_nat_rule(struct nf_nats *n, const struct rule *rule, struct nf_translation *t);
/* A nat chain that is bound to a hook; rules of ours (RULE_IMPLICIT) are passed over. */
void nf_nat_chain(struct nf_nats *n, const struct nf_nat_chain *ch);
/* A translation of which nothing but its bound is known. */
void nf_nat_bound(struct device_build *b, struct nf_translation *t);
/* The device's list, after all readers; frees what n holds. */
void nf_nats_build(struct nf_nats *n);

#endif
