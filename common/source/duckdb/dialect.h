/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_DIALECT_H
#define SOURCE_DUCKDB_DIALECT_H

#include "base/buf.h"
#include "source/dialect.h"
#include "source/source.h"

/* Does what source_shape describes; of a statement that is no EXPLAIN. */
void duckdb_wrap(
    const char *sql, const struct source_shape *shape, struct buf *out);

#endif
