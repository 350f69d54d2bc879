/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_FRAME_H
#define SOURCE_DUCKDB_FRAME_H

#include "base/buf.h"
#include "base/watch.h"
#include "rows/rows.h"

/*
 * Messages between a job and its reader, over a socket pair. Both are the same
 * program, so numbers are sent as they lie in memory.
 */
enum frame_type {
	FRAME_QUERY,    /* a statement; answered by SCHEMA and ROWS ... END */
	FRAME_DESCRIBE, /* a statement; answered by SCHEMA alone */
	FRAME_READY,    /* the reader's first message: DuckDB's version */
	FRAME_SCHEMA,
	FRAME_ROWS,
	FRAME_END,
	FRAME_ERROR, /* instead of any other answer: a struct err */
};

struct frame {
	enum frame_type type;
	struct buf body;
};

/* Most bytes of a message: a value of 1 GB, as PostgreSQL has them, and its
 * neighbours. */
#define FRAME_MAX ((size_t)3 << 29)

void frame_init(struct frame *f);
void frame_free(struct frame *f);

/* Sends a message; `head` comes before `body` (len bytes). Blocks. Returns -1
 * when the other side is gone. */
int frame_send(int fd, enum frame_type type, const struct buf *head,
    const void *body, size_t len);
/* Reads the next message; returns 1, 0 at the end, -1 on error or when stopped.
 * deadline_ms: boot clock, 0: none; past it 0 is returned with errno ETIME. */
int frame_read(int fd, struct frame *f, const struct watch *watch,
    int64_t deadline_ms, struct err *e);

/* Fills *e for a message whose parts do not fit together; returns -1. */
int frame_torn(struct err *e);

/* Fills *e from the body of FRAME_ERROR; returns -1. */
int frame_get_error(const struct buf *b, struct err *e);
/* The body of FRAME_SCHEMA. */
void frame_put_schema(struct buf *b, const struct schema *schema);
int frame_get_schema(const struct buf *b, struct schema *schema, struct err *e);

#endif
