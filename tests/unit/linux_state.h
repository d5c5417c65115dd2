/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LINUX_STATE_H
#define TESTS_LINUX_STATE_H

/* States of a Linux host for tests: a plain host, of which a test says what is otherwise. */

#include <stdbool.h>

#include "base/text.h"

/* Text without blanks between tokens; single quotes stand for double ones. NULL: the plain one. */
struct linux_state {
	const char *head;  /* in place of all but `parts` */
	const char *links; /* further ones, each behind a comma; lo, eth0 and eth1 are there */
	const char *addresses, *routes, *nexthops, *rules, *neighbours;
	const char *bridge, *traffic_control, *xfrm;
	const char *sysctls; /* further ones, each behind a comma */
	const char *nftables, *iptables, *ebtables, *ipsets; /* the part's members */
	const char *lacks; /* the part of this name is left out */
	const char *edits; /* the part of this name has another digest */
	bool pretty;	   /* blanks and line ends between tokens */
};

/* The file's text, to be freed with text_finish(). */
void linux_state(struct text *t, const struct linux_state *s);

#endif
