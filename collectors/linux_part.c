/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts and members. A part that is missing, was edited, or of which the collecting side says
 * that it can't be relied on taints what it can change and nothing else.
 */
#include "collectors/linux_internal.h"

#include <errno.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"

/* What a part has a say in. */
enum effect {
	EFFECT_NONE,
	EFFECT_DEVICE, /* any verdict */
	EFFECT_ROUTES, /* where sources are expected, and whose an address is */
};

static const struct {
	const char *name;
	enum effect effect;
	const char *keys;
} parts[PART_COUNT] = {
	[PART_LINKS] = { "links", EFFECT_DEVICE, "data" },
	[PART_ADDRESSES] = { "addresses", EFFECT_ROUTES, "data" },
	[PART_ROUTES] = { "routes", EFFECT_ROUTES, "data others" },
	[PART_NEXTHOPS] = { "nexthops", EFFECT_ROUTES, "data" },
	[PART_RULES] = { "rules", EFFECT_ROUTES, "data others" },
	[PART_NEIGHBOURS] = { "neighbours", EFFECT_NONE, "data" },
	[PART_BRIDGE] = { "bridge", EFFECT_DEVICE, "data" },
	[PART_TRAFFIC_CONTROL] = { "traffic_control", EFFECT_DEVICE, "data" },
	[PART_XFRM] = { "xfrm", EFFECT_DEVICE, "data" },
	[PART_SYSCTLS] = { "sysctls", EFFECT_DEVICE, "data" },
	[PART_NFTABLES] = { "nftables", EFFECT_DEVICE, "listing kernel differences" },
	[PART_IPTABLES] = { "iptables", EFFECT_DEVICE, "listings" },
	[PART_EBTABLES] = { "ebtables", EFFECT_DEVICE, "listings" },
	[PART_IPSETS] = { "ipsets", EFFECT_DEVICE, "text kernel differences" },
	[PART_CONNTRACK] = { "conntrack", EFFECT_NONE, "entries maximum expectations" },
};

struct loc linux_loc(struct linux_read *r, const json_t *v)
{
	return jsonloc_of(r->loc, r->arena, v);
}

struct loc linux_member(struct linux_read *r, const json_t *object, const char *key)
{
	return jsonloc_member(r->loc, r->arena, object, key);
}

void linux_reject(struct linux_read *r, struct loc at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *why = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	diag_warning(r->d, "linux.value", at, "%s", why);
	account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, at, why);
	device_build_taint(r->b, NULL, at, "%s", why);
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *s = list; *s; s += strcspn(s, " "), s += *s == ' ')
		if (!strncmp(s, word, len) && (s[len] == ' ' || !s[len]))
			return len > 0;
	return false;
}

bool linux_keys(struct linux_read *r, const json_t *object, const char *known, bool policy)
{
	const char *key;
	json_t *value;
	bool ok = true;
	json_object_foreach ((json_t *)object, key, value) {
		if (has_word(known, key))
			continue;
		struct loc at = jsonloc_key(r->loc, r->arena, object, key);
		diag_warning(r->d, "linux.unknown-key", at,
			     "\"%s\" isn't a member that this version knows here: the file comes "
			     "from another version, or was edited", key);
		if (policy)
			device_build_taint(r->b, NULL, at, "the member \"%s\" isn't known", key);
		ok = false;
	}
	return ok;
}

const char *linux_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool linux_has_flag(const json_t *object, const char *flag)
{
	const json_t *flags = json_object_get(object, "flags");
	for (size_t i = 0; i < json_array_size(flags); i++) {
		const char *s = json_string_value(json_array_get(flags, i));
		if (s && !strcmp(s, flag))
			return true;
	}
	return false;
}

bool linux_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

int64_t linux_number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
	return n >= 0 && n <= (json_int_t)UINT32_MAX ? (int64_t)n : -1;
}

bool linux_prefix(const json_t *object, const char *key, struct prefix *ret)
{
	const char *s = linux_str(object, key);
	enum family f;
	struct addr a;
	unsigned len;
	bool bits;
	if (!s || !prefix_parse(s, strlen(s), &f, &a, &len, &bits))
		return false;
	*ret = (struct prefix){ .family = (uint8_t)f, .len = (uint8_t)len, .addr = a };
	return true;
}

void linux_exact(struct linux_read *r, const json_t *item)
{
	account_add(r->c->snap, r->acc, ACCOUNT_EXACT, true, linux_loc(r, item), NULL);
}

void linux_irrelevant(struct linux_read *r, const json_t *item)
{
	account_add(r->c->snap, r->acc, ACCOUNT_IRRELEVANT, false, linux_loc(r, item), NULL);
}

void linux_count(struct linux_read *r, const json_t *list, const char *known)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (known)
			linux_keys(r, item, known, false);
		linux_irrelevant(r, item);
	}
}

/*
 * The digest is of the part's own text without its member "sha256" and without blanks between
 * tokens; the file was parsed, so that brackets and quotes are known to match.
 */
static const char *digest(struct linux_read *r, const json_t *part)
{
	struct loc at = jsonloc_of(r->loc, NULL, part);
	if (!at.line || at.line > r->src->n_lines)
		return NULL;
	const char *s = r->src->data + r->src->line_at[at.line - 1] + at.col - 1;
	const char *end = r->src->data + r->src->size;
	struct text t = { 0 };
	int depth = 0;
	bool skip = false, key = false, any = false;
	for (; s < end; s++) {
		if (strchr(" \t\r\n", *s))
			continue;
		if (*s == '"') {
			const char *from = s;
			for (s++; s < end && *s != '"'; s++)
				s += *s == '\\';
			if (depth == 1 && key) {
				skip = s - from == 7 && !memcmp(from, "\"sha256", 7);
				if (!skip && any)
					text_putc(&t, ',');
				any |= !skip;
				key = false;
			}
			if (!skip)
				text_putn(&t, from, (size_t)(s - from) + 1);
			continue;
		}
		bool opens = *s == '{' || *s == '[', closes = *s == '}' || *s == ']';
		depth -= closes;
		if (depth == 1 && *s == ',') {
			key = true, skip = false;
			continue;
		}
		if (!skip || !depth)
			text_putc(&t, *s);
		depth += opens;
		if (depth == 1 && opens)
			key = true;
		if (!depth)
			break;
	}
	const char *hex = sha256_hex(r->arena, t.s, t.len);
	text_finish(&t);
	return hex;
}

void linux_trouble(struct linux_read *r, enum linux_part_id id, struct loc at, const char *fmt,
		   ...)
{
	struct linux_part *p = &r->parts[id];
	va_list ap;
	va_start(ap, fmt);
	const char *why = arena_printf(r->arena, "%s: %s", parts[id].name,
				       arena_vprintf(r->arena, fmt, ap));
	va_end(ap);
	if (parts[id].effect == EFFECT_DEVICE)
		device_build_taint(r->b, NULL, at, "%s", why);
	if (!p->trouble)
		p->trouble = why, p->trouble_at = at;
}

static void find_part(struct linux_read *r, const json_t *all, enum linux_part_id id)
{
	struct linux_part *p = &r->parts[id];
	const char *name = parts[id].name;
	const json_t *v = json_object_get(all, name);
	p->at = v ? linux_loc(r, v) : linux_loc(r, r->root);
	if (!json_is_object(v)) {
		diag_warning(r->d, "linux.missing", p->at, "the part \"%s\" isn't in this file",
			     name);
		linux_trouble(r, id, p->at, "not in this file");
		return;
	}
	linux_keys(r, v,
		   arena_printf(r->arena, "sha256 missing unknown_attributes %s", parts[id].keys),
		   parts[id].effect != EFFECT_NONE);
	const char *sha = linux_str(v, "sha256"), *is = digest(r, v);
	if (!sha || !is || strcmp(sha, is)) {
		diag_error(r->d, EINVAL, "linux.digest", p->at,
			   "the part \"%s\" isn't what was written: its digest is another; the file "
			   "was edited or damaged", name);
		linux_trouble(r, id, p->at, "its digest is another: edited or damaged");
	}
	if (json_object_get(v, "missing")) {
		const char *why = linux_str(v, "missing");
		struct loc at = linux_member(r, v, "missing");
		diag_warning(r->d, "linux.missing", at, "%s could not be read: %s", name,
			     why ? why : "not said why");
		linux_trouble(r, id, at, "could not be read: %s", why ? why : "not said why");
		return;
	}
	p->v = v;
	const json_t *differ = json_object_get(v, "differences");
	for (size_t i = 0; i < json_array_size(differ); i++) {
		const json_t *one = json_array_get(differ, i);
		const char *s = json_string_value(one);
		diag_warning(r->d, "linux.differs", linux_loc(r, one),
			     "two reads of %s disagree: %s", name, s ? s : "");
		linux_trouble(r, id, linux_loc(r, one), "two reads disagree: %s", s ? s : "");
	}
}

static void read_problem(struct linux_read *r, const json_t *v)
{
	const char *part = linux_str(v, "part"), *text = linux_str(v, "text");
	const char *kind = linux_str(v, "kind");
	struct loc at = linux_loc(r, v);
	linux_keys(r, v, "part kind text family table", true);
	linux_irrelevant(r, v);
	part = part ? part : "?", text = text ? text : "not said what";
	diag_warning(r->d, "linux.problem", at, "%s could not be relied on when this was written "
		     "(%s): %s", part, kind ? kind : "?", text);
	for (size_t i = 0; i < PART_COUNT; i++)
		if (!strcmp(parts[i].name, part)) {
			linux_trouble(r, (enum linux_part_id)i, at, "%s", text);
			return;
		}
	if (strcmp(part, "host"))
		device_build_taint(r->b, NULL, at, "%s: %s", part, text);
}

void linux_parts(struct linux_read *r)
{
	const json_t *all = json_object_get(r->root, "parts");
	struct text names = { 0 };
	for (size_t i = 0; i < PART_COUNT; i++)
		text_putf(&names, "%s ", parts[i].name);
	linux_keys(r, all, names.s, true);
	text_finish(&names);
	for (size_t i = 0; i < PART_COUNT; i++)
		find_part(r, all, (enum linux_part_id)i);
	const json_t *problems = json_object_get(r->root, "problems");
	for (size_t i = 0; i < json_array_size(problems); i++)
		read_problem(r, json_array_get(problems, i));
	bool complete = linux_true(r->root, "complete");
	if (!json_is_array(problems) || complete != !json_array_size(problems)) {
		struct loc at = linux_loc(r, r->root);
		diag_error(r->d, EINVAL, "linux.complete", at,
			   "\"complete\" and \"problems\" contradict each other");
		device_build_taint(r->b, NULL, at,
				   "the file doesn't say whether it is complete");
	}
}

const json_t *linux_data(struct linux_read *r, enum linux_part_id id, json_type type)
{
	const json_t *part = r->parts[id].v, *v = json_object_get(part, "data");
	if (!part)
		return NULL;
	if (!v || json_typeof(v) != type) {
		diag_warning(r->d, "linux.missing", r->parts[id].at,
			     "the part \"%s\" has no data of the form that it ought to have",
			     parts[id].name);
		linux_trouble(r, id, r->parts[id].at, "no data");
		return NULL;
	}
	return v;
}
