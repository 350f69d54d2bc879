/* SPDX-License-Identifier: MIT */
#include "rows/interval.h"

#include <string.h>

#include "helper.h"

static struct interval of(const char *text)
{
	struct value v = {text, (int32_t)strlen(text)};
	struct interval i;

	assert_true(interval_read(&i, &v));
	return i;
}

static void assert_text(const struct interval *i, const char *expected)
{
	struct buf out;

	buf_init(&out, 200);
	interval_write(i, &out);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

/* Expected texts: PostgreSQL 15's. */
TEST(what_is_read_is_written_again)
{
	static const char *const texts[] = {
	    "00:00:00",
	    "04:05:06",
	    "04:05:06.7",
	    "00:00:00.000001",
	    "-00:00:00.05",
	    "1 day",
	    "-1 days",
	    "2 days",
	    "1 mon -1 days +02:00:00",
	    "-1 mons +1 day -02:00:00",
	    "1 year 2 mons 3 days 04:05:06.7",
	    "-1 years -2 mons +3 days -04:05:06.789",
	    "-1 days +00:00:01",
	    "1 year 1 day",
	    "178000000 years",
	    "-178000000 years",
	    "2562047788:00:54.775807",
	};

	for (size_t n = 0; n < COUNT(texts); n++) {
		struct interval i = of(texts[n]);

		assert_text(&i, texts[n]);
	}
}

TEST(infinity_and_nonsense_are_none)
{
	static const char *const texts[] = {"infinity", "-infinity", "", "x",
	    "1", "1 fortnight", "1 day x", "04:05", "04:05:06 1 day"};

	for (size_t n = 0; n < COUNT(texts); n++) {
		struct value v = {texts[n], (int32_t)strlen(texts[n])};
		struct interval i;

		assert_false(interval_read(&i, &v));
	}
}

/* Expected order: PostgreSQL 15's. */
TEST(a_month_is_as_long_as_thirty_days)
{
	static const char *const rising[] = {"-1 mons", "-29 days", "-00:00:01",
	    "00:00:00", "23:59:59", "1 day 00:00:01", "29 days 25:00:00",
	    "1 mon 02:00:00", "1 year"};

	for (size_t n = 1; n < COUNT(rising); n++) {
		struct interval a = of(rising[n - 1]), b = of(rising[n]);

		assert_true(interval_order(&a) < interval_order(&b));
	}
	assert_true(interval_order(&(struct interval){.months = 1}) ==
		    interval_order(&(struct interval){.days = 30}));
}

/* Expected quotients: PostgreSQL 15's. */
TEST(what_is_left_of_months_becomes_days)
{
	static const struct {
		const char *in;
		int64_t by;
		const char *out;
	} cases[] = {
	    {"1 mon", 3, "10 days"},
	    {"1 day", 7, "03:25:42.857143"},
	    {"1 mon 1 day", 2, "15 days 12:00:00"},
	    {"-1 days +01:00:00", 2, "-11:30:00"},
	    {"1 year 1 day", 4, "3 mons 06:00:00"},
	    {"7 days -00:00:01", 2, "3 days 11:59:59.5"},
	    {"5 mons 3 days", 2, "2 mons 16 days 12:00:00"},
	    {"00:00:00.000003", 2, "00:00:00.000002"},
	    {"-00:00:00.000003", 2, "-00:00:00.000002"},
	};

	for (size_t n = 0; n < COUNT(cases); n++) {
		struct interval i = of(cases[n].in);

		interval_divide(&i, cases[n].by);
		assert_text(&i, cases[n].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_read_is_written_again),
	    cmocka_unit_test(infinity_and_nonsense_are_none),
	    cmocka_unit_test(a_month_is_as_long_as_thirty_days),
	    cmocka_unit_test(what_is_left_of_months_becomes_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
