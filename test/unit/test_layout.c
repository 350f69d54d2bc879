/* SPDX-License-Identifier: MIT */
#include "encode/table/layout.h"

#include <string.h>

#include "helper.h"

static struct column columns[] = {
    COLUMN("amount", DECIMAL),
    COLUMN("name", TEXT),
    COLUMN("paid", BOOLEAN),
    COLUMN("day", DATE),
};
static const struct schema schema = {columns, COUNT(columns)};

static json_t *json(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

TEST(without_options_the_kind_decides)
{
	struct layout l;
	struct err e;

	assert_int_equal(layout_open(&l, NULL, &schema, &e), 0);
	assert_int_equal(l.count, 4);
	assert_false(l.totals);
	assert_string_equal(l.columns[0].label, "amount");
	assert_null(l.columns[0].format);
	assert_true(l.columns[0].width == 0);
	assert_int_equal(l.columns[0].align, ALIGN_RIGHT);
	assert_int_equal(l.columns[1].align, ALIGN_LEFT);
	assert_int_equal(l.columns[2].align, ALIGN_CENTER);
	assert_int_equal(l.columns[3].align, ALIGN_LEFT);
	assert_int_equal(l.columns[3].total, TOTAL_NONE);
	layout_free(&l);
}

TEST(options_lie_over_it)
{
	json_t *o = json(
	    "{\"columns\": {\"amount\": {\"label\": \"Betrag\", \"format\": "
	    "\"#,##0.00\", \"width\": 12.5, \"align\": \"left\", "
	    "\"total\": \"sum\"}, \"day\": {\"total\": \"max\"}, "
	    "\"other\": {\"total\": \"sum\"}}}");
	struct layout l;
	struct err e;

	assert_int_equal(layout_open(&l, o, &schema, &e), 0);
	assert_true(l.totals);
	assert_string_equal(l.columns[0].label, "Betrag");
	assert_string_equal(l.columns[0].format, "#,##0.00");
	assert_true(l.columns[0].width == 12.5);
	assert_int_equal(l.columns[0].align, ALIGN_LEFT);
	assert_int_equal(l.columns[0].total, TOTAL_SUM);
	assert_int_equal(l.columns[3].total, TOTAL_MAX);
	layout_free(&l);
	json_decref(o);
}

TEST(what_a_column_cannot_is_refused)
{
	static const struct {
		const char *options, *error;
	} cases[] = {
	    {"{\"columns\": {\"name\": {\"total\": \"sum\"}}}",
		"output_options: \"columns.name.total\": there is no sum of a "
		"column that holds no numbers or intervals"},
	    {"{\"columns\": {\"day\": {\"total\": \"avg\"}}}",
		"output_options: \"columns.day.total\": there is no avg of a "
		"column that holds no numbers or intervals"},
	    {"{\"columns\": {\"paid\": {\"total\": \"max\"}}}",
		"output_options: \"columns.paid.total\": there is no max of a "
		"column that holds no numbers, dates, times or intervals"},
	    {"{\"columns\": {\"amount\": {\"format\": \"0.0.0\"}}}",
		"output_options: \"columns.amount.format\": format \"0.0.0\" "
		"cannot be read at \".0\": a code has a point for decimals and "
		"a comma for thousands whatever the reader's language: "
		"#,##0.00; Excel shows those of its reader"},
	    {"{\"columns\": {\"amount\": {\"format\": \"hh:mm\"}}}",
		"output_options: \"columns.amount.format\": \"hh:mm\" shows a "
		"date or time, which the values of this column do not have"},
	    {"{\"columns\": {\"day\": {\"format\": \"0.00\"}}}",
		"output_options: \"columns.day.format\": \"0.00\" shows a "
		"number, which the values of this column do not have"},
	    {"{\"columns\": {\"day\": {\"format\": \"[h]:mm\"}}}",
		"output_options: \"columns.day.format\": \"[h]:mm\" shows how "
		"long something is, which the values of this column do not "
		"have"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *o = json(cases[i].options);
		struct layout l;
		struct err e;

		assert_int_equal(layout_open(&l, o, &schema, &e), -1);
		assert_err(&e, cases[i].error);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_options_the_kind_decides),
	    cmocka_unit_test(options_lie_over_it),
	    cmocka_unit_test(what_a_column_cannot_is_refused),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
