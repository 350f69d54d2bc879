/* SPDX-License-Identifier: MIT */
#ifndef ROWS_FORM_H
#define ROWS_FORM_H

#include <stdbool.h>

/*
 * CSV by the rules of PostgreSQL's COPY (copyto.c, CopyAttributeOutCSV), with \n
 * at the end of each line: an encoder tells by it which bytes it would make, and a
 * source whether it can make the same ones itself. The strings outlive it.
 */
struct csv_form {
	char delimiter;
	const char *null;     /* stands for NULL */
	const char *encoding; /* as PostgreSQL names it: UTF8, LATIN1 */
	bool header;          /* the first line has the columns' names */
	bool quote_all;     /* each value is quoted; false: where it must be */
	const char *before; /* precedes all: a byte order mark, or "" */
};

#endif
