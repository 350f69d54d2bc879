/* SPDX-License-Identifier: MIT */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/*
 * A key of the settings: what may be set, where it is kept in a struct, what is
 * allowed and what it means. Tables of keys drive reading, checking, packing and
 * the manual. The functions below take one key and the struct that it is of.
 */
enum key_type {
	T_INT,
	T_TIME, /* milliseconds */
	T_SIZE, /* bytes */
	T_MODE,
	T_BOOL,
	T_TEXT,
	T_SECRET, /* a text in which passwords may stand */
	T_WORD,
	T_LEVEL
};

struct key {
	const char *section; /* "source" stands for every [source.NAME] */
	const char *name;
	enum key_type type;
	/* Of a char * (T_TEXT, T_SECRET), a bool (T_BOOL), else an int64_t. */
	size_t offset;
	const char *def;   /* NULL: none */
	int64_t min, max;  /* T_INT, T_TIME, T_SIZE, T_MODE */
	const char *words; /* T_WORD: "a|b|c", the place counts; T_LEVEL */
	const char *about;
};

#define MINUTE 60000
#define HOUR (60 * (int64_t)MINUTE)
#define DAY (24 * HOUR)

/* Sets the member from its text; an empty one stands for a text's default. The
 * error names the key and what is allowed. */
int key_set(const struct key *k, void *base, const char *value, struct err *e);
/* Sets its default, if it has one. */
void key_set_default(const struct key *k, void *base);
/* Wipes and frees a text; other members need nothing. */
void key_free(const struct key *k, void *base);

/* As JSON and back; a text that is not set is NULL. The reference is the
 * caller's. */
json_t *key_pack(const struct key *k, const void *base);
void key_unpack(const struct key *k, void *base, const json_t *packed);

#endif
