/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables, ip6tables, arptables and ebtables by the programs that save them, and ipsets.
 *
 * Asking for a legacy table by name creates it, with its hooks: only those that the kernel
 * names as existing are asked for (/proc/net/ip_tables_names). The nft variants are run only
 * where the ruleset of nf_tables has tables that they made.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter.h>
#include <string.h>
#include <unistd.h>

static const struct family {
	const char *family, *names, *legacy, *nft, *nft_family;
	bool commits; /* each table ends with a line of its own */
} families[] = {
	{ "ipv4", "ip_tables_names", "iptables-legacy-save", "iptables-nft-save", "ip", true },
	{ "ipv6", "ip6_tables_names", "ip6tables-legacy-save", "ip6tables-nft-save", "ip6",
	  true },
	{ "arp", "arp_tables_names", "arptables-legacy-save", "arptables-nft-save", "arp",
	  false },
	{ "bridge", NULL, "ebtables-legacy-save", "ebtables-nft-save", "bridge", false },
};

enum { F_IPV4, F_IPV6, F_ARP, F_BRIDGE };

/* Line of the text is it. */
static bool has_line(json_t *text, const char *line)
{
	size_t i;
	json_t *v;
	json_array_foreach (text, i, v)
		if (!strcmp(json_string_value(v), line))
			return true;
	return false;
}

/* Every table begins, and its end is there: a listing that was cut off says less than there is.
 */
static const char *not_whole(json_t *text, json_t *tables, bool commits)
{
	size_t i, begun = 0, ended = 0;
	json_t *v;
	json_array_foreach (text, i, v) {
		const char *s = json_string_value(v);
		begun += s[0] == '*';
		ended += !strcmp(s, "COMMIT") || (!commits && has_prefix(s, "# Completed"));
	}
	if (begun != ended && (commits || !ended))
		return "a table without its end";
	json_array_foreach (tables, i, v) {
		struct text line = { 0 };
		text_putf(&line, "*%s", json_string_value(v));
		bool there = has_line(text, line.s);
		text_finish(&line);
		if (!there)
			return "a table is not in it";
	}
	return NULL;
}

static void add_listing(struct live *l, json_t *listings, const struct family *f,
			const char *backend, json_t *tables, json_t *text)
{
	json_t *v = json_object();
	live_set(v, "family", json_string(f->family));
	live_set(v, "backend", json_string(backend));
	live_set(v, "tables", json_incref(tables));
	live_set(v, "text", json_incref(text));
	json_array_append_new(listings, v);
}

/* Says of which listing the last problem is. */
static void problem_of(struct live *l, const char *family, const char *table)
{
	json_t *p = json_array_get(l->now->problems, json_array_size(l->now->problems) - 1);
	live_set(p, "family", json_string(family));
	if (table)
		live_set_string(l, p, "table", table);
}

/* Appends the lines that argv prints; false after a problem. */
static bool run_save(struct live *l, const struct family *f, const char *const *argv,
		     const char *other, const char *table, json_t *text)
{
	LIVE_RUN run = { 0 };
	const char *args[8] = { argv[0] };
	/* older systems have one name for both variants: it says which it is */
	size_t before = json_array_size(l->now->problems);
	for (size_t i = 1; i < 7 && argv[i]; i++)
		args[i] = argv[i];
	int err = live_command(l, args, "# Warning: iptables-legacy tables present", &run);
	if (err == -ENOENT && other) {
		args[0] = other;
		err = live_command(l, args, "# Warning: iptables-legacy tables present", &run);
	}
	if (err == -ENOENT)
		live_problem(l, "missing-program", "%s isn't installed, and there are tables",
			     argv[0]);
	if (!err) {
		json_t *lines = live_lines(l, run.out, run.out_len);
		json_array_extend(text, lines);
		json_decref(lines);
	}
	if (json_array_size(l->now->problems) > before)
		problem_of(l, f->family, table);
	return !err;
}

/*
 * A program that stands for both variants must be the one that is wanted: "iptables-save v1.8.9
 * (legacy)".
 */
static const char *plain_name(struct live *l, const char *name, const char *variant)
{
	struct text t = { 0 };
	const char *cut = strstr(name, variant);
	text_putn(&t, name, (size_t)(cut - name));
	text_put(&t, cut + strlen(variant));
	const char *plain = arena_str(l->arena, t.s), *path = live_program(l, plain);
	text_finish(&t);
	if (!path)
		return NULL;
	const char *argv[] = { path, "--version", NULL };
	LIVE_RUN run = { 0 };
	if (live_spawn(argv, &run) || run.code)
		return NULL;
	bool nft = strstr(run.out, "nf_tables") != NULL;
	return nft == (strstr(variant, "nft") != NULL) ? plain : NULL;
}

static json_t *legacy_tables(struct live *l, const struct family *f, int *ret_err)
{
	size_t len;
	char *s = live_slurp(arena_printf(l->arena, "/proc/thread-self/net/%s", f->names), &len,
			     ret_err);
	if (!s)
		return NULL;
	json_t *v = live_lines(l, s, len);
	free(s);
	return v;
}

static void read_legacy(struct live *l, const struct family *f, json_t *listings)
{
	int err;
	json_t *tables = legacy_tables(l, f, &err), *text = json_array(), *v;
	size_t i;
	bool good = true;
	if (!tables && err == -ENOENT) {
		json_decref(text);
		return; /* the kernel has none of the kind */
	}
	if (!tables) {
		live_failed(l, err, "root",
			    arena_printf(l->arena, "%s (legacy tables)", f->names));
		json_object_del(l->now->body, "missing");
		problem_of(l, f->family, NULL);
		json_decref(text);
		return;
	}
	const char *other = json_array_size(tables) && !live_program(l, f->legacy)
				    ? plain_name(l, f->legacy, "-legacy")
				    : NULL;
	json_array_foreach (tables, i, v) {
		const char *table = json_string_value(v);
		const char *argv[] = { f->legacy, "-t", table, NULL };
		const char *all[] = { f->legacy, NULL };
		good = run_save(l, f, f->commits ? argv : all, other, table, text) && good;
		if (!f->commits)
			break; /* it takes no table */
	}
	const char *why =
		good && json_array_size(tables) ? not_whole(text, tables, f->commits) : NULL;
	if (why) {
		live_problem(l, "failed", "%s printed %s", f->legacy, why);
		problem_of(l, f->family, NULL);
	}
	if (good && !why && json_array_size(tables))
		add_listing(l, listings, f, "legacy", tables, text);
	json_decref(tables);
	json_decref(text);
}

/* Tables of the names that iptables-nft uses, by the kernel's read; NULL: not known. */
static json_t *nft_tables(struct live *l, const struct family *f)
{
	static const char *const names[] = { "filter", "nat",	   "mangle",
					     "raw",    "security", "broute" };
	json_t *nft = NULL, *t, *v = json_array();
	size_t i;
	for (size_t k = 0; k < live_n_parts(); k++)
		if (!strcmp(live_part_name(k), "nftables"))
			nft = json_object_get(l->readings[k].body, "kernel");
	if (!nft) {
		json_decref(v);
		return NULL;
	}
	json_array_foreach (json_object_get(nft, "tables"), i, t) {
		const char *name = json_string_value(json_object_get(t, "name"));
		const char *family = json_string_value(json_object_get(t, "family"));
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (!strcmp(family, f->nft_family) && !strcmp(name, names[k]))
				json_array_append(v, json_object_get(t, "name"));
	}
	return v;
}

/* Text that stands for other rules: "# Table `filter' is incompatible, use 'nft' tool." */
static bool is_foreign(json_t *text)
{
	size_t i;
	json_t *v;
	json_array_foreach (text, i, v)
		if (json_string_value(v)[0] == '#' &&
		    strstr(json_string_value(v), "incompatible"))
			return true;
	return false;
}

static void read_nft(struct live *l, const struct family *f, json_t *listings)
{
	json_t *tables = nft_tables(l, f), *text = json_array();
	/* The ruleset could not be read: its part says so. */
	if (tables && json_array_size(tables)) {
		const char *argv[] = { f->nft, NULL };
		const char *other =
			live_program(l, f->nft) ? NULL : plain_name(l, f->nft, "-nft");
		if (run_save(l, f, argv, other, NULL, text) && !is_foreign(text)) {
			const char *why = not_whole(text, tables, f->commits);
			if (why) {
				live_problem(l, "failed", "%s printed %s", f->nft, why);
				problem_of(l, f->family, NULL);
			} else {
				add_listing(l, listings, f, "nft", tables, text);
			}
		}
	}
	json_decref(tables);
	json_decref(text);
}

void live_iptables(struct live *l)
{
	json_t *listings = json_array();
	for (int i = F_IPV4; i <= F_ARP; i++) {
		read_legacy(l, &families[i], listings);
		read_nft(l, &families[i], listings);
	}
	live_set(l->now->body, "listings", listings);
}

/*
 * Whether legacy ebtables has tables: nothing names them, and asking creates them. Without the
 * modules there are none.
 */
static bool ebtables_legacy(struct live *l)
{
	static const char *const modules[] = { "ebtable_filter", "ebtable_nat",
					       "ebtable_broute" };
	int err;
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		if (live_module(l, modules[i]) == MODULE_THERE)
			return true;
	if (live_module(l, modules[0]) == MODULE_ABSENT)
		return false;
	/* No list of modules: the kernel's symbols tell whether it was built with them. */
	size_t len;
	char *s = live_slurp("/proc/kallsyms", &len, &err);
	bool there = !s || strstr(s, " ebt_do_table") != NULL;
	free(s);
	return there;
}

void live_ebtables(struct live *l)
{
	json_t *listings = json_array();
	read_nft(l, &families[F_BRIDGE], listings);
	if (ebtables_legacy(l)) {
		live_problem(l, "unsupported",
			     "the kernel has legacy ebtables, and nothing tells "
			     "without creating tables whether this namespace has some");
		problem_of(l, "bridge", NULL);
	}
	live_set(l->now->body, "listings", listings);
}

/* Sets by their headers; -ENOPROTOOPT: none in this kernel. */
static int ask_ipsets(struct live *l, json_t *to)
{
	struct nfgenmsg g = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };
	struct text body = { 0 };
	uint8_t protocol = IPSET_PROTOCOL_MIN;
	uint32_t flags = __builtin_bswap32(IPSET_FLAG_LIST_HEADER);
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	text_putn(&body, (const char *)&g, sizeof(g));
	live_put_attr(&body, IPSET_ATTR_PROTOCOL, &protocol, sizeof(protocol));
	live_put_attr(&body, IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, &flags, sizeof(flags));
	int err = live_ask(NETLINK_NETFILTER, NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_LIST, true,
			   body.s, body.len, &d);
	text_finish(&body);
	if (err == -EINVAL || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT)
		return -ENOPROTOOPT;
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));) {
		struct live_attr tb[IPSET_ATTR_CMD_MAX + 1], in[IPSET_ATTR_CREATE_MAX + 1];
		err = live_attrs(l, m, sizeof(g), "ipset", tb, IPSET_ATTR_CMD_MAX, NULL);
		if (!err && !tb[IPSET_ATTR_TYPENAME].data)
			continue;
		if (!err)
			err = live_nested(l, tb[IPSET_ATTR_DATA], "ipset data", in,
					  IPSET_ATTR_CREATE_MAX, NULL);
		if (err)
			break;
		json_t *v = json_object();
		unsigned family = live_u8(tb[IPSET_ATTR_FAMILY]);
		live_set_string(l, v, "name", live_text(l, tb[IPSET_ATTR_SETNAME]));
		live_set_string(l, v, "type", live_text(l, tb[IPSET_ATTR_TYPENAME]));
		live_set_string(l, v, "family",
				family == NFPROTO_IPV4	 ? "ipv4"
				: family == NFPROTO_IPV6 ? "ipv6"
							 : NULL);
		live_set(v, "elements",
			 in[IPSET_ATTR_ELEMENTS].data
				 ? json_integer(live_be32(in[IPSET_ATTR_ELEMENTS]))
				 : json_null());
		live_set(v, "references",
			 in[IPSET_ATTR_REFERENCES].data
				 ? json_integer(live_be32(in[IPSET_ATTR_REFERENCES]))
				 : json_null());
		json_array_append_new(to, v);
	}
	return err;
}

/* What `ipset save` says of a set: whether it is created, its elements, whether they expire. */
static size_t saved(json_t *text, const char *name, bool *ret_created, bool *ret_timed)
{
	size_t i, n = 0, len = strlen(name);
	json_t *v;
	*ret_created = *ret_timed = false;
	json_array_foreach (text, i, v) {
		const char *s = json_string_value(v);
		bool create = has_prefix(s, "create ");
		s += create ? 7 : has_prefix(s, "add ") ? 4 : strlen(s);
		if (strncmp(s, name, len) || s[len] != ' ')
			continue;
		*ret_created |= create;
		*ret_timed |= create && strstr(s, " timeout ");
		n += !create;
	}
	return n;
}

static json_t *compare_ipsets(json_t *text, json_t *kernel)
{
	json_t *diff = json_array(), *v;
	size_t i, created = 0;
	json_array_foreach (text, i, v)
		created += has_prefix(json_string_value(v), "create ");
	if (created != json_array_size(kernel))
		json_array_append_new(diff,
				      json_sprintf("%zu sets are saved, the kernel has %zu",
						   created, json_array_size(kernel)));
	json_array_foreach (kernel, i, v) {
		const char *name = json_string_value(json_object_get(v, "name"));
		json_t *elements = json_object_get(v, "elements");
		bool there, timed;
		size_t n = saved(text, name, &there, &timed);
		if (!there)
			json_array_append_new(diff, json_sprintf("set %s is not saved", name));
		else if (!timed && json_is_integer(elements) &&
			 json_integer_value(elements) != (json_int_t)n)
			json_array_append_new(
				diff,
				json_sprintf("set %s: %zu elements are saved, the kernel has "
					     "%" JSON_INTEGER_FORMAT,
					     name, n, json_integer_value(elements)));
	}
	return diff;
}

void live_ipsets(struct live *l)
{
	LIVE_RUN run = { 0 };
	json_t *kernel = json_array(), *text = json_array();
	int err = live_module(l, "ip_set") == MODULE_ABSENT ? 0 : ask_ipsets(l, kernel);
	const char *argv[] = { "ipset", "save", NULL };
	if (err == -ENOPROTOOPT)
		err = 0;
	if (err)
		live_failed(l, err, "CAP_NET_ADMIN", "the ipsets");
	if (!err && json_array_size(kernel)) {
		err = live_command(l, argv, NULL, &run);
		if (err == -ENOENT)
			live_problem(l, "missing-program",
				     "ipset isn't installed, and there are %zu sets",
				     json_array_size(kernel));
		if (!err) {
			json_decref(text);
			text = live_lines(l, run.out, run.out_len);
		}
	}
	json_t *diff = err ? json_array() : compare_ipsets(text, kernel);
	if (json_array_size(diff))
		live_problem(l, "differs", "ipset and the kernel disagree: %s",
			     json_string_value(json_array_get(diff, 0)));
	if (!json_object_get(l->now->body, "missing")) {
		live_set(l->now->body, "text", json_incref(text));
		live_set(l->now->body, "kernel", json_incref(kernel));
		live_set(l->now->body, "differences", json_incref(diff));
	}
	json_decref(text);
	json_decref(kernel);
	json_decref(diff);
}
