/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_KIND_H
#define SOURCE_POSTGRES_KIND_H

#include "rows/rows.h"

/* Says whether this is a built-in type, or an array of one, whose text form is
 * known here. The OIDs of built-in types are fixed. */
bool kind_known(uint32_t type_oid);

/* Fills every member except the name from pg_type.oid and the type modifier
 * (pg_attribute.atttypmod; -1: none). Returns false for an unknown type, whose
 * kind becomes KIND_OTHER. */
bool kind_fill(struct column *column, uint32_t type_oid, int type_modifier);

#endif
