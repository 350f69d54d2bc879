/* SPDX-License-Identifier: MIT */
#include "worker/stage/result.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "worker/fill.h"
#include "worker/links.h"

/* Bytes of a result as JSON. Each later request may get all of it. */
#define RESULT_MAX ((size_t)64 << 10)

static bool wanted(const struct job *job)
{
	return job_has(job, "result_sql");
}

static int prepare(struct job *job, struct err *e)
{
	return fill_member(job, "result_sql", &job->asked.result_sql, e);
}

/* Checks that a parameter can have this name, in psql as well. The names after
 * the first one are those of reportd.built_in_values() in SQL. */
static int check_name(const char *name, const json_t *row, struct err *e)
{
	static const char *const taken[] = {
	    "horizon", "output_url", "outputs", "row_count", "run_id"};
	const char *c = name;

	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	if (*c != '\0' || c == name)
		return err_set(e, ERR_PERMANENT,
		    "the column \"%s\" cannot name a parameter; name it in "
		    "letters, digits and _ by AS",
		    name);
	if (json_object_get(row, name) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "two columns are named \"%s\"; rename one by AS", name);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		if (strcmp(name, taken[i]) == 0)
			return err_set(e, ERR_PERMANENT,
			    "the name of the column \"%s\" is taken by a value "
			    "that each run has; rename it by AS",
			    name);
	}
	return 0;
}

static int check_names(
    struct job *job, const struct schema *schema, struct err *e)
{
	json_t *row = json_object();
	const char *missing;
	int rc = 0;

	for (int i = 0; i < schema->count && rc == 0; i++) {
		rc = check_name(schema->columns[i].name, row, e);
		json_object_set_new(row, schema->columns[i].name, json_true());
	}
	missing = rc == 0 ? links_missing(job, row) : NULL;
	if (missing != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "no column is named \"%s\", which :'last__%s' reads",
		    missing, missing);
	json_decref(row);
	return rc;
}

static json_t *make_row(
    const struct schema *schema, const struct value *values, struct err *e)
{
	json_t *row = json_object();

	for (int i = 0; i < schema->count; i++) {
		const struct value *v = &values[i];
		json_t *text = v->len < 0
				   ? json_null()
				   : json_stringn(v->data, (size_t)v->len);

		if (text == NULL) {
			err_set(e, ERR_PERMANENT,
			    "the value of the column \"%s\" is no text in "
			    "UTF-8",
			    schema->columns[i].name);
			json_decref(row);
			return NULL;
		}
		json_object_set_new(row, schema->columns[i].name, text);
	}
	return row;
}

static int check_size(const json_t *row, struct err *e)
{
	size_t size = json_dumpb(row, NULL, 0, JSON_COMPACT);

	if (size <= RESULT_MAX)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the result has %zu bytes; at most %zu are kept. Keep large values "
	    "in a table of the source",
	    size, RESULT_MAX);
}

/* Reads the only row. Two rows were asked for, so that more are noticed. */
static int read_row(struct job *job, const struct schema *schema, struct err *e)
{
	struct batch batch;
	int rows = 0, rc;

	while ((rc = source_next(job->lent.source, &batch, e)) == 1) {
		rows += batch.rows;
		if (rows > 1)
			continue;
		job->outcome.result = make_row(schema, batch.values, e);
		if (job->outcome.result == NULL ||
		    check_size(job->outcome.result, e) != 0)
			return -1;
	}
	if (rc == 0 && rows != 1)
		return err_set(e, ERR_PERMANENT,
		    rows == 0 ? "the query returns no row; it must return one"
			      : "the query returns several rows; it must "
				"return one");
	return rc;
}

static int run(struct job *job, struct err *e)
{
	struct schema schema = {0};
	struct buf sql;
	int rc = -1;

	buf_init(&sql, SOURCE_WRAP_MAX);
	source_shape(job->lent.source, job->asked.result_sql.data,
	    &(struct source_shape){.limit = 2}, &sql);
	if (source_query(job->lent.source, sql.data, &schema, e) == 0 &&
	    check_names(job, &schema, e) == 0)
		rc = read_row(job, &schema, e);
	schema_free(&schema);
	buf_free(&sql);
	return rc;
}

const struct stage stage_result = {
    .name = "result",
    .sql = "result_sql",
    .reads_only = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
};
