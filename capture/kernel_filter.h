/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_KERNEL_FILTER_H
#define CAPTURE_KERNEL_FILTER_H

/*
 * The kernel's part of sampling, live: a classic BPF program (filter(7), bpf(4)) that passes
 * everything between two tenants' addresses, everything that may hide it (tags, tunnels, what
 * isn't IP or has headers that the program doesn't walk, fragments), and 1 in N of the rest.
 * Attached by SO_ATTACH_FILTER on the socket itself, because libpcap runs its own filters again
 * in user space, where random loads fail. Where the predicates don't fit into 4,096
 * instructions they are widened step by step, and the last step passes all: never less.
 */

#include "base/arena.h"
#include "capture/identity.h"

struct sock_fprog;

struct kernel_filter {
	const struct sock_fprog *program;
	unsigned one_in;
	bool by_flow; /* by a hash of both ends, so that a flow is whole; otherwise per packet
		       */
	const char *text; /* what it passes, for the report; names the widening where there was
			     one */
};

/* Tenants' addresses of each family; shared tenants and zones without a tenant count as
 * baseline. */
void kernel_filter_build(struct arena *a, const struct policy *p, int dlt, unsigned one_in,
			 bool by_flow, struct kernel_filter *ret);

#endif
