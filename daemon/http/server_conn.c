/* SPDX-License-Identifier: MIT */
#include "http/server_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/* Bytes that are read at a time. */
#define CHUNK (16u << 10)

struct outgoing {
	uv_write_t request;
	struct buf head;
	char *own;
	struct conn *conn;
};

static void enter(struct conn *c, enum conn_state state, int64_t ms)
{
	c->state = state;
	c->until_ms = (int64_t)uv_now(c->server->o.loop) + ms;
}

static void forget_body(struct conn *c)
{
	c->server->bodies -= c->exchange.length;
	c->exchange.length = 0;
	buf_free(&c->body);
}

static void finish(struct conn *c)
{
	if (!c->closed || c->busy)
		return;
	if (c->exchange.data != NULL)
		c->server->o.events->drop(c->server->o.arg, &c->exchange);
	forget_body(c);
	buf_free(&c->in);
	server_forget(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	c->closed = true;
	finish(c);
}

void conn_end(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void look(struct conn *c);

/* ---- reading ---- */

/* Returns where the next bytes go, and how many fit there. */
static struct buf *next_place(struct conn *c, size_t *room)
{
	if (c->state == CONN_BODY) {
		*room = c->exchange.length - c->body.len;
		return &c->body;
	}
	*room = HEAD_MAX - c->in.len;
	return &c->in;
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char waste[CHUNK];
	struct conn *c = handle->data;
	size_t room = CHUNK;
	char *at = waste;

	(void)suggested;
	if (c->state != CONN_LINGERING) {
		struct buf *place = next_place(c, &room);

		if (room > CHUNK)
			room = CHUNK;
		at = buf_reserve(place, room);
	}
	/* Out of memory: the read fails, and the connection ends. */
	*buf = uv_buf_init(at, at ? (unsigned)room : 0);
}

/* Takes bytes that have been read. */
static void take(struct conn *c, const char *data, size_t n)
{
	bool line = memchr(data, '\n', n) != NULL;
	size_t room;
	struct buf *place = next_place(c, &room);

	place->len += n;
	place->data[place->len] = '\0';
	if (c->state == CONN_IDLE)
		enter(c, CONN_HEAD, c->server->o.timeout_ms);
	/* Without the end of a line, a head cannot be complete. */
	if (c->state == CONN_BODY || line || c->in.len >= HEAD_MAX)
		look(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n < 0) {
		conn_end(c);
	} else if (c->state == CONN_LINGERING) {
		c->lingered += (size_t)n;
		if (c->lingered > LINGER_MAX)
			conn_end(c);
	} else if (n > 0) {
		take(c, buf->base, (size_t)n);
	}
}

static void read_on(struct conn *c)
{
	uv_read_start((uv_stream_t *)&c->tcp, give_room, on_read);
}

/* ---- a request ---- */

static void refuse(struct conn *c, int status, const char *why)
{
	char *text = mem_printf("{\"message\":\"%s\"}\n", why);

	/* The owner has admitted the request and will not see it again. */
	if (c->exchange.data != NULL)
		c->server->o.events->drop(c->server->o.arg, &c->exchange);
	c->last = true;
	exchange_answer(&c->exchange, &(struct answer){.status = status,
					  .type = "application/json",
					  .body = text,
					  .length = strlen(text),
					  .own = text});
}

/* Hands a request whose bytes are all there to the owner. */
static void serve(struct conn *c)
{
	struct exchange *x = &c->exchange;

	x->body = x->length > 0 ? c->body.data : "";
	if (memchr(x->body, '\0', x->length) != NULL) {
		refuse(c, 400, "the body holds a zero byte");
		return;
	}
	uv_read_stop((uv_stream_t *)&c->tcp);
	c->server->o.events->serve(c->server->o.arg, x);
}

/* Waits for the body; a part of it may have come with the head. */
static void want_body(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)go_on, 25);
	const struct server *s = c->server;
	struct exchange *x = &c->exchange;
	size_t come = c->in.len - x->head.size;

	if (come > x->length)
		come = x->length;
	buf_add(&c->body, c->in.data + x->head.size, come);
	c->used = x->head.size + come;
	enter(c, CONN_BODY,
	    s->o.timeout_ms + (int64_t)x->length * 1000 / SLOWEST);
	if (x->head.expects && come == 0 && x->length > 0)
		uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
}

/* Takes a head that is whole. */
static void admit(struct conn *c)
{
	struct server *s = c->server;
	struct exchange *x = &c->exchange;
	int64_t most;

	c->last = !x->head.keep_alive || s->closing;
	c->used = x->head.size;
	c->busy = true;
	c->state = CONN_BUSY;
	most = s->o.events->admit(s->o.arg, x);
	if (most < 0)
		return;
	if (x->head.length > most || x->head.length > BODY_MAX) {
		refuse(c, 413, "the body is too large");
		return;
	}
	if (s->bodies + (size_t)x->head.length > BODIES_MAX) {
		refuse(c, 503, "too much is being sent at once; try again");
		return;
	}
	x->length = (size_t)x->head.length;
	s->bodies += x->length;
	c->busy = false;
	want_body(c);
}

/* Looks what can be done with the bytes that are there. */
static void look(struct conn *c)
{
	struct exchange *x = &c->exchange;
	int rc;

	if (c->state == CONN_HEAD) {
		rc = head_read(c->in.data, c->in.len, &x->head);
		if (rc == 0)
			return;
		if (rc < 0) {
			c->busy = true;
			c->state = CONN_BUSY;
			refuse(c, x->head.status, x->head.why);
			return;
		}
		admit(c);
	}
	if (c->state == CONN_BODY && c->body.len >= x->length) {
		c->state = CONN_BUSY;
		c->busy = true;
		serve(c);
	}
}

/* ---- the answer ---- */

static void linger(struct conn *c)
{
	uv_os_fd_t fd;

	enter(c, CONN_LINGERING, LINGER_MS);
	if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
		shutdown(fd, SHUT_WR);
	read_on(c);
}

static void next_request(struct conn *c)
{
	struct exchange *x = &c->exchange;

	buf_consume(&c->in, c->used);
	forget_body(c);
	if (c->in.len == 0)
		buf_free(&c->in);
	*x = (struct exchange){.peer = x->peer, .address = c->address};
	enter(c, c->in.len ? CONN_HEAD : CONN_IDLE,
	    c->in.len ? c->server->o.timeout_ms : IDLE_MS);
	read_on(c);
	if (c->in.len > 0)
		look(c);
}

static void on_written(uv_write_t *request, int status)
{
	struct outgoing *out = request->data;
	struct conn *c = out->conn;

	buf_free(&out->head);
	free(out->own);
	free(out);
	c->busy = false;
	if (c->state == CONN_CLOSED)
		finish(c);
	else if (status != 0)
		conn_end(c);
	else if (c->last)
		linger(c);
	else
		next_request(c);
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"},
	    {204, "No Content"}, {400, "Bad Request"}, {401, "Unauthorized"},
	    {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
	    {409, "Conflict"}, {413, "Content Too Large"},
	    {414, "URI Too Long"}, {417, "Expectation Failed"},
	    {421, "Misdirected Request"}, {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"}, {501, "Not Implemented"},
	    {503, "Service Unavailable"}, {504, "Gateway Timeout"},
	    {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Unknown";
}

/* Writes the head of an answer. Nothing is kept by a browser or a proxy, and no
 * other site may use it. */
static void put_head(
    const struct conn *c, const struct answer *a, struct buf *b)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[40];

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime_r(&now, &tm));
	buf_init(b, 8192);
	buf_printf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", a->status,
	    reason(a->status), date);
	if (a->type != NULL)
		buf_printf(b, "Content-Type: %s\r\n", a->type);
	if (a->status != 204)
		buf_printf(b, "Content-Length: %zu\r\n", a->length);
	buf_str(b, "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\n");
	if (a->fields != NULL)
		buf_str(b, a->fields);
	if (c->last)
		buf_str(b, "Connection: close\r\n");
	buf_str(b, "\r\n");
}

void exchange_answer(struct exchange *x, const struct answer *a)
{
	struct conn *c =
	    (struct conn *)((char *)x - offsetof(struct conn, exchange));
	struct outgoing *out = mem_zalloc(sizeof(*out));
	uv_buf_t bytes[2];
	bool body = a->length > 0 && x->head.method != METHOD_HEAD;

	uv_read_stop((uv_stream_t *)&c->tcp);
	x->data = NULL;
	out->conn = c;
	out->own = a->own;
	out->request.data = out;
	/* The rest of a body that was not read cannot be told from the next
	 * request. */
	c->last = c->last || a->close || c->server->closing ||
		  (int64_t)x->length < x->head.length;
	c->server->answers[a->status / 100]++;
	put_head(c, a, &out->head);
	bytes[0] = uv_buf_init(out->head.data, (unsigned)out->head.len);
	bytes[1] = uv_buf_init((char *)(uintptr_t)a->body, (unsigned)a->length);
	if (c->state != CONN_CLOSED)
		enter(c, CONN_WRITING,
		    c->server->o.timeout_ms +
			(int64_t)a->length * 1000 / SLOWEST);
	if (c->state == CONN_CLOSED ||
	    uv_write(&out->request, (uv_stream_t *)&c->tcp, bytes, body ? 2 : 1,
		on_written) != 0)
		on_written(&out->request, -1);
}

void conn_begin(struct conn *c)
{
	c->tcp.data = c;
	c->exchange.address = c->address;
	buf_init(&c->in, HEAD_MAX);
	buf_init(&c->body, BODY_MAX);
	uv_tcp_nodelay(&c->tcp, 1);
	enter(c, CONN_HEAD, c->server->o.timeout_ms);
	read_on(c);
}
