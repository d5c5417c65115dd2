/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to tables, chains and rules (iptables-save(8), iptables-restore(8)), and the account of
 * each. What is not one of the known lines taints the device.
 */
#include "collectors/ipt_internal.h"

#include <errno.h>
#include <string.h>

/* Where a listing's lines are read: once for chains, then for rules. */
struct reading {
	struct ipt_reader *r;
	struct ipt_listing *l;
	const struct ipt_text *t;
	struct ipt_table *table; /* the one that is open, or NULL */
	bool rules;		 /* the second time */
	bool completed;
	bool commands; /* a rule has been added */
	bool opened;   /* a table has been begun, or ended */
	bool implicit; /* the table is open without a line that says so */
};

static void count(struct ipt_reader *r, const struct ipt_text *t, enum account_class class,
		  bool policy, struct loc at, const char *why)
{
	account_add(r->c->snap, t->acc, class, policy, at, why);
}

void ipt_reject(struct ipt_reader *r, const struct ipt_text *t, struct loc at, const char *why)
{
	count(r, t, ACCOUNT_REJECTED, true, at, why);
	device_build_taint(r->b, NULL, at, "%s", why);
}

/* Tables and chains */

struct ipt_chain *ipt_chain_find(struct ipt_table *t, const char *name)
{
	return map_get(&t->chains, name);
}

static struct ipt_chain *chain(struct reading *g, const char *name, struct loc at)
{
	struct ipt_table *t = g->table;
	void **slot = map_at(&t->chains, name);
	if (*slot)
		return *slot;
	struct ipt_chain *ch = *slot = arena_alloc(g->r->arena, sizeof(*ch));
	ch->table = t;
	ch->name = arena_str(g->r->arena, name);
	ch->at = at;
	ch->hook = ipt_hook_id(name);
	ch->policy = VERDICT_UNKNOWN; /* until a line tells */
	if (ch->hook >= 0 && !ipt_table_has(t->id, (enum ipt_hook)ch->hook))
		ch->hook = -1;
	*vec_add(&t->order) = ch;
	return ch;
}

static void policy(struct reading *g, struct ipt_chain *ch, const char *word, struct loc at)
{
	struct ipt_reader *r = g->r;
	ch->policy_at = at;
	if (!strcmp(word, "ACCEPT")) {
		ch->policy = VERDICT_PERMIT;
	} else if (!strcmp(word, "DROP")) {
		ch->policy = VERDICT_DENY;
	} else {
		ch->policy = VERDICT_UNKNOWN;
		diag_error(r->d, EINVAL, "ipt.policy", at, "%s is not a policy of a chain",
			   word);
		count(r, g->t, ACCOUNT_BOUNDED, true, at, "a policy that is not known");
		return;
	}
	count(r, g->t, ACCOUNT_EXACT, true, at, NULL);
}

/* ":FORWARD DROP [0:0]", ":mine - [0:0]", "-N mine", "-P FORWARD DROP" */
static void chain_line(struct reading *g, const char *name, const char *word, struct loc at)
{
	struct ipt_reader *r = g->r;
	struct ipt_chain *ch = chain(g, name, at);
	if (ch->declared && ch->hook < 0)
		diag_warning(r->d, "ipt.chain-twice", at, "the chain %s is there already",
			     name);
	ch->declared = true;
	if (ch->hook >= 0) {
		policy(g, ch, word, at);
		return;
	}
	count(r, g->t, ACCOUNT_EXACT, false, at, NULL);
	snapshot_name(r->c->snap, r->c->device, "chain",
		      arena_printf(r->arena, "%s %s", ipt_table_name(g->table->id), name), at,
		      true);
}

static void close_table(struct reading *g, struct loc at)
{
	if (!g->table)
		return;
	if (!g->table->committed && !g->implicit && !g->rules) {
		g->r->err =
			diag_error(g->r->d, EINVAL, "ipt.truncated", at,
				   "the table %s does not end with COMMIT: the listing is cut "
				   "short; save it again",
				   ipt_table_name(g->table->id));
		device_build_taint(g->r->b, NULL, at, "a listing that is cut short");
		g->t->acc->failed = true;
	}
	g->table = NULL;
}

static void begin_table(struct reading *g, const struct ipt_line *line, size_t from, size_t to)
{
	struct ipt_reader *r = g->r;
	struct loc at = ipt_line_loc(line, from, to);
	close_table(g, at);
	g->opened = true;
	g->implicit = false;
	int id = ipt_table_line(line);
	if (id < 0) {
		if (!g->rules) {
			diag_error(r->d, EINVAL, "ipt.table", at,
				   "there is no table of that name in iptables");
			ipt_reject(r, g->t, at, "a table that is not known");
		}
		return;
	}
	g->table = &g->l->tables[id];
	g->completed = false;
	if (g->rules)
		return;
	g->table->seen = true;
	g->table->at = at;
	count(r, g->t, ACCOUNT_IRRELEVANT, false, at, NULL);
}

static struct ipt_table *bare_table(struct reading *g, struct loc at)
{
	struct ipt_reader *r = g->r;
	if (g->table)
		return g->table;
	if (g->opened) /* behind COMMIT */
		return NULL;
	g->implicit = true;
	if (!g->l->bare) {
		g->l->bare = true;
		diag_warning(r->d, "ipt.no-table", at,
			     "commands without a table: read as the table filter; export with "
			     "iptables-save, which has all tables and an end");
		device_build_taint(r->b, NULL, at,
				   "a listing of one table alone, and without an end");
	}
	g->l->tables[TABLE_FILTER].seen = true;
	g->table = &g->l->tables[TABLE_FILTER];
	return g->table;
}

static void add_rule(struct reading *g, struct ipt_parse *p, const char *name, struct loc at,
		     size_t place)
{
	struct ipt_reader *r = g->r;
	struct ipt_chain *ch = chain(g, name, at);
	struct ipt_rule *rule = vec_add(&ch->rules);
	if (!ch->declared && ch->hook < 0 && ch->rules.n == 1)
		diag_error(r->d, EINVAL, "ipt.chain-missing", at,
			   "the chain %s is not declared in this table", name);
	rule->at = at;
	p->r = r, p->l = g->l, p->chain = ch;
	p->rule = rule;
	ipt_rule(p);
	if (rule->to || p->missing)
		snapshot_name(r->c->snap, r->c->device, "chain",
			      arena_printf(r->arena, "%s %s", ipt_table_name(g->table->id),
					   p->target),
			      at, false);
	if (place < ch->rules.n) {
		struct ipt_rule moved = ch->rules.v[ch->rules.n - 1];
		memmove(ch->rules.v + place, ch->rules.v + place - 1,
			(ch->rules.n - place) * sizeof(moved));
		ch->rules.v[place - 1] = moved;
	}
}

static const char *command_word(const char *s)
{
	static const struct {
		const char *word, *is;
	} words[] = { { "-A", "-A" },
		      { "--append", "-A" },
		      { "-I", "-I" },
		      { "--insert", "-I" },
		      { "-N", "-N" },
		      { "--new-chain", "-N" },
		      { "--new", "-N" },
		      { "-P", "-P" },
		      { "--policy", "-P" },
		      { "-F", "-F" },
		      { "--flush", "-F" },
		      { "-X", "-X" },
		      { "--delete-chain", "-X" },
		      { "-Z", "-" },
		      { "--zero", "-" },
		      { "-L", "-" },
		      { "--list", "-" },
		      { "-S", "-" },
		      { "--list-rules", "-" },
		      { "-C", "-" },
		      { "--check", "-" },
		      { "-h", "-" },
		      { "--help", "-" } };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].word, s))
			return words[i].is;
	return NULL;
}

static bool table_is_empty(const struct ipt_table *t)
{
	vec_each (ch, &t->order)
		if ((*ch)->rules.n || ((*ch)->declared && (*ch)->hook < 0))
			return false;
	return true;
}

static void command(struct reading *g, const struct ipt_line *line, size_t from, size_t to)
{
	struct ipt_reader *r = g->r;
	struct ipt_parse p = { .line = line };
	struct loc at = ipt_line_loc(line, from, to);
	ipt_split(r, line, &p.w);
	/* "[12:3456] -A ..." */
	if (p.w.n && p.w.v[0][0] == '[')
		p.i++;
	const char *what = p.i < p.w.n ? command_word(p.w.v[p.i]) : NULL;
	const char *name = p.i + 1 < p.w.n ? p.w.v[p.i + 1] : NULL;
	if (p.i)
		at = ipt_line_loc(line, p.w.off[p.i < p.w.n ? p.i : 0], to);
	if (!bare_table(g, at)) {
		if (!g->rules) {
			diag_error(r->d, EINVAL, "ipt.outside", at,
				   "a command outside of any table");
			ipt_reject(r, g->t, at, "a command outside of any table");
		}
		return;
	}
	p.i += 2;
	if (what && name && !strcmp(what, "-A")) {
		if (g->rules)
			add_rule(g, &p, arena_str(r->arena, name), at, SIZE_MAX);
	} else if (what && name && !strcmp(what, "-I")) {
		uint64_t place = 1;
		if (p.i < p.w.n &&
		    parse_number(p.w.v[p.i], strlen(p.w.v[p.i]), 1, 1 << 30, false, &place))
			p.i++;
		if (g->rules)
			add_rule(g, &p, arena_str(r->arena, name), at, (size_t)place);
	} else if (g->rules) {
		return;
	} else if (what && name && !strcmp(what, "-N")) {
		chain_line(g, name, "-", at);
	} else if (what && name && !strcmp(what, "-P")) {
		chain_line(g, name, p.i < p.w.n ? p.w.v[p.i] : "", at);
	} else if (what &&
		   (!strcmp(what, "-") || ((!strcmp(what, "-F") || !strcmp(what, "-X")) &&
					   table_is_empty(g->table) && !g->commands))) {
		count(r, g->t, ACCOUNT_IRRELEVANT, false, at, NULL);
	} else {
		diag_error(r->d, EINVAL, "ipt.command", at,
			   "%s is not followed: export the rules with iptables-save",
			   p.i >= 2 && p.i - 2 < p.w.n ? p.w.v[p.i - 2] : "this command");
		ipt_reject(r, g->t, at, "a command that changes rules");
	}
	g->commands |= what && (!strcmp(what, "-A") || !strcmp(what, "-I"));
}

static void comment_line(struct reading *g, const struct ipt_line *line, struct loc at)
{
	struct ipt_reader *r = g->r;
	if (g->rules)
		return;
	count(r, g->t, ACCOUNT_IRRELEVANT, false, at, NULL);
	if (ipt_begins(line, "# Completed"))
		g->completed = true;
	if (ipt_begins(line, "# Table `") && memmem(line->s, line->len, "incompatible", 12)) {
		diag_warning(
			r->d, "ipt.incompatible", at,
			"rules of nft stand in this table, which iptables-save can't show: "
			"read the host with `plumbline collect linux`");
		device_build_taint(r->b, NULL, at, "rules of nft in a table of iptables");
	}
	if (!ipt_begins(line, "# Warning:") ||
	    !memmem(line->s, line->len, "legacy tables present", 21))
		return;
	vec_each (l, &r->listings)
		if ((*l)->families == g->l->families && (*l)->backend == IPT_LEGACY)
			return;
	diag_warning(
		r->d, "ipt.legacy-present", at,
		"tables of iptables-legacy are there as well and not in this listing: save "
		"them with iptables-legacy-save into the same source");
	device_build_taint(r->b, NULL, at, "tables of iptables-legacy that were not read");
}

static void one_line(struct reading *g, const struct ipt_line *line)
{
	struct ipt_reader *r = g->r;
	size_t from, to;
	ipt_trim(line, &from, &to);
	struct loc at = ipt_line_loc(line, from, to);
	if (from == to) {
		if (!g->rules)
			count(r, g->t, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	}
	switch (line->s[from]) {
	case '#':
		comment_line(g, line, at);
		return;
	case '*':
		begin_table(g, line, from, to);
		return;
	case '-':
	case '[':
		command(g, line, from, to);
		return;
	default:
		break;
	}
	if (g->rules) {
		if (to - from == 6 && !memcmp(line->s + from, "COMMIT", 6)) {
			g->table = NULL;
			g->opened = true;
		}
		return;
	}
	if (line->s[from] == ':' && (g->table || bare_table(g, at))) {
		struct ipt_words w;
		ipt_split(r, line, &w);
		if (w.n >= 2 && w.v[0][1]) {
			chain_line(g, w.v[0] + 1, w.v[1], at);
			return;
		}
	} else if (to - from == 6 && !memcmp(line->s + from, "COMMIT", 6)) {
		if (g->table)
			g->table->committed = true;
		g->table = NULL;
		g->opened = true;
		count(r, g->t, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	} else if (ipt_set_line(r, g->t, line)) {
		return;
	}
	diag_error(r->d, EINVAL, "ipt.line", at, "this line is not one of iptables-save");
	ipt_reject(r, g->t, at, "a line that was not understood");
}

static void read_listing(struct ipt_reader *r, struct ipt_listing *l, bool rules)
{
	struct reading g = { .r = r, .l = l, .t = l->text, .rules = rules };
	for (size_t i = 0; i < l->n_lines; i++)
		one_line(&g, &l->text->v[l->first + i]);
	struct loc end = l->n_lines ? l->text->v[l->first + l->n_lines - 1].at : l->at;
	close_table(&g, end);
	if (rules)
		return;
	bool any = false;
	size_t n_tables = 0;
	for (int i = 0; i < IPT_TABLES; i++)
		n_tables += l->tables[i].seen;
	any = n_tables > 0;
	l->alone = n_tables < 2 && !r->h->whole;
	if (l->headed && !any) {
		r->err = diag_error(r->d, EINVAL, "ipt.truncated", end,
				    "a head without a table: the listing is cut short; save it "
				    "again");
		device_build_taint(r->b, NULL, end, "a listing that is cut short");
		l->text->acc->failed = true;
	} else if (l->headed && !g.completed && any && !l->text->acc->failed) {
		diag_warning(
			r->d, "ipt.no-end", end,
			"the listing has a head but not its last line, \"# Completed on\": "
			"tables may be missing");
		device_build_taint(r->b, NULL, end, "a listing without its last line");
	}
}

/* A built-in chain whose policy no line tells. */
static void check_policies(struct ipt_reader *r, struct ipt_listing *l)
{
	for (int t = 0; t < IPT_TABLES; t++) {
		struct ipt_table *table = &l->tables[t];
		struct reading g = { .r = r, .l = l, .t = l->text, .table = table };
		if (!table->seen)
			continue;
		for (int h = 0; h < IPT_HOOKS; h++) {
			if (!ipt_table_has((enum ipt_table_id)t, (enum ipt_hook)h))
				continue;
			static const char *const names[] = { "PREROUTING", "INPUT", "FORWARD",
							     "OUTPUT", "POSTROUTING" };
			struct ipt_chain *ch = ipt_chain_find(table, names[h]);
			/* iptables-save prints all that are there; others need not */
			if (ch ? ch->declared : l->headed || t != TABLE_FILTER)
				continue;
			struct loc at = ch ? ch->at : l->at;
			chain(&g, names[h], at);
			diag_warning(
				r->d, "ipt.policy-missing", at,
				"no line tells the policy of %s in the table %s: both ways "
				"count",
				names[h], ipt_table_name((enum ipt_table_id)t));
		}
	}
}

static void account_rules(struct ipt_reader *r)
{
	vec_each (l, &r->listings)
		for (int t = 0; t < IPT_TABLES; t++)
			vec_each (ch, &(*l)->tables[t].order)
				vec_each (rule, &(*ch)->rules) {
					bool says = (rule->verdict != VERDICT_CONTINUE ||
						     (rule->effect && (*l)->tests) ||
						     rule->effect == EFFECT_UNTRACK) &&
						    !rule->other;
					count(r, (*l)->text,
					      !says	      ? ACCOUNT_IRRELEVANT
					      : rule->bounded ? ACCOUNT_BOUNDED
							      : ACCOUNT_EXACT,
					      says, rule->at, rule->why);
				}
}

/* Several listings of one family: both backends, or nobody knows what. */
static void tell_apart(struct ipt_reader *r)
{
	for (size_t i = 0; i < r->listings.n; i++) {
		struct ipt_listing *l = r->listings.v[i], *twin = NULL;
		size_t before = 0;
		for (size_t k = 0; k < r->listings.n; k++) {
			struct ipt_listing *x = r->listings.v[k];
			if (k == i || x->families != l->families)
				continue;
			twin = x;
			before += k < i;
			bool apart = x->backend != l->backend && x->backend && l->backend;
			if (k < i && !apart) {
				diag_warning(
					r->d, "ipt.twice", l->at,
					"the rules of one family are listed twice: give each "
					"listing with the head that its program writes, or "
					"one listing alone");
				device_build_taint(r->b, NULL, l->at,
						   "two listings of one family");
			}
			if (l->tests && (x->marks || x->tests))
				r->mark_doubt = true;
		}
		l->prefix = l->families == IPT_V6 ? "ip6 " : "";
		if (twin && l->backend == IPT_LEGACY && twin->backend != IPT_LEGACY)
			l->prefix = arena_printf(r->arena, "%slegacy ", l->prefix);
		else if (before && !(l->backend == IPT_NFT && twin->backend == IPT_LEGACY))
			l->prefix = arena_printf(r->arena, "%s(%zu) ", l->prefix, before + 1);
	}
}

static void free_all(struct ipt_reader *r)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_free(&r->looks[f]);
	vec_each (l, &r->listings)
		for (int t = 0; t < IPT_TABLES; t++) {
			struct ipt_table *table = &(*l)->tables[t];
			vec_each (ch, &table->order) {
				vec_free(&(*ch)->rules);
				vec_free(&(*ch)->memo);
			}
			vec_free(&table->order);
			map_finish(&table->chains);
		}
	for (size_t i = 0; i < r->sets.n; i++) {
		struct ipt_set *s = r->sets.entries[i].value;
		vec_free(&s->singles);
		vec_free(&s->tuples);
		map_finish(&s->memo);
	}
	vec_free(&r->listings);
	map_finish(&r->sets);
	map_finish(&r->ports);
	map_finish(&r->loosened);
	text_finish(&r->scratch);
}

static void read_sets(struct ipt_reader *r, const struct ipt_text *t)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t from, to;
		ipt_trim(&t->v[i], &from, &to);
		struct loc at = ipt_line_loc(&t->v[i], from, to);
		if (from == to || t->v[i].s[from] == '#') {
			count(r, t, ACCOUNT_IRRELEVANT, false, at, NULL);
		} else if (!ipt_set_line(r, t, &t->v[i])) {
			diag_error(r->d, EINVAL, "ipt.line", at,
				   "this line is not one of ipset save");
			ipt_reject(r, t, at, "a line that was not understood");
		}
	}
}

int ipt_read_texts(struct collect *c, struct device_build *b, const struct nf_host *h,
		   const struct ipt_text *v, size_t n)
{
	struct nf_nats alone = { .b = b, .h = h };
	struct ipt_reader r = { .c = c,
				.b = b,
				.h = h,
				.nats = h->nats ? h->nats : &alone,
				.arena = c->snap->arena,
				.m = &c->snap->matches,
				.d = c->diags };
	b->dev.netfilter = true;
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == IPT_RULES)
			ipt_find_listings(&r, &v[i]);
		else
			read_sets(&r, &v[i]);
	vec_each (l, &r.listings) {
		ipt_find_family(&r, *l);
		ipt_note_words(&r, *l);
	}
	tell_apart(&r);
	vec_each (l, &r.listings)
		read_listing(&r, *l, false);
	vec_each (l, &r.listings) {
		read_listing(&r, *l, true);
		check_policies(&r, *l);
	}
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (r.looks[f].n)
			r.translated[f] = match_or_n(r.m, r.looks[f].v, r.looks[f].n);
	ipt_build(&r);
	if (!h->nats)
		nf_nats_build(&alone);
	account_rules(&r);
	free_all(&r);
	return r.err;
}
