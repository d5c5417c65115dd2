/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of a set is {"prefix": {"addr": "10.0.0.0", "len": 8}}: two objects, which cost a
 * kilobyte in the tree of a parser that keeps a hash table for each. In a long listing each one
 * is written as "10.0.0.0/8" before it is parsed, filled up with blanks so that everything else
 * stays where it was. Only what nft itself writes is touched, to the byte.
 */
#include "collectors/nft_internal.h"

#include <string.h>

enum { LONG = 4 << 20 };

/* Behind the text, or NULL where it isn't there. */
static const char *after(const char *s, const char *text)
{
	size_t n = strlen(text);
	return strncmp(s, text, n) ? NULL : s + n;
}

/* Writes the short form over the object at s; what comes behind it, or NULL. */
static char *shorten(char *s)
{
	const char *addr = after(s, "{\"prefix\": {\"addr\": \"");
	size_t n = addr ? strspn(addr, "0123456789abcdef.:") : 0;
	const char *len = n ? after(addr + n, "\", \"len\": ") : NULL;
	size_t digits = len ? strspn(len, "0123456789") : 0;
	const char *end = digits && digits < 4 ? after(len + digits, "}}") : NULL;
	/* a name that looks like a beginning of an address is none */
	if (!end || (!memchr(addr, '.', n) && !memchr(addr, ':', n)))
		return NULL;
	size_t whole = (size_t)(end - s);
	char number[4];
	memcpy(number, len, digits);
	s[0] = '"';
	memmove(s + 1, addr, n);
	s[1 + n] = '/';
	memcpy(s + 2 + n, number, digits);
	s[2 + n + digits] = '"';
	memset(s + 3 + n + digits, ' ', whole - 3 - n - digits);
	return s + whole;
}

const struct source *nft_compact(struct arena *a, const struct source *src)
{
	static const char mark[] = "{\"prefix\": ";
	if (src->size < LONG || !memmem(src->data, src->size, mark, sizeof(mark) - 1))
		return src;
	struct source *ret = arena_copy(a, src, sizeof(*src));
	char *data = arena_copy(a, src->data, src->size + 1), *end = data + src->size;
	for (char *s = data; (s = memmem(s, (size_t)(end - s), mark, sizeof(mark) - 1));) {
		char *next = shorten(s);
		s = next ? next : s + 1;
	}
	ret->data = data;
	return ret;
}
