/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a Linux host, as `plumbline collect linux` writes it (docs/linux-state.md): one
 * device with its interfaces, what the host does by itself, and the rulesets of nftables and
 * iptables together.
 */
#include "collectors/linux_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern const struct collector collector_linux;

static int linux_probe(const char *head, size_t len, const char *filename)
{
	static const char key[] = "\"linux_state\"";
	size_t i = 0;
	(void)filename;
	while (i < len && strchr(" \t\r\n", head[i]))
		i++;
	if (i == len || head[i] != '{')
		return 0;
	for (i++; i < len && strchr(" \t\r\n", head[i]);)
		i++;
	return len - i >= sizeof(key) && !memcmp(head + i, key, sizeof(key) - 1) ? 100 : 0;
}

static void read_beside(struct linux_read *r)
{
	const json_t *list = json_object_get(r->root, "beside");
	struct device *d = &r->b->dev;
	struct beside *v = arena_array(r->arena, json_array_size(list), sizeof(*v));
	if (!json_is_array(list))
		linux_reject(r, linux_loc(r, r->root), "other network namespaces are not told");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *id = linux_str(one, "id"), *why = linux_str(one, "why");
		const char *name =
			json_string_value(json_array_get(json_object_get(one, "names"), 0));
		const json_t *forwards = json_object_get(one, "forwards");
		const json_t *linked = json_object_get(one, "linked");
		linux_keys(r, one, "id names pids forwards linked why", true);
		linux_irrelevant(r, one);
		v[d->n_beside++] = (struct beside){
			.id = id ? arena_str(r->arena, id) : NULL,
			.name = name ? arena_str(r->arena, name) : NULL,
			.why = why ? arena_str(r->arena, why) : NULL,
			.forwards = !json_is_false(forwards),
			.linked = !json_is_false(linked),
			.at = linux_loc(r, one),
		};
	}
	d->beside = v;
}

static void read_head(struct linux_read *r)
{
	const json_t *host = json_object_get(r->root, "host");
	const json_t *ns = json_object_get(r->root, "namespace");
	const char *name = linux_str(host, "hostname"), *id = linux_str(ns, "id");
	linux_keys(r, r->root,
		   "linux_state plumbline host namespace started ended complete problems commands "
		   "beside parts", true);
	linux_keys(r, host, "hostname kernel machine boot", false);
	linux_keys(r, ns, "id name pid", false);
	r->b->dev.hostname = name ? arena_str(r->arena, name) : NULL;
	r->b->dev.netns = id ? arena_str(r->arena, id) : NULL;
	if (!linux_str(r->root, "ended"))
		linux_reject(r, linux_loc(r, r->root), "the file has no end: it was not finished");
	linux_count(r, json_object_get(r->root, "commands"), "command version exit signal stderr");
}

/* Frames of a VLAN on a bridge pass the bridge's hooks with a tag, which isn't followed. */
static void taint_bridge_vlans(struct linux_read *r)
{
	bool any = false;
	vec_each (h, &r->b->hooks)
		any |= h->layer == LAYER_BRIDGE && !h->ruleset->incidental;
	vec_each (lp, &r->links)
		if (any && (*lp)->parent && linux_is_bridge((*lp)->parent))
			device_build_taint(r->b, (*lp)->name, (*lp)->at,
					   "%s lies on the bridge %s, whose rules see its frames "
					   "with a tag", (*lp)->name, (*lp)->parent->name);
}

static void read_state(struct linux_read *r)
{
	r->b->dev.netfilter = true;
	read_head(r);
	read_beside(r);
	linux_parts(r);
	linux_links(r);
	linux_addresses(r);
	linux_bridges(r);
	linux_wires(r);
	linux_routes(r);
	linux_count(r, linux_data(r, PART_NEIGHBOURS, JSON_ARRAY), NULL);
	linux_facts(r);
	linux_host(r);
	linux_marks(r);
	linux_fib(r);
	linux_rules(r);
	linux_vrfs(r);
	linux_policy(r);
	linux_families(r);
	taint_bridge_vlans(r);
}

static void finish(struct linux_read *r)
{
	vec_each (lp, &r->links) {
		vec_free(&(*lp)->vlans);
		vec_free(&(*lp)->fdb);
		vec_free(&(*lp)->members);
		vec_free(&(*lp)->sources);
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		vec_free(&r->local[f]);
		vec_free(&r->broadcast[f]);
	}
	vec_free(&r->links);
	vec_free(&r->routes);
	vec_free(&r->fib);
	vec_free(&r->marks);
	map_finish(&r->spaces);
	map_finish(&r->came);
	linux_reverse_finish(r);
	map_finish(&r->nexthops);
	vec_free(&r->reachable);
	vec_free(&r->unsure);
	map_finish(&r->link_names);
	map_finish(&r->groups);
}

static int linux_read(struct collect *c, const struct source *src)
{
	struct snapshot *snap = c->snap;
	struct linux_read r = { .c = c,
				.src = src,
				.arena = snap->arena,
				.m = &snap->matches,
				.d = c->diags,
				.acc = snapshot_account(snap, src, "linux", "item") };
	struct loc at = { .src = src };
	json_t **roots = NULL;
	size_t n_roots = 0;
	int err = jsonloc_parse(c->diags, src, &roots, &n_roots, &r.loc);
	if (err) {
		r.acc->failed = true;
		return err;
	}
	r.root = roots[0];
	const json_t *version = json_object_get(r.root, "linux_state");
	if (n_roots != 1 || !json_is_integer(version) || json_integer_value(version) != 1)
		err = diag_error(c->diags, EINVAL, "linux.version",
				 version ? linux_loc(&r, version) : at,
				 "this isn't the state of a Linux host in version 1: collect it "
				 "again with `plumbline collect linux` of this version");
	else if (!json_is_object(json_object_get(r.root, "parts")))
		err = diag_error(c->diags, EINVAL, "linux.parts", at,
				 "the file has no parts: nothing of the host is in it");
	if (err) {
		r.acc->failed = true;
	} else {
		r.b = device_build_start(snap, c->device, "linux", c->plane, at);
		read_state(&r);
		device_build_finish(r.b);
	}
	finish(&r);
	jsonloc_destroy(r.loc);
	jsonloc_roots_free(roots, n_roots);
	return err;
}

const struct collector collector_linux = {
	.name = "linux",
	.summary = "the state of a Linux host: `plumbline collect linux`",
	.plane = PLANE_VIRTUAL,
	.probe = linux_probe,
	.read = linux_read,
};
