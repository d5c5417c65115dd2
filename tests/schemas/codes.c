/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of policy and estate say to many texts, for check_policies.py:
 *	codes policy | codes estate POLICY.yaml
 * Reads records from standard input, each the number of its bytes on a line and then the
 * bytes; answers a line for each with the codes of the errors, or "ok".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policies.h"

static void answer(const char *policy_path, const char *text, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	struct matches m;
	const struct source *src;
	const struct policy *p = NULL;
	const struct estate *e;
	diags_init(&d, a);
	matches_init(&m, a);
	int err = 0;
	if (policy_path) {
		err = source_open(a, &d, policy_path, "policy.yaml", &src);
		if (err || policy_read(&m, &d, &src, 1, &p))
			abort();
	}
	err = source_from_bytes(a, &d, "text", text, size, &src);
	if (!err && policy_path)
		err = estate_parse(&m, &d, src, p, NULL, &e);
	else if (!err)
		err = policy_read(&m, &d, &src, 1, &p);
	for (size_t i = 0; i < d.n; i++)
		if (d.v[i].severity == DIAG_ERROR)
			printf("%s ", d.v[i].code);
	puts(err ? "" : "ok");
	matches_finish(&m);
	diags_finish(&d);
	arena_destroy(a);
}

int main(int argc, char **argv)
{
	size_t size;
	if (argc < 2)
		return 2;
	while (scanf("%zu", &size) == 1 && getchar() == '\n') {
		char *text = malloc(size + 1);
		if (!text || fread(text, 1, size, stdin) != size)
			return 3;
		answer(!strcmp(argv[1], "estate") ? argv[2] : NULL, text, size);
		free(text);
	}
	return 0;
}
