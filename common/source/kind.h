/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_KIND_H
#define SOURCE_KIND_H

#include "source/rows.h"

/* Fills all but the name from column->type_oid and the type modifier
 * (pg_attribute.atttypmod; -1: none). */
void kind_fill(struct column *column, int type_modifier);

#endif
