/* SPDX-License-Identifier: MIT */
#include "daemon/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "helper.h"

/* Feeds text in pieces of `piece` bytes; returns the lines as <...>, which the
 * caller frees. */
static char *lines_of(const char *text, size_t len, size_t piece)
{
	struct lines l;
	struct buf got;
	struct err e;

	lines_init(&l);
	buf_init(&got, 1 << 20);
	buf_str(&got, "");
	while (len > 0) {
		size_t n = len < piece ? len : piece, line_len;
		const char *line;

		assert_int_equal(lines_feed(&l, text, n, &e), 0);
		while ((line = lines_next(&l, &line_len)) != NULL) {
			assert_int_equal(line[line_len], '\0');
			buf_char(&got, '<');
			buf_add(&got, line, line_len);
			buf_char(&got, '>');
		}
		text += n;
		len -= n;
	}
	lines_free(&l);
	return got.data;
}

TEST(lines_come_whole_however_they_are_split)
{
	static const char text[] = "one\n\ntwo words\n\n\nthree\nrest";

	for (size_t piece = 1; piece <= sizeof(text); piece++) {
		char *got = lines_of(text, sizeof(text) - 1, piece);

		assert_string_equal(got, "<one><><two words><><><three>");
		free(got);
	}
}

TEST(garbage_is_handed_out_as_it_came)
{
	static const char text[] = "a\0b\n\xFF\xFE\n\r\n";

	for (size_t piece = 1; piece <= sizeof(text); piece++) {
		struct lines l;
		struct err e;
		size_t len;
		char *line;

		lines_init(&l);
		assert_int_equal(lines_feed(&l, text, sizeof(text) - 1, &e), 0);
		line = lines_next(&l, &len);
		assert_int_equal(len, 3);
		assert_memory_equal(line, "a\0b", 4);
		line = lines_next(&l, &len);
		assert_string_equal(line, "\xFF\xFE");
		line = lines_next(&l, &len);
		assert_string_equal(line, "\r");
		assert_null(lines_next(&l, &len));
		lines_free(&l);
	}
}

TEST(a_line_may_be_left_half_taken_when_more_is_fed)
{
	struct lines l;
	struct err e;
	size_t len;

	lines_init(&l);
	assert_null(lines_next(&l, &len));
	assert_int_equal(lines_feed(&l, "abc", 3, &e), 0);
	assert_null(lines_next(&l, &len));
	assert_int_equal(lines_feed(&l, "d\nxy\n", 5, &e), 0);
	assert_string_equal(lines_next(&l, &len), "abcd");
	assert_int_equal(lines_feed(&l, "z\n", 2, &e), 0);
	assert_string_equal(lines_next(&l, &len), "xy");
	assert_string_equal(lines_next(&l, &len), "z");
	assert_null(lines_next(&l, &len));
	lines_free(&l);
}

TEST(a_line_without_end_is_an_error)
{
	enum { PIECE = 64 << 10 };
	char *piece = mem_alloc(PIECE);
	struct lines l;
	struct err e;
	size_t fed = 0, len;

	memset(piece, 'x', PIECE);
	lines_init(&l);
	while (lines_feed(&l, piece, PIECE, &e) == 0) {
		fed += PIECE;
		assert_null(lines_next(&l, &len));
		assert_in_range(fed, 0, PROTOCOL_LINE_MAX);
	}
	assert_int_equal(fed, PROTOCOL_LINE_MAX);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err(&e, "a message is longer than 16777216 bytes");
	lines_free(&l);
	lines_free(&l);
	free(piece);
}

TEST(the_longest_line_passes)
{
	char *big = mem_alloc(PROTOCOL_LINE_MAX);
	struct lines l;
	struct err e;
	size_t len;

	memset(big, 'x', PROTOCOL_LINE_MAX);
	big[PROTOCOL_LINE_MAX - 1] = '\n';
	lines_init(&l);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lines_feed(&l, big, PROTOCOL_LINE_MAX, &e), 0);
		assert_non_null(lines_next(&l, &len));
		assert_int_equal(len, PROTOCOL_LINE_MAX - 1);
		assert_null(lines_next(&l, &len));
	}
	lines_free(&l);
	free(big);
}

TEST(what_is_no_message_is_refused)
{
	static const char *const bad[] = {"", " ", "x", "null", "[]", "7",
	    "\"job\"", "{", "{}", "{\"type\":\"job\"}",
	    "{\"type\":\"job\",\"run_id\":0}",
	    "{\"type\":\"job\",\"run_id\":-1}",
	    "{\"type\":\"job\",\"run_id\":\"7\"}",
	    "{\"type\":\"job\",\"run_id\":7.5}",
	    "{\"type\":\"jobs\",\"run_id\":7}", "{\"type\":\"\",\"run_id\":7}",
	    "{\"type\":7,\"run_id\":7}", "{\"type\":null,\"run_id\":7}",
	    "{\"run_id\":7}", "{\"type\":\"job\",\"run_id\":7} x",
	    "{\"type\":\"job\",\"run_id\":7}{}",
	    "{\"type\":\"job\",\"run_id\":9223372036854775808}",
	    "{\"type\":\"job\",\"run_id\":7,\"x\":\"\xFF\"}"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct message m = {0};
		struct err e = {.text = ""};

		assert_int_equal(
		    message_parse(bad[i], strlen(bad[i]), &m, &e), -1);
		assert_null(m.body);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_true(e.text[0] != '\0');
	}
}

/* Deep nesting must not exhaust the stack. */
TEST(hostile_nesting_is_refused)
{
	enum { DEPTH = 100000 };
	char *text = mem_zalloc(2 * DEPTH + 100);
	struct message m;
	struct err e;

	strcpy(text, "{\"type\":\"job\",\"run_id\":7,\"x\":");
	memset(text + strlen(text), '[', DEPTH);
	memset(text + strlen(text), ']', DEPTH);
	strcat(text, "}");
	assert_int_equal(message_parse(text, strlen(text), &m, &e), -1);
	free(text);
}

/* Checks that b holds exactly one line, a message of this type and run. */
static json_t *only_message(
    struct buf *b, enum message_type type, int64_t run_id)
{
	struct terms terms;
	struct message m;
	struct err e = {.text = ""};

	assert_false(b->overflow);
	assert_true(str_is_utf8(b->data, b->len));
	assert_ptr_equal(strchr(b->data, '\n'), b->data + b->len - 1);
	terms_init(&terms);
	message_parse_task(&terms, b->data, b->len - 1, &m, &e);
	terms_free(&terms);
	assert_err(&e, "");
	assert_int_equal(m.type, type);
	assert_int_equal(m.run_id, run_id);
	buf_free(b);
	return m.body;
}

#define NASTY "a\"b\\c\n\r\t\x01\x7F \xE2\x82\xAC \xF0\x9F\x98\x80 </script>"

TEST(a_job_comes_through)
{
	struct buf b, common;
	json_t *o, *row, *terms;

	buf_init(&b, 1 << 20);
	buf_init(&common, 1 << 20);
	message_common(&common,
	    &(struct common_terms){.source = "{\"type\": \"postgres\"}",
		.output_root = NASTY,
		.output = "{report_name}.{ext}",
		.file_mode = 0640,
		.no_sync = true});
	message_job(&b, &(struct job_terms){.run_id = INT64_MAX,
			    .timeout_ms = 6,
			    .statement_timeout_ms = 7,
			    .row = "{\"request_id\": 42, \"prep_sql\": null}",
			    .common = common.data});
	buf_free(&common);
	o = only_message(&b, MSG_JOB, INT64_MAX);
	assert_int_equal(json_int(o, "timeout", 0), 6);
	assert_int_equal(json_int(o, "statement_timeout", 0), 7);
	terms = json_object_get(o, "terms");
	assert_string_equal(
	    json_str(terms, "source", ""), "{\"type\": \"postgres\"}");
	assert_string_equal(json_str(terms, "output_root", ""), NASTY);
	assert_string_equal(
	    json_str(terms, "output", ""), "{report_name}.{ext}");
	assert_int_equal(json_int(terms, "file_mode", 0), 0640);
	assert_true(json_bool(terms, "no_sync", false));
	row = json_object_get(o, "row");
	assert_int_equal(json_int(row, "request_id", 0), 42);
	json_decref(o);
}

static void add_job(struct buf *b, const char *source)
{
	struct buf common;

	buf_init(&common, 1 << 20);
	message_common(&common, &(struct common_terms){.source = source});
	message_job(b, &(struct job_terms){
			   .run_id = 7, .row = "{}", .common = common.data});
	buf_free(&common);
}

/* Each job has its own terms, also when only those of every second job are the
 * same, and a job whose terms cannot be read has none of another job. */
TEST(the_terms_of_a_job_are_its_own)
{
	const char *const sources[] = {"a", "a", "b", "a", NULL, "a"};
	struct terms terms;
	struct buf b;

	buf_init(&b, 1 << 20);
	terms_init(&terms);
	for (size_t i = 0; i < COUNT(sources); i++) {
		struct message m;
		struct err e;

		buf_clear(&b);
		if (sources[i] == NULL)
			buf_str(&b, "{\"type\":\"job\",\"run_id\":7}\t{\n");
		else
			add_job(&b, sources[i]);
		assert_int_equal(
		    message_parse_task(&terms, b.data, b.len - 1, &m, &e),
		    sources[i] ? 0 : -1);
		if (sources[i] == NULL) {
			assert_null(m.body);
			continue;
		}
		assert_string_equal(
		    json_str(json_object_get(m.body, "terms"), "source", ""),
		    sources[i]);
		json_decref(m.body);
	}
	terms_free(&terms);
	buf_free(&b);
}

TEST(progress_and_publish_come_through)
{
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_progress(&b, 7, "export", 1000000, INT64_MAX, NULL);
	o = only_message(&b, MSG_PROGRESS, 7);
	assert_string_equal(json_str(o, "stage", ""), "export");
	assert_int_equal(json_int(o, "row_count", 0), 1000000);
	assert_int_equal(json_int(o, "byte_count", 0), INT64_MAX);
	json_decref(o);
	message_publish_ask(&b, 8, NULL);
	json_decref(only_message(&b, MSG_PUBLISH, 8));
	for (int go = 0; go < 2; go++) {
		message_publish_answer(&b, 9, go, 12345);
		o = only_message(&b, MSG_PUBLISH, 9);
		assert_int_equal(json_bool(o, "go", !go), go);
		assert_int_equal(json_int(o, "until", 0), 12345);
		json_decref(o);
	}
}

TEST(uploads_and_their_clean_up_come_through)
{
	json_t *uploads = json_pack(
	    "[{ss ss si}]", "place", "s3://abc/k", "id", "u1", "at", 5);
	json_t *runs =
	    json_pack("[{si sO}]", "run_id", 7, "leftovers", uploads);
	json_t *sources = json_pack("{ss}", "lake", "{\"type\":\"athena\"}");
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_progress(&b, 7, "export", 0, 0, uploads);
	o = only_message(&b, MSG_PROGRESS, 7);
	assert_true(json_equal(json_object_get(o, "leftovers"), uploads));
	json_decref(o);
	message_sweep(
	    &b, 3, 5000, "[{\"run_id\":7,\"leftovers\":[]}]", sources);
	o = only_message(&b, MSG_SWEEP, 3);
	assert_int_equal(json_int(o, "timeout", 0), 5000);
	assert_int_equal(json_array_size(json_object_get(o, "runs")), 1);
	assert_true(json_equal(json_object_get(o, "sources"), sources));
	json_decref(o);
	message_swept(&b, 3, runs, 700, NULL);
	o = only_message(&b, MSG_SWEPT, 3);
	assert_true(json_equal(json_object_get(o, "runs"), runs));
	assert_int_equal(json_int(o, "wait", 0), 700);
	assert_null(json_str(o, "error", NULL));
	json_decref(o);
	message_recall(&b, 9);
	o = only_message(&b, MSG_STOP, 9);
	assert_true(json_bool(o, "recall", false));
	json_decref(o);
	message_yield(&b, 9);
	o = only_message(&b, MSG_STOP, 9);
	assert_true(json_bool(o, "yield", false));
	json_decref(o);
	json_decref(runs);
	json_decref(uploads);
	json_decref(sources);
}

TEST(a_result_comes_through)
{
	json_t *stages = json_pack("{s:i}", "prep", 30);
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_result(&b, &(struct run_result){.run_id = 7,
			       .config_id = 42,
			       .status = "FAILED",
			       .permanent = true,
			       .stage = "export",
			       .prep_ms = 0,
			       .stage_ms = stages,
			       .rows = 5,
			       .bytes = 6,
			       .output_url = "file:///a%20b",
			       .sha256 = "e3b0",
			       .error_stage = "export",
			       .error_sqlstate = "42601",
			       .error_message = NASTY});
	o = only_message(&b, MSG_RESULT, 7);
	assert_int_equal(json_int(o, "config_id", 0), 42);
	assert_string_equal(json_str(o, "status", ""), "FAILED");
	assert_true(json_bool(o, "permanent", false));
	assert_string_equal(json_str(o, "stage", ""), "export");
	assert_int_equal(json_int(o, "prep_ms", -1), 0);
	assert_true(json_equal(json_object_get(o, "stage_ms"), stages));
	json_decref(stages);
	assert_int_equal(json_int(o, "row_count", -1), 5);
	assert_int_equal(json_int(o, "byte_count", -1), 6);
	assert_string_equal(json_str(o, "output_url", ""), "file:///a%20b");
	assert_string_equal(json_str(o, "sha256", ""), "e3b0");
	assert_string_equal(json_str(o, "error_stage", ""), "export");
	assert_string_equal(json_str(o, "error_sqlstate", ""), "42601");
	assert_string_equal(json_str(o, "error_message", ""), NASTY);
	json_decref(o);
}

TEST(a_notice_and_its_end_come_through)
{
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_notice(&b, 17, 5000, "{\"notification_id\": 17}");
	o = only_message(&b, MSG_NOTICE, 17);
	assert_int_equal(json_int(o, "timeout", 0), 5000);
	assert_int_equal(
	    json_int(json_object_get(o, "notice"), "notification_id", 0), 17);
	json_decref(o);
	message_notice_done(&b, &(struct notice_result){.notification_id = 17,
				    .attempt = 3,
				    .state = "RETRY",
				    .error = NASTY "\xE9",
				    .retry_ms = 2000});
	o = only_message(&b, MSG_NOTICE_DONE, 17);
	assert_int_equal(json_int(o, "notification_id", 0), 17);
	assert_int_equal(json_int(o, "attempt", 0), 3);
	assert_string_equal(json_str(o, "state", ""), "RETRY");
	assert_string_equal(json_str(o, "error", ""), NASTY "?");
	assert_int_equal(json_int(o, "retry_ms", 0), 2000);
	json_decref(o);
}

TEST(what_is_not_known_is_left_out)
{
	static const char *const absent[] = {"prep_ms", "stage_ms", "row_count",
	    "byte_count", "output_url", "sha256", "error_stage",
	    "error_sqlstate", "error_message"};
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_result(&b, &(struct run_result){.run_id = 7,
			       .config_id = 42,
			       .status = "CANCELLED",
			       .stage = "start",
			       .prep_ms = -1,
			       .rows = -1,
			       .bytes = -1});
	o = only_message(&b, MSG_RESULT, 7);
	for (size_t i = 0; i < COUNT(absent); i++)
		assert_null(json_object_get(o, absent[i]));
	json_decref(o);
}

TEST(bytes_that_are_no_utf8_do_not_break_a_message)
{
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	message_result(&b, &(struct run_result){.run_id = 7,
			       .config_id = 42,
			       .status = "FAILED",
			       .stage = "prep",
			       .error_message = "caf\xE9 \xC3"});
	o = only_message(&b, MSG_RESULT, 7);
	assert_string_equal(json_str(o, "error_message", ""), "caf? ?");
	json_decref(o);
}

TEST(a_result_that_cannot_be_recorded_is_sent_alone_then_in_ascii_then_later)
{
	const struct run_result result = {.run_id = 7,
	    .config_id = 1,
	    .status = "FAILED",
	    .stage = "export",
	    .error_message = "caf\u00e9"};
	const struct err lost = {.kind = ERR_LOST};
	const struct err unfit = {.kind = ERR_PERMANENT, .sqlstate = "22P05"};
	const struct err full = {.kind = ERR_TRANSIENT, .sqlstate = "53100"};
	bool plain = false;
	struct buf b;

	buf_init(&b, 1 << 20);
	message_result(&b, &result);
	assert_true(message_record_failed(&b, &plain, 1, &lost));
	assert_true(message_record_failed(&b, &plain, 2, &unfit));
	assert_false(message_record_failed(&b, &plain, 1, &full));
	assert_false(plain);
	assert_non_null(strstr(b.data, "caf\u00e9"));
	assert_true(message_record_failed(&b, &plain, 1, &unfit));
	assert_true(plain);
	assert_non_null(strstr(b.data, "caf??"));
	assert_false(message_record_failed(&b, &plain, 1, &unfit));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_come_whole_however_they_are_split),
	    cmocka_unit_test(garbage_is_handed_out_as_it_came),
	    cmocka_unit_test(a_line_may_be_left_half_taken_when_more_is_fed),
	    cmocka_unit_test(a_line_without_end_is_an_error),
	    cmocka_unit_test(the_longest_line_passes),
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test(hostile_nesting_is_refused),
	    cmocka_unit_test(a_job_comes_through),
	    cmocka_unit_test(the_terms_of_a_job_are_its_own),
	    cmocka_unit_test(progress_and_publish_come_through),
	    cmocka_unit_test(uploads_and_their_clean_up_come_through),
	    cmocka_unit_test(a_result_comes_through),
	    cmocka_unit_test(a_notice_and_its_end_come_through),
	    cmocka_unit_test(what_is_not_known_is_left_out),
	    cmocka_unit_test(bytes_that_are_no_utf8_do_not_break_a_message),
	    cmocka_unit_test(
		a_result_that_cannot_be_recorded_is_sent_alone_then_in_ascii_then_later),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
