/* SPDX-License-Identifier: Apache-2.0 */
/* What is connected with what, and what is said of packets whose way can't be told for sure. */
#include <stdio.h>
#include <string.h>

#include "diff/engine.h"
#include "diff/reply.h"
#include "model/snapshot.h"
#include "tests/unit/policy_run.h"

static struct run run;
static struct snapshot *snap;
static struct engine en;
static struct path way; /* of the last that was asked */
static struct pair pair;

#define ZONES_HERE_AND_THERE                                                                   \
	HEAD "zones:\n"                                                                        \
	     "  - {name: here, prefixes: 10.1.0.0/24}\n"                                       \
	     "  - {name: there, prefixes: 10.2.0.0/24}\n"

static void start(void)
{
	run = estate(ZONES_HERE_AND_THERE,
		     HEAD "policy: policy.yaml\nsources:\n"
			  "  - {name: r0, file: r0.cfg}\n  - {name: r1, file: r1.cfg}\n");
	cr_assert(!run.err, "%s", run.d.n ? run.d.v[0].text : "");
	snap = snapshot_create();
}

/* All devices are there. */
static void ready(void)
{
	engine_init(&en, run.arena, run.estate, snap, NULL, (size_t)1 << 28, NULL, NULL);
}

static void finish(void)
{
	engine_finish(&en);
	snapshot_destroy(snap);
	end(&run);
}

static struct device_build *device(const char *name)
{
	struct device_build *b =
		device_build_start(snap, name, "linux", PLANE_PHYSICAL, LOC_NONE);
	b->dev.netfilter = true;
	b->dev.connected = true;
	b->dev.routing = ROUTING_WHOLE;
	return b;
}

static void port(struct device_build *b, const char *name, const char *wire,
		 const char *address)
{
	struct port p = { .name = name, .kind = "interface", .wire = wire, .up = true };
	if (address) {
		enum family f;
		unsigned len;
		bool host_bits;
		struct addr *a = arena_array(snap->arena, 1, sizeof(*a));
		struct prefix *px = arena_array(snap->arena, 1, sizeof(*px));
		cr_assert(prefix_parse(address, strlen(address), &f, a, &len, &host_bits));
		*px = (struct prefix){ (uint8_t)f, (uint8_t)len, *a };
		p.addrs = a;
		p.prefixes = px, p.n_prefixes = 1;
	}
	*vec_add(&b->ports) = p;
}

/* A switch of cables. */
static struct device_build *bridge(const char *name)
{
	struct device_build *b = device(name);
	*vec_add(&b->ports) =
		(struct port){ .name = "br", .kind = "bridge", .up = true, .alone = false };
	return b;
}

static void member(struct device_build *b, const char *name, const char *wire, bool up)
{
	*vec_add(&b->ports) = (struct port){
		.name = name, .kind = "interface", .master = "br", .wire = wire, .up = up
	};
}

static struct addr at(const char *address)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	cr_assert(prefix_parse(address, strlen(address), &f, &a, &len, &host_bits));
	return a;
}

static const struct match *sources(const char *prefix)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	cr_assert(prefix_parse(prefix, strlen(prefix), &f, &a, &len, &host_bits));
	return match_prefix(&snap->matches, FIELD_SRC, f, a, len);
}

static void route(struct device_build *b, const char *table, const char *prefix,
		  const char *via)
{
	enum family f;
	unsigned len;
	bool host_bits;
	struct route r = { .segment = table, .has_via = true, .via = at(via) };
	cr_assert(prefix_parse(prefix, strlen(prefix), &f, &r.dst.addr, &len, &host_bits));
	r.dst.family = (uint8_t)f, r.dst.len = (uint8_t)len;
	*vec_add(&b->routes) = r;
}

/* Sources that leave by the port become the address. */
static void masquerade(struct device_build *b, const char *out, const char *address)
{
	struct span *to = arena_array(snap->arena, 1, sizeof(*to));
	*to = (struct span){ at(address), at(address) };
	const struct match *any = match_family(&snap->matches, FAMILY_V4);
	*vec_add(&b->nats) = (struct nat){ .text = "masquerade",
					   .out = out,
					   .touches = any,
					   .takes = any,
					   .match = any,
					   .rewrites = NAT_SOURCE,
					   .kind = NAT_POOL,
					   .to = to,
					   .n_to = 1,
					   .order = 100 };
}

/* Nobody sends the host what has its own address. */
static void refuses_its_own(struct device_build *b, const char *name, const char *own)
{
	vec_each (p, &b->ports)
		if (!strcmp(p->name, name)) {
			p->present = match_not(&snap->matches, sources(own));
			p->present_dst = match_all(&snap->matches);
		}
}

/* "gap", "out", "unsaid", "sure", "maybe", "no": what is said of a first packet here to there.
 */
static const char *said(const char *line)
{
	struct packet p;
	const char *why;
	const struct zone *here = policy_zone(run.policy, "here"),
			  *there = policy_zone(run.policy, "there");
	cr_assert(packet_parse(run.arena, line, strlen(line), &p, &why), "%s", why);
	path_find(run.arena, en.graph, &en.matches, here, there, &way);
	engine_pair(&en, &way, FAMILY_V4, NULL, &pair);
	cr_assert(!pair.spent && !pair.lost);
	struct pset_space *sp = en.space[FAMILY_V4];
	if (pset_has(sp, pair.unknown, &p))
		return "gap";
	if (!pset_has(sp, pair.universe, &p))
		return path_known(&way) ? "out" : "unsaid";
	if (pset_has(sp, pair.effective.sure, &p))
		return "sure";
	return pset_has(sp, pair.effective.maybe, &p) ? "maybe" : "no";
}

#define PACKET "udp 10.1.0.5 1024 10.2.0.5 53"

/* Where the zone's hosts are: the port's name, "" for nowhere. */
static const char *behind(const char *zone)
{
	const struct zone *z = policy_zone(run.policy, zone);
	const struct graph_zone *gz = &en.graph->attached[z - run.policy->zones];
	cr_assert_leq(gz->n, 1);
	return gz->n ? arena_printf(run.arena, "%s %s",
				    en.graph->nodes[gz->v[0].node].device->name,
				    gz->v[0].ports[0])
		     : "";
}

static void router_between(void)
{
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", "cable 1", "10.2.0.1/24");
	device_build_finish(b);
}

/* ---- where hosts are -------------------------------------------------------------------- */

Test(graph, hosts_are_where_cables_end)
{
	start();
	router_between();
	struct device_build *b = bridge("s1");
	member(b, "eth0", "cable 1", true);
	member(b, "eth1", "cable 2", true);
	device_build_finish(b);
	ready();
	cr_expect_str_eq(behind("there"), "s1 eth1");
	cr_expect_str_eq(said(PACKET), "sure");
	finish();
}

Test(graph, hosts_behind_a_port_that_is_down_are_nowhere)
{
	start();
	router_between();
	struct device_build *b = bridge("s1");
	member(b, "eth0", "cable 1", true);
	member(b, "eth1", "cable 2", false);
	device_build_finish(b);
	ready();
	cr_expect_str_eq(behind("there"), "", "%s", behind("there"));
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
}

Test(graph, another_port_that_is_up_is_theirs)
{
	start();
	router_between();
	struct device_build *b = bridge("s1");
	member(b, "eth0", "cable 1", true);
	member(b, "eth1", "cable 2", false);
	member(b, "eth2", "cable 3", true);
	device_build_finish(b);
	ready();
	cr_expect_str_eq(behind("there"), "s1 eth2");
	finish();
}

Test(graph, however_many_bridges_are_between)
{
	enum { N = 600 };
	start();
	router_between();
	for (int i = 1; i <= N; i++) {
		struct device_build *b = bridge(arena_printf(run.arena, "s%d", i));
		member(b, "eth0", arena_printf(run.arena, "cable %d", i), true);
		member(b, "eth1", arena_printf(run.arena, "cable %d", i + 1), true);
		device_build_finish(b);
	}
	ready();
	cr_expect_str_eq(behind("there"), "s600 eth1");
	finish();
}

/* ---- next hops --------------------------------------------------------------------------- */

Test(graph, a_next_hop_that_another_route_drops_is_a_gap)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", NULL, "10.9.0.1/24");
	route(b, NULL, "10.2.0.0/24", "10.8.0.1");
	route(b, NULL, "10.8.0.0/16", "10.9.0.2");
	b->routes.v[1].drop = true, b->routes.v[1].has_via = false;
	device_build_finish(b);
	b = device("r1");
	port(b, "eth0", NULL, "10.9.0.2/24");
	port(b, "eth1", NULL, "10.2.0.1/24");
	device_build_finish(b);
	ready();
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
}

/* ---- on one link ------------------------------------------------------------------------- */

/* A second router's address on the link of `here`, of which r0 is the other router. */
static const char *beside(const char *address)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", "link", "10.1.0.1/24");
	port(b, "eth1", NULL, "10.2.0.1/24");
	struct span *to = arena_array(snap->arena, 1, sizeof(*to));
	*to = (struct span){ at("10.2.0.5/32"), at("10.2.0.5/32") };
	const struct match *any = match_family(&snap->matches, FAMILY_V4);
	*vec_add(&b->nats) = (struct nat){ .text = "dnat",
					   .in = "eth0",
					   .touches = any,
					   .takes = any,
					   .match = any,
					   .rewrites = NAT_DESTINATION,
					   .kind = NAT_POOL,
					   .to = to,
					   .n_to = 1,
					   .order = -99 };
	device_build_finish(b);
	b = device("r1");
	port(b, "eth0", "link", address);
	device_build_finish(b);
	ready();
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	cr_assert(prefix_parse(address, strlen(address), &f, &a, &len, &host_bits));
	struct text t = { 0 };
	text_put(&t, "udp 10.1.0.5 1024 ");
	addr_print(&t, FAMILY_V4, a);
	text_put(&t, " 53");
	const char *word = said(t.s);
	text_finish(&t);
	finish();
	return word;
}

Test(graph, a_router_on_the_link_is_sent_to_itself)
{
	cr_expect_str_eq(beside("10.1.0.9/24"), "out");
}

Test(graph, an_address_of_another_network_goes_by_a_gateway)
{
	/* r0 may be it, and translates; r1 may be it, and takes it in */
	cr_expect_str_neq(beside("10.7.0.9/24"), "out");
	cr_expect_str_neq(beside("10.7.0.9/24"), "no");
}

/* ---- overlays --------------------------------------------------------------------------- */

static void tunnel(struct device_build *b, const char *name, const char *wire,
		   const char *address)
{
	port(b, name, wire, address);
	b->ports.v[b->ports.n - 1].has_vni = true;
	b->ports.v[b->ports.n - 1].vni = 7;
}

/* Three hosts of an overlay; the third knows one of the others alone. */
static void overlay(const char *third)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	tunnel(b, "vx", "vxlan 7 port 4789 among 192.0.2.1, 192.0.2.2", "10.9.0.1/24");
	route(b, NULL, "10.2.0.0/24", "10.9.0.2");
	device_build_finish(b);
	b = device("r1");
	port(b, "eth0", NULL, "10.2.0.1/24");
	tunnel(b, "vx", "vxlan 7 port 4789 among 192.0.2.1, 192.0.2.2", "10.9.0.2/24");
	route(b, NULL, "10.1.0.0/24", "10.9.0.1");
	device_build_finish(b);
	b = device("r2");
	tunnel(b, "vx", third, "10.9.0.3/24");
	device_build_finish(b);
	ready();
}

Test(graph, ends_of_an_overlay_that_agree)
{
	overlay("vxlan 7 port 4789 among 192.0.2.8, 192.0.2.9"); /* another overlay of the same
								    number */
	cr_expect_str_eq(said(PACKET), "sure", "%s", way.n_ways ? way.ways[0].why : way.why);
	finish();
}

Test(graph, ends_of_an_overlay_that_differ)
{
	overlay("vxlan 7 port 4789 among 192.0.2.2, 192.0.2.3");
	const char *word = said(PACKET);
	cr_expect(!strcmp(word, "gap") || !strcmp(word, "unsaid"), "%s", word);
	const char *why = way.n_ways ? way.ways[0].why : way.why;
	cr_expect(why && strstr(why, "different ends of VNI 7"), "%s", why);
	finish();
}

/* ---- sources that a device made --------------------------------------------------------- */

/*
 * r0 sends what comes from here to r1, which translates it and sends it back; r0 sends what
 * r1 translated to r1 again, where it has the host's own address.
 */
static void there_and_back(const char *after)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", NULL, "10.9.0.1/24");
	route(b, NULL, "10.2.0.0/24", "10.9.0.2");
	device_build_finish(b);
	b = device("r1");
	port(b, "eth0", NULL, "10.9.0.2/24");
	port(b, "eth1", NULL, "10.2.0.1/24");
	route(b, "back", "10.2.0.0/24", "10.9.0.1");
	b->routes.v[0].port = "eth0";
	masquerade(b, "eth0", "10.9.0.2/32");
	refuses_its_own(b, "eth0", "10.9.0.2/32");
	*vec_add(&b->route_rules) = (struct route_rule){ .kind = ROUTE_LOOKUP,
							 .table = "back",
							 .suppress = -1,
							 .falls = true,
							 .match = sources(after) };
	*vec_add(&b->route_rules) = (struct route_rule){ .kind = ROUTE_LOOKUP, .suppress = -1 };
	device_build_finish(b);
	ready();
}

Test(graph, what_a_host_translated_and_gets_again_is_a_gap)
{
	/* the first time by the table "back", then to the zone */
	there_and_back("10.1.0.0/24");
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
}

Test(graph, what_goes_round_and_is_translated_is_a_gap)
{
	there_and_back("10.0.0.0/8");
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
}

/* r0 passes it on to r1 first, and gets it again as it was. */
static void by_another(const char *out)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", NULL, "10.9.0.1/24");
	port(b, "eth2", NULL, "10.2.0.1/24");
	route(b, "round", "10.2.0.0/24", "10.9.0.2");
	b->routes.v[0].port = "eth1";
	*vec_add(&b->route_rules) = (struct route_rule){
		.kind = ROUTE_LOOKUP, .table = "round", .suppress = -1, .in = "eth0"
	};
	*vec_add(&b->route_rules) = (struct route_rule){ .kind = ROUTE_LOOKUP, .suppress = -1 };
	masquerade(b, out, "192.0.2.1/32");
	device_build_finish(b);
	b = device("r1");
	port(b, "eth0", NULL, "10.9.0.2/24");
	route(b, NULL, "10.2.0.0/24", "10.9.0.1");
	device_build_finish(b);
	ready();
}

Test(graph, what_is_translated_was_decided_when_it_came_first)
{
	by_another("eth0"); /* nothing of it leaves there */
	cr_expect_str_eq(said(PACKET), "sure");
	finish();
	by_another("eth2"); /* only the second time: not translated, in truth */
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
	by_another("eth1"); /* translated when it came first: a new conversation, then */
	cr_expect_str_eq(said(PACKET), "gap");
	finish();
}

Test(graph, what_may_be_translated_may_go_past_the_device)
{
	static const char to_itself[] = "udp 10.1.0.5 1024 10.2.0.1 53";
	for (int k = 0; k < 2; k++) {
		start();
		struct device_build *b = device("r0");
		port(b, "eth0", NULL, "10.1.0.1/24");
		port(b, "eth1", NULL, "10.2.0.1/24");
		if (k)
			*vec_add(&b->nats) =
				(struct nat){ .text = "not understood",
					      .kind = NAT_BOUND,
					      .touches = match_all(&snap->matches) };
		device_build_finish(b);
		ready();
		cr_expect_str_eq(said(to_itself), k ? "maybe" : "out");
		finish();
	}
}

/* ---- answers ---------------------------------------------------------------------------- */

static const char *answered(const char *line)
{
	struct packet p;
	const char *why;
	struct replies re;
	struct pset_space *sp = en.space[FAMILY_V4];
	cr_assert(packet_parse(run.arena, line, strlen(line), &p, &why));
	cr_assert_str_eq(said(line), "sure");
	replies_find(&en, run.arena, &pair, pair.effective.maybe, &re);
	if (pset_has(sp, re.unknown, &p))
		return "gap";
	if (pset_has(sp, re.set.sure, &p))
		return "sure";
	return pset_has(sp, re.set.maybe, &p) ? "maybe" : "no";
}

static void translating(const char *untracked)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", NULL, "10.2.0.1/24");
	masquerade(b, "eth1", "10.2.0.1/32");
	if (untracked)
		b->dev.untracked = sources(untracked);
	device_build_finish(b);
	ready();
}

Test(graph, answers_are_translated_back)
{
	translating(NULL);
	cr_expect_str_eq(answered(PACKET), "sure");
	finish();
}

Test(graph, answers_that_pass_by_tracking_arent)
{
	translating("10.2.0.0/24");
	cr_expect_str_eq(answered(PACKET), "gap");
	finish();
	translating("10.7.0.0/24");
	cr_expect_str_eq(answered(PACKET), "sure", "of others");
	finish();
}

/* A published address of the host's own, and sources translated as well; what may not be passed
 * on. */
static void publishing(const char *refused)
{
	start();
	struct device_build *b = device("r0");
	port(b, "eth0", NULL, "10.1.0.1/24");
	port(b, "eth1", NULL, "10.2.0.1/24");
	struct span *to = arena_array(snap->arena, 1, sizeof(*to));
	*to = (struct span){ at("10.2.0.5/32"), at("10.2.0.5/32") };
	const struct match *own = match_swap(&snap->matches, sources("10.1.0.1/32"));
	*vec_add(&b->nats) = (struct nat){ .text = "dnat",
					   .in = "eth0",
					   .touches = own,
					   .takes = own,
					   .match = own,
					   .rewrites = NAT_DESTINATION,
					   .kind = NAT_POOL,
					   .to = to,
					   .n_to = 1,
					   .order = -99 };
	masquerade(b, "eth1", "10.2.0.1/32");
	struct ruleset *rs = device_build_ruleset(b, "forward", "chain", LOC_NONE);
	rs->dflt = VERDICT_PERMIT;
	struct rule deny = { .match = sources(refused), .verdict = VERDICT_DENY };
	device_build_rules(b, rs, &deny, 1);
	device_build_hook(b, HOOK_FORWARD, 0, NULL, rs, LOC_NONE);
	device_build_finish(b);
	ready();
}

Test(graph, an_answers_source_is_translated_back_as_it_goes_out)
{
	static const char published[] = "udp 10.1.0.5 1024 10.1.0.1 53";
	publishing("10.1.0.1/32"); /* which no rule sees */
	cr_expect_str_eq(answered(published), "sure");
	finish();
	publishing("10.2.0.5/32");
	cr_expect_str_eq(answered(published), "no");
	finish();
}
