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

const struct device *device_build_finish(struct device_build *b)
{
	struct arena *a = b->snap->arena;
	struct device *d = arena_copy(a, &b->dev, sizeof(b->dev));
	d->ports = vec_keep(a, &b->ports), d->n_ports = b->ports.n;
	d->rulesets = (const struct ruleset *const *)vec_keep(a, &b->rulesets);
	d->n_rulesets = b->rulesets.n;
	d->hooks = vec_keep(a, &b->hooks), d->n_hooks = b->hooks.n;
	d->routes = vec_keep(a, &b->routes), d->n_routes = b->routes.n;
	d->nats = vec_keep(a, &b->nats), d->n_nats = b->nats.n;
	d->taints = vec_keep(a, &b->taints), d->n_taints = b->taints.n;
	*vec_add(&b->snap->devices) = d;
	vec_free(&b->ports);
	vec_free(&b->rulesets);
	vec_free(&b->hooks);
	vec_free(&b->routes);
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
