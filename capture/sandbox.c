/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

/* <linux/if_packet.h> and <linux/landlock.h> of Debian 12 know less than newer kernels. */
enum { PACKET_STATISTICS_OPTION = 6, LANDLOCK_KNOWN = 7, NOFILE = 3 };

int capabilities_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 }, left[2];
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) || syscall(SYS_capget, &head, left))
		return -errno;
	for (size_t i = 0; i < 2; i++)
		if (left[i].effective || left[i].permitted || left[i].inheritable)
			return -EPERM;
	return 0;
}

/* Bytes mapped now (proc(5), statm); 0 where it can't be told. */
static size_t mapped(void)
{
	char s[64];
	uint64_t pages;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, s, sizeof(s) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	s[n] = 0;
	size_t len = strcspn(s, " ");
	return parse_number(s, len, 1, UINT64_MAX / 4096, false, &pages)
		       ? pages * (size_t)sysconf(_SC_PAGESIZE)
		       : 0;
}

static int limit(int what, rlim_t most)
{
	struct rlimit r = { most, most };
	return setrlimit(what, &r) ? -errno : 0;
}

/* now: bytes that are mapped. */
static int limits(size_t now, size_t memory)
{
	int err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_FSIZE, 0);
	if (!err)
		err = limit(RLIMIT_NPROC, 0);
	/* 0 would refuse poll(2) of descriptors that are open; below 3 none is free */
	if (!err)
		err = limit(RLIMIT_NOFILE, NOFILE);
#ifndef __SANITIZE_ADDRESS__
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif
#ifndef SHADOW_MEMORY
	if (!err)
		err = now ? limit(RLIMIT_AS, now + memory) : -ENOENT;
#endif
#endif
	return err;
}

/* All that the running kernel's Landlock can refuse, allowed nowhere. */
static int landlock(int *ret_version)
{
	/* struct landlock_ruleset_attr as of ABI 6 */
	struct {
		uint64_t fs, net, scoped;
	} attr = { 0 };
	static const struct {
		int from;
		unsigned fs;  /* how many of the lowest bits */
		unsigned net; /* likewise */
		unsigned scoped;
		size_t size;
	} known[] = {
		{ 6, 16, 2, 2, 24 }, { 5, 16, 2, 0, 16 }, { 4, 15, 2, 0, 16 },
		{ 3, 15, 0, 0, 8 },  { 2, 14, 0, 0, 8 },  { 1, 13, 0, 0, 8 },
	};
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return version < 0 ? -errno : -EOPNOTSUPP;
	size_t i = 0;
	while (known[i].from > version)
		i++;
	attr.fs = (UINT64_C(1) << known[i].fs) - 1;
	attr.net = (UINT64_C(1) << known[i].net) - 1;
	attr.scoped = (UINT64_C(1) << known[i].scoped) - 1;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, known[i].size, 0);
	if (fd < 0)
		return -errno;
	int err = syscall(SYS_landlock_restrict_self, fd, 0) ? -errno : 0;
	close(fd);
	if (!err)
		*ret_version = (int)version;
	return err;
}

/* A call that is allowed: with its arguments as they must be. */
struct call {
	int number;
	bool live, file;
	unsigned n;
	struct scmp_arg_cmp args[3];
};

#define ARG(i, value)                                                                          \
	{                                                                                      \
		(i), SCMP_CMP_EQ, (value), 0                                                   \
	}
#define ARG_BITS(i, mask, value)                                                               \
	{                                                                                      \
		(i), SCMP_CMP_MASKED_EQ, (mask), (value)                                       \
	}

static const struct call calls[] = {
	{ SCMP_SYS(read), true, true, 0, { { 0 } } },
	{ SCMP_SYS(write), true, true, 1, { ARG(0, 1) } },
	{ SCMP_SYS(write), true, false, 1, { ARG(0, 0) } }, /* what the interface lost */
#ifdef __NR_poll
	{ SCMP_SYS(poll), true, true, 0, { { 0 } } },
#else
	{ SCMP_SYS(ppoll), true, true, 0, { { 0 } } },
#endif
	/* memory, and never any that can be run */
	{ SCMP_SYS(mmap),
	  true,
	  true,
	  2,
	  { ARG_BITS(2, PROT_EXEC, 0), ARG_BITS(3, MAP_ANONYMOUS, MAP_ANONYMOUS) } },
	{ SCMP_SYS(munmap), true, true, 0, { { 0 } } },
	{ SCMP_SYS(mremap), true, true, 0, { { 0 } } },
	{ SCMP_SYS(brk), true, true, 0, { { 0 } } },
	{ SCMP_SYS(clock_gettime), true, true, 0, { { 0 } } },	 /* where there is no vDSO */
	{ SCMP_SYS(restart_syscall), true, true, 0, { { 0 } } }, /* poll, after a stop */
	{ SCMP_SYS(exit_group), true, true, 0, { { 0 } } },
	{ SCMP_SYS(lseek), false, true, 0, { { 0 } } },
	/* libpcap: what was dropped; why the socket has an error; whether the interface is up
	 */
	{ SCMP_SYS(getsockopt),
	  true,
	  false,
	  2,
	  { ARG(1, SOL_PACKET), ARG(2, PACKET_STATISTICS_OPTION) } },
	{ SCMP_SYS(getsockopt), true, false, 2, { ARG(1, SOL_SOCKET), ARG(2, SO_ERROR) } },
	{ SCMP_SYS(ioctl), true, false, 1, { ARG(1, SIOCGIFFLAGS) } },
	{ SCMP_SYS(getsockname), true, false, 0, { { 0 } } },
	{ SCMP_SYS(setsockopt),
	  true,
	  false,
	  2,
	  { ARG(1, SOL_SOCKET), ARG(2, SO_ATTACH_FILTER) } },
};

static int seccomp(bool live, unsigned *ret_calls)
{
	int last = -1;
	unsigned n = 0;
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!f)
		return -ENOMEM;
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++) {
		const struct call *c = &calls[i];
		if (!(live ? c->live : c->file))
			continue;
		err = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, c->number, c->n, c->args);
		n += c->number != last;
		last = c->number;
	}
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	if (!err)
		*ret_calls = n;
	return err;
}

/* One part: what is in force, or why it isn't. Texts come from memory alone by now. */
static void say(struct sandbox *s, int err, const char *what, const char *fact)
{
	size_t len = strlen(s->text), room = sizeof(s->text) - len;
	const char *comma = len ? ", " : "";
	if (err)
		snprintf(s->text + len, room, "%sno %s (%s)", comma, what,
			 strerrorname_np(-err));
	else
		snprintf(s->text + len, room, "%s%s", comma, fact);
}

int sandbox_enter(struct sandbox *s)
{
	int first = 0;
	s->calls = 0;
	s->landlock = 0;
	s->text[0] = 0;
	int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
	if (!err)
		err = capabilities_drop();
	s->capabilities = !err;
	int caps = err;
	/* what opens something comes before what forbids it */
	size_t now = mapped();
	int locked = landlock(&s->landlock);
	int limited = limits(now, s->memory);
	s->limits = !limited;
	int filtered = seccomp(s->live, &s->calls);
	char n_calls[32], version[32];
	snprintf(n_calls, sizeof(n_calls), "seccomp %u calls", s->calls);
	snprintf(version, sizeof(version), "landlock %d", s->landlock);
	say(s, filtered, "seccomp", n_calls);
	say(s, locked, "landlock", version);
	say(s, caps, "loss of capabilities", "no capabilities");
	if (limited)
		say(s, limited, "limits", "");
	const int all[] = { filtered, locked, caps, limited };
	for (size_t i = 0; !first && i < sizeof(all) / sizeof(*all); i++)
		first = all[i];
	return first;
}
