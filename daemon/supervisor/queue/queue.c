/* SPDX-License-Identifier: MIT */
#include "supervisor/queue/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "supervisor/queue/queue_parts.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 4000
#define PARAMS_MAX 16

bool queue_is_up(const struct queue *q)
{
	return q->state == UP;
}

const char *queue_encoding(const struct queue *q)
{
	const char *name =
	    q->conn ? PQparameterStatus(q->conn, "server_encoding") : NULL;

	return name ? name : "";
}

const char *queue_trouble(const struct queue *q)
{
	return q->trouble.text;
}

void queue_works(struct queue *q)
{
	if (q->works)
		return;
	q->works = true;
	q->failures = 0;
	LOG(q->o.log, LVL_INFO, L_MSG("queue connected"),
	    L_STR("user", PQuser(q->conn)), L_STR("host", PQhost(q->conn)),
	    L_STR("database", PQdb(q->conn)));
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void queue_drop(struct queue *q)
{
	if (q->child != NULL)
		child_stop(q->child);
	q->child = NULL;
	if (q->reach != NULL)
		reach_stop(q->reach);
	q->reach = NULL;
	if (q->poll != NULL) {
		uv_close((uv_handle_t *)q->poll, free_handle);
		q->poll = NULL;
	}
	PQfinish(q->conn);
	q->conn = NULL;
	conninfo_free(q->here);
	q->here = NULL;
	q->state = DOWN;
	q->broken = false;
	q->prepared_count = 0;
	q->shared = false;
}

const char *queue_hint(const struct queue *q)
{
	return q->hint;
}

static void finish_op(struct queue *q)
{
	struct op *op = q->head;

	q->head = op->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->pending--;
	op->answer(op->arg, op->failed ? NULL : (struct reply *)op->result,
	    &op->error);
	q->hint[0] = '\0';
	PQclear(op->result);
	free(op);
}

static void on_timer(uv_timer_t *timer);

void queue_arm(struct queue *q, int64_t ms)
{
	uv_timer_start(&q->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

void queue_fail(struct queue *q, const char *text)
{
	bool was_up = q->state == UP;
	int64_t wait = BACKOFF_MIN_MS;
	/* The waits are at most this long, so that there are several attempts
	 * within a lease. */
	int64_t most =
	    q->o.timeout_ms < BACKOFF_MAX_MS ? q->o.timeout_ms : BACKOFF_MAX_MS;
	bool worked = q->works;
	struct err e;

	err_set(&e, ERR_LOST, "%s", text);
	for (char *end = e.text + strlen(e.text);
	     end > e.text && (end[-1] == '\n' || end[-1] == ' ');)
		*--end = '\0';
	q->trouble = e;
	q->works = false;
	queue_drop(q);
	while (q->head != NULL) {
		q->head->failed = true;
		q->head->error = e;
		finish_op(q);
	}
	for (int i = 0; i < q->failures && wait < most; i++)
		wait *= 2;
	q->failures++;
	if (q->renewed)
		LOG(q->o.log, LVL_INFO,
		    L_MSG("connecting to the queue anew, as the settings say"));
	else if (worked || q->failures == 1)
		LOG(q->o.log, LVL_WARN,
		    L_MSG(worked ? "queue connection lost"
				 : "cannot reach the queue, trying on"),
		    L_STR("error", e.text));
	else
		LOG(q->o.log, LVL_DEBUG, L_MSG("queue not reachable"),
		    L_STR("error", e.text), L_INT("failures", q->failures));
	if (!q->closing)
		queue_arm(q, random_shorten(wait < most ? wait : most, 2));
	if (was_up)
		q->o.events->down(q->o.arg, &e);
}

void queue_give_up(struct queue *q, const struct err *e)
{
	if (q->state == UP)
		queue_fail(q, e->text);
}

static void on_socket(uv_poll_t *poll, int status, int events);

static void watch(struct queue *q, int events)
{
	if (q->broken || q->watched == events)
		return;
	q->watched = events;
	uv_poll_start(q->poll, events, on_socket);
}

void queue_follow(struct queue *q, PGconn *conn)
{
	q->conn = conn;
	q->poll = mem_zalloc(sizeof(*q->poll));
	q->poll->data = q;
	uv_poll_init(q->o.loop, q->poll, PQsocket(q->conn));
	q->watched = 0;
	watch(q, UV_READABLE);
}

static void flush(struct queue *q)
{
	int n = PQflush(q->conn);

	if (n < 0)
		queue_fail(q, PQerrorMessage(q->conn));
	else
		watch(q, n > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void take_error(struct queue *q, struct op *op, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);

	if (op->failed)
		return;
	str_copy(q->hint, sizeof(q->hint), hint ? hint : "");
	op->failed = true;
	err_set(&op->error, ERR_TRANSIENT, "%s",
	    PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
		? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
		: "the server gave no reason");
	str_copy(
	    op->error.sqlstate, sizeof(op->error.sqlstate), state ? state : "");
}

/* Forgets the PREPAREs that a failure has undone: those not answered before. */
static void forget_prepared(struct queue *q, const struct op *op)
{
	for (int at = op->answered; at < op->sent; at++) {
		for (int i = 0; op->preparing[at] && i < q->prepared_count;
		     i++) {
			if (q->prepared[i] == op->preparing[at])
				q->prepared[i] =
				    q->prepared[--q->prepared_count];
		}
	}
}

/* Takes all results that have arrived. Returns false when the connection
 * broke. */
static bool take_results(struct queue *q)
{
	int nothing = 0;

	while (q->head != NULL && nothing < 2 && !PQisBusy(q->conn)) {
		PGresult *r = PQgetResult(q->conn);
		struct op *op = q->head;

		if (r == NULL) {
			nothing++;
			continue;
		}
		nothing = 0;
		switch (PQresultStatus(r)) {
		case PGRES_PIPELINE_SYNC:
			PQclear(r);
			finish_op(q);
			/* The sender's reaction to the answer may have closed
			 * the queue. */
			if (q->conn == NULL)
				return false;
			continue;
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			op->answered++;
			PQclear(op->result);
			op->result = r;
			continue;
		case PGRES_FATAL_ERROR:
			take_error(q, op, r);
			/* SQLSTATE 25006: the server has become a stand-by
			 * meanwhile. */
			if (strcmp(op->error.sqlstate, "25006") == 0) {
				PQclear(r);
				queue_fail(q, "the server has become a "
					      "stand-by, which only reads");
				return false;
			}
			forget_prepared(q, op);
			break;
		default:
			break;
		}
		PQclear(r);
	}
	return true;
}

static void take_notices(struct queue *q)
{
	PGnotify *n;

	while (q->conn != NULL && (n = PQnotifies(q->conn)) != NULL) {
		q->o.events->notified(q->o.arg, n->relname);
		PQfreemem(n);
	}
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct queue *q = poll->data;

	if (q->poll != poll)
		return;
	(void)events;
	/* libuv reports "bad file descriptor" for every error of the socket;
	 * libpq knows which error it was. */
	if (PQconsumeInput(q->conn) == 0 || status < 0) {
		queue_fail(q, *PQerrorMessage(q->conn) ? PQerrorMessage(q->conn)
						       : uv_strerror(status));
		return;
	}
	if (!take_results(q))
		return;
	take_notices(q);
	if (q->state >= LOOKING)
		flush(q);
}

/* The timer serves everything that can be late: the next attempt to connect,
 * and the oldest answer. */
static void on_timer(uv_timer_t *timer)
{
	struct queue *q = timer->data;
	int64_t now = clock_boot_ms();

	if (q->state == DOWN) {
		session_begin(q);
	} else if (q->broken) {
		queue_fail(q, PQerrorMessage(q->conn));
	} else if (q->head != NULL) {
		int64_t left = q->head->sent_ms + q->o.timeout_ms - now;

		if (left > 0)
			queue_arm(q, left);
		else
			queue_fail(
			    q, "no answer in time; the connection is dead");
	}
}

static void take_options(struct queue *q, const struct queue_options *options)
{
	char *conninfo = mem_strdup(options->conninfo);
	char *secret_arn =
	    options->secret_arn ? mem_strdup(options->secret_arn) : NULL;

	conninfo_free(q->conninfo);
	free(q->secret_arn);
	q->o = *options;
	snprintf(q->limit, sizeof(q->limit), "%" PRId64,
	    q->o.timeout_ms - q->o.timeout_ms / 4);
	q->o.conninfo = q->conninfo = conninfo;
	q->o.secret_arn = q->secret_arn = secret_arn;
}

struct queue *queue_open(const struct queue_options *options)
{
	struct queue *q = mem_zalloc(sizeof(*q));

	q->tail = &q->head;
	take_options(q, options);
	uv_timer_init(q->o.loop, &q->timer);
	q->timer.data = q;
	queue_arm(q, 0);
	return q;
}

void queue_reopen(struct queue *q, const struct queue_options *options)
{
	bool same_login =
	    strcmp(q->conninfo, options->conninfo) == 0 &&
	    strcmp(q->secret_arn ? q->secret_arn : "",
		options->secret_arn ? options->secret_arn : "") == 0;
	bool same = same_login && q->o.channels == options->channels;

	take_options(q, options);
	if (same)
		return;
	if (!same_login) {
		conninfo_free(q->login);
		q->login = NULL;
		q->refused = false;
	}
	if (q->state != DOWN) {
		q->renewed = true;
		queue_fail(q, "the settings changed");
		q->renewed = false;
	}
	q->failures = 0;
	queue_arm(q, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct queue *q = handle->data;

	conninfo_free(q->conninfo);
	conninfo_free(q->login);
	free(q->secret_arn);
	free(q);
}

void queue_close(struct queue *q)
{
	q->closing = true;
	queue_drop(q);
	while (q->head != NULL) {
		q->head->failed = true;
		err_set(&q->head->error, ERR_LOST, "closed");
		finish_op(q);
	}
	uv_close((uv_handle_t *)&q->timer, on_closed);
}

static bool dispatch(struct queue *q, struct op *op, const struct statement *st,
    const char *const *params)
{
	bool ready = false;

	if (st->name == NULL || q->shared) {
		op->sent++;
		return PQsendQueryParams(q->conn, st->text, st->params, NULL,
			   params, NULL, NULL, 0) != 0;
	}
	for (int i = 0; i < q->prepared_count; i++)
		ready = ready || q->prepared[i] == st->name;
	if (!ready) {
		if (PQsendPrepare(
			q->conn, st->name, st->text, st->params, NULL) == 0)
			return false;
		op->preparing[op->sent++] = st->name;
		if (q->prepared_count < PREPARED_MAX)
			q->prepared[q->prepared_count++] = st->name;
	}
	op->sent++;
	return PQsendQueryPrepared(
		   q->conn, st->name, st->params, params, NULL, NULL, 0) != 0;
}

/* Lets the loop tell the senders of the failure, which must not happen during
 * their own call. libpq may have closed the socket, so the loop must stop
 * watching it at once. */
static void fail_later(struct queue *q)
{
	if (q->poll != NULL) {
		uv_close((uv_handle_t *)q->poll, free_handle);
		q->poll = NULL;
	}
	q->broken = true;
	queue_arm(q, 0);
}

/* The parameters as they are sent; own[i] is a cleaned copy, or NULL when
 * list[i] is the sender's. */
struct params {
	const char *list[PARAMS_MAX];
	char *own[PARAMS_MAX];
};

static void clean(
    struct params *p, const struct statement *st, const char *const *params)
{
	for (int i = 0; i < st->params && i < PARAMS_MAX; i++) {
		p->own[i] = NULL;
		p->list[i] = params[i];
		if (params[i] == NULL ||
		    str_is_utf8(params[i], strlen(params[i])))
			continue;
		p->list[i] = p->own[i] = mem_strdup(params[i]);
		str_clean_utf8(p->own[i]);
	}
}

static void free_params(struct params *p, const struct statement *st)
{
	for (int i = 0; i < st->params && i < PARAMS_MAX; i++)
		free(p->own[i]);
}

const char *queue_text(const struct buf *b)
{
	return b->overflow ? "reportd: the list is longer than it may be"
			   : b->data;
}

void queue_send_after(struct queue *q, const struct statement *before,
    const char *const *before_params, const struct statement *st,
    const char *const *params, queue_answer *answer, void *arg)
{
	struct op *op = mem_zalloc(sizeof(*op));
	struct params p;
	int unsent = 0;

	op->answer = answer;
	op->arg = arg;
	op->sent_ms = clock_boot_ms();
	*q->tail = op;
	q->tail = &op->next;
	if (q->pending++ == 0)
		queue_arm(q, q->o.timeout_ms);
	clean(&p, st, params);
	if ((q->shared && !dispatch(q, op, &session_set_up_local,
			      (const char *const[]){q->limit})) ||
	    (before != NULL && !dispatch(q, op, before, before_params)) ||
	    !dispatch(q, op, st, p.list) || PQpipelineSync(q->conn) == 0 ||
	    (unsent = PQflush(q->conn)) < 0)
		fail_later(q);
	else if (unsent > 0)
		watch(q, UV_READABLE | UV_WRITABLE);
	free_params(&p, st);
}

void queue_send(struct queue *q, const struct statement *before,
    const struct statement *st, const char *const *params, queue_answer *answer,
    void *arg)
{
	queue_send_after(q, before, NULL, st, params, answer, arg);
}
