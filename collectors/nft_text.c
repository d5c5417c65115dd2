/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables text. Only nft reads its language right, so it does: in a network namespace of its
 * own, where the kernel takes the ruleset and nft lists it as JSON. What nft 1.0.6 leaves out
 * of its JSON (the dormant flag of a table, the devices of a chain, the dynamic flag of a set)
 * is in its text listing of the same moment, and is put into the tree. The two listings have to
 * have the same chains, rules and elements, since nft that is short of memory may leave some
 * out and say nothing. Places are found by counting: the n-th rule of a chain in the listing is
 * the n-th one that the text puts there.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <string.h>

#include "collectors/nft_run.h"
#include "collectors/nft_script.h"

enum { TEXT_MAX = 128 << 20 };

struct nft_places {
	const struct source *src;
	struct map by_value; /* address of a value to its struct loc */
};

struct reading {
	struct arena *arena;
	struct diags *d;
	const struct source *src;
	struct nft_places *places;
};

static void set_place(struct reading *n, const json_t *v, struct nft_place p)
{
	if (!v || !p.len)
		return;
	struct loc *at = arena_alloc(n->arena, sizeof(*at));
	*at = source_loc(n->src, p.off, p.len);
	*map_atn(&n->places->by_value, (const char *)&v, sizeof(v)) = at;
}

struct loc nft_text_loc(const struct nft_places *p, const json_t *v)
{
	const struct loc *at = map_getn(&p->by_value, (const char *)&v, sizeof(v));
	return at ? *at : (struct loc){ .src = p->src };
}

static struct nft_place place_of(const struct nft_block *b)
{
	return b ? b->head : (struct nft_place){ 0, 0 };
}

/* "inet filter forward", or "inet filter" where name is NULL. */
static const char *key_of(struct reading *n, const json_t *v, const char *table,
			  const char *name)
{
	const char *family = nft_str(v, "family"), *t = nft_str(v, table);
	return arena_printf(n->arena, name ? "%s %s %s" : "%s %s", family ? family : "?",
			    t ? t : "?", name);
}

struct listed {
	size_t chains, rules, elements;
};

static struct listed listed(const struct nft_script *s)
{
	struct listed ret = { .chains = s->chains.n };
	for (size_t i = 0; i < s->chains.n; i++)
		ret.rules += ((const struct nft_block *)s->chains.entries[i].value)->rules.n;
	for (size_t i = 0; i < s->sets.n; i++)
		ret.elements +=
			((const struct nft_block *)s->sets.entries[i].value)->n_elements;
	return ret;
}

static void put_words(json_t *v, const char *key, const struct nft_block *b)
{
	json_object_del(v, key);
	if (!b || !b->words.n)
		return;
	json_t *list = json_array();
	vec_each (word, &b->words)
		json_array_append_new(list, json_string(*word));
	json_object_set_new(v, key, list);
}

/*
 * The tree gets what the text listing alone has, and its places in the text. False where the
 * two listings differ in what there is.
 */
static bool complete(struct reading *n, const json_t *list, const struct nft_script *listing,
		     const struct nft_script *text)
{
	struct listed ours = { 0 }, theirs = listed(listing);
	struct map seen = { 0 }; /* chain to the number of its rules so far */
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *o = json_array_get(list, i), *v;
		if ((v = json_object_get(o, "table"))) {
			const char *key = key_of(n, v, "name", NULL);
			put_words(v, "flags", map_get(&listing->tables, key));
			set_place(n, v, place_of(map_get(&text->tables, key)));
		} else if ((v = json_object_get(o, "chain"))) {
			const char *key = key_of(n, v, "table", nft_str(v, "name"));
			struct nft_place p = place_of(map_get(&text->chains, key));
			ours.chains++;
			put_words(v, "devices", map_get(&listing->chains, key));
			set_place(n, v, p);
			set_place(n, json_object_get(v, "policy"), p);
		} else if ((v = json_object_get(o, "rule"))) {
			const char *key = key_of(n, v, "table", nft_str(v, "chain"));
			ours.rules++;
			void **count = map_at(&seen, key);
			*count = (void *)((uintptr_t)*count + 1);
		} else if ((v = json_object_get(o, "set")) || (v = json_object_get(o, "map"))) {
			const char *key = key_of(n, v, "table", nft_str(v, "name"));
			ours.elements += json_array_size(json_object_get(v, "elem"));
			put_words(v, "flags", map_get(&listing->sets, key));
			set_place(n, v, place_of(map_get(&text->sets, key)));
		}
	}
	struct map at = { 0 };
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_object_get(json_array_get(list, i), "rule");
		if (!v)
			continue;
		const char *key = key_of(n, v, "table", nft_str(v, "chain"));
		const struct nft_block *b = map_get(&text->chains, key);
		void **next = map_at(&at, key);
		size_t k = (uintptr_t)*next;
		*next = (void *)(k + 1);
		if (b && !b->lost &&
		    (uintptr_t)map_get(&seen, key) == b->rules.n + b->inserted.n)
			set_place(n, v, nft_block_rule(b, k));
		else
			set_place(n, v, place_of(b));
	}
	map_finish(&seen);
	map_finish(&at);
	return ours.chains == theirs.chains && ours.rules == theirs.rules &&
	       ours.elements == theirs.elements;
}

/* "/dev/stdin:3:5-9: Error: syntax error": each of them at its place. */
static int report(struct reading *n, const char *message)
{
	size_t told = 0;
	struct loc whole = { .src = n->src };
	for (const char *s = message; s && *s; s = strchr(s, '\n'), s += s != NULL) {
		size_t len = strcspn(s, "\n");
		const char *error = memmem(s, len, ": Error: ", 9);
		struct loc at = whole;
		unsigned line, from, to;
		if (!error) {
			if (len > 6 && !strncmp(s, "Error:", 6) && ++told)
				diag_error(n->d, EINVAL, "nft.refused", whole, "nft: %.*s",
					   (int)len, s);
			continue;
		}
		if (sscanf(s, "/dev/stdin:%u:%u-%u:", &line, &from, &to) == 3 && line &&
		    line <= n->src->n_lines)
			at.line = line, at.col = from, at.end_col = to + 1;
		told++;
		bool kernel = memmem(error, (size_t)(s + len - error), "Could not process", 17);
		diag_error(
			n->d, EINVAL, "nft.refused", at, "nft does not take it: %.*s%s",
			(int)(s + len - error - 9), error + 9,
			kernel ? "; the kernel here may lack what it uses: export `nft -j list "
				 "ruleset` where it is loaded"
			       : "");
	}
	if (!told)
		diag_error(n->d, EINVAL, "nft.refused", whole, "nft does not take it: %.*s",
			   (int)strcspn(message, "\n"), message);
	return -EINVAL;
}

static int failed(struct reading *n, enum nft_run_end end, const struct nft_listing *l)
{
	struct loc at = { .src = n->src };
	switch (end) {
	case NFT_RUN_ABSENT:
		return diag_error(n->d, ENOENT, "nft.text-needs-nft", at,
				  "nftables text is read by nft, which is not installed here: "
				  "export with `nft -j list ruleset`");
	case NFT_RUN_NAMESPACE:
		return diag_error(n->d, EPERM, "nft.text-needs-namespace", at,
				  "nftables text is read by nft in a network namespace of its "
				  "own, which may not be made here: export with `nft -j list "
				  "ruleset`");
	case NFT_RUN_REFUSED:
		return report(n, l->message);
	case NFT_RUN_LISTING:
		return diag_error(n->d, EIO, "nft.listing", at,
				  "nft took the text and could not list it: %.*s",
				  (int)strcspn(l->message, "\n"), l->message);
	case NFT_RUN_TIME:
		return diag_error(n->d, ETIMEDOUT, "nft.time", at,
				  "nft has not read it within %d seconds", NFT_RUN_SECONDS);
	default:
		return diag_error(n->d, EIO, "nft.run", at, "nft could not be run");
	}
}

/* A copy with LF as line ends. */
static char *plain_lines(const struct source *src, size_t *ret_len)
{
	char *s = xmalloc(src->size + 1);
	size_t n = 0;
	for (size_t i = 0; i < src->size; i++)
		if (src->data[i] != '\r')
			s[n++] = src->data[i];
		else if (src->data[i + 1] != '\n')
			s[n++] = '\n';
	s[n] = 0;
	*ret_len = n;
	return s;
}

static int load(struct reading *n, const struct nft_script *text, struct nft_listing *l)
{
	VEC(const char *) links = { 0 };
	size_t len;
	char *script = plain_lines(n->src, &len);
	for (size_t i = 0; i < text->links.n; i++)
		*vec_add(&links) = text->links.entries[i].key;
	enum nft_run_end end = nft_run(script, len, links.v, links.n, l);
	free(script);
	vec_free(&links);
	return end ? failed(n, end, l) : 0;
}

int nft_text_read(struct collect *c, const struct source *src, json_t **ret_root,
		  struct nft_places **ret_places)
{
	struct reading n = { .arena = c->snap->arena, .d = c->diags, .src = src };
	struct nft_script text = { 0 }, listing = { 0 };
	struct nft_listing l = { 0 };
	struct loc whole = { .src = src };
	json_t *root = NULL;
	json_error_t why;
	int err = 0;
	if (src->size > TEXT_MAX)
		return diag_error(n.d, EFBIG, "nft.text-too-large", whole,
				  "nftables text of more than %d MiB", TEXT_MAX >> 20);
	n.places = arena_alloc(n.arena, sizeof(*n.places));
	n.places->src = src;
	nft_script_scan(&text, n.arena, src->data, src->size);
	if (text.refused)
		err = diag_error(n.d, EINVAL, text.refused,
				 source_loc(src, text.refused_at.off, text.refused_at.len),
				 "%s", text.why);
	if (!err)
		err = load(&n, &text, &l);
	if (!err) {
		root = json_loadb(l.json, l.json_len, JSON_REJECT_DUPLICATES, &why);
		nft_script_scan(&listing, n.arena, l.text, l.text_len);
		if (!root)
			err = diag_error(n.d, EIO, "nft.listing", whole,
					 "nft's own listing is not JSON: %s", why.text);
		else if (!complete(&n, json_object_get(root, "nftables"), &listing, &text))
			err = diag_error(
				n.d, EIO, "nft.listing", whole,
				"nft's two listings of it differ: it may have been short "
				"of memory");
	}
	nft_script_finish(&text);
	nft_script_finish(&listing);
	nft_listing_finish(&l);
	if (err) {
		json_decref(root);
		map_finish(&n.places->by_value);
		return err;
	}
	*ret_root = root;
	*ret_places = n.places;
	return 0;
}

void nft_places_finish(struct nft_places *p)
{
	if (p)
		map_finish(&p->by_value);
}
