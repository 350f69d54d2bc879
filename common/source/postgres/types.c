/* SPDX-License-Identifier: MIT */
#include "source/postgres/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/horizon.h"
#include "source/postgres/kind.h"
#include "source/postgres/written.h"
#include "sql/source.h"

/* Bytes for a list of OIDs: a table has 1,600 columns, an OID ten digits. */
#define WANTED_MAX ((size_t)64 << 10)
/* The number of types to remember; a script may create types without end. */
#define TYPES_MAX 4096
#define MONEY_OID 790
/* Levels of domains over arrays of domains; PostgreSQL sets no limit. */
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

/* Says whether the answer has the expected shape. */
static bool is_whole(const struct pg_rows *rows, int columns)
{
	bool whole = pg_rows_columns(rows) == columns;

	for (int row = 0; whole && row < pg_rows_count(rows); row++) {
		for (int i = 0; i < columns; i++)
			whole &= pg_rows_get(rows, row, i) != NULL;
	}
	return whole;
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
	struct pg_rows *rows = postgres_ask(pg, sql_types, 1, params, e);

	if (rows == NULL)
		return err_wrap(e, "the types of the columns");
	if (t->count + pg_rows_count(rows) > TYPES_MAX)
		types_free(t);
	if (is_whole(rows, 5)) {
		for (int i = 0; i < pg_rows_count(rows); i++)
			add(t, rows, i);
	}
	pg_rows_free(rows);
	return 0;
}

static uint32_t describe(const struct types *t, uint32_t oid, int modifier,
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

/* Describes the column and returns the base type of its domains. */
static uint32_t describe(const struct types *t, uint32_t oid, int modifier,
    int depth, struct column *c)
{
	const struct type *type = find(t, oid);

	*c = (struct column){.name = NULL};
	while (type != NULL && type->class == 'd' && depth++ < DEPTH_MAX) {
		oid = type->inside;
		modifier = type->modifier;
		type = find(t, oid);
	}
	if (kind_fill(c, oid, modifier) || type == NULL)
		return oid;
	if (type->class == 'A' && depth < DEPTH_MAX)
		describe_array(t, type, depth, c);
	else if (type->class == 'S' || type->class == 'E')
		c->kind = KIND_TEXT;
	c->number = type->class == 'N';
	return oid;
}

static int count_digits(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += *s >= '0' && *s <= '9';
	return n;
}

/* Returns false when the answer cannot be read; money amounts are then text. */
static bool read_money(struct money *m, const struct pg_rows *rows)
{
	const char *positive = pg_rows_get(rows, 0, 1);
	const char *negative = pg_rows_get(rows, 0, 2);

	m->scale = (int)number(rows, 0, 0);
	str_copy(m->positive, sizeof(m->positive), positive);
	str_copy(m->negative, sizeof(m->negative), negative);
	return m->scale >= 0 && m->scale < MONEY_DIGITS &&
	       strcmp(m->positive, m->negative) != 0 &&
	       count_digits(m->positive) == MONEY_DIGITS &&
	       count_digits(m->negative) == MONEY_DIGITS &&
	       strcmp(m->positive, positive) == 0 &&
	       strcmp(m->negative, negative) == 0;
}

/* Asks again for each result, because a script may have set lc_monetary. */
static int learn_money(
    struct pg *pg, struct money *m, bool *known, struct err *e)
{
	struct pg_rows *rows = postgres_ask(pg, sql_money, 0, NULL, e);

	if (rows == NULL)
		return err_wrap(e, "how money is shown");
	*known = is_whole(rows, 3) && pg_rows_count(rows) == 1 &&
		 read_money(m, rows);
	pg_rows_free(rows);
	return 0;
}

static bool is_money(const struct column *c, uint32_t oid)
{
	return oid == MONEY_OID && c->kind == KIND_OTHER;
}

static int resolve_money(struct types *t, struct pg *pg, const uint32_t *oids,
    struct schema *schema, struct err *e)
{
	bool asked = false;

	t->has_money = false;
	for (int i = 0; i < schema->count; i++) {
		struct column *c = &schema->columns[i];

		if (!is_money(c, oids[i]))
			continue;
		if (!asked && learn_money(pg, &t->money, &t->has_money, e) != 0)
			return -1;
		asked = true;
		if (!t->has_money)
			continue;
		c->kind = KIND_MONEY;
		c->money = mem_alloc(sizeof(t->money));
		*c->money = t->money;
	}
	return 0;
}

int types_check_money(const struct types *t, struct pg *pg, struct err *e)
{
	struct money now;
	bool known;

	if (!t->has_money)
		return 0;
	if (learn_money(pg, &now, &known, e) != 0)
		return -1;
	return known && now.scale == t->money.scale &&
		       strcmp(now.positive, t->money.positive) == 0 &&
		       strcmp(now.negative, t->money.negative) == 0
		   ? 0
		   : written_refuse("lc_monetary", "lc_monetary", e);
}

int types_resolve(struct types *t, struct pg *pg, uint32_t *oids,
    struct schema *schema, struct err *e)
{
	struct buf wanted;
	int rc = 0;

	buf_init(&wanted, WANTED_MAX);
	for (int i = 0; i < schema->count; i++) {
		if (!kind_known(oids[i]) && find(t, oids[i]) == NULL)
			buf_printf(
			    &wanted, "%s%u", wanted.len ? "," : "{", oids[i]);
	}
	if (wanted.len > 0) {
		buf_char(&wanted, '}');
		rc = learn(t, pg, wanted.data, e);
	}
	buf_free(&wanted);
	for (int i = 0; rc == 0 && i < schema->count; i++) {
		struct column *c = &schema->columns[i];
		char *name = c->name;

		if (kind_known(oids[i]))
			continue;
		oids[i] = describe(t, oids[i], -1, 0, c);
		c->name = name;
	}
	return rc != 0 ? rc : resolve_money(t, pg, oids, schema, e);
}
