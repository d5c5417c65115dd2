/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink (netlink(7)): libnl opens, sends and receives; what came is kept as the kernel's own
 * messages and walked here. libnl's route cache drops routes that it takes for duplicates, and
 * its rules know no inversion, so nothing of it is used behind the socket.
 */
#include "collectors/live_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { RECEIVE_BUFFER = 1 << 20, MESSAGE_BUFFER = 64 * 1024, ANSWER_SECONDS = 30 };

static int from_nl(int err)
{
	switch (err < 0 ? -err : err) {
	case NLE_SUCCESS:
		return 0;
	case NLE_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_MSG_TRUNC:
	case NLE_MSGSIZE:
		return -EMSGSIZE;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
	case NLE_OPNOTSUPP:
		return -EPROTONOSUPPORT;
	}
	return -EIO;
}

static int open_socket(int protocol, struct nl_sock **ret)
{
	struct nl_sock *sk = nl_socket_alloc();
	if (!sk)
		return -ENOMEM;
	int err = from_nl(nl_connect(sk, protocol));
	if (!err)
		err = from_nl(nl_socket_set_buffer_size(sk, RECEIVE_BUFFER, 0));
	if (!err)
		err = from_nl(nl_socket_set_msg_buf_size(sk, MESSAGE_BUFFER));
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	if (!err &&
	    setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		err = -errno;
	if (err)
		nl_socket_free(sk);
	else
		*ret = sk;
	return err;
}

static int send_request(struct nl_sock *sk, int type, bool dump, const void *body, size_t len,
			uint32_t *ret_seq)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_SPACE(len));
	if (!msg)
		return -ENOMEM;
	int err = 0;
	if (!nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0,
		       NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK)))
		err = -ENOMEM;
	if (!err && len)
		err = from_nl(nlmsg_append(msg, (void *)(uintptr_t)body, len, NLMSG_ALIGNTO));
	if (!err) {
		int sent = nl_send_auto(sk, msg);
		err = sent < 0 ? from_nl(sent) : 0;
		*ret_seq = nlmsg_hdr(msg)->nlmsg_seq;
	}
	nlmsg_free(msg);
	return err;
}

static void keep(struct live_dump *d, const struct nlmsghdr *m)
{
	size_t room = NLMSG_ALIGN(m->nlmsg_len);
	if (d->cap - d->len < room) {
		size_t cap = d->cap ? d->cap : 16 * 1024;
		while (cap - d->len < room)
			cap *= 2;
		d->data = xrealloc(d->data, cap);
		d->cap = cap;
	}
	memset(d->data + d->len, 0, room);
	memcpy(d->data + d->len, m, m->nlmsg_len);
	d->len += room;
	d->n++;
}

/* One datagram. *ret_end: it held the end of the answer; *ret_torn: the dump was disturbed. */
static int take(const unsigned char *buf, size_t len, uint32_t seq, bool dump,
		struct live_dump *d, bool *ret_end, bool *ret_torn)
{
	size_t at = 0;
	while (at < len) {
		struct nlmsghdr m;
		if (len - at < sizeof(m))
			return -EPROTO;
		const struct nlmsghdr *p = (const struct nlmsghdr *)(const void *)(buf + at);
		m = *p;
		if (m.nlmsg_len < sizeof(m) || m.nlmsg_len > len - at)
			return -EPROTO;
		at += NLMSG_ALIGN(m.nlmsg_len) < len - at ? NLMSG_ALIGN(m.nlmsg_len) : len - at;
		if (m.nlmsg_seq != seq)
			continue;
		*ret_torn |= dump && m.nlmsg_flags & NLM_F_DUMP_INTR;
		if (m.nlmsg_type == NLMSG_NOOP)
			continue;
		if (m.nlmsg_type == NLMSG_OVERRUN)
			return -ENOBUFS;
		if (m.nlmsg_type == NLMSG_ERROR || m.nlmsg_type == NLMSG_DONE) {
			int err = 0;
			if (m.nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
				memcpy(&err, NLMSG_DATA((struct nlmsghdr *)(uintptr_t)p),
				       sizeof(err));
			else if (m.nlmsg_type == NLMSG_ERROR)
				return -EPROTO;
			*ret_end = true;
			/* an acknowledgement in place of a dump: there is none */
			if (m.nlmsg_type == NLMSG_ERROR && dump && !err)
				return -EPROTO;
			return err < 0 ? err : 0;
		}
		keep(d, p);
	}
	return 0;
}

static int ask_once(int protocol, int type, bool dump, const void *body, size_t len,
		    struct live_dump *d)
{
	struct nl_sock *sk;
	uint32_t seq = 0;
	int err = open_socket(protocol, &sk);
	if (err)
		return err;
	err = send_request(sk, type, dump, body, len, &seq);
	bool end = false, torn = false;
	while (!err && !end) {
		struct sockaddr_nl from = { 0 };
		unsigned char *buf = NULL;
		int n = nl_recv(sk, &from, &buf, NULL);
		if (n < 0)
			err = from_nl(n);
		else if (!n)
			err = -EPROTO;
		else if (!from.nl_pid)
			err = take(buf, (size_t)n, seq, dump, d, &end, &torn);
		if (n > 0)
			free(buf);
	}
	nl_socket_free(sk);
	return !err && torn ? -EINTR : err;
}

int live_ask(int protocol, int type, bool dump, const void *body, size_t len,
	     struct live_dump *ret)
{
	int err = 0;
	for (int i = 0; i < LIVE_TRIES; i++) {
		ret->len = ret->n = 0;
		err = ask_once(protocol, type, dump, body, len, ret);
		if (err != -EINTR && err != -ENOBUFS && err != -EAGAIN)
			break;
	}
	if (err)
		ret->len = ret->n = 0;
	return err == -ENOBUFS || err == -EAGAIN ? -EINTR : err;
}

void live_dump_free(struct live_dump *d)
{
	free(d->data);
	*d = (struct live_dump){ 0 };
}

const struct nlmsghdr *live_next(const struct live_dump *d, size_t *pos)
{
	if (*pos >= d->len)
		return NULL;
	const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)(d->data + *pos);
	*pos += NLMSG_ALIGN(m->nlmsg_len);
	return m;
}

const void *live_header(const struct nlmsghdr *m, size_t size)
{
	return m->nlmsg_len >= NLMSG_LENGTH(size) ? (const char *)m + NLMSG_HDRLEN : NULL;
}

bool live_attr_next(struct live_attr *rest, int *ret_type, struct live_attr *ret)
{
	struct nlattr a;
	if (!rest->len)
		return false;
	if (rest->len >= sizeof(a)) {
		memcpy(&a, rest->data, sizeof(a));
		if (a.nla_len >= NLA_HDRLEN && a.nla_len <= rest->len) {
			size_t step = NLA_ALIGN(a.nla_len);
			step = step < rest->len ? step : rest->len;
			*ret_type = a.nla_type & NLA_TYPE_MASK;
			*ret = (struct live_attr){ rest->data + NLA_HDRLEN,
						   (size_t)a.nla_len - NLA_HDRLEN };
			rest->data += step;
			rest->len -= step;
			return true;
		}
	}
	*ret_type = -1;
	rest->len = 0;
	return true;
}

static void count_unknown(struct live *l, const char *place, int type, json_t *item)
{
	char key[64];
	snprintf(key, sizeof(key), "%s %d", place, type);
	json_t *n = json_object_get(l->now->unknown, key);
	live_set_int(l->now->unknown, key, n ? json_integer_value(n) + 1 : 1);
	if (!item)
		return;
	json_t *v = json_object_get(item, "unknown_attributes");
	if (!v) {
		v = json_array();
		live_set(item, "unknown_attributes", v);
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		if (json_integer_value(json_array_get(v, i)) == type)
			return;
	json_array_append_new(v, json_integer(type));
}

int live_nested(struct live *l, struct live_attr rest, const char *place, struct live_attr *tb,
		unsigned max, json_t *item)
{
	int type;
	struct live_attr a;
	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (live_attr_next(&rest, &type, &a)) {
		if (type < 0)
			return -EPROTO;
		if ((unsigned)type <= max)
			tb[type] = a;
		else
			count_unknown(l, place, type, item);
	}
	return 0;
}

int live_attrs(struct live *l, const struct nlmsghdr *m, size_t size, const char *place,
	       struct live_attr *tb, unsigned max, json_t *item)
{
	size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(size);
	struct live_attr rest = { (const unsigned char *)m + head,
				  m->nlmsg_len > head ? m->nlmsg_len - head : 0 };
	return live_nested(l, rest, place, tb, max, item);
}

static uint64_t little(struct live_attr a, size_t n)
{
	union {
		uint8_t b;
		uint16_t h;
		uint32_t w;
		uint64_t d;
	} v = { .d = 0 };
	if (!a.data || a.len < n)
		return 0;
	memcpy(&v, a.data, n);
	return n == 1 ? v.b : n == 2 ? v.h : n == 4 ? v.w : v.d;
}

uint8_t live_u8(struct live_attr a)
{
	return (uint8_t)little(a, 1);
}

uint16_t live_u16(struct live_attr a)
{
	return (uint16_t)little(a, 2);
}

uint32_t live_u32(struct live_attr a)
{
	return (uint32_t)little(a, 4);
}

static uint64_t big(struct live_attr a, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; a.data && a.len >= n && i < n; i++)
		v = v << 8 | a.data[i];
	return v;
}

uint16_t live_be16(struct live_attr a)
{
	return (uint16_t)big(a, 2);
}

uint32_t live_be32(struct live_attr a)
{
	return (uint32_t)big(a, 4);
}

uint64_t live_be64(struct live_attr a)
{
	return big(a, 8);
}

const char *live_text(struct live *l, struct live_attr a)
{
	return a.data ? arena_strn(l->arena, (const char *)a.data,
				   strnlen((const char *)a.data, a.len))
		      : "";
}

const char *live_ip(struct live *l, struct live_attr a)
{
	char s[INET6_ADDRSTRLEN];
	if (!a.data || (a.len != 4 && a.len != 16) ||
	    !inet_ntop(a.len == 4 ? AF_INET : AF_INET6, a.data, s, sizeof(s)))
		return NULL;
	return arena_str(l->arena, s);
}

const char *live_prefix(struct live *l, int family, struct live_attr a, unsigned len)
{
	const char *ip = a.data ? live_ip(l, a) : family == AF_INET ? "0.0.0.0" : "::";
	return ip ? arena_printf(l->arena, "%s/%u", ip, len) : NULL;
}

json_t *live_mac(struct live_attr a)
{
	char s[18];
	if (!a.data || a.len != 6)
		return json_null();
	snprintf(s, sizeof(s), "%02x:%02x:%02x:%02x:%02x:%02x", a.data[0], a.data[1], a.data[2],
		 a.data[3], a.data[4], a.data[5]);
	return json_string(s);
}

const char *live_family(int family)
{
	return family == AF_INET ? "ipv4" : family == AF_INET6 ? "ipv6" : NULL;
}

void live_put_attr(struct text *t, int type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len),
			    .nla_type = (uint16_t)type };
	text_putn(t, (const char *)&a, sizeof(a));
	text_putn(t, data, len);
	for (size_t pad = NLA_ALIGN(a.nla_len) - a.nla_len; pad; pad--)
		text_putc(t, 0);
}

const struct live_link *live_link(const struct live *l, int index)
{
	size_t lo = 0, hi = l->links.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->links.v[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->links.n && l->links.v[lo].index == index ? &l->links.v[lo] : NULL;
}

void live_set_link(struct live *l, json_t *item, int index)
{
	const struct live_link *k = live_link(l, index);
	live_set(item, "link", k ? live_string(l, k->name) : json_null());
	live_set_int(item, "link_index", index);
}

const char *live_scope(struct live *l, unsigned v)
{
	return v == RT_SCOPE_UNIVERSE  ? "global"
	       : v == RT_SCOPE_SITE    ? "site"
	       : v == RT_SCOPE_LINK    ? "link"
	       : v == RT_SCOPE_HOST    ? "host"
	       : v == RT_SCOPE_NOWHERE ? "nowhere"
				       : arena_printf(l->arena, "%u", v);
}
