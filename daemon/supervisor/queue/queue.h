/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_QUEUE_H
#define SUPERVISOR_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/program.h"

/*
 * The supervisor's only connection to the queue database: libpq in pipeline
 * mode on the loop, so that nothing blocks and many statements share a round
 * trip. Each statement is its own transaction. A lost connection is made again,
 * with back-off and without end. A statement that was under way when the
 * connection broke is answered with an error, and its sender decides whether to
 * send it again.
 */
struct queue;
struct reply;

struct buf;

struct statement {
	/* also names the prepared statement; NULL: not prepared */
	const char *name;
	const char *text;
	int params;
};

/* Called with the answer to a statement. reply NULL: the statement failed, and
 * *e says why. With ERR_LOST the connection broke, and nobody knows whether the
 * statement took effect. */
typedef void queue_answer(
    void *arg, const struct reply *reply, const struct err *e);

struct queue_events {
	void (*up)(void *arg); /* connected: queue_send may be called */
	void (*down)(void *arg, const struct err *e);
	void (*notified)(void *arg, const char *channel);
};

struct queue_options {
	uv_loop_t *loop;
	const struct log *log;
	const char *conninfo;
	/* Secret in Secrets Manager with user and password; NULL: the
	 * connection string has them. It is read before the first connection,
	 * and again when the server refuses them. */
	const char *secret_arn;
	const struct settings *settings; /* for reaching Secrets Manager */
	/* asks questions that would block the loop */
	const struct program *program;
	/*
	 * Names for LISTEN, ending with NULL.
	 *
	 * NULL: no LISTEN, because a pooler may give each transaction another
	 * session. Then no statement is prepared, and session settings are set
	 * for each transaction, so that the pooler's other clients find no
	 * trace of them. When such a pooler is found although there are names,
	 * this is logged, and the queue works in the same way.
	 */
	const char *const *channels;
	/* ms: without an answer for this long, the peer is dead */
	int64_t timeout_ms;
	const struct queue_events *events;
	void *arg;
};

/* Opens the queue and starts to connect. Copies the strings. */
struct queue *queue_open(const struct queue_options *options);
/* Uses new options, and connects again when they name another database, login
 * or way to listen. The loop must be the same. */
void queue_reopen(struct queue *q, const struct queue_options *options);
/* Closes the queue, which is freed once the loop has closed its handles. */
void queue_close(struct queue *q);

/* Says whether statements can be sent. */
bool queue_is_up(const struct queue *q);
/* Returns the encoding of the database as the server names it, such as UTF8; ""
 * without a connection. */
const char *queue_encoding(const struct queue *q);

/*
 * Gives the connection up and makes a new one, because the server answers but
 * lacks something that the daemon needs. The waits between such attempts grow
 * until queue_works is called.
 */
void queue_give_up(struct queue *q, const struct err *e);
void queue_works(struct queue *q);
/* Returns the latest failure as a sentence; "" when nothing has failed yet. */
const char *queue_trouble(const struct queue *q);

/* Sends a statement; only when the queue is up. `before` (may be NULL, takes no
 * parameters) runs first in the same transaction. The answer never comes during
 * this call. Bytes of the parameters that are no UTF-8 are sent as question
 * marks, because texts from outside (host names, messages of servers) pass
 * through here. */
void queue_send(struct queue *q, const struct statement *before,
    const struct statement *st, const char *const *params, queue_answer *answer,
    void *arg);

/* As queue_send, with a statement before it that takes parameters. */
void queue_send_after(struct queue *q, const struct statement *before,
    const char *const *before_params, const struct statement *st,
    const char *const *params, queue_answer *answer, void *arg);
/* Returns the hint of the error that is being answered; "" when it has none. */
const char *queue_hint(const struct queue *q);

/* Returns a buffer's text as a parameter. If the buffer has overflowed, returns a text
 * that is neither an array nor JSON: the server refuses it, and its error message
 * contains this text, which names the reason. */
const char *queue_text(const struct buf *b);

int reply_rows(const struct reply *r);
/* Returns a field's text; NULL for null. */
const char *reply_text(const struct reply *r, int row, int column);
/* Returns a field's integer; `def` for null and for any other text. */
int64_t reply_int(const struct reply *r, int row, int column, int64_t def);
/* Returns whether a boolean field is true; false for null. */
bool reply_bool(const struct reply *r, int row, int column);

#endif
