/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_EVENTS_H
#define REPORT_EVENTS_H

/*
 * What happens in a long run of `sample`, as it happens: one JSON object a line
 * (docs/events.schema.json). Times are nanoseconds since 1970.
 */

#include "base/text.h"
#include "diff/results.h"

/* What is judged by. */
struct event_standing {
	const char *estate, *policy, *policy_version; /* NULL: not said */
	const char *digest;
};

struct event_period {
	int64_t begin, end;
	const struct results *results; /* with the period's statement */
	const char *digest;	       /* of what it was judged by */
	const char *document;	       /* where it was written; NULL: nowhere */
	const char *const *removed;    /* documents */
	size_t n_removed;
};

/* Each appends one line. */
void event_start(struct text *t, int64_t at, const struct event_standing *s,
		 const char *const *inputs, size_t n_inputs);
/* A finding that the run hadn't told yet, with what was seen of it until then. */
void event_finding(struct text *t, int64_t at, const struct finding *f);
void event_period(struct text *t, int64_t at, const struct event_period *p);
/* The estate was read again; s is what judges from now on. why: NULL where that is the new one,
 * otherwise why the earlier one stays. */
void event_reload(struct text *t, int64_t at, const struct event_standing *s, const char *why);
void event_end(struct text *t, int64_t at, int exit_code, const char *reason);

#endif
