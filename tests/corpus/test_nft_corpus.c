/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's nftables: every JSON listing is read with a complete account in a bounded
 * time, and so is every single rule of the upstream tests. Prints the share modelled exactly
 * and the reasons of the rest by count. Where nft and a network namespace are to be had, the
 * text form of each listing is loaded, listed again by this host's nft, and has to give the
 * same model; nft_known_differences.tsv names the pairs that may not, and why.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/corpus/walk.h"

extern const struct collector collector_nft;

static bool is_listing(const char *path, const struct stat *st)
{
	(void)st;
	return has_suffix(path, ".json-nft");
}

static bool is_test(const char *path, const struct stat *st)
{
	(void)st;
	return has_suffix(path, ".t.json");
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static void read_source(struct reading *w)
{
	reading_run(w, &collector_nft, "host", PLANE_VIRTUAL);
	cr_expect_lt(w->seconds, 5, "%s took too long", w->src->name);
}

struct tally {
	size_t all[ACCOUNT_CLASSES], policy[ACCOUNT_CLASSES];
	struct map reasons;
};

static void count(struct tally *t, const struct account *acc)
{
	size_t listed = 0;
	for (int i = 0; i < ACCOUNT_CLASSES; i++) {
		t->all[i] += acc->count[i];
		t->policy[i] += acc->policy[i];
	}
	vec_each (e, &acc->entries) {
		reasons_count(&t->reasons, e->why);
		listed++;
		cr_expect_not_null(e->at.src);
	}
	cr_expect_eq(listed, acc->count[ACCOUNT_BOUNDED] + acc->count[ACCOUNT_REJECTED]);
}

static void tell(struct tally *t, const char *what)
{
	size_t policy = t->policy[ACCOUNT_EXACT] + t->policy[ACCOUNT_BOUNDED] +
			t->policy[ACCOUNT_REJECTED];
	printf("%s: %zu exact, %zu bounded, %zu rejected of %zu that carry policy (%.1f %% "
	       "exact); %zu without a say\n",
	       what, t->policy[ACCOUNT_EXACT], t->policy[ACCOUNT_BOUNDED],
	       t->policy[ACCOUNT_REJECTED], policy, share_exact(t->policy),
	       t->all[ACCOUNT_IRRELEVANT]);
	reasons_print(&t->reasons);
}

Test(nft_corpus, listings, .timeout = 600)
{
	const char *top = corpus_folder("nftables");
	struct paths paths = { 0 };
	struct tally t = { 0 };
	if (!top)
		return;
	paths_gather(&paths, top, is_listing);
	cr_assert_gt(paths.n, 100);
	vec_each (path, &paths) {
		struct reading w;
		reading_start(&w);
		reading_open(&w, *path);
		cr_expect_eq(collector_nft.probe(w.src->data, w.src->size, *path), 100);
		read_source(&w);
		cr_expect_eq(w.err, 0, "%s", *path);
		cr_expect_eq(w.snap->devices.n, 1);
		cr_expect_eq(w.snap->devices.v[0]->n_taints, 0, "%s: %s", *path,
			     w.snap->devices.v[0]->n_taints
				     ? w.snap->devices.v[0]->taints[0].why
				     : "");
		count(&t, w.snap->accounts.v[0]);
		reading_done(&w);
	}
	cr_expect_eq(t.all[ACCOUNT_REJECTED], 0);
	printf("%zu listings\n", paths.n);
	tell(&t, "listings");
	paths_free(&paths);
}

/* A rule of the upstream tests on its own: "# text" and below it the array of expressions. */
static void one_rule(struct tally *t, const char *path, const char *family, const char *expr,
		     size_t len)
{
	struct reading w;
	struct text doc = { 0 };
	bool frames = !strcmp(family, "netdev");
	text_put(&doc, "{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}}, ");
	text_putf(&doc, "{\"table\": {\"family\": \"%s\", \"name\": \"t\"}}, ", family);
	text_putf(
		&doc,
		"{\"chain\": {\"family\": \"%s\", \"table\": \"t\", \"name\": \"c\", "
		"\"type\": \"filter\", \"hook\": \"%s\", \"prio\": 0, \"policy\": \"drop\"}}, ",
		family, frames ? "ingress" : "forward");
	for (int i = 1; i <= 2; i++)
		text_putf(&doc,
			  "{\"chain\": {\"family\": \"%s\", \"table\": \"t\", \"name\": "
			  "\"chain%d\"}}, ",
			  family, i);
	text_putf(&doc,
		  "{\"rule\": {\"family\": \"%s\", \"table\": \"t\", \"chain\": \"c\", "
		  "\"handle\": 1, \"expr\": ",
		  family);
	/* an accept behind it, so that what it asks has a say */
	while (len && expr[len - 1] != ']')
		len--;
	text_putn(&doc, expr, len ? len - 1 : 0);
	text_put(&doc, ", {\"accept\": null}]}}]}");
	reading_start(&w);
	cr_assert_eq(source_from_bytes(w.arena, &w.diags, path, doc.s, doc.len, &w.src), 0);
	read_source(&w);
	cr_expect_eq(w.err, 0, "%s: %s", path, doc.s);
	const struct account *acc = w.snap->accounts.v[0];
	cr_expect_eq(account_total(acc), 6);
	cr_expect_eq(acc->count[ACCOUNT_REJECTED], 0);
	if (strcmp(family, "arp"))
		count(t, acc);
	text_finish(&doc);
	reading_done(&w);
}

static const char *family_of(const char *path)
{
	static const char *const families[] = {
		"ip", "ip6", "inet", "bridge", "netdev", "arp"
	};
	static char part[16];
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		snprintf(part, sizeof(part), "/%s/", families[i]);
		if (strstr(path, part))
			return families[i];
	}
	return "inet";
}

Test(nft_corpus, single_rules, .timeout = 600)
{
	const char *top = corpus_folder("nftables");
	struct paths paths = { 0 };
	struct tally t = { 0 };
	size_t rules = 0;
	if (!top)
		return;
	paths_gather(&paths, top, is_test);
	cr_assert_gt(paths.n, 20);
	vec_each (path, &paths) {
		struct reading w;
		reading_start(&w);
		reading_open(&w, *path);
		const char *p = w.src->data, *end = p + w.src->size;
		while (p && p < end) {
			/* from behind one comment to before the next */
			const char *from = *p == '#' ? memchr(p, '\n', (size_t)(end - p)) : p;
			const char *to = from ? strstr(from, "\n#") : NULL;
			if (from && memchr(from, '[', (size_t)((to ? to : end) - from))) {
				one_rule(&t, *path, family_of(*path), from,
					 (size_t)((to ? to : end) - from));
				rules++;
			}
			p = to ? to + 1 : NULL;
		}
		reading_done(&w);
	}
	cr_expect_gt(rules, 800);
	printf("%zu rules of %zu files\n", rules, paths.n);
	tell(&t, "single rules");
	paths_free(&paths);
}

/* All that was read, but for places and handles: what has to agree. */
static char *model(const struct snapshot *snap)
{
	static const char *const verdicts[] = { "permit", "deny",   "continue", "jump",
						"goto",	  "return", "unknown" };
	const struct device *d = snap->devices.n ? snap->devices.v[0] : NULL;
	struct text t = { 0 };
	VEC(char *) parts = { 0 };
	for (size_t i = 0; d && i < d->n_rulesets; i++) {
		const struct ruleset *rs = d->rulesets[i];
		struct text p = { 0 };
		text_putf(&p, "%s default %s\n", rs->name, verdicts[rs->dflt]);
		for (size_t h = 0; h < d->n_hooks; h++)
			if (d->hooks[h].ruleset == rs)
				text_putf(&p, "  hook %d order %d\n", d->hooks[h].kind,
					  d->hooks[h].order);
		for (uint32_t k = 0; k < rs->n; k++) {
			const struct rule *r = &rs->rules[k];
			text_put(&p, "  ");
			match_print(&p, r->match);
			text_putf(&p, " -> %s %s\n", verdicts[r->verdict],
				  r->target ? r->target->name : "");
		}
		*vec_add(&parts) = p.s;
	}
	for (size_t i = 0; d && i < d->n_nats; i++) {
		struct text p = { 0 };
		text_putf(&p, "nat %s: ", d->nats[i].text);
		match_print(&p, d->nats[i].touches);
		text_putc(&p, '\n');
		*vec_add(&parts) = p.s;
	}
	if (parts.n)
		qsort(parts.v, parts.n, sizeof(*parts.v), by_name);
	text_put(&t, "");
	for (size_t i = 0; i < parts.n; i++) {
		text_put(&t, parts.v[i]);
		free(parts.v[i]);
	}
	vec_free(&parts);
	return t.s ? t.s : xstrdup("");
}

/* nft is here and may have a network namespace. */
static bool nft_is_here(void)
{
	struct reading w;
	const char *const text = "table inet t { }";
	reading_start(&w);
	cr_assert_eq(source_from_bytes(w.arena, &w.diags, "t", text, strlen(text), &w.src), 0);
	read_source(&w);
	bool here = !w.err;
	if (!here)
		printf("skipped: %s\n", w.diags.n ? w.diags.v[0].text : "");
	reading_done(&w);
	return here;
}

Test(nft_corpus, text_and_json_agree, .timeout = 900)
{
	const char *top = corpus_folder("nftables");
	struct paths paths = { 0 };
	size_t same = 0, refused = 0, known = 0, empty = 0, placed = 0, all = 0;
	if (!top || !nft_is_here())
		return;
	paths_gather(&paths, top, is_listing);
	struct arena *arena = arena_create();
	const struct source *differences = corpus_list(arena, "nft_known_differences.tsv");
	vec_each (path, &paths) {
		char text[4096];
		struct stat st;
		struct reading theirs, ours;
		snprintf(text, sizeof(text), "%.*s.nft", (int)(strlen(*path) - 9), *path);
		if (stat(text, &st))
			continue;
		if (!st.st_size) { /* as text, no ruleset looks like a failed export */
			empty++;
			continue;
		}
		reading_start(&theirs), reading_start(&ours);
		reading_open(&theirs, *path), reading_open(&ours, text);
		read_source(&theirs), read_source(&ours);
		const char *why = corpus_listed(arena, differences, *path);
		char *a = model(theirs.snap), *b = model(ours.snap);
		if (ours.err) {
			/* not by us: only nft itself, or its kernel, may say no */
			cr_expect(diags_has(&ours.diags, "nft.refused"), "%s", text);
			printf("refused by this kernel or nft: %s: %s\n",
			       text + strlen(top) + 1,
			       ours.diags.n ? ours.diags.v[0].text : "");
			refused++;
		} else if (!strcmp(a, b)) {
			same++;
		} else if (why) {
			known++, printf("known: %s: %s\n", *path + strlen(top) + 1, why);
		} else {
			cr_expect(0, "%s differs:\n%s---- text:\n%s", *path, a, b);
		}
		cr_expect(!why || ours.err || strcmp(a, b), "%s: no longer differs", *path);
		const struct device *d = ours.err ? NULL : ours.snap->devices.v[0];
		for (size_t i = 0; d && i < d->n_rulesets; i++)
			for (uint32_t k = 0; k < d->rulesets[i]->n; k++)
				all++, placed += d->rulesets[i]->rules[k].at.line > 0;
		free(a), free(b);
		reading_done(&theirs), reading_done(&ours);
	}
	printf("%zu pairs agree, %zu differ for a known reason, %zu not loadable here, %zu "
	       "empty; %zu of %zu rules have their line\n",
	       same, known, refused, empty, placed, all);
	cr_expect_gt(same, 100);
	arena_destroy(arena);
	paths_free(&paths);
}
