/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_SHORTEN_H
#define SOURCE_POSTGRES_SHORTEN_H

#include "rows/rows.h"

/* Takes the digits from a float's text that it does without: with all of its 17
 * digits 0.1 is 0.10000000000000001. `size` is that of the type, 4 or 8. Changes
 * the text in place, which must be the caller's own. */
void shorten_float(struct value *value, int size);

#endif
