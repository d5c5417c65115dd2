/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to words: lines, places, banners whose text is no configuration, and which of the
 * three vendors wrote a text.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <strings.h>

static void split(const char *text, size_t len, struct toks *w)
{
	w->text = text;
	w->len = len;
	w->n = 0;
	w->indent = 0;
	w->more = false;
	size_t i = 0;
	for (; i < len && (text[i] == ' ' || text[i] == '\t'); i++)
		w->indent += text[i] == '\t' ? 8 : 1;
	while (i < len) {
		size_t from = i;
		while (i < len && text[i] != ' ' && text[i] != '\t')
			i++;
		if (w->n == IOS_WORDS_MAX) {
			w->more = true;
			return;
		}
		w->v[w->n++] =
			(struct tok){ text + from, (uint32_t)(i - from), (uint32_t)from + 1 };
		while (i < len && (text[i] == ' ' || text[i] == '\t'))
			i++;
	}
}

void ios_words(const struct source *src, uint32_t line, struct toks *w)
{
	size_t len;
	const char *text = source_line(src, line, &len);
	w->line = line;
	split(text, len, w);
}

static bool same(const struct tok *w, const char *s)
{
	return !strncasecmp(w->s, s, w->len) && !s[w->len];
}

bool tok_is(const struct toks *w, unsigned i, const char *s)
{
	return i < w->n && same(&w->v[i], s);
}

bool toks_are(const struct toks *w, unsigned i, const char *s)
{
	for (; *s; i++) {
		size_t len = strcspn(s, " ");
		if (i >= w->n || w->v[i].len != len || strncasecmp(w->v[i].s, s, len))
			return false;
		s += len;
		while (*s == ' ')
			s++;
	}
	return true;
}

const char *tok_str(struct ios *x, const struct toks *w, unsigned i)
{
	return i < w->n ? arena_strn(x->arena, w->v[i].s, w->v[i].len) : "";
}

bool tok_number(const struct toks *w, unsigned i, uint64_t lo, uint64_t hi, uint64_t *ret)
{
	return i < w->n && parse_number(w->v[i].s, w->v[i].len, lo, hi, true, ret);
}

struct loc tok_loc(const struct ios *x, const struct toks *w, unsigned i)
{
	if (i >= w->n)
		return tok_line(x, w);
	return (struct loc){ .src = x->src,
			     .line = w->line,
			     .col = w->v[i].col,
			     .end_col = w->v[i].col + w->v[i].len };
}

struct loc tok_line(const struct ios *x, const struct toks *w)
{
	size_t end = w->len;
	while (end && (w->text[end - 1] == ' ' || w->text[end - 1] == '\t'))
		end--;
	return (struct loc){ .src = x->src,
			     .line = w->line,
			     .col = w->n ? w->v[0].col : 1,
			     .end_col = (uint32_t)end + 1 };
}

/* The line at or behind `line` that holds the delimiter (at or behind byte `from` of it), or 0.
 */
static uint32_t find_delimiter(const struct source *src, uint32_t line, size_t from,
			       const char *delim, size_t n)
{
	for (; line <= src->n_lines; line++, from = 0) {
		size_t len;
		const char *text = source_line(src, line, &len);
		if (from <= len && memmem(text + from, len - from, delim, n))
			return line;
	}
	return 0;
}

/* The line at or behind `line` that is nothing but s, or 0. */
static uint32_t find_alone(const struct source *src, uint32_t line, const char *s)
{
	for (; line <= src->n_lines; line++) {
		size_t len;
		const char *text = source_line(src, line, &len);
		while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
			len--;
		while (len && (*text == ' ' || *text == '\t'))
			text++, len--;
		if (len == strlen(s) && !memcmp(text, s, len))
			return line;
	}
	return 0;
}

/* The word behind which the delimiter stands, 0 where the line begins no such text. */
static unsigned banner_head(const struct toks *w, bool *ret_eof)
{
	static const char *const kinds[] = { "motd",	   "login",    "exec",
					     "incoming",   "slip-ppp", "prompt-timeout",
					     "config-save" };
	*ret_eof = false;
	if (tok_is(w, 0, "banner")) {
		for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (tok_is(w, 1, kinds[i])) {
				*ret_eof = w->n == 2;
				return 2;
			}
		return 1;
	}
	if (toks_are(w, 0, "aaa authentication"))
		for (unsigned i = 2; i < 4; i++)
			if (tok_is(w, i, "banner") || tok_is(w, i, "fail-message"))
				return i + 1;
	if (tok_is(w, 0, "vacant-message") || tok_is(w, 0, "refuse-message"))
		return 1;
	if (tok_is(w, 0, "menu") && tok_is(w, 2, "title"))
		return 3;
	return 0;
}

uint32_t ios_banner_end(struct ios *x, const struct toks *w, bool *ret_open)
{
	bool eof;
	*ret_open = false;
	if (toks_are(w, 0, "macro name") && w->n >= 3) {
		uint32_t end = find_alone(x->src, w->line + 1, "@");
		*ret_open = !end;
		return end ? end : x->src->n_lines;
	}
	unsigned i = banner_head(w, &eof);
	if (!i)
		return w->line;
	if (eof) { /* EOS: the text ends with a line EOF */
		uint32_t end = find_alone(x->src, w->line + 1, "EOF");
		*ret_open = !end;
		return end ? end : x->src->n_lines;
	}
	if (i >= w->n || !w->v[i].s)
		return w->line;
	/* IOS shows the control character ETX as the two characters ^C. */
	const char *at = w->v[i].s;
	size_t from = (size_t)(at - w->text), n = 1;
	if (w->v[i].len >= 2 && at[0] == '^' && at[1] == 'C')
		n = 2;
	bool etx = n == 2;
	uint32_t end = etx && x->no_etx ? 0 : find_delimiter(x->src, w->line, from + n, at, n);
	x->no_etx |= etx && !end;
	if (!end && etx && memchr(at + 1, '^', w->len - from - 1))
		return w->line; /* ^ is the delimiter, and C the text's first letter */
	*ret_open = !end;
	return end ? end : x->src->n_lines;
}

/* Goes through the lines of a text that is no source yet. */
static bool next_line(const char **text, size_t *len, struct toks *w)
{
	if (!*len)
		return false;
	size_t n = 0;
	while (n < *len && (*text)[n] != '\n' && (*text)[n] != '\r')
		n++;
	split(*text, n, w);
	w->line++;
	*text += n;
	*len -= n;
	if (*len > 1 && (*text)[0] == '\r' && (*text)[1] == '\n')
		*text += 2, *len -= 2;
	else if (*len)
		*text += 1, *len -= 1;
	return true;
}

static bool text_has(const struct toks *w, const char *s)
{
	return memmem(w->text, w->len, s, strlen(s)) != NULL;
}

enum ios_dialect ios_guess_dialect(const char *text, size_t len)
{
	struct toks w = { 0 };
	unsigned score[3] = { 0 };
	while (next_line(&text, &len, &w)) {
		if (!w.n)
			continue;
		if (text_has(&w, "RANCID-CONTENT-TYPE:")) {
			if (text_has(&w, "cisco-nx"))
				score[IOS_NXOS] += 100;
			else if (text_has(&w, "arista"))
				score[IOS_EOS] += 100;
			else if (text_has(&w, "cisco"))
				score[IOS_IOS] += 100;
		} else if (*w.v[0].s == '!') {
			if (text_has(&w, "!Command: show") ||
			    text_has(&w, "!Running configuration last"))
				score[IOS_NXOS] += 50;
			if (text_has(&w, "! device: ") || text_has(&w, "EOS-4") ||
			    text_has(&w, "! boot system"))
				score[IOS_EOS] += 50;
			if (text_has(&w, "! Last configuration change"))
				score[IOS_IOS] += 20;
		} else if (toks_are(&w, 0, "ip access-list")) {
			bool std = tok_is(&w, 2, "standard");
			if (tok_is(&w, 2, "extended"))
				score[IOS_IOS] += 20;
			else if (std)
				score[IOS_IOS] += 2, score[IOS_EOS] += 2;
			else if (w.n == 3)
				score[IOS_NXOS] += 3, score[IOS_EOS] += 3;
		} else if ((tok_is(&w, 0, "feature") || tok_is(&w, 0, "vdc")) && !w.indent) {
			score[IOS_NXOS] += 20;
		} else if (toks_are(&w, 0, "vrf context") ||
			   toks_are(&w, 0, "object-group ip") ||
			   toks_are(&w, 0, "vrf member") || toks_are(&w, 0, "boot nxos") ||
			   toks_are(&w, 0, "boot kickstart") || tok_is(&w, 0, "switchname")) {
			score[IOS_NXOS] += 20;
		} else if (toks_are(&w, 0, "vrf instance") ||
			   toks_are(&w, 0, "transceiver qsfp") ||
			   toks_are(&w, 0, "management api") ||
			   toks_are(&w, 0, "service routing") || tok_is(&w, 0, "daemon") ||
			   toks_are(&w, 0, "vlan internal order") ||
			   toks_are(&w, 0, "mlag configuration") ||
			   toks_are(&w, 0, "interface Management1") ||
			   tok_is(&w, 0, "traffic-policies")) {
			score[IOS_EOS] += 20;
		} else if (toks_are(&w, 0, "vrf definition") || toks_are(&w, 0, "ip vrf") ||
			   toks_are(&w, 0, "service timestamps") ||
			   toks_are(&w, 0, "Building configuration...") ||
			   toks_are(&w, 0, "Current configuration") ||
			   toks_are(&w, 0, "enable secret") || tok_is(&w, 0, "access-list") ||
			   toks_are(&w, 0, "boot-start-marker") ||
			   toks_are(&w, 0, "object-group network") ||
			   toks_are(&w, 0, "ip nat") || toks_are(&w, 0, "line con")) {
			score[IOS_IOS] += 10;
		} else if (tok_is(&w, 0, "interface") && w.n > 1) {
			if (!strncasecmp(w.v[1].s, "GigabitE", 8) ||
			    !strncasecmp(w.v[1].s, "FastE", 5) ||
			    !strncasecmp(w.v[1].s, "TenG", 4))
				score[IOS_IOS] += 5;
			else if (!strncasecmp(w.v[1].s, "mgmt", 4))
				score[IOS_NXOS] += 10;
		} else if (toks_are(&w, 0, "ip address") && w.n > 2 && w.indent) {
			if (memchr(w.v[2].s, '/', w.v[2].len))
				score[IOS_NXOS] += 2, score[IOS_EOS] += 2;
			else if (w.n > 3)
				score[IOS_IOS] += 2;
			/* EOS indents by three */
			if (w.indent == 3)
				score[IOS_EOS] += 2;
			else if (w.indent == 2)
				score[IOS_NXOS] += 1;
		} else if (toks_are(&w, 0, "ip route") && w.n > 3 && !w.indent) {
			if (memchr(w.v[2].s, '/', w.v[2].len))
				score[IOS_NXOS] += 2, score[IOS_EOS] += 2;
		}
	}
	if (score[IOS_NXOS] > score[IOS_IOS] && score[IOS_NXOS] >= score[IOS_EOS])
		return IOS_NXOS;
	if (score[IOS_EOS] > score[IOS_IOS])
		return IOS_EOS;
	return IOS_IOS;
}

/* What only IOS-XR says, at the beginning of a line. */
static bool says_xr(const struct toks *w)
{
	return toks_are(w, 0, "!! IOS XR") || toks_are(w, 0, "ipv4 access-list") ||
	       toks_are(w, 0, "ipv4 address") || toks_are(w, 0, "ipv4 access-group") ||
	       (tok_is(w, 0, "route-policy") && !w->indent) || toks_are(w, 0, "end-policy");
}

static bool says_show(const struct toks *w)
{
	return !w->indent &&
	       (toks_are(w, 0, "Extended IP access list") ||
		toks_are(w, 0, "Standard IP access list") || toks_are(w, 0, "IP access list") ||
		toks_are(w, 0, "IPv6 access list") || toks_are(w, 0, "Network object group") ||
		toks_are(w, 0, "Service object group") || toks_are(w, 0, "Pro Inside global"));
}

const char *ios_refuse(const struct source *src, const char **ret_code, uint32_t *ret_line)
{
	const char *text = src->data;
	size_t len = src->size;
	struct toks w = { 0 };
	unsigned seen = 0;
	while (seen < 400 && next_line(&text, &len, &w)) {
		if (!w.n)
			continue;
		seen++;
		*ret_line = w.line;
		if (says_show(&w)) {
			*ret_code = "ios.not-configuration";
			return "this is the output of a show command, not a configuration: "
			       "give "
			       "the output of `show running-config`";
		}
		if (says_xr(&w)) {
			*ret_code = "ios.xr";
			return "this is a configuration of IOS-XR, whose lists and bindings "
			       "are "
			       "another language that is not read";
		}
	}
	return NULL;
}

int ios_probe(const char *head, size_t len, const char *filename)
{
	struct toks w = { 0 };
	unsigned seen = 0, other = 0, shared = 0;
	bool list = false, refused = false, tag = false;
	(void)filename;
	const char *text = head;
	size_t left = len;
	while (next_line(&text, &left, &w)) {
		if (!w.n)
			continue;
		if (text_has(&w, "RANCID-CONTENT-TYPE: ")) {
			tag |= text_has(&w, "cisco-nx") || text_has(&w, "arista") ||
			       (w.n && tok_is(&w, w.n - 1, "cisco"));
			continue;
		}
		if (toks_are(&w, 0, "ASA Version") || toks_are(&w, 0, "PIX Version") ||
		    toks_are(&w, 0, "FWSM Version") || toks_are(&w, 0, "NGFW Version") ||
		    tok_is(&w, 0, "nameif") || tok_is(&w, 0, "security-level") ||
		    (tok_is(&w, 0, "access-group") && tok_is(&w, 3, "interface")))
			return 0;
		if (*w.v[0].s == '{' || *w.v[0].s == '<' || *w.v[0].s == '[')
			return 0;
		if (toks_are(&w, 0, "set system") || toks_are(&w, 0, "set interfaces") ||
		    w.v[w.n - 1].s[w.v[w.n - 1].len - 1] == ';' || tok_is(&w, w.n - 1, "{"))
			other++;
		if (says_show(&w) || says_xr(&w)) {
			refused = true;
		} else if (toks_are(&w, 0, "ip access-list") ||
			   toks_are(&w, 0, "ipv6 access-list")) {
			list = true;
		} else if (tok_is(&w, 0, "access-list") &&
			   (tok_is(&w, 2, "permit") || tok_is(&w, 2, "deny") ||
			    tok_is(&w, 2, "remark"))) {
			seen += 2, shared += 2;
		} else if (toks_are(&w, 0, "ip access-group") ||
			   toks_are(&w, 0, "Building configuration...") ||
			   toks_are(&w, 0, "ip address") || toks_are(&w, 0, "ip route") ||
			   toks_are(&w, 0, "router bgp") || toks_are(&w, 0, "router ospf") ||
			   toks_are(&w, 0, "line vty") || toks_are(&w, 0, "vrf context") ||
			   toks_are(&w, 0, "vrf definition") || toks_are(&w, 0, "ip vrf") ||
			   toks_are(&w, 0, "service timestamps") || tok_is(&w, 0, "feature") ||
			   tok_is(&w, 0, "switchport") || tok_is(&w, 0, "hostname") ||
			   toks_are(&w, 0, "vrf instance") || tok_is(&w, 0, "route-map") ||
			   toks_are(&w, 0, "ip nat") || toks_are(&w, 0, "enable secret") ||
			   toks_are(&w, 0, "object-group network") ||
			   toks_are(&w, 0, "object-group ip")) {
			seen++, shared += tok_is(&w, 0, "hostname");
		} else if (tok_is(&w, 0, "interface") && !w.indent && w.n > 1 &&
			   isalpha((unsigned char)*w.v[1].s)) {
			seen++;
		}
	}
	if (refused)
		return 40;
	if (tag)
		return 90;
	if (other > seen)
		return 0;
	if (list)
		return seen ? 85 : 70;
	if (seen && seen == shared)
		return 30; /* numbered lists alone: a PIX writes them as well */
	return seen >= 3 ? 75 : seen ? 35 : 0;
}
