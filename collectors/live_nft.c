/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ruleset of nf_tables: the listing of the program nft and the kernel's own word, both of
 * one generation.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/*
 * Takes out the blanks between tokens, in place. False where the text isn't one object with
 * closed strings and brackets; that the inside is JSON is seen when it is parsed.
 */
static bool compact(char *s, size_t *len)
{
	size_t to = 0, depth = 0;
	bool in_string = false, ended = false;
	for (size_t i = 0; i < *len; i++) {
		char c = s[i];
		if (in_string) {
			s[to++] = c;
			if (c == '\\' && i + 1 < *len)
				s[to++] = s[++i];
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
			continue;
		if (ended || !c)
			return false;
		in_string = c == '"';
		depth += c == '{' || c == '[';
		if (c == '}' || c == ']') {
			if (!depth)
				return false;
			ended = !--depth;
		}
		s[to++] = c;
	}
	s[to] = 0;
	*len = to;
	return ended && to && s[0] == '{';
}

/* Complaints of nft about what its JSON can't hold; such a statement stands there as text. */
static const char quiet[] = "warning: stmt ops ";

/* One run of nft; its document without blanks in run->out. */
static int list(struct live *l, const char *const *argv, struct live_run *run)
{
	int err = live_command(l, argv, quiet, run);
	if (err)
		return err;
	if (!compact(run->out, &run->out_len)) {
		live_problem(l, "failed", "nft gave a listing that isn't whole");
		return -EIO;
	}
	return 0;
}

static bool is_dormant(const struct nfk_table *t)
{
	return t->flags & NFT_TABLE_F_DORMANT;
}

/*
 * nft 1.0.6 prints a stray pointer for the flags of a dormant table, and cuts the listing off
 * where that is no UTF-8: with such a table the others are listed one by one.
 */
static int list_tables(struct live *l, const struct nfk *k, struct live_run *ret)
{
	static const char head[] = "{\"nftables\":[";
	struct text all = { 0 }, said = { 0 };
	int err = 0;
	text_put(&all, head);
	text_put(&said, "");
	vec_each (t, &k->tables) {
		const char *argv[] = { "nft",	"-j", "list", "table", nfk_family(t->family),
				       t->name, NULL };
		LIVE_RUN one = { 0 };
		if (is_dormant(t))
			continue;
		err = list(l, argv, &one);
		if (err)
			break;
		size_t from = sizeof(head) - 1, to = one.out_len - 2;
		if (one.out_len < from + 2 || memcmp(one.out, head, from)) {
			live_problem(l, "failed", "nft gave a listing that can't be parsed");
			err = -EIO;
			break;
		}
		if (all.len > from && to > from)
			text_putc(&all, ',');
		text_putn(&all, one.out + from, to - from);
		text_put(&said, one.err);
	}
	text_put(&all, "]}");
	if (err) {
		text_finish(&all);
		text_finish(&said);
		return err;
	}
	*ret = (struct live_run){
		.out = all.s, .out_len = all.len, .err = said.s, .err_len = said.len
	};
	return 0;
}

/* A family without tables: its listing is empty, and in nft's own words. */
static const char *bare_family(const struct nfk *k)
{
	static const uint8_t families[] = { NFPROTO_ARP,  NFPROTO_NETDEV, NFPROTO_BRIDGE,
					    NFPROTO_IPV6, NFPROTO_IPV4,	  NFPROTO_INET };
	for (size_t i = 0; i < sizeof(families); i++) {
		bool bare = true;
		vec_each (t, &k->tables)
			bare &= t->family != families[i];
		if (bare)
			return nfk_family(families[i]);
	}
	return NULL;
}

static int list_ruleset(struct live *l, const struct nfk *k, struct live_run *run)
{
	size_t dormant = 0;
	vec_each (t, &k->tables)
		dormant += is_dormant(t);
	const char *bare = dormant && dormant == k->tables.n ? bare_family(k) : NULL;
	const char *argv[] = { "nft", "-j", "list", "ruleset", bare, NULL };
	return dormant && !bare ? list_tables(l, k, run) : list(l, argv, run);
}

/* Both reads at one generation. */
static int read_both(struct live *l, struct nfk *k, struct live_run *run)
{
	for (int i = 0; i < LIVE_TRIES; i++) {
		uint32_t after;
		live_run_free(run);
		json_array_clear(l->now->commands);
		int err = nfk_read(l, k);
		if (err && err != -EINTR)
			return err;
		int listed = err ? err : list_ruleset(l, k, run);
		if (!err && nfk_generation(&after) == 0 && after == k->before)
			return listed;
		/* what failed while it moved says nothing */
		json_array_clear(l->now->problems);
	}
	return -EINTR;
}

static void no_tables(struct live *l)
{
	live_set(l->now->body, "kernel",
		 json_pack("{s:[i,i], s:[]}", "generation", 0, 0, "tables"));
	live_set(l->now->body, "differences", json_array());
}

void live_nftables(struct live *l)
{
	LIVE_RUN run = { 0 };
	struct nfk k = { 0 };
	/* asking would load the module */
	if (live_module(l, "nf_tables") == MODULE_ABSENT) {
		no_tables(l);
		return;
	}
	int err = read_both(l, &k, &run);
	bool program = err != -ENOENT;
	if (err == -ENOPROTOOPT) {
		no_tables(l);
	} else if (err && err != -EIO && program) {
		json_array_clear(l->now->problems);
		live_failed(l, err, "CAP_NET_ADMIN", "the ruleset");
	} else {
		live_set(l->now->body, "kernel", nfk_json(l, &k));
		json_t *diff = err ? NULL : nfk_compare(l, run.out, run.out_len, &k);
		if (!program && k.tables.n)
			live_problem(l, "missing-program",
				     "nft isn't installed, and there are %zu tables",
				     k.tables.n);
		if (!err && !diff)
			live_problem(l, "failed",
				     "nft -j list ruleset gave a listing that can't be parsed");
		if (json_array_size(diff))
			live_problem(l, "differs", "nft and the kernel disagree: %s",
				     json_string_value(json_array_get(diff, 0)));
		if (diff) {
			l->now->listing = run.out;
			l->now->listing_len = run.out_len;
			run.out = NULL;
			if (run.err_len)
				live_problem(l, "unsupported",
					     "nft tells a statement as text only: %.*s",
					     (int)strcspn(run.err, "\n"), run.err);
		}
		live_set(l->now->body, "differences", diff ? diff : json_array());
	}
	nfk_free(&k);
}
