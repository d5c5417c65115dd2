/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's AWS exports: each file alone, each folder as one set, and what was measured
 * on the real network against what we say. Prints the share of policy members that were
 * modelled exactly, and why the others weren't.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "model/interp.h"
#include "tests/corpus/walk.h"

extern const struct collector collector_aws;

static struct paths paths;

static bool is_json(const char *path, const struct stat *st)
{
	(void)st;
	return has_suffix(path, ".json");
}

/* Fills paths. False where the corpus is absent. */
static bool find_files(const char *below)
{
	const char *folder = corpus_folder(below);
	paths_free(&paths);
	if (!folder)
		return false;
	paths_gather(&paths, folder, is_json);
	cr_assert_gt(paths.n, 0, "%s", folder);
	return true;
}

struct world {
	struct snapshot *snap;
	struct arena *arena;
	struct diags diags;
	VEC(const struct source *) src;
	int err;
};

static void start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->snap = snapshot_create();
	w->arena = arena_create();
	diags_init(&w->diags, w->arena);
}

static void add_path(struct world *w, const char *path)
{
	const struct source *s;
	cr_assert_eq(source_open(w->arena, &w->diags, path, path, &s), 0, "%s", path);
	*vec_add(&w->src) = s;
}

static void run(struct world *w)
{
	w->err = collector_run(&collector_aws, w->snap, &w->diags, "cloud", PLANE_VIRTUAL,
			       w->src.v, w->src.n);
}

static void done(struct world *w)
{
	snapshot_destroy(w->snap);
	diags_finish(&w->diags);
	arena_destroy(w->arena);
	vec_free(&w->src);
}

struct shares {
	size_t n[ACCOUNT_CLASSES], files, unread;
	struct map reasons;
};

static void tally(struct world *w, struct shares *s)
{
	vec_each (acc, &w->snap->accounts) {
		s->files++;
		s->unread += (*acc)->failed;
		for (int c = 0; c < ACCOUNT_CLASSES; c++)
			s->n[c] += (*acc)->policy[c];
		size_t named = (*acc)->count[ACCOUNT_BOUNDED] + (*acc)->count[ACCOUNT_REJECTED];
		cr_expect_eq((*acc)->entries.n, named, "%s", (*acc)->src->name);
		vec_each (e, &(*acc)->entries) {
			cr_expect(e->at.src != NULL);
			reasons_count_alike(&s->reasons, e->why, true);
		}
	}
}

static void print_shares(const char *what, struct shares *s)
{
	size_t all = 0;
	for (int c = 0; c < ACCOUNT_CLASSES; c++)
		all += s->n[c];
	printf("%s: %zu files (%zu are no exports), %zu policy members: %.2f%% exact, %zu "
	       "bounded, %zu irrelevant, %zu rejected\n",
	       what, s->files, s->unread, all,
	       all ? 100.0 * (double)s->n[ACCOUNT_EXACT] / (double)all : 0,
	       s->n[ACCOUNT_BOUNDED], s->n[ACCOUNT_IRRELEVANT], s->n[ACCOUNT_REJECTED]);
	reasons_print(&s->reasons);
}

/* Policy members as a plain count over the tree knows them, for the wrappers that name them. */
static size_t len_of(const json_t *o, const char *key)
{
	return json_array_size(json_object_get(o, key));
}

static size_t permissions(const json_t *list)
{
	size_t i, n = 0;
	const json_t *p;
	json_array_foreach (list, i, p) {
		size_t of = len_of(p, "IpRanges") + len_of(p, "Ipv6Ranges") +
			    len_of(p, "PrefixListIds") + len_of(p, "UserIdGroupPairs");
		n += of ? of : 1;
	}
	return n;
}

static bool seen_before(struct map *seen, const char *id)
{
	void **at = map_at(seen, id ? id : "");
	bool before = *at != NULL;
	*at = seen;
	return before;
}

static size_t expected_members(const json_t *root)
{
	const json_t *data = json_object_get(root, "data"), *o, *e;
	const json_t *top = json_is_object(data) ? data : root;
	struct map seen = { 0 };
	size_t i, k, n = 0;
	json_array_foreach (json_object_get(top, "SecurityGroups"), i, o) {
		if (!seen_before(&seen, json_string_value(json_object_get(o, "GroupId"))))
			n += permissions(json_object_get(o, "IpPermissions")) +
			     permissions(json_object_get(o, "IpPermissionsEgress"));
	}
	json_array_foreach (json_object_get(top, "NetworkAcls"), i, o)
		n += len_of(o, "Entries") + len_of(o, "Associations");
	json_array_foreach (json_object_get(top, "NetworkInterfaces"), i, o)
		n++;
	json_array_foreach (json_object_get(top, "PrefixLists"), k, e)
		n += len_of(e, "Cidrs");
	map_finish(&seen);
	return n;
}

static void each_alone(const char *class)
{
	struct shares s = { 0 };
	if (!find_files(class))
		return;
	vec_each (p, &paths) {
		struct world w;
		start(&w);
		double began = clock_now();
		add_path(&w, *p);
		run(&w);
		cr_expect_lt(clock_now() - began, 5, "%s", *p);
		cr_assert_eq(w.snap->accounts.n, 1, "%s", *p);
		const struct account *acc = w.snap->accounts.v[0];
		cr_expect_eq(w.err < 0, acc->failed, "%s", *p);
		json_t *root = json_load_file(*p, 0, NULL);
		size_t counted = 0, expected = expected_members(root);
		for (int c = 0; c < ACCOUNT_CLASSES; c++)
			counted += acc->policy[c];
		cr_expect_geq(counted, expected, "%s: %zu of %zu members", *p, counted,
			      expected);
		if (expected)
			cr_expect_eq(w.err, 0, "%s", *p);
		json_decref(root);
		tally(&w, &s);
		done(&w);
	}
	print_shares(class, &s);
}

Test(aws_corpus, every_file_alone)
{
	each_alone("aws");
	each_alone("aws-measured");
}

/* The folder below which one set of exports lies. */
static size_t set_len(const char *path)
{
	const char *configs = strstr(path, "/aws_configs/");
	const char *slash = configs ? configs : strrchr(path, '/');
	return (size_t)(slash - path);
}

static void each_set(const char *class)
{
	struct shares s = { 0 };
	size_t sets = 0, devices = 0;
	if (!find_files(class))
		return;
	for (size_t i = 0; i < paths.n;) {
		struct world w;
		size_t len = set_len(paths.v[i]), first = i;
		start(&w);
		for (; i < paths.n && set_len(paths.v[i]) == len &&
		       !strncmp(paths.v[i], paths.v[first], len);
		     i++)
			if (!strstr(paths.v[i], "hosts/"))
				add_path(&w, paths.v[i]);
		double began = clock_now();
		if (w.src.n)
			run(&w);
		cr_expect_lt(clock_now() - began, 20, "%s", paths.v[first]);
		cr_expect_eq(w.snap->accounts.n, w.src.n);
		tally(&w, &s);
		sets++;
		devices += w.snap->devices.n;
		done(&w);
	}
	printf("%s: %zu folders, %zu VPCs\n", class, sets, devices);
	print_shares(class, &s);
}

Test(aws_corpus, every_folder_as_a_set)
{
	each_set("aws");
	each_set("aws-measured");
}

/* What was measured: a packet that came through must be possible by our account too. */

struct lab {
	struct world w;
	struct map to_private; /* a public address: the private one that it stands for */
	struct map to_public;
	size_t reached, sure, contradicted, blocked, explained, skipped;
};

static void learn_public(struct lab *lab, const char *path)
{
	json_t *root = json_load_file(path, 0, NULL);
	const json_t *o, *a;
	size_t i, k;
	json_array_foreach (json_object_get(root, "NetworkInterfaces"), i, o) {
		json_array_foreach (json_object_get(o, "PrivateIpAddresses"), k, a) {
			const char *in =
				json_string_value(json_object_get(a, "PrivateIpAddress"));
			const char *out = json_string_value(
				json_object_get(json_object_get(a, "Association"), "PublicIp"));
			if (!in || !out)
				continue;
			*map_at(&lab->to_private, out) = arena_str(lab->w.arena, in);
			*map_at(&lab->to_public, in) = arena_str(lab->w.arena, out);
		}
	}
	json_decref(root);
}

static const struct port *interface_with(const struct lab *lab, const char *address,
					 const struct device **ret_device)
{
	enum family f;
	struct addr a;
	if (!addr_parse(address, strlen(address), &f, &a))
		return NULL;
	vec_each (d, &lab->w.snap->devices) {
		for (size_t i = 0; i < (*d)->n_ports; i++) {
			const struct port *p = &(*d)->ports[i];
			if (strcmp(p->kind, "network-interface"))
				continue;
			for (size_t k = 0; k < p->n_prefixes; k++)
				if (p->prefixes[k].family == f && addr_equal(p->addrs[k], a)) {
					*ret_device = *d;
					return p;
				}
		}
	}
	return NULL;
}

/* Joins the answers of one port's rulesets to *sure and *maybe. */
static void ask(const struct device *d, const struct port *p, enum hook_kind kind,
		const struct packet *packet, bool *sure, bool *maybe)
{
	for (size_t i = 0; i < d->n_hooks; i++) {
		const struct hook *h = &d->hooks[i];
		if (h->kind != kind || strcmp(h->port, p->name))
			continue;
		struct interp_answer a = interp(h->ruleset, packet);
		*sure &= a.sure;
		*maybe &= a.maybe;
	}
}

static bool make_packet(struct lab *lab, struct packet *p, const char *proto, const char *src,
			const char *dst, const char *dport, bool reply)
{
	char line[256];
	const char *why;
	if (!strcmp(proto, "icmp"))
		snprintf(line, sizeof(line), "icmp %s %d %s 0 state=%s", reply ? dst : src,
			 reply ? 0 : 8, reply ? src : dst, reply ? "established" : "new");
	else if (reply)
		snprintf(line, sizeof(line), "%s %s %s %s 50000 state=established", proto, dst,
			 dport, src);
	else
		snprintf(line, sizeof(line), "%s %s 50000 %s %s", proto, src, dst, dport);
	return packet_parse(lab->w.arena, line, strlen(line), p, &why);
}

static const char *or_self(const struct map *m, const char *key)
{
	const char *v = map_get(m, key);
	return v ? v : key;
}

/* One probe; the source asks for `dst`, which may be a public address of an interface. */
static void probe(struct lab *lab, const char *name, const char *src, const char *dst,
		  const char *proto, const char *dport, bool reached)
{
	const struct device *sd = NULL, *dd = NULL;
	bool outside = !strcmp(src, "8.8.8.8") || map_get(&lab->to_private, dst);
	const char *inner = or_self(&lab->to_private, dst);
	const char *seen = outside ? or_self(&lab->to_public, src) : src;
	const struct port *sp = interface_with(lab, src, &sd);
	const struct port *dp = interface_with(lab, inner, &dd);
	struct packet out, in, back_out, back_in;
	if (!strcmp(src, inner) || (!sp && !dp) ||
	    !make_packet(lab, &out, proto, src, dst, dport, false) ||
	    !make_packet(lab, &in, proto, seen, inner, dport, false) ||
	    !make_packet(lab, &back_out, proto, seen, inner, dport, true) ||
	    !make_packet(lab, &back_in, proto, src, dst, dport, true)) {
		lab->skipped++;
		return;
	}
	bool sure = true, maybe = true;
	/* Whose address the destination sees isn't known where a gateway translates. */
	bool translated = outside && sp && !map_get(&lab->to_public, src);
	if (sp) {
		ask(sd, sp, HOOK_IN, &out, &sure, &maybe);
		ask(sd, sp, HOOK_OUT, &back_in, &sure, &maybe);
	}
	if (dp && !translated && strcmp(src, "8.8.8.8")) {
		ask(dd, dp, HOOK_OUT, &in, &sure, &maybe);
		ask(dd, dp, HOOK_IN, &back_out, &sure, &maybe);
	}
	if (!reached) {
		lab->blocked++;
		lab->explained += !maybe;
		return;
	}
	lab->reached++;
	lab->sure += sure;
	lab->contradicted += !maybe;
	cr_expect(maybe, "%s: %s %s > %s:%s came through, we deny it", name, proto, src, dst,
		  dport);
}

static void run_lab(const char *measured)
{
	struct lab lab = { 0 };
	char top[4096], line[1024], name[256];
	const char *base = strrchr(measured, '/') + 1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	start(&lab.w);
	snprintf(top, sizeof(top), "/snapshots/%s/aws_configs/", name);
	vec_each (p, &paths) {
		if (!strstr(*p, top))
			continue;
		add_path(&lab.w, *p);
		learn_public(&lab, *p);
	}
	run(&lab.w);
	cr_expect_eq(lab.w.err, 0, "%s", name);
	FILE *f = fopen(measured, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f)) {
		char src[64], dst[64], proto[16], dport[16], raw[64], reached[16];
		if (*line != '#' && sscanf(line, "%63s %63s %15s %15s %63s %15s", src, dst,
					   proto, dport, raw, reached) == 6)
			probe(&lab, name, src, dst, proto, dport, !strcmp(reached, "yes"));
	}
	fclose(f);
	printf("%s: %zu came through (%zu surely permitted by us, %zu contradicted), %zu did "
	       "not "
	       "(%zu denied by groups or ACLs), %zu not asked\n",
	       name, lab.reached, lab.sure, lab.contradicted, lab.blocked, lab.explained,
	       lab.skipped);
	map_finish(&lab.to_private);
	map_finish(&lab.to_public);
	done(&lab.w);
}

static bool is_table(const char *path, const struct stat *st)
{
	(void)st;
	return has_suffix(path, ".measured.tsv");
}

Test(aws_corpus, what_came_through_is_not_denied)
{
	struct paths tables = { 0 };
	if (!find_files("aws-measured"))
		return;
	paths_gather(&tables, corpus_folder("aws-measured"), is_table);
	cr_assert_gt(tables.n, 0);
	vec_each (t, &tables)
		run_lab(*t);
	paths_free(&tables);
}
