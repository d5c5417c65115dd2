/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_run.h"

/* --- what a policy means --- */

static bool zone_has(const struct policy *p, const char *zone, const char *address)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(address, strlen(address), &f, &a));
	const struct zone *z = policy_zone(p, zone);
	cr_assert(z, "%s", zone);
	for (size_t i = 0; i < z->n_spans[f]; i++)
		if (span_has(z->spans[f][i], a))
			return true;
	return false;
}

Test(policy, external_is_what_no_zone_claims)
{
	struct run r = policy(BASE);
	cr_assert(!r.err);
	cr_expect(zone_has(r.policy, "internet", "10.0.255.255"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.0"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.255"));
	cr_expect(zone_has(r.policy, "internet", "10.1.1.0"));
	cr_expect(zone_has(r.policy, "internet", "0.0.0.0"));
	cr_expect(zone_has(r.policy, "internet", "255.255.255.255"));
	cr_expect(zone_has(r.policy, "internet", "::"));
	cr_expect(!zone_has(r.policy, "internet", "2001:db8:1::ffff"));
	cr_expect(zone_has(r.policy, "internet", "2001:db8:1:1::"));
	cr_expect(zone_has(r.policy, "internet", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	end(&r);
}

Test(policy, excluded_addresses_are_external_unless_another_zone_has_them)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.0/8, exclude: [10.1.0.0/16, "
				   "10.2.0.0/16]}\n"
				   "  - {name: b, prefixes: 10.1.0.0/16}\n"
				   "  - {name: internet, external: true}\n");
	cr_assert(!r.err);
	cr_expect(zone_has(r.policy, "a", "10.0.0.1"));
	cr_expect(!zone_has(r.policy, "a", "10.1.0.1"));
	cr_expect(!zone_has(r.policy, "a", "10.2.0.1"));
	cr_expect(zone_has(r.policy, "internet", "10.2.0.1"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.1"));
	end(&r);
}

Test(policy, segments_may_reuse_addresses_and_external_has_none_of_them)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.0/8, segment: vrf-a}\n"
				   "  - {name: b, prefixes: 10.0.0.0/9, segment: vrf-b}\n"
				   "  - {name: c, prefixes: 10.0.0.0/10}\n"
				   "  - {name: internet, external: true}\n");
	cr_assert(!r.err);
	cr_expect_str_eq(policy_zone(r.policy, "b")->segment, "vrf-b");
	cr_expect(!zone_has(r.policy, "internet", "10.255.255.255"));
	cr_expect(zone_has(r.policy, "internet", "11.0.0.0"));
	end(&r);
}

Test(policy, from_and_to_take_zones_tenants_and_any)
{
	struct run r =
		policy(BASE "flows:\n"
			    "  - {id: a, from: blue, to: any, service: any, action: allow}\n"
			    "  - {id: b, from: [app, blue, web], to: internet, service: any, "
			    "action: allow}\n");
	cr_assert(!r.err);
	const struct flow *a = &r.policy->flows[0], *b = &r.policy->flows[1];
	cr_expect(LISTS(a->from, a->n_from, "web", "db"));
	cr_expect(LISTS(a->to, a->n_to, "web", "db", "app", "internet"));
	cr_expect(LISTS(b->from, b->n_from, "app", "web", "db"));
	cr_expect(LISTS(b->to, b->n_to, "internet"));
	end(&r);
}

static bool passes(const struct match *m, const char *line)
{
	struct arena *a = arena_create();
	struct packet p;
	const char *why;
	cr_assert(packet_parse(a, line, strlen(line), &p, &why), "%s: %s", line, why);
	enum truth t = match_judge(m, &p);
	arena_destroy(a);
	cr_assert(t != TRUTH_UNKNOWN);
	return t == TRUTH_TRUE;
}

Test(policy, services)
{
	struct run r = policy(
		BASE "services:\n"
		     "  web: [tcp/80, tcp/443]\n"
		     "  odd: {proto: tcp, port: [\"1000-2000\", 22], source_port: 1024-65535}\n"
		     "  ping: [icmp/8, {proto: icmpv6, type: 128, code: 0}]\n"
		     "  tunnel: {proto: 47}\n"
		     "flows:\n"
		     "  - {id: f, from: web, to: db, service: [web, udp/53, esp], "
		     "action: allow}\n");
	cr_assert(!r.err);
	const struct service *s = r.policy->services;
	cr_assert_eq(r.policy->n_services, 4);
	cr_expect(passes(s[0].match, "tcp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(passes(s[0].match, "tcp 2001:db8::1 1 2001:db8::2 443"));
	cr_expect(!passes(s[0].match, "tcp 10.0.0.1 1 10.0.0.2 81"));
	cr_expect(!passes(s[0].match, "udp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 22"));
	cr_expect(!passes(s[1].match, "tcp 10.0.0.1 1023 10.0.0.2 22"));
	cr_expect(passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 2000"));
	cr_expect(!passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 2001"));
	cr_expect(passes(s[2].match, "icmp 10.0.0.1 8 10.0.0.2 5"));
	cr_expect(!passes(s[2].match, "icmp 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(passes(s[2].match, "icmpv6 2001:db8::1 128 2001:db8::2 0"));
	cr_expect(!passes(s[2].match, "icmpv6 2001:db8::1 128 2001:db8::2 1"));
	cr_expect(passes(s[3].match, "ip:47 10.0.0.1 0 10.0.0.2 0"));
	const struct flow *f = r.policy->flows;
	cr_expect_str_eq(f->service_text, "web, udp/53, esp");
	cr_expect(passes(f->service, "tcp 10.0.0.1 1 10.0.0.2 443"));
	cr_expect(passes(f->service, "udp 10.0.0.1 1 10.0.0.2 53"));
	cr_expect(passes(f->service, "ip:50 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(!passes(f->service, "ip:51 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(!f->service->inexact);
	end(&r);
}

Test(policy, icmp_is_asked_of_its_own_family)
{
	struct run r = policy(BASE "services: {v4: {proto: icmp}, v6: {proto: icmpv6}}\n");
	cr_assert(!r.err);
	cr_expect(passes(r.policy->services[0].match, "icmp 10.0.0.1 8 10.0.0.2 0"));
	cr_expect(!passes(r.policy->services[0].match, "ip6:1 2001:db8::1 0 2001:db8::2 0"));
	cr_expect(passes(r.policy->services[1].match, "icmpv6 2001:db8::1 1 2001:db8::2 0"));
	cr_expect(!passes(r.policy->services[1].match, "ip:58 10.0.0.1 0 10.0.0.2 0"));
	end(&r);
}

Test(policy, files_add_up)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *v[] = {
		bytes(&r, "flows.yaml",
		      HEAD "revision: \"7\"\nflows: [{id: f, from: web, to: db, service: s, "
			   "action: require, controls: c}]\n"),
		bytes(&r, "zones.yaml", "version: 1\nname: zones\nowner: me\n" TENANTS ZONES),
		bytes(&r, "more.yaml",
		      HEAD "services: {s: tcp/1}\ncontrols: [{id: c, framework: f, title: t, "
			   "responsible: csc, checks: [rule.*]}]\n"),
	};
	cr_assert(!policy_read(&r.m, &r.d, v, 3, &r.policy));
	cr_expect_str_eq(r.policy->name, "test");
	cr_expect_str_eq(r.policy->version, "7");
	cr_expect_str_eq(r.policy->owner, "me");
	cr_expect_eq(r.policy->n_zones, 4);
	cr_expect_eq(r.policy->flows[0].action, FLOW_REQUIRE);
	cr_expect_eq(r.policy->controls[0].responsible, RESPONSIBLE_CSC);
	end(&r);
}

Test(policy, names_are_defined_once_over_all_files)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *v[] = {
		bytes(&r, "a.yaml", BASE "services: {s: tcp/1}\nscope: {families: ipv4}\n"),
		bytes(&r, "b.yaml", HEAD "services: {s: tcp/1}\nscope: {families: ipv4}\n"),
	};
	cr_expect(policy_read(&r.m, &r.d, v, 2, &r.policy) < 0);
	cr_expect_str_eq(place(&r, "yaml.duplicate-name"), "b.yaml:3:12");
	const struct diag *x = diag_of(&r, "yaml.duplicate-name");
	cr_expect_str_eq(loc_print(r.arena, x->related[0]), "a.yaml:9:12");
	cr_expect(diags_has(&r.d, "policy.duplicate-scope"));
	end(&r);
}

Test(policy, undefined_names_point_to_the_similar_one)
{
	struct run r = policy(BASE "flows: [{id: f, from: intrenet, to: DB, service: any, "
				   "action: allow}]\n");
	cr_assert(r.err < 0);
	cr_assert_eq(diags_count(&r.d, "policy.undefined-zone"), 2);
	for (size_t i = 0, k = 0; i < r.d.n; i++) {
		if (strcmp(r.d.v[i].code, "policy.undefined-zone"))
			continue;
		cr_assert_eq(r.d.v[i].n_related, 1);
		cr_expect_str_eq(loc_print(r.arena, r.d.v[i].related[0]),
				 k ? "policy.yaml:6:5" : "policy.yaml:8:5");
		k++;
	}
	end(&r);
}

Test(policy, all_errors_are_told_in_one_run)
{
	struct run r = policy(HEAD "onwer: a\n"
				   "services: {s: {proto: tcp, port: 70000}}\n"
				   "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.5/8}\n"
				   "  - {name: b, prefixes: [11.0.0.0/8], tenant: x}\n"
				   "flows:\n"
				   "  - {id: f, from: c, to: b, service: t, action: permit}\n");
	cr_expect(r.err < 0);
	cr_expect_str_eq(place(&r, "yaml.unknown-key"), "policy.yaml:3:1");
	cr_expect_str_eq(place(&r, "policy.port"), "policy.yaml:4:34");
	cr_expect_str_eq(place(&r, "policy.host-bits"), "policy.yaml:6:25");
	cr_expect_str_eq(place(&r, "policy.undefined-tenant"), "policy.yaml:7:47");
	cr_expect_str_eq(place(&r, "policy.undefined-zone"), "policy.yaml:9:19");
	cr_expect_str_eq(place(&r, "policy.undefined-service"), "policy.yaml:9:38");
	cr_expect_str_eq(place(&r, "yaml.choice"), "policy.yaml:9:49");
	cr_expect_eq(r.d.n_errors, 7);
	end(&r);
}

Test(policy, a_mark_in_front_and_carriage_returns_change_nothing)
{
	struct run r = policy(
		"\xef\xbb\xbfversion: 1\r\nname: test\r\nzones:\r\n"
		"  - {name: a, prefixes: 10.0.0.0/8}\r\n"
		"  - {name: b, prefixes: 11.0.0.0/8, owner: \"J\xc3\xb6rg\", sel: true}");
	cr_expect_str_eq(place(&r, "yaml.unknown-key"), "policy.yaml:5:53");
	cr_expect_eq(r.d.n_errors, 1);
	end(&r);
}

Test(policy, host_bits_propose_the_network_and_the_host)
{
	struct run r = policy(HEAD "zones: [{name: a, prefixes: \"2001:db8::5/32\"}]\n");
	const struct diag *x = diag_of(&r, "policy.host-bits");
	cr_expect(strstr(x->text, "2001:db8::/32") && strstr(x->text, "2001:db8::5/128"));
	end(&r);
}

Test(policy, zone_overlap_names_both_prefixes)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: [192.0.2.0/24, 10.0.0.0/8]}\n"
				   "  - {name: b, prefixes: [198.51.100.0/24, 10.1.0.0/16]}\n");
	cr_assert(r.err < 0);
	cr_expect_str_eq(place(&r, "policy.zone-overlap"), "policy.yaml:5:43");
	cr_expect_str_eq(loc_print(r.arena, diag_of(&r, "policy.zone-overlap")->related[0]),
			 "policy.yaml:4:40");
	cr_expect(strstr(diag_of(&r, "policy.zone-overlap")->text, "10.1.0.0/16"));
	end(&r);
}

/* A policy that is read, but with something to say. */
static void warns(const char *text, const char *code, enum diag_severity severity)
{
	struct run r = policy(text);
	cr_expect(!r.err, "%s", code);
	cr_expect_eq(diags_count(&r.d, code), 1, "%s", code);
	cr_expect_eq(diag_of(&r, code)->severity, severity, "%s", code);
	end(&r);
}

Test(policy, warnings)
{
#define FLOW(id, from, to, service, action)                                                    \
	"  - {id: " id ", from: " from ", to: " to ", service: " service ", action: " action   \
	"}\n"
	warns(BASE "flows:\n" FLOW("a", "web", "any", "tcp/400-500", "allow")
		      FLOW("d", "any", "db", "tcp/443", "deny"),
	      "policy.deny-overlaps-allow", DIAG_WARNING);
	warns(BASE "flows:\n" FLOW("a", "web", "db", "tcp/443", "allow")
		      FLOW("b", "web", "db", "tcp/443", "allow"),
	      "policy.flow-repeats", DIAG_NOTE);
	warns(BASE "flows:\n" FLOW("a", "web", "web", "tcp/443", "allow"),
	      "policy.flow-unjudged", DIAG_WARNING);
	warns(BASE "services: {s: {proto: tcp, port: 1-65535}}\n", "policy.all-ports-but-0",
	      DIAG_WARNING);
	warns(HEAD "zones:\n  - {name: a, prefixes: [10.0.0.0/8, 10.1.0.0/16]}\n"
		   "  - {name: b, external: true}\n",
	      "policy.redundant-prefix", DIAG_WARNING);
	warns(BASE "scope: {families: ipv4}\n", "policy.family-out-of-scope", DIAG_WARNING);
	warns(HEAD "zones:\n  - {name: a, prefixes: 10.0.0.0/8, self: true}\n",
	      "policy.no-external", DIAG_NOTE);
	warns(BASE "segregation: [{id: s, between: [blue, green, all]}]\n",
	      "policy.segregation-shared", DIAG_WARNING);
	warns(BASE "alignment: [{relation: equal}, {from: web, relation: effective}]\n",
	      "policy.alignment-hidden", DIAG_WARNING);
	warns(BASE
	      "exceptions: [{id: x, check: rule.*, owner: a, approved_by: a, justification: "
	      "long enough it is, expires: 2026-12-31}]\n",
	      "policy.self-approved", DIAG_WARNING);
}

static void quiet(const char *text, const char *code)
{
	struct run r = policy(text);
	cr_expect(!r.err, "%s", code);
	cr_expect(!diags_has(&r.d, code), "%s", code);
	end(&r);
}

Test(policy, no_warning_without_a_reason)
{
	quiet(BASE "flows:\n" FLOW("a", "web", "any", "tcp/400-442", "allow")
		      FLOW("d", "any", "db", "tcp/443", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "app", "any", "allow")
		      FLOW("d", "any", "db", "any", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "icmp/8", "allow")
		      FLOW("d", "any", "db", "icmp/0", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "tcp/1", "allow")
		      FLOW("b", "db", "web", "tcp/1", "allow"),
	      "policy.flow-repeats");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "tcp/1", "allow")
		      FLOW("b", "web", "db", "tcp/1", "require"),
	      "policy.flow-repeats");
	quiet(BASE "alignment: [{from: web, relation: effective}, {relation: equal}]\n",
	      "policy.alignment-hidden");
	quiet(BASE, "policy.no-external");
}

Test(policy, the_rest_of_the_file_arrives)
{
	struct run r = policy(
		BASE
		"segregation: [{id: s, between: any}]\n"
		"alignment:\n"
		"  - {from: internet, to: [web, db], relation: effective}\n"
		"  - {relation: virtual-within-physical, planes: [virtual, physical]}\n"
		"exceptions:\n"
		"  - {id: x, check: drift.*, from: web, to: any, service: tcp/22, plane: "
		"virtual, owner: a, approved_by: b, justification: \"long enough\\nit is\", "
		"expires: 1970-01-02}\n"
		"exclusions:\n"
		"  - {id: n, zones: db, prefixes: 169.254.0.0/16, service: udp/53, reason: "
		"r, responsible: csp}\n"
		"scope: {families: [ipv4]}\n");
	cr_assert(!r.err);
	const struct policy *p = r.policy;
	cr_assert_eq(p->segregations[0].n_between, 2);
	cr_expect_str_eq(p->segregations[0].between[1]->name, "green");
	cr_expect(LISTS(p->alignments[0].to, p->alignments[0].n_to, "web", "db"));
	cr_expect_eq(p->alignments[0].relation, ALIGN_EFFECTIVE);
	cr_expect_eq(p->alignments[0].demands, 0);
	cr_expect(!p->alignments[1].from && !p->alignments[1].to);
	cr_expect_eq(p->alignments[1].demands, 1 << PLANE_PHYSICAL | 1 << PLANE_VIRTUAL);
	const struct exception *x = p->exceptions;
	cr_expect(x->from == policy_zone(p, "web") && !x->to);
	cr_expect_str_eq(x->plane, "virtual");
	cr_expect_str_eq(x->justification, "long enough it is");
	cr_expect_eq(x->expires, 1);
	cr_expect(passes(x->service, "tcp 10.0.0.1 1 10.0.0.2 22"));
	const struct match *n = p->exclusions[0].match;
	cr_expect(passes(n, "udp 10.2.0.1 1 169.254.1.1 53"));
	cr_expect(passes(n, "udp 169.254.1.1 1 10.2.0.1 53"));
	cr_expect(!passes(n, "udp 10.1.0.1 1 169.254.1.1 53"));
	cr_expect(!passes(n, "udp 10.2.0.1 1 8.8.8.8 53"));
	cr_expect(!passes(n, "udp 10.2.0.1 1 169.254.1.1 54"));
	cr_expect_str_eq(p->exclusions[0].text,
			 "from or to 169.254.0.0/16; zones db; service udp/53");
	cr_expect(p->families[FAMILY_V4] && !p->families[FAMILY_V6]);
	end(&r);
}

Test(policy, an_exception_without_a_service_holds_for_any)
{
	struct run r = policy(BASE "exceptions: [{id: x, check: rule.dead, owner: a, "
				   "approved_by: b, justification: long enough, expires: "
				   "2026-12-31}]\n");
	cr_assert(!r.err);
	cr_expect_eq(r.policy->exceptions[0].service->kind, MATCH_ALL);
	cr_expect(!r.policy->exceptions[0].from && !r.policy->exceptions[0].plane);
	end(&r);
}

/* Files that are small, but would be large in memory or long in work if nobody counted. */
Test(policy, bombs)
{
	struct text t = { 0 };
	double start = seconds();
	text_put(&t, HEAD "tenants: [{name: t}, {name: u}]\nzones:\n");
	for (unsigned i = 0; i < 4000; i++)
		text_putf(&t, "  - {name: z%u, tenant: %s, prefixes: 10.%u.%u.0/24}\n", i,
			  i % 2 ? "t" : "u", i >> 8, i & 255);
	text_put(&t, "flows:\n");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t,
			  "  - {id: f%u, from: [t, u], to: [u, t], service: any, action: %s}\n",
			  i, i % 2 ? "deny" : "allow");
	struct run r = policy(t.s);
	cr_expect(r.err < 0);
	cr_expect(diags_has(&r.d, "policy.too-large"));
	cr_expect_lt(seconds() - start, 60);
	end(&r);
	text_clear(&t);
	text_put(&t, BASE "flows:\n");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t,
			  "  - {id: f%u, from: any, to: any, service: tcp/%u, action: %s}\n", i,
			  1 + i % 65535, i % 2 ? "deny" : "allow");
	start = seconds();
	r = policy(t.s);
	cr_expect(!r.err);
	cr_expect(diags_has(&r.d, "policy.overlaps-unchecked"));
	cr_expect_lt(seconds() - start, 60);
	end(&r);
	text_finish(&t);
}

Test(policy, too_many_zones)
{
	struct text t = { 0 };
	text_put(&t, HEAD "zones:\n");
	for (unsigned i = 0; i < 5000; i++)
		text_putf(&t, "  - {name: z%u, prefixes: 10.%u.%u.0/24}\n", i, i >> 8, i & 255);
	struct run r = policy(t.s);
	cr_expect(r.err < 0);
	cr_expect_eq(diags_count(&r.d, "policy.too-large"), 1);
	cr_expect_str_eq(place(&r, "policy.too-large"), "policy.yaml:4100:5");
	text_finish(&t);
	end(&r);
}

Test(policy, the_shipped_files_are_policies)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	static const char *const files[] = {
		"policies/controls/iso27017.yaml",
		"policies/packs/administration.yaml",
		"policies/packs/databases.yaml",
		"policies/packs/services.yaml",
	};
	const struct source *v[5] = { bytes(&r, "policy.yaml", BASE) };
	for (size_t i = 0; i < 4; i++)
		cr_assert(!source_open(r.arena, &r.d, root_path(&r, files[i]), files[i],
				       &v[i + 1]));
	cr_assert(!policy_read(&r.m, &r.d, v, 5, &r.policy), "%s", r.d.v[0].text);
	cr_expect_eq(r.d.n, 0);
	const char *want[] = { "CLD.13.1.4", "CLD.9.5.1" };
	for (size_t k = 0; k < 2; k++) {
		bool found = false;
		for (size_t i = 0; i < r.policy->n_controls; i++)
			found |= !strcmp(r.policy->controls[i].id, want[k]) &&
				 !strcmp(r.policy->controls[i].framework, "ISO/IEC 27017:2015");
		cr_expect(found, "%s", want[k]);
	}
	end(&r);
}
