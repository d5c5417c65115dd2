/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policies.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "policies/estate_read.h"

/* estate.yaml: what was exported from where, and which policy it is held against. */

/* file, files or dir: exactly one of them. */
static void read_files(struct estate_reader *er, const struct node *node,
		       struct estate_source *s)
{
	struct reader *r = &er->r;
	const struct node *file = node_get(node, "file"), *files = node_get(node, "files"),
			  *dir = node_get(node, "dir"), *const *items = NULL;
	if (!!file + !!files + !!dir != 1) {
		diag_error(r->d, EINVAL, "estate.one-of-file", node->at,
			   "a source has one of 'file', 'files' and 'dir': %s",
			   file || files || dir ? "take the others out" : "add one");
		return;
	}
	size_t n = dir ? 0 : file ? 1 : list_at(r, node, "files", &items);
	const char **v = arena_array(r->arena, n + 1, sizeof(*v));
	struct map seen = { 0 };
	for (size_t i = 0; i < n; i++) {
		const char *name = file_of(r, file ? file : items[i]);
		if (!name)
			continue;
		void **first = map_at(&seen, name);
		if (*first) {
			diag_error(r->d, EEXIST, "yaml.repeated", items[i]->at,
				   "'%s' stands in this list twice: keep one", shown(r, name));
			continue;
		}
		*first = (void *)name;
		v[s->n_files++] = name;
	}
	map_finish(&seen);
	s->files = v;
	const char *name = dir ? file_of(r, dir) : NULL;
	if (name && er->folder) {
		files_below(r, er->folder, name, dir->at, &s->files, &s->n_files);
	} else if (name) {
		v[0] = name;
		s->n_files = 1;
	}
}

static void read_age(struct estate_reader *er, const struct node *node, struct estate_source *s)
{
	struct reader *r = &er->r;
	const char *collected = text_at(r, node, "collected_at");
	const char *max_age = text_at(r, node, "max_age");
	s->collected_at = s->max_age = -1;
	if (collected && (!parse_timestamp(collected, strlen(collected), &s->collected_at) ||
			  s->collected_at < 0))
		diag_error(
			r->d, EINVAL, "estate.collected-at", node_get(node, "collected_at")->at,
			"'%s' is no point in time: write it as 2026-11-20T08:00:00Z, or with "
			"an offset such as +01:00",
			shown(r, collected));
	if (max_age && !parse_duration(max_age, strlen(max_age), &s->max_age))
		diag_error(r->d, EINVAL, "estate.max-age", node_get(node, "max_age")->at,
			   "'%s' is no age: write days or hours, such as 7d or 24h",
			   shown(r, max_age));
	if (node_get(node, "max_age") && !node_get(node, "collected_at"))
		diag_error(r->d, EINVAL, "estate.max-age", node_get(node, "max_age")->at,
			   "the age can't be known: say 'collected_at' too");
}

static void read_source(struct estate_reader *er, const struct node *node,
			struct estate_source *s)
{
	struct reader *r = &er->r;
	s->at = node->at;
	s->name = name_at(r, node, "name");
	if (s->name && strchr(s->name, ':'))
		diag_error(r->d, EINVAL, "yaml.name", node_get(node, "name")->at,
			   "'%s' has a colon, which in names of devices stands before the "
			   "device inside a source: leave it out",
			   s->name);
	read_files(er, node, s);
	s->collector = name_at(r, node, "collector");
	s->plane = word_at(r, node, "plane", plane_words, -1);
	s->responsible = (uint8_t)(1 + word_at(r, node, "responsible", responsible_words, -1));
	s->owner = text_at(r, node, "owner");
	s->uplink = text_at(r, node, "uplink");
	read_age(er, node, s);
}

/* A file under two names would be compared with itself, and agree. */
static void check_files_once(struct estate_reader *er, const struct estate_source *v, size_t n)
{
	struct map seen = { 0 };
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].n_files; k++) {
			void **first = map_at(&seen, v[i].files[k]);
			const struct estate_source *before = *first;
			if (before && before != &v[i]) {
				diag_warning(
					er->r.d, "estate.file-twice", v[i].at,
					"the source '%s' reads %s, as '%s' does: they would "
					"always agree",
					v[i].name ? v[i].name : "", v[i].files[k],
					before->name ? before->name : "");
				diag_related(er->r.d, before->at, "the other source");
			}
			*first = (void *)&v[i];
		}
	map_finish(&seen);
}

void read_sources(struct estate_reader *er)
{
	struct reader *r = &er->r;
	const struct node *const *items = NULL;
	size_t n = list_at(r, er->root, "sources", &items);
	VEC(struct estate_source) sources = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (!check_shape(r, items[i], &shape_source))
			continue;
		struct estate_source s = { 0 };
		read_source(er, items[i], &s);
		if (s.name && names_add(r, &er->sources, s.name, items[i]->at, sources.n))
			*vec_add(&sources) = s;
	}
	check_files_once(er, sources.v, sources.n);
	er->estate->sources = vec_keep(r->arena, &sources);
	er->estate->n_sources = sources.n;
	vec_free(&sources);
}

static void read_policy_files(struct reader *r, const struct node *root, struct estate *estate)
{
	size_t errors = r->d->n_errors;
	const struct node *const *items = NULL;
	const char *const *names = NULL;
	size_t n = texts_at(r, root, "policy", &names, &items);
	for (size_t i = 0; i < n; i++)
		file_of(r, items[i]);
	if (r->d->n_errors != errors)
		return;
	estate->policy_files = names;
	estate->n_policy_files = n;
}

static void index_policy(struct estate_reader *er)
{
	const struct policy *p = er->policy;
	struct reader *r = &er->r;
	for (size_t i = 0; i < p->n_tenants; i++)
		names_add(r, &er->tenant_names, p->tenants[i].name, p->tenants[i].at, i);
	for (size_t i = 0; i < p->n_zones; i++)
		names_add(r, &er->zone_names, p->zones[i].name, p->zones[i].at, i);
	er->words.zone_names = &er->zone_names;
	er->words.tenant_names = &er->tenant_names;
	er->words.code = "estate.undefined-zone";
	zone_words_init(r, &er->words, p->zones, p->n_zones, p->tenants, p->n_tenants);
}

static struct estate_reader start(struct matches *m, struct diags *d, const struct node *root,
				  struct estate *estate)
{
	return (struct estate_reader){
		.r = { .arena = m->arena, .d = d, .m = m },
		.root = root,
		.estate = estate,
		.sources.kind = "source",
		.path_ids.kind = "path",
		.zone_names.kind = "zone",
		.tenant_names.kind = "tenant",
	};
}

static void finish(struct estate_reader *er)
{
	names_finish(&er->sources);
	names_finish(&er->path_ids);
	names_finish(&er->zone_names);
	names_finish(&er->tenant_names);
}

/* What can be read without the policy. */
static void read_head(struct estate_reader *er)
{
	check_version(&er->r, er->root, "the estate");
	er->estate->at = er->root->at;
	er->estate->name = text_at(&er->r, er->root, "name");
	read_policy_files(&er->r, er->root, er->estate);
	read_sources(er);
}

static void read_rest(struct estate_reader *er)
{
	er->estate->policy = er->policy;
	if (er->policy)
		index_policy(er);
	read_bindings(er);
	read_paths(er);
	read_links(er);
	read_counterparts(er);
	read_segments(er);
}

int estate_parse(struct matches *m, struct diags *d, const struct source *src,
		 const struct policy *policy, const char *folder,
		 const struct estate **ret_estate)
{
	size_t errors = d->n_errors;
	const struct node *root;
	int err = yaml_parse(m->arena, d, src, &root);
	if (err)
		return err;
	struct estate *estate = arena_alloc(m->arena, sizeof(*estate));
	struct estate_reader er = start(m, d, root, estate);
	er.folder = folder;
	er.policy = policy;
	if (check_shape(&er.r, root, &shape_estate)) {
		read_head(&er);
		read_rest(&er);
	}
	finish(&er);
	if (d->n_errors != errors)
		return -EINVAL;
	*ret_estate = estate;
	return 0;
}

/* The policy files, all of them even where one can't be read. */
static int read_policy(struct estate_reader *er, const struct policy **ret_policy)
{
	struct reader *r = &er->r;
	const struct estate *e = er->estate;
	int err = 0;
	const struct source **v = arena_array(r->arena, e->n_policy_files, sizeof(*v));
	for (size_t i = 0; i < e->n_policy_files; i++) {
		const char *path =
			arena_printf(r->arena, "%s/%s", er->folder, e->policy_files[i]);
		int failed = source_open(r->arena, r->d, path, e->policy_files[i], &v[i]);
		err = err ? err : failed;
	}
	return err ? err : policy_read(r->m, r->d, v, e->n_policy_files, ret_policy);
}

int estate_read(struct matches *m, struct diags *d, const char *path,
		const struct estate **ret_estate)
{
	size_t errors = d->n_errors;
	const char *slash = strrchr(path, '/');
	const char *folder = !slash ? "."
			     : slash == path
				     ? "/"
				     : arena_strn(m->arena, path, (size_t)(slash - path));
	const struct source *src;
	const struct node *root;
	int err = source_open(m->arena, d, path, slash ? slash + 1 : path, &src);
	if (!err)
		err = yaml_parse(m->arena, d, src, &root);
	if (err)
		return err;
	struct estate *estate = arena_alloc(m->arena, sizeof(*estate));
	struct estate_reader er = start(m, d, root, estate);
	er.folder = folder;
	if (check_shape(&er.r, root, &shape_estate)) {
		read_head(&er);
		/* Without its policy the rest is read still, for its own mistakes. */
		if (estate->n_policy_files)
			err = read_policy(&er, &er.policy);
		read_rest(&er);
	}
	finish(&er);
	if (err || d->n_errors != errors)
		return err ? err : -EINVAL;
	*ret_estate = estate;
	return 0;
}
