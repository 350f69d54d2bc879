/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_REDSHIFT_CSV_H
#define PLACE_TABLE_REDSHIFT_CSV_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * Turns rows in the text format of PostgreSQL's COPY into the CSV that COPY of
 * Redshift reads. Each value stands in quotes; NULL is a text without quotes that
 * nobody can foresee, because Redshift's documentation does not say whether it
 * tells a quoted text from NULL. So an empty text stays one, and no text becomes
 * NULL.
 */
struct redshift_csv_column {
	char *name;
	enum column_kind kind;
};

enum redshift_csv_state {
	CSV_FIELD,        /* at the beginning of a field */
	CSV_FIELD_ESCAPE, /* after a backslash there */
	CSV_VALUE,        /* within a value */
	CSV_ESCAPE,       /* after a backslash there */
	CSV_NULL,         /* after \N */
};

struct redshift_csv {
	struct redshift_csv_column *columns;
	int count;
	char null[40];  /* the text that stands for NULL */
	struct buf out; /* bytes of CSV, which the caller takes away */
	int64_t rows;   /* whole rows so far */

	enum redshift_csv_state state;
	int at;           /* the column */
	size_t row_bytes; /* of the row so far */
	int skip;         /* bytes of the value that are left out */
	char head[6];     /* first bytes of the value, if it is a time */
	size_t head_len;  /* bytes in head */
	char last;        /* last byte of the value */
};

void redshift_csv_open(struct redshift_csv *c, const struct schema *schema);
void redshift_csv_free(struct redshift_csv *c);

/* Takes bytes up to the end of a row or the end of the data, whichever comes
 * first, and appends them to `out`. Returns how many it took, or -1: Redshift has
 * no such value. */
int64_t redshift_csv_take(
    struct redshift_csv *c, const char *data, size_t len, struct err *e);

#endif
