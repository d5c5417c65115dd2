/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MATRIX_H
#define MODEL_MATRIX_H

/*
 * A service matrix: all addresses of a family in classes that behave alike for one service,
 * as source and as destination, and which class may begin a conversation with which. It is the
 * coarsest such partition: two addresses are of one class exactly when no other address can
 * tell them apart. (Diekmann et al., "Verified iptables Firewall Analysis", IFIP Networking
 * 2016, compute the same from a simplified firewall.)
 */

#include "model/path.h"
#include "model/pset.h"

enum { MATRIX_CLASSES_MAX = 2048, MATRIX_SPANS_MAX = 50000 };

/* What is asked for. */
struct matrix_service {
	uint8_t proto;
	struct range sport, dport; /* of protocols with ports */
	struct range icmp_type;	   /* of ICMP and ICMPv6 */
};

/*
 * "tcp/22", "udp/53", "tcp/10000:22" (source port first), "tcp/8000-8080", "icmp/8", "esp".
 * False with *ret_why (a literal) where it is not one.
 */
bool matrix_service_parse(const char *s, struct matrix_service *ret_service,
			  const char **ret_why);

enum matrix_cell { MATRIX_DENY, MATRIX_MAYBE, MATRIX_PERMIT };

struct matrix_class {
	const struct span *spans; /* ascending */
	size_t n;
};

struct matrix {
	const struct matrix_class *classes; /* by their first address */
	size_t n;
	const uint8_t *cells; /* enum matrix_cell; [from * n + to] */
};

/*
 * Of the stages that a packet meets (all must permit), in the space's family; everything lives
 * in the arena. A cell says PERMIT where every packet of the service surely passes, whatever
 * else is in it that the service leaves open, and DENY where none may. First packets only.
 * -EFBIG: more classes or spans than the limits above; -ENOMEM: the space's budget is spent;
 * -ENOENT: the family has no such packets (ICMPv6 in IPv4).
 */
int matrix_of(struct arena *a, struct pset_space *sp, const struct stage *stages, size_t n,
	      const struct matrix_service *s, struct matrix *ret_matrix);

#endif
