/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_RESULT_H
#define SOURCE_SNOWFLAKE_RESULT_H

#include "rows/rows.h"
#include "source/snowflake/api.h"
#include "source/snowflake/decode.h"
#include "source/snowflake/statement.h"

/*
 * The rows of a statement's result, partition by partition. The first one is in the
 * answer to the statement; each later one is asked for while the one before it is
 * read, and again when its connection breaks. All counts that the server gives must
 * agree with the rows that come.
 */
struct result {
	struct api *api;
	struct statement statement;
	struct answer answer;    /* of the partition at hand */
	bool open;               /* it is being read */
	struct http_call *ahead; /* of the next partition; NULL: none */
	struct decode_tools tools;
	struct decoder *decoders;
	int columns;
	/* rows of each partition, in all, and read so far */
	int64_t *part_rows, all_rows, rows;
	int parts, part;
	int64_t row;  /* rows of this partition that were returned */
	uint64_t sum; /* of the texts of these rows */
	/* rows to read once more after a broken connection, and their sum */
	int64_t again;
	uint64_t again_sum;
	int breaks;
	/* the batch */
	struct buf text, raw;
	struct value *values;
	int32_t *lengths;
	int batch_rows;
};

/* Takes over the first answer of the statement. The struct is zeroed but for its
 * api; result_close accepts what a failure leaves, and keeps the tools. */
int result_open(struct result *r, const struct statement *statement,
    struct answer *answer, struct schema *schema, struct err *e);
int result_next(struct result *r, struct batch *batch, struct err *e);
void result_close(struct result *r);

#endif
