/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "diff/incremental_same.h"

/*
 * Comparing two estates leaves out what is equal in both, and equality is told member by member.
 * A structure that has grown has a member that diff/incremental_same.c must look at (or may
 * leave out, for a reason): see to it, then correct the size here.
 */
Test(incremental, every_member_is_compared)
{
	cr_expect_eq(sizeof(struct port), 176);
	cr_expect_eq(sizeof(struct hook), 56);
	cr_expect_eq(sizeof(struct route), 120);
	cr_expect_eq(sizeof(struct route_rule), 112);
	cr_expect_eq(sizeof(struct nat), 160);
	cr_expect_eq(sizeof(struct taint), 48);
	cr_expect_eq(sizeof(struct device), 272);
	cr_expect_eq(sizeof(struct rule), 72);
	cr_expect_eq(sizeof(struct ruleset), 112);
	cr_expect_eq(sizeof(struct zone), 112);
	cr_expect_eq(sizeof(struct binding), 64);
	cr_expect_eq(sizeof(struct estate_hop), 80);
	cr_expect_eq(sizeof(struct estate_path), 104);
	cr_expect_eq(sizeof(struct estate_link), 64);
	cr_expect_eq(sizeof(struct estate_source), 104);
	cr_expect_eq(sizeof(struct estate), 160);
	cr_expect_eq(sizeof(struct stage), 56);
	cr_expect_eq(sizeof(struct way_step), 40);
	cr_expect_eq(sizeof(struct point), 248);
	cr_expect_eq(sizeof(struct route_way), 64);
}
