/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_REDSHIFT_TYPE_H
#define PLACE_TABLE_REDSHIFT_TYPE_H

#include "place/table/plan.h"

/* These are make_type and stage_type of a dialect. */
int redshift_make_type(
    const struct column *column, struct buf *sql, struct err *e);
int redshift_stage_type(const struct column *column,
    const struct table_column *to, struct table_field *f, struct err *e);

#endif
