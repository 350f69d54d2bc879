/* SPDX-License-Identifier: MIT */
#include "source/duckdb/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"

struct head {
	uint64_t len; /* bytes of the body */
	uint32_t type;
};

void frame_init(struct frame *f)
{
	*f = (struct frame){.type = FRAME_END};
	buf_init(&f->body, FRAME_MAX);
}

void frame_free(struct frame *f)
{
	buf_free(&f->body);
}

int frame_send(int fd, enum frame_type type, const struct buf *head,
    const void *body, size_t len)
{
	size_t first = head ? head->len : 0;
	struct head h;
	struct iovec parts[3] = {{&h, sizeof(h)},
	    {first ? head->data : NULL, first}, {(void *)(uintptr_t)body, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};

	/* The bytes between its members are sent as well. */
	memset(&h, 0, sizeof(h));
	h.len = first + len;
	h.type = (uint32_t)type;
	while (message.msg_iovlen > 0) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		while (message.msg_iovlen > 0 &&
		       (size_t)n >= message.msg_iov->iov_len) {
			n -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen > 0) {
			message.msg_iov->iov_base =
			    (char *)message.msg_iov->iov_base + n;
			message.msg_iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* Reads exactly len bytes; returns what frame_read does. */
static int read_all(int fd, void *to, size_t len, const struct watch *watch,
    int64_t deadline_ms, struct err *e)
{
	char *at = to;

	while (len > 0) {
		ssize_t n;
		int rc = watch_wait(watch, fd, POLLIN, deadline_ms, e);

		if (rc <= 0) {
			errno = ETIME;
			return rc;
		}
		n = recv(fd, at, len, MSG_DONTWAIT);
		errno = n == 0 ? 0 : errno;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(e, errno, "DuckDB's process");
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

int frame_read(int fd, struct frame *f, const struct watch *watch,
    int64_t deadline_ms, struct err *e)
{
	struct head h;
	int rc = read_all(fd, &h, sizeof(h), watch, deadline_ms, e);

	if (rc != 1)
		return rc;
	buf_clear(&f->body);
	f->type = (enum frame_type)h.type;
	if (h.len > FRAME_MAX || buf_reserve(&f->body, h.len + 1) == NULL)
		return err_set(e, ERR_PERMANENT,
		    "a row of the result does not fit into memory; a worker "
		    "has as much as worker_memory of the settings says");
	rc = read_all(fd, f->body.data, h.len, watch, deadline_ms, e);
	if (rc != 1)
		return rc;
	f->body.len = h.len;
	f->body.data[h.len] = '\0';
	return 1;
}

int frame_torn(struct err *e)
{
	return err_set(
	    e, ERR_PERMANENT, "DuckDB's process sent a torn message");
}

int frame_get_error(const struct buf *b, struct err *e)
{
	const struct err *sent = (const struct err *)(const void *)b->data;

	if (b->len != sizeof(*sent) ||
	    memchr(sent->text, '\0', sizeof(sent->text)) == NULL)
		return frame_torn(e);
	err_set(e, sent->kind == ERR_TRANSIENT ? ERR_TRANSIENT : ERR_PERMANENT,
	    "%s", sent->text);
	memcpy(e->sqlstate, sent->sqlstate, sizeof(e->sqlstate) - 1);
	e->sqlstate[sizeof(e->sqlstate) - 1] = '\0';
	return -1;
}

/* Columns without their name and without what no source but PostgreSQL has. */
struct packed {
	int32_t kind, size, precision, scale;
};

/* The kinds that a cell can have: see cell.c. */
static bool is_sound(const struct packed *p)
{
	return p->kind >= 0 && p->kind <= KIND_OTHER && p->kind != KIND_ARRAY &&
	       p->kind != KIND_MONEY && p->size >= 0 && p->size <= 8 &&
	       p->precision >= 0 && p->precision <= 38 && p->scale >= 0 &&
	       p->scale <= 38;
}

void frame_put_schema(struct buf *b, const struct schema *schema)
{
	for (int i = 0; i < schema->count; i++) {
		const struct column *c = &schema->columns[i];
		struct packed p = {
		    (int32_t)c->kind, c->size, c->precision, c->scale};

		buf_add(b, &p, sizeof(p));
		buf_add(b, c->name, strlen(c->name) + 1);
	}
}

int frame_get_schema(const struct buf *b, struct schema *schema, struct err *e)
{
	const char *at = b->data, *end = b->data + b->len;
	struct packed p;

	while ((size_t)(end - at) > sizeof(p)) {
		struct column *c;

		memcpy(&p, at, sizeof(p));
		at += sizeof(p);
		if (!is_sound(&p) ||
		    memchr(at, '\0', (size_t)(end - at)) == NULL)
			return frame_torn(e);

		schema->columns = mem_realloc(schema->columns,
		    (size_t)schema->count + 1, sizeof(*schema->columns));
		c = &schema->columns[schema->count++];
		*c = (struct column){.name = mem_strdup(at),
		    .kind = (enum column_kind)p.kind,
		    .size = p.size,
		    .precision = p.precision,
		    .scale = p.scale,
		    .nullable = true};
		at += strlen(at) + 1;
	}
	return at == end ? 0 : frame_torn(e);
}
