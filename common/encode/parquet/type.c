/* SPDX-License-Identifier: MIT */
#include "encode/parquet/type.h"

#include <stdio.h>
#include <string.h>

/* Readers accept 38 digits, which take 16 bytes. */
#define DIGITS_MAX 38
#define DECIMAL_DEFAULT "38,20"

/* Values of ConvertedType, which older readers use. */
enum {
	CONVERTED_UTF8 = 0,
	CONVERTED_LIST = 3,
	CONVERTED_DECIMAL = 5,
	CONVERTED_DATE = 6,
	CONVERTED_TIME_MICROS = 8,
	CONVERTED_TIMESTAMP_MICROS = 10,
	CONVERTED_INT_16 = 16,
	CONVERTED_INT_32 = 17,
	CONVERTED_INT_64 = 18,
	CONVERTED_JSON = 19,
};

/* Fields of the union LogicalType. */
enum {
	LOGICAL_STRING = 1,
	LOGICAL_LIST = 3,
	LOGICAL_DECIMAL = 5,
	LOGICAL_DATE = 6,
	LOGICAL_TIME = 7,
	LOGICAL_TIMESTAMP = 8,
	LOGICAL_INTEGER = 10,
	LOGICAL_JSON = 12,
	LOGICAL_UUID = 14,
};

enum { REQUIRED, OPTIONAL, REPEATED };

static void physical(
    struct parquet_type *t, enum parquet_physical physical, int width)
{
	t->physical = physical;
	t->width = width;
}

/* Returns how many bytes hold any number of this many digits in two's
 * complement. */
static int bytes_of(int digits)
{
	parquet_uint128 max = 1;
	int bytes = 1;

	while (digits-- > 0)
		max *= 10;
	while (bytes < 16 && (max - 1) >> (8 * bytes - 1) != 0)
		bytes++;
	return bytes;
}

static void decimal(struct parquet_type *t, int precision, int scale)
{
	t->precision = precision;
	t->scale = scale;
	if (precision <= 9)
		physical(t, PARQUET_INT32, 4);
	else if (precision <= 18)
		physical(t, PARQUET_INT64, 8);
	else
		physical(t, PARQUET_FIXED, bytes_of(precision));
}

int parquet_check_decimal(const json_t *options, struct err *e)
{
	const char *option = json_str(options, "decimal", DECIMAL_DEFAULT);
	int precision, scale, end = 0;

	if (strcmp(option, "text") == 0 || strcmp(option, "double") == 0)
		return 0;
	if (strspn(option, "0123456789,") == strlen(option) &&
	    sscanf(option, "%2d,%2d%n", &precision, &scale, &end) == 2 &&
	    option[end] == '\0' && precision > 0 && precision <= DIGITS_MAX &&
	    scale <= precision)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "output_options: \"decimal\" must be \"text\", \"double\" "
	    "or \"PRECISION,SCALE\" with at most %d digits, such as "
	    "\"%s\"; it is \"%s\"",
	    DIGITS_MAX, DECIMAL_DEFAULT, option);
}

/* Chooses the type of a numeric: its declared digits if Parquet can hold them,
 * else the type that the option asks for. */
static void decimal_of(
    struct parquet_type *t, const struct column *column, const json_t *options)
{
	const char *option = json_str(options, "decimal", DECIMAL_DEFAULT);
	int precision = column->precision, scale = column->scale;

	/* numeric(3, -2) has zeros before the point, numeric(3, 5) after it. */
	if (scale < 0) {
		precision -= scale;
		scale = 0;
	} else if (scale > precision) {
		precision = precision == 0 ? 0 : scale;
	}
	if (column->precision > 0 && precision <= DIGITS_MAX) {
		decimal(t, precision, scale);
	} else if (strcmp(option, "text") == 0) {
		t->kind = KIND_TEXT;
	} else if (strcmp(option, "double") == 0) {
		t->kind = KIND_FLOAT;
		physical(t, PARQUET_DOUBLE, 8);
	} else if (sscanf(option, "%d,%d", &precision, &scale) == 2) {
		/* The option has this form: parquet_check_decimal() has
		 * accepted it. */
		decimal(t, precision, scale);
	}
}

int parquet_type_of(struct parquet_type *t, const struct column *column,
    const json_t *options, struct err *e)
{
	t->list = column->kind == KIND_ARRAY;
	t->kind = t->list ? column->element : column->kind;
	t->delimiter = t->list && column->delimiter ? column->delimiter : ',';
	if (column->of != NULL)
		return err_set(e, ERR_PERMANENT,
		    "Parquet: column \"%s\" holds arrays of arrays; cast it "
		    "to text or use to_json() in the query",
		    t->name);
	physical(t, PARQUET_BYTE_ARRAY, 0);
	switch (t->kind) {
	case KIND_INTEGER:
		t->bits = column->size == 2 || column->size == 4
			      ? 8 * column->size
			      : 64;
		if (t->bits < 64)
			physical(t, PARQUET_INT32, 4);
		else
			physical(t, PARQUET_INT64, 8);
		break;
	case KIND_FLOAT:
		if (column->size == 4)
			physical(t, PARQUET_FLOAT, 4);
		else
			physical(t, PARQUET_DOUBLE, 8);
		break;
	case KIND_BOOLEAN:
		physical(t, PARQUET_BOOLEAN, 1);
		break;
	case KIND_DATE:
		physical(t, PARQUET_INT32, 4);
		break;
	case KIND_TIME:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		physical(t, PARQUET_INT64, 8);
		break;
	case KIND_UUID:
		physical(t, PARQUET_FIXED, 16);
		break;
	case KIND_DECIMAL:
		decimal_of(t, column, options);
		return 0;
	default:
		break;
	}
	return 0;
}

int parquet_schema_elements(const struct parquet_type *type)
{
	return type->list ? 3 : 1;
}

static void converted(const struct parquet_type *type, struct thrift *t)
{
	switch (type->kind) {
	case KIND_INTEGER:
		thrift_i32(t, 6,
		    type->bits == 16   ? CONVERTED_INT_16
		    : type->bits == 32 ? CONVERTED_INT_32
				       : CONVERTED_INT_64);
		break;
	case KIND_DECIMAL:
		thrift_i32(t, 6, CONVERTED_DECIMAL);
		thrift_i32(t, 7, type->scale);
		thrift_i32(t, 8, type->precision);
		break;
	case KIND_DATE:
		thrift_i32(t, 6, CONVERTED_DATE);
		break;
	case KIND_TIME:
		thrift_i32(t, 6, CONVERTED_TIME_MICROS);
		break;
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		thrift_i32(t, 6, CONVERTED_TIMESTAMP_MICROS);
		break;
	case KIND_JSON:
		thrift_i32(t, 6, CONVERTED_JSON);
		break;
	case KIND_FLOAT:
	case KIND_BOOLEAN:
	case KIND_UUID:
	case KIND_BYTES:
		break;
	default:
		thrift_i32(t, 6, CONVERTED_UTF8);
	}
}

/* Writes a TimeType or a TimestampType, which have the same fields, in
 * microseconds. */
static void time_type(struct thrift *t, int field, bool utc)
{
	thrift_struct(t, field);
	thrift_bool(t, 1, utc);
	thrift_struct(t, 2);
	thrift_empty(t, 2);
	thrift_end(t);
	thrift_end(t);
}

static void logical(const struct parquet_type *type, struct thrift *t)
{
	switch (type->kind) {
	case KIND_INTEGER:
		thrift_struct(t, LOGICAL_INTEGER);
		thrift_i8(t, 1, type->bits);
		thrift_bool(t, 2, true);
		thrift_end(t);
		break;
	case KIND_DECIMAL:
		thrift_struct(t, LOGICAL_DECIMAL);
		thrift_i32(t, 1, type->scale);
		thrift_i32(t, 2, type->precision);
		thrift_end(t);
		break;
	case KIND_DATE:
		thrift_empty(t, LOGICAL_DATE);
		break;
	case KIND_TIME:
		time_type(t, LOGICAL_TIME, false);
		break;
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		time_type(t, LOGICAL_TIMESTAMP, type->kind == KIND_TIMESTAMPTZ);
		break;
	case KIND_JSON:
		thrift_empty(t, LOGICAL_JSON);
		break;
	case KIND_UUID:
		thrift_empty(t, LOGICAL_UUID);
		break;
	default:
		thrift_empty(t, LOGICAL_STRING);
	}
}

static void leaf(
    const struct parquet_type *type, const char *name, struct thrift *t)
{
	thrift_item_struct(t);
	thrift_i32(t, 1, type->physical);
	if (type->physical == PARQUET_FIXED)
		thrift_i32(t, 2, type->width);
	thrift_i32(t, 3, OPTIONAL);
	thrift_string(t, 4, name);
	converted(type, t);
	if (type->kind != KIND_FLOAT && type->kind != KIND_BOOLEAN &&
	    type->kind != KIND_BYTES) {
		thrift_struct(t, 10);
		logical(type, t);
		thrift_end(t);
	}
	thrift_end(t);
}

void parquet_schema_add(const struct parquet_type *type, struct thrift *t)
{
	if (!type->list) {
		leaf(type, type->name, t);
		return;
	}
	thrift_item_struct(t);
	thrift_i32(t, 3, OPTIONAL);
	thrift_string(t, 4, type->name);
	thrift_i32(t, 5, 1);
	thrift_i32(t, 6, CONVERTED_LIST);
	thrift_struct(t, 10);
	thrift_empty(t, LOGICAL_LIST);
	thrift_end(t);
	thrift_end(t);
	thrift_item_struct(t);
	thrift_i32(t, 3, REPEATED);
	thrift_string(t, 4, "list");
	thrift_i32(t, 5, 1);
	thrift_end(t);
	leaf(type, "element", t);
}
