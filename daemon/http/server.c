/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/server_conn.h"
#include "net/http/guard.h"

/* Connections that wait for being accepted. */
#define BACKLOG 128
/* ms between two looks at what is late. */
#define LOOK_MS 250
/* ms that answers in hand may take when the server ends. */
#define CLOSE_MS 2000

static void maybe_done(struct server *s)
{
	if (s->handles == 2 && s->conns == NULL)
		s->done(s->done_arg);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	s->handles++;
	maybe_done(s);
}

static void on_closing(uv_timer_t *timer);

void server_forget(struct conn *c)
{
	struct server *s = c->server;

	for (struct conn **at = &s->conns; *at != NULL; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	s->count--;
	free(c);
	if (s->conns != NULL)
		return;
	if (!s->closing)
		uv_timer_stop(&s->timer);
	else if (!uv_is_closing((uv_handle_t *)&s->timer))
		uv_timer_start(&s->timer, on_closing, 0, 0);
	else
		maybe_done(s);
}

/* Ends the connections that are late. A request that the owner has is not: the
 * owner has limits of its own. */
static void on_look(uv_timer_t *timer)
{
	struct server *s = timer->data;
	int64_t now = (int64_t)uv_now(s->o.loop);

	for (struct conn *c = s->conns; c != NULL; c = c->next) {
		if (c->state != CONN_BUSY && c->until_ms < now)
			conn_end(c);
	}
}

static int count_of(const struct server *s, const struct peer *peer)
{
	int n = 0;

	for (const struct conn *c = s->conns; c != NULL; c = c->next)
		n += peer_same(&c->exchange.peer, peer);
	return n;
}

void server_count(const struct server *s, struct server_counts *n)
{
	n->connections = s->count;
	memcpy(n->answers, s->answers, sizeof(n->answers));
}

bool server_is_unlimited(const struct server *s, const struct exchange *x)
{
	return guard_listed(s->o.unlimited, x->address);
}

/* Ends the oldest connection that the owner has no request of, so that whoever holds
 * many open from several addresses keeps nobody out. Returns false when there is
 * none. */
static bool make_room(struct server *s)
{
	struct conn *oldest = NULL, *newcomer = s->conns;

	for (struct conn *c = newcomer->next; c != NULL; c = c->next) {
		if (c->state != CONN_BUSY && c->state != CONN_CLOSED &&
		    !c->unlimited)
			oldest = c;
	}
	if (oldest == NULL)
		return false;
	conn_end(oldest);
	return true;
}

/* Reads the address of the newest connection and says whether it may stay. */
static bool welcome(struct conn *c)
{
	struct server *s = c->server;
	struct sockaddr_storage from = {0};
	int len = sizeof(from);
	struct peer peer;

	if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &len) != 0)
		return false;
	if (from.ss_family == AF_INET6)
		uv_ip6_name((const struct sockaddr_in6 *)(const void *)&from,
		    c->address, sizeof(c->address));
	else
		uv_ip4_name((const struct sockaddr_in *)(const void *)&from,
		    c->address, sizeof(c->address));
	c->exchange.address = c->address;
	c->unlimited = server_is_unlimited(s, &c->exchange);
	peer = peer_of((const struct sockaddr *)&from);
	if (!c->unlimited && count_of(s, &peer) >= s->o.connections_per_address)
		return false;
	c->exchange.peer = peer;
	return s->count <= s->o.connections || make_room(s);
}

static void on_connection(uv_stream_t *stream, int status)
{
	static const char full[] =
	    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
	    "Retry-After: 1\r\nConnection: close\r\n\r\n";
	struct server *s = stream->data;
	uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)full, sizeof(full) - 1);
	struct conn *c;

	if (status != 0)
		return;
	c = mem_zalloc(sizeof(*c));
	c->server = s;
	uv_tcp_init(s->o.loop, &c->tcp);
	c->tcp.data = c;
	c->next = s->conns;
	s->conns = c;
	s->count++;
	if (s->count == 1)
		uv_timer_start(&s->timer, on_look, LOOK_MS, LOOK_MS);
	if (uv_accept(stream, (uv_stream_t *)&c->tcp) != 0) {
		conn_end(c);
	} else if (!welcome(c)) {
		uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
		conn_end(c);
	} else {
		conn_begin(c);
	}
}

static void take_options(struct server *s, const struct server_options *o)
{
	char *unlimited = mem_strdup(o->unlimited);

	free((char *)(uintptr_t)s->o.unlimited);
	s->o = *o;
	s->o.unlimited = unlimited;
}

void server_set(struct server *s, const struct server_options *options)
{
	take_options(s, options);
}

struct server *server_open(int socket, const struct server_options *options)
{
	struct server *s = mem_zalloc(sizeof(*s));

	take_options(s, options);
	uv_timer_init(s->o.loop, &s->timer);
	uv_tcp_init(s->o.loop, &s->listener);
	s->timer.data = s->listener.data = s;
	if (uv_tcp_open(&s->listener, socket) == 0 &&
	    uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection) == 0)
		return s;
	return NULL;
}

static void on_closing(uv_timer_t *timer)
{
	struct server *s = timer->data;

	for (struct conn *c = s->conns; c != NULL; c = c->next)
		conn_end(c);
	uv_close((uv_handle_t *)timer, on_handle_closed);
}

void server_close(struct server *s, void (*done)(void *arg), void *arg)
{
	bool waits = false;

	s->closing = true;
	s->done = done;
	s->done_arg = arg;
	uv_close((uv_handle_t *)&s->listener, on_handle_closed);
	for (struct conn *c = s->conns; c != NULL; c = c->next) {
		if (c->state == CONN_BUSY || c->state == CONN_WRITING)
			waits = true;
		else
			conn_end(c);
	}
	uv_timer_start(&s->timer, on_closing, waits ? CLOSE_MS : 0, 0);
}

void server_free(struct server *s)
{
	if (s == NULL)
		return;
	free((char *)(uintptr_t)s->o.unlimited);
	free(s);
}
