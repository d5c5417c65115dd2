/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of one flow for another is what judging the other in full would have said. */
#include "capture/judge.h"
#include "tests/unit/sample_world.h"

#define ZONES_QUICK                                                                            \
	HEAD TENANTS                                                                           \
		"zones:\n"                                                                     \
		"  - {name: web, tenant: blue, prefixes: [10.1.0.0/24, "                       \
		"\"2001:db8:1::/64\"]}\n"                                                      \
		"  - {name: db, tenant: blue, segment: b, prefixes: 10.2.0.0/24}\n"            \
		"  - {name: twin, tenant: green, segment: g, prefixes: 10.2.0.0/24}\n"         \
		"  - {name: app, tenant: green, prefixes: [10.3.0.0/24, "                      \
		"\"2001:db8:3::/64\"]}\n"                                                      \
		"  - {name: ops, tenant: all, prefixes: 10.9.0.0/24, self: true}\n"            \
		"  - {name: internet, external: true}\n"                                       \
		"services:\n"                                                                  \
		"  https: tcp/443\n"                                                           \
		"  pg: tcp/5432\n"                                                             \
		"  dns: udp/53\n"                                                              \
		"  ping: icmp/8\n"                                                             \
		"flows:\n"                                                                     \
		"  - {id: in, from: internet, to: web, service: https, action: allow}\n"       \
		"  - {id: store, from: web, to: db, service: [pg, ping], action: require}\n"   \
		"  - {id: names, from: web, to: internet, service: dns, action: allow}\n"      \
		"  - {id: other, from: web, to: app, service: https, action: allow}\n"         \
		"  - {id: all, from: ops, to: web, service: any, action: allow}\n"             \
		"exclusions:\n"                                                                \
		"  - {id: lab, prefixes: 10.3.0.128/25, reason: a lab}\n"
#define SEGMENTS_QUICK                                                                         \
	HEAD "policy: policy.yaml\n"                                                           \
	     "sources: [{name: edge, file: edge.cfg}]\n"                                       \
	     "bindings:\n"                                                                     \
	     "  - {zone: web, device: edge, interface: dmz}\n"                                 \
	     "  - {zone: db, device: edge, interface: db}\n"                                   \
	     "  - {zone: app, device: edge, interface: app}\n"                                 \
	     "  - {zone: ops, device: edge, interface: ops}\n"                                 \
	     "  - {zone: internet, device: edge, interface: outside}\n"                        \
	     "segments:\n"                                                                     \
	     "  - {tenant: blue, vlan: 20}\n"                                                  \
	     "  - {tenant: green, vlan: [100, 20]}\n"
#define BY_INTERFACE "  - {zone: app, vlan: 30, interface: eth1}\n"

static struct addr address(const char *s)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(s, strlen(s), &f, &a));
	return a;
}

static const struct match *to(struct snapshot *s, const char *prefix)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	cr_assert(prefix_parse(prefix, strlen(prefix), &f, &a, &len, &host_bits));
	return match_prefix(&s->matches, FIELD_DST, f, a, len);
}

/* Permits most of what is declared, and more; one server is published, one host translated. */
static void build(struct snapshot *s)
{
	static const char *const ports[] = { "outside", "dmz", "db", "app", "ops" };
	static const char *const open[] = { "10.1.0.0/24", "10.2.0.0/25", "192.0.2.0/24" };
	struct device_build *b =
		device_build_start(s, "edge", "test", PLANE_PHYSICAL, LOC_NONE);
	for (size_t i = 0; i < 5; i++)
		*vec_add(&b->ports) = (struct port){ .name = ports[i], .up = true };
	struct ruleset *rs = device_build_ruleset(b, "filter", "chain", LOC_NONE);
	struct rule rules[3] = { 0 };
	for (size_t i = 0; i < 3; i++) {
		rules[i].match = to(s, open[i]);
		rules[i].verdict = VERDICT_PERMIT;
	}
	device_build_rules(b, rs, rules, 3);
	device_build_hook(b, HOOK_FORWARD, 0, NULL, rs, LOC_NONE);
	struct span *moved = arena_array(s->arena, 2, sizeof(*moved));
	moved[0] = (struct span){ address("10.1.0.80"), address("10.1.0.80") };
	moved[1] = (struct span){ address("198.51.100.9"), address("198.51.100.9") };
	*vec_add(&b->nats) =
		(struct nat){ .rewrites = NAT_DESTINATION,
			      .kind = NAT_SHIFT,
			      .match = to(s, "198.51.100.80/32"),
			      .touches = match_all(&s->matches),
			      .from = { address("198.51.100.80"), address("198.51.100.80") },
			      .to = &moved[0],
			      .n_to = 1 };
	*vec_add(&b->nats) = (struct nat){ .rewrites = NAT_SOURCE,
					   .kind = NAT_SHIFT,
					   .match = match_all(&s->matches),
					   .touches = match_all(&s->matches),
					   .from = { address("10.9.0.9"), address("10.9.0.9") },
					   .to = &moved[1],
					   .n_to = 1 };
	device_build_finish(b);
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 8;
}

static struct flow_record any(uint64_t *s)
{
	static const char *const v4[] = { "10.1.0.5",	   "10.1.0.80",	   "10.2.0.5",
					  "10.2.0.200",	   "10.3.0.5",	   "10.3.0.200",
					  "10.9.0.5",	   "10.9.0.9",	   "192.0.2.1",
					  "198.51.100.80", "198.51.100.9", "255.255.255.255",
					  "169.254.1.1",   "239.1.2.3",	   "203.0.113.7" };
	static const char *const v6[] = { "2001:db8:1::5", "2001:db8:3::5", "2001:db8:f::1",
					  "fe80::1",	   "ff02::1",	    "ff0e::1" };
	static const uint8_t protos[] = { PROTO_TCP,  PROTO_TCP,    PROTO_UDP, PROTO_UDP,
					  PROTO_ICMP, PROTO_ICMPV6, PROTO_GRE, 0 };
	static const uint16_t ports[] = { 443, 5432, 53, 40000, 22, 8080 };
	static const uint16_t vlans[] = { 20, 100, 30, 7, 0 };
	enum { V4 = sizeof(v4) / sizeof(*v4), V6 = sizeof(v6) / sizeof(*v6) };
	bool six = next_random(s) % 4 == 0;
	struct flow_record r = { .kind = RECORD_FIRST,
				 .has_ip = next_random(s) % 50 != 0,
				 .began = (uint8_t)(next_random(s) % 3) };
	struct packet *p = &r.packet;
	p->family = six ? FAMILY_V6 : FAMILY_V4;
	p->proto = protos[next_random(s) % sizeof(protos)];
	p->src = address(six ? v6[next_random(s) % V6] : v4[next_random(s) % V4]);
	p->dst = address(six ? v6[next_random(s) % V6] : v4[next_random(s) % V4]);
	if (packet_has_ports(p)) {
		p->sport = ports[next_random(s) % 6];
		p->dport = ports[next_random(s) % 6];
	}
	if (packet_has_icmp(p))
		p->icmp_type = six ? 128 + next_random(s) % 2 : next_random(s) % 2 * 8;
	if (p->proto == PROTO_TCP)
		p->flags = next_random(s) % 2 ? TCP_SYN : TCP_ACK;
	for (size_t n = next_random(s) % 5; n > 2 && r.n_segments < n - 1;)
		r = tagged(r, SEGMENT_VLAN, vlans[next_random(s) % 5]);
	if (next_random(s) % 20 == 0)
		r.fragments = p->fragment = 1;
	if (next_random(s) % 20 == 0)
		r.opaque = OPAQUE_ENCRYPTED + next_random(s) % 3;
	if (next_random(s) % 20 == 0)
		r.anomalies = (uint16_t)(next_random(s) & 0x7f);
	if (next_random(s) % 20 == 0)
		r = tunnelled(r, SEGMENT_GRE_KEY, 7);
	r.packets[0] = 1;
	r.bytes[0] = 60;
	return r;
}

static void expect_same_party(const struct party *a, const struct party *b, uint64_t seed)
{
	cr_assert_eq(a->zone, b->zone, "seed %llu", (unsigned long long)seed);
	cr_assert_eq(a->tenant, b->tenant);
	cr_assert(a->ambiguous == b->ambiguous && a->excluded == b->excluded);
	cr_assert(a->by_segment == b->by_segment && a->local == b->local);
	cr_assert(a->group == b->group && a->masked == b->masked);
	cr_assert(a->translated == b->translated && a->n_candidates == b->n_candidates);
}

static void expect_same(const struct judgement *a, const struct judgement *b, uint64_t seed)
{
	cr_assert_eq(a->observed, b->observed, "seed %llu: %u, not %u",
		     (unsigned long long)seed, a->observed, b->observed);
	cr_assert_eq(a->flow, b->flow, "seed %llu", (unsigned long long)seed);
	cr_assert_eq(a->why, b->why, "seed %llu: %s, not %s", (unsigned long long)seed, a->why,
		     b->why);
	cr_assert_eq(a->certainty, b->certainty);
	cr_assert_eq(a->reversed, b->reversed, "seed %llu", (unsigned long long)seed);
	cr_assert_eq(a->across, b->across, "seed %llu", (unsigned long long)seed);
	cr_assert_eq(a->undecided, b->undecided);
	cr_assert_eq(a->pair, b->pair);
	cr_assert_eq(a->together, b->together);
	cr_assert(!memcmp(a->plane, b->plane, sizeof(a->plane)));
	cr_assert(a->portless == b->portless && a->tunnel == b->tunnel);
	cr_assert_eq(a->excepted.exception, b->excepted.exception);
	cr_assert_eq(a->parties.segment_tenant, b->parties.segment_tenant);
	cr_assert_eq(a->parties.segment_zone, b->parties.segment_zone);
	cr_assert_eq(a->parties.declared, b->parties.declared);
	cr_assert_eq(a->parties.spoofed, b->parties.spoofed);
	cr_assert_eq(a->parties.unknown_segment, b->parties.unknown_segment);
	expect_same_party(&a->parties.from, &b->parties.from, seed);
	expect_same_party(&a->parties.to, &b->parties.to, seed);
}

/* How many are kept, by verdict. */
static void compare(const char *estate_text, size_t *ret_kept)
{
	struct world w = world(ZONES_QUICK, estate_text, build);
	struct check_options *o = arena_alloc(w.r.arena, sizeof(*o));
	struct judge *j = judge_create(w.r.arena, w.r.estate, w.snap, o);
	uint64_t s = 2026;
	for (size_t i = 0; i < 300000; i++) {
		uint64_t seed = s;
		struct flow_record r = any(&s);
		const char *interface = next_random(&s) % 2 ? "eth1" : NULL;
		struct judgement full;
		/* a pair is followed from its first flow on, whoever judges that one */
		bool first = next_random(&s) % 2;
		if (first)
			judge_flow(j, interface, &r, &full);
		const struct judgement *g = judge_quick(j, interface, &r);
		if (!g)
			continue;
		struct judgement kept = *g;
		cr_assert(kept.observed < OBSERVED_UNDECLARED);
		if (!first)
			judge_flow(j, interface, &r, &full);
		expect_same(&kept, &full, seed);
		ret_kept[kept.observed]++;
	}
	judge_destroy(j);
	world_end(&w);
}

Test(judge_quick, says_what_judging_in_full_says)
{
	size_t kept[OBSERVED_COUNT] = { 0 };
	compare(SEGMENTS_QUICK, kept);
	for (int i = 0; i < OBSERVED_UNDECLARED; i++)
		cr_expect_gt(kept[i], 500, "%d: %zu", i, kept[i]);
}

/* Where segments are told by interface, none of an interface is kept. */
Test(judge_quick, interfaces_count)
{
	size_t kept[OBSERVED_COUNT] = { 0 };
	compare(SEGMENTS_QUICK BY_INTERFACE, kept);
	for (int i = 0; i < OBSERVED_UNDECLARED; i++)
		cr_expect_gt(kept[i], 200, "%d: %zu", i, kept[i]);
}
