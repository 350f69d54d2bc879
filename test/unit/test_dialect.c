/* SPDX-License-Identifier: MIT */
#include "source/dialect.h"

#include "helper.h"

static void assert_shaped(
    const char *sql, int64_t limit, const char *names, const char *expected)
{
	static const struct dialect_key key = {"text(", ")"};
	json_t *by = names ? json_loads(names, 0, NULL) : NULL;
	struct buf out;

	buf_init(&out, 4096);
	dialect_shape(sql,
	    &(struct source_shape){.limit = limit, .sort_by = by}, &key, &out);
	assert_string_equal(out.data, expected);
	buf_free(&out);
	json_decref(by);
}

TEST(queries_are_limited_and_sorted)
{
	assert_shaped("select 1", 0, NULL, "select 1");
	assert_shaped("(Select 1 -- x", 3, NULL,
	    "select * from ((Select 1 -- x\n) as first_rows limit 3");
	assert_shaped("select 1 -- x", 0, "[\"a\", \"b \\\"c\\\"\"]",
	    "select * from (select 1 -- x\n) as sorted_rows order by "
	    "text(\"a\"), text(\"b \"\"c\"\"\")");
	assert_shaped("table t", 2, "[\"a\"]",
	    "select * from (select * from (table t\n) as first_rows limit 2\n) "
	    "as sorted_rows order by text(\"a\")");
}

TEST(other_statements_stay_as_they_are)
{
	assert_shaped("explain select 1", 3, "[\"a\"]", "explain select 1");
	assert_shaped("show all", 3, NULL, "show all");
}

static void assert_options(const struct csv_form *form, const char *expected)
{
	struct buf out;

	buf_init(&out, 4096);
	dialect_copy_options(form, &out);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

TEST(copy_is_told_the_form)
{
	assert_options(
	    &(struct csv_form){',', "", "UTF8", true, false, "", false},
	    "format csv, header true, delimiter e',', null e'', "
	    "encoding e'UTF8'");
	assert_options(&(struct csv_form){'\t', "it's \\N", "LATIN1", false,
			   true, "", false},
	    "format csv, header false, delimiter e'\t', null e'it\\'s "
	    "\\\\N', encoding e'LATIN1', force_quote *");
	assert_options(
	    &(struct csv_form){'\\', "", "UTF8", true, false, "", false},
	    "format csv, header true, delimiter e'\\\\', null e'', "
	    "encoding e'UTF8'");
	assert_options(
	    &(struct csv_form){
		.encoding = "UTF8", .before = "", .copy_text = true},
	    "format text, encoding 'UTF8'");
}

TEST(one_statement_is_taken_out)
{
	struct buf out;
	struct err e;

	buf_init(&out, 40);
	assert_int_equal(dialect_one(" select 1 ; -- x", ")", &out, &e), 0);
	assert_string_equal(out.data, "select 1)");
	assert_int_equal(dialect_one("; ", "", &out, &e), -1);
	assert_err(&e, "the query is empty");
	assert_int_equal(dialect_one("select 1; select 2", "", &out, &e), -1);
	assert_err(&e, "this is more than one statement: select 1; select 2");
	assert_int_equal(
	    dialect_one("select '01234567890123456789012345678901234567'", "",
		&out, &e),
	    -1);
	assert_err_has(&e, "the SQL is longer than");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queries_are_limited_and_sorted),
	    cmocka_unit_test(other_statements_stay_as_they_are),
	    cmocka_unit_test(copy_is_told_the_form),
	    cmocka_unit_test(one_statement_is_taken_out),
	};

	return cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
}
