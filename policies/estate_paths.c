/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/estate_read.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Where zones are attached, and the paths that exports can't tell. */

const char *device_at(struct estate_reader *er, const struct node *map)
{
	struct reader *r = &er->r;
	const struct node *node = node_get(map, "device");
	const char *s = node ? text_of(r, node) : NULL;
	if (!s)
		return NULL;
	size_t len = strcspn(s, ":");
	const char *source = arena_strn(r->arena, s, len);
	if (s[len] && !s[len + 1]) {
		diag_error(r->d, EINVAL, "yaml.name", node->at,
			   "no device behind the colon: write 'source' or 'source:device'");
		return NULL;
	}
	if (names_index(r, &er->sources, source) >= 0)
		return s;
	names_undefined(r, "estate.undefined-source", &er->sources, NULL, source, node->at);
	return NULL;
}

/* The same list under its singular or its plural name. */
static size_t one_or_many(struct estate_reader *er, const struct node *node, const char *one,
			  const char *many, const char *const **ret)
{
	if (node_get(node, one) && node_get(node, many))
		diag_error(er->r.d, EINVAL, "estate.one-and-many", node_key_at(node, many),
			   "'%s' and '%s' mean the same: keep one", one, many);
	return texts_at(&er->r, node, node_get(node, one) ? one : many, ret, NULL);
}

struct binding_list {
	VEC(struct binding) v;
	struct map seen;
	size_t n_ports; /* of all bindings together */
};

enum { MAX_BOUND_PORTS = 1 << 22 };

/* What applies to a zone wherever it is on the device, and a digest of its names. */
struct everywhere {
	const char **ports;
	size_t n;
	uint64_t digest;
};

/* False once the budget is spent. */
static bool spend_ports(struct estate_reader *er, struct binding_list *list, size_t n,
			struct loc at)
{
	if (list->n_ports == MAX_BOUND_PORTS)
		return false;
	if (n < MAX_BOUND_PORTS - list->n_ports) {
		list->n_ports += n;
		return true;
	}
	list->n_ports = MAX_BOUND_PORTS;
	diag_error(er->r.d, E2BIG, "estate.too-large", at,
		   "too many ports in bindings: bind a subnet or a group instead");
	return false;
}

/* The zone at `first` (NULL: no such port) with what applies everywhere. */
static void add_binding(struct estate_reader *er, struct binding_list *list, struct binding b,
			const char *first, const struct everywhere *rest)
{
	struct reader *r = &er->r;
	struct {
		uint64_t zone, device, first, rest;
	} key = { siphash(b.zone->name, strlen(b.zone->name)),
		  siphash(b.device, strlen(b.device)),
		  first ? siphash(first, strlen(first)) : 0, rest->digest };
	if (!spend_ports(er, list, rest->n + 1, b.at))
		return;
	void **before = map_atn(&list->seen, (const char *)&key, sizeof(key));
	if (*before) {
		diag_error(r->d, EEXIST, "estate.duplicate-binding", b.at,
			   "the zone '%s' is bound to this port of '%s' already: keep one",
			   b.zone->name, b.device);
		diag_related(r->d, *(const struct loc *)*before, "first here");
		return;
	}
	*before = arena_copy(r->arena, &b.at, sizeof(b.at));
	const char **ports = arena_array(r->arena, rest->n + 1, sizeof(*ports));
	if (first)
		ports[b.n_ports++] = first;
	for (size_t i = 0; i < rest->n; i++)
		ports[b.n_ports++] = rest->ports[i];
	b.ports = ports;
	*vec_add(&list->v) = b;
}

static struct everywhere join(struct estate_reader *er, const char *const *groups,
			      size_t n_groups, const char *const *ports, size_t n_ports)
{
	struct everywhere all = { .n = n_groups + n_ports };
	struct text key = { 0 };
	all.ports = arena_array(er->r.arena, all.n + 1, sizeof(*all.ports));
	for (size_t i = 0; i < all.n; i++) {
		all.ports[i] = i < n_groups ? groups[i] : ports[i - n_groups];
		text_putf(&key, "%s\n", all.ports[i]);
	}
	all.digest = key.len ? siphash(key.s, key.len) : 0;
	text_finish(&key);
	return all;
}

const char *vlan_at(struct estate_reader *er, const struct node *map)
{
	const struct node *node = node_get(map, "vlan");
	uint64_t id;
	if (!node)
		return NULL;
	if (node->kind == NODE_SCALAR && node->plain &&
	    parse_number(node->s, node->len, 1, 4094, false, &id))
		return arena_printf(er->r.arena, "vlan:%u", (unsigned)id);
	diag_error(er->r.d, EINVAL, "estate.vlan", node->at,
		   "'vlan' is a number from 1 to 4094, without quotes");
	return NULL;
}

static void read_binding(struct estate_reader *er, const struct node *node,
			 struct binding_list *list)
{
	struct reader *r = &er->r;
	struct binding b = { .device = device_at(er, node), .at = node->at };
	const char *const *interfaces, *const *subnets, *const *groups, *const *ports;
	size_t n_interfaces = one_or_many(er, node, "interface", "interfaces", &interfaces);
	size_t n_subnets = one_or_many(er, node, "subnet", "subnets", &subnets);
	size_t n_groups = one_or_many(er, node, "security_group", "security_groups", &groups);
	size_t n_ports = one_or_many(er, node, "port", "ports", &ports);
	const char *vlan = vlan_at(er, node);
	if (er->policy)
		b.zone = zone_at(r, &er->words, node, "zone", false);
	else
		name_at(r, node, "zone");
	if (!node_get(node, "interface") && !node_get(node, "interfaces") &&
	    !node_get(node, "subnet") && !node_get(node, "subnets") &&
	    !node_get(node, "security_group") && !node_get(node, "security_groups") &&
	    !node_get(node, "port") && !node_get(node, "ports") && !node_get(node, "vlan"))
		diag_error(r->d, EINVAL, "estate.binding-without-port", node->at,
			   "say where on the device the zone is: 'interface', 'vlan', 'subnet', "
			   "'security_group' or 'port'");
	if (!b.zone || !b.device)
		return;
	struct everywhere rest = join(er, groups, n_groups, ports, n_ports);
	for (size_t i = 0; i < n_interfaces; i++)
		add_binding(er, list, b, interfaces[i], &rest);
	for (size_t i = 0; i < n_subnets; i++)
		add_binding(er, list, b, subnets[i], &rest);
	if (vlan)
		add_binding(er, list, b, vlan, &rest);
	if (!n_interfaces && !n_subnets && !vlan && rest.n)
		add_binding(er, list, b, NULL, &rest);
}

void read_bindings(struct estate_reader *er)
{
	const struct node *const *items = NULL;
	size_t n = list_at(&er->r, er->root, "bindings", &items);
	struct binding_list list = { 0 };
	for (size_t i = 0; i < n; i++)
		if (check_shape(&er->r, items[i], &shape_binding))
			read_binding(er, items[i], &list);
	er->estate->bindings = vec_keep(er->r.arena, &list.v);
	er->estate->n_bindings = list.v.n;
	vec_free(&list.v);
	map_finish(&list.seen);
}

/* Ports under `in` or `out`; *ret_self for the word self: the device is the end. */
static size_t hop_ports(struct estate_reader *er, const struct node *node, const char *key,
			const char *const **ret, bool *ret_self)
{
	const struct node *const *items = NULL;
	size_t n = texts_at(&er->r, node, key, ret, &items);
	for (size_t i = 0; i < n; i++)
		if (!strcmp((*ret)[i], "self")) {
			*ret_self = true;
			if (n > 1)
				diag_error(er->r.d, EINVAL, "estate.self", items[i]->at,
					   "'self' means the device itself: leave the other "
					   "ports out");
			return 0;
		}
	return n;
}

static bool read_hop(struct estate_reader *er, const struct node *node, struct estate_hop *h)
{
	if (!check_shape(&er->r, node, &shape_hop))
		return false;
	*h = (struct estate_hop){ .device = device_at(er, node), .at = node->at };
	h->n_in = hop_ports(er, node, "in", &h->in, &h->local_out);
	h->n_out = hop_ports(er, node, "out", &h->out, &h->local_in);
	if (h->local_in && h->local_out)
		diag_error(er->r.d, EINVAL, "estate.self", node->at,
			   "a packet from the device to itself crosses nothing: leave the hop "
			   "out");
	return true;
}

/* A packet ends at the device itself in the last hop alone, and begins there in the first. */
static void check_ends(struct estate_reader *er, const struct estate_path *p)
{
	for (size_t i = 0; i < p->n_hops; i++)
		if ((p->hops[i].local_out && i) || (p->hops[i].local_in && i + 1 < p->n_hops))
			diag_error(er->r.d, EINVAL, "estate.self", p->hops[i].at,
				   "'in: self' belongs in the first hop of a path, 'out: self' "
				   "in the last");
}

static void read_hops(struct estate_reader *er, const struct node *node, struct estate_path *p)
{
	const struct node *const *items = NULL;
	size_t n = list_at(&er->r, node, "hops", &items);
	struct estate_hop *hops = arena_array(er->r.arena, n, sizeof(*hops));
	for (size_t i = 0; i < n; i++)
		p->n_hops += read_hop(er, items[i], &hops[p->n_hops]);
	p->hops = hops;
	check_ends(er, p);
}

static void read_path(struct estate_reader *er, const struct node *node, struct estate_path *p)
{
	struct reader *r = &er->r;
	p->at = node->at;
	p->id = name_at(r, node, "id");
	if (p->id)
		names_add(r, &er->path_ids, p->id, node->at, 0);
	p->both_ways = bool_at(r, node, "both_ways");
	p->none = bool_at(r, node, "none");
	p->reason = text_at(r, node, "reason");
	if (er->policy) {
		p->n_from = zones_at(r, &er->words, node, "from", &p->from);
		p->n_to = zones_at(r, &er->words, node, "to", &p->to);
	} else {
		const char *const *unused;
		names_at(r, node, "from", &unused, NULL);
		names_at(r, node, "to", &unused, NULL);
	}
	read_hops(er, node, p);
	if (p->none && node_get(node, "hops"))
		diag_error(r->d, EINVAL, "estate.none", node->at,
			   "'none: true' says that there is no path: leave 'hops' out");
	if (p->none && !node_get(node, "reason"))
		diag_error(r->d, EINVAL, "estate.none", node->at,
			   "'none: true' needs a 'reason': how is it known that nothing "
			   "connects them?");
	if (!p->none && !node_get(node, "hops"))
		diag_error(r->d, EINVAL, "estate.path-without-hops", node->at,
			   "say the 'hops', or 'none: true' with a 'reason' where nothing "
			   "connects them");
}

/* The zones of a path as bits, so that many paths can be held against one another. */
struct path_sets {
	uint64_t *from, *to;
};

enum { COMPARE_BUDGET = 20 * 1000 * 1000 };

static uint64_t *zone_bits(struct estate_reader *er, const struct zone *const *v, size_t n)
{
	uint64_t *bits = arena_array(er->r.arena, er->words.n_zones / 64 + 1, sizeof(*bits));
	for (size_t i = 0; i < n; i++)
		bits[(v[i] - er->words.zones) / 64] |= 1ull << ((v[i] - er->words.zones) % 64);
	return bits;
}

static bool bits_meet(const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

static bool same_pair(const struct estate_path *p, const struct path_sets *a,
		      const struct estate_path *q, const struct path_sets *b, size_t n)
{
	return (bits_meet(a->from, b->from, n) && bits_meet(a->to, b->to, n)) ||
	       ((p->both_ways || q->both_ways) && bits_meet(a->from, b->to, n) &&
		bits_meet(a->to, b->from, n));
}

/* A pair that is said to be connected by one path and not to be by another. */
static void check_contradictions(struct estate_reader *er, const struct estate_path *v,
				 size_t n)
{
	struct path_sets *sets = arena_array(er->r.arena, n, sizeof(*sets));
	size_t words = er->words.n_zones / 64 + 1, budget = COMPARE_BUDGET;
	for (size_t i = 0; i < n; i++)
		sets[i] = (struct path_sets){ zone_bits(er, v[i].from, v[i].n_from),
					      zone_bits(er, v[i].to, v[i].n_to) };
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; v[i].none && k < n; k++) {
			if (v[k].none)
				continue;
			if (budget < 4 * words) {
				diag_error(
					er->r.d, E2BIG, "estate.too-large", v[i].at,
					"too many paths: join those that have the same hops");
				return;
			}
			budget -= 4 * words;
			if (!same_pair(&v[i], &sets[i], &v[k], &sets[k], words))
				continue;
			diag_error(er->r.d, EINVAL, "estate.none", v[i].at,
				   "'none: true' for a pair that another path connects");
			diag_related(er->r.d, v[k].at, "this path");
		}
}

void read_paths(struct estate_reader *er)
{
	const struct node *const *items = NULL;
	size_t n = list_at(&er->r, er->root, "paths", &items);
	VEC(struct estate_path) paths = { 0 };
	for (size_t i = 0; i < n; i++)
		if (check_shape(&er->r, items[i], &shape_path))
			read_path(er, items[i], vec_add(&paths));
	if (er->policy)
		check_contradictions(er, paths.v, paths.n);
	er->estate->paths = vec_keep(er->r.arena, &paths);
	er->estate->n_paths = paths.n;
	vec_free(&paths);
}
