/* SPDX-License-Identifier: MIT */
#include "source/postgres/kind.h"

#include <stddef.h>

/* PostgreSQL's built-in types have fixed OIDs: src/include/catalog/pg_type.dat.
 * Redshift's own types have other numbers. All of them are text here except
 * super: geometry 3000, geography 3001, hllsketch 2935, varbyte 6551, its
 * intervals 1188, 1190. */
static const struct {
	uint32_t oid, array_oid;
	enum column_kind kind;
	int size;
} kinds[] = {
    {16, 1000, KIND_BOOLEAN, 0},       /* bool */
    {17, 1001, KIND_BYTES, 0},         /* bytea */
    {18, 1002, KIND_TEXT, 0},          /* "char" */
    {19, 1003, KIND_TEXT, 0},          /* name */
    {20, 1016, KIND_INTEGER, 8},       /* int8 */
    {21, 1005, KIND_INTEGER, 2},       /* int2 */
    {23, 1007, KIND_INTEGER, 4},       /* int4 */
    {25, 1009, KIND_TEXT, 0},          /* text */
    {26, 1028, KIND_INTEGER, 8},       /* oid: unsigned */
    {114, 199, KIND_JSON, 0},          /* json */
    {700, 1021, KIND_FLOAT, 4},        /* float4 */
    {701, 1022, KIND_FLOAT, 8},        /* float8 */
    {705, 0, KIND_TEXT, 0},            /* unknown */
    {1042, 1014, KIND_TEXT, 0},        /* bpchar */
    {1043, 1015, KIND_TEXT, 0},        /* varchar */
    {1082, 1182, KIND_DATE, 0},        /* date */
    {1083, 1183, KIND_TIME, 0},        /* time */
    {1114, 1115, KIND_TIMESTAMP, 0},   /* timestamp */
    {1184, 1185, KIND_TIMESTAMPTZ, 0}, /* timestamptz */
    {1186, 1187, KIND_INTERVAL, 0},    /* interval */
    {1266, 1270, KIND_TIMETZ, 0},      /* timetz */
    {1700, 1231, KIND_DECIMAL, 0},     /* numeric */
    {2950, 2951, KIND_UUID, 0},        /* uuid */
    {3802, 3807, KIND_JSON, 0},        /* jsonb */
    {4000, 0, KIND_JSON, 0},           /* Redshift's super */
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Returns the type's index in kinds, or KINDS when the type is not listed. */
static size_t find(uint32_t oid)
{
	size_t i = 0;

	while (i < KINDS && kinds[i].oid != oid && kinds[i].array_oid != oid)
		i++;
	return oid == 0 ? KINDS : i;
}

bool kind_known(uint32_t type_oid)
{
	return find(type_oid) < KINDS;
}

bool kind_fill(struct column *column, uint32_t type_oid, int type_modifier)
{
	size_t i = find(type_oid);

	column->kind = KIND_OTHER;
	column->nullable = true;
	if (i == KINDS)
		return false;
	column->kind = kinds[i].kind;
	column->size = kinds[i].size;
	if (kinds[i].oid != type_oid) {
		column->kind = KIND_ARRAY;
		column->element = kinds[i].kind;
		column->delimiter = ',';
	}
	if ((column->kind == KIND_DECIMAL || column->element == KIND_DECIMAL) &&
	    type_modifier >= 4) {
		/* numeric.c packs ((precision << 16) | scale) + VARHDRSZ; the
		 * scale has 11 bits and a sign. */
		int packed = type_modifier - 4;

		column->precision = packed >> 16 & 0xFFFF;
		column->scale = ((packed & 0x7FF) ^ 1024) - 1024;
	}
	return true;
}
