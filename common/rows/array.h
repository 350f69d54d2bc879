/* SPDX-License-Identifier: MIT */
#ifndef ROWS_ARRAY_H
#define ROWS_ARRAY_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * Reads PostgreSQL's text of an array (arrayfuncs.c, array_out) as a sequence
 * of events: {1,NULL,"a \"b\""}, {{1,2},{3,4}}. Bounds before the first brace,
 * such as [2:3]={7,8}, are skipped.
 *
 *	struct array_reader r;
 *	struct value v;
 *	int event;
 *
 *	array_open(&r, value);
 *	while ((event = array_next(&r, &v, e)) > 0)
 *		...
 *	array_close(&r);
 *
 * Each value has the text that it would have outside an array (NULL: len -1)
 * and is valid until the next call.
 */
enum array_event {
	ARRAY_END = 0,
	ARRAY_VALUE,
	ARRAY_BEGIN,  /* an opening brace, the outermost included */
	ARRAY_FINISH, /* a closing brace */
};

/* Most dimensions of an array: PostgreSQL's MAXDIM. */
#define ARRAY_DEPTH_MAX 6

struct array_reader {
	struct value array;
	char delimiter; /* a comma unless the caller changes it */
	const char *at, *end;
	int depth;  /* open braces after the last event */
	bool begun; /* the outermost brace has been read */
	bool first; /* nothing has followed the last opening brace */
	struct buf text;
};

/* Starts to read `array`, which is not NULL and outlives the reader. */
void array_open(struct array_reader *r, const struct value *array);
/* Starts to read another array with the same reader and reuses its memory. */
void array_again(struct array_reader *r, const struct value *array);
/* Returns the next event, with *v set for ARRAY_VALUE, or -1 when the text is
 * no array. */
int array_next(struct array_reader *r, struct value *v, struct err *e);
void array_close(struct array_reader *r);

#endif
