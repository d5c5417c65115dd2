/* SPDX-License-Identifier: Apache-2.0 */
/* `show --matrix`: who may begin a conversation of a service with whom. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "model/behind.h"
#include "model/matrix.h"

struct asker {
	struct app *app;
	const struct loaded *l;
	const struct matrix_options *o;
	const struct device *device;
	const struct ruleset *ruleset; /* NULL: the way across the device */
	const struct stage *stages;
	size_t n_stages;
	VEC(struct behind) behind;
	json_t *doc; /* the list of matrices */
	int code;
};

/* "a".."z", "aa".. */
static const char *class_name(struct arena *a, size_t i)
{
	char buf[16], *p = buf + sizeof(buf);
	*--p = '\0';
	for (i++; i; i = (i - 1) / 26)
		*--p = (char)('a' + (i - 1) % 26);
	return arena_str(a, p);
}

/* One --behind: IFACE=PREFIX,... or IFACE=!PREFIX,... for all addresses but those. */
static int add_behind(struct asker *as, const char *arg)
{
	struct arena *a = as->app->arena;
	const char *eq = strchr(arg, '=');
	if (!eq || eq == arg || !eq[1])
		return usage_error(as->app, "--behind %s: it is INTERFACE=PREFIX[,PREFIX]...",
				   arg);
	struct behind b = { .iface = arena_strn(a, arg, (size_t)(eq - arg)) };
	bool except = eq[1] == '!';
	VEC(struct span) spans[FAMILY_COUNT] = { 0 };
	int code = 0;
	for (const char *s = eq + 1 + except; !code; s++) {
		size_t len = strcspn(s, ",");
		enum family f;
		struct addr addr;
		unsigned bits;
		bool host;
		if (!prefix_parse(s, len, &f, &addr, &bits, &host))
			code = usage_error(as->app, "--behind %s: \"%.*s\" is not a prefix",
					   arg, (int)len, s);
		else
			*vec_add(&spans[f]) = span_prefix(f, addr, bits);
		s += len;
		if (!*s)
			break;
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		size_t n = spans_normalise(spans[f].v, spans[f].n);
		struct span all = { { 0, 0 }, addr_max((enum family)f) };
		struct span *v = spans[f].n ? arena_copy(a, spans[f].v, n * sizeof(*v)) : NULL;
		if (except && n)
			v = spans_minus(a, &all, 1, v, n, &n);
		b.spans[f] = v;
		b.n[f] = n;
		vec_free(&spans[f]);
	}
	*vec_add(&as->behind) = b;
	return code;
}

static bool overlap(const struct behind *x, const struct behind *y)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (size_t i = 0; i < x->n[f]; i++)
			for (size_t k = 0; k < y->n[f]; k++)
				if (addr_compare(x->spans[f][i].lo, y->spans[f][k].hi) <= 0 &&
				    addr_compare(y->spans[f][k].lo, x->spans[f][i].hi) <= 0)
					return true;
	return false;
}

static int read_behind(struct asker *as)
{
	int code = 0;
	for (size_t i = 0; i < as->o->behind.n && !code; i++)
		code = add_behind(as, as->o->behind.v[i]);
	for (size_t i = 0; i < as->behind.n && !code; i++)
		for (size_t k = 0; k < i && !code; k++)
			if (overlap(&as->behind.v[i], &as->behind.v[k]))
				code = usage_error(as->app,
						   "--behind: the same addresses are behind %s "
						   "and %s",
						   as->behind.v[k].iface,
						   as->behind.v[i].iface);
	return code;
}

/* What a packet meets, with interfaces turned into addresses where --behind tells them. */
static int find_stages(struct asker *as)
{
	struct arena *a = as->app->arena;
	struct point pt = { 0 };
	struct stage *one = arena_alloc(a, sizeof(*one));
	const char *why;
	*one = (struct stage){ .ruleset = as->ruleset, .iif = as->o->iif, .oif = as->o->oif };
	as->stages = one;
	as->n_stages = 1;
	if (!as->ruleset) {
		if (!path_cross(a, as->device, as->o->iif, as->o->oif, &pt, &why))
			return usage_error(as->app, "%s: say --ruleset, or --iif and --oif",
					   why);
		as->stages = pt.stages;
		as->n_stages = pt.n_stages;
		for (size_t i = 0; i < as->device->n_taints; i++) {
			diag_warning(&as->app->diags, "show.tainted", as->device->taints[i].at,
				     "could change any answer and is not understood: %s",
				     as->device->taints[i].why);
			as->code = EXIT_INCONCLUSIVE;
		}
	}
	struct stage *v = arena_copy(a, as->stages, as->n_stages * sizeof(*v));
	for (size_t i = 0; i < as->n_stages; i++)
		v[i].ruleset = behind_ruleset(&as->l->snap->matches, v[i].ruleset, as->behind.v,
					      as->behind.n);
	as->stages = v;
	return 0;
}

static json_t *cells(const struct asker *as, const struct matrix *m, enum matrix_cell which)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->n; k++)
			if (m->cells[i * m->n + k] == which)
				json_array_append_new(
					list, json_pack("[ss]", class_name(as->app->arena, i),
							class_name(as->app->arena, k)));
	return list;
}

static json_t *matrix_json(const struct asker *as, const char *service, enum family f,
			   const struct matrix *m)
{
	json_t *classes = json_array(), *stages = json_array();
	for (size_t i = 0; i < m->n; i++) {
		json_t *spans = json_array();
		for (size_t k = 0; k < m->classes[i].n; k++) {
			struct text t = { 0 };
			span_print(&t, f, m->classes[i].spans[k]);
			json_array_append_new(spans, json_string(t.s));
			text_finish(&t);
		}
		json_array_append_new(classes, json_pack("{s:s, s:o}", "name",
							 class_name(as->app->arena, i),
							 "addresses", spans));
	}
	for (size_t i = 0; i < as->n_stages; i++)
		json_array_append_new(stages, json_string(as->stages[i].ruleset->name));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "service", service, "family",
			 f == FAMILY_V4 ? "ipv4" : "ipv6", "rulesets", stages, "classes",
			 classes, "permitted", cells(as, m, MATRIX_PERMIT), "possible",
			 cells(as, m, MATRIX_MAYBE));
}

static int ask_one(struct asker *as, const char *text, const struct matrix_service *s,
		   enum family f)
{
	struct pset_space *sp = pset_space_create(f, 0);
	struct matrix m;
	int err = matrix_of(as->app->arena, sp, as->stages, as->n_stages, s, &m), code = 0;
	if (!err)
		json_array_append_new(as->doc, matrix_json(as, text, f, &m));
	else if (err != -ENOENT)
		diag_error(&as->app->diags, err, "show.matrix-too-large", LOC_NONE,
			   "%s, %s: %s", text, f == FAMILY_V4 ? "IPv4" : "IPv6",
			   err == -EFBIG
				   ? "too many classes of addresses to be told"
				   : "the sets of packets are too large for the memory they "
				     "may take");
	if (err && err != -ENOENT)
		code = EXIT_INCONCLUSIVE;
	pset_space_destroy(sp);
	return code;
}

static void put_row(struct text *t, const char *what, const json_t *list, const char *from)
{
	size_t i, n = 0;
	json_t *pair;
	json_array_foreach (list, i, pair)
		if (!strcmp(json_string_value(json_array_get(pair, 0)), from))
			text_putf(t, "%s%s", n++ ? ", " : what,
				  json_string_value(json_array_get(pair, 1)));
}

static void put_matrix(struct text *t, const json_t *m)
{
	size_t i, k;
	json_t *c, *v, *classes = json_object_get(m, "classes");
	text_putf(t, "%s, %s, by", json_string_value(json_object_get(m, "service")),
		  !strcmp(json_string_value(json_object_get(m, "family")), "ipv4") ? "IPv4"
										   : "IPv6");
	json_array_foreach (json_object_get(m, "rulesets"), i, v)
		text_putf(t, "%s%s", i ? ", " : " ", json_string_value(v));
	text_put(t, json_array_size(json_object_get(m, "rulesets")) ? "\n" : " no ruleset\n");
	json_array_foreach (classes, i, c) {
		text_putf(t, "  %-3s ", json_string_value(json_object_get(c, "name")));
		json_array_foreach (json_object_get(c, "addresses"), k, v)
			text_putf(t, "%s%s", k ? ", " : "", json_string_value(v));
		text_putc(t, '\n');
	}
	json_array_foreach (classes, i, c) {
		const char *name = json_string_value(json_object_get(c, "name"));
		struct text row = { 0 };
		put_row(&row, "", json_object_get(m, "permitted"), name);
		put_row(&row, row.len ? "; possibly " : "possibly ",
			json_object_get(m, "possible"), name);
		text_putf(t, "  %s to: %s\n", name, row.s ? row.s : "nobody");
		text_finish(&row);
	}
	text_putc(t, '\n');
}

static int print_matrices(struct asker *as)
{
	struct text t = { 0 };
	size_t i;
	json_t *m;
	if (as->o->json) {
		json_t *doc = json_pack("{s:{s:s, s:i}, s:s, s:O}", "plumbline", "version",
					PLUMBLINE_VERSION, "schema", 1, "command", "matrix",
					"matrices", as->doc);
		char *s = json_dumps(doc, JSON_INDENT(2));
		text_put(&t, s ? s : "");
		text_putc(&t, '\n');
		free(s);
		json_decref(doc);
	} else {
		json_array_foreach (as->doc, i, m)
			put_matrix(&t, m);
	}
	int code = write_stdout(as->app, t.s ? t.s : "", t.len);
	text_finish(&t);
	return code;
}

int show_matrices(struct app *app, const struct loaded *l, const struct matrix_options *o)
{
	struct asker as = { .app = app, .l = l, .o = o };
	int code = read_behind(&as);
	if (!code)
		code = choose_subject(app, l->snap, o->ruleset, &as.device, &as.ruleset);
	if (!code)
		code = find_stages(&as);
	as.doc = json_array();
	for (size_t i = 0; i < o->services.n && !code; i++) {
		struct matrix_service s;
		const char *why;
		if (!matrix_service_parse(o->services.v[i], &s, &why))
			code = usage_error(app, "--matrix %s: %s", o->services.v[i], why);
		for (int f = 0; f < FAMILY_COUNT && !code; f++) {
			int one = ask_one(&as, o->services.v[i], &s, (enum family)f);
			as.code = one ? one : as.code;
		}
	}
	if (!code)
		code = print_matrices(&as);
	json_decref(as.doc);
	vec_free(&as.behind);
	return code ? code : as.code;
}
