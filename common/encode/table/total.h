/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_TOTAL_H
#define ENCODE_TABLE_TOTAL_H

#include "base/buf.h"
#include "encode/table/layout.h"

/*
 * Totals of one table or one group of it, exact as far as the values are: all
 * but floats, whose sum is as good as a float can be. NULL values do not count, as in SQL. One set for all columns with
 * a total; layout and schema must outlive it.
 */
struct totals;

struct totals *totals_open(
    const struct layout *layout, const struct schema *schema);
void totals_clear(struct totals *t); /* for the next group */
void totals_free(struct totals *t);  /* accepts NULL */

void totals_row(struct totals *t, const struct value *row);
/* Adds what another set over the same columns holds: groups into the whole. */
void totals_merge(struct totals *t, const struct totals *group);

/* The total of a column as a value text, in out (cleared first), with its kind;
 * false when it has none, or no values but for a count. An average is rounded
 * to the column's scale and two digits more. */
bool totals_text(const struct totals *t, int column, struct buf *out,
    enum column_kind *kind);

/* Appends, with "; " in front when there is something, which sums and averages are
 * NaN or infinite: values of theirs are, or no float is large enough. */
void totals_remark(const struct totals *t, struct buf *remark); /* or NULL */

#endif
