/* SPDX-License-Identifier: MIT */
#include "place/table/made.h"

static const char *const names[] = {
    [KIND_TEXT] = "text",
    [KIND_INTEGER] = "bigint",
    [KIND_DECIMAL] = "numeric",
    [KIND_FLOAT] = "double precision",
    [KIND_BOOLEAN] = "boolean",
    [KIND_DATE] = "date",
    [KIND_TIME] = "time",
    [KIND_TIMETZ] = "time with time zone",
    [KIND_TIMESTAMP] = "timestamp",
    [KIND_TIMESTAMPTZ] = "timestamp with time zone",
    [KIND_INTERVAL] = "interval",
    /* money drops digits where the target's currency has fewer */
    [KIND_MONEY] = "numeric",
    [KIND_UUID] = "uuid",
    [KIND_BYTES] = "bytea",
    /* jsonb drops repeated keys and the order of keys */
    [KIND_JSON] = "json",
    [KIND_ARRAY] = "text",
    [KIND_OTHER] = "text",
};

static void simple_type(
    enum column_kind kind, const struct column *c, struct buf *sql)
{
	if (kind == KIND_INTEGER && c->size == 2)
		buf_str(sql, "smallint");
	else if (kind == KIND_INTEGER && c->size == 4)
		buf_str(sql, "integer");
	else if (kind == KIND_FLOAT && c->size == 4)
		buf_str(sql, "real");
	else if (kind == KIND_DECIMAL && c->precision > 0)
		buf_printf(sql, "numeric(%d,%d)", c->precision, c->scale);
	else
		buf_str(sql, names[kind]);
}

void made_type(const struct column *c, struct buf *sql)
{
	/* Elements of a kind that is shown by its text alone have delimiters
	 * and quotes of their own type. */
	bool array = c->kind == KIND_ARRAY && c->of == NULL &&
		     c->element != KIND_OTHER && c->element != KIND_MONEY &&
		     (c->delimiter == ',' || c->delimiter == '\0');

	simple_type(array ? c->element : c->kind, c, sql);
	if (array)
		buf_str(sql, "[]");
}
