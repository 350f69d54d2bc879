/* SPDX-License-Identifier: MIT */
#include "source/kind.h"

#include <stddef.h>

/* Built-in type OIDs are fixed: src/include/catalog/pg_type.dat. */
static const struct {
	uint32_t oid;
	enum column_kind kind;
} kinds[] = {
    {16, KIND_BOOLEAN},
    {17, KIND_BYTES},
    {20, KIND_INTEGER},
    {21, KIND_INTEGER},
    {23, KIND_INTEGER},
    {26, KIND_INTEGER}, /* oid */
    {18, KIND_TEXT},    /* "char" */
    {19, KIND_TEXT},    /* name */
    {25, KIND_TEXT},
    {114, KIND_JSON},
    {700, KIND_FLOAT},
    {701, KIND_FLOAT},
    {1042, KIND_TEXT}, /* bpchar */
    {1043, KIND_TEXT}, /* varchar */
    {1082, KIND_DATE},
    {1083, KIND_TIME},
    {1114, KIND_TIMESTAMP},
    {1184, KIND_TIMESTAMPTZ},
    {1186, KIND_INTERVAL},
    {1266, KIND_TIMETZ},
    {1700, KIND_DECIMAL},
    {2950, KIND_UUID},
    {3802, KIND_JSON}, /* jsonb */
    {705, KIND_TEXT},  /* unknown */
    /* Arrays of the above. */
    {1000, KIND_ARRAY},
    {1001, KIND_ARRAY},
    {1002, KIND_ARRAY},
    {1003, KIND_ARRAY},
    {1005, KIND_ARRAY},
    {1007, KIND_ARRAY},
    {1009, KIND_ARRAY},
    {1014, KIND_ARRAY},
    {1015, KIND_ARRAY},
    {1016, KIND_ARRAY},
    {1021, KIND_ARRAY},
    {1022, KIND_ARRAY},
    {1028, KIND_ARRAY},
    {1115, KIND_ARRAY},
    {1182, KIND_ARRAY},
    {1183, KIND_ARRAY},
    {1185, KIND_ARRAY},
    {1187, KIND_ARRAY},
    {1231, KIND_ARRAY},
    {1270, KIND_ARRAY},
    {199, KIND_ARRAY},
    {2951, KIND_ARRAY},
    {3807, KIND_ARRAY},
};

void kind_fill(struct column *column, int type_modifier)
{
	column->kind = KIND_OTHER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].oid == column->type_oid)
			column->kind = kinds[i].kind;
	}
	if (column->kind == KIND_DECIMAL && type_modifier >= 4) {
		/* numeric.c: ((precision << 16) | scale) + VARHDRSZ, the scale
		 * in 11 bits with a sign. */
		int packed = type_modifier - 4;

		column->precision = packed >> 16 & 0xFFFF;
		column->scale = ((packed & 0x7FF) ^ 1024) - 1024;
	}
}
