/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_SARIF_RULES_H
#define REPORT_SARIF_RULES_H

/* The parts of a SARIF log that describe the tool and its inputs. All give new references. */

#include <jansson.h>

/* tool.driver with every check that ran as a rule. */
json_t *sarif_driver(const json_t *doc);
/* One taxonomy a framework, its controls as taxa. NULL where the policy names no controls. */
json_t *sarif_taxonomies(const json_t *doc);
/* A reference to the taxon that a control became. */
json_t *sarif_taxon(const json_t *control);

/* "error", "warning", "note". */
const char *sarif_level(const char *severity);
/* What GitHub sorts severities by: "9.5", "8.0", "5.5", "2.0". */
const char *sarif_score(const char *severity);

/* Sets obj[key] to {"text": s}, or to at most max bytes of it (0: all). */
void sarif_put_message(json_t *obj, const char *key, const char *s, size_t max);

#endif
