/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_INCREMENTAL_SAME_H
#define DIFF_INCREMENTAL_SAME_H

/*
 * Whether parts of two snapshots and estates say the same; places in files don't count. Every
 * member of the structures is looked at that has a say in what passes: who adds one, adds it
 * here (tests/unit/test_incremental.c holds their sizes). Internal to diff/.
 */

#include "base/map.h"
#include "model/estate.h"
#include "model/path.h"

bool same_text(const char *a, const char *b);
bool same_match(const struct match *a, const struct match *b); /* by hash; NULL is one value */
bool same_names(const char *const *a, size_t na, const char *const *b, size_t nb);
bool same_hook(const struct hook *a, const struct hook *b); /* but for the ruleset */
bool same_route(const struct route *a, const struct route *b);
bool same_route_rule(const struct route_rule *a, const struct route_rule *b);
bool same_nat(const struct nat *a, const struct nat *b);

/* Both were made of the same bytes: whoever reads sources gives them one body. */
bool same_body(const struct device *a, const struct device *b);
/* All but rulesets, hooks, routes, route rules and translations. */
bool same_device(const struct device *a, const struct device *b);

bool same_zone(const struct zone *a, const struct zone *b);
bool same_path(const struct estate_path *a, const struct estate_path *b);
bool same_binding(const struct binding *a, const struct binding *b);
bool same_link(const struct estate_link *a, const struct estate_link *b);
bool same_source(const struct estate_source *a, const struct estate_source *b);

/*
 * Whether two paths were found, and meet the same all along: equal rulesets at equal places,
 * equal translations and conditions. An unknown in what was not made of the same bytes is never
 * the same.
 */
struct same_memo {
	struct map rulesets;
};
bool same_ways(struct same_memo *m, const struct path *a, const struct path *b);

#endif
