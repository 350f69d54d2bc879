/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_KIND_H
#define SOURCE_POSTGRES_KIND_H

#include "rows/rows.h"

/* Whether this is a type, or an array of one, whose text is known here: they are
 * built in, and their numbers are fixed. */
bool kind_known(uint32_t type_oid);

/* Fills all but the name from pg_type.oid and the type modifier
 * (pg_attribute.atttypmod; -1: none). False for a type that is not known, whose
 * kind is KIND_OTHER. */
bool kind_fill(struct column *column, uint32_t type_oid, int type_modifier);

#endif
