/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

/* Diagnostics as people read them, from the run itself or from a document. */

#include "report/page.h"
#include "report/place.h"

/* "note", "warning", "error". */
const char *notice_severity(enum diag_severity s);
enum ink notice_ink(const char *severity);

/* "file:line:col: error: message [code]" and the quoted line. code NULL: none. */
void notice_put(struct text *t, struct report_style st, const char *severity, const char *code,
		const char *message, const struct place *at);

#endif
