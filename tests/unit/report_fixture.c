/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/report_fixture.h"

#include <string.h>

#include "base/source.h"
#include "base/text.h"

static const char edge_cfg[] =
	"hostname edge\n"
	"! a comment\n"
	"access-list outside_in extended permit tcp any 10.2.0.0 255.255.0.0 eq ssh\n"
	"access-list outside_in extended permit tcp any host 10.2.0.5 eq https time-range "
	"WORK\n"
	"\taccess-list outside_in extended deny ip any any \xc3\xa4\xe6\x97\xa5 log\n"
	"frobnicate \x1b[2J\x1b]0;owned\x07 \xe2\x80\xae gnp.exe\n"
	"access-list inside_in extended permit ip any any\n"
	/* longer than what is ever quoted */
	"access-list long remark 0123456789 0123456789 0123456789 0123456789 0123456789 "
	"0123456789"
	" \xc3\xa4 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"
	" 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
	"0123456789"
	" 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
	"0123456789"
	" 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
	"0123456789"
	" 0123456789 0123456789 DB.EXAMPLE.ORG 0123456789 0123456789 0123456789 0123456789\n";

static const char hyper_json[] =
	"{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}},\n"
	"  {\"rule\": {\"family\": \"inet\", \"table\": \"filter\", \"chain\": "
	"\"forward\"}}]}\n";

static const char policy_yaml[] = "policy: acme-segmentation\n"
				  "flows:\n"
				  "  - id: web-to-db\n"
				  "    from: web-a\n"
				  "    to: db-a\n";

static const char estate_yaml[] = "estate: acme\n"
				  "paths:\n"
				  "  - id: none yet\n";

static const struct source *source(struct fixture *f, const char *name, const char *text)
{
	const struct source *s = NULL;
	source_from_bytes(f->arena, &f->diags, name, text, strlen(text), &s);
	return s;
}

static struct loc at(const struct source *s, uint32_t line, uint32_t col, uint32_t end)
{
	return (struct loc){ .src = s, .line = line, .col = col, .end_col = end };
}

static struct fixture *create(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->arena = arena_create();
	diags_init(&f->diags, f->arena);
	f->snap = snapshot_create();
	f->res.arena = f->arena;
	f->res.command = "check";
	f->res.estate = "acme";
	f->res.policy_name = "acme-segmentation";
	f->res.policy_version = "2026.1";
	f->res.as_of = "2026-03-01";
	f->res.snap = f->snap;
	f->res.diags = &f->diags;
	return f;
}

void fixture_destroy(struct fixture *f)
{
	vec_free(&f->res.findings);
	vec_free(&f->res.coverage);
	diags_finish(&f->diags);
	snapshot_destroy(f->snap);
	arena_destroy(f->arena);
	free(f);
}

static struct packet packet(struct fixture *f, const char *line)
{
	struct packet p = { 0 };
	const char *why = NULL;
	packet_parse(f->arena, line, strlen(line), &p, &why);
	return p;
}

static const char *const cross_traffic[] = { "10.1.0.0/16 -> 10.2.0.0/16 tcp 22",
					     "10.1.0.0/16 -> 10.2.0.5 tcp 443" };
static const char *const cross_path[] = { "edge:outside>inside", "hyper1:eth0>vnet1" };
static const char *const cross_controls[] = { "CLD.9.5.1", "CLD.13.1.4" };
static const char *const ids_cross[] = { "F-0a1b2c3d", "F-1122aabb" };
static const char *const edge_points[] = { "edge outside>inside" };
static const char *const hyper_points[] = { "hyper1 eth0>vnet1" };

static const struct exception expired = {
	.id = "X-7",
	.check = "drift.*",
	.owner = "netops",
	.approved_by = "ciso",
	.justification = "the migration needs it until January",
	.expires_text = "2026-01-31",
};
static const struct exception holding = {
	.id = "X-8",
	.check = "intent.blocked",
	.owner = "db-team",
	.approved_by = "ciso",
	.justification = "the database moves next month",
	.expires_text = "2026-12-31",
};

static const char *const control_checks[] = { "tenant.*", "drift.*" };
static const struct control controls[] = {
	{ .id = "CLD.9.5.1",
	  .framework = "ISO/IEC 27017:2015",
	  .title = "tenants are kept apart",
	  .responsible = RESPONSIBLE_CSP,
	  .checks = control_checks,
	  .n_checks = 1 },
	{ .id = "CLD.13.1.4",
	  .framework = "ISO/IEC 27017:2015",
	  .title = "virtual and physical networks are managed alike",
	  .responsible = RESPONSIBLE_SHARED,
	  .checks = control_checks,
	  .n_checks = 2 },
};

static void add_findings(struct fixture *f, const struct source *edge,
			 const struct source *hyper, const struct source *pol)
{
	struct evidence *e = arena_array(f->arena, 3, sizeof(*e));
	e[0] = (struct evidence){ .role = "permits",
				  .device = "edge",
				  .plane = "physical",
				  .ruleset = "outside_in",
				  .kind = "access list",
				  .rule = "line 1",
				  .owner = "netops",
				  .at = at(edge, 3, 1, 75) };
	e[1] = (struct evidence){ .role = "permits",
				  .device = "hyper1",
				  .plane = "virtual",
				  .ruleset = "inet filter forward",
				  .kind = "chain",
				  .rule = "handle 12",
				  .owner = "cloud",
				  .at = at(hyper, 2, 3, 76) };
	e[1].at.path = "/nftables/1/rule";
	e[2] = (struct evidence){ .role = "declares",
				  .plane = "declared",
				  .at = at(pol, 3, 5, 18) };
	struct finding *g = vec_add(&f->res.findings);
	*g = (struct finding){
		.id = "F-0a1b2c3d",
		.check = "tenant.cross-talk",
		.severity = SEVERITY_CRITICAL,
		.certainty = CERTAIN,
		.from = "web-a",
		.to = "db-b",
		.from_tenant = "acme",
		.to_tenant = "globex",
		.plane = "both",
		.title = "Traffic crosses from tenant acme to tenant globex.",
		.message =
			"Nothing declares it. Narrow the rule on both planes, or declare the "
			"flow in the policy if it is wanted.",
		.has_witness = true,
		.witness = packet(f, "tcp 10.1.2.3 40000 10.2.0.5 22 flags=S state=new"),
		.rules = e,
		.n_rules = 3,
		.traffic = cross_traffic,
		.n_traffic = 2,
		.traffic_left = 14,
		.path = cross_path,
		.n_path = 2,
		.owner = "netops",
		.responsible = "csp",
		.controls = cross_controls,
		.n_controls = 2,
		.fingerprint =
			"0a1b2c3d0000111122223333444455556666777788889999aaaabbbbccccdddd",
	};

	e = arena_array(f->arena, 2, sizeof(*e));
	e[0] = (struct evidence){ .role = "not-understood",
				  .device = "edge",
				  .plane = "physical",
				  .ruleset = "outside_in",
				  .kind = "access list",
				  .rule = "line 2",
				  .note = "time-range WORK: when it holds is not known",
				  .owner = "netops",
				  .at = at(edge, 4, 71, 86) };
	e[1] = (struct evidence){ .role = "default-deny",
				  .device = "hyper1",
				  .plane = "virtual",
				  .ruleset = "inet filter forward",
				  .kind = "chain",
				  .at = { .path = "table inet filter chain forward" } };
	*vec_add(&f->res.findings) = (struct finding){
		.id = "F-1122aabb",
		.check = "drift.physical-permits-more",
		.severity = SEVERITY_MEDIUM,
		.certainty = POSSIBLE,
		.from = "external",
		.to = "db-b",
		.to_tenant = "globex",
		.plane = "physical",
		.title = "The physical network may permit what the virtual network denies.",
		.message =
			"Whether it does depends on a time range. Remove the rule on edge, or "
			"open the chain on hyper1.",
		.has_witness = true,
		.witness =
			packet(f, "tcp 2001:db8::1 40000 2001:db8:2::5 443 flags=S state=new"),
		.rules = e,
		.n_rules = 2,
		.traffic = cross_traffic,
		.n_traffic = 1,
		.excepted = { &expired, true },
		.fingerprint =
			"1122aabb0000111122223333444455556666777788889999aaaabbbbccccdddd",
	};

	e = arena_array(f->arena, 1, sizeof(*e));
	e[0] = (struct evidence){ .role = "denies",
				  .device = "edge",
				  .plane = "physical",
				  .ruleset = "outside_in",
				  .kind = "access list",
				  .rule = "line 3",
				  .owner = "netops",
				  .at = at(edge, 5, 2, 61) };
	*vec_add(&f->res.findings) = (struct finding){
		.id = "F-33334444",
		.check = "intent.blocked",
		.severity = SEVERITY_HIGH,
		.certainty = CERTAIN,
		.from = "web-a",
		.to = "db-a",
		.plane = "physical",
		.title = "A required flow is blocked.",
		.message = "Permit it on edge.",
		.has_witness = true,
		.witness = packet(f, "icmp 10.1.2.3 8 10.2.0.6 0 state=new"),
		.rules = e,
		.n_rules = 1,
		.excepted = { &holding, false },
		.fingerprint =
			"333344440000111122223333444455556666777788889999aaaabbbbccccdddd",
	};

	e = arena_array(f->arena, 2, sizeof(*e));
	e[0] = (struct evidence){ .role = "hidden",
				  .device = "edge",
				  .plane = "physical",
				  .ruleset = "inside_in",
				  .kind = "access list",
				  .rule = "line 1",
				  .at = at(edge, 7, 1, 49) };
	e[1] = (struct evidence){ .role = "hides",
				  .device = "edge",
				  .plane = "physical",
				  .ruleset = "inside_in",
				  .kind = "access list",
				  .rule = "line 2",
				  .note = "a name with \x1b[31mcolour and [a](link)",
				  .at = at(edge, 6, 1, 0) };
	*vec_add(&f->res.findings) = (struct finding){
		.id = "F-55556666",
		.check = "rule.shadowed",
		.severity = SEVERITY_LOW,
		.certainty = CERTAIN,
		.plane = "physical",
		.title = "A rule never decides.",
		.message = "Remove it, or move it in front of what hides it.",
		.rules = e,
		.n_rules = 2,
		.fingerprint =
			"555566660000111122223333444455556666777788889999aaaabbbbccccdddd",
	};
}

static void add_coverage(struct fixture *f, const struct source *estate)
{
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "external",
		.to = "db-b",
		.plane = "physical",
		.verdict = COVER_MISALIGNED,
		.why = "1 finding",
		.points = edge_points,
		.n_points = 1,
		.findings = ids_cross + 1,
		.n_findings = 1,
	};
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "external",
		.to = "db-b",
		.plane = "virtual",
		.verdict = COVER_INCONCLUSIVE,
		.why = "no path: no device holds both zones and none is declared",
		.why_at = at(estate, 2, 1, 7),
	};
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "web-a",
		.to = "db-a",
		.plane = "physical",
		.verdict = COVER_ALIGNED,
		.points = edge_points,
		.n_points = 1,
	};
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "web-a",
		.to = "db-b",
		.plane = "virtual",
		.verdict = COVER_MISALIGNED,
		.why = "1 finding",
		.points = hyper_points,
		.n_points = 1,
		.findings = ids_cross,
		.n_findings = 1,
	};
}

static struct account *account(struct fixture *f, const struct source *src,
			       const char *collector, const char *unit)
{
	return snapshot_account(f->snap, src, collector, unit);
}

/* A device with a rule of every kind that `show` has words for. */
static void add_device(struct fixture *f, const struct source *edge)
{
	struct matches *m = &f->snap->matches;
	struct device_build *b =
		device_build_start(f->snap, "edge", "asa", PLANE_PHYSICAL, at(edge, 1, 1, 14));
	b->dev.hostname = "edge";
	struct prefix *prefix = arena_alloc(f->arena, sizeof(*prefix));
	struct addr *addr = arena_alloc(f->arena, sizeof(*addr));
	*addr = (struct addr){ 0, 0xc6336401 };
	*prefix = (struct prefix){ FAMILY_V4, 24, { 0, 0xc6336400 } };
	*vec_add(&b->ports) = (struct port){ .name = "outside",
					     .kind = "interface",
					     .alias = "GigabitEthernet0/0",
					     .vlan = 10,
					     .up = true,
					     .prefixes = prefix,
					     .n_prefixes = 1,
					     .addrs = addr,
					     .at = at(edge, 1, 1, 14) };
	*vec_add(&b->ports) = (struct port){ .name = "inside", .kind = "interface" };
	struct ruleset *list =
		device_build_ruleset(b, "outside_in", "access list", at(edge, 3, 13, 23));
	struct ruleset *chain = device_build_ruleset(b, "logged", "chain", LOC_NONE);
	list->stateful = true;
	const struct match *ssh = match_and(m, match_value(m, FIELD_PROTO, PROTO_TCP),
					    match_value(m, FIELD_DPORT, 22));
	const struct match *work = match_unknown(m, LOC_NONE, "time-range WORK");
	struct range odd[2100];
	for (unsigned i = 0; i < 2100; i++)
		odd[i] = (struct range){ (uint16_t)(2 * i + 1), (uint16_t)(2 * i + 1) };
	struct rule rules[] = {
		{ .at = at(edge, 3, 1, 75),
		  .name = "line 1",
		  .match = ssh,
		  .verdict = VERDICT_PERMIT },
		{ .at = at(edge, 4, 1, 86),
		  .name = "line 2",
		  .match = match_and(m, ssh, work),
		  .verdict = VERDICT_PERMIT },
		{ .at = at(edge, 5, 2, 61),
		  .name = "line 3",
		  .match = ssh,
		  .verdict = VERDICT_JUMP,
		  .target = chain,
		  .flags = RULE_INACTIVE },
		{ .match = match_ranges(m, FIELD_SPORT, odd, 2100),
		  .verdict = VERDICT_UNKNOWN,
		  .note = "queue to a program",
		  .flags = RULE_IMPLICIT },
	};
	device_build_rules(b, list, rules, 4);
	device_build_rules(b, chain, NULL, 0);
	device_build_hook(b, HOOK_IN, 0, "outside", list, at(edge, 3, 1, 75));
	*vec_add(&b->routes) = (struct route){ .dst = { FAMILY_V4, 0, { 0, 0 } },
					       .port = "outside",
					       .via = { 0, 0xc63364fe },
					       .has_via = true };
	*vec_add(&b->nats) = (struct nat){ .text = "static 10.0.0.5 to 198.51.100.5",
					   .in = "inside",
					   .touches = match_all(m) };
	device_build_taint(b, NULL, at(edge, 6, 1, 11), "frobnicate");
	device_build_finish(b);
}

struct fixture *fixture_misaligned(void)
{
	struct fixture *f = create();
	const struct source *hyper = source(f, "hyper1/ruleset.json", hyper_json);
	const struct source *edge = source(f, "edge firewall.cfg", edge_cfg);
	const struct source *pol = source(f, "policy.yaml", policy_yaml);
	const struct source *estate = source(f, "estate.yaml", estate_yaml);

	struct account *a = account(f, hyper, "nft", "member");
	account_add(f->snap, a, ACCOUNT_IRRELEVANT, false, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_EXACT, true, LOC_NONE, NULL);
	a = account(f, edge, "asa", "line");
	account_add(f->snap, a, ACCOUNT_IRRELEVANT, false, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_IRRELEVANT, false, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_EXACT, true, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_BOUNDED, true, at(edge, 4, 71, 86), "time-range WORK");
	account_add(f->snap, a, ACCOUNT_EXACT, true, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_REJECTED, false, at(edge, 6, 1, 11),
		    "no command of this name is known");
	account_add(f->snap, a, ACCOUNT_EXACT, true, LOC_NONE, NULL);
	account_add(f->snap, a, ACCOUNT_BOUNDED, true, at(edge, 8, 457, 471),
		    "host name DB.EXAMPLE.ORG");

	add_device(f, edge);
	diag_warning(&f->diags, "asa.unknown-command", at(edge, 6, 1, 11),
		     "no command \"frobnicate\" is known");
	diag_related(&f->diags, at(edge, 1, 10, 14), "on this device");
	diag_error(&f->diags, 2, "source.missing", LOC_NONE, "core.cfg: no such file");
	for (int i = 0; i < DIAG_CAP_PER_CODE + 3; i++)
		diag_note(&f->diags, "estate.unused", at(estate, 3, 5, 17), "nothing uses it");

	add_findings(f, edge, hyper, pol);
	add_coverage(f, estate);
	struct policy *p = arena_alloc(f->arena, sizeof(*p));
	struct flow *flow = arena_alloc(f->arena, sizeof(*flow));
	flow->at = at(pol, 3, 5, 18);
	p->controls = controls;
	p->n_controls = 2;
	p->flows = flow;
	p->n_flows = 1;
	static const struct tenant tenants[] = { { .name = "acme" }, { .name = "globex" } };
	static const struct zone zones[] = { { .name = "web-a", .tenant = &tenants[0] },
					     { .name = "db-b", .tenant = &tenants[1] },
					     { .name = "external", .external = true },
					     { .name = "db-a", .tenant = &tenants[0] } };
	p->tenants = tenants;
	p->n_tenants = 2;
	p->zones = zones;
	p->n_zones = 4;
	f->res.policy = p;
	f->res.witnesses = f->res.replayed = 3;
	f->res.exit_code = 1;
	f->res.exit_reason = "2 findings at or above medium";
	return f;
}

struct fixture *fixture_aligned(void)
{
	struct fixture *f = create();
	const struct source *hyper = source(f, "hyper1/ruleset.json", hyper_json);
	struct account *a = account(f, hyper, "nft", "member");
	account_add(f->snap, a, ACCOUNT_EXACT, true, LOC_NONE, NULL);
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "web-a",
		.to = "db-a",
		.plane = "physical",
		.verdict = COVER_ALIGNED,
		.points = edge_points,
		.n_points = 1,
	};
	*vec_add(&f->res.coverage) = (struct coverage){
		.from = "web-a",
		.to = "db-a",
		.plane = "virtual",
		.verdict = COVER_ALIGNED,
		.points = hyper_points,
		.n_points = 1,
	};
	f->res.exit_reason = "everything is aligned";
	return f;
}
