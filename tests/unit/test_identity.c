/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/identity_internal.h"
#include "tests/unit/sample_world.h"

/* Blue and green have the same addresses, told apart by segment. */
#define REUSE                                                                                  \
	HEAD TENANTS                                                                           \
		"zones:\n"                                                                     \
		"  - {name: blue-web, tenant: blue, segment: b, prefixes: 10.0.0.0/24}\n"      \
		"  - {name: blue-db, tenant: blue, segment: b, prefixes: 10.0.1.0/24}\n"       \
		"  - {name: green-web, tenant: green, segment: g, prefixes: 10.0.0.0/24}\n"    \
		"  - {name: shared, tenant: all, prefixes: 10.9.0.0/24}\n"                     \
		"  - {name: red, tenant: green, prefixes: [10.5.0.0/24, \"2001:db8::/64\"]}\n" \
		"  - {name: internet, external: true}\n"
#define SEGMENTS                                                                               \
	"segments:\n"                                                                          \
	"  - {tenant: blue, vni: 5001}\n"                                                      \
	"  - {tenant: green, vni: 5002}\n"                                                     \
	"  - {tenant: blue, vlan: 20}\n"                                                       \
	"  - {tenant: green, vlan: [100, 20]}\n"                                               \
	"  - {tenant: all, vlan: 9}\n"                                                         \
	"  - {zone: blue-web, vlan: 30, interface: eth1}\n"                                    \
	"  - {tenant: green, vlan: 30}\n"                                                      \
	"  - {zone: red, interface: tap0}\n"                                                   \
	"  - {tenant: blue, mpls: 300, gre_key: 7}\n"

struct whose {
	struct world w;
	struct identity *id;
};

static struct whose whose(const char *policy_text, const char *estate_text,
			  void (*build)(struct snapshot *s))
{
	struct whose x = { .w = world(policy_text, estate_text, build) };
	x.id = identity_create(x.w.r.arena, x.w.r.estate, x.w.graph);
	return x;
}

static struct parties ask_who(struct whose *x, const char *interface, struct flow_record r)
{
	struct parties ps;
	identity_of(x->id, interface, &r, &ps);
	return ps;
}

static const char *name(const struct party *p)
{
	return p->zone ? p->zone->name : "-";
}

#define ENDS(ps, f, t)                                                                         \
	do {                                                                                   \
		cr_expect_str_eq(name(&(ps).from), f);                                         \
		cr_expect_str_eq(name(&(ps).to), t);                                           \
	} while (0)

Test(identity, by_address)
{
	struct whose x = whose(REUSE, ESTATE SOURCES, NULL);
	struct parties ps = ask_who(&x, NULL, seen("tcp 10.5.0.9 40000 10.9.0.1 443"));
	ENDS(ps, "red", "shared");
	cr_expect(!ps.from.by_segment && !ps.segment && !ps.spoofed && !ps.unknown_segment);
	cr_expect_str_eq(ps.from.tenant->name, "green");
	ps = ask_who(&x, NULL, seen("udp 2001:db8::1 9 2001:db8:1::1 53"));
	ENDS(ps, "red", "internet");
	ps = ask_who(&x, NULL, seen("udp 192.0.2.1 9 10.9.1.0 53"));
	ENDS(ps, "internet", "internet");
	world_end(&x.w);
}

/* Never guessed: what two zones have is nobody's without a segment. */
Test(identity, reused_addresses_are_ambiguous)
{
	struct whose x = whose(REUSE, ESTATE SOURCES SEGMENTS, NULL);
	struct flow_record r = seen("tcp 10.0.0.1 40000 10.0.1.2 443");
	struct parties ps = ask_who(&x, NULL, r);
	ENDS(ps, "-", "blue-db");
	cr_expect(ps.from.ambiguous && !ps.from.tenant && !ps.to.ambiguous);
	ps = ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 77));
	ENDS(ps, "-", "blue-db");
	cr_expect(ps.unknown_segment && ps.from.ambiguous);
	world_end(&x.w);
}

Test(identity, the_segment_chooses)
{
	struct whose x = whose(REUSE, ESTATE SOURCES SEGMENTS, NULL);
	struct flow_record r = seen("tcp 10.0.0.1 40000 10.0.0.2 443");
	struct flow_record blue = tunnelled(r, SEGMENT_VNI, 5001);
	struct parties ps;
	identity_of(x.id, NULL, &blue, &ps);
	ENDS(ps, "blue-web", "blue-web");
	cr_expect(ps.from.by_segment && ps.declared && !ps.spoofed);
	cr_expect(ps.segment == &blue.segments[0], "told in the record");
	ps = ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5002));
	ENDS(ps, "green-web", "green-web");
	/* the tunnel's own VLAN tells nothing of what is inside */
	ps = ask_who(&x, NULL, tunnelled(tagged(r, SEGMENT_VLAN, 20), SEGMENT_VNI, 5002));
	ENDS(ps, "green-web", "green-web");
	ps = ask_who(&x, NULL, tunnelled(tagged(r, SEGMENT_VLAN, 20), SEGMENT_VNI, 6000));
	ENDS(ps, "-", "-");
	cr_expect(ps.unknown_segment);
	/* the innermost tag counts */
	ps = ask_who(&x, NULL, tagged(tunnelled(r, SEGMENT_VNI, 5002), SEGMENT_VLAN, 20));
	ENDS(ps, "blue-web", "blue-web");
	ps = ask_who(&x, NULL, tagged(tunnelled(r, SEGMENT_VNI, 5002), SEGMENT_VLAN, 21));
	ENDS(ps, "green-web", "green-web");
	world_end(&x.w);
}

Test(identity, tags_are_told_whole)
{
	struct whose x = whose(REUSE, ESTATE SOURCES SEGMENTS, NULL);
	struct flow_record r = seen("tcp 10.0.0.1 40000 10.0.0.2 443");
	struct parties ps = ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 20));
	ENDS(ps, "blue-web", "blue-web");
	ps = ask_who(&x, NULL, tagged(tagged(r, SEGMENT_VLAN, 100), SEGMENT_VLAN, 20));
	ENDS(ps, "green-web", "green-web");
	ps = ask_who(&x, NULL, tagged(tagged(r, SEGMENT_VLAN, 0), SEGMENT_VLAN, 20));
	ENDS(ps, "blue-web", "blue-web");
	ps = ask_who(&x, NULL, tagged(tagged(r, SEGMENT_VLAN, 101), SEGMENT_VLAN, 20));
	ENDS(ps, "-", "-");
	ps = ask_who(&x, NULL,
		     tagged(tagged(tagged(r, SEGMENT_VLAN, 1), SEGMENT_VLAN, 100), SEGMENT_VLAN,
			    20));
	ENDS(ps, "-", "-");
	/* more that is asked for counts more */
	ps = ask_who(&x, "eth1", tagged(r, SEGMENT_VLAN, 30));
	ENDS(ps, "blue-web", "blue-web");
	ps = ask_who(&x, "eth2", tagged(r, SEGMENT_VLAN, 30));
	ENDS(ps, "green-web", "green-web");
	ps = ask_who(&x, NULL, tagged(tunnelled(r, SEGMENT_GRE_KEY, 7), SEGMENT_MPLS, 300));
	ENDS(ps, "blue-web", "blue-web");
	ps = ask_who(&x, NULL, tagged(r, SEGMENT_MPLS, 300));
	ENDS(ps, "-", "-");
	ps = ask_who(&x, NULL,
		     tagged(tagged(tunnelled(r, SEGMENT_GRE_KEY, 7), SEGMENT_MPLS, 300),
			    SEGMENT_MPLS, 301));
	ENDS(ps, "-", "-");
	world_end(&x.w);
}

Test(identity, spoofed)
{
	struct whose x = whose(REUSE, ESTATE SOURCES SEGMENTS, NULL);
	struct flow_record r = seen("tcp 10.5.0.9 40000 10.9.0.1 443");
	cr_expect(ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5001)).spoofed);
	cr_expect(!ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5002)).spoofed);
	/* others' packets cross the shared tenant's segment */
	cr_expect(!ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 9)).spoofed);
	/* one zone's segment: the other one is a stranger too, even of its own tenant */
	cr_expect(!ask_who(&x, "tap0", r).spoofed);
	cr_expect(ask_who(&x, "tap0", seen("tcp 10.0.1.9 40000 10.9.0.1 443")).spoofed);
	/* inside a tunnel the interface tells nothing */
	r = seen("tcp 10.0.1.9 40000 10.9.0.1 443");
	r.n_tunnels = 1;
	r.tunnels[0].proto = 4;
	cr_expect(!ask_who(&x, "tap0", r).spoofed);
	/* nor does the segment that a tunnel without a tag is in */
	cr_expect(!ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 9)).segment);
	/* a packet that its source routes isn't in a tunnel */
	r.tunnels[0].proto = 43;
	cr_expect(ask_who(&x, "tap0", r).spoofed);
	/* it asks for an address, or talks on its own link */
	r = seen("udp 0.0.0.0 68 255.255.255.255 67");
	struct parties ps = ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5001));
	cr_expect(!ps.spoofed && ps.from.local && ps.to.local && !ps.from.zone);
	r = seen("udp 10.5.0.9 5353 224.0.0.251 5353");
	cr_expect(ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5001)).spoofed);
	r = seen("udp 10.0.0.9 5353 224.0.0.251 5353");
	cr_expect(!ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 5001)).spoofed);
	ps = ask_who(&x, NULL, seen("udp 10.5.0.9 5353 239.1.1.1 5353"));
	cr_expect(ps.to.group && !ps.to.local && !ps.to.zone);
	world_end(&x.w);
}

/* --- what was read --- */

static const struct match *to_one(struct snapshot *s, const char *dst)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(dst, strlen(dst), &f, &a));
	return match_prefix(&s->matches, FIELD_DST, f, a, 32);
}

static struct span one(const char *text)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(text, strlen(text), &f, &a));
	return (struct span){ a, a };
}

/* blue-db behind a bridge with an overlay; a published server, a host under another address,
 * a pool. */
static void build_edge(struct snapshot *s)
{
	struct device_build *b =
		device_build_start(s, "edge", "test", PLANE_PHYSICAL, LOC_NONE);
	struct prefix net = { FAMILY_V4, 24, one("10.0.1.0").lo };
	struct prefix red = { FAMILY_V4, 24, one("10.5.0.0").lo };
	*vec_add(&b->ports) =
		(struct port){ .name = "br0",
			       .kind = "bridge",
			       .up = true,
			       .segment = "b",
			       .prefixes = arena_copy(s->arena, &net, sizeof(net)),
			       .n_prefixes = 1 };
	*vec_add(&b->ports) = (struct port){
		.name = "vx0", .up = true, .master = "br0", .has_vni = true, .vni = 0x77
	};
	*vec_add(&b->ports) =
		(struct port){ .name = "red",
			       .up = true,
			       .vlan = 55,
			       .prefixes = arena_copy(s->arena, &red, sizeof(red)),
			       .n_prefixes = 1 };
	struct span *to = arena_array(s->arena, 3, sizeof(*to));
	to[0] = one("10.5.0.80");
	to[1] = one("198.51.100.9");
	to[2] = one("198.51.100.1");
	*vec_add(&b->nats) = (struct nat){ .rewrites = NAT_DESTINATION,
					   .kind = NAT_SHIFT,
					   .match = to_one(s, "198.51.100.80"),
					   .touches = match_all(&s->matches),
					   .from = one("198.51.100.80"),
					   .to = &to[0],
					   .n_to = 1 };
	*vec_add(&b->nats) = (struct nat){ .rewrites = NAT_SOURCE,
					   .kind = NAT_SHIFT,
					   .match = match_all(&s->matches),
					   .touches = match_all(&s->matches),
					   .from = one("10.5.0.9"),
					   .to = &to[1],
					   .n_to = 1 };
	*vec_add(&b->nats) = (struct nat){ .rewrites = NAT_SOURCE,
					   .kind = NAT_POOL,
					   .match = match_all(&s->matches),
					   .touches = match_all(&s->matches),
					   .to = &to[2],
					   .n_to = 1 };
	device_build_finish(b);
}

Test(identity, hints_from_what_was_read)
{
	struct whose x = whose(REUSE, ESTATE SOURCES, build_edge);
	struct flow_record r = seen("tcp 10.5.0.9 40000 10.9.0.1 443");
	struct parties ps = ask_who(&x, NULL, tunnelled(r, SEGMENT_VNI, 0x77));
	cr_expect(ps.spoofed && !ps.declared);
	cr_expect_str_eq(ps.segment_tenant->name, "blue");
	ps = ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 55));
	cr_expect(!ps.spoofed && !ps.declared && !ps.unknown_segment);
	/* what was read says the tenant: its other zones may be there as well */
	r = seen("tcp 10.0.1.9 40000 10.9.0.1 443");
	cr_expect(ask_who(&x, NULL, tagged(r, SEGMENT_VLAN, 55)).spoofed);
	world_end(&x.w);
}

Test(identity, translated_addresses)
{
	struct whose x = whose(REUSE, ESTATE SOURCES, build_edge);
	struct parties ps = ask_who(&x, NULL, seen("tcp 192.0.2.1 40000 198.51.100.80 443"));
	/* published: either the address as it is, or the zone that it leads to */
	ENDS(ps, "internet", "-");
	cr_assert_eq(ps.to.n_candidates, 2);
	cr_expect(!ps.to.ambiguous);
	cr_expect_str_eq(ps.to.candidates[0].zone->name, "red");
	cr_expect(ps.to.candidates[0].translated && !ps.to.candidates[0].own);
	ps = ask_who(&x, NULL, seen("tcp 198.51.100.9 40000 192.0.2.1 443"));
	cr_assert_eq(ps.from.n_candidates, 2);
	cr_expect_str_eq(ps.from.candidates[0].zone->name, "red");
	cr_expect(addr_equal(ps.from.candidates[0].from, one("10.5.0.9").lo));
	ps = ask_who(&x, NULL, seen("tcp 198.51.100.1 40000 192.0.2.1 443"));
	cr_expect(ps.from.masked && !ps.to.masked);
	world_end(&x.w);
}

Test(identity, exclusions)
{
	struct whose x = whose(REUSE "exclusions:\n"
				     "  - {id: lab, prefixes: 10.5.0.128/25, reason: a lab}\n"
				     "  - {id: ntp, service: ntp, reason: time}\n"
				     "services: {ntp: {proto: udp, port: 123}}\n",
			       ESTATE SOURCES, NULL);
	struct parties ps = ask_who(&x, NULL, seen("tcp 10.5.0.129 40000 10.5.0.127 443"));
	cr_expect(ps.from.excluded && !ps.to.excluded);
	ENDS(ps, "red", "red");
	world_end(&x.w);
}

/* --- the index agrees with looking at every prefix --- */

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static const char *linear(const struct policy *p, enum family f, struct addr a)
{
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < p->zones[i].n_spans[f]; k++)
			if (span_has(p->zones[i].spans[f][k], a))
				return p->zones[i].name;
	return "-";
}

static void many_prefixes(size_t n, uint64_t seed)
{
	struct text t = { 0 };
	uint64_t s = seed;
	text_put(&t, HEAD "zones:\n  - {name: internet, external: true}\n");
	for (size_t i = 0; i < n; i++) {
		uint64_t r = next_random(&s);
		/* /28 of 10.0.0.0/8 and /64 of two far prefixes, each once */
		text_putf(&t,
			  "  - {name: z%zu, prefixes: [10.%zu.%zu.%u/28, \"%s:%zx::/64\"]}\n",
			  i, i >> 8 & 255, i & 255, (unsigned)(r & 15) << 4,
			  r & 16 ? "2001:db8:0" : "fd00:1:1", i);
	}
	struct whose x = whose(t.s, ESTATE SOURCES, NULL);
	text_finish(&t);
	for (size_t i = 0; i < 20000; i++) {
		uint64_t r = next_random(&s);
		enum family f = r & 1 ? FAMILY_V6 : FAMILY_V4;
		const struct zone *z =
			&x.w.r.policy->zones[1 + next_random(&s) % (x.w.r.policy->n_zones - 1)];
		struct addr a = z->spans[f][0].lo;
		switch (r >> 1 & 7) {
		case 0:
			a = addr_prev(a);
			break;
		case 1:
			a = z->spans[f][0].hi;
			break;
		case 2:
			a = addr_next(z->spans[f][0].hi);
			break;
		case 3:
			a = (struct addr){ f == FAMILY_V6 ? next_random(&s) : 0,
					   f == FAMILY_V6 ? next_random(&s)
							  : next_random(&s) >> 32 };
			break;
		case 4:
			a = r & 16 ? addr_max(f) : (struct addr){ 0, 0 };
			break;
		}
		const struct zone *got = identity_zone(x.id, f, a);
		cr_assert_str_eq(got ? got->name : "-", linear(x.w.r.policy, f, a),
				 "seed %llu, %zu", (unsigned long long)seed, i);
	}
	world_end(&x.w);
}

Test(identity, index_agrees_with_every_prefix)
{
	for (uint64_t seed = 1; seed < 4; seed++) {
		many_prefixes(1, seed);
		many_prefixes(30, seed);
		many_prefixes(1500, seed);
	}
}
