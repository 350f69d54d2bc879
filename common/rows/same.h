/* SPDX-License-Identifier: MIT */
#ifndef ROWS_SAME_H
#define ROWS_SAME_H

#include "rows/rows.h"

#define SAME_ROOM 48 /* bytes: an interval's microseconds */

/* Returns the text that all equal values of a kind have in common: 1.5 for
 * 1.50, 0 for -0, one length for 1 day and 24:00:00. It lies in `v` or in
 * `room`, which has SAME_ROOM bytes. Texts are equal only to themselves,
 * whatever their collation says. NULL stays NULL. */
struct value value_same(
    enum column_kind kind, const struct value *v, char *room);

#endif
