/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_CELL_H
#define ENCODE_TABLE_CELL_H

#include "encode/table/layout.h"
#include "encode/table/total.h"

/* The one or two pieces, which it returns, that a value (not NULL) is read as when
 * it has no format code; `kind` is that of a total, or the column's own. */
int cell_plain(const struct column *column, enum column_kind kind,
    const struct value *v, struct value pieces[2]);

/* The values of one section as the text that people read. */
struct cells;

struct cells *cells_open(const struct layout *layout,
    const struct schema *schema, const char *null, struct err *e);
void cells_free(struct cells *c); /* accepts NULL */

/* A row's texts by column, or a set of totals'; valid until the next call of
 * either. NULL for a text that does not fit into memory. */
const struct value *cells_row(
    struct cells *c, const struct value *row, struct err *e);
struct cells_label {
	const char *text; /* "Total" */
	int column;       /* stands in front of its total */
};
const struct value *cells_totals(struct cells *c, const struct totals *t,
    const struct cells_label *label, struct err *e);

#endif
