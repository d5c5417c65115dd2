/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

/*
 * A file is written whole or not at all: to a temporary file beside it, fsync, rename.
 * 0 or a negative errno; an older file at path stays as it was when anything fails. A link's target is
 * what is written; a device or a pipe is written to as it is.
 */

#include <stddef.h>

int file_write(const char *path, const void *data, size_t size);

#endif
