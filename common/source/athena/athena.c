/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/athena/columns.h"
#include "source/athena/csv.h"
#include "source/athena/execution.h"
#include "source/athena/pages.h"
#include "source/athena/partitions.h"
#include "source/athena/session.h"
#include "source/athena/statement.h"
#include "source/athena/unload.h"
#include "source/dialect.h"
#include "source/sqltext.h"

/* ---- the session ---- */

static struct aws *client(const struct source_how *how, struct err *e)
{
	const struct athena_config *config =
	    (const struct athena_config *)how->config;
	char *name = config->region ? mem_printf("athena@%s", config->region)
				    : mem_strdup("athena");
	struct aws *aws = how->reach->aws(how->reach->arg, name, e);

	free(name);
	return aws;
}

/* There is nothing to connect to: each statement is a request of its own. */
static struct source *athena_connect(
    const struct source_how *how, struct err *e)
{
	struct aws *aws = client(how, e);
	struct athena *a;

	if (aws == NULL)
		return NULL;
	a = mem_zalloc(sizeof(*a));
	a->base = (struct source){&source_athena, how->config};
	a->config = (const struct athena_config *)how->config;
	a->aws = aws;
	a->reach = *how->reach;
	a->watch = how->watch;
	a->label = mem_strdup("reportd");
	a->time_zone = mem_strdup("UTC");
	a->says = mem_printf("Athena at %s%s, workgroup %s", aws_host(aws),
	    aws_is_tls(aws) ? ", TLS, the server verified" : "",
	    a->config->workgroup ? a->config->workgroup : "primary");
	return &a->base;
}

static void forget_result(struct athena *a)
{
	csv_close(&a->csv);
	pages_close(&a->pages);
	rows_close(&a->rows);
	schema_free(&a->schema);
	a->schema = (struct schema){NULL, 0};
	a->reading = READS_NOTHING;
}

/* Results are of no use once their report has read them, or has failed. */
static void remove_results(struct athena *a)
{
	const json_t *address;
	struct err unused;
	size_t i;

	json_array_foreach(a->results, i, address)
	{
		a->reach.files->remove(
		    a->reach.arg, json_string_value(address), &unused);
	}
	json_decref(a->results);
	a->results = NULL;
}

static void athena_close(struct source *s)
{
	struct athena *a = as_athena(s);

	forget_result(a);
	remove_results(a);
	free(a->label);
	free(a->time_zone);
	free(a->says);
	free(a->vague);
	free(a);
}

static void athena_set_watch(struct source *s, const struct watch *watch)
{
	as_athena(s)->watch = watch;
}

static bool athena_alive(struct source *s)
{
	(void)s;
	return true;
}

static const char *athena_protection(const struct source *s, bool *weak)
{
	const struct athena *a = (const struct athena *)s;

	*weak = !aws_is_tls(a->aws);
	return a->says;
}

static int athena_begin(
    struct source *s, const struct job_session *job, struct err *e)
{
	struct athena *a = as_athena(s);

	(void)e;
	free(a->label);
	free(a->time_zone);
	a->label = mem_strdup(job->application_name);
	a->time_zone = mem_strdup(job->time_zone);
	a->timeout_ms = job->statement_timeout_ms;
	a->scanned = 0;
	free(a->vague);
	a->vague = NULL;
	a->started = job->started;
	a->arg = job->arg;
	return 0;
}

/* The services that the session uses may be replaced before the next job. */
static bool athena_end(struct source *s)
{
	struct athena *a = as_athena(s);

	forget_result(a);
	remove_results(a);
	return false;
}

static char *billed(int64_t scanned)
{
	return scanned < 1000000
		   ? mem_printf("Athena read %" PRId64 " bytes", scanned)
		   : mem_printf("Athena read %.1f MB", (double)scanned / 1e6);
}

static char *athena_remark(const struct source *s)
{
	const struct athena *a = (const struct athena *)s;
	char *bill = a->scanned > 0 ? billed(a->scanned) : NULL, *both;

	if (a->vague == NULL)
		return bill;
	both =
	    mem_printf("%s%scolumn \"%s\" has the texts that Athena makes of "
		       "array, map and row, which cannot be read back; "
		       "cast(x as json) can",
		bill ? bill : "", bill ? "; " : "", a->vague);
	free(bill);
	return both;
}

/* ---- statements ---- */

json_t *athena_run(struct athena *a, const char *sql, struct err *e)
{
	const struct execution_terms terms = {.aws = a->aws,
	    .config = a->config,
	    .watch = a->watch,
	    .label = a->label,
	    .timeout_ms = a->timeout_ms,
	    .scanned = &a->scanned,
	    .started = a->started,
	    .arg = a->arg};

	return execution_run(&terms, sql, e);
}

/* Returns the address of the result's file; NULL: there is none. */
static const char *location_of(const json_t *execution)
{
	return json_str(json_object_get(execution, "ResultConfiguration"),
	    "OutputLocation", NULL);
}

/* Notes the result of a query, to be removed. Results of other statements are
 * never removed: the location that Athena tells for CREATE TABLE AS has the
 * rows of the table. */
static void note_result(struct athena *a, const json_t *execution)
{
	const char *location = location_of(execution);

	if (location == NULL || !a->config->remove_results)
		return;
	if (a->results == NULL)
		a->results = json_array();
	json_array_append_new(a->results, json_string(location));
}

static int run_one(struct athena *a, const char *sql, struct err *e)
{
	json_t *execution = athena_run(a, sql, e);

	json_decref(execution);
	return execution != NULL ? 0 : -1;
}

static int add_partitions(struct athena *a, const char *sql, struct err *e)
{
	json_t *all = partitions_statements(sql, e);
	const json_t *one;
	size_t i;
	int rc = all != NULL ? 0 : -1;

	json_array_foreach(all, i, one)
	{
		if (rc == 0)
			rc = run_one(a, json_string_value(one), e);
	}
	json_decref(all);
	return rc;
}

static int run_checked(struct athena *a, const char *sql, struct err *e)
{
	return statement_check_ddl(sql, e) != 0 ? -1 : run_one(a, sql, e);
}

static int create_table(struct athena *a, const char *sql, struct err *e)
{
	char *own = columns_statement(sql, e);
	int rc = own != NULL ? run_checked(a, own, e) : -1;

	free(own);
	return rc;
}

static int run_statement(struct athena *a, const char *sql, struct err *e)
{
	if (partitions_is(sql))
		return add_partitions(a, sql, e);
	if (columns_is(sql))
		return create_table(a, sql, e);
	return run_checked(a, sql, e);
}

/* Each statement is its own transaction: its effect stays when a later one
 * fails. */
static int athena_script(struct source *s, const char *script, struct err *e)
{
	int count = sqltext_count(script), number = 0;
	struct sqltext_part part;

	while (sqltext_next(&script, &part)) {
		char *sql = mem_strndup(part.text, part.len);
		int rc = run_statement(as_athena(s), sql, e);

		free(sql);
		number++;
		if (rc != 0)
			return count == 1 ? -1
					  : err_wrap(e, "statement %d of %d",
						number, count);
	}
	return 0;
}

/* ---- results ---- */

static int open_rows(struct athena *a, const json_t *columns,
    struct schema *schema, struct err *e)
{
	size_t count = json_array_size(columns);
	enum value_form *forms = mem_zalloc((count + 1) * sizeof(*forms));
	const json_t *info;
	size_t i;

	schema->columns = mem_zalloc((count + 1) * sizeof(*schema->columns));
	a->schema.columns =
	    mem_zalloc((count + 1) * sizeof(*a->schema.columns));
	json_array_foreach(columns, i, info)
	{
		forms[i] = value_column(info, &schema->columns[i]);
		value_column(info, &a->schema.columns[i]);
		if (a->vague == NULL && !value_is_exact(info))
			a->vague = mem_strdup(schema->columns[i].name);
	}
	schema->count = a->schema.count = (int)count;
	return rows_open(&a->rows, &a->schema, forms, a->time_zone, e);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* The file of a query's result is read as a stream. Athena keeps some results itself,
 * and the files of other statements are not CSV. */
static int open_result(struct athena *a, const json_t *execution, struct err *e)
{
	const char *location = location_of(execution);
	bool managed = json_bool(
	    json_object_get(execution, "ManagedQueryResultsConfiguration"),
	    "Enabled", false);
	bool query =
	    strcmp(json_str(execution, "StatementType", ""), "DML") == 0;

	if (query && !managed && location == NULL)
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryExecution: the answer does not say where the "
		    "result is");
	if (query && !managed && ends_with(location, ".csv")) {
		a->reading = READS_CSV;
		return csv_open(&a->csv, &a->reach, location, &a->schema, e);
	}
	a->reading = READS_PAGES;
	pages_open(&a->pages, a->aws,
	    json_str(execution, "QueryExecutionId", ""), query);
	return 0;
}

static int open_query(struct athena *a, const json_t *execution,
    struct schema *schema, struct err *e)
{
	json_t *answer = pages_describe(
	    a->aws, json_str(execution, "QueryExecutionId", ""), e);
	int rc = -1;

	if (answer != NULL &&
	    open_rows(a, pages_columns(answer), schema, e) == 0)
		rc = open_result(a, execution, e);
	json_decref(answer);
	return rc;
}

static int athena_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	struct athena *a = as_athena(s);
	json_t *execution = NULL;
	struct buf text;
	int rc;

	forget_result(a);
	buf_init(&text, SOURCE_WRAP_MAX);
	rc = dialect_one(sql, "", &text, e);
	if (rc == 0)
		rc = statement_check_reads(text.data, e);
	if (rc == 0)
		rc = statement_check_ddl(text.data, e);
	if (rc == 0)
		execution = athena_run(a, text.data, e);
	buf_free(&text);
	if (execution == NULL)
		return -1;
	note_result(a, execution);
	rc = open_query(a, execution, schema, e);
	json_decref(execution);
	return rc;
}

static int athena_next(struct source *s, struct batch *batch, struct err *e)
{
	struct athena *a = as_athena(s);
	int rc = 0;

	rows_clear(&a->rows);
	if (a->reading == READS_CSV)
		rc = csv_next(&a->csv, &a->rows, e);
	else if (a->reading == READS_PAGES)
		rc = pages_next(&a->pages, &a->rows, e);
	return rc == 1 ? rows_take(&a->rows, batch, e) : rc;
}

static void athena_query_end(struct source *s)
{
	forget_result(as_athena(s));
}

/* ---- SQL ---- */

static void athena_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	static const struct dialect_key key = {"cast(", " as varchar)"};

	(void)s;
	dialect_shape(sql, shape, &key, out);
}

static char *athena_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	struct buf b;

	(void)s;
	buf_init(&b, 2 * SOURCE_SQL_MAX);
	statement_quote(text, identifier, &b);
	if (!b.overflow)
		return b.data;
	buf_free(&b);
	err_set(e, ERR_PERMANENT, "a parameter is too long");
	return NULL;
}

static void athena_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	const char *name;
	size_t len;

	(void)s;
	(void)reads;
	if (strcmp(e->sqlstate, "42000") == 0 &&
	    (name = sqltext_bare_variable(sql, &len)) != NULL)
		err_hint(e,
		    "a parameter is written with quotes: :'%.*s' for a value, "
		    ":\"%.*s\" for a name",
		    (int)len, name, (int)len, name);
}

static int athena_cancel(
    const struct source_how *how, const char *handle, struct err *e)
{
	struct aws *aws = client(how, e);

	return aws ? execution_cancel(aws,
			 (const struct athena_config *)how->config, handle, e)
		   : -1;
}

const struct source_driver source_athena = {
    .type = &source_type_athena,
    .served = true,
    .connect = athena_connect,
    .close = athena_close,
    .set_watch = athena_set_watch,
    .alive = athena_alive,
    .protection = athena_protection,
    .begin = athena_begin,
    .end = athena_end,
    .remark = athena_remark,
    .script = athena_script,
    .query = athena_query,
    .next = athena_next,
    .query_end = athena_query_end,
    .unloading = &athena_unloading,
    .now = "now()",
    .shape = athena_shape,
    .quote = athena_quote,
    .advise = athena_advise,
    .cancel = athena_cancel,
};
