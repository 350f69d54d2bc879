/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_CELL_H
#define ENCODE_TABLE_CELL_H

#include "encode/table/layout.h"
#include "encode/table/total.h"

/* Says whether cell_plain leaves all values of the column as they are. */
bool cell_as_is(const struct column *column);
/* Splits a value (not NULL) without a format code into the pieces that a reader
 * sees, and returns their number, 1 or 2: a timestamptz loses its offset and
 * may leave text on both sides of it. `kind` is the kind of a total, or else
 * the kind of the column. The pieces point into the value or to constants. */
int cell_plain(const struct column *column, enum column_kind kind,
    const struct value *v, struct value pieces[2]);

/* Renders the values of one section as the text that people read. */
struct cells;

struct cells *cells_open(const struct layout *layout,
    const struct schema *schema, const char *null, struct err *e);
void cells_free(struct cells *c); /* accepts NULL */

/* Return the texts of a row, or of a set of totals, indexed by column; valid
 * until the next call of either function. NULL with *e when a text does not fit
 * into memory. */
const struct value *cells_row(
    struct cells *c, const struct value *row, struct err *e);
struct cells_label {
	const char *text; /* "Total" */
	int column;       /* the column whose text the label begins */
};
const struct value *cells_totals(struct cells *c, const struct totals *t,
    const struct cells_label *label, struct err *e);

#endif
