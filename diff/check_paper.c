/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the papers: exceptions that ran out or hold nothing, exports too old. */
#include "diff/paper.h"

#include <string.h>

static void raise_exception(struct check_run *run, const struct check *check,
			    enum severity severity, const struct exception *ex,
			    const char *title, const char *message)
{
	struct evidence ev = { .role = "declares",
			       .plane = "declared",
			       .rule = ex->id,
			       .owner = ex->owner,
			       .at = ex->at };
	run->check = check;
	struct finding *f = raise_plain(run, severity, &ev, 1, title, message);
	f->owner = ex->owner;
	finish_finding(run->res, run->policy, f, ex->id);
}

/* Made for what is found in captured packets, which no check of configurations finds. */
static bool is_for_packets(const struct exception *ex)
{
	return !strncmp(ex->check, "observed.", strlen("observed."));
}

void check_exceptions(struct check_run *run)
{
	struct arena *a = run->res->arena;
	for (size_t i = 0; i < run->policy->n_exceptions; i++) {
		const struct exception *ex = &run->policy->exceptions[i];
		bool over = run->options->as_of > ex->expires;
		if (over)
			raise_exception(run, &check_exception_expired, SEVERITY_MEDIUM, ex,
					arena_printf(a, "The exception %s ran out on %s.", ex->id,
						     ex->expires_text),
					run->exception_expired[i]
						? "What it held back is reported again. Renew it with "
						  "an approval, or close what it excepted."
						: "It holds nothing back any more: take it out.");
		else if (!run->exception_used[i] && !is_for_packets(ex))
			raise_exception(run, &check_exception_unused, SEVERITY_LOW, ex,
					arena_printf(a, "The exception %s holds nothing back.", ex->id),
					"What it was made for is gone, or it names the wrong zones or "
					"check. Take it out or correct it.");
	}
}

void check_ages(struct check_run *run, const bool *stale)
{
	for (size_t i = 0; stale && i < run->estate->n_sources; i++) {
		const struct estate_source *src = &run->estate->sources[i];
		if (!stale[i])
			continue;
		struct evidence ev = { .role = "declares",
				       .plane = "declared",
				       .rule = src->name,
				       .owner = src->owner,
				       .at = src->at };
		run->check = &check_source_stale;
		struct finding *f = raise_plain(
			run, SEVERITY_MEDIUM, &ev, 1,
			arena_printf(run->res->arena, "The export of %s is older than the estate allows.",
				     src->name),
			"What the device does today isn't known: every pair through it is "
			"inconclusive. Collect it again.");
		f->owner = src->owner;
		finish_finding(run->res, run->policy, f, src->name);
	}
}

const struct check check_exception_expired = {
	.id = "exception.expired",
	.title = "An exception ran out",
	.help = "An exception of the policy is past its last day. The findings that it held back count "
		"again. Renew it with an approval, or close what it excepted.",
	.severity = SEVERITY_MEDIUM,
};

const struct check check_exception_unused = {
	.id = "exception.unused",
	.title = "An exception holds nothing back",
	.help = "No finding falls under the exception: what it was made for is gone, or it names the "
		"wrong zones or check.",
	.severity = SEVERITY_LOW,
};

const struct check check_source_stale = {
	.id = "source.stale",
	.title = "An export is older than the estate allows",
	.help = "The source's `collected_at` is further back than its `max_age`. Every pair through it "
		"is inconclusive until it is collected again.",
	.severity = SEVERITY_MEDIUM,
};
