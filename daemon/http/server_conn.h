/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SERVER_CONN_H
#define HTTP_SERVER_CONN_H

#include <netinet/in.h>
#include <uv.h>

#include "base/buf.h"
#include "http/server.h"

/* The parts that server.c (connections as a whole) and server_conn.c (one of
 * them) share. */

/* Bytes of a body: 1 MiB of SQL, escaped, and what stands around it. */
#define BODY_MAX (4u << 20)
/* Bytes of all bodies at a time. */
#define BODIES_MAX (32u << 20)
/* ms that a connection may be silent between two requests. */
#define IDLE_MS 60000
/* ms and bytes for which the rest of a refused request is read, so that the
 * client finds the answer. */
#define LINGER_MS 2000
#define LINGER_MAX (16u << 20)
/* Bytes a second: slower senders and readers of long bodies are late. */
#define SLOWEST 32768

enum conn_state {
	CONN_IDLE, /* between two requests */
	CONN_HEAD,
	CONN_BODY,
	CONN_BUSY, /* the owner has the request */
	CONN_WRITING,
	CONN_LINGERING, /* answered; what still comes is thrown away */
	CONN_CLOSED,
};

struct conn {
	struct conn *next;
	struct server *server;
	uv_tcp_t tcp;
	enum conn_state state;
	int64_t until_ms; /* loop's clock: it is ended then; see the states */
	struct buf in;
	/* The body; apart from the head, whose strings must not move. */
	struct buf body;
	size_t used; /* bytes of `in` that belong to the request */
	size_t lingered;
	struct exchange exchange;
	char address[INET6_ADDRSTRLEN];
	bool unlimited; /* its address was, when it came */
	bool last;      /* the connection ends after this answer */
	bool busy;      /* the owner or uv_write has it */
	bool closed;    /* the handle is closed */
};

struct server {
	struct server_options o;
	uv_tcp_t listener;
	uv_timer_t timer;   /* looks for late connections while there are any */
	struct conn *conns; /* the newest first */
	int count;
	int64_t answers[6];
	size_t bodies; /* bytes of the bodies in hand */
	bool closing;
	int handles; /* closed ones of listener and timer */
	void (*done)(void *arg);
	void *done_arg;
};

/* Takes a connection that was accepted, with its address. */
void conn_begin(struct conn *c);
/* Ends a connection whatever it does. */
void conn_end(struct conn *c);
/* Takes a connection that is over out of the list and frees it. */
void server_forget(struct conn *c);

#endif
