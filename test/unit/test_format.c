/* SPDX-License-Identifier: MIT */
#include "encode/table/format.h"

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

TEST(digits_by_their_placeholders)
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
	    {"0.###", "0", "0."},
	    {"0.###", "0.00001", "0."},
	    {"0.###", "-0.0000001", "0."},
	    {"0.###", "0.001", "0.001"},
	    {"0.???", "0.00001", "0.   "},
	    {"#,##0.##", "0.00001", "0."},
	    {"#.#", "0.005", "."},
	    {"#.##E+0", "0.00001", "1.E-5"},
	    {"#0.0#%", "0.00001", "0.0%"},
	    {"#0.0#%", "0.00025", "0.03%"},
	    {"0.??", "1.5", "1.5 "},
	    {"#.##", "0.5", ".5"},
	    {".00", "12.345", "12.35"},
	    {"#", "0", ""},
	    {"??0", "7", "  7"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(digits_are_grouped_and_scaled)
{
	static const struct shown cases[] = {
	    {"#,##0", "1234567", "1,234,567"},
	    {"#,##0", "999", "999"},
	    {"#,##0.00", "-1234.5", "-1,234.50"},
	    {"#,##0.00", "999.995", "1,000.00"},
	    {"0,000", "5", "0,005"},
	    {"0%", "0.125", "13%"},
	    {"0.0%", "-1.5", "-150.0%"},
	    {"#,##0,", "1234567", "1,235"},
	    {"0.0,,", "1234567", "1.2"},
	    {"#,##0.00", "123456789012345678901234567890.125",
		"123,456,789,012,345,678,901,234,567,890.13"},
	    {"0.0%", "0", "0.0%"},
	    {"#%", "0", "%"},
	    {"#%", "0.000", "%"},
	    {"#,##0.0,", "0", "0.0"},
	    {"#,#", "1234", "1,234"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(numbers_stand_among_texts_and_sections)
{
	static const struct shown cases[] = {
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
	    {"0%;-0%", "0.5", "50%"},
	    {"_(* #,##0.00_)", "1234.5", " 1,234.50 "},
	    {"*x0*x", "7", "7"},
	    {"[Color 12]0.0[color5]", "7", "7.0"},
	    {"[$USD] 0.00", "7", "USD 7.00"},
	    {"[$-409]0", "7", "7"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(numbers_in_every_spelling_of_the_server)
{
	static const struct shown cases[] = {
	    {"0.00", "NaN", "NaN"},
	    {"0.00", "-Infinity", "-Infinity"},
	    {"0.00", "1e+20", "100000000000000000000.00"},
	    {"0.00", "1.5e-01", "0.15"},
	    {"0.00", "5e-324", "0.00"},
	    {"yyyy-mm-dd", "1.50", "1.50"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

/* Expected: Excel's behaviour, by https://github.com/borgar/numfmt/issues/1. */
TEST(nothing_but_zeros_has_no_minus_of_its_own)
{
	static const struct shown cases[] = {
	    {"0.00", "-0.004", "0.00"},
	    {"0.00", "-0.00", "0.00"},
	    {"0", "-0.4", "0"},
	    {"#,##0.0%", "-0.0004", "0.0%"},
	    {"#", "-0.1", ""},
	    {"0.00", "-0.005", "-0.01"},
	    {"0.0;-0.0", "-0.01", "-0.0"},
	    {"0.00;(0.00);\"-\"", "-0.004", "(0.00)"},
	    {"# ?/?", "-0.01", "-0    "},
	    {"\"x\"", "-5", "-x"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

#define ACCOUNTING                             \
	"_($* #,##0.00_);_($* \\(#,##0.00\\);" \
	"_($* \"-\"??_);_(@_)"

TEST(sections_are_taken_by_sign_or_condition)
{
	static const struct shown cases[] = {
	    {ACCOUNTING, "1234.5", " $1,234.50 "},
	    {ACCOUNTING, "-1234.5", " $(1,234.50)"},
	    {ACCOUNTING, "0.000", " $-   "},
	    {"0;-0;;@", "0", ""},
	    {"d.m.yyyy;@", "5", "5"},
	    {"0.0;@", "-5", "-5.0"},
	    {"[>=1000]0.0,\"k\";0", "1500", "1.5k"},
	    {"[>=1000]0.0,\"k\";0", "999", "999"},
	    {"[>=1000]0.0,\"k\";0", "-5", "-5"},
	    {"[Red][<0]0.0;[Blue]0", "-5", "5.0"},
	    {"[<=-25]0;[>=25]0.0;0.00", "-30", "30"},
	    {"[<=-25]0;[>=25]0.0;0.00", "-5", "-5.00"},
	    {"[<=-25]0;[>=25]0.0;0.00", "25", "25.0"},
	    {"[=1]\"one\";[<>3]0;\"three\"", "1", "one"},
	    {"[=1]\"one\";[<>3]0;\"three\"", "3", "three"},
	    {"[=1]\"one\";[<>3]0;\"three\"", "-3", "-3"},
	    {"[>100]0.0;(0);0", "-3", "(3)"},
	    {"[>100]0.0;(0);0", "3", "3"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(fractions_are_the_nearest_that_have_room)
{
	static const struct shown cases[] = {
	    {"# ?/?", "1.25", "1 1/4"},
	    {"# ?/?", "0.3", " 2/7"},
	    {"# ?/?", "3", "3    "},
	    {"# ?/?", "0", "0    "},
	    {"# ?/?", "0.99", "1    "},
	    {"# ?/?", "-1.5", "-1 1/2"},
	    {"# ?\?/??", "2.0625", "2  1/16"},
	    {"# ??\?/???", "3.14159265358979", "3  16/113"},
	    {"?/?", "1.25", "5/4"},
	    {"?/?", "0", "0/1"},
	    {"# ?/8", "0.3", " 2/8"},
	    {"# ?\?/100", "7.125", "7 13/100"},
	    {"0 0/0", "2", "2 0/1"},
	    {"#\" in \"?/2\" x\"", "2.5", "2 in 1/2 x"},
	};

	check(KIND_DECIMAL, cases, COUNT(cases));
}

TEST(general_shows_eleven_characters)
{
	static const struct shown cases[] = {
	    {"General", "1.50", "1.5"},
	    {"General", "0", "0"},
	    {"General", "-0.5", "-0.5"},
	    {"General", "100", "100"},
	    {"General", "66.66666666666666667", "66.66666667"},
	    {"General", "0.123456789012", "0.123456789"},
	    {"General", "12345678901.5", "12345678902"},
	    {"General", "123456789012", "1.23457E+11"},
	    {"General", "0.0001234", "0.0001234"},
	    {"General", "0.00001234", "1.234E-05"},
	    {"General", "9.9999999e+99", "1E+100"},
	    {"General\" kg\"", "5.5", "5.5 kg"},
	    {"@", "5.5", "5.5"},
	};

	check(KIND_FLOAT, cases, COUNT(cases));
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
	    {"hh:mm", "2026-03-01 23:59:59.999999", "23:59"},
	    {"yyyy-mm-dd", "2026-12-31 23:59:59.999999", "2026-12-31"},
	    {"hh:mm:ss.000", "2026-03-01 23:59:59.999999", "23:59:59.999"},
	    {"h:mm a/p", "2026-03-01 15:05:07", "3:05 p"},
	    {"h:mm A/P", "2026-03-01 05:05:07", "5:05 A"},
	    {"[$-409]mmm d", "2024-02-29 00:00:00", "Feb 29"},
	    {"d.m.yyyy;@", "2024-02-29 00:00:00", "29.2.2024"},
	    {"e/mm", "2024-02-29 00:00:00", "2024/02"},
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

TEST(texts_have_a_section_of_their_own)
{
	static const struct shown cases[] = {{"0.00", "12", "12"},
	    {"0;0;0;\"t \"@", "12", "t 12"}, {"\"<\"@\">\"", "a", "<a>"},
	    {"0;-0;0;", "a", ""}, {ACCOUNTING, "a", " a "}};
	static const struct shown words[] = {
	    {"0", "t", "true"}, {"\"yes\"", "f", "false"}};

	check(KIND_TEXT, cases, COUNT(cases));
	check(KIND_BOOLEAN, words, COUNT(words));
}

static void assert_refused(const char *code, const char *why)
{
	struct err e;

	if (format_open(code, &e) != NULL)
		fail_msg("%s was taken", code);
	assert_err_has(&e, "cannot be read at");
	assert_err_has(&e, code);
	assert_err_has(&e, why);
}

TEST(a_code_that_cannot_be_read_is_refused)
{
	static const char *const codes[] = {"abc", "0 \"open", "[h:mm", "[hm]",
	    "[]", "[", "yyyy 0", "0 yyyy", "0;0;0;0;0", "[Red", "[Color 57]0",
	    "[>]0", "[>x]0", ",", "E+00", "0.00E", "0.00E+", "0E+0E+0",
	    "0E+00.0", "yyyyE+0", "0 kg", "[DBNum1]0", "[h]:[mm]", "ss.0000",
	    "0.0[h]", "#AM/PM", "0 a/p", "@0", "@;0", "0_", "General0", "#/#/#",
	    "0.0/0", "?/??????"};

	for (size_t i = 0; i < COUNT(codes); i++)
		assert_refused(codes[i], "");
}

TEST(codes_of_another_language_are_refused_with_the_mend)
{
	static const char *const numbers[] = {"#.##0,00 \"\xE2\x82\xAC\"",
	    "#.##0", "0,00", "#0,0", "0.0.0", "#.###.##0"};
	static const char *const dates[] = {"TT.MM.JJJJ", "jj/mm/aaaa"};

	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_refused(numbers[i], "a comma for thousands");
	for (size_t i = 0; i < COUNT(dates); i++)
		assert_refused(dates[i], "d m y h s for dates");
}

TEST(names_in_other_languages_are_for_spreadsheets)
{
	static const struct {
		const char *code;
		int result;
	} cases[] = {{"[$-407]mmmm", -1}, {"[$-407]dd.mm.yyyy", 0},
	    {"[$-809]mmmm", 0}, {"#,##0.00 [$\xE2\x82\xAC-407]", 0},
	    {"[$-F800]dd", -1}, {"[$-40C]ddd", -1}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e;
		struct format *f = format_open(cases[i].code, &e);

		assert_non_null(f);
		assert_int_equal(format_check_language(f, &e), cases[i].result);
		if (cases[i].result != 0)
			assert_err_has(&e, cases[i].code);
		format_close(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digits_by_their_placeholders),
	    cmocka_unit_test(digits_are_grouped_and_scaled),
	    cmocka_unit_test(numbers_stand_among_texts_and_sections),
	    cmocka_unit_test(numbers_in_every_spelling_of_the_server),
	    cmocka_unit_test(numbers_with_exponents),
	    cmocka_unit_test(intervals_and_what_has_elapsed),
	    cmocka_unit_test(timestamps_by_their_letters),
	    cmocka_unit_test(nothing_but_zeros_has_no_minus_of_its_own),
	    cmocka_unit_test(sections_are_taken_by_sign_or_condition),
	    cmocka_unit_test(fractions_are_the_nearest_that_have_room),
	    cmocka_unit_test(general_shows_eleven_characters),
	    cmocka_unit_test(texts_have_a_section_of_their_own),
	    cmocka_unit_test(
		codes_of_another_language_are_refused_with_the_mend),
	    cmocka_unit_test(names_in_other_languages_are_for_spreadsheets),
	    cmocka_unit_test(a_code_that_cannot_be_read_is_refused),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
