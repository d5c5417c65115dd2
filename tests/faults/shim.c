/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded before a program to make its n-th call of one class fail, once or from then on
 * (LD_PRELOAD, see ld.so(8)). The driver is sweep.py.
 *
 *	FAULT_PROGRAM  name of the program that is meant (program_invocation_short_name); the
 *	               shim does nothing in the others, which inherit the environment
 *	FAULT_CLASS    alloc  malloc, calloc, realloc and their like
 *	               io     every call that reads, writes, opens, asks or starts something
 *	               data   those of them that move bytes: read, recv, write, send
 *	FAULT_AT       the first call that fails, from 1; absent: none
 *	FAULT_STICKY   all later ones fail too
 *	FAULT_ERROR    number of the errno, or "short": half of the bytes are moved; "eof": none
 *	FAULT_LOG      file that gets a line for each call of the class, "NUMBER NAME STACK";
 * STACK is the same number where the call comes from the same place in the program
 *
 * Calls before main() and writes to standard error are let alone: a program that can't say
 * what went wrong is not what is tested. Memory for the shim itself comes from libc under
 * its internal names, so that malloc() here may be called at any time.
 */
#undef _FILE_OFFSET_BITS /* both names of each call are defined here */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

enum fault { FAULT_NONE, FAULT_ERRNO, FAULT_SHORT, FAULT_EOF };
enum { IS_ALLOC = 1, IS_IO = 2, IS_DATA = 4 };

static struct {
	bool armed, sticky, busy;
	int class;
	enum fault fault;
	int error;
	unsigned long at, seen;
	int log; /* -1: none */
	char *page;
	size_t page_used;
} shim = { .log = -1 };

enum { PAGE_SIZE = 1 << 16, LINE_MAX_LEN = 96, FRAMES = 24 };

static void flush_log(void)
{
	size_t done = 0;
	while (done < shim.page_used) {
		long n = syscall(SYS_write, shim.log, shim.page + done, shim.page_used - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shim.page_used = 0;
}

static void log_call(const char *name)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);
	uint64_t hash = 1469598103934665603u; /* FNV-1a */
	/* The innermost two are the shim's own. */
	for (int i = 2; i < n; i++)
		hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
	if (shim.page_used + LINE_MAX_LEN > PAGE_SIZE)
		flush_log();
	shim.page_used +=
		(size_t)snprintf(shim.page + shim.page_used, LINE_MAX_LEN, "%lu %s %016llx\n",
				 shim.seen, name, (unsigned long long)hash);
}

/* Whether this call has to fail. */
static bool fails(int classes, const char *name)
{
	if (!shim.armed || shim.busy || !(classes & shim.class))
		return false;
	shim.seen++;
	if (shim.log >= 0) {
		int saved = errno;
		shim.busy = true;
		log_call(name);
		shim.busy = false;
		errno = saved;
	}
	return shim.at && (shim.sticky ? shim.seen >= shim.at : shim.seen == shim.at);
}

__attribute__((constructor)) static void arm(void)
{
	const char *program = getenv("FAULT_PROGRAM"), *class = getenv("FAULT_CLASS");
	const char *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERROR");
	const char *log = getenv("FAULT_LOG");
	if (!program || !class || strcmp(program, program_invocation_short_name))
		return;
	shim.class = !strcmp(class, "alloc") ? IS_ALLOC
		     : !strcmp(class, "io")  ? IS_IO
					     : IS_DATA;
	shim.at = at ? strtoul(at, NULL, 10) : 0;
	shim.sticky = getenv("FAULT_STICKY") != NULL;
	shim.fault = !error		       ? FAULT_NONE
		     : !strcmp(error, "short") ? FAULT_SHORT
		     : !strcmp(error, "eof")   ? FAULT_EOF
					       : FAULT_ERRNO;
	shim.error = error ? atoi(error) : 0;
	if (log) {
		void *frames[FRAMES];
		backtrace(frames, FRAMES); /* loads what it needs now */
		shim.page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		shim.log = (int)syscall(SYS_openat, AT_FDCWD, log,
					O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	shim.armed = true;
}

__attribute__((destructor)) static void disarm(void)
{
	shim.armed = false;
	if (shim.log >= 0)
		flush_log();
}

/* Memory. */

static bool no_memory(const char *name)
{
	if (!fails(IS_ALLOC, name))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return no_memory("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return no_memory("calloc") ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return no_memory("realloc") ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return no_memory("reallocarray") ? NULL : __libc_realloc(p, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (no_memory("posix_memalign"))
		return ENOMEM;
	*ret = __libc_memalign(alignment, size);
	return *ret ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return no_memory("aligned_alloc") ? NULL : __libc_memalign(alignment, size);
}

/* The next definition of a function, kept. */
#define NEXT(name)                                                                             \
	static __typeof__(&name) next;                                                         \
	if (!next)                                                                             \
	next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/*
 * A call that just fails: `bad` is what it returns then. Under "short" and "eof", which only
 * make sense for calls that move bytes, it succeeds.
 */
#define FAILS_WITH(name, bad)                                                                  \
	do {                                                                                   \
		if (fails(IS_IO, name) && shim.fault == FAULT_ERRNO) {                         \
			errno = shim.error;                                                    \
			return (bad);                                                          \
		}                                                                              \
	} while (0)

#define PLAIN(type, name, bad, params, args)                                                   \
	type name params                                                                       \
	{                                                                                      \
		NEXT(name);                                                                    \
		FAILS_WITH(#name, bad);                                                        \
		return next args;                                                              \
	}

/* One that moves `size` bytes, returning how many. */
#define MOVES(type, name, params, args, size, skip)                                            \
	type name params                                                                       \
	{                                                                                      \
		NEXT(name);                                                                    \
		if (!(skip) && fails(IS_IO | IS_DATA, #name)) {                                \
			if (shim.fault == FAULT_ERRNO) {                                       \
				errno = shim.error;                                            \
				return -1;                                                     \
			}                                                                      \
			if (shim.fault == FAULT_EOF)                                           \
				return 0;                                                      \
			if (shim.fault == FAULT_SHORT && size > 1)                             \
				size /= 2;                                                     \
		}                                                                              \
		return next args;                                                              \
	}

MOVES(ssize_t, read, (int fd, void *p, size_t size), (fd, p, size), size, false)
MOVES(ssize_t, pread, (int fd, void *p, size_t size, off_t at), (fd, p, size, at), size, false)
MOVES(ssize_t, pread64, (int fd, void *p, size_t size, off64_t at), (fd, p, size, at), size,
      false)
MOVES(ssize_t, recv, (int fd, void *p, size_t size, int flags), (fd, p, size, flags), size,
      false)
MOVES(ssize_t, recvfrom,
      (int fd, void *p, size_t size, int flags, struct sockaddr *a, socklen_t *len),
      (fd, p, size, flags, a, len), size, false)
MOVES(ssize_t, write, (int fd, const void *p, size_t size), (fd, p, size), size,
      fd == STDERR_FILENO)
MOVES(ssize_t, send, (int fd, const void *p, size_t size, int flags), (fd, p, size, flags),
      size, false)
MOVES(ssize_t, sendto,
      (int fd, const void *p, size_t size, int flags, const struct sockaddr *a, socklen_t len),
      (fd, p, size, flags, a, len), size, false)

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	NEXT(recvmsg);
	if (fails(IS_IO | IS_DATA, "recvmsg")) {
		if (shim.fault == FAULT_ERRNO) {
			errno = shim.error;
			return -1;
		}
		if (shim.fault == FAULT_EOF)
			return 0;
		/* The kernel cuts the datagram and says so in msg_flags. */
		if (m->msg_iovlen && m->msg_iov[0].iov_len > 1) {
			size_t whole = m->msg_iov[0].iov_len;
			m->msg_iov[0].iov_len = whole / 2;
			ssize_t n = next(fd, m, flags);
			m->msg_iov[0].iov_len = whole;
			return n;
		}
	}
	return next(fd, m, flags);
}

PLAIN(ssize_t, sendmsg, -1, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
PLAIN(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))

/* The header declares these two with a union of pointers. */
int bind(int fd, const struct sockaddr *a, socklen_t len)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	if (!next)
		next = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT,
									       "bind");
	FAILS_WITH("bind", -1);
	return next(fd, a, len);
}

int getsockname(int fd, struct sockaddr *a, socklen_t *len)
{
	static int (*next)(int, struct sockaddr *, socklen_t *);
	if (!next)
		next = (int (*)(int, struct sockaddr *, socklen_t *))dlsym(RTLD_NEXT,
									   "getsockname");
	FAILS_WITH("getsockname", -1);
	return next(fd, a, len);
}

PLAIN(int, setsockopt, -1, (int fd, int level, int name, const void *v, socklen_t len),
      (fd, level, name, v, len))

/* Files. */

PLAIN(int, fsync, -1, (int fd), (fd))
PLAIN(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
PLAIN(int, rename, -1, (const char *from, const char *to), (from, to))
PLAIN(int, mkostemp, -1, (char *name, int flags), (name, flags))
PLAIN(int, mkostemp64, -1, (char *name, int flags), (name, flags))
PLAIN(int, fstat, -1, (int fd, struct stat *st), (fd, st))
PLAIN(int, fstat64, -1, (int fd, struct stat64 *st), (fd, st))
PLAIN(int, stat, -1, (const char *path, struct stat *st), (path, st))
PLAIN(int, stat64, -1, (const char *path, struct stat64 *st), (path, st))
PLAIN(int, lstat, -1, (const char *path, struct stat *st), (path, st))
PLAIN(int, lstat64, -1, (const char *path, struct stat64 *st), (path, st))
PLAIN(int, fstatat, -1, (int at, const char *path, struct stat *st, int flags),
      (at, path, st, flags))
PLAIN(int, fstatat64, -1, (int at, const char *path, struct stat64 *st, int flags),
      (at, path, st, flags))
PLAIN(DIR *, opendir, NULL, (const char *path), (path))
PLAIN(DIR *, fdopendir, NULL, (int fd), (fd))
PLAIN(struct dirent *, readdir, NULL, (DIR * dir), (dir))
PLAIN(struct dirent64 *, readdir64, NULL, (DIR * dir), (dir))
PLAIN(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
PLAIN(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
PLAIN(FILE *, fdopen, NULL, (int fd, const char *mode), (fd, mode))
PLAIN(ssize_t, readlink, -1, (const char *path, char *to, size_t size), (path, to, size))
PLAIN(ssize_t, readlinkat, -1, (int at, const char *path, char *to, size_t size),
      (at, path, to, size))

/* Closes in any case: a descriptor is gone after close() whatever it returns. */
int close(int fd)
{
	NEXT(close);
	int err = next(fd);
	FAILS_WITH("close", -1);
	return err;
}

static mode_t mode_of(int flags, va_list ap)
{
	bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
	return creates ? va_arg(ap, mode_t) : 0;
}

#define OPENS(name)                                                                            \
	int name(const char *path, int flags, ...)                                             \
	{                                                                                      \
		NEXT(name);                                                                    \
		va_list ap;                                                                    \
		va_start(ap, flags);                                                           \
		mode_t mode = mode_of(flags, ap);                                              \
		va_end(ap);                                                                    \
		FAILS_WITH(#name, -1);                                                         \
		return next(path, flags, mode);                                                \
	}
#define OPENS_AT(name)                                                                         \
	int name(int at, const char *path, int flags, ...)                                     \
	{                                                                                      \
		NEXT(name);                                                                    \
		va_list ap;                                                                    \
		va_start(ap, flags);                                                           \
		mode_t mode = mode_of(flags, ap);                                              \
		va_end(ap);                                                                    \
		FAILS_WITH(#name, -1);                                                         \
		return next(at, path, flags, mode);                                            \
	}
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

/* Streams: a failure sets the stream's error mark as libc would. */

static void spoil(FILE *f)
{
	f->_flags |= 0x20; /* _IO_ERR_SEEN of glibc */
	errno = shim.error;
}

ssize_t __getdelim(char **line, size_t *room, int delim, FILE *f);

ssize_t __getdelim(char **line, size_t *room, int delim, FILE *f)
{
	NEXT(__getdelim);
	if (fails(IS_IO | IS_DATA, "getdelim") && shim.fault == FAULT_ERRNO) {
		spoil(f);
		return -1;
	}
	return next(line, room, delim, f);
}

ssize_t getline(char **line, size_t *room, FILE *f)
{
	return __getdelim(line, room, '\n', f);
}

char *fgets(char *s, int size, FILE *f)
{
	NEXT(fgets);
	if (fails(IS_IO | IS_DATA, "fgets") && shim.fault == FAULT_ERRNO) {
		spoil(f);
		return NULL;
	}
	return next(s, size, f);
}

size_t fread(void *p, size_t size, size_t n, FILE *f)
{
	NEXT(fread);
	if (fails(IS_IO | IS_DATA, "fread") && shim.fault == FAULT_ERRNO) {
		spoil(f);
		return 0;
	}
	return next(p, size, n, f);
}

size_t fwrite(const void *p, size_t size, size_t n, FILE *f)
{
	NEXT(fwrite);
	if (f != stderr && fails(IS_IO | IS_DATA, "fwrite") && shim.fault == FAULT_ERRNO) {
		spoil(f);
		return 0;
	}
	return next(p, size, n, f);
}

int fflush(FILE *f)
{
	NEXT(fflush);
	if (f && f != stderr && fails(IS_IO | IS_DATA, "fflush") && shim.fault == FAULT_ERRNO) {
		spoil(f);
		return EOF;
	}
	return next(f);
}

int fclose(FILE *f)
{
	NEXT(fclose);
	int err = next(f);
	FAILS_WITH("fclose", EOF);
	return err;
}

/* Processes and namespaces. */

PLAIN(pid_t, fork, -1, (void), ())
PLAIN(int, pipe, -1, (int fds[2]), (fds))
PLAIN(int, pipe2, -1, (int fds[2], int flags), (fds, flags))
PLAIN(int, socketpair, -1, (int domain, int type, int protocol, int fds[2]),
      (domain, type, protocol, fds))
PLAIN(int, dup2, -1, (int from, int to), (from, to))
PLAIN(int, setns, -1, (int fd, int kind), (fd, kind))
PLAIN(int, unshare, -1, (int flags), (flags))
PLAIN(int, poll, -1, (struct pollfd * v, nfds_t n, int ms), (v, n, ms))
PLAIN(pid_t, waitpid, -1, (pid_t pid, int *status, int options), (pid, status, options))
PLAIN(ssize_t, getrandom, -1, (void *p, size_t size, unsigned flags), (p, size, flags))

static int spawn_error(const char *name)
{
	return fails(IS_IO, name) && shim.fault == FAULT_ERRNO ? shim.error : 0;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
		const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	NEXT(posix_spawn);
	int err = spawn_error("posix_spawn");
	return err ? err : next(pid, path, fa, attr, argv, envp);
}

int posix_spawnp(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
		 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	NEXT(posix_spawnp);
	int err = spawn_error("posix_spawnp");
	return err ? err : next(pid, path, fa, attr, argv, envp);
}
