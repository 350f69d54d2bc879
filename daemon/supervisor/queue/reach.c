/* SPDX-License-Identifier: MIT */
#include "supervisor/queue/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/route.h"
#include "supervisor/child.h"

struct reach {
	struct reach_options o;
	struct route *route;
	struct conninfo_tls tls;
	struct child *child; /* process that looks a name up */
	char *task;          /* task of `child`, for its messages */
	PGconn *conn;        /* connection to the address of this step */
	/* watches the socket of conn; freed in its close callback */
	uv_poll_t *poll;
	/* starts the next step, or ends the time of this one */
	uv_timer_t timer;
	int64_t step_ms;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void let_go_of_socket(struct reach *r)
{
	if (r->poll != NULL)
		uv_close((uv_handle_t *)r->poll, free_handle);
	r->poll = NULL;
}

static void drop_step(struct reach *r)
{
	if (r->child != NULL)
		child_stop(r->child);
	r->child = NULL;
	let_go_of_socket(r);
	PQfinish(r->conn);
	r->conn = NULL;
}

static void on_closed(uv_handle_t *handle)
{
	struct reach *r = handle->data;

	route_free(r->route);
	free(r->task);
	free(r);
}

void reach_stop(struct reach *r)
{
	drop_step(r);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void end(struct reach *r, PGconn *conn, const struct err *e)
{
	/* The loop allows one watcher for each socket, and the callee adds its
	 * own. */
	let_go_of_socket(r);
	r->o.done(r->o.arg, conn, route_conninfo(r->route), e);
	reach_stop(r);
}

static void say_unreached(struct reach *r)
{
	const char *text = route_trouble(r->route);
	const char *hint = conninfo_tls_hint(&r->tls, text);
	struct err e;

	err_set(
	    &e, ERR_TRANSIENT, "%s%s%s", text, *hint ? "; hint: " : "", hint);
	str_copy(e.sqlstate, sizeof(e.sqlstate), route_sqlstate(r->route));
	end(r, NULL, &e);
}

/* ---- from step to step ---- */

static void on_next(uv_timer_t *timer);

static void go_on(struct reach *r)
{
	drop_step(r);
	uv_timer_start(&r->timer, on_next, 0, 0);
}

static void on_silent(uv_timer_t *timer)
{
	struct reach *r = timer->data;

	route_silent(r->route, r->step_ms);
	go_on(r);
}

/* ---- names ---- */

static char *look_up(const void *host, struct err *e)
{
	return route_look_up(host, e);
}

static void on_found(void *arg, const char *addresses, const struct err *e)
{
	struct reach *r = arg;

	r->child = NULL;
	if (addresses != NULL)
		route_found(r->route, addresses);
	else
		route_failed(r->route, e->text, "");
	go_on(r);
}

static void begin_look_up(struct reach *r)
{
	struct err e;

	free(r->task);
	r->task = mem_printf("looks up %s", route_host(r->route));
	r->child = child_start(&(struct child_options){.loop = r->o.loop,
				   .name = "reportd-lookup",
				   .work = look_up,
				   .what = route_host(r->route),
				   .task = r->task,
				   .ready = on_found,
				   .arg = r},
	    &e);
	if (r->child != NULL)
		return;
	route_failed(r->route, e.text, "");
	go_on(r);
}

/* ---- connections ---- */

static void say_failed(struct reach *r)
{
	char *text =
	    mem_strdup(r->conn ? PQerrorMessage(r->conn) : "out of memory");
	char sqlstate[6];

	conninfo_failure(text, sqlstate);
	route_failed(r->route, text, sqlstate);
	free(text);
	go_on(r);
}

static void on_socket(uv_poll_t *poll, int status, int events);

/* Watches the socket again after each step, because libpq may open another one
 * after a refused TLS. */
static void follow_socket(struct reach *r, int events)
{
	let_go_of_socket(r);
	r->poll = mem_zalloc(sizeof(*r->poll));
	r->poll->data = r;
	uv_poll_init(r->o.loop, r->poll, PQsocket(r->conn));
	uv_poll_start(r->poll, events, on_socket);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct reach *r = poll->data;
	PostgresPollingStatusType want;
	PGconn *conn = r->conn;

	(void)status;
	(void)events;
	if (r->poll != poll)
		return;
	/* Stopped before the step, which may close this socket. */
	uv_poll_stop(poll);
	want = PQconnectPoll(conn);
	if (want == PGRES_POLLING_FAILED) {
		say_failed(r);
	} else if (want == PGRES_POLLING_OK) {
		PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
		r->conn = NULL;
		end(r, conn, NULL);
	} else {
		follow_socket(r,
		    want == PGRES_POLLING_WRITING ? UV_WRITABLE : UV_READABLE);
	}
}

/* Starts a connection; pg_connect() explains the order of the keys. A stand-by
 * takes no claims, hence read-write. Encryption by GSSAPI is tried only where it is
 * asked for: libpq would look for a ticket first, and its library waits for the
 * servers of Kerberos without the loop. */
static PGconn *begin_connection(const struct reach *r)
{
	const char *gss = getenv("PGGSSENCMODE") ? "" : "disable";
	const char *keys[] = {"keepalives_idle", "keepalives_interval",
	    "keepalives_count", "tcp_user_timeout", "target_session_attrs",
	    "fallback_application_name", "gssencmode", "sslmode", "sslrootcert",
	    "dbname", "client_encoding", NULL};
	const char *values[] = {"30", "10", "3", "30000", "read-write",
	    "reportd", gss, r->tls.sslmode, r->tls.sslrootcert,
	    route_conninfo(r->route), "UTF8", NULL};

	return PQconnectStartParams(keys, values, 1);
}

static void begin_connect(struct reach *r)
{
	r->conn = begin_connection(r);
	if (r->conn == NULL || PQstatus(r->conn) == CONNECTION_BAD) {
		say_failed(r);
		return;
	}
	/* Only verbose messages hold the SQLSTATE of a refusal. */
	PQsetErrorVerbosity(r->conn, PQERRORS_VERBOSE);
	follow_socket(r, UV_WRITABLE);
}

static void on_next(uv_timer_t *timer)
{
	struct reach *r = timer->data;
	enum route_step step = route_next(r->route);

	if (step == ROUTE_END) {
		say_unreached(r);
		return;
	}
	/* Starts the time limit first, because the step may fail at once and
	 * start the next one. */
	uv_timer_start(&r->timer, on_silent, (uint64_t)r->step_ms, 0);
	if (step == ROUTE_LOOK_UP)
		begin_look_up(r);
	else
		begin_connect(r);
}

struct reach *reach_start(const struct reach_options *o)
{
	struct reach *r = mem_zalloc(sizeof(*r));

	r->o = *o;
	conninfo_protect(o->conninfo, &r->tls);
	r->route = route_open(o->conninfo, "read-write");
	r->step_ms = route_step_ms(r->route, o->timeout_ms);
	uv_timer_init(o->loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_next, 0, 0);
	return r;
}
