/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_CLAIM_H
#define PLACE_FILE_CLAIM_H

#include <stdbool.h>

#include "base/option.h"

/* Names that must be free: how files get one without replacing another, and how
 * a repeat knows what an earlier attempt has put there. Functions return -1 with
 * errno, which is EEXIST when the name is taken. */

/* Owns the option "file". */
extern const struct option_owner claim_options;

/* Renames a file; nothing is replaced. EINVAL: the file system has no such
 * rename. */
int claim_rename(
    int from_folder, const char *from, int to_folder, const char *to);
/* The same by a link, for file systems without such a rename. */
int claim_move(int folder, const char *from, const char *to);

/* Writes on an open file which output it is: the extended attribute
 * user.reportd. A file system without such attributes keeps none, which is no
 * error: its files are nobody's. */
int claim_mark(int fd, const char *mark);
/* Says whether the file of this name is that of fd, or has the mark; mark NULL:
 * none. */
bool claim_is_own(int folder, const char *name, int fd, const char *mark);

#endif
