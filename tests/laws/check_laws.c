/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check run against packets.
 *
 *	check_laws [SEED [ESTATES [PACKETS]]]
 *
 * Random estates (two to four devices on both planes with random rulesets, zones bound to
 * several ports or to none, translations, lines that aren't understood, flows, exceptions,
 * exclusions, relations) are checked. Then packets are sent through every zone pair rule by
 * rule, without sets, and hold the report to its word:
 *
 *	- a pair that is called aligned has no packet that could be undeclared, blocked or
 *	  treated differently by the planes, whatever the unknowns are;
 *	- a packet that is surely undeclared, blocked or treated differently has a certain finding
 *	  for its pair;
 *	- every finding's own packet shows what the finding says.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "diff/diff.h"
#include "model/graph.h"
#include "model/interp.h"
#include "tests/laws/random_world.h"

enum { ZONES = 4, PORTS = 4 };

struct random_estate {
	struct arena *arena;
	struct snapshot *snap;
	struct estate estate;
	struct policy policy;
	struct pool pool;
	bool failed[4];
	bool little_memory;
};

static const char *const zone_names[ZONES] = { "a", "b", "c", "ext" };
static const char *const port_names[PORTS] = { "p0", "p1", "p2", "p3" };
static const char *const device_names[] = { "d0", "d1", "d2", "d3" };

static void random_zones(struct random_estate *re)
{
	struct arena *a = re->arena;
	struct zone *z = arena_array(a, ZONES, sizeof(*z));
	struct tenant *t = arena_array(a, 3, sizeof(*t));
	t[0].name = "t0", t[1].name = "t1", t[2].name = "t2", t[1].shared = one_in(3);
	for (unsigned i = 0; i < ZONES; i++) {
		struct span *v4 = arena_array(a, 2, sizeof(*v4)), *v6 = arena_array(a, 2, sizeof(*v6));
		z[i].name = zone_names[i];
		z[i].spans[FAMILY_V4] = v4, z[i].spans[FAMILY_V6] = v6;
		if (i < 3) {
			v4[0] = span_prefix(FAMILY_V4, (struct addr){ 0, (uint64_t)(10 + i) << 24 }, 8);
			v6[0] = span_prefix(FAMILY_V6,
					    (struct addr){ 0x20010db800000000u | (uint64_t)i << 16, 0 }, 48);
			z[i].n_spans[FAMILY_V4] = z[i].n_spans[FAMILY_V6] = 1;
			z[i].tenant = one_in(3) ? NULL : &t[below(3)];
			z[i].self = one_in(6);
			continue;
		}
		z[i].external = true;
		v4[0] = (struct span){ { 0, 0 }, { 0, 0x09ffffff } };
		v4[1] = (struct span){ { 0, 0x0d000000 }, { 0, 0xffffffff } };
		v6[0] = (struct span){ { 0, 0 }, addr_prev((struct addr){ 0x20010db800000000u, 0 }) };
		v6[1] = (struct span){ { 0x20010db800030000u, 0 }, { UINT64_MAX, UINT64_MAX } };
		z[i].n_spans[FAMILY_V4] = z[i].n_spans[FAMILY_V6] = 2;
	}
	re->policy.zones = z, re->policy.n_zones = ZONES;
	re->policy.tenants = t, re->policy.n_tenants = 3;
}

static const struct match *random_service(struct matches *m)
{
	if (one_in(4))
		return match_all(m);
	const struct match *ports = random_ports(m, FIELD_DPORT);
	return match_and(m, match_value(m, FIELD_PROTO, one_in(2) ? 6 : 17), ports);
}

static const struct zone **zone_list(struct random_estate *re, size_t *n)
{
	const struct zone **v = arena_array(re->arena, 2, sizeof(*v));
	*n = 1 + below(2);
	for (size_t i = 0; i < *n; i++)
		v[i] = &re->policy.zones[below(ZONES)];
	return v;
}

static void random_policy(struct random_estate *re)
{
	struct arena *a = re->arena;
	struct matches *m = &re->snap->matches;
	struct policy *p = &re->policy;
	random_zones(re);
	p->name = "random";
	p->families[FAMILY_V4] = true, p->families[FAMILY_V6] = !one_in(4);
	struct flow *fl = arena_array(a, 8, sizeof(*fl));
	p->flows = fl, p->n_flows = below(9);
	for (size_t i = 0; i < p->n_flows; i++) {
		fl[i].id = "f";
		fl[i].action = (uint8_t)below(3);
		fl[i].from = zone_list(re, &fl[i].n_from);
		fl[i].to = zone_list(re, &fl[i].n_to);
		fl[i].service = random_service(m);
	}
	struct alignment_rule *al = arena_array(a, 2, sizeof(*al));
	p->alignments = al, p->n_alignments = below(3);
	for (size_t i = 0; i < p->n_alignments; i++) {
		if (one_in(2))
			al[i].from = zone_list(re, &al[i].n_from);
		if (one_in(2))
			al[i].to = zone_list(re, &al[i].n_to);
		al[i].relation = (uint8_t)below(4);
		al[i].demands = (uint8_t)below(4);
	}
	struct exception *ex = arena_array(a, 2, sizeof(*ex));
	p->exceptions = ex, p->n_exceptions = one_in(3) ? 1 + below(2) : 0;
	for (size_t i = 0; i < p->n_exceptions; i++)
		ex[i] = (struct exception){ .id = i ? "x1" : "x0",
					    .check = one_in(2) ? "*" : "intent.*",
					    .from = one_in(2) ? NULL : &p->zones[below(ZONES)],
					    .service = random_service(m),
					    .plane = one_in(4) ? "physical" : NULL,
					    .expires = one_in(3) ? 5 : 50,
					    .expires_text = "then" };
	struct exclusion *exc = arena_array(a, 1, sizeof(*exc));
	exc[0] = (struct exclusion){ .id = "e", .reason = "r", .match = random_service(m) };
	p->exclusions = exc, p->n_exclusions = one_in(6);
	if (p->n_exclusions && exc[0].match->kind == MATCH_ALL)
		p->n_exclusions = 0;
	struct segregation *seg = arena_array(a, 1, sizeof(*seg));
	const struct tenant **between = arena_array(a, 2, sizeof(*between));
	between[0] = &p->tenants[below(2)], between[1] = &p->tenants[2];
	seg[0] = (struct segregation){ .id = "s", .between = between, .n_between = 2 };
	p->segregations = seg, p->n_segregations = one_in(2);
	re->estate.policy = p;
}

static void random_device(struct random_estate *re, unsigned i)
{
	struct matches *m = &re->snap->matches;
	struct device_build *b = device_build_start(re->snap, device_names[i], "test",
						    i % 2 ? PLANE_VIRTUAL : PLANE_PHYSICAL, LOC_NONE);
	bool unknowns = one_in(2);
	for (unsigned k = 0; k < PORTS; k++) {
		struct port *p = vec_add(&b->ports);
		p->name = port_names[k];
		p->kind = "interface";
		p->up = true;
		p->edge = one_in(8);
		if (one_in(12))
			p->present = random_addresses(m, FIELD_SRC);
	}
	size_t n = below(4);
	for (size_t k = 0; k < n; k++) {
		char prefix[16];
		snprintf(prefix, sizeof(prefix), "r%zu.", k);
		enum hook_kind kind = (enum hook_kind)below(3);
		device_build_hook(b, kind, (int)below(3), one_in(2) ? port_names[below(PORTS)] : NULL,
				  random_rulesets(b, prefix, unknowns), LOC_NONE);
	}
	if (one_in(8))
		*vec_add(&b->nats) = (struct nat){ .text = "nat",
						   .in = one_in(2) ? port_names[below(PORTS)] : NULL,
						   .touches = random_match(m, 1) };
	if (one_in(12))
		device_build_taint(b, one_in(2) ? port_names[below(PORTS)] : NULL, LOC_NONE, "taint");
	device_build_finish(b);
}

static const char **one_port(struct random_estate *re)
{
	const char **v = arena_array(re->arena, 1, sizeof(*v));
	v[0] = one_in(40) ? "nowhere" : port_names[below(PORTS)];
	return v;
}

static void random_estate(struct random_estate *re)
{
	struct arena *a = re->arena;
	struct estate *e = &re->estate;
	random_policy(re);
	unsigned n_dev = 1 + below(4);
	struct estate_source *src = arena_array(a, n_dev, sizeof(*src));
	struct binding *bind = arena_array(a, 3 * ZONES * n_dev, sizeof(*bind));
	for (unsigned i = 0; i < n_dev; i++) {
		if (!one_in(20))
			random_device(re, i);
		src[i] = (struct estate_source){ .name = device_names[i],
						 .uplink = one_in(2) ? port_names[below(PORTS)] : NULL,
						 .collected_at = one_in(2) ? -1 : 0,
						 .max_age = one_in(12) ? 86400 : -1 };
		re->failed[i] = one_in(30);
		for (unsigned z = 0; z < ZONES; z++) {
			unsigned times = one_in(10) ? 2 : !one_in(5);
			for (unsigned t = 0; t < times; t++)
				bind[e->n_bindings++] = (struct binding){ .zone = &re->policy.zones[z],
									  .device = device_names[i],
									  .ports = one_port(re),
									  .n_ports = 1 };
		}
	}
	e->name = "random";
	e->sources = src, e->n_sources = n_dev;
	e->bindings = bind;
	struct estate_path *path = arena_array(a, 1, sizeof(*path));
	struct estate_hop *hops = arena_array(a, 2, sizeof(*hops));
	hops[0] = (struct estate_hop){ .device = "d0", .in = one_port(re), .n_in = 1,
				       .out = one_port(re), .n_out = 1 };
	hops[1] = (struct estate_hop){ .device = "d1", .in = one_port(re), .n_in = 1,
				       .local_in = true };
	path[0] = (struct estate_path){ .id = "path", .both_ways = one_in(2), .none = one_in(4),
					.reason = "not connected", .hops = hops,
					.n_hops = 1 + one_in(4) };
	path[0].from = zone_list(re, &path[0].n_from);
	path[0].to = zone_list(re, &path[0].n_to);
	e->paths = path, e->n_paths = one_in(3);
	vec_each(dp, &re->snap->devices)
		for (size_t i = 0; i < (*dp)->n_rulesets; i++)
			for (uint32_t k = 0; k < (*dp)->rulesets[i]->n; k++)
				gather(&re->pool, (*dp)->rulesets[i]->rules[k].match);
}

/* ---- what packets say ---- */

struct said {
	bool sure[PLANE_COUNT], maybe[PLANE_COUNT], e_sure, e_maybe;
	bool present[PLANE_COUNT];
	bool intent, require, there;
};

static bool nat_touches(const struct point *pt, const struct packet *p)
{
	for (size_t i = 0; i < pt->device->n_nats; i++) {
		const struct nat *n = &pt->device->nats[i];
		bool on = !n->in || !pt->iif || !pt->oif || !strcmp(n->in, pt->iif) ||
			  !strcmp(n->in, pt->oif);
		if (on && match_judge(n->touches, p) != TRUTH_FALSE)
			return true;
	}
	return false;
}

static struct said way_says(const struct route_way *way, const struct packet *p)
{
	struct said s = { .sure = { true, true }, .maybe = { true, true }, .there = true };
	bool rewritten = false;
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		unsigned pl = pt->device->plane;
		s.present[pl] |= pt->n_stages > 0;
		for (size_t k = 0; k < pt->n_stages; k++) {
			struct packet here = *p;
			here = stage_packet(&pt->stages[k], &here);
			struct interp_answer a = interp(pt->stages[k].ruleset, &here);
			s.sure[pl] &= a.sure;
			s.maybe[pl] &= a.maybe;
		}
		rewritten |= nat_touches(pt, p);
		if (pt->present_src && match_judge(pt->present_src, p) == TRUTH_FALSE)
			s.there = false;
		if (pt->present_dst && match_judge(pt->present_dst, p) == TRUTH_FALSE)
			s.there = false;
	}
	for (int i = 0; i < PLANE_COUNT && rewritten; i++)
		s.sure[i] = false, s.maybe[i] = true;
	s.e_sure = s.sure[0] && s.sure[1];
	s.e_maybe = s.maybe[0] && s.maybe[1];
	return s;
}

static bool lists(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return false;
}

static struct said say(const struct random_estate *re, const struct path *path,
		       const struct packet *p)
{
	struct said all = { .sure = { true, true }, .e_sure = true };
	for (size_t w = 0; w < path->n_ways; w++) {
		struct said s = way_says(&path->ways[w], p);
		if (!s.there)
			continue; /* nobody at its ends: it isn't this way */
		for (int i = 0; i < PLANE_COUNT; i++) {
			all.sure[i] &= s.sure[i];
			all.maybe[i] |= s.maybe[i];
			all.present[i] |= s.present[i];
		}
		all.e_sure &= s.e_sure;
		all.e_maybe |= s.e_maybe;
		all.there |= s.there;
	}
	if (!path->n_ways)
		all = (struct said){ .there = true, .e_maybe = !path->none,
				     .maybe = { !path->none, !path->none } };
	bool deny = false;
	for (size_t i = 0; i < re->policy.n_flows; i++) {
		const struct flow *fl = &re->policy.flows[i];
		if (!lists(fl->from, fl->n_from, path->from) || !lists(fl->to, fl->n_to, path->to) ||
		    match_judge(fl->service, p) != TRUTH_TRUE)
			continue;
		deny |= fl->action == FLOW_DENY;
		all.intent |= fl->action != FLOW_DENY;
		all.require |= fl->action == FLOW_REQUIRE;
	}
	all.intent &= !deny;
	all.require &= !deny;
	for (size_t i = 0; i < re->policy.n_exclusions; i++)
		if (match_judge(re->policy.exclusions[i].match, p) == TRUTH_TRUE)
			all.there = false;
	return all;
}

static enum alignment relation(const struct random_estate *re, const struct path *path)
{
	for (size_t i = 0; i < re->policy.n_alignments; i++) {
		const struct alignment_rule *al = &re->policy.alignments[i];
		if ((!al->n_from || lists(al->from, al->n_from, path->from)) &&
		    (!al->n_to || lists(al->to, al->n_to, path->to)))
			return al->relation;
	}
	return ALIGN_EQUAL;
}

/* ---- the laws ---- */

static size_t failures, n_packets, n_aligned, n_misaligned, n_open, n_findings, n_wrong;

static void fail(const char *law, uint64_t seed, const struct path *path, const struct packet *p)
{
	struct text t = { 0 };
	if (p)
		packet_print(&t, p);
	if (failures++ < 20)
		printf("broken: %s: estate seed %" PRIu64 ", %s to %s, packet %s\n", law, seed,
		       path->from->name, path->to->name, t.s ? t.s : "-");
	text_finish(&t);
}

static const struct coverage *cover(const struct results *res, const struct path *path, int plane)
{
	for (size_t i = 0; i < res->coverage.n; i++) {
		const struct coverage *c = &res->coverage.v[i];
		if (!strcmp(c->from, path->from->name) && !strcmp(c->to, path->to->name) &&
		    !strcmp(c->plane, plane ? "virtual" : "physical"))
			return c;
	}
	return NULL;
}

static bool has_finding(const struct results *res, const struct path *path, const char *prefix)
{
	for (size_t i = 0; i < res->findings.n; i++) {
		const struct finding *f = &res->findings.v[i];
		if (f->from && !strcmp(f->from, path->from->name) && !strcmp(f->to, path->to->name) &&
		    f->certainty == CERTAIN &&
		    (!strncmp(f->check, prefix, strlen(prefix)) ||
		     (!strcmp(prefix, "intent.exposed") && !strcmp(f->check, "tenant.cross-talk"))))
			return true;
	}
	return false;
}

static bool any_excepted(const struct results *res, const struct path *path)
{
	for (size_t i = 0; i < res->findings.n; i++) {
		const struct finding *f = &res->findings.v[i];
		if (f->from && f->excepted.exception && !strcmp(f->from, path->from->name) &&
		    !strcmp(f->to, path->to->name))
			return true;
	}
	return false;
}

static void check_packet(const struct random_estate *re, const struct results *res,
			 const struct path *path, const struct packet *p, uint64_t seed)
{
	struct said s = say(re, path, p);
	enum alignment rel = relation(re, path);
	if (!s.there)
		return;
	n_packets++;
	bool both = s.present[0] && s.present[1] && path->n_ways;
	bool exposed = path->n_ways && s.e_sure && !s.intent;
	bool maybe_exposed = !path->none && s.e_maybe && !s.intent;
	bool wide[2] = { both && (rel == ALIGN_EQUAL || rel == ALIGN_PHYSICAL_WITHIN_VIRTUAL),
			 both && (rel == ALIGN_EQUAL || rel == ALIGN_VIRTUAL_WITHIN_PHYSICAL) };
	for (int pl = 0; pl < PLANE_COUNT; pl++) {
		const struct coverage *c = cover(res, path, pl);
		bool blocked = s.require && (s.present[pl] || path->none) && !s.maybe[pl];
		bool maybe_blocked = s.require && s.present[pl] && !s.sure[pl];
		bool drift = wide[pl] && s.sure[pl] && !s.maybe[!pl];
		bool maybe_drift = wide[pl] && s.maybe[pl] && !s.sure[!pl];
		if (!c) {
			fail("every pair has its coverage", seed, path, p);
			continue;
		}
		if (c->verdict != COVER_ALIGNED && re->little_memory)
			continue; /* findings may be missing; nothing is called aligned for it */
		n_wrong += exposed || blocked || drift;
		if (c->verdict == COVER_ALIGNED && !any_excepted(res, path) &&
		    (maybe_exposed || maybe_blocked || maybe_drift))
			fail("aligned has no packet against it", seed, path, p);
		if (exposed && !has_finding(res, path, "intent.exposed"))
			fail("what is surely exposed is found", seed, path, p);
		if (blocked && !has_finding(res, path, "intent.blocked"))
			fail("what is surely blocked is found", seed, path, p);
		if (drift && !exposed && !has_finding(res, path, "drift.") &&
		    !has_finding(res, path, "intent.blocked"))
			fail("sure drift is found", seed, path, p);
	}
}

static void check_finding(const struct random_estate *re, const struct finding *f,
			  const struct path *path, uint64_t seed)
{
	struct said s = say(re, path, &f->witness);
	bool certain = f->certainty == CERTAIN, ok = true;
	if (!strcmp(f->check, "intent.exposed") || !strcmp(f->check, "tenant.cross-talk"))
		ok = (certain ? s.e_sure : s.e_maybe) && !s.intent;
	else if (!strcmp(f->check, "intent.blocked"))
		ok = s.require;
	else if (!strncmp(f->check, "drift.", 6)) {
		int wide = f->check[6] == 'v';
		ok = certain ? s.sure[wide] && !s.maybe[!wide] : s.maybe[wide] && !s.sure[!wide];
	}
	if (!ok || !s.there)
		fail("a finding's packet shows it", seed, path, &f->witness);
}

static void check_one(uint64_t seed, size_t packets)
{
	state = seed;
	struct random_estate re = { .arena = arena_create(), .snap = snapshot_create() };
	struct diags diags;
	struct results res;
	diags_init(&diags, re.arena);
	random_estate(&re);
	results_init(&res, re.arena, "check");
	/* now and then so little memory that rulesets have to be lowered pair by pair */
	struct check_options o = { .as_of = 10,
				   .failed = re.failed,
				   .budget = one_in(8) ? (size_t)1 << (16 + below(5)) : 0,
				   .causes_max = one_in(4) ? 2 : 0 };
	re.little_memory = o.budget;
	check_estate(&re.estate, re.snap, &diags, &o, &res);
	if (res.witnesses != res.replayed || diags_has(&diags, "internal.replay"))
		fail("every witness is confirmed", seed,
		     &(struct path){ .from = &re.policy.zones[0], .to = &re.policy.zones[0] }, NULL);
	n_findings += res.findings.n;
	vec_each(c, &res.coverage) {
		n_aligned += c->verdict == COVER_ALIGNED;
		n_misaligned += c->verdict == COVER_MISALIGNED;
		n_open += c->verdict == COVER_INCONCLUSIVE;
	}
	const struct graph *graph = graph_create(re.arena, &re.estate, re.snap);
	for (unsigned i = 0; i < ZONES; i++)
		for (unsigned k = 0; k < ZONES; k++) {
			const struct zone *from = &re.policy.zones[i], *to = &re.policy.zones[k];
			struct path path;
			if (i == k && !from->self)
				continue;
			path_find(re.arena, graph, &re.snap->matches, from, to, &path);
			if (!path_known(&path))
				path.n_ways = 0;
			for (size_t n = 0; n < packets; n++) {
				struct packet p = draw(&re.pool, NULL, NULL);
				p.state = STATE_NEW;
				p.fragment = 0;
				p.flags = p.proto == PROTO_TCP ? TCP_SYN : 0;
				if (!packet_has_ports(&p))
					p.sport = p.dport = 0;
				else if (!p.dport)
					p.dport = draw_port(&re.pool);
				const struct span *fs = from->spans[p.family], *ts = to->spans[p.family];
				bool in = false, out = false;
				for (size_t x = 0; x < from->n_spans[p.family]; x++)
					in |= span_has(fs[x], p.src);
				for (size_t x = 0; x < to->n_spans[p.family]; x++)
					out |= span_has(ts[x], p.dst);
				if (!in)
					p.src = fs[0].lo;
				if (!out)
					p.dst = ts[0].hi;
				if (re.policy.families[p.family])
					check_packet(&re, &res, &path, &p, seed);
			}
			for (size_t n = 0; n < res.findings.n; n++) {
				const struct finding *f = &res.findings.v[n];
				if (f->has_witness && f->from && !strcmp(f->from, from->name) &&
				    !strcmp(f->to, to->name))
					check_finding(&re, f, &path, seed);
			}
		}
	results_finish(&res);
	diags_finish(&diags);
	vec_free(&re.pool.addr[0]);
	vec_free(&re.pool.addr[1]);
	vec_free(&re.pool.port);
	snapshot_destroy(re.snap);
	arena_destroy(re.arena);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t estates = argc > 2 ? strtoul(argv[2], NULL, 10) : 400;
	size_t packets = argc > 3 ? strtoul(argv[3], NULL, 10) : 120;
	for (size_t i = 0; i < estates; i++)
		check_one(seed * 1000003 + i, packets);
	printf("seed %" PRIu64 ": %zu estates, %zu packets (%zu wrong ones), %zu findings; coverage %zu "
	       "aligned, %zu misaligned, %zu inconclusive; %zu laws broken\n",
	       seed, estates, n_packets, n_wrong, n_findings, n_aligned, n_misaligned, n_open, failures);
	return failures || !n_aligned || !n_misaligned || !n_open || !n_wrong;
}
