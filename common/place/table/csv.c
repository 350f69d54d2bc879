/* SPDX-License-Identifier: MIT */
#include "place/table/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SQL_MAX ((size_t)1 << 20)

/* ---- rows ---- */

enum { AT_START, AT_SLASH, AT_DOT, ELSEWHERE };

void table_csv_begin(struct table_csv *c, bool header)
{
	*c = (struct table_csv){.header = header, .seen = AT_START};
}

/* A line break outside of quotes. */
static void end_row(struct table_csv *c)
{
	if (c->seen == AT_DOT && c->stopper == 0)
		c->stopper = c->lines + 1;
	c->breaks++;
	c->seen = AT_START;
}

void table_csv_count(struct table_csv *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char b = data[i];

		if (b == '"')
			c->quoted = !c->quoted;
		if (b == '\n' && !c->quoted)
			end_row(c);
		else if (b == '\\' && c->seen == AT_START)
			c->seen = AT_SLASH;
		else if (b == '.' && c->seen == AT_SLASH)
			c->seen = AT_DOT;
		else if (b != '\r' || c->seen != AT_DOT)
			c->seen = ELSEWHERE;
		c->lines += b == '\n';
	}
}

int table_csv_check(const struct table_csv *c, int64_t taken, struct err *e)
{
	int64_t rows = c->breaks - (c->header && c->breaks > 0);

	if (rows == taken)
		return 0;
	if (c->stopper > 0)
		return err_set(e, ERR_PERMANENT,
		    "line %" PRId64 " is \\. alone, where this server ends the "
		    "file: of %" PRId64 " rows it took %" PRId64
		    "; put that value into quotes",
		    c->stopper, rows, taken);
	return err_set(e, ERR_PERMANENT,
	    "of %" PRId64 " rows the table took %" PRId64
	    ": a trigger of it left the others out",
	    rows, taken);
}

/* ---- types ---- */

bool table_csv_never_blank(enum column_kind kind)
{
	return kind != KIND_TEXT && kind != KIND_BYTES && kind != KIND_OTHER;
}

/* Returns the type of a column, in words of SQL. */
static const char *type_of(const struct place_csv *csv, const char *name)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(csv->types, i, pair)
	{
		if (strcmp(json_string_value(json_array_get(pair, 0)), name) ==
		    0)
			return json_string_value(json_array_get(pair, 1));
	}
	return "text";
}

/* The server reads the types as those of values, so that no word in them can
 * say more. */
static void ask_types(const struct table_link *l, const struct place_csv *csv,
    const struct table_look *look, const struct schema *schema, struct buf *sql)
{
	for (int i = 0; i < schema->count; i++) {
		const char *name = schema->columns[i].name;

		buf_str(sql, i > 0 ? ", " : "select ");
		if (look_column(look, name) != NULL)
			table_add_name(sql, name);
		else
			buf_printf(sql, "cast(null as %s)", type_of(csv, name));
		buf_str(sql, " as ");
		table_add_name(sql, name);
	}
	if (look->found)
		buf_printf(sql, " from %s", l->table);
}

int table_csv_types(struct table_link *l, const struct place_csv *csv,
    const struct table_look *look, const struct schema *schema,
    struct schema *to, struct err *e)
{
	uint32_t *oids = NULL;
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_MAX);
	ask_types(l, csv, look, schema, &sql);
	rc = pg_describe(l->pg, NULL, 0,
	    &(struct pg_stream){sql.data, 0, false}, to, &oids, e);
	buf_free(&sql);
	free(oids);
	return rc == 0 ? 0 : err_wrap(e, "a type in \"columns\" of the input");
}
