/* SPDX-License-Identifier: MIT */
#include "worker/check_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "worker/check_sql.h"
#include "worker/verdict.h"

/* A check at work, in the session that it is asked in. */
struct question {
	struct job *job;
	struct source *from;
	const json_t *check;
	const struct check_sql *sql;
};

static const json_t *checks_of(const struct job *job)
{
	return json_object_get(job->asked.gate, "checks");
}

static enum check_place place_of_check(const json_t *check)
{
	if (json_object_get(check, "file") != NULL)
		return CHECK_FILES;
	return strcmp(json_str(check, "at", ""), "target") == 0 ? CHECK_TARGET
								: CHECK_SOURCE;
}

/* ---- statements ---- */

static size_t length_of(const struct check_sql *sql)
{
	const char *const all[] = {
	    sql->count, sql->rows, sql->columns, sql->declared};
	size_t sum = 0;

	for (size_t i = 0; i < 4; i++)
		sum += all[i] ? strlen(all[i]) : 0;
	return sum;
}

static int make_one(struct job *job, struct source *from, const json_t *check,
    struct check_sql *sql, struct err *e)
{
	if (check_sql_make(job, from, check, sql, e) != 0)
		return err_wrap(e, "\"%s\"", json_str(check, "name", ""));
	return 0;
}

int checks_prepare(
    struct job *job, enum check_place place, struct source *from, struct err *e)
{
	size_t n = json_array_size(checks_of(job)), sum = 0, i;
	const json_t *check;

	if (job->checks == NULL)
		job->checks = mem_zalloc(n * sizeof(*job->checks));
	job->check_count = (int)n;
	json_array_foreach(checks_of(job), i, check)
	{
		if (place_of_check(check) == place &&
		    make_one(job, from, check, &job->checks[i], e) != 0)
			return err_wrap(e, "check");
		sum += length_of(&job->checks[i]);
		if (sum > SOURCE_SQL_MAX)
			return err_set(e, ERR_PERMANENT,
			    "check: the SQL of all checks is longer than %zu "
			    "bytes with its parameters",
			    SOURCE_SQL_MAX);
	}
	return 0;
}

/* ---- questions ---- */

/* The numbers of the only row. */
struct counted {
	int64_t numbers[2]; /* -1: NULL */
	int rows;
};

static int take_numbers(
    struct counted *c, const struct schema *schema, const struct batch *batch)
{
	c->rows += batch->rows;
	if (schema->count != 2 || c->rows != 1)
		return -1;
	for (int i = 0; i < 2; i++) {
		const struct value *v = &batch->values[i];

		c->numbers[i] = -1;
		if (v->len >= 0 && (str_to_i64(v->data, &c->numbers[i]) != 0 ||
				       c->numbers[i] < 0))
			return -1;
	}
	return c->numbers[0] < 0 ? -1 : 0;
}

/* Reads the rest of the result, so that the next statement can begin. */
static int ask_count(const struct question *q, struct answer *a, struct err *e)
{
	struct counted c = {.rows = 0};
	struct schema schema = {0};
	struct batch batch;
	bool odd = false;
	int rc = source_query(q->from, q->sql->count, &schema, e);

	while (rc == 0 && (rc = source_next(q->from, &batch, e)) == 1) {
		odd = take_numbers(&c, &schema, &batch) != 0 || odd;
		rc = 0;
	}
	schema_free(&schema);
	if (rc == 0 && (odd || c.rows != 1))
		return err_set(e, ERR_PERMANENT,
		    "it is no query that can stand within another one");
	a->failures = c.numbers[0];
	a->total = c.numbers[1];
	return rc;
}

/* ---- samples ---- */

static bool is_masked(const json_t *check, const char *column)
{
	return json_has_text(json_object_get(check, "mask"), column);
}

/* Returns a name in `mask` that is no column; NULL: there is none. So a
 * misspelt name does not leave its column unmasked in the sample. */
static const char *unmasked(const json_t *check, const struct schema *schema)
{
	const json_t *mask = json_object_get(check, "mask"), *name;
	size_t i;

	json_array_foreach(mask, i, name)
	{
		if (schema_find(schema, json_string_value(name)) < 0)
			return json_string_value(name);
	}
	return NULL;
}

static json_t *make_value(const struct value *v)
{
	size_t len = v->len < 0 ? 0 : (size_t)v->len;
	char *text;
	json_t *one;

	if (v->len < 0)
		return json_null();
	text = mem_strndup(
	    v->data, len > VERDICT_VALUE + 4 ? VERDICT_VALUE + 4 : len);
	str_shorten_utf8(text, VERDICT_VALUE);
	str_clean_utf8(text);
	one = json_string(text);
	free(text);
	return one;
}

/* Adds a row, unless the run's samples would become too large; then false. */
static bool add_row(struct job *job, const json_t *check,
    const struct schema *schema, const struct value *values, json_t *sample)
{
	json_t *row = json_object();
	size_t size;

	for (int i = 0; i < schema->count; i++) {
		const char *name = schema->columns[i].name;

		json_object_set_new(row, name,
		    is_masked(check, name) ? json_string("***")
					   : make_value(&values[i]));
	}
	/* As PostgreSQL writes it, and a comma, brackets and blanks. */
	size = json_dumpb(row, NULL, 0, 0) + 4;
	if (job->outcome.sampled + size > VERDICT_SAMPLES) {
		json_decref(row);
		return false;
	}
	job->outcome.sampled += size;
	json_array_append_new(sample, row);
	return true;
}

static int read_sample(const struct question *q, const struct schema *schema,
    struct answer *a, struct err *e)
{
	int64_t most = json_int(q->check, "sample", 0);
	struct batch batch;
	bool room = true;
	int rc;

	while ((rc = source_next(q->from, &batch, e)) == 1) {
		for (int i = 0; room && i < batch.rows; i++) {
			const struct value *row =
			    &batch.values[i * schema->count];

			room =
			    (int64_t)json_array_size(a->sample) < most &&
			    add_row(q->job, q->check, schema, row, a->sample);
		}
	}
	return rc;
}

static void say_unmasked(struct answer *a, const char *missing)
{
	char *old = a->message;
	char number[48];

	snprintf(number, sizeof(number), "%" PRId64 " rows", a->failures);
	a->message =
	    mem_printf("%s; no sample is kept: no column is named \"%.100s\", "
		       "which is to be masked",
		old ? old : number, missing);
	free(old);
}

static int ask_sample(const struct question *q, struct answer *a, struct err *e)
{
	int64_t most = json_int(q->check, "sample", 0);
	struct schema schema = {0};
	const char *missing;
	struct buf b;
	int rc;

	if (a->failures == 0 || most == 0 || q->sql->rows == NULL)
		return 0;
	buf_init(&b, SOURCE_WRAP_MAX);
	source_shape(
	    q->from, q->sql->rows, &(struct source_shape){.limit = most}, &b);
	a->sample = json_array();
	rc = source_query(q->from, b.data, &schema, e);
	missing = rc == 0 ? unmasked(q->check, &schema) : NULL;
	if (missing != NULL)
		say_unmasked(a, missing);
	if (rc == 0)
		rc = read_sample(q, &schema, a, e);
	if (missing != NULL)
		json_array_clear(a->sample);
	schema_free(&schema);
	buf_free(&b);
	return rc;
}

/* ---- columns ---- */

static int read_columns(const struct question *q, const char *sql,
    struct schema *schema, struct err *e)
{
	struct batch batch;
	int rc = source_query(q->from, sql, schema, e);

	while (rc == 0 && (rc = source_next(q->from, &batch, e)) == 1)
		rc = 0;
	return rc;
}

/* A declared type without numbers, such as numeric, takes any of its class. */
static bool fits(const struct column *is, const struct column *wanted)
{
	return is->kind == wanted->kind && is->element == wanted->element &&
	       is->size == wanted->size &&
	       (wanted->precision == 0 || (is->precision == wanted->precision &&
					      is->scale == wanted->scale));
}

/* Bytes of a list of columns after which the others are counted. */
#define LIST_MAX 400

static void compare_columns(
    const struct schema *there, const struct schema *wanted, struct answer *a)
{
	int unnamed = 0;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < wanted->count; i++) {
		const struct column *w = &wanted->columns[i];
		int is = schema_find(there, w->name);

		if (is >= 0 && fits(&there->columns[is], w))
			continue;
		if (b.len < LIST_MAX)
			buf_printf(&b, "%s\"%s\" %s",
			    a->failures > 0 ? ", " : "", w->name,
			    is >= 0 ? "has another type" : "is missing");
		else
			unnamed++;
		a->failures++;
	}
	if (unnamed > 0)
		buf_printf(&b, ", and %d more", unnamed);
	a->total = wanted->count;
	if (a->failures > 0)
		a->message = mem_strdup(b.data);
	buf_free(&b);
}

static int ask_columns(
    const struct question *q, struct answer *a, struct err *e)
{
	struct schema there = {0}, wanted_schema = {0};
	int rc = read_columns(q, q->sql->columns, &there, e);

	if (rc == 0)
		rc = read_columns(q, q->sql->declared, &wanted_schema, e);
	if (rc == 0)
		compare_columns(&there, &wanted_schema, a);
	schema_free(&there);
	schema_free(&wanted_schema);
	return rc;
}

/* ---- */

/* The number of failures means nothing for these kinds. */
static void explain(const json_t *check, struct answer *a)
{
	const json_t *rows = json_object_get(check, "row_count");
	const json_t *fresh = json_object_get(check, "fresh");
	char *bounds;

	if (a->failures == 0 || a->message != NULL)
		return;
	if (fresh != NULL)
		a->message = mem_printf("%" PRId64 " rows, none of the last %s",
		    a->total, json_str(fresh, "max_age", ""));
	if (json_object_get(check, "unique") != NULL)
		a->message = mem_printf(
		    "%" PRId64 " %s more than once in %" PRId64 " rows",
		    a->failures,
		    a->failures == 1 ? "value occurs" : "values occur",
		    a->total);
	if (rows == NULL)
		return;
	bounds = json_dumps(rows, JSON_SORT_KEYS);
	a->message =
	    mem_printf("%" PRId64 " rows, wanted are %s", a->total, bounds);
	free(bounds);
}

static int ask(const struct question *q, struct answer *a, struct err *e)
{
	int rc =
	    q->sql->columns != NULL ? ask_columns(q, a, e) : ask_count(q, a, e);

	if (rc != 0)
		return rc;
	explain(q->check, a);
	return ask_sample(q, a, e);
}

/* The transaction ends with an error, so nothing can be asked after it. */
static int give_up(const struct question *q, struct err *e)
{
	const struct check_sql *sql = q->sql;
	struct answer a = {
	    .unasked = true, .total = -1, .message = mem_strdup(e->text)};

	verdict_add(q->job, q->check, &a);
	q->job->outcome.score = 0;
	source_advise(q->from,
	    json_str(q->check, "sql", sql->count ? sql->count : sql->columns),
	    true, e);
	return err_wrap(
	    e, "\"%s\" cannot be asked", json_str(q->check, "name", ""));
}

/* ---- all of them ---- */

bool checks_has(const struct job *job, enum check_place place)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks_of(job), i, check)
	{
		if (place_of_check(check) == place)
			return true;
	}
	return false;
}

int checks_ask(
    struct job *job, enum check_place place, struct source *from, struct err *e)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks_of(job), i, check)
	{
		const struct question q = {job, from, check, &job->checks[i]};
		struct answer a = {.total = -1};

		if (place_of_check(check) != place)
			continue;
		if (ask(&q, &a, e) != 0) {
			json_decref(a.sample);
			free(a.message);
			return give_up(&q, e);
		}
		verdict_add(job, check, &a);
	}
	return 0;
}

void checks_drop(struct job *job)
{
	for (int i = 0; i < job->check_count; i++)
		check_sql_free(&job->checks[i]);
	free(job->checks);
	job->checks = NULL;
	job->check_count = 0;
}
