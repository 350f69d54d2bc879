/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SQLTEXT_H
#define SOURCE_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * SQL as text: finds where statements end and where psql's variables stand. It
 * recognises the constructs that may hide them: '...', E'...' and $tag$...$tag$
 * strings, "identifiers", -- and nested C comments, parentheses, and BEGIN
 * ATOMIC ... END bodies. See psql's lexer (psqlscan.l) and "Lexical Structure"
 * in PostgreSQL's manual.
 */
struct sqltext_part {
	const char *text;
	size_t len; /* without the semicolon, trimmed; never 0 */
};

/* Finds the next statement at *at and moves *at to its end. Returns false at
 * the end of the text. Parts that hold only white space and comments are
 * skipped. */
bool sqltext_next(const char **at, struct sqltext_part *part);

/* Returns the number of statements. */
int sqltext_count(const char *sql);

/* Returns the beginning of a quote or a comment that does not end; NULL: all
 * are closed. */
const char *sqltext_unclosed(const char *sql);
/* Says whether a backslash stands outside of quotes and comments, where psql's
 * commands begin. */
bool sqltext_has_command(const char *sql);

/* Says whether the first word of sql, after comments and opening
 * parentheses, is `word`, in upper or lower case. */
bool sqltext_starts_with(const char *sql, const char *word);

/* Returns the text after the first word of sql, when it is `word` in upper or
 * lower case and only white space and comments stand before it; else NULL. */
const char *sqltext_after_word(const char *sql, const char *word);

/* Finds the first :name without quotes, which is not a variable here. Returns a
 * pointer to the name and sets *len to its length in bytes, or returns NULL
 * when there is none. Casts (::name) and slices ([1:name]) are skipped. */
const char *sqltext_bare_variable(const char *sql, size_t *len);

/*
 * Replaces :'name' by a literal and :"name" by an identifier. `lookup` returns
 * the quoted text, which its caller frees, or NULL with *e filled, above all
 * for an unknown name.
 */
typedef char *sqltext_lookup(
    void *arg, const char *name, bool identifier, struct err *e);
int sqltext_substitute(const char *sql, sqltext_lookup *lookup, void *arg,
    struct buf *out, struct err *e);

#endif
