/* SPDX-License-Identifier: MIT */
#include "source/snowflake/problem.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Classes of SQLSTATE that no retry mends. P0000 stands for any error in one of
 * several statements, and is not among them. */
static bool is_permanent(const char *state)
{
	static const char *const classes[] = {"02", "07", "0A", "0Z", "21",
	    "22", "23", "25", "28", "2D", "34", "3D", "3F", "42", "44"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	}
	return false;
}

/* Says whether the server keeps the result no longer, or does not know its handle.
 * Both have the SQLSTATE of a table that is not there, 02000, but a new run makes a new
 * result. */
static bool is_gone(const char *code)
{
	return strcmp(code, "000709") == 0 || strcmp(code, "000710") == 0;
}

/* Stands for every status of a redirect. */
#define REDIRECT 300

/* The meaning of each status, and its SQLSTATE where the server gives none. */
static const struct meaning {
	int status;
	enum err_kind kind;
	const char *state, *text, *mend;
} meanings[] = {
    {REDIRECT, ERR_PERMANENT, "",
	"this host leads to another one, to which no token is sent",
	"look at account and endpoint"},
    {400, ERR_PERMANENT, "", "Snowflake cannot read the request", NULL},
    {401, ERR_PERMANENT, "28000", "Snowflake refuses the token", NULL},
    {403, ERR_PERMANENT, "28000", "Snowflake refuses this host or user",
	"a network policy must let this host in, and the SQL API must be on in "
	"the account"},
    {404, ERR_TRANSIENT, "02000",
	"Snowflake has no such statement or result (any more)",
	"look at the account's host if it has never worked; a result can be "
	"fetched for 24 hours"},
    {405, ERR_PERMANENT, "", "this host does not speak the SQL API",
	"look at account and endpoint"},
    {408, ERR_TRANSIENT, "57014",
	"the statement took longer than its statement_timeout and was "
	"cancelled",
	NULL},
    {415, ERR_PERMANENT, "", "this host does not speak the SQL API",
	"look at account and endpoint"},
    {422, ERR_PERMANENT, "", "Snowflake cannot run the statement", NULL},
    {429, ERR_TRANSIENT, "53300", "Snowflake gets too many requests",
	"run fewer reports of this source at once (max_running)"},
};

static const struct meaning *meaning_of(int status)
{
	static const struct meaning other = {
	    0, ERR_TRANSIENT, "", "Snowflake cannot answer now", NULL};

	if (status / 100 == REDIRECT / 100)
		status = REDIRECT;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (meanings[i].status == status)
			return &meanings[i];
	}
	return &other;
}

int problem_of_answer(int status, const json_t *said, struct err *e)
{
	const struct meaning *m = meaning_of(status);
	const char *state = json_str(said, "sqlState", m->state);
	const char *text = json_str(said, "message", NULL);
	const char *code = json_str(said, "code", "");
	enum err_kind kind = m->kind;

	if (status == 422)
		kind = is_permanent(state) && !is_gone(code) ? ERR_PERMANENT
							     : ERR_TRANSIENT;
	if (status == 422 && text != NULL)
		err_set(e, kind, "%s%s%s%s", text, *code ? " (code " : "", code,
		    *code ? ")" : "");
	else
		err_set(e, kind, "%s: HTTP %d%s%s%s%s", m->text, status,
		    *code ? " " : "", code, text ? ": " : "", text ? text : "");
	str_copy(e->sqlstate, sizeof(e->sqlstate),
	    strlen(state) == 5 && *m->state == '\0' ? state : m->state);
	if (m->mend != NULL)
		err_hint(e, "%s", m->mend);
	return -1;
}
