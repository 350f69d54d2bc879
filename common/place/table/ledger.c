/* SPDX-License-Identifier: MIT */
#include "place/table/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "place/table/dialect.h"
#include "place/table/plan.h"

/* Tries to make the ledger beside others: the schema, and then the table. */
#define MAKE_TRIES 5
/* ms for asking the ledger after the answer to COMMIT was lost, and between two
 * tries. */
#define ASK_MS 30000
#define AGAIN_MS 1000

/* A name of PostgreSQL has 63 bytes, so the queue's number goes without its
 * hyphens. */
char *ledger_session_name(const struct place_output *o)
{
	struct buf name;

	if (o->request_id == NULL)
		return mem_strdup("reportctl export");
	buf_init(&name, 128);
	buf_str(&name, "reportd ");
	for (const char *c = o->queue; *c != '\0'; c++) {
		if (*c != '-')
			buf_char(&name, *c);
	}
	buf_printf(&name, " %s", o->request_id);
	return name.data;
}

/* The answer of sql/target/ledger_state.sql. */
struct state {
	bool schema, ledger;
	char *why; /* NULL: it can be trusted */
};

static int look(struct table_link *l, struct state *s, struct err *e)
{
	const char *params[] = {l->target->ledger_schema};
	struct pg_rows *rows =
	    link_query(l, l->dialect->ledger_state, 1, params, e);

	*s = (struct state){0};
	if (rows == NULL)
		return -1;
	s->schema = *pg_rows_get(rows, 0, 0) == 't';
	s->ledger = *pg_rows_get(rows, 0, 1) == 't';
	s->why = mem_strdup(pg_rows_get(rows, 0, 2));
	pg_rows_free(rows);
	return 0;
}

static int refuse(const struct table_link *l, const char *why, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "the ledger %s." TABLE_LEDGER
	    " %s; only the target's own login may write "
	    "it: name another ledger_schema in [target.%s] of the settings, or "
	    "mend that",
	    l->target->ledger_schema, why, l->target->name);
}

static int make(struct table_link *l, bool schema, struct err *e)
{
	if ((schema || link_exec(l, l->dialect->ledger_schema, e) == 0) &&
	    link_exec(l, l->dialect->ledger_make, e) == 0)
		return 0;
	if (strcmp(e->sqlstate, "42501") == 0)
		err_hint(e,
		    "the ledger of loads is made in a schema of the target's "
		    "login: create schema %s authorization \"%s\"",
		    l->target->ledger_schema, pg_user(l->pg));
	return err_wrap(
	    e, "the ledger %s." TABLE_LEDGER, l->target->ledger_schema);
}

static int prepare_once(struct table_link *l, struct err *e)
{
	struct state s;
	int rc;

	if (look(l, &s, e) != 0)
		return -1;
	rc = s.why != NULL ? refuse(l, s.why, e)
	     : s.ledger    ? 0
			   : make(l, s.schema, e);
	free(s.why);
	return rc;
}

/* Says whether another worker made something of the same name at the same moment:
 * a unique violation in the catalogue, or a schema, table or type that exists. */
static bool is_made_by_another(const struct err *e)
{
	static const char *const states[] = {
	    "23505", "42P06", "42P07", "42710"};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (strcmp(e->sqlstate, states[i]) == 0)
			return true;
	}
	return false;
}

int ledger_prepare(struct table_link *l, struct err *e)
{
	int rc = prepare_once(l, e);

	for (int i = 0; i < MAKE_TRIES && rc != 0 && is_made_by_another(e); i++)
		rc = prepare_once(l, e);
	return rc;
}

int ledger_check(struct table_link *l, bool *made, struct err *e)
{
	struct state s;
	int rc;

	if (look(l, &s, e) != 0)
		return -1;
	*made = s.ledger;
	rc = s.why != NULL ? refuse(l, s.why, e) : 0;
	free(s.why);
	return rc;
}

int ledger_find(struct table_link *l, const struct place_output *o,
    struct place_landed *found, struct err *e)
{
	const char *params[] = {o->queue, o->request_id};
	struct pg_rows *rows;
	bool made;
	int n;

	if (ledger_check(l, &made, e) != 0)
		return -1;
	if (!made)
		return 0;
	rows = link_query(l, l->dialect->ledger_find, 2, params, e);
	if (rows == NULL)
		return -1;
	n = pg_rows_count(rows);
	*found = (struct place_landed){.rows = -1};
	if (n > 0 && pg_rows_get(rows, 0, 0) != NULL)
		str_to_i64(pg_rows_get(rows, 0, 0), &found->rows);
	if (n > 0) {
		found->result = mem_strdup(pg_rows_get(rows, 0, 1));
		str_copy(found->at, sizeof(found->at), pg_rows_get(rows, 0, 2));
	}
	pg_rows_free(rows);
	return n > 0;
}

int ledger_end_rivals(struct table_link *l, const char *name, struct err *e)
{
	const char *params[] = {name};
	struct pg_rows *rows;

	if (l->dialect->rivals == NULL)
		return 0;
	rows = link_query(l, l->dialect->rivals, 1, params, e);
	pg_rows_free(rows);
	return rows ? 0 : -1;
}

int ledger_begin(
    struct table_link *l, const struct place_output *o, struct err *e)
{
	return l->dialect->ledger_begin(l, o, e);
}

int ledger_end(struct table_link *l, const struct place_output *o,
    const struct sink_terms *terms, struct err *e)
{
	return l->dialect->ledger_end(l, o, terms, e);
}

/* Asks the ledger once whether the transaction has committed, and waits for it
 * where it has not ended yet. Returns 1, 0 or -1. */
static int ask_once(const struct place_output *o, struct err *e)
{
	struct table_link l;
	int rc;

	if (link_open(&l, o, "reportd", e) != 0)
		return -1;
	rc = pg_exec(l.pg, "begin", e);
	if (rc == 0)
		rc = ledger_begin(&l, o, e);
	/* Closing the connection rolls back what was tried here. */
	link_close(&l);
	return rc;
}

static void doze(const struct place_lent *lent)
{
	struct err unused;

	watch_wait(services_watch(lent->services), -1, 0,
	    clock_boot_ms() + AGAIN_MS, &unused);
}

int ledger_settle(const struct place_output *o, struct err *e)
{
	int64_t end_ms = clock_boot_ms() + ASK_MS;
	struct err why = *e;
	int rc = -1;

	if (o->request_id == NULL)
		return err_hint(e,
		    "the answer to COMMIT was lost: look whether the rows are "
		    "there");
	while ((rc = ask_once(o, &why)) < 0 && why.kind == ERR_TRANSIENT &&
	       clock_boot_ms() < end_ms)
		doze(o->lent);
	if (rc == 1)
		return 0;
	return rc == 0 ? -1
		       : err_hint(e,
			     "the answer to COMMIT was lost, and the target "
			     "cannot be asked (%s); the next attempt asks its "
			     "ledger",
			     why.text);
}
