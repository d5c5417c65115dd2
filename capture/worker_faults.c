/* SPDX-License-Identifier: Apache-2.0 */
/* What the process that reads packets says of its sources, in words for people. */
#include "capture/worker_internal.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *code, *text;
	int err;
	bool lost;	  /* nothing of the source is read: an error, otherwise a warning */
	const char *todo; /* of a file; NULL: that goes without saying */
} faults[FAULT_COUNT] = {
	[FAULT_FORMAT] = { "capture.format", "not a capture that can be read", EINVAL, true,
			   "pcap and pcapng are read, and not when they are compressed" },
	[FAULT_LINK_TYPE] = { "capture.link-type", "packets of this link type aren't decoded",
			      EPROTONOSUPPORT, true,
			      "Ethernet, plain IP, Linux cooked, loopback and PPP are" },
	[FAULT_EXPRESSION] = { "capture.expression",
			       "the filter expression can't be asked of this link type", EINVAL,
			       true, "judge this file in a run without --filter" },
	[FAULT_CUT] = { "capture.cut", "it ended before its end", EIO, false,
			"what came before is judged; copy it again, or end what writes it "
			"first" },
	[FAULT_NETNS] = { "capture.netns", "the network namespace can't be entered", ENOENT },
	[FAULT_PERMISSION] = { "capture.permission", "not permitted", EPERM },
	[FAULT_INTERFACE] = { "capture.interface", "the interface can't be opened", ENODEV },
	[FAULT_SANDBOX] = { "capture.sandbox", "nothing is captured without all of the sandbox",
			    EPERM },
	[FAULT_FILTER] = { "capture.kernel-filter", "the kernel refused the filter", EINVAL },
	[FAULT_COUNTS] = { "capture.counts", "what came and what went don't add up", EPROTO },
	[FAULT_OPEN] = { "capture.open", "it can't be read", EIO, true },
	[FAULT_EMPTY] = { "capture.no-packets", "there is no packet in it", ENODATA, false,
			  "look whether it was captured at the right place, and its filter" },
};

static const char *source_name(const struct capture_input *in, uint64_t file)
{
	if (in->interface)
		return in->interface;
	return file < in->n_files
		       ? strcmp(in->files[file], "-") ? in->files[file] : "standard input"
		       : "the captures";
}

const char *fault_text(struct arena *a, const uint8_t *text, uint32_t n)
{
	n = n < FAULT_TEXT ? n : FAULT_TEXT;
	char *s = arena_alloc(a, n + 1);
	for (uint32_t i = 0; i < n; i++)
		s[i] = text[i] >= ' ' && text[i] < 127 ? (char)text[i] : '?';
	return s;
}

int fault_tell(struct diags *d, const struct capture_input *in, struct flow_record *r,
	       const uint8_t *more, uint32_t n, const char **ret_text)
{
	if (r->ethertype < FAULT_FORMAT || r->ethertype >= FAULT_COUNT ||
	    (!in->interface && r->file >= in->n_files))
		return -EPROTO;
	const char *why = fault_text(d->arena, more, n), *name = source_name(in, r->file);
	const char *todo = in->interface ? NULL : faults[r->ethertype].todo;
	*ret_text = arena_printf(d->arena, "%s (%s)", faults[r->ethertype].text, why);
	if (faults[r->ethertype].lost && !in->interface)
		diag_error(d, faults[r->ethertype].err, faults[r->ethertype].code, LOC_NONE,
			   "%s: %s%s%s", name, *ret_text, todo ? "; " : "", todo ? todo : "");
	else
		diag_warning(d, faults[r->ethertype].code, LOC_NONE, "%s: %s%s%s", name,
			     *ret_text, todo ? "; " : "", todo ? todo : "");
	if (in->interface)
		r->file = 0;
	return 0;
}

int fault_fail(struct diags *d, const struct capture_input *in, enum fault what,
	       const char *text)
{
	return diag_error(d, faults[what].err, faults[what].code, LOC_NONE,
			  "%s can't be captured: %s", in->interface, text);
}
