/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/estate_read.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Whose the segments are that captured packets are on. */

/* What each key's number can be. */
static const struct tag_key {
	const char *name;
	uint8_t kind; /* enum tag_kind */
	uint32_t lo, hi;
} tag_keys[] = {
	{ "vlan", TAG_VLAN, 1, 4094 },		   /* 802.1Q: 0 is no VLAN, 4095 reserved */
	{ "vni", TAG_VNI, 0, (1u << 24) - 1 },	   /* RFC 7348, RFC 8926 */
	{ "gre_key", TAG_GRE_KEY, 0, UINT32_MAX }, /* RFC 2890 */
	{ "mpls", TAG_MPLS, 16, (1u << 20) - 1 },  /* RFC 3032: 0 to 15 are reserved */
	{ "teid", TAG_TEID, 0, UINT32_MAX },	   /* 3GPP TS 29.281 */
	{ "erspan", TAG_ERSPAN, 0, 1023 },	   /* 10 bits of session */
	{ "pppoe", TAG_PPPOE, 1, 65534 },      /* RFC 2516: 0 is discovery, 65535 reserved */
	{ "nsh", TAG_NSH, 0, (1u << 24) - 1 }, /* RFC 8300 */
};

enum { N_TAG_KEYS = sizeof(tag_keys) / sizeof(*tag_keys) };

static bool number_of(struct estate_reader *er, const struct node *node,
		      const struct tag_key *key, uint32_t *ret)
{
	uint64_t id;
	if (node->kind == NODE_SCALAR && node->plain &&
	    parse_number(node->s, node->len, key->lo, key->hi, false, &id)) {
		*ret = (uint32_t)id;
		return true;
	}
	diag_error(er->r.d, EINVAL, "estate.segment-number", node->at,
		   "'%s' of a segment is a number from %u to %u, without quotes%s", key->name,
		   key->lo, key->hi,
		   key->kind == TAG_VLAN ? "; or two of them, the outer and the inner one"
					 : "");
	return false;
}

/* Adds what stands under the key: one number, of VLANs also two. */
static void read_tags(struct estate_reader *er, const struct node *map,
		      const struct tag_key *key, struct estate_tag *tags, size_t *n)
{
	const struct node *node = node_get(map, key->name);
	const struct node *const *items = &node;
	size_t n_items = 1;
	if (!node)
		return;
	if (node->kind == NODE_LIST && key->kind == TAG_VLAN &&
	    (node->n == 1 || node->n == 2)) {
		items = node->items;
		n_items = node->n;
	}
	for (size_t i = 0; i < n_items; i++) {
		uint32_t id;
		if (number_of(er, items[i], key, &id))
			tags[(*n)++] = (struct estate_tag){ key->kind, id };
	}
}

static const struct tenant *tenant_at(struct estate_reader *er, const struct node *map)
{
	struct reader *r = &er->r;
	const char *name = name_at(r, map, "tenant");
	if (!name || !er->policy)
		return NULL;
	ptrdiff_t t = names_index(r, &er->tenant_names, name);
	if (t >= 0)
		return &er->policy->tenants[t];
	names_undefined(r, "estate.undefined-tenant", &er->tenant_names, NULL, name,
			node_get(map, "tenant")->at);
	return NULL;
}

static void read_owner(struct estate_reader *er, const struct node *node,
		       struct estate_segment *s)
{
	bool tenant = node_get(node, "tenant"), zone = node_get(node, "zone");
	if (tenant == zone)
		diag_error(er->r.d, EINVAL, "estate.segment-owner", node->at,
			   "a segment has one of 'tenant' and 'zone': %s",
			   tenant ? "take one out" : "say whose it is");
	s->tenant = tenant_at(er, node);
	if (zone && er->policy)
		s->zone = zone_at(&er->r, &er->words, node, "zone", false);
	else if (zone)
		name_at(&er->r, node, "zone");
}

static void read_segment(struct estate_reader *er, const struct node *node,
			 struct estate_segment *s)
{
	struct reader *r = &er->r;
	struct estate_tag tags[ESTATE_TAGS_MAX];
	size_t errors = r->d->n_errors;
	s->at = node->at;
	read_owner(er, node, s);
	for (size_t i = 0; i < N_TAG_KEYS; i++)
		read_tags(er, node, &tag_keys[i], tags, &s->n_tags);
	s->tags = arena_copy(r->arena, tags, s->n_tags * sizeof(*tags));
	s->interface = text_at(r, node, "interface");
	if (!s->n_tags && !s->interface && r->d->n_errors == errors)
		diag_error(r->d, EINVAL, "estate.segment-empty", node->at,
			   "say what the segment is told by: 'interface', 'vlan', 'vni', "
			   "'gre_key', 'mpls', 'teid', 'erspan', 'pppoe' or 'nsh'");
}

/* Two entries for what is told by the same would leave open whose it is. */
static void check_segment_once(struct estate_reader *er, const struct estate_segment *s,
			       struct map *seen)
{
	struct text key = { 0 };
	for (size_t i = 0; i < s->n_tags; i++)
		text_putf(&key, "%u %u;", s->tags[i].kind, s->tags[i].id);
	text_putf(&key, "%s", s->interface ? s->interface : "");
	void **first = map_atn(seen, key.s, key.len);
	text_finish(&key);
	if (*first) {
		diag_error(er->r.d, EEXIST, "estate.segment-twice", s->at,
			   "this segment stands here already: whose it is has to be clear");
		diag_related(er->r.d, ((const struct estate_segment *)*first)->at,
			     "first here");
		return;
	}
	*first = (void *)s;
}

void read_segments(struct estate_reader *er)
{
	struct reader *r = &er->r;
	const struct node *const *items = NULL;
	size_t n = list_at(r, er->root, "segments", &items), used = 0;
	struct estate_segment *v = arena_array(r->arena, n, sizeof(*v));
	struct map seen = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (!check_shape(r, items[i], &shape_segment))
			continue;
		struct estate_segment *s = &v[used++];
		read_segment(er, items[i], s);
		check_segment_once(er, s, &seen);
	}
	map_finish(&seen);
	er->estate->segments = v;
	er->estate->n_segments = used;
}
