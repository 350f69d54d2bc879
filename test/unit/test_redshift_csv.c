/* SPDX-License-Identifier: MIT */
#include "place/table/redshift/csv.h"

#include <stdlib.h>
#include <string.h>

#include "helper.h"

static char name_a[] = "a", name_b[] = "b";

/* Turns a text in pieces of `step` bytes; the caller frees the CSV, in which "NULL"
 * stands for what was drawn. */
static char *turned(
    struct redshift_csv *c, const char *text, size_t step, struct err *e)
{
	size_t len = strlen(text), at = 0, null = strlen(c->null);
	struct buf out;
	const char *found;

	while (at < len) {
		size_t most = len - at < step ? len - at : step;
		int64_t n = redshift_csv_take(c, text + at, most, e);

		if (n < 0)
			return NULL;
		at += (size_t)n;
	}
	buf_init(&out, 1u << 20);
	for (const char *s = c->out.data; *s != '\0';) {
		found = strncmp(s, c->null, null) == 0 ? "NULL" : NULL;
		if (found != NULL)
			buf_str(&out, found);
		else
			buf_char(&out, *s);
		s += found ? null : 1;
	}
	return out.data;
}

static void check(enum column_kind a, enum column_kind b, const char *text,
    const char *csv, int64_t rows)
{
	struct column columns[] = {
	    {.name = name_a, .kind = a}, {.name = name_b, .kind = b}};
	const struct schema schema = {columns, 2};

	for (size_t step = 1; step <= strlen(text); step++) {
		struct redshift_csv c;
		struct err e;
		char *made;

		redshift_csv_open(&c, &schema);
		made = turned(&c, text, step, &e);
		assert_string_equal(made, csv);
		assert_int_equal(c.rows, rows);
		free(made);
		redshift_csv_free(&c);
	}
}

TEST(values_stand_in_quotes_and_null_does_not)
{
	check(KIND_TEXT, KIND_INTEGER, "a\t1\n\\N\t\\N\n\t2\n",
	    "\"a\",\"1\"\nNULL,NULL\n\"\",\"2\"\n", 3);
}

TEST(what_copy_escapes_is_itself_again)
{
	check(KIND_TEXT, KIND_TEXT, "\\\\N\t\\\\\\\\\n\\t\\n\\r\t\\b\\f\\v\n",
	    "\"\\N\",\"\\\\\"\n\"\t\n\r\",\"\b\f\v\"\n", 2);
	check(KIND_TEXT, KIND_TEXT, "a\"b\"\"\t,\n",
	    "\"a\"\"b\"\"\"\"\",\",\"\n", 1);
}

TEST(bytes_lose_their_prefix)
{
	check(KIND_BYTES, KIND_TEXT, "\\\\x00ff\t\\\\x00ff\n\\\\x\t\n",
	    "\"00ff\",\"\\x00ff\"\n\"\",\"\"\n", 2);
}

static void refused(enum column_kind kind, const char *text)
{
	struct column columns[] = {{.name = name_a, .kind = kind}};
	const struct schema schema = {columns, 1};

	for (size_t step = 1; step <= strlen(text); step++) {
		struct redshift_csv c;
		struct err e;

		redshift_csv_open(&c, &schema);
		assert_null(turned(&c, text, step, &e));
		assert_non_null(
		    strstr(e.text, "row 2 has in the column \"a\""));
		redshift_csv_free(&c);
	}
}

TEST(times_that_copy_cannot_read_are_refused)
{
	refused(KIND_DATE, "2026-01-01\ninfinity\n");
	refused(KIND_DATE, "2026-01-01\n-infinity\n");
	refused(KIND_DATE, "\\N\n0044-03-15 BC\n");
	refused(KIND_TIMESTAMP, "2026-01-01 00:00:00\n10000-01-01 00:00:00\n");
	refused(KIND_TIMESTAMPTZ,
	    "9999-12-31 23:59:59+00\n0044-03-15 00:00:00+00 BC\n");
	check(KIND_DATE, KIND_TIMESTAMPTZ,
	    "0001-01-01\t9999-12-31 23:59:59.9+14\n",
	    "\"0001-01-01\",\"9999-12-31 23:59:59.9+14\"\n", 1);
}

TEST(a_row_that_is_too_long_is_refused)
{
	struct column columns[] = {{.name = name_a, .kind = KIND_TEXT}};
	const struct schema schema = {columns, 1};
	static char piece[65536];
	struct redshift_csv c;
	struct err e;
	int64_t n = 0;

	memset(piece, '"', sizeof(piece));
	redshift_csv_open(&c, &schema);
	for (int i = 0; i < 65 && n >= 0; i++)
		n = redshift_csv_take(&c, piece, sizeof(piece), &e);
	assert_int_equal(n, -1);
	assert_non_null(strstr(e.text, "row 1 has more than the 4 MB"));
	redshift_csv_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_stand_in_quotes_and_null_does_not),
	    cmocka_unit_test(what_copy_escapes_is_itself_again),
	    cmocka_unit_test(bytes_lose_their_prefix),
	    cmocka_unit_test(times_that_copy_cannot_read_are_refused),
	    cmocka_unit_test(a_row_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("redshift_csv", tests, NULL, NULL);
}
