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

#define CONNECT_MS 30000

static const struct watch no_watch = {.check = NULL};

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
	pg_trim(text);
	pg_libpq_error(text, e);
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
	pg_end_stream(pg);
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

bool pg_reported(const struct pg *pg, const char *name, const char *value)
{
	const char *said = PQparameterStatus(pg->conn, name);

	return said == NULL || strcmp(said, value) == 0;
}

bool pg_reads_plainly(const struct pg *pg)
{
	return pg_reported(pg, "standard_conforming_strings", "on") &&
	       pg_reported(pg, "client_encoding", "UTF8");
}

bool pg_encodes(const struct pg *pg, const char *encoding)
{
	return strcasecmp(encoding, "UTF8") == 0 ||
	       strcasecmp(encoding, "SQL_ASCII") == 0 ||
	       pg_reported(pg, "server_encoding", "UTF8") ||
	       pg_reported(pg, "server_encoding", "SQL_ASCII") ||
	       pg_reported(pg, "server_encoding", encoding);
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
