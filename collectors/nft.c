/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ruleset of a Linux host, as `nft -j list ruleset` prints it (libnftables-json(5)).
 *
 * Every base chain is a hook of its own: a packet has to be accepted by each of them, an
 * accept in one doesn't speak for the others. What the hook does not let a chain see (the
 * other address family of an `ip` table, the later packets of a connection in a `nat` chain,
 * frames of other devices on an ingress hook) passes it: rules of ours in front of the
 * chain's own say so. The same rules hold what the file leaves open: nft 1.0.6 prints neither
 * the dormant flag nor the devices of ingress chains, so that such a chain applies or does
 * not, and both count.
 *
 * By convention the protocol of an IPv6 packet is the one behind its extension headers, as
 * the kernel's own l4proto is.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <string.h>

extern const struct collector collector_nft;

const char *nft_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const char *nft_key_of(struct nft *n, const char *family, const char *table, const char *name)
{
	return arena_printf(n->arena, name ? "%s %s %s" : "%s %s", family ? family : "?",
			    table ? table : "?", name);
}

struct loc nft_loc(struct nft *n, const json_t *v, const char *path)
{
	struct loc at =
		n->places ? nft_text_loc(n->places, v) : jsonloc_of(n->loc, n->arena, v);
	if (at.src)
		at.src = n->src; /* as it was before nft_compact() */
	if (path)
		at.path = path;
	return at;
}

struct loc nft_rule_loc(struct nft *n, struct nft_chain *ch, const json_t *rule,
			const char **ret_name)
{
	const json_t *handle = json_object_get(rule, "handle");
	long long number = json_is_integer(handle) ? json_integer_value(handle) : -1;
	*ret_name = number >= 0 ? arena_printf(n->arena, "handle %lld", number) : NULL;
	if (n->places) { /* the handle is one of a namespace that is gone */
		*ret_name = NULL;
		return nft_loc(n, rule, ch->path);
	}
	return nft_loc(n, rule,
		       arena_printf(n->arena, "%s %s", ch->path,
				    *ret_name ? *ret_name : "(no handle)"));
}

void nft_port(struct nft *n, const char *name, struct loc at)
{
	if (n->facts)
		return; /* the host's own list is complete */
	void **slot = map_at(&n->ports, name);
	if (*slot)
		return;
	*slot = n;
	*vec_add(&n->b->ports) = (struct port){
		.name = arena_str(n->arena, name), .kind = "interface", .up = true, .at = at
	};
}

/* The names in a rule that say connection tracking is at work. */
static bool tracks(const json_t *v, int depth)
{
	static const char *const words[] = { "ct",	   "ct count",	     "ct helper",
					     "ct timeout", "ct expectation", "dnat",
					     "snat",	   "masquerade",     "redirect",
					     "flow",	   "synproxy",	     "xt" };
	const char *key;
	json_t *value;
	size_t i;
	if (depth > 16)
		return true;
	if (json_is_array(v)) {
		json_array_foreach ((json_t *)v, i, value)
			if (tracks(value, depth + 1))
				return true;
		return false;
	}
	if (!json_is_object(v))
		return false;
	json_object_foreach ((json_t *)v, key, value) {
		for (i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (!strcmp(words[i], key))
				return true;
		/* long, and of constants alone */
		bool elements = !strcmp(key, "set") && json_is_array(value);
		if (!elements && tracks(value, depth + 1))
			return true;
	}
	return false;
}

/* A rule's statements ask for tracking; one in words may do so in words. */
static bool list_tracks(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (s && (strstr(s, "ct ") || !strchr(s, '@')))
			return true;
	}
	return tracks(list, 0);
}

static bool list_marks(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stmt = json_array_get(list, i);
		const json_t *key = json_object_get(json_object_get(stmt, "mangle"), "key");
		const char *what = nft_str(json_object_get(key, "meta"), "key");
		if (json_is_string(stmt) || json_object_get(stmt, "xt") ||
		    (what && !strcmp(what, "mark")))
			return true;
	}
	return false;
}

static void glance_rule(const json_t *v, int family, struct nft_glance *ret)
{
	const json_t *list = json_object_get(v, "expr");
	bool told = (ret->tracks[FAMILY_V4] || family == NFT_IP6) &&
		    (ret->tracks[FAMILY_V6] || family == NFT_IP);
	if (!told && list_tracks(list)) {
		ret->tracks[FAMILY_V4] |= family != NFT_IP6;
		ret->tracks[FAMILY_V6] |= family != NFT_IP;
	}
	ret->marks |= list_marks(list);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stmt = json_array_get(list, i);
		ret->untracks |= json_object_get(stmt, "notrack") || json_object_get(stmt, "xt");
	}
}

void nft_glance(const struct nft_facts *facts, const json_t *const *roots, size_t n,
		struct nft_glance *ret)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *list = json_object_get(roots[i], "nftables");
		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *o = json_array_get(list, k);
			const json_t *rule = json_object_get(o, "rule");
			const json_t *chain = json_object_get(o, "chain"), *v = rule ? rule : chain;
			const char *family = nft_str(v, "family"), *table = nft_str(v, "table");
			if (!family || !table)
				continue;
			struct text t = { 0 };
			text_putf(&t, "%s %s", family, table);
			const struct nft_table_fact *fact =
				facts ? map_get(&facts->tables, t.s) : NULL;
			text_finish(&t);
			if (fact && fact->elsewhere)
				continue;
			const char *type = nft_str(chain, "type");
			if (rule) {
				glance_rule(rule, nft_family(family), ret);
			} else if (type && !strcmp(type, "nat")) {
				ret->nats = true;
				ret->tracks[FAMILY_V4] |= nft_family(family) != NFT_IP6;
				ret->tracks[FAMILY_V6] |= nft_family(family) != NFT_IP;
			}
		}
	}
}

static void loosen(struct nft *n, const char *family, const char *table, const char *ref)
{
	struct nft_set *s = NULL;
	if (ref)
		s = map_get(&n->sets, nft_key_of(n, family, table, ref + (*ref == '@')));
	if (s)
		s->loose = "rules add to it or take from it";
}

/* A rule is put to its chain; what it does to the rest of the file is noted. */
static void place_rule(struct nft *n, const json_t *v)
{
	const char *family = nft_str(v, "family"), *table = nft_str(v, "table");
	const char *chain = nft_str(v, "chain");
	if ((family && !strcmp(family, "arp")) || nft_elsewhere(n, v)) {
		nft_irrelevant(n, v);
		return;
	}
	struct nft_chain *ch =
		chain ? map_get(&n->chains, nft_key_of(n, family, table, chain)) : NULL;
	if (!ch) {
		diag_error(n->d, EINVAL, "nft.chain-missing", nft_loc(n, v, NULL),
			   "the rule's chain is not in this file");
		nft_reject(n, v, "a rule whose chain is not in this file");
		return;
	}
	*vec_add(&ch->rules) = v;
	const json_t *list = json_object_get(v, "expr");
	bool v4 = ch->table->family != NFT_IP6, v6 = ch->table->family != NFT_IP;
	bool told = (n->tracked[FAMILY_V4] || !v4) && (n->tracked[FAMILY_V6] || !v6);
	if (!told && list_tracks(list)) {
		n->tracked[FAMILY_V4] |= v4;
		n->tracked[FAMILY_V6] |= v6;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stmt = json_array_get(list, i);
		nft_graph_calls(n, ch, stmt, v);
		if (json_object_get(stmt, "flow"))
			n->offload = true;
		const char *ref = nft_str(json_object_get(stmt, "set"), "set");
		if (!ref)
			ref = nft_str(json_object_get(stmt, "map"), "map");
		loosen(n, family, table, ref);
		/* what nft has no JSON for is text: the sets it names are not to be trusted */
		for (const char *s = json_string_value(stmt); s && (s = strchr(s, '@')); s++)
			loosen(n, family, table,
			       arena_strn(n->arena, s, 1 + strcspn(s + 1, " \t{,;}")));
	}
}

static void account_sets(struct nft *n)
{
	vec_each (set, &n->all_sets) {
		struct nft_set *s = *set;
		account_add(n->c->snap, n->acc, s->loose ? ACCOUNT_BOUNDED : ACCOUNT_EXACT,
			    true, s->at, s->loose);
	}
}

enum object {
	OBJECT_TABLE,
	OBJECT_CHAIN,
	OBJECT_SET,
	OBJECT_MAP,
	OBJECT_RULE,
	OBJECT_ELEMENT,
	OBJECT_META,
	OBJECT_OTHER,
	OBJECT_UNKNOWN
};

static enum object object_of(const json_t *o, const json_t **ret_v)
{
	static const struct {
		const char *name;
		enum object kind;
	} objects[] = {
		{ "table", OBJECT_TABLE },	{ "chain", OBJECT_CHAIN },
		{ "set", OBJECT_SET },		{ "map", OBJECT_MAP },
		{ "rule", OBJECT_RULE },	{ "element", OBJECT_ELEMENT },
		{ "metainfo", OBJECT_META },	{ "flowtable", OBJECT_OTHER },
		{ "counter", OBJECT_OTHER },	{ "quota", OBJECT_OTHER },
		{ "limit", OBJECT_OTHER },	{ "ct helper", OBJECT_OTHER },
		{ "ct timeout", OBJECT_OTHER }, { "ct expectation", OBJECT_OTHER },
		{ "secmark", OBJECT_OTHER },	{ "synproxy", OBJECT_OTHER },
		{ "tunnel", OBJECT_OTHER },
	};
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		*ret_v = json_object_get(o, objects[i].name);
		if (*ret_v && json_is_object(*ret_v) && json_object_size(o) == 1)
			return objects[i].kind;
	}
	*ret_v = NULL;
	return OBJECT_UNKNOWN;
}

static void read_meta(struct nft *n, const json_t *v, bool *seen)
{
	const json_t *schema = json_object_get(v, "json_schema_version");
	struct loc at = nft_loc(n, v, NULL);
	*seen = true;
	if (json_integer_value(schema) == 1) {
		nft_irrelevant(n, v);
		return;
	}
	diag_warning(n->d, "nft.schema", at, "the export's schema is not version 1");
	account_add(n->c->snap, n->acc, ACCOUNT_BOUNDED, false, at,
		    "a schema that is not known");
	device_build_taint(n->b, NULL, at, "the export's schema is not version 1");
}

static void read_objects(struct nft *n, const json_t *list, bool *meta)
{
	const json_t *v;
	/* objects may be named before they come: rules and elements wait */
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		switch (object_of(o, &v)) {
		case OBJECT_TABLE:
			nft_read_table(n, v);
			break;
		case OBJECT_CHAIN:
			nft_read_chain(n, v);
			break;
		case OBJECT_SET:
		case OBJECT_MAP:
			nft_read_set(n, v, object_of(o, &v) == OBJECT_MAP);
			break;
		case OBJECT_META:
			read_meta(n, v, meta);
			break;
		case OBJECT_OTHER:
			nft_irrelevant(n, v);
			break;
		case OBJECT_UNKNOWN:
			nft_reject(n, o, "an object of a kind that is not known");
			break;
		default:
			break;
		}
	}
}

static void place_objects(struct nft *n, const json_t *list, enum object which)
{
	const json_t *v;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (object_of(json_array_get(list, i), &v) == which) {
			if (which == OBJECT_RULE)
				place_rule(n, v);
			else
				nft_read_elements(n, v);
		}
}

/* A listing that filters one family leaves the other one open. */
static void other_family(struct nft *n)
{
	const struct nft_chain *only[FAMILY_COUNT] = { NULL };
	vec_each (ch, &n->order) {
		const struct nft_table *t = (*ch)->table;
		if (!(*ch)->base || (*ch)->nat || t->dormant || t->family == NFT_ARP)
			continue;
		if (t->family != NFT_IP && t->family != NFT_IP6)
			return;
		only[t->family == NFT_IP ? FAMILY_V4 : FAMILY_V6] = *ch;
	}
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (only[f] && !only[!f])
			diag_note(n->d, f == FAMILY_V4 ? "nft.ipv6-open" : "nft.ipv4-open",
				  only[f]->at,
				  "no chain for %s here: nothing of it is filtered, unless another "
				  "source says so",
				  f == FAMILY_V4 ? "IPv6" : "IPv4");
}

/* Everything of the parsed file, in the order that names need. */
static void read_roots(struct nft *n, const json_t *const *roots, size_t n_roots)
{
	bool meta = false;
	for (size_t i = 0; i < n_roots; i++) {
		const json_t *list = json_object_get(roots[i], "nftables");
		if (!json_is_array(list) || json_object_size(roots[i]) != 1)
			nft_reject(n, roots[i], "not a listing of nft: {\"nftables\": [...]}");
		else
			read_objects(n, list, &meta);
	}
	for (size_t i = 0; i < n_roots; i++)
		place_objects(n, json_object_get(roots[i], "nftables"), OBJECT_ELEMENT);
	for (size_t i = 0; i < n_roots; i++)
		place_objects(n, json_object_get(roots[i], "nftables"), OBJECT_RULE);
	vec_each (ch, &n->order) {
		(*ch)->own_reach = (*ch)->reach;
		if ((*ch)->nat && !(*ch)->table->dormant) {
			n->nat_chains[(*ch)->reach]++;
			n->tracked[FAMILY_V4] |= (*ch)->table->family != NFT_IP6;
			n->tracked[FAMILY_V6] |= (*ch)->table->family != NFT_IP;
		}
	}
	account_sets(n);
	nft_graph(n);
	nft_note_untracked(n);
	nft_trace(n);
	vec_each (ch, &n->order) {
		struct rule ours[NFT_GLUE];
		size_t n_ours = (*ch)->base ? nft_glue(n, *ch, ours) : 0;
		nft_chain_rules(n, *ch, ours, n_ours);
		nft_bind(n, *ch);
	}
	if (!n->facts)
		other_family(n);
	if (!n->order.n && !n->facts) {
		struct loc at = nft_loc(n, n_roots ? roots[0] : NULL, NULL);
		diag_warning(n->d, "nft.empty-ruleset", at,
			     "no chain at all: on a firewall this is a failed export");
		if (!meta)
			device_build_taint(n->b, NULL, at,
					   "an empty listing without nft's own metainfo");
	}
}

/* The first line that isn't a comment, a definition or a template's. */
static const char *first_line(const char *s, size_t len)
{
	static const char *const passed[] = { "#",  "define ", "include ", "{%", "{#",
					      "<%", "delete ", "destroy ", NULL };
	for (const char *end = s + len; s < end;) {
		while (s < end && strchr(" \t\r\n", *s))
			s++;
		const char *const *p = passed;
		while (*p && ((size_t)(end - s) < strlen(*p) || memcmp(s, *p, strlen(*p))))
			p++;
		if (!*p)
			break;
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		s = nl ? nl : end;
	}
	return s;
}

static int text_probe(const char *head, size_t len, const char *filename)
{
	static const char *const begins[] = { "table inet ",   "table ip ",	"table ip6 ",
					      "table bridge ", "table netdev ", "table arp ",
					      "flush ruleset", "add table ",	"create table ",
					      "add chain ",    "add rule ",	NULL };
	static const char *const shebang[] = { "#!/usr/sbin/nft", "#!/sbin/nft",
					       "#!/usr/bin/env nft", NULL };
	for (const char *const *s = shebang; *s; s++)
		if (len > strlen(*s) && !memcmp(head, *s, strlen(*s)))
			return 100;
	const char *line = first_line(head, len);
	size_t left = (size_t)(head + len - line);
	for (const char *const *s = begins; *s; s++)
		if (left >= strlen(*s) && !memcmp(line, *s, strlen(*s)))
			return 90;
	return filename && has_suffix(filename, ".nft") ? 30 : 0;
}

static int nft_probe(const char *head, size_t len, const char *filename)
{
	size_t i = 0;
	while (i < len && strchr(" \t\r\n", head[i]))
		i++;
	if (i + 1 < len && head[i] == '{' && !strchr("{%#", head[i + 1])) {
		for (i++; i < len && strchr(" \t\r\n", head[i]);)
			i++;
		return len - i > 10 && !memcmp(head + i, "\"nftables\"", 10) ? 100 : 0;
	}
	return text_probe(head, len, filename);
}

static void finish(struct nft *n)
{
	vec_each (ch, &n->order) {
		vec_free(&(*ch)->devs);
		vec_free(&(*ch)->rules);
		vec_free(&(*ch)->calls);
	}
	vec_each (set, &n->all_sets) {
		vec_free(&(*set)->elems);
		map_finish(&(*set)->memo);
		if ((*set)->node)
			vec_free(&(*set)->node->calls);
	}
	vec_free(&n->order);
	vec_free(&n->all_sets);
	map_finish(&n->tables);
	map_finish(&n->chains);
	map_finish(&n->sets);
	map_finish(&n->ports);
	map_finish(&n->at_rule);
}

void nft_read_documents(const struct nft_embed *e, const json_t *const *roots, size_t n_roots)
{
	struct snapshot *snap = e->c->snap;
	struct nf_nats alone = { .b = e->b, .h = e->host };
	struct nft n = { .c = e->c,
			 .src = e->src,
			 .host = e->host,
			 .nats = e->host->nats ? e->host->nats : &alone,
			 .facts = e->facts,
			 .arena = snap->arena,
			 .m = &snap->matches,
			 .d = e->c->diags,
			 .loc = e->loc,
			 .places = e->places,
			 .b = e->b,
			 .acc = e->acc };
	for (int f = 0; f < FAMILY_COUNT; f++)
		n.tracked[f] = e->host->tracked[f] == NF_YES;
	read_roots(&n, roots, n_roots);
	if (!e->host->nats)
		nf_nats_build(&alone);
	finish(&n);
}

static int nft_read(struct collect *c, const struct source *src)
{
	struct snapshot *snap = c->snap;
	struct nf_host open = NF_HOST_OPEN;
	struct nft_embed e = { .c = c,
			       .src = src,
			       .host = &open,
			       .acc = snapshot_account(snap, src, "nft", "object") };
	struct loc at = { .src = src };
	struct nft_places *places = NULL;
	json_t **roots = NULL, *text = NULL;
	size_t n_roots = 0, i = 0;
	while (i < src->size && strchr(" \t\r\n", src->data[i]))
		i++;
	int err;
	if (i == src->size)
		err = diag_error(c->diags, EINVAL, "nft.empty", at,
				 "the file is empty: `nft list ruleset` failed, or has not "
				 "the right to read");
	else if (src->data[i] == '[' ||
		 (src->data[i] == '{' &&
		  !(src->data[i + 1] && strchr("{%#", src->data[i + 1]))))
		err = jsonloc_parse(c->diags, nft_compact(snap->arena, src), &roots, &n_roots, &e.loc);
	else
		err = nft_text_read(c, src, &text, &places);
	if (err) {
		e.acc->failed = true;
		return err;
	}
	e.places = places;
	e.b = device_build_start(snap, c->device, "nft", c->plane, at);
	/* a listing tells neither the host's ports nor what is bridged */
	e.b->dev.netfilter = e.b->dev.open_ports = true;
	if (text)
		nft_read_documents(&e, (const json_t *const *)&text, 1);
	else
		nft_read_documents(&e, (const json_t *const *)roots, n_roots);
	device_build_finish(e.b);
	nft_places_finish(places);
	json_decref(text);
	jsonloc_destroy(e.loc);
	jsonloc_roots_free(roots, n_roots);
	return 0;
}

const struct collector collector_nft = {
	.name = "nft",
	.summary = "nftables: `nft -j list ruleset`, or text where nft is installed",
	.plane = PLANE_VIRTUAL,
	.probe = nft_probe,
	.read = nft_read
};
