/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_KEYS_H
#define SETTINGS_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

/*
 * The table of all keys: what may be set, where it is kept, what is allowed and
 * what it means. Reading, checking, packing and the manual go by it.
 */
enum type {
	T_INT,
	T_TIME,
	T_SIZE,
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
	enum type type;
	size_t offset;
	const char *def;   /* NULL: none */
	int64_t min, max;  /* T_INT, T_TIME, T_SIZE */
	const char *words; /* T_WORD: "a|b|c", the place counts; T_LEVEL */
	const char *about;
};

extern const struct key keys[];
extern const size_t key_count;

#define MINUTE 60000
#define HOUR (60 * (int64_t)MINUTE)
#define DAY (24 * HOUR)

#endif
