/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collection as a whole. Every part is read once; then, in rounds, each is read again and
 * held against what it said before. A round in which nothing differs means that all parts were
 * true at one and the same moment, the end of the first reading and the start of the second.
 * What differs is taken anew and the round repeated; what still moves in the last is a problem.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>

enum { ROUNDS = 4 };

/* What of a part has to stay the same; NULL: all of it. Gives a new reference. */
typedef json_t *stable_fn(const struct reading *r);

static json_t *only_ports(const struct reading *r)
{
	json_t *data = json_object_get(r->body, "data"), *v = json_object();
	json_object_set(v, "ports", json_object_get(data, "ports"));
	json_object_set(v, "vlans", json_object_get(data, "vlans"));
	return v;
}

/* The generation is the kernel's own word for "nothing changed". */
static json_t *only_generation(const struct reading *r)
{
	json_t *kernel = json_object_get(r->body, "kernel"), *v = json_object();
	json_object_set(v, "generation", json_object_get(kernel, "generation"));
	json_object_set(v, "missing", json_object_get(r->body, "missing"));
	return v;
}

/* Text of iptables-save without comments (they hold the time) and counters. */
static json_t *only_rules(const struct reading *r)
{
	json_t *to = json_array(), *item, *line;
	size_t i, k;
	json_array_foreach (json_object_get(r->body, "listings"), i, item) {
		json_array_append(to, json_object_get(item, "tables"));
		json_array_foreach (json_object_get(item, "text"), k, line) {
			const char *s = json_string_value(line);
			size_t n = strlen(s);
			if (*s == '#')
				continue;
			if (*s == ':')
				n = strcspn(s, "[");
			json_array_append_new(to, json_stringn(s, n));
		}
	}
	return to;
}

/* Sets whose elements go by themselves are only looked at by name. */
static json_t *only_sets(const struct reading *r)
{
	json_t *to = json_array(), *line;
	bool timed = false;
	size_t i;
	json_array_foreach (json_object_get(r->body, "text"), i, line) {
		const char *s = json_string_value(line);
		bool create = !strncmp(s, "create ", 7);
		if (create)
			timed = strstr(s, " timeout ") != NULL;
		if (create || !timed)
			json_array_append(to, line);
	}
	return to;
}

static json_t *nothing(const struct reading *r)
{
	return json_object();
}

static const struct part {
	const char *name;
	void (*read)(struct live *l);
	stable_fn *stable;
} parts[] = {
	/* links first: the others tell interfaces by name */
	{ "links", live_links, NULL },
	{ "addresses", live_addresses, NULL },
	{ "routes", live_routes, NULL },
	{ "nexthops", live_nexthops, NULL },
	{ "rules", live_rules, NULL },
	{ "neighbours", live_neighbours, nothing },
	{ "bridge", live_bridge, only_ports },
	{ "traffic_control", live_traffic_control, NULL },
	{ "xfrm", live_xfrm, NULL },
	{ "sysctls", live_sysctls, NULL },
	{ "nftables", live_nftables, only_generation },
	{ "iptables", live_iptables, only_rules },
	{ "ebtables", live_ebtables, only_rules },
	{ "ipsets", live_ipsets, only_sets },
	{ "conntrack", live_conntrack, nothing },
};

enum { N_PARTS = sizeof(parts) / sizeof(*parts) };

void live_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

void live_set_int(json_t *object, const char *key, json_int_t v)
{
	live_set(object, key, json_integer(v));
}

void live_set_bool(json_t *object, const char *key, bool v)
{
	live_set(object, key, json_boolean(v));
}

static void add_problem(struct live *l, const char *kind, const char *text)
{
	json_array_append_new(l->now->problems,
			      json_pack("{s:s, s:s}", "kind", kind, "text", text));
}

json_t *live_stringn(struct live *l, const char *s, size_t len)
{
	json_t *v = json_stringn(s, len);
	if (v)
		return v;
	struct text t = { 0 };
	for (size_t at = 0; at < len;) {
		size_t good = utf8_valid(s + at, len - at);
		text_putn(&t, s + at, good);
		at += good;
		if (at < len) {
			text_put_utf8(&t, 0xfffd);
			at++;
		}
	}
	v = json_stringn(t.s, t.len);
	struct text why = { 0 };
	text_put(&why, "not UTF-8: ");
	text_putn(&why, t.s, t.len < 80 ? utf8_valid(t.s, t.len < 80 ? t.len : 80) : 0);
	add_problem(l, "encoding", why.s);
	text_finish(&why);
	text_finish(&t);
	return v;
}

json_t *live_string(struct live *l, const char *s)
{
	return live_stringn(l, s, strlen(s));
}

void live_set_string(struct live *l, json_t *object, const char *key, const char *s)
{
	live_set(object, key, s ? live_string(l, s) : json_null());
}

json_t *live_lines(struct live *l, const char *s, size_t len)
{
	json_t *v = json_array();
	for (size_t at = 0; at < len;) {
		const char *end = memchr(s + at, '\n', len - at);
		size_t n = end ? (size_t)(end - (s + at)) : len - at;
		json_array_append_new(v, live_stringn(l, s + at, n));
		at += n + 1;
	}
	return v;
}

json_t *live_flags(uint32_t flags, const char *const *names)
{
	json_t *v = json_array();
	for (unsigned i = 0; i < 32; i++) {
		if (names && !*names)
			names = NULL;
		const char *name = names ? *names++ : NULL;
		if (!(flags & 1u << i) || (name && !*name))
			continue;
		json_array_append_new(v,
				      name ? json_string(name) : json_sprintf("0x%x", 1u << i));
	}
	return v;
}

json_t *live_word(unsigned v, const char *const *names, size_t n)
{
	return v < n && names[v] ? json_string(names[v]) : json_sprintf("%u", v);
}

json_t *live_sorted(json_t *v, int (*order)(const void *, const void *))
{
	size_t n = json_array_size(v);
	json_t **items = xcalloc(n, sizeof(*items)), *to = json_array();
	for (size_t i = 0; i < n; i++)
		items[i] = json_array_get(v, i);
	if (n)
		qsort(items, n, sizeof(*items), order);
	for (size_t i = 0; i < n; i++)
		json_array_append(to, items[i]);
	free(items);
	json_decref(v);
	return to;
}

void live_problem(struct live *l, const char *kind, const char *fmt, ...)
{
	struct text t = { 0 };
	va_list ap;
	va_start(ap, fmt);
	text_vputf(&t, fmt, ap);
	va_end(ap);
	size_t good = utf8_valid(t.s, t.len);
	if (good < t.len)
		t.s[good] = 0;
	add_problem(l, kind, t.s);
	text_finish(&t);
}

void live_failed(struct live *l, int err, const char *capability, const char *what)
{
	bool denied = err == -EPERM || err == -EACCES;
	if (denied)
		live_problem(l, "capability", "%s for %s", capability, what);
	else if (err == -EINTR)
		live_problem(l, "moved", "%s changed at every one of %d reads", what,
			     LIVE_TRIES);
	else
		live_problem(l, "failed", "%s can't be read: %s", what, strerror(-err));
	if (l->now->body && !json_object_get(l->now->body, "missing")) {
		json_t *p =
			json_array_get(l->now->problems, json_array_size(l->now->problems) - 1);
		json_object_set(l->now->body, "missing", json_object_get(p, "text"));
	}
}

static struct reading new_reading(void)
{
	return (struct reading){ .body = json_object(),
				 .problems = json_array(),
				 .commands = json_array(),
				 .unknown = json_object() };
}

static void drop_reading(struct reading *r)
{
	json_decref(r->body);
	json_decref(r->problems);
	json_decref(r->commands);
	json_decref(r->unknown);
	free(r->listing);
	*r = (struct reading){ 0 };
}

static struct reading read_part(struct live *l, const struct part *p)
{
	struct reading r = new_reading();
	l->now = &r;
	p->read(l);
	if (json_object_size(r.unknown))
		json_object_set(r.body, "unknown_attributes", r.unknown);
	/* a part that failed half way has no data */
	if (json_object_get(r.body, "missing"))
		json_object_del(r.body, "data");
	l->now = &l->general;
	return r;
}

static bool same(const struct part *p, const struct reading *a, const struct reading *b)
{
	json_t *x = p->stable ? p->stable(a) : json_incref(a->body);
	json_t *y = p->stable ? p->stable(b) : json_incref(b->body);
	bool equal = json_equal(x, y) &&
		     json_array_size(a->problems) == json_array_size(b->problems);
	json_decref(x);
	json_decref(y);
	return equal;
}

/* A ruleset is expensive to read: where the kernel's count stands, so does it. */
static bool unmoved_ruleset(const struct live *l, size_t i)
{
	uint32_t now;
	json_t *v =
		json_object_get(json_object_get(l->readings[i].body, "kernel"), "generation");
	int err = nfk_generation(&now);
	if (json_object_get(l->readings[i].body, "missing"))
		return err != 0;
	return !err && json_integer_value(json_array_get(v, 1)) == (json_int_t)now;
}

/* One round: true where nothing moved. */
static bool check_round(struct live *l, bool last)
{
	bool still = true;
	for (size_t i = 0; i < N_PARTS; i++) {
		if (parts[i].stable == nothing)
			continue;
		if (parts[i].stable == only_generation && unmoved_ruleset(l, i))
			continue;
		struct reading r = read_part(l, &parts[i]);
		if (same(&parts[i], &l->readings[i], &r)) {
			drop_reading(&r);
			continue;
		}
		still = false;
		drop_reading(&l->readings[i]);
		l->readings[i] = r;
		l->now = &l->readings[i];
		if (last)
			live_problem(l, "moved",
				     "it changed again and again while it was read");
		l->now = &l->general;
	}
	return still;
}

static void tell_host(struct live *l)
{
	struct utsname u;
	if (uname(&u))
		memset(&u, 0, sizeof(u));
	l->hostname = arena_str(l->arena, u.nodename);
	l->kernel = arena_str(l->arena, u.release);
	l->machine = arena_str(l->arena, u.machine);
	int err;
	size_t len = 0;
	char *boot = live_slurp("/proc/sys/kernel/random/boot_id", &len, &err);
	while (len && strchr(" \n", boot[len - 1]))
		len--;
	/* a UUID, whole or not at all (random(4)); without it, live_link.c says so */
	l->boot = len == 36 ? arena_strn(l->arena, boot, len) : NULL;
	free(boot);
}

static void warn(struct live *l, const char *part, const struct reading *r)
{
	static const struct {
		const char *kind, *code;
	} codes[] = {
		{ "capability", "live.capability" },	       { "moved", "live.moved" },
		{ "missing-program", "live.missing-program" }, { "differs", "live.differs" },
		{ "unsupported", "live.unsupported" },	       { "encoding", "live.encoding" }
	};
	size_t i;
	json_t *p;
	json_array_foreach (r->problems, i, p) {
		const char *kind = json_string_value(json_object_get(p, "kind"));
		const char *code = "live.failed";
		for (size_t k = 0; k < sizeof(codes) / sizeof(*codes); k++)
			if (!strcmp(codes[k].kind, kind))
				code = codes[k].code;
		diag_warning(l->diags, code, LOC_NONE, "%s: %s", part,
			     json_string_value(json_object_get(p, "text")));
	}
}

int live_collect(struct arena *a, struct diags *d, const char *netns, struct live **ret)
{
	struct live *l = arena_alloc(a, sizeof(*l));
	*l = (struct live){ .arena = a, .diags = d };
	tell_host(l);
	int err = live_enter(l, netns);
	if (err) {
		free(l->netns_id);
		return err;
	}
	l->general = new_reading();
	l->now = &l->general;
	l->beside = json_array();
	l->readings = arena_array(a, N_PARTS, sizeof(*l->readings));
	live_spaces(l);
	for (size_t i = 0; i < N_PARTS; i++)
		l->readings[i] = read_part(l, &parts[i]);
	bool still = false;
	for (int i = 0; i < ROUNDS && !still; i++)
		still = check_round(l, i + 1 == ROUNDS);
	live_beside(l);
	for (size_t i = 0; i < N_PARTS; i++)
		warn(l, parts[i].name, &l->readings[i]);
	warn(l, "beside", &l->general);
	*ret = l;
	return 0;
}

void live_destroy(struct live *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < N_PARTS; i++)
		drop_reading(&l->readings[i]);
	drop_reading(&l->general);
	json_decref(l->beside);
	live_spaces_free(l);
	vec_free(&l->links);
	free(l->netns_id);
}

size_t live_n_parts(void)
{
	return N_PARTS;
}

const char *live_part_name(size_t i)
{
	return parts[i].name;
}

bool live_complete(const struct live *l)
{
	size_t n = json_array_size(l->general.problems);
	for (size_t i = 0; i < N_PARTS; i++)
		n += json_array_size(l->readings[i].problems);
	return !n;
}
