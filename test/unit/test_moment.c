/* SPDX-License-Identifier: MIT */
#include "rows/moment.h"

#include <stddef.h>
#include <string.h>

#include "helper.h"

/* A text and the expected text, empty when there is none. */
struct pair {
	const char *in, *out;
};

static struct value value_of(const char *s)
{
	return (struct value){s, (int32_t)strlen(s)};
}

static void assert_rfc3339(enum column_kind kind, const struct pair *p)
{
	struct value v = value_of(p->in);
	char to[MOMENT_MAX];
	size_t len = moment_rfc3339(kind, &v, to);

	to[len] = '\0';
	assert_string_equal(to, p->out);
}

TEST(all_parts_of_a_moment_are_read)
{
	static const struct {
		enum column_kind kind;
		const char *text;
		struct moment m;
	} cases[] = {
	    {KIND_DATE, "2026-03-01", {2026, 3, 1, 0, 0, 0, 0, 0}},
	    {KIND_DATE, "0044-03-15 BC", {-43, 3, 15, 0, 0, 0, 0, 0}},
	    {KIND_DATE, "5874897-12-31", {5874897, 12, 31, 0, 0, 0, 0, 0}},
	    {KIND_TIME, "24:00:00", {0, 0, 0, 24, 0, 0, 0, 0}},
	    {KIND_TIME, "09:30:05.25", {0, 0, 0, 9, 30, 5, 250000, 0}},
	    {KIND_TIMETZ, "09:30:00-05:30", {0, 0, 0, 9, 30, 0, 0, -19800}},
	    {KIND_TIMESTAMP, "0001-01-01 00:00:00.0000019",
		{1, 1, 1, 0, 0, 0, 1, 0}},
	    {KIND_TIMESTAMPTZ, "1890-01-01 00:53:28+00:53:28",
		{1890, 1, 1, 0, 53, 28, 0, 3208}},
	    {KIND_TIMESTAMPTZ, "0044-03-15 12:00:00.5+01 BC",
		{-43, 3, 15, 12, 0, 0, 500000, 3600}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value v = value_of(cases[i].text);
		struct moment m;

		assert_true(moment_read(cases[i].kind, &v, &m));
		assert_int_equal(m.year, cases[i].m.year);
		assert_memory_equal(&m.month, &cases[i].m.month,
		    offsetof(struct moment, offset) + sizeof(m.offset) -
			offsetof(struct moment, month));
	}
}

TEST(a_text_that_is_no_moment_is_not_read)
{
	static const struct {
		enum column_kind kind;
		const char *text;
	} cases[] = {
	    {KIND_DATE, ""},
	    {KIND_DATE, "infinity"},
	    {KIND_DATE, " BC"},
	    {KIND_DATE, "-03-01"},
	    {KIND_DATE, "2026-13-01"},
	    {KIND_DATE, "2026-00-01"},
	    {KIND_DATE, "2026-03-00"},
	    {KIND_DATE, "2026-03-1"},
	    {KIND_DATE, "2026-03-01 "},
	    {KIND_DATE, "999999999999999999999999-03-01"},
	    {KIND_TIME, "9:30:00"},
	    {KIND_TIME, "09:30"},
	    {KIND_TIMESTAMP, "2026-03-01"},
	    {KIND_TIMESTAMP, "2026-03-01T09:30:00"},
	    {KIND_TIMESTAMP, "-infinity"},
	    {KIND_TIMESTAMPTZ, "2026-03-01 09:30:00 UTC"},
	    {KIND_TIMESTAMPTZ, "2026-03-01 09:30:00+1"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value v = value_of(cases[i].text);
		struct moment m;

		assert_false(moment_read(cases[i].kind, &v, &m));
	}
}

TEST(timestamps_get_their_t)
{
	static const struct pair cases[] = {
	    {"2026-03-01 09:30:00", "2026-03-01T09:30:00"},
	    {"2026-03-01 09:30:00.25", "2026-03-01T09:30:00.25"},
	    {"0001-01-01 00:00:00", "0001-01-01T00:00:00"},
	    {"9999-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999"},
	    {"10000-01-01 00:00:00", ""},
	    {"294276-12-31 23:59:59.999999", ""},
	    {"0044-03-15 12:00:00 BC", ""},
	    {"infinity", ""},
	    {"-infinity", ""},
	    {"", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_rfc3339(KIND_TIMESTAMP, &cases[i]);
}

TEST(time_zones_get_minutes)
{
	static const struct pair cases[] = {
	    {"2026-03-01 09:30:00+01", "2026-03-01T09:30:00+01:00"},
	    {"2026-03-01 09:30:00+00", "2026-03-01T09:30:00+00:00"},
	    {"2026-03-01 09:30:00.5-03:30", "2026-03-01T09:30:00.5-03:30"},
	    {"2026-03-01 09:30:00.123456+05:45",
		"2026-03-01T09:30:00.123456+05:45"},
	    {"0044-03-15 12:00:00+00 BC", ""},
	    {"10000-01-01 00:00:00+00", ""},
	    {"infinity", ""},
	};
	static const struct pair times[] = {
	    {"09:30:00+01", "09:30:00+01:00"},
	    {"24:00:00-15:59", "24:00:00-15:59"},
	    {"09:30:00.25+05:30", "09:30:00.25+05:30"},
	    {"09:30:00+00:53:28", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_rfc3339(KIND_TIMESTAMPTZ, &cases[i]);
	for (size_t i = 0; i < COUNT(times); i++)
		assert_rfc3339(KIND_TIMETZ, &times[i]);
}

/* Same result as select timestamptz '...' at time zone 'UTC'. */
TEST(an_offset_with_seconds_becomes_utc)
{
	static const struct pair cases[] = {
	    {"1890-01-01 00:53:28+00:53:28", "1890-01-01T00:00:00Z"},
	    {"1890-01-01 00:00:00+00:53:28", "1889-12-31T23:06:32Z"},
	    {"1800-03-01 00:00:00.125+00:53:28", "1800-02-28T23:06:32.125Z"},
	    {"1600-03-01 00:00:00+00:53:28", "1600-02-29T23:06:32Z"},
	    {"1883-11-18 12:00:00-04:56:02", "1883-11-18T16:56:02Z"},
	    {"1899-12-31 23:59:59-00:00:01", "1900-01-01T00:00:00Z"},
	    {"0001-01-01 00:00:00+00:53:28", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_rfc3339(KIND_TIMESTAMPTZ, &cases[i]);
}

/* Expected texts: PostgreSQL 15's with intervalstyle iso_8601. */
TEST(intervals_are_those_of_iso_8601)
{
	static const struct pair cases[] = {
	    {"1 year 2 mons 3 days 04:05:06.7", "P1Y2M3DT4H5M6.7S"},
	    {"-1 years -2 mons +3 days -04:05:06.7", "P-1Y-2M3DT-4H-5M-6.7S"},
	    {"00:00:00", "PT0S"},
	    {"1 year", "P1Y"},
	    {"1 mon", "P1M"},
	    {"-1 days", "P-1D"},
	    {"1 day", "P1D"},
	    {"2 years 00:00:01", "P2YT1S"},
	    {"00:00:00.5", "PT0.5S"},
	    {"-00:00:00.000001", "PT-0.000001S"},
	    {"01:00:00", "PT1H"},
	    {"00:05:00", "PT5M"},
	    {"100:00:00", "PT100H"},
	    {"-178000000 years", "P-178000000Y"},
	    {"-178956970 years -8 mons -2147483648 days "
	     "-2562047788:00:54.775808",
		"P-178956970Y-8M-2147483648DT-2562047788H-54.775808S"},
	    {"infinity", ""},
	    {"-infinity", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value v = value_of(cases[i].in);
		char to[MOMENT_MAX];
		size_t len = interval_iso8601(&v, to);

		to[len] = '\0';
		assert_string_equal(to, cases[i].out);
	}
}

TEST(an_offset_is_found)
{
	static const struct {
		enum column_kind kind;
		const char *in;
		size_t len;
		const char *rest;
	} cases[] = {
	    {KIND_TIMESTAMPTZ, "2026-03-01 09:30:00+01", 19, ""},
	    {KIND_TIMESTAMPTZ, "2026-03-01 09:30:00.5-03:30", 21, ""},
	    {KIND_TIMESTAMPTZ, "1890-01-01 00:53:28+00:53:28", 19, ""},
	    {KIND_TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", 19, " BC"},
	    {KIND_TIMESTAMPTZ, "-infinity", 9, ""},
	    {KIND_TIMESTAMPTZ, "infinity", 8, ""},
	    {KIND_TIMETZ, "09:30:00+01", 8, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value v = value_of(cases[i].in);
		const char *rest;

		assert_int_equal(
		    moment_without_offset(cases[i].kind, &v, &rest),
		    cases[i].len);
		assert_string_equal(rest, cases[i].rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_parts_of_a_moment_are_read),
	    cmocka_unit_test(a_text_that_is_no_moment_is_not_read),
	    cmocka_unit_test(timestamps_get_their_t),
	    cmocka_unit_test(time_zones_get_minutes),
	    cmocka_unit_test(an_offset_with_seconds_becomes_utc),
	    cmocka_unit_test(intervals_are_those_of_iso_8601),
	    cmocka_unit_test(an_offset_is_found),
	};

	return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
