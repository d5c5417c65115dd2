/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CORPUS_BOUNDS_LISTS_H
#define TESTS_CORPUS_BOUNDS_LISTS_H

/* The proved analyser's outputs (see bounds.c) as rulesets. A word that isn't known is none. */

#include "model/snapshot.h"

enum { LINE_FIELDS = 8 };

char *bounds_text(const char *path); /* freed by the caller; NULL where it can't be read */
/* At most `most` words; most + 1 where there are more. */
size_t bounds_split(char *line, const char *at, char **ret, size_t most);
/* PROTO SOURCE DESTINATION [PROTO] [PORTS]...; NULL where a word is not known. */
const struct match *bounds_words(struct matches *m, char *const *v, size_t n);
/* A list as `iptables -L -n` would print it: its one chain with rules. NULL after a message. */
struct ruleset *bounds_list(struct snapshot *snap, const char *path, const char *chain);
/* A closure, "(CONDITIONS, -j ACTION)" a line, below the line `title`. NULL after a message. */
struct ruleset *bounds_closure(struct snapshot *snap, const char *path, const char *title);

#endif
