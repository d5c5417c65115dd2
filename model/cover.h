/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_COVER_H
#define MODEL_COVER_H

/*
 * Questions about one ruleset in one family: is every packet that this rule may match surely
 * matched by some of those rules? By boxes where it can be told so, else by packet sets.
 */

#include "model/boxindex.h"
#include "model/pset.h"
#include "model/ruleset.h"

/*
 * What a box in the index is: surely matched (LO) or possibly (HI) by a rule that permits,
 * denies or does something else. A LO box is one that surely ends the walk through the
 * ruleset. Of an exact match it is both. COVER_ROUGH: the box contains what it stands for,
 * but the rule's match has to be asked.
 */
enum {
	COVER_LO_PERMIT = 1,
	COVER_LO_DENY = 2,
	COVER_LO_OTHER = 4,
	COVER_HI_PERMIT = 8,
	COVER_HI_DENY = 16,
	COVER_HI_OTHER = 32,
	COVER_ROUGH = 64,
	COVER_LO = COVER_LO_PERMIT | COVER_LO_DENY | COVER_LO_OTHER,
	COVER_HI = COVER_HI_PERMIT | COVER_HI_DENY | COVER_HI_OTHER,
};

/* A packet: its point and, made when it is first needed, a concrete one. */
struct cover_point {
	struct cell cell;
	bool made;
	struct packet packet;
	char iif[BOX_NAME], oif[BOX_NAME];
};

struct cover {
	const struct ruleset *rs;
	enum family family;
	struct box_names names;
	struct box_index *index;
	/* What each rule may match: cell[at[i]] up to cell[end[i]]; rough[i]: these cells
	 * contain it only. */
	struct cell *cell;
	uint32_t *at, *end;
	bool *rough;
	bool *skip; /* by rule: covers nothing (but still may match); the caller's to set */
	uint64_t random;
	struct pset_space *sp; /* made when it is first needed */
	/* How much work may still be done for this ruleset: boxes looked at, set operations,
	 * spaces filled up. What then isn't proved stays open. */
	size_t fuel, sets_left, spaces_left;
	struct cover_point hole;
	bool has_hole;
	/* scratch */
	VEC(struct cell) found;
	VEC(uint32_t) stack;
};

void cover_init(struct cover *c, const struct ruleset *rs, enum family f);
void cover_finish(struct cover *c);

/* Rules from..to-1 by their boxes of these kinds. */
struct cover_part {
	uint32_t from, to;
	unsigned kinds;
};

/* A packet that the rule may match; false where none was found at the first try. */
bool cover_draw(struct cover *c, uint32_t rule, struct cover_point *ret);
/* A packet of a cell. */
void cover_draw_cell(struct cover *c, const struct cell *cell, struct cover_point *ret);
const struct packet *cover_packet(struct cover *c, struct cover_point *p);
/* A packet of the rule for people; false where the rule's boxes are not its match. */
bool cover_plain(struct cover *c, uint32_t rule, struct cover_point *ret);

/* Whether a rule of the part matches the packet; the lowest one. */
bool cover_hit(struct cover *c, struct cover_point *p, struct cover_part part);
bool cover_first(struct cover *c, struct cover_point *p, struct cover_part part,
		 uint32_t *ret_rule);
/* Whether one box of the part holds the whole cell; the lowest such rule. */
bool cover_single(struct cover *c, const struct cell *cell, struct cover_part part,
		  uint32_t *ret_rule);

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_OPEN };

/*
 * Whether the rule's packets (with, unless it is UINT32_MAX: those that the other rule may
 * match too) are all surely matched by rules of the parts. After a No, c->hole may be one
 * that isn't (has_hole).
 */
enum answer cover_proof(struct cover *c, uint32_t rule, uint32_t with,
			const struct cover_part *parts, size_t n);

/* Calls visit for rules of the part that may share packets with the rule, some twice. */
bool cover_each(struct cover *c, uint32_t rule, struct cover_part part,
		bool (*visit)(void *user, uint32_t rule), void *user);

/* Whether the rule can match no packet at all. */
enum answer cover_empty(struct cover *c, uint32_t rule);

#endif
