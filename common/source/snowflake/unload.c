/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/dialect.h"
#include "source/snowflake/session.h"

/*
 * COPY INTO an external stage
 * (https://docs.snowflake.com/en/sql-reference/sql/copy-into-location). Its detailed
 * output has a row for each file, of which the manifest is made.
 */
#define FILE_BYTES "268435456"
/* SQLSTATE of an unload whose columns a format cannot hold (code 100171). */
#define NOT_IN_PARQUET "22000"

static const struct snowflake_config *config_of(const struct source *s)
{
	return (const struct snowflake_config *)s->config;
}

static const char *unload_to(const struct source *s)
{
	return config_of(s)->unload_to;
}

static int unload_check(
    const struct source *s, const struct source_unload *u, struct err *e)
{
	if (config_of(s)->unload_stage == NULL)
		return err_set(e, ERR_PERMANENT,
		    "unload: [source.%s] unload_stage is missing: the external "
		    "stage that Snowflake writes into",
		    s->config->name);
	return dialect_is_query(u->sql)
		   ? 0
		   : err_set(e, ERR_PERMANENT,
			 "unload: the statement is no query: %.60s", u->sql);
}

/* ---- the statement ---- */

/* Appends the place within the stage: unload_to is the stage's own. */
static int add_place(const struct snowflake *s, const struct source_unload *u,
    struct buf *sql, struct err *e)
{
	const struct snowflake_config *c = config_of(&s->base);
	size_t len = strlen(c->unload_to);
	char *place;

	while (len > 0 && c->unload_to[len - 1] == '/')
		len--;
	if (strncmp(u->to, c->unload_to, len) != 0 || u->to[len] != '/')
		return err_set(e, ERR_PERMANENT,
		    "unload: %s does not lie below unload_to of [source.%s], "
		    "%s, which is the place of its stage",
		    u->to, c->base.name, c->unload_to);
	place = mem_printf("@%s%s", c->unload_stage, u->to + len);
	snowflake_put_quoted(place, '\'', sql);
	free(place);
	return 0;
}

static void add_csv(const struct source_unload *u, struct buf *sql)
{
	buf_str(sql, "type = csv field_optionally_enclosed_by = '\"' "
		     "empty_field_as_null = false field_delimiter = ");
	snowflake_put_quoted(json_str(u->options, "delimiter", ","), '\'', sql);
	buf_str(sql, " null_if = (");
	snowflake_put_quoted(json_str(u->options, "null", ""), '\'', sql);
	buf_char(sql, ')');
}

static void add_format(const struct source_unload *u, struct buf *sql)
{
	const char *compress = json_str(u->options, "compress", "none");
	bool header = json_bool(u->options, "header", true);

	buf_str(sql, "\n) file_format = (");
	if (strcmp(u->format, "CSV") == 0)
		add_csv(u, sql);
	else
		buf_str(sql, strcmp(u->format, "JSONL") == 0
				 ? "type = json"
				 : "type = parquet");
	if (strcmp(u->format, "PARQUET") == 0)
		buf_str(sql, ") header = true");
	else
		buf_printf(sql, " compression = %s)%s", compress,
		    strcmp(u->format, "CSV") != 0 ? ""
		    : header                      ? " header = true"
						  : " header = false");
	buf_str(sql, " include_query_id = true detailed_output = true "
		     "max_file_size = " FILE_BYTES);
}

static int make_statement(const struct snowflake *s,
    const struct source_unload *u, struct buf *sql, struct err *e)
{
	bool json = strcmp(u->format, "JSONL") == 0;

	if (u->kms_key != NULL)
		return err_set(e, ERR_PERMANENT,
		    "unload: Snowflake encrypts as its stage says, and not "
		    "with the kms_key of [s3]; give that key to the stage and "
		    "leave kms_key out");
	buf_str(sql, "copy into ");
	if (add_place(s, u, sql, e) != 0)
		return -1;
	buf_str(sql, json ? " from (select object_construct_keep_null(*) from ("
			  : " from (");
	if (dialect_one(u->sql, json ? "\n)" : "", sql, e) != 0)
		return -1;
	add_format(u, sql);
	return dialect_check_length(sql, e);
}

/* ---- the files ---- */

/* The columns of the detailed output, and the sums over its rows. */
struct files {
	int name, size, rows;
	int64_t bytes, records;
	json_t *entries;
};

static int find_column(const struct schema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++) {
		if (strcasecmp(schema->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int64_t number_of(const struct value *v)
{
	int64_t n;

	return v->len > 0 && str_to_i64(v->data, &n) == 0 && n >= 0 ? n : -1;
}

/* The name may be told with a part of its path, or without. */
static int add_file(
    struct files *f, const char *to, const struct value *row, struct err *e)
{
	const char *name = row[f->name].len > 0 ? row[f->name].data : "";
	const char *slash = strrchr(name, '/');
	int64_t size = number_of(&row[f->size]);
	int64_t rows = number_of(&row[f->rows]);
	char *url;

	name = slash ? slash + 1 : name;
	if (*name == '\0' || size < 0 || rows < 0)
		return err_set(e, ERR_TRANSIENT,
		    "unload: Snowflake tells of a file without its name, size "
		    "or rows");
	url = mem_printf("%s%s", to, name);
	json_array_append_new(f->entries,
	    json_pack("{ss s{sI sI}}", "url", url, "meta", "content_length",
		(json_int_t)size, "record_count", (json_int_t)rows));
	free(url);
	f->bytes += size;
	f->records += rows;
	return 0;
}

static int read_files(struct snowflake *s, const struct schema *schema,
    const char *to, struct files *f, struct err *e)
{
	struct batch batch;
	int rc;

	f->name = find_column(schema, "file_name");
	f->size = find_column(schema, "file_size");
	f->rows = find_column(schema, "row_count");
	if (f->name < 0 || f->size < 0 || f->rows < 0)
		return err_set(e, ERR_PERMANENT,
		    "unload: Snowflake does not tell the files that it wrote");
	while ((rc = result_next(&s->result, &batch, e)) == 1) {
		for (int i = 0; i < batch.rows; i++) {
			if (add_file(f, to,
				batch.values +
				    (size_t)i * (size_t)schema->count,
				e) != 0)
				return -1;
		}
	}
	return rc;
}

static int run(struct snowflake *s, const struct source_unload *u,
    const char *sql, struct source_unloaded *done, struct err *e)
{
	struct files f = {.entries = json_array()};
	struct schema schema = {0};
	int rc = snowflake_run(s, sql, &schema, e);

	if (rc == 0)
		rc = read_files(s, &schema, u->to, &f, e);
	result_close(&s->result);
	schema_free(&schema);
	if (rc != 0) {
		json_decref(f.entries);
		return -1;
	}
	done->rows = f.records;
	done->manifest = json_pack("{so s{sI sI}}", "entries", f.entries,
	    "meta", "content_length", (json_int_t)f.bytes, "record_count",
	    (json_int_t)f.records);
	return 0;
}

static int unload_run(struct source *base, const struct source_unload *u,
    struct source_unloaded *done, struct err *e)
{
	struct snowflake *s = (struct snowflake *)base;
	struct buf sql;
	int rc;

	buf_init(&sql, SOURCE_WRAP_MAX);
	rc = make_statement(s, u, &sql, e);
	if (rc == 0)
		rc = run(s, u, sql.data, done, e);
	if (rc != 0 && strcmp(u->format, "PARQUET") == 0 &&
	    strcmp(e->sqlstate, NOT_IN_PARQUET) == 0)
		err_hint(e, "Snowflake writes no TIMESTAMP_LTZ and no "
			    "TIMESTAMP_TZ into Parquet: cast them to "
			    "TIMESTAMP_NTZ, such as x::timestamp_ntz");
	buf_free(&sql);
	return rc;
}

const struct source_unloading snowflake_unloading = {
    .place = "s3",
    .to = unload_to,
    .check = unload_check,
    .run = unload_run,
};
