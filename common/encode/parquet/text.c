/* SPDX-License-Identifier: MIT */
#include "encode/parquet/text_parse.h"

static const char *kind_name(const struct parquet_type *t)
{
	switch (t->kind) {
	case KIND_INTEGER:
		return t->bits == 16   ? "smallint"
		       : t->bits == 32 ? "integer"
				       : "bigint";
	case KIND_DECIMAL:
		return "numeric";
	case KIND_FLOAT:
		return "floating-point number";
	case KIND_BOOLEAN:
		return "boolean";
	case KIND_DATE:
		return "date";
	case KIND_TIME:
		return "time";
	case KIND_TIMESTAMP:
		return "timestamp";
	case KIND_TIMESTAMPTZ:
		return "timestamp with time zone";
	case KIND_UUID:
		return "uuid";
	case KIND_BYTES:
		return "bytea";
	default:
		return "text";
	}
}

int parquet_text_refuse(const struct parquet_type *t, const struct value *v,
    enum parsed why, struct err *e)
{
	int len = v->len < 100 ? v->len : 100;

	if (why == BROKEN)
		return err_set(e, ERR_PERMANENT,
		    "Parquet: column \"%s\": \"%.*s\" is no %s", t->name, len,
		    v->data, kind_name(t));
	if (t->to_null) {
		++*t->nulled;
		return 0;
	}
	if (t->kind == KIND_DECIMAL)
		return err_set(e, ERR_PERMANENT,
		    "Parquet: column \"%s\": %.*s does not fit into "
		    "decimal(%d,%d) and is not rounded; cast it in the query, "
		    "set the option \"decimal\" for numeric without precision, "
		    "or set \"out_of_range\" to \"null\"",
		    t->name, len, v->data, t->precision, t->scale);
	return err_set(e, ERR_PERMANENT,
	    "Parquet: column \"%s\": %s %.*s does not exist in Parquet; change "
	    "it in the query or set the option \"out_of_range\" to \"null\"",
	    t->name, kind_name(t), len, v->data);
}
