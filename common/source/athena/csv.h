/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_CSV_H
#define SOURCE_ATHENA_CSV_H

#include "source/athena/rows.h"
#include "source/source.h"

/*
 * The rows of a result's CSV file: UTF-8, lines that end in LF, a header line, each value
 * in double quotes. A value without quotes that is empty is NULL, so that a NULL in a
 * result of one column is an empty line. A file that ends within a row is an error.
 */
struct csv {
	const struct source_files *files;
	void *file;
	char *address;
	int64_t size, at; /* bytes of the file, and those that were read */
	struct buf in;
	size_t taken;  /* bytes of `in` that the last batch was made of */
	size_t looked; /* bytes after those without the end of a row */
	bool quoted;   /* they end within quotes */
	int64_t row;   /* rows so far, with the header */
};

/* Opens the file and compares its header with the schema. */
int csv_open(struct csv *c, const struct source_reach *reach,
    const char *address, const struct schema *schema, struct err *e);
void csv_close(struct csv *c); /* accepts zeros */
/* Fills the rows. 1: with some; 0: there is no further one. */
int csv_next(struct csv *c, struct rows *rows, struct err *e);

#endif
