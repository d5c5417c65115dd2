/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_LIVE_INTERNAL_H
#define COLLECTORS_LIVE_INTERNAL_H

/* What the files of the live collector share. */

#include <jansson.h>
#include <linux/netlink.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "collectors/live.h"

/* How often a read that was disturbed is repeated. */
enum { LIVE_TRIES = 5 };

/* One read of one part. */
struct reading {
	json_t *body;	  /* the part's object, without sha256 */
	json_t *problems; /* array */
	json_t *commands; /* array */
	json_t *unknown;  /* attributes not known: "rule 31" to how many */
	char *listing;	  /* nftables: the program's document without blanks, or NULL */
	size_t listing_len;
};

struct live_link {
	int index;
	const char *name, *kind;
	bool ethernet;
};

struct live_space; /* another namespace, live_netns.c */

struct live {
	struct arena *arena;
	struct diags *diags;
	const char *netns_name;	     /* as given, or NULL */
	long netns_pid;		     /* 0: not given so */
	char *netns_id;		     /* NULL: not told */
	VEC(struct live_link) links; /* of the links read last, by index */
	VEC(struct live_space) spaces;
	bool spaces_partial;	  /* not all processes could be looked into */
	struct reading *readings; /* by part */
	size_t n_readings;
	struct reading general; /* problems of no part */
	struct reading *now;	/* the one being made */
	json_t *beside;
	const char *hostname, *kernel, *machine;
	const char *boot; /* tells machines of one name apart; NULL: not told */
};

/* A namespace other than the one that is read. */
struct live_space {
	char *id;
	int fd;	  /* -1: could not be opened */
	int nsid; /* its number here, -1: none */
	json_t *names, *pids;
	int forwards, linked; /* -1 not known, 0, 1 */
	char *why;
	VEC(int) leads; /* indices into live.spaces that an interface there leads to */
	bool leads_unknown;
};

/* A problem of the part being read. */
void live_problem(struct live *l, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a negative errno: EPERM and EACCES are the capability that is needed. */
void live_failed(struct live *l, int err, const char *capability, const char *what);

/*
 * JSON values. A string that isn't UTF-8 gets U+FFFD for each wrong byte, and a problem says
 * so. Without memory the process ends (base/arena.h): none of these fails.
 */
json_t *live_string(struct live *l, const char *s);
json_t *live_stringn(struct live *l, const char *s, size_t len);
void live_set(json_t *object, const char *key, json_t *value);
void live_set_int(json_t *object, const char *key, json_int_t v);
void live_set_bool(json_t *object, const char *key, bool v);
void live_set_string(struct live *l, json_t *object, const char *key, const char *s);
/* The lines of a text as an array. */
json_t *live_lines(struct live *l, const char *s, size_t len);
/* Names of the bits set; others as hex. names are NULL-terminated, by bit; "" is left out. */
json_t *live_flags(uint32_t flags, const char *const *names);
/* names[v], or the number as text. */
json_t *live_word(unsigned v, const char *const *names, size_t n);

/* The array's items in order (of json_t *const *); takes v. */
json_t *live_sorted(json_t *v, int (*order)(const void *, const void *));

/* live_netlink.c: dumps of a netlink family, whole or not at all. */

struct live_dump {
	unsigned char *data; /* messages behind one another, aligned as they came */
	size_t len, cap;
	size_t n;
};

struct live_attr {
	const unsigned char *data; /* NULL: it didn't come */
	size_t len;
};

/*
 * Sends header and attributes (body) to a netlink protocol, as a message of the type, and keeps
 * every answer. dump: NLM_F_DUMP; one that was disturbed (NLM_F_DUMP_INTR, a full buffer) is
 * repeated up to LIVE_TRIES times, then -EINTR. Otherwise one answer and its acknowledgement.
 * 0 or a negative errno: the kernel's, -EPROTO for an answer that isn't whole, -ETIMEDOUT for
 * none.
 */
int live_ask(int protocol, int type, bool dump, const void *body, size_t len,
	     struct live_dump *ret);
void live_dump_free(struct live_dump *d);
#define LIVE_DUMP __attribute__((cleanup(live_dump_free))) struct live_dump
/* The message at *pos, which moves on; NULL at the end. */
const struct nlmsghdr *live_next(const struct live_dump *d, size_t *pos);
/* Its header of size bytes, NULL where it is shorter. */
const void *live_header(const struct nlmsghdr *m, size_t size);

/*
 * The attributes behind a message's header of size bytes, by number up to max (tb has max + 1
 * places). Others are counted under place, and named in item->unknown_attributes where item
 * isn't NULL. -EPROTO where the attributes don't fit their room.
 */
int live_attrs(struct live *l, const struct nlmsghdr *m, size_t size, const char *place,
	       struct live_attr *tb, unsigned max, json_t *item);
/* The same for a nested attribute. */
int live_nested(struct live *l, struct live_attr in, const char *place, struct live_attr *tb,
		unsigned max, json_t *item);
/* Walks attributes one by one: false at the end, *ret_type -1 where they don't fit. */
bool live_attr_next(struct live_attr *rest, int *ret_type, struct live_attr *ret);

uint8_t live_u8(struct live_attr a);
uint16_t live_u16(struct live_attr a);
uint32_t live_u32(struct live_attr a);
uint32_t live_be32(struct live_attr a);
uint64_t live_be64(struct live_attr a);
uint16_t live_be16(struct live_attr a);
/* A copy without the closing NUL; "" where there is none. */
const char *live_text(struct live *l, struct live_attr a);
/* Addresses as text in the arena; NULL where the length isn't an address's. */
const char *live_ip(struct live *l, struct live_attr a);
const char *live_prefix(struct live *l, int family, struct live_attr a, unsigned len);
json_t *live_mac(struct live_attr a);
const char *live_family(int family);			/* "ipv4", "ipv6" or NULL */
const char *live_scope(struct live *l, unsigned scope); /* RT_SCOPE_ */
/* Appends an attribute to a message's body. */
void live_put_attr(struct text *t, int type, const void *data, size_t len);

/* Interfaces by index; NULL where there is none. */
const struct live_link *live_link(const struct live *l, int index);
void live_set_link(struct live *l, json_t *item, int index);

/* live_run.c: other programs. */

struct live_run {
	char *out, *err; /* NUL-terminated */
	size_t out_len, err_len;
	int code; /* exit code, -1: killed */
	int signal;
};

/* The program's path in /usr/sbin, /usr/bin, /sbin, /bin; NULL: not installed. */
const char *live_program(struct live *l, const char *name);
/*
 * Runs argv (argv[0] as found by live_program) with an environment of our own and waits for
 * its end. 0 or a negative errno (-ETIME: it took too long and was killed).
 */
int live_spawn(const char *const *argv, struct live_run *ret);
void live_run_free(struct live_run *r);
#define LIVE_RUN __attribute__((cleanup(live_run_free))) struct live_run
/*
 * Runs argv (argv[0] a bare name), notes it among the part's commands, and makes a problem of
 * whatever is not a plain success: -ENOENT not installed (no problem made), -EIO failed. quiet:
 * a prefix of lines of standard error that are no failure, or NULL.
 */
int live_command(struct live *l, const char *const *argv, const char *quiet,
		 struct live_run *ret);

/* live_proc.c */

/* A small file of /proc, NUL-terminated, on the heap; NULL and *ret_err otherwise. */
char *live_slurp(const char *path, size_t *ret_len, int *ret_err);
enum live_module { MODULE_UNKNOWN, MODULE_ABSENT, MODULE_THERE };
/* Whether asking a kernel module something would load it. */
enum live_module live_module(struct live *l, const char *name);

/* live.c */

size_t live_n_parts(void);
const char *live_part_name(size_t i);

/* live_netns.c */

int live_enter(struct live *l, const char *netns);
void live_spaces(struct live *l); /* finds them and their numbers here */
const char *live_space_id(const struct live *l, int nsid); /* "?" where not known */
void live_beside(struct live *l);			   /* looks into them: live.beside */
void live_spaces_free(struct live *l);

/* The parts. Each makes l->now->body; what it can't is a problem. */
void live_links(struct live *l);
void live_addresses(struct live *l);
void live_routes(struct live *l);
void live_nexthops(struct live *l);
void live_rules(struct live *l);
void live_neighbours(struct live *l);
void live_bridge(struct live *l);
void live_traffic_control(struct live *l);
void live_xfrm(struct live *l);
void live_sysctls(struct live *l);
void live_nftables(struct live *l);
void live_iptables(struct live *l);
void live_ebtables(struct live *l);
void live_ipsets(struct live *l);
void live_conntrack(struct live *l);

/* live_nft_kernel.c: the read over nfnetlink. */

/* A rule as far as the two reads can be held against each other. */
struct nfk_rule {
	uint64_t handle;
	int verdict; /* NF_* or NFT_*, NFK_NONE, NFK_SEVERAL */
	const char *target;
	const char **sets; /* that it asks */
	uint32_t n_sets;
	uint16_t n_matches;    /* conditions, without those that only guard another */
	uint16_t n_statements; /* what else it does, but for the verdict */
};
enum { NFK_NONE = -100, NFK_SEVERAL };

struct nfk_chain {
	const char *name;
	uint64_t handle;
	uint32_t flags, policy, hook;
	int32_t priority;
	const char *type;
	bool base, has_policy;
	VEC(const char *) devices;
	VEC(struct nfk_rule) rules;
	bool listed; /* by the program too: live_nft_compare.c */
	size_t rules_listed;
};

struct nfk_set {
	const char *name;
	uint64_t handle;
	uint32_t flags;
	size_t elements;
	bool listed;
};

struct nfk_object {
	const char *name;
	uint64_t handle;
	uint32_t type, hook;
	int32_t priority;
	VEC(const char *) devices;
	bool listed;
};

struct nfk_table {
	uint8_t family;
	const char *name;
	uint64_t handle;
	uint32_t flags, owner;
	bool has_owner;
	VEC(struct nfk_chain) chains;
	VEC(struct nfk_set) sets;
	VEC(struct nfk_object) objects, flowtables;
	struct map chain_at, set_at; /* name to place + 1 */
	bool listed;
};

struct nfk {
	uint32_t before, after;
	VEC(struct nfk_table) tables;
};

/* 0 or a negative errno; -ENOPROTOOPT: this kernel has no nf_tables. */
int nfk_generation(uint32_t *ret);
int nfk_read(struct live *l, struct nfk *ret);
void nfk_free(struct nfk *k);
json_t *nfk_json(struct live *l, const struct nfk *k);
const char *nfk_family(unsigned family);
const char *nfk_hook(unsigned family, unsigned hook);
struct nfk_table *nfk_table(struct nfk *k, const char *family, const char *name);
struct nfk_chain *nfk_chain(struct nfk_table *t, const char *name);
struct nfk_set *nfk_set(struct nfk_table *t, const char *name);

/* live_nft_rule.c: a rule's expressions as far as they are compared. */
int nfk_expressions(struct live *l, struct live_attr list, struct nfk_rule *r);

/* live_nft_compare.c: differences of the listing (len bytes, without blanks) from k. */
json_t *nfk_compare(struct live *l, const char *listing, size_t len, struct nfk *k);

#endif
