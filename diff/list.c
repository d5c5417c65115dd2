/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/check.h"

#include <string.h>

extern const struct check check_crosstalk, check_exposed, check_blocked, check_reply, check_drift_physical,
	check_drift_virtual, check_address_only, check_plane_absent, check_rule_dead,
	check_rule_shadowed, check_rule_redundant, check_name_undefined, check_name_unused,
	check_exception_expired, check_exception_unused, check_source_stale, check_diff_opened,
	check_diff_closed, check_spoofed, check_observed_crosstalk, check_not_in_model,
	check_opaque, check_undeclared;

/* The gravest first: a packet set is reported by the first check that objects to it. */
const struct check *const checks[] = {
	&check_crosstalk,
	&check_exposed,
	&check_blocked,
	&check_reply,
	&check_asymmetric,
	&check_drift_physical,
	&check_drift_virtual,
	&check_address_only,
	&check_plane_absent,
	&check_rule_dead,
	&check_rule_shadowed,
	&check_rule_redundant,
	&check_name_undefined,
	&check_name_unused,
	&check_exception_expired,
	&check_exception_unused,
	&check_source_stale,
	&check_diff_opened,
	&check_diff_closed,
	&check_spoofed,
	&check_observed_crosstalk,
	&check_not_in_model,
	&check_opaque,
	&check_undeclared,
	NULL,
};

const struct check *check_find(const char *id)
{
	for (size_t i = 0; checks[i]; i++)
		if (!strcmp(checks[i]->id, id))
			return checks[i];
	return NULL;
}
