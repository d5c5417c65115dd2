/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_DRAW_H
#define REPORT_DRAW_H

/*
 * What an estate looks like: zones, the devices of both planes, where zones are attached and
 * what joins devices, and what a check said of the pairs. Collected once, without a format
 * in it; drawn for Graphviz (report/dot.c) and as a picture (report/svg*.c). Everything is in
 * an order that only the inputs decide. docs/views.md explains the drawings to people.
 */

#include "diff/results.h"
#include "report/zone_matrix.h"

/* What is said of some pairs together. */
struct draw_counts {
	size_t pairs, grave, wrong, open;
};

/*
 * A zone; where there are many, those of one tenant that are behind the same devices; where
 * there are very many, all of one tenant.
 */
struct draw_node {
	const char *label;
	size_t tenant; /* in drawing.tenants; SIZE_MAX: none */
	bool external;
	const size_t *zones; /* in the matrix */
	size_t n;
	struct draw_counts counts; /* from it and to it */
};

/* Where there are many, those of one kind that are joined to the same others are one. */
struct draw_device {
	const char *label;
	const char **names;
	size_t n;
	const char *says; /* the vendor, or "not read" */
	uint8_t plane;
	bool missing;
};

/* A place on a device where something is attached: a port, or several told as one. */
struct draw_port {
	size_t device;
	const char *label;
	/* The tenants of what is behind it, where they are too many for lines; or NULL. */
	const char *behind;
};

/* A node is behind a port. */
struct draw_tie {
	size_t node, port;
};

/* Ports that are joined: two or more. */
struct draw_link {
	const size_t *ports;
	size_t n;
	const char *says; /* "10.0.0.0/30", "vni 100", "declared" */
};

struct drawing {
	struct arena *arena; /* borrowed */
	const struct results *res;
	struct zone_matrix m;
	const char **tenants;
	size_t n_tenants;
	struct draw_node *nodes; /* those of one tenant stand together */
	size_t n_nodes;
	size_t *node_of; /* by zone */
	struct draw_device *devices;
	size_t n_devices;
	struct draw_port *ports; /* those of one device stand together */
	size_t n_ports;
	struct draw_tie *ties;
	size_t n_ties;
	struct draw_link *links;
	size_t n_links;
	struct draw_counts all;
	bool by_tenant; /* nodes are whole tenants */
};

/* res: of a check of the estate, frozen. Lives in the arena but for m; draw_finish frees. */
void draw_make(struct arena *a, const struct estate *e, const struct snapshot *s,
	       const struct results *res, struct drawing *ret);
void draw_finish(struct drawing *d);

/* What is said of the pairs from one node to another. */
struct draw_counts draw_between(const struct drawing *d, size_t from, size_t to);

/* "42 zone pairs: 34 aligned, 8 misaligned, 0 inconclusive" */
void draw_outcome(const struct drawing *d, struct text *t);

/* A graph in the DOT language. Appends. */
void draw_dot(const struct drawing *d, struct text *out);
/* A picture, SVG 1.1 with href of SVG 2; needs nothing from elsewhere. Appends. */
void draw_svg(const struct drawing *d, struct text *out);

#endif
