/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICIES_FIELDS_H
#define POLICIES_FIELDS_H

/*
 * Values out of a YAML tree, one strict grammar per kind of field. Every function reports
 * what is wrong at its place (codes "yaml.*") and goes on: NULL or the default is given where
 * the key is absent or its value is bad, so a reader looks at the count of errors once, at
 * its end.
 */

#include "model/match.h"
#include "policies/keys.h"
#include "policies/yaml.h"

struct reader {
	struct arena *arena;
	struct diags *d;
	struct matches *m;
};

/*
 * Checks the keys of a mapping against its shape: unknown ones, missing ones. False where it
 * is no mapping at all.
 */
bool check_shape(struct reader *r, const struct node *map, const struct shape *shape);

/* `version: 1` of the file's root; what it is a version of, for people. */
void check_version(struct reader *r, const struct node *root, const char *what);

/* A scalar that every YAML reader takes for text; not empty, one line. */
const char *text_of(struct reader *r, const struct node *node);
/* The same under a key, NULL where it is absent. */
const char *text_at(struct reader *r, const struct node *map, const char *key);
/*
 * A name: up to 128 letters, digits and _ . - : @ + of ASCII, beginning with a letter, a
 * digit or _ . Names are what reports, file formats and the command line carry around.
 */
const char *name_of(struct reader *r, const struct node *node);
const char *name_at(struct reader *r, const struct node *map, const char *key);
/* The plain words true and false. */
bool bool_at(struct reader *r, const struct node *map, const char *key);
/* The index of the value in words (NULL-terminated), or dflt. */
int word_of(struct reader *r, const struct node *node, const char *const *words, int dflt);
int word_at(struct reader *r, const struct node *map, const char *key, const char *const *words,
	    int dflt);

/*
 * The items under a key: those of a list, or the one value that stands there itself where
 * one is enough. An empty list or value is an error.
 */
size_t items_at(struct reader *r, const struct node *map, const char *key,
		const struct node *const **ret_items);
/* The same, but only a list will do (of things that have several keys). */
size_t list_at(struct reader *r, const struct node *map, const char *key,
	       const struct node *const **ret_items);
/*
 * Items that are names, all different, and the node of each (ret_nodes may be NULL). Items
 * that were refused are left out. The arrays live in the arena.
 */
size_t names_at(struct reader *r, const struct node *map, const char *key,
		const char *const **ret_names, const struct node *const **ret_nodes);
/* The same for any text. */
size_t texts_at(struct reader *r, const struct node *map, const char *key,
		const char *const **ret_texts, const struct node *const **ret_nodes);

/* "YYYY-MM-DDTHH:MM:SS" with Z or an offset (RFC 3339), as seconds since 1970. */
bool parse_timestamp(const char *s, size_t len, int64_t *ret_seconds);
/* A whole number of days or hours, "7d", "24h", as seconds; at most a hundred years. */
bool parse_duration(const char *s, size_t len, int64_t *ret_seconds);

/* s for a message: the beginning alone where it is long. */
const char *shown(struct reader *r, const char *s);
/* nearest_word as a phrase: "; did you mean 'x'?", or "" where nothing is near. */
const char *did_you_mean(struct reader *r, const char *word, const char *const *v, size_t n);

#endif
