/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "collectors/collector.h"
#include "collectors/nft_script.h"
#include "model/interp.h"

extern const struct collector collector_nft;

static struct arena *arena;
static struct nft_script script;

static const struct nft_block *scan(const char *text, const char *chain)
{
	arena = arena_create();
	script = (struct nft_script){ 0 };
	nft_script_scan(&script, arena, text, strlen(text));
	return chain ? map_get(&script.chains, chain) : NULL;
}

static void scanned(void)
{
	nft_script_finish(&script);
	arena_destroy(arena);
}

static void expect_rule(const struct nft_block *b, size_t i, const char *text, const char *want)
{
	cr_assert_not_null(b);
	cr_assert_lt(i, b->rules.n + b->inserted.n);
	struct nft_place p = nft_block_rule(b, i);
	cr_expect_eq(p.len, strlen(want), "%.*s, not %s", (int)p.len, text + p.off, want);
	cr_expect(!strncmp(text + p.off, want, p.len), "%.*s, not %s", (int)p.len, text + p.off,
		  want);
}

Test(nft_script, rules_of_a_listing)
{
	const char *t =
		"table inet t {\n"
		"\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.2.3.4,\n 1.2.3.5 }\n\t}\n"
		"\tchain c {\n"
		"\t\ttype filter hook forward priority filter; policy drop;\n"
		"\t\tcomment \"of ; all { kinds\"\n"
		"\t\ttcp dport { 22,\n 80 } accept comment \"a # b\" # not this\n"
		"\t\tdrop; accept\n"
		"\t}\n"
		"}\n";
	const struct nft_block *b = scan(t, "inet t c");
	cr_assert_not_null(b);
	cr_expect_eq(b->rules.n, 3);
	expect_rule(b, 0, t, "tcp dport { 22,\n 80 } accept comment \"a # b\"");
	expect_rule(b, 1, t, "drop");
	expect_rule(b, 2, t, "accept");
	const struct nft_block *s = map_get(&script.sets, "inet t s");
	cr_assert_not_null(s);
	cr_expect_eq(s->n_elements, 2);
	cr_expect_null(script.refused);
	scanned();
}

Test(nft_script, rules_that_commands_add)
{
	const char *t = "add table t\nadd chain t c { type filter hook input priority 0; }\n"
			"add rule t c tcp dport 1 accept\n"
			"insert rule ip t c tcp dport 2 accept\n"
			"insert rule t c tcp dport 3 accept\n"
			"add rule t c tcp dport 4 accept ; add t c drop\n";
	const struct nft_block *b = scan(t, "ip t c");
	expect_rule(b, 0, t, "insert rule t c tcp dport 3 accept");
	expect_rule(b, 1, t, "insert rule ip t c tcp dport 2 accept");
	expect_rule(b, 2, t, "add rule t c tcp dport 1 accept");
	expect_rule(b, 3, t, "add rule t c tcp dport 4 accept");
	expect_rule(b, 4, t, "add t c drop");
	cr_expect_eq(b->rules.n + b->inserted.n, 5);
	cr_expect_not(b->lost);
	scanned();
}

Test(nft_script, rules_that_move)
{
	static const char *const moves[] = { "add rule t c position 3 drop",
					     "delete rule t c handle 3",
					     "flush chain t c",
					     "add rule t c index 0 accept",
					     "replace rule t c handle 3 drop",
					     "delete table t" };
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		char t[256];
		snprintf(t, sizeof(t), "add rule t c accept\n%s\n", moves[i]);
		const struct nft_block *b = scan(t, "ip t c");
		cr_assert_not_null(b);
		cr_expect(b->lost, "%s", moves[i]);
		scanned();
	}
	const struct nft_block *b =
		scan("add rule t c accept\nflush ruleset\nadd rule t c drop\n", "ip t c");
	cr_expect_eq(b->rules.n, 1);
	cr_expect_not(b->lost);
	scanned();
	b = scan("table t\ndelete table t\ntable t { chain c { drop; }; }\n", "ip t c");
	cr_expect_eq(b->rules.n, 1);
	cr_expect_not(b->lost);
	scanned();
}

static const struct {
	const char *text, *code;
} refusals[] = {
	{ "include \"/etc/nftables/*.nft\"\n", "nft.include" },
	{ "table t {\n chain c { include \"x\"; } }", "nft.include" },
	{ "table t { include\"x\"\n}", "nft.include" },
	{ "define x = {{ y }}\n", "nft.template" },
	{ "{% for a in b %}\n", "nft.template" },
	{ "<% a %>\n", "nft.template" },
	{ "table ip filter {\n chain c {\n  counter # xt_recent accept\n } }",
	  "nft.xt-comment" },
	{ "monitor\n", "nft.monitor" },
	{ "# include \"x\"\ntable t { chain c { log prefix \"include {{ x\" } }", NULL },
	{ "# {{ x }}\ntable t { set s { comment \"# xt_x\"; } }", NULL },
	{ "", NULL },
	{ "table t { chain c {", NULL },
	{ "}}}}", NULL },
	{ "table t { chain c { comment \"", NULL },
	{ "\\", NULL },
};

Test(nft_script, texts_that_are_not_loaded)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		scan(refusals[i].text, NULL);
		if (refusals[i].code)
			cr_expect(script.refused && !strcmp(script.refused, refusals[i].code),
				  "%s", refusals[i].text);
		else
			cr_expect_null(script.refused, "%s", refusals[i].text);
		scanned();
	}
}

/* As nft lists it: what its JSON leaves out. */
Test(nft_script, flags_and_devices)
{
	const struct nft_block *b = scan(
		"table netdev t {\n\tflags dormant\n\n\tset s {\n\t\ttype ipv4_addr\n"
		"\t\tflags dynamic,timeout\n\t}\n\n\tchain c {\n\t\ttype filter hook ingress "
		"devices = { eth0, \"eth1\" } priority filter; policy accept;\n\t}\n"
		"\tchain d {\n\t\ttype filter hook ingress device \"eth2\" priority 5; policy "
		"drop;\n\t}\n}\n",
		"netdev t c");
	cr_assert_eq(b->words.n, 2);
	cr_expect_str_eq(b->words.v[0], "eth0");
	cr_expect_str_eq(b->words.v[1], "eth1");
	cr_expect_eq(b->rules.n, 0);
	b = map_get(&script.chains, "netdev t d");
	cr_assert_eq(b->words.n, 1);
	cr_expect_str_eq(b->words.v[0], "eth2");
	b = map_get(&script.tables, "netdev t");
	cr_assert_eq(b->words.n, 1);
	cr_expect_str_eq(b->words.v[0], "dormant");
	b = map_get(&script.sets, "netdev t s");
	cr_assert_eq(b->words.n, 2);
	cr_expect_str_eq(b->words.v[0], "dynamic");
	cr_expect(map_get(&script.links, "eth0") && map_get(&script.links, "eth2"));
	scanned();
}

static struct diags diags;
static struct snapshot *snap;
static const struct device *device;
static int err;

/* False, saying so, where there is no nft or no namespace to be had. */
static bool read_text(const char *text)
{
	const struct source *src;
	arena = arena_create();
	diags_init(&diags, arena);
	snap = snapshot_create();
	cr_assert_eq(source_from_bytes(arena, &diags, "host.nft", text, strlen(text), &src), 0);
	struct collect c = { .snap = snap,
			     .diags = &diags,
			     .device = "host",
			     .plane = PLANE_VIRTUAL,
			     .sources = &src,
			     .n_sources = 1 };
	err = collector_nft.read(&c, src);
	device = snapshot_device(snap, "host");
	bool here = !diags_has(&diags, "nft.text-needs-nft") &&
		    !diags_has(&diags, "nft.text-needs-namespace");
	if (!here)
		printf("skipped: %s\n", diags.v[0].text);
	return here;
}

static void done(void)
{
	snapshot_destroy(snap);
	diags_finish(&diags);
	arena_destroy(arena);
}

static const char *answer(const char *ruleset, const char *line)
{
	const struct ruleset *rs = device_ruleset(device, ruleset);
	struct packet p;
	const char *why = "";
	cr_assert_not_null(rs, "%s", ruleset);
	cr_assert(packet_parse(arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	struct interp_answer a = interp(rs, &p);
	return a.sure ? "permit" : a.maybe ? "unknown" : "deny";
}

Test(nft_text, a_ruleset_as_one_writes_it)
{
	if (!read_text("#!/usr/sbin/nft -f\n"
		       "flush ruleset\r\n"
		       "define wan = eth7\n"
		       "define web = { 80, 443 }\n"
		       "\n"
		       "table inet filter {\n"
		       "\tchain forward {\n"
		       "\t\ttype filter hook forward priority 0; policy drop;\n"
		       "\t\tct state established,related accept\n"
		       "\t\tiif $wan tcp dport $web accept; iifname \"eth9\" drop\n"
		       "\t}\n"
		       "}\n"
		       "add rule inet filter forward udp dport 53 accept\n")) {
		done();
		return;
	}
	cr_assert_eq(err, 0, "%s", diags.n ? diags.v[0].text : "");
	cr_expect_str_eq(
		answer("inet filter forward", "tcp 10.0.0.1 4000 10.0.0.2 443 iif=eth7"),
		"permit");
	cr_expect_str_eq(
		answer("inet filter forward", "tcp 10.0.0.1 4000 10.0.0.2 443 iif=eth8"),
		"deny");
	cr_expect_str_eq(answer("inet filter forward", "udp 10.0.0.1 4000 10.0.0.2 53"),
			 "unknown");
	cr_expect_str_eq(
		answer("inet filter forward", "udp 10.0.0.1 4000 10.0.0.2 53 iif=eth8"),
		"permit");
	const struct ruleset *rs = device_ruleset(device, "inet filter forward");
	static const struct {
		unsigned line, col;
	} want[] = { { 9, 3 }, { 10, 3 }, { 10, 35 }, { 13, 1 } };
	size_t k = 0;
	for (uint32_t i = 0; i < rs->n; i++) {
		if (rs->rules[i].flags & RULE_GLUE)
			continue;
		cr_assert_lt(k, 4);
		cr_expect_eq(rs->rules[i].at.line, want[k].line, "%u", rs->rules[i].at.line);
		cr_expect_eq(rs->rules[i].at.col, want[k].col, "%u", rs->rules[i].at.col);
		cr_expect_null(rs->rules[i].name);
		k++;
	}
	cr_expect_eq(k, 4);
	cr_expect_eq(rs->at.line, 7);
	done();
}

/* The three facts that nft's JSON leaves out; each with its twin. */
Test(nft_text, what_the_json_leaves_out)
{
	if (!read_text(
		    "table inet off {\n\tflags dormant\n\tchain c { type filter hook forward "
		    "priority 0; policy drop; }\n}\n"
		    "table inet on { chain c { type filter hook forward priority 0; policy "
		    "drop; }\n }\n"
		    "table inet s {\n set d { type ipv4_addr; flags dynamic; size 8; elements "
		    "= "
		    "{ 10.0.0.1 } }\n set f { type ipv4_addr; elements = { 10.0.0.1 } }\n"
		    " chain d { type filter hook forward priority 0; ip saddr @d drop; }\n"
		    " chain f { type filter hook forward priority 0; ip saddr @f drop; }\n}\n"
		    "table netdev n { chain c { type filter hook ingress device eth4 priority "
		    "0; policy drop; }\n}\n")) {
		done();
		return;
	}
	cr_assert_eq(err, 0, "%s", diags.n ? diags.v[0].text : "");
	size_t off = 0, on = 0;
	for (size_t i = 0; i < device->n_hooks; i++) {
		off += !strcmp(device->hooks[i].ruleset->name, "inet off c");
		on += !strcmp(device->hooks[i].ruleset->name, "inet on c");
	}
	cr_expect_eq(off, 0);
	cr_expect_eq(on, 1);
	cr_expect_str_eq(answer("inet on c", "tcp 10.0.0.1 4000 10.0.0.2 443"), "deny");
	cr_expect_str_eq(answer("inet s d", "tcp 10.0.0.2 4000 10.0.0.2 443"), "unknown");
	cr_expect_str_eq(answer("inet s f", "tcp 10.0.0.2 4000 10.0.0.2 443"), "permit");
	cr_expect_str_eq(answer("netdev n c", "tcp 10.0.0.1 4000 10.0.0.2 443 iif=eth4"),
			 "deny");
	cr_expect_str_eq(answer("netdev n c", "tcp 10.0.0.1 4000 10.0.0.2 443 iif=eth5"),
			 "unknown");
	done();
}

static const struct {
	const char *text;
	unsigned line, col;
} wrong[] = {
	{ "table inet t {\n\tchain c {\n\t\ttcp dprt 22 accept\n\t}\n}\n", 3, 7 },
	{ "table inet t {\r\n\tchain c {\r\n\t\tip saddr db.example.org drop\r\n\t}\r\n}\r\n",
	  3, 12 },
	{ "table inet t {\n\tchain c {\n\t\tip saddr localhost drop\n\t}\n}\n", 3, 12 },
	{ "table inet t {\n\tchain c {\n\t\tjump nowhere\n\t}\n}\n", 3, 8 },
	{ "delete table inet gone\n", 1, 19 },
};

Test(nft_text, nft_says_what_is_wrong_and_where)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (!read_text(wrong[i].text)) {
			done();
			return;
		}
		cr_expect_lt(err, 0);
		cr_assert(diags_has(&diags, "nft.refused"), "%s", wrong[i].text);
		cr_expect_eq(diags.v[0].loc.line, wrong[i].line, "%zu: %u", i,
			     diags.v[0].loc.line);
		cr_expect_eq(diags.v[0].loc.col, wrong[i].col, "%zu: %u", i,
			     diags.v[0].loc.col);
		cr_expect_null(device);
		cr_expect(snap->accounts.v[0]->failed);
		done();
	}
}

/* Rules that move about are told by their chain. */
Test(nft_text, a_place_that_is_not_certain)
{
	if (read_text("table inet t {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n}\n"
		      "add rule inet t c index 0 tcp dport 23 accept\n")) {
		cr_assert_eq(err, 0, "%s", diags.n ? diags.v[0].text : "");
		const struct ruleset *rs = device_ruleset(device, "inet t c");
		cr_assert_eq(rs->n, 2);
		cr_expect_eq(rs->rules[0].at.line, 2);
		cr_expect_eq(rs->rules[1].at.line, 2);
	}
	done();
}

Test(nft_text, probing)
{
	static const struct {
		const char *text, *file;
		int most, least;
	} rows[] = {
		{ "#!/usr/sbin/nft -f\n", "x", 100, 100 },
		{ "# rules of this host\n\ndefine a = 1\ntable inet t {\n", "x", 90, 90 },
		{ "{% if a %}\nflush ruleset\n", "x", 90, 90 },
		{ "table of contents\n", "x", 0, 0 },
		{ "{\"a\": \"\ntable inet x {\n\"}", "x", 0, 0 },
		{ "*filter\n:INPUT ACCEPT [0:0]\n", "x", 0, 0 },
		{ "interface eth0\ntable inet x {\n", "x", 0, 0 },
		{ "chain x y\n", "rules.nft", 60, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int score =
			collector_nft.probe(rows[i].text, strlen(rows[i].text), rows[i].file);
		cr_expect(rows[i].least <= score && score <= rows[i].most, "%s: %d",
			  rows[i].text, score);
	}
}
