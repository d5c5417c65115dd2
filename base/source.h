/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

/*
 * A text that was read, and places in it.
 *
 * A file is opened without following a final symbolic link and without blocking, must be a
 * regular file within the size limit, and is read once into memory; everything after works
 * on those bytes. Text is normalised to UTF-8: one byte order mark is taken off, UTF-16 with
 * a mark is converted, bytes that are not UTF-8 are read as ISO 8859-1 (with a warning),
 * a NUL is refused. Line ends may be LF, CRLF or CR.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

struct source {
	const char *name; /* as the user knows it: relative, never absolute */
	const char *data; /* UTF-8, NUL-terminated behind size */
	size_t size;
	const char *sha256;      /* hex digest of the bytes as they were on disk */
	const uint32_t *line_at; /* offset of each line's first byte */
	uint32_t n_lines;        /* a last line without line end counts, an empty one doesn't */
};

enum { SOURCE_MAX = 1u << 30 }; /* bytes; larger files are refused with a diagnostic */

/*
 * Reads path; the source is told of as name. Everything lives in the arena. 0, or a negative
 * errno after a diagnostic: source.missing, source.not-regular (directory, FIFO, device,
 * symbolic link), source.too-large, source.unreadable, source.nul, source.encoding,
 * source.empty (a warning only: an empty file is read).
 */
int source_open(struct arena *a, struct diags *d, const char *path, const char *name,
		const struct source **ret_source);

/* The same for bytes at hand (tests, fuzzing, standard input). data is copied. */
int source_from_bytes(struct arena *a, struct diags *d, const char *name, const void *data,
		      size_t size, const struct source **ret_source);

/* Line (1-based) without its line end; *ret_len in bytes. "" and 0 beyond the last line. */
const char *source_line(const struct source *s, uint32_t line, size_t *ret_len);

/* The place of the byte range [off, off + len) of s. */
struct loc source_loc(const struct source *s, size_t off, size_t len);

/* The place of a whole line (without leading and trailing blanks). */
struct loc source_line_loc(const struct source *s, uint32_t line);

#endif
