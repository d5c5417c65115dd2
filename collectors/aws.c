/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon VPC from the answers of `aws ec2 describe-...`: security groups and network ACLs with
 * the interfaces, subnets and VPCs that they apply to. One estate entry is a set of such
 * files, in any order: they are read first, then joined, and every VPC becomes a device.
 *
 * The same answer comes in several wrappings: as the command line prints it ({"SecurityGroups":
 * [...]}), inside {"status_code": 200, "data": {...}}, under account and region in one merged
 * file, as a bare array, several pages behind one another. Objects are known by the name of
 * their list, or where that says nothing by members that only they have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collectors/aws_internal.h"

extern const struct collector collector_aws;

enum { WRAP_DEPTH_MAX = 8 };

static void read_one(struct aws *w, enum aws_kind kind, const json_t *o)
{
	if (!json_is_object(o) && kind != AWS_OTHER) {
		aws_account(w, ACCOUNT_REJECTED, true, aws_at(w, o), "not an object");
		return;
	}
	switch (kind) {
	case AWS_GROUP:
		aws_read_group(w, o);
		break;
	case AWS_INTERFACE:
		aws_read_interface(w, o);
		break;
	case AWS_SUBNET:
		aws_read_subnet(w, o);
		break;
	case AWS_VPC:
		aws_read_vpc(w, o);
		break;
	case AWS_ACL:
		aws_read_acl(w, o);
		break;
	case AWS_LIST:
		aws_read_list(w, o);
		break;
	case AWS_TABLE:
		aws_read_table(w, o);
		break;
	case AWS_IGW:
	case AWS_EIGW:
	case AWS_NAT:
	case AWS_PEERING:
	case AWS_VGW:
	case AWS_ENDPOINT:
		aws_read_gate(w, kind, o);
		break;
	case AWS_ADDRESS:
		aws_read_address(w, o);
		break;
	case AWS_TGW:
	case AWS_TGW_ATTACHMENT:
	case AWS_TGW_VPC:
	case AWS_TGW_TABLE:
	case AWS_TGW_PROPAGATION:
	case AWS_TGW_ROUTES:
		aws_read_transit(w, kind, o);
		break;
	case AWS_BALANCER:
	case AWS_BALANCER_ATTRIBUTES:
	case AWS_LISTENER:
	case AWS_TARGET_GROUP:
	case AWS_TARGET_ATTRIBUTES:
	case AWS_TARGET_HEALTH:
		aws_read_balance(w, kind, o);
		break;
	case AWS_INSTANCE:
		aws_read_instance(w, o);
		break;
	case AWS_RESERVATION: {
		bool bad = false;
		size_t i;
		const json_t *e;
		json_array_foreach (aws_array(o, "Instances", &bad), i, e)
			read_one(w, AWS_INSTANCE, e);
		aws_account(w, bad ? ACCOUNT_REJECTED : ACCOUNT_IRRELEVANT, bad, aws_at(w, o),
			    "%s", bad ? "Instances is not a list" : "");
		break;
	}
	case AWS_OTHER:
	case AWS_LIST_ENTRY:
	case AWS_KINDS:
		aws_account(w, ACCOUNT_IRRELEVANT, false, jsonloc_of(w->places, NULL, o), NULL);
		break;
	}
}

/* The pages of one command's answer are told apart by the directory that they stand in. */
static void count_page(struct aws *w, enum aws_kind kind, const json_t *list, bool open)
{
	const char *slash = strrchr(w->src->name, '/');
	const char *key = arena_printf(w->arena, "%d %.*s", kind,
				       slash ? (int)(slash - w->src->name) : 0, w->src->name);
	void **at = map_at(&w->pages, key);
	if (!*at)
		*at = arena_alloc(w->arena, sizeof(struct aws_pages));
	struct aws_pages *p = *at;
	p->kind = kind;
	p->at = aws_at(w, list);
	p->open += open;
	p->last += !open;
}

/* "pl-0123abcd" within a name; NULL: none. */
static const char *list_id_in(struct aws *w, const char *name)
{
	for (const char *p = strstr(name, "pl-"); p; p = strstr(p + 1, "pl-")) {
		size_t len = strspn(p + 3, "0123456789abcdef");
		if (len >= 8)
			return arena_strn(w->arena, p, len + 3);
	}
	return NULL;
}

/* Entries don't say of which list they are: a member beside them, a key above or the file's
 * name may. */
static struct aws_list *list_of_entries(struct aws *w, const json_t *beside, const char *above)
{
	const char *id = aws_string(w, beside, "PrefixListId");
	if (!id && above)
		id = list_id_in(w, above);
	if (!id)
		id = list_id_in(w, w->src->name);
	return id ? aws_list(w, id, (struct loc){ .src = w->src }) : NULL;
}

static void read_object(struct aws *w, const json_t *o, const char *above, unsigned depth);

/* An array under a name that says nothing: by the shape of what is in it. */
static bool read_array(struct aws *w, const json_t *array, unsigned depth)
{
	size_t i, before = w->found;
	const json_t *o;
	json_array_foreach (array, i, o) {
		enum aws_kind kind = aws_kind_of_members(o);
		if (kind != AWS_KINDS) {
			w->found++;
			read_one(w, kind, o);
		} else if (json_is_object(o) && !depth) {
			read_object(w, o, NULL, depth + 1); /* an array of pages */
		} else if (json_is_array(o) && depth < WRAP_DEPTH_MAX) {
			read_array(w, o, depth + 1); /* pages of a --query */
		} else if (w->found != before) {
			aws_account(w, ACCOUNT_REJECTED, true, aws_at(w, o),
				    "not like the objects before it");
		}
	}
	return w->found != before;
}

static void read_member(struct aws *w, const json_t *o, const char *key, const json_t *v,
			const char *above, bool open, unsigned depth)
{
	enum aws_kind kind = aws_kind_of_list(key);
	size_t i, before = w->found;
	const json_t *e;
	if (json_is_array(v) && kind != AWS_KINDS) {
		w->found++;
		count_page(w, kind, v, open);
		if (kind == AWS_LIST_ENTRY) {
			aws_read_entries(w, list_of_entries(w, o, above), v, open);
			return;
		}
		if (kind == AWS_OTHER && json_array_size(v))
			diag_note(w->c->diags, "aws.not-modelled", aws_at(w, v),
				  "%s: read, but nothing of it is modelled yet", key);
		json_array_foreach (v, i, e)
			read_one(w, kind, e);
		return;
	}
	if (kind != AWS_KINDS && !json_is_object(v)) {
		aws_account(w, ACCOUNT_REJECTED, true, aws_at(w, v), "%s is not a list", key);
		return;
	}
	if (json_is_array(v) && has_prefix(key, "pl-")) {
		w->found++;
		aws_read_entries(w, aws_list(w, key, aws_at(w, v)), v, false);
	} else if (json_is_array(v)) {
		read_array(w, v, depth + 1);
	} else if (json_is_object(v) && depth < WRAP_DEPTH_MAX) {
		read_object(w, v, key, depth + 1);
	}
	if (w->found == before && json_is_array(v) && json_array_size(v))
		aws_account(w, ACCOUNT_REJECTED, false, aws_at(w, v),
			    "\"%s\" is no list of this API", key);
}

static void read_object(struct aws *w, const json_t *o, const char *above, unsigned depth)
{
	enum aws_kind kind = aws_kind_of_members(o);
	const char *key;
	json_t *v;
	if (kind != AWS_KINDS) {
		w->found++;
		read_one(w, kind, o);
		return;
	}
	bool open = aws_string(w, o, "NextToken") != NULL;
	json_object_foreach ((json_t *)o, key, v) {
		if (json_is_array(v) || json_is_object(v) || aws_kind_of_list(key) < AWS_OTHER)
			if (!json_is_null(v))
				read_member(w, o, key, v, above, open, depth);
	}
}

static int read_document(struct aws *w, const json_t *root)
{
	struct loc at = jsonloc_of(w->places, NULL, root);
	size_t before = w->found;
	if (json_is_object(root))
		read_object(w, root, NULL, 0);
	else if (json_is_array(root))
		read_array(w, root, 0);
	if (w->found != before) {
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		return 0;
	}
	const json_t *data = aws_member(root, "data") ? aws_member(root, "data") : root;
	if (json_is_array(root) && !json_array_size(root)) {
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		diag_warning(
			w->c->diags, "aws.empty", at,
			"an empty list that doesn't say what of: it is as if it weren't there");
		return 0;
	}
	bool error = aws_member(data, "Error") != NULL;
	aws_account(w, ACCOUNT_REJECTED, false, at, "%s",
		    error ? "an error answer" : "not an answer of `aws ec2 describe-...`");
	if (error)
		return diag_error(w->c->diags, EINVAL, "aws.error-answer", at,
				  "the API answered with an error instead of data: run the "
				  "command again with the rights it needs");
	return diag_error(w->c->diags, EINVAL, "aws.not-export", at,
			  "this is JSON, but not an answer of the API: export with `aws ec2 "
			  "describe-security-groups --output json` (and -network-interfaces, "
			  "-subnets, -vpcs, -network-acls, -managed-prefix-lists)");
}

static int read_source(struct aws *w, const struct source *src)
{
	json_t **roots = NULL;
	size_t n = 0;
	w->src = src;
	w->account = snapshot_account(w->snap, src, "aws", "member");
	*vec_add(&w->accounts) = w->account;
	int err = jsonloc_parse(w->c->diags, src, &roots, &n, &w->places);
	if (err) {
		account_add(w->snap, w->account, ACCOUNT_REJECTED, true,
			    (struct loc){ .src = src }, "not JSON to its end");
		w->places = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		int one = read_document(w, roots[i]);
		err = err ? err : one;
	}
	jsonloc_roots_free(roots, n);
	jsonloc_destroy(w->places);
	w->places = NULL;
	if (err) {
		w->account->failed = true;
		w->failed = src->name;
	}
	return err;
}

/* What only the whole set tells: who holds what, and what is missing. */
static void join(struct aws *w)
{
	const char *stray = NULL;
	bool of_instances = aws_take_instances(w);
	for (size_t i = 0; i < w->interfaces.n; i++) {
		struct aws_interface *n = w->interfaces.entries[i].value;
		if (!n->vpc && n->subnet)
			n->vpc = n->subnet->vpc;
		if (!n->vpc) {
			stray = n->id;
			diag_warning(w->c->diags, "aws.no-vpc", n->at,
				     "network interface %s names no VPC: it could be in any",
				     n->id);
			continue;
		}
		*vec_add(&n->vpc->interfaces) = n;
		if (n->subnet) {
			if (!n->subnet->vpc) {
				n->subnet->vpc = n->vpc;
				*vec_add(&n->vpc->subnets) = n->subnet;
			}
			*vec_add(&n->subnet->interfaces) = n;
		}
		if (n->lost)
			n->vpc->lost =
				arena_printf(w->arena, "interface %s: %s", n->id, n->lost);
		vec_each (g, &n->groups) {
			*vec_add(&(*g)->holders) = n;
			if (!(*g)->vpc)
				(*g)->vpc = n->vpc;
		}
	}
	const struct aws_pages *missing = NULL;
	for (size_t i = 0; i < w->pages.n; i++) {
		const struct aws_pages *p = w->pages.entries[i].value;
		if (!p->open || p->last)
			continue;
		diag_warning(w->c->diags, "aws.page-missing", p->at,
			     "the answer goes on (NextToken), but its last page is not here");
		if (p->kind == AWS_INTERFACE)
			missing = p;
		w->missing[p->kind] = true;
	}
	for (size_t i = 0; i < w->vpcs.n; i++) {
		struct aws_vpc *v = w->vpcs.entries[i].value;
		if (!v->interfaces.n)
			v->partial = "network interfaces were not collected";
		else if (of_instances)
			v->partial = "of the network interfaces only those of instances were "
				     "collected";
		else if (missing)
			v->partial = "a page of the network interfaces is missing";
		else if (w->failed)
			v->partial = arena_printf(w->arena, "%s could not be read", w->failed);
		else if (stray)
			v->partial = arena_printf(w->arena, "interface %s names no VPC", stray);
		else if (v->lost)
			v->partial = v->lost;
		else if (v->second)
			v->partial =
				arena_printf(w->arena,
					     "the VPC is shared by the accounts %s and %s, "
					     "each of which sees only its own interfaces",
					     v->owner, v->second);
	}
}

static void finish_vpc(struct aws_vpc *v)
{
	aws_spans_finish(&v->cidrs);
	vec_free(&v->prefixes);
	vec_free(&v->tables);
	vec_free(&v->gates);
	vec_free(&v->attachments);
	vec_free(&v->balancers);
	vec_free(&v->publics);
	map_finish(&v->ports);
	vec_free(&v->groups);
	vec_free(&v->interfaces);
	vec_free(&v->subnets);
	vec_free(&v->acls);
}

static void finish(struct aws *w)
{
	for (size_t i = 0; i < w->vpcs.n; i++)
		finish_vpc(w->vpcs.entries[i].value);
	for (size_t i = 0; i < w->subnets.n; i++) {
		struct aws_subnet *s = w->subnets.entries[i].value;
		aws_spans_finish(&s->cidrs);
		vec_free(&s->prefixes);
		vec_free(&s->interfaces);
		vec_free(&s->transits);
		vec_free(&s->relays);
	}
	const struct map *interfaces[] = { &w->interfaces, &w->of_instances };
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < interfaces[k]->n; i++) {
			struct aws_interface *n = interfaces[k]->entries[i].value;
			aws_spans_finish(&n->addrs);
			vec_free(&n->groups);
			vec_free(&n->publics);
		}
	aws_path_finish(w);
	for (size_t i = 0; i < w->lists.n; i++)
		aws_spans_finish(&((struct aws_list *)w->lists.entries[i].value)->spans);
	for (size_t i = 0; i < w->groups.n; i++) {
		struct aws_group *g = w->groups.entries[i].value;
		vec_free(&g->holders);
		vec_free(&g->rules[AWS_INGRESS]);
		vec_free(&g->rules[AWS_EGRESS]);
	}
	for (size_t i = 0; i < w->acls.n; i++) {
		struct aws_acl *acl = w->acls.entries[i].value;
		vec_free(&acl->entries[AWS_INGRESS]);
		vec_free(&acl->entries[AWS_EGRESS]);
	}
	struct map *maps[] = { &w->vpcs,  &w->subnets, &w->interfaces, &w->acls,
			       &w->lists, &w->groups,  &w->pages, &w->of_instances };
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		map_finish(maps[i]);
	vec_free(&w->accounts);
	arena_destroy(w->arena);
}

static int entry_order(const void *x, const void *y)
{
	const struct account_entry *a = x, *b = y;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.col < b->at.col ? -1 : a->at.col > b->at.col;
}

static void build(struct aws *w)
{
	if (!w->vpcs.n) {
		/* Zones may be bound to it all the same: they get an answer, if not a verdict.
		 */
		struct device_build *b =
			device_build_start(w->snap, w->c->device, "aws", w->c->plane,
					   (struct loc){ .src = w->src });
		device_build_taint(b, NULL, (struct loc){ .src = w->src },
				   "no VPC is described by these files");
		diag_warning(w->c->diags, "aws.no-vpc", (struct loc){ .src = w->src },
			     "no VPC is described here: export security groups, network "
			     "interfaces, subnets and network ACLs");
		device_build_finish(b);
	}
	for (size_t i = 0; i < w->vpcs.n; i++) {
		struct aws_vpc *v = w->vpcs.entries[i].value;
		v->device = w->vpcs.n == 1 ? arena_str(w->snap->arena, w->c->device)
					   : arena_printf(w->snap->arena, "%s:%s", w->c->device,
							  v->id);
	}
	for (size_t i = 0; i < w->vpcs.n; i++)
		aws_build_device(w, w->vpcs.entries[i].value);
	aws_path_devices(w);
	for (size_t i = 0; i < w->lists.n; i++) {
		struct aws_list *l = w->lists.entries[i].value;
		const struct aws_vpc *first = w->vpcs.n ? w->vpcs.entries[0].value : NULL;
		if (l->defined && !l->named_in && first)
			snapshot_name(w->snap, first->device, "prefix list", l->id, l->at,
				      true);
	}
	vec_each (acc, &w->accounts)
		if ((*acc)->entries.n)
			qsort((*acc)->entries.v, (*acc)->entries.n, sizeof(*(*acc)->entries.v),
			      entry_order);
}

static int aws_read(struct collect *c, const struct source *src)
{
	struct aws w = {
		.c = c, .snap = c->snap, .m = &c->snap->matches, .arena = arena_create()
	};
	int err = 0;
	for (size_t i = 0; i < (c->n_sources ? c->n_sources : 1); i++) {
		int one = read_source(&w, c->n_sources ? c->sources[i] : src);
		err = err ? err : one;
	}
	w.src = c->n_sources ? c->sources[0] : src;
	join(&w);
	aws_path_join(&w);
	build(&w);
	finish(&w);
	return err;
}

const struct collector collector_aws = {
	.name = "aws",
	.summary = "Amazon VPC: security groups and network ACLs (aws ec2 describe-... JSON)",
	.plane = PLANE_VIRTUAL,
	.probe = aws_probe,
	.read = aws_read,
	.whole = true,
};
