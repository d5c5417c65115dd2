/* SPDX-License-Identifier: Apache-2.0 */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"

static struct loc at_name(const struct source *s)
{
	return (struct loc){ .src = s };
}

/* UTF-16 (after its mark) to UTF-8; a lone surrogate is an error with its offset. */
static int from_utf16(struct text *out, const unsigned char *p, size_t size, bool big,
		      size_t *ret_bad)
{
	for (size_t i = 2; i < size; i += 2) {
		if (i + 1 >= size)
			return *ret_bad = i, -EILSEQ;
		uint32_t c = big ? p[i] << 8 | p[i + 1] : p[i + 1] << 8 | p[i];
		if (c >= 0xd800 && c < 0xe000) {
			if (c >= 0xdc00 || i + 3 >= size)
				return *ret_bad = i, -EILSEQ;
			uint32_t lo = big ? p[i + 2] << 8 | p[i + 3] : p[i + 3] << 8 | p[i + 2];
			if (lo < 0xdc00 || lo >= 0xe000)
				return *ret_bad = i, -EILSEQ;
			c = 0x10000 + ((c - 0xd800) << 10) + (lo - 0xdc00);
			i += 2;
		}
		text_put_utf8(out, c);
	}
	return 0;
}

static void from_latin1(struct text *out, const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_put_utf8(out, p[i]);
}

static void index_lines(struct arena *a, struct source *s)
{
	uint32_t n = 0;
	for (int pass = 0; pass < 2; pass++) {
		uint32_t *at = pass ? arena_array(a, n + 1, sizeof(*at)) : NULL;
		n = 0;
		for (size_t i = 0; i < s->size; n++) {
			if (at)
				at[n] = (uint32_t)i;
			while (i < s->size && s->data[i] != '\n' && s->data[i] != '\r')
				i++;
			if (i + 1 < s->size && s->data[i] == '\r' && s->data[i + 1] == '\n')
				i++;
			i++;
		}
		if (at)
			s->line_at = at;
	}
	s->n_lines = n;
}

int source_from_bytes(struct arena *a, struct diags *d, const char *name, const void *data,
		      size_t size, const struct source **ret_source)
{
	const unsigned char *p = data;
	struct source *s = arena_alloc(a, sizeof(*s));
	s->name = arena_str(a, name);
	s->sha256 = sha256_hex(a, data, size);
	s->data = "";
	if (!size)
		diag_warning(d, "source.empty", at_name(s),
			     "the file is empty: export it again, nothing can be said about it");
	if (size > SOURCE_MAX)
		return diag_error(d, EFBIG, "source.too-large", at_name(s),
				  "%zu bytes, the limit is %u", size, SOURCE_MAX);
	struct text out = { 0 };
	size_t bad = 0;
	bool latin1 = false;
	if (size >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) {
		if (from_utf16(&out, p, size, p[0] == 0xfe, &bad)) {
			text_finish(&out);
			return diag_error(d, EILSEQ, "source.encoding", at_name(s),
					  "broken UTF-16 at byte %zu: export the file as UTF-8",
					  bad);
		}
	} else {
		if (size >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
			p += 3, size -= 3;
		bad = utf8_valid(p, size);
		latin1 = bad != size;
		if (latin1)
			from_latin1(&out, p, size);
		else
			text_putn(&out, (const char *)p, size);
	}
	s->size = out.len;
	s->data = arena_strn(a, out.s ? out.s : "", out.len);
	text_finish(&out);
	index_lines(a, s);
	const char *nul = memchr(s->data, 0, s->size);
	if (nul)
		return diag_error(d, EILSEQ, "source.nul",
				  source_loc(s, (size_t)(nul - s->data), 1),
				  "a NUL byte: this is not a text export");
	if (latin1)
		diag_warning(d, "source.latin1", at_name(s),
			     "byte %zu is not UTF-8: the file is read as ISO 8859-1", bad);
	*ret_source = s;
	return 0;
}

static int read_all(int fd, char *buf, size_t size, size_t *ret_got)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	*ret_got = got;
	return 0;
}

int source_open(struct arena *a, struct diags *d, const char *path, const char *name,
		const struct source **ret_source)
{
	struct source *shown = arena_alloc(a, sizeof(*shown));
	shown->name = arena_str(a, name);
	shown->data = "";
	shown->sha256 = "";
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ELOOP)
		return diag_error(d, ELOOP, "source.not-regular", at_name(shown),
				  "a symbolic link: name the file itself");
	if (fd < 0)
		return diag_error(d, errno,
				  errno == ENOENT ? "source.missing" : "source.unreadable",
				  at_name(shown), "cannot be opened: %s", strerror(errno));
	struct stat st;
	int err = fstat(fd, &st) ? -errno : 0;
	if (err) {
		err = diag_error(d, err, "source.unreadable", at_name(shown), "%s",
				 strerror(-err));
	} else if (!S_ISREG(st.st_mode)) {
		err = diag_error(d, EINVAL, "source.not-regular", at_name(shown),
				 "%s, not a regular file: save the export to a file and name that",
				 S_ISDIR(st.st_mode)    ? "a directory"
				 : S_ISFIFO(st.st_mode) ? "a FIFO"
							: "a device or socket");
	} else if (st.st_size > (off_t)SOURCE_MAX) {
		err = diag_error(d, EFBIG, "source.too-large", at_name(shown),
				 "%lld bytes, the limit is %u", (long long)st.st_size, SOURCE_MAX);
	}
	if (!err) {
		size_t size = (size_t)st.st_size, got = 0;
		char *buf = xmalloc(size + 1);
		err = read_all(fd, buf, size + 1, &got);
		if (err)
			err = diag_error(d, err, "source.unreadable", at_name(shown), "%s",
					 strerror(-err));
		else if (got != size)
			err = diag_error(d, EBUSY, "source.unreadable", at_name(shown),
					 "changed its size while it was read: read it again");
		else
			err = source_from_bytes(a, d, name, buf, size, ret_source);
		free(buf);
	}
	close(fd);
	return err;
}

const char *source_line(const struct source *s, uint32_t line, size_t *ret_len)
{
	*ret_len = 0;
	if (!line || line > s->n_lines)
		return "";
	size_t from = s->line_at[line - 1];
	size_t to = line < s->n_lines ? s->line_at[line] : s->size;
	while (to > from && (s->data[to - 1] == '\n' || s->data[to - 1] == '\r'))
		to--;
	*ret_len = to - from;
	return s->data + from;
}

struct loc source_loc(const struct source *s, size_t off, size_t len)
{
	uint32_t lo = 0, hi = s->n_lines;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (s->line_at[mid] <= off)
			lo = mid;
		else
			hi = mid;
	}
	if (!s->n_lines)
		return (struct loc){ .src = s, .line = 1, .col = 1, .end_col = 1 };
	size_t line_len, col = off - s->line_at[lo];
	source_line(s, lo + 1, &line_len);
	size_t end = col + len > line_len ? line_len : col + len;
	return (struct loc){ .src = s,
			     .line = lo + 1,
			     .col = (uint32_t)col + 1,
			     .end_col = (uint32_t)(end > col ? end : col) + 1 };
}

struct loc source_line_loc(const struct source *s, uint32_t line)
{
	size_t len, from = 0;
	const char *p = source_line(s, line, &len);
	while (from < len && (p[from] == ' ' || p[from] == '\t'))
		from++;
	while (len > from && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return (struct loc){ .src = s,
			     .line = line,
			     .col = (uint32_t)from + 1,
			     .end_col = (uint32_t)len + 1 };
}
