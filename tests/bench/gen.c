/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/gen.h"

#include <stdlib.h>
#include <string.h>

const char *const gen_names[GEN_SHAPES] = { "acl", "fw", "ipc" };

uint64_t gen_random(uint64_t *state)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(gen_random(state) >> 32) % n;
}

static bool percent(uint64_t *state, unsigned p)
{
	return below(state, 100) < p;
}

/* What a shape likes, in percent. */
static const struct taste {
	unsigned any_src, any_dst;
	unsigned src_host,
		src_net; /* of those that aren't any: hosts, nets of /24; then wider */
	unsigned dst_host, dst_net;
	unsigned tcp, udp, icmp; /* the rest is any protocol */
	unsigned any_dport, exact_dport;
	unsigned any_sport;
} tastes[GEN_SHAPES] = {
	[GEN_ACL] = { 35, 3, 35, 35, 55, 35, 72, 20, 3, 18, 62, 97 },
	[GEN_FW] = { 45, 30, 40, 35, 45, 35, 60, 25, 5, 35, 45, 85 },
	[GEN_IPC] = { 6, 5, 45, 30, 45, 30, 60, 25, 5, 35, 50, 90 },
};

static const uint16_t ports[] = { 80,	443,  22,   25,	  53,	123,  21,   23,	  110,
				  143,	161,  389,  445,  465,	514,  587,  636,  993,
				  995,	1433, 1521, 2049, 3128, 3306, 3389, 500,  5060,
				  5432, 5900, 6379, 8000, 8080, 8443, 9092, 9200, 11211 };

enum { N_PORTS = sizeof(ports) / sizeof(*ports) };

/* The networks of an estate: some sites, in them nets, in them hosts. */
struct nets {
	enum family family;
	size_t first_site, n_sites, n_nets, n_hosts;
	uint64_t key;
};

static uint64_t mixed(uint64_t a, uint64_t b)
{
	uint64_t s = a ^ b * UINT64_C(0xd6e8feb86659fd93);

	return gen_random(&s);
}

/* Site, net and host by number, always the same; len: /16, /24, /32 or /48, /64, /128. */
static struct addr place(const struct nets *w, size_t site, size_t net, size_t host)
{
	uint64_t s = mixed(w->key, site), n = mixed(s, net + 1), h = mixed(n, host + 2);
	struct addr a = { 0, 0 };

	if (w->family == FAMILY_V4) {
		a.lo = (s % 200 + 10) << 24 | (s >> 32 & 255) << 16 | (n & 255) << 8 |
		       (h & 255);
	} else {
		a.hi = UINT64_C(0x2001) << 48 | (s & 0xffffffff) << 16 | (n & 0xffff);
		a.lo = h % 3 ? h & 0xffff : h;
	}
	return a;
}

static struct span draw_span(const struct nets *w, uint64_t *st, unsigned host, unsigned net)
{
	bool v4 = w->family == FAMILY_V4;
	unsigned kind = below(st, 100);
	size_t site = below(st, (unsigned)w->n_sites);
	/* some nets are asked for much more than others */
	size_t n = below(st, (unsigned)(percent(st, 50) ? w->n_nets / 8 + 1 : w->n_nets));
	struct addr a = place(w, w->first_site + site, n, below(st, (unsigned)w->n_hosts));
	static const unsigned char lens4[] = { 8,  12, 16, 16, 18, 20, 22,
					       22, 23, 25, 26, 27, 28, 30 };
	static const unsigned char lens6[] = { 32, 40, 44, 48, 48, 52, 56,
					       56, 60, 68, 80, 96, 112 };

	if (kind < host)
		return span_prefix(w->family, a, v4 ? 32 : 128);
	if (kind < host + net)
		return span_prefix(w->family, a, v4 ? 24 : 64);
	return span_prefix(w->family, a,
			   v4 ? lens4[below(st, sizeof(lens4))]
			      : lens6[below(st, sizeof(lens6))]);
}

static struct range draw_port(uint64_t *st, unsigned any, unsigned exact)
{
	static const struct range usual[] = { { 1024, 65535 },	{ 0, 1023 },
					      { 6000, 6063 },	{ 137, 139 },
					      { 33434, 33534 }, { 49152, 65535 } };
	unsigned kind = below(st, 100), lo;

	if (kind < any)
		return (struct range){ 0, 65535 };
	if (kind < any + exact) {
		uint16_t p = percent(st, 80) ? ports[below(st, N_PORTS)]
					     : (uint16_t)(1024 + below(st, 60000));

		return (struct range){ p, p };
	}
	if (percent(st, 60))
		return usual[below(st, sizeof(usual) / sizeof(*usual))];
	lo = below(st, 64000);
	return (struct range){ (uint16_t)lo, (uint16_t)(lo + 1 + below(st, 1500)) };
}

void gen_rules(enum gen_shape shape, enum family family, size_t n, uint64_t seed,
	       struct gen_rule *ret_rules)
{
	const struct taste *t = &tastes[shape];
	uint64_t st = mixed(mixed(seed, n), (uint64_t)shape * 2 + family);
	struct nets w = { .family = family,
			  .n_sites = 4 + n / 250,
			  .n_nets = 40,
			  .n_hosts = 60,
			  .key = gen_random(&st) };
	struct span all = { { 0, 0 }, addr_max(family) };

	for (size_t i = 0; i < n; i++) {
		struct gen_rule *r = &ret_rules[i];
		unsigned proto = below(&st, 100);
		struct range any = { 0, 65535 };

		r->src = draw_span(&w, &st, t->src_host, t->src_net);
		r->dst = draw_span(&w, &st, t->dst_host, t->dst_net);
		if (percent(&st, t->any_src))
			r->src = all;
		if (percent(&st, t->any_dst))
			r->dst = all;
		r->proto = (struct range){ 0, 255 };
		r->sport = r->dport = any;
		if (proto < t->tcp + t->udp) {
			r->proto.lo = r->proto.hi = proto < t->tcp ? PROTO_TCP : PROTO_UDP;
			r->dport = draw_port(&st, t->any_dport, t->exact_dport);
			r->sport = draw_port(&st, t->any_sport, 10);
		} else if (proto < t->tcp + t->udp + t->icmp) {
			r->proto.lo = r->proto.hi =
				family == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6;
		}
		/* Rules for everybody to everywhere are rare, and then for one service: a
		 * list with many of them would be short, however long it is written. */
		if (r->src.lo.lo == 0 && r->dst.lo.lo == 0 && addr_equal(r->src.hi, all.hi) &&
		    addr_equal(r->dst.hi, all.hi)) {
			bool both = r->proto.hi != 255 && r->dport.lo == r->dport.hi &&
				    percent(&st, 10);

			while (!both && addr_equal(r->dst.hi, all.hi) && r->dst.lo.lo == 0)
				r->dst = draw_span(&w, &st, t->dst_host, t->dst_net);
		}
		r->permit = percent(&st, 70);
	}
}

bool gen_rule_has(const struct gen_rule *r, const struct packet *p)
{
	return span_has(r->src, p->src) && span_has(r->dst, p->dst) &&
	       r->proto.lo <= p->proto && p->proto <= r->proto.hi && r->sport.lo <= p->sport &&
	       p->sport <= r->sport.hi && r->dport.lo <= p->dport && p->dport <= r->dport.hi;
}

static bool is_any(struct range r)
{
	return r.lo == 0 && r.hi == 65535;
}

const struct match *gen_match(struct matches *m, enum family family, const struct gen_rule *r)
{
	const struct match *v[5];
	struct addr max = addr_max(family), zero = { 0, 0 };
	size_t n = 0;

	if (r->proto.lo == r->proto.hi)
		v[n++] = match_value(m, FIELD_PROTO, r->proto.lo);
	if (!addr_equal(r->src.lo, zero) || !addr_equal(r->src.hi, max))
		v[n++] = match_spans(m, FIELD_SRC, family, &r->src, 1);
	if (!addr_equal(r->dst.lo, zero) || !addr_equal(r->dst.hi, max))
		v[n++] = match_spans(m, FIELD_DST, family, &r->dst, 1);
	if (!is_any(r->sport))
		v[n++] = match_range(m, FIELD_SPORT, r->sport.lo, r->sport.hi);
	if (!is_any(r->dport))
		v[n++] = match_range(m, FIELD_DPORT, r->dport.lo, r->dport.hi);
	return match_and_n(m, v, n);
}

const struct ruleset *gen_ruleset(struct snapshot *s, const char *name, enum family family,
				  const struct gen_rule *v, size_t n)
{
	struct device_build *b = device_build_start(s, name, "gen", PLANE_PHYSICAL, LOC_NONE);
	struct ruleset *rs = device_build_ruleset(b, name, "access list", LOC_NONE);
	struct rule *rules = xcalloc(n + 1, sizeof(*rules));

	for (size_t i = 0; i < n; i++) {
		rules[i].at.line = (uint32_t)i + 1;
		rules[i].match = gen_match(&s->matches, family, &v[i]);
		rules[i].verdict = v[i].permit ? VERDICT_PERMIT : VERDICT_DENY;
	}
	device_build_rules(b, rs, rules, n);
	device_build_finish(b);
	free(rules);
	return rs;
}

static struct addr corner(enum family f, struct span s, uint64_t *st)
{
	struct addr width = { s.hi.hi - s.lo.hi, s.hi.lo - s.lo.lo }, a;

	switch (below(st, 4)) {
	case 0:
		return s.lo;
	case 1:
		return s.hi;
	case 2: /* just outside */
		return addr_and(percent(st, 50) ? addr_next(s.hi) : addr_prev(s.lo),
				addr_max(f));
	default: /* inside: spans are prefixes, so the free bits stand behind */
		a.hi = s.lo.hi | (gen_random(st) & width.hi);
		a.lo = s.lo.lo | (gen_random(st) & width.lo);
		return a;
	}
}

static unsigned corner_port(struct range r, uint64_t *st)
{
	unsigned kind = below(st, 4);

	return (uint16_t)(kind == 0   ? r.lo
			  : kind == 1 ? r.hi
			  : kind == 2 ? r.hi + 1u
				      : r.lo + below(st, r.hi - r.lo + 1u));
}

void gen_packets(enum family family, const struct gen_rule *v, size_t n, uint64_t seed,
		 struct packet *ret_packets, size_t n_packets)
{
	uint64_t st = seed ^ UINT64_C(0x5851f42d4c957f2d);

	for (size_t i = 0; i < n_packets; i++) {
		/* the fields of two rules crossed meet more rules than those of one */
		const struct gen_rule *a = &v[below(&st, (unsigned)n)];
		const struct gen_rule *b = percent(&st, 50) ? a : &v[below(&st, (unsigned)n)];
		struct packet p = { .family = (uint8_t)family, .state = STATE_NEW };

		p.src = corner(family, a->src, &st);
		p.dst = corner(family, b->dst, &st);
		p.proto = a->proto.lo == a->proto.hi ? (uint8_t)a->proto.lo
			  : percent(&st, 60)	     ? PROTO_TCP
			  : percent(&st, 80)	     ? PROTO_UDP
						     : PROTO_GRE;
		if (packet_has_ports(&p)) {
			p.sport = (uint16_t)corner_port(a->sport, &st);
			p.dport = (uint16_t)corner_port(b->dport, &st);
		}
		if (packet_has_flags(&p))
			p.flags = TCP_SYN;
		ret_packets[i] = p;
	}
}

const struct ruleset *gen_group_list(struct snapshot *s, size_t n_rules, uint64_t seed)
{
	enum { GROUPS = 60, SERVICE_GROUPS = 12, SERVICES = 20, NETS_MAX = 500 };
	struct matches *m = &s->matches;
	const struct match *src[GROUPS], *dst[GROUPS], *services[SERVICE_GROUPS];
	uint64_t st = mixed(seed, n_rules);
	struct nets w = { FAMILY_V4, 0, 3, 200, 60, gen_random(&st) };
	struct span *v = xcalloc(NETS_MAX, sizeof(*v));
	struct device_build *b =
		device_build_start(s, "groups", "gen", PLANE_PHYSICAL, LOC_NONE);
	struct ruleset *rs = device_build_ruleset(b, "groups", "access list", LOC_NONE);
	struct rule *rules = xcalloc(n_rules, sizeof(*rules));

	for (int g = 0; g < GROUPS; g++) {
		size_t n = 50 + below(&st, NETS_MAX - 49);

		/* a group is at home somewhere: three sites of ten */
		w.first_site = below(&st, 8);
		for (size_t i = 0; i < n; i++)
			v[i] = draw_span(&w, &st, 50, 48);
		src[g] = match_spans(m, FIELD_SRC, FAMILY_V4, v, n);
		dst[g] = match_spans(m, FIELD_DST, FAMILY_V4, v, n);
	}
	for (int g = 0; g < SERVICE_GROUPS; g++) {
		const struct match *one[SERVICES];

		for (int i = 0; i < SERVICES; i++) {
			struct range r = draw_port(&st, 0, 80);

			one[i] =
				match_and(m,
					  match_value(m, FIELD_PROTO,
						      percent(&st, 70) ? PROTO_TCP : PROTO_UDP),
					  match_range(m, FIELD_DPORT, r.lo, r.hi));
		}
		services[g] = match_or_n(m, one, SERVICES);
	}
	for (size_t i = 0; i < n_rules; i++) {
		const struct match *both[] = { src[below(&st, GROUPS)], dst[below(&st, GROUPS)],
					       services[below(&st, SERVICE_GROUPS)] };

		rules[i].at.line = (uint32_t)i + 1;
		rules[i].match = match_and_n(m, both, 3);
		rules[i].verdict = percent(&st, 70) ? VERDICT_PERMIT : VERDICT_DENY;
	}
	device_build_rules(b, rs, rules, n_rules);
	device_build_finish(b);
	free(rules);
	free(v);
	return rs;
}

const struct ruleset *gen_cloud(struct snapshot *s, size_t groups, size_t rules, uint64_t seed)
{
	enum { MEMBERS = 12 };
	struct matches *m = &s->matches;
	const struct match **src = xcalloc(groups, sizeof(*src));
	const struct match **dst = xcalloc(groups, sizeof(*dst));
	struct rule *v = xcalloc(rules, sizeof(*v));
	uint64_t st = mixed(seed, rules);
	struct device_build *b = device_build_start(s, "cloud", "gen", PLANE_VIRTUAL, LOC_NONE);
	struct ruleset *rs = device_build_ruleset(b, "cloud", "security groups", LOC_NONE);
	struct nets w = { FAMILY_V4, 0, 30, 60, 60, gen_random(&st) };

	for (size_t g = 0; g < groups; g++) {
		struct span members[MEMBERS];
		size_t n = 1 + below(&st, MEMBERS);
		uint64_t subnet = below(&st, 1024);

		for (size_t i = 0; i < n; i++) {
			struct addr a = { 0, UINT64_C(0x0a000000) | subnet << 8 |
						     below(&st, 256) };

			members[i] = (struct span){ a, a };
		}
		src[g] = match_spans(m, FIELD_SRC, FAMILY_V4, members, n);
		dst[g] = match_spans(m, FIELD_DST, FAMILY_V4, members, n);
	}
	for (size_t i = 0; i < rules; i++) {
		const struct match *part[4];
		struct range r = draw_port(&st, 0, 90);
		struct span net = draw_span(&w, &st, 40, 40);

		part[0] = dst[i * groups / rules];
		part[1] = percent(&st, 70)   ? src[below(&st, (unsigned)groups)]
			  : percent(&st, 80) ? match_spans(m, FIELD_SRC, FAMILY_V4, &net, 1)
					     : match_all(m);
		part[2] = match_value(m, FIELD_PROTO, percent(&st, 80) ? PROTO_TCP : PROTO_UDP);
		part[3] = match_range(m, FIELD_DPORT, r.lo, r.hi);
		v[i].at.line = (uint32_t)i + 1;
		v[i].match = match_and_n(m, part, 4);
		v[i].verdict = VERDICT_PERMIT;
	}
	device_build_rules(b, rs, v, rules);
	device_build_finish(b);
	free(v);
	free(src);
	free(dst);
	return rs;
}
