/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "collectors/live_internal.h"

static struct live *fresh(struct reading *r)
{
	struct arena *a = arena_create();
	struct live *l = arena_alloc(a, sizeof(*l));
	struct diags *d = arena_alloc(a, sizeof(*d));
	diags_init(d, a);
	*r = (struct reading){ .body = json_object(),
			       .problems = json_array(),
			       .commands = json_array(),
			       .unknown = json_object() };
	*l = (struct live){ .arena = a, .diags = d, .now = r };
	return l;
}

static void done(struct live *l)
{
	struct reading *r = l->now;
	json_decref(r->body);
	json_decref(r->problems);
	json_decref(r->commands);
	json_decref(r->unknown);
	vec_free(&l->links);
	diags_finish(l->diags);
	arena_destroy(l->arena);
}

/* Attributes that don't fit their room are an error at every length, and nothing is read
 * behind. */
Test(live, attributes_cut_off)
{
	struct reading r;
	struct live *l = fresh(&r);
	struct text t = { 0 };
	uint32_t v = 7;
	live_put_attr(&t, 1, "abc", 4);
	live_put_attr(&t, 2, &v, sizeof(v));
	cr_assert_eq(t.len, 16);
	for (size_t n = 0; n <= t.len; n++) {
		unsigned char *copy = xmalloc(n);
		struct live_attr tb[3], in = { copy, n };
		memcpy(copy, t.s, n);
		int err = live_nested(l, in, "x", tb, 2, NULL);
		bool whole = n == 0 || n == 8 || n == 16;
		cr_assert_eq(!err, whole, "%zu bytes", n);
		if (n == 16) {
			cr_assert_str_eq(live_text(l, tb[1]), "abc");
			cr_assert_eq(live_u32(tb[2]), 7);
		}
		free(copy);
	}
	/* a length that leads nowhere */
	unsigned char none[8] = { 0 };
	struct live_attr tb[3];
	cr_assert(live_nested(l, (struct live_attr){ none, 8 }, "x", tb, 2, NULL));
	text_finish(&t);
	done(l);
}

/* What isn't known is counted and named, with its place. */
Test(live, attributes_unknown)
{
	struct reading r;
	struct live *l = fresh(&r);
	struct text t = { 0 };
	json_t *item = json_object();
	live_put_attr(&t, 9, "", 0);
	live_put_attr(&t, 300, "", 0);
	live_put_attr(&t, 9, "", 0);
	struct live_attr tb[3], in = { (const unsigned char *)t.s, t.len };
	cr_assert_eq(live_nested(l, in, "rule", tb, 2, item), 0);
	cr_assert_eq(json_integer_value(json_object_get(r.unknown, "rule 9")), 2);
	cr_assert_eq(json_integer_value(json_object_get(r.unknown, "rule 300")), 1);
	cr_assert_eq(json_array_size(json_object_get(item, "unknown_attributes")), 2);
	json_decref(item);
	text_finish(&t);
	done(l);
}

/* Short values are 0, never what stands behind them. */
Test(live, attributes_short)
{
	unsigned char b[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct live_attr a = { b, 2 };
	cr_assert_eq(live_u32(a), 0);
	cr_assert_eq(live_be64(a), 0);
	cr_assert_eq(live_be16(a), 0x0102);
	cr_assert_eq(live_be32((struct live_attr){ 0 }), 0);
	json_t *none = live_mac(a), *mac = live_mac((struct live_attr){ b, 6 });
	cr_assert(json_is_null(none));
	cr_assert_str_eq(json_string_value(mac), "01:02:03:04:05:06");
	json_decref(mac);
}

Test(live, text_that_is_no_utf8)
{
	struct reading r;
	struct live *l = fresh(&r);
	json_t *v = live_string(l, "a\xff\xfe"
				   "b");
	cr_assert_str_eq(json_string_value(v), "a\xef\xbf\xbd\xef\xbf\xbd"
					       "b");
	cr_assert_eq(json_array_size(r.problems), 1);
	json_decref(v);
	v = live_lines(l, "one\n\nlast", 9);
	cr_assert_eq(json_array_size(v), 3);
	cr_assert_str_eq(json_string_value(json_array_get(v, 2)), "last");
	json_decref(v);
	done(l);
}

Test(live, flags)
{
	static const char *const names[] = { "one", "", "four", NULL };
	json_t *v = live_flags(0x8000000f, names);
	char *s = json_dumps(v, JSON_COMPACT);
	cr_assert_str_eq(s, "[\"one\",\"four\",\"0x8\",\"0x80000000\"]");
	free(s);
	json_decref(v);
}

/* One table, one chain with one rule `tcp dport { 1, 2 } accept`, one set. */
static void world(struct nfk *k)
{
	static const char *asked[] = { "__set0" };
	struct nfk_table *t = vec_add(&k->tables);
	t->family = NFPROTO_IPV4, t->name = "t", t->handle = 1;
	*vec_add(&t->sets) = (struct nfk_set){
		.name = "__set0", .handle = 3, .flags = NFT_SET_ANONYMOUS, .elements = 2
	};
	*map_at(&t->set_at, "__set0") = (void *)1;
	struct nfk_chain *c = vec_add(&t->chains);
	c->name = "c", c->handle = 2;
	*map_at(&t->chain_at, "c") = (void *)1;
	*vec_add(&c->rules) = (struct nfk_rule){
		.handle = 4, .verdict = NF_ACCEPT, .sets = asked, .n_sets = 1, .n_matches = 1
	};
}

#define TABLE "{\"table\":{\"family\":\"ip\",\"name\":\"t\",\"handle\":1}}"
#define CHAIN "{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":\"c\",\"handle\":2}}"
#define RULE(right, verdict)                                                                   \
	"{\"rule\":{\"family\":\"ip\",\"table\":\"t\",\"chain\":\"c\",\"handle\":4,\"expr\":[" \
	"{\"match\":"                                                                          \
	"{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"mark\"}},\"right\":" right               \
	"}},{\"" verdict "\":null}]}}"
#define LISTING(objects) "{\"nftables\":[" objects "]}"

/* How many differences; -1: not a listing. */
static int differences(const char *listing)
{
	struct reading r;
	struct live *l = fresh(&r);
	struct nfk k = { 0 };
	world(&k);
	json_t *v = nfk_compare(l, listing, strlen(listing), &k);
	int n = v ? (int)json_array_size(v) : -1;
	json_decref(v);
	nfk_free(&k);
	done(l);
	return n;
}

Test(live, comparison)
{
	static const struct {
		const char *listing;
		int n;
	} rows[] = {
		{ LISTING(TABLE "," CHAIN "," RULE("{\"set\":[1,2]}", "accept")), 0 },
		{ LISTING(TABLE "," CHAIN "," RULE("{\"set\":[1]}", "accept")), 1 },
		{ LISTING(TABLE "," CHAIN "," RULE("[1,2]", "accept")), 1 },
		{ LISTING(TABLE "," CHAIN "," RULE("{\"set\":[1,2]}", "drop")), 1 },
		{ LISTING(TABLE "," CHAIN
				"," RULE("{\"set\":[1,2]}", "drop") "," RULE("1", "drop")),
		  2 },
		{ LISTING(TABLE "," CHAIN), 1 },
		{ LISTING(TABLE), 2 },
		{ LISTING(TABLE "," TABLE "," CHAIN "," RULE("{\"set\":[1,2]}", "accept")), 1 },
		{ LISTING(""), 3 },
		{ LISTING("1"), -1 },
		{ LISTING(TABLE ","), -1 },
		{ LISTING(TABLE " " CHAIN), -1 },
		{ LISTING("{\"table\":[]}"), 4 },
		{ LISTING("{\"rule\":null}"), 4 },
		{ LISTING("{\"rule\":{\"family\":\"ip\",\"table\":\"t\",\"chain\":\"c\","
			  "\"expr\":5}}"),
		  3 },
		{ "{\"other\":[]}", -1 },
		{ "", -1 },
		{ "{}", -1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect_eq(differences(rows[i].listing), rows[i].n, "row %zu: %d", i,
			     differences(rows[i].listing));
}

/* Expressions of the kernel as bytes: the verdict, and what counts as a condition. */
static void put_expr(struct text *to, const char *name, const struct text *data)
{
	struct text e = { 0 };
	live_put_attr(&e, NFTA_EXPR_NAME, name, strlen(name) + 1);
	live_put_attr(&e, NFTA_EXPR_DATA, data->s, data->len);
	live_put_attr(to, NFTA_LIST_ELEM, e.s, e.len);
	text_finish(&e);
}

static void put_meta(struct text *to, uint32_t key)
{
	struct text d = { 0 };
	uint32_t k = __builtin_bswap32(key), reg = __builtin_bswap32(1);
	live_put_attr(&d, NFTA_META_DREG, &reg, 4);
	live_put_attr(&d, NFTA_META_KEY, &k, 4);
	put_expr(to, "meta", &d);
	text_finish(&d);
}

Test(live, expressions)
{
	struct reading r;
	struct live *l = fresh(&r);
	struct text list = { 0 }, empty = { 0 };
	struct nfk_rule rule = { 0 };
	text_put(&empty, "");
	put_meta(&list, NFT_META_L4PROTO); /* a guard */
	put_expr(&list, "cmp", &empty);
	put_meta(&list, NFT_META_MARK); /* a range: two comparisons of one value */
	put_expr(&list, "cmp", &empty);
	put_expr(&list, "cmp", &empty);
	put_expr(&list, "counter", &empty);
	put_expr(&list, "from-the-future", &empty);
	cr_assert_eq(nfk_expressions(l, (struct live_attr){ (unsigned char *)list.s, list.len },
				     &rule),
		     0);
	cr_assert_eq(rule.n_matches, 1);
	cr_assert_eq(rule.n_statements, 1);
	cr_assert_eq(rule.verdict, NFK_NONE);
	/* cut off anywhere it is an error or fewer expressions, never more */
	for (size_t n = 0; n < list.len; n++) {
		unsigned char *copy = xmalloc(n);
		memcpy(copy, list.s, n);
		struct nfk_rule part = { 0 };
		if (!nfk_expressions(l, (struct live_attr){ copy, n }, &part))
			cr_assert(part.n_matches <= 1 && part.n_statements <= 1);
		free(copy);
	}
	text_finish(&list);
	text_finish(&empty);
	done(l);
}

/* A program that isn't there, one that fails, both outputs at once, and a large output. */
Test(live, spawn)
{
	const char *none[] = { "/nowhere/at/all", NULL };
	const char *both[] = { "/bin/sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	const char *big[] = {
		"/bin/sh", "-c",
		"head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2", NULL
	};
	const char *killed[] = { "/bin/sh", "-c", "kill -9 $$", NULL };
	const char *env[] = { "/usr/bin/env", NULL };
	struct live_run run;
	cr_assert_lt(live_spawn(none, &run), 0);
	cr_assert_eq(live_spawn(both, &run), 0);
	cr_assert_str_eq(run.out, "out\n");
	cr_assert_str_eq(run.err, "err\n");
	cr_assert_eq(run.code, 3);
	live_run_free(&run);
	cr_assert_eq(live_spawn(big, &run), 0);
	cr_assert_eq(run.out_len, 3000000);
	cr_assert_eq(run.code, 0);
	live_run_free(&run);
	cr_assert_eq(live_spawn(killed, &run), 0);
	cr_assert_eq(run.code, -1);
	cr_assert_eq(run.signal, 9);
	live_run_free(&run);
	cr_assert_eq(live_spawn(env, &run), 0);
	cr_assert(strstr(run.out, "TZ=UTC\n") && strstr(run.out, "LC_ALL=C\n"));
	cr_assert_null(strstr(run.out, "CRITERION"));
	live_run_free(&run);
}
