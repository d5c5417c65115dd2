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
void kernel_filter_build(struct arena *a, const struct policy *p, unsigned one_in, bool by_flow,
			 struct kernel_filter *ret);

enum {
	KERNEL_FILTER_MAX = 4000, /* instructions of a built one */
	KERNEL_FILTER_EXTRA = 3,  /* that kernel_filter_place() puts before them */
};

/*
 * Programs are built for frames that begin with an Ethernet header. Here it becomes one for a
 * socket on another link: offsets move, the EtherType is asked of the kernel, and a VLAN tag
 * that the kernel has taken off the frame is asked for first. to has room for n +
 * KERNEL_FILTER_EXTRA; gives how many there are.
 */
struct sock_filter;
size_t kernel_filter_place(const struct sock_filter *v, size_t n, int dlt,
			   struct sock_filter *to);

#endif
