/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_TABLE_H
#define CTL_LIB_TABLE_H

#include <stdio.h>

#include "base/json.h"

/*
 * JSON objects as aligned text. A cell takes as many columns of the terminal as
 * its characters do; what a terminal would obey (control characters) is shown
 * as a blank.
 */
enum table_kind {
	TABLE_TEXT,
	TABLE_NUMBER,
	TABLE_BYTES,
	TABLE_SPAN, /* seconds */
	TABLE_TIME,
	TABLE_BAR,   /* made of the whole object, see human_bar() */
	TABLE_BLOCK, /* text of several lines; in records only */
};

struct table_column {
	const char *title; /* NULL ends the list */
	const char *key;
	enum table_kind kind;
	const char *or_key; /* instead, where key is null; may be NULL */
};

/* An array, one object a line below the titles. Unless it is 0, `width` is the columns
 * that a line may have: texts are shortened, the longest first, and then lines are
 * cut. */
void table_print(FILE *out, const struct table_column *columns,
    const json_t *array, int width);

/* One object, one member a line; null and empty ones are left out. */
void table_record(
    FILE *out, const struct table_column *columns, const json_t *object);

/* One line, cut after `width` columns unless it is 0, with its line break. */
void table_line(FILE *out, const char *text, int width);

/* s without what a terminal would obey; the caller frees it. */
char *table_clean(const char *s);

#endif
