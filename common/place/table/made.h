/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_MADE_H
#define PLACE_TABLE_MADE_H

#include "base/buf.h"
#include "rows/rows.h"

/* Appends the type that a column gets which is made in a target: the one that
 * holds each value of its kind exactly; text where only the text of values is
 * known. */
void made_type(const struct column *column, struct buf *sql);

#endif
