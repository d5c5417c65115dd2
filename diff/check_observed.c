/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in packets that were captured; capture/observations.c raises these. */
#include "diff/check.h"

extern const struct check check_spoofed, check_observed_crosstalk, check_not_in_model,
	check_opaque, check_undeclared;

const struct check check_spoofed = {
	.id = "observed.spoofed",
	.title = "Packets of others on a tenant's segment",
	.help = "Packets were seen on a tenant's segment (VLAN, overlay, interface) of which "
		"neither end is the tenant's: an address is forged, or segments are joined. Find "
		"the port that lets them in.",
	.severity = SEVERITY_CRITICAL,
};

const struct check check_observed_crosstalk = {
	.id = "observed.cross-talk",
	.title = "Packets between two tenants that the policy doesn't declare",
	.help = "Packets of one tenant were seen on their way to another although no flow of the "
		"policy allows it (ISO/IEC 27017:2015 CLD.9.5.1). Find what let them through, "
		"beginning with the rule that is named first.",
	.severity = SEVERITY_CRITICAL,
};

const struct check check_not_in_model = {
	.id = "observed.not-in-model",
	.title = "Packets that every ruleset denies",
	.help = "By what was read of the devices no such packet passes, and yet it was seen. The "
		"model is out of date, or the packets go round the control. Where the capture "
		"stands in front of the control, packets without an answer are attempts.",
	.severity = SEVERITY_HIGH,
};

const struct check check_opaque = {
	.id = "observed.opaque",
	.title = "Encrypted or unknown encapsulation between tenants",
	.help = "What is inside can't be seen, so that nothing can be said of it. Declare the "
		"protocol between the two, or stop it.",
	.severity = SEVERITY_HIGH,
};

const struct check check_undeclared = {
	.id = "observed.undeclared",
	.title = "Packets that the policy doesn't declare",
	.help = "Packets were seen that no flow of the policy allows. Declare the flow if it is "
		"wanted, or close the rule that lets them through. It is high where they enter "
		"from an external zone.",
	.severity = SEVERITY_MEDIUM,
};
