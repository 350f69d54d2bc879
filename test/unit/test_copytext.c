/* SPDX-License-Identifier: MIT */
#include "source/postgres/copytext.h"

#include <stdlib.h>
#include <string.h>

#include "helper.h"

/* Checks the values of a row; "<null>" stands for NULL. */
static void check(const char *row, int columns, const char *const *expected)
{
	size_t len = strlen(row);
	/* Memory of exactly the row's size lets the sanitizer notice a read
	 * past its end. */
	char *copy = malloc(len + 1);
	struct value v[8];
	struct err e;

	memcpy(copy, row, len + 1);
	if (copytext_row(copy, len, v, columns, &e) != 0)
		fail_msg("%s", e.text);
	for (int i = 0; i < columns; i++) {
		if (strcmp(expected[i], "<null>") == 0) {
			assert_int_equal(v[i].len, -1);
			continue;
		}
		assert_string_equal(v[i].data, expected[i]);
		assert_int_equal(v[i].len, strlen(expected[i]));
	}
	free(copy);
}

#define CHECK(row, ...)                                              \
	check(row, (int)COUNT(((const char *const[]){__VA_ARGS__})), \
	    (const char *const[]){__VA_ARGS__})

TEST(plain_values)
{
	CHECK("1\n", "1");
	CHECK("1\ttwo\t\n", "1", "two", "");
	CHECK("\n", "");
	CHECK("\t\n", "", "");
	CHECK("no line break", "no line break");
	check("\n", 0, NULL);
}

TEST(null_is_not_the_text_of_it)
{
	CHECK("\\N\n", "<null>");
	CHECK("\\N\t\\N\tx\n", "<null>", "<null>", "x");
	CHECK("x\t\\N\n", "x", "<null>");
	CHECK("N\tNULL\n", "N", "NULL");
	CHECK("\\\\N\t\\N\n", "\\N", "<null>");
}

TEST(escapes)
{
	CHECK("\\b\\f\\n\\r\\t\\v\\\\\n", "\b\f\n\r\t\v\\");
	CHECK("a\\tb\tc\n", "a\tb", "c");
	CHECK("a\tb\\nc\td\te\\\\\n", "a", "b\nc", "d", "e\\");
	CHECK("\\\\.\n", "\\.");
	CHECK("long text before \\n and a longer one behind it\n",
	    "long text before \n and a longer one behind it");
	CHECK("\\\\\\\\\\\\\n", "\\\\\\");
}

TEST(another_number_of_columns_is_refused)
{
	static const struct {
		const char *row;
		int columns;
	} cases[] = {{"a\tb\n", 1}, {"a\n", 2}, {"a\tb\tc\n", 2}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char row[16];
		struct value v[8];
		struct err e;

		strcpy(row, cases[i].row);
		assert_int_equal(
		    copytext_row(row, strlen(row), v, cases[i].columns, &e),
		    -1);
		assert_err_has(&e, "columns");
	}
}

/* Random bytes, escaped as the server does, come back unchanged. */
TEST(every_text_comes_back)
{
	static const char letters[] = "a\\Nnt.\n\t\r\b\f\v \x01\xC3\xA9";
	static const char from[] = "\b\f\n\r\t\v\\", to[] = "bfnrtv\\";

	srand(1);
	for (int round = 0; round < 20000; round++) {
		char text[4][12], row[128];
		struct value v[4];
		size_t len = 0;
		struct err e;

		for (int i = 0; i < 4; i++) {
			int n = rand() % 10;

			for (int k = 0; k < n; k++) {
				char c = letters[(size_t)rand() %
						 (sizeof(letters) - 1)];
				const char *special = strchr(from, c);

				text[i][k] = c;
				if (special != NULL) {
					row[len++] = '\\';
					c = to[special - from];
				}
				row[len++] = c;
			}
			text[i][n] = '\0';
			row[len++] = i < 3 ? '\t' : '\n';
		}
		assert_int_equal(copytext_row(row, len, v, 4, &e), 0);
		for (int i = 0; i < 4; i++) {
			assert_string_equal(v[i].data, text[i]);
			assert_int_equal(v[i].len, strlen(text[i]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_values),
	    cmocka_unit_test(null_is_not_the_text_of_it),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(another_number_of_columns_is_refused),
	    cmocka_unit_test(every_text_comes_back),
	};

	return cmocka_run_group_tests_name("copytext", tests, NULL, NULL);
}
