/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_RULES_H
#define DIFF_RULES_H

/* The checks that look at rules and names, not at traffic between zones. Internal to diff/. */

#include "diff/run.h"

extern const struct check check_rule_dead, check_rule_shadowed, check_rule_redundant,
	check_name_undefined, check_name_unused;

void check_rules(struct check_run *run);
void check_names(struct check_run *run);

#endif
