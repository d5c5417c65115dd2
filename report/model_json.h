/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_MODEL_JSON_H
#define REPORT_MODEL_JSON_H

/* What the documents of `check` and of `show` have in common. All give new references. */

#include <jansson.h>

#include "base/diag.h"
#include "diff/results.h"
#include "model/snapshot.h"

/*
 * One object a source, by name: what was read of it and by whom, and the account of its
 * units, with place and text of every one that is bounded or rejected.
 */
json_t *sources_json(const struct snapshot *snap);

/* The diagnostics by place; those over the cap are counted by code in the second. */
json_t *diags_json(const struct diags *d);
json_t *diags_left_json(const struct diags *d);

/* A packet, field by field and as text; and who decides. */
json_t *packet_json(const struct packet *p);
json_t *evidence_json(const struct evidence *e);

#endif
