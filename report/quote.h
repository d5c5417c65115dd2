/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_QUOTE_H
#define REPORT_QUOTE_H

/*
 * Quotes a line of a source as compilers do:
 *
 *	  --> edge/asa.cfg:12:13
 *	   |
 *	12 | access-list outside_in extended permit ip any any
 *	   |             ^^^^^^^^^^
 */

#include "report/page.h"
#include "report/place.h"

/*
 * `indent` blanks in front of every line, the marks in the colour given. Tabs become one
 * blank, so that marks stand below what they mean; a line wider than the page is folded, one
 * that is much wider is cut round the marks. A place without text gives only its first line;
 * one without any place gives nothing.
 */
void quote_put(struct text *t, struct report_style st, unsigned indent, const struct place *p,
	       enum ink ink);

/* The same without the first line, for when the place was already told. */
void quote_line_put(struct text *t, struct report_style st, unsigned indent,
		    const struct place *p, enum ink ink);

#endif
