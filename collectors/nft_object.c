/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables, chains and sets of a listing. A key that isn't known may mean anything: a table or a
 * set with one is doubted, a chain with one taints the device.
 */
#include "collectors/nft_internal.h"

#include <string.h>

/* The object is not understood: nothing about the device is certain any more. */
void nft_reject(struct nft *n, const json_t *v, const char *why)
{
	struct loc at = nft_loc(n, v, NULL);
	diag_warning(n->d, "nft.object", at, "%s", why);
	account_add(n->c->snap, n->acc, ACCOUNT_REJECTED, true, at, why);
	device_build_taint(n->b, NULL, at, "%s", why);
}

void nft_irrelevant(struct nft *n, const json_t *v)
{
	account_add(n->c->snap, n->acc, ACCOUNT_IRRELEVANT, false, nft_loc(n, v, NULL), NULL);
}

static struct nft_table *table_at(struct nft *n, const json_t *v, const char *name)
{
	int family = nft_family(nft_str(v, "family"));
	if (family < 0 || !name)
		return NULL;
	const char *key = nft_key_of(n, nft_family_name((enum nft_family)family), name, NULL);
	void **slot = map_at(&n->tables, key);
	struct nft_table *t = *slot;
	if (!t) {
		t = *slot = arena_alloc(n->arena, sizeof(*t));
		t->family = (enum nft_family)family;
		t->name = arena_str(n->arena, name);
		t->path = arena_printf(n->arena, "table %s", key);
		t->at = nft_loc(n, v, t->path);
		const struct nft_table_fact *fact =
			n->facts ? map_get(&n->facts->tables, key) : NULL;
		if (fact) {
			t->dormant = fact->dormant;
			t->elsewhere = fact->elsewhere;
		} else if (n->facts) {
			t->doubt = "a table that the kernel's own list has not";
		}
	}
	return t;
}

bool nft_elsewhere(struct nft *n, const json_t *v)
{
	const char *table = nft_str(v, "table");
	const struct nft_table *t = n->facts && table ? table_at(n, v, table) : NULL;
	return t && t->elsewhere;
}

static void table_flag(struct nft *n, struct nft_table *t, const json_t *flag)
{
	const char *s = json_string_value(flag);
	if (n->facts)
		return; /* the kernel told */
	if (s && strcmp(s, t->name)) {
		if (!strcmp(s, "dormant")) {
			t->dormant = true;
			return;
		}
		if (!strcmp(s, "owner") || !strcmp(s, "persist"))
			return;
	}
	t->doubt = "a table flag that the export does not tell (dormant?)";
	diag_warning(n->d, "nft.table-flags", t->at,
		     "%s: the flags can't be read (nft 1.0.6 prints the table's name for "
		     "\"dormant\"): it may be switched off",
		     t->path);
}

void nft_read_table(struct nft *n, const json_t *v)
{
	static const char *const known[] = { "family",	"name", "handle", "flags",
					     "comment", "use",	NULL };
	struct nft_table *t = table_at(n, v, nft_str(v, "name"));
	const json_t *flags = json_object_get(v, "flags");
	if (!t) {
		nft_reject(n, v, "a table without a known family and a name");
		return;
	}
	if (t->elsewhere) {
		nft_irrelevant(n, v);
		return;
	}
	if (json_is_array(flags))
		for (size_t i = 0; i < json_array_size(flags); i++)
			table_flag(n, t, json_array_get(flags, i));
	else if (flags)
		table_flag(n, t, flags);
	if (!nft_only(v, known) && !t->doubt)
		t->doubt = "a table with keys that are not known";
	account_add(n->c->snap, n->acc, t->doubt ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false,
		    t->at, t->doubt);
}

static void add_device(struct nft *n, struct nft_chain *ch, const char *s)
{
	struct nft_table *t = ch->table;
	const char *name = arena_str(n->arena, s);
	*vec_add(&ch->devs) = name;
	nft_port(n, name, ch->at);
	if (t->dev && strcmp(t->dev, name))
		t->many_devs = true;
	t->dev = name;
}

static void read_devices(struct nft *n, struct nft_chain *ch, const char *key, const json_t *v)
{
	static const char *const names[] = { "dev", "devs", "devices" };
	const struct nft_chain_fact *fact = n->facts ? map_get(&n->facts->chains, key) : NULL;
	for (size_t i = 0; fact && i < fact->n_devs; i++)
		add_device(n, ch, fact->devs[i]);
	if (fact)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const json_t *d = json_object_get(v, names[i]);
		size_t many = json_is_array(d) ? json_array_size(d) : json_is_string(d);
		for (size_t j = 0; j < many; j++) {
			const char *s =
				json_string_value(json_is_array(d) ? json_array_get(d, j) : d);
			if (s && *s)
				add_device(n, ch, s);
		}
	}
}

/* What the hook's name means for the family; false where it has none such. */
static bool hook_reach(const struct nft *n, struct nft_chain *ch)
{
	static const struct {
		const char *name;
		unsigned ip, bridge, netdev;
	} hooks[] = {
		{ "prerouting", REACH_IN, REACH_IN, 0 },
		{ "forward", REACH_FORWARD, REACH_FORWARD, 0 },
		{ "postrouting", REACH_OUT, REACH_OUT, 0 },
		{ "input", REACH_LOCAL_IN, REACH_LOCAL_IN, 0 },
		{ "output", REACH_LOCAL_OUT, REACH_LOCAL_OUT, 0 },
		{ "ingress", REACH_IN, 0, REACH_IN },
		{ "egress", REACH_OUT, 0, REACH_OUT },
	};
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		if (strcmp(hooks[i].name, ch->hook))
			continue;
		enum nft_family f = ch->table->family;
		bool gress = !strcmp(ch->hook, "ingress") || !strcmp(ch->hook, "egress");
		if (gress && f != NFT_INET && f != NFT_NETDEV)
			return false;
		ch->reach = f == NFT_NETDEV   ? hooks[i].netdev
			    : f == NFT_BRIDGE ? hooks[i].bridge
					      : hooks[i].ip;
		bool known = ch->reach != 0;
		/* without the host's bridges: a frame to one's own address may be routed on */
		if (f == NFT_BRIDGE && !n->facts && ch->reach == REACH_LOCAL_IN)
			ch->reach = REACH_IN;
		if (f == NFT_BRIDGE && !n->facts && ch->reach == REACH_LOCAL_OUT)
			ch->reach = REACH_OUT;
		if (f == NFT_NETDEV || f == NFT_BRIDGE || gress)
			ch->reach |= REACH_FRAME;
		else if (ch->prio <= -200 && (ch->reach & (REACH_IN | REACH_LOCAL_OUT)))
			ch->reach |= REACH_EARLY;
		return known;
	}
	return false;
}

static void read_base(struct nft *n, struct nft_chain *ch, const json_t *v)
{
	const char *policy = nft_str(v, "policy"), *type = nft_str(v, "type");
	ch->base = true;
	ch->hook = nft_str(v, "hook");
	if (!nft_priority(ch->table->family, json_object_get(v, "prio"), &ch->prio))
		device_build_taint(n->b, NULL, ch->at, "%s: its priority is not known",
				   ch->path);
	if (!ch->hook || !hook_reach(n, ch)) {
		ch->hook = NULL;
		device_build_taint(n->b, NULL, ch->at, "%s: its hook is not known", ch->path);
	}
	ch->nat = type && !strcmp(type, "nat");
	if (!type || (!ch->nat && strcmp(type, "filter") && strcmp(type, "route")))
		device_build_taint(n->b, NULL, ch->at, "%s: its type is not known", ch->path);
	ch->ruleset->dflt = VERDICT_PERMIT; /* what nft takes where none is given */
	ch->ruleset->dflt_at = ch->at;
	if (json_object_get(v, "policy"))
		ch->ruleset->dflt_at = nft_loc(n, json_object_get(v, "policy"), ch->path);
	if (policy && !strcmp(policy, "drop"))
		ch->ruleset->dflt = VERDICT_DENY;
	else if (json_object_get(v, "policy") && (!policy || strcmp(policy, "accept")))
		ch->ruleset->dflt = VERDICT_UNKNOWN;
	snapshot_name(n->c->snap, n->c->device, "chain", ch->ruleset->name, ch->at, false);
}

void nft_read_chain(struct nft *n, const json_t *v)
{
	static const char *const known[] = { "family",	"table",   "name",   "handle", "type",
					     "hook",	"prio",	   "policy", "dev",    "devs",
					     "devices", "comment", "flags",  "use",    NULL };
	const char *name = nft_str(v, "name");
	struct nft_table *t = table_at(n, v, nft_str(v, "table"));
	if (!t || !name) {
		nft_reject(n, v, "a chain without a known family, a table and a name");
		return;
	}
	if (t->family == NFT_ARP || t->elsewhere) {
		nft_irrelevant(n, v);
		return;
	}
	const char *key = nft_key_of(n, nft_family_name(t->family), t->name, name);
	void **slot = map_at(&n->chains, key);
	if (*slot) {
		nft_reject(n, v, "a chain that is there already");
		return;
	}
	struct nft_chain *ch = *slot = arena_alloc(n->arena, sizeof(*ch));
	ch->table = t;
	ch->name = arena_str(n->arena, name);
	ch->path = arena_printf(n->arena, "%s chain %s", t->path, name);
	ch->at = nft_loc(n, v, ch->path);
	ch->ruleset = device_build_ruleset(n->b, key, "chain", ch->at);
	ch->ruleset->dflt = VERDICT_UNKNOWN; /* what its callers do then */
	*vec_add(&n->order) = ch;
	snapshot_name(n->c->snap, n->c->device, "chain", ch->ruleset->name, ch->at, true);
	if (json_object_get(v, "hook") || json_object_get(v, "type") ||
	    json_object_get(v, "prio"))
		read_base(n, ch, v);
	read_devices(n, ch, key, v);
	bool ok = nft_only(v, known);
	if (!ok)
		device_build_taint(n->b, NULL, ch->at, "%s has keys that are not known",
				   ch->path);
	bool gress = ch->base && (ch->reach & REACH_FRAME) && t->family != NFT_BRIDGE;
	const char *why = !ok			  ? "keys that are not known"
			  : ch->base && !ch->hook ? "a hook that is not known"
			  : gress && !ch->devs.n  ? "its device is not told"
			  : ch->base && t->family == NFT_BRIDGE && !n->facts
				  ? "bridged or routed is not told"
				  : NULL;
	account_add(n->c->snap, n->acc, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, ch->base, ch->at,
		    why);
}

void nft_read_set(struct nft *n, const json_t *v, bool map)
{
	static const char *const known[] = { "family",	   "name",    "table",	"type",
					     "handle",	   "flags",   "elem",	"map",
					     "size",	   "timeout", "policy", "gc-interval",
					     "auto-merge", "comment", "stmt",	"desc",
					     "typeof",	   NULL };
	const char *name = nft_str(v, "name");
	struct nft_table *t = table_at(n, v, nft_str(v, "table"));
	if (!t || !name) {
		nft_reject(n, v, "a set without a known family, a table and a name");
		return;
	}
	if (t->elsewhere) {
		nft_irrelevant(n, v);
		return;
	}
	const char *key = nft_key_of(n, nft_family_name(t->family), t->name, name);
	void **slot = map_at(&n->sets, key);
	if (*slot) {
		nft_reject(n, v, "a set that is there already");
		return;
	}
	struct nft_set *s = *slot = arena_alloc(n->arena, sizeof(*s));
	s->name = arena_str(n->arena, name);
	s->label = arena_printf(n->arena, "%s %s", map ? "map" : "set", key);
	s->at = nft_loc(n, v,
			arena_printf(n->arena, "%s %s %s", t->path, map ? "map" : "set", name));
	s->is_map = map;
	*vec_add(&n->all_sets) = s;
	snapshot_name(n->c->snap, n->c->device, "set", key, s->at, true);
	if (json_object_get(v, "elem"))
		*vec_add(&s->elems) = json_object_get(v, "elem");
	const json_t *flags = json_object_get(v, "flags"), *stmt = json_object_get(v, "stmt");
	for (size_t i = 0; i < json_array_size(flags) || (!i && json_is_string(flags)); i++) {
		const char *f = json_string_value(
			json_is_string(flags) ? flags : json_array_get(flags, i));
		if (f && !strcmp(f, "dynamic"))
			s->loose = "rules add to it";
		else if (!f || (strcmp(f, "interval") && strcmp(f, "constant") &&
				strcmp(f, "timeout") && strcmp(f, "anonymous")))
			s->loose = "a flag that is not known";
	}
	for (size_t i = 0; i < json_array_size(stmt); i++) {
		const json_t *one = json_array_get(stmt, i);
		if (!json_object_get(one, "counter") && !json_object_get(one, "last"))
			s->loose = "its elements hold a rate or a quota";
	}
	if (stmt && !json_is_array(stmt))
		s->loose = "its elements hold a statement";
	const struct nft_set_fact *fact = n->facts ? map_get(&n->facts->sets, key) : NULL;
	if (fact && fact->dynamic)
		s->loose = "rules add to it";
	if (n->facts && !fact)
		s->loose = "a set that the kernel's own list has not";
	if (json_object_get(v, "timeout"))
		s->loose = "its elements expire";
	if (!nft_only(v, known))
		s->loose = "keys that are not known";
}

void nft_read_elements(struct nft *n, const json_t *v)
{
	const char *name = nft_str(v, "name");
	struct nft_set *s = name ? map_get(&n->sets, nft_key_of(n, nft_str(v, "family"),
								nft_str(v, "table"), name))
				 : NULL;
	if (nft_elsewhere(n, v)) {
		nft_irrelevant(n, v);
		return;
	}
	if (!s || !json_object_get(v, "elem")) {
		nft_reject(n, v, "elements of a set that is not in this file");
		return;
	}
	*vec_add(&s->elems) = json_object_get(v, "elem");
	account_add(n->c->snap, n->acc, ACCOUNT_EXACT, true, nft_loc(n, v, NULL), NULL);
}
