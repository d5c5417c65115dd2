/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read, as the collectors left it: for seeing whether an export was understood, and
 * for other programs. docs/show.schema.json describes it.
 */
#include "report/doc.h"
#include "report/model_json.h"
#include "report/place.h"
#include "report/report.h"

/*
 * Conditions share their groups, text doesn't: a list of 10,000 rules over groups of 5,000
 * members is 50 million members when each is written out. One condition is written out up to
 * a number of leaves, all of them together up to a number of bytes; what isn't has its count.
 */
enum { LEAVES_MAX = 2000, MATCH_BYTES_MAX = 256 << 20, DEPTH_MAX = 200 };

struct show {
	size_t match_bytes;
	struct text text; /* for one phrase at a time */
};

static const char *verdict_word(unsigned v)
{
	switch ((enum verdict)v) {
	case VERDICT_PERMIT:
		return "permit";
	case VERDICT_DENY:
		return "deny";
	case VERDICT_CONTINUE:
		return "continue";
	case VERDICT_JUMP:
		return "jump";
	case VERDICT_GOTO:
		return "goto";
	case VERDICT_RETURN:
		return "return";
	case VERDICT_UNKNOWN:
		break;
	}
	return "unknown";
}

static const char *hook_word(unsigned k)
{
	switch ((enum hook_kind)k) {
	case HOOK_IN:
		return "in";
	case HOOK_FORWARD:
		return "forward";
	case HOOK_OUT:
		return "out";
	case HOOK_LOCAL_IN:
		return "local-in";
	case HOOK_LOCAL_OUT:
		return "local-out";
	case HOOK_OTHER:
		break;
	}
	return "other";
}

/* How many leaves the text of m would name; counts no further than a little over max. */
static size_t leaves(const struct match *m, size_t max, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return max + 1;
	switch ((enum match_kind)m->kind) {
	case MATCH_AND:
	case MATCH_OR:
	case MATCH_NOT: {
		size_t n = 0;
		for (uint32_t i = 0; i < m->n && n <= max; i++)
			n += leaves(m->kids[i], max - n, depth + 1);
		return n;
	}
	case MATCH_SPANS:
	case MATCH_RANGES:
		return m->n;
	default:
		return 1;
	}
}

static json_t *match_json(struct show *s, const struct match *m)
{
	if (s->match_bytes > MATCH_BYTES_MAX || leaves(m, LEAVES_MAX, 0) > LEAVES_MAX)
		return json_null();
	text_clear(&s->text);
	match_print(&s->text, m);
	s->match_bytes += s->text.len;
	return doc_stringn(s->text.s ? s->text.s : "", s->text.len);
}

static json_t *prefix_json(struct show *s, const struct prefix *p)
{
	text_clear(&s->text);
	addr_print(&s->text, p->family, p->addr);
	text_putf(&s->text, "/%u", p->len);
	return doc_string(s->text.s);
}

static json_t *port_json(struct show *s, const struct port *p)
{
	json_t *j = json_object(), *prefixes = json_array(), *addrs = json_array();
	doc_put_string(j, "name", p->name);
	doc_put_string(j, "kind", p->kind);
	doc_put_string(j, "alias", p->alias);
	doc_put_string(j, "segment", p->segment);
	doc_put(j, "vlan", p->vlan ? json_integer(p->vlan) : json_null());
	doc_put_bool(j, "up", p->up);
	doc_put_bool(j, "edge", p->edge);
	for (size_t i = 0; i < p->n_prefixes; i++) {
		json_array_append_new(prefixes, prefix_json(s, &p->prefixes[i]));
		if (!p->addrs)
			continue;
		text_clear(&s->text);
		addr_print(&s->text, p->prefixes[i].family, p->addrs[i]);
		json_array_append_new(addrs, doc_string(s->text.s));
	}
	doc_put(j, "prefixes", prefixes);
	doc_put(j, "addresses", addrs);
	doc_put(j, "present", p->present ? match_json(s, p->present) : json_null());
	place_put(j, p->at);
	return j;
}

static json_t *hook_json(const struct hook *h)
{
	json_t *j = json_object();
	doc_put_string(j, "kind", hook_word(h->kind));
	doc_put(j, "order", json_integer(h->order));
	doc_put_string(j, "port", h->port);
	doc_put_string(j, "ruleset", h->ruleset ? h->ruleset->name : NULL);
	place_put(j, h->at);
	return j;
}

static json_t *rule_json(struct show *s, const struct rule *r)
{
	json_t *j = json_object();
	const struct match *unknown = r->match->inexact ? match_first_unknown(r->match) : NULL;
	doc_put_string(j, "name", r->name);
	doc_put_string(j, "verdict", verdict_word(r->verdict));
	doc_put_string(j, "target", r->target ? r->target->name : NULL);
	doc_put(j, "match", match_json(s, r->match));
	doc_put_bool(j, "exact", !r->match->inexact && r->verdict != VERDICT_UNKNOWN);
	doc_put_string(j, "unknown", unknown ? unknown->unknown.reason : NULL);
	doc_put_string(j, "note", r->note);
	doc_put_bool(j, "inactive", r->flags & RULE_INACTIVE);
	doc_put_bool(j, "implicit", r->flags & RULE_IMPLICIT);
	doc_put_bool(j, "glue", r->flags & RULE_GLUE);
	place_put(j, r->at);
	return j;
}

static json_t *ruleset_json(struct show *s, const struct ruleset *rs)
{
	json_t *j = json_object(), *rules = json_array();
	doc_put_string(j, "name", rs->name);
	doc_put_string(j, "kind", rs->kind);
	doc_put_string(j, "default", verdict_word(rs->dflt));
	doc_put(j, "default_place", place_json(rs->dflt_at));
	doc_put_bool(j, "stateful", rs->stateful);
	doc_put_bool(j, "glue", rs->glue);
	place_put(j, rs->at);
	for (uint32_t i = 0; i < rs->n; i++)
		json_array_append_new(rules, rule_json(s, &rs->rules[i]));
	doc_put(j, "rules", rules);
	return j;
}

static json_t *route_json(struct show *s, const struct route *r)
{
	json_t *j = json_object();
	doc_put(j, "destination", prefix_json(s, &r->dst));
	doc_put_string(j, "segment", r->segment);
	doc_put_string(j, "port", r->port);
	text_clear(&s->text);
	if (r->has_via)
		addr_print(&s->text, r->dst.family, r->via);
	doc_put_string(j, "via", r->has_via ? s->text.s : NULL);
	doc_put_bool(j, "drop", r->drop);
	place_put(j, r->at);
	return j;
}

static json_t *nat_json(struct show *s, const struct nat *n)
{
	json_t *j = json_object();
	doc_put_string(j, "what", n->text);
	doc_put_string(j, "in", n->in);
	doc_put_string(j, "out", n->out);
	doc_put(j, "touches", n->touches ? match_json(s, n->touches) : json_null());
	place_put(j, n->at);
	return j;
}

static json_t *taint_json(const struct taint *t)
{
	json_t *j = json_object();
	doc_put_string(j, "why", t->why);
	doc_put_string(j, "port", t->port);
	place_put(j, t->at);
	return j;
}

static json_t *device_json(struct show *s, const struct device *d)
{
	json_t *j = json_object();
	doc_put_string(j, "name", d->name);
	doc_put_string(j, "vendor", d->vendor);
	doc_put_string(j, "hostname", d->hostname);
	doc_put_string(j, "plane", plane_name(d->plane));
	doc_put_bool(j, "open_ports", d->open_ports);
	json_t *v = json_array();
	for (size_t i = 0; i < d->n_ports; i++)
		json_array_append_new(v, port_json(s, &d->ports[i]));
	doc_put(j, "ports", v);
	v = json_array();
	for (size_t i = 0; i < d->n_hooks; i++)
		json_array_append_new(v, hook_json(&d->hooks[i]));
	doc_put(j, "hooks", v);
	v = json_array();
	for (size_t i = 0; i < d->n_rulesets; i++)
		json_array_append_new(v, ruleset_json(s, d->rulesets[i]));
	doc_put(j, "rulesets", v);
	v = json_array();
	for (size_t i = 0; i < d->n_routes; i++)
		json_array_append_new(v, route_json(s, &d->routes[i]));
	doc_put(j, "routes", v);
	v = json_array();
	for (size_t i = 0; i < d->n_nats; i++)
		json_array_append_new(v, nat_json(s, &d->nats[i]));
	doc_put(j, "nats", v);
	v = json_array();
	for (size_t i = 0; i < d->n_taints; i++)
		json_array_append_new(v, taint_json(&d->taints[i]));
	doc_put(j, "taints", v);
	return j;
}

json_t *snapshot_json(const struct snapshot *snap, const struct diags *d)
{
	struct show s = { 0 };
	json_t *doc = json_object(), *devices = json_array();
	doc_put(doc, "plumbline", doc_stamp());
	doc_put_string(doc, "command", "show");
	doc_put(doc, "sources", sources_json(snap));
	for (size_t i = 0; i < snap->devices.n; i++)
		json_array_append_new(devices, device_json(&s, snap->devices.v[i]));
	doc_put(doc, "devices", devices);
	doc_put(doc, "diagnostics", diags_json(d));
	doc_put(doc, "diagnostics_left", diags_left_json(d));
	text_finish(&s.text);
	return doc;
}
