/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's side: opens what is a file, starts the process that reads, and believes nothing
 * of what comes back before it was checked. It never looks at a byte of a capture itself.
 */
#include "capture/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/kernel_filter.h"
#include "capture/worker_internal.h"

enum {
	BUFFER = 1 << 18,
	PIECE = 1 << 17, /* stays in a cache until it is judged */
	PIPE = 1 << 20,
	QUIET_MS = 250,
	FD_FIRST = 3, /* 0 to 2 are given new meanings in the child */
	FILES_SPARE = 64,
};

struct capture_worker {
	struct capture_input in; /* names live as long as the caller's */
	pid_t pid;		 /* 0: waited for */
	int fd;
	int end; /* what capture_next() says from now on; 1: nothing yet */
	struct orders *orders;
	uint8_t *buffer;
	size_t at, n;
	struct wire wire;
	char sandbox[SANDBOX_TEXT];
};

/* ---- what the child gets -------------------------------------------------------------- */

static void free_expressions(struct expression *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pcap_freecode(&v[i].program);
}

/* The expression for each link type; names in it are looked up here, where that is possible. */
static int compile(struct diags *d, const struct capture_input *in, struct expression *v,
		   size_t *ret_n)
{
	static const int types[] = { DLT_EN10MB,     DLT_RAW,	     DLT_LINUX_SLL,
				     DLT_LINUX_SLL2, DLT_NULL,	     DLT_LOOP,
				     DLT_PPP,	     DLT_PPP_SERIAL, DLT_PPP_ETHER };
	size_t n = 0;
	const char *why = NULL;
	_Static_assert(sizeof(types) / sizeof(*types) <= EXPRESSIONS, "room for all");
	*ret_n = 0;
	if (!in->expression)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		pcap_t *p = pcap_open_dead(types[i], 262144);
		if (!p)
			return diag_error(d, ENOMEM, "capture.expression", LOC_NONE,
					  "no memory");
		v[n].dlt = types[i];
		if (!pcap_compile(p, &v[n].program, in->expression, 1, PCAP_NETMASK_UNKNOWN))
			n++;
		else if (!why)
			why = arena_str(d->arena, pcap_geterr(p));
		pcap_close(p);
	}
	if (!n)
		return diag_error(d, EINVAL, "capture.expression", LOC_NONE,
				  "filter expression \"%s\": %s", in->expression, why);
	*ret_n = n;
	return 0;
}

/* A descriptor above those with a meaning. */
static int lift(int fd)
{
	if (fd < 0)
		return -errno;
	int up = fcntl(fd, F_DUPFD_CLOEXEC, FD_FIRST), err = errno;
	close(fd);
	return up < 0 ? -err : up;
}

static int open_file(const char *name)
{
	struct stat st;
	int fd = lift(open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
}

static const char *open_error(int err)
{
	switch (err) {
	case EISDIR:
		return "it is a folder; name the captures in it, as in --pcap 'FOLDER/*.pcap'";
	case ELOOP:
		return "it is a symbolic link, and none is followed; name the file itself";
	case ENOTSUP:
		return "it is not a regular file; what isn't one comes through --pcap -";
	}
	return strerror(err);
}

static size_t open_files(struct diags *d, const struct capture_input *in, int *fds)
{
	size_t lost = 0;
	bool seen = false;
	struct rlimit r;
	/* as many as the caller may have at all */
	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max &&
	    r.rlim_cur < in->n_files + FILES_SPARE) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	for (size_t i = 0; i < in->n_files; i++) {
		const char *name = in->files[i];
		if (!strcmp(name, "-")) {
			fds[i] = seen ? -1 : 0;
			if (seen)
				diag_error(d, EINVAL, "capture.open", LOC_NONE,
					   "standard input can be read once only");
			lost += seen;
			seen = true;
			continue;
		}
		fds[i] = open_file(name);
		if (fds[i] >= 0)
			continue;
		lost++;
		diag_error(d, -fds[i], "capture.open", LOC_NONE, "%s: %s", name,
			   open_error(-fds[i]));
		fds[i] = -1;
	}
	return lost;
}

/* ---- starting ------------------------------------------------------------------------- */

static int compare_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

/* Only what is needed stays open, and 0 to 2 are taken: 0 standard input where it is read, 1
 * the way out, 2 nothing. */
static bool keep_only(const int *fds, size_t n, int out)
{
	bool reads_stdin = false;
	int *keep = xcalloc(n + 1, sizeof(*keep)), next = FD_FIRST;
	/* empty, and there wherever one runs */
	int null = lift(memfd_create("nothing", MFD_CLOEXEC));
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		reads_stdin |= fds[i] == 0;
		if (fds[i] >= FD_FIRST)
			keep[k++] = fds[i];
	}
	if (null < 0 || (!reads_stdin && dup2(null, 0) < 0) || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		return false;
	qsort(keep, k, sizeof(*keep), compare_int);
	for (size_t i = 0; i < k; i++) {
		if (keep[i] > next)
			close_range((unsigned)next, (unsigned)keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	close_range((unsigned)next, ~0U, 0);
	free(keep);
	return true;
}

static void become(struct child *c, pid_t parent)
{
	static const int ignored[] = { SIGINT,	SIGTERM, SIGHUP, SIGQUIT,
				       SIGPIPE, SIGUSR1, SIGUSR2 };
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!keep_only(c->fds, c->in->n_files, c->out))
		return;
	c->out = 1;
	child_run(c);
}

static void set_filter(struct orders *k, const struct kernel_filter *f)
{
	unsigned turn = atomic_load_explicit(&k->filter_turn, memory_order_relaxed);
	atomic_store_explicit(&k->filter_turn, turn + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	k->n_filter = f ? f->program->len : 0;
	if (f)
		memcpy(k->filter, f->program->filter, f->program->len * sizeof(*k->filter));
	atomic_store_explicit(&k->filter_turn, turn + 2, memory_order_release);
}

static int launch(struct diags *d, struct capture_worker *w, const struct child *c)
{
	int ends[2];
	pid_t self = getpid();
	struct child copy = *c;
	if (pipe2(ends, O_CLOEXEC))
		return diag_error(d, errno, "capture.worker", LOC_NONE, "no pipe: %s",
				  strerror(errno));
	w->fd = lift(ends[0]);
	copy.out = lift(ends[1]);
	if (w->fd < 0 || copy.out < 0)
		return diag_error(d, EMFILE, "capture.worker", LOC_NONE, "no pipe: %s",
				  strerror(EMFILE));
	fcntl(w->fd, F_SETPIPE_SZ, PIPE); /* as it is, it is only slower */
	w->pid = fork();
	if (!w->pid) {
		become(&copy, self);
		child_leave();
	}
	int err = errno;
	close(copy.out);
	if (w->pid > 0)
		return 0;
	w->pid = 0;
	return diag_error(d, err, "capture.worker", LOC_NONE, "no process: %s", strerror(err));
}

/* ---- records -------------------------------------------------------------------------- */

/* How the child ended, where it shouldn't have. */
static int died(struct diags *d, struct capture_worker *w)
{
	int status = 0;
	bool known = w->pid > 0 && waitpid(w->pid, &status, 0) == w->pid;
	w->pid = 0;
	w->end = -EPROTO;
	if (known && WIFSIGNALED(status))
		return diag_error(
			d, EPROTO, "capture.worker", LOC_NONE,
			"the process that reads packets was killed by SIG%s",
			sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	return diag_error(
		d, EPROTO, "capture.worker", LOC_NONE,
		"the process that reads packets ended before its work did (status %d)",
		known ? WEXITSTATUS(status) : -1);
}

static int refuse(struct diags *d, struct capture_worker *w)
{
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
		w->pid = 0;
	}
	w->end = -EPROTO;
	return diag_error(d, EPROTO, "capture.worker", LOC_NONE,
			  "the process that reads packets sent what isn't a record");
}

/* More bytes: 1; 0: the other end is closed; negative errno: -EINTR also after a while. */
static int more_bytes(struct capture_worker *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	memmove(w->buffer, w->buffer + w->at, w->n - w->at);
	w->n -= w->at;
	w->at = 0;
	int ready = poll(&p, 1, QUIET_MS);
	if (ready <= 0)
		return ready ? -errno : -EINTR;
	size_t room = BUFFER - w->n;
	ssize_t n = read(w->fd, w->buffer + w->n, room < PIECE ? room : PIECE);
	if (n < 0)
		return -errno;
	w->n += (size_t)n;
	return n > 0;
}

/* The next record, copied to w->wire: 1. 0: it isn't there yet. -EPROTO: it can't be one. */
static int take(struct capture_worker *w, const uint8_t **ret_more, uint32_t *ret_n)
{
	const uint8_t *from = w->buffer + w->at;
	size_t left = w->n - w->at;
	uint32_t n = 0;
	int got = wire_take(&w->wire, from, left);
	if (got <= 0)
		return got;
	size_t size = (size_t)got;
	if (wire_has_more(w->wire.record->kind)) {
		if (left < size + sizeof(n))
			return 0;
		memcpy(&n, from + size, sizeof(n));
		size += sizeof(n) + n;
		if (n > MORE_MAX)
			return -EPROTO;
		if (left < size)
			return 0;
	}
	*ret_more = from + size - n;
	*ret_n = n;
	w->at += size;
	return 1;
}

static bool counts_valid(const uint8_t *more, uint32_t n)
{
	struct capture_counts c;
	uint8_t known;
	if (n != sizeof(c))
		return false;
	memcpy(&known, more + offsetof(struct capture_counts, drops_known), 1);
	if (known > 1)
		return false;
	memcpy(&c, more, sizeof(c));
	return c.received == c.processed + c.dropped_kernel + c.dropped_interface;
}

/* 1: go on. Otherwise what capture_next() says. */
static int hand_over(struct diags *d, struct capture_worker *w, struct flow_record *r,
		     const uint8_t *more, uint32_t n, flow_sink *sink, void *user)
{
	struct capture_counts counts;
	const char *text;
	if (!flow_record_valid(r))
		return -EPROTO;
	switch ((enum record_kind)r->kind) {
	case RECORD_FIRST:
	case RECORD_MORE:
	case RECORD_LAST:
	case RECORD_EXCERPT:
		if (r->interface || r->file >= (w->in.interface ? 1 : w->in.n_files))
			return -EPROTO;
		sink(user, r, n ? more : NULL, n);
		return 1;
	case RECORD_COUNTS:
		if (!counts_valid(more, n))
			return -EPROTO;
		memcpy(&counts, more, sizeof(counts));
		sink(user, r, &counts, sizeof(counts));
		return 1;
	case RECORD_FAULT:
		if (fault_tell(d, &w->in, r, more, n, &text))
			return -EPROTO;
		sink(user, r, text, strlen(text));
		return 1;
	case RECORD_TICK:
		sink(user, r, NULL, 0);
		return 2;
	case RECORD_END:
		sink(user, r, NULL, 0);
		return 0;
	}
	return -EPROTO;
}

int capture_next(struct capture_worker *w, struct diags *d, flow_sink *sink, void *user)
{
	bool handed = false;
	if (w->end != 1)
		return w->end;
	for (;;) {
		const uint8_t *more;
		uint32_t n;
		int got;
		while ((got = take(w, &more, &n)) == 1) {
			handed = true;
			got = hand_over(d, w, w->wire.record, more, n, sink, user);
			if (got < 0)
				break;
			if (got == 2)
				return 1;
			if (!got)
				return w->end = 0;
		}
		if (got < 0)
			return refuse(d, w);
		if (handed) /* a signal may have come meanwhile */
			return -EINTR;
		got = more_bytes(w);
		if (!got)
			return died(d, w);
		if (got == -EINTR)
			return -EINTR;
		if (got < 0)
			return w->end = diag_error(d, -got, "capture.worker", LOC_NONE,
						   "records can't be read: %s", strerror(-got));
	}
}

/* What the child says before it begins: 0, or why there is nothing to be captured. said: its
 * faults. */
static int await_ready(struct diags *d, struct diags *said, struct capture_worker *w,
		       size_t *lost)
{
	const uint8_t *more;
	const char *text = "";
	uint32_t n;
	for (;;) {
		int got = take(w, &more, &n);
		struct flow_record *r = w->wire.record;
		if (!got) {
			got = more_bytes(w);
			if (!got)
				return died(d, w);
			if (got < 0 && got != -EINTR)
				return diag_error(d, -got, "capture.worker", LOC_NONE,
						  "records can't be read: %s", strerror(-got));
			if (w->in.stop && *w->in.stop)
				return -EINTR;
			continue;
		}
		if (got == 1 && r->kind == RECORD_FAULT && !fault_tell(said, &w->in, r, more, n, &text))
			continue;
		if (got < 0 || r->kind != RECORD_READY || n != sizeof(struct ready))
			return refuse(d, w);
		break;
	}
	struct ready ready;
	memcpy(&ready, more, sizeof(ready));
	if (ready.failed >= FAULT_COUNT || ready.lost > w->in.n_files)
		return refuse(d, w);
	*lost += ready.lost;
	const char *sandbox = fault_text(d->arena, (const uint8_t *)ready.sandbox,
				    (uint32_t)strnlen(ready.sandbox, SANDBOX_TEXT - 1));
	memcpy(w->sandbox, sandbox, strlen(sandbox) + 1);
	if (ready.failed) {
		diags_finish(said); /* the same, as it was sent */
		diags_init(said, d->arena);
		return fault_fail(d, &w->in, ready.failed, text);
	}
	if (!ready.locked)
		diag_warning(d, "capture.sandbox", LOC_NONE,
			     "the process that reads the files isn't locked in whole: %s",
			     w->sandbox);
	return 0;
}

static int begin(struct diags *d, struct capture_worker *w, size_t *lost)
{
	const struct capture_input *in = &w->in;
	struct expression expressions[EXPRESSIONS];
	struct child child = { .in = in, .expressions = expressions, .orders = w->orders };
	int *fds = xcalloc(in->n_files + 1, sizeof(*fds));
	int err = compile(d, in, expressions, &child.n_expressions);
	if (!err) {
		*lost = open_files(d, in, fds);
		child.fds = fds;
		err = in->n_files && *lost == in->n_files ? -ENOENT : launch(d, w, &child);
		for (size_t i = 0; i < in->n_files; i++)
			if (fds[i] >= FD_FIRST)
				close(fds[i]);
	}
	free_expressions(expressions, child.n_expressions);
	free(fds);
	if (!err) {
		struct diags said;
		diags_init(&said, d->arena);
		err = await_ready(d, &said, w, lost);
		diags_join(d, &said);
		diags_finish(&said);
	}
	if (!err && in->n_files && *lost == in->n_files)
		err = -EINVAL;
	return err;
}

int capture_start(struct arena *a, struct diags *d, const struct capture_input *in,
		  size_t *ret_lost, struct capture_worker **ret)
{
	size_t lost = 0;
	if (!in->n_files == !in->interface ||
	    (in->filter && in->filter->program->len > FILTER_MAX))
		return diag_error(d, EINVAL, "capture.input", LOC_NONE,
				  "either files or one interface is captured");
	struct capture_worker *w = arena_alloc(a, sizeof(*w));
	w->in = *in;
	w->fd = -1;
	w->end = 1;
	w->orders = mmap(NULL, sizeof(*w->orders), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->orders == MAP_FAILED)
		return diag_error(d, ENOMEM, "capture.worker", LOC_NONE, "no memory to share");
	w->buffer = xmalloc(BUFFER);
	set_filter(w->orders, in->filter);
	int err = begin(d, w, &lost);
	if (!err && in->interface && (err = capabilities_drop()))
		diag_error(d, -err, "capture.permission", LOC_NONE,
			   "capabilities can't be given up: %s", strerror(-err));
	if (err) {
		capture_destroy(w);
		return err;
	}
	*ret_lost = lost;
	*ret = w;
	return 0;
}

void capture_stop(struct capture_worker *w)
{
	atomic_store_explicit(&w->orders->stop, 1, memory_order_release);
}

void capture_tick(struct capture_worker *w)
{
	atomic_fetch_add_explicit(&w->orders->tick, 1, memory_order_release);
}

int capture_refilter(struct capture_worker *w, struct diags *d, const struct kernel_filter *f)
{
	if (!w->in.interface || (f && f->program->len > FILTER_MAX))
		return diag_error(d, EINVAL, "capture.kernel-filter", LOC_NONE,
				  "no filter for what is captured");
	set_filter(w->orders, f);
	capture_tick(w);
	return 0;
}

void capture_destroy(struct capture_worker *w)
{
	if (!w)
		return;
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (w->fd >= 0)
		close(w->fd);
	munmap(w->orders, sizeof(*w->orders));
	free(w->buffer);
}

const char *capture_sandbox_text(const struct capture_worker *w)
{
	return w->sandbox;
}

const char *capture_interface(const struct capture_worker *w, unsigned interface)
{
	return interface ? NULL : w->in.interface;
}
