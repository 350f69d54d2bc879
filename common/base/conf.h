/* SPDX-License-Identifier: MIT */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdio.h>

#include "base/err.h"

/*
 * Reads an INI file (`[section]`, `key = value`, whole-line comments with `#`
 * or `;`) and hands over each key with its place. Meaning belongs to the
 * caller. Values are taken to the end of the line: no inline comments, because
 * passwords and SQL may hold `;` and `#`. A key that stands twice in a section is
 * an error.
 */
struct conf_item {
	const char *section;
	const char *key;
	const char *value; /* `${ENV}` is expanded */
	const char *raw;   /* the value as it is written */
	const char *file;
	int line;
};

/* 0, or -1 with *e filled; a failure is prefixed with `file:line: `. */
typedef int conf_handler(
    void *arg, const struct conf_item *item, struct err *e);

/* Stops at the first error. `name` stands for the file in messages. */
int conf_read(
    FILE *f, const char *name, conf_handler *handler, void *arg, struct err *e);

/* Expands `${NAME}` from the environment (`$$` is a `$`); a name that is not
 * set is an error. The result is the caller's to free; NULL on error. */
char *conf_expand(const char *value, struct err *e);

#endif
