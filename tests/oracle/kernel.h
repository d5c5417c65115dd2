/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_KERNEL_H
#define TESTS_ORACLE_KERNEL_H

/*
 * The kernel's side: a network namespace of this process's own with a router in it, whose
 * interfaces are TUN devices that we hold. A packet written to one is forwarded or dropped
 * before write() returns, so that reading the others says at once what became of it: no
 * clock, no receiver that could be late.
 *
 *	in0, in1	packets come in (and answers of the router go out)
 *	out0		routed to: 10.0.0.0/23, fd00::/112
 *	out1		everything else
 *
 * The host itself is 10.0.3.5 and fd00::2:5. What gets that far is read from raw sockets, and
 * what it sends itself is given to one.
 */

#include "tests/oracle/script.h"
#include "tests/oracle/wire.h"

/* One more of each is the host itself. */
enum { N_IN = 2, N_OUT = 2, IN_SELF = N_IN, OUT_SELF = N_OUT, BATCH = 64, N_RAW = 8 };

extern const char *const in_names[N_IN + 1], *const out_names[N_OUT + 1];

struct kernel {
	int in[N_IN], out[N_OUT];
	int raw[FAMILY_COUNT][N_RAW]; /* take what is to the host, by protocol */
	int sender[FAMILY_COUNT];     /* takes whole packets to send */
	unsigned epoch;		      /* of the packets' ids */
	bool used[PART_COUNT];	      /* something was loaded by it since all was cleared */
	size_t strange;		      /* came out by another interface than the routes say */
};

/* Output of a child, kept whole. */
struct ran {
	int status; /* exit status, 128 + signal, 127 where it can't be run */
	struct text out, err;
};

/*
 * Runs a program with the text as its standard input and waits for it. TZ=UTC, LC_ALL=C.
 */
void run_child(const char *const *argv, const struct text *in, struct ran *ret);
void ran_finish(struct ran *r);
/* The same for a shell command without input; true where it succeeds. */
bool run_shell(const char *command);

/* Moves this process into a new namespace and builds the router. 0 or a negative errno. */
int kernel_open(struct kernel *k);
void kernel_close(struct kernel *k);

/*
 * Puts the shot to its place: in by one of the interfaces or sent by the host itself, and out
 * as the routes say. Packets that are to the host are changed where they must be (no fragments,
 * a protocol that somebody listens to), those from its own address where they would be refused.
 */
void kernel_place(struct rng *r, struct shot *shot);

/* Nothing filters any more: all rulesets, sets and connections are gone. */
bool kernel_clear(struct kernel *k);
/*
 * Loads every part of the script. Free lines that a tool refuses are marked as removed, and the
 * rest is loaded. NULL, or what the tool said (in the script's arena).
 */
const char *kernel_load(struct kernel *k, struct script *s);

/* Sends n (at most BATCH) packets; which arrived. */
void kernel_send(struct kernel *k, const struct shot *v, size_t n, bool *ret_arrived);

/* Forgets all connections (NFNL_SUBSYS_CTNETLINK). */
int kernel_forget(void);

#endif
