/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/unit/aws_world.h"

Test(aws, groups_permit_and_nothing_else_does)
{
	struct world w = { 0 };
	whole(&w);
	is(judge_one(&w, "cloud", "sg-web ingress", "tcp 198.51.100.1 1024 10.0.1.10 443"),
	   "permit");
	is(judge_one(&w, "cloud", "sg-web ingress", "tcp 198.51.100.1 443 10.0.1.10 80"),
	   "deny");
	is(judge_one(&w, "cloud", "sg-web ingress", "udp 198.51.100.1 1 10.0.1.10 443"),
	   "deny");
	is(judge_one(&w, "cloud", "sg-web ingress", "tcp 2001:db8::1 1 2001:db8:1::10 443"),
	   "permit");
	is(judge_one(&w, "cloud", "sg-web ingress", "icmp 10.3.3.3 8 10.0.1.10 3"), "permit");
	is(judge_one(&w, "cloud", "sg-web ingress", "icmp 10.3.3.3 0 10.0.1.10 0"), "deny");
	is(judge_one(&w, "cloud", "sg-web ingress", "icmp 11.3.3.3 8 10.0.1.10 0"), "deny");
	/* "-1" for IPv4 alone says nothing of IPv6; an empty list lets nothing out. */
	is(judge_one(&w, "cloud", "sg-web egress", "ip:50 10.0.1.10 0 192.0.2.1 0"), "permit");
	is(judge_one(&w, "cloud", "sg-web egress", "tcp 2001:db8:1::10 1 2001:db8::1 443"),
	   "deny");
	is(judge_one(&w, "cloud", "sg-db egress", "tcp 10.0.2.20 1 10.0.1.10 443"), "deny");
	/* Ports of a protocol that isn't named are not looked at. */
	is(judge_one(&w, "cloud", "sg-admin egress", "ip:50 10.0.2.20 0 192.0.2.1 0"),
	   "permit");
	done(&w);
}

Test(aws, a_reference_is_the_holders_addresses)
{
	struct world w = { 0 };
	whole(&w);
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.10 1 10.0.2.20 5433"), "permit");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 2001:db8:1::10 1 2001:db8:2::1 5432"),
	   "permit");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.11 1 10.0.2.20 5432"), "deny");
	is(judge_one(&w, "cloud", "sg-db ingress", "udp 10.0.2.21 1 10.0.2.20 9"), "permit");
	is(judge_one(&w, "cloud", "sg-db ingress", "udp 10.0.1.10 1 10.0.2.20 9"), "deny");
	done(&w);
}

Test(aws, an_interface_has_the_union_of_its_groups)
{
	struct world w = { 0 };
	whole(&w);
	/* web to db: sg-web lets out, acl-b in only on 5432, sg-db in on 5432-5433. */
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5432"), "permit");
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5433"), "deny");
	is(judge(&w, "cloud", "eni-web", "eni-db", "icmp 10.0.1.10 8 10.0.2.20 0"), "deny");
	/* The list of the administrators was not collected. */
	is(judge(&w, "cloud", "edge", "eni-db2", "tcp 10.0.9.9 1 10.0.2.21 22"), "deny");
	is(judge_one(&w, "cloud", "interface with sg-admin+sg-db ingress",
		     "tcp 203.0.113.1 1 10.0.2.20 22"),
	   "unknown");
	is(judge_one(&w, "cloud", "interface with sg-admin+sg-db ingress",
		     "tcp 203.0.113.1 1 10.0.2.20 23"),
	   "deny");
	/* Within one subnet no ACL applies. */
	is(judge(&w, "cloud", "eni-db", "eni-db2", "udp 10.0.2.20 1 10.0.2.21 9"), "deny");
	is(judge(&w, "cloud", "eni-web", "eni-nat", "udp 10.0.1.10 1 10.0.1.99 9"), "permit");
	/* acl-a lets no IPv6 out of its subnet; groups see it before. */
	is(judge(&w, "cloud", "eni-nat", "edge", "tcp 2001:db8:1::99 1 2001:db8::1 443"),
	   "deny");
	done(&w);
}

Test(aws, a_connection_that_was_let_in_is_answered)
{
	struct world w = { 0 };
	whole(&w);
	is(judge_one(&w, "cloud", "interface with sg-web ingress",
		     "tcp 192.0.2.1 5 10.0.1.10 99 state=established"),
	   "permit");
	is(judge_one(&w, "cloud", "interface with sg-web ingress",
		     "tcp 192.0.2.1 5 10.0.1.10 99 state=related"),
	   "unknown");
	/* An ACL keeps no state. */
	is(judge_one(&w, "cloud", "acl-b ingress",
		     "tcp 10.9.0.1 5 10.0.2.20 99 state=established"),
	   "deny");
	cr_expect(device_ruleset(device(&w, "cloud"), "sg-web ingress")->stateful);
	cr_expect_not(device_ruleset(device(&w, "cloud"), "acl-b ingress")->stateful);
	done(&w);
}

Test(aws, a_subnet_tells_interfaces_by_address)
{
	struct world w = { 0 };
	whole(&w);
	is(judge(&w, "cloud", "subnet-a", "subnet-b", "tcp 10.0.1.10 1 10.0.2.20 5432"),
	   "permit");
	is(judge(&w, "cloud", "subnet-a", "subnet-b", "tcp 10.0.1.99 1 10.0.2.20 5432"),
	   "deny");
	is(judge(&w, "cloud", "front", "subnet-b", "tcp 10.0.1.77 1 10.0.2.20 5432"), "deny");
	is(judge(&w, "cloud", "edge", "front", "tcp 192.0.2.9 1 10.0.1.10 443"), "permit");
	is(judge(&w, "cloud", "edge", "front", "tcp 192.0.2.9 1 10.0.1.11 443"), "deny");
	const struct port *p = device_port(device(&w, "cloud"), "subnet-b");
	cr_assert(p && p->present);
	struct packet packet = { .family = FAMILY_V4, .src = { 0, 0x0a000214 } };
	cr_expect_eq(match_judge(p->present, &packet), TRUTH_TRUE);
	packet.src.lo = 0x0a000216;
	cr_expect_eq(match_judge(p->present, &packet), TRUTH_FALSE);
	cr_expect_eq(p->n_prefixes, 1);
	cr_expect_eq(p->addrs[0].lo, 0x0a000201);
	cr_expect_eq(p->prefixes[0].len, 24);
	p = device_port(device(&w, "cloud"), "eni-web");
	cr_assert_eq(p->n_prefixes, 2);
	cr_expect_eq(p->prefixes[0].len, 32);
	cr_expect_eq(p->prefixes[1].len, 128);
	done(&w);
}

Test(aws, a_group_port_judges_known_addresses_by_all_their_groups)
{
	struct world w = { 0 };
	whole(&w);
	/* 10.0.2.20 holds sg-admin too, whose list is not known. */
	is(judge(&w, "cloud", "edge", "sg-web", "tcp 192.0.2.1 1 10.0.1.10 443"), "permit");
	is(judge_one(&w, "cloud", "sg-db members ingress", "tcp 192.0.2.1 1 10.0.2.20 22"),
	   "unknown");
	is(judge_one(&w, "cloud", "sg-db members ingress", "tcp 192.0.2.1 1 10.0.2.21 22"),
	   "deny");
	/* Declared behind the group, without an interface so far. */
	is(judge(&w, "cloud", "sg-web", "db", "tcp 10.0.1.50 1 10.0.2.55 5432"), "deny");
	is(judge_one(&w, "cloud", "sg-web members ingress", "tcp 192.0.2.1 1 10.0.1.50 443"),
	   "permit");
	/* An address outside of every subnet: no ACL can be told. */
	is(judge(&w, "cloud", "edge", "sg-web", "tcp 192.0.2.1 1 10.0.7.50 443"), "unknown");
	done(&w);
}

Test(aws, places_and_names)
{
	struct world w = { 0 };
	whole(&w);
	const struct device *d = device(&w, "cloud");
	const struct ruleset *rs = device_ruleset(d, "sg-web ingress");
	cr_assert_eq(rs->n, 4);
	cr_expect_eq(rs->rules[0].at.line, 5);
	cr_expect_eq(rs->rules[0].at.col, 18);
	is(rs->rules[0].at.path, "/SecurityGroups/0/IpPermissions/0/IpRanges/0");
	is(rs->rules[0].note, "the world");
	cr_expect_eq(rs->rules[1].at.line, 6);
	cr_expect_eq(rs->dflt_at.line, 2);
	const struct ruleset *acl = device_ruleset(d, "acl-a ingress");
	cr_assert_eq(acl->n, 3);
	is(acl->rules[0].name, "rule 100");
	is(acl->rules[2].name, "rule 32767");
	cr_expect(acl->rules[2].flags & RULE_IMPLICIT);
	cr_expect_eq(d->n_ports, 2 + 3 + 4 + 1);
	is(device_port(d, "WEB")->name, "sg-web");
	is(device_port(d, "web one")->name, "eni-web");
	is(device_port(d, "edge")->kind, "vpc-edge");
	is(d->hostname, "main");
	size_t defines = 0, uses = 0;
	vec_each (n, &w.snap->names) {
		if (strcmp(n->kind, "security group"))
			continue;
		defines += n->defines;
		uses += !n->defines;
	}
	cr_expect_eq(defines, 3);
	cr_expect_eq(uses, 4 + 2);
	done(&w);
}

Test(aws, account_of_a_whole_set)
{
	struct world w = { 0 };
	whole(&w);
	is_counted(&w, "groups.json", 1, 3 + 4 + 1 + 2 + 1, 1, 0);
	is_counted(&w, "interfaces.json", 1, 4, 0, 0);
	is_counted(&w, "subnets.json", 1, 2, 0, 0);
	is_counted(&w, "acls.json", 1, 2 + 2 + 7, 0, 0);
	is_counted(&w, "vpcs.json", 1, 1, 0, 0);
	done(&w);
}

Test(aws, missing_files_leave_unknowns)
{
	/* The groups alone: what they permit is sure, what they don't may be permitted. */
	struct world w = { 0 };
	add_loaded(&w, "groups.json");
	run(&w);
	cr_assert_eq(w.err, 0);
	cr_expect(diags_has(&w.diags, "aws.no-interfaces"));
	cr_expect(diags_has(&w.diags, "aws.no-acls"));
	is(judge_one(&w, "cloud", "sg-web members ingress", "tcp 192.0.2.1 1 10.0.1.10 443"),
	   "permit");
	is(judge_one(&w, "cloud", "sg-web members ingress", "tcp 192.0.2.1 1 10.0.1.10 22"),
	   "unknown");
	is(judge(&w, "cloud", "edge", "sg-web", "tcp 192.0.2.1 1 10.0.1.10 443"), "unknown");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.10 1 10.0.2.20 5432"),
	   "unknown");
	is(judge_one(&w, "cloud", "sg-db ingress", "udp 10.0.1.10 1 10.0.2.20 5432"),
	   "unknown");
	is(judge_one(&w, "cloud", "sg-admin ingress", "udp 10.0.1.10 1 10.0.2.20 22"), "deny");
	done(&w);

	/* Without ACLs only traffic within a subnet is known. */
	add_loaded(&w, "groups.json");
	add_loaded(&w, "interfaces.json");
	add_loaded(&w, "subnets.json");
	run(&w);
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5432"),
	   "unknown");
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5434"), "deny");
	is(judge(&w, "cloud", "eni-web", "eni-nat", "udp 10.0.1.10 1 10.0.1.99 9"), "permit");
	done(&w);

	/* Without subnets nobody knows which packets cross a border. */
	add_loaded(&w, "groups.json");
	add_loaded(&w, "interfaces.json");
	add_loaded(&w, "acls.json");
	run(&w);
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5432"), "permit");
	is(judge(&w, "cloud", "eni-web", "eni-db", "tcp 10.0.1.10 1 10.0.2.20 5433"),
	   "unknown");
	is(judge(&w, "cloud", "sg-web", "edge", "tcp 10.0.1.10 1 192.0.2.1 80"), "unknown");
	done(&w);

	/* A group that an interface holds, but that was not collected. */
	add_loaded(&w, "interfaces.json");
	add_loaded(&w, "subnets.json");
	add_loaded(&w, "acls.json");
	run(&w);
	is(judge(&w, "cloud", "edge", "eni-web", "tcp 192.0.2.1 1 10.0.1.10 443"), "unknown");
	is(judge(&w, "cloud", "edge", "subnet-a", "tcp 192.0.2.1 1 10.0.1.10 443"), "unknown");
	is(judge(&w, "cloud", "edge", "subnet-a", "tcp 192.0.2.1 1 10.0.1.99 443"), "permit");
	done(&w);
}

Test(aws, prefix_lists)
{
	static const char lists[] =
		"{\"PrefixLists\": [{\"PrefixListId\": \"pl-0aaaaaaa1\", \"AddressFamily\": "
		"\"IPv4\", \"State\": \"create-complete\", \"PrefixListName\": \"admins\", "
		"\"MaxEntries\": 5, \"Version\": 2, \"OwnerId\": \"111111111111\"}]}";
	static const char entries[] =
		"{\"Entries\": [{\"Cidr\": \"203.0.113.0/25\", "
		"\"Description\": \"office\"}, {\"Cidr\": \"198.51.100.7/32\"}]}";
	const char *ask = "tcp 203.0.113.1 1 10.0.2.20 22";
	const char *no = "tcp 203.0.113.129 1 10.0.2.20 22";
	struct world w = { 0 };
	/* Entries don't say whose they are, the file's name does. */
	add_all(&w);
	add_file(&w, "lists.json", lists);
	add_file(&w, "entries-pl-0aaaaaaa1.json", entries);
	run(&w);
	is(judge_one(&w, "cloud", "sg-admin ingress", ask), "permit");
	is(judge_one(&w, "cloud", "sg-admin ingress", no), "deny");
	is_counted(&w, "entries-pl-0aaaaaaa1.json", 1, 2, 0, 0);
	is_counted(&w, "groups.json", 1, 12, 0, 0);
	done(&w);

	/* Or nothing does. */
	add_all(&w);
	add_file(&w, "lists.json", lists);
	add_file(&w, "entries.json", entries);
	run(&w);
	cr_expect(diags_has(&w.diags, "aws.entries-without-list"));
	is(judge_one(&w, "cloud", "sg-admin ingress", ask), "unknown");
	is(judge_one(&w, "cloud", "sg-admin ingress", "tcp 2001:db8::1 1 2001:db8::2 22"),
	   "deny");
	is_counted(&w, "entries.json", 1, 0, 2, 0);
	done(&w);

	/* A page is missing: what is there is sure, the rest may be there. */
	add_all(&w);
	add_file(&w, "pl-0aaaaaaa1.json",
		 "{\"Entries\": [{\"Cidr\": \"203.0.113.0/25\"}], \"NextToken\": \"t\"}");
	run(&w);
	is(judge_one(&w, "cloud", "sg-admin ingress", ask), "permit");
	is(judge_one(&w, "cloud", "sg-admin ingress", no), "unknown");
	done(&w);

	/* The older command gives both at once; a merged file names the list above. */
	add_all(&w);
	add_file(&w, "old.json",
		 "{\"PrefixLists\": [{\"PrefixListId\": \"pl-0aaaaaaa1\", \"PrefixListName\": "
		 "\"s3\", \"Cidrs\": [\"203.0.113.0/25\"]}]}");
	run(&w);
	is(judge_one(&w, "cloud", "sg-admin ingress", no), "deny");
	is(judge_one(&w, "cloud", "sg-admin ingress", ask), "permit");
	done(&w);
	add_all(&w);
	add_file(&w, "merged.json",
		 "{\"pl-0aaaaaaa1\": {\"Entries\": [{\"Cidr\": "
		 "\"203.0.113.0/25\"}, {\"Cidr\": \"bad\"}]}}");
	run(&w);
	is(judge_one(&w, "cloud", "sg-admin ingress", ask), "permit");
	is(judge_one(&w, "cloud", "sg-admin ingress", no), "unknown");
	is_counted(&w, "merged.json", 1, 1, 0, 1);
	done(&w);
}

struct wrap_row {
	const char *before, *after;
};

static const struct wrap_row wraps[] = {
	{ "{\"status_code\": 200, \"data\": ", "}" },
	{ "[", "]" },
	{ "{\"111111111111\": {\"eu-west-1\": ", "}}" },
	{ "{\"ResponseMetadata\": {\"HTTPHeaders\": {\"a\": \"b\"}}, \"data\": ", "}" },
	{ "", "\n{\"SecurityGroups\": []}\n{\"Subnets\": []}" },
};

Test(aws, wrappings)
{
	char *groups = load("groups.json");
	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++) {
		struct world w = { 0 };
		char text[8192];
		add_loaded(&w, "interfaces.json");
		add_loaded(&w, "subnets.json");
		add_loaded(&w, "acls.json");
		snprintf(text, sizeof(text), "%s%s%s", wraps[i].before, groups, wraps[i].after);
		cr_assert_gt(collector_aws.probe(text, strlen(text), "x"), 80, "row %zu", i);
		add_file(&w, "g.json", text);
		run(&w);
		cr_expect_eq(w.err, 0, "row %zu", i);
		cr_expect_str_eq(
			judge(&w, "cloud", "edge", "eni-web", "tcp 192.0.2.1 1 10.0.1.10 443"),
			"permit", "row %zu", i);
		cr_expect_eq(account_of(&w, "g.json")->count[ACCOUNT_REJECTED], 0);
		done(&w);
	}
	free(groups);
	/* As `--query 'SecurityGroups'` prints it, and one group alone. */
	static const char *const bare[] = {
		"[{\"GroupId\": \"sg-1\", \"VpcId\": \"vpc-9\", \"IpPermissions\": [], "
		"\"IpPermissionsEgress\": []}]",
		"{\"GroupId\": \"sg-1\", \"VpcId\": \"vpc-9\", \"IpPermissions\": [], "
		"\"IpPermissionsEgress\": []}",
		"{\"my_groups\": [{\"GroupId\": \"sg-1\", \"VpcId\": \"vpc-9\", "
		"\"IpPermissions\": "
		"[], \"IpPermissionsEgress\": []}]}",
	};
	for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++) {
		struct world w = { 0 };
		cr_assert_gt(collector_aws.probe(bare[i], strlen(bare[i]), "x"), 80);
		add_file(&w, "g.json", bare[i]);
		run(&w);
		cr_expect(device_port(device(&w, "cloud"), "sg-1"), "row %zu", i);
		done(&w);
	}
}

Test(aws, what_is_no_export_is_said_so)
{
	static const struct {
		const char *text, *code;
	} rows[] = {
		{ "{\"foo\": 1}", "aws.not-export" },
		{ "{\"foo\": [{\"a\": 1}]}", "aws.not-export" },
		{ "[1, 2]", "aws.not-export" },
		{ "true", "aws.not-export" },
		{ "{\"status_code\": 400, \"data\": {\"Error\": {\"Code\": \"X\"}}}",
		  "aws.error-answer" },
		{ "{\"SecurityGroups\": [", "json.syntax" },
		{ "not json", "json.syntax" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct world w = { 0 };
		add_file(&w, "bad.json", rows[i].text);
		add_all(&w);
		run(&w);
		cr_expect_lt(w.err, 0, "row %zu", i);
		cr_expect(diags_has(&w.diags, rows[i].code), "row %zu", i);
		cr_expect(account_of(&w, "bad.json")->failed, "row %zu", i);
		cr_expect_gt(account_of(&w, "bad.json")->count[ACCOUNT_REJECTED], 0, "row %zu",
			     i);
		/* The other files are read; nothing is sure of the device any more. */
		cr_expect(device_port(device(&w, "cloud"), "sg-web"), "row %zu", i);
		cr_expect_gt(device(&w, "cloud")->n_taints, 0, "row %zu", i);
		done(&w);
	}
	cr_expect_eq(collector_aws.probe("{\"foo\": 1}", 10, "x"), 0);
	cr_expect_eq(collector_aws.probe("", 0, "x"), 0);
	cr_expect_eq(collector_aws.probe("\"SecurityGroups\": [", 19, "x"), 0);
	struct world w = { 0 };
	add_file(&w, "logs.json", "{\"FlowLogs\": [{\"FlowLogId\": \"fl-1\"}]}");
	run(&w);
	cr_expect_eq(w.err, 0);
	cr_expect(diags_has(&w.diags, "aws.not-modelled"));
	cr_expect(diags_has(&w.diags, "aws.no-vpc"));
	is_counted(&w, "logs.json", 2, 0, 0, 0);
	cr_expect_gt(device(&w, "cloud")->n_taints, 0);
	done(&w);
}

Test(aws, several_vpcs_and_peering)
{
	static const char more[] =
		"{\"SecurityGroups\": [{\"GroupId\": \"sg-far\", \"VpcId\": \"vpc-2\", "
		"\"OwnerId\": "
		"\"222222222222\", \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": "
		"1, "
		"\"ToPort\": 1, \"UserIdGroupPairs\": [{\"GroupId\": \"sg-web\", \"UserId\": "
		"\"111111111111\", \"VpcId\": \"vpc-1\", \"VpcPeeringConnectionId\": "
		"\"pcx-1\", "
		"\"PeeringStatus\": \"active\"}]}, {\"IpProtocol\": \"tcp\", \"FromPort\": 2, "
		"\"ToPort\": 2, \"UserIdGroupPairs\": [{\"GroupId\": \"sg-web\", \"UserId\": "
		"\"111111111111\", \"VpcId\": \"vpc-1\", \"VpcPeeringConnectionId\": "
		"\"pcx-1\", "
		"\"PeeringStatus\": \"deleted\"}]}, {\"IpProtocol\": \"tcp\", \"FromPort\": 3, "
		"\"ToPort\": 3, \"UserIdGroupPairs\": [{\"GroupId\": \"sg-gone\", \"UserId\": "
		"\"333333333333\"}]}, {\"IpProtocol\": \"tcp\", \"FromPort\": 4, \"ToPort\": "
		"4, "
		"\"UserIdGroupPairs\": [{\"GroupId\": \"sg-web\"}]}], \"IpPermissionsEgress\": "
		"[]}]}";
	struct world w = { 0 };
	add_all(&w);
	add_file(&w, "more.json", more);
	run(&w);
	cr_expect_eq(w.err, 0);
	cr_expect_null(snapshot_device(w.snap, "cloud"));
	const char *dev = "cloud:vpc-2", *rs = "sg-far ingress";
	cr_expect(device_port(device(&w, "cloud:vpc-1"), "sg-web"));
	cr_expect_null(device_port(device(&w, "cloud:vpc-1"), "sg-far"));
	is(judge_one(&w, dev, rs, "tcp 10.0.1.10 9 10.1.0.1 1"), "permit");
	is(judge_one(&w, dev, rs, "tcp 10.0.1.11 9 10.1.0.1 1"), "deny");
	is(judge_one(&w, dev, rs, "tcp 10.0.1.10 9 10.1.0.1 2"), "deny");
	is(judge_one(&w, dev, rs, "tcp 10.0.1.10 9 10.1.0.1 3"), "unknown");
	is(judge_one(&w, dev, rs, "tcp 10.0.1.10 9 10.1.0.1 4"), "unknown");
	is(judge_one(&w, dev, rs, "tcp 10.0.1.11 9 10.1.0.1 4"), "deny");
	cr_expect(diags_has(&w.diags, "aws.stale-reference"));
	is_counted(&w, "more.json", 1, 1 + 2, 2, 0);
	done(&w);
}

/* Pretty-printed objects begin with a lonely bracket: the member that tells is quoted. */
Test(aws, places_of_objects_over_several_lines)
{
	struct world w = { 0 };
	add_file(
		&w, "g.json",
		"{\n \"SecurityGroups\": [\n  {\n   \"GroupName\": \"x\",\n"
		"   \"GroupId\": \"sg-1\", \"VpcId\": \"vpc-1\",\n   \"IpPermissions\": [\n"
		"    {\n     \"IpProtocol\": \"-1\",\n     \"IpRanges\": [\n      {\n"
		"       \"Description\": \"d\",\n       \"CidrIp\": \"10.0.0.64/26\"\n      }\n"
		"     ]\n    }\n   ],\n   \"IpPermissionsEgress\": []\n  }\n ]\n}\n");
	run(&w);
	const struct ruleset *rs = device_ruleset(device(&w, "cloud"), "sg-1 ingress");
	cr_assert(rs && rs->n == 1);
	cr_expect_eq(rs->at.line, 5);
	cr_expect_eq(rs->at.col, 4);
	cr_expect_eq(rs->rules[0].at.line, 12);
	cr_expect_eq(rs->rules[0].at.col, 8);
	cr_expect_eq(rs->rules[0].at.end_col, 32);
	is(rs->rules[0].at.path, "/SecurityGroups/0/IpPermissions/0/IpRanges/0");
	done(&w);
	add_file(&w, "s.json",
		 "{\"Subnets\": [{\"SubnetId\": \"subnet-1\", \"VpcId\": \"vpc-1\", "
		 "\"CidrBlock\": \"203.0.113.64/26\"}]}");
	run(&w);
	const struct port *p = device_port(device(&w, "cloud"), "subnet-1");
	cr_assert(p && p->n_prefixes == 1);
	cr_expect_eq(p->prefixes[0].len, 26);
	cr_expect_eq(p->prefixes[0].addr.lo, 0xcb007140);
	cr_expect_eq(p->addrs[0].lo, 0xcb007141);
	done(&w);
}

/* No interface holds so many groups; nothing grows with the square of them. */
Test(aws, an_interface_with_too_many_groups)
{
	struct world w = { 0 };
	struct text t = { 0 };
	text_put(&t, "{\"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"eni-x\", \"VpcId\": "
		     "\"vpc-1\", \"SubnetId\": \"subnet-a\", \"SourceDestCheck\": true, "
		     "\"PrivateIpAddress\": \"10.0.1.9\", \"Groups\": [");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t, "%s{\"GroupId\": \"sg-%u\"}", i ? "," : "", i);
	text_put(&t, "]}]}");
	add_all(&w);
	add_file(&w, "x.json", t.s);
	text_finish(&t);
	run(&w);
	is(judge(&w, "cloud", "eni-x", "edge", "tcp 10.0.1.9 1 192.0.2.1 80"), "unknown");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.77 1 10.0.2.20 80"), "unknown");
	is_counted(&w, "x.json", 1, 0, 1, 0);
	done(&w);
}

Test(aws, copies_and_contradictions)
{
	struct world w = { 0 };
	add_all(&w);
	char *subnets = load("subnets.json");
	add_file(&w, "again.json", subnets);
	free(subnets);
	run(&w);
	cr_expect_eq(w.err, 0);
	is_counted(&w, "again.json", 3, 0, 0, 0);
	cr_expect_not(diags_has(&w.diags, "aws.duplicate"));
	done(&w);
	add_all(&w);
	add_file(&w, "other.json",
		 "{\"SecurityGroups\": [{\"GroupId\": \"sg-web\", \"VpcId\": \"vpc-1\", "
		 "\"OwnerId\": "
		 "\"111111111111\", \"GroupName\": \"web\", \"IpPermissions\": [], "
		 "\"IpPermissionsEgress\": []}]}");
	run(&w);
	cr_expect(diags_has(&w.diags, "aws.duplicate"));
	is_counted(&w, "other.json", 1, 0, 0, 1);
	is(judge_one(&w, "cloud", "sg-web ingress", "tcp 192.0.2.1 1 10.0.1.10 443"),
	   "unknown");
	is(judge_one(&w, "cloud", "sg-web ingress", "tcp 192.0.2.1 1 10.0.1.10 22"), "unknown");
	done(&w);
}

Test(aws, a_page_that_is_missing)
{
	struct world w = { 0 };
	char text[8192], *interfaces = load("interfaces.json");
	/* The list is cut off: nobody knows who else holds what. */
	snprintf(text, sizeof(text), "{\"NextToken\": \"abc\", %s", strchr(interfaces, '"'));
	free(interfaces);
	add_loaded(&w, "groups.json");
	add_file(&w, "interfaces.json", text);
	run(&w);
	cr_expect(diags_has(&w.diags, "aws.page-missing"));
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.10 1 10.0.2.20 5432"), "permit");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.11 1 10.0.2.20 5432"),
	   "unknown");
	done(&w);
	add_loaded(&w, "groups.json");
	add_file(&w, "interfaces.json", text);
	add_file(&w, "interfaces2.json", "{\"NetworkInterfaces\": []}");
	run(&w);
	cr_expect_not(diags_has(&w.diags, "aws.page-missing"));
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.11 1 10.0.2.20 5432"), "deny");
	done(&w);
}

Test(aws, taints)
{
	struct world w = { 0 };
	add_file(&w, "v.json",
		 "{\"Vpcs\": [{\"VpcId\": \"vpc-1\", \"CidrBlock\": \"10.0.0.0/16\", "
		 "\"BlockPublicAccessStates\": {\"InternetGatewayBlockMode\": "
		 "\"block-ingress\"}}, {\"VpcId\": \"vpc-2\", \"CidrBlock\": \"10.0.0.0/16\", "
		 "\"Firewall\": {\"Mode\": \"on\"}}, {\"VpcId\": \"vpc-3\", \"CidrBlock\": "
		 "\"10.0.0.0/16\", \"Firewall\": null}]}");
	run(&w);
	cr_assert_eq(device(&w, "cloud:vpc-1")->n_taints, 1);
	is(device(&w, "cloud:vpc-1")->taints[0].port, "edge");
	cr_assert_eq(device(&w, "cloud:vpc-2")->n_taints, 1);
	cr_expect_null(device(&w, "cloud:vpc-2")->taints[0].port);
	cr_expect_eq(device(&w, "cloud:vpc-3")->n_taints, 0);
	is_counted(&w, "v.json", 1, 2, 1, 0);
	done(&w);
}

#define INSTANCE(id, eni, subnet, addr, group)                                                 \
	"{\"InstanceId\": \"" id "\", \"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"" eni \
	"\", \"VpcId\": \"vpc-1\", \"SubnetId\": \"" subnet "\", \"SourceDestCheck\": true, "  \
	"\"PrivateIpAddresses\": [{\"PrivateIpAddress\": \"" addr "\"}], "                     \
	"\"Groups\": [{\"GroupId\": \"" group "\"}]}]}"
#define INSTANCES                                                                              \
	"{\"Reservations\": [{\"Instances\": [" INSTANCE("i-web", "eni-web", "subnet-a",       \
							 "10.0.1.10", "sg-web") ", " INSTANCE( \
		"i-db", "eni-db", "subnet-b", "10.0.2.20", "sg-db") "]}]}"

/* Of those that aren't instances' own, nobody knows. */
Test(aws, instances_tell_of_their_interfaces)
{
	struct world w = { 0 };
	add_loaded(&w, "groups.json");
	add_loaded(&w, "subnets.json");
	add_loaded(&w, "acls.json");
	add_file(&w, "instances.json", INSTANCES);
	run(&w);
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.10 1 10.0.2.20 5432"), "permit");
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.11 1 10.0.2.20 5432"),
	   "unknown");
	is_counted(&w, "instances.json", 4, 2, 0, 0);
	done(&w);
}

Test(aws, listed_interfaces_count_before_those_of_instances)
{
	struct world w = { 0 };
	add_all(&w);
	add_file(&w, "instances.json", INSTANCES);
	run(&w);
	is(judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.11 1 10.0.2.20 5432"), "deny");
	is_counted(&w, "instances.json", 6, 0, 0, 0);
	done(&w);
}
