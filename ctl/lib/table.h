/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_TABLE_H
#define CTL_LIB_TABLE_H

#include <stdio.h>

#include "base/json.h"

/*
 * Prints JSON objects as aligned text. Widths are columns of the terminal, of
 * which a character may take two. Characters that would control the terminal
 * are replaced by blanks.
 */
enum table_kind {
	TABLE_TEXT,
	TABLE_NUMBER,
	TABLE_BYTES,
	TABLE_SPAN, /* seconds */
	TABLE_TIME,
	TABLE_BAR,   /* from the whole object, see human_bar() */
	TABLE_BLOCK, /* text of several lines; only in records */
};

struct table_column {
	const char *title; /* NULL ends the list */
	const char *key;
	enum table_kind kind;
	/* used when the value of key is null; may be NULL */
	const char *or_key;
};

/* Prints an array, with titles and one line for each object. `width`: columns
 * of a line; 0: no limit. With a limit, texts are shortened, the widest column
 * first, and lines that are still too long are cut. */
void table_print(FILE *out, const struct table_column *columns,
    const json_t *array, int width);

/* Prints one object, with one line for each member; null and empty members are
 * left out. */
void table_record(
    FILE *out, const struct table_column *columns, const json_t *object);

/* Prints one line and its line break; it is cut after `width` columns, unless
 * width is 0. */
void table_line(FILE *out, const char *text, int width);

/* Copies s, with characters that would control the terminal replaced; the
 * caller frees it. */
char *table_clean(const char *s);

/* Prints such a copy and a line break. */
void table_say(FILE *out, const char *text);

#endif
