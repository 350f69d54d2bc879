/* SPDX-License-Identifier: MIT */
#ifndef INPUT_NAMES_H
#define INPUT_NAMES_H

#include <stddef.h>

/*
 * Makes the name of a column out of a name in the header of a file, as the
 * option normalize_names says: accents are taken off, letters become small,
 * whatever lies between words becomes one _, and all but a-z, 0-9 and _ goes. A
 * name that begins with a digit gets a _ before it, and one of which nothing is
 * left is _. DuckDB does the same, but for words of SQL, to which it adds a _.
 * The caller frees the name; NULL: the text is no UTF-8.
 */
char *input_column_name(const char *text, size_t len);

#endif
