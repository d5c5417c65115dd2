/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_DRAW_FIND_H
#define REPORT_DRAW_FIND_H

/*
 * What there is to draw, as the estate and the exports have it: every device, every port that
 * a zone is behind, all ports that are joined. Internal to the drawing.
 */

#include "base/map.h"
#include "base/vec.h"
#include "model/path.h"
#include "report/draw.h"

/* A zone behind a port. */
struct draw_place {
	size_t zone, device; /* in the matrix, in devices */
	const char *port;
};

/* Ports that are joined. */
struct draw_joint {
	const struct draw_port *v;
	size_t n;
	const char *says;
};

struct draw_found {
	struct arena *arena; /* borrowed, like the next three */
	const struct estate *estate;
	const struct snapshot *snap;
	const struct zone_matrix *m;
	VEC(struct draw_device) devices;   /* each with its name as label */
	VEC(const struct device *) models; /* by device; NULL: not read */
	VEC(struct draw_place) places;
	VEC(struct draw_joint) joints;
	struct map zone_index, device_index, seen;
};

/* fd: zeroed but for what is borrowed. draw_found_finish frees the lists. */
void draw_find(struct draw_found *fd);
void draw_found_finish(struct draw_found *fd);

#endif
