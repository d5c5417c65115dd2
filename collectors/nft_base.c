/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around a base chain. Not every packet that passes the hook gets to the chain's
 * rules, and some things about that the export does not tell: rules of ours in front of the
 * chain's own say both. A condition of theirs that isn't known permits, which makes the chain
 * one that applies or does not; both ways count.
 */
#include "collectors/nft_internal.h"
#include "collectors/netfilter_nat.h"

#include <string.h>

/* Packets that rules take out of tracking: a later `ct state` doesn't see their state. */
void nft_note_untracked(struct nft *n)
{
	const struct match *all = match_none(n->m);
	vec_each (ch, &n->order) {
		if ((*ch)->table->dormant)
			continue;
		vec_each (rule, &(*ch)->rules) {
			const json_t *list = json_object_get(*rule, "expr");
			for (size_t i = 0; i < json_array_size(list); i++) {
				const json_t *stmt = json_array_get(list, i);
				const char *xt = nft_str(json_object_get(stmt, "xt"), "name");
				if (!json_object_get(stmt, "notrack") &&
				    (!xt || (strcmp(xt, "CT") && strcmp(xt, "NOTRACK"))))
					continue;
				all = match_or(n->m, all, nft_rule_match(n, *ch, *rule));
				break;
			}
		}
	}
	if (all->kind != MATCH_NONE)
		n->notrack = match_and(
			n->m, all,
			match_unknown(n->m, LOC_NONE, "packets taken out of tracking"));
	if (n->notrack)
		nf_nat_untracked(n->nats, n->notrack);
}

static void glue(struct rule *v, size_t *n, const struct match *m, enum verdict verdict,
		 struct loc at, const char *note)
{
	v[(*n)++] = nf_glue(m, verdict, at, note);
}

/* A frame that the chain of an ingress or egress hook doesn't see, or may not. */
static const struct match *other_device(struct nft *n, struct nft_chain *ch)
{
	struct matches *m = n->m;
	enum field f = ch->reach & REACH_IN ? FIELD_IIF : FIELD_OIF;
	const struct match *dev = match_none(m), *rider = match_none(m);
	vec_each (name, &ch->devs)
		dev = match_or(m, dev, match_iface(m, f, *name, false));
	if (!n->facts)
		return match_and(
			m, match_not(m, dev),
			match_unknown(m, LOC_NONE,
				      ch->devs.n ? "a device that may lie on top of the chain's"
						 : "the chain's device: the export does not "
						   "tell"));
	vec_each (r, &n->facts->riders)
		vec_each (name, &ch->devs)
			if (!strcmp(r->dev, *name))
				rider = match_or(m, rider, match_iface(m, f, r->by, false));
	const struct match *on = match_unknown(m, LOC_NONE, "a device on top of the chain's");
	return match_and(m, match_not(m, dev), match_or(m, match_not(m, rider), on));
}

/* The rules in front of a base chain's own: what never gets to them, or may not. */
size_t nft_glue(struct nft *n, struct nft_chain *ch, struct rule *v)
{
	struct matches *m = n->m;
	struct nft_table *t = ch->table;
	size_t count = 0;
	if (t->doubt)
		glue(v, &count, match_unknown(m, LOC_NONE, "%s", t->doubt), VERDICT_PERMIT,
		     t->at, "the table may be switched off");
	if (t->family == NFT_IP || t->family == NFT_IP6)
		glue(v, &count, match_family(m, t->family == NFT_IP ? FAMILY_V6 : FAMILY_V4),
		     VERDICT_PERMIT, t->at, "the table sees one family only");
	if (t->family == NFT_BRIDGE && !n->facts) {
		glue(v, &count,
		     match_unknown(m, LOC_NONE, "bridged or routed: the file does not tell"),
		     VERDICT_PERMIT, ch->at, "bridged frames only");
	} else if (t->family != NFT_BRIDGE && ch->reach & REACH_FRAME) {
		glue(v, &count, other_device(n, ch), VERDICT_PERMIT, ch->at,
		     "frames of other devices pass it");
	}
	if (ch->nat) {
		struct range r[] = { { STATE_ESTABLISHED, STATE_ESTABLISHED },
				     { STATE_INVALID, STATE_UNTRACKED } };
		glue(v, &count, match_ranges(m, FIELD_STATE, r, 2), VERDICT_PERMIT, ch->at,
		     "a nat chain sees first packets only");
		glue(v, &count,
		     match_and(m, match_value(m, FIELD_STATE, STATE_RELATED),
			       match_unknown(m, LOC_NONE, "nat of related packets")),
		     VERDICT_PERMIT, ch->at, "a nat chain sees first packets only");
		if (n->notrack)
			glue(v, &count, n->notrack, VERDICT_PERMIT, ch->at,
			     "a nat chain sees no packets out of tracking");
		if (n->nat_chains[ch->reach] > 1 || n->host->nat_doubt)
			glue(v, &count,
			     match_unknown(m, LOC_NONE, "%s",
					   n->host->nat_doubt ? n->host->nat_doubt
						   : "another nat chain may come first"),
			     VERDICT_PERMIT, ch->at,
			     "once translated, nat chains are passed by");
	}
	if (n->offload) {
		struct range r[] = { { PROTO_TCP, PROTO_TCP }, { PROTO_UDP, PROTO_UDP } };
		const struct match *all[] = {
			match_value(m, FIELD_STATE, STATE_ESTABLISHED),
			match_ranges(m, FIELD_PROTO, r, 2),
			match_unknown(m, LOC_NONE, "a flow that may be offloaded"),
		};
		glue(v, &count, match_and_n(m, all, 3), VERDICT_PERMIT, ch->at,
		     "offloaded flows pass by the hooks");
	}
	return count;
}

/*
 * Where connection tracking is in use no later fragment is ever seen: it goes as the whole
 * packet does. Elsewhere it meets the rules, and what one that looks at the transport header
 * finds there depends: kernels that check the offset end the rule, others (6.18 for one, by
 * its short way for small fields) compare the bytes that stand in the header's place.
 */
void nft_glue_fragments(struct nft *n, struct nft_chain *ch, struct rule *ret)
{
	size_t count = 0;
	glue(ret, &count, match_value(n->m, FIELD_FRAGMENT, 1), VERDICT_UNKNOWN, ch->at,
	     nft_joins_fragments(n, ch)
		     ? "connection tracking joins fragments: a later one goes as its first"
		     : "a later fragment: kernels differ in what they compare");
}

bool nft_joins_fragments(const struct nft *n, const struct nft_chain *ch)
{
	return (n->tracked[FAMILY_V4] || n->tracked[FAMILY_V6]) && ch->prio > -400 &&
	       !(ch->reach & REACH_FRAME);
}

void nft_bind(struct nft *n, struct nft_chain *ch)
{
	static const struct {
		unsigned reach;
		enum hook_kind kind;
	} kinds[] = { { REACH_IN, HOOK_IN },
		      { REACH_FORWARD, HOOK_FORWARD },
		      { REACH_OUT, HOOK_OUT },
		      { REACH_LOCAL_IN, HOOK_LOCAL_IN },
		      { REACH_LOCAL_OUT, HOOK_LOCAL_OUT } };
	const unsigned both = 1u << FAMILY_V4 | 1u << FAMILY_V6;
	if (!ch->base || !ch->hook || ch->table->dormant)
		return;
	ch->ruleset->stateful = !n->notrack && nf_is_stateful(ch->ruleset);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!(ch->own_reach & kinds[i].reach))
			continue;
		if (!(ch->own_reach & REACH_FRAME)) {
			unsigned families = ch->table->family == NFT_IP	   ? 1u << FAMILY_V4
					    : ch->table->family == NFT_IP6 ? 1u << FAMILY_V6
									   : both;
			bool source = kinds[i].kind == HOOK_OUT || kinds[i].kind == HOOK_LOCAL_IN;
			/* all nat chains are called at the priority of translation itself */
			int order = !ch->nat ? ch->prio : source ? 100 : -100;
			nf_bind(n->b, n->host, ch->ruleset, kinds[i].kind, order, families, ch->at);
			if (ch->nat)
				nft_nat_chain(n, ch, kinds[i].kind, families);
			continue;
		}
		device_build_hook(n->b, kinds[i].kind, ch->prio, NULL, ch->ruleset, ch->at);
		struct hook *h = &n->b->hooks.v[n->b->hooks.n - 1];
		if (n->facts)
			h->layer = ch->table->family == NFT_BRIDGE ? LAYER_BRIDGE : LAYER_LINK;
	}
}
