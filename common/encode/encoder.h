/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_ENCODER_H
#define ENCODE_ENCODER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "sink/sink.h"
#include "source/rows.h"

/*
 * Rows -> bytes. One encoder makes one output:
 *
 *	open, then for each query result: begin, rows ..., end; then finish
 *
 * It writes to the sink, which it does not own and never finishes. After an
 * error only free may follow.
 */
struct encoder {
	const struct encoder_type *type;
};

struct encoder_options {
	const json_t *options; /* output_options; NULL: all defaults */
	struct sink *sink;
};

/* A key that output_options may hold; reportd.output_format has the same list
 * for the check at INSERT. */
struct encoder_option {
	const char *name;    /* NULL ends a list */
	json_type type;      /* JSON_STRING, or JSON_TRUE for a boolean */
	const char *allowed; /* "a|b|c"; NULL: any */
	const char *about;
};

struct encoder_type {
	const char *name;      /* as output_format names it */
	const char *extension; /* of file names, without the dot */
	const struct encoder_option *options;
	struct encoder *(*open)(
	    const struct encoder_options *options, struct err *e);
	int (*begin)(struct encoder *, const struct schema *, struct err *);
	int (*rows)(struct encoder *, const struct batch *, struct err *);
	int (*end)(struct encoder *, struct err *);
	int (*finish)(struct encoder *, struct err *);
	void (*free)(struct encoder *);

	/*
	 * Optional. When a server's COPY ... (FORMAT csv) makes the very bytes
	 * that this encoder would make, gives the inside of COPY's WITH (...)
	 * and what goes in front of its output (a byte order mark or nothing).
	 * `header` tells whether the first row is one. False: not the same.
	 */
	bool (*copy)(const json_t *options, struct buf *with,
	    const char **preamble, bool *header);
};

/* NULL for an unknown format; names are taken in any case. */
const struct encoder_type *encoder_type_named(const char *format);
/* The i-th format, NULL behind the last. */
const struct encoder_type *encoder_type_at(int i);

/* Refuses keys and values that the format does not know. NULL is fine. */
int encoder_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e);

/* Checks the options first. */
struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e);
int encoder_begin(struct encoder *enc, const struct schema *s, struct err *e);
int encoder_rows(struct encoder *enc, const struct batch *b, struct err *e);
int encoder_end(struct encoder *enc, struct err *e);
int encoder_finish(struct encoder *enc, struct err *e);
void encoder_free(struct encoder *enc); /* accepts NULL */

#endif
