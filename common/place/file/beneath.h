/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_BENEATH_H
#define PLACE_FILE_BENEATH_H

#include "base/err.h"

/*
 * Opens files below a directory in which other users may make symbolic links:
 * no link, and no race with one, leads out of that directory. openat2(2)
 * enforces this. Where the kernel has no such call (before 5.6, or a filter
 * refuses it), each part of the path is opened on its own, and no link is
 * followed at all.
 */

/* `path` is relative to the directory `root`; "" is the root itself. `flags`
 * are those of open(2); close-on-exec is added. Returns a file descriptor, or
 * -1 with errno, which is EXDEV or ELOOP where a link leads out. */
int beneath_open(int root, const char *path, int flags);

/* The same, and no symbolic link is followed at all: where groups may make links in
 * folders of their own, each path means what is written in it, and a grant of it is
 * one of that very folder. errno is ELOOP or EXDEV where there is a link. */
int beneath_open_plain(int root, const char *path, int flags);

/* Says by errno, which it keeps, why one of both failed. Returns -1. */
int beneath_refuse(const char *path, struct err *e);

/* Returns the part of `path` below `root`, without a leading slash; both are
 * absolute. NULL: `path` does not lie below `root`. */
const char *beneath_part(const char *root, const char *path);

#endif
