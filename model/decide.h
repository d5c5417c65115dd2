/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DECIDE_H
#define MODEL_DECIDE_H

/*
 * Which rule of a plain list decides, for any number of packets.
 *
 * The function from packets to rules is never held as one diagram: rules that take any source
 * and rules that take any destination would multiply. The list is split by (source any?,
 * destination any?) into at most four parts, each a diagram whose labels are the rules; the
 * first match is the smallest over the parts.
 *
 * One structure answers for one bound. Where conditions hold unknowns the caller says for
 * each rule which of its two sets counts: permits by lo and denies by hi tell what is surely
 * permitted, the other way round what may be.
 */

#include "model/lower.h"
#include "model/pset.h"
#include "model/ruleset.h"

struct decide_rule {
	const struct match *match;
	bool hi; /* by what it may match; otherwise by what it surely matches */
};

enum { DECIDE_NONE = -1 };

struct decide;

/*
 * Of n rules, the first on top; v is not kept, the expressions are not needed afterwards.
 * as: as for pset_lo(), NULL for nothing; the answers hold inside its universe. budget in
 * bytes, 0: 1 GiB. NULL where it is spent.
 */
struct decide *decide_create(enum family family, const struct decide_rule *v, size_t n,
			     const struct pset_assume *as, size_t budget);
/*
 * Of a ruleset: the answers are indices into rs->rules. Inactive rules and those that decide
 * nothing are passed over; a rule whose verdict is unknown counts by hi. NULL also where the
 * list calls others or returns.
 */
struct decide *decide_ruleset(enum family family, const struct ruleset *rs,
			      const struct pset_assume *as, enum bound bound, size_t budget);
void decide_destroy(struct decide *d);

/* The index of the first rule that matches; DECIDE_NONE where none does. */
int64_t decide_packet(const struct decide *d, const struct packet *p);
/* The same for n packets at once, which is faster than one by one. */
void decide_packets(const struct decide *d, const struct packet *p, size_t n, int64_t *ret);

size_t decide_bytes(const struct decide *d);
void decide_size(const struct decide *d, size_t *ret_parts, size_t *ret_nodes,
		 size_t *ret_words);

#endif
