/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "inbox/statement.h"

/* Columns of a page's query that precede those of report_config. */
enum { ID, STATUS, SAME, GIVEN, FIELDS };
#define ID_MAX 1000

/* The characters that every database and every encoding has. */
#define PLAIN                                                    \
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRST" \
	"UVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

/* How a page is read. */
struct how {
	int most;   /* rows */
	bool plain; /* only rows whose ID consists of PLAIN, or is missing */
	const char *fault; /* of these rows, whose cells are not read */
};

static void add_condition(
    struct statement_text *t, const struct inbox_page *page)
{
	const struct inbox_columns *c = t->inbox->columns;

	statement_add(t, " where (upper(");
	statement_column(t, "", c->status);
	statement_add(t, ") = 'CANCELLED' and ");
	statement_quoted(t, c->message, true);
	statement_add(t, " is null");
	if (page->pending) {
		statement_add(t, " or ");
		statement_quoted(t, c->status, true);
		statement_add(t, " is null or upper(");
		statement_column(t, "", c->status);
		statement_add(t, ") = 'PENDING'");
	}
	statement_add(t, ")");
}

/* An ID that is too long may have megabytes, so it is cut to one character more
 * than IDs may have: its row is then skipped. */
static void add_id(struct statement_text *t, const char *prefix)
{
	statement_add(t, "left(");
	statement_column(t, prefix, t->inbox->columns->id);
	statement_add(t, ", ");
	statement_number(t, ID_MAX + 1);
	statement_add(t, ")");
}

/* The fields as texts c0, c1, ..., and their bytes. */
static void add_fields(struct statement_text *t)
{
	const struct inbox_columns *c = t->inbox->columns;

	for (int i = 0; i < c->count; i++) {
		if (!inbox_is_field(c, &c->list[i]))
			continue;
		statement_add(t, ", ");
		statement_column(t, "", c->list[i].theirs);
		statement_add(t, " as c");
		statement_number(t, i);
	}
	statement_add(t, ", 0");
	for (int i = 0; i < c->count; i++) {
		if (!inbox_is_field(c, &c->list[i]))
			continue;
		statement_add(t, " + coalesce(octet_length(");
		statement_column(t, "", c->list[i].theirs);
		statement_add(t, "), 0)");
	}
	statement_add(t, " as size");
}

/* The rows of the page, those without an ID last. */
static void add_page(struct statement_text *t, const struct inbox_page *page,
    const struct how *how)
{
	statement_add(t, "with p as (select * from (select nullif(");
	add_id(t, "");
	statement_add(t, ", '') as id, upper(left(");
	statement_column(t, "", t->inbox->columns->status);
	statement_add(t, ", 20)) as state");
	if (how->fault == NULL)
		add_fields(t);
	else
		statement_add(t, ", 0 as size");
	statement_add(t, " from ");
	statement_table(t);
	add_condition(t, page);
	statement_add(t, ") r where id > ");
	statement_quoted(t, page->after, false);
	if (how->plain) {
		statement_add(t, " and translate(id, ");
		statement_quoted(t, PLAIN, false);
		statement_add(t, ", '') = ''");
	}
	statement_add(t, " or id is null order by id nulls last limit ");
	statement_number(t, how->most > 1 ? how->most + 1 : 1);
	statement_add(t, ")");
}

/* A row that is too large comes without its fields, and so do rows for which
 * the page has no room left; otherwise a hundred rows would be sent for each
 * that is taken. */
static void add_given(
    struct statement_text *t, const char *large, const char *given)
{
	statement_add(t, "case when s.size > ");
	statement_number(t, INBOX_ROW_MAX);
	statement_add(t, large);
	statement_add(t, " when s.n = 1 or s.total <= ");
	statement_number(t, INBOX_PAGE_BYTES);
	statement_add(t, given);
}

/* `same` counts the rows of the whole table that have the ID. */
static void write_page(struct statement_text *t, const struct inbox_page *page,
    const struct how *how)
{
	const struct inbox_columns *c = t->inbox->columns;

	add_page(t, page, how);
	statement_add(t,
	    ", q as (select p.*, row_number() over (order by id nulls last) "
	    "as n from p), s as (select q.*, sum(case when size <= ");
	statement_number(t, INBOX_ROW_MAX);
	statement_add(t,
	    " then size else 0 end) over (order by n) as total from q) "
	    "select s.id, s.state, cast(coalesce(d.n, 1) as varchar) as "
	    "same, ");
	add_given(
	    t, " then 'large'", " then 'given' else 'later' end as given");
	for (int i = 0; how->fault == NULL && i < c->count; i++) {
		if (!inbox_is_field(c, &c->list[i]))
			continue;
		statement_add(t, ", ");
		add_given(t, " then null", " then s.c");
		statement_number(t, i);
		statement_add(t, " end as c");
		statement_number(t, i);
	}
	statement_add(t, " from s left join (select ");
	add_id(t, "x.");
	statement_add(t, " as id, count(*) as n from ");
	statement_table(t);
	statement_add(t, " x where ");
	add_id(t, "x.");
	statement_add(t,
	    " in (select p.id from p) group by 1) d on d.id = s.id "
	    "order by s.n");
}

static json_t *text_of(const struct value *v)
{
	return v->len >= 0 ? json_stringn(v->data, (size_t)v->len) : NULL;
}

static bool is_text(const struct value *v, const char *text)
{
	return v->len == (int32_t)strlen(text) &&
	       memcmp(v->data, text, (size_t)v->len) == 0;
}

/* Returns the columns of report_config that the row sets; a null leaves the
 * default. */
static json_t *fields_of(
    const struct inbox *inbox, const struct statement_rows *r)
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

static void meet(const struct inbox *inbox, const struct statement_rows *r,
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
	    is_text(&r->row[GIVEN], "large")
		? "the row has more than 1.25 MiB: write less SQL"
		: fault);
	if (json_object_get(one, "fault") == NULL)
		json_object_set_new(one, "row", fields_of(inbox, r));
	json_array_append_new(page->rows, one);
}

/* Reads the result of `sql`. Returns 1 when a row could not be read, though the
 * statement ran. */
static int read_rows(const struct inbox *inbox, const char *sql,
    const struct how *how, struct inbox_page *page, struct err *e)
{
	struct statement_rows r = {.at = 0};
	int rc = source_query(inbox->source, sql, &r.schema, e) == 0 ? 1 : -1;
	bool began = rc == 1;
	int met = 0;

	while (rc == 1 && (rc = statement_next(inbox, &r, e)) == 1) {
		/* A full page takes no further row. The result is read to its
		 * end, and the next page begins with the remaining rows. */
		page->more = page->more || met == how->most ||
			     is_text(&r.row[GIVEN], "later");
		if (page->more)
			continue;
		meet(inbox, &r, page, how->fault);
		met++;
	}
	/* Reads one row alone, because the next row may be the unreadable one.
	 * */
	page->more = page->more || (how->most == 1 && met == 1);
	/* Rows without an ID come last, and cannot be passed by. */
	page->more = page->more && page->last != NULL;
	if (began)
		source_query_end(inbox->source);
	schema_free(&r.schema);
	return rc >= 0 ? 0 : began && e->kind == ERR_PERMANENT ? 1 : -1;
}

static int read_page(const struct inbox *inbox, struct inbox_page *page,
    const struct how *how, struct err *e)
{
	struct statement_text t = statement_begin(inbox, e);
	int rc;

	json_array_clear(page->rows);
	free(page->last);
	page->last = NULL;
	page->nameless = 0;
	page->unreadable = how->plain;
	page->more = false;
	write_page(&t, page, how);
	rc = statement_end(&t);
	if (rc == 0)
		rc = statement_in_time(inbox, e);
	if (rc == 0)
		rc = read_rows(inbox, t.out.data, how, page, e);
	buf_free(&t.out);
	return rc;
}

/* Reads one row, and without its cells when these cannot be read. */
static int read_alone(const struct inbox *inbox, struct inbox_page *page,
    bool plain, struct err *e)
{
	struct how how = {.most = 1, .plain = plain};
	int rc = read_page(inbox, page, &how, e);
	char *fault;

	if (rc != 1)
		return rc;
	fault = mem_strdup(e->text);
	how.fault = fault;
	rc = read_page(inbox, page, &how, e);
	free(fault);
	return rc;
}

/* A value that no text can hold makes its page unreadable. The rows of the page
 * are then read one by one, and the row of that value is refused, so that it
 * does not stop the rows after it. When the value is the ID, that row is
 * skipped, with all rows up to the next ID that is sure to be readable. */
int inbox_read(
    const struct inbox *inbox, struct inbox_page *page, struct err *e)
{
	const struct how all = {.most = INBOX_PAGE_ROWS};
	int rc;

	page->rows = json_array();
	page->last = NULL;
	rc = read_page(inbox, page, &all, e);
	if (rc == 1)
		rc = read_alone(inbox, page, false, e);
	if (rc == 1)
		rc = read_alone(inbox, page, true, e);
	return rc == 0 ? 0 : -1;
}
