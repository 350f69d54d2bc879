/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_DECODE_H
#define SOURCE_SNOWFLAKE_DECODE_H

#include "base/buf.h"
#include "base/json.h"
#include "rows/rows.h"
#include "source/instant.h"
#include "source/number.h"

/* The tools that write a value. */
struct decode_tools {
	struct zone *zone;     /* time zone of the report */
	struct powers *powers; /* made when the first float is written */
};

/* Turns the text of a value, as the SQL API sends it, into PostgreSQL's. */
struct decoder {
	/* Appends the value to `to`. */
	int (*write)(struct decode_tools *tools, const struct decoder *decoder,
	    const char *text, size_t len, struct buf *to, struct err *e);
	int scale;
};

/* Reads an entry of rowType. The column's name belongs to the column. */
int decoder_open(const json_t *type, struct decoder *decoder,
    struct column *column, struct err *e);

#endif
