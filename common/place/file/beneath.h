/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_BENEATH_H
#define PLACE_FILE_BENEATH_H

/*
 * Opens what lies below a directory in which others may make symbolic links: no
 * link, and no race of links, leads out of it. openat2(2) sees to it; where the
 * kernel has none (before 5.6, or a filter refuses it) each part of the path is
 * opened by itself, and then no link is followed at all.
 */

/* `path` is relative to the directory `root`, "" is the root itself. `flags` as
 * open(2) takes them; close-on-exec is added. -1 with errno, which is EXDEV or
 * ELOOP where a link leads out. */
int beneath_open(int root, const char *path, int flags);

/* The part of `path` below `root`, without a slash at its head; both are
 * absolute. NULL: it does not lie there. */
const char *beneath_part(const char *root, const char *path);

#endif
