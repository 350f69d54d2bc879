/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/pg_conn.h"
#include "source/postgres/route.h"

#define CONNECT_MS 30000

static const struct watch no_watch = {.check = NULL};

/* Ignores what a server remarks, but for its last words: an error that ends an
 * idle session comes as a notice, before the socket closes. Only servers from
 * 9.6 on, so not Redshift, tell the severity untranslated as well. */
static void take_notice(void *arg, const PGresult *r)
{
	struct pg *pg = arg;
	const char *said = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (said == NULL)
		said = PQresultErrorField(r, PG_DIAG_SEVERITY);
	if (said != NULL &&
	    (strcmp(said, "FATAL") == 0 || strcmp(said, "PANIC") == 0))
		pg->ended = true;
}

/* Redshift refuses every start-up parameter that it does not know, and libpq
 * sends parameters for these variables. A process that connects to Redshift has
 * to do without them. */
static void forget_environment(void)
{
	static const char *const variables[] = {
	    "PGDATESTYLE", "PGTZ", "PGGEQO", "PGOPTIONS"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
}

/* Fills *e after no step of the route has led to a server that accepts the
 * login. */
static void refused(
    const struct route *r, const struct conninfo_tls *tls, struct err *e)
{
	const char *text = route_trouble(r);
	const char *hint = conninfo_tls_hint(tls, text);

	pg_libpq_error(text, e);
	if (*hint != '\0')
		err_hint(e, "%s", hint);
	str_copy(e->sqlstate, sizeof(e->sqlstate), route_sqlstate(r));
	if (strstr(text, "authentication method 13") != NULL)
		err_set(e, ERR_PERMANENT,
		    "%s; hint: the user's password is stored as SHA-256, which "
		    "libpq cannot prove to Redshift: store it as MD5 (CREATE "
		    "USER ... PASSWORD 'md5...'), or use IAM credentials",
		    text);
}

static void say_failed(struct route *r, PGconn *conn)
{
	char sqlstate[6], *text;

	if (conn == NULL) {
		route_failed(r, "out of memory", "");
		return;
	}
	text = mem_strdup(PQerrorMessage(conn));
	conninfo_failure(text, sqlstate);
	route_failed(r, text, sqlstate);
	free(text);
}

/* Returns 1 when connected, 0 when the step failed and the route has been told
 * why, -1 when the watch stopped the wait (*e is filled). */
static int take_step(
    PGconn *conn, struct route *r, const struct watch *watch, struct err *e)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	int64_t ms = route_step_ms(r, CONNECT_MS);
	int64_t deadline = clock_boot_ms() + ms;

	if (conn == NULL || PQstatus(conn) == CONNECTION_BAD) {
		say_failed(r, conn);
		return 0;
	}
	/* Only a verbose message contains the SQLSTATE of a refusal. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	while (want != PGRES_POLLING_OK) {
		int n = watch_wait(watch, PQsocket(conn),
		    want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline,
		    e);

		if (n < 0)
			return -1;
		if (n == 0) {
			route_silent(r, ms);
			return 0;
		}
		want = PQconnectPoll(conn);
		if (want == PGRES_POLLING_FAILED) {
			say_failed(r, conn);
			return 0;
		}
	}
	return 1;
}

/* libpq's keywords and values; *conninfo, one of the values, receives the
 * connection string of each step. */
struct terms {
	const char *const *keys;
	const char **values;
	const char **conninfo; /* the element of values that holds the string */
	struct conninfo_tls tls;
};

static int look_up(struct route *r, const struct watch *watch, struct err *e)
{
	char *addresses;
	struct err why;

	if (watch_check(watch, e) != 0)
		return -1;
	addresses = route_look_up(route_host(r), &why);
	if (addresses == NULL)
		route_failed(r, why.text, "");
	else
		route_found(r, addresses);
	free(addresses);
	return 0;
}

static PGconn *go(struct route *r, const struct terms *t,
    const struct watch *watch, struct err *e)
{
	for (;;) {
		enum route_step step = route_next(r);
		PGconn *conn;
		int rc;

		if (step == ROUTE_END) {
			refused(r, &t->tls, e);
			return NULL;
		}
		if (step == ROUTE_LOOK_UP) {
			if (look_up(r, watch, e) != 0)
				return NULL;
			continue;
		}
		*t->conninfo = route_conninfo(r);
		conn = PQconnectStartParams(t->keys, t->values, 1);
		rc = take_step(conn, r, watch, e);
		if (rc > 0)
			return conn;
		PQfinish(conn);
		if (rc < 0)
			return NULL;
	}
}

static struct pg *connect_with(const struct terms *t, const char *conninfo,
    const struct watch *watch, struct err *e)
{
	struct route *r = route_open(conninfo, NULL);
	PGconn *conn = go(r, t, watch ? watch : &no_watch, e);
	struct pg *pg;

	route_free(r);
	if (conn == NULL)
		return NULL;
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	PQsetnonblocking(conn, 1);
	pg = mem_zalloc(sizeof(*pg));
	PQsetNoticeReceiver(conn, take_notice, pg);
	pg->conn = conn;
	pg->tls = t->tls;
	pg->watch = watch ? watch : &no_watch;
	return pg;
}

/* Keywords before dbname give way to the connection string; keywords after it
 * override it. The keepalive values detect a dead peer within a minute. */
struct pg *pg_connect(
    const char *conninfo, const struct watch *watch, struct err *e)
{
	static const char *const keys[] = {"keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	    "fallback_application_name", "sslmode", "sslrootcert", "dbname",
	    "client_encoding", NULL};
	struct terms t = {.keys = keys};

	if (conninfo_check(conninfo, e) != 0)
		return NULL;
	conninfo_protect(conninfo, &t.tls);
	const char *values[] = {"30", "10", "3", "60000", "reportd",
	    t.tls.sslmode, t.tls.sslrootcert, conninfo, "UTF8", NULL};

	t.values = values;
	t.conninfo = &values[7];
	return connect_with(&t, conninfo, watch, e);
}

struct pg *pg_connect_plain(
    const char *conninfo, const struct watch *watch, struct err *e)
{
	static const char *const keys[] = {"keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	    "fallback_application_name", "gssencmode", "sslmode", "sslrootcert",
	    "dbname", "client_encoding", "target_session_attrs", NULL};
	struct terms t = {.keys = keys};

	if (conninfo_check(conninfo, e) != 0)
		return NULL;
	forget_environment();
	conninfo_protect(conninfo, &t.tls);
	/* Every Redshift server offers TLS; a Redshift address on this host is
	 * the end of a tunnel to it. */
	if (t.tls.sslmode == NULL && getenv("PGSSLMODE") == NULL)
		t.tls.sslmode = "require";
	const char *values[] = {"30", "10", "3", "60000", "reportd", "disable",
	    t.tls.sslmode, t.tls.sslrootcert, conninfo, "UTF8", "any", NULL};

	t.values = values;
	t.conninfo = &values[8];
	return connect_with(&t, conninfo, watch, e);
}

void pg_set_watch(struct pg *pg, const struct watch *watch)
{
	pg->watch = watch;
}

void pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	pg_end_stream(pg);
	pg_stream_release(pg);
	/* A server notices a closed connection late, or when it sends. */
	if (!pg->pending && PQtransactionStatus(pg->conn) == PQTRANS_ACTIVE)
		pg_cancel(pg);
	PQfinish(pg->conn);
	free(pg->held);
	free(pg->sql);
	free(pg);
}

bool pg_usable(const struct pg *pg)
{
	return pg->conn != NULL && !pg->ended &&
	       PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_alive(struct pg *pg)
{
	struct pollfd p;

	if (!pg_usable(pg))
		return false;
	p = (struct pollfd){.fd = PQsocket(pg->conn), .events = POLLIN};
	/* A server that shuts down sends a message before it closes the
	 * connection; PQisBusy reads that message. */
	while (poll(&p, 1, 0) > 0) {
		if (PQconsumeInput(pg->conn) == 0)
			return false;
		PQisBusy(pg->conn);
	}
	return pg_usable(pg);
}

/* Says whether the server reports this value for a setting, or does not report
 * the setting. */
static bool is_reported(
    const struct pg *pg, const char *name, const char *value)
{
	const char *said = PQparameterStatus(pg->conn, name);

	return said == NULL || strcmp(said, value) == 0;
}

const char *pg_misread_by(const struct pg *pg, const char *encoding)
{
	if (!is_reported(pg, "standard_conforming_strings", "on"))
		return "standard_conforming_strings";
	return is_reported(pg, "client_encoding", encoding) ? NULL
							    : "client_encoding";
}

bool pg_is_bytes(const struct pg *pg)
{
	const char *said = PQparameterStatus(pg->conn, "server_encoding");

	return said != NULL && strcmp(said, "SQL_ASCII") == 0;
}

bool pg_encodes(const struct pg *pg, const char *encoding)
{
	return strcasecmp(encoding, "SQL_ASCII") == 0 ||
	       (strcasecmp(encoding, "UTF8") == 0 && !pg_is_bytes(pg)) ||
	       is_reported(pg, "server_encoding", "UTF8") ||
	       is_reported(pg, "server_encoding", encoding);
}

const char *pg_user(const struct pg *pg)
{
	return pg->conn != NULL ? PQuser(pg->conn) : NULL;
}

int pg_server_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

/* Describes TLS by the sslmode that the connection was made with. */
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
