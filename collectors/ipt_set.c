/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ipset save` (ipset(8)): sets with their types, and their elements. What becomes of an
 * element that times out, or of a set that rules change, is not known: then membership isn't.
 */
#include "collectors/ipt_internal.h"

#include <errno.h>
#include <string.h>

static void count(struct ipt_reader *r, const struct ipt_text *t, enum account_class class,
		  struct loc at, const char *why)
{
	account_add(r->c->snap, t->acc, class, class != ACCOUNT_IRRELEVANT, at, why);
}

static void loosen(struct ipt_set *s, const char *why)
{
	if (!s->loose)
		s->loose = why;
}

static const struct {
	const char *name;
	enum ipt_dim dim;
} dims[] = { { "ip", DIM_IP },	     { "net", DIM_NET }, { "port", DIM_PORT },
	     { "iface", DIM_IFACE }, { "mac", DIM_MAC }, { "mark", DIM_MARK },
	     { "set", DIM_SET } };

/* "hash:ip,port,net" */
static bool read_type(struct ipt_set *s, const char *type)
{
	const char *p = strchr(type, ':');
	if (!p)
		return false;
	p++;
	for (;;) {
		size_t len = strcspn(p, ","), i = 0;
		while (i < sizeof(dims) / sizeof(*dims) &&
		       (strlen(dims[i].name) != len || strncmp(dims[i].name, p, len) != 0))
			i++;
		if (i == sizeof(dims) / sizeof(*dims) || s->n_dims == IPT_DIMS)
			return false;
		s->dims[s->n_dims++] = dims[i].dim;
		if (!p[len])
			break;
		p += len + 1;
	}
	s->ports_only = s->n_dims == 1 && s->dims[0] == DIM_PORT;
	if (s->ports_only || s->dims[0] == DIM_SET || s->dims[0] == DIM_MAC)
		s->family = -1;
	return true;
}

/* Options of a set or an element: how many values each takes. */
static int values_of(const char *option)
{
	static const char *const none[] = { "counters", "comment", "skbinfo", "forceadd",
					    NULL };
	static const char *const one[] = { "family",  "hashsize", "maxelem", "bucketsize",
					   "initval", "netmask",  "bitmask", "timeout",
					   "range",   "markmask", "size",    "probes",
					   "resize",  "packets",  "bytes",   "skbmark",
					   "skbprio", "skbqueue", NULL };
	for (size_t i = 0; none[i]; i++)
		if (!strcmp(none[i], option))
			return 0;
	for (size_t i = 0; one[i]; i++)
		if (!strcmp(one[i], option))
			return 1;
	return -1;
}

static void create(struct ipt_reader *r, const struct ipt_text *t, const struct ipt_line *line,
		   const struct ipt_words *w)
{
	size_t i = 1;
	struct loc at = ipt_line_loc(line, 0, line->len);
	if (i < w->n && !strcmp(w->v[i], "-exist"))
		i++;
	if (i + 1 >= w->n) {
		count(r, t, ACCOUNT_REJECTED, at, "a set without name and type");
		diag_error(r->d, EINVAL, "ipt.set", at, "a set without name and type");
		device_build_taint(r->b, NULL, at, "a set without name and type");
		return;
	}
	void **slot = map_at(&r->sets, w->v[i]);
	if (*slot) {
		struct ipt_set *old = *slot;
		loosen(old, "a set that is created twice");
		diag_warning(r->d, "ipt.set-twice", at, "the set %s is created twice", w->v[i]);
		count(r, t, ACCOUNT_BOUNDED, at, "a set that is created twice");
		return;
	}
	struct ipt_set *s = *slot = arena_alloc(r->arena, sizeof(*s));
	s->name = arena_str(r->arena, w->v[i]);
	s->type = arena_str(r->arena, w->v[i + 1]);
	s->at = at;
	if (!read_type(s, s->type))
		loosen(s, arena_printf(r->arena, "set type %s", s->type));
	for (i += 2; i < w->n; i++) {
		const char *o = w->v[i], *v = i + 1 < w->n ? w->v[i + 1] : "";
		uint64_t number;
		int n = values_of(o);
		if (!strcmp(o, "-exist"))
			continue;
		if (n < 0)
			loosen(s, arena_printf(r->arena, "set option %s", o));
		if (!strcmp(o, "family") && s->family >= 0)
			s->family = !strcmp(v, "inet6") ? FAMILY_V6 : FAMILY_V4;
		else if (!strcmp(o, "timeout"))
			s->times_out = strcmp(v, "0") != 0;
		else if (!strcmp(o, "bitmask"))
			loosen(s, "a set with a bit mask");
		else if (!strcmp(o, "netmask")) {
			if (parse_number(v, strlen(v), 0, 128, false, &number))
				s->netmask = (int)number + 1;
			else
				loosen(s, "a set with a net mask that was not understood");
		}
		if (n > 0)
			i += (size_t)n;
	}
	snapshot_name(r->c->snap, r->c->device, "ipset", s->name, at, true);
	count(r, t, s->loose ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, at, s->loose);
}

/* "tcp:80-90", "80", "icmp:8/0", "gre:0" */
static bool read_ports(struct ipt_set *s, const char *p, size_t len, struct ipt_tuple *e)
{
	char word[64];
	if (len >= sizeof(word))
		return false;
	memcpy(word, p, len);
	word[len] = '\0';
	char *colon = strchr(word, ':'), *port = colon ? colon + 1 : word;
	unsigned proto = PROTO_TCP;
	if (colon) {
		*colon = '\0';
		if (!ipt_proto(word, &proto))
			return false;
	}
	e->proto = (uint8_t)proto;
	e->any_proto = s->ports_only;
	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6) {
		struct range code;
		unsigned type;
		if (!ipt_icmp(proto == PROTO_ICMPV6, port, &type, &code))
			return false;
		if (code.lo != code.hi)
			code.hi = 0; /* a type alone is its code 0 */
		e->lo = e->hi = (uint16_t)(type << 8 | code.lo);
		return true;
	}
	size_t first = strcspn(port, "-");
	int lo = ipt_port(port, first), hi = lo;
	if (port[first])
		hi = ipt_port(port + first + 1, strlen(port + first + 1));
	if (lo < 0 || hi < lo)
		return false;
	e->lo = (uint16_t)lo, e->hi = (uint16_t)hi;
	return true;
}

static bool read_address(struct ipt_set *s, const char *p, size_t len, struct span *ret)
{
	enum family f = s->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
	if (!ipt_span(f, p, len, ret))
		return false;
	if (s->netmask) {
		unsigned n = (unsigned)s->netmask - 1;
		if (n > addr_bits(f))
			return false;
		ret->lo = span_prefix(f, ret->lo, n).lo;
		ret->hi = span_prefix(f, ret->hi, n).hi;
	}
	return true;
}

static bool read_element(struct ipt_reader *r, struct ipt_set *s, const char *p, uint8_t flags)
{
	struct ipt_tuple e = { .flags = flags };
	size_t addresses = 0;
	for (size_t i = 0; i < s->n_dims; i++) {
		size_t len = i + 1 < s->n_dims ? strcspn(p, ",") : strlen(p);
		bool more = p[len] == ',';
		switch (s->dims[i]) {
		case DIM_IP:
		case DIM_NET:
			if (!read_address(s, p, len, &e.ip[addresses++]))
				return false;
			break;
		case DIM_PORT:
			if (!read_ports(s, p, len, &e))
				return false;
			break;
		case DIM_IFACE:
			if (len > 8 && !strncmp(p, "physdev:", 8)) {
				e.flags |= MEMBER_PHYSDEV;
				p += 8, len -= 8;
			}
			e.word = arena_strn(r->arena, p, len);
			break;
		case DIM_MAC:
			e.word = mac_word(r->arena, p, len);
			if (!e.word)
				return false;
			break;
		case DIM_SET:
			e.word = arena_strn(r->arena, p, len);
			snapshot_name(r->c->snap, r->c->device, "ipset", e.word, s->at, false);
			break;
		default:
			return false;
		}
		if (i + 1 < s->n_dims && !more)
			return false;
		p += len + more;
	}
	if (s->n_dims == 1 && addresses == 1)
		*vec_add(&s->singles) = (struct ipt_single){ e.ip[0], e.flags };
	else
		*vec_add(&s->tuples) = e;
	return true;
}

static void add(struct ipt_reader *r, const struct ipt_text *t, const struct ipt_line *line,
		const struct ipt_words *w)
{
	size_t i = 1;
	struct loc at = ipt_line_loc(line, 0, line->len);
	if (i < w->n && !strcmp(w->v[i], "-exist"))
		i++;
	struct ipt_set *s = i < w->n ? map_get(&r->sets, w->v[i]) : NULL;
	if (!s || i + 1 >= w->n) {
		diag_error(r->d, EINVAL, "ipt.set", at,
			   "an element of a set that is not there");
		count(r, t, ACCOUNT_REJECTED, at, "an element of a set that is not there");
		device_build_taint(r->b, NULL, at, "an element of a set that is not there");
		return;
	}
	const char *element = w->v[i + 1], *odd = NULL;
	bool timed = false;
	uint8_t flags = 0;
	for (i += 2; i < w->n; i++) {
		const char *o = w->v[i];
		int n = values_of(o);
		if (!strcmp(o, "nomatch"))
			flags |= MEMBER_NOMATCH;
		else if (!strcmp(o, "wildcard"))
			flags |= MEMBER_WILDCARD;
		else if (!strcmp(o, "timeout")) {
			timed = true;
			if (i + 1 < w->n && strcmp(w->v[i + 1], "0") != 0)
				flags |= MEMBER_MAYBE;
		} else if (!strcmp(o, "before") || !strcmp(o, "after") || !strcmp(o, "comment"))
			n = 1;
		else if (n < 0 && strcmp(o, "-exist") != 0)
			odd = arena_printf(r->arena, "element option %s", o);
		if (n > 0)
			i += (size_t)n;
	}
	if (s->times_out && !timed)
		flags |= MEMBER_MAYBE;
	if (!odd && !s->loose && !read_element(r, s, element, flags))
		odd = arena_printf(r->arena, "element %s of a set", element);
	if (odd) {
		loosen(s, odd);
		diag_warning(r->d, "ipt.set-element", at,
			     "not understood: %s; whether a packet is in %s isn't known", odd,
			     s->name);
	}
	const char *why = odd			   ? odd
			  : s->loose		   ? s->loose
			  : (flags & MEMBER_MAYBE) ? "an element that times out"
						   : NULL;
	count(r, t, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, at, why);
}

/* Everything else changes sets: at the head of a file there are none. */
static void other(struct ipt_reader *r, const struct ipt_text *t, const struct ipt_line *line,
		  const struct ipt_words *w)
{
	struct loc at = ipt_line_loc(line, 0, line->len);
	struct ipt_set *s = w->n > 1 ? map_get(&r->sets, w->v[1]) : NULL;
	bool clears = !strcmp(w->v[0], "flush") || !strcmp(w->v[0], "destroy");
	if (clears && (w->n > 1 ? !s : !r->sets.n)) {
		count(r, t, ACCOUNT_IRRELEVANT, at, NULL);
		return;
	}
	for (size_t i = 0; i < r->sets.n; i++)
		if (!s || r->sets.entries[i].value == s || !clears)
			loosen(r->sets.entries[i].value, "a command that changes sets");
	diag_warning(r->d, "ipt.set-command", at,
		     "%s is not part of what `ipset save` writes; the sets are not known",
		     w->v[0]);
	count(r, t, ACCOUNT_BOUNDED, at, "a command that changes sets");
}

bool ipt_set_line(struct ipt_reader *r, const struct ipt_text *t, const struct ipt_line *line)
{
	static const char *const words[] = { "create", "add",  "flush", "destroy",
					     "del",    "swap", "rename" };
	struct ipt_words w;
	size_t i = 0, len = 0;
	while (i < line->len && (line->s[i] == ' ' || line->s[i] == '\t'))
		i++;
	while (i + len < line->len && line->s[i + len] >= 'a' && line->s[i + len] <= 'z')
		len++;
	bool ours = false;
	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		ours |= strlen(words[k]) == len && !strncmp(words[k], line->s + i, len);
	if (!ours ||
	    (i + len < line->len && line->s[i + len] != ' ' && line->s[i + len] != '\r'))
		return false;
	ipt_split(r, line, &w);
	if (!strcmp(w.v[0], "create"))
		create(r, t, line, &w);
	else if (!strcmp(w.v[0], "add"))
		add(r, t, line, &w);
	else
		other(r, t, line, &w);
	return true;
}
