/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <string.h>

#include "helper.h"

/* A text that comes in pieces of `step` bytes, and may end in an error. */
struct pieces {
	const char *text;
	size_t len, step, at;
	bool breaks; /* the end is an error */
	char piece[64];
};

static int more(void *arg, const char **data, size_t *len, struct err *e)
{
	struct pieces *p = arg;
	size_t n = p->len - p->at < p->step ? p->len - p->at : p->step;

	if (n == 0)
		return p->breaks ? err_set(e, ERR_TRANSIENT, "it breaks") : 0;
	/* An earlier piece is not valid any more. */
	memset(p->piece, '?', sizeof(p->piece));
	memcpy(p->piece, p->text + p->at, n);
	p->at += n;
	*data = p->piece;
	*len = n;
	return 1;
}

static struct json_reader reader(
    struct pieces *p, const char *text, size_t step)
{
	*p = (struct pieces){.text = text, .len = strlen(text), .step = step};
	return (struct json_reader){
	    .more = more, .arg = p, .at = p->piece, .end = p->piece};
}

/* Reads {"a": VALUE, "data": [[TEXT, ...], ...], ...} and writes it down. */
static int read_all(struct json_reader *r, struct buf *out, struct err *e)
{
	struct buf name;
	int rc, row, value;

	buf_init(&name, 64);
	rc = json_reader_object(r, e);
	while (rc == 0 && (rc = json_reader_member(r, &name, e)) == 1) {
		buf_printf(out, "%s=", name.data);
		if (strcmp(name.data, "data") != 0) {
			rc = json_reader_copy(r, out, e);
			buf_char(out, ' ');
			continue;
		}
		rc = json_reader_array(r, e);
		while (rc == 0 && (row = json_reader_element(r, e)) != 0) {
			rc = row < 0 ? -1 : json_reader_array(r, e);
			buf_char(out, '(');
			while (rc == 0 &&
			       (value = json_reader_element(r, e)) != 0) {
				rc = value < 0 ? -1
					       : json_reader_text(r, out, e);
				if (rc == 0)
					buf_str(out, "NULL");
				rc = rc < 0 ? -1 : 0;
				buf_char(out, '|');
			}
			buf_char(out, ')');
		}
	}
	buf_free(&name);
	return rc == 0 ? json_reader_end(r, e) : -1;
}

static void assert_reads(const char *text, const char *expected)
{
	for (size_t step = 1; step < 40; step += step < 5 ? 1 : 13) {
		struct pieces p;
		struct json_reader r = reader(&p, text, step);
		struct err e = {.text = ""};
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(read_all(&r, &out, &e), 0);
		assert_string_equal(out.data ? out.data : "", expected);
		buf_free(&out);
	}
}

static void assert_refuses(const char *text, const char *why)
{
	for (size_t step = 1; step < 40; step += step < 5 ? 1 : 13) {
		struct pieces p;
		struct json_reader r = reader(&p, text, step);
		struct err e = {.text = ""};
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(read_all(&r, &out, &e), -1);
		assert_err_has(&e, why);
		buf_free(&out);
	}
}

TEST(rows_and_members_come_in_any_order_and_in_any_pieces)
{
	assert_reads("{}", "");
	assert_reads(" { \"data\" : [ ] } \n", "data=");
	assert_reads("{\"a\":{\"x\":[1,\"}\",{}]},\"data\":[[\"1\",null],[]],"
		     "\"b\": -1.5e3 ,\"c\":null}",
	    "a={\"x\":[1,\"}\",{}]} data=(1|NULL|)()b=-1.5e3 c=null ");
	assert_reads("{\"a\":\"q\\\"]\\\\\"}", "a=\"q\\\"]\\\\\" ");
}

TEST(escapes_become_characters)
{
	assert_reads("{\"data\":[[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
		     "\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\"]]}",
	    "data=(\"\\/\b\f\n\r\t|A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80|)");
}

TEST(what_is_no_json_is_refused)
{
	assert_refuses("", "was cut");
	assert_refuses("[]", "\"[\" where an object must be");
	assert_refuses("{\"a\":}", "where a value must be");
	assert_refuses("{\"a\" 1}", "where a colon must be");
	assert_refuses("{null:1}", "where a name must be");
	assert_refuses("{\"a\":1 \"b\":2}", "where a comma or the end");
	assert_refuses("{\"data\":[[1]]}", "where a text or null must be");
	assert_refuses("{\"data\":[[nil]]}", "where a text or null must be");
	assert_refuses("{\"data\":[[\"a\nb\"]]}", "0x0a");
	assert_refuses("{\"data\":[[\"\\x\"]]}", "where an escape must be");
	assert_refuses("{\"data\":[[\"\\u00g0\"]]}", "a hexadecimal digit");
	assert_refuses("{} x", "where the end must be");
	assert_refuses("{\"a\":1 2}", "\"2\" where a comma or the end");
	assert_refuses("{\"a\":[1 2]}", "\"2\" where a comma or the end");
	assert_refuses("{\"a\":{\"b\":tr\nue}}", "where a comma or the end");
}

TEST(what_is_no_text_is_refused)
{
	assert_refuses("{\"data\":[[\"\\u0000\"]]}", "a zero byte");
	assert_refuses("{\"data\":[[\"\\ud800\"]]}", "surrogate");
	assert_refuses("{\"data\":[[\"\\ud800\\n\"]]}", "surrogate");
	assert_refuses("{\"data\":[[\"\\ud800\\u0041\"]]}", "surrogate");
	assert_refuses("{\"data\":[[\"\\udc00\"]]}", "surrogate");
	assert_refuses("{\"data\":[[\"\xff\"]]}", "no valid UTF-8");
}

TEST(a_text_that_is_cut_anywhere_is_an_error)
{
	static const char text[] =
	    "{\"a\":{\"b\":[1]},\"data\":[[\"x\\u0041\",null]],\"c\":\"d\"}";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		for (int breaks = 0; breaks < 2; breaks++) {
			struct pieces p;
			struct json_reader r = reader(&p, text, 7);
			struct err e = {.text = ""};
			struct buf out;

			p.len = len;
			p.breaks = breaks == 1;
			buf_init(&out, 4096);
			assert_int_equal(read_all(&r, &out, &e), -1);
			assert_err_has(&e, breaks ? "it breaks" : "was cut");
			assert_int_equal(e.kind, ERR_TRANSIENT);
			buf_free(&out);
		}
	}
}

TEST(a_value_has_a_limit)
{
	struct pieces p;
	struct json_reader r = reader(&p, "{\"data\":[[\"0123456789\"]]}", 40);
	struct buf name, out;
	struct err e;

	buf_init(&name, 16);
	buf_init(&out, 5);
	assert_int_equal(json_reader_object(&r, &e), 0);
	assert_int_equal(json_reader_member(&r, &name, &e), 1);
	assert_int_equal(json_reader_is_array(&r, &e), 1);
	assert_int_equal(json_reader_copy(&r, &out, &e), -1);
	assert_err_has(&e, "longer than 5 bytes");
	buf_free(&name);
	buf_free(&out);
}

TEST(a_string_without_an_end_is_given_up_at_its_limit)
{
	for (int copies = 0; copies < 2; copies++) {
		struct pieces p;
		struct json_reader r = reader(
		    &p, "\"0123456789 0123456789 0123456789 0123456789", 8);
		struct buf out;
		struct err e;

		p.breaks = true;
		buf_init(&out, 5);
		assert_int_equal(copies ? json_reader_copy(&r, &out, &e)
					: json_reader_text(&r, &out, &e),
		    -1);
		assert_err_has(&e, "longer than");
		assert_int_equal(p.at, 8);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		rows_and_members_come_in_any_order_and_in_any_pieces),
	    cmocka_unit_test(escapes_become_characters),
	    cmocka_unit_test(what_is_no_json_is_refused),
	    cmocka_unit_test(what_is_no_text_is_refused),
	    cmocka_unit_test(a_text_that_is_cut_anywhere_is_an_error),
	    cmocka_unit_test(a_value_has_a_limit),
	    cmocka_unit_test(a_string_without_an_end_is_given_up_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
