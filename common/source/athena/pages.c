/* SPDX-License-Identifier: MIT */
#include "source/athena/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/athena/execution.h"

/* Rows of the first page, and of any. */
#define ROWS_FIRST 100
#define ROWS_MOST 1000
/* Bytes of values that a page should have, so that it fits into memory. */
#define PAGE_BYTES (4 << 20)

static json_t *ask(struct aws *aws, const char *id, int64_t most,
    const char *token, struct err *e)
{
	return execution_ask(aws, "GetQueryResults",
	    json_pack("{ss sI ss*}", "QueryExecutionId", id, "MaxResults",
		(json_int_t)most, "NextToken", token),
	    NULL, e);
}

json_t *pages_describe(struct aws *aws, const char *id, struct err *e)
{
	json_t *answer = ask(aws, id, 1, NULL, e);

	if (answer == NULL || pages_columns(answer) != NULL)
		return answer;
	json_decref(answer);
	err_set(e, ERR_TRANSIENT,
	    "GetQueryResults: the answer describes no columns");
	return NULL;
}

const json_t *pages_columns(const json_t *answer)
{
	return json_object_get(
	    json_object_get(
		json_object_get(answer, "ResultSet"), "ResultSetMetadata"),
	    "ColumnInfo");
}

void pages_open(struct pages *p, struct aws *aws, const char *id, bool header)
{
	*p = (struct pages){.aws = aws,
	    .id = mem_strdup(id),
	    .header = header,
	    .most = ROWS_FIRST};
}

void pages_close(struct pages *p)
{
	json_decref(p->page);
	free(p->id);
	free(p->next);
	*p = (struct pages){.aws = NULL};
}

static const json_t *rows_of(const struct pages *p)
{
	return json_object_get(json_object_get(p->page, "ResultSet"), "Rows");
}

static const char *text_of(const json_t *row, size_t column)
{
	return json_str(json_array_get(json_object_get(row, "Data"), column),
	    "VarCharValue", NULL);
}

static bool is_header(const json_t *row, const struct schema *schema)
{
	for (int i = 0; i < schema->count; i++) {
		const char *text = text_of(row, (size_t)i);

		if (text == NULL || strcmp(text, schema->columns[i].name) != 0)
			return false;
	}
	return true;
}

static int skip_header(
    struct pages *p, const struct schema *schema, struct err *e)
{
	if (!p->header)
		return 0;
	p->header = false;
	if (!is_header(json_array_get(rows_of(p), 0), schema))
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryResults: the first row does not hold the names of "
		    "the columns");
	p->row = 1;
	return 0;
}

/* Notes which page comes after this one. */
static int take_next(struct pages *p, struct err *e)
{
	const char *next = json_str(p->page, "NextToken", NULL);

	if (next != NULL && p->next != NULL && strcmp(next, p->next) == 0)
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryResults: a page leads back to itself");
	free(p->next);
	p->next = mem_strdup(next);
	return 0;
}

/* Fetches the next page. 1: there is none. */
static int turn(struct pages *p, const struct schema *schema, struct err *e)
{
	if (p->begun && p->next == NULL)
		return 1;
	json_decref(p->page);
	p->row = 0;
	p->page = ask(p->aws, p->id, p->most, p->next, e);
	if (p->page == NULL || take_next(p, e) != 0)
		return -1;
	p->begun = true;
	if (!json_is_array(rows_of(p)))
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryResults: the answer has no rows");
	return skip_header(p, schema, e);
}

/* Sets one value: {"VarCharValue": "text"}; {}: NULL. */
static int set_value(const json_t *value, struct rows *rows, int at, int column,
    size_t *bytes, struct err *e)
{
	const json_t *v = json_object_get(value, "VarCharValue");

	if (!json_is_object(value) || (v != NULL && !json_is_string(v)))
		return err_set(
		    e, ERR_TRANSIENT, "GetQueryResults: a value is no text");
	*bytes += json_string_length(v);
	return rows_set(
	    rows, at, column, json_string_value(v), json_string_length(v), e);
}

static int set_row(
    const json_t *row, struct rows *rows, size_t *bytes, struct err *e)
{
	size_t count = json_array_size(json_object_get(row, "Data"));
	int at = rows_add(rows);

	if (count != (size_t)rows->schema->count)
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryResults: a row has %zu values, there are %d "
		    "columns",
		    count, rows->schema->count);
	for (int i = 0; i < rows->schema->count; i++) {
		if (set_value(
			json_array_get(json_object_get(row, "Data"), (size_t)i),
			rows, at, i, bytes, e) != 0)
			return -1;
	}
	return 0;
}

/* Asks for fewer rows when they are wide. */
static void learn(struct pages *p, size_t bytes, int rows)
{
	size_t each = bytes / (size_t)rows + 1;
	size_t most = PAGE_BYTES / each;

	p->most = most < 1 ? 1 : most > ROWS_MOST ? ROWS_MOST : (int64_t)most;
}

int pages_next(struct pages *p, struct rows *rows, struct err *e)
{
	size_t bytes = 0;
	int rc;

	/* A page may be empty and have one after it. */
	while (p->page == NULL || p->row >= json_array_size(rows_of(p))) {
		rc = turn(p, rows->schema, e);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
	}
	while (!rows_full(rows) && p->row < json_array_size(rows_of(p))) {
		if (set_row(json_array_get(rows_of(p), p->row++), rows, &bytes,
			e) != 0)
			return -1;
	}
	learn(p, bytes, rows->count);
	return 1;
}
