/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/dialect.h"
#include "source/snowflake/script.h"
#include "source/snowflake/session.h"
#include "source/sqltext.h"

/* Milliseconds: the time limit for asking the roles of the user. */
#define ROLES_MS 60000

static struct snowflake *as_snowflake(struct source *s)
{
	return (struct snowflake *)s;
}

/* ---- the session ---- */

/* Nothing is asked of the server before the first statement: each request would
 * cost money, and might start a warehouse. */
static struct source *snowflake_connect(
    const struct source_how *how, struct err *e)
{
	struct snowflake *s = mem_zalloc(sizeof(*s));

	s->base = (struct source){&source_snowflake, how->config};
	s->result.api = &s->api;
	if (api_open(&s->api, how, e) == 0)
		return &s->base;
	free(s);
	return NULL;
}

static void forget_job(struct snowflake *s)
{
	result_close(&s->result);
	zone_close(s->result.tools.zone);
	s->result.tools.zone = NULL;
	free(s->application_name);
	free(s->time_zone);
	s->application_name = s->time_zone = NULL;
	s->job = (struct job_session){.time_zone = NULL};
}

static void snowflake_close(struct source *base)
{
	struct snowflake *s = as_snowflake(base);

	forget_job(s);
	powers_close(s->result.tools.powers);
	api_close(&s->api);
	free(s);
}

/* Waits go through the HTTP client, which has the watch of its process. The watch of
 * an export would move its uploads by the same client, from within its wait. */
static void snowflake_set_watch(struct source *s, const struct watch *watch)
{
	(void)s;
	(void)watch;
}

static bool snowflake_alive(struct source *s)
{
	(void)s;
	return true;
}

static const char *snowflake_protection(const struct source *s, bool *weak)
{
	*weak = false;
	return login_says(((const struct snowflake *)s)->api.login);
}

static int snowflake_begin(
    struct source *base, const struct job_session *job, struct err *e)
{
	struct snowflake *s = as_snowflake(base);

	forget_job(s);
	s->result.tools.zone = zone_open(job->time_zone, e);
	if (s->result.tools.zone == NULL)
		return -1;
	s->job = *job;
	s->job.application_name = s->application_name =
	    mem_strdup(job->application_name);
	s->job.time_zone = s->time_zone = mem_strdup(job->time_zone);
	return 0;
}

static bool snowflake_end(struct source *s)
{
	forget_job(as_snowflake(s));
	return true;
}

/* ---- the roles of the user ---- */

/* Sets *why when a role lets its user change more than data. */
static void judge_roles(
    const struct snowflake *s, const json_t *roles, char **why)
{
	static const char *const mighty[] = {"ACCOUNTADMIN", "SECURITYADMIN",
	    "USERADMIN", "SYSADMIN", "ORGADMIN", "GLOBALORGADMIN"};
	const json_t *role;
	size_t i;

	json_array_foreach(roles, i, role)
	{
		const char *name = json_string_value(role);

		for (size_t k = 0; k < sizeof(mighty) / sizeof(*mighty); k++) {
			if (*why == NULL && name != NULL &&
			    strcmp(name, mighty[k]) == 0)
				*why = mem_printf(
				    "the user of [source.%s] has the role %s",
				    s->base.config->name, name);
		}
	}
}

static int read_roles(struct snowflake *s, const struct statement *statement,
    struct answer *answer, char **why, struct err *e)
{
	struct schema schema = {0};
	struct batch batch;
	json_t *roles = NULL;
	int rc = result_open(&s->result, statement, answer, &schema, e);

	if (rc == 0 && result_next(&s->result, &batch, e) == 1 &&
	    schema.count == 1 && batch.values[0].len > 0)
		roles = json_loads(batch.values[0].data, 0, NULL);
	if (rc == 0 && !json_is_array(roles))
		rc = err_set(e, ERR_TRANSIENT,
		    "Snowflake does not tell the roles of its user");
	if (rc == 0)
		judge_roles(s, roles, why);
	json_decref(roles);
	schema_free(&schema);
	return rc;
}

/* A statement can take any role that its user has. The answer takes no warehouse. */
static int snowflake_danger(struct source *base, char **why, struct err *e)
{
	struct snowflake *s = as_snowflake(base);
	const struct statement_terms terms = {
	    .sql = "select current_available_roles()",
	    .timeout_ms = ROLES_MS,
	    .query_tag = "reportd",
	    .time_zone = "UTC"};
	struct statement statement;
	struct answer answer;
	int rc = statement_run(&s->api, &terms, &statement, &answer, e);

	if (rc == 0)
		rc = read_roles(s, &statement, &answer, why, e);
	answer_end(&answer);
	result_close(&s->result);
	return rc == 0 ? 0 : err_wrap(e, "roles of the user");
}

/* ---- statements ---- */

static struct statement_terms terms_of(
    const struct snowflake *s, const char *sql, bool several)
{
	return (struct statement_terms){.sql = sql,
	    .several = several,
	    .timeout_ms = s->job.statement_timeout_ms,
	    .query_tag = s->job.application_name,
	    .time_zone = s->job.time_zone,
	    .started = s->job.started,
	    .arg = s->job.arg};
}

/* Tells job_session.started that the statement has ended. */
static void note_end(const struct snowflake *s)
{
	if (s->job.started != NULL)
		s->job.started(s->job.arg, NULL);
}

static int snowflake_script(struct source *base, const char *sql, struct err *e)
{
	struct snowflake *s = as_snowflake(base);
	struct statement statement;
	struct answer answer;
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	script_write(sql, &text);
	if (dialect_check_length(&text, e) == 0) {
		struct statement_terms terms = terms_of(s, text.data, true);

		rc = statement_run(&s->api, &terms, &statement, &answer, e);
		answer_end(&answer);
	}
	buf_free(&text);
	if (rc == 0)
		note_end(s);
	return rc;
}

/* Snowflake has no READ ONLY transaction, so the kind of the statement decides
 * whether it may run. */
static int check_query(
    const struct snowflake *s, const char *sql, struct err *e)
{
	static const char *const words[] = {"select", "with", "values", "show",
	    "describe", "desc", "explain", "list", "ls"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sqltext_starts_with(sql, words[i]))
			return 0;
	}
	err_set(e, ERR_PERMANENT,
	    "a query of [source.%s] must begin with select, with, values, "
	    "show, "
	    "describe, explain or list; what writes belongs into prep_sql",
	    s->base.config->name);
	memcpy(e->sqlstate, "25006", 6);
	return -1;
}

int snowflake_run(
    struct snowflake *s, const char *sql, struct schema *schema, struct err *e)
{
	struct statement_terms terms = terms_of(s, sql, false);
	struct statement statement;
	struct answer answer;
	int rc;

	result_close(&s->result);
	rc = statement_run(&s->api, &terms, &statement, &answer, e);
	if (rc == 0) {
		/* The statement has ended; its result is only fetched. */
		note_end(s);
		rc = result_open(&s->result, &statement, &answer, schema, e);
	}
	answer_end(&answer);
	return rc;
}

static int snowflake_query(
    struct source *base, const char *sql, struct schema *schema, struct err *e)
{
	struct snowflake *s = as_snowflake(base);
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	if (dialect_one(sql, "", &text, e) == 0 &&
	    check_query(s, text.data, e) == 0)
		rc = snowflake_run(s, text.data, schema, e);
	buf_free(&text);
	return rc;
}

static int snowflake_next(struct source *s, struct batch *batch, struct err *e)
{
	return result_next(&as_snowflake(s)->result, batch, e);
}

static void snowflake_query_end(struct source *s)
{
	result_close(&as_snowflake(s)->result);
}

/* ---- SQL ---- */

static void snowflake_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	static const struct dialect_key key = {"to_varchar(", ")"};

	(void)s;
	dialect_shape(sql, shape, &key, out);
}

void snowflake_put_quoted(const char *text, char quote, struct buf *out)
{
	buf_char(out, quote);
	for (; *text != '\0'; text++) {
		if (*text == quote || (quote == '\'' && *text == '\\'))
			buf_char(out, *text);
		buf_char(out, *text);
	}
	buf_char(out, quote);
}

static char *snowflake_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	struct buf b;

	(void)s;
	buf_init(&b, 2 * SOURCE_SQL_MAX);
	snowflake_put_quoted(text, identifier ? '"' : '\'', &b);
	if (!b.overflow)
		return b.data;
	buf_free(&b);
	err_set(e, ERR_PERMANENT, "a parameter is too long");
	return NULL;
}

static void snowflake_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	const char *name;
	size_t len;

	(void)s;
	if (strcmp(e->sqlstate, "42S02") == 0 && reads)
		err_hint(e,
		    "names without quotes are kept in capitals; each request "
		    "is a session of its own, so a temporary table of prep_sql "
		    "is gone when export_sql runs: make it transient");
	else if (strncmp(e->sqlstate, "42", 2) == 0 &&
		 (name = sqltext_bare_variable(sql, &len)) != NULL)
		err_hint(e,
		    "a parameter is written with quotes: :'%.*s' for a value, "
		    ":\"%.*s\" for a name",
		    (int)len, name, (int)len, name);
}

static int snowflake_cancel(
    const struct source_how *how, const char *handle, struct err *e)
{
	struct api api = {.http = NULL};
	int rc;

	if (api_open(&api, how, e) != 0)
		return -1;
	rc = statement_cancel(&api, handle, e);
	api_close(&api);
	return rc;
}

const struct source_driver source_snowflake = {
    .type = &source_type_snowflake,
    .served = true,
    .connect = snowflake_connect,
    .close = snowflake_close,
    .set_watch = snowflake_set_watch,
    .alive = snowflake_alive,
    .protection = snowflake_protection,
    .danger = snowflake_danger,
    .begin = snowflake_begin,
    .end = snowflake_end,
    .script = snowflake_script,
    .query = snowflake_query,
    .next = snowflake_next,
    .query_end = snowflake_query_end,
    .unloading = &snowflake_unloading,
    .now = "current_timestamp()",
    .shape = snowflake_shape,
    .quote = snowflake_quote,
    .advise = snowflake_advise,
    .cancel = snowflake_cancel,
};
