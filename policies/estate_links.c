/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/estate_read.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Links between ports that no export tells. */

/* The port of an end, as paths look it up: a name, or "vlan:20". */
static const char *end_port(struct estate_reader *er, const struct node *node)
{
	bool interface = node_get(node, "interface"), port = node_get(node, "port");
	bool vlan = node_get(node, "vlan");
	if (interface + port + vlan == 1)
		return vlan ? vlan_at(er, node)
			    : text_at(&er->r, node, interface ? "interface" : "port");
	diag_error(er->r.d, EINVAL, "estate.link-end", node->at,
		   "an end of a link has one of 'interface', 'port' and 'vlan': %s",
		   interface || port || vlan ? "take the others out" : "add one");
	return NULL;
}

static void read_link(struct estate_reader *er, const struct node *node, struct estate_link *l)
{
	struct reader *r = &er->r;
	const struct node *const *items = NULL;
	size_t n = list_at(r, node, "ends", &items);
	const char **devices = arena_array(r->arena, n, sizeof(*devices));
	const char **ports = arena_array(r->arena, n, sizeof(*ports));
	struct loc *ats = arena_array(r->arena, n, sizeof(*ats));
	struct map seen = { 0 };
	if (node_get(node, "ends") && n == 1)
		diag_error(r->d, EINVAL, "estate.link-ends", node->at,
			   "a link has two ends or more: name the ports that are joined");
	for (size_t i = 0; i < n; i++) {
		if (!check_shape(r, items[i], &shape_end))
			continue;
		const char *device = device_at(er, items[i]), *port = end_port(er, items[i]);
		if (!device || !port)
			continue;
		/* No name of a device or a port has a line break in it. */
		void **first = map_at(&seen, arena_printf(r->arena, "%s\n%s", device, port));
		if (*first) {
			diag_error(r->d, EEXIST, "estate.link-end-twice", items[i]->at,
				   "'%s' of '%s' is an end of this link already: keep one",
				   shown(r, port), device);
			diag_related(r->d, *(const struct loc *)*first, "first here");
			continue;
		}
		ats[l->n] = items[i]->at;
		*first = &ats[l->n];
		devices[l->n] = device;
		ports[l->n++] = port;
	}
	map_finish(&seen);
	l->device = devices;
	l->port = ports;
	l->end_at = ats;
	l->at = node->at;
}

void read_links(struct estate_reader *er)
{
	const struct node *const *items = NULL;
	size_t n = list_at(&er->r, er->root, "links", &items);
	VEC(struct estate_link) links = { 0 };
	for (size_t i = 0; i < n; i++)
		if (check_shape(&er->r, items[i], &shape_link))
			read_link(er, items[i], vec_add(&links));
	er->estate->links = vec_keep(er->r.arena, &links);
	er->estate->n_links = links.n;
	vec_free(&links);
}
