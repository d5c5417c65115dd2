/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_ESTATE_READ_H
#define POLICIES_ESTATE_READ_H

/* The parts of the estate reader, in the order in which they run. */

#include "base/vec.h"
#include "model/estate.h"
#include "policies/names.h"

struct estate_reader {
	struct reader r;
	const struct node *root;
	const char *folder; /* of the estate file; NULL: directories are not looked into */
	const struct policy *policy; /* NULL: names of zones are not checked */
	struct estate *estate;
	struct names sources, path_ids, zone_names, tenant_names;
	struct zone_words words;
};

void read_sources(struct estate_reader *er);
void read_bindings(struct estate_reader *er);
void read_paths(struct estate_reader *er);
void read_links(struct estate_reader *er);
void read_counterparts(struct estate_reader *er);
void read_segments(struct estate_reader *er);

/* The device under `device`: "edge" or "cloud:vpc-1", where what stands before the colon is a
 * source; NULL after a diagnostic. */
const char *device_at(struct estate_reader *er, const struct node *map);
/* "vlan:20", as the paths look it up among a device's ports; NULL where there is no VLAN. */
const char *vlan_at(struct estate_reader *er, const struct node *map);

/*
 * A path relative to the estate's folder; `..` is fine, an absolute one is not
 * (estate.absolute-path), since an estate must mean the same on another machine.
 */
const char *file_of(struct reader *r, const struct node *node);
/*
 * The regular files below a folder, sorted by name, relative to the estate's folder. What
 * can't be looked into, and what is neither file nor folder, is listed itself, so that reading
 * it fails and says so: nothing is left out but names that begin with a dot (estate.hidden).
 */
void files_below(struct reader *r, const char *folder, const char *dir, struct loc at,
		 const char *const **ret_files, size_t *ret_n);

#endif
