/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_VALUE_MOMENT_H
#define SOURCE_ATHENA_VALUE_MOMENT_H

#include "source/athena/value.h"

/* Appends a date, time, timestamp or interval in PostgreSQL's form; digits after the
 * sixth of a fraction are cut off. */
int athena_moment(enum value_form form, const char *text, size_t len,
    struct zones *zones, struct buf *out, struct err *e);

#endif
