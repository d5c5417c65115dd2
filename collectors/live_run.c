/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running other programs. They inherit the namespace of the thread, nothing else: an
 * environment of our own (nft prints times of the day in the reader's zone), no descriptors,
 * and both outputs are read at once and whole. A program that ends well but said something on
 * standard error didn't do what it was asked to: nft prints a valid but empty ruleset when
 * memory fails it.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT_MOST = 1 << 30, ERR_MOST = 64 * 1024 };

static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

const char *live_program(struct live *l, const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path = arena_printf(l->arena, "%s/%s", places[i], name);
		if (!access(path, X_OK))
			return path;
	}
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#define FD __attribute__((cleanup(close_fd))) int

static int start(const char *const *argv, int out, int err, pid_t *ret)
{
	static char *const env[] = { (char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				     (char *)(uintptr_t) "TZ=UTC",
				     (char *)(uintptr_t) "LC_ALL=C",
				     (char *)(uintptr_t) "HOME=/", NULL };
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	int e = posix_spawn_file_actions_init(&acts);
	if (e)
		return -e;
	e = posix_spawnattr_init(&attr);
	if (e) {
		posix_spawn_file_actions_destroy(&acts);
		return -e;
	}
	e = posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
	e = e ? e : posix_spawn_file_actions_adddup2(&acts, out, 1);
	e = e ? e : posix_spawn_file_actions_adddup2(&acts, err, 2);
	e = e ? e : posix_spawnattr_setsigdefault(&attr, &all);
	e = e ? e : posix_spawnattr_setsigmask(&attr, &none);
	e = e ? e
	      : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	e = e ? e
	      : posix_spawn(ret, argv[0], &acts, &attr, (char *const *)(uintptr_t)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&acts);
	return -e;
}

/* Takes what is there. 0, or a negative errno; *fd is closed at the end of the output. */
static int drain(int *fd, struct text *t, size_t most, bool refuse)
{
	static const size_t chunk = 256 * 1024;
	char *buf = xmalloc(chunk);
	int err = 0;
	ssize_t n = read(*fd, buf, chunk);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		err = -errno;
	else if (!n)
		close_fd(fd);
	else if (n > 0 && t->len + (size_t)n <= most)
		text_putn(t, buf, (size_t)n);
	else if (n > 0 && refuse)
		err = -EFBIG;
	free(buf);
	return err;
}

static int watch(int *out, int *err, int timer, int child, struct text *to, struct text *te)
{
	bool ended = false;
	int e = 0;
	while (!e && (*out >= 0 || *err >= 0 || !ended)) {
		struct pollfd p[] = { { .fd = *out, .events = POLLIN },
				      { .fd = *err, .events = POLLIN },
				      { .fd = timer, .events = POLLIN },
				      { .fd = ended ? -1 : child, .events = POLLIN } };
		if (poll(p, 4, -1) < 0) {
			e = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (p[0].revents)
			e = drain(out, to, OUT_MOST, true);
		if (!e && p[1].revents)
			e = drain(err, te, ERR_MOST, false);
		if (!e && p[2].revents)
			e = -ETIME;
		ended |= p[3].revents != 0;
	}
	return e;
}

int live_spawn(const char *const *argv, struct live_run *ret)
{
	FD out_r = -1;
	FD out_w = -1;
	FD err_r = -1;
	FD err_w = -1;
	int p[2];
	*ret = (struct live_run){ .code = -1 };
	if (pipe2(p, O_CLOEXEC))
		return -errno;
	out_r = p[0], out_w = p[1];
	if (pipe2(p, O_CLOEXEC))
		return -errno;
	err_r = p[0], err_w = p[1];
	FD timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec limit = { .it_value.tv_sec = LIVE_RUN_SECONDS };
	if (timer < 0 || timerfd_settime(timer, 0, &limit, NULL))
		return -errno;
	pid_t pid;
	int e = start(argv, out_w, err_w, &pid);
	if (e)
		return e;
	close_fd(&out_w);
	close_fd(&err_w);
	struct text to = { 0 }, te = { 0 };
	text_put(&to, "");
	text_put(&te, "");
	FD child = pidfd_open(pid, 0);
	e = child < 0 ? -errno : watch(&out_r, &err_r, timer, child, &to, &te);
	if (e)
		kill(pid, SIGKILL);
	int status = 0;
	pid_t got;
	while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (got < 0 && !e)
		e = -errno;
	*ret = (struct live_run){
		.out = to.s, .out_len = to.len, .err = te.s, .err_len = te.len
	};
	ret->code = !e && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return e;
}

void live_run_free(struct live_run *r)
{
	free(r->out);
	free(r->err);
	r->out = r->err = NULL;
}

/* What `program --version` says, or NULL. */
static const char *version_of(struct live *l, const char *path)
{
	const char *argv[] = { path, "--version", NULL };
	LIVE_RUN run = { 0 };
	int err = live_spawn(argv, &run);
	if (err)
		live_problem(l, "failed", "%s --version can't be run: %s", path,
			     strerror(-err));
	if (err || run.code || !run.out_len)
		return NULL;
	return arena_strn(l->arena, run.out, strcspn(run.out, "\n"));
}

/* Some line of standard error doesn't begin with quiet. */
static bool complains(const char *s, const char *quiet)
{
	while (*s) {
		size_t len = strcspn(s, "\n");
		if (len && !(quiet && has_prefix(s, quiet)))
			return true;
		s += len + (s[len] == '\n');
	}
	return false;
}

int live_command(struct live *l, const char *const *argv, const char *quiet,
		 struct live_run *ret)
{
	const char *args[16];
	json_t *words = json_array(), *cmd = json_object();
	size_t n = 0;
	*ret = (struct live_run){ .code = -1 };
	args[0] = live_program(l, argv[0]);
	if (!args[0]) {
		json_decref(words);
		json_decref(cmd);
		return -ENOENT;
	}
	for (; argv[n] && n < 15; n++) {
		args[n] = n ? argv[n] : args[0];
		json_array_append_new(words, live_string(l, argv[n]));
	}
	args[n] = NULL;
	const char *version = version_of(l, args[0]);
	int err = live_spawn(args, ret);
	live_set(cmd, "command", words);
	live_set(cmd, "version", version ? live_string(l, version) : json_null());
	live_set(cmd, "exit", ret->code >= 0 ? json_integer(ret->code) : json_null());
	if (ret->signal)
		live_set_int(cmd, "signal", ret->signal);
	live_set(cmd, "stderr", live_stringn(l, ret->err ? ret->err : "", ret->err_len));
	json_array_append_new(l->now->commands, cmd);
	const char *said =
		ret->err ? arena_strn(l->arena, ret->err, strcspn(ret->err, "\n")) : "";
	if (err == -ETIME)
		live_problem(l, "failed", "%s took more than %d seconds", argv[0],
			     LIVE_RUN_SECONDS);
	else if (err)
		live_problem(l, "failed", "%s can't be run: %s", argv[0], strerror(-err));
	else if (ret->code < 0)
		live_problem(l, "failed", "%s was ended by signal %d", argv[0], ret->signal);
	else if (ret->code && (strstr(said, "ermitted") || strstr(said, "ermission") ||
			       strstr(said, "must be root")))
		live_problem(l, "capability", "CAP_NET_ADMIN for %s: %s", argv[0], said);
	else if (ret->code)
		live_problem(l, "failed", "%s ended with %d: %s", argv[0], ret->code, said);
	else if (complains(ret->err, quiet))
		live_problem(l, "failed", "%s complained: %s", argv[0], said);
	else
		return 0;
	return -EIO;
}
