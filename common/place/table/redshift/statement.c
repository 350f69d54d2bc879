/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "place/table/redshift/redshift.h"

/* The staged rows, beside the table that takes them. */
#define NEW "reportd_new"

/* Redshift adds one column a statement. */
void redshift_add(const struct table_plan *p, struct buf *sql)
{
	for (int i = 0; i < p->count; i++) {
		if (p->fields[i].add)
			buf_printf(sql, "alter table %s add column %s %s; ",
			    p->table, p->fields[i].name, p->fields[i].type);
	}
}

void redshift_remove(const struct table_plan *p, struct buf *sql)
{
	buf_printf(sql, "delete from %s", p->table);
}

/* Keeps the first of the rows that have the same key; the name of the number is one
 * that no result has. */
void redshift_choose(const struct table_plan *p, struct buf *sql)
{
	if (p->order == NULL)
		return;
	buf_str(sql, "create temporary table " REDSHIFT_CHOSEN " as select ");
	plan_list(p, sql);
	buf_str(sql, " from (select ");
	plan_list(p, sql);
	buf_str(sql, ", row_number() over (partition by ");
	plan_list_keys(p, "", sql);
	buf_printf(sql,
	    " order by %s) as \"reportd row number\" from " REDSHIFT_STAGE
	    ") r where \"reportd row number\" = 1",
	    p->order + strlen(", "));
}

/* Appends the value of a staged row. */
static void add_value(const struct table_field *f, struct buf *sql)
{
	if (f->cast != NULL)
		buf_printf(sql, "%s(" NEW ".%s)", f->cast, f->name);
	else
		buf_printf(sql, NEW ".%s", f->name);
}

/* Appends the condition that a staged row has the key of the table's row. */
static void join(const struct table_plan *p, const char *row, struct buf *sql)
{
	const char *before = "";

	for (int i = 0; i < p->count; i++) {
		const char *name = p->fields[i].name;

		if (!p->fields[i].key)
			continue;
		buf_printf(
		    sql, "%s%s.%s = " NEW ".%s", before, row, name, name);
		before = " and ";
	}
}

static const char *staged(const struct table_plan *p)
{
	return p->order != NULL ? REDSHIFT_CHOSEN : REDSHIFT_STAGE;
}

/* Appends the update of rows whose key is there; none when there is nothing
 * beside the key. */
static void add_update(const struct table_plan *p, struct buf *sql)
{
	const char *before = "";

	for (int i = 0; i < p->count; i++) {
		if (p->fields[i].key)
			continue;
		if (*before == '\0')
			buf_printf(sql, "update %s set ", p->table);
		buf_printf(sql, "%s%s = ", before, p->fields[i].name);
		add_value(&p->fields[i], sql);
		before = ", ";
	}
	if (*before == '\0')
		return;
	buf_printf(sql, " from %s " NEW " where ", staged(p));
	join(p, p->name, sql);
	buf_str(sql, "; ");
}

void redshift_insert(const struct table_plan *p, struct buf *sql)
{
	bool upsert = p->choice.mode == TABLE_UPSERT;

	if (upsert)
		add_update(p, sql);
	buf_printf(sql, "insert into %s (", p->table);
	plan_list(p, sql);
	buf_str(sql, ") select ");
	for (int i = 0; i < p->count; i++) {
		buf_str(sql, i ? ", " : "");
		add_value(&p->fields[i], sql);
	}
	buf_printf(sql, " from %s " NEW, staged(p));
	if (!upsert)
		return;
	buf_str(sql, " where not exists (select 1 from ");
	buf_printf(sql, "%s where ", p->table);
	join(p, p->name, sql);
	buf_char(sql, ')');
}

void redshift_find_null(const struct table_plan *p, struct buf *sql)
{
	const char *before = " where ";

	buf_str(sql, "select ");
	plan_list_keys(p, "", sql);
	buf_str(sql, ", 0 from " REDSHIFT_STAGE);
	for (int i = 0; i < p->count; i++) {
		if (!p->fields[i].key)
			continue;
		buf_printf(sql, "%s%s is null", before, p->fields[i].name);
		before = " or ";
	}
	buf_str(sql, " limit 1");
}

static void count_each(const struct table_plan *p, struct buf *sql)
{
	buf_str(sql, "select ");
	plan_list_keys(p, "", sql);
	buf_str(sql, ", count(*) as n from " REDSHIFT_STAGE " group by ");
	plan_list_keys(p, "", sql);
}

void redshift_find_twice(const struct table_plan *p, struct buf *sql)
{
	count_each(p, sql);
	buf_str(sql, " having count(*) > 1 limit 1");
}

void redshift_count_keys(const struct table_plan *p, struct buf *sql)
{
	buf_str(sql, "select count(*) from (");
	count_each(p, sql);
	buf_str(sql, ") k");
}
