/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_WORKER_INTERNAL_H
#define CAPTURE_WORKER_INTERNAL_H

/*
 * Between the two processes, and between the parts of the one that reads packets.
 *
 * What goes through the pipe: record after record (worker_wire.c); behind those of
 * RECORD_EXCERPT, RECORD_COUNTS, RECORD_FAULT and RECORD_READY a uint32_t and so many bytes.
 * What goes back is memory that both have: the reader of packets looks at it, and the parent
 * never believes a word of it.
 */

#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdatomic.h>

#include "capture/sandbox.h"
#include "capture/worker.h"

enum {
	RECORD_READY = 64, /* the first of all: struct ready */
	MORE_MAX = 65536,  /* bytes behind one record */
	FAULT_TEXT = 384,  /* bytes of a fault's text, without a NUL */
	FILTER_MAX = 4096, /* BPF_MAXINSNS, as the kernel has it */
	WIRE_MOST = 512,   /* bytes of a record in the pipe */
};

#define NO_FILE UINT64_MAX /* of a fault that is about none */

/* What a RECORD_FAULT is about: its record's ethertype. */
enum fault {
	FAULT_FORMAT = 1, /* not a capture */
	FAULT_LINK_TYPE,
	FAULT_EXPRESSION, /* can't be asked of this link type */
	FAULT_CUT,	  /* a source ended before its end */
	FAULT_NETNS,
	FAULT_PERMISSION,
	FAULT_INTERFACE,
	FAULT_SANDBOX,
	FAULT_FILTER, /* the kernel refused it */
	FAULT_COUNTS, /* what came and what went don't add up */
	FAULT_OPEN,   /* a file, before anything of it was judged */
	FAULT_EMPTY,  /* a file without a packet */
	FAULT_COUNT
};

struct ready {
	uint32_t lost;	 /* files */
	uint32_t failed; /* enum fault, live: nothing can be captured */
	uint32_t locked; /* 1: all of the sandbox is in force */
	char sandbox[SANDBOX_TEXT];
};

/* Written by the parent alone. */
struct orders {
	atomic_uint stop;
	atomic_uint tick; /* how often a period was to end at once */
	/* Even: filter is whole; odd: it is being written. Changed: there is another. */
	atomic_uint filter_turn;
	uint32_t n_filter;
	struct sock_filter filter[FILTER_MAX];
};

/* The user's expression, once for each link type that it can be asked of. */
struct expression {
	int dlt;
	struct bpf_program program;
};

enum { EXPRESSIONS = 16 };

struct child {
	const struct capture_input *in;
	const int *fds; /* of the files, as they are named; -1: lost */
	const struct expression *expressions;
	size_t n_expressions;
	struct orders *orders;
	/* What goes out. */
	int out;
	uint8_t *batch;
	size_t n_batch;
	/* What comes in. */
	int dlt;
	const struct bpf_program *expression; /* of the link type; NULL: none */
	uint64_t file, number, left_out;      /* left_out: by the expression */
	unsigned ticked;		      /* of orders->tick, how many were followed */
	bool full;			      /* as many packets as were asked for */
	struct flows *flows;
	struct decoded *place; /* of the next packet */
	struct capture_counts counts;
};

/* ---- worker_faults.c */

/* A RECORD_FAULT as a diagnostic, and in results (*ret_text, of the diagnostics' arena); its file
 * becomes one of `in`. -EPROTO: it isn't one. */
int fault_tell(struct diags *d, const struct capture_input *in, struct flow_record *r,
	       const uint8_t *more, uint32_t n, const char **ret_text);
/* Live: nothing can be captured for it. A negative errno. */
int fault_fail(struct diags *d, const struct capture_input *in, enum fault what,
	       const char *text);
/* Words from the other side: one line of plain text. */
const char *fault_text(struct arena *a, const uint8_t *text, uint32_t n);

/* ---- worker_child.c */

/* Decodes until there is no more, or until it is asked to stop; never returns. */
_Noreturn void child_run(struct child *c);
_Noreturn void child_leave(void); /* without having begun */
/* One packet, whose bytes stay until child_settle(); afterwards c->full says whether it was the
 * last that is wanted. */
void child_packet(struct child *c, const uint8_t *bytes, uint32_t caplen, uint32_t len,
		  int64_t at);
/* What was decoded goes to its flows. */
void child_settle(struct child *c);
/* The link type that packets have from now on; false: the expression can't be asked of it. */
bool child_link(struct child *c, int dlt);
/* Ends a period: everything counted goes out, and the totals. */
void child_tick(struct child *c, int64_t at);
void child_fault(struct child *c, enum fault what, uint64_t file, const char *text);
/* A period was to end at once; the call takes the order. */
bool child_tick_asked(struct child *c);
/* What was batched goes out now. */
void child_push(struct child *c);
static inline bool child_stopped(const struct child *c)
{
	return atomic_load_explicit(&c->orders->stop, memory_order_acquire) != 0;
}
/* Locks the process in: r->locked, r->sandbox. */
void child_lock(const struct child *c, struct ready *r);
void child_ready(struct child *c, const struct ready *r);

/* ---- worker_wire.c */

/* The end that takes records. All zero at first. */
struct wire {
	struct flow_record *record; /* the last that came, of the two: */
	struct flow_record plain;   /* its tunnels and its quote stay empty */
	struct flow_record whole;
};

/* At most WIRE_MOST bytes: how many. */
size_t wire_put(uint8_t *to, const struct flow_record *r);
/* The record that the bytes begin with, to w->record: how many they were; 0: it isn't there in
 * whole; -EPROTO: it can't be one. What its fields hold was not looked at. */
int wire_take(struct wire *w, const uint8_t *from, size_t left);
static inline bool wire_has_more(uint8_t kind)
{
	return kind == RECORD_EXCERPT || kind == RECORD_COUNTS || kind == RECORD_FAULT ||
	       kind == RECORD_READY;
}

/* ---- worker_live.c */

/* A counter that is somebody else's, who may begin from zero again. */
struct counter {
	uint64_t last, sum; /* sum: what was counted since the first reading; never goes back */
	bool known;	    /* it was read at least once */
};

/* False: it went back, so that the sum may lack what was counted before it did. */
bool counter_read(struct counter *c, uint64_t now);

/* ---- worker_files.c, worker_live.c: return when there is no more */
void child_files(struct child *c);
void child_live(struct child *c);

#endif
