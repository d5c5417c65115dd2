/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_JUDGE_H
#define TESTS_ORACLE_JUDGE_H

/*
 * The project's side: what is loaded is listed the way a user lists it, read by the
 * collectors, and asked by the interpreter and by sets for every packet.
 */

#include "model/interp.h"
#include "model/lower.h"
#include "model/path.h"
#include "tests/oracle/kernel.h"

enum { SEATS = 24 };

/* A ruleset as seen from one place, with its sets of both families. */
struct seat {
	struct stage at;
	struct lowered low[FAMILY_COUNT];
	bool ready[FAMILY_COUNT];
};

struct judge {
	struct arena *arena; /* owned, with everything below */
	struct diags diags;
	struct snapshot *snap;
	struct pset_space *space[FAMILY_COUNT];
	struct seat seats[N_IN + 1][N_OUT + 1][SEATS];
	size_t n_seats[N_IN + 1][N_OUT + 1];
	bool seated;
	bool tainted;
	const char *taint;	   /* why, of the first; NULL: none */
	size_t n_exact, n_bounded; /* rules */
	size_t n_rejected;
};

/* How the loaded script is listed and read. */
enum reading {
	READ_NFT,      /* nft -j list ruleset */
	READ_IPTABLES, /* iptables-save of both families, ipset save, nft beside it */
	READ_LINUX,    /* plumbline collect linux */
};

struct answer {
	bool sure, maybe;	    /* by the rules */
	bool set_sure, set_maybe;   /* by the sets */
	bool spent;		    /* the sets did not fit their memory */
	const struct seat *decides; /* the first that surely denies, or isn't sure */
	const struct rule *rule;    /* there; NULL: its default */
	bool nat;		    /* a translation may touch it */
};

/* 0, or a negative errno after printing why to stderr. */
int judge_open(struct judge *j, const struct script *s, enum reading how);
void judge_close(struct judge *j);
struct answer judge_packet(struct judge *j, const struct shot *shot);
/* The same for a packet that crosses from one interface to another; "self": the host. */
struct answer judge_way(struct judge *j, const char *iif, const char *oif,
			const struct packet *p);
/* For people: the answer and what decides. */
void judge_say(const struct answer *a, struct text *t);

#endif
