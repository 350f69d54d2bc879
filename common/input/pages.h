/* SPDX-License-Identifier: MIT */
#ifndef INPUT_PAGES_H
#define INPUT_PAGES_H

#include "place/place.h"

/*
 * Reads a JSON answer of a web server, page by page, and writes the elements of
 * its array as JSON lines. An answer without the array is an error, not an
 * empty array.
 */
struct pages {
	const struct place_lent *lent;
	const char *address; /* of the first page */
	const char *items;   /* JSON pointer of the array, see split.h */
	/* JSON pointer of the URL of the next page, which may be relative; it is
	 * null, false, "" or left out on the last one. NULL: there is one
	 * page. */
	const char *next;
	int fd;           /* open file that receives the lines */
	const char *name; /* of that file, for errors */
	int64_t most_pages;
	int64_t most_bytes; /* of all answers; 0: no limit */

	int64_t count, rows, written; /* pages, lines and their bytes */
};

/* A failure that may pass is tried again, as place_stream does. */
int pages_read(struct pages *p, struct err *e);

#endif
