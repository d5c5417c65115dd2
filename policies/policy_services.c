/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policy_read.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/*
 * A service is a list of entries, each a mapping (`{proto: tcp, port: 443}`) or a word
 * (`tcp/443`). Where flows name services, the same words may stand.
 */

/* A range and the item it was read from. */
struct written_range {
	struct range range;
	const struct node *node;
};

static int compare_written(const void *a, const void *b)
{
	const struct written_range *x = a, *y = b;
	if (x->range.lo != y->range.lo)
		return x->range.lo < y->range.lo ? -1 : 1;
	if (x->range.hi != y->range.hi)
		return x->range.hi < y->range.hi ? -1 : 1;
	return loc_compare(x->node->at, y->node->at);
}

/* Sorts and joins; the same range twice is reported. */
static const struct range *ranges_join(struct reader *r, struct written_range *v, size_t *n,
				       bool *good)
{
	struct range *out = arena_array(r->arena, *n, sizeof(*out));
	size_t used = 0;
	if (*n)
		qsort(v, *n, sizeof(*v), compare_written);
	for (size_t i = 0; i < *n; i++) {
		struct range x = v[i].range;
		if (i && v[i - 1].range.lo == x.lo && v[i - 1].range.hi == x.hi) {
			diag_error(r->d, EEXIST, "yaml.repeated", v[i].node->at,
				   "'%s' stands in this list twice: keep one", v[i].node->s);
			diag_related(r->d, v[i - 1].node->at, "first here");
			*good = false;
		}
		if (used && x.lo <= out[used - 1].hi + 1) {
			if (x.hi > out[used - 1].hi)
				out[used - 1].hi = x.hi;
		} else {
			out[used++] = x;
		}
	}
	*n = used;
	return out;
}

static bool port_range(struct reader *r, const char *s, size_t len, struct loc at,
		       struct range *ret)
{
	uint64_t lo, hi;
	const char *dash = memchr(s, '-', len);
	size_t lo_len = dash ? (size_t)(dash - s) : len;
	if (!parse_number(s, lo_len, 0, UINT32_MAX, false, &lo) ||
	    (dash && !parse_number(dash + 1, len - lo_len - 1, 0, UINT32_MAX, false, &hi))) {
		diag_error(r->d, EINVAL, "policy.port", at,
			   "'%s' is no port: write a number from 1 to 65535, or two of them as "
			   "in \"1000-2000\"",
			   shown(r, arena_strn(r->arena, s, len)));
		return false;
	}
	if (!dash)
		hi = lo;
	if (lo > 65535 || hi > 65535) {
		diag_error(r->d, ERANGE, "policy.port", at, "the highest port is 65535");
		return false;
	}
	if (lo > hi) {
		diag_error(r->d, ERANGE, "policy.port", at,
			   "the range runs backwards: write %u-%u", (unsigned)hi, (unsigned)lo);
		return false;
	}
	if (!lo) {
		diag_error(r->d, ERANGE, "policy.port", at,
			   hi == 65535 ? "ports begin with 1: leave the ports out to mean all"
				       : "ports begin with 1; 0 is reserved");
		return false;
	}
	if (lo == 1 && hi == 65535)
		diag_warning(r->d, "policy.all-ports-but-0", at,
			     "1-65535 is every port but 0, which devices pass as well: leave "
			     "the ports out to mean all");
	*ret = (struct range){ (uint16_t)lo, (uint16_t)hi };
	return true;
}

/* The ports under a key; NULL where it is absent. *good: cleared after a diagnostic. */
static const struct range *ports_at(struct reader *r, const struct node *map, const char *key,
				    size_t *ret_n, bool *good)
{
	const struct node *const *items = NULL;
	size_t n = items_at(r, map, key, &items), used = 0;
	if (!n) {
		*good &= !node_get(map, key);
		return NULL;
	}
	struct written_range *v = xcalloc(n, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[used].node = items[i];
		if (items[i]->kind != NODE_SCALAR) {
			diag_error(r->d, EINVAL, "yaml.type", items[i]->at,
				   "a port or a range of ports is to stand here");
			*good = false;
		} else if (!port_range(r, items[i]->s, items[i]->len, items[i]->at,
				       &v[used].range)) {
			*good = false;
		} else {
			used++;
		}
	}
	*ret_n = used;
	const struct range *ranges = ranges_join(r, v, ret_n, good);
	free(v);
	return ranges;
}

/* 0..255 under a key, -1 where it is absent. */
static int octet_at(struct reader *r, const struct node *map, const char *key, bool *good)
{
	const struct node *node = node_get(map, key);
	uint64_t x;
	if (!node)
		return -1;
	if (node->kind == NODE_SCALAR && node->plain &&
	    parse_number(node->s, node->len, 0, 255, false, &x))
		return (int)x;
	diag_error(r->d, EINVAL, "policy.icmp", node->at,
		   "'%s' is a number from 0 to 255, without quotes", key);
	*good = false;
	return -1;
}

/* A protocol's number from its name as proto_name spells it, or from decimal digits. */
static int protocol(struct reader *r, const char *s, size_t len, bool number, struct loc at)
{
	uint64_t x;
	if (number && parse_number(s, len, 0, 255, false, &x))
		return (int)x;
	int found = proto_number(s, len);
	const char *name = found >= 0 ? proto_name((unsigned)found) : NULL;
	if (name && strlen(name) == len && !memcmp(name, s, len))
		return found;
	const char *all[256];
	size_t n = 0;
	for (unsigned i = 0; i < 256; i++)
		if (proto_name(i))
			all[n++] = proto_name(i);
	const char *word = shown(r, arena_strn(r->arena, s, len));
	const char *hint = name ? arena_printf(r->arena, "; did you mean '%s'?", name)
				: did_you_mean(r, word, all, n);
	diag_error(r->d, EINVAL, "policy.protocol", at,
		   "'%s' is no protocol: write tcp, udp, icmp, icmpv6, another name in lower "
		   "case, or in a mapping 'proto:' with a number from 0 to 255%s",
		   word, hint);
	return -1;
}

/* ICMP is asked of its own family alone: protocol 1 in IPv6 carries no ICMP. */
static const struct match *part_match(struct matches *m, const struct service_part *p)
{
	const struct match *match = match_value(m, FIELD_PROTO, p->proto);
	if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMPV6)
		match = match_and(
			m, match_family(m, p->proto == PROTO_ICMP ? FAMILY_V4 : FAMILY_V6),
			match);
	if (p->sport)
		match = match_and(m, match, match_ranges(m, FIELD_SPORT, p->sport, p->n_sport));
	if (p->dport)
		match = match_and(m, match, match_ranges(m, FIELD_DPORT, p->dport, p->n_dport));
	if (p->type >= 0)
		match = match_and(m, match, match_value(m, FIELD_ICMP_TYPE, (unsigned)p->type));
	if (p->code >= 0)
		match = match_and(m, match, match_value(m, FIELD_ICMP_CODE, (unsigned)p->code));
	return match;
}

static bool is_icmp(int proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* "tcp", "tcp/443", "udp/1000-2000", "icmp/8". */
static bool parse_word(struct reader *r, const char *s, struct loc at, struct service_part *ret)
{
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	int proto = protocol(r, s, len, false, at);
	uint64_t type;
	if (proto < 0)
		return false;
	*ret = (struct service_part){ .proto = (uint8_t)proto, .type = -1, .code = -1 };
	if (!slash)
		return true;
	s = slash + 1;
	if (is_icmp(proto)) {
		if (parse_number(s, strlen(s), 0, 255, false, &type)) {
			ret->type = (int)type;
			return true;
		}
		diag_error(r->d, EINVAL, "policy.icmp", at,
			   "behind the slash stands the ICMP type, a number from 0 to 255");
		return false;
	}
	if (!proto_has_ports((unsigned)proto)) {
		diag_error(r->d, EINVAL, "policy.no-ports", at, "%s has no ports",
			   proto_name((unsigned)proto));
		return false;
	}
	struct range *port = arena_alloc(r->arena, sizeof(*port));
	if (!port_range(r, s, strlen(s), at, port))
		return false;
	ret->dport = port;
	ret->n_dport = 1;
	return true;
}

static bool parse_mapping(struct reader *r, const struct node *map, struct service_part *ret)
{
	const struct node *proto_node = node_get(map, "proto");
	if (!proto_node || proto_node->kind != NODE_SCALAR) {
		if (proto_node)
			diag_error(r->d, EINVAL, "yaml.type", proto_node->at,
				   "one protocol is to stand here: write an entry for each");
		return false;
	}
	int proto =
		protocol(r, proto_node->s, proto_node->len, proto_node->plain, proto_node->at);
	bool good = proto >= 0;
	struct service_part p = { .proto = (uint8_t)proto };
	p.dport = ports_at(r, map, "port", &p.n_dport, &good);
	p.sport = ports_at(r, map, "source_port", &p.n_sport, &good);
	p.type = octet_at(r, map, "type", &good);
	p.code = octet_at(r, map, "code", &good);
	if (good && (p.dport || p.sport) && !proto_has_ports(p.proto)) {
		diag_error(r->d, EINVAL, "policy.no-ports", map->at,
			   "only tcp, udp, sctp, dccp and udplite have ports");
		good = false;
	}
	if (good && (p.type >= 0 || p.code >= 0) && !is_icmp(p.proto)) {
		diag_error(r->d, EINVAL, "policy.icmp", map->at,
			   "'type' and 'code' are for icmp and icmpv6 alone");
		good = false;
	}
	if (good && p.code >= 0 && p.type < 0) {
		diag_error(r->d, EINVAL, "policy.icmp", map->at,
			   "a code means nothing without its type: add 'type'");
		good = false;
	}
	*ret = p;
	return good;
}

static bool read_part(struct reader *r, const struct node *node, struct service_part *ret)
{
	if (node->kind == NODE_MAP) {
		check_shape(r, node, &shape_service);
		return parse_mapping(r, node, ret);
	}
	const char *s = text_of(r, node);
	return s && parse_word(r, s, node->at, ret);
}

static bool good_name(struct policy_reader *pr, const struct node *key)
{
	if (!name_of(&pr->r, key))
		return false;
	if (strcasecmp(key->s, "any") && proto_number(key->s, key->len) < 0)
		return true;
	diag_error(pr->r.d, EINVAL, "policy.reserved-name", key->at,
		   "'%s' has a meaning already: name the service otherwise", key->s);
	return false;
}

struct service_list {
	VEC(struct service) services;
	VEC(struct service_parts) parts;
};

static void read_service(struct policy_reader *pr, const struct node *key,
			 const struct node *value, struct service_list *list)
{
	struct reader *r = &pr->r;
	if (!good_name(pr, key) ||
	    !names_add(r, &pr->services, key->s, key->at, list->services.n))
		return;
	const struct node *const *items = value->kind == NODE_LIST ? value->items : &value;
	size_t n = value->kind == NODE_LIST ? value->n : 1;
	if (!n)
		diag_error(r->d, EINVAL, "yaml.empty-list", value->at,
			   "the service '%s' has no entry: add one such as tcp/443", key->s);
	VEC(struct service_part) parts = { 0 };
	VEC(const struct match *) matches = { 0 };
	for (size_t i = 0; i < n; i++) {
		struct service_part part;
		if (!read_part(r, items[i], &part))
			continue;
		*vec_add(&parts) = part;
		*vec_add(&matches) = part_match(r->m, &part);
	}
	*vec_add(&list->services) =
		(struct service){ key->s, match_or_n(r->m, matches.v, matches.n), key->at };
	*vec_add(&list->parts) = (struct service_parts){ vec_keep(r->arena, &parts), parts.n };
	vec_free(&parts);
	vec_free(&matches);
}

void read_services(struct policy_reader *pr)
{
	struct service_list list = { 0 };
	for (size_t i = 0; i < pr->n_roots; i++) {
		const struct node *map = node_get(pr->roots[i], "services");
		if (!map)
			continue;
		if (map->kind != NODE_MAP || !map->n) {
			diag_error(pr->r.d, EINVAL, "yaml.type", map->at,
				   "the services are to stand here, each as 'name: tcp/443'");
			continue;
		}
		for (size_t k = 0; k < map->n; k++)
			read_service(pr, map->keys[k], map->items[k], &list);
	}
	pr->policy->services = vec_keep(pr->r.arena, &list.services);
	pr->policy->n_services = list.services.n;
	pr->parts = vec_keep(pr->r.arena, &list.parts);
	vec_free(&list.services);
	vec_free(&list.parts);
}

/* What the words under a `service` key come to. */
struct service_words {
	VEC(struct service_part) parts;
	VEC(const struct match *) matches;
	struct text text;
	const struct service_parts *alias; /* of the one named service, so as not to copy */
};

static bool add_named(struct policy_reader *pr, struct service_words *w, size_t service,
		      bool alone, struct loc at)
{
	const struct service_parts *named = &pr->parts[service];
	*vec_add(&w->matches) = pr->policy->services[service].match;
	if (alone) {
		w->alias = named;
		return true;
	}
	if (named->n > MAX_SERVICE_PARTS - pr->n_parts) {
		diag_error(pr->r.d, E2BIG, "policy.too-large", at,
			   "the flows' services have more than %d entries in all: use fewer",
			   MAX_SERVICE_PARTS);
		return false;
	}
	pr->n_parts += named->n;
	for (size_t i = 0; i < named->n; i++)
		*vec_add(&w->parts) = named->v[i];
	return true;
}

static bool add_word(struct policy_reader *pr, struct service_words *w, const char *word,
		     bool alone, struct loc at)
{
	struct reader *r = &pr->r;
	ptrdiff_t known = names_index(r, &pr->services, word);
	struct service_part part;
	if (w->text.len)
		text_put(&w->text, ", ");
	text_put(&w->text, word);
	if (known >= 0)
		return add_named(pr, w, (size_t)known, alone, at);
	if (!strcmp(word, "any")) {
		diag_error(r->d, EINVAL, "policy.any-with-others", at,
			   "'any' holds every service: leave the others out");
		return false;
	}
	if (!strchr(word, '/') && proto_number(word, strlen(word)) < 0) {
		if (strcasecmp(word, "any"))
			names_undefined(r, "policy.undefined-service", &pr->services, NULL,
					word, at);
		else
			diag_error(r->d, ENOENT, "policy.undefined-service", at,
				   "write 'any' in lower case");
		return false;
	}
	if (!parse_word(r, word, at, &part))
		return false;
	*vec_add(&w->parts) = part;
	*vec_add(&w->matches) = part_match(r->m, &part);
	return true;
}

const struct match *service_at(struct policy_reader *pr, const struct node *map,
			       const char *key, struct service_parts *ret_parts,
			       const char **ret_text)
{
	struct reader *r = &pr->r;
	size_t errors = r->d->n_errors;
	const char *const *words = NULL;
	const struct node *const *items = NULL;
	size_t n = texts_at(r, map, key, &words, &items);
	if (!n || r->d->n_errors != errors)
		return NULL;
	if (n == 1 && !strcmp(words[0], "any")) {
		*ret_parts = (struct service_parts){ 0 };
		*ret_text = "any";
		return match_all(r->m);
	}
	struct service_words w = { 0 };
	bool good = true;
	for (size_t i = 0; i < n; i++)
		good &= add_word(pr, &w, words[i], n == 1, items[i]->at);
	const struct match *match = NULL;
	if (good) {
		match = match_or_n(r->m, w.matches.v, w.matches.n);
		*ret_parts = (struct service_parts){ vec_keep(r->arena, &w.parts), w.parts.n };
		if (w.alias)
			*ret_parts = *w.alias;
		*ret_text = arena_str(r->arena, w.text.s);
	}
	text_finish(&w.text);
	vec_free(&w.parts);
	vec_free(&w.matches);
	return match;
}

static bool ranges_meet(const struct range *a, size_t na, const struct range *b, size_t nb)
{
	if (!a || !b)
		return true;
	for (size_t i = 0, k = 0; i < na && k < nb;) {
		if (a[i].hi < b[k].lo)
			i++;
		else if (b[k].hi < a[i].lo)
			k++;
		else
			return true;
	}
	return false;
}

static bool parts_meet(const struct service_part *a, const struct service_part *b)
{
	return a->proto == b->proto &&
	       (a->type < 0 || b->type < 0 ||
		(a->type == b->type && (a->code < 0 || b->code < 0 || a->code == b->code))) &&
	       ranges_meet(a->sport, a->n_sport, b->sport, b->n_sport) &&
	       ranges_meet(a->dport, a->n_dport, b->dport, b->n_dport);
}

bool services_meet(const struct service_parts *a, const struct service_parts *b, size_t *budget)
{
	if (!a->v || !b->v)
		return true;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			size_t cost = 1 + a->v[i].n_dport + a->v[i].n_sport + b->v[k].n_dport +
				      b->v[k].n_sport;
			if (cost > *budget) {
				*budget = 0;
				return false;
			}
			*budget -= cost;
			if (parts_meet(&a->v[i], &b->v[k]))
				return true;
		}
	return false;
}
