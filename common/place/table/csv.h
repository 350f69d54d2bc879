/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_CSV_H
#define PLACE_TABLE_CSV_H

#include "place/table/look.h"

/*
 * CSV files that the server's own COPY reads as they are. Their rows are counted on
 * the way, by the rules of that COPY: a row ends at each line break outside of
 * quotes. So none gets lost silently, neither by a trigger nor by a line \. where
 * servers before 18 end a file.
 */
struct table_csv {
	bool header;
	/* the file at work */
	bool quoted;
	int seen;        /* what has been seen of a line \. */
	int64_t breaks;  /* line breaks outside of quotes */
	int64_t lines;   /* all line breaks */
	int64_t stopper; /* the first line \.; 0: none */
};

/* Begins another file. */
void table_csv_begin(struct table_csv *c, bool header);
void table_csv_count(struct table_csv *c, const char *data, size_t len);
/* Compares with the rows that the server took. */
int table_csv_check(const struct table_csv *c, int64_t taken, struct err *e);

/* Says whether no value of this kind is an empty text. */
bool table_csv_never_blank(enum column_kind kind);
/* Makes a schema with the columns of `schema` and their types: those of the
 * table, or else those that are known of the files, as the target understands
 * their names. The caller frees it, also on error. */
int table_csv_types(struct table_link *l, const struct place_csv *csv,
    const struct table_look *look, const struct schema *schema,
    struct schema *to, struct err *e);

#endif
