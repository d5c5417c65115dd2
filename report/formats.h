/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_FORMATS_H
#define REPORT_FORMATS_H

/* The formats, one file each; report/render.c lists them. */

#include "report/report.h"

extern const struct report_format report_text;
extern const struct report_format report_json;
extern const struct report_format report_sarif;

#endif
