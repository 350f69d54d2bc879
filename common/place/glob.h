/* SPDX-License-Identifier: MIT */
#ifndef PLACE_GLOB_H
#define PLACE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns of paths: `*` stands for any text without a slash, `**` for any
 * text, `?` for one character (UTF-8) other than a slash. Nothing else is special, as keys
 * of S3 may hold any character.
 */
bool glob_matches(const char *pattern, const char *path);

/* Says whether files below the folder `path` (without a slash at its end)
 * could match. */
bool glob_enters(const char *pattern, const char *path);

/* Returns the length in bytes of the part before the first * or ?. */
size_t glob_literal(const char *pattern);
/* Returns the length in bytes of the pattern up to the last slash before the
 * first * or ?, with that slash. */
size_t glob_folder(const char *pattern);
/* Says whether matches have the slashes of the pattern and no more: all
 * stars that cross folders are missing, and the only wildcards are in the
 * last part. */
bool glob_is_flat(const char *pattern);

/* Says whether a file's name says that it is hidden or still being written:
 * `.x`, `x.tmp`, `x.part`, `x.filepart`, `x.crdownload`. */
bool glob_is_partial(const char *path);

#endif
