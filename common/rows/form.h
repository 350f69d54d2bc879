/* SPDX-License-Identifier: MIT */
#ifndef ROWS_FORM_H
#define ROWS_FORM_H

#include <stdbool.h>

/*
 * CSV by the rules of PostgreSQL's COPY (copyto.c, CopyAttributeOutCSV), with
 * \n at the end of each line. An encoder describes with it the bytes that it
 * would write; a source decides by it whether it can write the same bytes
 * itself. The strings outlive the struct.
 */
struct csv_form {
	char delimiter;
	const char *null;     /* text that stands for NULL */
	const char *encoding; /* as PostgreSQL names it: UTF8, LATIN1 */
	bool header;          /* the first line has the columns' names */
	bool quote_all; /* quotes every value; false: only where CSV needs it */
	/* bytes before the first line: a byte order mark, or "" */
	const char *before;
	/* The form is COPY's text format instead of CSV, in UTF-8 and without money; of the
	 * other members only `encoding` and `before` count. */
	bool copy_text;
};

#endif
