/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's expressions of a rule say as far as the program's listing can be held
 * against it: the verdict, the sets that are asked, and how many conditions and statements
 * there are. A listing that lost one has fewer.
 *
 * Of conditions the kernel has more than the listing where one guards another (the protocol
 * before a port): those aren't counted. It may have fewer where nft put two neighbouring fields
 * into one comparison. So the count is a least number, never more than what a listing that is
 * whole shows.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

struct facts {
	struct nfk_rule *r;
	VEC(const char *) sets;
	/* What was loaded since the last comparison: nothing, guards only, something else. */
	enum { LOADED_NOTHING, LOADED_GUARD, LOADED_VALUE } loaded;
};

static void load(struct facts *f, bool guard)
{
	if (f->loaded != LOADED_VALUE)
		f->loaded = guard ? LOADED_GUARD : LOADED_VALUE;
}

/* A range is two comparisons of one value. */
static void compare(struct facts *f)
{
	f->r->n_matches += f->loaded == LOADED_VALUE;
	f->loaded = LOADED_NOTHING;
}

static void act(struct facts *f)
{
	f->r->n_statements++;
	f->loaded = LOADED_NOTHING;
}

static int on_immediate(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_IMMEDIATE_MAX + 1], val[NFTA_DATA_MAX + 1];
	struct live_attr v[NFTA_VERDICT_MAX + 1];
	int err = live_nested(l, data, "immediate", tb, NFTA_IMMEDIATE_MAX, NULL);
	if (err || live_be32(tb[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT)
		return err;
	err = live_nested(l, tb[NFTA_IMMEDIATE_DATA], "data", val, NFTA_DATA_MAX, NULL);
	if (!err)
		err = live_nested(l, val[NFTA_DATA_VERDICT], "verdict", v, NFTA_VERDICT_MAX,
				  NULL);
	if (err)
		return err;
	f->r->verdict =
		f->r->verdict == NFK_NONE ? (int)live_be32(v[NFTA_VERDICT_CODE]) : NFK_SEVERAL;
	if (v[NFTA_VERDICT_CHAIN].data)
		f->r->target = live_text(l, v[NFTA_VERDICT_CHAIN]);
	return 0;
}

static int on_lookup(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_LOOKUP_MAX + 1];
	int err = live_nested(l, data, "lookup", tb, NFTA_LOOKUP_MAX, NULL);
	if (err)
		return err;
	if (tb[NFTA_LOOKUP_SET].data)
		*vec_add(&f->sets) = live_text(l, tb[NFTA_LOOKUP_SET]);
	if (!tb[NFTA_LOOKUP_DREG].data)
		compare(f);
	else if (live_be32(tb[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT)
		act(f);
	return 0;
}

static int on_objref(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_OBJREF_MAX + 1];
	int err = live_nested(l, data, "objref", tb, NFTA_OBJREF_MAX, NULL);
	if (!err && tb[NFTA_OBJREF_SET_NAME].data)
		*vec_add(&f->sets) = live_text(l, tb[NFTA_OBJREF_SET_NAME]);
	act(f);
	return err;
}

/* The protocol fields that nft asks by itself before it reads the next header. */
static bool is_guard(uint32_t base, uint32_t offset, uint32_t len)
{
	switch (base) {
	case NFT_PAYLOAD_LL_HEADER:
		return len == 2 && (offset == 12 || offset == 16);
	case NFT_PAYLOAD_NETWORK_HEADER:
		return len == 1 && (offset == 9 || offset == 6);
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		return len == 1 && offset == 0; /* type of ICMP */
	}
	return false;
}

static int on_payload(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_PAYLOAD_MAX + 1];
	int err = live_nested(l, data, "payload", tb, NFTA_PAYLOAD_MAX, NULL);
	if (err)
		return err;
	if (tb[NFTA_PAYLOAD_DREG].data)
		load(f, is_guard(live_be32(tb[NFTA_PAYLOAD_BASE]),
				 live_be32(tb[NFTA_PAYLOAD_OFFSET]),
				 live_be32(tb[NFTA_PAYLOAD_LEN])));
	else
		act(f);
	return 0;
}

static int on_meta(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_META_MAX + 1];
	int err = live_nested(l, data, "meta", tb, NFTA_META_MAX, NULL);
	uint32_t key = live_be32(tb[NFTA_META_KEY]);
	if (!err && tb[NFTA_META_DREG].data)
		load(f, key == NFT_META_NFPROTO || key == NFT_META_L4PROTO ||
				key == NFT_META_PROTOCOL || key == NFT_META_IIFTYPE);
	else if (!err)
		act(f);
	return err;
}

static int on_ct(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_CT_MAX + 1];
	int err = live_nested(l, data, "ct", tb, NFTA_CT_MAX, NULL);
	uint32_t key = live_be32(tb[NFTA_CT_KEY]);
	if (!err && tb[NFTA_CT_DREG].data)
		load(f, key == NFT_CT_L3PROTOCOL || key == NFT_CT_PROTOCOL);
	else if (!err)
		act(f);
	return err;
}

static int on_exthdr(struct live *l, struct live_attr data, struct facts *f)
{
	struct live_attr tb[NFTA_EXTHDR_MAX + 1];
	int err = live_nested(l, data, "exthdr", tb, NFTA_EXTHDR_MAX, NULL);
	if (!err && tb[NFTA_EXTHDR_DREG].data)
		load(f, false);
	else if (!err)
		act(f);
	return err;
}

static int on_load(struct live *l, struct live_attr data, struct facts *f)
{
	load(f, false);
	return 0;
}

static int on_compare(struct live *l, struct live_attr data, struct facts *f)
{
	compare(f);
	return 0;
}

static int on_match(struct live *l, struct live_attr data, struct facts *f)
{
	f->r->n_matches++;
	return 0;
}

static int on_statement(struct live *l, struct live_attr data, struct facts *f)
{
	act(f);
	return 0;
}

/* Others (bitwise, byteorder) only change what was loaded. */
static const struct {
	const char *name;
	int (*on)(struct live *l, struct live_attr data, struct facts *f);
} expressions[] = {
	{ "cmp", on_compare },
	{ "range", on_compare },
	{ "lookup", on_lookup },
	{ "payload", on_payload },
	{ "meta", on_meta },
	{ "ct", on_ct },
	{ "exthdr", on_exthdr },
	{ "fib", on_load },
	{ "rt", on_load },
	{ "socket", on_load },
	{ "osf", on_load },
	{ "tunnel", on_load },
	{ "xfrm", on_load },
	{ "numgen", on_load },
	{ "hash", on_load },
	{ "immediate", on_immediate },
	{ "objref", on_objref },
	{ "match", on_match },
	{ "target", on_statement },
	{ "counter", on_statement },
	{ "limit", on_statement },
	{ "log", on_statement },
	{ "quota", on_statement },
	{ "connlimit", on_statement },
	{ "reject", on_statement },
	{ "masq", on_statement },
	{ "redir", on_statement },
	{ "nat", on_statement },
	{ "notrack", on_statement },
	{ "queue", on_statement },
	{ "tproxy", on_statement },
	{ "synproxy", on_statement },
	{ "dup", on_statement },
	{ "fwd", on_statement },
	{ "flow_offload", on_statement },
	{ "dynset", on_statement },
};

static int on_expression(struct live *l, struct live_attr elem, struct facts *f)
{
	struct live_attr tb[NFTA_EXPR_MAX + 1];
	int err = live_nested(l, elem, "expression", tb, NFTA_EXPR_MAX, NULL);
	if (err || !tb[NFTA_EXPR_NAME].data)
		return -EPROTO;
	const char *name = (const char *)tb[NFTA_EXPR_NAME].data;
	size_t len = strnlen(name, tb[NFTA_EXPR_NAME].len);
	for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++)
		if (strlen(expressions[i].name) == len &&
		    !memcmp(expressions[i].name, name, len))
			return expressions[i].on(l, tb[NFTA_EXPR_DATA], f);
	return 0;
}

int nfk_expressions(struct live *l, struct live_attr list, struct nfk_rule *r)
{
	struct facts f = { .r = r };
	struct live_attr elem;
	int type, err = 0;
	r->verdict = NFK_NONE;
	while (!err && live_attr_next(&list, &type, &elem)) {
		if (type < 0)
			err = -EPROTO;
		else if (type == NFTA_LIST_ELEM)
			err = on_expression(l, elem, &f);
	}
	r->n_sets = (uint32_t)f.sets.n;
	r->sets = f.sets.n ? vec_keep(l->arena, &f.sets) : NULL;
	vec_free(&f.sets);
	return err;
}
