/* SPDX-License-Identifier: Apache-2.0 */
/* A process that has locked itself in tries what it may not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/sandbox.h"

/* A sanitizer's shadow takes all addresses there are. */
#ifdef __SANITIZE_ADDRESS__
#define UNBOUNDED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNBOUNDED
#endif
#endif

enum { MEMORY = 16 << 20, FINE = 7, NOT_LOCKED = 8, REFUSED = 9 };

static int pipe_ends[2];

/* ---- what is tried; gives how the process ends if it lives ----------------------------- */

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? REFUSED : FINE;
}

static int try_create(void)
{
	return open("/tmp/plumbline-sandbox", O_CREAT | O_WRONLY, 0600) < 0 ? REFUSED : FINE;
}

static int try_openat2(void)
{
	uint64_t how[3] = { O_RDONLY };
	return syscall(SYS_openat2, AT_FDCWD, "/", how, sizeof(how)) < 0 ? REFUSED : FINE;
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? REFUSED : FINE;
}

static int try_connect(void)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	return connect(1, &sa, sizeof(sa)) ? REFUSED : FINE;
}

static int try_exec(void)
{
	char *const argv[] = { (char *)"true", NULL };
	execve("/bin/true", argv, argv + 1);
	return REFUSED;
}

static int try_fork(void)
{
	pid_t pid = fork();
	if (!pid)
		_exit(0);
	return pid < 0 ? REFUSED : FINE;
}

static int try_kill(void)
{
	return kill(getppid(), SIGTERM) ? REFUSED : FINE;
}

static int try_ptrace(void)
{
	return syscall(SYS_ptrace, 16, getppid(), 0, 0) ? REFUSED : FINE;
}

static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? REFUSED
		       : FINE;
}

static int try_protect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) ? REFUSED : FINE;
}

static int try_map_file(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED ? REFUSED : FINE;
}

static int try_write_elsewhere(void)
{
	return write(2, "x", 1) < 0 ? REFUSED : FINE;
}

static int try_ioctl(void)
{
	return ioctl(1, FIONREAD, &(int){ 0 }) ? REFUSED : FINE;
}

static int try_option(void)
{
	return setsockopt(1, SOL_SOCKET, SO_MARK, &(int){ 1 }, sizeof(int)) ? REFUSED : FINE;
}

static int try_filter(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 1);
	struct sock_fprog p = { 1, &all };
	return setsockopt(1, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) ? REFUSED : FINE;
}

static int try_flags(void)
{
	char request[64] = "lo";
	return ioctl(1, SIOCGIFFLAGS, request) ? REFUSED : FINE;
}

__attribute__((unused)) static int try_memory(void)
{
	return mmap(NULL, 2 * MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? REFUSED
		       : FINE;
}

static int try_some_memory(void)
{
	char *p = malloc(1 << 20);
	if (!p)
		return REFUSED;
	memset(p, 1, 1 << 20);
	free(p);
	return FINE;
}

static int try_pipe(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char c;
	return write(1, "x", 1) == 1 && poll(&p, 1, 1000) == 1 && read(0, &c, 1) == 1 ? FINE
										      : REFUSED;
}

/* How it ended: the signal, or minus the exit code. */
static int within(bool live, int (*try)(void))
{
	int status;
	cr_assert(!pipe(pipe_ends));
	pid_t pid = fork();
	if (!pid) {
		struct sandbox s = { .live = live, .memory = MEMORY };
		dup2(pipe_ends[0], 0);
		dup2(pipe_ends[1], 1);
		if (sandbox_enter(&s))
			syscall(SYS_exit_group, NOT_LOCKED);
		/* not _exit(): a sanitizer looks at signal stacks before it */
		syscall(SYS_exit_group, try());
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static const struct {
	const char *name;
	int (*try)(void);
	int file, live; /* how it ends */
} rows[] = {
	{ "open", try_open, SIGSYS, SIGSYS },
	{ "create", try_create, SIGSYS, SIGSYS },
	{ "openat2", try_openat2, SIGSYS, SIGSYS },
	{ "socket", try_socket, SIGSYS, SIGSYS },
	{ "connect", try_connect, SIGSYS, SIGSYS },
	{ "exec", try_exec, SIGSYS, SIGSYS },
	{ "fork", try_fork, SIGSYS, SIGSYS },
	{ "kill", try_kill, SIGSYS, SIGSYS },
	{ "ptrace", try_ptrace, SIGSYS, SIGSYS },
	{ "code", try_code, SIGSYS, SIGSYS },
	{ "protect", try_protect, SIGSYS, SIGSYS },
	{ "map a file", try_map_file, SIGSYS, SIGSYS },
	{ "write elsewhere", try_write_elsewhere, SIGSYS, SIGSYS },
	{ "ioctl", try_ioctl, SIGSYS, SIGSYS },
	{ "option", try_option, SIGSYS, SIGSYS },
	{ "filter", try_filter, SIGSYS, -REFUSED }, /* a pipe has none */
	{ "flags", try_flags, SIGSYS, -REFUSED },
#ifndef UNBOUNDED
	{ "memory beyond its need", try_memory, -REFUSED, -REFUSED },
#endif
	{ "some memory", try_some_memory, -FINE, -FINE },
	{ "its pipe", try_pipe, -FINE, -FINE },
};

Test(sandbox, what_is_not_allowed_ends_it)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_expect_eq(within(false, rows[i].try), rows[i].file, "%s, files: %d",
			     rows[i].name, within(false, rows[i].try));
		cr_expect_eq(within(true, rows[i].try), rows[i].live, "%s, live: %d",
			     rows[i].name, within(true, rows[i].try));
	}
}

/* What it says of itself comes back through memory that both have. */
static struct sandbox told(bool live)
{
	int status;
	struct sandbox *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(s != MAP_FAILED);
	*s = (struct sandbox){ .live = live, .memory = MEMORY };
	pid_t pid = fork();
	if (!pid)
		syscall(SYS_exit_group, sandbox_enter(s) ? NOT_LOCKED : FINE);
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "%s", s->text);
	struct sandbox copy = *s;
	munmap(s, sizeof(*s));
	return copy;
}

Test(sandbox, few_calls_are_left)
{
	struct sandbox file = told(false), live = told(true);
	cr_expect(file.calls > 0 && file.calls <= SANDBOX_CALLS_MAX, "%u", file.calls);
	cr_expect(live.calls > 0 && live.calls <= SANDBOX_CALLS_MAX, "%u", live.calls);
	cr_expect(file.landlock > 0 && file.capabilities && file.limits, "%s", file.text);
	cr_expect(strstr(live.text, "seccomp") && strstr(live.text, "no capabilities"), "%s",
		  live.text);
}

Test(sandbox, capabilities_are_gone_from_every_set)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		if (capabilities_drop())
			_exit(NOT_LOCKED);
		/* the bounding set as well, where there was the right to */
		for (unsigned long c = 0; c < 41; c++)
			if (!geteuid() && prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
				_exit(REFUSED);
		_exit(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM ? FINE : REFUSED);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "%d", WEXITSTATUS(status));
}
