/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/unit/cisco_world.h"

struct world config_read(const struct collector *c, const char *device, const char *text,
			 size_t size)
{
	struct world w = { .snap = snapshot_create(), .arena = arena_create() };

	diags_init(&w.diags, w.arena);
	cr_assert_eq(source_from_bytes(w.arena, &w.diags, "r.cfg", text, size, &w.src), 0);
	w.err = collector_run(c, w.snap, &w.diags, device, PLANE_PHYSICAL, &w.src, 1);
	cr_assert_eq(account_total(w.snap->accounts.v[0]), w.src->n_lines,
		     "every line is counted once");
	w.dev = snapshot_device(w.snap, device);
	return w;
}

struct world config_good(const struct collector *c, const char *text)
{
	struct world w = config_read(c, "r", text, strlen(text));

	cr_assert_eq(w.err, 0);
	cr_assert(w.dev);
	return w;
}

void done(struct world *w)
{
	snapshot_destroy(w->snap);
	diags_finish(&w->diags);
	arena_destroy(w->arena);
}

const struct account *account(const struct world *w)
{
	return w->snap->accounts.v[0];
}

size_t bounded(const struct world *w)
{
	return account(w)->count[ACCOUNT_BOUNDED] + account(w)->count[ACCOUNT_REJECTED];
}

struct packet packet(const struct world *w, const char *line)
{
	struct packet p;
	const char *why = "";

	cr_assert(packet_parse(w->arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	return p;
}

char verdict(const struct ruleset *rs, const struct packet *p)
{
	struct interp_answer a = interp(rs, p);

	return a.sure ? 'P' : a.maybe ? 'U' : 'D';
}
