/* SPDX-License-Identifier: MIT */
#include "source/duckdb/dialect.h"

#include "source/sqltext.h"

void duckdb_wrap(
    const char *sql, const struct source_shape *shape, struct buf *out)
{
	/* concat() takes any type, and NULL as ''. */
	static const struct dialect_key key = {"concat(", ")"};

	if (sqltext_after_word(sql, "explain") == NULL)
		dialect_wrap(sql, shape, &key, out);
	else
		buf_str(out, sql);
}
