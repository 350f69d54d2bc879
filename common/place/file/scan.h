/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_SCAN_H
#define PLACE_FILE_SCAN_H

#include <sys/stat.h>

#include "place/place.h"

/* Length of the text that file_version() makes, NUL included. */
#define FILE_VERSION 80

/* Finds regular files below lent->root, which must be set; no symbolic link is
 * followed. */
int file_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e);

/* Moves a file between folders below lent->root and move->to_root. */
int file_move(
    const struct place_lent *lent, struct place_move *move, struct err *e);

/* Writes the version of a file: its inode, time of change and size. */
void file_version(const struct stat *st, char text[static FILE_VERSION]);

#endif
