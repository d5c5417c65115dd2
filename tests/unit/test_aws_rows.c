/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/aws_world.h"

/* One group whose only permission is the row's, in a set that is whole otherwise. */
struct perm_row {
	const char *permission, *packet, *answer;
	size_t bounded, rejected;
};

#define WORLD4 "\"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]"
#define TCP22  "tcp 192.0.2.1 1 10.0.1.10 22"

static const struct perm_row perms[] = {
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22, " WORLD4 "}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": \"tcp\", " WORLD4 "}", TCP22, "permit", 0, 0 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": null, \"ToPort\": null, " WORLD4 "}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": 0, \"ToPort\": 65535, " WORLD4 "}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": \"6\", \"FromPort\": 22, \"ToPort\": 22, " WORLD4 "}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": \"17\", \"FromPort\": 22, \"ToPort\": 22, " WORLD4 "}", TCP22,
	  "deny", 0, 0 },
	{ "{\"IpProtocol\": \"-1\", " WORLD4 "}", TCP22, "permit", 0, 0 },
	{ "{\"IpProtocol\": \"-1\", \"FromPort\": 80, \"ToPort\": 80, " WORLD4 "}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": -1, " WORLD4 "}", TCP22, "permit", 0, 0 },
	{ "{\"IpProtocol\": \"-1\"}", TCP22, "deny", 0, 0 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": 23, \"ToPort\": 22, " WORLD4 "}", TCP22,
	  "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": 22, " WORLD4 "}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": -1, \"ToPort\": -1, " WORLD4 "}", TCP22,
	  "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": 0, \"ToPort\": 65536, " WORLD4 "}", TCP22,
	  "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"tcp\", \"FromPort\": \"x\", \"ToPort\": 9, " WORLD4 "}",
	  "udp 192.0.2.1 1 10.0.1.10 22", "deny", 0, 1 },
	{ "{\"IpProtocol\": \"quic!\", " WORLD4 "}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"256\", " WORLD4 "}", TCP22, "unknown", 0, 1 },
	{ "{" WORLD4 "}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"192.0.2.0/33\"}]}", TCP22,
	  "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"::/0\"}]}", TCP22, "unknown",
	  0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{}]}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [7]}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"192.0.2.77/24\"}]}", TCP22,
	  "permit", 0, 0 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": {}}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\", \"Hours\": "
	  "\"9-17\"}]}",
	  TCP22, "unknown", 1, 0 },
	{ "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"10.0.0.0/8\", \"Hours\": "
	  "\"9-17\"}]}",
	  TCP22, "deny", 1, 0 },
	{ "{\"IpProtocol\": \"-1\", \"IpPools\": [{\"PoolId\": \"x\"}]}", TCP22, "unknown", 0,
	  1 },
	{ "{\"IpProtocol\": \"-1\", \"IpPools\": [], \"IpRanges\": []}", TCP22, "deny", 0, 0 },
	{ "7", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"PrefixListIds\": [{}]}", TCP22, "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"-1\", \"UserIdGroupPairs\": [{\"GroupName\": \"x\"}]}", TCP22,
	  "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"icmp\", \"FromPort\": -1, \"ToPort\": -1, " WORLD4 "}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "permit", 0, 0 },
	{ "{\"IpProtocol\": \"icmp\", \"FromPort\": 3, \"ToPort\": 4, " WORLD4 "}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "permit", 0, 0 },
	{ "{\"IpProtocol\": \"icmp\", \"FromPort\": 3, \"ToPort\": 4, " WORLD4 "}",
	  "icmp 192.0.2.1 3 10.0.1.10 1", "deny", 0, 0 },
	{ "{\"IpProtocol\": \"icmp\", \"FromPort\": -1, \"ToPort\": 4, " WORLD4 "}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"icmp\", \"FromPort\": 256, \"ToPort\": 0, " WORLD4 "}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "unknown", 0, 1 },
	{ "{\"IpProtocol\": \"icmpv6\", \"Ipv6Ranges\": [{\"CidrIpv6\": \"::/0\"}]}",
	  "icmpv6 2001:db8::1 128 2001:db8:1::10 0", "permit", 0, 0 },
	{ "{\"IpProtocol\": \"58\", \"FromPort\": 129, \"ToPort\": -1, \"Ipv6Ranges\": "
	  "[{\"CidrIpv6\": \"::/0\"}]}",
	  "icmpv6 2001:db8::1 128 2001:db8:1::10 0", "deny", 0, 0 },
	{ "{\"IpProtocol\": \"47\", \"FromPort\": 1, \"ToPort\": 0, " WORLD4 "}",
	  "ip:47 192.0.2.1 0 10.0.1.10 0", "permit", 0, 0 },
};

Test(aws_rows, permissions)
{
	for (size_t i = 0; i < sizeof(perms) / sizeof(*perms); i++) {
		struct world w = { 0 };
		char text[2048];
		snprintf(
			text, sizeof(text),
			"{\"SecurityGroups\": [{\"GroupId\": \"sg-web\", \"VpcId\": \"vpc-1\", "
			"\"IpPermissions\": [%s], \"IpPermissionsEgress\": []}]}",
			perms[i].permission);
		add_file(&w, "g.json", text);
		add_loaded(&w, "interfaces.json");
		run(&w);
		cr_expect_eq(w.err, 0, "row %zu", i);
		const char *got = judge_one(&w, "cloud", "sg-web ingress", perms[i].packet);
		cr_expect_str_eq(got, perms[i].answer, "row %zu: %s", i, got);
		const struct account *acc = account_of(&w, "g.json");
		cr_expect_eq(acc->count[ACCOUNT_BOUNDED], perms[i].bounded, "row %zu: %zu", i,
			     acc->count[ACCOUNT_BOUNDED]);
		cr_expect_eq(acc->count[ACCOUNT_REJECTED], perms[i].rejected, "row %zu: %zu", i,
			     acc->count[ACCOUNT_REJECTED]);
		done(&w);
	}
}

struct acl_row {
	const char *entries, *packet, *answer;
	size_t rejected;
};

static const struct acl_row acl_rows[] = {
	{ "", TCP22, "deny", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}",
	  TCP22, "permit", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "true, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}",
	  TCP22, "deny", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"6\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}",
	  TCP22, "permit", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"6\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\", \"PortRange\": {\"From\": 1, \"To\": 21}}",
	  TCP22, "deny", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\", \"IcmpTypeCode\": {\"Type\": -1, \"Code\": -1}}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "permit", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}",
	  "icmp 192.0.2.1 3 10.0.1.10 4", "permit", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"58\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"Ipv6CidrBlock\": \"::/0\", \"IcmpTypeCode\": {\"Type\": 128, \"Code\": -1}}",
	  "icmpv6 2001:db8::1 128 2001:db8:1::10 0", "permit", 0 },
	/* Lower numbers first, whatever their order in the file. */
	{ "{\"RuleNumber\": 20, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}, {\"RuleNumber\": 10, \"Protocol\": \"6\", "
	  "\"RuleAction\": \"deny\", \"Egress\": false, \"CidrBlock\": \"192.0.2.0/24\"}",
	  TCP22, "deny", 0 },
	/* The same number twice: neither is known to come first. */
	{ "{\"RuleNumber\": 20, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}, {\"RuleNumber\": 20, \"Protocol\": \"6\", "
	  "\"RuleAction\": \"deny\", \"Egress\": false, \"CidrBlock\": \"192.0.2.0/24\"}",
	  TCP22, "unknown", 0 },
	{ "{\"RuleNumber\": 20, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}, {\"RuleNumber\": 20, \"Protocol\": \"6\", "
	  "\"RuleAction\": \"deny\", \"Egress\": false, \"Ipv6CidrBlock\": \"::/0\"}",
	  TCP22, "permit", 0 },
	{ "{\"RuleNumber\": 20, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}, {\"RuleNumber\": 20, \"Protocol\": \"6\", "
	  "\"RuleAction\": \"deny\", \"Egress\": false, \"Ipv6CidrBlock\": \"::/0\"}, "
	  "{\"RuleNumber\": 20, \"Protocol\": \"6\", \"RuleAction\": \"deny\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"192.0.2.0/24\"}",
	  TCP22, "unknown", 0 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"log\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\"}",
	  TCP22, "unknown", 1 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"deny\", \"Egress\": "
	  "false, "
	  "\"CidrBlock\": \"0.0.0.0/0\", \"Until\": 2030}, {\"RuleNumber\": 2, \"Protocol\": "
	  "\"-1\", \"RuleAction\": \"allow\", \"Egress\": false, \"CidrBlock\": \"0.0.0.0/0\"}",
	  TCP22, "unknown", 0 },
	{ "{\"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": false, \"CidrBlock\": "
	  "\"0.0.0.0/0\"}",
	  TCP22, "unknown", 1 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"CidrBlock\": "
	  "\"0.0.0.0/0\"}",
	  TCP22, "unknown", 1 },
	{ "{\"RuleNumber\": 1, \"Protocol\": \"-1\", \"RuleAction\": \"allow\", \"Egress\": "
	  "false}",
	  TCP22, "unknown", 1 },
};

Test(aws_rows, acl_entries)
{
	for (size_t i = 0; i < sizeof(acl_rows) / sizeof(*acl_rows); i++) {
		struct world w = { 0 };
		char text[2048];
		snprintf(text, sizeof(text),
			 "{\"NetworkAcls\": [{\"NetworkAclId\": \"acl-a\", \"VpcId\": "
			 "\"vpc-1\", "
			 "\"Associations\": [{\"SubnetId\": \"subnet-a\"}], \"Entries\": "
			 "[%s]}]}",
			 acl_rows[i].entries);
		add_file(&w, "a.json", text);
		run(&w);
		cr_expect_eq(w.err, 0, "row %zu", i);
		const char *got = judge_one(&w, "cloud", "acl-a ingress", acl_rows[i].packet);
		cr_expect_str_eq(got, acl_rows[i].answer, "row %zu: %s", i, got);
		cr_expect_eq(account_of(&w, "a.json")->count[ACCOUNT_REJECTED],
			     acl_rows[i].rejected, "row %zu", i);
		done(&w);
	}
}

/* Members of an interface that make it, or the whole VPC, less than known. */
struct interface_row {
	const char *members, *of_it, *of_other, *reference;
};

#define OK_ADDR	  "\"PrivateIpAddresses\": [{\"PrivateIpAddress\": \"10.0.1.50\"}]"
#define OK_GROUPS "\"Groups\": [{\"GroupId\": \"sg-db\"}]"
#define OK_REST	  "\"SubnetId\": \"subnet-a\", \"VpcId\": \"vpc-1\", \"SourceDestCheck\": true"

/* of_it: at its own port; of_other: from an address of its subnet that nobody has; reference:
 * from that address to sg-db, which refers to itself. */
static const struct interface_row interface_rows[] = {
	{ OK_ADDR ", " OK_GROUPS ", " OK_REST, "deny", "deny", "deny" },
	{ OK_ADDR ", \"Groups\": [], " OK_REST, "unknown", "deny", "deny" },
	{ OK_ADDR ", " OK_REST, "unknown", "deny", "deny" },
	{ OK_ADDR ", \"Groups\": [{\"GroupName\": \"x\"}], " OK_REST, "unknown", "deny",
	  "deny" },
	{ OK_ADDR ", \"Groups\": [], \"InterfaceType\": \"network_load_balancer\", " OK_REST,
	  "permit", "deny", "deny" },
	{ OK_ADDR ", " OK_GROUPS ", \"Mood\": \"good\", " OK_REST, "unknown", "deny", "deny" },
	{ OK_ADDR ", " OK_GROUPS ", \"MoreAddresses\": [\"10.0.1.51\"], " OK_REST, "unknown",
	  "unknown", "unknown" },
	{ "\"PrivateIpAddresses\": [{}], " OK_GROUPS ", " OK_REST, "unknown", "unknown",
	  "unknown" },
	{ OK_ADDR
	  ", " OK_GROUPS
	  ", \"SubnetId\": \"subnet-a\", \"VpcId\": \"vpc-1\", \"SourceDestCheck\": false",
	  "deny", "unknown", "deny" },
	{ OK_ADDR ", " OK_GROUPS ", \"OwnerId\": \"222222222222\", " OK_REST, "deny", "unknown",
	  "unknown" },
	{ OK_ADDR ", \"Groups\": [{\"GroupId\": \"sg-none\"}], " OK_REST, "unknown", "deny",
	  "deny" },
};

Test(aws_rows, odd_interfaces)
{
	for (size_t i = 0; i < sizeof(interface_rows) / sizeof(*interface_rows); i++) {
		struct world w = { 0 };
		char text[1024];
		snprintf(text, sizeof(text),
			 "{\"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"eni-x\", %s}]}",
			 interface_rows[i].members);
		add_all(&w);
		add_file(&w, "x.json", text);
		run(&w);
		cr_expect_eq(w.err, 0, "row %zu", i);
		const char *got =
			judge(&w, "cloud", "eni-x", "edge", "tcp 10.0.1.50 1 192.0.2.1 80");
		cr_expect_str_eq(got, interface_rows[i].of_it, "row %zu: %s", i, got);
		got = judge(&w, "cloud", "subnet-a", "edge", "tcp 10.0.1.77 1 192.0.2.1 80");
		cr_expect_str_eq(got, interface_rows[i].of_other, "row %zu other: %s", i, got);
		got = judge_one(&w, "cloud", "sg-db ingress", "tcp 10.0.1.77 1 10.0.2.20 80");
		cr_expect_str_eq(got, interface_rows[i].reference, "row %zu reference: %s", i,
				 got);
		done(&w);
	}
}
