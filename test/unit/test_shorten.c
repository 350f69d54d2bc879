/* SPDX-License-Identifier: MIT */
#include "source/postgres/shorten.h"

#include "helper.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_short(const char *text, int size, const char *expected)
{
	char own[64];
	struct value v = {own, (int32_t)strlen(text)};

	snprintf(own, sizeof(own), "%s", text);
	shorten_float(&v, size);
	assert_string_equal(own, expected);
	assert_int_equal(v.len, (int)strlen(expected));
}

static void digits_that_are_not_needed_go(void **state)
{
	(void)state;
	assert_short("0.10000000000000001", 8, "0.1");
	assert_short("-0.10000000000000001", 8, "-0.1");
	assert_short("0.33333333333333331", 8, "0.3333333333333333");
	assert_short("1.0000000000000001e-05", 8, "1e-05");
	assert_short("1.7976931348623157e+308", 8, "1.7976931348623157e+308");
	assert_short("4.9406564584124654e-324", 8, "4.94065645841247e-324");
	assert_short("0.10000000", 4, "0.1");
	assert_short("12345.123", 4, "12345.123");
	assert_short("0.1000000", 4, "0.1");
}

static void what_is_short_stays(void **state)
{
	(void)state;
	for (int size = 4; size <= 8; size += 4) {
		assert_short("1", size, "1");
		assert_short("-2.5", size, "-2.5");
		assert_short("NaN", size, "NaN");
	}
	assert_short("Infinity", 8, "Infinity");
	assert_short("-Infinity", 8, "-Infinity");
}

static void infinity_has_more_letters_than_a_short_float(void **state)
{
	(void)state;
	assert_short("Infinity", 4, "Infinity");
	assert_short("-Infinity", 4, "-Infinity");
}

static void null_is_let_alone(void **state)
{
	struct value v = {NULL, -1};

	(void)state;
	shorten_float(&v, 8);
	assert_int_equal(v.len, -1);
}

static void every_number_comes_back(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		char text[64];
		struct value v = {text, 0};
		double d = 0;

		for (size_t k = 0; k < sizeof(d); k++)
			((unsigned char *)&d)[k] = (unsigned char)rand();
		if (d != d || d > DBL_MAX || d < -DBL_MAX)
			continue;
		v.len = snprintf(text, sizeof(text), "%.17g", d);
		shorten_float(&v, 8);
		assert_true(strtod(text, NULL) == d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digits_that_are_not_needed_go),
	    cmocka_unit_test(what_is_short_stays),
	    cmocka_unit_test(infinity_has_more_letters_than_a_short_float),
	    cmocka_unit_test(null_is_let_alone),
	    cmocka_unit_test(every_number_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
