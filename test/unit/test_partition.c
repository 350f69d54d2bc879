/* SPDX-License-Identifier: MIT */
#include "export/partition.h"

#include <string.h>

#include "helper.h"

static struct column columns[] = {
    COLUMN("region", TEXT),
    COLUMN("amount", DECIMAL),
    COLUMN("a day", DATE),
};
static const struct schema schema = {columns, COUNT(columns)};

static json_t *names(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

TEST(rows_are_cut_where_the_key_changes)
{
	static const struct value values[] = {
	    CELL("N"), CELL("1"), CELL("2026-01-01"), /* partition one */
	    CELL("N"), CELL("2"), CELL("2026-01-01"), /* partition two */
	    CELL("N"), CELL("3"), CELL("2026-01-02"), /* another day */
	    NIL, CELL("4"), CELL("2026-01-02"),       /* another region */
	    CELL(""), NIL, CELL("2026-01-02"),        /* shares NULL's name */
	};
	static const struct {
		const char *key, *first;
		int rows;
	} runs[] = {{"a day=2026-01-01/region=N", "1", 2},
	    {"a day=2026-01-02/region=N", "3", 1},
	    {"a day=2026-01-02/region=__HIVE_DEFAULT_PARTITION__", "4", 1},
	    {"a day=2026-01-02/region=__HIVE_DEFAULT_PARTITION__", NULL, 1}};
	json_t *by = names("[\"a day\", \"region\"]");
	struct batch batch = {values, 5}, run;
	struct partition p;
	struct err e;
	int from = 0;

	assert_int_equal(partition_open(&p, by, &schema, &e), 0);
	assert_int_equal(p.rest.count, 1);
	assert_string_equal(p.rest.columns[0].name, "amount");
	for (size_t i = 0; i < COUNT(runs); i++) {
		assert_false(p.blank);
		from = partition_run(&p, &batch, from, &run, &e);
		assert_string_equal(p.key.data, runs[i].key);
		assert_int_equal(run.rows, runs[i].rows);
		if (runs[i].first != NULL)
			assert_string_equal(run.values[0].data, runs[i].first);
		else
			assert_int_equal(run.values[0].len, -1);
	}
	assert_int_equal(from, 5);
	assert_true(p.blank);
	partition_close(&p);
	json_decref(by);
}

TEST(what_a_path_cannot_hold_is_escaped)
{
	static const struct {
		struct value value;
		const char *key;
	} cases[] = {
	    {CELL("a/b"), "region=a%2Fb"},
	    {CELL(".."), "region=.."},
	    {CELL("50%=x"), "region=50%25%3Dx"},
	    {CELL("a\nb\x7F"), "region=a%0Ab%7F"},
	    {CELL("\"#'*:?\\{}[]^"),
		"region=%22%23%27%2A%3A%3F%5C%7B%7D%5B%5D%5E"},
	    {CELL("Größe 東京"), "region=Größe 東京"},
	};
	json_t *by = names("[\"region\"]");
	struct partition p;
	struct buf key;
	struct err e;

	buf_init(&key, 4096);
	assert_int_equal(partition_open(&p, by, &schema, &e), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value row[3] = {cases[i].value, NIL, NIL};

		assert_int_equal(partition_key(&p, row, &key, &e), 0);
		assert_string_equal(key.data, cases[i].key);
	}
	{
		struct value row[3] = {
		    CELL("__HIVE_DEFAULT_PARTITION__"), NIL, NIL};

		assert_int_equal(partition_key(&p, row, &key, &e), -1);
		assert_err_has(&e, "column \"region\" holds the text");
	}
	buf_free(&key);
	partition_close(&p);
	json_decref(by);
}

TEST(columns_that_are_not_there_or_all_there_are)
{
	static const struct {
		const char *names, *error;
	} cases[] = {
	    {"[\"region\", \"x\"]", "output_options: \"partition_by[1]\": the "
				    "result has no column \"x\"; its "
				    "columns: region, amount, a day"},
	    {"[\"region\", \"region\"]",
		"output_options: \"partition_by[1]\": column \"region\" comes "
		"twice"},
	    {"[\"region\", \"amount\", \"a day\"]",
		"output_options: \"partition_by\" leaves no column for the "
		"files"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *by = names(cases[i].names);
		struct partition p;
		struct err e;

		assert_int_equal(partition_open(&p, by, &schema, &e), -1);
		assert_err(&e, cases[i].error);
		partition_close(&p);
		json_decref(by);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_cut_where_the_key_changes),
	    cmocka_unit_test(what_a_path_cannot_hold_is_escaped),
	    cmocka_unit_test(columns_that_are_not_there_or_all_there_are),
	};

	return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
