/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cisco IOS and IOS-XE, and what NX-OS and EOS have in common with them: access lists and what
 * binds them. See ios_internal.h for how the work is divided.
 *
 * A line belongs to the section that was opened last when it is indented deeper than the line
 * that opened it; a line that isn't may still be of the section, since scripts don't always
 * indent, but only where it isn't a command of its own. A line that nobody knows is rejected
 * and taints the device, and so is what stands below it.
 */
#include "collectors/ios_internal.h"

#include <errno.h>
#include <stdlib.h>

extern const struct collector collector_ios;

enum { NOT_JUDGED = 0xff, POLICY = 0x40 };

void ios_mark(struct ios *x, uint32_t line, enum account_class class, bool policy,
	      const char *fmt, ...)
{
	if (line < 1 || line > x->src->n_lines)
		return;
	x->classes[line] = (uint8_t)(class | (policy ? POLICY : 0));
	if (class != ACCOUNT_BOUNDED && class != ACCOUNT_REJECTED)
		return;
	va_list ap;
	va_start(ap, fmt);
	*vec_add(&x->whys) = (struct why){ line, 0, arena_vprintf(x->arena, fmt, ap) };
	va_end(ap);
}

void ios_irrelevant(struct ios *x, const struct toks *w)
{
	ios_mark(x, w->line, ACCOUNT_IRRELEVANT, false, NULL);
}

void ios_reject(struct ios *x, const struct toks *w, const char *code, struct loc at,
		const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *why = arena_vprintf(x->arena, fmt, ap);
	va_end(ap);
	ios_mark(x, w->line, ACCOUNT_REJECTED, true, "%s", why);
	diag_warning(x->d, code, at, "%s", why);
}

void ios_use(struct ios *x, const char *kind, const char *name, struct loc at)
{
	if (*name)
		snapshot_name(x->snap, x->device, kind, name, at, false);
}

void ios_define(struct ios *x, const char *kind, const char *name, struct loc at)
{
	if (*name)
		snapshot_name(x->snap, x->device, kind, name, at, true);
}

static void unknown_line(struct ios *x, const struct toks *w)
{
	struct loc at = tok_line(x, w);
	ios_mark(x, w->line, ACCOUNT_REJECTED, false, "this line is not understood");
	diag_warning(x->d, "ios.unknown-line", at, "this line is not understood");
	if (x->mode == MODE_IFACE && w->indent > x->mode_indent && x->work <= IOS_WORK_MAX) {
		for (size_t k = 0; k < x->current.n; k++)
			device_build_taint(x->b, x->ifaces.v[x->current.v[k]].name, at,
					   "a line that is not understood");
		return;
	}
	device_build_taint(x->b, NULL, at, "a line that is not understood");
}

/* What a terminal or a collecting tool leaves around a configuration. */
static bool is_wrapping(struct ios *x, const struct toks *w)
{
	const struct tok *v = &w->v[0];
	if (*v->s == '#' || toks_are(w, 0, "Building configuration...") ||
	    toks_are(w, 0, "Current configuration") || toks_are(w, 0, "Using") ||
	    toks_are(w, 0, "show running-config") || toks_are(w, 0, "show run"))
		return true;
	size_t n = x->hostname ? strlen(x->hostname) : 0;
	if (n && v->len > n && !memcmp(v->s, x->hostname, n) &&
	    (v->s[n] == '#' || v->s[n] == '>'))
		return true;
	/* the echo of the command in front of everything: NAME#show running-config */
	const char *hash = memchr(v->s, '#', v->len);
	return !w->indent && hash && w->line <= 10 &&
	       (v->len - (size_t)(hash - v->s) == 1 || !memcmp(hash, "#sh", 3)) &&
	       (w->n == 1 || tok_is(w, 1, "run") || toks_are(w, 1, "running-config") ||
		v->s[v->len - 1] == '#');
}

/* Sections that hold no lines which could be taken for these. */
static bool is_opener(const struct ios *x, const struct toks *w)
{
	uint64_t n;
	if (x->dialect != IOS_IOS && x->mode != MODE_IFACE)
		return false;
	if (tok_is(w, 0, "interface") && w->n >= 2 && w->v[1].len > 3)
		return true;
	if (toks_are(w, 0, "ip access-list") && w->n >= 3)
		return true;
	return tok_is(w, 0, "access-list") && tok_number(w, 1, 1, 2699, &n) && w->n > 3;
}

static void one_line(struct ios *x, const struct toks *w)
{
	bool below = x->mode != MODE_GLOBAL && w->indent > x->mode_indent && !x->leaf;
	if (below) {
		if (is_opener(x, w) && ios_global_line(x, w))
			return;
		if (ios_sub_line(x, w))
			return;
	} else if (ios_global_line(x, w)) {
		return;
	} else if (x->mode != MODE_GLOBAL && x->mode != MODE_IGNORE && x->mode != MODE_BAD &&
		   x->mode != MODE_BOUNDED && !(x->leaf && w->indent) && ios_sub_line(x, w)) {
		return;
	}
	unknown_line(x, w);
	if (!below) {
		x->mode = MODE_BAD;
		x->mode_indent = w->indent;
		x->leaf = false;
	}
}

static void read_lines(struct ios *x)
{
	struct toks w;
	bool whole = false;
	size_t hashes = 0;
	for (uint32_t line = 1; line <= x->src->n_lines; line++) {
		bool open;
		ios_words(x->src, line, &w);
		if (!w.n || *w.v[0].s == '!' || is_wrapping(x, &w)) {
			whole |= w.n && toks_are(&w, 0, "Current configuration");
			/* heads of NX-OS and EOS: "!Command: show running-config", "! device: " */
			x->whole |= w.n && (toks_are(&w, 0, "!Command: show") ||
					    (toks_are(&w, 0, "! device:") && line < 10));
			if (w.n && *w.v[0].s == '#' && !hashes++)
				diag_note(x->d, "ios.hash-comment", tok_line(x, &w),
					  "IOS has no comments that begin with #: it refuses "
					  "such lines, and they are passed over here");
			ios_mark(x, line, ACCOUNT_IRRELEVANT, false, NULL);
			continue;
		}
		uint32_t end = ios_banner_end(x, &w, &open);
		if (open) {
			diag_warning(
				x->d, "ios.banner-open", tok_line(x, &w),
				"the end of this text is missing: all lines below are in it");
			device_build_taint(x->b, NULL, tok_line(x, &w),
					   "the lines below a text without end");
		}
		if (end > line || open) {
			for (; line <= end; line++)
				ios_mark(x, line, ACCOUNT_IRRELEVANT, false, NULL);
			line--;
			continue;
		}
		one_line(x, &w);
	}
	if (whole && !x->ended) {
		struct loc at = { .src = x->src, .line = x->src->n_lines, .col = 1 };
		diag_warning(x->d, "ios.truncated", at,
			     "the configuration doesn't end with `end`: it may be cut off");
		device_build_taint(x->b, NULL, at, "the configuration may be cut off");
		x->whole = false;
	}
}

/* Words behind which the number of a list stands, on lines of any other kind. */
static bool hints_at_list(const struct toks *w, unsigned i)
{
	static const char *const others[] = { "prefix-list", "filter-list", "community-list",
					      "extcommunity-list", "dialer-list" };
	size_t n = w->v[i].len;
	for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
		if (tok_is(w, i, others[k]))
			return false;
	return (n >= 4 && !memcmp(w->v[i].s + n - 4, "list", 4)) ||
	       (n >= 5 && !memcmp(w->v[i].s + n - 5, "group", 5)) || tok_is(w, i, "acl");
}

/*
 * Lists are named on lines of many features that have no say here. A list whose name stands
 * on such a line is in use; only where it stands nowhere is it told of as unused.
 */
static void find_uses(struct ios *x)
{
	struct map names = { 0 };
	vec_each (a, &x->acl_list)
		if ((*a)->defined && !(*a)->hooks)
			*map_at(&names, (*a)->name) = *a;
	for (uint32_t line = 1; names.n && line <= x->src->n_lines; line++) {
		struct toks w;
		if (x->classes[line] != ACCOUNT_IRRELEVANT)
			continue;
		ios_words(x->src, line, &w);
		if (!w.n || *w.v[0].s == '!' || tok_is(&w, 0, "description") ||
		    tok_is(&w, 0, "name") || tok_is(&w, 0, "remark") ||
		    tok_is(&w, 1, "remark") || tok_is(&w, 0, "access-list") ||
		    tok_is(&w, 0, "no"))
			continue;
		for (unsigned i = 1; i < w.n; i++) {
			const struct acl *a = map_getn(&names, w.v[i].s, w.v[i].len);
			bool number = *w.v[i].s >= '0' && *w.v[i].s <= '9';
			if (a && (!number || hints_at_list(&w, i - 1)))
				ios_use(x, "access list", a->name, tok_loc(x, &w, i));
		}
	}
	map_finish(&names);
}

static int by_line(const void *a, const void *b)
{
	const struct why *x = a, *y = b;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Counts every line once, in the order of the file. */
static void give_account(struct ios *x, struct account *acc)
{
	size_t k = 0;
	/* the last reason given for a line stands: the sort must keep their order */
	for (size_t i = 0; i < x->whys.n; i++)
		x->whys.v[i].order = (uint32_t)i;
	if (x->whys.n)
		qsort(x->whys.v, x->whys.n, sizeof(*x->whys.v), by_line);
	for (uint32_t line = 1; line <= x->src->n_lines; line++) {
		uint8_t c = x->classes[line];
		const char *why = "not judged";
		uint32_t best = 0;
		for (; k < x->whys.n && x->whys.v[k].line <= line; k++)
			if (x->whys.v[k].order >= best) {
				best = x->whys.v[k].order;
				why = x->whys.v[k].text;
			}
		enum account_class class =
			c == NOT_JUDGED ? ACCOUNT_REJECTED : (enum account_class)(c & 3);
		bool told = class == ACCOUNT_BOUNDED || class == ACCOUNT_REJECTED;
		account_add(x->snap, acc, class, c != NOT_JUDGED && (c & POLICY),
			    told ? source_line_loc(x->src, line) : LOC_NONE, why);
	}
}

static void finish(struct ios *x)
{
	vec_each (a, &x->acl_list)
		vec_free(&(*a)->aces);
	vec_each (g, &x->group_list)
		vec_free(&(*g)->lines);
	vec_each (f, &x->ifaces) {
		vec_free(&f->addrs);
		vec_free(&f->virtuals);
		vec_free(&f->binds);
		vec_free(&f->narrows);
	}
	for (size_t i = 0; i < x->vacls.n; i++) {
		struct vacl *v = x->vacls.entries[i].value;
		vec_each (c, &v->clauses) {
			vec_free(&c->acls4);
			vec_free(&c->acls6);
		}
		vec_free(&v->clauses);
	}
	ios_nat_finish(x);
	ios_policy_finish(x);
	map_finish(&x->acls);
	map_finish(&x->groups);
	map_finish(&x->iface_at);
	map_finish(&x->vacls);
	map_finish(&x->drop_policies);
	map_finish(&x->crypto_maps);
	map_finish(&x->maps);
	vec_free(&x->routes);
	vec_free(&x->doubts);
	map_finish(&x->pools);
	map_finish(&x->rulesets);
	vec_free(&x->whys);
	vec_free(&x->current);
	vec_free(&x->ifaces);
	vec_free(&x->acl_list);
	vec_free(&x->group_list);
	vec_free(&x->later);
	vec_free(&x->filters);
	vec_free(&x->nats);
	vec_free(&x->classes_of_lines);
	free(x->classes);
}

static int refuse(struct collect *c, const struct source *src, struct account *acc,
		  const char *code, uint32_t line, const char *why)
{
	struct loc at = source_line_loc(src, line);
	acc->failed = true;
	for (uint32_t k = 1; k <= src->n_lines; k++)
		account_add(c->snap, acc, ACCOUNT_REJECTED, false, source_line_loc(src, k),
			    why);
	if (!strcmp(code, "ios.xr"))
		return diag_error(c->diags, ENOTSUP, "ios.xr", at, "%s", why);
	return diag_error(c->diags, EINVAL, "ios.not-configuration", at, "%s", why);
}

static int ios_read(struct collect *c, const struct source *src)
{
	const char *code;
	uint32_t line;
	struct account *acc = snapshot_account(c->snap, src, "ios", "line");
	const char *why = ios_refuse(src, &code, &line);
	if (why)
		return refuse(c, src, acc, code, line, why);
	struct ios x = { .c = c,
			 .src = src,
			 .snap = c->snap,
			 .arena = c->snap->arena,
			 .m = &c->snap->matches,
			 .d = c->diags };
	const char *name = c->device;
	for (unsigned k = 2; snapshot_device(c->snap, name); k++)
		name = arena_printf(x.arena, "%s:%u", c->device, k);
	x.device = arena_str(x.arena, name);
	x.dialect = ios_guess_dialect(src->data, src->size < 262144 ? src->size : 262144);
	x.b = device_build_start(c->snap, x.device, "ios", c->plane,
				 (struct loc){ .src = src, .line = 1, .col = 1 });
	x.classes = xmalloc((size_t)src->n_lines + 1);
	memset(x.classes, NOT_JUDGED, (size_t)src->n_lines + 1);
	read_lines(&x);
	ios_build(&x);
	find_uses(&x);
	device_build_finish(x.b);
	give_account(&x, acc);
	finish(&x);
	return 0;
}

const struct collector collector_ios = {
	.name = "ios",
	.summary = "Cisco IOS, IOS-XE, NX-OS and Arista EOS configurations: access lists",
	.plane = PLANE_PHYSICAL,
	.probe = ios_probe,
	.read = ios_read,
};
