/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces: which one is read, and the others of the machine (network_namespaces(7)).
 * A veth may lead into any of them, and what passes packets on there is part of the path.
 */
#include "collectors/live_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIDS_TOLD = 8, LINK_KNOWN = 69 };

static const char own_path[] = "/proc/thread-self/ns/net";

static char *id_of(const char *path)
{
	char id[64];
	ssize_t n = readlink(path, id, sizeof(id) - 1);
	if (n <= 0)
		return NULL;
	id[n] = 0;
	return xstrdup(id);
}

static int open_namespace(struct live *l, const char *netns)
{
	uint64_t pid;
	bool number = parse_number(netns, strlen(netns), 1, INT32_MAX, false, &pid);
	if (!*netns || strchr(netns, '/') || !strcmp(netns, ".") || !strcmp(netns, ".."))
		return -ENOENT;
	int fd = open(arena_printf(l->arena, "/run/netns/%s", netns), O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		l->netns_name = netns;
		return fd;
	}
	int err = -errno;
	if (err != -ENOENT || !number)
		return err;
	fd = open(arena_printf(l->arena, "/proc/%d/ns/net", (int)pid), O_RDONLY | O_CLOEXEC);
	l->netns_pid = (long)pid;
	return fd >= 0 ? fd : -errno;
}

int live_enter(struct live *l, const char *netns)
{
	if (netns) {
		int fd = open_namespace(l, netns), err = fd < 0 ? fd : 0;
		if (!err && setns(fd, CLONE_NEWNET))
			err = -errno;
		if (fd >= 0)
			close(fd);
		if (err == -ENOENT || err == -EINVAL)
			return diag_error(l->diags, ENOENT, "live.netns-unknown", LOC_NONE,
					  "there is no network namespace \"%s\": --netns takes "
					  "a name that "
					  "`ip netns list` shows, or the id of a process",
					  netns);
		if (err == -EPERM || err == -EACCES)
			return diag_error(
				l->diags, -err, "live.netns-denied", LOC_NONE,
				"the network namespace \"%s\" can't be entered: that takes "
				"CAP_SYS_ADMIN",
				netns);
		if (err)
			return diag_error(l->diags, -err, "live.netns-failed", LOC_NONE,
					  "the network namespace \"%s\" can't be entered: %s",
					  netns, strerror(-err));
	}
	l->netns_id = id_of(own_path);
	return 0;
}

/* The number that a namespace has in the thread's own; -1: none. */
static int ask_nsid(struct live *l, int fd)
{
	struct rtgenmsg ask = { .rtgen_family = AF_UNSPEC };
	struct live_attr tb[NETNSA_MAX + 1];
	struct text body = { 0 };
	uint32_t number = (uint32_t)fd;
	size_t pos = 0;
	LIVE_DUMP d = { 0 };
	text_putn(&body, (const char *)&ask, sizeof(ask));
	while (body.len < NLMSG_ALIGN(sizeof(ask)))
		text_putc(&body, 0);
	live_put_attr(&body, NETNSA_FD, &number, sizeof(number));
	int err = live_ask(NETLINK_ROUTE, RTM_GETNSID, false, body.s, body.len, &d);
	text_finish(&body);
	const struct nlmsghdr *m = err ? NULL : live_next(&d, &pos);
	if (!m || live_attrs(l, m, sizeof(ask), "nsid", tb, NETNSA_MAX, NULL) ||
	    !tb[NETNSA_NSID].data)
		return -1;
	return (int)live_u32(tb[NETNSA_NSID]);
}

static struct live_space *find_space(struct live *l, const char *id)
{
	vec_each (s, &l->spaces)
		if (!strcmp(s->id, id))
			return s;
	return NULL;
}

/* The namespace behind a path, or NULL where it is the own one or none. */
static struct live_space *add_space(struct live *l, const char *id, const char *path)
{
	if (!id || (l->netns_id && !strcmp(id, l->netns_id)))
		return NULL;
	struct live_space *s = find_space(l, id);
	if (s)
		return s;
	s = vec_add(&l->spaces);
	*s = (struct live_space){ .id = xstrdup(id),
				  .nsid = -1,
				  .names = json_array(),
				  .pids = json_array(),
				  .forwards = -1,
				  .linked = -1 };
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	return s;
}

static void find_named(struct live *l)
{
	static const char *const dirs[] = { "/run/netns", "/run/docker/netns" };
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		DIR *dir = opendir(dirs[i]);
		struct dirent *e;
		while (dir && (e = readdir(dir))) {
			if (e->d_name[0] == '.' && (!e->d_name[1] || !strcmp(e->d_name, "..")))
				continue;
			const char *path = arena_printf(l->arena, "%s/%s", dirs[i], e->d_name);
			int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			struct stat st;
			/* a file on which no namespace is mounted is left over from one */
			if (fd < 0 || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET ||
			    fstat(fd, &st)) {
				l->spaces_partial |= fd < 0;
			} else {
				const char *id = arena_printf(l->arena, "net:[%ju]",
							      (uintmax_t)st.st_ino);
				struct live_space *s = add_space(l, id, path);
				if (s && i == 0)
					json_array_append_new(s->names,
							      live_string(l, e->d_name));
			}
			if (fd >= 0)
				close(fd);
		}
		if (dir)
			closedir(dir);
	}
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static void find_processes(struct live *l)
{
	VEC(int) pids = { 0 };
	DIR *dir = opendir("/proc");
	struct dirent *e;
	uint64_t pid;
	if (!dir)
		l->spaces_partial = true;
	while (dir && (e = readdir(dir)))
		if (parse_number(e->d_name, strlen(e->d_name), 1, INT32_MAX, false, &pid))
			*vec_add(&pids) = (int)pid;
	if (dir)
		closedir(dir);
	if (pids.n)
		qsort(pids.v, pids.n, sizeof(*pids.v), by_number);
	vec_each (p, &pids) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/ns/net", *p);
		char *id = id_of(path);
		/* a process that is gone, or a thread of the kernel's, has none */
		if (!id && errno != ENOENT && errno != ESRCH)
			l->spaces_partial = true;
		struct live_space *s = add_space(l, id, path);
		if (s && json_array_size(s->pids) < PIDS_TOLD)
			json_array_append_new(s->pids, json_integer(*p));
		free(id);
	}
	vec_free(&pids);
}

static int by_id(const void *a, const void *b)
{
	const struct live_space *x = a, *y = b;
	size_t n = strlen(x->id), m = strlen(y->id);
	return n != m ? (n > m) - (n < m) : strcmp(x->id, y->id);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a),
		      json_string_value(*(json_t *const *)b));
}

void live_spaces(struct live *l)
{
	find_named(l);
	find_processes(l);
	if (l->spaces.n)
		qsort(l->spaces.v, l->spaces.n, sizeof(*l->spaces.v), by_id);
	vec_each (s, &l->spaces) {
		s->names = live_sorted(s->names, by_text);
		if (s->fd >= 0)
			s->nsid = ask_nsid(l, s->fd);
	}
}

const char *live_space_id(const struct live *l, int nsid)
{
	vec_each (s, &l->spaces)
		if (nsid >= 0 && s->nsid == nsid)
			return s->id;
	return "?";
}

static bool is_on(const char *path)
{
	int err;
	char *s = live_slurp(path, NULL, &err);
	bool on = s && s[0] != '0';
	free(s);
	return on;
}

static bool forwards_at(struct live *l, const char *link, const char **ret_why)
{
	static const struct {
		const char *family, *what;
	} names[] = { { "ipv4", "forwarding" },
		      { "ipv6", "forwarding" },
		      { "ipv6", "force_forwarding" } };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *path = arena_printf(l->arena, "/proc/sys/net/%s/conf/%s/%s",
						names[i].family, link, names[i].what);
		if (is_on(path)) {
			*ret_why = path + strlen("/proc/sys/");
			return true;
		}
	}
	return false;
}

struct seen {
	int index, master, nsid; /* nsid -1: it leads nowhere else */
	const char *name, *kind;
};

static int see_links(struct live *l, struct live_dump *d, struct seen **ret, size_t *ret_n)
{
	struct ifinfomsg ask = { .ifi_family = AF_UNSPEC };
	struct text body = { 0 };
	uint32_t mask = RTEXT_FILTER_SKIP_STATS;
	VEC(struct seen) v = { 0 };
	const struct nlmsghdr *m;
	text_putn(&body, (const char *)&ask, sizeof(ask));
	live_put_attr(&body, IFLA_EXT_MASK, &mask, sizeof(mask));
	int err = live_ask(NETLINK_ROUTE, RTM_GETLINK, true, body.s, body.len, d);
	text_finish(&body);
	for (size_t pos = 0; !err && (m = live_next(d, &pos));) {
		const struct ifinfomsg *i = live_header(m, sizeof(*i));
		struct live_attr tb[LINK_KNOWN + 1], info[IFLA_INFO_MAX + 1];
		err = i ? live_attrs(l, m, sizeof(*i), "link", tb, LINK_KNOWN, NULL) : -EPROTO;
		if (!err)
			err = live_nested(l, tb[IFLA_LINKINFO], "linkinfo", info, IFLA_INFO_MAX,
					  NULL);
		if (err)
			break;
		*vec_add(&v) = (struct seen){
			.index = i->ifi_index,
			.master = (int)live_u32(tb[IFLA_MASTER]),
			.nsid = tb[IFLA_LINK_NETNSID].data
					? (int)live_u32(tb[IFLA_LINK_NETNSID])
					: -1,
			.name = live_text(l, tb[IFLA_IFNAME]),
			.kind = live_text(l, info[IFLA_INFO_KIND]),
		};
	}
	*ret = v.v;
	*ret_n = v.n;
	return err;
}

/* A bridge with two ports or more, or a switch whose ports aren't told. */
static bool bridges(struct live *l, const struct seen *v, size_t n, const char **ret_why)
{
	for (size_t i = 0; i < n; i++) {
		size_t ports = 0;
		if (!strcmp(v[i].kind, "openvswitch")) {
			*ret_why = arena_printf(l->arena, "switch %s", v[i].name);
			return true;
		}
		if (strcmp(v[i].kind, "bridge"))
			continue;
		for (size_t k = 0; k < n; k++)
			ports += v[k].master == v[i].index;
		if (ports > 1) {
			*ret_why = arena_printf(l->arena, "bridge %s with %zu ports", v[i].name,
						ports);
			return true;
		}
	}
	return false;
}

/* Which namespaces the interfaces lead to; asked from within. */
static void find_leads(struct live *l, struct live_space *s, const struct seen *v, size_t n,
		       int own)
{
	VEC(int) open = { 0 };
	for (size_t i = 0; i < n; i++) {
		bool known = v[i].nsid < 0;
		vec_each (o, &open)
			known |= *o == v[i].nsid;
		if (!known)
			*vec_add(&open) = v[i].nsid;
	}
	/* our own first: mostly that is the one, and the others needn't be asked */
	for (size_t i = 0; open.n && i <= l->spaces.n; i++) {
		int fd = i ? l->spaces.v[i - 1].fd : own;
		int nsid = fd >= 0 ? ask_nsid(l, fd) : -1;
		for (size_t k = 0; nsid >= 0 && k < open.n; k++)
			if (open.v[k] == nsid) {
				*vec_add(&s->leads) = (int)i - 1;
				open.v[k] = open.v[--open.n];
				break;
			}
	}
	s->leads_unknown = open.n > 0;
	vec_free(&open);
}

static void look_into(struct live *l, struct live_space *s, int own)
{
	struct seen *v = NULL;
	size_t n = 0;
	LIVE_DUMP d = { 0 };
	const char *why = NULL;
	int err = see_links(l, &d, &v, &n);
	s->leads_unknown = true;
	if (err) {
		s->why = xstrdup(arena_printf(l->arena, "its interfaces can't be read: %s",
					      strerror(-err)));
	} else if (access("/proc/sys/net/ipv4/ip_forward", R_OK)) {
		s->why = xstrdup("its sysctls can't be read");
	} else {
		s->forwards = forwards_at(l, "all", &why) || bridges(l, v, n, &why);
		for (size_t i = 0; i < n && !s->forwards; i++)
			s->forwards = forwards_at(l, v[i].name, &why);
		if (s->forwards)
			s->why = xstrdup(why);
	}
	if (!err)
		find_leads(l, s, v, n, own);
	free(v);
}

/* Own links that lead elsewhere mark where; then on from there. */
static void mark_linked(struct live *l)
{
	bool unknown = false, again = true;
	json_t *links = json_object_get(l->readings[0].body, "data"), *item;
	size_t i;
	json_array_foreach (links, i, item) {
		const char *to = json_string_value(json_object_get(item, "peer_namespace"));
		to = to ? to : json_string_value(json_object_get(item, "parent_namespace"));
		struct live_space *s = to ? find_space(l, to) : NULL;
		if (s)
			s->linked = 1;
		unknown |= to && !s;
	}
	vec_each (s, &l->spaces)
		vec_each (to, &s->leads)
			if (*to < 0)
				s->linked = 1;
	while (again) {
		again = false;
		vec_each (s, &l->spaces)
			vec_each (to, &s->leads)
				if (*to >= 0 &&
				    (s->linked == 1) != (l->spaces.v[*to].linked == 1)) {
					s->linked = l->spaces.v[*to].linked = 1;
					again = true;
				}
	}
	vec_each (s, &l->spaces)
		unknown |= s->leads_unknown;
	vec_each (s, &l->spaces)
		if (s->linked < 0)
			s->linked = unknown ? -1 : 0;
}

static json_t *tristate(int v)
{
	return v < 0 ? json_null() : json_boolean(v);
}

static void print_spaces(struct live *l)
{
	vec_each (s, &l->spaces) {
		json_t *item = json_object();
		live_set_string(l, item, "id", s->id);
		live_set(item, "names", json_incref(s->names));
		live_set(item, "pids", json_incref(s->pids));
		live_set(item, "forwards", tristate(s->forwards));
		live_set(item, "linked", tristate(s->linked));
		if (s->why)
			live_set_string(l, item, "why", s->why);
		json_array_append_new(l->beside, item);
		if (s->forwards < 0 && s->linked)
			live_problem(l, "capability",
				     "the namespace %s can't be looked into: %s", s->id,
				     s->why ? s->why : "CAP_SYS_ADMIN");
	}
	/* Interfaces that lead where nothing was found. */
	json_t *links = json_object_get(l->readings[0].body, "data"), *item;
	size_t i;
	bool lost = false;
	json_array_foreach (links, i, item) {
		const char *to = json_string_value(json_object_get(item, "peer_namespace"));
		to = to ? to : json_string_value(json_object_get(item, "parent_namespace"));
		if (!to || strcmp(to, "?"))
			continue;
		live_problem(l, "unsupported",
			     "%s leads to a network namespace that was not found",
			     json_string_value(json_object_get(item, "name")));
		lost = true;
	}
	if (lost)
		json_array_append_new(l->beside,
				      json_pack("{s:s, s:[], s:[], s:n, s:b, s:s}", "id", "?",
						"names", "pids", "forwards", "linked", 1, "why",
						"an interface leads to it, it was not found"));
	/* Where every interface's other end was found, what can't be seen leads nowhere here.
	 */
	if (l->spaces_partial && lost)
		live_problem(l, "capability",
			     "CAP_SYS_PTRACE for the namespaces of all processes");
}

void live_beside(struct live *l)
{
	int own = open(own_path, O_RDONLY | O_CLOEXEC);
	bool back = true;
	vec_each (s, &l->spaces) {
		if (s->fd < 0 || own < 0 || !back || setns(s->fd, CLONE_NEWNET)) {
			s->leads_unknown = true;
			s->why = xstrdup(s->fd < 0 ? "it can't be opened"
						   : "CAP_SYS_ADMIN for entering it");
			continue;
		}
		struct arena_mark mark = arena_mark(l->arena);
		look_into(l, s, own);
		arena_rewind(l->arena, mark);
		back = !setns(own, CLONE_NEWNET);
	}
	if (own >= 0)
		close(own);
	if (!back)
		live_problem(l, "failed", "the way back from another namespace is closed");
	mark_linked(l);
	print_spaces(l);
}

void live_spaces_free(struct live *l)
{
	vec_each (s, &l->spaces) {
		if (s->fd >= 0)
			close(s->fd);
		free(s->id);
		free(s->why);
		json_decref(s->names);
		json_decref(s->pids);
		vec_free(&s->leads);
	}
	vec_free(&l->spaces);
}
