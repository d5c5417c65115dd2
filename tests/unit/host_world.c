/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/unit/host_world.h"

struct arena *arena;
struct diags diags;
struct snapshot *snap;
const struct device *device;
const struct account *account;

int host_read(const struct collector *c, const char *name, const char *file, const char *data,
	      size_t size, const char *sets)
{
	const struct source *v[2];
	arena = arena_create();
	diags_init(&diags, arena);
	snap = snapshot_create();
	cr_assert_eq(source_from_bytes(arena, &diags, file, data, size, &v[0]), 0);
	if (sets)
		cr_assert_eq(source_from_bytes(arena, &diags, "sets.ipset", sets, strlen(sets),
					       &v[1]),
			     0);
	struct collect collect = { .snap = snap,
				   .diags = &diags,
				   .device = name,
				   .plane = PLANE_VIRTUAL,
				   .sources = v,
				   .n_sources = sets ? 2 : 1 };
	int err = c->read(&collect, v[0]);
	device = snapshot_device(snap, name);
	account = snap->accounts.n ? snap->accounts.v[0] : NULL;
	return err;
}

void done(void)
{
	snapshot_destroy(snap);
	diags_finish(&diags);
	arena_destroy(arena);
}

struct packet packet_of(const char *line)
{
	struct packet p;
	const char *why = "";
	cr_assert(packet_parse(arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	if (p.physin && !strcmp(p.physin, "none"))
		p.physin = "";
	if (p.physout && !strcmp(p.physout, "none"))
		p.physout = "";
	return p;
}

const char *answer(const char *ruleset, const char *line)
{
	const struct ruleset *rs = device_ruleset(device, ruleset);
	cr_assert_not_null(rs, "%s", ruleset);
	struct packet p = packet_of(line);
	struct interp_answer a = interp(rs, &p);
	return a.sure ? "permit" : a.maybe ? "unknown" : "deny";
}
