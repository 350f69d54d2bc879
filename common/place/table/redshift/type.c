/* SPDX-License-Identifier: MIT */
#include "place/table/redshift/type.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BIT(kind) (1u << (kind))
#define NUMBERS                                                    \
	(BIT(KIND_INTEGER) | BIT(KIND_DECIMAL) | BIT(KIND_FLOAT) | \
	    BIT(KIND_MONEY))
/* Values of these kinds are staged as text, and turned by a function. */
#define STAGED_TEXT "varchar(65535)"

/*
 * The types of columns, by their names in the catalogue, and the kinds of values
 * whose text they read as what it means. COPY turns an empty text into NULL where
 * the column holds no text, and leaves out a time zone that a column lacks; so
 * these kinds are all.
 */
static const struct taker {
	const char *class;
	unsigned kinds;
	const char *by; /* a function of the staged text; NULL: as it is */
} takers[] = {
    {"varchar", ~BIT(KIND_BYTES), NULL},
    {"bpchar", ~BIT(KIND_BYTES), NULL},
    {"text", ~BIT(KIND_BYTES), NULL},
    {"int2", NUMBERS, NULL},
    {"int4", NUMBERS, NULL},
    {"int8", NUMBERS, NULL},
    {"numeric", NUMBERS, NULL},
    {"float4", NUMBERS, NULL},
    {"float8", NUMBERS, NULL},
    {"bool", BIT(KIND_BOOLEAN), NULL},
    {"date", BIT(KIND_DATE), NULL},
    {"time", BIT(KIND_TIME), NULL},
    {"timetz", BIT(KIND_TIMETZ), NULL},
    {"timestamp", BIT(KIND_TIMESTAMP) | BIT(KIND_DATE), NULL},
    {"timestamptz", BIT(KIND_TIMESTAMPTZ), NULL},
    {"varbyte", BIT(KIND_BYTES), "from_hex"},
    {"super", BIT(KIND_JSON), "json_parse"},
};
#define TAKERS (sizeof(takers) / sizeof(*takers))

int redshift_stage_type(const struct column *c, const struct table_column *to,
    struct table_field *f, struct err *e)
{
	size_t i = 0;

	while (i < TAKERS && strcmp(takers[i].class, to->class) != 0)
		i++;
	if (i == TAKERS)
		return err_set(e, ERR_PERMANENT,
		    "and the table's column is of type %s, which COPY of "
		    "Redshift does not load from text; leave it out of "
		    "export_sql",
		    to->type);
	if ((takers[i].kinds & BIT(c->kind)) == 0)
		return err_set(e, ERR_PERMANENT,
		    "whose values COPY of Redshift would not read exactly into "
		    "the table's type %s; cast it in export_sql to that type%s",
		    to->type,
		    c->kind == KIND_BYTES ? ", or to text by encode(..., 'hex')"
					  : "");
	if (takers[i].by == NULL)
		return 0;
	free(f->type);
	f->type = mem_strdup(STAGED_TEXT);
	f->cast = mem_strdup(takers[i].by);
	return 0;
}

/* Redshift has no numeric without digits: it would round to whole numbers. */
static int make_decimal(int digits, int scale, struct buf *sql, struct err *e)
{
	if (digits < 1 || digits > 38 || scale < 0 || scale > 37)
		return err_set(e, ERR_PERMANENT,
		    "a number without a fixed number of digits, or with more "
		    "than Redshift's 38; cast it in export_sql, such as to "
		    "numeric(18, 2), or to double precision");
	buf_printf(sql, "numeric(%d,%d)", digits, scale);
	return 0;
}

static const char *name_of(const struct column *c)
{
	switch (c->kind) {
	case KIND_INTEGER:
		return c->size == 2   ? "smallint"
		       : c->size == 4 ? "integer"
				      : "bigint";
	case KIND_FLOAT:
		return c->size == 4 ? "real" : "double precision";
	case KIND_BOOLEAN:
		return "boolean";
	case KIND_DATE:
		return "date";
	case KIND_TIME:
		return "time";
	case KIND_TIMETZ:
		return "timetz";
	case KIND_TIMESTAMP:
		return "timestamp";
	case KIND_TIMESTAMPTZ:
		return "timestamptz";
	case KIND_UUID:
		return "varchar(36)";
	default:
		return "varchar(65535)";
	}
}

int redshift_make_type(const struct column *c, struct buf *sql, struct err *e)
{
	if (c->kind == KIND_DECIMAL)
		return make_decimal(c->precision, c->scale, sql, e);
	if (c->kind == KIND_MONEY)
		return make_decimal(
		    MONEY_DIGITS, c->money ? c->money->scale : 2, sql, e);
	if (c->kind == KIND_BYTES)
		return err_set(e, ERR_PERMANENT,
		    "bytes, for which no column is made in Redshift; make a "
		    "varbyte column yourself, or cast it to text by "
		    "encode(..., 'hex')");
	buf_str(sql, name_of(c));
	return 0;
}
