/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/duckdb/frame.h"

#include "helper.h"

static const struct watch never = {.check = NULL};

TEST(a_schema_comes_back)
{
	struct column columns[] = {
	    COLUMN("a \"b\"", TEXT), COLUMN("", DECIMAL), COLUMN("é", FLOAT)};
	struct schema sent = {columns, COUNT(columns)}, got = {0};
	struct buf b;
	struct err e;

	columns[1].precision = 12;
	columns[1].scale = 2;
	columns[2].size = 8;
	buf_init(&b, 4096);
	frame_put_schema(&b, &sent);
	assert_int_equal(frame_get_schema(&b, &got, &e), 0);
	assert_int_equal(got.count, 3);
	assert_string_equal(got.columns[0].name, "a \"b\"");
	assert_int_equal(got.columns[1].kind, KIND_DECIMAL);
	assert_int_equal(got.columns[1].precision, 12);
	assert_int_equal(got.columns[1].scale, 2);
	assert_int_equal(got.columns[2].size, 8);
	assert_true(got.columns[2].nullable);
	schema_free(&got);
	buf_free(&b);
}

/* A reader that a hostile file has taken over sends anything. */
TEST(a_torn_schema_is_refused_at_each_byte)
{
	struct column columns[] = {COLUMN("first", TEXT), COLUMN("b", JSON)};
	struct schema sent = {columns, COUNT(columns)};
	struct buf b;
	struct err e;
	size_t whole;

	buf_init(&b, 4096);
	frame_put_schema(&b, &sent);
	whole = b.len;
	for (size_t len = 1; len < whole; len++) {
		struct schema got = {0};

		b.len = len;
		/* A cut after a whole column leaves a shorter schema. */
		if (frame_get_schema(&b, &got, &e) == 0)
			assert_int_equal(got.count, 1);
		schema_free(&got);
	}
	for (int kind = -1; kind < 100; kind += 99) {
		struct schema got = {0};

		b.len = whole;
		memcpy(b.data, &(int32_t){kind}, sizeof(int32_t));
		assert_int_equal(frame_get_schema(&b, &got, &e), -1);
		assert_err(&e, "DuckDB's process sent a torn message");
		schema_free(&got);
	}
	buf_free(&b);
}

TEST(an_error_comes_back_and_says_no_more_than_its_kind)
{
	struct err sent, e;
	struct buf b;

	err_set(&sent, ERR_TRANSIENT, "no room");
	memcpy(sent.sqlstate, "53200", 6);
	buf_init(&b, sizeof(sent));
	buf_add(&b, &sent, sizeof(sent));
	assert_int_equal(frame_get_error(&b, &e), -1);
	assert_err(&e, "no room");
	assert_string_equal(e.sqlstate, "53200");
	assert_int_equal(e.kind, ERR_TRANSIENT);
	/* The answer cannot say that the lease is lost. */
	sent.kind = ERR_LOST;
	memset(sent.sqlstate, 'x', sizeof(sent.sqlstate));
	buf_clear(&b);
	buf_add(&b, &sent, sizeof(sent));
	assert_int_equal(frame_get_error(&b, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_string_equal(e.sqlstate, "xxxxx");
	memset(sent.text, 'x', sizeof(sent.text));
	buf_clear(&b);
	buf_add(&b, &sent, sizeof(sent));
	assert_int_equal(frame_get_error(&b, &e), -1);
	assert_err(&e, "DuckDB's process sent a torn message");
	b.len--;
	assert_int_equal(frame_get_error(&b, &e), -1);
	assert_err(&e, "DuckDB's process sent a torn message");
	buf_free(&b);
}

TEST(messages_arrive_in_order_and_end)
{
	struct frame f;
	struct buf head;
	struct err e;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	buf_init(&head, 16);
	buf_str(&head, "head ");
	frame_init(&f);
	assert_int_equal(
	    frame_send(pair[0], FRAME_ROWS, &head, "and body", 8), 0);
	assert_int_equal(frame_send(pair[0], FRAME_END, NULL, NULL, 0), 0);
	assert_int_equal(frame_read(pair[1], &f, &never, 0, &e), 1);
	assert_int_equal(f.type, FRAME_ROWS);
	assert_string_equal(f.body.data, "head and body");
	assert_int_equal(frame_read(pair[1], &f, &never, 0, &e), 1);
	assert_int_equal(f.type, FRAME_END);
	assert_int_equal(f.body.len, 0);
	/* past its deadline, before anything has come */
	assert_int_equal(frame_read(pair[1], &f, &never, 1, &e), 0);
	close(pair[0]);
	assert_int_equal(frame_read(pair[1], &f, &never, 0, &e), 0);
	close(pair[1]);
	assert_int_equal(frame_send(pair[1], FRAME_END, NULL, NULL, 0), -1);
	frame_free(&f);
	buf_free(&head);
}

TEST(a_message_that_is_too_long_is_refused)
{
	struct {
		uint64_t len;
		uint32_t type;
	} head;
	struct frame f;
	struct err e;
	int pair[2];

	memset(&head, 0, sizeof(head));
	head.len = UINT64_MAX - 1;
	head.type = FRAME_ROWS;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	frame_init(&f);
	assert_int_equal(
	    write(pair[0], &head, sizeof(head)), (int)sizeof(head));
	assert_int_equal(frame_read(pair[1], &f, &never, 0, &e), -1);
	assert_err_has(&e, "a row of the result does not fit into memory");
	frame_free(&f);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_schema_comes_back),
	    cmocka_unit_test(a_torn_schema_is_refused_at_each_byte),
	    cmocka_unit_test(
		an_error_comes_back_and_says_no_more_than_its_kind),
	    cmocka_unit_test(messages_arrive_in_order_and_end),
	    cmocka_unit_test(a_message_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
