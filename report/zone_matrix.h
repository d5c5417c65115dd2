/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_ZONE_MATRIX_H
#define REPORT_ZONE_MATRIX_H

/*
 * Zones by zones: one letter for every pair, and zones for which everything is the same told
 * as one. What `check` prints, what its document has as "matrix", and what `show --format svg`
 * draws. docs/views.md explains it to people.
 */

#include <jansson.h>
#include <stdint.h>

#include "diff/results.h"

/* The letters, from the one that needs most attention on. */
enum pair_letter {
	PAIR_GRAVE = 'X',	 /* misaligned: a critical or high finding */
	PAIR_WRONG = 'x',	 /* misaligned: medium and low findings */
	PAIR_OPEN = '?',	 /* inconclusive */
	PAIR_EXCEPTED = 'e',	 /* aligned, but for findings that are excepted */
	PAIR_ONE_PHYSICAL = 'p', /* aligned, and only the physical plane filters */
	PAIR_ONE_VIRTUAL = 'v',	 /* aligned, and only the virtual plane does */
	PAIR_APART = 'n',	 /* aligned: declared as not connected */
	PAIR_ALIGNED = '.',
	PAIR_NOT_ASKED = '-', /* a zone with itself */
};

/* "X?.": all of them in the order above. */
extern const char pair_letters[];
/* What a letter stands for, a short phrase. "" for a character that is none. */
const char *pair_letter_says(char letter);

struct zone_matrix {
	size_t n;
	const char **names;
	const char **tenants; /* NULL: of none */
	bool *external;
	/* Row by row, from the row's zone to the column's. */
	char *cells;
};

/*
 * Of a check's results (frozen, with a policy). Zones of one tenant stand together, in the
 * policy's order. Points into the results. Never fails; finish frees.
 */
void zone_matrix_of(const struct results *res, struct zone_matrix *ret);
/* Of a document's "matrix". False where there is none or it contradicts itself. Points into it.
 */
bool zone_matrix_read(const json_t *matrix, struct zone_matrix *ret);
void zone_matrix_finish(struct zone_matrix *m);
/* {"zones", "legend", "rows"} */
json_t *zone_matrix_json(const struct zone_matrix *m);

/* The letter without what makes kinds of aligned pairs: p, v and n become '.'. */
char pair_letter_folded(char letter);

/*
 * Zones are one group where every pair of them with any other zone has the same letter, and so
 * have all pairs among them. So one letter tells all pairs of two groups.
 */
struct zone_groups {
	size_t n;
	uint32_t *of;	 /* by zone */
	uint32_t *first; /* by group: its first zone */
	uint32_t *count; /* by group: how many zones */
	bool by_tenant;	 /* no group has zones of two tenants */
	bool folded;	 /* the matrix was changed: kinds of aligned pairs are one letter */
	bool whole;	 /* every zone is a group of its own */
};

/*
 * Groups each zone by itself where there are at most `alone` of them; else within tenants
 * where that gives at most `most` groups, or else with all letters of m folded (which is said
 * in ret->folded), within tenants or else across. In the order of their first zones.
 */
void zone_groups_of(struct zone_matrix *m, size_t alone, size_t most, struct zone_groups *ret);
void zone_groups_finish(struct zone_groups *g);
/* The letter of the pairs from group a to group b; of a group of one with itself, its own. */
char zone_groups_cell(const struct zone_matrix *m, const struct zone_groups *g, size_t a,
		      size_t b);

#endif
