/* SPDX-License-Identifier: MIT */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/*
 * A key of the settings: its name, the struct member that holds it, the allowed
 * values and its meaning. Tables of keys drive reading, checking, packing and
 * the manual. The functions below take one key and the struct that its member
 * is in.
 */
enum key_type {
	T_INT,
	T_TIME, /* milliseconds */
	T_SIZE, /* bytes */
	T_MODE,
	T_BOOL,
	T_TEXT,
	T_SECRET, /* a text that may contain passwords */
	T_WORD,
	T_LEVEL
};

struct key {
	/* "source" stands for all [source.NAME], "target" for all [target.NAME], ""
	 * for both */
	const char *section;
	const char *name;
	enum key_type type;
	/* Offset of the member: a char * for T_TEXT and T_SECRET, a bool for
	 * T_BOOL, otherwise an int64_t. */
	size_t offset;
	const char *def;  /* NULL: none */
	int64_t min, max; /* T_INT, T_TIME, T_SIZE, T_MODE */
	/* T_WORD, T_LEVEL: "a|b|c"; a word's index is its value */
	const char *words;
	const char *about;
};

/* Declares the member of each type: a list of keys, such as
 * settings/settings.keys, is included once for the struct and once for the
 * table. */
#define KEY_MEMBER_TEXT char *
#define KEY_MEMBER_SECRET char *
#define KEY_MEMBER_BOOL bool
#define KEY_MEMBER_INT int64_t
#define KEY_MEMBER_TIME int64_t
#define KEY_MEMBER_SIZE int64_t
#define KEY_MEMBER_MODE int64_t
#define KEY_MEMBER_WORD int64_t
#define KEY_MEMBER_LEVEL int64_t

#define MINUTE 60000
#define HOUR (60 * (int64_t)MINUTE)
#define DAY (24 * HOUR)

/* Sets the member from its text; for T_TEXT and T_SECRET, an empty text stands
 * for the default. The error names the key and the allowed values. */
int key_set(const struct key *k, void *base, const char *value, struct err *e);
/* Sets the member to its default, if the key has one. */
void key_set_default(const struct key *k, void *base);
/* Wipes and frees a text; members of other types need no freeing. */
void key_free(const struct key *k, void *base);

/* Converts the member to JSON, NULL for a text that is not set; the caller owns
 * the reference. key_unpack does the reverse. */
json_t *key_pack(const struct key *k, const void *base);
void key_unpack(const struct key *k, void *base, const json_t *packed);

#endif
