/* SPDX-License-Identifier: MIT */
#include "source/athena/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/athena/value_moment.h"

/* ---- columns ---- */

static const struct type {
	const char *name;
	enum column_kind kind;
	enum value_form form;
	int size;
} types[] = {
    {"boolean", KIND_BOOLEAN, VALUE_BOOLEAN, 0},
    {"tinyint", KIND_INTEGER, VALUE_SAME, 2},
    {"smallint", KIND_INTEGER, VALUE_SAME, 2},
    {"integer", KIND_INTEGER, VALUE_SAME, 4},
    {"int", KIND_INTEGER, VALUE_SAME, 4},
    {"bigint", KIND_INTEGER, VALUE_SAME, 8},
    {"float", KIND_FLOAT, VALUE_FLOAT4, 4},
    {"real", KIND_FLOAT, VALUE_FLOAT4, 4},
    {"double", KIND_FLOAT, VALUE_FLOAT8, 8},
    {"decimal", KIND_DECIMAL, VALUE_SAME, 0},
    {"date", KIND_DATE, VALUE_DATE, 0},
    {"time", KIND_TIME, VALUE_TIME, 0},
    {"time with time zone", KIND_TIMETZ, VALUE_TIMETZ, 0},
    {"timestamp", KIND_TIMESTAMP, VALUE_TIMESTAMP, 0},
    {"timestamp with time zone", KIND_TIMESTAMPTZ, VALUE_TIMESTAMPTZ, 0},
    {"interval day to second", KIND_INTERVAL, VALUE_DAYS, 0},
    {"interval year to month", KIND_INTERVAL, VALUE_MONTHS, 0},
    {"varchar", KIND_TEXT, VALUE_SAME, 0},
    {"char", KIND_TEXT, VALUE_SAME, 0},
    {"string", KIND_TEXT, VALUE_SAME, 0},
    {"varbinary", KIND_BYTES, VALUE_BYTES, 0},
    {"json", KIND_JSON, VALUE_SAME, 0},
    {"uuid", KIND_UUID, VALUE_SAME, 0},
};

/* Copies the name of a type without the numbers in its parentheses: "timestamp(3)
 * with time zone" is "timestamp with time zone". */
static void bare_name(const char *type, char *to, size_t size)
{
	const char *open = strchr(type, '('), *close = strrchr(type, ')');
	size_t head = open ? (size_t)(open - type) : strlen(type), n;

	n = head < size ? head : size - 1;
	memcpy(to, type, n);
	to[n] = '\0';
	if (open != NULL && close > open && strlen(close + 1) < size - n)
		strcpy(to + n, close + 1);
}

enum value_form value_column(const json_t *info, struct column *column)
{
	char name[64];

	bare_name(json_str(info, "Type", ""), name, sizeof(name));
	*column =
	    (struct column){.name = mem_strdup(json_str(info, "Name", "")),
		.kind = KIND_OTHER,
		.nullable = true};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(types[i].name, name) != 0)
			continue;
		column->kind = types[i].kind;
		column->size = types[i].size;
		if (types[i].kind == KIND_DECIMAL) {
			column->precision = (int)json_int(info, "Precision", 0);
			column->scale = (int)json_int(info, "Scale", 0);
		}
		return types[i].form;
	}
	return VALUE_SAME;
}

bool value_is_exact(const json_t *info)
{
	static const char *const vague[] = {"array", "map", "row", "struct"};
	char name[64];

	bare_name(json_str(info, "Type", ""), name, sizeof(name));
	for (size_t i = 0; i < sizeof(vague) / sizeof(*vague); i++) {
		if (strcmp(vague[i], name) == 0)
			return false;
	}
	return true;
}

/* ---- values ---- */

static int refuse(const char *text, size_t len, const char *what, struct err *e)
{
	return err_set(e, ERR_PERMANENT, "\"%.*s\" is no %s",
	    (int)(len > 60 ? 60 : len), text, what);
}

static int write_boolean(
    const char *text, size_t len, struct buf *out, struct err *e)
{
	if (len == 4 && memcmp(text, "true", 4) == 0)
		buf_char(out, 't');
	else if (len == 5 && memcmp(text, "false", 5) == 0)
		buf_char(out, 'f');
	else
		return refuse(text, len, "boolean", e);
	return 0;
}

static int write_float(enum value_form form, const char *text, size_t len,
    const struct powers *powers, struct buf *out, struct err *e)
{
	char copy[64], to[NUMBER_MAX], *end;
	double d;

	if (len == 0 || len >= sizeof(copy))
		return refuse(text, len, "number", e);
	memcpy(copy, text, len);
	copy[len] = '\0';
	d = form == VALUE_FLOAT4 ? (double)strtof(copy, &end)
				 : strtod(copy, &end);
	if (*end != '\0')
		return refuse(text, len, "number", e);
	buf_add(out, to,
	    form == VALUE_FLOAT4 ? number_float((float)d, to)
				 : number_double(powers, d, to));
	return 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Pairs of hex digits, with a blank between two of them. */
static int write_bytes(
    const char *text, size_t len, struct buf *out, struct err *e)
{
	buf_str(out, "\\x");
	for (size_t i = 0; i < len; i += 3) {
		if (i + 2 > len || !is_hex(text[i]) || !is_hex(text[i + 1]) ||
		    (i + 2 < len && (text[i + 2] != ' ' || i + 3 == len)))
			return refuse(text, len, "text of varbinary", e);
		buf_add(out, text + i, 2);
	}
	return 0;
}

int value_write(enum value_form form, const char *text, size_t len,
    struct value_tools *tools, struct buf *out, struct err *e)
{
	switch (form) {
	case VALUE_BOOLEAN:
		return write_boolean(text, len, out, e);
	case VALUE_FLOAT4:
	case VALUE_FLOAT8:
		return write_float(form, text, len, tools->powers, out, e);
	case VALUE_BYTES:
		return write_bytes(text, len, out, e);
	case VALUE_DATE:
	case VALUE_TIME:
	case VALUE_TIMETZ:
	case VALUE_TIMESTAMP:
	case VALUE_TIMESTAMPTZ:
	case VALUE_DAYS:
	case VALUE_MONTHS:
		return athena_moment(form, text, len, tools->zones, out, e);
	case VALUE_SAME:
		break;
	}
	buf_add(out, text, len);
	return 0;
}
