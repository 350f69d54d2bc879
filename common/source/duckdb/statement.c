/* SPDX-License-Identifier: MIT */
#include "source/duckdb/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/duckdb/problem.h"
#include "source/sqltext.h"

/* A statement in the making. */
struct maker {
	const struct library *library;
	duck connection, statement;
	int type; /* enum duck_statement, or another number */
};

static int refuse(struct err *e)
{
	err_set(e, ERR_PERMANENT,
	    "only SELECT, and EXPLAIN of a SELECT, may run on a source of type "
	    "duckdb");
	memcpy(e->sqlstate, "42501", 6);
	return -1;
}

/* Says whether the text begins as a query does. DuckDB tells the type of a
 * statement after it has read it, and some statements act while they are read:
 * EXPORT DATABASE makes its folder, IMPORT DATABASE opens files. */
static bool begins_as_query(const char *sql)
{
	static const char *const words[] = {"select", "with", "from", "values",
	    "table", "explain", "describe", "desc", "show", "summarize",
	    "pivot", "unpivot"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sqltext_starts_with(sql, words[i]))
			return true;
	}
	return false;
}

static int prepare_only(
    struct maker *m, duck all, uint64_t count, const char *sql, struct err *e)
{
	const struct library *l = m->library;
	const char *why;

	if (count == 0) {
		why = l->extract_statements_error(all);
		return why ? problem_of_text(why, e)
			   : err_set(e, ERR_PERMANENT, "the query is empty");
	}
	if (count > 1)
		return err_set(e, ERR_PERMANENT,
		    "this is more than one statement: %.60s", sql);
	if (l->prepare_extracted_statement(
		m->connection, all, 0, &m->statement) != DUCK_SUCCESS)
		return problem_of_text(l->prepare_error(m->statement), e);
	m->type = l->prepared_statement_type(m->statement);
	return 0;
}

/* Prepares the only statement of sql in place of an earlier one. */
static int prepare(struct maker *m, const char *sql, struct err *e)
{
	duck all = NULL;
	uint64_t count;
	int rc;

	m->library->destroy_prepare(&m->statement);
	count = m->library->extract_statements(m->connection, sql, &all);
	rc = prepare_only(m, all, count, sql, e);
	m->library->destroy_extracted(&all);
	return rc;
}

/* Prepares the explanation of a statement after DuckDB itself has called that
 * statement a SELECT: EXPLAIN ANALYZE runs what it explains. */
static int prepare_explain(struct maker *m, const char *inner, struct err *e)
{
	const char *run = sqltext_after_word(inner, "analyze");
	char *text;
	int rc;

	inner = run ? run : inner;
	if (!begins_as_query(inner))
		return refuse(e);
	if (prepare(m, inner, e) != 0)
		return -1;
	if (m->type != DUCK_SELECT)
		return refuse(e);
	text = mem_printf("explain %s%s", run ? "analyze " : "", inner);
	rc = prepare(m, text, e);
	free(text);
	return rc;
}

static int check(const struct maker *m, struct err *e)
{
	if (m->type != DUCK_SELECT && m->type != DUCK_EXPLAIN)
		return refuse(e);
	if (m->library->nparams(m->statement) == 0)
		return 0;
	err_set(e, ERR_PERMANENT,
	    "the statement has a parameter of DuckDB's own ($1 or ?); write "
	    "parameters of the report as :'name'");
	memcpy(e->sqlstate, "42P02", 6);
	return -1;
}

static int make(struct maker *m, const char *sql, struct err *e)
{
	const char *explained = sqltext_after_word(sql, "explain");

	if (!begins_as_query(sql))
		return refuse(e);
	if ((explained ? prepare_explain(m, explained, e)
		       : prepare(m, sql, e)) != 0)
		return -1;
	if (explained == NULL && m->type == DUCK_EXPLAIN)
		return refuse(e);
	return check(m, e);
}

static int start(struct maker *m, struct duck_result *result, struct err *e)
{
	const struct library *l = m->library;
	duck pending = NULL;
	int rc = 0;

	*result = (struct duck_result){0};
	if (l->pending_prepared_streaming(m->statement, &pending) !=
	    DUCK_SUCCESS) {
		rc = problem_of_text(l->pending_error(pending), e);
	} else if (l->execute_pending(pending, result) != DUCK_SUCCESS) {
		rc = problem_of_result(l, result, e);
		l->destroy_result(result);
	}
	l->destroy_pending(&pending);
	return rc;
}

int statement_start(const struct library *l, duck connection, const char *sql,
    struct duck_result *result, struct err *e)
{
	struct maker m = {.library = l, .connection = connection};
	int rc = make(&m, sql, e);

	if (rc == 0)
		rc = start(&m, result, e);
	l->destroy_prepare(&m.statement);
	return rc;
}
