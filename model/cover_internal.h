/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_COVER_INTERNAL_H
#define MODEL_COVER_INTERNAL_H

/* Questions to the index, as cover.c and cover_prove.c put them. */

#include "model/cover.h"

/* Whether the question is about what the box's rule surely matches. */
static inline bool cover_asks_lo(const struct cell *question, const struct cell *x)
{
	return question->kinds & x->kinds & COVER_LO;
}

/* Skipped rules cover nothing, but they still may match. */
static inline bool cover_skipped(const struct cover *c, const struct cell *question,
				 const struct cell *x)
{
	return c->skip[x->lo[AXIS_RULE]] && cover_asks_lo(question, x);
}

/* The cell as a question about the part; false where the part is empty. */
static inline bool cover_ask(struct cell *q, struct cover_part part)
{
	q->lo[AXIS_RULE] = (int32_t)part.from;
	q->hi[AXIS_RULE] = (int32_t)part.to - 1;
	q->kinds = (uint8_t)part.kinds;
	return part.from < part.to && part.kinds;
}

#endif
