/* SPDX-License-Identifier: MIT */
#include "source/postgres/pg.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/copytext.h"
#include "source/postgres/kind.h"

#define CONNECT_MS 30000
#define CANCEL_MS 5000
/* From so many rows on, a stream is a long one. */
#define LONG_STREAM 10000
/* libpq keeps a buffer of twice the largest row for ever. */
#define LARGE_ROW (8 << 20)
/* What a COPY is read into grows from here. */
#define COPY_STEP ((size_t)16 << 10)

struct pg {
	PGconn *conn;
	const struct watch *watch;
	bool pending;     /* pg_exec_later's answer has not been read */
	PGresult *result; /* the stream's current result */
	bool fresh;       /* ... which nobody has looked at yet */
	char *copy;       /* the COPY chunk that the caller looks at */
	/* Rows of a stream whose values the caller looks at. */
	struct held {
		PGresult *result;
		char *copy;
	} * held;
	int held_count, held_room;
	int64_t rows;   /* of the stream so far */
	size_t piece;   /* of a row that pg_copy_read has not wholly read */
	bool large;     /* there was a large row */
	bool committed; /* the last pg_exec held a COMMIT */
	struct conninfo_tls tls;
	char *sql; /* the statement, for positions in errors */
	size_t skip;
};

/* PGresult under a name of ours, so that libpq-fe.h stays in here. */
struct pg_rows;

static PGresult *as_result(const struct pg_rows *rows)
{
	return (PGresult *)(uintptr_t)rows;
}

/* Classes that no retry mends; see "PostgreSQL Error Codes" in its manual. 25001
 * and 2D000: a statement stands inside of a transaction, or outside, where it
 * cannot. */
static enum err_kind kind_of_sqlstate(const char *state)
{
	static const char *const permanent[] = {"0A", "0L", "0P", "21", "22",
	    "28", "2D", "3D", "3F", "42", "25001", "25006", "P0004"};

	for (size_t i = 0; i < sizeof(permanent) / sizeof(*permanent); i++) {
		if (strncmp(state, permanent[i], strlen(permanent[i])) == 0)
			return ERR_PERMANENT;
	}
	return ERR_TRANSIENT;
}

static void trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' '))
		s[--n] = '\0';
}

/* What libpq itself has to say, for which it has no codes. */
static int libpq_error(const char *text, struct err *e)
{
	if (strstr(text, "cannot allocate memory for input buffer") ||
	    strstr(text, "out of memory for query result"))
		return err_set(e, ERR_PERMANENT,
		    "a row of the result does not fit into memory; a worker "
		    "has as much as worker_memory of the settings says");
	err_set(e, ERR_TRANSIENT, "%s", text);
	trim(e->text);
	if (e->text[0] == '\0')
		str_copy(e->text, sizeof(e->text), "the connection was lost");
	return -1;
}

static int conn_error(struct pg *pg, struct err *e)
{
	return libpq_error(PQerrorMessage(pg->conn), e);
}

/* The line of sql that the server's 1-based character position is in. */
static int line_of(const char *sql, size_t skip, const char *position)
{
	long chars = strtol(position, NULL, 10);
	const char *s = sql;
	int line = 1;

	for (; *s != '\0' && chars > 1; s++) {
		if (((unsigned char)*s & 0xC0) == 0x80)
			continue;
		chars--;
		if (*s == '\n' && s >= sql + skip)
			line++;
	}
	return line;
}

static int result_error(struct pg *pg, const PGresult *r, struct err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	const char *at = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
	char line[32] = "";

	if (state == NULL || text == NULL) {
		text = PQresultErrorMessage(r);
		return *text ? libpq_error(text, e) : conn_error(pg, e);
	}
	if (at != NULL && pg->sql != NULL)
		snprintf(line, sizeof(line), " (line %d)",
		    line_of(pg->sql, pg->skip, at));
	err_set(e, kind_of_sqlstate(state), "%s%s%s%s%s%s", text, line,
	    detail ? "; " : "", detail ? detail : "", hint ? "; hint: " : "",
	    hint ? hint : "");
	str_copy(e->sqlstate, sizeof(e->sqlstate), state);
	return -1;
}

static void set_sql(struct pg *pg, const char *sql, size_t skip)
{
	free(pg->sql);
	pg->sql = mem_strdup(sql);
	pg->skip = skip;
}

static void end_stream(struct pg *pg)
{
	if (pg->copy != NULL)
		PQfreemem(pg->copy);
	PQclear(pg->result);
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

static const struct watch no_watch = {.check = NULL};

/* Waits for the answer to a cancelled statement and throws it away. */
static void drain(struct pg *pg)
{
	int64_t deadline = clock_boot_ms() + CANCEL_MS;
	PGresult *r;
	struct err e;

	end_stream(pg);
	for (;;) {
		while (PQisBusy(pg->conn)) {
			if (watch_wait(&no_watch, PQsocket(pg->conn), POLLIN,
				deadline, &e) != 1 ||
			    PQconsumeInput(pg->conn) == 0)
				goto dead;
		}
		r = PQgetResult(pg->conn);
		if (r == NULL && PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF)
			return;
		if (clock_boot_ms() > deadline)
			goto dead;
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			PQexitPipelineMode(pg->conn);
			return;
		}
		if (PQresultStatus(r) == PGRES_COPY_OUT) {
			char *row = NULL;
			int n;

			while ((n = PQgetCopyData(pg->conn, &row, 1)) > 0)
				PQfreemem(row);
			if (n == 0 && (watch_wait(&no_watch, PQsocket(pg->conn),
					   POLLIN, deadline, &e) != 1 ||
					  PQconsumeInput(pg->conn) == 0)) {
				PQclear(r);
				goto dead;
			}
		}
		PQclear(r);
	}
dead:
	PQfinish(pg->conn);
	pg->conn = NULL;
}

static void cancel(struct pg *pg)
{
	PGcancel *c = PQgetCancel(pg->conn);
	char unused[256];

	if (c != NULL) {
		PQcancel(c, unused, sizeof(unused));
		PQfreeCancel(c);
	}
	drain(pg);
}

/* Whether a long stream has something to read, whose reader looks at the watch
 * between the rows. The server sends 8 kB at a time, and to be woken for each
 * costs more than to read it: so who is ahead of it lets some gather. */
static bool has_gathered(const struct pg *pg)
{
	static const struct timespec half_a_ms = {.tv_nsec = 500000};
	struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};

	if (pg->rows < LONG_STREAM)
		return false;
	if (poll(&p, 1, 0) > 0)
		return true;
	nanosleep(&half_a_ms, NULL);
	return false;
}

/* Until the socket has something to read; a stop cancels the statement. */
static int wait_input(struct pg *pg, struct err *e)
{
	if (!has_gathered(pg) &&
	    watch_wait(pg->watch, PQsocket(pg->conn), POLLIN, 0, e) < 0) {
		cancel(pg);
		return -1;
	}
	if (PQconsumeInput(pg->conn) == 0)
		return conn_error(pg, e);
	return 0;
}

/* The next result, NULL at the end of the statement. 0 / -1. */
static int next_result(struct pg *pg, PGresult **r, struct err *e)
{
	while (PQisBusy(pg->conn)) {
		if (wait_input(pg, e) != 0)
			return -1;
	}
	*r = PQgetResult(pg->conn);
	return 0;
}

static int flush(struct pg *pg, struct err *e)
{
	int n;

	while ((n = PQflush(pg->conn)) > 0) {
		if (watch_wait(pg->watch, PQsocket(pg->conn), POLLIN | POLLOUT,
			0, e) < 0)
			return -1;
		if (PQconsumeInput(pg->conn) == 0)
			return conn_error(pg, e);
	}
	return n < 0 ? conn_error(pg, e) : 0;
}

/* Collects what pg_exec_later left; then the connection may be used. */
static int ready(struct pg *pg, struct err *e)
{
	PGresult *r;

	if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
		return err_set(e, ERR_TRANSIENT, "the connection was lost");
	while (pg->pending) {
		if (next_result(pg, &r, e) != 0)
			return -1;
		if (r == NULL)
			pg->pending = false;
		else if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
			result_error(pg, r, e);
			PQclear(r);
			drain(pg);
			PQfinish(pg->conn);
			pg->conn = NULL;
			return -1;
		}
		PQclear(r);
	}
	return 0;
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* Redshift refuses every start-up parameter that it does not know, and libpq
 * makes some of these variables. Who uses such a server does without them. */
static void forget_environment(void)
{
	static const char *const variables[] = {
	    "PGDATESTYLE", "PGTZ", "PGGEQO", "PGOPTIONS"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
}

static void refused(struct pg *pg, struct err *e)
{
	char sqlstate[6], *text = mem_strdup(PQerrorMessage(pg->conn));
	const char *hint;

	conninfo_failure(text, sqlstate);
	trim(text);
	libpq_error(text, e);
	hint = conninfo_tls_hint(&pg->tls, text);
	if (*hint != '\0')
		err_hint(e, "%s", hint);
	str_copy(e->sqlstate, sizeof(e->sqlstate), sqlstate);
	if (strstr(text, "authentication method 13") != NULL)
		err_set(e, ERR_PERMANENT,
		    "%s; hint: the user's password is stored as SHA-256, which "
		    "libpq cannot prove to Redshift: store it as MD5 (CREATE "
		    "USER ... PASSWORD 'md5...'), or use IAM credentials",
		    text);
	free(text);
}

static struct pg *connect_with(const char *const *keys,
    const char *const *values, const struct conninfo_tls *tls,
    const struct watch *watch, struct err *e)
{
	int64_t deadline = clock_boot_ms() + CONNECT_MS;
	struct pg *pg = mem_zalloc(sizeof(*pg));
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	pg->tls = *tls;
	pg->watch = watch ? watch : &no_watch;
	pg->conn = PQconnectStartParams(keys, values, 1);
	if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD)
		goto failed;
	/* The one way to the SQLSTATE of a refusal. */
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
	while (want != PGRES_POLLING_OK) {
		int n = watch_wait(pg->watch, PQsocket(pg->conn),
		    want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline,
		    e);

		if (n < 0)
			goto stopped;
		if (n == 0) {
			err_set(e, ERR_TRANSIENT,
			    "connecting to %s took longer than %d s",
			    PQhost(pg->conn), CONNECT_MS / 1000);
			goto stopped;
		}
		want = PQconnectPoll(pg->conn);
		if (want == PGRES_POLLING_FAILED)
			goto failed;
	}
	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	PQsetnonblocking(pg->conn, 1);
	PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
	return pg;
failed:
	refused(pg, e);
stopped:
	pg_close(pg);
	return NULL;
}

/* What stands before dbname gives way to the connection string, what stands
 * behind it wins. A dead peer is noticed within a minute. */
struct pg *pg_connect(
    const char *conninfo, const struct watch *watch, struct err *e)
{
	struct conninfo_tls tls;

	if (conninfo_check(conninfo, e) != 0)
		return NULL;
	conninfo_protect(conninfo, &tls);
	const char *keys[] = {"keepalives_idle", "keepalives_interval",
	    "keepalives_count", "tcp_user_timeout", "fallback_application_name",
	    "sslmode", "sslrootcert", "dbname", "client_encoding", NULL};
	const char *values[] = {"30", "10", "3", "60000", "reportd",
	    tls.sslmode, tls.sslrootcert, conninfo, "UTF8", NULL};

	return connect_with(keys, values, &tls, watch, e);
}

struct pg *pg_connect_plain(
    const char *conninfo, const struct watch *watch, struct err *e)
{
	struct conninfo_tls tls;

	if (conninfo_check(conninfo, e) != 0)
		return NULL;
	forget_environment();
	conninfo_protect(conninfo, &tls);
	/* Every Redshift has TLS; on this host stands a tunnel to it. */
	if (tls.sslmode == NULL && getenv("PGSSLMODE") == NULL)
		tls.sslmode = "require";
	const char *keys[] = {"keepalives_idle", "keepalives_interval",
	    "keepalives_count", "tcp_user_timeout", "fallback_application_name",
	    "gssencmode", "sslmode", "sslrootcert", "dbname", "client_encoding",
	    "target_session_attrs", NULL};
	const char *values[] = {"30", "10", "3", "60000", "reportd", "disable",
	    tls.sslmode, tls.sslrootcert, conninfo, "UTF8", "any", NULL};

	return connect_with(keys, values, &tls, watch, e);
}

void pg_set_watch(struct pg *pg, const struct watch *watch)
{
	pg->watch = watch;
}

void pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	end_stream(pg);
	pg_stream_release(pg);
	PQfinish(pg->conn);
	free(pg->held);
	free(pg->sql);
	free(pg);
}

bool pg_alive(struct pg *pg)
{
	struct pollfd p;

	if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
		return false;
	p = (struct pollfd){.fd = PQsocket(pg->conn), .events = POLLIN};
	/* A server that goes says so first; the end comes behind that. */
	while (poll(&p, 1, 0) > 0) {
		if (PQconsumeInput(pg->conn) == 0)
			return false;
	}
	return PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_in_transaction(struct pg *pg)
{
	struct err unused;

	return ready(pg, &unused) == 0 &&
	       PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
}

bool pg_committed(const struct pg *pg)
{
	return pg->committed;
}

bool pg_large(const struct pg *pg)
{
	return pg->large;
}

static bool reported(const struct pg *pg, const char *name, const char *value)
{
	const char *said = PQparameterStatus(pg->conn, name);

	return said == NULL || strcmp(said, value) == 0;
}

bool pg_reads_plainly(const struct pg *pg)
{
	return reported(pg, "standard_conforming_strings", "on") &&
	       reported(pg, "client_encoding", "UTF8");
}

bool pg_encodes(const struct pg *pg, const char *encoding)
{
	return strcasecmp(encoding, "UTF8") == 0 ||
	       strcasecmp(encoding, "SQL_ASCII") == 0 ||
	       reported(pg, "server_encoding", "UTF8") ||
	       reported(pg, "server_encoding", "SQL_ASCII") ||
	       reported(pg, "server_encoding", encoding);
}

const char *pg_user(const struct pg *pg)
{
	return pg->conn != NULL ? PQuser(pg->conn) : NULL;
}

int pg_server_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

/* Of the mode that the connection was made with. */
static const char *tls_in_use(PGconn *conn, bool *weak)
{
	PQconninfoOption *all = PQconninfo(conn);
	const char *mode = "";
	bool whole, issued;

	for (const PQconninfoOption *o = all; o && o->keyword; o++) {
		if (strcmp(o->keyword, "sslmode") == 0 && o->val != NULL)
			mode = o->val;
	}
	whole = strcmp(mode, "verify-full") == 0;
	issued = strcmp(mode, "verify-ca") == 0;
	PQconninfoFree(all);
	*weak = !whole;
	return whole    ? "TLS, the server verified"
	       : issued ? "TLS, the certificate verified, but not its name"
			: "TLS, but the server not verified";
}

const char *pg_protection(const struct pg *pg, bool *weak)
{
	const char *host = PQhost(pg->conn), *address = PQhostaddr(pg->conn);

	*weak = false;
	if (PQsslInUse(pg->conn))
		return tls_in_use(pg->conn, weak);
	if (PQgssEncInUse(pg->conn))
		return "encrypted by GSSAPI";
	if (host == NULL || *host == '/' || *host == '@')
		return "a Unix socket";
	*weak = !conninfo_is_here(host, address ? address : "");
	return *weak ? "without TLS" : "on this host, without TLS";
}

bool pg_superuser(const struct pg *pg)
{
	const char *on = PQparameterStatus(pg->conn, "is_superuser");

	return on != NULL && strcmp(on, "on") == 0;
}

const char *pg_server_encoding(const struct pg *pg)
{
	const char *name = PQparameterStatus(pg->conn, "server_encoding");

	return name ? name : "";
}

/* One result of pg_exec. 0, or -1 with *e filled. */
static int take_result(struct pg *pg, PGresult *r, struct err *e)
{
	switch (PQresultStatus(r)) {
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
		return result_error(pg, r, e);
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
		PQputCopyEnd(pg->conn, "reportd sends no data");
		return err_set(e, ERR_PERMANENT,
		    "COPY FROM STDIN: a report has no input; COPY from a file "
		    "or from a program on the server instead");
	case PGRES_COPY_OUT:
		return err_set(e, ERR_PERMANENT,
		    "COPY TO STDOUT belongs to export_sql, which takes the "
		    "query alone");
	default:
		return 0;
	}
}

int pg_exec(struct pg *pg, const char *sql, struct err *e)
{
	bool failed = false;
	PGresult *r;

	if (ready(pg, e) != 0)
		return -1;
	set_sql(pg, sql, 0);
	pg->committed = false;
	if (PQsendQuery(pg->conn, sql) == 0)
		return conn_error(pg, e);
	if (flush(pg, e) != 0)
		return -1;
	PQsetSingleRowMode(pg->conn);
	for (;;) {
		if (next_result(pg, &r, e) != 0)
			return -1;
		if (r == NULL)
			return failed ? -1 : 0;
		/* The command tag: fixed words of the protocol. */
		pg->committed |= strcmp(PQcmdStatus(r), "COMMIT") == 0;
		if (!failed && take_result(pg, r, e) != 0) {
			failed = true;
			if (PQresultStatus(r) == PGRES_COPY_OUT)
				drain(pg);
		}
		PQclear(r);
		if (pg->conn == NULL)
			return -1;
	}
}

void pg_exec_later(struct pg *pg, const char *sql)
{
	struct err e;

	if (ready(pg, &e) != 0 || PQsendQuery(pg->conn, sql) == 0)
		return;
	PQflush(pg->conn);
	pg->pending = true;
}

struct pg_rows *pg_query(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e)
{
	PGresult *last = NULL, *r;

	if (ready(pg, e) != 0)
		return NULL;
	set_sql(pg, sql, 0);
	if (PQsendQueryParams(
		pg->conn, sql, count, NULL, params, NULL, NULL, 0) == 0) {
		conn_error(pg, e);
		return NULL;
	}
	if (flush(pg, e) != 0)
		return NULL;
	for (;;) {
		if (next_result(pg, &r, e) != 0)
			goto failed;
		if (r == NULL)
			break;
		PQclear(last);
		last = r;
	}
	if (last != NULL && take_result(pg, last, e) == 0)
		return (struct pg_rows *)last;
failed:
	PQclear(last);
	return NULL;
}

int pg_processes(struct pg *pg, int *told, int *real, struct err *e)
{
	struct pg_rows *rows =
	    pg_query(pg, "select pg_catalog.pg_backend_pid()", 0, NULL, e);

	if (rows == NULL)
		return -1;
	*told = PQbackendPID(pg->conn);
	*real = atoi(pg_rows_get(rows, 0, 0));
	pg_rows_free(rows);
	return 0;
}

int pg_rows_count(const struct pg_rows *rows)
{
	return PQntuples(as_result(rows));
}

int pg_rows_columns(const struct pg_rows *rows)
{
	return PQnfields(as_result(rows));
}

const char *pg_rows_name(const struct pg_rows *rows, int column)
{
	return PQfname(as_result(rows), column);
}

const char *pg_rows_get(const struct pg_rows *rows, int row, int column)
{
	PGresult *r = as_result(rows);

	return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

void pg_rows_free(struct pg_rows *rows)
{
	PQclear(as_result(rows));
}

static void fill_schema(const PGresult *r, struct schema *schema)
{
	int count = PQnfields(r);

	schema->count = count;
	schema->columns = mem_zalloc((size_t)count * sizeof(*schema->columns));
	for (int i = 0; i < count; i++) {
		struct column *c = &schema->columns[i];

		c->name = mem_strdup(PQfname(r, i));
		c->type_oid = PQftype(r, i);
		kind_fill(c, PQfmod(r, i));
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

/* The answers to all that was sent, up to the mark at their end. */
static int take_described(struct pg *pg, struct schema *schema, struct err *e)
{
	ExecStatusType status = PGRES_EMPTY_QUERY;
	bool failed = false;

	while (status != PGRES_PIPELINE_SYNC) {
		PGresult *r;

		if (next_result(pg, &r, e) != 0)
			return -1;
		status = PQresultStatus(r);
		if (r != NULL && status == PGRES_FATAL_ERROR && !failed) {
			result_error(pg, r, e);
			failed = true;
		} else if (status == PGRES_COMMAND_OK && PQnfields(r) > 0) {
			fill_schema(r, schema);
		}
		PQclear(r);
		if (PQstatus(pg->conn) != CONNECTION_OK)
			return failed ? -1 : conn_error(pg, e);
	}
	PQexitPipelineMode(pg->conn);
	return failed ? -1 : 0;
}

int pg_describe(struct pg *pg, const char *const *before, int count,
    const char *sql, struct schema *schema, struct err *e)
{
	*schema = (struct schema){0};
	if (ready(pg, e) != 0)
		return -1;
	end_stream(pg);
	set_sql(pg, sql, 0);
	if (PQenterPipelineMode(pg->conn) == 0 ||
	    !send_described(pg, before, count, sql))
		return conn_error(pg, e);
	if (flush(pg, e) == 0 && take_described(pg, schema, e) == 0)
		return 0;
	schema_free(schema);
	return -1;
}

/* Sends the statement and takes its first result into pg->result. */
static int start(
    struct pg *pg, const struct pg_stream *s, bool rows, struct err *e)
{
	int sent;

	if (ready(pg, e) != 0)
		return -1;
	end_stream(pg);
	set_sql(pg, s->sql, s->skip);
	/* The extended protocol takes one statement only: no query can close
	 * our parenthesis and go on with something else. */
	sent = s->simple ? PQsendQuery(pg->conn, s->sql)
			 : PQsendQueryParams(
			       pg->conn, s->sql, 0, NULL, NULL, NULL, NULL, 0);
	if (sent == 0)
		return conn_error(pg, e);
	if (rows)
		PQsetSingleRowMode(pg->conn);
	if (flush(pg, e) != 0 || next_result(pg, &pg->result, e) != 0)
		return -1;
	if (pg->result == NULL)
		return err_set(e, ERR_PERMANENT, "the statement is empty");
	pg->fresh = true;
	if (PQresultStatus(pg->result) == PGRES_FATAL_ERROR) {
		result_error(pg, pg->result, e);
		drain(pg);
		return -1;
	}
	return 0;
}

int pg_stream_start(struct pg *pg, const struct pg_stream *s, struct err *e)
{
	if (start(pg, s, true, e) != 0)
		return -1;
	if (PQresultStatus(pg->result) == PGRES_SINGLE_TUPLE ||
	    PQresultStatus(pg->result) == PGRES_TUPLES_OK)
		return 0;
	err_set(e, ERR_PERMANENT,
	    "export_sql returns no rows to export (%s); it must be a query",
	    PQcmdStatus(pg->result));
	drain(pg);
	return -1;
}

void pg_stream_schema(struct pg *pg, struct schema *schema)
{
	fill_schema(pg->result, schema);
}

/* Behind the rows: the rest of the statement, which must be nothing. */
static int end_of_rows(struct pg *pg, struct err *e)
{
	PGresult *r;

	end_stream(pg);
	if (next_result(pg, &r, e) != 0)
		return -1;
	if (r == NULL)
		return 0;
	if (PQresultStatus(r) == PGRES_FATAL_ERROR)
		result_error(pg, r, e);
	else
		err_set(e, ERR_PERMANENT,
		    "export_sql holds more than one statement");
	PQclear(r);
	drain(pg);
	return -1;
}

int pg_stream_next(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e)
{
	if (!pg->fresh) {
		if (!wait && PQisBusy(pg->conn))
			return PG_NOT_YET;
		if (next_result(pg, &pg->result, e) != 0)
			return -1;
	}
	pg->fresh = false;
	if (PQresultStatus(pg->result) == PGRES_TUPLES_OK)
		return end_of_rows(pg, e);
	if (PQresultStatus(pg->result) != PGRES_SINGLE_TUPLE) {
		result_error(pg, pg->result, e);
		drain(pg);
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
	/* What stands in front of it. */
	while (pg->result != NULL &&
	       PQresultStatus(pg->result) == PGRES_COMMAND_OK) {
		PQclear(pg->result);
		pg->result = NULL;
		if (next_result(pg, &pg->result, e) != 0)
			return -1;
	}
	if (PQresultStatus(pg->result) == PGRES_COPY_OUT)
		return 0;
	if (PQresultStatus(pg->result) == PGRES_FATAL_ERROR)
		result_error(pg, pg->result, e);
	else
		err_set(e, ERR_PERMANENT, "COPY gave no data");
	drain(pg);
	return -1;
}

/* Behind the last row comes the verdict on the COPY, and then those on what
 * stands behind it. */
static int end_of_copy(struct pg *pg, struct err *e)
{
	bool of_copy = true;

	for (;; of_copy = false) {
		PQclear(pg->result);
		pg->result = NULL;
		if (next_result(pg, &pg->result, e) != 0)
			return -1;
		if (pg->result == NULL)
			return 0;
		if (of_copy)
			str_to_i64(PQcmdTuples(pg->result), &pg->rows);
		if (PQresultStatus(pg->result) != PGRES_COMMAND_OK) {
			result_error(pg, pg->result, e);
			drain(pg);
			return -1;
		}
	}
}

/* 1 with a row, which the caller frees; 0 at the end, PG_NOT_YET, -1. */
static int next_copy(
    struct pg *pg, char **row, int *len, bool wait, struct err *e)
{
	while ((*len = PQgetCopyData(pg->conn, row, 1)) == 0) {
		if (!wait)
			return PG_NOT_YET;
		if (wait_input(pg, e) != 0)
			return -1;
	}
	if (*len == -2)
		return conn_error(pg, e);
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

/* PQgetlineAsync gives a row, or as much of a larger one as there is room for,
 * without the memory of its own that PQgetCopyData makes for each. */
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
		if (n == 0 && wait_input(pg, e) != 0)
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

static char *quoted(struct pg *pg, char *from_libpq, struct err *e)
{
	char *copy;

	if (from_libpq == NULL) {
		conn_error(pg, e);
		e->kind = ERR_PERMANENT;
		return NULL;
	}
	copy = mem_strdup(from_libpq);
	PQfreemem(from_libpq);
	return copy;
}

/* As servers before 8.1 want it: backslashes are doubled, and there is no E. */
static char *old_literal(struct pg *pg, const char *text, struct err *e)
{
	size_t len = strlen(text);
	char *literal = mem_zalloc(2 * len + 3);
	int failed = 0;

	literal[0] = '\'';
	len = PQescapeStringConn(pg->conn, literal + 1, text, len, &failed);
	literal[len + 1] = '\'';
	if (failed == 0)
		return literal;
	free(literal);
	conn_error(pg, e);
	e->kind = ERR_PERMANENT;
	return NULL;
}

/* A server that does not say what it takes for a standard string reads
 * backslashes in all of them; libpq assumes the same. */
char *pg_quote_literal(struct pg *pg, const char *text, struct err *e)
{
	if (PQparameterStatus(pg->conn, "standard_conforming_strings") == NULL)
		return old_literal(pg, text, e);
	return quoted(pg, PQescapeLiteral(pg->conn, text, strlen(text)), e);
}

char *pg_quote_identifier(struct pg *pg, const char *text, struct err *e)
{
	return quoted(pg, PQescapeIdentifier(pg->conn, text, strlen(text)), e);
}

int pg_wait_notify(
    struct pg *pg, int64_t deadline_ms, char **payload, struct err *e)
{
	for (;;) {
		PGnotify *n = PQnotifies(pg->conn);
		int ready_now;

		if (n != NULL) {
			*payload = mem_strdup(n->extra);
			PQfreemem(n);
			return 1;
		}
		ready_now = watch_wait(
		    pg->watch, PQsocket(pg->conn), POLLIN, deadline_ms, e);
		if (ready_now <= 0)
			return ready_now;
		if (PQconsumeInput(pg->conn) == 0)
			return conn_error(pg, e);
	}
}
