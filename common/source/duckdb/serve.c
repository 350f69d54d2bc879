/* SPDX-License-Identifier: MIT */
#include "source/duckdb/serve.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/duckdb/fence.h"
#include "source/duckdb/frame.h"

/* A batch ends when it reaches the first of these limits. */
#define BATCH_ROWS 512
#define BATCH_VALUES 16384
#define BATCH_BYTES (64 << 10)

struct server {
	int fd;
	struct engine engine;
	struct buf
	    lengths;     /* of the batch: a count of rows, then int32_t each */
	struct buf text; /* of the batch: its values, a NUL after each */
	int room;        /* rows that a batch may have */
	int32_t rows;
};

static int send_error(struct server *s, const struct err *e)
{
	return frame_send(s->fd, FRAME_ERROR, NULL, e, sizeof(*e));
}

static void begin_batch(struct server *s)
{
	s->rows = 0;
	buf_clear(&s->text);
	buf_clear(&s->lengths);
	buf_add(&s->lengths, &s->rows, sizeof(s->rows));
}

static int send_batch(struct server *s)
{
	int rc = 0;

	if (s->rows > 0) {
		memcpy(s->lengths.data, &s->rows, sizeof(s->rows));
		rc = frame_send(
		    s->fd, FRAME_ROWS, &s->lengths, s->text.data, s->text.len);
	}
	begin_batch(s);
	return rc;
}

/* A text of PostgreSQL holds no zero byte, and its encoding is valid. */
static int check_text(
    const struct server *s, int i, const char *text, size_t len, struct err *e)
{
	const char *name = s->engine.schema.columns[i].name;

	if (memchr(text, '\0', len) == NULL && str_is_utf8(text, len))
		return 0;
	err_set(e, ERR_PERMANENT,
	    memchr(text, '\0', len)
		? "column \"%s\" has a text with a zero byte; select "
		  "replace(\"%s\", chr(0), '')"
		: "column \"%s\" has a text that is not UTF-8; read the file "
		  "with its encoding, or select \"%s\" as a blob",
	    name, name);
	memcpy(e->sqlstate, "22021", 6);
	return -1;
}

static int add_value(struct server *s, int i, uint64_t row, struct err *e)
{
	const struct cell *c = &s->engine.cells[i];
	size_t before = s->text.len, len;
	int32_t stored = -1;

	if (c->type != DUCK_SQLNULL && !cell_is_null(c, row)) {
		cell_write(c, row, &s->engine.tools, &s->text);
		len = s->text.len - before;
		if (s->text.overflow || len > INT32_MAX / 2)
			return err_set(e, ERR_PERMANENT,
			    "column \"%s\" has a value of more than 1 GB, or "
			    "more than fits into memory",
			    s->engine.schema.columns[i].name);
		if (check_text(s, i, s->text.data + before, len, e) != 0)
			return -1;
		stored = (int32_t)len;
	}
	buf_char(&s->text, '\0');
	buf_add(&s->lengths, &stored, sizeof(stored));
	return 0;
}

static int add_row(struct server *s, uint64_t row, struct err *e)
{
	for (int i = 0; i < s->engine.schema.count; i++) {
		if (add_value(s, i, row, e) != 0)
			return -1;
	}
	s->rows++;
	return 0;
}

/* Returns 1 when the other side is gone. */
static int send_chunk(struct server *s, uint64_t rows, struct err *e)
{
	for (uint64_t row = 0; row < rows; row++) {
		if (add_row(s, row, e) != 0)
			return -1;
		if ((s->rows == s->room || s->text.len >= BATCH_BYTES) &&
		    send_batch(s) != 0)
			return 1;
	}
	return send_batch(s) != 0;
}

static int send_rows(struct server *s, struct err *e)
{
	uint64_t rows;
	duck chunk;
	int rc;

	begin_batch(s);
	s->room = BATCH_VALUES / (s->engine.schema.count + 1);
	s->room = s->room < 1 ? 1 : s->room > BATCH_ROWS ? BATCH_ROWS : s->room;
	while ((rc = engine_next(&s->engine, &chunk, &rows, e)) == 1) {
		rc = send_chunk(s, rows, e);
		engine_done(&s->engine, chunk);
		if (rc != 0)
			return rc;
	}
	return rc != 0 ? -1 : frame_send(s->fd, FRAME_END, NULL, NULL, 0) != 0;
}

static int send_schema(struct server *s)
{
	struct buf b;
	int rc;

	buf_init(&b, FRAME_MAX);
	frame_put_schema(&b, &s->engine.schema);
	rc = frame_send(s->fd, FRAME_SCHEMA, NULL, b.data, b.len);
	buf_free(&b);
	return rc != 0;
}

/* Returns 1 when the other side is gone. */
static int answer(struct server *s, const struct frame *f)
{
	struct err e;
	int rc = engine_query(&s->engine, f->body.data, &e);

	if (rc == 0)
		rc = send_schema(s);
	if (rc == 0 && f->type == FRAME_QUERY)
		rc = send_rows(s, &e);
	return rc < 0 ? send_error(s, &e) != 0 : rc;
}

static int open_engine(struct server *s, const struct engine_options *o)
{
	const char *version;
	struct err e;

	if (engine_open(&s->engine, o, &e) != 0 ||
	    fence_close(o->config, o->session, o->scratch, &e) != 0) {
		send_error(s, &e);
		return -1;
	}
	version = s->engine.library.version;
	return frame_send(s->fd, FRAME_READY, NULL, version, strlen(version));
}

int serve(int fd, const struct engine_options *o)
{
	static const struct watch never = {.check = NULL};
	struct server s = {.fd = fd};
	struct frame f;
	struct err e;

	buf_init(&s.lengths, FRAME_MAX);
	buf_init(&s.text, FRAME_MAX);
	frame_init(&f);
	if (open_engine(&s, o) == 0) {
		while (frame_read(fd, &f, &never, 0, &e) == 1 &&
		       answer(&s, &f) == 0)
			;
	}
	engine_close(&s.engine);
	frame_free(&f);
	buf_free(&s.lengths);
	buf_free(&s.text);
	return 0;
}
