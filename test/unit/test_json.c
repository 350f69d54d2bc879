/* SPDX-License-Identifier: MIT */
#include "base/json.h"

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
	    cmocka_unit_test(only_objects_are_taken),
	    cmocka_unit_test(the_length_counts),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
