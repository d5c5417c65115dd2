/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/tell.h"

#include "diff/run.h"

enum { BOXES_MAX = 10 };

struct told_set tell_set(struct arena *a, struct pset_space *sp, struct pset s)
{
	struct pset_box boxes[BOXES_MAX];
	struct told_set t = { 0 };
	if (pset_is_spent(s))
		return t;
	t.n = pset_boxes(sp, s, boxes, BOXES_MAX, &t.left);
	const char **list = arena_array(a, t.n, sizeof(*list));
	for (size_t i = 0; i < t.n; i++) {
		struct text line = { 0 };
		pset_box_print(&line, pset_family(sp), &boxes[i]);
		list[i] = arena_str(a, line.s ? line.s : "");
		text_finish(&line);
	}
	t.boxes = list;
	return t;
}

struct told_event tell_rule(const struct engine *en, const struct stage *st,
			    struct interp_answer ia)
{
	const struct rule *r = ia.sure	   ? ia.sure_rule
			       : !ia.maybe ? ia.maybe_rule
					   : ia.unknown_rule;
	struct told_event ev = { .kind = TOLD_RULE,
				 .by = evidence_of(en, st, r, ia.sure),
				 .sure = ia.sure,
				 .maybe = ia.maybe };
	if (ia.sure == ia.maybe)
		return ev;
	const struct match *u = r ? match_first_unknown(r->match) : NULL;
	ev.by.role = "not-understood";
	ev.by.note = u ? u->unknown.reason : ev.by.note;
	return ev;
}

struct told_hop tell_hop(const struct point *pt)
{
	struct told_hop h = { .text = pt->text,
			      .in = pt->iif,
			      .out = pt->oif,
			      .route = pt->route,
			      .route_at = pt->route_at,
			      .at = pt->at };
	if (pt->device) {
		h.device = pt->device->name;
		h.plane = plane_name(pt->device->plane);
	}
	return h;
}
