/* SPDX-License-Identifier: MIT */
#ifndef INBOX_STATEMENT_H
#define INBOX_STATEMENT_H

#include "base/buf.h"
#include "inbox/inbox.h"

/*
 * The text of a statement for the inbox's source, which grows part by part. The first
 * failure stays, and statement_end returns it. The caller frees `out`.
 */
struct statement_text {
	const struct inbox *inbox;
	struct buf out;
	struct err *e;
	int rc;
};

struct statement_text statement_begin(const struct inbox *inbox, struct err *e);
int statement_end(struct statement_text *t);

void statement_add(struct statement_text *t, const char *part);
void statement_number(struct statement_text *t, int64_t number);
void statement_quoted(
    struct statement_text *t, const char *value, bool identifier);
/* A literal; NULL: a null that has a type. */
void statement_value(struct statement_text *t, const char *value);
/* The name of the inbox's table. */
void statement_table(struct statement_text *t);
/* The column as a text; the prefix is "" or that of a table, with its dot. */
void statement_column(
    struct statement_text *t, const char *prefix, const char *name);

/* Fails once the time has come after which the inbox begins no statement. */
int statement_in_time(const struct inbox *inbox, struct err *e);

/* A result of the source, and one row of it at a time. */
struct statement_rows {
	struct schema schema;
	const struct value *row;
	struct batch batch;
	int at;
};

/* Returns 1 with the next row, 0 at the end, -1 on error. */
int statement_next(
    const struct inbox *inbox, struct statement_rows *r, struct err *e);

#endif
