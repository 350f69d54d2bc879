/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "supervisor/queue/ask.h"
#include "supervisor/queue/queue_parts.h"

static void ignore(void *arg, const struct reply *reply, const struct err *e)
{
	struct queue *q = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(q->o.log, LVL_ERROR, L_MSG("queue session set-up failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
}

/*
 * The session's settings. Each statement touches a few rows through an index,
 * so plans that read whole tables, which look cheap when statistics are old,
 * are switched off. No lock of another session may delay the daemon for long.
 * $1 is the time in ms after which the server ends a statement. It is shorter
 * than the time after which the daemon gives the connection up; otherwise each
 * such statement would leave a server process behind that goes on with it.
 */
#define SET_UP(local)                                                         \
	"select pg_catalog.set_config(s.name, s.value, " local                \
	") from (values "                                                     \
	"('application_name', 'reportd'), ('jit', 'off'), "                   \
	"('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), "           \
	"('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), "           \
	"('plan_cache_mode', 'force_generic_plan'), ('lock_timeout', '5s'), " \
	"('statement_timeout', $1), "                                         \
	"('timezone', 'UTC'), ('search_path', 'pg_catalog, pg_temp'), "       \
	"('standard_conforming_strings', 'on')) s(name, value)"

static const struct statement set_up = {NULL, SET_UP("false"), 1};
/* The same settings, for a single transaction. */
const struct statement session_set_up_local = {NULL, SET_UP("true"), 1};

static void listen_to(struct queue *q, const char *channel)
{
	char text[80];

	snprintf(text, sizeof(text), "listen %s", channel);
	queue_send(
	    q, NULL, &(struct statement){NULL, text, 0}, NULL, ignore, q);
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void come_up(struct queue *q, bool shared)
{
	q->state = UP;
	q->shared = shared;
	if (!shared) {
		queue_send(q, NULL, &set_up, (const char *const[]){q->limit},
		    ignore, q);
		for (int i = 0; q->o.channels[i] != NULL; i++)
			listen_to(q, q->o.channels[i]);
	}
	q->o.events->up(q->o.arg);
}

/* Takes the server process of a second client. If it is the process of this
 * connection, a pooler shares sessions between clients. */
static void on_other_process(void *arg, const char *answer, const struct err *e)
{
	struct queue *q = arg;
	int64_t other = -1;

	q->child = NULL;
	if (answer == NULL)
		LOG(q->o.log, LVL_WARN,
		    L_MSG("cannot tell how the pooler before the queue shares "
			  "sessions: if by transactions, set [queue] listen = "
			  "off"),
		    L_STR("error", e->text));
	else
		str_to_i64(answer, &other);
	if (other == q->process)
		LOG(q->o.log, LVL_ERROR,
		    L_MSG("a pooler gives each transaction of the queue "
			  "another session, so no notification arrives and new "
			  "reports wait for the next poll: set [queue] listen "
			  "= off, or connect to the server itself"));
	come_up(q, other == q->process);
}

static const struct statement process = {
    NULL, "select pg_catalog.pg_backend_pid()", 0};

/* Compares the server process with the one named at the start of the
 * connection: a pooler makes the latter up, so they differ only with a
 * pooler. */
static void on_process(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct queue *q = arg;
	struct err failure;

	if (reply == NULL) {
		if (e->kind != ERR_LOST)
			queue_fail(q, e->text);
		return;
	}
	q->process = reply_int(reply, 0, 0, 0);
	if (q->process == PQbackendPID(q->conn)) {
		come_up(q, false);
		return;
	}
	q->child = queue_ask_process(&(struct queue_ask){.loop = q->o.loop,
					 .program = q->o.program,
					 .conninfo = q->here,
					 .ready = on_other_process,
					 .arg = q},
	    &failure);
	if (q->child == NULL)
		on_other_process(q, NULL, &failure);
}

static void on_connected(struct queue *q)
{
	q->untried = q->refused = false;
	PQsetnonblocking(q->conn, 1);
	PQsetNoticeProcessor(q->conn, ignore_notice, NULL);
	PQenterPipelineMode(q->conn);
	q->state = LOOKING;
	if (q->o.channels == NULL)
		come_up(q, true);
	else
		queue_send(q, NULL, &process, NULL, on_process, q);
}

/* Handles a failed connection. When the server refuses a password that has
 * worked before, the password may have been changed, and the secret is read
 * again at once. A password that is refused directly after it was read waits
 * like any other failure. */
static void take_failure(struct queue *q, const struct err *e)
{
	q->refused = q->secret_arn != NULL && conninfo_refused(e->sqlstate);
	if (q->refused && !q->untried) {
		LOG(q->o.log, LVL_INFO,
		    L_MSG("password refused, reading the secret again"));
		queue_drop(q);
		queue_arm(q, 0);
	} else {
		queue_fail(q, e->text);
	}
}

static void on_reached(
    void *arg, PGconn *conn, const char *conninfo, const struct err *e)
{
	struct queue *q = arg;

	q->reach = NULL;
	if (conn == NULL) {
		take_failure(q, e);
		return;
	}
	q->here = mem_strdup(conninfo);
	queue_follow(q, conn);
	on_connected(q);
}

static void connect_now(struct queue *q)
{
	q->state = CONNECTING;
	q->reach = reach_start(&(struct reach_options){.loop = q->o.loop,
	    .conninfo = q->login ? q->login : q->conninfo,
	    .timeout_ms = q->o.timeout_ms,
	    .done = on_reached,
	    .arg = q});
}

static void on_login(void *arg, const char *conninfo, const struct err *e)
{
	struct queue *q = arg;

	q->child = NULL;
	if (conninfo == NULL) {
		queue_fail(q, e->text);
		return;
	}
	conninfo_free(q->login);
	q->login = mem_strdup(conninfo);
	q->untried = true;
	connect_now(q);
}

static void read_login(struct queue *q)
{
	struct err e;

	q->state = READING;
	q->child = queue_ask_login(&(struct queue_ask){.loop = q->o.loop,
				       .program = q->o.program,
				       .settings = q->o.settings,
				       .conninfo = q->conninfo,
				       .secret_arn = q->secret_arn,
				       .fresh = q->refused,
				       .ready = on_login,
				       .arg = q},
	    &e);
	if (q->child == NULL)
		queue_fail(q, e.text);
}

void session_begin(struct queue *q)
{
	if (q->secret_arn != NULL && (q->login == NULL || q->refused))
		read_login(q);
	else
		connect_now(q);
}
