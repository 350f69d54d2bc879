/* SPDX-License-Identifier: MIT */
#include "encode/table/total.h"

#include <string.h>

#include "helper.h"

/* Checks the total of these texts in one column (NULL is NULL); "-" for none.
 * Each total is also merged from two groups. */
static void check(struct column column, enum total total,
    const char *const *texts, int count, const char *expected)
{
	struct column_layout shown = {.total = total};
	struct layout layout = {&shown, 1, true};
	struct schema schema = {&column, 1};
	struct totals *t = totals_open(&layout, &schema);
	struct totals *whole = totals_open(&layout, &schema);
	enum column_kind kind;
	struct buf out;

	buf_init(&out, 1 << 20);
	for (int i = 0; i < count; i++) {
		struct value v = {
		    texts[i], texts[i] ? (int)strlen(texts[i]) : -1};

		if (i == count / 2) {
			totals_merge(whole, t);
			totals_clear(t);
		}
		totals_row(t, &v);
	}
	totals_merge(whole, t);
	totals_clear(t);
	for (int i = 0; i < count; i++) {
		struct value v = {
		    texts[i], texts[i] ? (int)strlen(texts[i]) : -1};

		totals_row(t, &v);
	}
	assert_string_equal(
	    totals_text(t, 0, &out, &kind) ? out.data : "-", expected);
	assert_string_equal(
	    totals_text(whole, 0, &out, &kind) ? out.data : "-", expected);
	buf_free(&out);
	totals_free(t);
	totals_free(whole);
}

#define CHECK(column, total, expected, ...)                      \
	check(column, total, (const char *const[]){__VA_ARGS__}, \
	    (int)COUNT(((const char *const[]){__VA_ARGS__})), expected)

static const struct column integer = {.kind = KIND_INTEGER};
static const struct column money = {
    .kind = KIND_DECIMAL, .precision = 10, .scale = 2};
static const struct column decimal = {.kind = KIND_DECIMAL};
static const struct column real = {.kind = KIND_FLOAT};

TEST(sums_are_exact)
{
	CHECK(integer, TOTAL_SUM, "6", "1", "2", NULL, "3");
	CHECK(integer, TOTAL_SUM, "27670116110564327421", "9223372036854775807",
	    "9223372036854775807", "9223372036854775807");
	CHECK(integer, TOTAL_SUM, "-1", "-9223372036854775808",
	    "9223372036854775807");
	CHECK(money, TOTAL_SUM, "0.30", "0.10", "0.20");
	CHECK(money, TOTAL_SUM, "-0.01", "0.10", "-0.11");
	CHECK(money, TOTAL_SUM, "0.00", "0.10", "-0.10");
	CHECK(decimal, TOTAL_SUM, "1.000000000000000000001", "1",
	    "0.000000000000000000001");
	CHECK(decimal, TOTAL_SUM,
	    "100000000000000000000000000000000000000000001.5",
	    "100000000000000000000000000000000000000000000", "1.5");
	CHECK(decimal, TOTAL_SUM, "1000000000000000000.0000000000000001",
	    "500000000000000000", "500000000000000000", "0.0000000000000001");
	CHECK(decimal, TOTAL_SUM, "NaN", "1", "NaN", "2");
	CHECK(decimal, TOTAL_SUM, "Infinity", "1", "Infinity", "2");
	CHECK(decimal, TOTAL_SUM, "NaN", "-Infinity", "Infinity");
	CHECK(real, TOTAL_SUM, "0.6", "0.1", "0.2", "0.3");
	CHECK(real, TOTAL_SUM, "2", "1e+100", "1", "-1e+100", "1");
	/* The way leads beyond the largest float, or ends there. */
	CHECK(real, TOTAL_SUM, "1e+308", "1e+308", "1e+308", "-1e+308");
	CHECK(real, TOTAL_SUM, "2.5", "1e+308", "1e+308", "-1e+308", "-1e+308",
	    "2.5");
	CHECK(real, TOTAL_AVG, "1e+308", "1e+308", "1e+308");
	CHECK(real, TOTAL_AVG, "3.333333333333333e+307", "1e+308", "1e+308",
	    "-1e+308");
	CHECK(real, TOTAL_SUM, "Infinity", "1e+308", "1e+308");
	CHECK(real, TOTAL_SUM, "-Infinity", "-1e+308", "-1e+308");
	CHECK(real, TOTAL_SUM, "NaN", "-Infinity", "1e+308", "Infinity");
	CHECK(real, TOTAL_SUM, "-Infinity", "1", "-Infinity");
}

TEST(sums_of_floats_have_no_binary_noise)
{
	CHECK(real, TOTAL_SUM, "0.3", "0.1", "0.2");
	CHECK(real, TOTAL_SUM, "-3.3", "-1.1", "-2.2");
	CHECK(real, TOTAL_SUM, "0", "0.1", "-0.1");
	/* More digits than a float is sure of are kept. */
	CHECK(real, TOTAL_SUM, "9007199254740991", "9007199254740990", "1");
	CHECK(real, TOTAL_SUM, "1.7976931348623157e+308",
	    "1.7976931348623157e+308", "0");
	CHECK(real, TOTAL_AVG, "0.3333333333333333", "0", "0", "1");
}

TEST(intervals_are_added_as_postgresql_adds)
{
	static const struct column elapsed = {.kind = KIND_INTERVAL};

	CHECK(elapsed, TOTAL_SUM, "27:30:00", "26:00:00", NULL, "01:30:00");
	CHECK(elapsed, TOTAL_SUM, "1 mon 1 day 02:00:00.5", "1 mon",
	    "1 day 02:00:00.5");
	CHECK(elapsed, TOTAL_SUM, "00:00:00", "1 day", "-1 days");
	CHECK(elapsed, TOTAL_SUM, "infinity", "1 day", "infinity");
	CHECK(elapsed, TOTAL_SUM, "NaN", "-infinity", "infinity");
	CHECK(elapsed, TOTAL_AVG, "00:20:00", "00:10:00", "00:30:00");
	CHECK(elapsed, TOTAL_MAX, "25:00:00", "1 day", "25:00:00", NULL);
	CHECK(elapsed, TOTAL_MAX, "1 year 1 day", "1 year", "1 year 1 day");
	CHECK(elapsed, TOTAL_MIN, "-1 mons", "-29 days", "-1 mons");
	CHECK(elapsed, TOTAL_MIN, "-infinity", "-29 days", "-infinity");
}

TEST(money_is_added_and_keeps_its_look)
{
	struct money look = {"10.000.000.000.000.000,00 Eur",
	    "-10.000.000.000.000.000,00 Eur", 2};
	struct column euros = {.kind = KIND_MONEY, .money = &look};

	CHECK(euros, TOTAL_SUM, "1.000,00 Eur", "999,99 Eur", NULL, "0,01 Eur");
	CHECK(euros, TOTAL_SUM, "-0,50 Eur", "1,00 Eur", "-1,50 Eur");
	CHECK(euros, TOTAL_AVG, "0,67 Eur", "0,00 Eur", "1,00 Eur", "1,00 Eur");
	CHECK(euros, TOTAL_MAX, "1.000,00 Eur", "999,00 Eur", "1.000,00 Eur");
	CHECK(euros, TOTAL_MIN, "-2,00 Eur", "-2,00 Eur", "-1,00 Eur");
	CHECK(euros, TOTAL_COUNT, "2", "-2,00 Eur", "-1,00 Eur");
	CHECK(euros, TOTAL_SUM, "NaN", "1,00 Eur", "$1.00");
}

TEST(averages_have_two_digits_more)
{
	CHECK(integer, TOTAL_AVG, "1.67", "1", "2", "2");
	CHECK(integer, TOTAL_AVG, "-1.67", "-1", "-2", "-2");
	CHECK(money, TOTAL_AVG, "0.3333", "0", "0", "1");
	CHECK(money, TOTAL_AVG, "1.5000", "1", "2");
	CHECK(decimal, TOTAL_AVG, "0.5000", "0.25", "0.75");
	CHECK(
	    integer, TOTAL_AVG, "0.13", "1", "0", "0", "0", "0", "0", "0", "0");
	CHECK(real, TOTAL_AVG, "0.25", "0", "0.5");
}

TEST(counts)
{
	CHECK(integer, TOTAL_COUNT, "2", "1", NULL, "3");
	CHECK(integer, TOTAL_COUNT, "0", NULL, NULL);
}

TEST(the_least_and_the_greatest)
{
	struct column date = {.kind = KIND_DATE};
	struct column zoned = {.kind = KIND_TIMESTAMPTZ};
	struct column of_day = {.kind = KIND_TIMETZ};

	CHECK(decimal, TOTAL_MIN, "-10.5", "1", "-10.5", "-10.25", "-2");
	CHECK(decimal, TOTAL_MAX, "100.00", "9.99", "100.00", "99.999", NULL);
	CHECK(decimal, TOTAL_MAX, "NaN", "Infinity", "NaN", "1");
	CHECK(decimal, TOTAL_MIN, "-Infinity", "Infinity", "-Infinity", "-1");
	CHECK(decimal, TOTAL_MAX, "0.1", "0.1", "0.10", "0.09", "0.100");
	CHECK(real, TOTAL_MAX, "1e+20", "1e+20", "9", "-1e+30");
	CHECK(date, TOTAL_MIN, "0045-01-01 BC", "0044-03-15 BC",
	    "0045-01-01 BC", "2026-01-01");
	CHECK(date, TOTAL_MAX, "12026-01-01", "9999-12-31", "12026-01-01");
	CHECK(date, TOTAL_MAX, "infinity", "9999-12-31", "infinity");
	CHECK(zoned, TOTAL_MAX, "2026-10-25 02:15:00+01",
	    "2026-10-25 02:30:00+02", "2026-10-25 02:15:00+01");
	CHECK(zoned, TOTAL_MIN, "2026-10-25 02:30:00.1+05:30",
	    "2026-10-25 02:30:00.2+05:30", "2026-10-25 02:30:00.1+05:30");
	CHECK(of_day, TOTAL_MIN, "12:00:00+02", "11:00:00+00", "12:00:00+02");
}

TEST(nothing_counted_is_nothing)
{
	CHECK(integer, TOTAL_SUM, "-", NULL, NULL);
	CHECK(integer, TOTAL_AVG, "-", NULL, NULL);
	CHECK(integer, TOTAL_MIN, "-", NULL, NULL);
	CHECK(integer, TOTAL_NONE, "-", "1", "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_are_exact),
	    cmocka_unit_test(sums_of_floats_have_no_binary_noise),
	    cmocka_unit_test(intervals_are_added_as_postgresql_adds),
	    cmocka_unit_test(money_is_added_and_keeps_its_look),
	    cmocka_unit_test(averages_have_two_digits_more),
	    cmocka_unit_test(counts),
	    cmocka_unit_test(the_least_and_the_greatest),
	    cmocka_unit_test(nothing_counted_is_nothing),
	};

	return cmocka_run_group_tests_name("total", tests, NULL, NULL);
}
