/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/replay.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool replay_differs(const struct answer *a, bool arrived)
{
	if ((a->sure && !arrived) || (!a->maybe && arrived))
		return true;
	if (a->spent)
		return false;
	return a->set_sure != a->sure || a->set_maybe != a->maybe;
}

static bool arrives(struct kernel *k, const struct shot *shot)
{
	bool arrived;
	kernel_forget();
	kernel_send(k, shot, 1, &arrived);
	return arrived;
}

/* Loads what is left of the script and asks both; false where it can't be loaded or read. */
static bool again(struct kernel *k, struct script *s, enum reading how, const struct shot *shot,
		  bool *ret_differs, struct text *say)
{
	struct judge j;
	if (!kernel_clear(k) || kernel_load(k, s))
		return false;
	bool ok = !judge_open(&j, s, how);
	if (ok) {
		struct answer a = judge_packet(&j, shot);
		bool arrived = arrives(k, shot);
		*ret_differs = replay_differs(&a, arrived);
		if (say) {
			text_putf(say, "kernel: %s; ", arrived ? "passes" : "drops");
			judge_say(&a, say);
		}
	}
	judge_close(&j);
	return ok;
}

/* Rules first, then the sets and chains that nothing names any more. */
static void shrink(struct kernel *k, struct script *s, enum reading how,
		   const struct shot *shot)
{
	for (size_t i = 2 * s->lines.n; i-- > 0;) {
		struct script_line *l = &s->lines.v[i % s->lines.n];
		bool differs = false;
		if (l->free != (i >= s->lines.n) || !l->part_of || l->removed)
			continue;
		struct script_line *before = xmalloc(s->lines.n * sizeof(*before));
		memcpy(before, s->lines.v, s->lines.n * sizeof(*before));
		for (size_t n = i % s->lines.n; n < s->lines.n; n++)
			if (s->lines.v[n].part_of == l->part_of &&
			    s->lines.v[n].part == l->part)
				s->lines.v[n].removed = true;
		if (!again(k, s, how, shot, &differs, NULL) || !differs)
			memcpy(s->lines.v, before, s->lines.n * sizeof(*before));
		free(before);
	}
}

/* `nft monitor trace` while the packet goes through once more. */
static void trace_nft(struct kernel *k, const struct shot *shot)
{
	static const char mark[] =
		"nft -f - <<'end'\ntable inet oracle_trace {\nchain t { type filter hook "
		"prerouting "
		"priority -450; policy accept; meta nftrace set 1\n}\n}\nend\n";
	int fd = memfd_create("trace", MFD_CLOEXEC);
	if (!run_shell(mark))
		return;
	pid_t pid = fork();
	if (!pid) {
		dup2(fd, 1);
		execlp("nft", "nft", "monitor", "trace", NULL);
		_exit(127);
	}
	usleep(300000);
	arrives(k, shot);
	usleep(300000);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	char buf[16384];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	close(fd);
	if (n > 0)
		printf("---- nft monitor trace\n%.*s", (int)n, buf);
	run_shell("nft delete table inet oracle_trace");
}

/* Legacy tables tell by their counters which rules the packet met. */
static void trace_legacy(struct kernel *k, const struct shot *shot)
{
	static const char counted[] = "for f in ip ip6; do for t in $(cat "
				      "/proc/net/${f}_tables_names 2>/dev/null); do "
				      "${f}tables-legacy-save -c -t $t | grep -E "
				      "'^\\[|^:.*\\[' | grep -v '\\[0:0\\]'; done; "
				      "done; true";
	arrives(k, shot);
	struct ran r;
	run_child((const char *const[]){ "sh", "-c", counted, NULL }, NULL, &r);
	if (r.out.len)
		printf("---- rules of iptables-legacy that counted it\n%s", r.out.s);
	ran_finish(&r);
}

static void print_bytes(const struct shot *shot)
{
	uint8_t b[WIRE_MAX];
	size_t n = wire_build(shot, 64, b);
	printf("bytes:");
	for (size_t i = 0; i < n; i++)
		printf(" %02x", b[i]);
	printf("\n");
}

void replay(struct kernel *k, struct script *s, enum reading how, const struct shot *shot)
{
	struct text t = { 0 };
	bool differs = false;
	packet_print(&t, &shot->packet);
	printf("==== mismatch: ruleset seed %llu, %s in by %s, out by %s, wire %u\n",
	       (unsigned long long)s->seed, t.s, in_names[shot->in], out_names[shot->out],
	       shot->wire);
	print_bytes(shot);
	text_clear(&t);
	if (!again(k, s, how, shot, &differs, &t) || !differs) {
		printf("alone they agree: %s", t.s ? t.s : "not loaded\n");
	} else {
		shrink(k, s, how, shot);
		text_clear(&t);
		again(k, s, how, shot, &differs, &t);
		printf("%s", t.s);
		text_clear(&t);
		script_print(s, &t);
		printf("%s", t.s ? t.s : "");
		kernel_clear(k);
		kernel_load(k, s);
		trace_legacy(k, shot);
		trace_nft(k, shot);
	}
	printf("====\n");
	fflush(stdout);
	text_finish(&t);
}
