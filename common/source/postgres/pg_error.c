/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "source/postgres/pg_conn.h"

/* Classes of error that no retry mends; see "PostgreSQL Error Codes" in its
 * manual. 25001 and 2D000: a statement stands inside or outside of a
 * transaction where it must not. */
static enum err_kind kind_of_sqlstate(const char *state)
{
	static const char *const permanent[] = {"0A", "0L", "0P", "21", "22",
	    "28", "2D", "3D", "3F", "42", "25001", "25006", "P0004"};

	for (size_t i = 0; i < sizeof(permanent) / sizeof(*permanent); i++) {
		if (strncmp(state, permanent[i], strlen(permanent[i])) == 0)
			return ERR_PERMANENT;
	}
	return ERR_TRANSIENT;
}

/* Removes line breaks and blanks from the end of the text. */
static void trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' '))
		s[--n] = '\0';
}

/* libpq has no codes for the errors that it finds itself. Their texts are the
 * only clue; a program that never calls setlocale() gets them untranslated. */
int pg_libpq_error(const char *text, struct err *e)
{
	if (strstr(text, "cannot allocate memory for input buffer") ||
	    strstr(text, "out of memory for query result"))
		return err_set(e, ERR_PERMANENT,
		    "a row of the result does not fit into memory; a worker "
		    "has as much as worker_memory of the settings says");
	err_set(e, ERR_TRANSIENT, "%s", text);
	trim(e->text);
	if (e->text[0] == '\0')
		str_copy(e->text, sizeof(e->text), "the connection was lost");
	return -1;
}

int pg_conn_error(struct pg *pg, struct err *e)
{
	return pg_libpq_error(PQerrorMessage(pg->conn), e);
}

/* Returns the line of sql that the server's 1-based character position lies
 * in. */
static int line_of(const char *sql, size_t skip, const char *position)
{
	long chars = strtol(position, NULL, 10);
	const char *s = sql;
	int line = 1;

	for (; *s != '\0' && chars > 1; s++) {
		if (((unsigned char)*s & 0xC0) == 0x80)
			continue;
		chars--;
		if (*s == '\n' && s >= sql + skip)
			line++;
	}
	return line;
}

int pg_result_error(struct pg *pg, const PGresult *r, struct err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	const char *at = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
	char line[32] = "";

	if (state == NULL || text == NULL) {
		text = PQresultErrorMessage(r);
		return *text ? pg_libpq_error(text, e) : pg_conn_error(pg, e);
	}
	if (at != NULL && pg->sql != NULL)
		snprintf(line, sizeof(line), " (line %d)",
		    line_of(pg->sql, pg->skip, at));
	err_set(e, kind_of_sqlstate(state), "%s%s%s%s%s%s", text, line,
	    detail ? "; " : "", detail ? detail : "", hint ? "; hint: " : "",
	    hint ? hint : "");
	str_copy(e->sqlstate, sizeof(e->sqlstate), state);
	return -1;
}
