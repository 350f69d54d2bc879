/* SPDX-License-Identifier: MIT */
#include "source/types.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/kind.h"
#include "sql/source.h"

/* A table has 1,600 columns, an OID ten digits. */
#define WANTED_MAX ((size_t)64 << 10)
/* More is forgotten: a script may make types without end. */
#define TYPES_MAX 4096
/* Domains over arrays of domains over arrays; PostgreSQL has no limit. */
#define DEPTH_MAX 16

struct type {
	uint32_t oid, inside;
	int modifier;
	char class, delimiter;
};

static const struct type *find(const struct types *t, uint32_t oid)
{
	for (int i = 0; i < t->count; i++) {
		if (t->list[i].oid == oid)
			return &t->list[i];
	}
	return NULL;
}

void types_free(struct types *t)
{
	free(t->list);
	*t = (struct types){0};
}

static int64_t number(const struct pg_rows *rows, int row, int column)
{
	int64_t n = 0;

	str_to_i64(pg_rows_get(rows, row, column), &n);
	return n;
}

static void add(struct types *t, const struct pg_rows *rows, int row)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 32;
		t->list =
		    mem_realloc(t->list, (size_t)t->room, sizeof(*t->list));
	}
	t->list[t->count++] = (struct type){
	    .oid = (uint32_t)number(rows, row, 0),
	    .class = *pg_rows_get(rows, row, 1),
	    .inside = (uint32_t)number(rows, row, 2),
	    .modifier = (int)number(rows, row, 3),
	    .delimiter = *pg_rows_get(rows, row, 4),
	};
}

static int learn(
    struct types *t, struct pg *pg, const char *wanted, struct err *e)
{
	const char *params[] = {wanted};
	struct pg_rows *rows = pg_query(pg, sql_types, 1, params, e);

	if (rows == NULL)
		return err_wrap(e, "the types of the columns");
	if (t->count + pg_rows_count(rows) > TYPES_MAX)
		types_free(t);
	for (int i = 0; i < pg_rows_count(rows); i++)
		add(t, rows, i);
	pg_rows_free(rows);
	return 0;
}

static void describe(const struct types *t, uint32_t oid, int modifier,
    int depth, struct column *c);

static void describe_array(const struct types *t, const struct type *array,
    int depth, struct column *c)
{
	struct column inside;

	describe(t, array->inside, -1, depth + 1, &inside);
	c->kind = KIND_ARRAY;
	c->element = inside.kind;
	c->size = inside.size;
	c->precision = inside.precision;
	c->scale = inside.scale;
	c->delimiter = array->delimiter;
	if (inside.kind == KIND_ARRAY) {
		c->of = mem_alloc(sizeof(inside));
		*c->of = inside;
	}
}

static void describe(const struct types *t, uint32_t oid, int modifier,
    int depth, struct column *c)
{
	const struct type *type = find(t, oid);

	*c = (struct column){.type_oid = oid};
	while (type != NULL && type->class == 'd' && depth++ < DEPTH_MAX) {
		c->type_oid = type->inside;
		modifier = type->modifier;
		type = find(t, c->type_oid);
	}
	if (kind_fill(c, modifier) || type == NULL)
		return;
	if (type->class == 'A' && depth < DEPTH_MAX)
		describe_array(t, type, depth, c);
	else if (type->class == 'S' || type->class == 'E')
		c->kind = KIND_TEXT;
	c->number = type->class == 'N';
}

int types_resolve(
    struct types *t, struct pg *pg, struct schema *schema, struct err *e)
{
	struct buf wanted;
	int rc = 0;

	buf_init(&wanted, WANTED_MAX);
	for (int i = 0; i < schema->count; i++) {
		uint32_t oid = schema->columns[i].type_oid;

		if (!kind_known(oid) && find(t, oid) == NULL)
			buf_printf(
			    &wanted, "%s%u", wanted.len ? "," : "{", oid);
	}
	if (wanted.len > 0) {
		buf_char(&wanted, '}');
		rc = learn(t, pg, wanted.data, e);
	}
	buf_free(&wanted);
	for (int i = 0; rc == 0 && i < schema->count; i++) {
		struct column *c = &schema->columns[i];
		char *name = c->name;

		if (kind_known(c->type_oid))
			continue;
		describe(t, c->type_oid, -1, 0, c);
		c->name = name;
	}
	return rc;
}
