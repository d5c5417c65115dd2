/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_YAML_H
#define POLICIES_YAML_H

/*
 * A YAML text as a small tree with a place on every node. What files written by hand don't
 * need is refused: anchors, aliases, tags, directives, several documents, keys that aren't
 * text, a key twice. Scalars stay text: what `no` or `022` mean is the field's business.
 */

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"

enum {
	YAML_MAX_DEPTH = 64,		   /* libyaml is quadratic in depth */
	YAML_MAX_EVENTS = 1000000,	   /* nodes and ends of collections */
	YAML_MAX_BYTES = 64 * 1024 * 1024, /* of the file */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	uint8_t kind; /* enum node_kind */
	bool plain;   /* of a scalar: written without quotes, on one line or folded */
	struct loc at;
	const char *s; /* of a scalar: its text, NUL-terminated, none inside */
	size_t len;
	const struct node *const *keys;	 /* of a map: scalars, n of them, all different */
	const struct node *const *items; /* of a list; of a map the values */
	size_t n;
};

/*
 * Reads src. 0 with the root, or a negative errno after a diagnostic where no tree can be had
 * (yaml.syntax, yaml.too-large, yaml.too-deep, yaml.too-many, yaml.empty,
 * yaml.multiple-documents). Other defects (yaml.anchor, yaml.alias, yaml.tag, yaml.directive,
 * yaml.key, yaml.duplicate-key, yaml.control-character) are error diagnostics too but leave a
 * tree, so that the rest of the file is read and reported on in the same run. The tree lives
 * in the arena.
 */
int yaml_parse(struct arena *a, struct diags *d, const struct source *src,
	       const struct node **ret_root);

/* The value under key, or NULL; NULL too where map is no map. */
const struct node *node_get(const struct node *map, const char *key);
/* The place of the key itself, or the map's where it isn't there. */
struct loc node_key_at(const struct node *map, const char *key);

/*
 * What another YAML reader would make of a plain scalar that isn't text: "a number", "a
 * boolean", "nothing" (null); NULL where all agree that it is text. YAML 1.1 and 1.2 differ in
 * `no`, `022`, `0o22` and `12:30:45`: whatever either of them takes for something else is
 * told. Quoted scalars are always text.
 */
const char *node_not_text(const struct node *scalar);

#endif
