/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/laws/estate_random_internal.h"

static const char *device_name(struct maker *m, unsigned d)
{
	return arena_printf(m->re->arena, m->twist == TWIST_RENAME ? "x%u-renamed" : "d%u",
			    m->twist == TWIST_RENAME ? 17 * d % 13 : d);
}

const char *port_name(struct maker *m, unsigned net, unsigned member)
{
	return arena_printf(m->re->arena, m->twist == TWIST_RENAME ? "renamed-%u.%u" : "p%u.%u",
			    net, member);
}

const char *segment_of(unsigned color)
{
	return color ? "red" : NULL;
}

/* ---- addresses ---- */

/* Networks with hosts are 10.N.0.0, those between routers 172.16.N.0. */
struct addr net_addr(const struct net *n, enum family f, unsigned host)
{
	struct addr a = { 0 };
	if (f == FAMILY_V4)
		a.lo = (n->hosts ? 0x0a000000u | n->number << 16
				 : 0xac100000u | n->number << 8) |
		       host;
	else
		a.hi = 0x20010db800000000u | (uint64_t)(n->hosts ? 0 : 0xff) << 16 | n->number,
		a.lo = host;
	return a;
}

/* The member's own address there. */
struct addr member_addr(const struct net *n, enum family f, unsigned member)
{
	return net_addr(n, f, member + 1);
}

struct addr shared_addr(const struct net *n, enum family f)
{
	return net_addr(n, f, 100);
}

/* Addresses of a device that are translated: 198.18.D.0/24. */
struct addr public_addr(enum family f, unsigned device, unsigned host)
{
	struct addr a = { 0 };
	if (f == FAMILY_V4)
		a.lo = 0xc6120000u | device << 8 | host;
	else
		a.hi = 0x20010db800000000u | (uint64_t)0xeeee << 16 | device, a.lo = host;
	return a;
}

void remember(struct random_estate *re, enum family f, struct span s)
{
	*vec_add(&re->addr[f]) = s.lo;
	*vec_add(&re->addr[f]) = s.hi;
	*vec_add(&re->addr[f]) = addr_and(addr_prev(s.lo), addr_max(f));
	*vec_add(&re->addr[f]) = addr_and(addr_next(s.hi), addr_max(f));
}

void remember_port(struct random_estate *re, unsigned lo, unsigned hi)
{
	*vec_add(&re->port) = (uint16_t)lo;
	*vec_add(&re->port) = (uint16_t)hi;
	*vec_add(&re->port) = (uint16_t)(lo - 1);
	*vec_add(&re->port) = (uint16_t)(hi + 1);
}

/* ---- who is joined to whom ---- */

static unsigned add_net(struct maker *m, bool hosts, unsigned color, unsigned number)
{
	struct net *n = &m->nets[m->n_nets];
	unsigned kind = below(&m->r, 24);
	*n = (struct net){ .hosts = hosts, .color = color, .number = number };
	n->kind = kind < 12 ? NET_PREFIX : kind < 18 || hosts ? NET_WIRE : NET_DECLARED;
	if (!hosts && one_in(&m->r, 30))
		n->kind = NET_BROKEN;
	n->other_way = one_in(&m->r, 2);
	n->len[FAMILY_V4] = hosts ? PICK(&m->r, ((const unsigned[]){ 16, 20, 24, 28 })) : 24;
	n->len[FAMILY_V6] = 64;
	return m->n_nets++;
}

static void join_net(struct maker *m, unsigned net, unsigned node)
{
	struct net *n = &m->nets[net];
	for (unsigned i = 0; i < n->n; i++)
		if (m->nodes[n->member[i]].device == m->nodes[node].device)
			return;
	if (n->n < MEMBERS_MAX)
		n->member[n->n++] = node;
}

static void random_nodes(struct maker *m)
{
	struct rng *r = &m->r;
	m->n_devices = one_in(r, 4) ? 3 + below(r, DEVICES_MAX - 2) : 3 + below(r, 3);
	m->colors = one_in(r, 3);
	for (unsigned color = 0; color < (m->colors ? 2 : 1); color++)
		for (unsigned d = 0; d < m->n_devices; d++)
			if (!color || one_in(r, 2))
				m->nodes[m->n_nodes++] = (struct node){ d, color };
}

/* The number of a network of the first color that nobody else has yet, or the other one. */
static unsigned reusable(const struct maker *m, unsigned number, unsigned otherwise)
{
	unsigned users = 0;
	for (unsigned i = 0; i < m->n_nets; i++)
		if (m->nets[i].hosts && m->nets[i].number == number)
			users += m->nets[i].color ? 2 : 1;
	return users == 1 ? number : otherwise;
}

/* A tree over the nodes of a color, and now and then a way more. */
static void random_nets(struct maker *m)
{
	struct rng *r = &m->r;
	for (unsigned color = 0; color < 2; color++) {
		unsigned v[NODES_MAX], n = 0;
		for (unsigned i = 0; i < m->n_nodes; i++)
			if (m->nodes[i].color == color)
				v[n++] = i;
		for (unsigned i = 1; i < n; i++) {
			/* into a net that is there, or a new one */
			unsigned peer = v[one_in(r, 2) ? i - 1 : below(r, i)], net;
			unsigned at = below(r, m->n_nets + 1);
			if (at < m->n_nets && one_in(r, 4) && m->nets[at].color == color) {
				net = at;
			} else {
				net = add_net(m, false, color, m->n_nets);
				join_net(m, net, peer);
			}
			join_net(m, net, v[i]);
		}
		for (unsigned i = 0; n > 2 && i < n / 2 && m->n_nets < 32; i++) {
			unsigned a = v[below(r, n)], b = v[below(r, n)];
			if (a == b || !one_in(r, 2))
				continue;
			unsigned net = add_net(m, false, color, m->n_nets);
			join_net(m, net, a);
			join_net(m, net, b);
		}
	}
	unsigned n_hosts = 3 + below(r, 4);
	for (unsigned i = 0; i < n_hosts; i++) {
		unsigned node = below(r, m->n_nodes), color = m->nodes[node].color;
		/* tenants reuse each other's addresses */
		unsigned number = color && one_in(r, 3) ? reusable(m, below(r, n_hosts), i) : i;
		unsigned net = add_net(m, true, color, number);
		if (color && number != i)
			m->nets[net].kind = NET_WIRE;
		join_net(m, net, node);
		if (one_in(r, 4)) {
			unsigned other = below(r, m->n_nodes);
			if (m->nodes[other].color == color)
				join_net(m, net, other);
		}
	}
	for (unsigned i = 0; i < m->n_nets; i++) {
		struct net *n = &m->nets[i];
		n->shared = n->n > 1 && one_in(r, 3);
		snprintf(n->wire, sizeof(n->wire), "wire-%u", i);
		/* what is reused is told apart by wires */
		for (unsigned k = 0; k < i; k++)
			if (m->nets[k].hosts && n->hosts && m->nets[k].number == n->number)
				m->nets[k].kind = n->kind = NET_WIRE;
	}
}

/* ---- ports ---- */

static void add_port(struct maker *m, unsigned net, unsigned member)
{
	struct random_estate *re = m->re;
	struct net *n = &m->nets[net];
	const struct node *node = &m->nodes[n->member[member]];
	struct port *p = vec_add(&m->build[node->device]->ports);
	struct prefix *prefixes = arena_array(re->arena, 2, sizeof(*prefixes));
	struct addr *addrs = arena_array(re->arena, 2, sizeof(*addrs));
	struct addr *shared = arena_array(re->arena, 2, sizeof(*shared));
	*p = (struct port){ .name = port_name(m, net, member),
			    .kind = "interface",
			    .segment = segment_of(node->color),
			    .up = true,
			    .prefixes = prefixes,
			    .addrs = addrs,
			    .shared = shared };
	for (unsigned f = 0; f < (m->v6 ? 2u : 1u); f++) {
		addrs[f] = member_addr(n, (enum family)f, member);
		prefixes[f] = (struct prefix){ (uint8_t)f, (uint8_t)n->len[f],
					       addr_and(addrs[f],
							addr_mask((enum family)f, n->len[f])) };
		p->n_prefixes++;
		if (n->shared && member < 2)
			shared[p->n_shared++] = shared_addr(n, (enum family)f);
		*vec_add(&re->addr[f]) = addrs[f];
		*vec_add(&re->addr[f]) = shared_addr(n, (enum family)f);
	}
	bool apart = n->kind == NET_DECLARED || n->kind == NET_BROKEN;
	if (n->kind == NET_WIRE)
		p->wire = arena_str(re->arena, n->wire);
	else if (apart && n->other_way)
		p->wire = arena_printf(re->arena, "%s.%u", n->wire, member);
	else if (apart)
		for (unsigned f = 0; f < p->n_prefixes; f++) {
			prefixes[f].len = (uint8_t)(prefixes[f].len + (member > 0));
			prefixes[f].addr =
				addr_and(addrs[f], addr_mask((enum family)f, prefixes[f].len));
		}
}

static void random_ports(struct maker *m)
{
	for (unsigned i = 0; i < m->n_nets; i++)
		for (unsigned k = 0; k < m->nets[i].n; k++)
			add_port(m, i, k);
}

/* The port with the way out of everything. */
static void random_outside(struct maker *m)
{
	struct random_estate *re = m->re;
	if (m->outside == m->n_nodes)
		return;
	const struct node *node = &m->nodes[m->outside];
	struct port *p = vec_add(&m->build[node->device]->ports);
	struct prefix *prefixes = arena_array(re->arena, 1, sizeof(*prefixes));
	struct addr *addrs = arena_array(re->arena, 1, sizeof(*addrs));
	addrs[0] = (struct addr){ 0, 0xcb007102 };
	prefixes[0] = (struct prefix){ FAMILY_V4, 24, { 0, 0xcb007100 } };
	*p = (struct port){ .name = m->twist == TWIST_RENAME ? "renamed-way-out" : "way-out",
			    .kind = "interface",
			    .segment = segment_of(node->color),
			    .up = true,
			    .outside = !m->uplink,
			    .prefixes = prefixes,
			    .addrs = addrs,
			    .n_prefixes = 1 };
}

/* ---- zones ---- */

static const struct zone **all_zones(struct random_estate *re, unsigned n)
{
	const struct zone **v = arena_array(re->arena, n, sizeof(*v));
	for (unsigned i = 0; i < n; i++)
		v[i] = &re->policy.zones[i];
	return v;
}

static void zone_spans(struct random_estate *re, struct zone *z, enum family f,
		       const struct span *v, size_t n)
{
	struct span *s = arena_array(re->arena, n, sizeof(*s));
	memcpy(s, v, n * sizeof(*s));
	z->spans[f] = s;
	z->n_spans[f] = spans_normalise(s, n);
	for (size_t i = 0; i < z->n_spans[f]; i++)
		remember(re, f, s[i]);
}

/* Everything that no zone has. */
static void zone_rest(struct random_estate *re, struct zone *z, size_t n_zones)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		VEC(struct span) taken = { 0 };
		struct span whole = { { 0, 0 }, addr_max((enum family)f) };
		for (size_t i = 0; i < n_zones; i++)
			for (size_t k = 0; k < re->policy.zones[i].n_spans[f]; k++)
				*vec_add(&taken) = re->policy.zones[i].spans[f][k];
		taken.n = spans_normalise(taken.v, taken.n);
		z->spans[f] =
			spans_minus(re->arena, &whole, 1, taken.v, taken.n, &z->n_spans[f]);
		vec_free(&taken);
	}
}

static void bind(struct maker *m, struct zone *z, unsigned net)
{
	struct estate *e = &m->re->estate;
	struct binding *v = (struct binding *)e->bindings;
	const struct net *n = &m->nets[net];
	for (unsigned i = 0; i < n->n; i++) {
		const char **ports = arena_array(m->re->arena, 1, sizeof(*ports));
		ports[0] = port_name(m, net, i);
		v[e->n_bindings++] =
			(struct binding){ .zone = z,
					  .device =
						  device_name(m, m->nodes[n->member[i]].device),
					  .ports = ports,
					  .n_ports = 1 };
	}
}

/* The zone keeps its lower half, upper becomes the other one. What is drawn from stays as it
 * is. */
static void split_zone(struct maker *m, struct zone *z, struct zone *upper)
{
	struct random_estate *re = m->re;
	struct binding *v = (struct binding *)re->estate.bindings;
	size_t n_bindings = re->estate.n_bindings;
	*upper = *z;
	upper->name = "second-half";
	for (unsigned f = 0; f < (m->v6 ? 2u : 1u); f++) {
		struct span *low = arena_copy(re->arena, z->spans[f], sizeof(*low));
		struct span *high = arena_copy(re->arena, z->spans[f], sizeof(*high));
		struct addr hosts = addr_and(addr_not((enum family)f, low->lo), low->hi);
		int len = addr_mask_len((enum family)f, addr_not((enum family)f, hosts));
		*low = span_prefix((enum family)f, low->lo, (unsigned)len + 1);
		high->lo = addr_next(low->hi);
		z->spans[f] = low;
		upper->spans[f] = high;
	}
	for (size_t i = 0; i < n_bindings; i++)
		if (v[i].zone == z) {
			v[re->estate.n_bindings] = v[i];
			v[re->estate.n_bindings++].zone = upper;
		}
}

/* Another network has the same addresses: who has no segment to be told by is bound. */
static bool is_reused(const struct maker *m, unsigned net)
{
	for (unsigned i = 0; i < m->n_nets; i++)
		if (i != net && m->nets[i].hosts && m->nets[i].number == m->nets[net].number)
			return true;
	return false;
}

static void random_zones(struct maker *m)
{
	struct random_estate *re = m->re;
	struct rng *r = &m->r;
	struct zone *z = arena_array(re->arena, ZONES_MAX + 2, sizeof(*z));
	size_t n = 0;
	re->policy.zones = z;
	re->estate.bindings = arena_array(re->arena, 64, sizeof(struct binding));
	for (unsigned i = 0; i < m->n_nets && n < ZONES_MAX; i++) {
		const struct net *net = &m->nets[i];
		if (!net->hosts)
			continue;
		bool bound = one_in(r, 4) || (!net->color && is_reused(m, i)),
		     half = one_in(r, 6), wide = bound && one_in(r, 4);
		struct zone *at = &z[n++];
		at->name = arena_printf(re->arena, "z%u", i);
		at->self = one_in(r, 8);
		if (net->color)
			at->segment = segment_of(net->color);
		for (unsigned f = 0; f < (m->v6 ? 2u : 1u); f++) {
			struct addr a = net_addr(net, (enum family)f, 0);
			unsigned len = net->len[f] - (wide && net->len[f] > 16 ? 2 : 0) + half;
			zone_spans(re, at, (enum family)f,
				   (struct span[]){ span_prefix((enum family)f, a, len) }, 1);
		}
		if (bound)
			bind(m, at, i);
		if (half && !wide && one_in(r, 2) && n < ZONES_MAX) {
			/* the other half is another zone on the same network */
			struct zone *other = &z[n++];
			*other = *at;
			other->name = arena_printf(re->arena, "z%u-upper", i);
			for (unsigned f = 0; f < (m->v6 ? 2u : 1u); f++) {
				struct span upper = span_prefix(
					(enum family)f, net_addr(net, (enum family)f, 0),
					net->len[f]);
				upper.lo = addr_next(at->spans[f][0].hi);
				zone_spans(re, other, (enum family)f, &upper, 1);
			}
			if (bound)
				bind(m, other, i);
		}
	}
	if (m->outside < m->n_nodes) {
		z[n] = (struct zone){ .name = "outside", .external = true };
		zone_rest(re, &z[n], n);
		n++;
	}
	if (m->twist == TWIST_HALVES)
		split_zone(m, &z[0], &z[n++]);
	re->policy.n_zones = n;
}

static void random_flows(struct maker *m)
{
	struct random_estate *re = m->re;
	struct rng *r = &m->r;
	struct flow *fl = arena_array(re->arena, 6, sizeof(*fl));
	re->policy.flows = fl;
	re->policy.n_flows = below(r, 7);
	for (size_t i = 0; i < re->policy.n_flows; i++) {
		fl[i].id = "f";
		fl[i].action = (uint8_t)below(r, 3);
		fl[i].from = all_zones(re, (unsigned)re->policy.n_zones);
		fl[i].to = fl[i].from;
		fl[i].n_from = fl[i].n_to = re->policy.n_zones;
		fl[i].service = random_service(m);
	}
}

/* ---- the estate ---- */

static void declared_links(struct maker *m)
{
	struct random_estate *re = m->re;
	struct estate_link *v = arena_array(re->arena, m->n_nets, sizeof(*v));
	for (unsigned i = 0; i < m->n_nets; i++) {
		const struct net *n = &m->nets[i];
		if (n->kind != NET_DECLARED || n->n < 2)
			continue;
		const char **devices = arena_array(re->arena, n->n, sizeof(*devices));
		const char **ports = arena_array(re->arena, n->n, sizeof(*ports));
		for (unsigned k = 0; k < n->n; k++)
			devices[k] = device_name(m, m->nodes[n->member[k]].device),
			ports[k] = port_name(m, i, k);
		v[re->estate.n_links++] =
			(struct estate_link){ .device = devices, .port = ports, .n = n->n };
	}
	re->estate.links = v;
}

static void shuffle(struct rng *r, void *v, size_t n, size_t size)
{
	char *p = v, tmp[512];
	for (size_t i = n; i-- > 1;) {
		size_t k = below(r, (unsigned)i + 1);
		memcpy(tmp, p + i * size, size);
		memcpy(p + i * size, p + k * size, size);
		memcpy(p + k * size, tmp, size);
	}
}

static void random_devices(struct maker *m)
{
	struct rng *r = &m->r;
	for (unsigned d = 0; d < m->n_devices; d++) {
		struct device_build *b = device_build_start(
			m->re->snap, device_name(m, d), "test",
			one_in(r, 2) ? PLANE_VIRTUAL : PLANE_PHYSICAL, LOC_NONE);
		b->dev.routing = ROUTING_WHOLE;
		b->dev.netfilter = one_in(r, 6);
		if (m->unknowns && one_in(r, 14)) {
			b->dev.routing = ROUTING_PART;
			b->dev.routing_why = "router of a protocol";
		} else if (m->unknowns && one_in(r, 40)) {
			b->dev.routing = ROUTING_NONE;
		}
		m->build[d] = b;
	}
	random_ports(m);
	random_outside(m);
	random_zones(m);
	random_routes(m);
	random_oddities(m);
	for (unsigned d = 0; d < m->n_devices; d++) {
		int order = -20;
		unsigned n = one_in(r, 3) ? 0 : below(r, 4);
		connected_routes(m, d);
		random_rules(m, d);
		for (unsigned i = 0; i < 3 && one_in(r, 2); i++)
			random_nat(m, d, &order);
		for (unsigned i = 0; i < n; i++)
			random_filter(m, d, i);
	}
}

void random_estate_init(struct random_estate *re, uint64_t seed, enum twist_kind twist)
{
	struct maker m = { .re = re,
			   .r = { seed * 0x9e3779b97f4a7c15u + 1 },
			   .extra = { seed ^ 0x5bd1e995 },
			   .twist = twist };
	memset(re, 0, sizeof(*re));
	re->arena = arena_create();
	re->snap = snapshot_create();
	m.unknowns = one_in(&m.r, 3);
	m.v6 = one_in(&m.r, 3);
	m.ecmp = one_in(&m.r, 3);
	re->exact = !m.unknowns;
	random_nodes(&m);
	random_nets(&m);
	m.outside = one_in(&m.r, 2) ? below(&m.r, m.n_nodes) : m.n_nodes;
	m.uplink = one_in(&m.r, 2);
	re->policy.name = re->estate.name = "random";
	re->policy.families[FAMILY_V4] = true;
	re->policy.families[FAMILY_V6] = m.v6;
	random_devices(&m);
	random_flows(&m);
	declared_links(&m);
	struct estate_source *src = arena_array(re->arena, m.n_devices, sizeof(*src));
	for (unsigned d = 0; d < m.n_devices; d++)
		src[d] = (struct estate_source){ .name = device_name(&m, d),
						 .plane = -1,
						 .collected_at = -1,
						 .max_age = -1 };
	if (m.outside < m.n_nodes && m.uplink)
		src[m.nodes[m.outside].device].uplink =
			twist == TWIST_RENAME ? "renamed-way-out" : "way-out";
	if (twist == TWIST_ORDER)
		for (unsigned d = 0; d < m.n_devices; d++) {
			struct device_build *b = m.build[d];
			shuffle(&m.extra, b->ports.v, b->ports.n, sizeof(*b->ports.v));
			shuffle(&m.extra, b->routes.v, b->routes.n, sizeof(*b->routes.v));
		}
	for (unsigned d = 0; twist == TWIST_SPLIT && d < m.n_devices; d += 2)
		split_routes(m.build[d]);
	for (unsigned d = 0; d < m.n_devices; d++)
		device_build_finish(m.build[d]);
	re->estate.sources = src;
	re->estate.n_sources = m.n_devices;
	re->estate.policy = &re->policy;
	if (twist != TWIST_ORDER)
		return;
	shuffle(&m.extra, src, m.n_devices, sizeof(*src));
	shuffle(&m.extra, re->snap->devices.v, re->snap->devices.n,
		sizeof(*re->snap->devices.v));
	shuffle(&m.extra, (void *)re->estate.links, re->estate.n_links,
		sizeof(*re->estate.links));
	shuffle(&m.extra, (void *)re->estate.bindings, re->estate.n_bindings,
		sizeof(struct binding));
}

void random_estate_finish(struct random_estate *re)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_free(&re->addr[f]);
	vec_free(&re->port);
	snapshot_destroy(re->snap);
	arena_destroy(re->arena);
}

/* ---- packets ---- */

static struct addr inside(const struct zone *z, const struct random_estate *re, struct rng *r,
			  enum family f)
{
	const struct span *s = &z->spans[f][below(r, (unsigned)z->n_spans[f])];
	for (unsigned i = 0; i < 6; i++) {
		struct addr a = some_addr(re, r, f);
		for (size_t k = 0; k < z->n_spans[f]; k++)
			if (span_has(z->spans[f][k], a))
				return a;
	}
	if (one_in(r, 8))
		return one_in(r, 2) ? s->lo : s->hi;
	struct addr a = s->lo;
	unsigned room = s->hi.hi > s->lo.hi || s->hi.lo - s->lo.lo > 4096
				? 4096
				: (unsigned)(s->hi.lo - s->lo.lo);
	a.lo += below(r, room + 1);
	return a;
}

struct packet random_packet(const struct random_estate *re, struct rng *r,
			    const struct zone *from)
{
	static const uint8_t protos[] = { 1, 6, 6, 6, 6, 17, 17, 47, 132 };
	const struct policy *pol = &re->policy;
	struct packet p = { .state = STATE_NEW, .proto = PICK(r, protos) };
	p.family = pol->families[FAMILY_V6] && one_in(r, 3) ? FAMILY_V6 : FAMILY_V4;
	if (!from->n_spans[p.family])
		p.family = FAMILY_V4;
	enum family f = (enum family)p.family;
	if (f == FAMILY_V6 && p.proto == 1)
		p.proto = 58;
	p.src = inside(from, re, r, f);
	const struct zone *to = &pol->zones[below(r, (unsigned)pol->n_zones)];
	p.dst = one_in(r, 3) || !to->n_spans[f] ? some_addr(re, r, f) : inside(to, re, r, f);
	if (packet_has_ports(&p)) {
		p.sport = one_in(r, 2) ? 40000 : (uint16_t)rng_next(r);
		p.dport = (uint16_t)rng_next(r);
		if (re->port.n && !one_in(r, 6))
			p.dport = re->port.v[below(r, (unsigned)re->port.n)];
		if (re->port.n && one_in(r, 6))
			p.sport = re->port.v[below(r, (unsigned)re->port.n)];
	}
	if (packet_has_icmp(&p))
		p.icmp_type = one_in(r, 2) ? 8 : (uint8_t)rng_next(r), p.icmp_code = 0;
	if (packet_has_flags(&p))
		p.flags = TCP_SYN;
	return p;
}
