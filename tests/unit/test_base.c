/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/source.h"
#include "base/text.h"
#include "base/vec.h"

static struct arena *arena;
static struct diags diags;

static void setup(void)
{
	arena = arena_create();
	diags_init(&diags, arena);
}

static void teardown(void)
{
	diags_finish(&diags);
	arena_destroy(arena);
}

TestSuite(base, .init = setup, .fini = teardown);

static const struct source *read_bytes(const char *s, size_t n)
{
	const struct source *src = NULL;
	source_from_bytes(arena, &diags, "f", s, n, &src);
	return src;
}

Test(base, lines_of_all_ends)
{
	const struct source *s = read_bytes("one\r\ntwo\rthree\n\nfive", 20);
	size_t len;
	cr_assert_eq(s->n_lines, 5);
	cr_assert(!memcmp(source_line(s, 3, &len), "three", 5) && len == 5);
	source_line(s, 4, &len);
	cr_assert_eq(len, 0);
	cr_assert(!memcmp(source_line(s, 5, &len), "five", 4) && len == 4);
	source_line(s, 6, &len);
	cr_assert_eq(len, 0);
	struct loc at = source_loc(s, 16, 2);
	cr_assert_eq(at.line, 5);
	cr_assert_eq(at.col, 1);
	cr_assert_eq(at.end_col, 3);
}

Test(base, byte_order_marks)
{
	cr_assert_str_eq(read_bytes("\xef\xbb\xbfhi", 5)->data, "hi");
	cr_assert_str_eq(read_bytes("\xff\xfeh\0i\0", 6)->data, "hi");
	cr_assert_str_eq(read_bytes("\xfe\xff\0h\0i", 6)->data, "hi");
	cr_assert_str_eq(read_bytes("\xff\xfe\x3d\xd8\x00\xde", 6)->data, "\xf0\x9f\x98\x80");
	cr_assert_eq(diags.n, 0);
}

Test(base, broken_text_is_told)
{
	cr_assert_null(read_bytes("\xff\xfeh\0i", 5));
	cr_assert(diags_has(&diags, "source.encoding"));
	cr_assert_null(read_bytes("a\0b", 3));
	cr_assert(diags_has(&diags, "source.nul"));
	cr_assert_str_eq(read_bytes("\xff\xe4", 2)->data, "\xc3\xbf\xc3\xa4");
	cr_assert(diags_has(&diags, "source.latin1"));
	cr_assert_not_null(read_bytes("", 0));
	cr_assert(diags_has(&diags, "source.empty"));
}

static int open_path(const char *path)
{
	const struct source *src;
	return source_open(arena, &diags, path, "name", &src);
}

Test(base, only_regular_files_are_read)
{
	char dir[] = "/tmp/plumbline-test-XXXXXX", path[64];
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(open_path("/nonexistent/file"), -ENOENT);
	cr_assert(diags_has(&diags, "source.missing"));
	cr_assert_eq(open_path(dir), -EINVAL);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(open_path(path), -EINVAL);
	unlink(path);
	snprintf(path, sizeof(path), "%s/link", dir);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert_eq(open_path(path), -ELOOP);
	cr_assert_eq(diags_count(&diags, "source.not-regular"), 3);
	unlink(path);
	rmdir(dir);
}

Test(base, files_are_written_whole_or_not_at_all)
{
	char dir[] = "/tmp/plumbline-test-XXXXXX", path[64];
	const struct source *src;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
	cr_assert_eq(file_write(path, "first", 5), 0);
	cr_assert_eq(file_write(path, "second", 6), 0);
	cr_assert_eq(source_open(arena, &diags, path, "out", &src), 0);
	cr_assert_str_eq(src->data, "second");
	unlink(path);
	cr_assert_eq(rmdir(dir), 0, "no temporary file is left");
	cr_assert_lt(file_write(path, "x", 1), 0);
}

Test(base, what_is_no_file_of_its_own_is_written_to_as_it_is)
{
	char dir[] = "/tmp/plumbline-test-XXXXXX", path[64], link[64], target[64];
	struct stat st;
	const struct source *src;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/null", dir);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_assert_eq(file_write(path, "lost", 4), 0);
	cr_assert_eq(stat("/dev/null", &st), 0);
	cr_assert(S_ISCHR(st.st_mode));
	snprintf(target, sizeof(target), "%s/out", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	cr_assert_eq(file_write(target, "first", 5), 0);
	cr_assert_eq(symlink(target, link), 0);
	cr_assert_eq(file_write(link, "second", 6), 0);
	cr_assert_eq(lstat(link, &st), 0);
	cr_assert(S_ISLNK(st.st_mode));
	cr_assert_eq(source_open(arena, &diags, target, "out", &src), 0);
	cr_assert_str_eq(src->data, "second");
	cr_assert_eq(file_write(dir, "x", 1), -EISDIR);
	unlink(link), unlink(path), unlink(target);
	cr_assert_eq(rmdir(dir), 0);
}

Test(base, numbers_and_dates_are_strict)
{
	uint64_t n = 7;
	int64_t d = 7;
	cr_assert(parse_number("65535", 5, 0, 65535, false, &n) && n == 65535);
	cr_assert(!parse_number("65536", 5, 0, 65535, false, &n));
	cr_assert(!parse_number("022", 3, 0, 99, false, &n));
	cr_assert(parse_number("022", 3, 0, 99, true, &n) && n == 22);
	cr_assert(!parse_number("", 0, 0, 9, false, &n));
	cr_assert(!parse_number("1e3", 3, 0, 9999, false, &n));
	cr_assert(!parse_number("99999999999999999999", 20, 0, UINT64_MAX, false, &n));
	cr_assert(parse_date("1970-01-01", 10, &d) && d == 0);
	cr_assert(parse_date("2024-02-29", 10, &d) && d == 19782);
	cr_assert(!parse_date("2023-02-29", 10, &d));
	cr_assert(!parse_date("2023-2-09", 9, &d));
}

Test(base, near_words)
{
	const char *const words[] = { "source", "service", "zone" };
	cr_assert_str_eq(nearest_word("sorce", words, 3), "source");
	cr_assert_str_eq(nearest_word("zones", words, 3), "zone");
	cr_assert_null(nearest_word("elephant", words, 3));
}

Test(base, maps_keep_order_and_values)
{
	struct map m = { 0 };
	char key[16];
	for (uintptr_t i = 1; i <= 1000; i++) {
		snprintf(key, sizeof(key), "k%u", (unsigned)i);
		*map_at(&m, key) = (void *)i;
	}
	cr_assert_eq(m.n, 1000);
	cr_assert_eq((uintptr_t)map_get(&m, "k777"), 777);
	cr_assert_null(map_get(&m, "k1001"));
	cr_assert_str_eq(m.entries[41].key, "k42");
	map_finish(&m);
}

Test(base, diagnostics_are_capped_and_counted)
{
	for (int i = 0; i < 150; i++)
		cr_assert_eq(diag_error(&diags, EINVAL, "test.many", LOC_NONE, "%d", i), -EINVAL);
	cr_assert_eq(diags.n, DIAG_CAP_PER_CODE);
	cr_assert_eq(diags_count(&diags, "test.many"), 150);
	cr_assert_eq(diags.n_errors, 150);
}

Test(base, arenas_rewind)
{
	struct arena_mark mark = arena_mark(arena);
	size_t used = arena_used(arena);
	for (int i = 0; i < 10000; i++)
		memset(arena_alloc(arena, 100), 1, 100);
	arena_rewind(arena, mark);
	cr_assert_eq(arena_used(arena), used);
	const char *zero = arena_alloc(arena, 64);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(zero[i], 0);
}

Test(base, vectors_grow)
{
	VEC(int) v = { 0 };
	for (int i = 0; i < 1000; i++)
		*vec_add(&v) = i;
	cr_assert_eq(v.n, 1000);
	int sum = 0;
	vec_each(x, &v)
		sum += *x;
	cr_assert_eq(sum, 499500);
	vec_free(&v);
}
