/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_POLICY_RUN_H
#define TESTS_UNIT_POLICY_RUN_H

/* Runs of the policy and estate readers on texts, for several test programs. */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "policies/policies.h"
#include "policies/yaml.h"

/* One run of a reader, with all that it needs. */
struct run {
	struct arena *arena;
	struct diags d;
	struct matches m;
	const struct policy *policy;
	const struct estate *estate;
	int err;
};

static inline struct run begin(void)
{
	struct run r = { .arena = arena_create() };
	diags_init(&r.d, r.arena);
	return r;
}

static inline void end(struct run *r)
{
	matches_finish(&r->m);
	diags_finish(&r->d);
	arena_destroy(r->arena);
}

static inline const struct source *bytes(struct run *r, const char *name, const char *s)
{
	const struct source *src = NULL;
	cr_assert(!source_from_bytes(r->arena, &r->d, name, s, strlen(s), &src));
	return src;
}

static inline struct run policy(const char *text)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *src = bytes(&r, "policy.yaml", text);
	r.err = policy_read(&r.m, &r.d, &src, 1, &r.policy);
	return r;
}

static inline struct run estate(const char *policy_text, const char *text)
{
	struct run r = policy(policy_text);
	cr_assert(!r.err);
	const struct source *src = bytes(&r, "estate.yaml", text);
	r.err = estate_parse(&r.m, &r.d, src, r.policy, NULL, &r.estate);
	return r;
}

static inline const struct diag *diag_of(const struct run *r, const char *code)
{
	for (size_t i = 0; i < r->d.n; i++)
		if (!strcmp(r->d.v[i].code, code))
			return &r->d.v[i];
	cr_assert_fail("no diagnostic %s", code);
	return NULL;
}

static inline const char *place(const struct run *r, const char *code)
{
	return loc_print(r->arena, diag_of(r, code)->loc);
}

static inline const char *root_path(struct run *r, const char *path)
{
	const char *root = getenv("SOURCE_ROOT");
	return arena_printf(r->arena, "%s/%s", root ? root : ".", path);
}

#define HEAD "version: 1\nname: test\n"
#define ZONES                                                                                  \
	"zones:\n"                                                                             \
	"  - {name: web, tenant: blue, prefixes: [10.1.0.0/24, \"2001:db8:1::/64\"]}\n"        \
	"  - {name: db, tenant: blue, prefixes: 10.2.0.0/24}\n"                                \
	"  - {name: app, tenant: green, prefixes: 10.3.0.0/24}\n"                              \
	"  - {name: internet, external: true}\n"
#define TENANTS "tenants: [{name: blue}, {name: green}, {name: all, shared: true}]\n"
#define BASE	HEAD TENANTS ZONES

#define ESTATE HEAD "policy: policy.yaml\n"
#define SOURCES                                                                                \
	"sources:\n"                                                                           \
	"  - {name: edge, file: edge.cfg, collector: asa, plane: physical, responsible: csp, " \
	"owner: o, uplink: outside, collected_at: 1970-01-01T01:00:00Z, max_age: 24h}\n"       \
	"  - {name: cloud, files: [b.json, a.json], responsible: shared}\n"

static inline const struct node *tree(struct run *r, const char *text)
{
	const struct node *root = NULL;
	matches_init(&r->m, r->arena);
	r->err = yaml_parse(r->arena, &r->d, bytes(r, "t.yaml", text), &root);
	return root;
}

static inline double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline bool lists(const struct zone *const *v, size_t n, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		if (!names[i] || strcmp(v[i]->name, names[i]))
			return false;
	return !names[n];
}

#define LISTS(v, n, ...) lists(v, n, (const char *const[]){ __VA_ARGS__, NULL })

static inline bool ports_are(const char *const *v, size_t n, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		if (!names[i] || strcmp(v[i], names[i]))
			return false;
	return !names[n];
}

#define PORTS(v, n, ...) ports_are(v, n, (const char *const[]){ __VA_ARGS__, NULL })

#endif
