/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_INSIDE_H
#define SUPERVISOR_QUEUE_INSIDE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "supervisor/child.h"
#include "supervisor/queue/queue.h"
#include "supervisor/queue/reach.h"

/* The inside of a struct queue, for queue.c (statements, failures) and session.c
 * (from the first step towards a server to a session that is up) alone. */

#define PREPARED_MAX 32

/* A statement under way. They are answered in the order they were sent. */
struct op {
	struct op *next;
	queue_answer *answer;
	void *arg;
	int64_t sent_ms;
	PGresult *result;      /* of the last statement */
	const char *preparing; /* its PREPARE has not been answered yet */
	struct err error;
	bool failed;
};

/* LOOKING: connected, is there a pooler? */
enum queue_state { DOWN, READING, CONNECTING, LOOKING, UP };

struct queue {
	struct queue_options o;
	char *conninfo, *secret_arn;
	struct child *child; /* asks what the loop must not wait for */
	char *login;  /* conninfo with the secret in it; NULL: not read yet */
	bool untried; /* ... and no connection was made with it so far */
	bool renewed; /* the connection ends because the settings say so */
	bool refused; /* ... and the server does not take it any more */
	enum queue_state state;
	struct reach *reach; /* makes a connection */
	PGconn *conn;
	char *here;         /* names the one address that conn leads to */
	uv_poll_t *poll;    /* on conn's socket; freed in its close callback */
	uv_timer_t timer;   /* reconnect, answer deadline */
	char limit[24];     /* of a statement, in ms: see SET_UP */
	int failures;       /* since it worked last */
	bool works;         /* see queue_works */
	struct err trouble; /* the last failure */
	struct op *head, **tail;
	int pending;
	const char *prepared[PREPARED_MAX];
	int prepared_count;
	int64_t process; /* of the server, that has answered last */
	bool shared;     /* sessions are: see queue_options.channels */
	bool broken;     /* libpq has closed the socket, nobody was told yet */
	bool closing;
};

/* The connection is gone: all senders hear it, then a new one is made. */
void queue_fail(struct queue *q, const char *text);
/* Ends the connection, or the way to one, and tells nobody. */
void queue_drop(struct queue *q);
/* When on the clock of the loop to look at what is late, in ms from now. */
void queue_arm(struct queue *q, int64_t ms);
/* A connection is there: the loop watches its socket. */
void queue_follow(struct queue *q, PGconn *conn);

/* Goes from a queue that is down to one that is up, or to queue_fail(). */
void session_begin(struct queue *q);
/* The session's settings, for the transaction that it begins alone; its parameter
 * is queue.limit. */
extern const struct statement session_set_up_local;

#endif
