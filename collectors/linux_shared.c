/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that iptables-nft made. Anybody may add rules to them by `nft`, and iptables-nft-save
 * prints such a rule without a word as less than it is: `tcp dport { 22, 80 } accept` becomes
 * `-p tcp -j ACCEPT` (1.8.9). So each rule of such a table is held against what iptables itself
 * writes: comparisons of single fields with single values, each field once, and what nft only
 * shows as {"xt": ...}. A table with other rules is read from nft's listing where nothing in it
 * is xt; otherwise neither listing tells it all.
 */
#include "collectors/linux_internal.h"

#include <string.h>

/* Fields that iptables-nft compares by itself; all others are xt matches. */
static bool is_own_field(const json_t *left)
{
	static const char *const fields[][2] = {
		{ "ip", "saddr" },     { "ip", "daddr" },     { "ip", "protocol" },
		{ "ip", "frag-off" },  { "ip6", "saddr" },    { "ip6", "daddr" },
		{ "ip6", "nexthdr" },  { "tcp", "sport" },    { "tcp", "dport" },
		{ "tcp", "flags" },    { "udp", "sport" },    { "udp", "dport" },
		{ "meta", "iifname" }, { "meta", "oifname" }, { "meta", "l4proto" },
		{ "meta", "mark" },
	};
	const json_t *payload = json_object_get(left, "payload");
	const json_t *meta = json_object_get(left, "meta");
	const char *of = payload ? linux_str(payload, "protocol") : "meta";
	const char *name = payload ? linux_str(payload, "field") : linux_str(meta, "key");
	if (json_object_size(left) != 1 || !of || !name)
		return false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(fields[i][0], of) && !strcmp(fields[i][1], name))
			return true;
	return false;
}

/* A number, a word, a prefix, a range, or flags in a list: never a set. */
static bool is_own_value(const json_t *v)
{
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++)
			if (!json_is_string(json_array_get(v, i)))
				return false;
		return true;
	}
	const char *s = json_string_value(v);
	if (s || json_is_integer(v))
		return !s || *s != '@';
	return json_object_size(v) == 1 &&
	       (json_object_get(v, "prefix") || json_object_get(v, "range"));
}

static bool is_own_match(const json_t *v, const json_t **ret_field)
{
	static const char *const ops[] = { "==", "!=", "<", ">", "<=", ">=", "!", "in" };
	const char *op = linux_str(v, "op");
	const json_t *left = json_object_get(v, "left"), *masked = json_object_get(left, "&");
	bool known = false;
	for (size_t i = 0; op && i < sizeof(ops) / sizeof(*ops); i++)
		known |= !strcmp(ops[i], op);
	if (masked && (json_array_size(masked) != 2 || json_object_size(left) != 1 ||
		       !is_own_value(json_array_get(masked, 1))))
		return false;
	*ret_field = masked ? json_array_get(masked, 0) : left;
	return known && is_own_field(*ret_field) && is_own_value(json_object_get(v, "right"));
}

static bool is_own_statement(const json_t *stmt, const char **ret_name)
{
	static const char *const names[] = { "counter", "accept", "drop",  "return", "continue",
					     "jump",	"goto",	  "limit", "log",    "xt" };
	json_t *value;
	const char *key;
	*ret_name = "a statement in words";
	if (json_object_size(stmt) != 1)
		return false;
	json_object_foreach ((json_t *)stmt, key, value) {
		*ret_name = key;
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strcmp(names[i], key))
				return true;
		/* -j TRACE */
		const json_t *what = json_object_get(json_object_get(value, "key"), "meta");
		const char *meta = linux_str(what, "key");
		if (!strcmp(key, "mangle") && meta && !strcmp(meta, "nftrace"))
			return true;
	}
	return false;
}

/* Why iptables can't have written the rule, or NULL. */
static const char *foreign_why(const json_t *rule, bool *ret_xt)
{
	enum { FIELDS = 16 };
	const json_t *list = json_object_get(rule, "expr"), *seen[FIELDS];
	size_t n = 0;
	const char *why = NULL, *name;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stmt = json_array_get(list, i), *field;
		const json_t *match = json_object_get(stmt, "match");
		*ret_xt |= json_object_get(stmt, "xt") != NULL;
		if (!match) {
			if (!is_own_statement(stmt, &name) && !why)
				why = "a statement that iptables has no word for";
			continue;
		}
		if (!is_own_match(match, &field) || n == FIELDS) {
			why = "a condition that iptables has no word for";
			continue;
		}
		for (size_t k = 0; k < n; k++)
			if (json_equal(seen[k], field))
				why = "two conditions on one field";
		seen[n++] = field;
	}
	return why;
}

void linux_shared(struct linux_read *r, const json_t *listing, struct map *ret_tables)
{
	const json_t *list = json_object_get(listing, "nftables");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *rule = json_object_get(json_array_get(list, i), "rule");
		const char *family = linux_str(rule, "family"),
			   *table = linux_str(rule, "table");
		if (!family || !table || (strcmp(family, "ip") && strcmp(family, "ip6")))
			continue;
		bool xt = false;
		const char *why = foreign_why(rule, &xt);
		if (!why && !xt)
			continue;
		void **slot =
			map_at(ret_tables, arena_printf(r->arena, "%s %s", family, table));
		struct linux_shared_table *t = *slot;
		if (!t)
			t = *slot = arena_alloc(r->arena, sizeof(*t));
		t->xt |= xt;
		if (why && !t->why) {
			t->why = why;
			t->at = linux_loc(r, rule);
		}
	}
}
