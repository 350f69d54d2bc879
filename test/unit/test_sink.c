/* SPDX-License-Identifier: MIT */
#include "sink/sink.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "encode/encoder.h"
#include "export/option.h"
#include "helper.h"
#include "place/stdout.h"
#include "sink/digest.h"

/* Every filter, opened with `next`, which it owns afterwards. */
static struct sink *open_plain(struct sink *next, struct err *e)
{
	(void)e;
	return next;
}

static struct sink *open_two(struct sink *next, struct err *e)
{
	return digest_open(digest_open(next, e), e);
}

static struct sink *(*const filters[])(struct sink *, struct err *) = {
    open_plain, digest_open, open_two};

/* Checks that each sink of the chain is in this state. */
static void assert_chain(const struct sink *s, enum sink_state state)
{
	for (; s != NULL; s = s->next)
		assert_int_equal(s->state, state);
}

static struct sink *open_over(size_t filter, struct fake *f)
{
	struct err e;
	struct sink *s;

	fake_init(f);
	s = filters[filter](fake_open(f), &e);
	assert_non_null(s);
	assert_chain(s, SINK_OPEN);
	return s;
}

/* Pieces with lengths from 0 to 9, 45 bytes in all. */
#define TEXT "122333444455555666666777777788888888999999999"
#define TEXT_LEN ((size_t)45)

static int write_text(struct sink *s, struct err *e)
{
	const char *at = TEXT;

	for (size_t n = 0; n < 10; at += n++) {
		if (sink_write(s, at, n, e) != 0)
			return -1;
		assert_chain(s, SINK_OPEN);
	}
	return 0;
}

TEST(the_good_way_is_open_finished_published)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		struct fake f;
		struct sink *s = open_over(i, &f);
		struct err e = {.text = ""};

		assert_int_equal(write_text(s, &e), 0);
		assert_string_equal(f.bytes.data, TEXT);
		assert_int_equal(sink_step(s, &e), 0);
		assert_int_equal(f.steps, 1);
		assert_int_equal(sink_finish(s, &e), 0);
		/* a finished sink has nothing to move */
		assert_int_equal(sink_step(s, &e), 0);
		assert_int_equal(f.steps, 1);
		assert_chain(s, SINK_FINISHED);
		assert_int_equal(f.published, 0);
		assert_int_equal(
		    sink_publish(s, &(struct sink_terms){.rows = 7}, &e), 0);
		assert_int_equal(f.rows, 7);
		assert_chain(s, SINK_PUBLISHED);
		sink_abort(s); /* too late, but harmless */
		assert_chain(s, SINK_PUBLISHED);
		sink_free(s);
		assert_err(&e, "");
		assert_int_equal(f.finished, 1);
		assert_int_equal(f.published, 1);
		assert_int_equal(f.aborted, 0);
		assert_int_equal(f.freed, 1);
		fake_free(&f);
	}
}

TEST(writing_nothing_reaches_nobody)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		struct fake f;
		struct sink *s = open_over(i, &f);
		struct err e;

		f.fail_at = 0;
		assert_int_equal(sink_write(s, "", 0, &e), 0);
		assert_int_equal(sink_write(s, NULL, 0, &e), 0);
		assert_chain(s, SINK_OPEN);
		assert_int_equal(f.writes, 0);
		sink_free(s);
		fake_free(&f);
	}
}

/* At any stage, freeing aborts once. */
TEST(freeing_before_publish_aborts)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		for (int step = 0; step < 4; step++) {
			struct fake f;
			struct sink *s = open_over(i, &f);
			struct err e;

			if (step > 0)
				write_text(s, &e);
			if (step > 1)
				sink_finish(s, &e);
			if (step > 2) {
				sink_abort(s);
				assert_chain(s, SINK_ABORTED);
				sink_abort(s);
			}
			sink_free(s);
			assert_int_equal(f.aborted, 1);
			assert_int_equal(f.published, 0);
			assert_int_equal(f.freed, 1);
			fake_free(&f);
		}
	}
	sink_free(NULL);
	sink_abort(NULL);
}

TEST(filters_pass_on_a_write_that_fails_at_any_byte)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		for (size_t n = 0; n < TEXT_LEN; n++) {
			struct fake f;
			struct sink *s = open_over(i, &f);
			struct err e = {.text = ""};

			f.fail_at = n;
			assert_int_equal(write_text(s, &e), -1);
			assert_err(&e, FAKE_ERROR);
			assert_chain(s, SINK_FAILED);
			sink_free(s);
			assert_int_equal(f.aborted, 1);
			assert_int_equal(f.finished, 0);
			assert_int_equal(f.freed, 1);
			fake_free(&f);
		}
	}
}

TEST(filters_pass_on_a_failing_finish_and_publish)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		for (int publish = 0; publish < 2; publish++) {
			struct fake f;
			struct sink *s = open_over(i, &f);
			struct err e = {.text = ""};

			f.fail_finish = !publish;
			f.fail_publish = publish;
			assert_int_equal(write_text(s, &e), 0);
			assert_int_equal(sink_finish(s, &e), publish - 1);
			if (publish)
				assert_int_equal(sink_publish(s, NULL, &e), -1);
			assert_err(&e, FAKE_ERROR);
			assert_chain(s, SINK_FAILED);
			sink_abort(s);
			assert_chain(s, SINK_ABORTED);
			sink_free(s);
			assert_int_equal(f.aborted, 1);
			assert_int_equal(f.freed, 1);
			fake_free(&f);
		}
	}
}

/* Output options that select code of their own; each format is tried with those
 * that it accepts. */
static const char *const dialects[] = {NULL, "{\"encoding\": \"LATIN1\"}",
    "{\"encoding\": \"SQL_ASCII\", \"quote\": \"all\"}",
    "{\"decimal_comma\": true, \"delimiter\": \";\", \"bom\": true}",
    "{\"formula_guard\": true, \"line_ending\": \"crlf\"}",
    "{\"codec\": \"zstd\"}", "{\"codec\": \"none\"}"};

static bool takes(const struct encoder_type *type, const char *dialect)
{
	struct err e;
	json_t *options =
	    dialect ? json_parse_object(dialect, strlen(dialect), &e) : NULL;
	bool takes = export_check_options(type, options, &e) == 0;

	json_decref(options);
	return takes;
}

/* Encodes a small result, or one that fills several of the encoder's
 * buffers. */
static int encode(const struct encoder_type *type, const char *dialect,
    int rows, struct sink *s, struct err *e)
{
	static struct column columns[] = {
	    COLUMN("n", DECIMAL), COLUMN("t", TEXT)};
	static const struct value values[] = {
	    CELL("1.5"), CELL("=caf\xC3\xA9 \"x\""), NIL, CELL("")};
	struct schema schema = {columns, 2};
	json_t *options =
	    dialect ? json_parse_object(dialect, strlen(dialect), e) : NULL;
	struct encoder *enc = encoder_open(
	    type, &(struct encoder_options){.options = options, .sink = s}, e);
	int rc = -1;

	if (enc == NULL)
		goto out;
	if (encoder_begin(enc, &(struct section){.schema = &schema}, e) != 0)
		goto out;
	for (int i = 0; i < rows; i++) {
		struct batch b = {values, 2};

		if (encoder_rows(enc, &b, e) != 0)
			goto out;
	}
	if (encoder_end(enc, e) == 0)
		rc = encoder_finish(enc, e);
out:
	encoder_free(enc);
	json_decref(options);
	return rc;
}

/* Returns the number of bytes of the output without a failure. */
static size_t encoded_size(
    const struct encoder_type *type, const char *dialect, int rows)
{
	struct err e = {.text = ""};
	struct fake f;
	struct sink *s;
	size_t size;

	fake_init(&f);
	s = fake_open(&f);
	encode(type, dialect, rows, s, &e);
	assert_err(&e, "");
	assert_int_equal(s->state, SINK_OPEN);
	assert_int_equal(f.finished, 0);
	size = f.bytes.len;
	sink_free(s);
	fake_free(&f);
	return size;
}

static void encode_failing_at(
    const struct encoder_type *type, const char *dialect, int rows, size_t byte)
{
	struct err e = {.text = ""};
	struct fake f;
	struct sink *s;

	fake_init(&f);
	f.fail_at = byte;
	s = fake_open(&f);
	assert_int_equal(encode(type, dialect, rows, s, &e), -1);
	assert_err(&e, FAKE_ERROR);
	assert_int_equal(s->state, SINK_FAILED);
	assert_int_equal(f.finished, 0);
	sink_free(s);
	assert_int_equal(f.aborted, 1);
	assert_int_equal(f.freed, 1);
	fake_free(&f);
}

TEST(encoders_pass_on_a_write_that_fails_at_any_byte)
{
	const struct encoder_type *type;

	for (int i = 0; (type = encoder_type_at(i)) != NULL; i++) {
		for (size_t d = 0; d < COUNT(dialects); d++) {
			size_t size;

			if (!takes(type, dialects[d]))
				continue;
			size = encoded_size(type, dialects[d], 5);
			assert_in_range(size, 50, 100000);
			for (size_t n = 0; n < size; n++)
				encode_failing_at(type, dialects[d], 5, n);
		}
	}
}

/* In a large output, the sink fails while rows are still arriving. */
TEST(encoders_pass_on_a_write_that_fails_between_rows)
{
	enum { ROWS = 30000, STEPS = 7 };
	const struct encoder_type *type;

	for (int i = 0; (type = encoder_type_at(i)) != NULL; i++) {
		for (size_t d = 0; d < COUNT(dialects); d++) {
			size_t size;

			if (!takes(type, dialects[d]))
				continue;
			size = encoded_size(type, dialects[d], ROWS);
			for (size_t n = 0; n < STEPS; n++)
				encode_failing_at(
				    type, dialects[d], ROWS, size / STEPS * n);
			encode_failing_at(type, dialects[d], ROWS, size - 1);
		}
	}
}

/* Runs a sink from open to publish while standard output is fd. */
static int with_stdout(int fd, struct err *e)
{
	struct sink *s =
	    place_open(&(struct place_output){.address = STDOUT_ADDRESS}, e);
	int real, rc;

	fflush(stdout);
	real = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	rc = sink_write(s, TEXT, TEXT_LEN, e);
	if (rc == 0 &&
	    (sink_finish(s, e) != 0 || sink_publish(s, NULL, e) != 0))
		rc = -1;
	dup2(real, STDOUT_FILENO);
	close(real);
	sink_free(s);
	return rc;
}

TEST(standard_output_takes_bytes_as_they_come)
{
	char got[TEXT_LEN + 1] = "";
	struct err e = {.text = ""};
	int fd[2];

	assert_return_code(pipe(fd), errno);
	assert_int_equal(with_stdout(fd[1], &e), 0);
	assert_int_equal(read(fd[0], got, TEXT_LEN), TEXT_LEN);
	assert_string_equal(got, TEXT);
	close(fd[0]);
	/* The reader has closed the pipe. */
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(with_stdout(fd[1], &e), -1);
	assert_err(&e, "writing standard output: Broken pipe");
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_good_way_is_open_finished_published),
	    cmocka_unit_test(writing_nothing_reaches_nobody),
	    cmocka_unit_test(freeing_before_publish_aborts),
	    cmocka_unit_test(filters_pass_on_a_write_that_fails_at_any_byte),
	    cmocka_unit_test(filters_pass_on_a_failing_finish_and_publish),
	    cmocka_unit_test(encoders_pass_on_a_write_that_fails_at_any_byte),
	    cmocka_unit_test(encoders_pass_on_a_write_that_fails_between_rows),
	    cmocka_unit_test(standard_output_takes_bytes_as_they_come),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
