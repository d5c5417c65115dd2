/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/scenes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/oracle/judge.h"
#include "tests/oracle/replay.h"

enum { TAPS = 4, ETHER = 14, VXLAN = 8, FRAME_MAX = 1024 };

struct stage_set {
	struct kernel k;
	int tap[TAPS];
	struct arena *arena;
	unsigned id; /* of the packet that goes now */
	struct scene_count *count;
};

/* ---- the host ---- */

static int tap(unsigned i)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	snprintf(req.ifr_name, sizeof(req.ifr_name), "p%u", i);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req) < 0)
		return -1;
	return fd;
}

static bool build_host(struct stage_set *w, const struct scene *sc)
{
	bool taps = false;
	for (const struct step *st = sc->steps; st->from; st++)
		taps |= *st->from == 'p';
	if (kernel_open(&w->k))
		return false;
	for (unsigned i = 0; i < TAPS && taps; i++)
		if ((w->tap[i] = tap(i)) < 0)
			return false;
	if (!sc->host)
		return true;
	struct ran r;
	run_child((const char *const[]){ "sh", "-ec", sc->host, NULL }, NULL, &r);
	if (r.status)
		printf("%s: the host: %s\n", sc->name, r.err.s ? r.err.s : "");
	bool ok = !r.status;
	ran_finish(&r);
	return ok;
}

/* The descriptor of an interface that we hold, -1: none (a link inside the host). */
static int fd_of(const struct stage_set *w, const char *name)
{
	for (int i = 0; i < N_IN; i++)
		if (!strcmp(name, in_names[i]))
			return w->k.in[i];
	for (int i = 0; i < N_OUT; i++)
		if (!strcmp(name, out_names[i]))
			return w->k.out[i];
	if (*name == 'p' && name[1] >= '0' && name[1] < '0' + TAPS)
		return w->tap[name[1] - '0'];
	return -1;
}

/* ---- packets ---- */

static bool parse(struct stage_set *w, const char *line, struct packet *ret)
{
	const char *why = "";
	if (packet_parse(w->arena, line, strlen(line), ret, &why))
		return true;
	printf("not a packet: %s: %s\n", line, why);
	return false;
}

static void put16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

/* Makes the IPv4 packet of header and payload as long as n; its checksum. */
static size_t stretch(uint8_t *b, size_t n)
{
	put16(b + 2, (unsigned)n);
	put16(b + 10, 0);
	put16(b + 10, wire_sum(b, 20, 0));
	return n;
}

/* The packet; an ICMP error carries what it quotes. */
static size_t build(struct stage_set *w, const struct step *st, const struct packet *p,
		    uint8_t *b)
{
	struct shot shot = { .packet = *p, .salt = w->id };
	size_t n = wire_build(&shot, w->id, b);
	struct packet quoted;
	/* numbers that a handshake of 1000 and 5000 has */
	if (p->family == FAMILY_V4 && p->proto == PROTO_TCP) {
		memset(b + 24, 0, 8);
		put16(b + 26, p->flags == TCP_SYN ? 1000 : p->flags & TCP_SYN ? 5000 : 1001);
		put16(b + 30, p->flags & TCP_ACK ? 1001 : 0);
		wire_checksum(p, b + 20, n - 20);
	}
	if (!st->quotes || !parse(w, st->quotes, &quoted))
		return n;
	shot = (struct shot){ .packet = quoted, .salt = 1 };
	memset(b + 24, 0, 4);
	n = stretch(b, 28 + wire_build(&shot, 7, b + 28));
	put16(b + 22, 0);
	put16(b + 22, wire_sum(b + 20, n - 20, 0));
	return n;
}

/* Around it: Ethernet, with addresses that no bridge has learnt. */
static size_t in_ethernet(uint8_t *b, size_t n, const char *mac, int family)
{
	static const uint8_t dst[6] = { 2, 0, 0, 0, 9, 9 };
	unsigned m[6] = { 2, 0, 0, 0, 0, 1 };
	if (mac)
		sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]);
	memmove(b + ETHER, b, n);
	memcpy(b, dst, 6);
	for (int i = 0; i < 6; i++)
		b[6 + i] = (uint8_t)m[i];
	put16(b + 12, family == FAMILY_V4 ? 0x0800 : 0x86dd);
	return n + ETHER;
}

/* Around that: VXLAN of network 5, UDP and IPv4 as the line `wrapped` has them. */
static size_t in_vxlan(struct stage_set *w, const char *wrapped, uint8_t *b, size_t n)
{
	uint8_t outer[WIRE_MAX];
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 5 }; /* of the link vx0 */
	struct packet p;
	if (!parse(w, wrapped, &p))
		return 0;
	struct shot shot = { .packet = p, .salt = 2 };
	wire_build(&shot, 9, outer);
	memcpy(b, mac, 6);
	memmove(b + 28 + VXLAN, b, n);
	memcpy(b, outer, 28);
	memset(b + 28, 0, VXLAN);
	b[28] = 8;
	b[34] = 5;
	n += 28 + VXLAN;
	put16(b + 24, (unsigned)(n - 20));
	put16(b + 26, 0);
	return stretch(b, n);
}

/* ---- what comes out ---- */

/* Whether the bytes are what was sent, as it may have become. */
static bool is_it(struct stage_set *w, const struct step *st, const uint8_t *sent, size_t len,
		  const uint8_t *got, size_t n)
{
	struct packet p;
	unsigned mask = sent[0] >> 4 == 4 ? 0xffff : 0xfffff;
	if (wire_id(got, n) != (int)(w->id & mask))
		return false;
	if (!st->becomes)
		return wire_same(sent, len, got, n);
	if (!parse(w, st->becomes, &p) || n < 28 || got[0] >> 4 != 4)
		return false;
	uint32_t src =
		(uint32_t)got[12] << 24 | (uint32_t)got[13] << 16 | got[14] << 8 | got[15];
	uint32_t dst =
		(uint32_t)got[16] << 24 | (uint32_t)got[17] << 16 | got[18] << 8 | got[19];
	/* line says no source port: the host chooses one */
	return src == p.src.lo && dst == p.dst.lo && got[9] == p.proto &&
	       (!p.sport || (got[20] << 8 | got[21]) == p.sport) &&
	       (got[22] << 8 | got[23]) == p.dport;
}

static bool came_out(struct stage_set *w, const struct step *st, const uint8_t *sent,
		     size_t len)
{
	bool unwrap = st->wire && fd_of(w, st->to) < 0;
	const char *where = unwrap ? st->wire : st->to;
	bool found = false;
	uint8_t b[2048];
	ssize_t n;
	while ((n = read(fd_of(w, where), b, sizeof(b))) > 0) {
		size_t skip = unwrap ? 28 + VXLAN + ETHER : *where == 'p' ? ETHER : 0;
		if ((size_t)n > skip && is_it(w, st, sent, len, b + skip, (size_t)n - skip))
			found = true;
	}
	return found;
}

static bool send_step(struct stage_set *w, const struct step *st, const struct packet *p)
{
	uint8_t b[FRAME_MAX], sent[FRAME_MAX];
	size_t len = build(w, st, p, b), n = len;
	const char *from = st->from;
	memcpy(sent, b, len);
	if (fd_of(w, from) < 0) {
		n = in_vxlan(w, st->wrapped, b, in_ethernet(b, n, NULL, p->family));
		from = st->wire;
	} else if (*from == 'p') {
		n = in_ethernet(b, n, p->mac, p->family);
	}
	if (write(fd_of(w, from), b, n) != (ssize_t)n)
		printf("not sent by %s: %s\n", from, strerror(errno));
	/* what a tunnel carries may take the long way by a softirq of its own */
	for (int i = 0; i < (st->wire ? 20 : 1); i++) {
		if (came_out(w, st, sent, len))
			return true;
		if (st->wire)
			usleep(1000);
	}
	return false;
}

/* ---- the model's word ---- */

static struct answer both(struct answer a, struct answer b)
{
	struct answer x = a.maybe && (!b.maybe || (a.sure && !b.sure)) ? b : a;
	x.sure = a.sure && b.sure;
	x.maybe = a.maybe && b.maybe;
	x.set_sure = a.set_sure && b.set_sure;
	x.set_maybe = a.set_maybe && b.set_maybe;
	return x;
}

static struct answer judge_step(struct stage_set *w, struct judge *j, const struct step *st,
				struct packet *p)
{
	struct answer a = judge_way(j, st->from, st->to, p);
	struct packet outer;
	if (!st->wire || !parse(w, st->wrapped, &outer))
		return a;
	bool in = fd_of(w, st->from) < 0;
	return both(a, judge_way(j, in ? st->wire : "self", in ? "self" : st->wire, &outer));
}

static bool play_step(struct stage_set *w, struct judge *j, const struct scene *sc,
		      const struct step *st)
{
	struct packet p;
	struct text t = { 0 };
	if (!parse(w, st->packet, &p))
		return false;
	if (*st->from == 'p' && !p.mac)
		p.mac = "02:00:00:00:00:01";
	w->id++;
	bool arrived = send_step(w, st, &p);
	struct answer a = judge_step(w, j, st, &p);
	w->count->packets++;
	w->count->bounds += a.sure != a.maybe;
	bool ok = arrived == st->passes && !replay_differs(&a, arrived) &&
		  (!st->bound || (!a.sure && a.maybe));
	if (!ok) {
		judge_say(&a, &t);
		printf("scene %s, step %td: %s from %s to %s: the kernel %s it (the scene says "
		       "it "
		       "%s); %s",
		       sc->name, st - sc->steps, st->packet, st->from, st->to,
		       arrived ? "passes" : "drops", st->passes ? "passes" : "drops", t.s);
	}
	text_finish(&t);
	return ok;
}

static bool play(struct scene_count *count, const struct scene *sc)
{
	struct stage_set w = { .arena = arena_create(), .id = 1000, .count = count };
	struct script s;
	struct judge j;
	bool ok = build_host(&w, sc);
	script_init(&s, 0);
	if (sc->legacy4)
		script_put(&s, PART_LEGACY4, false, "%s", sc->legacy4);
	if (sc->xnft4)
		script_put(&s, PART_XNFT4, false, "%s", sc->xnft4);
	if (sc->nft)
		script_put(&s, PART_NFT, false, "%s", sc->nft);
	const char *why = ok ? kernel_load(&w.k, &s) : NULL;
	if (why)
		printf("scene %s: %s\n", sc->name, why);
	if (ok && !why) {
		ok = !judge_open(&j, &s,
				 sc->reading == SCENE_STATE ? READ_LINUX : READ_IPTABLES);
		for (const struct step *st = sc->steps; ok && st->from; st++)
			ok = play_step(&w, &j, sc, st);
		judge_close(&j);
	} else {
		ok = false;
	}
	script_finish(&s);
	arena_destroy(w.arena);
	return ok;
}

void scenes_play(const struct features *have, struct scene_count *ret)
{
	static const struct scene *const all[] = { scenes_state, scenes_bridge };
	*ret = (struct scene_count){ 0 };
	struct scene_count *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
		for (const struct scene *sc = all[k]; sc->name; sc++) {
			const char *missing = NULL;
			int status = 1;
			for (int i = 0; i < NEEDS_MAX && sc->needs[i]; i++)
				if (!probe_has(have, sc->needs[i]))
					missing = sc->needs[i];
			if (missing) {
				printf("scene %s is left out: %s is missing\n", sc->name,
				       missing);
				shared->skipped++;
				continue;
			}
			fflush(stdout);
			pid_t pid = fork();
			if (!pid) {
				bool ok = play(shared, sc);
				fflush(stdout);
				_exit(!ok);
			}
			waitpid(pid, &status, 0);
			if (WIFSIGNALED(status))
				printf("scene %s died of signal %d\n", sc->name,
				       WTERMSIG(status));
			shared->played++;
			shared->failed += status != 0;
		}
	*ret = *shared;
	munmap(shared, sizeof(*shared));
}
