/* SPDX-License-Identifier: Apache-2.0 */
#include "report/doc.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

#ifndef VERSION
#define VERSION "0.0.0"
#endif

json_t *doc_stringn(const char *s, size_t len)
{
	if (!s)
		return json_null();
	size_t good = utf8_valid(s, len);
	if (good == len)
		return json_stringn_nocheck(s, len);
	struct text t = { 0 };
	while (len) {
		text_putn(&t, s, good);
		s += good;
		len -= good;
		if (!len)
			break;
		text_put(&t, "\xef\xbf\xbd");
		s++;
		len--;
		good = utf8_valid(s, len);
	}
	json_t *j = json_stringn_nocheck(t.s, t.len);
	text_finish(&t);
	return j;
}

json_t *doc_string(const char *s)
{
	return doc_stringn(s, s ? strlen(s) : 0);
}

json_t *doc_strings(const char *const *v, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, doc_string(v[i] ? v[i] : ""));
	return a;
}

void doc_put(json_t *obj, const char *key, json_t *value)
{
	json_object_set_new_nocheck(obj, key, value);
}

void doc_put_string(json_t *obj, const char *key, const char *s)
{
	doc_put(obj, key, doc_string(s));
}

void doc_put_int(json_t *obj, const char *key, size_t n)
{
	doc_put(obj, key, json_integer((json_int_t)n));
}

void doc_put_bool(json_t *obj, const char *key, bool b)
{
	doc_put(obj, key, json_boolean(b));
}

const char *doc_get_or_null(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

const char *doc_get(const json_t *obj, const char *key)
{
	const char *s = doc_get_or_null(obj, key);
	return s ? s : "";
}

long long doc_int(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool doc_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

const json_t *doc_object(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_object(v) ? v : NULL;
}

const json_t *doc_array(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_array(v) ? v : NULL;
}

json_t *doc_time(int64_t ns)
{
	char day[32];
	struct text t = { 0 };
	struct tm tm;
	int64_t below = ns % 1000000000;
	time_t s = (time_t)(ns / 1000000000);
	if (below < 0)
		below += 1000000000, s--;
	if (!gmtime_r(&s, &tm) || !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	text_putf(&t, "%s.%09lldZ", day, (long long)below);
	json_t *j = doc_string(t.s);
	text_finish(&t);
	return j;
}

const char *doc_version(void)
{
	return VERSION;
}

json_t *doc_stamp(void)
{
	json_t *p = json_object();
	doc_put_string(p, "version", VERSION);
	doc_put_int(p, "schema", DOC_SCHEMA);
	return p;
}
