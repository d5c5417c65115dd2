/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_PLANE_H
#define DIFF_PLANE_H

#include "diff/run.h"

extern const struct check check_plane_absent;

/* coverage.plane-absent for one zone pair. */
void check_planes(struct check_run *run, const struct path *path, const bool *present);

#endif
