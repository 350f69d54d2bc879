/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "http/head.h"
#include "http/rate.h"

/*
 * An HTTP/1.1 server on a libuv loop: it takes connections from a listening
 * socket, reads requests, and writes the answers that its owner gives. It keeps
 * strangers within limits: of connections in all and of one address, of the
 * size of head and body, of the time in which a request must be whole and an
 * answer taken. TLS is for a proxy in front of it.
 */
struct server;

/* A request in hand. It ends with exchange_answer. */
struct exchange {
	struct head head;
	const char *body; /* NUL-terminated */
	size_t length;    /* bytes of it */
	struct peer peer;
	const char *address; /* the peer's, as text */
	void *data;          /* the owner's; NULL from the answer on */
};

struct answer {
	int status;
	const char *type; /* Content-Type; NULL: there is no body */
	const char *body; /* NULL: none */
	size_t length;
	/* freed when the answer is written; NULL: `body` lives on by itself */
	char *own;
	const char *fields; /* more header fields, each with its CR LF */
	bool close;         /* end the connection after it */
};

struct server_events {
	/* The head is read. Returns how many bytes the body may have; -1: the
	 * owner has answered. */
	int64_t (*admit)(void *arg, struct exchange *x);
	/* The request is whole. The owner answers now or later. */
	void (*serve)(void *arg, struct exchange *x);
	/* The rest of an admitted request that has `data` will never come. */
	void (*drop)(void *arg, struct exchange *x);
};

struct server_options {
	uv_loop_t *loop;
	/* for a request to come, and for its answer to go */
	int64_t timeout_ms;
	int connections, connections_per_address;
	/* addresses without a limit of their own, as networks; NULL: none */
	const char *unlimited;
	const struct server_events *events;
	void *arg;
};

/* Listens on the socket, which belongs to the server from then on. Returns NULL
 * when it cannot. Copies the strings. */
struct server *server_open(int socket, const struct server_options *options);
/* Uses new limits; the loop and the events stay. */
void server_set(struct server *s, const struct server_options *options);
/* Takes no more connections and requests, answers those in hand, then calls
 * `done`. */
void server_close(struct server *s, void (*done)(void *arg), void *arg);
void server_free(struct server *s); /* after `done`; accepts NULL */

struct server_counts {
	int connections;
	int64_t answers[6]; /* by the first digit of their status */
};
void server_count(const struct server *s, struct server_counts *n);

/* Says whether the address is in `unlimited`. */
bool server_is_unlimited(const struct server *s, const struct exchange *x);

/* Answers a request. The exchange is over after the call. */
void exchange_answer(struct exchange *x, const struct answer *a);

#endif
