/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_SANDBOX_H
#define CAPTURE_SANDBOX_H

/*
 * What the process that reads packets gives up before the first: all capabilities
 * (capabilities(7)), new privileges (PR_SET_NO_NEW_PRIVS), files, processes and memory beyond
 * its need (setrlimit(2)), the file system and the network (landlock(7), nothing is allowed),
 * and every system call but a few (seccomp(2): the kernel kills what asks for another).
 * The calling process can't go back.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	SANDBOX_CALLS_MAX = 15,
	SANDBOX_TEXT = 256, /* bytes with the NUL */
};

struct sandbox {
	bool live;     /* also what a packet socket needs; otherwise what a file does */
	size_t memory; /* bytes that may be taken on top of what is mapped now */
	/* What is in force: */
	unsigned calls; /* 0: seccomp isn't */
	int landlock;	/* the version of its ABI; 0: it isn't */
	bool capabilities, limits;
	char text[SANDBOX_TEXT]; /* "seccomp 11 calls, landlock 7, no capabilities", or what
				    is missing */
};

/*
 * The descriptors 0, 1 and 2 must be open, so that the limit on them leaves no free number.
 * 0: all of it is in force. Otherwise the negative errno of the first part that isn't; the
 * others are in force.
 */
int sandbox_enter(struct sandbox *s);

/*
 * Every capability of the calling thread out of every set, also of those that a program could
 * get back. Where the bounding set can't be made smaller for want of CAP_SETPCAP, what is left
 * there is out of reach once no_new_privs is set. 0 or a negative errno.
 */
int capabilities_drop(void);

#endif
