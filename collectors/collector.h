/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_COLLECTOR_H
#define COLLECTORS_COLLECTOR_H

/*
 * A collector turns one vendor's text or JSON into devices of a snapshot. It is one file with
 * one const table, named once in collectors/list.c. docs/adding-a-collector.md tells how.
 *
 * What a collector owes: every line of the source is counted once in the account; what it
 * doesn't understand becomes an unknown condition, an UNKNOWN verdict, or a taint of the
 * device, and is named; it never guesses and never stops at the first bad line.
 */

#include "base/diag.h"
#include "base/source.h"
#include "model/snapshot.h"

enum { COLLECTOR_LIVE = 1 /* reads this host, is never probed */ };

struct collect {
	struct snapshot *snap;
	struct diags *diags;
	const char *device; /* the name to give the device (the source's in the estate) */
	enum plane plane;
	/* All sources that belong to the same estate entry, for collectors that need several
	 * files at once (a folder of cloud exports): read is called once, with src the first. */
	const struct source *const *sources;
	size_t n_sources;
};

struct collector {
	const char *name;      /* "asa", as in --collector asa */
	const char *summary;   /* one line for `plumbline list collectors` */
	enum plane plane;      /* default; the estate may say otherwise */
	unsigned flags;
	/* 0 no .. 100 certain, from the first bytes (normalised text) and the file name */
	int (*probe)(const char *head, size_t len, const char *filename);
	/*
	 * 0, or a negative errno after an error diagnostic when the source could not be read
	 * to its end; what was read before stays in the snapshot, with the account marked
	 * failed.
	 */
	int (*read)(struct collect *c, const struct source *src);
	/* All files of one estate entry are read by one call. */
	bool whole;
};

/* NULL-terminated, in the order of `plumbline list collectors`. */
extern const struct collector *const collectors[];

const struct collector *collector_find(const char *name);

/*
 * The collector for a source: by name where that isn't NULL, else the best probe. NULL after
 * a diagnostic: collector.unknown-name (with the nearest), collector.unknown-vendor,
 * collector.tie (names both).
 */
const struct collector *collector_choose(struct diags *d, const struct source *src,
					 const char *name);

/*
 * Reads the sources of one estate entry (n >= 1) with col as device `name`. Accounts are
 * checked: their classes add up, every source has one. 0 or the first negative errno.
 */
int collector_run(const struct collector *col, struct snapshot *snap, struct diags *d,
		  const char *name, enum plane plane, const struct source *const *v, size_t n);

#endif
