/* SPDX-License-Identifier: MIT */
#include "source/duckdb/relation.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "source/duckdb/dialect.h"

/* Bytes that DuckDB reads of a CSV file at once. Its own choice, 32 MB, takes half
 * of a small memory_limit. */
#define CSV_BUFFER (2 * SOURCE_CSV_LINE + 100000)
/* Names the file of a row, for errors; see file_column(). */
#define FILE_COLUMN "reportd file"
#define COMPLAINT_MAX 2048

static void add_paths(const struct source_relation *r, struct buf *sql)
{
	buf_char(sql, '[');
	for (int i = 0; i < r->path_count; i++) {
		buf_str(sql, i > 0 ? ", " : "");
		dialect_quote(r->paths[i], '\'', sql);
	}
	buf_char(sql, ']');
}

/* Appends {'name': 'TYPE', ...}; the columns are pairs of name and type, in
 * their order. */
static void add_columns(const json_t *columns, struct buf *sql)
{
	const json_t *pair;
	size_t i;

	buf_str(sql, ", columns = {");
	json_array_foreach(columns, i, pair)
	{
		buf_str(sql, i > 0 ? ", " : "");
		dialect_quote(
		    json_string_value(json_array_get(pair, 0)), '\'', sql);
		buf_str(sql, ": ");
		dialect_quote(
		    json_string_value(json_array_get(pair, 1)), '\'', sql);
	}
	buf_char(sql, '}');
}

/* Appends a null of a type. The type is a part of a JSON text, which DuckDB takes
 * as the name of a type and nothing else. */
static void add_null(const char *type, struct buf *sql)
{
	json_t *object = json_pack("{s:s}", "v", type);
	char *text = json_dumps(object, JSON_COMPACT);

	buf_str(sql, "struct_extract(from_json('{}', ");
	dialect_quote(text, '\'', sql);
	buf_str(sql, "), 'v')");
	free(text);
	json_decref(object);
}

static bool is_text(const char *type)
{
	return strcasecmp(type, "varchar") == 0 ||
	       strcasecmp(type, "text") == 0;
}

/* Returns FILE_COLUMN, lengthened while a column of the files has that name. DuckDB
 * takes capitals for small letters. The caller frees it. */
static char *file_column(const json_t *columns)
{
	char *name = mem_strdup(FILE_COLUMN);
	size_t i = 0;

	while (i < json_array_size(columns)) {
		char *longer;

		if (strcasecmp(name, json_string_value(json_array_get(
					 json_array_get(columns, i++), 0))) !=
		    0)
			continue;
		longer = mem_printf("%s_", name);
		free(name);
		name = longer;
		i = 0;
	}
	return name;
}

/* Appends the end of an error about a value of this column. */
static void add_complaint(
    const char *name, const char *type, const char *file, struct buf *sql)
{
	struct buf text;

	buf_init(&text, COMPLAINT_MAX);
	buf_printf(&text, ": column \"%s\": \"", name);
	buf_printf(sql, "error(concat(\"%s\", ", file);
	dialect_quote(text.data, '\'', sql);
	buf_str(sql, ", left(");
	dialect_quote(name, '"', sql);
	buf_str(sql, ", 100), '\" is no ', typeof(");
	add_null(type, sql);
	buf_str(sql, ")))");
	buf_free(&text);
}

/* Appends a column that was read as text. The reader of DuckDB keeps "" of all
 * columns or of none; here it is a value only where a text may be one. */
static void add_value(
    const char *name, const char *type, const char *file, struct buf *sql)
{
	if (is_text(type)) {
		dialect_quote(name, '"', sql);
		return;
	}
	buf_str(sql, "case when ");
	dialect_quote(name, '"', sql);
	buf_str(sql, " is null or ");
	dialect_quote(name, '"', sql);
	buf_str(sql, " = '' and not regexp_matches(typeof(");
	add_null(type, sql);
	buf_str(sql, "), '^(VARCHAR|BLOB|ENUM)') then null else "
		     "coalesce(try(cast_to_type(");
	dialect_quote(name, '"', sql);
	buf_str(sql, ", ");
	add_null(type, sql);
	buf_str(sql, ")), ");
	add_complaint(name, type, file, sql);
	buf_str(sql, ") end as ");
	dialect_quote(name, '"', sql);
}

/* The types come from the settings of the input; nothing is guessed from the
 * content of the files. */
static void add_csv(const struct source_relation *r, struct buf *sql)
{
	const json_t *columns = json_object_get(r->options, "columns"), *pair;
	json_t *texts = json_array();
	char *file = file_column(columns);
	size_t i;

	buf_str(sql, "(select ");
	json_array_foreach(columns, i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 0));

		buf_str(sql, i > 0 ? ", " : "");
		add_value(name, json_string_value(json_array_get(pair, 1)),
		    file, sql);
		json_array_append_new(
		    texts, json_pack("[s, s]", name, "varchar"));
	}
	buf_str(sql, " from read_csv(");
	add_paths(r, sql);
	buf_printf(sql,
	    ", auto_detect = false, header = %s, quote = '\"', escape = '\"', "
	    "strict_mode = true, null_padding = false, "
	    "allow_quoted_nulls = false, filename = '%s', "
	    "buffer_size = %d, max_line_size = %d, delim = ",
	    json_bool(r->options, "header", true) ? "true" : "false", file,
	    CSV_BUFFER, SOURCE_CSV_LINE);
	dialect_quote(json_str(r->options, "delimiter", ","), '\'', sql);
	add_columns(texts, sql);
	buf_str(sql, "))");
	json_decref(texts);
	free(file);
}

static void add_jsonl(const struct source_relation *r, struct buf *sql)
{
	const json_t *columns = json_object_get(r->options, "columns");

	buf_str(sql, "read_json(");
	add_paths(r, sql);
	buf_str(sql, ", format = 'newline_delimited'");
	if (columns != NULL)
		add_columns(columns, sql);
	buf_char(sql, ')');
}

static void add_parquet(const struct source_relation *r, struct buf *sql)
{
	buf_str(sql, "read_parquet(");
	add_paths(r, sql);
	buf_char(sql, ')');
}

/* A relation without files has columns and no rows. The types are parts of a JSON
 * text, which DuckDB takes as names of types and nothing else. */
static void add_nothing(const struct source_relation *r, struct buf *sql)
{
	const json_t *pairs = json_object_get(r->options, "columns"), *pair;
	json_t *columns = json_object(), *list;
	char *text;
	size_t i;

	json_array_foreach(pairs, i, pair)
	{
		json_object_set(columns,
		    json_string_value(json_array_get(pair, 0)),
		    json_array_get(pair, 1));
	}
	list = json_pack("[o]", columns);
	text = json_dumps(list, JSON_COMPACT);
	buf_str(sql, "(select unnest(from_json('[]', ");
	dialect_quote(text, '\'', sql);
	buf_str(sql, "), max_depth := 2))");
	free(text);
	json_decref(list);
}

static const struct {
	const char *name;
	void (*add)(const struct source_relation *r, struct buf *sql);
} formats[] = {
    {"csv", add_csv}, {"jsonl", add_jsonl}, {"parquet", add_parquet}};
#define FORMATS (sizeof(formats) / sizeof(*formats))

static int check_paths(const struct source_relation *r, struct err *e)
{
	for (int i = 0; i < r->path_count; i++) {
		if (strpbrk(r->paths[i], "*?[") != NULL)
			return err_set(e, ERR_PERMANENT,
			    "%s: DuckDB takes *, ? and [ in a name for a "
			    "pattern; rename the file",
			    r->paths[i]);
	}
	if (r->path_count == 0 &&
	    json_object_get(r->options, "columns") == NULL)
		return err_set(e, ERR_PERMANENT,
		    "there is no file, so its columns are not known; name them "
		    "in columns, or make it required");
	return 0;
}

static int add_one(
    const struct source_relation *r, struct buf *sql, struct err *e)
{
	size_t f = 0;

	while (f < FORMATS && strcmp(formats[f].name, r->format) != 0)
		f++;
	if (f == FORMATS)
		return err_set(e, ERR_PERMANENT,
		    "DuckDB reads csv, jsonl and parquet, not %s", r->format);
	if (check_paths(r, e) != 0)
		return -1;
	buf_str(sql, "create temp view ");
	dialect_quote(r->name, '"', sql);
	buf_str(sql, " as select * from ");
	if (r->path_count > 0)
		formats[f].add(r, sql);
	else
		add_nothing(r, sql);
	buf_str(sql, "; ");
	return 0;
}

int relations_add(const struct job_session *job, struct buf *sql, struct err *e)
{
	for (int i = 0; i < job->relation_count; i++) {
		if (add_one(&job->relations[i], sql, e) != 0)
			return err_wrap(
			    e, "input \"%s\"", job->relations[i].name);
	}
	return 0;
}

void relations_allow(const struct job_session *job, struct buf *sql)
{
	int count = 0;

	if (job->relation_count == 0)
		return;
	buf_str(sql, "set allowed_paths = [");
	for (int i = 0; i < job->relation_count; i++) {
		for (int k = 0; k < job->relations[i].path_count; k++) {
			buf_str(sql, count++ > 0 ? ", " : "");
			dialect_quote(job->relations[i].paths[k], '\'', sql);
		}
	}
	buf_str(sql, "]; ");
}
