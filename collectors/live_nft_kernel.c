/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ruleset of nf_tables as the kernel tells it over nfnetlink (linux/netfilter/nf_tables.h):
 * a second read that shares nothing with the program nft. Rules are read as far as the two can
 * be held against each other: handle, verdict, the sets that are asked.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Of newer kernels than the headers at hand. */
enum {
	MSG_FIRST = NFNL_SUBSYS_NFTABLES << 8,
	SET_KNOWN = NFTA_SET_EXPRESSIONS + 2, /* NFTA_SET_COUNT */
	DEVICE_PREFIX = NFTA_DEVICE_NAME + 1, /* NFTA_DEVICE_PREFIX: every device so called */
};

static const char *const table_flags[] = { "dormant", "owner", "persist", NULL };
static const char *const chain_flags[] = { "base", "hw-offload", "binding", NULL };
static const char *const set_flags[] = { "anonymous",  "constant", "interval", "map",
					 "timeout",    "dynamic",  "object",   "concat",
					 "expression", NULL };

static int ask(int cmd, uint8_t family, bool dump, const struct text *attrs,
	       struct live_dump *d)
{
	struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };
	struct text body = { 0 };
	text_putn(&body, (const char *)&g, sizeof(g));
	if (attrs)
		text_putn(&body, attrs->s, attrs->len);
	int err = live_ask(NETLINK_NETFILTER, MSG_FIRST | cmd, dump, body.s, body.len, d);
	text_finish(&body);
	return err;
}

int nfk_generation(uint32_t *ret)
{
	LIVE_DUMP d = { 0 };
	size_t pos = 0;
	int err = ask(NFT_MSG_GETGEN, NFPROTO_UNSPEC, false, NULL, &d);
	if (err == -EINVAL || err == -EPROTONOSUPPORT || err == -EOPNOTSUPP)
		return -ENOPROTOOPT;
	const struct nlmsghdr *m = err ? NULL : live_next(&d, &pos);
	if (!m)
		return err ? err : -EPROTO;
	struct live_attr rest = {
		(const unsigned char *)m + NLMSG_LENGTH(sizeof(struct nfgenmsg)), 0
	};
	if (m->nlmsg_len > NLMSG_LENGTH(sizeof(struct nfgenmsg)))
		rest.len = m->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg));
	struct live_attr a;
	int type;
	while (live_attr_next(&rest, &type, &a))
		if (type == NFTA_GEN_ID && a.len >= 4) {
			*ret = live_be32(a);
			return 0;
		}
	return -EPROTO;
}

const char *nfk_family(unsigned family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	}
	return "unknown";
}

const char *nfk_hook(unsigned family, unsigned hook)
{
	static const char *const inet[] = { "prerouting", "input",	 "forward",
					    "output",	  "postrouting", "ingress" };
	static const char *const arp[] = { "input", "output", "forward" };
	static const char *const netdev[] = { "ingress", "egress" };
	if (family == NFPROTO_ARP)
		return hook < 3 ? arp[hook] : "unknown";
	if (family == NFPROTO_NETDEV)
		return hook < 2 ? netdev[hook] : "unknown";
	return hook < 6 ? inet[hook] : "unknown";
}

struct nfk_table *nfk_table(struct nfk *k, const char *family, const char *name)
{
	vec_each (t, &k->tables)
		if (!strcmp(nfk_family(t->family), family) && !strcmp(t->name, name))
			return t;
	return NULL;
}

struct nfk_chain *nfk_chain(struct nfk_table *t, const char *name)
{
	size_t at = (size_t)map_get(&t->chain_at, name);
	return at ? &t->chains.v[at - 1] : NULL;
}

struct nfk_set *nfk_set(struct nfk_table *t, const char *name)
{
	size_t at = (size_t)map_get(&t->set_at, name);
	return at ? &t->sets.v[at - 1] : NULL;
}

/* The table that a message is of; NULL where it was made since. */
static struct nfk_table *table_of(struct live *l, struct nfk *k, uint8_t family,
				  struct live_attr name)
{
	struct arena_mark mark = arena_mark(l->arena);
	const char *s = live_text(l, name);
	struct nfk_table *found = NULL;
	vec_each (t, &k->tables)
		if (t->family == family && !strcmp(t->name, s))
			found = t;
	arena_rewind(l->arena, mark);
	return found;
}

static uint8_t family_of(const struct nlmsghdr *m)
{
	const struct nfgenmsg *g = live_header(m, sizeof(*g));
	return g ? g->nfgen_family : 0;
}

static int read_table(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[NFTA_TABLE_MAX + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "table", tb, NFTA_TABLE_MAX, NULL);
	if (err || !tb[NFTA_TABLE_NAME].data)
		return -EPROTO;
	*vec_add(&k->tables) = (struct nfk_table){
		.family = family_of(m),
		.name = live_text(l, tb[NFTA_TABLE_NAME]),
		.handle = live_be64(tb[NFTA_TABLE_HANDLE]),
		.flags = live_be32(tb[NFTA_TABLE_FLAGS]),
		.owner = live_be32(tb[NFTA_TABLE_OWNER]),
		.has_owner = tb[NFTA_TABLE_OWNER].data != NULL,
	};
	return 0;
}

#define HOOK_DEVICES(l, list, to)                                                              \
	do {                                                                                   \
		struct live_attr rest_ = (list), a_;                                           \
		int type_;                                                                     \
		while (live_attr_next(&rest_, &type_, &a_))                                    \
			if (type_ == NFTA_DEVICE_NAME)                                         \
				*vec_add(to) = live_text(l, a_);                               \
			else if (type_ == DEVICE_PREFIX)                                       \
				*vec_add(to) =                                                 \
					arena_printf((l)->arena, "%s*", live_text(l, a_));     \
	} while (0)

static int read_chain(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[NFTA_CHAIN_MAX + 1], hook[NFTA_HOOK_MAX + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "chain", tb, NFTA_CHAIN_MAX, NULL);
	if (err || !tb[NFTA_CHAIN_NAME].data || !tb[NFTA_CHAIN_TABLE].data)
		return -EPROTO;
	struct nfk_table *t = table_of(l, k, family_of(m), tb[NFTA_CHAIN_TABLE]);
	if (!t)
		return -ESTALE;
	struct nfk_chain *c = vec_add(&t->chains);
	c->name = live_text(l, tb[NFTA_CHAIN_NAME]);
	c->handle = live_be64(tb[NFTA_CHAIN_HANDLE]);
	c->flags = live_be32(tb[NFTA_CHAIN_FLAGS]);
	*map_at(&t->chain_at, c->name) = (void *)t->chains.n;
	if (!tb[NFTA_CHAIN_HOOK].data)
		return 0;
	err = live_nested(l, tb[NFTA_CHAIN_HOOK], "hook", hook, NFTA_HOOK_MAX, NULL);
	c->base = true;
	c->flags |= NFT_CHAIN_BASE; /* told since Linux 5.8 */
	c->hook = live_be32(hook[NFTA_HOOK_HOOKNUM]);
	c->priority = (int32_t)live_be32(hook[NFTA_HOOK_PRIORITY]);
	c->type = live_text(l, tb[NFTA_CHAIN_TYPE]);
	c->has_policy = tb[NFTA_CHAIN_POLICY].data != NULL;
	c->policy = live_be32(tb[NFTA_CHAIN_POLICY]);
	if (hook[NFTA_HOOK_DEVS].data)
		HOOK_DEVICES(l, hook[NFTA_HOOK_DEVS], &c->devices);
	else if (hook[NFTA_HOOK_DEV].data)
		*vec_add(&c->devices) = live_text(l, hook[NFTA_HOOK_DEV]);
	return err;
}

static int read_rule(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[NFTA_RULE_MAX + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "rule", tb, NFTA_RULE_MAX, NULL);
	if (err || !tb[NFTA_RULE_TABLE].data || !tb[NFTA_RULE_CHAIN].data)
		return -EPROTO;
	struct nfk_table *t = table_of(l, k, family_of(m), tb[NFTA_RULE_TABLE]);
	struct arena_mark mark = arena_mark(l->arena);
	struct nfk_chain *c = t ? nfk_chain(t, live_text(l, tb[NFTA_RULE_CHAIN])) : NULL;
	arena_rewind(l->arena, mark);
	if (!c)
		return -ESTALE;
	struct nfk_rule *r = vec_add(&c->rules);
	r->handle = live_be64(tb[NFTA_RULE_HANDLE]);
	return nfk_expressions(l, tb[NFTA_RULE_EXPRESSIONS], r);
}

static int read_set(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[SET_KNOWN + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "set", tb, SET_KNOWN, NULL);
	if (err || !tb[NFTA_SET_NAME].data || !tb[NFTA_SET_TABLE].data)
		return -EPROTO;
	struct nfk_table *t = table_of(l, k, family_of(m), tb[NFTA_SET_TABLE]);
	if (!t)
		return -ESTALE;
	struct nfk_set *s = vec_add(&t->sets);
	*s = (struct nfk_set){ .name = live_text(l, tb[NFTA_SET_NAME]),
			       .handle = live_be64(tb[NFTA_SET_HANDLE]),
			       .flags = live_be32(tb[NFTA_SET_FLAGS]) };
	*map_at(&t->set_at, s->name) = (void *)t->sets.n;
	return 0;
}

static int read_object(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[NFTA_OBJ_MAX + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "object", tb, NFTA_OBJ_MAX, NULL);
	if (err || !tb[NFTA_OBJ_NAME].data || !tb[NFTA_OBJ_TABLE].data)
		return -EPROTO;
	struct nfk_table *t = table_of(l, k, family_of(m), tb[NFTA_OBJ_TABLE]);
	if (!t)
		return -ESTALE;
	*vec_add(&t->objects) = (struct nfk_object){ .name = live_text(l, tb[NFTA_OBJ_NAME]),
						     .handle = live_be64(tb[NFTA_OBJ_HANDLE]),
						     .type = live_be32(tb[NFTA_OBJ_TYPE]) };
	return 0;
}

static int read_flowtable(struct live *l, const struct nlmsghdr *m, struct nfk *k)
{
	struct live_attr tb[NFTA_FLOWTABLE_MAX + 1], hook[NFTA_FLOWTABLE_HOOK_MAX + 1];
	int err = live_attrs(l, m, sizeof(struct nfgenmsg), "flowtable", tb, NFTA_FLOWTABLE_MAX,
			     NULL);
	if (err || !tb[NFTA_FLOWTABLE_NAME].data || !tb[NFTA_FLOWTABLE_TABLE].data)
		return -EPROTO;
	struct nfk_table *t = table_of(l, k, family_of(m), tb[NFTA_FLOWTABLE_TABLE]);
	if (!t)
		return -ESTALE;
	err = live_nested(l, tb[NFTA_FLOWTABLE_HOOK], "flowtable hook", hook,
			  NFTA_FLOWTABLE_HOOK_MAX, NULL);
	struct nfk_object *o = vec_add(&t->flowtables);
	o->name = live_text(l, tb[NFTA_FLOWTABLE_NAME]);
	o->handle = live_be64(tb[NFTA_FLOWTABLE_HANDLE]);
	o->hook = live_be32(hook[NFTA_FLOWTABLE_HOOK_NUM]);
	o->priority = (int32_t)live_be32(hook[NFTA_FLOWTABLE_HOOK_PRIORITY]);
	HOOK_DEVICES(l, hook[NFTA_FLOWTABLE_HOOK_DEVS], &o->devices);
	return err;
}

static int dump_all(struct live *l, int cmd, struct nfk *k,
		    int (*read)(struct live *, const struct nlmsghdr *, struct nfk *))
{
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = ask(cmd, NFPROTO_UNSPEC, true, NULL, &d);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = live_header(m, sizeof(struct nfgenmsg)) ? read(l, m, k) : -EPROTO;
	return err;
}

/* Elements of one message, without those that only end an interval. */
static int count_elements(struct live *l, const struct nlmsghdr *m, size_t *n)
{
	struct live_attr tb[NFTA_SET_ELEM_LIST_MAX + 1], elem, in;
	int type, kind,
		err = live_attrs(l, m, sizeof(struct nfgenmsg), "elements", tb,
				 NFTA_SET_ELEM_LIST_MAX, NULL);
	struct live_attr list = tb[NFTA_SET_ELEM_LIST_ELEMENTS];
	while (!err && live_attr_next(&list, &type, &elem)) {
		bool end = false;
		if (type < 0)
			return -EPROTO;
		while (live_attr_next(&elem, &kind, &in)) {
			if (kind < 0)
				return -EPROTO;
			end |= kind == NFTA_SET_ELEM_FLAGS &&
			       live_be32(in) & NFT_SET_ELEM_INTERVAL_END;
		}
		*n += !end;
	}
	return err;
}

static int read_elements(struct live *l, const struct nfk_table *t, struct nfk_set *s)
{
	struct text attrs = { 0 };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	live_put_attr(&attrs, NFTA_SET_ELEM_LIST_TABLE, t->name, strlen(t->name) + 1);
	live_put_attr(&attrs, NFTA_SET_ELEM_LIST_SET, s->name, strlen(s->name) + 1);
	int err = ask(NFT_MSG_GETSETELEM, t->family, true, &attrs, &d);
	text_finish(&attrs);
	s->elements = 0;
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = count_elements(l, m, &s->elements);
	return err;
}

static int read_ruleset(struct live *l, struct nfk *k)
{
	int err = dump_all(l, NFT_MSG_GETTABLE, k, read_table);
	if (!err)
		err = dump_all(l, NFT_MSG_GETCHAIN, k, read_chain);
	if (!err)
		err = dump_all(l, NFT_MSG_GETRULE, k, read_rule);
	if (!err)
		err = dump_all(l, NFT_MSG_GETSET, k, read_set);
	if (!err) {
		err = dump_all(l, NFT_MSG_GETOBJ, k, read_object);
		err = err == -EOPNOTSUPP || err == -EINVAL ? 0 : err; /* since Linux 4.10 */
	}
	if (!err) {
		err = dump_all(l, NFT_MSG_GETFLOWTABLE, k, read_flowtable);
		err = err == -EOPNOTSUPP || err == -EINVAL ? 0 : err; /* since 4.16 */
	}
	vec_each (t, &k->tables)
		for (size_t i = 0; !err && i < t->sets.n; i++)
			err = read_elements(l, t, &t->sets.v[i]);
	/* a set or table that was there a moment ago */
	return err == -ENOENT ? -ESTALE : err;
}

int nfk_read(struct live *l, struct nfk *k)
{
	int err = 0;
	for (int i = 0; i < LIVE_TRIES; i++) {
		nfk_free(k);
		err = nfk_generation(&k->before);
		if (!err)
			err = read_ruleset(l, k);
		if (!err)
			err = nfk_generation(&k->after);
		if ((!err && k->before == k->after) || (err && err != -ESTALE && err != -EINTR))
			break;
	}
	if (!err && k->before != k->after)
		err = -EINTR;
	return err == -ESTALE ? -EINTR : err;
}

void nfk_free(struct nfk *k)
{
	vec_each (t, &k->tables) {
		vec_each (c, &t->chains) {
			vec_free(&c->devices);
			vec_free(&c->rules);
		}
		vec_each (o, &t->flowtables)
			vec_free(&o->devices);
		vec_free(&t->chains);
		vec_free(&t->sets);
		vec_free(&t->objects);
		vec_free(&t->flowtables);
		map_finish(&t->chain_at);
		map_finish(&t->set_at);
	}
	vec_free(&k->tables);
}

static json_t *strings(struct live *l, const char *const *v, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, live_string(l, v[i]));
	return a;
}

static json_t *chain_json(struct live *l, const struct nfk_table *t, const struct nfk_chain *c)
{
	json_t *v = json_object(), *handles = json_array();
	live_set_string(l, v, "name", c->name);
	live_set_int(v, "handle", (json_int_t)c->handle);
	live_set(v, "flags", live_flags(c->flags, chain_flags));
	if (c->base) {
		live_set_string(l, v, "type", c->type);
		live_set_string(l, v, "hook", nfk_hook(t->family, c->hook));
		live_set_int(v, "priority", c->priority);
		if (c->has_policy)
			live_set_string(l, v, "policy",
					c->policy == NF_ACCEPT ? "accept" : "drop");
		if (c->devices.n)
			live_set(v, "devices", strings(l, c->devices.v, c->devices.n));
	}
	live_set_int(v, "rules", (json_int_t)c->rules.n);
	vec_each (r, &c->rules)
		json_array_append_new(handles, json_integer((json_int_t)r->handle));
	live_set(v, "rule_handles", handles);
	return v;
}

static json_t *flowtable_json(struct live *l, const struct nfk_object *o)
{
	json_t *v = json_object();
	live_set_string(l, v, "name", o->name);
	live_set_int(v, "handle", (json_int_t)o->handle);
	live_set_string(l, v, "hook", nfk_hook(NFPROTO_NETDEV, o->hook));
	live_set_int(v, "priority", o->priority);
	live_set(v, "devices", strings(l, o->devices.v, o->devices.n));
	return v;
}

static json_t *table_json(struct live *l, const struct nfk_table *t)
{
	json_t *v = json_object(), *chains = json_array(), *sets = json_array();
	json_t *objects = json_array(), *flowtables = json_array();
	live_set_string(l, v, "family", nfk_family(t->family));
	live_set_string(l, v, "name", t->name);
	live_set_int(v, "handle", (json_int_t)t->handle);
	live_set(v, "flags", live_flags(t->flags, table_flags));
	if (t->has_owner)
		live_set_int(v, "owner", t->owner);
	vec_each (c, &t->chains)
		json_array_append_new(chains, chain_json(l, t, c));
	vec_each (s, &t->sets) {
		json_t *x = json_object();
		live_set_string(l, x, "name", s->name);
		live_set_int(x, "handle", (json_int_t)s->handle);
		live_set(x, "flags", live_flags(s->flags, set_flags));
		live_set_int(x, "elements", (json_int_t)s->elements);
		json_array_append_new(sets, x);
	}
	vec_each (o, &t->objects) {
		json_t *x = json_object();
		live_set_string(l, x, "name", o->name);
		live_set_int(x, "handle", (json_int_t)o->handle);
		live_set_int(x, "type", o->type);
		json_array_append_new(objects, x);
	}
	vec_each (o, &t->flowtables)
		json_array_append_new(flowtables, flowtable_json(l, o));
	live_set(v, "chains", chains);
	live_set(v, "sets", sets);
	live_set(v, "objects", objects);
	live_set(v, "flowtables", flowtables);
	return v;
}

json_t *nfk_json(struct live *l, const struct nfk *k)
{
	json_t *v = json_object(), *tables = json_array();
	live_set(v, "generation",
		 json_pack("[I,I]", (json_int_t)k->before, (json_int_t)k->after));
	vec_each (t, &k->tables)
		json_array_append_new(tables, table_json(l, t));
	live_set(v, "tables", tables);
	return v;
}
