/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_STATEMENT_H
#define SOURCE_ATHENA_STATEMENT_H

#include "base/buf.h"
#include "base/err.h"

/* The SQL of Athena: that of Trino for queries, that of Hive for most DDL. */

/* Quotes a text. A literal with a backslash is written as U&'…', which only queries
 * know: in DDL a backslash would change what follows it. */
void statement_quote(const char *text, bool identifier, struct buf *out);

/* Checks that a statement of an export only reads. */
int statement_check_reads(const char *sql, struct err *e);
/* Refuses DDL with a literal that Hive reads in another way than it is written: with
 * a doubled quote, or with a backslash. */
int statement_check_ddl(const char *sql, struct err *e);

#endif
