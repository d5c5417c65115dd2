/* SPDX-License-Identifier: Apache-2.0 */
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct snapshot *snapshot_create(void)
{
	struct arena *a = arena_create();
	struct snapshot *s = arena_alloc(a, sizeof(*s));
	s->arena = a;
	matches_init(&s->matches, a);
	return s;
}

void snapshot_destroy(struct snapshot *s)
{
	if (!s)
		return;
	vec_each(acc, &s->accounts)
		vec_free(&(*acc)->entries);
	vec_free(&s->accounts);
	vec_free(&s->devices);
	vec_free(&s->names);
	matches_finish(&s->matches);
	arena_destroy(s->arena);
}

const struct device *snapshot_device(const struct snapshot *s, const char *name)
{
	vec_each(d, &s->devices)
		if (!strcmp((*d)->name, name))
			return *d;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool has_namespace(const struct snapshot *s, const char *hostname, const char *id)
{
	vec_each(d, &s->devices)
		if (same((*d)->hostname, hostname) && same((*d)->netns, id))
			return true;
	return false;
}

void snapshot_namespaces(struct snapshot *s, struct diags *diags)
{
	vec_each(dp, &s->devices) {
		struct device *d = *dp;
		struct taint *taints = NULL;
		size_t n = 0;
		for (size_t i = 0; i < d->n_beside; i++) {
			const struct beside *x = &d->beside[i];
			if (!x->forwards || !x->linked || has_namespace(s, d->hostname, x->id))
				continue;
			const char *name = x->name ? x->name : x->id ? x->id : "?";
			if (!taints) {
				taints = arena_array(s->arena, d->n_taints + d->n_beside,
						     sizeof(*taints));
				for (n = 0; n < d->n_taints; n++)
					taints[n] = d->taints[n];
			}
			diag_warning(diags, "linux.namespace-missing", x->at,
				     "the machine's network namespace %s may pass packets on (%s), "
				     "and no source tells of it: collect it with --netns and name "
				     "it in the estate",
				     name, x->why ? x->why : "not known");
			taints[n++] = (struct taint){
				.at = x->at,
				.why = arena_printf(s->arena,
						    "the network namespace %s beside it is not "
						    "collected", name)
			};
		}
		if (taints)
			d->taints = taints, d->n_taints = n;
	}
}

struct device_build *device_build_start(struct snapshot *s, const char *name,
					const char *vendor, enum plane plane, struct loc at)
{
	struct device_build *b = xcalloc(1, sizeof(*b));
	b->snap = s;
	b->dev.name = arena_str(s->arena, name);
	b->dev.vendor = arena_str(s->arena, vendor);
	b->dev.plane = (uint8_t)plane;
	b->dev.at = at;
	return b;
}

struct ruleset *device_build_ruleset(struct device_build *b, const char *name,
				     const char *kind, struct loc at)
{
	struct ruleset *rs = arena_alloc(b->snap->arena, sizeof(*rs));
	rs->name = arena_str(b->snap->arena, name);
	rs->kind = kind;
	rs->at = at;
	rs->id = ++b->snap->n_rulesets;
	rs->dflt = VERDICT_DENY;
	*vec_add(&b->rulesets) = rs;
	return rs;
}

struct ruleset *device_build_find(struct device_build *b, const char *name)
{
	vec_each(rs, &b->rulesets)
		if (!strcmp((*rs)->name, name))
			return *rs;
	return NULL;
}

void device_build_rules(struct device_build *b, struct ruleset *rs, const struct rule *v,
			size_t n)
{
	struct rule *rules = arena_copy(b->snap->arena, v, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		rules[i].id = ++b->snap->n_rules;
	rs->rules = rules;
	rs->n = (uint32_t)n;
}

void device_build_hook(struct device_build *b, enum hook_kind kind, int order,
		       const char *port, const struct ruleset *rs, struct loc at)
{
	*vec_add(&b->hooks) =
		(struct hook){ .kind = (uint8_t)kind,
			       .order = order,
			       .port = port ? arena_str(b->snap->arena, port) : NULL,
			       .ruleset = rs,
			       .at = at };
}

void device_build_taint(struct device_build *b, const char *port, struct loc at,
			const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*vec_add(&b->taints) =
		(struct taint){ .at = at,
				.why = arena_vprintf(b->snap->arena, fmt, ap),
				.port = port ? arena_str(b->snap->arena, port) : NULL };
	va_end(ap);
}

/*
 * Heights of the call graph from its leaves up (Kahn's algorithm on the reversed edges): what
 * is never reached leads into a cycle.
 */
static void mark_opaque(struct device_build *b)
{
	size_t n = b->rulesets.n, room = (size_t)b->snap->n_rulesets + 1;
	uint32_t *index = xcalloc(room, sizeof(*index)); /* ruleset id to place in the list + 1 */
	size_t *open = xcalloc(n, sizeof(*open)), *first = xcalloc(n + 1, sizeof(*first));
	unsigned *height = xcalloc(n, sizeof(*height));
	size_t n_calls = 0, head = 0, tail = 0;
	for (size_t i = 0; i < n; i++)
		index[b->rulesets.v[i]->id] = (uint32_t)i + 1;
	/* first[t]..first[t + 1]: the callers of t */
	for (int pass = 0; pass < 2; pass++) {
		size_t *callers = pass ? xcalloc(n_calls, sizeof(*callers)) : NULL;
		if (pass)
			for (size_t i = 0; i < n; i++)
				first[i + 1] += first[i];
		size_t *fill = pass ? xcalloc(n, sizeof(*fill)) : NULL;
		for (size_t i = 0; i < n; i++) {
			const struct ruleset *rs = b->rulesets.v[i];
			for (uint32_t k = 0; k < rs->n; k++) {
				const struct ruleset *t = rs->rules[k].target;
				size_t at = t && t->id < room ? index[t->id] : 0;
				if (!at)
					continue;
				if (pass)
					callers[first[at - 1] + fill[at - 1]++] = i;
				else
					first[at]++, open[i]++, n_calls++;
			}
		}
		if (pass) {
			size_t *queue = xcalloc(n, sizeof(*queue));
			for (size_t i = 0; i < n; i++)
				if (!open[i])
					queue[tail++] = i;
			while (head < tail) {
				size_t t = queue[head++];
				for (size_t k = first[t]; k < first[t + 1]; k++) {
					size_t c = callers[k];
					if (height[t] + 1 > height[c])
						height[c] = height[t] + 1;
					if (!--open[c])
						queue[tail++] = c;
				}
			}
			free(queue);
		}
		free(callers);
		free(fill);
	}
	for (size_t i = 0; i < n; i++)
		b->rulesets.v[i]->opaque = open[i] || height[i] >= RULESET_DEPTH;
	free(index);
	free(open);
	free(first);
	free(height);
}

const struct device *device_build_finish(struct device_build *b)
{
	struct arena *a = b->snap->arena;
	mark_opaque(b);
	vec_each(p, &b->ports)
		if (p->present && !p->present_dst)
			p->present_dst = match_swap(&b->snap->matches, p->present);
	struct device *d = arena_copy(a, &b->dev, sizeof(b->dev));
	d->ports = vec_keep(a, &b->ports), d->n_ports = b->ports.n;
	d->rulesets = (const struct ruleset *const *)vec_keep(a, &b->rulesets);
	d->n_rulesets = b->rulesets.n;
	d->hooks = vec_keep(a, &b->hooks), d->n_hooks = b->hooks.n;
	d->routes = vec_keep(a, &b->routes), d->n_routes = b->routes.n;
	d->route_rules = vec_keep(a, &b->route_rules), d->n_route_rules = b->route_rules.n;
	d->nats = vec_keep(a, &b->nats), d->n_nats = b->nats.n;
	d->taints = vec_keep(a, &b->taints), d->n_taints = b->taints.n;
	*vec_add(&b->snap->devices) = d;
	vec_free(&b->ports);
	vec_free(&b->rulesets);
	vec_free(&b->hooks);
	vec_free(&b->routes);
	vec_free(&b->route_rules);
	vec_free(&b->nats);
	vec_free(&b->taints);
	free(b);
	return d;
}

struct account *snapshot_account(struct snapshot *s, const struct source *src,
				 const char *collector, const char *unit)
{
	struct account *acc = arena_alloc(s->arena, sizeof(*acc));
	acc->src = src;
	acc->collector = collector;
	acc->unit = unit;
	*vec_add(&s->accounts) = acc;
	return acc;
}

void account_add(struct snapshot *s, struct account *acc, enum account_class class,
		 bool policy, struct loc at, const char *why)
{
	acc->count[class]++;
	if (policy)
		acc->policy[class]++;
	if (class == ACCOUNT_BOUNDED || class == ACCOUNT_REJECTED)
		*vec_add(&acc->entries) =
			(struct account_entry){ at, (uint8_t)class,
						arena_str(s->arena, why ? why : "not said") };
}

size_t account_total(const struct account *acc)
{
	size_t n = 0;
	for (int i = 0; i < ACCOUNT_CLASSES; i++)
		n += acc->count[i];
	return n;
}

void snapshot_name(struct snapshot *s, const char *device, const char *kind, const char *name,
		   struct loc at, bool defines)
{
	*vec_add(&s->names) = (struct name_use){ device, kind, arena_str(s->arena, name), at,
						 defines };
}
