/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_PAGES_H
#define SOURCE_ATHENA_PAGES_H

#include "net/aws/aws.h"
#include "source/athena/rows.h"

/*
 * The rows of a result in pages of GetQueryResults: for results that Athena keeps itself,
 * and for those of statements such as SHOW. The first row of a query's first page holds
 * the names of the columns.
 */
struct pages {
	struct aws *aws;
	char *id;
	char *next;   /* token of the next page; NULL: there is none */
	json_t *page; /* answer with the rows at hand */
	size_t row;   /* index of the next row in it */
	bool begun, header;
	int64_t most; /* rows to ask for */
};

/* Asks for the columns of a result: the answer to GetQueryResults with one row. */
json_t *pages_describe(struct aws *aws, const char *id, struct err *e);
/* Returns ColumnInfo of all columns in such an answer. */
const json_t *pages_columns(const json_t *answer);

/* header: the statement is a query. */
void pages_open(struct pages *p, struct aws *aws, const char *id, bool header);
void pages_close(struct pages *p); /* accepts zeros */
/* Fills the rows. 1: with some; 0: there is no further one. */
int pages_next(struct pages *p, struct rows *rows, struct err *e);

#endif
