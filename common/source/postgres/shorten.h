/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_SHORTEN_H
#define SOURCE_POSTGRES_SHORTEN_H

#include "rows/rows.h"

/* Shortens a float's text to the digits that identify it: with 17 digits, 0.1
 * is 0.10000000000000001. `size` is the size of the type in bytes, 4 or 8.
 * Changes the text in place; the caller must own it. */
void shorten_float(struct value *value, int size);

#endif
