/* SPDX-License-Identifier: MIT */
#ifndef ROWS_ARRAY_H
#define ROWS_ARRAY_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * PostgreSQL's text of an array (arrayfuncs.c, array_out), one event after the
 * other: {1,NULL,"a \"b\""}, {{1,2},{3,4}}, and bounds in front that are
 * passed over: [2:3]={7,8}.
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
 * The values come as they would outside of an array (NULL: len -1), each valid
 * until the next call.
 */
enum array_event {
	ARRAY_END = 0,
	ARRAY_VALUE,
	ARRAY_BEGIN,  /* {, the outermost included */
	ARRAY_FINISH, /* } */
};

/* PostgreSQL's MAXDIM. */
#define ARRAY_DEPTH_MAX 6

struct array_reader {
	struct value array;
	char delimiter; /* a comma, until the caller sets another */
	const char *at, *end;
	int depth;  /* braces that are open after the last event */
	bool begun; /* the outermost brace is read */
	bool first; /* nothing yet behind the last { */
	struct buf text;
};

/* `array` is not NULL and outlives the reader. */
void array_open(struct array_reader *r, const struct value *array);
/* For another one, keeping the memory. */
void array_again(struct array_reader *r, const struct value *array);
/* An event, or -1 for a text that is no array. */
int array_next(struct array_reader *r, struct value *v, struct err *e);
void array_close(struct array_reader *r);

/* How many braces the text opens before its first element: 1 for {1} and {},
 * 2 for {{1}}. 0: no array. */
int array_depth(const struct value *array);

#endif
