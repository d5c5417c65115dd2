/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One child makes the namespace and lives in it, and starts nft three times: to load, to list
 * as JSON, to list as text. Script and answers are files in memory, so that nobody waits for a
 * pipe; limits on file size, memory and time bound what a hostile ruleset can cost. nft is run
 * as a program and never linked (it is under another licence, and it leaves by exit()). nft
 * that finds no memory may print less than there is and still end well: who calls compares the
 * two listings.
 */
#include "collectors/nft_run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

enum { SCRIPT, JSON, TEXT, MESSAGE, N_FILES };

static int write_file(const char *path, const char *s)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, s, strlen(s));
	close(fd);
	return n == (ssize_t)strlen(s) ? 0 : -EIO;
}

/*
 * A namespace of our own; without the right to one, in a user namespace that gives it. What
 * this machine knows of host names is no part of the ruleset: it is covered.
 */
static int apart(void)
{
	static const char *const names[] = { "/etc/hosts", "/etc/resolv.conf",
					     "/etc/nsswitch.conf" };
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
			return -errno;
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (write_file("/proc/self/uid_map", map) ||
		    write_file("/proc/self/setgroups", "deny"))
			return -EPERM;
		snprintf(map, sizeof(map), "0 %u 1", gid);
		if (write_file("/proc/self/gid_map", map))
			return -EPERM;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mount("/dev/null", names[i], NULL, MS_BIND, NULL) && errno != ENOENT)
			return -errno;
	return 0;
}

struct request {
	struct nlmsghdr h;
	struct ifinfomsg i;
	char room[256];
};

static struct rtattr *put(struct request *q, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static bool add_link(int fd, const char *name, const char *kind)
{
	struct request q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.i)),
				    .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL |
						   NLM_F_ACK } };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char room[1024];
	} answer;
	put(&q, IFLA_IFNAME, name, strlen(name) + 1);
	struct rtattr *info = put(&q, IFLA_LINKINFO, NULL, 0);
	put(&q, IFLA_INFO_KIND, kind, strlen(kind));
	info->rta_len = (unsigned short)((char *)&q + q.h.nlmsg_len - (char *)info);
	return send(fd, &q, q.h.nlmsg_len, 0) == (ssize_t)q.h.nlmsg_len &&
	       recv(fd, &answer, sizeof(answer), 0) >=
		       (ssize_t)NLMSG_LENGTH(sizeof(answer.e)) &&
	       answer.h.nlmsg_type == NLMSG_ERROR && !answer.e.error;
}

/* What can't be made isn't there: nft will say so itself. */
static void add_links(const char *const *names, size_t n)
{
	static const char *const kinds[] = { "dummy", "bridge", "ifb", "veth" };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (size_t i = 0; fd >= 0 && i < n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			if (strlen(names[i]) < IFNAMSIZ && add_link(fd, names[i], kinds[k]))
				break;
	if (fd >= 0)
		close(fd);
}

static void limit(int what, rlim_t most)
{
	struct rlimit r = { most, most };
	setrlimit(what, &r);
}

enum { EXIT_FIRST = 64, EXIT_SETUP = 126, EXIT_ABSENT = 127 };

static _Noreturn void become_nft(const char *const *argv, int in, int out, int err)
{
	static const char *const env[] = { "TZ=UTC", "LC_ALL=C",
					   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	static const char *const places[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft",
					      "/usr/local/sbin/nft" };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(EXIT_SETUP);
	close_range(3, ~0U, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, NFT_RUN_SECONDS);
	limit(RLIMIT_FSIZE, 1u << 30);
	limit(RLIMIT_AS, (rlim_t)4 << 30);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		execve(places[i], (char *const *)argv, (char *const *)env);
	_exit(EXIT_ABSENT);
}

/* The exit status of one nft, EXIT_SETUP where there was none. */
static int nft(const char *const *argv, int in, int out, int err)
{
	int status;
	pid_t pid = fork();
	if (!pid)
		become_nft(argv, in, out, err);
	if (pid < 0)
		return EXIT_SETUP;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_SETUP;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SETUP;
}

static bool silent(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && !st.st_size;
}

/* nft has no JSON for a few things and says so; they are text in the listing then. */
static bool says_text_only(int fd)
{
	char said[1 << 14];
	ssize_t n = pread(fd, said, sizeof(said) - 1, 0);
	if (n < 0 || n == (ssize_t)sizeof(said) - 1)
		return false;
	said[n] = 0;
	for (char *s = said, *end; *s; s = end + 1) {
		end = strchr(s, '\n');
		if (!end)
			return false;
		*end = 0;
		if (!strstr(s, " have no json callback") || strncmp(s, "warning: ", 9))
			return false;
	}
	return true;
}

/* In the child: how it ended is its exit code. */
static enum nft_run_end keep(const int *files, const char *const *links, size_t n_links)
{
	static const char *const load[] = { "nft", "-f", "-", NULL };
	static const char *const json[] = { "nft", "-j", "list", "ruleset", NULL };
	static const char *const text[] = { "nft", "list", "ruleset", NULL };
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing < 0)
		return NFT_RUN_FAILED;
	if (apart())
		return NFT_RUN_NAMESPACE;
	add_links(links, n_links);
	int status = nft(load, files[SCRIPT], nothing, files[MESSAGE]);
	if (status == EXIT_ABSENT)
		return NFT_RUN_ABSENT;
	if (status == EXIT_SETUP)
		return NFT_RUN_FAILED;
	if (status || !silent(files[MESSAGE]))
		return NFT_RUN_REFUSED;
	if (nft(text, nothing, files[TEXT], files[MESSAGE]) || !silent(files[MESSAGE]) ||
	    nft(json, nothing, files[JSON], files[MESSAGE]) || !says_text_only(files[MESSAGE]))
		return NFT_RUN_LISTING;
	return NFT_RUN_DONE;
}

static bool open_files(int *files, const char *script, size_t len)
{
	for (int i = 0; i < N_FILES; i++)
		files[i] = memfd_create("nft", MFD_CLOEXEC);
	for (int i = 0; i < N_FILES; i++)
		if (files[i] < 0)
			return false;
	while (len) {
		ssize_t n = write(files[SCRIPT], script, len);
		if (n <= 0)
			return false;
		script += n;
		len -= (size_t)n;
	}
	return lseek(files[SCRIPT], 0, SEEK_SET) == 0;
}

/* All of a file; NULL where it can't be read. */
static char *slurp(int fd, size_t *ret_len)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	size_t size = (size_t)st.st_size, got = 0;
	char *s = xmalloc(size + 1);
	while (got < size) {
		ssize_t n = pread(fd, s + got, size - got, (off_t)got);
		if (n <= 0) {
			free(s);
			return NULL;
		}
		got += (size_t)n;
	}
	s[got] = 0;
	*ret_len = got;
	return s;
}

/* Waits for the child, at most so long; what is left of its group is ended. */
static enum nft_run_end reap(pid_t pid)
{
	int status, fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ready;
	do
		ready = fd < 0 ? -1 : poll(&p, 1, NFT_RUN_SECONDS * 1000);
	while (ready < 0 && fd >= 0 && errno == EINTR);
	if (fd >= 0)
		close(fd);
	/* no pidfd: the limit of CPU seconds alone bounds it */
	if (ready == 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return NFT_RUN_FAILED;
	if (ready == 0)
		return NFT_RUN_TIME;
	/* 0 is nobody's: whatever else ends the child doesn't look like success */
	int code = WIFEXITED(status) ? WEXITSTATUS(status) - EXIT_FIRST : -1;
	return code >= 0 && code < NFT_RUN_FAILED ? (enum nft_run_end)code : NFT_RUN_FAILED;
}

enum nft_run_end nft_run(const char *script, size_t len, const char *const *links,
			 size_t n_links, struct nft_listing *ret)
{
	int files[N_FILES];
	enum nft_run_end end = NFT_RUN_FAILED;
	*ret = (struct nft_listing){ 0 };
	if (open_files(files, script, len)) {
		pid_t parent = getpid(), pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			setpgid(0, 0);
			if (getppid() != parent)
				_exit(EXIT_SETUP);
			_exit(EXIT_FIRST + (int)keep(files, links, n_links));
		}
		if (pid > 0) {
			setpgid(pid, pid);
			end = reap(pid);
		}
	}
	ret->json = slurp(files[JSON], &ret->json_len);
	ret->text = slurp(files[TEXT], &ret->text_len);
	ret->message = slurp(files[MESSAGE], &ret->message_len);
	if (!ret->json || !ret->text || !ret->message)
		end = NFT_RUN_FAILED;
	for (int i = 0; i < N_FILES; i++)
		if (files[i] >= 0)
			close(files[i]);
	return end;
}

void nft_listing_finish(struct nft_listing *l)
{
	free(l->json);
	free(l->text);
	free(l->message);
	*l = (struct nft_listing){ 0 };
}
