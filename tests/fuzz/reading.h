/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_READING_H
#define TESTS_FUZZ_READING_H

/* What every target that gives a collector untrusted bytes does. All here, so that a target is
 * one file. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "model/interp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct arena *arena;
	struct diags diags;
	const struct source *src; /* NULL: the bytes aren't even a text */
	struct snapshot *snap;	  /* NULL: not read */
	int err;		  /* what the collector gave */
};

static inline void reading_start(struct reading *r, const char *file, const uint8_t *data,
				 size_t size)
{
	*r = (struct reading){ .arena = arena_create() };
	diags_init(&r->diags, r->arena);
	if (source_from_bytes(r->arena, &r->diags, file, data, size, &r->src))
		r->src = NULL;
}

/* Where there is a source: one account comes of it, and no failure without a diagnostic. */
static inline void reading_run(struct reading *r, const struct collector *c)
{
	if (!r->src)
		return;
	r->snap = snapshot_create();
	struct collect collect = { .snap = r->snap,
				   .diags = &r->diags,
				   .device = "device",
				   .plane = c->plane,
				   .sources = &r->src,
				   .n_sources = 1 };
	r->err = c->read(&collect, r->src);
	if (r->snap->accounts.n != 1 || (r->err && !r->diags.n_errors))
		abort();
	c->probe(r->src->data, r->src->size, r->src->name);
}

static inline const struct account *reading_account(const struct reading *r)
{
	return r->snap->accounts.v[0];
}

static inline void reading_done(struct reading *r)
{
	if (r->snap)
		snapshot_destroy(r->snap);
	diags_finish(&r->diags);
	arena_destroy(r->arena);
}

/* A certain permit is a possible one, of either family. */
static inline void reading_ask(const struct ruleset *rs, struct packet p)
{
	for (p.family = FAMILY_V4; p.family < FAMILY_COUNT; p.family++) {
		struct interp_answer a = interp(rs, &p);
		if (a.sure && !a.maybe)
			abort();
	}
}

#endif
