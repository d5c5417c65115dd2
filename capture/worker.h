/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_WORKER_H
#define CAPTURE_WORKER_H

/*
 * The process that sees packets. Files are opened, or the interface with CAP_NET_RAW, by the
 * caller's process; then a child is forked that gives up all capabilities, locks itself into
 * seccomp and Landlock, and decodes. Only records of a fixed size come back through a pipe, and
 * every one is checked. A child that dies leaves an inconclusive run.
 *
 * libpcap (pcap(3PCAP)); TPACKET_V3 of packet(7) through it; seccomp(2), landlock(7),
 * capabilities(7).
 */

#include <signal.h>

#include "base/diag.h"
#include "capture/flows.h"

/* What to capture. Exactly one of files and interface. */
struct capture_input {
	const char *const *files; /* names; "-" is standard input */
	size_t n_files;
	const char *interface;
	const char *netns; /* name, path or pid; NULL: where we are */
	/* pcap-filter(7); NULL: none. The user's own narrowing, reported: what it leaves out is
	 * in no count. Asked in user space, behind the kernel's filter. */
	const char *expression;
	/* Of the kernel's filter, live: built from the policy (capture/kernel_filter.h); NULL:
	 * none. */
	const struct kernel_filter *filter;
	unsigned snaplen; /* 0: 256 */
	size_t buffer;	  /* bytes of the kernel's ring, live; 0: 16 MiB */
	uint64_t count;	  /* packets; 0: no bound */
	/* Of files, the time is that of the packets. */
	int64_t duration;     /* nanoseconds; 0: no bound */
	int64_t interval;     /* nanoseconds between RECORD_TICK; 0: none */
	size_t flows_max;     /* 0: 262,144 */
	size_t excerpt_bytes; /* of each first packet; 0: none */
	/* Set by a signal: the start isn't waited for any longer. NULL: none. */
	const volatile sig_atomic_t *stop;
};

struct capture_worker; /* the parent's end */

/*
 * Opens all and starts the child. For an interface the calling thread has no capabilities any
 * more afterwards. Files that can't be opened, aren't captures or have a link
 * type that isn't known are errors (capture.open, capture.format, capture.link-type, ...)
 * and are left out, *ret_lost counts them; the others are still read. Negative errno where
 * nothing can be captured, or where an interface was asked for and the child can't be locked in
 * (capture.sandbox): there is no capture without; -EINTR, and nothing said, where in->stop was
 * set before it was begun: standard input may keep the header waiting. For files, a missing sandbox is a warning
 * that names what is missing.
 */
int capture_start(struct arena *a, struct diags *d, const struct capture_input *in,
		  size_t *ret_lost, struct capture_worker **ret);

/*
 * Waits for records and hands them to the sink, until RECORD_TICK (1), RECORD_END (0), or
 * -EINTR: after a signal, a quarter of a second without records, and whenever what has come was
 * handed over, so that the caller can look at its flags, and go on or stop. RECORD_COUNTS comes
 * before each RECORD_TICK and RECORD_END; its received = processed + dropped by kernel and
 * interface. RECORD_FAULT goes to the sink, and is a diagnostic (a warning) as well. -EPROTO:
 * the child died or sent what isn't a record; why is a diagnostic (capture.worker).
 */
int capture_next(struct capture_worker *w, struct diags *d, flow_sink *sink, void *user);

/* Asks the child to stop: what it holds still comes, and then RECORD_END. */
void capture_stop(struct capture_worker *w);
/* Ends the period now: a RECORD_TICK comes whose number is how often this was asked, so that it
 * is told from those that come of themselves (which have the number of those before). From a
 * source that stands still it comes with the next packet. */
void capture_tick(struct capture_worker *w);
/*
 * Live: another kernel filter (NULL: none; the policy was read again), and the period ends as
 * by capture_tick(). What comes behind that RECORD_TICK was let through by the new filter, but
 * for what stood in the ring when it was attached.
 */
int capture_refilter(struct capture_worker *w, struct diags *d, const struct kernel_filter *f);
/* Ends the child, frees all. */
void capture_destroy(struct capture_worker *w);

/* How the child is held: "seccomp 12 calls, landlock 6, no capabilities" or what is missing. */
const char *capture_sandbox_text(const struct capture_worker *w);
/* The name by index of flow_record.interface; NULL for files, whose packets are all of
 * interface 0 (flow_record.file tells them apart). */
const char *capture_interface(const struct capture_worker *w, unsigned interface);

#endif
