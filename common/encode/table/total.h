/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_TOTAL_H
#define ENCODE_TABLE_TOTAL_H

#include "base/buf.h"
#include "encode/table/layout.h"

/*
 * Holds the totals of one table, or of one group of its rows, for all columns
 * that have a total. The totals are exact except for floats, whose sum is as
 * precise as a float can be. NULL values do not count, as in SQL. Layout and
 * schema must outlive the totals.
 */
struct totals;

struct totals *totals_open(
    const struct layout *layout, const struct schema *schema);
/* empties the totals, for the next group */
void totals_clear(struct totals *t);
void totals_free(struct totals *t); /* accepts NULL */

void totals_row(struct totals *t, const struct value *row);
/* Adds the values of another set over the same columns, such as a group's to
 * the whole table's. */
void totals_merge(struct totals *t, const struct totals *group);

/* Writes the total of a column as text to out, which is cleared first, and sets
 * its kind. Returns false when the column has no total, or no values and the
 * total is not a count. An average has two digits more after the point than the
 * column. */
bool totals_text(const struct totals *t, int column, struct buf *out,
    enum column_kind *kind);

/* Names in the remark, after "; " when it is not empty, the sums and averages
 * that are NaN or infinite, because values of the column are, or because no
 * float is large enough. */
/* t may be NULL */
void totals_remark(const struct totals *t, struct buf *remark);

#endif
