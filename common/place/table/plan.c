/* SPDX-License-Identifier: MIT */
#include "place/table/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/table/csv.h"
#include "place/table/dialect.h"

/* ---- the plan ---- */

static char *quoted(const char *name)
{
	struct buf b;

	buf_init(&b, PLAN_NAMES_MAX);
	table_add_name(&b, name);
	return b.data;
}

/* Says why a column finds no place in the table, and what to do: `mend` where a query
 * makes the rows, `mend_files` where files have them. */
static int refuse_misfit(const struct table_plan *p, const char *name,
    const char *why, const char *mend, const char *mend_files, struct err *e)
{
	return err_set(e, ERR_PERMANENT, "the %s a column \"%s\", %s; %s",
	    p->files ? "files have" : "result has", name, why,
	    p->files ? mend_files : mend);
}

static int refuse_column(const char *name, const char *why, struct err *e)
{
	return err_set(
	    e, ERR_PERMANENT, "the result has a column \"%s\", %s", name, why);
}

/* Returns the type that a column gets which is made, or NULL. */
static char *made_type(
    const struct table_plan *p, const struct column *c, struct err *e)
{
	struct err why;
	struct buf b;

	buf_init(&b, PLAN_NAMES_MAX);
	if (p->dialect->make_type(c, &b, &why) == 0)
		return b.data;
	buf_free(&b);
	refuse_column(c->name, why.text, e);
	return NULL;
}

static int stage_type(const struct table_plan *p, const struct column *c,
    const struct table_column *to, struct table_field *f, struct err *e)
{
	struct err why;

	return p->dialect->stage_type == NULL ||
		       p->dialect->stage_type(c, to, f, &why) == 0
		   ? 0
		   : refuse_column(c->name, why.text, e);
}

static int add_field(struct table_plan *p, const struct table_look *look,
    const struct column *c, struct err *e)
{
	const struct table_column *to = look_column(look, c->name);
	struct table_field *f = &p->fields[p->count++];

	f->name = quoted(c->name);
	f->key = json_has_text(p->choice.key, c->name);
	if (to == NULL && !p->create && !p->choice.add)
		return refuse_misfit(p, c->name, "which the table lacks",
		    "leave it out of export_sql, or add \"drift\": \"add\" to "
		    "the options under \"table\"",
		    "add it to the table, or \"drift\": \"add\" to the options "
		    "under \"table\", or write an export_sql that leaves it "
		    "out",
		    e);
	if (to != NULL && to->generated)
		return refuse_misfit(p, c->name,
		    "which the table generates itself",
		    "leave it out of export_sql",
		    "write an export_sql that leaves it out", e);
	f->add = to == NULL;
	p->adds = p->adds || (f->add && !p->create);
	f->always = to != NULL && to->always;
	f->never_blank = table_csv_never_blank(c->kind);
	f->type = to == NULL  ? made_type(p, c, e)
		  : to->money ? mem_strdup(to->money)
		  : to->collation
		      ? mem_printf("%s collate %s", to->type, to->collation)
		      : mem_strdup(to->type);
	if (to != NULL && to->money != NULL)
		f->cast = mem_strdup(to->type);
	p->staged = p->staged || f->cast != NULL;
	if (f->type == NULL)
		return -1;
	return to ? stage_type(p, c, to, f, e) : 0;
}

static int add_fields(struct table_plan *p, const struct table_look *look,
    const struct schema *schema, struct err *e)
{
	p->fields = mem_zalloc((size_t)schema->count * sizeof(*p->fields));
	for (int i = 0; i < schema->count; i++) {
		const struct column *c = &schema->columns[i];

		if (schema_find(schema, c->name) != i)
			return refuse_column(c->name,
			    "twice; give one of them another name (as ...)", e);
		if (add_field(p, look, c, e) != 0)
			return -1;
	}
	p->staged = p->staged || p->adds;
	return 0;
}

/* Refuses key columns that the result lacks. */
static int check_key(
    const struct table_plan *p, const struct schema *schema, struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach(p->choice.key, i, one)
	{
		const char *name = json_string_value(one);

		if (schema_find(schema, name) < 0)
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"table\": \"key\" names the "
			    "column \"%s\", which the result lacks",
			    name);
	}
	return 0;
}

/* The end of a name in order_by that gives the direction; "": it has none. A
 * column of the whole name goes first. */
static const char *direction(const struct schema *schema, const char *name)
{
	static const char *const ends[] = {" desc", " asc"};
	size_t len = strlen(name);

	for (size_t i = 0; schema_find(schema, name) < 0 && i < 2; i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strcmp(name + len - n, ends[i]) == 0)
			return name + len - n;
	}
	return "";
}

/* Turns order_by into SQL. */
static int read_order(struct table_plan *p, const struct schema *schema,
    const json_t *names, struct err *e)
{
	const json_t *one;
	struct buf b;
	size_t i;

	buf_init(&b, PLAN_NAMES_MAX);
	json_array_foreach(names, i, one)
	{
		const char *text = json_string_value(one);
		const char *way = direction(schema, text);
		char *name = mem_strndup(text, strlen(text) - strlen(way));
		bool known = schema_find(schema, name) >= 0;

		buf_str(&b, ", ");
		table_add_name(&b, name);
		buf_printf(&b, "%s nulls last", way);
		if (!known)
			err_set(e, ERR_PERMANENT,
			    "output_options: \"table\": \"order_by\" names the "
			    "column \"%s\", which the result lacks",
			    name);
		free(name);
		if (!known) {
			buf_free(&b);
			return -1;
		}
	}
	p->order = b.data;
	return 0;
}

static int check_choice(struct table_plan *p, const struct table_look *look,
    struct table_link *l, const struct schema *schema, struct err *e)
{
	if (check_key(p, schema, e) != 0)
		return -1;
	if (p->choice.order_by != NULL &&
	    read_order(p, schema, p->choice.order_by, e) != 0)
		return -1;
	return p->choice.mode == TABLE_UPSERT && look->found &&
		       p->dialect->check_key != NULL
		   ? p->dialect->check_key(p, look, l, e)
		   : 0;
}

static int make_plan(struct table_plan *p, const struct table_look *look,
    struct table_link *l, const struct schema *schema, struct err *e)
{
	p->create = !look->found;
	p->only = !look->partitioned;
	p->staged =
	    p->staged || p->dialect->stages || p->choice.mode != TABLE_APPEND;
	if (!look->found && !p->choice.create)
		return err_set(e, ERR_PERMANENT,
		    "the target has no such table; make it, or add \"create\": "
		    "true to the options under \"table\"");
	return add_fields(p, look, schema, e) != 0
		   ? -1
		   : check_choice(p, look, l, schema, e);
}

/* The files tell the names of their columns alone. */
static int plan_files(struct table_plan *p, const struct table_look *look,
    struct table_link *l, const struct place_output *o, struct err *e)
{
	struct schema schema = {0};
	int rc = p->dialect->copy_csv == NULL
		     ? err_set(e, ERR_PERMANENT,
			   "a target of type %s takes no files as they are; "
			   "write export_sql over a source of type duckdb",
			   p->dialect->type->name)
		     : table_csv_types(l, o->csv, look, o->schema, &schema, e);

	if (rc == 0)
		rc = make_plan(p, look, l, &schema, e);
	schema_free(&schema);
	return rc;
}

int plan_open(struct table_plan *p, struct table_link *l,
    const struct place_output *o, struct err *e)
{
	struct table_look look;
	int rc;

	*p = (struct table_plan){.dialect = l->dialect,
	    .table = l->table,
	    .files = o->csv != NULL,
	    .staged = o->staged};
	p->name = quoted(l->at.table);
	table_choose(json_object_get(o->options, "table"), &p->choice);
	rc = look_open(&look, l, e);
	if (rc == 0)
		rc = p->files ? plan_files(p, &look, l, o, e)
			      : make_plan(p, &look, l, o->schema, e);
	look_free(&look);
	return rc;
}

void plan_free(struct table_plan *p)
{
	for (int i = 0; i < p->count; i++) {
		free(p->fields[i].name);
		free(p->fields[i].type);
		free(p->fields[i].cast);
	}
	free(p->fields);
	free(p->order);
	free(p->name);
	*p = (struct table_plan){0};
}
