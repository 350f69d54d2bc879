/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_STATEMENT_H
#define SOURCE_ATHENA_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The SQL of Athena: that of Trino for queries, that of Hive for most DDL. */

/* Quotes a text. A literal with a backslash is written as U&'…', which only queries
 * know: in DDL a backslash would change what follows it. */
void statement_quote(const char *text, bool identifier, struct buf *out);

/* Reads a literal as statement_quote writes it, and moves *at to its end. Returns its
 * text, which the caller frees; NULL: none is there. */
char *statement_unquote(const char **at);

/* Says whether Hive reads a quoted text unchanged, and JSON can hold it. */
bool statement_is_plain(const char *text, size_t len);

/* Returns the text after these words, of which NULL is the last; NULL: other words are
 * there, or sql is NULL. */
const char *statement_after_words(const char *sql, const char *const *words);
/* Returns the text after a name, which has no blank outside of its quotes. */
const char *statement_skip_name(const char *name);

/* Checks that a statement of an export only reads. */
int statement_check_reads(const char *sql, struct err *e);
/* Refuses DDL with a literal that Hive reads in another way than it is written: with
 * a doubled quote, or with a backslash. */
int statement_check_ddl(const char *sql, struct err *e);

#endif
