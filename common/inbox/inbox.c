/* SPDX-License-Identifier: MIT */
#include "inbox/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Columns of a page's query before those of report_config. */
enum { ID, STATUS, SAME, FIELDS };
#define ID_MAX 1000

/* A text that grows part by part; the first failure stays. */
struct text {
	const struct inbox *inbox;
	struct buf out;
	struct err *e;
	int rc;
};

static struct text begin(const struct inbox *inbox, struct err *e)
{
	struct text t = {.inbox = inbox, .e = e};

	buf_init(&t.out, SOURCE_SQL_MAX);
	return t;
}

static void add(struct text *t, const char *part)
{
	buf_str(&t->out, part);
}

static void add_quoted(struct text *t, const char *value, bool identifier)
{
	char *quoted =
	    t->rc == 0 ? source_quote(t->inbox->source, value, identifier, t->e)
		       : NULL;

	if (quoted != NULL)
		buf_str(&t->out, quoted);
	else
		t->rc = -1;
	free(quoted);
}

/* A null is a literal without a type in both places of a MERGE. */
static void add_value(struct text *t, const char *value)
{
	if (value == NULL)
		add(t, "cast(null as varchar)");
	else
		add_quoted(t, value, false);
}

static void add_table(struct text *t)
{
	char *copy = mem_strdup(t->inbox->table), *rest = copy;
	bool first = true;

	for (char *one; (one = strsep(&rest, ".")) != NULL; first = false) {
		add(t, first ? "" : ".");
		add_quoted(t, one, true);
	}
	free(copy);
}

/* The column as a text. */
static void add_column(struct text *t, const char *prefix, const char *name)
{
	add(t, "cast(");
	add(t, prefix);
	add_quoted(t, name, true);
	add(t, " as varchar)");
}

static int end(struct text *t)
{
	if (t->rc == 0 && t->out.overflow)
		t->rc = err_set(t->e, ERR_PERMANENT,
		    "a statement for the inbox is longer than %zu bytes",
		    t->out.max);
	return t->rc;
}

/* ---- reading ---- */

static void add_condition(struct text *t, const struct inbox_page *page)
{
	const struct inbox_columns *c = t->inbox->columns;

	add(t, " where (upper(");
	add_column(t, "", c->status);
	add(t, ") = 'CANCELLED' and ");
	add_quoted(t, c->message, true);
	add(t, " is null");
	if (page->pending) {
		add(t, " or ");
		add_quoted(t, c->status, true);
		add(t, " is null or upper(");
		add_column(t, "", c->status);
		add(t, ") = 'PENDING'");
	}
	add(t, ")");
}

/* The rows of a page, `most` of them; those without an ID come last. An ID that is too long
 * is cut where that shows: it is passed by, and may have megabytes. */
static void write_page(
    struct text *t, const struct inbox_page *page, int most, bool whole)
{
	const struct inbox_columns *c = t->inbox->columns;
	char part[80];

	add(t, "select * from (select nullif(left(");
	add_column(t, "", c->id);
	snprintf(part, sizeof(part), ", %d), '') as id, upper(", ID_MAX + 1);
	add(t, part);
	add_column(t, "", c->status);
	add(t, ") as state, cast(count(*) over (partition by ");
	add_quoted(t, c->id, true);
	add(t, ") as varchar) as same");
	for (int i = 0; whole && i < c->count; i++) {
		if (!inbox_is_field(c, &c->list[i]))
			continue;
		add(t, ", ");
		add_column(t, "", c->list[i].theirs);
		snprintf(part, sizeof(part), " as c%d", i);
		add(t, part);
	}
	add(t, " from ");
	add_table(t);
	add_condition(t, page);
	add(t, ") p where id > ");
	add_quoted(t, page->after, false);
	snprintf(part, sizeof(part),
	    " or id is null order by id nulls last limit %d",
	    most > 1 ? most + 1 : 1);
	add(t, part);
}

/* A result of the source, and one row of it at a time. */
struct rows {
	struct schema schema;
	const struct value *row;
	struct batch batch;
	int at;
};

/* Returns 1 with the next row, 0 at the end, -1 on error. */
static int next_row(const struct inbox *inbox, struct rows *r, struct err *e)
{
	while (r->at >= r->batch.rows) {
		int rc = source_next(inbox->source, &r->batch, e);

		if (rc != 1)
			return rc;
		r->at = 0;
	}
	r->row = r->batch.values + (size_t)r->at++ * (size_t)r->schema.count;
	return 1;
}

static json_t *text_of(const struct value *v)
{
	return v->len >= 0 ? json_stringn(v->data, (size_t)v->len) : NULL;
}

static size_t size_of(const struct rows *r)
{
	size_t size = 0;

	for (int i = 0; i < r->schema.count; i++)
		size += r->row[i].len > 0 ? (size_t)r->row[i].len : 0;
	return size;
}

/* The columns of report_config that the row sets; a null leaves the default. */
static json_t *fields_of(const struct inbox *inbox, const struct rows *r)
{
	const struct inbox_columns *c = inbox->columns;
	json_t *fields = json_object();
	int at = FIELDS;

	for (int i = 0; i < c->count && at < r->schema.count; i++) {
		json_t *text;

		if (!inbox_is_field(c, &c->list[i]))
			continue;
		text = text_of(&r->row[at++]);
		if (text != NULL)
			json_object_set_new(fields, c->list[i].ours, text);
	}
	return fields;
}

static void meet(const struct inbox *inbox, const struct rows *r,
    struct inbox_page *page, const char *fault)
{
	const struct value *id = &r->row[ID];
	json_t *one;

	if (id->len > 0) {
		free(page->last);
		page->last = mem_strndup(id->data, (size_t)id->len);
	}
	if (id->len <= 0 || id->len > ID_MAX) {
		page->nameless++;
		return;
	}
	one = json_pack("{so so* so* ss*}", "id", text_of(id), "status",
	    text_of(&r->row[STATUS]), "same", text_of(&r->row[SAME]), "fault",
	    size_of(r) > INBOX_ROW_MAX
		? "the row has more than 1.25 MiB: write less SQL"
		: fault);
	if (json_object_get(one, "fault") == NULL)
		json_object_set_new(one, "row", fields_of(inbox, r));
	json_array_append_new(page->rows, one);
}

/* Reads what `sql` gives, up to `most` rows. Returns 1 when a row could not be read,
 * though the statement ran. */
static int read_rows(const struct inbox *inbox, const char *sql, int most,
    struct inbox_page *page, const char *fault, struct err *e)
{
	struct rows r = {.at = 0};
	size_t bytes = 0;
	int rc = source_query(inbox->source, sql, &r.schema, e) == 0 ? 1 : -1;
	bool began = rc == 1;
	int met = 0;

	while (rc == 1 && (rc = next_row(inbox, &r, e)) == 1) {
		/* A full page takes no further row. The result is read to
		 * its end, and the next page begins with what is left. */
		page->more =
		    page->more || met == most ||
		    (met > 0 && bytes + size_of(&r) > INBOX_PAGE_BYTES);
		if (page->more)
			continue;
		bytes += size_of(&r);
		meet(inbox, &r, page, fault);
		met++;
	}
	/* One row is read alone, as the next may be what cannot be read. */
	page->more = page->more || (most == 1 && met == 1);
	/* Rows without an ID come last, and cannot be passed by. */
	page->more = page->more && page->last != NULL;
	if (began)
		source_query_end(inbox->source);
	schema_free(&r.schema);
	return rc >= 0 ? 0 : began && e->kind == ERR_PERMANENT ? 1 : -1;
}

static int read_page(const struct inbox *inbox, struct inbox_page *page,
    int most, const char *fault, struct err *e)
{
	struct text t = begin(inbox, e);
	int rc;

	json_array_clear(page->rows);
	free(page->last);
	page->last = NULL;
	page->nameless = 0;
	page->more = false;
	write_page(&t, page, most, fault == NULL);
	rc = end(&t);
	if (rc == 0)
		rc = read_rows(inbox, t.out.data, most, page, fault, e);
	buf_free(&t.out);
	return rc;
}

/* A value that no text can hold makes its page unreadable. Its row is then looked for one
 * by one, and refused, so that it does not stop those after it. */
int inbox_read(
    const struct inbox *inbox, struct inbox_page *page, struct err *e)
{
	char *fault;
	int rc;

	page->rows = json_array();
	page->last = NULL;
	rc = read_page(inbox, page, INBOX_PAGE_ROWS, NULL, e);
	if (rc == 1)
		rc = read_page(inbox, page, 1, NULL, e);
	if (rc == 1) {
		fault = mem_strdup(e->text);
		rc = read_page(inbox, page, 1, fault, e);
		free(fault);
	}
	return rc == 0 ? 0 : -1;
}

/* ---- writing back ---- */

static void write_values(struct text *t, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		add(t, i > 0 ? ", (" : "(values (");
		add_value(t, json_str(row, "id", NULL));
		add(t, ", ");
		add_value(t, json_str(row, "status", NULL));
		add(t, ", ");
		add_value(t, json_str(row, "message", NULL));
		add(t, ", ");
		add_value(t, json_str(row, "output", NULL));
		add(t,
		    json_bool(row, "stoppable", false) ? ", 'y')" : ", 'n')");
	}
	add(t, json_array_size(rows) > 0
		   ? ") s (id, status, message, output, stoppable)"
		   : "(select '' as id, '' as status, '' as message, '' as "
		     "output, '' as stoppable where 1 = 0) s");
}

static void write_set(struct text *t, const char *column, const char *value)
{
	add_quoted(t, column, true);
	add(t, " = s.");
	add(t, value);
}

/* A cancellation that nobody has read yet is not written over: the next reading hears it. */
static void write_merge(struct text *t, const json_t *rows)
{
	const struct inbox_columns *c = t->inbox->columns;

	add(t, "merge into ");
	add_table(t);
	add(t, " t using ");
	write_values(t, rows);
	add(t, " on ");
	add_column(t, "t.", c->id);
	add(t, " = s.id when matched and (s.stoppable = 'n' or t.");
	add_quoted(t, c->message, true);
	add(t, " is not null or coalesce(upper(");
	add_column(t, "t.", c->status);
	add(t, "), '') <> 'CANCELLED') then update set ");
	write_set(t, c->status, "status");
	add(t, ", ");
	write_set(t, c->message, "message");
	if (c->output != NULL) {
		add(t, ", ");
		write_set(t, c->output, "output");
	}
}

int inbox_tell(const struct inbox *inbox, const json_t *rows, struct err *e)
{
	struct text t = begin(inbox, e);
	int rc;

	write_merge(&t, rows);
	rc = end(&t);
	if (rc == 0)
		rc = source_run_script(inbox->source, t.out.data, e);
	buf_free(&t.out);
	return rc;
}

/* ---- columns ---- */

json_t *inbox_list_columns(const struct inbox *inbox, struct err *e)
{
	struct text t = begin(inbox, e);
	struct rows r = {.at = 0};
	json_t *names = NULL;
	int rc;

	add(&t, "select * from ");
	add_table(&t);
	add(&t, " where 1 = 0");
	rc = end(&t);
	if (rc == 0)
		rc = source_query(inbox->source, t.out.data, &r.schema, e);
	if (rc == 0) {
		while ((rc = next_row(inbox, &r, e)) == 1)
			;
		source_query_end(inbox->source);
	}
	if (rc == 0)
		names = json_array();
	for (int i = 0; rc == 0 && i < r.schema.count; i++)
		json_array_append_new(
		    names, json_string(r.schema.columns[i].name));
	schema_free(&r.schema);
	buf_free(&t.out);
	return names;
}
