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
struct pdf_cells;

struct pdf_cells *pdf_cells_open(const struct layout *layout,
    const struct schema *schema, const char *null, struct err *e);
void pdf_cells_free(struct pdf_cells *c); /* accepts NULL */

/* A row's texts by column, or a set of totals', into which the caller may put
 * others; valid until the next call of either. NULL for a text that does not fit
 * into memory. */
const struct value *pdf_cells_row(
    struct pdf_cells *c, const struct value *row, struct err *e);
struct value *pdf_cells_totals(
    struct pdf_cells *c, const struct totals *t, struct err *e);

#endif
