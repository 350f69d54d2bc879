/* SPDX-License-Identifier: MIT */
#include "place/table/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/table/csv.h"
#include "place/table/dialect.h"
#include "place/table/keys.h"
#include "place/table/ledger.h"
#include "place/table/plan.h"

#define SQL_MAX ((size_t)4 << 20)

struct table {
	struct sink base;
	/* The output as it was opened; its texts are copies. */
	struct place_output o;
	char *address, *queue, *request_id, *report, *time_zone;
	struct place_csv csv;  /* of an output with files; else zeros */
	struct table_csv file; /* the file at work */
	struct table_link link;
	struct table_plan plan;
	struct table_rows *rows; /* on their way; see dialect.h */
	/* The ledger has the request already: the rows go nowhere. */
	bool landed;
	bool ended;          /* all rows have arrived */
	struct source *over; /* shows the staged rows; NULL: nobody has asked */
	int64_t arrived;     /* rows that the COPY took */
};

static struct table *as_table(struct sink *s)
{
	return (struct table *)s;
}

/* Puts the table's address before an error of the server. Returns -1. */
static int fail(const struct table *t, struct err *e)
{
	link_advise(&t->link, e);
	e->of_target = true;
	return err_wrap(e, "%s", t->address);
}

static const struct table_dialect *dialect_of(const struct table *t)
{
	return t->link.dialect;
}

/* Runs a statement of the plan. */
static int run(struct table *t, table_statement *make, struct err *e)
{
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_MAX);
	make(&t->plan, &sql);
	rc = pg_exec(t->link.pg, sql.data, e);
	buf_free(&sql);
	return rc;
}

/* ---- open ---- */

/* Begins the transaction that publishes the rows. With a ledger, its row is
 * written first: so a second attempt at the same request waits here, and goes on
 * without rows when this one has committed. */
static int begin(struct table *t, struct err *e)
{
	int rc;

	if (pg_exec(t->link.pg, "begin", e) != 0)
		return -1;
	if (t->o.queue == NULL)
		return 0;
	rc = ledger_begin(&t->link, &t->o, e);
	t->landed = rc == 1;
	return rc < 0 ? -1 : 0;
}

/* Files begin one by one. */
static int begin_rows(struct table *t, struct err *e)
{
	return t->o.csv != NULL ? 0
				: dialect_of(t)->rows_open(
				      &t->link, &t->plan, &t->o, &t->rows, e);
}

/* Locks the table and looks once more whose it is; before the lock somebody could have
 * put another one in its place. */
static int hold_table(struct table *t, struct err *e)
{
	const struct table_dialect *d = dialect_of(t);

	if (d->lock == NULL)
		return 0;
	return run(t, d->lock, e) != 0 ? -1 : look_again(&t->link, e);
}

static int begin_staged(struct table *t, struct err *e)
{
	return run(t, dialect_of(t)->stage, e) != 0 ? -1 : begin_rows(t, e);
}

static int begin_direct(struct table *t, struct err *e)
{
	if (begin(t, e) != 0)
		return -1;
	if (t->landed)
		return 0;
	if (t->plan.create && run(t, dialect_of(t)->create, e) != 0)
		return -1;
	return hold_table(t, e) != 0 ? -1 : begin_rows(t, e);
}

static int prepare_ledger(struct table *t, const char *name, struct err *e)
{
	if (t->o.queue == NULL)
		return 0;
	return ledger_prepare(&t->link, e) != 0
		   ? -1
		   : ledger_end_rivals(&t->link, name, e);
}

static int start(struct table *t, struct err *e)
{
	char *name = ledger_session_name(&t->o);
	int rc = link_open(&t->link, &t->o, name, e);

	if (rc == 0)
		rc = prepare_ledger(t, name, e);
	free(name);
	if (rc != 0)
		return -1;
	if (plan_open(&t->plan, &t->link, &t->o, e) != 0)
		return -1;
	return t->plan.staged ? begin_staged(t, e) : begin_direct(t, e);
}

/* ---- finish ---- */

static void remark(struct table *t, char *text)
{
	if (t->o.remark == NULL) {
		free(text);
		return;
	}
	free(*t->o.remark);
	*t->o.remark = text;
}

static int refuse_loss(
    const struct table *t, int64_t sent, int64_t written, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "of %" PRId64 " rows the table took %" PRId64 ": %s", sent, written,
	    dialect_of(t)->lost);
}

/* Says whether an upsert has only its key, so that rows which are there stay. */
static bool has_only_keys(const struct table_plan *p)
{
	for (int i = 0; i < p->count; i++) {
		if (!p->fields[i].key && !p->fields[i].always)
			return false;
	}
	return p->choice.mode == TABLE_UPSERT;
}

static int insert(struct table *t, int64_t expected, struct err *e)
{
	int64_t written;
	struct pg_rows *rows =
	    keys_ask(&t->link, &t->plan, dialect_of(t)->insert, &written, e);

	pg_rows_free(rows);
	if (rows == NULL)
		return -1;
	return written == expected || has_only_keys(&t->plan)
		   ? 0
		   : refuse_loss(t, expected, written, e);
}

/* Brings the staged rows into the table, in the transaction that publish
 * commits. */
static int merge(struct table *t, struct err *e)
{
	const struct table_dialect *d = dialect_of(t);
	int64_t rows = t->arrived;

	if (t->plan.choice.mode == TABLE_UPSERT &&
	    keys_check(&t->link, &t->plan, &rows, e) != 0)
		return -1;
	if (rows < t->arrived)
		remark(t,
		    mem_printf("%" PRId64 " rows were left out: order_by put "
			       "others with their keys first",
			t->arrived - rows));
	if (t->plan.order != NULL && d->choose != NULL &&
	    run(t, d->choose, e) != 0)
		return -1;
	if (begin(t, e) != 0)
		return -1;
	if (t->landed)
		return 0;
	if (t->plan.create && run(t, d->create, e) != 0)
		return -1;
	if (hold_table(t, e) != 0)
		return -1;
	if (t->plan.adds && run(t, d->add, e) != 0)
		return -1;
	if (t->plan.choice.mode == TABLE_REPLACE && run(t, d->remove, e) != 0)
		return -1;
	return insert(t, rows, e);
}

static void drop_rows(struct table *t)
{
	const struct table_dialect *d = dialect_of(t);

	if (t->rows != NULL)
		d->rows_free(t->rows);
	t->rows = NULL;
}

/* Ends the load of the rows, at the first call only. An output of CSV files has
 * ended its loads at the end of each file. */
static int end_rows(struct table *t, struct err *e)
{
	if (t->landed || t->ended || t->o.csv != NULL)
		return 0;
	t->ended = true;
	if (dialect_of(t)->rows_end(&t->link, t->rows, &t->arrived, e) != 0)
		return -1;
	drop_rows(t);
	return 0;
}

static int table_finish(struct sink *s, struct err *e)
{
	struct table *t = as_table(s);

	if (end_rows(t, e) != 0)
		return fail(t, e);
	if (t->plan.staged && merge(t, e) != 0)
		return fail(t, e);
	if (t->landed)
		remark(t,
		    mem_strdup("another attempt had loaded the rows already"));
	return 0;
}

static int write_rows(
    struct table *t, const void *data, size_t len, struct err *e)
{
	if (t->o.csv == NULL)
		return dialect_of(t)->rows_write(
		    &t->link, t->rows, data, len, e);
	table_csv_count(&t->file, data, len);
	return pg_load_write(t->link.pg, data, len, e);
}

static int table_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct table *t = as_table(s);

	return t->landed || write_rows(t, data, len, e) == 0 ? 0 : fail(t, e);
}

/* ---- staged rows ---- */

struct source *table_staged(struct sink *s, struct err *e)
{
	struct table *t = as_table(s);
	const struct table_dialect *d = dialect_of(t);

	if (end_rows(t, e) != 0) {
		fail(t, e);
		return NULL;
	}
	t->over = d->over(t->link.pg, t->time_zone ? t->time_zone : "UTC");
	return t->over;
}

/* ---- files ---- */

int table_begin_file(
    struct sink *s, const struct schema *columns, struct err *e)
{
	struct table *t = as_table(s);
	struct buf sql;
	int rc;

	table_csv_begin(&t->file, t->csv.header);
	if (t->landed)
		return 0;
	buf_init(&sql, SQL_MAX);
	dialect_of(t)->copy_csv(&t->plan, columns, &t->csv, &sql);
	rc = pg_load_start(t->link.pg, sql.data, e);
	buf_free(&sql);
	return rc == 0 ? 0 : fail(t, e);
}

int table_end_file(struct sink *s, struct err *e)
{
	struct table *t = as_table(s);
	int64_t rows;

	if (t->landed)
		return 0;
	if (pg_load_end(t->link.pg, &rows, e) != 0 ||
	    table_csv_check(&t->file, rows, e) != 0)
		return fail(t, e);
	t->arrived += rows;
	if (t->o.taken != NULL)
		*t->o.taken = t->arrived;
	return 0;
}

/* ---- publish ---- */

/* Says whether the server has refused the COMMIT and the session goes on: then
 * nothing was committed. */
static bool is_refused(struct table *t, const struct err *e)
{
	return e->sqlstate[0] != '\0' && pg_alive(t->link.pg);
}

static int commit(struct table *t, struct err *e)
{
	if (pg_exec(t->link.pg, "commit", e) == 0)
		return pg_committed(t->link.pg)
			   ? 0
			   : err_set(e, ERR_TRANSIENT,
				 "the server rolled the transaction back");
	return is_refused(t, e) ? -1 : ledger_settle(&t->o, e);
}

static int table_publish(
    struct sink *s, const struct sink_terms *terms, struct err *e)
{
	struct table *t = as_table(s);

	if (t->landed)
		return 0;
	if (terms->rows >= 0 && terms->rows != t->arrived) {
		refuse_loss(t, terms->rows, t->arrived, e);
		return fail(t, e);
	}
	if (t->o.queue != NULL && ledger_end(&t->link, &t->o, terms, e) != 0)
		return fail(t, e);
	return commit(t, e) == 0 ? 0 : fail(t, e);
}

/* ---- the sink ---- */

/* Closing the connection rolls back what was not committed. */
static void end(struct table *t)
{
	drop_rows(t);
	if (t->over != NULL)
		dialect_of(t)->leave(t->over);
	t->over = NULL;
	link_close(&t->link);
}

static void table_abort(struct sink *s)
{
	end(as_table(s));
}

static void table_free(struct sink *s)
{
	struct table *t = as_table(s);

	end(t);
	plan_free(&t->plan);
	free(t->address);
	free(t->queue);
	free(t->request_id);
	free(t->report);
	free(t->time_zone);
	free(t);
}

static const struct sink_type table_type = {
    .name = "table",
    .write = table_write,
    .finish = table_finish,
    .publish = table_publish,
    .abort = table_abort,
    .free = table_free,
};

/* Copies the texts of the output that are needed after open. */
static void keep(struct table *t)
{
	struct place_output *o = &t->o;

	o->address = t->address = mem_strdup(o->address);
	o->queue = t->queue = mem_strdup(o->queue);
	o->request_id = t->request_id = mem_strdup(o->request_id);
	o->report = t->report = mem_strdup(o->report);
	o->time_zone = t->time_zone = mem_strdup(o->time_zone);
	if (o->csv == NULL)
		return;
	t->csv = *o->csv;
	o->csv = &t->csv;
}

struct sink *table_open(const struct place_output *o, struct err *e)
{
	struct table *t = mem_zalloc(sizeof(*t));

	t->base.type = &table_type;
	t->o = *o;
	keep(t);
	if (start(t, e) == 0)
		return &t->base;
	fail(t, e);
	sink_free(&t->base);
	return NULL;
}
