/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_LIVE_H
#define COLLECTORS_LIVE_H

/*
 * The live state of a Linux host, or of one of its network namespaces, as one JSON document
 * (docs/linux-state.md). Reading changes nothing: nothing is created, loaded or reset.
 *
 * What could not be read, and what can't be relied on, is a problem of the document with its
 * part, kind and reason, never left out without a word.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"

struct live;

/*
 * Enters the namespace netns (a name of /run/netns, or a process id; NULL: the caller's own)
 * and reads all of it. The calling thread stays in that namespace. 0, or a negative errno
 * after a diagnostic: live.netns-unknown (-ENOENT), live.netns-denied, live.netns-failed.
 * Every problem found is reported as a warning live.KIND. Texts live in the arena; the caller
 * destroys *ret.
 */
int live_collect(struct arena *a, struct diags *d, const char *netns, struct live **ret);
void live_destroy(struct live *l); /* NULL is fine */

/* No problem was met. */
bool live_complete(const struct live *l);

/* The document; version is the program's, started and ended are RFC 3339 texts. */
void live_print(const struct live *l, const char *version, const char *started,
		const char *ended, struct text *t);

/* How long a program that is run may take before it is killed, in seconds. */
enum { LIVE_RUN_SECONDS = 300 };

#endif
