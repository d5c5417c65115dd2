/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text is statements, ended by a line's end or a semicolon; braces hold either statements
 * (tables, chains, sets) or values (an anonymous set), which is told by what stands in front
 * of them. The words of a statement are looked at only as far as that and its name need.
 *
 * Three kinds of text are not for nft to read: one that includes files, which would be files
 * of this machine; a template, which isn't a ruleset yet; and a listing in which nft wrote a
 * match of iptables as a comment, since that rule would be read as a wider one.
 */
#include "collectors/nft_script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_STOP, TOKEN_OTHER };

struct token {
	enum token_kind kind;
	const char *s; /* of a string: without its quotes */
	size_t len;
	size_t from, to; /* in the text */
	char c;		 /* of TOKEN_OTHER, and ';' or '\n' of TOKEN_STOP */
};

enum { HEAD = 8, LINKS_MAX = 512, LINK_NAME = 15 };

/* One statement's first words. */
struct head {
	struct token v[HEAD];
	size_t n;
};

struct scan {
	struct nft_script *out;
	const char *text;
	size_t len, at;
	struct token next;
};

enum where { AT_TOP, IN_TABLE, IN_CHAIN, IN_SET };

static void refuse(struct scan *s, const char *code, const char *why, size_t off, size_t len)
{
	if (s->out->refused)
		return;
	s->out->refused = code;
	s->out->why = why;
	s->out->refused_at = (struct nft_place){ off, len };
}

static void comment(struct scan *s, size_t from)
{
	const char *end = memchr(s->text + from, '\n', s->len - from);
	size_t to = end ? (size_t)(end - s->text) : s->len;
	size_t i = from + 1;
	while (i < to && (s->text[i] == ' ' || s->text[i] == '\t'))
		i++;
	if (to - i > 2 && !strncmp(s->text + i, "xt", 2) && strchr("_ ", s->text[i + 2]))
		refuse(s, "nft.xt-comment",
		       "nft wrote a match or target of iptables as a comment here, without "
		       "which the rule says something else: export with iptables-save as well",
		       from, to - from);
	s->at = to;
}

static bool separates(char c)
{
	return !c || strchr(" \t\r\n{}();,=\"#", c);
}

static void advance(struct scan *s)
{
	const char *t = s->text;
	struct token *n = &s->next;
	for (; s->at < s->len; s->at++) {
		if (t[s->at] == '#') {
			comment(s, s->at);
			s->at--;
		} else if (t[s->at] == '\\' && t[s->at + 1] == '\n') {
			s->at++;
		} else if (!strchr(" \t\r", t[s->at])) {
			break;
		}
	}
	*n = (struct token){ .s = t + s->at, .from = s->at, .to = s->at };
	if (s->at >= s->len)
		return;
	char c = t[s->at];
	size_t end = s->at + 1;
	if (c == '"') {
		while (end < s->len && t[end] != '"')
			end++;
		n->kind = TOKEN_STRING;
		n->s++;
		n->len = end - s->at - 1;
		end += end < s->len;
	} else if (c == '\n' || c == ';') {
		n->kind = TOKEN_STOP;
		n->c = c;
	} else if (separates(c)) {
		n->kind = TOKEN_OTHER;
		n->c = c;
	} else {
		while (end < s->len && !separates(t[end]))
			end++;
		n->kind = TOKEN_WORD;
		n->len = end - s->at;
	}
	n->to = s->at = end;
	if (n->kind == TOKEN_WORD && n->len == 7 && !memcmp(n->s, "include", 7))
		refuse(s, "nft.include",
		       "the text includes another file, which would be one of this machine: "
		       "put "
		       "it here in its place, or export `nft list ruleset`",
		       n->from, n->len);
	if ((c == '{' && (t[end] == '{' || t[end] == '%')) ||
	    (n->kind == TOKEN_WORD && n->len > 1 && !memcmp(n->s, "<%", 2)))
		refuse(s, "nft.template",
		       "this is a template, not yet a ruleset: give what it expands to",
		       n->from, 2);
}

static bool is(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && t->len == strlen(word) && !memcmp(t->s, word, t->len);
}

static bool is_one(const struct token *t, const char *const *words)
{
	for (; *words; words++)
		if (is(t, *words))
			return true;
	return false;
}

static const char *keep(struct scan *s, const struct token *t)
{
	return arena_strn(s->out->arena, t->s, t->len);
}

static struct nft_block *block(struct scan *s, struct map *m, const char *key)
{
	void **slot = map_at(m, key);
	if (!*slot)
		*slot = arena_alloc(s->out->arena, sizeof(struct nft_block));
	return *slot;
}

/* Words of the text from `from` on that may be names of interfaces. */
static void links(struct scan *s, size_t from)
{
	struct scan again = { .out = s->out, .text = s->text, .len = s->next.from, .at = from };
	for (advance(&again); again.next.kind != TOKEN_END; advance(&again)) {
		const struct token *t = &again.next;
		if ((t->kind != TOKEN_WORD && t->kind != TOKEN_STRING) || !t->len ||
		    t->len > LINK_NAME || isdigit((unsigned char)*t->s) ||
		    memchr(t->s, '/', t->len) || memchr(t->s, ':', t->len) ||
		    strchr("$@!<>*-", *t->s) || s->out->links.n >= LINKS_MAX)
			continue;
		*map_atn(&s->out->links, t->s, t->len) = s->out;
	}
}

struct braces {
	size_t end, commas; /* behind them; in them, at their own level */
	bool empty;
};

/*
 * Passes over braces up to the one that closes the first. Names of interfaces are put to
 * words, unless that is NULL.
 */
static struct braces pass_braces(struct scan *s, struct nft_block *words)
{
	struct braces ret = { .end = s->next.to, .empty = true };
	size_t depth = 0;
	for (; s->next.kind != TOKEN_END; advance(s)) {
		const struct token *t = &s->next;
		ret.end = t->to;
		if (t->kind == TOKEN_OTHER && t->c == '{') {
			depth++;
		} else if (t->kind == TOKEN_OTHER && t->c == '}') {
			if (!--depth)
				break;
		} else if (t->kind == TOKEN_OTHER) {
			ret.commas += depth == 1 && t->c == ',';
		} else if (t->kind != TOKEN_STOP) {
			ret.empty = false;
			if (words)
				*vec_add(&words->words) = keep(s, t);
		}
	}
	if (s->next.kind != TOKEN_END)
		advance(s);
	return ret;
}

static void statements(struct scan *s, enum where where, struct nft_block *owner,
		       const char *key);

static const char *const families[] = { "ip", "ip6", "inet", "arp", "bridge", "netdev", NULL };

/* "inet filter forward" of n names behind a family that may be left out; NULL: not there. */
static const char *names(struct scan *s, const struct head *h, size_t *at, size_t n)
{
	const char *key = "ip";
	if (*at < h->n && is_one(&h->v[*at], families))
		key = keep(s, &h->v[(*at)++]);
	for (; n; n--, (*at)++) {
		if (*at >= h->n)
			return NULL;
		const struct token *t = &h->v[*at];
		key = arena_printf(s->out->arena, "%s %.*s", key, (int)t->len, t->s);
	}
	return key;
}

static void forget(struct map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct nft_block *b = m->entries[i].value;
		b->rules.n = b->inserted.n = b->words.n = 0;
		b->head.len = 0;
	}
}

struct nft_place nft_block_rule(const struct nft_block *b, size_t i)
{
	return i < b->inserted.n ? b->inserted.v[b->inserted.n - 1 - i]
				 : b->rules.v[i - b->inserted.n];
}

struct command {
	const char *verb, *object, *key;
	struct map *map; /* of the object, where it is one with a block */
	enum where inside;
};

/* What a statement outside of all blocks does, as far as its head tells. */
static struct command command(struct scan *s, const struct head *h)
{
	static const char *const verbs[] = { "add",    "create",  "insert", "replace",
					     "delete", "destroy", "flush",  "reset",
					     "list",   "rename",  "get",    "monitor",
					     NULL };
	static const struct {
		const char *name;
		size_t names;
		enum where inside;
	} objects[] = { { "table", 1, IN_TABLE }, { "chain", 2, IN_CHAIN },
			{ "set", 2, IN_SET },	  { "map", 2, IN_SET },
			{ "rule", 2, AT_TOP },	  { NULL, 0, AT_TOP } };
	static const char *const others[] = { "element",  "flowtable", "ruleset", "counter",
					      "quota",	  "ct",	       "limit",	  "secmark",
					      "synproxy", "meter",     "define",  "undefine",
					      "redefine", "tables",    "chains",  "sets",
					      "hooks",	  "tunnel",    NULL };
	struct command c = { .verb = "add", .object = "rule" };
	size_t at = 0, n = 2;
	if (h->n && is_one(&h->v[0], verbs))
		c.verb = keep(s, &h->v[at++]);
	if (at < h->n && is_one(&h->v[at], others)) {
		c.object = keep(s, &h->v[at]);
		return c;
	}
	for (size_t i = 0; at < h->n && objects[i].name; i++)
		if (is(&h->v[at], objects[i].name)) {
			c.object = objects[i].name;
			c.inside = objects[i].inside;
			n = objects[i].names;
			at++;
			break;
		}
	c.key = names(s, h, &at, n);
	c.map = c.inside == IN_TABLE   ? &s->out->tables
		: c.inside == IN_CHAIN ? &s->out->chains
		: c.inside == IN_SET   ? &s->out->sets
				       : NULL;
	if (!strcmp(c.object, "rule") && at < h->n &&
	    (is(&h->v[at], "handle") || is(&h->v[at], "position") || is(&h->v[at], "index")))
		c.verb = "replace"; /* somewhere in the middle */
	return c;
}

static void obey(struct scan *s, const struct command *c, struct nft_place p)
{
	struct nft_script *o = s->out;
	bool add = !strcmp(c->verb, "add") || !strcmp(c->verb, "create");
	bool rule = !strcmp(c->object, "rule");
	if (!strcmp(c->verb, "flush") && !strcmp(c->object, "ruleset")) {
		forget(&o->tables), forget(&o->chains), forget(&o->sets);
	} else if (c->key && rule && (add || !strcmp(c->verb, "insert"))) {
		struct nft_block *b = block(s, &o->chains, c->key);
		if (add)
			*vec_add(&b->rules) = p;
		else
			*vec_add(&b->inserted) = p;
	} else if (rule || !strcmp(c->verb, "delete") || !strcmp(c->verb, "destroy") ||
		   !strcmp(c->verb, "rename") || !strcmp(c->verb, "flush")) {
		/* an empty set again, or a table that is not there yet: nothing to follow */
		bool harmless = !strcmp(c->object, "set") || !strcmp(c->object, "map") ||
				!strcmp(c->object, "element") || !strcmp(c->object, "define");
		for (size_t i = 0; !harmless && i < o->chains.n; i++)
			((struct nft_block *)o->chains.entries[i].value)->lost = true;
	} else if (add && c->map && c->key) {
		struct nft_block *b = block(s, c->map, c->key);
		if (!b->head.len)
			b->head = p;
	}
}

/* The head of a block inside a table: "chain NAME", "set NAME", "map NAME". */
static struct command inner(struct scan *s, const struct head *h, const char *table)
{
	struct command c = { .verb = "add", .object = "" };
	if (h->n < 2)
		return c;
	bool chain = is(&h->v[0], "chain");
	if (!chain && !is(&h->v[0], "set") && !is(&h->v[0], "map"))
		return c;
	c.object = chain ? "chain" : "set";
	c.inside = chain ? IN_CHAIN : IN_SET;
	c.map = chain ? &s->out->chains : &s->out->sets;
	c.key = table ? arena_printf(s->out->arena, "%s %.*s", table, (int)h->v[1].len,
				     h->v[1].s)
		      : NULL;
	return c;
}

static bool is_rule(const struct head *h)
{
	static const char *const others[] = { "type",	"policy",   "comment",
					      "define", "undefine", "redefine",
					      "error",	"flags",    NULL };
	return h->n && !is_one(&h->v[0], others);
}

/* A brace in a statement: true where it opened a block, which then has been read. */
static bool open_block(struct scan *s, enum where where, const struct head *h, const char *key,
		       struct nft_place p)
{
	struct command c = { .map = NULL };
	if (where == AT_TOP)
		c = command(s, h);
	else if (where == IN_TABLE)
		c = inner(s, h, key);
	if (!c.map || !c.key)
		return false;
	struct nft_block *b = block(s, c.map, c.key);
	if (!b->head.len)
		b->head = p;
	advance(s);
	statements(s, c.inside, b, c.key);
	if (s->next.kind == TOKEN_OTHER)
		advance(s); /* the brace that ends it */
	return true;
}

/* One statement, from the next token to the one that ends it. */
static void statement(struct scan *s, enum where where, struct nft_block *owner,
		      const char *key)
{
	static const char *const linked[] = { "iif",	     "oif",    "device",   "devices",
					      "iface_index", "define", "redefine", NULL };
	struct head h = { .n = 0 };
	struct nft_place p = { s->next.from, 0 };
	bool names_links = false, devices = false, flags = false, elements = false;
	while (s->next.kind != TOKEN_END && s->next.kind != TOKEN_STOP) {
		struct token t = s->next;
		if (t.kind == TOKEN_OTHER && t.c == '}')
			break;
		if (t.kind == TOKEN_OTHER && t.c == '{') {
			if (open_block(s, where, &h, key, p))
				return;
			struct braces b = pass_braces(s, devices ? owner : NULL);
			p.len = b.end - p.off;
			if (elements && owner && !b.empty)
				owner->n_elements = b.commas + 1;
			devices = false;
			continue;
		}
		bool word = t.kind == TOKEN_WORD || t.kind == TOKEN_STRING;
		if (word && h.n < HEAD)
			h.v[h.n++] = t;
		if (is(&t, "priority"))
			devices = false;
		if (word && (devices || flags))
			*vec_add(&owner->words) = keep(s, &t);
		names_links |= is_one(&t, linked);
		devices |= where == IN_CHAIN && is(&h.v[0], "type") &&
			   (is(&t, "device") || is(&t, "devices"));
		flags |= (where == IN_TABLE || where == IN_SET) && h.n == 1 && is(&t, "flags");
		elements |= where == IN_SET && h.n == 1 && is(&t, "elements");
		p.len = t.to - p.off;
		advance(s);
	}
	if (where == AT_TOP && is(&h.v[0], "monitor"))
		refuse(s, "nft.monitor", "`monitor` never ends: this is not a ruleset", p.off,
		       7);
	struct command c = { .object = "" };
	if (where == AT_TOP && h.n) {
		c = command(s, &h);
		obey(s, &c, p);
	} else if (where == IN_CHAIN && is_rule(&h)) {
		*vec_add(&owner->rules) = p;
	}
	if (names_links || elements || !strcmp(c.object, "element"))
		links(s, p.off);
}

static void statements(struct scan *s, enum where where, struct nft_block *owner,
		       const char *key)
{
	while (s->next.kind != TOKEN_END) {
		if (s->next.kind == TOKEN_STOP ||
		    (where == AT_TOP && s->next.kind == TOKEN_OTHER && s->next.c == '}'))
			advance(s);
		else if (s->next.kind == TOKEN_OTHER && s->next.c == '}')
			return;
		else
			statement(s, where, owner, key);
	}
}

void nft_script_scan(struct nft_script *o, struct arena *a, const char *text, size_t len)
{
	struct scan s = { .out = o, .text = text, .len = len };
	o->arena = a;
	advance(&s);
	statements(&s, AT_TOP, NULL, NULL);
}

static void finish(struct map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct nft_block *b = m->entries[i].value;
		vec_free(&b->rules);
		vec_free(&b->inserted);
		vec_free(&b->words);
	}
	map_finish(m);
}

void nft_script_finish(struct nft_script *s)
{
	finish(&s->tables);
	finish(&s->chains);
	finish(&s->sets);
	map_finish(&s->links);
}
