/* SPDX-License-Identifier: MIT */
#include "encode/format.h"

#include <string.h>

#include "helper.h"

struct shown {
	const char *code;
	const char *value;
	const char *text;
};

static void check(
    enum column_kind kind, const struct shown *cases, size_t count)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		struct value v = {
		    cases[i].value, (int32_t)strlen(cases[i].value)};
		struct err e;
		struct format *f = format_open(cases[i].code, &e);

		if (f == NULL)
			fail_msg("%s", e.text);
		buf_clear(&out);
		buf_str(&out, "");
		format_add(f, kind, &v, &out);
		if (strcmp(out.data, cases[i].text) != 0)
			fail_msg("%s as %s: \"%s\", not \"%s\"", v.data,
			    cases[i].code, out.data, cases[i].text);
		format_close(f);
	}
	buf_free(&out);
}

TEST(numbers_by_their_placeholders)
{
	static const struct shown cases[] = {
	    {"0", "12", "12"},
	    {"0", "-12.5", "-13"},
	    {"0", "0.5", "1"},
	    {"0", "0.4999999999999999999999999999", "0"},
	    {"0.00", "1.005", "1.01"},
	    {"0.00", "-0.125", "-0.13"},
	    {"0.00", "9.999", "10.00"},
	    {"0.00", "0", "0.00"},
	    {"000", "7", "007"},
	    {"000", "12345", "12345"},
	    {"0.0#", "1.5", "1.5"},
	    {"0.0#", "1.25", "1.25"},
	    {"0.##", "1", "1."},
	    {"0.??", "1.5", "1.5 "},
	    {"#.##", "0.5", ".5"},
	    {".00", "12.345", "12.35"},
	    {"#", "0", ""},
	    {"??0", "7", "  7"},
	    {"#,##0", "1234567", "1,234,567"},
	    {"#,##0", "999", "999"},
	    {"#,##0.00", "-1234.5", "-1,234.50"},
	    {"#,##0.00", "999.995", "1,000.00"},
	    {"0,000", "5", "0,005"},
	    {"0%", "0.125", "13%"},
	    {"0.0%", "-1.5", "-150.0%"},
	    {"#,##0,", "1234567", "1,235"},
	    {"0.0,,", "1234567", "1.2"},
	    {"000-0000", "5551234", "555-1234"},
	    {"0\" pcs\"", "3", "3 pcs"},
	    {"\\x0\\\"", "3", "x3\""},
	    {"$#,##0.00", "-5", "-$5.00"},
	    {"#,##0.00 [$€-407]", "5", "5.00 €"},
	    {"[Red]0", "5", "5"},
	    {"0;(0)", "-5", "(5)"},
	    {"0;(0);\"none\"", "0.00", "none"},
	    {"0;(0);\"none\"", "5", "5"},
	    {"0;;", "-5", ""},
	    {"0.00", "NaN", "NaN"},
	    {"0.00", "-Infinity", "-Infinity"},
	    {"0.00", "1e+20", "100000000000000000000.00"},
	    {"0.00", "1.5e-01", "0.15"},
	    {"0.00", "5e-324", "0.00"},
	    {"#,##0.00", "123456789012345678901234567890.125",
		"123,456,789,012,345,678,901,234,567,890.13"},
	    {"General", "1.50", "1.50"},
	    {"yyyy-mm-dd", "1.50", "1.50"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(numbers_with_exponents)
{
	static const struct shown cases[] = {
	    {"0.00E+00", "12345", "1.23E+04"},
	    {"0.00E+00", "0.00012345", "1.23E-04"},
	    {"0.00E-00", "12345", "1.23E04"},
	    {"0.00e-00", "0.00012345", "1.23e-04"},
	    {"0.00E+00", "-9.999", "-1.00E+01"},
	    {"0.00E+00", "999.5", "1.00E+03"},
	    {"0.00E+00", "0", "0.00E+00"},
	    {"0.00E+00", "5e-324", "5.00E-324"},
	    {"0.0E+0", "1", "1.0E+0"},
	    {"##0.0E+0", "12345", "12.3E+3"},
	    {"##0.0E+0", "123456", "123.5E+3"},
	    {"##0.0E+0", "0.012345", "12.3E-3"},
	    {"##0.0E+0", "999.96", "1.0E+3"},
	    {"##0.0E+0", "99.96", "100.0E+0"},
	    {".00E+0", "12345", ".12E+5"},
	    {".00E+0", "0.999", ".10E+1"},
	    {"0.00E+00;(0.0E+0)", "-12345", "(1.2E+4)"},
	    {"0E+0\" m\"", "12345", "1E+4 m"},
	    {"0.00E+00", "NaN", "NaN"},
	};

	check(KIND_FLOAT, cases, COUNT(cases));
}

TEST(intervals_and_what_has_elapsed)
{
	static const struct shown cases[] = {
	    {"[h]:mm", "1 day 02:03:04", "26:03"},
	    {"[h]:mm:ss.00", "02:03:04.567", "2:03:04.56"},
	    {"[mm]:ss", "02:03:04", "123:04"},
	    {"[ss]", "-00:02:03", "-123"},
	    {"[h]", "3 days", "72"},
	    {"[hh]:mm", "00:05:00", "00:05"},
	    {"[h]:mm", "-1 days -02:30:00", "-26:30"},
	    {"h:mm", "1 day 02:03:04", "2:03"},
	    {"[h]:mm", "1 day -02:30:00", "1 day -02:30:00"},
	    {"[h]:mm", "1 mon 02:03:04", "1 mon 02:03:04"},
	    {"[h]:mm", "2 years", "2 years"},
	    {"[h]:mm", "2562047788:00:54.775807", "2562047788:00"},
	    {"yyyy", "02:03:04", "02:03:04"},
	    {"0.00", "02:03:04", "02:03:04"},
	};
	static const struct shown times[] = {{"[h]:mm", "24:00:00", "24:00"},
	    {"[mm]", "09:30:00", "570"}, {"h:mm", "24:00:00", "24:00"}};
	static const struct shown stamps[] = {
	    {"[h]:mm", "2026-03-01 09:05:07", "2026-03-01 09:05:07"}};

	check(KIND_INTERVAL, cases, COUNT(cases));
	check(KIND_TIME, times, COUNT(times));
	check(KIND_TIMESTAMP, stamps, COUNT(stamps));
}

TEST(timestamps_by_their_letters)
{
	static const struct shown cases[] = {
	    {"yyyy-mm-dd", "2026-03-01 09:05:07.25", "2026-03-01"},
	    {"d.m.yy", "2026-03-01 09:05:07.25", "1.3.26"},
	    {"dd.mm.yyyy hh:mm:ss", "2026-03-01 09:05:07.25",
		"01.03.2026 09:05:07"},
	    {"h:mm AM/PM", "2026-03-01 15:05:07", "3:05 PM"},
	    {"h AM/PM", "2026-03-01 00:05:07", "12 AM"},
	    {"mm:ss.00", "2026-03-01 09:05:07.256", "05:07.25"},
	    {"ddd, d mmm yyyy", "2026-03-01 09:05:07", "Sun, 1 Mar 2026"},
	    {"dddd, mmmm d", "2024-02-29 00:00:00", "Thursday, February 29"},
	    {"mmmmm", "2024-02-29 00:00:00", "F"},
	    {"yyyy\"-Q\"", "2024-02-29 00:00:00", "2024-Q"},
	    {"yyyy", "infinity", "infinity"},
	    {"yyyy", "0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"},
	    {"yyyy", "12024-03-15 00:00:00", "12024"},
	    {"0.00", "2024-02-29 00:00:00", "2024-02-29 00:00:00"},
	};
	static const struct shown zoned[] = {
	    {"hh:mm", "2026-07-01 14:30:00+05:30", "14:30"}};
	static const struct shown days[] = {
	    {"dd/mm/yyyy hh:mm", "2026-07-01", "01/07/2026 00:00"}};
	static const struct shown times[] = {{"h:mm", "09:30:00", "9:30"},
	    {"yyyy h:mm", "09:30:00", "09:30:00"}};

	check(KIND_TIMESTAMP, cases, COUNT(cases));
	check(KIND_TIMESTAMPTZ, zoned, COUNT(zoned));
	check(KIND_DATE, days, COUNT(days));
	check(KIND_TIME, times, COUNT(times));
}

TEST(other_kinds_stay_what_they_are)
{
	static const struct shown cases[] = {{"0.00", "12", "12"}};

	check(KIND_TEXT, cases, COUNT(cases));
	check(KIND_INTERVAL, cases, COUNT(cases));
}

TEST(a_code_that_cannot_be_read_is_refused)
{
	static const char *const codes[] = {"0.0.0", "abc", "0 \"open", "[h:mm",
	    "[hm]", "[]", "[", "yyyy 0", "0;0;0;0;0", "[Red", ",", "E+00",
	    "0.00E", "0.00E+", "0E+0E+0", "0E+00.0", "yyyyE+0"};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct err e;

		if (format_open(codes[i], &e) != NULL)
			fail_msg("%s was taken", codes[i]);
		assert_err_has(&e, "cannot be read at");
		assert_err_has(&e, codes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_by_their_placeholders),
	    cmocka_unit_test(numbers_with_exponents),
	    cmocka_unit_test(intervals_and_what_has_elapsed),
	    cmocka_unit_test(timestamps_by_their_letters),
	    cmocka_unit_test(other_kinds_stay_what_they_are),
	    cmocka_unit_test(a_code_that_cannot_be_read_is_refused),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
