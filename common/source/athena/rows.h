/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_ROWS_H
#define SOURCE_ATHENA_ROWS_H

#include "source/athena/value.h"

/*
 * A batch in the making. The texts of its values lie in the buffer that they were
 * read into, or, when they are written anew, in one of the rows' own.
 */
struct rows {
	const struct schema *schema;
	enum value_form *forms; /* one for each column */
	struct value_tools tools;
	struct value *values;
	size_t *places;  /* of values in `texts`, whose data is NULL */
	int count, room; /* rows */
	struct buf texts;
};

/* The schema outlives the rows. Takes the forms over. */
int rows_open(struct rows *r, const struct schema *schema,
    enum value_form *forms, const char *time_zone, struct err *e);
void rows_close(struct rows *r); /* accepts zeros */

/* Begins a batch. */
void rows_clear(struct rows *r);
/* Returns the values of a new row, to be set by rows_set. */
int rows_add(struct rows *r);
/* Sets a value; text NULL: it is NULL. The text lives as long as the batch, and
 * a NUL follows it. */
int rows_set(struct rows *r, int row, int column, const char *text, size_t len,
    struct err *e);
/* Says whether the batch has as many rows as one should. */
bool rows_full(const struct rows *r);
/* Completes the batch, which is valid until rows_clear. */
int rows_take(struct rows *r, struct batch *batch, struct err *e);

#endif
