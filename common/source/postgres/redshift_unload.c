/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "source/postgres/redshift.h"
#include "source/postgres/redshift_clause.h"

#define SQL_MAX (8u << 20)

static const struct redshift_config *config_of(const struct source *s)
{
	return (const struct redshift_config *)s->config;
}

static const char *unload_to(const struct source *s)
{
	return config_of(s)->unload_to;
}

static int unload_check(
    const struct source *s, const struct source_unload *u, struct err *e)
{
	(void)u;
	if (config_of(s)->unload_role == NULL)
		return err_set(e, ERR_PERMANENT,
		    "unload: [source.%s] unload_role is missing: the role that "
		    "Redshift writes into S3 with",
		    s->config->name);
	return 0;
}

static struct pg *pg_of(struct source *s)
{
	return ((struct redshift *)s)->session.pg;
}

static int add_format(struct source *s, struct buf *sql,
    const struct source_unload *u, struct err *e)
{
	bool jsonl = strcmp(u->format, "JSONL") == 0;

	/* Redshift's JSON is one object a line. */
	buf_printf(sql, " format as %s",
	    jsonl                               ? "json"
	    : strcmp(u->format, "PARQUET") == 0 ? "parquet"
						: "csv");
	if (strcmp(u->format, "CSV") == 0 &&
	    json_bool(u->options, "header", true))
		buf_str(sql, " header");
	if (redshift_add_literal(pg_of(s), sql, "delimiter as",
		json_str(u->options, "delimiter", NULL), e) != 0 ||
	    redshift_add_literal(pg_of(s), sql, "null as",
		json_str(u->options, "null", NULL), e) != 0)
		return -1;
	buf_printf(sql, " %s", json_str(u->options, "compress", ""));
	return 0;
}

static int add_keeping(struct source *s, struct buf *sql,
    const struct source_unload *u, struct err *e)
{
	if (redshift_add_literal(pg_of(s), sql, "region", u->region, e) != 0 ||
	    redshift_add_literal(pg_of(s), sql, "kms_key_id", u->kms_key, e) !=
		0)
		return -1;
	if (u->kms_key != NULL)
		buf_str(sql, " encrypted");
	return 0;
}

static int make_statement(struct source *s, struct buf *sql,
    const struct source_unload *u, struct err *e)
{
	buf_str(sql, "unload (");
	if (redshift_add_literal(pg_of(s), sql, "", u->sql, e) != 0)
		return -1;
	buf_str(sql, ")");
	if (redshift_add_literal(pg_of(s), sql, "to", u->to, e) != 0 ||
	    redshift_add_role(pg_of(s), sql, config_of(s)->unload_role, e) !=
		0 ||
	    add_keeping(s, sql, u, e) != 0 || add_format(s, sql, u, e) != 0)
		return -1;
	buf_str(sql, " manifest verbose");
	return sql->overflow
		   ? err_set(e, ERR_PERMANENT, "the statement is too long")
		   : 0;
}

/* Asks how many rows this session's UNLOAD wrote. */
static int count_rows(struct source *s, int64_t *rows, struct err *e)
{
	struct schema schema = {0};
	struct batch batch;
	int rc = -1;

	*rows = -1;
	if (s->driver->query(
		s, "select pg_last_unload_count() as rows", &schema, e) == 0) {
		while ((rc = s->driver->next(s, &batch, e)) == 1) {
			if (batch.values[0].len > 0)
				str_to_i64(batch.values[0].data, rows);
		}
	}
	schema_free(&schema);
	if (rc != 0)
		return -1;
	session_query_end(s);
	return *rows < 0 ? err_set(e, ERR_TRANSIENT,
			       "Redshift does not say how many rows it has "
			       "unloaded")
			 : 0;
}

static int unload_run(struct source *s, const struct source_unload *u,
    struct source_unloaded *done, struct err *e)
{
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_MAX);
	rc = make_statement(s, &sql, u, e);
	/* UNLOAD writes, so it cannot run in the transaction that reads. */
	session_query_end(s);
	if (rc == 0)
		rc = s->driver->script(s, sql.data, e);
	buf_free(&sql);
	return rc == 0 ? count_rows(s, &done->rows, e) : -1;
}

const struct source_unloading redshift_unloading = {
    .place = "s3",
    .to = unload_to,
    .check = unload_check,
    .run = unload_run,
};
