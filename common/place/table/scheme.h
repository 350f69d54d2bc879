/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_SCHEME_H
#define PLACE_TABLE_SCHEME_H

#include "place/scheme.h"

/* Addresses table:NAME/schema.table of the tables of a target. */
extern const struct place_scheme place_scheme_table;

#endif
