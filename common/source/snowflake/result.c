/* SPDX-License-Identifier: MIT */
#include "source/snowflake/result.h"

#include <inttypes.h>
#include <isa-l/crc64.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "source/snowflake/problem.h"

/* A batch ends after this many rows, values, or bytes of text. */
#define BATCH_ROWS 512
#define BATCH_VALUES 32768
#define BATCH_BYTES ((size_t)256 << 10)
/* Bytes of one row: Snowflake's values have 128 MB at most. */
#define ROW_MAX ((size_t)512 << 20)
/* Broken connections of one result that are mended. */
#define BREAKS 5
#define COLUMNS_MAX 16384
#define PARTS_MAX 1000000
/* Milliseconds: a partition that is not ready is asked for again after the first, with
 * pauses that double, for this long in all. */
#define READY_FIRST_MS 500
#define READY_MS 63500

/* ---- what the first answer says ---- */

static int bad_metadata(const char *what, struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "the description of the result has no valid %s", what);
}

static int read_columns(
    struct result *r, const json_t *types, struct schema *schema, struct err *e)
{
	size_t count = json_array_size(types);

	if (count == 0 || count > COLUMNS_MAX)
		return bad_metadata("rowType", e);
	r->decoders = mem_zalloc(count * sizeof(*r->decoders));
	schema->columns = mem_zalloc(count * sizeof(*schema->columns));
	for (size_t i = 0; i < count; i++) {
		if (decoder_open(json_array_get(types, i), &r->decoders[i],
			&schema->columns[i], e) != 0)
			return -1;
		schema->count = r->columns = (int)i + 1;
	}
	return 0;
}

/* Without partitionInfo there is one partition with all rows. */
static int read_parts(struct result *r, const json_t *meta, struct err *e)
{
	const json_t *parts = json_object_get(meta, "partitionInfo");
	size_t count = json_array_size(parts);
	int64_t sum = 0;

	r->all_rows = json_int(meta, "numRows", -1);
	if (r->all_rows < 0 || count > PARTS_MAX)
		return bad_metadata(
		    r->all_rows < 0 ? "numRows" : "partitionInfo", e);
	r->parts = count > 0 ? (int)count : 1;
	r->part_rows = mem_zalloc((size_t)r->parts * sizeof(*r->part_rows));
	r->part_rows[0] = r->all_rows;
	for (size_t i = 0; i < count; i++) {
		int64_t rows =
		    json_int(json_array_get(parts, i), "rowCount", -1);

		if (rows < 0 || rows > INT64_MAX / PARTS_MAX)
			return bad_metadata("partitionInfo", e);
		r->part_rows[i] = rows;
		sum += rows;
	}
	if (count > 0 && sum != r->all_rows)
		return err_set(e, ERR_TRANSIENT,
		    "the partitions of the result have %" PRId64
		    " rows, and numRows says %" PRId64,
		    sum, r->all_rows);
	return 0;
}

/* Says whether the first answer describes its rows: the description may stand after
 * them. */
static const json_t *description(const struct answer *answer)
{
	return json_object_get(answer->object, "resultSetMetaData");
}

static int read_description(
    struct result *r, const json_t *meta, struct schema *schema, struct err *e)
{
	if (strcasecmp(json_str(meta, "format", "jsonv2"), "jsonv2") != 0) {
		err_set(e, ERR_PERMANENT,
		    "the result comes in the format \"%s\", and only jsonv2 is "
		    "known here",
		    json_str(meta, "format", ""));
		return err_hint(e,
		    "the table of a procedure in Python, Java or Scala comes "
		    "as Arrow: let it write into a table, and select from "
		    "that");
	}
	return read_columns(r, json_object_get(meta, "rowType"), schema, e) != 0
		   ? -1
		   : read_parts(r, meta, e);
}

static int pass_rows(struct answer *answer, struct err *e)
{
	struct buf nothing;
	int rc;

	buf_init(&nothing, ROW_MAX);
	while ((rc = answer_row(answer, e)) == 1) {
		buf_clear(&nothing);
		if (json_reader_copy(&answer->reader, &nothing, e) != 0)
			break;
	}
	buf_free(&nothing);
	return rc == 0 ? 0 : -1;
}

int result_open(struct result *r, const struct statement *statement,
    struct answer *answer, struct schema *schema, struct err *e)
{
	r->statement = *statement;
	buf_init(&r->text, ROW_MAX);
	buf_init(&r->raw, ROW_MAX);
	r->answer = *answer;
	r->answer.reader.arg = &r->answer;
	*answer = (struct answer){.status = 0};
	r->open = true;
	if (description(&r->answer) == NULL) {
		if (pass_rows(&r->answer, e) != 0)
			return -1;
		r->open = false;
	}
	if (description(&r->answer) == NULL)
		return bad_metadata("resultSetMetaData", e);
	return read_description(r, description(&r->answer), schema, e);
}

void result_close(struct result *r)
{
	answer_end(&r->answer);
	if (r->ahead != NULL)
		http_drop(r->ahead);
	free(r->decoders);
	free(r->part_rows);
	buf_free(&r->text);
	buf_free(&r->raw);
	free(r->values);
	free(r->lengths);
	*r = (struct result){.api = r->api, .tools = r->tools};
}

/* ---- partitions ---- */

static struct api_request request_of(
    const struct result *r, int part, char path[static 256])
{
	snprintf(path, 256, "/api/v2/statements/%s?partition=%d",
	    r->statement.handle, part);
	return (struct api_request){.method = "GET", .path = path};
}

static int ask_part(struct result *r, struct err *e)
{
	char path[256];
	struct api_request request = request_of(r, r->part, path);
	struct http_call *call = r->ahead;

	answer_end(&r->answer);
	r->ahead = NULL;
	return call != NULL ? api_take(r->api, &request, call, &r->answer, e)
			    : api_call(r->api, &request, &r->answer, e);
}

/* Asks for the partition until it is ready: the server may answer 202 at any
 * time. */
static int await_part(struct result *r, struct err *e)
{
	int64_t pause = READY_FIRST_MS, waited = 0;
	int rc = ask_part(r, e);

	while (rc == 0 && r->answer.status == 202 && waited < READY_MS) {
		rc = api_wait(r->api, pause, e);
		if (rc == 0)
			rc = ask_part(r, e);
		waited += pause;
		pause *= 2;
	}
	return rc;
}

static int open_part(struct result *r, struct err *e)
{
	if (await_part(r, e) != 0)
		return err_wrap(e, "partition %d of %d", r->part, r->parts);
	if (r->answer.status != 200)
		return err_set(e, ERR_TRANSIENT,
		    "partition %d of %d is not ready though its statement has "
		    "ended: Snowflake has answered HTTP %d for %d s",
		    r->part, r->parts, r->answer.status, READY_MS / 1000);
	if (answer_check(&r->answer, e) != 0)
		return err_wrap(e, "partition %d of %d", r->part, r->parts);
	r->open = true;
	return 0;
}

/* Asks for the next partition while this one is read. */
static int look_ahead(struct result *r, struct err *e)
{
	char path[256];
	struct api_request request;

	if (r->ahead != NULL || r->part + 1 >= r->parts)
		return 0;
	request = request_of(r, r->part + 1, path);
	r->ahead = api_begin(r->api, &request, e);
	return r->ahead != NULL ? 0 : -1;
}

static int close_part(struct result *r, struct err *e)
{
	if (r->row != r->part_rows[r->part] || r->again > 0)
		return err_set(e, ERR_TRANSIENT,
		    "partition %d of %d has %" PRId64
		    " rows, and its description says %" PRId64,
		    r->part, r->parts, r->row, r->part_rows[r->part]);
	answer_end(&r->answer);
	r->open = false;
	r->part++;
	r->row = 0;
	r->sum = 0;
	return 0;
}

static int more_rows(const struct result *r, struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "partition %d of %d has more rows than the %" PRId64
	    " that its description says",
	    r->part, r->parts, r->part_rows[r->part]);
}

/* Prepares to read the partition again after its connection broke. After a
 * refusal by the server there is no further attempt. */
static int mend(struct result *r, struct err *e)
{
	if (e->kind != ERR_TRANSIENT || r->part >= r->parts ||
	    (!r->open && r->answer.status != 200) || ++r->breaks > BREAKS)
		return -1;
	answer_end(&r->answer);
	if (r->ahead != NULL)
		http_drop(r->ahead);
	r->ahead = NULL;
	r->open = false;
	/* While rows are read again, their sum is the one from before. */
	if (r->again == 0)
		r->again_sum = r->sum;
	r->again = r->row;
	r->sum = 0;
	return 0;
}

/* ---- rows ---- */

/* Reads one value; *length receives its bytes, or -1. */
static int read_value(struct result *r, const struct decoder *decoder,
    int32_t *length, struct err *e)
{
	size_t begin = r->text.len;
	int rc;

	*length = -1;
	buf_clear(&r->raw);
	rc = json_reader_text(&r->answer.reader, &r->raw, e);
	if (rc <= 0)
		return rc;
	if (decoder->write(&r->tools, decoder,
		r->raw.len > 0 ? r->raw.data : "", r->raw.len, &r->text,
		e) != 0)
		return -1;
	*length = (int32_t)(r->text.len - begin);
	return 0;
}

/* Reads one row to the end of the batch's text, with a NUL after each value. */
static int read_row(struct result *r, int32_t *lengths, struct err *e)
{
	int count = 0, rc;

	if (json_reader_array(&r->answer.reader, e) != 0)
		return -1;
	while ((rc = json_reader_element(&r->answer.reader, e)) == 1) {
		if (count == r->columns ||
		    read_value(r, &r->decoders[count], &lengths[count], e) != 0)
			break;
		count++;
		buf_char(&r->text, '\0');
	}
	if (rc < 0)
		return -1;
	if (rc == 1 && count < r->columns)
		return -1;
	if (rc == 1 || count != r->columns)
		return err_set(e, ERR_TRANSIENT,
		    "a row has not the %d values of the columns", r->columns);
	if (r->text.overflow)
		return err_set(
		    e, ERR_PERMANENT, "a row has more than %zu bytes", ROW_MAX);
	return 0;
}

/* Counts a row that was read before the connection broke. Its text must be what it
 * was. */
static int pass_again(struct result *r, struct err *e)
{
	if (--r->again > 0 || r->sum == r->again_sum)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "partition %d of %d has other rows when it is fetched again",
	    r->part, r->parts);
}

/* Reads the next row: 1, 0 at the end of the result, -1. */
static int next_row(struct result *r, int32_t *lengths, struct err *e)
{
	while (r->part < r->parts) {
		size_t begin = r->text.len;
		int rc;

		if (!r->open && open_part(r, e) != 0)
			return -1;
		if (look_ahead(r, e) != 0)
			return -1;
		rc = answer_row(&r->answer, e);
		/* The rows of a server that is wrong may have no end. */
		if (rc == 1 && r->again == 0 && r->row == r->part_rows[r->part])
			return more_rows(r, e);
		if (rc < 0 || (rc == 1 && read_row(r, lengths, e) != 0))
			return r->parts == 1 ? -1
					     : err_wrap(e, "partition %d of %d",
						   r->part, r->parts);
		if (rc == 0 && close_part(r, e) != 0)
			return -1;
		if (rc == 0)
			continue;
		r->sum = crc64_ecma_refl(r->sum,
		    (const unsigned char *)r->text.data + begin,
		    r->text.len - begin);
		if (r->again == 0) {
			r->row++;
			r->rows++;
			return 1;
		}
		if (pass_again(r, e) != 0)
			return -1;
		r->text.len = begin;
	}
	return 0;
}

/* Does the same, and mends broken connections. */
static int next_row_again(struct result *r, int32_t *lengths, struct err *e)
{
	size_t begin = r->text.len;
	int rc;

	while ((rc = next_row(r, lengths, e)) < 0 && mend(r, e) == 0) {
		r->text.len = begin;
		r->text.overflow = false;
	}
	return rc;
}

static void make_room(struct result *r)
{
	size_t count;

	if (r->values != NULL)
		return;
	r->batch_rows = BATCH_VALUES / r->columns;
	if (r->batch_rows > BATCH_ROWS)
		r->batch_rows = BATCH_ROWS;
	if (r->batch_rows == 0)
		r->batch_rows = 1;
	count = (size_t)r->batch_rows * (size_t)r->columns;
	r->values = mem_alloc(count * sizeof(*r->values));
	r->lengths = mem_alloc(count * sizeof(*r->lengths));
}

int result_next(struct result *r, struct batch *batch, struct err *e)
{
	const char *at;
	int rows = 0, rc = 1;

	make_room(r);
	buf_clear(&r->text);
	while (rows < r->batch_rows && r->text.len < BATCH_BYTES) {
		rc = next_row_again(
		    r, r->lengths + (size_t)rows * (size_t)r->columns, e);
		if (rc != 1)
			break;
		rows++;
	}
	if (rc < 0)
		return -1;
	if (rows == 0 && r->rows != r->all_rows)
		return err_set(e, ERR_TRANSIENT,
		    "the result has %" PRId64
		    " rows, and numRows says %" PRId64,
		    r->rows, r->all_rows);
	at = r->text.data;
	for (size_t i = 0; i < (size_t)rows * (size_t)r->columns; i++) {
		r->values[i] = (struct value){
		    r->lengths[i] < 0 ? NULL : at, r->lengths[i]};
		at += (r->lengths[i] > 0 ? r->lengths[i] : 0) + 1;
	}
	*batch = (struct batch){r->values, rows};
	return rows > 0;
}
