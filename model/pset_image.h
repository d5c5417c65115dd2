/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PSET_IMAGE_H
#define MODEL_PSET_IMAGE_H

/*
 * A function's labels laid out to be asked of very many packets, one after the other: two to
 * three times as fast as walking the diagram, and several times as large. It is a copy: what
 * becomes of the set, and of other values of its space, doesn't touch it.
 */

#include "model/pset.h"

struct pset_image;

/* NULL: it would take more than `most` bytes, or the set is spent. The space is borrowed. */
struct pset_image *pset_image_create(const struct pset_space *sp, struct pset f, size_t most);
void pset_image_destroy(struct pset_image *im); /* NULL is fine */
/* What pset_label_of() said of the set when the image was made. */
uint32_t pset_image_label_of(const struct pset_image *im, const struct packet *p);
size_t pset_image_bytes(const struct pset_image *im);

#endif
