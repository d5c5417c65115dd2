/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target as an ordinary test: every file of the folders (and every file) named,
 * and for each its beginnings at a few lengths, so that truncated inputs are seen too. Built
 * with clang's -fsanitize=fuzzer the target needs none of this.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

static void run(const char *data, size_t size)
{
	/* An exact-size copy, so that a byte read behind the end is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END)) {
		perror(path);
		return 1;
	}
	size_t size = (size_t)ftell(f);
	rewind(f);
	char *data = malloc(size + 1);
	if (!data || fread(data, 1, size, f) != size) {
		perror(path);
		return 1;
	}
	fclose(f);
	run(data, size);
	for (size_t i = 1; i < 16; i++)
		run(data, size * i / 16);
	free(data);
	return 0;
}

static int replay(const char *path)
{
	struct stat st;
	if (stat(path, &st)) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), bad = 0;
	for (int i = 0; i < n; i++) {
		char child[4096];
		snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			bad |= replay(child);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return bad | (n < 0);
}

int main(int argc, char **argv)
{
	int bad = argc < 2;
	for (int i = 1; i < argc; i++)
		bad |= replay(argv[i]);
	printf("%zu inputs\n", runs);
	return bad || !runs;
}
