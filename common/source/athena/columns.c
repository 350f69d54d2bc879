/* SPDX-License-Identifier: MIT */
#include "source/athena/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json.h"
#include "source/athena/statement.h"
#include "source/source.h"

/* DuckDB's types that Hive has under another name, or as well. */
static const char *const types[][2] = {
    {"boolean", "boolean"},
    {"tinyint", "tinyint"},
    {"smallint", "smallint"},
    {"integer", "int"},
    {"bigint", "bigint"},
    {"float", "float"},
    {"double", "double"},
    {"date", "date"},
    {"timestamp", "timestamp"},
    {"timestamp with time zone", "timestamp"},
    {"varchar", "string"},
    {"json", "string"},
    {"blob", "binary"},
};

/* Returns the text at the literal; NULL: it is another statement. */
static const char *find_literal(const char *sql, const char **table_end)
{
	static const char *const create[] = {
	    "create", "external", "table", NULL};
	static const char *const unless[] = {"if", "not", "exists", NULL};
	static const char *const from[] = {"columns", "from", NULL};
	const char *table = statement_after_words(sql, create), *name;

	if (table == NULL)
		return NULL;
	name = statement_after_words(table, unless);
	table = name != NULL ? name : table;
	*table_end = statement_skip_name(table + strspn(table, " \t\r\n"));
	name = statement_after_words(*table_end, from);
	return name != NULL ? name + strspn(name, " \t\r\n") : NULL;
}

bool columns_is(const char *sql)
{
	const char *end;

	return find_literal(sql, &end) != NULL;
}

/* Appends the type in Hive's words. Returns false when it has none. */
static bool add_type(const char *type, struct buf *out)
{
	unsigned int precision, scale;
	int end = 0;

	if (strncasecmp(type, "decimal", 7) == 0 &&
	    sscanf(type + 7, "(%2u,%2u)%n", &precision, &scale, &end) == 2 &&
	    end > 0 && type[7 + end] == '\0') {
		buf_printf(out, "decimal(%u,%u)", precision, scale);
		return true;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcasecmp(type, types[i][0]) == 0) {
			buf_str(out, types[i][1]);
			return true;
		}
	}
	return false;
}

static int add_column(
    const json_t *column, bool first, struct buf *out, struct err *e)
{
	const char *name = json_string_value(json_array_get(column, 0));
	const char *type = json_string_value(json_array_get(column, 1));

	if (name == NULL || type == NULL || *name == '\0' ||
	    !statement_is_plain(name, strlen(name)))
		return err_set(e, ERR_PERMANENT,
		    "COLUMNS FROM: %s is no column, such as [\"id\", "
		    "\"BIGINT\"], whose name Athena's DDL takes",
		    name ? name : "an element");
	buf_printf(out, "%s`%s` ", first ? "" : ", ", name);
	if (add_type(type, out))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "COLUMNS FROM: column \"%s\" is of type %.100s, which a table "
	    "of Athena over Parquet does not have; cast it in the report that "
	    "makes the files",
	    name, type);
}

static int add_columns(const json_t *columns, struct buf *out, struct err *e)
{
	const json_t *column;
	size_t i;

	if (json_array_size(columns) == 0)
		return err_set(e, ERR_PERMANENT,
		    "COLUMNS FROM takes names and types, "
		    "[[\"id\", \"BIGINT\"]], from another report: "
		    ":'after__KEY__x'");
	buf_str(out, " (");
	json_array_foreach(columns, i, column)
	{
		if (add_column(column, i == 0, out, e) != 0)
			return -1;
	}
	buf_char(out, ')');
	return 0;
}

char *columns_statement(const char *sql, struct err *e)
{
	const char *end, *literal = find_literal(sql, &end);
	char *text = statement_unquote(&literal);
	json_t *columns = text ? json_loads(text, 0, NULL) : NULL;
	struct buf out;
	int rc;

	buf_init(&out, SOURCE_SQL_MAX);
	buf_add(&out, sql, (size_t)(end - sql));
	rc = add_columns(columns, &out, e);
	buf_str(&out, literal);
	json_decref(columns);
	free(text);
	if (rc == 0)
		return out.data;
	buf_free(&out);
	return NULL;
}
