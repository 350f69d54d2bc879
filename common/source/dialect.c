/* SPDX-License-Identifier: MIT */
#include "source/dialect.h"

#include <string.h>

#include "source/sqltext.h"

bool dialect_is_query(const char *sql)
{
	static const char *const words[] = {
	    "select", "with", "values", "table"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sqltext_starts_with(sql, words[i]))
			return true;
	}
	return false;
}

int dialect_check_length(const struct buf *out, struct err *e)
{
	if (out->overflow)
		return err_set(e, ERR_PERMANENT,
		    "the SQL is longer than %zu bytes", SOURCE_SQL_MAX);
	return 0;
}

int dialect_one(
    const char *sql, const char *tail, struct buf *out, struct err *e)
{
	struct sqltext_part part, more;

	if (!sqltext_next(&sql, &part))
		return err_set(e, ERR_PERMANENT, "the query is empty");
	if (sqltext_next(&sql, &more))
		return err_set(e, ERR_PERMANENT,
		    "this is more than one statement: %.60s", part.text);
	buf_add(out, part.text, part.len);
	buf_str(out, tail);
	return dialect_check_length(out, e);
}

void dialect_quote(const char *text, char quote, struct buf *out)
{
	buf_char(out, quote);
	for (; *text != '\0'; text++) {
		if (*text == quote)
			buf_char(out, quote);
		buf_char(out, *text);
	}
	buf_char(out, quote);
}

static void add_sort(
    const json_t *names, const struct dialect_key *key, struct buf *out)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		buf_printf(out, "%s%s", i > 0 ? ", " : "", key->before);
		dialect_quote(json_string_value(name), '"', out);
		buf_str(out, key->after);
	}
}

/* The line break ends a comment that may stand at the end of the query. */
void dialect_wrap(const char *sql, const struct source_shape *shape,
    const struct dialect_key *key, struct buf *out)
{
	if (shape->sort_by != NULL)
		buf_str(out, "select * from (");
	if (shape->limit > 0)
		buf_printf(out, "select * from (%s\n) as first_rows limit %lld",
		    sql, (long long)shape->limit);
	else
		buf_str(out, sql);
	if (shape->sort_by == NULL)
		return;
	buf_str(out, "\n) as sorted_rows order by ");
	add_sort(shape->sort_by, key, out);
}

void dialect_shape(const char *sql, const struct source_shape *shape,
    const struct dialect_key *key, struct buf *out)
{
	if (dialect_is_query(sql))
		dialect_wrap(sql, shape, key, out);
	else
		buf_str(out, sql);
}

static void add_literal(const char *s, struct buf *out)
{
	buf_str(out, " e'");
	for (; *s != '\0'; s++) {
		if (*s == '\'' || *s == '\\')
			buf_char(out, '\\');
		buf_char(out, *s);
	}
	buf_char(out, '\'');
}

void dialect_copy_options(const struct csv_form *form, struct buf *out)
{
	if (form->copy_text) {
		buf_str(out, "format text, encoding 'UTF8'");
		return;
	}
	buf_printf(out, "format csv, header %s, delimiter",
	    form->header ? "true" : "false");
	add_literal((char[]){form->delimiter, '\0'}, out);
	buf_str(out, ", null");
	add_literal(form->null, out);
	buf_str(out, ", encoding");
	add_literal(form->encoding, out);
	if (form->quote_all)
		buf_str(out, ", force_quote *");
}
