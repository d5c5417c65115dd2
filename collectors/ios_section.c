/* SPDX-License-Identifier: Apache-2.0 */
/* Lines inside a section: each goes to whom it belongs; of some only a word or two matters. */
#include "collectors/ios_internal.h"

/* access-class 10 in [vrf-also]; ipv6 access-class X in */
static void line_mode(struct ios *x, const struct toks *w)
{
	bool v6 = tok_is(w, 0, "ipv6"), ip = tok_is(w, 0, "ip");
	unsigned i = v6 || ip;
	if (!(tok_is(w, i, "access-class") || tok_is(w, i, "access-group")) || w->n < i + 2) {
		ios_irrelevant(x, w);
		return;
	}
	ios_use(x, "access list", tok_str(x, w, i + 1), tok_loc(x, w, i + 1));
	*vec_add(&x->classes_of_lines) = (struct access_class){ .line = x->line_name,
								.name = tok_str(x, w, i + 1),
								.v6 = v6,
								.at = tok_loc(x, w, i + 1) };
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

static void control_mode(struct ios *x, const struct toks *w)
{
	if (toks_are(w, 0, "service-policy input") && w->n == 3) {
		x->control_policy = tok_str(x, w, 2);
		x->control_at = tok_line(x, w);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "control plane policing");
		return;
	}
	line_mode(x, w);
}

static void vacl_mode(struct ios *x, const struct toks *w)
{
	struct vacl_clause *c = &x->vacl->clauses.v[x->vacl->clauses.n - 1];
	if (toks_are(w, 0, "match ip address") || toks_are(w, 0, "match ipv6 address")) {
		bool v6 = tok_is(w, 1, "ipv6");
		for (unsigned i = 3; i < w->n; i++) {
			ios_use(x, "access list", tok_str(x, w, i), tok_loc(x, w, i));
			if (v6)
				*vec_add(&c->acls6) = tok_str(x, w, i);
			else
				*vec_add(&c->acls4) = tok_str(x, w, i);
		}
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (tok_is(w, 0, "match")) {
		c->has_other = true;
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "a match that is not modelled");
	} else if (tok_is(w, 0, "action")) {
		c->has_action = true;
		c->drop = tok_is(w, 1, "drop");
		c->has_other |= !c->drop && !tok_is(w, 1, "forward");
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else {
		ios_irrelevant(x, w);
	}
}

static void policy_mode(struct ios *x, const struct toks *w)
{
	bool drop = tok_is(w, 0, "drop");
	for (unsigned i = 0; i + 1 < w->n; i++)
		drop |= toks_are(w, i, "conform-action drop") || toks_are(w, i, "conform drop");
	if (drop)
		*map_at(&x->drop_policies, x->mode_name) = x;
	ios_note_uses(x, w);
	ios_irrelevant(x, w);
}

bool ios_sub_line(struct ios *x, const struct toks *w)
{
	switch (x->mode) {
	case MODE_ACL:
		return ios_acl_mode(x, w);
	case MODE_IFACE:
		return ios_iface_line(x, w);
	case MODE_GROUP:
		if (tok_is(w, 0, "description") || tok_is(w, 0, "exit")) {
			ios_irrelevant(x, w);
		} else if (tok_is(w, 0, "no")) {
			ios_reject(x, w, "ios.bad-member", tok_line(x, w),
				   "what this takes away is not followed");
			*vec_add(&x->group->lines) = w->line;
		} else {
			*vec_add(&x->group->lines) = w->line;
		}
		return true;
	case MODE_LINE:
		line_mode(x, w);
		return true;
	case MODE_CONTROL:
		control_mode(x, w);
		return true;
	case MODE_VRF:
		if (toks_are(w, 0, "ip route") || toks_are(w, 0, "ipv6 route"))
			return ios_route(x, w, 2, tok_is(w, 0, "ip") ? FAMILY_V4 : FAMILY_V6,
					 x->vrf);
		if (toks_are(w, 0, "ip nat") || toks_are(w, 0, "ip access-group"))
			return false;
		ios_note_uses(x, w);
		ios_irrelevant(x, w);
		return true;
	case MODE_VACL:
		vacl_mode(x, w);
		return true;
	case MODE_ROUTE_MAP:
		ios_map_line(x, w);
		ios_note_uses(x, w);
		ios_irrelevant(x, w);
		return true;
	case MODE_POLICY_MAP:
		policy_mode(x, w);
		return true;
	case MODE_CRYPTO_MAP:
		if (toks_are(w, 0, "match address") && w->n == 3)
			ios_crypto_acl(x, x->mode_name, tok_str(x, w, 2));
		ios_note_uses(x, w);
		ios_irrelevant(x, w);
		return true;
	case MODE_IGNORE:
		if (x->pool && tok_is(w, 0, "address")) {
			ios_nat_pool_range(x, w);
			return true;
		}
		ios_note_uses(x, w);
		ios_irrelevant(x, w);
		return true;
	case MODE_BOUNDED:
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
			 "traffic policies are not modelled");
		return true;
	case MODE_BAD:
		ios_mark(x, w->line, ACCOUNT_REJECTED, false,
			 "below a line that is not understood");
		return true;
	case MODE_GLOBAL:
		break;
	}
	return false;
}
