/* SPDX-License-Identifier: MIT */
#include "place/table/plan.h"

/* The statements of a plan. */

#define STAGE "pg_temp.reportd_stage"

void plan_list(const struct table_plan *p, struct buf *sql)
{
	for (int i = 0; i < p->count; i++)
		buf_printf(sql, "%s%s", i ? ", " : "", p->fields[i].name);
}

void plan_list_keys(
    const struct table_plan *p, const char *after, struct buf *sql)
{
	const char *before = "";

	for (int i = 0; i < p->count; i++) {
		if (!p->fields[i].key)
			continue;
		buf_printf(sql, "%s%s%s", before, p->fields[i].name, after);
		before = ", ";
	}
}

char *plan_key_names(const struct table_plan *p)
{
	struct buf names;

	buf_init(&names, PLAN_NAMES_MAX);
	plan_list_keys(p, "", &names);
	return names.data;
}

static void list_types(const struct table_plan *p, struct buf *sql)
{
	for (int i = 0; i < p->count; i++)
		buf_printf(sql, "%s%s %s", i ? ", " : "", p->fields[i].name,
		    p->fields[i].type);
}

void plan_create(const struct table_plan *p, struct buf *sql)
{
	buf_printf(sql, "create table if not exists %s (", p->table);
	list_types(p, sql);
	if (p->choice.key != NULL) {
		buf_str(sql, ", primary key (");
		plan_list_keys(p, "", sql);
		buf_char(sql, ')');
	}
	buf_char(sql, ')');
}

void plan_add(const struct table_plan *p, struct buf *sql)
{
	const char *before = "";

	buf_printf(sql, "alter table %s ", p->table);
	for (int i = 0; i < p->count; i++) {
		if (!p->fields[i].add)
			continue;
		buf_printf(sql, "%sadd column if not exists %s %s", before,
		    p->fields[i].name, p->fields[i].type);
		before = ", ";
	}
}

void plan_stage(const struct table_plan *p, struct buf *sql)
{
	buf_str(sql, "create temporary table reportd_stage (");
	list_types(p, sql);
	buf_char(sql, ')');
}

void plan_copy(const struct table_plan *p, struct buf *sql)
{
	buf_printf(sql, "copy %s (", p->staged ? STAGE : p->table);
	plan_list(p, sql);
	buf_str(sql, ") from stdin with (format text, encoding 'UTF8')");
}

/* Appends the names that the table's fields have in SQL, of all columns or only
 * of those that are never blank. */
static bool list_columns(const struct table_plan *p,
    const struct schema *columns, bool never_blank, const char *before,
    struct buf *sql)
{
	bool any = false;

	for (int i = 0; i < p->count; i++) {
		if (never_blank && !p->fields[i].never_blank)
			continue;
		buf_str(sql, any ? ", " : before);
		if (never_blank)
			buf_str(sql, p->fields[i].name);
		else
			table_add_name(sql, columns->columns[i].name);
		any = true;
	}
	return any;
}

void plan_copy_csv(const struct table_plan *p, const struct schema *columns,
    const struct place_csv *csv, struct buf *sql)
{
	buf_printf(sql, "copy %s ", p->staged ? STAGE : p->table);
	list_columns(p, columns, false, "(", sql);
	buf_printf(sql,
	    ") from stdin with (format csv, header %s, encoding 'UTF8', "
	    "delimiter '%s%c'",
	    csv->header ? "true" : "false", csv->delimiter == '\'' ? "'" : "",
	    csv->delimiter);
	if (list_columns(p, columns, true, ", force_null (", sql))
		buf_char(sql, ')');
	buf_char(sql, ')');
}

/* Partitions are locked by what writes them, but for a replacement. */
void plan_lock(const struct table_plan *p, struct buf *sql)
{
	bool replaces = p->choice.mode == TABLE_REPLACE;

	buf_printf(sql, "lock table %s%s in %s mode",
	    p->only || !replaces ? "only " : "", p->table,
	    p->adds    ? "access exclusive"
	    : replaces ? "share row exclusive"
		       : "row exclusive");
}

void plan_delete(const struct table_plan *p, struct buf *sql)
{
	buf_printf(sql, "delete from %s%s", p->only ? "only " : "", p->table);
}

/* Appends the values of a staged row, as the table's types. */
static void list_values(const struct table_plan *p, struct buf *sql)
{
	for (int i = 0; i < p->count; i++) {
		const struct table_field *f = &p->fields[i];

		if (f->cast != NULL)
			buf_printf(sql, "%scast(%s as %s)", i ? ", " : "",
			    f->name, f->cast);
		else
			buf_printf(sql, "%s%s", i ? ", " : "", f->name);
	}
}

/* Appends what happens to a row whose key is there. Its key stays, and so does an
 * identity that the table makes. */
static void add_conflict(const struct table_plan *p, struct buf *sql)
{
	const char *before = ") do update set ";

	buf_str(sql, " on conflict (");
	plan_list_keys(p, "", sql);
	for (int i = 0; i < p->count; i++) {
		const struct table_field *f = &p->fields[i];

		if (f->key || f->always)
			continue;
		buf_printf(sql, "%s%s = excluded.%s", before, f->name, f->name);
		before = ", ";
	}
	if (*before == ')')
		buf_str(sql, ") do nothing");
}

/* Rows with the same key come in the order that says which of them wins; and
 * keys in their order, so that two loads do not lock each other's rows. */
void plan_insert(const struct table_plan *p, struct buf *sql)
{
	bool upsert = p->choice.mode == TABLE_UPSERT;

	buf_printf(sql, "insert into %s (", p->table);
	plan_list(p, sql);
	buf_str(sql, ") overriding system value select ");
	if (p->order != NULL) {
		buf_str(sql, "distinct on (");
		plan_list_keys(p, "", sql);
		buf_str(sql, ") ");
	}
	list_values(p, sql);
	buf_str(sql, " from " STAGE);
	if (!upsert)
		return;
	buf_str(sql, " order by ");
	plan_list_keys(p, "", sql);
	if (p->order != NULL)
		buf_str(sql, p->order);
	add_conflict(p, sql);
}

static void select_key(const struct table_plan *p, struct buf *sql)
{
	buf_str(sql, "select pg_catalog.concat_ws(', ', ");
	plan_list_keys(p, "::pg_catalog.text", sql);
	buf_char(sql, ')');
}

void plan_find_null(const struct table_plan *p, struct buf *sql)
{
	select_key(p, sql);
	buf_str(sql, ", 0 from " STAGE " where not ((");
	plan_list_keys(p, "", sql);
	buf_str(sql, ") is not null) limit 1");
}

static void count_each(const struct table_plan *p, struct buf *sql)
{
	select_key(p, sql);
	buf_str(sql, ", count(*) from " STAGE " group by ");
	plan_list_keys(p, "", sql);
}

void plan_find_twice(const struct table_plan *p, struct buf *sql)
{
	count_each(p, sql);
	buf_str(sql, " having count(*) > 1 limit 1");
}

void plan_count_keys(const struct table_plan *p, struct buf *sql)
{
	buf_str(sql, "select count(*) from (");
	count_each(p, sql);
	buf_str(sql, ") k");
}
