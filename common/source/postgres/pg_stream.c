/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/copytext.h"
#include "source/postgres/kind.h"
#include "source/postgres/pg_conn.h"

/* libpq keeps a buffer of twice the largest row until the connection closes. */
#define LARGE_ROW (8 << 20)
/* The first read of a COPY makes room for this many bytes. */
#define COPY_STEP ((size_t)16 << 10)

void pg_set_sql(struct pg *pg, const char *sql, size_t skip)
{
	free(pg->sql);
	pg->sql = mem_strdup(sql);
	pg->skip = skip;
}

static void forget_answers(struct pg *pg)
{
	while (pg->answer_count > 0)
		PQclear(pg->answers[--pg->answer_count]);
}

void pg_end_stream(struct pg *pg)
{
	if (pg->copy != NULL)
		PQfreemem(pg->copy);
	PQclear(pg->result);
	forget_answers(pg);
	pg->copy = NULL;
	pg->result = NULL;
	pg->rows = 0;
}

void pg_stream_release(struct pg *pg)
{
	for (int i = 0; i < pg->held_count; i++) {
		PQclear(pg->held[i].result);
		PQfreemem(pg->held[i].copy);
	}
	pg->held_count = 0;
}

static void hold(struct pg *pg, PGresult *result, char *copy)
{
	if (pg->held_count == pg->held_room) {
		pg->held_room = pg->held_room ? 2 * pg->held_room : 64;
		pg->held = mem_realloc(
		    pg->held, (size_t)pg->held_room, sizeof(*pg->held));
	}
	pg->held[pg->held_count++] = (struct held){result, copy};
}

bool pg_large(const struct pg *pg)
{
	return pg->large;
}

/* Stores the columns' types in oids, unless oids is NULL. */
static void fill_schema(
    const PGresult *r, struct schema *schema, uint32_t *oids)
{
	int count = PQnfields(r);

	schema->count = count;
	schema->columns = mem_zalloc((size_t)count * sizeof(*schema->columns));
	for (int i = 0; i < count; i++) {
		struct column *c = &schema->columns[i];

		c->name = mem_strdup(PQfname(r, i));
		kind_fill(c, PQftype(r, i), PQfmod(r, i));
		if (oids != NULL)
			oids[i] = PQftype(r, i);
	}
}

static bool send_described(
    struct pg *pg, const char *const *before, int count, const char *sql)
{
	for (int i = 0; i < count; i++) {
		if (PQsendQueryParams(
			pg->conn, before[i], 0, NULL, NULL, NULL, NULL, 0) == 0)
			return false;
	}
	return PQsendPrepare(pg->conn, "", sql, 0, NULL) &&
	       PQsendDescribePrepared(pg->conn, "") && PQpipelineSync(pg->conn);
}

/* Takes the answers to everything that was sent, up to the sync mark that ends
 * them. */
static int take_described(
    struct pg *pg, struct schema *schema, uint32_t **oids, struct err *e)
{
	ExecStatusType status = PGRES_EMPTY_QUERY;
	bool failed = false;

	while (status != PGRES_PIPELINE_SYNC) {
		PGresult *r;

		if (pg_next_result(pg, &r, e) != 0)
			return -1;
		status = PQresultStatus(r);
		if (r != NULL && status == PGRES_FATAL_ERROR && !failed) {
			pg_result_error(pg, r, e);
			failed = true;
		} else if (status == PGRES_COMMAND_OK && PQnfields(r) > 0) {
			*oids =
			    mem_alloc((size_t)PQnfields(r) * sizeof(**oids));
			fill_schema(r, schema, *oids);
		}
		PQclear(r);
		if (PQstatus(pg->conn) != CONNECTION_OK)
			return failed ? -1 : pg_conn_error(pg, e);
	}
	PQexitPipelineMode(pg->conn);
	return failed ? -1 : 0;
}

int pg_describe(struct pg *pg, const char *const *before, int count,
    const struct pg_stream *s, struct schema *schema, uint32_t **oids,
    struct err *e)
{
	*schema = (struct schema){0};
	*oids = NULL;
	if (pg_ready(pg, e) != 0)
		return -1;
	pg_end_stream(pg);
	pg_set_sql(pg, s->sql, s->skip);
	if (PQenterPipelineMode(pg->conn) == 0 ||
	    !send_described(pg, before, count, s->sql))
		return pg_conn_error(pg, e);
	if (pg_flush(pg, e) == 0 && take_described(pg, schema, oids, e) == 0)
		return 0;
	schema_free(schema);
	free(*oids);
	*oids = NULL;
	return -1;
}

/* Sends the statement and takes its first result into pg->result. */
static int start(
    struct pg *pg, const struct pg_stream *s, bool rows, struct err *e)
{
	int sent;

	if (pg_ready(pg, e) != 0)
		return -1;
	pg_end_stream(pg);
	pg_set_sql(pg, s->sql, s->skip);
	/* The extended protocol accepts one statement only, so no query can
	 * close the parenthesis added here and go on with another statement. */
	sent = s->simple ? PQsendQuery(pg->conn, s->sql)
			 : PQsendQueryParams(
			       pg->conn, s->sql, 0, NULL, NULL, NULL, NULL, 0);
	if (sent == 0)
		return pg_conn_error(pg, e);
	if (rows)
		PQsetSingleRowMode(pg->conn);
	if (pg_flush(pg, e) != 0 || pg_next_result(pg, &pg->result, e) != 0)
		return -1;
	if (pg->result == NULL)
		return err_set(e, ERR_PERMANENT, "the statement is empty");
	pg->fresh = true;
	if (PQresultStatus(pg->result) == PGRES_FATAL_ERROR) {
		pg_result_error(pg, pg->result, e);
		pg_drain(pg);
		return -1;
	}
	return 0;
}

int pg_stream_start(struct pg *pg, const struct pg_stream *s, struct err *e)
{
	const char *words;

	if (start(pg, s, true, e) != 0)
		return -1;
	if (PQresultStatus(pg->result) == PGRES_SINGLE_TUPLE ||
	    PQresultStatus(pg->result) == PGRES_TUPLES_OK)
		return 0;
	/* A COPY has no such word. */
	words = PQcmdStatus(pg->result);
	err_set(e, ERR_PERMANENT,
	    "export_sql returns no rows to export (%s); it must be a query",
	    *words != '\0' ? words : "COPY");
	pg_drain(pg);
	return -1;
}

void pg_stream_schema(struct pg *pg, struct schema *schema)
{
	fill_schema(pg->result, schema, NULL);
}

/* Checks that the statement ends after the rows. */
static int end_of_rows(struct pg *pg, struct err *e)
{
	PGresult *r;

	pg_end_stream(pg);
	if (pg_next_result(pg, &r, e) != 0)
		return -1;
	if (r == NULL)
		return 0;
	if (PQresultStatus(r) == PGRES_FATAL_ERROR)
		pg_result_error(pg, r, e);
	else
		err_set(e, ERR_PERMANENT,
		    "export_sql holds more than one statement");
	PQclear(r);
	pg_drain(pg);
	return -1;
}

int pg_stream_next(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e)
{
	if (!pg->fresh) {
		if (!wait && PQisBusy(pg->conn))
			return PG_NOT_YET;
		if (pg_next_result(pg, &pg->result, e) != 0)
			return -1;
	}
	pg->fresh = false;
	if (PQresultStatus(pg->result) == PGRES_TUPLES_OK)
		return end_of_rows(pg, e);
	if (PQresultStatus(pg->result) != PGRES_SINGLE_TUPLE) {
		pg_result_error(pg, pg->result, e);
		pg_drain(pg);
		return -1;
	}
	pg->rows++;
	for (int i = 0; i < columns; i++) {
		values[i].data = PQgetvalue(pg->result, 0, i);
		values[i].len = PQgetisnull(pg->result, 0, i)
				    ? -1
				    : PQgetlength(pg->result, 0, i);
		pg->large |= values[i].len >= LARGE_ROW;
	}
	hold(pg, pg->result, NULL);
	pg->result = NULL;
	return 1;
}

int pg_copy_start(struct pg *pg, const struct pg_stream *s, struct err *e)
{
	if (start(pg, s, false, e) != 0)
		return -1;
	/* Skips the results of the statements that precede the COPY. */
	while (pg->result != NULL &&
	       PQresultStatus(pg->result) == PGRES_COMMAND_OK) {
		PQclear(pg->result);
		pg->result = NULL;
		if (pg_next_result(pg, &pg->result, e) != 0)
			return -1;
	}
	if (PQresultStatus(pg->result) == PGRES_COPY_OUT)
		return 0;
	if (PQresultStatus(pg->result) == PGRES_FATAL_ERROR)
		pg_result_error(pg, pg->result, e);
	else
		err_set(e, ERR_PERMANENT, "COPY gave no data");
	pg_drain(pg);
	return -1;
}

const char *pg_answer(const struct pg *pg, int n)
{
	if (n >= pg->answer_count || PQntuples(pg->answers[n]) == 0)
		return NULL;
	return PQgetvalue(pg->answers[n], 0, 0);
}

/* Takes pg->result, unless there is no room for it. */
static void keep_answer(struct pg *pg)
{
	if (pg->answer_count == PG_ANSWERS_MAX)
		return;
	pg->answers[pg->answer_count++] = pg->result;
	pg->result = NULL;
}

/* Reads the results of the statements of a message; the first one is that of a
 * COPY whose rows have been read, if `of_copy` is set. */
static int take_answers(struct pg *pg, bool of_copy, struct err *e)
{
	for (;; of_copy = false) {
		PQclear(pg->result);
		pg->result = NULL;
		if (pg_next_result(pg, &pg->result, e) != 0)
			return -1;
		if (pg->result == NULL)
			return 0;
		if (of_copy)
			str_to_i64(PQcmdTuples(pg->result), &pg->rows);
		if (PQresultStatus(pg->result) == PGRES_COMMAND_OK)
			continue;
		if (PQresultStatus(pg->result) == PGRES_TUPLES_OK) {
			keep_answer(pg);
			continue;
		}
		pg_result_error(pg, pg->result, e);
		pg_drain(pg);
		return -1;
	}
}

/* After the last row the server reports how the COPY ended, then the results of
 * the statements that follow it in the same message. */
static int end_of_copy(struct pg *pg, struct err *e)
{
	return take_answers(pg, true, e);
}

int pg_answers(struct pg *pg, const char *sql, struct err *e)
{
	if (pg_ready(pg, e) != 0)
		return -1;
	forget_answers(pg);
	pg_set_sql(pg, sql, 0);
	if (PQsendQuery(pg->conn, sql) == 0)
		return pg_conn_error(pg, e);
	return pg_flush(pg, e) == 0 ? take_answers(pg, false, e) : -1;
}

/* Returns 1 with a row, which the caller frees; 0 at the end; PG_NOT_YET; or
 * -1. */
static int next_copy(
    struct pg *pg, char **row, int *len, bool wait, struct err *e)
{
	while ((*len = PQgetCopyData(pg->conn, row, 1)) == 0) {
		if (!wait)
			return PG_NOT_YET;
		if (pg_wait_input(pg, e) != 0)
			return -1;
	}
	if (*len == -2)
		return pg_conn_error(pg, e);
	if (*len < 0)
		return end_of_copy(pg, e);
	pg->rows++;
	pg->large |= *len >= LARGE_ROW;
	return 1;
}

int pg_copy_next(struct pg *pg, const char **data, size_t *len, struct err *e)
{
	int rc, n;

	if (pg->copy != NULL) {
		PQfreemem(pg->copy);
		pg->copy = NULL;
	}
	rc = next_copy(pg, &pg->copy, &n, true, e);
	*data = pg->copy;
	*len = (size_t)n;
	return rc;
}

/* PQgetlineAsync copies a row, or as much of a larger row as fits, into the
 * caller's memory. PQgetCopyData would allocate memory for each row. */
int pg_copy_read(struct pg *pg, struct buf *to, struct err *e)
{
	while (to->len < to->max) {
		size_t room = to->max - to->len;
		size_t step = to->len < COPY_STEP ? COPY_STEP : to->len;
		char *at;
		int n;

		room = room < step ? room : step;
		at = buf_reserve(to, room);
		if (at == NULL)
			return err_set(e, ERR_TRANSIENT, "out of memory");
		n = PQgetlineAsync(pg->conn, at, (int)room);
		if (n < 0)
			return end_of_copy(pg, e);
		if (n == 0 && pg_wait_input(pg, e) != 0)
			return -1;
		if (n == 0)
			continue;
		to->len += (size_t)n;
		pg->piece += (size_t)n;
		pg->large |= pg->piece >= LARGE_ROW;
		if ((size_t)n < room) {
			pg->piece = 0;
			pg->rows++;
		}
	}
	return 1;
}

int64_t pg_copy_rows(const struct pg *pg)
{
	return pg->rows;
}

int pg_copy_next_row(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e)
{
	char *row = NULL;
	int len, rc = next_copy(pg, &row, &len, wait, e);

	if (rc != 1)
		return rc;
	hold(pg, NULL, row);
	return copytext_row(row, (size_t)len, values, columns, e) == 0 ? 1 : -1;
}
