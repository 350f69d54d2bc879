/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_FOLDERS_H
#define SETTINGS_FOLDERS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * [inputs] folders: absolute paths, separated by commas, below which local
 * files may be listed and read. NULL: none.
 */

/* Checks the list; the error names the part that is wrong. */
int folders_check(const char *list, struct err *e);

/* Returns the folder that holds the path, without a slash at its end; the
 * caller frees it. NULL: none does. */
char *folders_holding(const char *list, const char *path);

/* Appends the folders as an array of PostgreSQL, each with a slash at its
 * end. */
void folders_array(const char *list, struct buf *out);

/* Calls `each` for every folder, without a slash at its end; a result other
 * than 0 ends that and is returned. */
int folders_each(const char *list,
    int (*each)(void *arg, const char *folder, struct err *e), void *arg,
    struct err *e);

#endif
