/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_run.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what an estate means --- */

Test(estate, sources)
{
	struct run r = estate(BASE, ESTATE SOURCES);
	cr_assert(!r.err);
	const struct estate_source *s = r.estate->sources;
	cr_assert_eq(r.estate->n_sources, 2);
	cr_expect_str_eq(s[0].collector, "asa");
	cr_expect_eq(s[0].plane, PLANE_PHYSICAL);
	cr_expect_eq(s[0].responsible, RESPONSIBLE_CSP);
	cr_expect_str_eq(s[0].uplink, "outside");
	cr_expect_eq(s[0].collected_at, 3600);
	cr_expect_eq(s[0].max_age, 86400);
	cr_expect_eq(s[1].plane, -1);
	cr_expect_eq(s[1].collected_at, -1);
	cr_expect_eq(s[1].max_age, -1);
	cr_assert_eq(s[1].n_files, 2);
	cr_expect(r.estate->policy == r.policy);
	end(&r);
}

Test(estate, interfaces_are_alternatives_and_groups_apply_together)
{
	struct run r = estate(BASE, ESTATE SOURCES
			      "bindings:\n"
			      "  - {zone: web, device: edge, interfaces: [dmz1, dmz2]}\n"
			      "  - {zone: db, device: \"cloud:vpc-1\", subnets: [s1, s2], "
			      "security_groups: [g1, "
			      "g2], port: eni}\n"
			      "  - {zone: app, device: cloud, security_group: g3}\n");
	cr_assert(!r.err);
	const struct binding *b = r.estate->bindings;
	cr_assert_eq(r.estate->n_bindings, 5);
	cr_expect(PORTS(b[0].ports, b[0].n_ports, "dmz1"));
	cr_expect(PORTS(b[1].ports, b[1].n_ports, "dmz2"));
	cr_expect(PORTS(b[2].ports, b[2].n_ports, "s1", "g1", "g2", "eni"));
	cr_expect(PORTS(b[3].ports, b[3].n_ports, "s2", "g1", "g2", "eni"));
	cr_expect(PORTS(b[4].ports, b[4].n_ports, "g3"));
	cr_expect_str_eq(b[2].device, "cloud:vpc-1");
	cr_expect(b[4].zone == policy_zone(r.policy, "app"));
	end(&r);
}

Test(estate, paths)
{
	struct run r =
		estate(BASE, ESTATE SOURCES
		       "paths:\n"
		       "  - {id: p, from: [web, green], to: internet, both_ways: true, hops: "
		       "[{device: \"cloud:v\", in: [s, g], out: igw}, {device: edge, out: "
		       "self}]}\n"
		       "  - {from: internet, to: db, none: true, reason: no cable}\n"
		       "  - {from: web, to: any, hops: [{device: edge, in: self}]}\n");
	cr_assert(!r.err);
	const struct estate_path *p = r.estate->paths;
	cr_expect(LISTS(p[0].from, p[0].n_from, "web", "app"));
	cr_expect(p[0].both_ways && !p[0].none);
	cr_assert_eq(p[0].n_hops, 2);
	cr_expect(PORTS(p[0].hops[0].in, p[0].hops[0].n_in, "s", "g"));
	cr_expect(PORTS(p[0].hops[0].out, p[0].hops[0].n_out, "igw"));
	/* The packet ends at the device: it is local input there. */
	cr_expect(p[0].hops[1].local_in && !p[0].hops[1].local_out);
	cr_expect_eq(p[0].hops[1].n_in, 0);
	cr_expect_eq(p[0].hops[1].n_out, 0);
	cr_expect(p[1].none && !p[1].both_ways);
	cr_expect_str_eq(p[1].reason, "no cable");
	cr_expect(p[2].hops[0].local_out && !p[2].hops[0].local_in);
	cr_expect(LISTS(p[2].to, p[2].n_to, "web", "db", "app", "internet"));
	end(&r);
}

Test(estate, links)
{
	struct run r = estate(BASE, ESTATE SOURCES
			      "links:\n"
			      "  - ends: [{device: edge, interface: outside},\n"
			      "           {device: \"cloud:vpc-1\", port: igw}, {device: edge, vlan: 20}]\n"
			      "  - ends: [{device: edge, port: outside}, {device: cloud, port: s1}]\n");
	cr_assert(!r.err);
	const struct estate_link *l = r.estate->links;
	cr_assert_eq(r.estate->n_links, 2);
	cr_expect(PORTS(l[0].device, l[0].n, "edge", "cloud:vpc-1", "edge"));
	cr_expect(PORTS(l[0].port, l[0].n, "outside", "igw", "vlan:20"));
	cr_expect_str_eq(loc_print(r.arena, l[0].end_at[1]), "estate.yaml:9:12");
	cr_expect(PORTS(l[1].port, l[1].n, "outside", "s1"));
	end(&r);
}

Test(estate, segments)
{
	struct run r = estate(BASE, ESTATE SOURCES
			      "segments:\n"
			      "  - {tenant: blue, interface: eth1, vlan: [100, 20]}\n"
			      "  - {zone: app, vni: 0, gre_key: 4294967295}\n");
	cr_assert(!r.err);
	const struct estate_segment *s = r.estate->segments;
	cr_assert_eq(r.estate->n_segments, 2);
	cr_expect(s[0].tenant == &r.policy->tenants[0] && !s[0].zone);
	cr_expect_str_eq(s[0].interface, "eth1");
	cr_assert_eq(s[0].n_tags, 2);
	cr_expect(s[0].tags[0].kind == TAG_VLAN && s[0].tags[0].id == 100);
	cr_expect(s[0].tags[1].kind == TAG_VLAN && s[0].tags[1].id == 20);
	cr_expect(!s[1].tenant && s[1].zone == policy_zone(r.policy, "app"));
	cr_assert_eq(s[1].n_tags, 2);
	cr_expect(s[1].tags[0].kind == TAG_VNI && s[1].tags[0].id == 0);
	cr_expect(s[1].tags[1].kind == TAG_GRE_KEY && s[1].tags[1].id == UINT32_MAX);
	cr_expect_str_eq(loc_print(r.arena, s[1].at), "estate.yaml:9:5");
	end(&r);
}

Test(estate, warnings)
{
	struct run r = estate(BASE, ESTATE "sources:\n  - {name: a, file: x}\n"
					   "  - {name: b, files: [y, x]}\n");
	cr_assert(!r.err);
	cr_expect_str_eq(place(&r, "estate.file-twice"), "estate.yaml:6:5");
	cr_expect_eq(r.d.n_warnings, 1);
	end(&r);
}

/* Where nothing is mapped, addresses stand for each other in order, if there are as many. */
Test(estate, counterparts)
{
	struct run r = estate(BASE, ESTATE SOURCES
			      "counterparts:\n"
			      "  - {id: shop, physical: web, virtual: db}\n");
	cr_assert(!r.err);
	const struct counterpart *c = r.estate->counterparts;
	cr_assert_eq(r.estate->n_counterparts, 1);
	cr_expect_str_eq(c->id, "shop");
	cr_expect_str_eq(c->zone[PLANE_PHYSICAL]->name, "web");
	cr_expect_str_eq(c->zone[PLANE_VIRTUAL]->name, "db");
	cr_expect(!c->mapped);
	cr_assert_eq(c->n_twins, 1); /* db has no IPv6 */
	for (size_t i = 0; i < c->n_twins; i++)
		for (int p = 0; p < PLANE_COUNT; p++) {
			const struct twin_span *t = &c->twins[i];
			cr_expect(addr_equal(t->span[p].lo, c->zone[p]->spans[t->family][0].lo));
			cr_expect(addr_equal(t->span[p].hi, c->zone[p]->spans[t->family][0].hi));
		}
	end(&r);
}

Test(estate, without_a_policy_names_of_zones_are_not_checked)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *src = bytes(
		&r, "estate.yaml",
		ESTATE SOURCES "bindings: [{zone: nowhere, device: edge, interface: a}]\n");
	cr_expect(!estate_parse(&r.m, &r.d, src, NULL, NULL, &r.estate));
	cr_expect(!r.estate->policy);
	end(&r);
}

Test(estate, too_many_bindings)
{
	struct text t = { 0 };
	text_put(&t, ESTATE SOURCES "bindings:\n  - zone: web\n    device: edge\n    ports: [");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t, "p%u, ", i);
	text_put(&t, "]\n    interfaces: [");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t, "i%u, ", i);
	text_put(&t, "]\n");
	struct run r = estate(BASE, t.s);
	cr_expect_eq(diags_count(&r.d, "estate.too-large"), 1);
	text_finish(&t);
	end(&r);
}

/* --- files --- */

static void put(struct run *r, const char *folder, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(r->arena, "%s/%s", folder, name), "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

static void sub(struct run *r, const char *folder, const char *name)
{
	cr_assert(!mkdir(arena_printf(r->arena, "%s/%s", folder, name), 0700));
}

static struct run folder(char *path)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	strcpy(path, "/tmp/test_policies.XXXXXX");
	cr_assert(mkdtemp(path));
	return r;
}

static void clean(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *ent;
	while (dir && (ent = readdir(dir))) {
		char child[4096];
		snprintf(child, sizeof(child), "%s/%s", path, ent->d_name);
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, "..") && unlink(child))
			clean(child);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

Test(files, a_folder_is_listed_whole_and_sorted)
{
	char path[64];
	struct run r = folder(path);
	put(&r, path, "policy.yaml", BASE);
	put(&r, path, "estate.yaml", ESTATE "sources: [{name: cloud, dir: exports/}]\n");
	sub(&r, path, "exports");
	sub(&r, path, "exports/2");
	sub(&r, path, "exports/2/eu");
	put(&r, path, "exports/2/eu/b.json", "");
	put(&r, path, "exports/2/eu/a.json", "");
	put(&r, path, "exports/10.json", "");
	put(&r, path, "exports/.hidden", "");
	cr_assert(!symlink("/etc", arena_printf(r.arena, "%s/exports/link", path)));
	cr_assert(!mkfifo(arena_printf(r.arena, "%s/exports/pipe", path), 0600));
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	const struct estate_source *s = r.estate->sources;
	/* Link and pipe are there, so that reading them fails: nothing of /etc is. */
	cr_expect(PORTS(s->files, s->n_files, "exports/10.json", "exports/2/eu/a.json",
			"exports/2/eu/b.json", "exports/link", "exports/pipe"));
	cr_expect(diags_has(&r.d, "estate.hidden"));
	cr_expect(!diags_has(&r.d, "estate.dir"));
	clean(path);
	end(&r);
}

static void dir_is_its_own_file(struct run *r, const char *path, const char *dir)
{
	put(r, path, "estate.yaml",
	    arena_printf(r->arena, ESTATE "sources: [{name: cloud, dir: %s}]\n", dir));
	cr_assert(!estate_read(&r->m, &r->d, arena_printf(r->arena, "%s/estate.yaml", path),
			       &r->estate));
	const struct estate_source *s = r->estate->sources;
	cr_assert_eq(s->n_files, 1, "%s", dir);
	cr_expect_str_eq(s->files[0], dir);
	const struct source *src;
	cr_expect(source_open(r->arena, &r->d,
			      arena_printf(r->arena, "%s/%s", path, s->files[0]), dir,
			      &src) < 0,
		  "%s can be read", dir);
}

Test(files, a_folder_that_cannot_be_listed_cannot_be_read_either)
{
	char path[64];
	struct run r = folder(path);
	put(&r, path, "policy.yaml", BASE);
	sub(&r, path, "empty");
	cr_assert(!symlink("/etc", arena_printf(r.arena, "%s/link", path)));
	dir_is_its_own_file(&r, path, "missing");
	dir_is_its_own_file(&r, path, "empty");
	dir_is_its_own_file(&r, path, "link");
	cr_expect_eq(diags_count(&r.d, "estate.dir"), 3);
	clean(path);
	end(&r);
}

Test(files, a_name_that_is_not_utf8_makes_the_folder_unread)
{
	char path[64];
	struct run r = folder(path);
	put(&r, path, "policy.yaml", BASE);
	put(&r, path, "estate.yaml", ESTATE "sources: [{name: cloud, dir: d}]\n");
	sub(&r, path, "d");
	put(&r, path, "d/a", "");
	put(&r, path, "d/\xff", "");
	cr_assert(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	const struct estate_source *s = r.estate->sources;
	cr_expect(PORTS(s->files, s->n_files, "d", "d/a"));
	cr_expect(diags_has(&r.d, "estate.dir"));
	clean(path);
	end(&r);
}

Test(files, folders_in_folders_end)
{
	char path[64];
	struct run r = folder(path);
	struct text t = { 0 };
	put(&r, path, "policy.yaml", BASE);
	text_put(&t, "d");
	sub(&r, path, t.s);
	for (unsigned i = 0; i < 8; i++) {
		text_put(&t, "/d");
		sub(&r, path, t.s);
	}
	put(&r, path, arena_printf(r.arena, "%s/deep", t.s), "");
	put(&r, path, "estate.yaml", ESTATE "sources: [{name: cloud, dir: d}]\n");
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	cr_expect_eq(r.estate->sources[0].n_files, 1);
	cr_expect(!diags_has(&r.d, "estate.dir"));
	text_put(&t, "/d");
	sub(&r, path, t.s);
	put(&r, path, arena_printf(r.arena, "%s/deeper", t.s), "");
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	cr_expect_eq(diags_count(&r.d, "estate.dir"), 1);
	cr_assert_eq(r.estate->sources[0].n_files, 2);
	cr_expect_str_eq(r.estate->sources[0].files[0], t.s);
	text_finish(&t);
	clean(path);
	end(&r);
}

Test(files, places_are_relative_to_the_estate)
{
	char path[64];
	struct run r = folder(path);
	sub(&r, path, "net");
	put(&r, path, "policy.yaml", BASE "onwer: a\n");
	put(&r, path, "net/estate.yaml",
	    HEAD "policy: [../policy.yaml, missing.yaml]\n" SOURCES "colector: b\n");
	cr_expect(estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/net/estate.yaml", path),
			      &r.estate) < 0);
	cr_expect_str_eq(place(&r, "yaml.unknown-key"), "estate.yaml:7:1");
	cr_expect_str_eq(place(&r, "source.missing"), "missing.yaml");
	put(&r, path, "net/estate.yaml", HEAD "policy: ../policy.yaml\n" SOURCES);
	struct run s = begin();
	matches_init(&s.m, s.arena);
	cr_expect(estate_read(&s.m, &s.d, arena_printf(s.arena, "%s/net/estate.yaml", path),
			      &s.estate) < 0);
	cr_expect_str_eq(place(&s, "yaml.unknown-key"), "../policy.yaml:9:1");
	clean(path);
	end(&s);
	end(&r);
}
