/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/* Text being built, UTF-8, numbers in text, and names that nearly match. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. s is NUL-terminated once anything was put (NULL before). */
struct text {
	char *s;
	size_t len, cap;
};

void text_finish(struct text *t);
void text_clear(struct text *t); /* keeps the memory */
void text_putc(struct text *t, char c);
void text_put(struct text *t, const char *s);
void text_putn(struct text *t, const char *s, size_t len);
void text_putf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vputf(struct text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void text_put_utf8(struct text *t, uint32_t code_point);

/* Offset of the first byte that is not valid UTF-8 (RFC 3629), size where all is. */
size_t utf8_valid(const void *data, size_t size);

/*
 * A whole decimal number within [lo, hi]; nothing before or behind it, no sign, no leading
 * zero but "0" itself unless zeros is set. false and *ret untouched otherwise.
 */
bool parse_number(const char *s, size_t len, uint64_t lo, uint64_t hi, bool zeros,
		  uint64_t *ret);

/* "YYYY-MM-DD" that exists in the calendar, as days since 1970-01-01. */
bool parse_date(const char *s, size_t len, int64_t *ret_days);

/* The candidate nearest to word (edit distance at most 2, and under half its length), or NULL. */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);

bool has_prefix(const char *s, const char *prefix);
bool has_suffix(const char *s, const char *suffix);

#endif
