/* SPDX-License-Identifier: MIT */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdio.h>

#include "base/err.h"

/*
 * Reads an INI file (`[section]`, `key = value`, whole-line comments with `#`
 * or `;`) and passes each key with its place to a handler; the caller knows its
 * meaning. A value extends to the end of the line: there are no inline
 * comments, because passwords and SQL may contain `;` and `#`. A key that
 * occurs twice in a section is an error.
 */
struct conf_item {
	const char *section;
	const char *key;
	const char *value; /* the value with `${ENV}` expanded */
	const char *raw;   /* the value as written in the file */
	const char *file;
	int line;
};

/* Takes one key. Returns 0, or -1 with *e filled; conf_read then puts
 * `file:line: ` in front of the error. */
typedef int conf_handler(
    void *arg, const struct conf_item *item, struct err *e);

/* Reads the file up to the first error. `name` is the file's name in
 * messages. */
int conf_read(
    FILE *f, const char *name, conf_handler *handler, void *arg, struct err *e);

#endif
