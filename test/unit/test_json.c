/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "helper.h"

static json_t *parse(const char *text, struct err *e)
{
	return json_parse_object(text, strlen(text), e);
}

TEST(members_are_read_with_a_default)
{
	struct err e;
	json_t *o = parse("{\"s\": \"x\", \"i\": -5, \"t\": true, "
			  "\"f\": false, \"n\": null, \"r\": 1.5}",
	    &e);

	assert_non_null(o);
	assert_string_equal(json_str(o, "s", "d"), "x");
	assert_string_equal(json_str(o, "none", "d"), "d");
	assert_string_equal(json_str(o, "n", "d"), "d");
	assert_string_equal(json_str(o, "i", "d"), "d");
	assert_null(json_str(o, "none", NULL));
	assert_int_equal(json_int(o, "i", 7), -5);
	assert_int_equal(json_int(o, "s", 7), 7);
	assert_int_equal(json_int(o, "r", 7), 7);
	assert_int_equal(json_int(o, "n", 7), 7);
	assert_true(json_bool(o, "t", false));
	assert_false(json_bool(o, "f", true));
	assert_true(json_bool(o, "n", true));
	assert_true(json_bool(o, "i", true));
	json_decref(o);
}

TEST(no_object_at_all_gives_defaults)
{
	assert_string_equal(json_str(NULL, "x", "d"), "d");
	assert_int_equal(json_int(NULL, "x", 7), 7);
	assert_true(json_bool(NULL, "x", true));
}

TEST(the_first_object_with_a_text_is_found)
{
	struct err e;
	json_t *o = parse("{\"list\": [{\"a\": 1}, {\"b\": \"x\"}, "
			  "{\"a\": \"y\"}, {\"a\": \"z\"}, 7]}",
	    &e);
	const json_t *list = json_object_get(o, "list");

	assert_int_equal(json_index_of(list, "a"), 2);
	assert_int_equal(json_index_of(list, "b"), 1);
	assert_int_equal(json_index_of(list, "c"), 5);
	assert_int_equal(json_index_of(NULL, "a"), 0);
	json_decref(o);
}

TEST(only_objects_are_taken)
{
	static const char *const bad[] = {"", "[]", "1", "null", "\"{}\"", "{",
	    "{}}", "{\"a\":1,}", "{'a':1}", "{\"a\":\"\xFF\"}",
	    "{\"a\":\"\\u0000\"}", "{\"a\":NaN}"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {.text = ""};

		assert_null(parse(bad[i], &e));
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, "not ");
	}
}

/* Values are made as jansson makes them, which writes and compares them, and what
 * it refuses is refused. */
TEST(values_are_those_of_jansson)
{
	static const char *const values[] = {"0", "-0", "-1", "01", "-", "+1",
	    "1.", ".5", "1.5", "-2e3", "1E+2", "1e999", "1e-999",
	    "999999999999999999", "9223372036854775807", "-9223372036854775808",
	    "9223372036854775808", "true", "false", "null", "True", "nul",
	    "nullx", "truefalse", "1 2", "1\t", "\"\"", "\"a\\n\\/\\u20aC\"",
	    "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"",
	    "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "\"\x7F\"", "\"\xE2\x82\xAC\"",
	    "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
	    "\"open", "{}", "{ }", "[]", "[ ]", "[1,2 , 3]", "[1,]", "[,1]",
	    "[1 2]", "[1", "{\"a\":{\"b\":[{},[null]]}}", "{\"a\":1,}",
	    "{\"a\" 1}", "{\"a\":}", "{a:1}", "{null:1}", "{\"a\":1 \"b\":2}",
	    "{\"a\":1,\"a\":2}", "{\"\":1}", "{\"\\u0000\":1}", "]", "}", ",",
	    ":", "", " ", "/* */1", "\f1"};

	for (size_t i = 0; i < COUNT(values); i++) {
		char text[100];
		struct err e = {.text = ""};
		json_t *ours, *theirs;

		snprintf(text, sizeof(text), " {\"before\":[0],\"v\" :%s}\n",
		    values[i]);
		ours = parse(text, &e);
		theirs = json_loads(text, 0, NULL);
		if (ours == NULL ? theirs != NULL : !json_equal(ours, theirs))
			fail_msg("%s: %s", text, e.text);
		json_decref(ours);
		json_decref(theirs);
	}
}

static json_t *parse_nested(size_t levels)
{
	char *text = test_malloc(5 * levels + 2 * levels + 1), *at = text;
	struct err e;
	json_t *o;

	for (size_t i = 1; i < levels; i++)
		at = stpcpy(at, "{\"a\":");
	at = stpcpy(at, "{}");
	for (size_t i = 1; i < levels; i++)
		at = stpcpy(at, "}");
	o = parse(text, &e);
	if (o == NULL)
		assert_err_has(&e, "more than 2048 levels");
	test_free(text);
	return o;
}

TEST(nesting_has_a_limit)
{
	json_t *o = parse_nested(2048);

	assert_non_null(o);
	json_decref(o);
	assert_null(parse_nested(2049));
}

TEST(the_length_counts)
{
	struct err e;
	json_t *o = json_parse_object("{}garbage", 2, &e);

	assert_non_null(o);
	json_decref(o);
	assert_null(json_parse_object("{\"a\": 1}", 7, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_read_with_a_default),
	    cmocka_unit_test(no_object_at_all_gives_defaults),
	    cmocka_unit_test(the_first_object_with_a_text_is_found),
	    cmocka_unit_test(only_objects_are_taken),
	    cmocka_unit_test(values_are_those_of_jansson),
	    cmocka_unit_test(nesting_has_a_limit),
	    cmocka_unit_test(the_length_counts),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
