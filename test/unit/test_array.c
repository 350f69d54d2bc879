/* SPDX-License-Identifier: MIT */
#include "rows/array.h"

#include <stdlib.h>
#include <string.h>

#include "helper.h"

/* Writes the reader's events as text: ( ) for braces, <value>, ~ for NULL, !
 * for an error. */
static void told(
    struct array_reader *r, const struct value *array, struct buf *out)
{
	struct err e = {.text = ""};
	struct value v;
	int event;

	array_again(r, array);
	buf_clear(out);
	while ((event = array_next(r, &v, &e)) > 0) {
		if (event != ARRAY_VALUE)
			buf_char(out, event == ARRAY_BEGIN ? '(' : ')');
		else if (v.len < 0)
			buf_char(out, '~');
		else
			buf_printf(out, "<%.*s>", v.len, v.data);
	}
	if (event < 0) {
		buf_char(out, '!');
		assert_err_has(&e, "not an array of PostgreSQL");
	}
}

/* Checks the events of a text. The value is in memory of exactly its size, so
 * that valgrind notices a read past its end; one reader serves all values. */
static void assert_told(const char *text, const char *expected)
{
	size_t len = strlen(text);
	char *data = malloc(len ? len : 1);
	struct value array = {data, (int32_t)len};
	struct array_reader r;
	struct buf out;

	memcpy(data, text, len);
	buf_init(&out, 1 << 20);
	array_open(&r, &array);
	for (int i = 0; i < 2; i++) {
		told(&r, &array, &out);
		assert_string_equal(out.data, expected);
	}
	array_close(&r);
	buf_free(&out);
	free(data);
}

/* The type box separates its elements by a semicolon. */
TEST(elements_are_apart_by_the_delimiter_that_is_set)
{
	static const struct value boxes =
	    CELL("{(1,1),(0,0);(2,2),(0,0);NULL}");
	struct array_reader r;
	struct buf out;

	buf_init(&out, 1 << 20);
	array_open(&r, &boxes);
	r.delimiter = ';';
	told(&r, &boxes, &out);
	assert_string_equal(out.data, "(<(1,1),(0,0)><(2,2),(0,0)>~)");
	array_close(&r);
	buf_free(&out);
}

TEST(elements_come_one_by_one)
{
	assert_told("{}", "()");
	assert_told("{1}", "(<1>)");
	assert_told("{1,-2,3}", "(<1><-2><3>)");
	assert_told("{1.50,NaN,Infinity}", "(<1.50><NaN><Infinity>)");
	assert_told(
	    "{2026-03-01,\"0044-03-15 BC\"}", "(<2026-03-01><0044-03-15 BC>)");
	assert_told("{a b}", "(<a b>)");
}

TEST(null_is_told_from_the_word)
{
	assert_told("{NULL,1,NULL}", "(~<1>~)");
	assert_told("{\"NULL\",\"null\"}", "(<NULL><null>)");
	assert_told("{NULLS,NUL}", "(<NULLS><NUL>)");
}

TEST(quotes_and_backslashes_are_taken_off)
{
	assert_told("{\"\"}", "(<>)");
	assert_told("{\"a,b\",\"{c}\",\" \"}", "(<a,b><{c}>< >)");
	assert_told("{\"a\\\"b\",\"\\\\\"}", "(<a\"b><\\>)");
	assert_told("{\"\\\\x\",\"\\\"\",\"x\\\\\"}", "(<\\x><\"><x\\>)");
	assert_told("{\"\\\\\\\\\"}", "(<\\\\>)");
	assert_told("{\"{\\\"a\\\": [1, \\\"\\\\\\\\\\\"]}\",NULL}",
	    "(<{\"a\": [1, \"\\\\\"]}>~)");
	assert_told("{\"\xC3\xA9\xF0\x9F\x99\x82\n\"}",
	    "(<\xC3\xA9\xF0\x9F\x99\x82\n>)");
}

TEST(arrays_nest)
{
	assert_told("{{1,2},{3,NULL}}", "((<1><2>)(<3>~))");
	assert_told("{{{\"a\"}},{{b}}}", "(((<a>))((<b>)))");
	assert_told("{{{{{{1}}}}}}", "((((((<1>))))))");
	assert_told("{{{{{{{1}}}}}}}", "((((((!");
}

TEST(bounds_are_passed_over)
{
	assert_told("[2:3]={7,8}", "(<7><8>)");
	assert_told("[-1:0][5:5]={{a},{b}}", "((<a>)(<b>))");
}

TEST(what_is_no_array_is_refused)
{
	static const char *const cases[][2] = {{"", "!"}, {"1", "!"},
	    {"}", "!"}, {"{", "(!"}, {"{1", "(!"}, {"{1,", "(<1>!"},
	    {"{1,}", "(<1>!"}, {"{,1}", "(!"}, {"{1}{2}", "(<1>)!"},
	    {"{1}x", "(<1>)!"}, {"{\"a", "(!"}, {"{\"a\\", "(!"},
	    {"{\"a\"b}", "(<a>!"}, {"{a\"b\"}", "(!"}, {"{{1}2}", "((<1>)!"},
	    {"{{1}", "((<1>)!"}, {"[1:2", "!"}, {"[1:2]", "!"}, {"[1:2]=", "!"},
	    {"[1:2]{1}", "(<1>)"}, {"{a{1}}", "(!"}};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_told(cases[i][0], cases[i][1]);
}

TEST(a_long_text_is_shown_by_its_beginning)
{
	char text[200];
	struct value array = {text, sizeof(text)}, v;
	struct array_reader r;
	struct err e;

	memset(text, 'x', sizeof(text));
	array_open(&r, &array);
	assert_int_equal(array_next(&r, &v, &e), -1);
	assert_string_equal(e.text + strlen(e.text) - 4, "x...");
	array_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elements_are_apart_by_the_delimiter_that_is_set),
	    cmocka_unit_test(elements_come_one_by_one),
	    cmocka_unit_test(null_is_told_from_the_word),
	    cmocka_unit_test(quotes_and_backslashes_are_taken_off),
	    cmocka_unit_test(arrays_nest),
	    cmocka_unit_test(bounds_are_passed_over),
	    cmocka_unit_test(what_is_no_array_is_refused),
	    cmocka_unit_test(a_long_text_is_shown_by_its_beginning),
	};

	return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
