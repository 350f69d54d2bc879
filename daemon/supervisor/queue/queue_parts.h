/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_QUEUE_PARTS_H
#define SUPERVISOR_QUEUE_QUEUE_PARTS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "supervisor/child.h"
#include "supervisor/queue/queue.h"
#include "supervisor/queue/reach.h"

/* The fields of a struct queue, only for queue.c (statements, failures) and
 * session.c (from the first step towards a server until the session is up). */

#define PREPARED_MAX 64
/* Commands of one transaction: two statements, each with its PREPARE, and the
 * session's settings. */
#define COMMANDS_MAX 5

/* A statement under way. Statements are answered in the order in which they
 * were sent. */
struct op {
	struct op *next;
	queue_answer *answer;
	void *arg;
	int64_t sent_ms;
	PGresult *result; /* result of the last statement of the transaction */
	/* The commands that were sent, in order: the name of a PREPARE, or
	 * NULL for a statement; and how many of them are answered. */
	const char *preparing[COMMANDS_MAX];
	int sent, answered;
	struct err error;
	bool failed;
};

/* READING: the secret is being read. LOOKING: connected, the daemon finds out
 * whether there is a pooler. */
enum queue_state { DOWN, READING, CONNECTING, LOOKING, UP };

struct queue {
	struct queue_options o;
	char *conninfo, *secret_arn;
	struct child *child; /* process that asks a question for the queue */
	/* conninfo with user and password of the secret; NULL: not read yet */
	char *login;
	bool untried; /* no connection has been made with `login` so far */
	bool renewed; /* the connection ends because the settings changed */
	bool refused; /* the server refuses the user and password of `login` */
	enum queue_state state;
	struct reach *reach; /* makes the next connection */
	PGconn *conn;
	char *here; /* names the address that conn is connected to */
	/* watches the socket of conn; freed in its close callback */
	uv_poll_t *poll;
	int watched; /* events that poll waits for; libuv asks the kernel anew
		      * each time that it is told, even the same */
	/* next attempt to connect, or deadline of an answer */
	uv_timer_t timer;
	char limit[24];     /* time limit of a statement in ms, see SET_UP */
	int failures;       /* failures since the connection last worked */
	bool works;         /* queue_works was called */
	struct err trouble; /* latest failure */
	char hint[1024];    /* of the error that is answered now */
	struct op *head, **tail;
	int pending;
	const char *prepared[PREPARED_MAX];
	int prepared_count;
	int64_t process; /* ID of the server process that answered last */
	bool shared;     /* sessions are shared: see queue_options.channels */
	/* libpq has closed the socket, and the senders do not know yet */
	bool broken;
	bool closing;
};

/* Ends the connection because of a failure: tells all senders, then makes a new
 * one. */
void queue_fail(struct queue *q, const char *text);
/* Ends the connection or the attempt to connect, and tells nobody. */
void queue_drop(struct queue *q);
/* Lets the timer look in `ms` milliseconds at things that may be late. */
void queue_arm(struct queue *q, int64_t ms);
/* Takes a connection over and lets the loop watch its socket. */
void queue_follow(struct queue *q, PGconn *conn);

/* Starts to connect; the attempt ends with a queue that is up or with
 * queue_fail(). */
void session_begin(struct queue *q);
/* Sets the session's settings for one transaction; its parameter is
 * queue.limit. */
extern const struct statement session_set_up_local;

#endif
