/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the objects of a file are: by the name of their list, or by members that only they have;
 * and by the same, whether a file is one of Amazon's at all.
 */
#include <string.h>

#include "collectors/aws_internal.h"

static const struct {
	const char *key;
	enum aws_kind kind;
} wrappers[] = {
	{ "SecurityGroups", AWS_GROUP },
	{ "NetworkInterfaces", AWS_INTERFACE },
	{ "Subnets", AWS_SUBNET },
	{ "Vpcs", AWS_VPC },
	{ "NetworkAcls", AWS_ACL },
	{ "PrefixLists", AWS_LIST },
	{ "Entries", AWS_LIST_ENTRY },
	{ "RouteTables", AWS_TABLE },
	{ "InternetGateways", AWS_IGW },
	{ "EgressOnlyInternetGateways", AWS_EIGW },
	{ "NatGateways", AWS_NAT },
	{ "VpcPeeringConnections", AWS_PEERING },
	{ "VpnGateways", AWS_VGW },
	{ "VpcEndpoints", AWS_ENDPOINT },
	{ "Addresses", AWS_ADDRESS },
	{ "TransitGateways", AWS_TGW },
	{ "TransitGatewayAttachments", AWS_TGW_ATTACHMENT },
	{ "TransitGatewayVpcAttachments", AWS_TGW_VPC },
	{ "TransitGatewayRouteTables", AWS_TGW_TABLE },
	{ "TransitGatewayPropagations", AWS_TGW_PROPAGATION },
	{ "TransitGatewayStaticRoutes", AWS_TGW_ROUTES },
	{ "LoadBalancers", AWS_BALANCER },
	{ "LoadBalancerAttributes", AWS_BALANCER_ATTRIBUTES },
	{ "LoadBalancerListeners", AWS_LISTENER },
	{ "Listeners", AWS_LISTENER },
	{ "TargetGroups", AWS_TARGET_GROUP },
	{ "TargetGroupAttributes", AWS_TARGET_ATTRIBUTES },
	{ "LoadBalancerTargetHealth", AWS_TARGET_HEALTH },
	{ "Instances", AWS_INSTANCE },
	{ "Reservations", AWS_RESERVATION },
};

/* Lists of other commands: nothing of a group or an ACL stands in them. */
static const char *const others[] = {
	"AutoScalingGroups",
	"AvailabilityZones",
	"CarrierGateways",
	"ClusterSubnetGroups",
	"Clusters",
	"CustomerGateways",
	"DBClusters",
	"DBInstances",
	"DBSubnetGroups",
	"DhcpOptions",
	"DirectConnectGatewayAssociations",
	"DirectConnectGateways",
	"DomainStatusList",
	"FlowLogs",
	"Functions",
	"Images",
	"InstanceStatuses",
	"KeyPairs",
	"LaunchTemplates",
	"LoadBalancerDescriptions",
	"LocalGateways",
	"NetworkInterfacePermissions",
	"PrefixListAssociations",
	"Regions",
	"SecurityGroupReferenceSet",
	"SecurityGroupRules",
	"SecurityGroupVpcAssociations",
	"ServiceDetails",
	"ServiceNames",
	"Snapshots",
	"StaleSecurityGroupSet",
	"Tags",
	"TransitGatewayConnects",
	"TransitGatewayPeeringAttachments",
	"VirtualInterfaces",
	"Volumes",
	"VpcEndpointConnections",
	"VpnConnections",
};

enum {
	N_WRAPPERS = sizeof(wrappers) / sizeof(*wrappers),
	N_OTHERS = sizeof(others) / sizeof(*others)
};

enum aws_kind aws_kind_of_list(const char *key)
{
	for (size_t i = 0; i < N_WRAPPERS; i++)
		if (!strcmp(wrappers[i].key, key))
			return wrappers[i].kind;
	for (size_t i = 0; i < N_OTHERS; i++)
		if (!strcmp(others[i], key))
			return AWS_OTHER;
	return AWS_KINDS;
}

enum aws_kind aws_kind_of_members(const json_t *o)
{
	if (aws_member(o, "SecurityGroupRuleId"))
		return AWS_OTHER;
	if (aws_member(o, "GroupId") &&
	    (aws_member(o, "IpPermissions") || aws_member(o, "IpPermissionsEgress")))
		return AWS_GROUP;
	if (aws_member(o, "InstanceId") && aws_member(o, "NetworkInterfaces"))
		return AWS_INSTANCE;
	if (aws_member(o, "NetworkInterfaceId") && aws_member(o, "Groups"))
		return AWS_INTERFACE;
	if (aws_member(o, "NetworkAclId") && aws_member(o, "Entries"))
		return AWS_ACL;
	if (aws_member(o, "SubnetId") && aws_member(o, "CidrBlock"))
		return AWS_SUBNET;
	if (aws_member(o, "VpcId") && aws_member(o, "CidrBlock"))
		return AWS_VPC;
	if (aws_member(o, "PrefixListId") &&
	    (aws_member(o, "PrefixListName") || aws_member(o, "Cidrs")))
		return AWS_LIST;
	return AWS_KINDS;
}

/* "KEY" with a list behind it. */
static bool has_list(const char *head, size_t len, const char *key)
{
	size_t n = strlen(key);
	const char *p = head, *end = head + len;
	while ((p = memmem(p, (size_t)(end - p), key, n))) {
		const char *q = p + n;
		if (p > head && p[-1] == '"' && q < end && *q == '"') {
			q++;
			while (q < end && memchr(" \t\r\n:", *q, 5))
				q++;
			if (q < end && *q == '[')
				return true;
		}
		p += n;
	}
	return false;
}

static bool has_word(const char *head, size_t len, const char *word)
{
	return memmem(head, len, word, strlen(word)) != NULL;
}

int aws_probe(const char *head, size_t len, const char *filename)
{
	(void)filename;
	size_t i = 0;
	while (i < len && memchr(" \t\r\n", head[i], 4))
		i++;
	if (i == len || (head[i] != '{' && head[i] != '['))
		return 0;
	for (i = 0; i < N_WRAPPERS; i++)
		if (wrappers[i].kind < AWS_LIST_ENTRY && has_list(head, len, wrappers[i].key))
			return 95;
	if (has_word(head, len, "\"IpPermissions") ||
	    has_word(head, len, "\"NetworkInterfaceId\"") ||
	    has_word(head, len, "\"NetworkAclId\"") || has_word(head, len, "\"PrefixListId\""))
		return 90;
	if (has_list(head, len, "Entries") && has_word(head, len, "\"Cidr\""))
		return 85;
	if (has_word(head, len, "\"VpcId\"") && has_word(head, len, "\"CidrBlock\""))
		return 85;
	for (i = 0; i < N_WRAPPERS; i++)
		if (wrappers[i].kind > AWS_LIST_ENTRY && has_list(head, len, wrappers[i].key))
			return 40;
	for (i = 0; i < N_OTHERS; i++)
		if (has_list(head, len, others[i]))
			return 40;
	return 0;
}
