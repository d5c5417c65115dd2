/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listing of the program nft held against the kernel's own word. One failed allocation
 * inside `nft -j` gives a well-formed listing that lacks a rule or half of a condition, so both
 * have to name the same tables, chains, hooks, rules with their handles, verdicts and sets, as
 * many elements, and the listing no fewer conditions. What the JSON of nft can't tell (dormant,
 * devices, dynamic) isn't asked of it.
 */
#include "collectors/live_internal.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <string.h>

enum { TOLD_MOST = 1000 };

struct compare {
	struct live *l;
	struct nfk *k;
	json_t *out;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void differ(struct compare *c, const char *fmt,
							 ...)
{
	struct text t = { 0 };
	va_list ap;
	if (c->n++ >= TOLD_MOST)
		return;
	va_start(ap, fmt);
	text_vputf(&t, fmt, ap);
	va_end(ap);
	json_array_append_new(c->out, live_stringn(c->l, t.s, t.len));
	text_finish(&t);
}

static const char *text_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static uint64_t handle_of(json_t *o)
{
	return (uint64_t)json_integer_value(json_object_get(o, "handle"));
}

static struct nfk_table *table_of(struct compare *c, json_t *o, const char *what)
{
	const char *family = text_of(o, "family"), *name = text_of(o, "table");
	struct nfk_table *t = nfk_table(c->k, family, name);
	if (!t)
		differ(c, "a %s of table %s %s is listed, which the kernel hasn't", what,
		       family, name);
	return t;
}

static void see_table(struct compare *c, json_t *o)
{
	const char *family = text_of(o, "family"), *name = text_of(o, "name");
	struct nfk_table *t = nfk_table(c->k, family, name);
	if (!t)
		differ(c, "table %s %s is listed, the kernel hasn't it", family, name);
	else if (t->listed || t->handle != handle_of(o))
		differ(c, "table %s %s is listed %s", family, name,
		       t->listed ? "twice" : "with another handle");
	if (t)
		t->listed = true;
}

/* A chain or set of the table is listed; `listed` is the kernel's one, NULL: it has none. */
static bool see_named(struct compare *c, const char *what, const struct nfk_table *t, json_t *o,
		      bool *listed, uint64_t handle)
{
	const char *family = nfk_family(t->family), *name = text_of(o, "name");
	if (!listed) {
		differ(c, "%s %s %s %s is listed, the kernel hasn't it", what, family, t->name,
		       name);
		return false;
	}
	if (*listed || handle != handle_of(o))
		differ(c, "%s %s %s %s is listed %s", what, family, t->name, name,
		       *listed ? "twice" : "with another handle");
	*listed = true;
	return true;
}

static void see_chain(struct compare *c, json_t *o)
{
	struct nfk_table *t = table_of(c, o, "chain");
	if (!t)
		return;
	const char *family = nfk_family(t->family), *name = text_of(o, "name");
	struct nfk_chain *k = nfk_chain(t, name);
	if (!see_named(c, "chain", t, o, k ? &k->listed : NULL, k ? k->handle : 0))
		return;
	json_t *hook = json_object_get(o, "hook");
	if ((hook != NULL) != k->base) {
		differ(c, "chain %s %s %s: %s a base chain", family, t->name, name,
		       k->base ? "only the kernel calls it" : "only the listing calls it");
		return;
	}
	if (!hook)
		return;
	json_t *prio = json_object_get(o, "prio");
	if (strcmp(json_string_value(hook) ? json_string_value(hook) : "",
		   nfk_hook(t->family, k->hook)))
		differ(c, "chain %s %s %s: hook %s is listed, the kernel has %s", family,
		       t->name, name, text_of(o, "hook"), nfk_hook(t->family, k->hook));
	if (!json_is_integer(prio) || json_integer_value(prio) != k->priority)
		differ(c, "chain %s %s %s: another priority is listed than the kernel's %d",
		       family, t->name, name, k->priority);
	if (strcmp(text_of(o, "type"), k->type))
		differ(c, "chain %s %s %s: type %s is listed, the kernel has %s", family,
		       t->name, name, text_of(o, "type"), k->type);
	const char *policy = k->policy == NF_ACCEPT ? "accept" : "drop";
	if (k->has_policy && strcmp(text_of(o, "policy"), policy))
		differ(c, "chain %s %s %s: policy \"%s\" is listed, the kernel has %s", family,
		       t->name, name, text_of(o, "policy"), policy);
}

/* What the JSON of a rule says, in the kernel's terms. */
struct listed_rule {
	int verdict;
	const char *target;
	VEC(const char *) named;
	VEC(size_t) sizes; /* of sets written into the rule */
	unsigned matches, statements;
};

static int verdict_word(const char *key, json_t *v, const char **ret_target)
{
	static const struct {
		const char *key;
		int verdict;
	} words[] = { { "accept", NF_ACCEPT },	    { "drop", NF_DROP },
		      { "continue", NFT_CONTINUE }, { "return", NFT_RETURN },
		      { "jump", NFT_JUMP },	    { "goto", NFT_GOTO } };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].key, key)) {
			*ret_target = json_string_value(json_object_get(v, "target"));
			return words[i].verdict;
		}
	return NFK_NONE;
}

/*
 * Sets within an expression. `{"set": [...]}` is one that stands in the rule, a string
 * "@name" under right or data asks a named one; a statement {"set": {...}} changes one.
 */
static void find_sets(json_t *v, const char *under, struct listed_rule *r)
{
	const char *key, *s = json_string_value(v);
	size_t i;
	json_t *in;
	if (s && s[0] == '@' && (!strcmp(under, "right") || !strcmp(under, "data")))
		*vec_add(&r->named) = s + 1;
	if (json_is_array(v) && !strcmp(under, "set")) {
		*vec_add(&r->sizes) = json_array_size(v);
		return;
	}
	json_array_foreach (v, i, in)
		find_sets(in, "", r);
	json_object_foreach (v, key, in)
		find_sets(in, key, r);
}

static void read_listed(json_t *expr, struct listed_rule *r)
{
	size_t i;
	json_t *stmt, *v;
	const char *key;
	r->verdict = NFK_NONE;
	json_array_foreach (expr, i, stmt) {
		const char *text = json_string_value(stmt);
		int verdict = NFK_NONE;
		/* a chain within a rule comes as text: "jump { ... }" */
		if (text && (has_prefix(text, "jump {") || has_prefix(text, "goto {")))
			verdict = text[0] == 'j' ? NFT_JUMP : NFT_GOTO;
		json_object_foreach (stmt, key, v) {
			if (verdict == NFK_NONE)
				verdict = verdict_word(key, v, &r->target);
			if (strcmp(key, "meter"))
				find_sets(v, key, r);
		}
		/* of an extension of iptables it isn't always told which it is */
		json_t *xt = json_object_get(stmt, "xt");
		const char *type = json_string_value(json_object_get(xt, "type"));
		bool match = json_object_get(stmt, "match") != NULL;
		r->matches += match || (xt && !(type && !strcmp(type, "target")));
		r->statements +=
			xt ? !(type && !strcmp(type, "match")) : !match && verdict == NFK_NONE;
		if (verdict != NFK_NONE)
			r->verdict = r->verdict == NFK_NONE ? verdict : NFK_SEVERAL;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

#define SORT(vec, order)                                                                       \
	do {                                                                                   \
		if ((vec)->n)                                                                  \
			qsort((vec)->v, (vec)->n, sizeof(*(vec)->v), order);                   \
	} while (0)

/* The sets that both ask are the same, in whatever order. */
static bool same_sets(struct nfk_table *t, const struct nfk_rule *k, struct listed_rule *r)
{
	VEC(const char *) named = { 0 };
	VEC(size_t) sizes = { 0 };
	bool same = true;
	for (uint32_t i = 0; i < k->n_sets; i++) {
		const struct nfk_set *s = nfk_set(t, k->sets[i]);
		if (s && s->flags & NFT_SET_ANONYMOUS)
			*vec_add(&sizes) = s->elements;
		else
			*vec_add(&named) = k->sets[i];
	}
	/*
	 * An interface or a prefix of the log may be called "@x": what is no set isn't asked.
	 * One that is called like a set can't be told from it, and is a difference.
	 */
	size_t n = 0;
	for (size_t i = 0; i < r->named.n; i++)
		if (nfk_set(t, r->named.v[i]))
			r->named.v[n++] = r->named.v[i];
	r->named.n = n;
	SORT(&named, by_name);
	SORT(&r->named, by_name);
	SORT(&sizes, by_size);
	SORT(&r->sizes, by_size);
	same = named.n == r->named.n && sizes.n == r->sizes.n;
	for (size_t i = 0; same && i < named.n; i++)
		same = !strcmp(named.v[i], r->named.v[i]);
	for (size_t i = 0; same && i < sizes.n; i++)
		same = sizes.v[i] == r->sizes.v[i];
	vec_free(&named);
	vec_free(&sizes);
	return same;
}

static void see_rule(struct compare *c, json_t *o)
{
	struct nfk_table *t = table_of(c, o, "rule");
	const char *name = text_of(o, "chain");
	struct nfk_chain *k = t ? nfk_chain(t, name) : NULL;
	if (!k) {
		if (t)
			differ(c, "a rule of chain %s %s %s is listed, which the kernel hasn't",
			       nfk_family(t->family), t->name, name);
		return;
	}
	const char *family = nfk_family(t->family);
	uint64_t handle = handle_of(o);
	size_t at = k->rules_listed++;
	if (at >= k->rules.n || k->rules.v[at].handle != handle) {
		differ(c, "rule %ju of chain %s %s %s is listed where the kernel has %s",
		       (uintmax_t)handle, family, t->name, name,
		       at < k->rules.n ? "another" : "none");
		return;
	}
	const struct nfk_rule *rule = &k->rules.v[at];
	struct listed_rule r = { 0 };
	read_listed(json_object_get(o, "expr"), &r);
	const struct nfk_chain *to = rule->target ? nfk_chain(t, rule->target) : NULL;
	bool inner = to && to->flags & NFT_CHAIN_BINDING;
	if (r.verdict != rule->verdict)
		differ(c,
		       "rule %ju of chain %s %s %s: another verdict is listed than the "
		       "kernel's",
		       (uintmax_t)handle, family, t->name, name);
	else if (!inner && strcmp(r.target ? r.target : "", rule->target ? rule->target : ""))
		differ(c,
		       "rule %ju of chain %s %s %s: it goes to %s by the listing, to %s by the "
		       "kernel",
		       (uintmax_t)handle, family, t->name, name,
		       r.target ? r.target : "nowhere",
		       rule->target ? rule->target : "nowhere");
	if (!same_sets(t, rule, &r))
		differ(c,
		       "rule %ju of chain %s %s %s: other sets are listed than the kernel asks",
		       (uintmax_t)handle, family, t->name, name);
	if (r.matches < rule->n_matches || r.statements < rule->n_statements)
		differ(c,
		       "rule %ju of chain %s %s %s: %u conditions and %u statements are "
		       "listed, the kernel "
		       "has at least %u and %u",
		       (uintmax_t)handle, family, t->name, name, r.matches, r.statements,
		       rule->n_matches, rule->n_statements);
	vec_free(&r.named);
	vec_free(&r.sizes);
}

static bool lists_flag(json_t *o, const char *flag)
{
	json_t *flags = json_object_get(o, "flags"), *v;
	size_t i;
	if (json_is_string(flags)) /* later releases tell one flag without an array */
		return !strcmp(json_string_value(flags), flag);
	json_array_foreach (flags, i, v)
		if (json_is_string(v) && !strcmp(json_string_value(v), flag))
			return true;
	return false;
}

static void see_set(struct compare *c, json_t *o, bool map)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = { { "constant", NFT_SET_CONSTANT },
		      { "interval", NFT_SET_INTERVAL },
		      { "timeout", NFT_SET_TIMEOUT } };
	struct nfk_table *t = table_of(c, o, "set");
	if (!t)
		return;
	const char *family = nfk_family(t->family), *name = text_of(o, "name");
	struct nfk_set *s = nfk_set(t, name);
	if (!see_named(c, "set", t, o, s ? &s->listed : NULL, s ? s->handle : 0))
		return;
	if (map != ((s->flags & (NFT_SET_MAP | NFT_SET_OBJECT)) != 0))
		differ(c, "set %s %s %s: a set for one, a map for the other", family, t->name,
		       name);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (lists_flag(o, flags[i].name) != ((s->flags & flags[i].flag) != 0))
			differ(c, "set %s %s %s: flag %s is told by one only", family, t->name,
			       name, flags[i].name);
	size_t n = json_array_size(json_object_get(o, "elem"));
	/* these change by themselves */
	if (!(s->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL)) && n != s->elements)
		differ(c, "set %s %s %s: %zu elements are listed, the kernel has %zu", family,
		       t->name, name, n, s->elements);
}

static void see_object(struct compare *c, json_t *o, const char *kind)
{
	struct nfk_table *t = table_of(c, o, kind);
	bool flow = !strcmp(kind, "flowtable"), found = false;
	if (!t)
		return;
	for (size_t i = 0; i < (flow ? t->flowtables.n : t->objects.n) && !found; i++) {
		struct nfk_object *k = flow ? &t->flowtables.v[i] : &t->objects.v[i];
		found = !k->listed && k->handle == handle_of(o) &&
			!strcmp(k->name, text_of(o, "name"));
		k->listed |= found;
	}
	if (!found)
		differ(c, "%s %s %s %s is listed, the kernel hasn't it", kind,
		       nfk_family(t->family), t->name, text_of(o, "name"));
}

static void see(struct compare *c, json_t *o)
{
	const char *kind;
	json_t *v;
	json_object_foreach (o, kind, v) {
		if (!strcmp(kind, "table"))
			see_table(c, v);
		else if (!strcmp(kind, "chain"))
			see_chain(c, v);
		else if (!strcmp(kind, "rule"))
			see_rule(c, v);
		else if (!strcmp(kind, "set") || !strcmp(kind, "map"))
			see_set(c, v, !strcmp(kind, "map"));
		else if (strcmp(kind, "metainfo"))
			see_object(c, v, kind);
	}
}

/* What the kernel has and the listing doesn't. */
static void find_unlisted(struct compare *c, const struct nfk_table *t)
{
	const char *family = nfk_family(t->family);
	/* a dormant table's rules are in force nowhere, and nft can't list it (live_nft.c) */
	if (!t->listed && t->flags & NFT_TABLE_F_DORMANT)
		return;
	if (!t->listed)
		differ(c, "table %s %s is not listed", family, t->name);
	vec_each (k, &t->chains) {
		/* a chain within a rule is part of the rule */
		if (k->flags & NFT_CHAIN_BINDING)
			continue;
		if (!k->listed)
			differ(c, "chain %s %s %s is not listed", family, t->name, k->name);
		if (k->rules_listed < k->rules.n)
			differ(c, "chain %s %s %s: %zu rules are listed, the kernel has %zu",
			       family, t->name, k->name, k->rules_listed, k->rules.n);
	}
	vec_each (s, &t->sets)
		if (!s->listed && !(s->flags & (NFT_SET_ANONYMOUS | NFT_SET_EVAL)))
			differ(c, "set %s %s %s is not listed", family, t->name, s->name);
	vec_each (o, &t->objects)
		if (!o->listed)
			differ(c, "object %s %s %s is not listed", family, t->name, o->name);
	vec_each (o, &t->flowtables)
		if (!o->listed)
			differ(c, "flowtable %s %s %s is not listed", family, t->name, o->name);
}

json_t *nfk_compare(struct live *l, const char *s, size_t len, struct nfk *k)
{
	static const char head[] = "{\"nftables\":[";
	struct compare c = { .l = l, .k = k, .out = json_array() };
	size_t at = sizeof(head) - 1;
	bool good = len >= at + 2 && !memcmp(s, head, at) && !memcmp(s + len - 2, "]}", 2);
	/* one object at a time: a tree of the whole would be many times the text */
	while (good && at < len - 2) {
		json_error_t e;
		json_t *o = json_loadb(s + at, len - 2 - at,
				       JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &e);
		good = json_is_object(o);
		if (good) {
			see(&c, o);
			at += (size_t)e.position;
			good = at == len - 2 || (s[at] == ',' && at + 1 < len - 2);
			at += at < len - 2;
		}
		json_decref(o);
	}
	if (!good) {
		json_decref(c.out);
		return NULL;
	}
	vec_each (t, &k->tables)
		find_unlisted(&c, t);
	if (c.n > TOLD_MOST)
		json_array_append_new(c.out, json_sprintf("%zu more", c.n - TOLD_MOST));
	return c.out;
}
