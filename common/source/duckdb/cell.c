/* SPDX-License-Identifier: MIT */
#include "source/duckdb/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SCRATCH_MAX ((size_t)1 << 30)

int cell_tools_open(struct cell_tools *t, const char *time_zone, struct err *e)
{
	*t = (struct cell_tools){.zone = zone_open(time_zone, e)};
	if (t->zone == NULL)
		return -1;
	t->powers = powers_open();
	buf_init(&t->scratch, SCRATCH_MAX);
	return 0;
}

void cell_tools_close(struct cell_tools *t)
{
	zone_close(t->zone);
	powers_close(t->powers);
	buf_free(&t->scratch);
}

/* ---- types ---- */

/* How each type is told to encoders. KIND_JSON: made of others. */
static const struct {
	enum duck_type type;
	enum column_kind kind;
	int size; /* INTEGER, FLOAT */
	/* DECIMAL: digits of its greatest value. Sums of integers are of type
	 * HUGEINT; they get the 38 digits that formats have at most, though 39
	 * are possible. */
	int precision;
} kinds[] = {
    {DUCK_BOOLEAN, KIND_BOOLEAN, 0, 0},
    {DUCK_TINYINT, KIND_INTEGER, 2, 0},
    {DUCK_SMALLINT, KIND_INTEGER, 2, 0},
    {DUCK_INTEGER, KIND_INTEGER, 4, 0},
    {DUCK_BIGINT, KIND_INTEGER, 8, 0},
    {DUCK_UTINYINT, KIND_INTEGER, 2, 0},
    {DUCK_USMALLINT, KIND_INTEGER, 4, 0},
    {DUCK_UINTEGER, KIND_INTEGER, 8, 0},
    {DUCK_UBIGINT, KIND_DECIMAL, 0, 20},
    {DUCK_HUGEINT, KIND_DECIMAL, 0, 38},
    {DUCK_UHUGEINT, KIND_DECIMAL, 0, 38},
    {DUCK_DECIMAL, KIND_DECIMAL, 0, 0},
    {DUCK_FLOAT, KIND_FLOAT, 4, 0},
    {DUCK_DOUBLE, KIND_FLOAT, 8, 0},
    {DUCK_DATE, KIND_DATE, 0, 0},
    {DUCK_TIME, KIND_TIME, 0, 0},
    {DUCK_TIME_NS, KIND_TIME, 0, 0},
    {DUCK_TIME_TZ, KIND_TIMETZ, 0, 0},
    {DUCK_TIMESTAMP, KIND_TIMESTAMP, 0, 0},
    {DUCK_TIMESTAMP_S, KIND_TIMESTAMP, 0, 0},
    {DUCK_TIMESTAMP_MS, KIND_TIMESTAMP, 0, 0},
    {DUCK_TIMESTAMP_NS, KIND_TIMESTAMP, 0, 0},
    {DUCK_TIMESTAMP_TZ, KIND_TIMESTAMPTZ, 0, 0},
    {DUCK_INTERVAL, KIND_INTERVAL, 0, 0},
    {DUCK_VARCHAR, KIND_TEXT, 0, 0},
    {DUCK_ENUM, KIND_TEXT, 0, 0},
    {DUCK_SQLNULL, KIND_TEXT, 0, 0},
    {DUCK_BLOB, KIND_BYTES, 0, 0},
    {DUCK_UUID, KIND_UUID, 0, 0},
    {DUCK_BIT, KIND_OTHER, 0, 0},
    {DUCK_LIST, KIND_JSON, 0, 0},
    {DUCK_ARRAY, KIND_JSON, 0, 0},
    {DUCK_MAP, KIND_JSON, 0, 0},
    {DUCK_STRUCT, KIND_JSON, 0, 0},
    {DUCK_UNION, KIND_JSON, 0, 0},
    {DUCK_VARIANT, KIND_JSON, 0, 0},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static size_t index_of(enum duck_type type)
{
	size_t i = 0;

	while (i < KINDS && kinds[i].type != type)
		i++;
	return i;
}

bool cell_nests(const struct cell *c)
{
	size_t i = index_of(c->type);

	return i < KINDS && kinds[i].kind == KIND_JSON;
}

void cell_describe(const struct cell *c, struct column *column)
{
	size_t i = index_of(c->type);

	column->kind = i == KINDS ? KIND_OTHER
		       : c->json  ? KIND_JSON
				  : kinds[i].kind;
	column->nullable = true;
	if (i == KINDS)
		return;
	column->size = kinds[i].size;
	column->precision =
	    c->type == DUCK_DECIMAL ? c->precision : kinds[i].precision;
	column->scale = c->scale;
}

/* ---- cells ---- */

/* Takes the part's type and name over. */
static bool open_part(
    struct cell *part, const struct library *l, duck type, char *name)
{
	bool known = cell_open(part, l, type);

	l->destroy_logical_type(&type);
	part->name = mem_strdup(name);
	l->free(name);
	return known;
}

static struct cell *make_parts(struct cell *c, uint64_t count)
{
	c->count = (int)count;
	c->parts = mem_zalloc((size_t)(count + 1) * sizeof(*c->parts));
	return c->parts;
}

static bool open_struct(struct cell *c, const struct library *l, duck type)
{
	struct cell *parts = make_parts(c, l->struct_type_child_count(type));
	bool known = true;

	for (int i = 0; i < c->count; i++)
		known = open_part(&parts[i], l,
			    l->struct_type_child_type(type, (uint64_t)i),
			    l->struct_type_child_name(type, (uint64_t)i)) &&
			known;
	return known;
}

static bool open_union(struct cell *c, const struct library *l, duck type)
{
	struct cell *parts =
	    make_parts(c, l->union_type_member_count(type) + 1);
	bool known = true;

	parts[0].type = DUCK_UTINYINT;
	for (int i = 1; i < c->count; i++)
		known = open_part(&parts[i], l,
			    l->union_type_member_type(type, (uint64_t)i - 1),
			    l->union_type_member_name(type, (uint64_t)i - 1)) &&
			known;
	return known;
}

static bool open_map(struct cell *c, const struct library *l, duck type)
{
	struct cell *parts = make_parts(c, 2);
	bool key = open_part(&parts[0], l, l->map_type_key_type(type), NULL);

	return open_part(&parts[1], l, l->map_type_value_type(type), NULL) &&
	       key;
}

static void read_words(struct cell *c, const struct library *l, duck type)
{
	c->stored = (enum duck_type)l->enum_internal_type(type);
	c->word_count = l->enum_dictionary_size(type);
	c->words = mem_zalloc((size_t)(c->word_count + 1) * sizeof(char *));
	for (uint64_t i = 0; i < c->word_count; i++) {
		char *word = l->enum_dictionary_value(type, i);

		c->words[i] = mem_strdup(word);
		l->free(word);
	}
}

static bool is_json(const struct library *l, duck type)
{
	char *alias = l->logical_type_get_alias(type);
	bool yes = alias != NULL && strcmp(alias, "JSON") == 0;

	l->free(alias);
	return yes;
}

/* Fills in what belongs to the type. Returns false for an unknown one. */
static bool open_type(struct cell *c, const struct library *l, duck type)
{
	switch (c->type) {
	case DUCK_VARCHAR:
		c->json = is_json(l, type);
		return true;
	case DUCK_DECIMAL:
		c->stored = (enum duck_type)l->decimal_internal_type(type);
		c->precision = l->decimal_width(type);
		c->scale = l->decimal_scale(type);
		return true;
	case DUCK_ENUM:
		read_words(c, l, type);
		return true;
	case DUCK_LIST:
		return open_part(
		    make_parts(c, 1), l, l->list_type_child_type(type), NULL);
	case DUCK_ARRAY:
		c->width = l->array_type_array_size(type);
		return open_part(
		    make_parts(c, 1), l, l->array_type_child_type(type), NULL);
	case DUCK_MAP:
		return open_map(c, l, type);
	case DUCK_STRUCT:
		return open_struct(c, l, type);
	case DUCK_UNION:
		return open_union(c, l, type);
	case DUCK_VARIANT: /* only DuckDB itself can take one apart */
		return false;
	default:
		return index_of(c->type) < KINDS;
	}
}

bool cell_open(struct cell *c, const struct library *l, duck type)
{
	*c = (struct cell){.type = (enum duck_type)l->get_type_id(type)};
	c->known = open_type(c, l, type);
	return c->known;
}

void cell_close(struct cell *c)
{
	for (int i = 0; i < c->count; i++)
		cell_close(&c->parts[i]);
	for (uint64_t i = 0; i < c->word_count; i++)
		free(c->words[i]);
	free(c->parts);
	free(c->words);
	free(c->name);
	*c = (struct cell){0};
}

void cell_load(struct cell *c, const struct library *l, duck vector)
{
	duck child;

	c->data = l->vector_get_data(vector);
	c->valid = l->vector_get_validity(vector);
	switch (c->type) {
	case DUCK_LIST:
		cell_load(&c->parts[0], l, l->list_vector_get_child(vector));
		break;
	case DUCK_ARRAY:
		cell_load(&c->parts[0], l, l->array_vector_get_child(vector));
		break;
	case DUCK_MAP: /* stored as a list of structs */
		child = l->list_vector_get_child(vector);
		for (int i = 0; i < 2; i++)
			cell_load(&c->parts[i], l,
			    l->struct_vector_get_child(child, (uint64_t)i));
		break;
	case DUCK_STRUCT:
	case DUCK_UNION:
		for (int i = 0; i < c->count; i++)
			cell_load(&c->parts[i], l,
			    l->struct_vector_get_child(vector, (uint64_t)i));
		break;
	default:
		break;
	}
}
