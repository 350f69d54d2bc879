/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SQLTEXT_H
#define SOURCE_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * SQL as text: where its statements end and where psql's variables stand. Knows
 * what hides them: '...' and E'...' and $tag$...$tag$ strings, "identifiers",
 * -- and nested C comments, parentheses, and BEGIN ATOMIC ... END bodies. See
 * psql's lexer (psqlscan.l) and "Lexical Structure" in PostgreSQL's manual.
 */
struct sqltext_part {
	const char *text;
	size_t len; /* without the semicolon, trimmed; never 0 */
};

/* The next statement at *at, which moves to its end. False at the end of the text.
 * Parts of white space and comments alone are passed over. */
bool sqltext_next(const char **at, struct sqltext_part *part);

/* How many statements there are. */
int sqltext_count(const char *sql);

/* Where a quote or a comment begins that has no end; NULL: all are closed. */
const char *sqltext_unclosed(const char *sql);
/* Whether a backslash stands outside of quotes and comments, as psql's commands
 * begin. */
bool sqltext_has_command(const char *sql);

/* True when the first word of sql (after comments and opening parentheses) is
 * this one, in any case. */
bool sqltext_starts_with(const char *sql, const char *word);

/* The first :name without quotes, which is no variable here, at its name; *len is
 * the name's. NULL when there is none. Casts (::name) and slices ([1:name]) are
 * passed over. */
const char *sqltext_bare_variable(const char *sql, size_t *len);

/*
 * Replaces :'name' by a literal and :"name" by an identifier. `lookup` returns
 * the quoted text (the caller of lookup frees it), or NULL with *e filled, for
 * an unknown name above all.
 */
typedef char *sqltext_lookup(
    void *arg, const char *name, bool identifier, struct err *e);
int sqltext_substitute(const char *sql, sqltext_lookup *lookup, void *arg,
    struct buf *out, struct err *e);

#endif
