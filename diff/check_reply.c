/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of what the policy requires: they have to pass every stateless point of the way back,
 * which may be another one than the way there.
 */
#include "diff/reply.h"
#include "diff/run.h"

static void raise_asymmetric(struct check_run *run, const struct replies *rs)
{
	struct pair *p = run->pair;
	const struct reply_stage *st = rs->unseen;
	struct evidence ev[2] = { evidence_of(run->engine, &st->stage, NULL, false) };
	size_t n = 1;
	ev[0].role = "saw-no-first-packet";
	ev[0].note = "it keeps state of conversations, and this one's first packet goes another way";
	if (rs->unseen_at && rs->unseen_at->route_at.src)
		ev[n++] = (struct evidence){ .role = "routes",
					     .device = st->stage.device->name,
					     .plane = ev[0].plane,
					     .note = rs->unseen_at->route,
					     .at = rs->unseen_at->route_at };
	raise_plain(run, SEVERITY_MEDIUM, ev, n,
		    arena_printf(run->res->arena,
				 "Answers from %s to %s come to %s, which saw no first packet",
				 p->to->name, p->from->name, st->stage.device->name),
		    "The way back crosses a stateful device that the way there doesn't. It drops answers "
		    "to what it never saw, or treats them as new. Route both directions across it, or "
		    "neither.");
	struct finding *f = &run->res->findings.v[run->res->findings.n - 1];
	finish_finding(run->res, run->policy, f, st->stage.device->name);
}

static int run_reply(struct check_run *run)
{
	struct pair *p = run->pair;
	struct engine *en = run->engine;
	struct pset_space *sp = en->space[p->family];
	/* what may not even get there is intent.blocked's */
	struct pset passes = pset_and(sp, p->require, p->effective.sure);
	struct replies rs;
	if (pset_is_empty(passes) || pset_is_spent(passes))
		return 0;
	struct pset wanted = replies_clients(sp, replies_expected(en, p->family, passes));
	if (pset_is_empty(wanted) || pset_is_spent(wanted))
		return 0;
	replies_find(en, run->res->arena, p, wanted, &rs);
	struct pset known = pset_minus(sp, wanted, rs.unknown);
	struct objection ob = {
		.certain = pset_minus(sp, known, rs.set.maybe),
		.possible = pset_minus(sp, known, rs.set.sure),
		.permits = 1u << PLANE_PHYSICAL | 1u << PLANE_VIRTUAL,
		.denies = ANY_PLANE,
		.replies = &rs,
		.deny_first = true,
		.plane = "both",
		.severity = SEVERITY_HIGH,
		.title = arena_printf(run->res->arena,
				      "Answers to required traffic from %s to %s are blocked",
				      p->from->name, p->to->name),
		.message = "The policy requires this flow, its first packet passes, and its answers don't "
			   "come back. Open the way back in the ruleset named first, or route it.",
	};
	if (!pset_is_empty(pset_and(sp, wanted, rs.unknown)) && !p->answers_why) {
		p->answers_why = arena_printf(run->res->arena, "the way back of required traffic: %s",
					      rs.why ? rs.why : "not known");
		p->answers_at = rs.why_at;
	}
	/* another matter than what else may be wrong with the same packets */
	struct pset taken = run->taken, possible = run->taken_possible;
	run->taken = run->taken_possible = pset_none();
	raise_objection(run, &ob);
	run->taken = taken, run->taken_possible = possible;
	if (rs.unseen && run->asymmetric != rs.unseen->stage.device) {
		run->asymmetric = rs.unseen->stage.device;
		const struct check *mine = run->check;
		run->check = &check_asymmetric;
		raise_asymmetric(run, &rs);
		run->check = mine;
	}
	return 0;
}

const struct check check_reply = {
	.id = "intent.reply-blocked",
	.title = "Answers to traffic that the policy requires are blocked",
	.help = "A flow with action `require` passes, and what answers it doesn't come back: an access list "
		"without state, a network ACL or a route on the way back stops it.",
	.severity = SEVERITY_HIGH,
	.run = run_reply,
};

const struct check check_asymmetric = {
	.id = "path.asymmetric",
	.title = "Answers cross a stateful device that saw no first packet",
	.help = "The way back of required traffic crosses a firewall that the way there doesn't. Route both "
		"directions across it, or neither.",
	.severity = SEVERITY_MEDIUM,
};
