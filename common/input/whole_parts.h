/* SPDX-License-Identifier: MIT */
#ifndef INPUT_WHOLE_PARTS_H
#define INPUT_WHOLE_PARTS_H

#include "input/whole.h"

/* The parts of whole_check, for its files only. */

/* A text of which only the first bytes, the last bytes and the length are read. */
#define TEXT_HEAD ((size_t)64 << 10)
#define TEXT_TAIL ((size_t)64 << 10)
struct text_ends {
	struct buf head, tail;
	int64_t size;
	int64_t line, longest; /* bytes of the line at hand and the longest */
};

/* Judges a Parquet file. */
int parquet_check(
    struct whole *w, char reason[static WHOLE_REASON], struct err *e);
/* Judges a footer (Thrift's compact protocol, parquet.thrift) of a file whose
 * data end at `data_end`. Returns NULL when it is sound, or what is wrong. *rows gets
 * the number of rows. */
const char *parquet_footer_fault(
    const unsigned char *footer, size_t len, int64_t data_end, int64_t *rows);

/* Says whether the first line has the columns of spec; 1: it has not, with the
 * reason. */
int csv_header_check(const struct buf *head, const json_t *spec,
    char reason[static WHOLE_REASON]);

/* Most columns of a table of PostgreSQL. */
#define CSV_COLUMNS ((size_t)1600)
/* Appends the names of a file's columns to `names`: those of spec, or those that its
 * first line has as input_column_name writes them; 1: it has none that a table
 * can have, with the reason. */
int csv_header_names(const struct buf *head, const json_t *spec, json_t *names,
    char reason[static WHOLE_REASON]);

#endif
