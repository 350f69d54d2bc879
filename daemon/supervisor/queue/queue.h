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
 * The supervisor's one connection to the queue database: libpq in pipeline mode
 * on the loop, so that nothing ever blocks and many statements share a round
 * trip. Each statement is its own transaction. The connection is made again for
 * ever, with back-off; a statement that was under way when it broke is answered
 * with an error, and its sender decides whether to send it once more.
 */
struct queue;
struct reply;

struct statement {
	const char *name; /* also the prepared statement's name */
	const char *text;
	int params;
};

/* reply NULL: it failed, *e says why. ERR_LOST: the connection broke, whether
 * the statement took effect is unknown. */
typedef void queue_answer(
    void *arg, const struct reply *reply, const struct err *e);

struct queue_events {
	void (*up)(void *arg); /* connected; queue_send works */
	void (*down)(void *arg, const struct err *e);
	void (*notified)(void *arg, const char *channel);
};

struct queue_options {
	uv_loop_t *loop;
	const struct log *log;
	const char *conninfo;
	/* User and password come from there; NULL: from the string. Read before
	 * the first connection, and again when they are refused. */
	const char *secret_arn;
	const struct settings *settings; /* to reach it with */
	const struct program *program;   /* asks for what must not wait here */
	/*
	 * Names to LISTEN to, ending with NULL. NULL: none; there may be a pooler
	 * in between that gives each transaction another session. So there are no
	 * prepared statements, and what a session needs is set for each
	 * transaction: nothing is left to the pooler's other clients. When such a
	 * pooler is found although there are names, it is logged, and the same
	 * holds.
	 */
	const char *const *channels;
	int64_t timeout_ms; /* an answer later than this: the peer is dead */
	const struct queue_events *events;
	void *arg;
};

/* Copies the strings; starts to connect at once. */
struct queue *queue_open(const struct queue_options *options);
/* Takes new options over by connecting anew; the loop stays. */
void queue_reopen(struct queue *q, const struct queue_options *options);
/* Closes; freed once the loop has let go of it. */
void queue_close(struct queue *q);

bool queue_is_up(const struct queue *q);
/* As the server names it: UTF8. "" when not up. */
const char *queue_encoding(const struct queue *q);

/*
 * The server answers, but not with what is needed: the connection is given up and
 * made anew. The waits before that grow until queue_works says that all is well.
 */
void queue_give_up(struct queue *q, const struct err *e);
void queue_works(struct queue *q);
/* What failed last, a sentence; "" when nothing has failed yet. */
const char *queue_trouble(const struct queue *q);

/* `before` (may be NULL, takes no parameters) runs first, in the same
 * transaction. The answer comes later, never from within. Only when up. Bytes of
 * the parameters that are no UTF-8 go as question marks: all that comes from
 * outside (host names, messages of servers) passes here. */
void queue_send(struct queue *q, const struct statement *before,
    const struct statement *st, const char *const *params, queue_answer *answer,
    void *arg);

int reply_rows(const struct reply *r);
/* NULL for null. */
const char *reply_text(const struct reply *r, int row, int column);
int64_t reply_int(const struct reply *r, int row, int column, int64_t def);

#endif
