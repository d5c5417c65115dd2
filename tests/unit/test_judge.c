/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/sample.h"
#include "diff/diff.h"
#include "tests/unit/sample_world.h"

/*
 *	internet -- outside [edge] dmz -- web (blue)
 *	                    [edge] db  -- db (blue)
 *	                    [edge] app -- app (green)
 *	                    [edge] ops -- ops (all, shared)
 * The edge permits https and 8080 to web, 5432 from web to db, ssh from web to app.
 */
#define POLICY                                                                                 \
	HEAD TENANTS                                                                           \
		"zones:\n"                                                                     \
		"  - {name: web, tenant: blue, prefixes: [10.1.0.0/24, "                       \
		"\"2001:db8:1::/64\"]}\n"                                                      \
		"  - {name: db, tenant: blue, prefixes: 10.2.0.0/24}\n"                        \
		"  - {name: app, tenant: green, prefixes: 10.3.0.0/24}\n"                      \
		"  - {name: ops, tenant: all, prefixes: 10.9.0.0/24, self: true}\n"            \
		"  - {name: far, prefixes: 10.8.0.0/24}\n"                                     \
		"  - {name: internet, external: true}\n"                                       \
		"services:\n"                                                                  \
		"  https: tcp/443\n"                                                           \
		"  pg: tcp/5432\n"                                                             \
		"  six: tcp/6000\n"                                                            \
		"  dns: udp/53\n"                                                              \
		"  ping: icmp/8\n"                                                             \
		"flows:\n"                                                                     \
		"  - {id: in, from: internet, to: web, service: https, action: allow}\n"       \
		"  - {id: store, from: web, to: db, service: [pg, ping], action: require}\n"   \
		"  - {id: lost, from: app, to: db, service: six, action: allow}\n"             \
		"  - {id: far, from: web, to: far, service: dns, action: allow}\n"             \
		"  - {id: barred, from: web, to: app, service: dns, action: deny}\n"           \
		"  - {id: all, from: ops, to: web, service: any, action: allow}\n"
#define WORLD                                                                                  \
	HEAD "policy: policy.yaml\n"                                                           \
	     "sources: [{name: edge, file: edge.cfg}]\n"                                       \
	     "bindings:\n"                                                                     \
	     "  - {zone: web, device: edge, interface: dmz}\n"                                 \
	     "  - {zone: db, device: edge, interface: db}\n"                                   \
	     "  - {zone: app, device: edge, interface: app}\n"                                 \
	     "  - {zone: ops, device: edge, interface: ops}\n"                                 \
	     "  - {zone: internet, device: edge, interface: outside}\n"

struct opening {
	const char *from, *to; /* prefixes; NULL: any */
	unsigned proto, port;  /* 0: any */
};

static const struct match *within(struct snapshot *s, enum field field, const char *prefix)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	if (!prefix)
		return match_all(&s->matches);
	cr_assert(prefix_parse(prefix, strlen(prefix), &f, &a, &len, &host_bits));
	return match_prefix(&s->matches, field, f, a, len);
}

static void build(struct snapshot *s)
{
	static const struct opening open[] = {
		{ NULL, "10.1.0.0/24", PROTO_TCP, 443 },
		{ NULL, "10.1.0.0/24", PROTO_TCP, 8080 },
		{ "10.1.0.0/24", "10.2.0.0/24", PROTO_TCP, 5432 },
		{ "10.1.0.0/24", "10.2.0.0/24", PROTO_ICMP, 0 },
		{ "10.1.0.0/24", "10.3.0.0/24", PROTO_TCP, 22 },
		{ "10.1.0.0/24", "10.9.0.0/24", PROTO_TCP, 22 },
		{ "10.9.0.0/24", "10.1.0.0/24", 0, 0 },
	};
	enum { N = sizeof(open) / sizeof(*open) };
	static const char *const ports[] = { "outside", "dmz", "db", "app", "ops" };
	struct device_build *b =
		device_build_start(s, "edge", "test", PLANE_PHYSICAL, LOC_NONE);
	for (size_t i = 0; i < 5; i++)
		*vec_add(&b->ports) = (struct port){ .name = ports[i], .up = true };
	struct ruleset *rs = device_build_ruleset(b, "filter", "chain", LOC_NONE);
	struct rule rules[N] = { 0 };
	for (size_t i = 0; i < N; i++) {
		const struct match *m =
			match_and(&s->matches, within(s, FIELD_SRC, open[i].from),
				  within(s, FIELD_DST, open[i].to));
		if (open[i].proto)
			m = match_and(&s->matches, m,
				      match_value(&s->matches, FIELD_PROTO, open[i].proto));
		if (open[i].port)
			m = match_and(&s->matches, m,
				      match_value(&s->matches, FIELD_DPORT, open[i].port));
		rules[i].match = m;
		rules[i].verdict = VERDICT_PERMIT;
	}
	device_build_rules(b, rs, rules, N);
	device_build_hook(b, HOOK_FORWARD, 0, NULL, rs, LOC_NONE);
	device_build_finish(b);
}

struct court {
	struct world w;
	struct check_options *o;
	struct judge *j;
};

static struct court court(const char *policy_text, const char *estate_text)
{
	struct court c = { .w = world(policy_text, estate_text, build) };
	c.o = arena_alloc(c.w.r.arena, sizeof(*c.o));
	c.j = judge_create(c.w.r.arena, c.w.r.estate, c.w.snap, c.o);
	return c;
}

static void court_end(struct court *c)
{
	judge_destroy(c->j);
	world_end(&c->w);
}

static struct judgement judged(struct court *c, struct flow_record r)
{
	struct judgement g;
	judge_flow(c->j, NULL, &r, &g);
	return g;
}

static struct flow_record guessed(const char *line)
{
	struct flow_record r = seen(line);
	r.began = BEGAN_GUESSED;
	return r;
}

#define VERDICT(c, record, verdict)                                                            \
	do {                                                                                   \
		struct judgement g_ = judged(c, record);                                       \
		cr_expect_eq(g_.observed, verdict, "%s: %u (%s)", #record, g_.observed,        \
			     g_.why ? g_.why : "");                                            \
	} while (0)

Test(judge, verdicts)
{
	struct court c = court(POLICY, WORLD);
	VERDICT(&c, seen("tcp 192.0.2.1 40000 10.1.0.5 443"), OBSERVED_DECLARED);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.2.0.5 5432"), OBSERVED_DECLARED);
	VERDICT(&c, seen("tcp 192.0.2.1 40000 10.1.0.5 8080"), OBSERVED_UNDECLARED);
	VERDICT(&c, seen("tcp 192.0.2.1 40000 10.1.0.5 22"), OBSERVED_NOT_IN_MODEL);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22"), OBSERVED_CROSS_TALK);
	VERDICT(&c, seen("tcp 10.3.0.5 40000 10.1.0.5 8080"), OBSERVED_CROSS_TALK);
	/* shared tenants serve the others: no cross-talk, but not declared either */
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.9.0.5 22"), OBSERVED_UNDECLARED);
	/* declared, and yet denied: the model is wrong, or the control */
	VERDICT(&c, seen("tcp 10.3.0.5 40000 10.2.0.5 6000"), OBSERVED_NOT_IN_MODEL);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.1.0.9 6000"), OBSERVED_WITHIN);
	VERDICT(&c, seen("tcp 10.9.0.5 40000 10.9.0.9 6000"), OBSERVED_UNDECLARED);
	VERDICT(&c, seen("udp 192.0.2.1 1 198.51.100.1 2"), OBSERVED_WITHIN);
	VERDICT(&c, seen("udp 10.1.0.5 68 255.255.255.255 67"), OBSERVED_WITHIN);
	VERDICT(&c, seen("udp 10.1.0.5 68 239.1.2.3 67"), OBSERVED_UNKNOWN);
	court_end(&c);
}

Test(judge, what_the_model_says)
{
	struct court c = court(POLICY, WORLD);
	struct judgement g = judged(&c, seen("tcp 192.0.2.1 40000 10.1.0.5 22"));
	cr_expect_eq(g.plane[PLANE_PHYSICAL], 0);
	cr_expect_eq(g.plane[PLANE_VIRTUAL], 3);
	cr_expect_eq(g.together, 0);
	cr_expect_eq(g.certainty, CERTAIN);
	g = judged(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22"));
	cr_expect_eq(g.plane[PLANE_PHYSICAL], 2);
	cr_expect(g.across);
	g = judged(&c, seen("tcp 10.1.0.5 40000 10.2.0.5 5432"));
	cr_expect_str_eq(g.flow->id, "store");
	cr_expect(!g.across);
	court_end(&c);
}

/* A gap in the model makes nothing clean, and nothing guilty that the policy declares. */
Test(judge, gaps)
{
	struct court c = court(POLICY, WORLD);
	struct judgement g = judged(&c, seen("udp 10.1.0.5 40000 10.8.0.5 53"));
	cr_expect_eq(g.observed, OBSERVED_DECLARED);
	cr_expect_eq(g.together, 1);
	cr_expect(g.why);
	VERDICT(&c, seen("udp 10.1.0.5 40000 10.8.0.5 54"), OBSERVED_UNDECLARED);
	struct flow_record cut = seen("udp 10.1.0.5 0 10.8.0.5 0");
	cut.opaque = OPAQUE_CUT;
	VERDICT(&c, cut, OBSERVED_UNKNOWN);
	court_end(&c);
}

Test(judge, answers_belong_to_their_conversation)
{
	struct court c = court(POLICY, WORLD);
	struct judgement g = judged(&c, guessed("tcp 10.2.0.5 5432 10.1.0.5 40000 flags=A"));
	cr_expect_eq(g.observed, OBSERVED_DECLARED);
	cr_expect(g.reversed);
	cr_expect_eq(g.packet.dport, 5432);
	/* who began is known: the port doesn't help */
	VERDICT(&c, seen("tcp 10.2.0.5 5432 10.1.0.5 40000"), OBSERVED_NOT_IN_MODEL);
	/* neither direction is declared */
	g = judged(&c, guessed("tcp 10.3.0.5 22 10.1.0.5 40000 flags=A"));
	cr_expect_eq(g.observed, OBSERVED_CROSS_TALK);
	cr_expect(g.reversed);
	cr_expect_str_eq(g.parties.from.zone->name, "web");
	/* denied in one direction, undeclared in the other: the milder one is believed */
	g = judged(&c, guessed("tcp 10.1.0.5 8080 192.0.2.1 40000 flags=A"));
	cr_expect_eq(g.observed, OBSERVED_UNDECLARED);
	court_end(&c);
}

/* An answer whose question wasn't seen is told as it is, and judged as the question. */
Test(judge, answers_without_questions)
{
	struct court c = court(POLICY, WORLD);
	struct flow_record r = seen("icmp 10.2.0.5 0 10.1.0.5 0");
	r.began = BEGAN_REVERSE;
	struct judgement g = judged(&c, r);
	cr_expect_eq(g.observed, OBSERVED_DECLARED);
	cr_expect_eq(g.packet.icmp_type, 8);
	cr_expect(g.reversed);
	r = seen("tcp 10.3.0.5 22 10.1.0.5 40000 flags=SA");
	r.began = BEGAN_REVERSE;
	g = judged(&c, r);
	cr_expect_eq(g.observed, OBSERVED_CROSS_TALK);
	cr_expect_str_eq(g.parties.from.zone->name, "web");
	cr_expect_eq(g.packet.dport, 22);
	court_end(&c);
}

static struct flow_record fragment(struct flow_record r)
{
	r.packet.fragment = 1;
	r.packet.sport = r.packet.dport = 0;
	r.packet.flags = 0;
	r.fragments = 1;
	return r;
}

/* Ports are never guessed: either no port would do, or nothing is said. */
Test(judge, later_fragments)
{
	struct court c = court(POLICY, WORLD);
	VERDICT(&c, fragment(seen("tcp 10.1.0.5 1 10.2.0.5 2")), OBSERVED_UNKNOWN);
	VERDICT(&c, fragment(seen("udp 10.1.0.5 1 10.2.0.5 2")), OBSERVED_NOT_IN_MODEL);
	VERDICT(&c, fragment(seen("tcp 10.1.0.5 1 10.3.0.5 2")), OBSERVED_CROSS_TALK);
	VERDICT(&c, fragment(seen("icmp 10.1.0.5 8 10.2.0.5 0")), OBSERVED_UNKNOWN);
	VERDICT(&c, fragment(seen("tcp 10.1.0.5 1 10.9.0.5 2")), OBSERVED_UNDECLARED);
	VERDICT(&c, fragment(seen("tcp 10.3.0.5 1 10.9.0.5 2")), OBSERVED_NOT_IN_MODEL);
	struct flow_record cut = seen("tcp 10.1.0.5 0 10.2.0.5 0");
	cut.opaque = OPAQUE_CUT;
	VERDICT(&c, cut, OBSERVED_UNKNOWN);
	cut = seen("ip:44 10.1.0.5 0 10.2.0.5 0");
	cut.opaque = OPAQUE_CUT;
	VERDICT(&c, cut, OBSERVED_UNKNOWN);
	court_end(&c);
}

static struct flow_record opaque(const char *line, uint8_t why)
{
	struct flow_record r = seen(line);
	r.opaque = why;
	return r;
}

Test(judge, opaque)
{
	struct court c =
		court(POLICY "  - {id: vpn, from: app, to: web, service: esp, action: allow}\n",
		      WORLD);
	VERDICT(&c, opaque("ip:50 10.1.0.5 0 10.3.0.5 0", OPAQUE_ENCRYPTED), OBSERVED_OPAQUE);
	/* that everything is declared doesn't say what is inside */
	VERDICT(&c, opaque("ip:50 10.9.0.5 0 10.1.0.5 0", OPAQUE_ENCRYPTED), OBSERVED_OPAQUE);
	/* one tenant's own */
	VERDICT(&c, opaque("ip:50 10.1.0.5 0 10.1.0.6 0", OPAQUE_ENCRYPTED), OBSERVED_WITHIN);
	VERDICT(&c, opaque("ip:47 10.3.0.5 0 10.1.0.5 0", OPAQUE_ENCAPSULATION),
		OBSERVED_OPAQUE);
	struct flow_record r = { .kind = RECORD_FIRST,
				 .opaque = OPAQUE_NO_IP,
				 .ethertype = 0x806 };
	VERDICT(&c, r, OBSERVED_WITHIN);
	r.ethertype = 0x8847;
	VERDICT(&c, r, OBSERVED_UNKNOWN);
	cr_expect(!judged(&c, r).across);
	r.opaque = OPAQUE_ENCAPSULATION;
	VERDICT(&c, r, OBSERVED_UNKNOWN);
	cr_expect(judged(&c, r).across, "what may hold a packet makes the run inconclusive");
	court_end(&c);
}

/* A tunnel between tenants is cross-talk, however innocent its inside looks. */
Test(judge, tunnels_cross_tenants)
{
	struct court c = court(POLICY, WORLD);
	struct flow_record r = seen("tcp 10.1.0.5 40000 10.2.0.5 5432"), near, far;
	r.n_tunnels = 1;
	r.tunnels[0] = (struct tunnel_end){ .proto = 4 };
	near = seen("ip:4 10.1.0.9 0 10.1.0.8 0");
	far = seen("ip:4 10.1.0.9 0 10.3.0.8 0");
	r.tunnels[0].src = near.packet.src;
	r.tunnels[0].dst = near.packet.dst;
	VERDICT(&c, r, OBSERVED_DECLARED);
	r.tunnels[0].dst = far.packet.dst;
	struct judgement g = judged(&c, r);
	cr_expect_eq(g.observed, OBSERVED_CROSS_TALK);
	cr_expect_eq(g.tunnel, 1);
	cr_expect_eq(g.packet.proto, 4);
	court_end(&c);
}

Test(judge, errors_belong_to_what_they_quote)
{
	struct court c = court(POLICY, WORLD);
	struct packet about = seen("tcp 10.1.0.5 40000 10.2.0.5 5432").packet;
	struct flow_record r = seen("icmp 10.2.0.5 3 10.1.0.5 1");
	VERDICT(&c, r, OBSERVED_NOT_IN_MODEL);
	r.related = 1;
	r.quoted = (struct quoted){ .any = true,
				    .has_ports = true,
				    .proto = PROTO_TCP,
				    .sport = about.sport,
				    .dport = about.dport,
				    .src = about.src,
				    .dst = about.dst };
	VERDICT(&c, r, OBSERVED_DECLARED);
	/* it quotes what was never sent by who gets it, or another tenant sends it */
	struct flow_record other = seen("icmp 10.2.0.5 3 10.1.0.6 1");
	other.related = 1;
	other.quoted = r.quoted;
	VERDICT(&c, other, OBSERVED_NOT_IN_MODEL);
	other = seen("icmp 10.3.0.5 3 10.1.0.5 1");
	other.related = 1;
	other.quoted = r.quoted;
	VERDICT(&c, other, OBSERVED_CROSS_TALK);
	r.quoted.dport = 5433;
	VERDICT(&c, r, OBSERVED_NOT_IN_MODEL);
	court_end(&c);
}

Test(judge, exclusions_and_scope)
{
	struct court c = court(POLICY "exclusions:\n"
				      "  - {id: lab, prefixes: 10.3.0.128/25, reason: a lab}\n"
				      "  - {id: old, service: six, reason: being replaced}\n",
			       WORLD);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.3.0.200 22"), OBSERVED_EXCLUDED);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.3.0.20 22"), OBSERVED_CROSS_TALK);
	VERDICT(&c, seen("tcp 10.1.0.5 40000 10.3.0.20 6000"), OBSERVED_EXCLUDED);
	court_end(&c);
	c = court(POLICY "scope: {families: [ipv4]}\n", WORLD);
	VERDICT(&c, seen("tcp 2001:db8:1::5 40000 2001:db8:f::1 22"), OBSERVED_EXCLUDED);
	court_end(&c);
}

#define EXCEPTION(check, expires)                                                              \
	"exceptions:\n"                                                                        \
	"  - {id: x, check: " check ", from: web, to: app, owner: a, approved_by: b, "         \
	"justification: until the new gateway, expires: " expires "}\n"

Test(judge, exceptions)
{
	struct court c = court(POLICY EXCEPTION("tenant.cross-talk", "1970-01-02"), WORLD);
	struct judgement g = judged(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22"));
	cr_expect_eq(g.observed, OBSERVED_CROSS_TALK);
	cr_assert(g.excepted.exception);
	cr_expect(!g.excepted.expired);
	cr_expect(!judged(&c, seen("tcp 10.3.0.5 40000 10.1.0.5 22")).excepted.exception);
	c.o->as_of = 2;
	cr_expect(judged(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22")).excepted.expired);
	court_end(&c);
	c = court(POLICY EXCEPTION("\"observed.*\"", "1970-01-02"), WORLD);
	cr_expect(judged(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22")).excepted.exception);
	court_end(&c);
	c = court(POLICY EXCEPTION("intent.exposed", "1970-01-02"), WORLD);
	cr_expect(!judged(&c, seen("tcp 10.1.0.5 40000 10.3.0.5 22")).excepted.exception);
	court_end(&c);
}

/* What was read tells whose a segment is, but nobody has said so. */
Test(judge, segments_decide_first)
{
	struct court c = court(POLICY, WORLD "segments:\n  - {tenant: green, vni: 7}\n");
	struct flow_record r = seen("tcp 10.1.0.5 40000 10.2.0.5 5432");
	VERDICT(&c, tunnelled(r, SEGMENT_VNI, 7), OBSERVED_SPOOFED);
	VERDICT(&c, tunnelled(r, SEGMENT_VNI, 8), OBSERVED_DECLARED);
	/* what a frame hides stays on the segment of the tenant */
	struct flow_record hidden = { .kind = RECORD_FIRST, .opaque = OPAQUE_ENCRYPTED };
	cr_expect(!judged(&c, tunnelled(hidden, SEGMENT_VNI, 7)).across);
	cr_expect(judged(&c, tunnelled(hidden, SEGMENT_VNI, 8)).across);
	cr_expect_eq(judged(&c, tunnelled(r, SEGMENT_VNI, 7)).certainty, CERTAIN);
	court_end(&c);
}

/* --- what was seen --- */

struct run_of {
	struct court c;
	struct observations *o;
	struct results res;
	struct statement st;
	uint64_t flow;
};

static const char *where(void *user, const struct flow_record *r)
{
	(void)user;
	(void)r;
	return "a.pcap";
}

static struct run_of observing(unsigned one_in, size_t findings_max)
{
	struct run_of r = { .c = court(POLICY, WORLD) };
	struct observation_options o = {
		.one_in = one_in, .findings_max = findings_max, .excerpts = 2, .where = where
	};
	r.o = observations_create(r.c.j, &o);
	return r;
}

static uint64_t observe(struct run_of *r, struct flow_record f)
{
	f.flow = ++r->flow;
	f.number = r->flow * 10;
	f.at = f.until = (int64_t)r->flow * 1000000000;
	observations_add(r->o, &f, NULL, 0);
	return f.flow;
}

/* What comes later describes the flow as its first record did. */
static void more(struct run_of *r, uint64_t flow, const char *line, uint64_t there,
		 uint64_t back)
{
	struct flow_record f = seen(line);
	f.kind = RECORD_MORE;
	f.flow = flow;
	f.packets[0] = there;
	f.packets[1] = back;
	f.bytes[0] = 0;
	f.until = 1000000000000;
	observations_add(r->o, &f, NULL, 0);
}

static void counts(struct run_of *r, uint64_t received, uint64_t dropped)
{
	struct flow_record f = { .kind = RECORD_COUNTS };
	struct capture_counts n = { .received = received,
				    .processed = received - dropped,
				    .dropped_kernel = dropped,
				    .drops_known = true };
	observations_add(r->o, &f, &n, sizeof(n));
}

static void close_run(struct run_of *r)
{
	results_init(&r->res, r->c.w.r.arena, "sample");
	observations_results(r->o, &r->res);
	results_freeze(&r->res);
	observations_statement(r->o, r->c.w.r.arena, &r->st);
}

static void end_run(struct run_of *r)
{
	results_finish(&r->res);
	observations_destroy(r->o);
	court_end(&r->c);
}

Test(observations, clean)
{
	struct run_of r = observing(1, 0);
	for (unsigned i = 0; i < 59; i++)
		observe(&r, seen("tcp 10.1.0.5 40000 10.2.0.5 5432"));
	uint64_t flow = observe(&r, seen("tcp 192.0.2.1 40000 10.1.0.5 443"));
	more(&r, flow, "tcp 192.0.2.1 40000 10.1.0.5 443", 5, 4);
	more(&r, flow, "tcp 192.0.2.1 40000 10.1.0.5 443", 1, 1);
	counts(&r, 71, 0);
	close_run(&r);
	cr_expect_eq(r.res.findings.n, 0);
	cr_expect_eq(r.st.n_inconclusive, 0, "%s",
		     r.st.n_inconclusive ? r.st.inconclusive[0] : "");
	cr_expect_eq(r.st.judged, 60);
	cr_expect_eq(r.st.positive, 60);
	cr_expect_eq(r.st.answers, 5);
	cr_expect_eq(r.st.by_packets[OBSERVED_DECLARED], 71);
	cr_expect_float_eq(r.st.bound_all, 1 - 0.95131, 0.0001); /* 1 - 0.05^(1/60) */
	cr_expect_eq(r.st.bound_between, 1, "nothing was seen between tenants");
	cr_assert_eq(r.st.n_flows, 5, "denied ones aren't flows to be seen");
	cr_expect_str_eq(r.st.flows[0].flow->id, "in");
	cr_expect_eq(r.st.flows[0].packets, 12);
	cr_expect_eq(r.st.flows[0].last, 1000000000000);
	cr_expect_eq(r.st.flows[1].flows, 59);
	cr_expect_eq(r.st.flows[2].flows, 0);
	cr_assert_eq(r.st.n_zones, 2);
	cr_expect_str_eq(r.st.zones[0].from, "internet");
	cr_expect_str_eq(r.st.zones[1].to, "db");
	cr_assert_eq(r.st.n_tenants, 2);
	cr_expect_str_eq(r.st.tenants[0].from, "blue");
	bool missed = false;
	for (size_t i = 0; i < r.st.n_tenants_missed; i++)
		missed |= !strcmp(r.st.tenants_missed[i].from, "blue") &&
			  !strcmp(r.st.tenants_missed[i].to, "green");
	cr_expect(missed);
	end_run(&r);
}

static bool has_reason(const struct run_of *r, const char *part)
{
	for (size_t i = 0; i < r->st.n_inconclusive; i++)
		if (strstr(r->st.inconclusive[i], part))
			return true;
	return false;
}

Test(observations, reasons_not_to_be_clean)
{
	struct run_of r = observing(1, 0);
	close_run(&r);
	cr_expect(has_reason(&r, "no packet"));
	end_run(&r);

	r = observing(1, 0);
	observe(&r, seen("tcp 10.1.0.5 40000 10.1.0.6 5432"));
	counts(&r, 1, 0);
	close_run(&r);
	cr_expect(has_reason(&r, "no declared flow"));
	cr_expect_eq(r.st.n_inconclusive, 1);
	end_run(&r);

	r = observing(1, 0);
	observe(&r, seen("tcp 10.1.0.5 40000 10.2.0.5 5432"));
	counts(&r, 3, 2);
	observations_doubt(r.o, "the decoder died");
	struct flow_record f = { .kind = RECORD_FAULT };
	observations_add(r.o, &f, "cut short", 9);
	close_run(&r);
	cr_expect(has_reason(&r, "2 packets were dropped"));
	cr_expect(has_reason(&r, "decoder died"));
	cr_expect(has_reason(&r, "cut short"));
	cr_expect_eq(r.st.n_inconclusive, 3);
	end_run(&r);
}

/* What wants ports isn't clean, whoever it is between; what nobody could judge is only counted.
 */
Test(observations, undecided_flows)
{
	struct run_of r = observing(1, 0);
	observe(&r, seen("tcp 192.0.2.1 40000 10.1.0.5 443"));
	observe(&r, seen("udp 10.1.0.5 40000 239.1.1.1 5000"));
	counts(&r, 2, 0);
	close_run(&r);
	cr_expect_eq(r.st.n_inconclusive, 0);
	cr_expect_eq(r.st.by[OBSERVED_UNKNOWN], 1);
	end_run(&r);

	r = observing(1, 0);
	observe(&r, seen("tcp 192.0.2.1 40000 10.1.0.5 443"));
	observe(&r, fragment(seen("tcp 192.0.2.1 1 10.1.0.5 2")));
	counts(&r, 2, 0);
	close_run(&r);
	cr_expect_eq(r.st.n_inconclusive, 1);
	cr_expect_eq(r.st.unknown_between, 0);
	cr_expect_eq(r.res.findings.n, 0);
	end_run(&r);
}

Test(observations, findings_are_grouped)
{
	struct run_of r = observing(1, 0);
	uint8_t frame[] = { 1, 2, 3, 4 };
	uint64_t flow = observe(&r, seen("tcp 10.1.0.5 40000 10.3.0.5 22"));
	struct flow_record x = seen("tcp 10.1.0.5 40000 10.3.0.5 22");
	x.kind = RECORD_EXCERPT;
	x.flow = flow;
	x.at = 1500000000;
	x.link = 1;
	x.bytes[0] = 9;
	observations_add(r.o, &x, frame, sizeof(frame));
	observe(&r, seen("tcp 10.1.0.5 40001 10.3.0.5 22"));
	observe(&r, seen("tcp 10.1.0.6 40001 10.3.0.5 22"));
	observe(&r, tagged(seen("tcp 10.1.0.6 40001 10.3.0.5 22"), SEGMENT_VLAN, 9));
	observe(&r, seen("tcp 10.1.0.6 40001 10.3.0.5 23"));
	observe(&r, seen("tcp 192.0.2.1 40001 10.1.0.5 8080"));
	more(&r, flow, "tcp 10.1.0.5 40000 10.3.0.5 22", 1, 1);
	more(&r, flow, "tcp 10.1.0.5 40000 10.3.0.5 22", 1, 1);
	counts(&r, 10, 0);
	close_run(&r);
	/* port 22 with and without a tag, port 23, and what came from outside */
	cr_assert_eq(r.res.findings.n, 4);
	const struct finding *f = NULL;
	vec_each (v, &r.res.findings)
		if (v->seen->flows == 3)
			f = v;
	cr_assert(f);
	cr_expect_str_eq(f->check, "observed.cross-talk");
	cr_expect_eq(f->severity, SEVERITY_CRITICAL);
	cr_expect_str_eq(f->from_tenant, "blue");
	cr_expect_eq(f->seen->number, 10);
	cr_expect_eq(f->seen->first, 1000000000);
	cr_expect_eq(f->seen->answered, 1);
	cr_expect_eq(f->seen->packets, 7);
	cr_expect_str_eq(f->seen->where, "a.pcap");
	cr_expect_eq(f->n_traffic, 2, "two who talk");
	cr_assert_eq(f->n_rules, 1);
	cr_expect_str_eq(f->rules[0].role, "permits");
	cr_assert_eq(f->seen->n_excerpts, 1);
	struct text t = { 0 };
	excerpt_file(f->seen->excerpts, 1, &t);
	cr_assert_eq(t.len, 24 + 16 + 4);
	cr_expect(!memcmp(t.s, "\x4d\x3c\xb2\xa1\2\0\4\0", 8));
	cr_expect(!memcmp(t.s + 24, "\1\0\0\0\0\x65\xcd\x1d\4\0\0\0\x09\0\0\0\1\2\3\4", 20));
	text_finish(&t);
	vec_each (v, &r.res.findings)
		if (!strcmp(v->check, "observed.undeclared"))
			cr_expect_eq(v->severity, SEVERITY_HIGH);
	cr_expect_eq(r.st.between, 5);
	cr_expect_eq(r.st.between_violating, 5);
	cr_expect_float_eq(r.st.bound_between, 1, 1e-9);
	end_run(&r);
}

Test(observations, who_should_have_stopped_it)
{
	struct run_of r = observing(1, 0);
	observe(&r, seen("udp 10.1.0.5 40000 10.3.0.5 53"));
	counts(&r, 1, 0);
	close_run(&r);
	cr_assert_eq(r.res.findings.n, 1);
	const struct finding *f = r.res.findings.v;
	cr_assert_eq(f->n_rules, 2);
	cr_expect_str_eq(f->rules[0].role, "default-deny");
	cr_expect_str_eq(f->rules[0].device, "edge");
	cr_expect_str_eq(f->rules[1].rule, "barred");
	cr_assert_eq(f->n_path, 1);
	end_run(&r);
}

Test(observations, findings_are_bounded_and_all_counted)
{
	struct run_of r = observing(1, 5);
	for (unsigned i = 0; i < 1000; i++) {
		char line[64];
		snprintf(line, sizeof(line), "tcp 10.1.0.5 40000 10.3.0.5 %u", 1 + i);
		observe(&r, seen(line));
	}
	counts(&r, 1000, 0);
	close_run(&r);
	cr_expect_eq(r.res.findings.n, 6);
	uint64_t flows = 0;
	vec_each (f, &r.res.findings)
		flows += f->seen->flows;
	cr_expect_eq(flows, 1000);
	end_run(&r);
}

/* What may be between tenants is never left out. */
Test(observations, sampling)
{
	struct run_of r = observing(10, 0);
	for (unsigned i = 0; i < 1000; i++) {
		char line[64];
		snprintf(line, sizeof(line), "tcp 10.1.0.5 %u 10.2.0.5 5432", 1 + i);
		uint64_t flow = observe(&r, seen(line));
		more(&r, flow, line, 1, 1);
		snprintf(line, sizeof(line), "tcp 10.1.0.5 %u 10.3.0.5 22", 1 + i);
		observe(&r, seen(line));
	}
	counts(&r, 4000, 0);
	close_run(&r);
	cr_expect_eq(r.st.by[OBSERVED_CROSS_TALK], 1000);
	cr_expect(r.st.by[OBSERVED_DECLARED] > 50 && r.st.by[OBSERVED_DECLARED] < 200, "%llu",
		  (unsigned long long)r.st.by[OBSERVED_DECLARED]);
	cr_expect_eq(r.st.counts.sampled_out, 3 * (1000 - r.st.by[OBSERVED_DECLARED]));
	cr_expect_eq(r.st.one_in, 10);
	end_run(&r);
}

/* Which flows are looked at doesn't hang on what they are judged by. */
Test(observations, sampling_chooses_the_same_by_another_estate)
{
	static const char without[] = "  - {id: store, from: web, to: db, service: https, "
				      "action: allow}\n";
	struct run_of r = observing(5, 0), next = r;
	char *policy = strdup(POLICY), *at = strstr(policy, "  - {id: store");
	size_t end = strcspn(at, "\n") + 1, n = sizeof(without) - 1, judged[2] = { 0 };
	memcpy(at, without, n);
	memmove(at + n, at + end, strlen(at + end) + 1);
	next.c = court(policy, WORLD);
	struct observation_options o = { .one_in = 5, .where = where };
	next.o = observations_create(next.c.j, &o);
	for (unsigned i = 0; i < 300; i++) {
		char line[64];
		struct statement a, b;
		snprintf(line, sizeof(line), "tcp 10.1.0.5 %u 10.2.0.5 5432", 1 + i);
		observe(&r, seen(line));
		observe(&next, seen(line));
		observations_statement(r.o, r.c.w.r.arena, &a);
		observations_statement(next.o, next.c.w.r.arena, &b);
		cr_assert_eq(a.judged, b.judged, "flow %u", i);
		judged[0] = a.by[OBSERVED_DECLARED];
		judged[1] = b.by[OBSERVED_UNDECLARED];
	}
	cr_expect(judged[0] > 20 && judged[0] < 200, "%zu", judged[0]);
	cr_expect_eq(judged[0], judged[1], "as another estate has it");
	close_run(&next);
	end_run(&next);
	close_run(&r);
	end_run(&r);
	free(policy);
}
