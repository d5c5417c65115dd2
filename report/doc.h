/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_DOC_H
#define REPORT_DOC_H

/*
 * The results document as the writers see it: builders that take any C string, and readers
 * that forgive an absent or mistyped member ("" , 0, false, an empty array), so that a writer
 * never has to test for one. The readers never give NULL where it isn't said.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What schema number documents have that this program writes and reads. */
enum { DOC_SCHEMA = 1 };

/* A new string; bytes that aren't UTF-8 become U+FFFD. NULL gives a JSON null. */
json_t *doc_string(const char *s);
json_t *doc_stringn(const char *s, size_t len);
/* A new array of n strings. */
json_t *doc_strings(const char *const *v, size_t n);

/* Nanoseconds since 1970 as "2026-11-20T08:00:00.000000001Z" (RFC 3339); null where that is no
 * time that has a date. */
json_t *doc_time(int64_t ns);

/* Sets obj[key], taking the reference. */
void doc_put(json_t *obj, const char *key, json_t *value);
void doc_put_string(json_t *obj, const char *key, const char *s); /* NULL: null */
void doc_put_int(json_t *obj, const char *key, size_t n);
void doc_put_bool(json_t *obj, const char *key, bool b);

const char *doc_get(const json_t *obj, const char *key);	 /* "" where there is none */
const char *doc_get_or_null(const json_t *obj, const char *key); /* NULL where there is none */
long long doc_int(const json_t *obj, const char *key);
bool doc_bool(const json_t *obj, const char *key);
/* NULL where it is no object or no array; jansson's loops take that. */
const json_t *doc_object(const json_t *obj, const char *key);
const json_t *doc_array(const json_t *obj, const char *key);

/* {"version", "schema"}: the member "plumbline" of every document. */
json_t *doc_stamp(void);
const char *doc_version(void);

#endif
