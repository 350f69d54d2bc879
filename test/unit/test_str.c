/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <string.h>

#include "helper.h"

TEST(utf8_is_told_from_what_only_looks_like_it)
{
	/* RFC 3629, section 4; Unicode, table 3-7. */
	static const char *const good[] = {"", "plain", "\xC2\x80", "\xDF\xBF",
	    "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
	    "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
	static const char *const bad[] = {
	    "\x80",             /* continuation alone */
	    "\xC3",             /* cut */
	    "\xE2\x82",         /* cut */
	    "\xF0\x9F\x98",     /* cut */
	    "\xC0\xAF",         /* overlong */
	    "\xC1\xBF",         /* overlong */
	    "\xE0\x9F\xBF",     /* overlong */
	    "\xF0\x8F\xBF\xBF", /* overlong */
	    "\xED\xA0\x80",     /* surrogate */
	    "\xED\xBF\xBF",     /* surrogate */
	    "\xF4\x90\x80\x80", /* past U+10FFFF */
	    "\xF5\x80\x80\x80", "\xFE", "\xFF", "caf\xE9",
	    "\xC3\x28",     /* no continuation */
	    "\xE2\x28\xA1", /* no continuation */
	};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(str_is_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(str_is_utf8(bad[i], strlen(bad[i])));
	assert_true(str_is_utf8("a\0b", 3));
	/* The check reads no byte after the first n. */
	assert_false(str_is_utf8("\xC3\xA9", 1));
	for (size_t i = 0; i < 40; i++) {
		char text[] = "0123456789012345678901234567890123456789x";

		text[i] = '\xE9';
		assert_false(str_is_utf8(text, sizeof(text) - 1));
		memcpy(text + i, "\xC3\xA9", 2);
		assert_true(str_is_utf8(text, sizeof(text) - 1));
	}
}

TEST(cleaning_leaves_good_characters_alone)
{
	char text[] = "caf\xE9 \xE2\x82\xAC \xE2\x82";

	str_clean_utf8(text);
	assert_string_equal(text, "caf? \xE2\x82\xAC ??");
}

TEST(cut_keeps_whole_characters)
{
	static const struct {
		size_t max;
		const char *left;
	} cases[] = {{9, "a\xC3\xA9\xE2\x82\xAC"}, {6, "a\xC3\xA9\xE2\x82\xAC"},
	    {5, "a\xC3\xA9"}, {4, "a\xC3\xA9"}, {3, "a\xC3\xA9"}, {2, "a"},
	    {1, "a"}, {0, ""}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char s[] = "a\xC3\xA9\xE2\x82\xAC";

		str_cut_utf8(s, cases[i].max);
		assert_string_equal(s, cases[i].left);
	}
}

TEST(copy_fits_and_ends)
{
	char to[4] = "zzz";

	str_copy(to, sizeof(to), "abcdef");
	assert_string_equal(to, "abc");
	str_copy(to, sizeof(to), "x");
	assert_string_equal(to, "x");
	str_copy(to, 1, "x");
	assert_string_equal(to, "");
}

TEST(whole_numbers_are_taken_whole_or_not_at_all)
{
	static const char *const bad[] = {"", " ", "x", "1x", "1 ", " 1", "\t1",
	    "\n1", "0x10", "1.5", "9223372036854775808", "-9223372036854775809",
	    "--1"};
	int64_t v = 77;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(str_to_i64(bad[i], &v), -1);
	assert_int_equal(v, 77);
	assert_int_equal(str_to_i64("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(str_to_i64("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(str_to_i64("007", &v), 0);
	assert_int_equal(v, 7);
}

struct measure {
	const char *text;
	int64_t value;
};

TEST(times_are_milliseconds)
{
	static const struct measure good[] = {{"0", 0}, {"30", 30000},
	    {"250ms", 250}, {"30s", 30000}, {"5min", 300000}, {"5m", 300000},
	    {"2h", 7200000}, {"7d", 604800000}, {"7 D", 604800000},
	    {"1 min", 60000}};
	static const char *const bad[] = {"", "-1s", "s", "1.5s", "1y", "1s ",
	    " 1s", "1ss", "1 s 2", "9223372036854775807d", "1,5s",
	    "99999999999999999999999999s"};
	int64_t v = 77;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(str_to_ms(good[i].text, &v), 0);
		assert_int_equal(v, good[i].value);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(str_to_ms(bad[i], &v), -1);
}

TEST(sizes_are_powers_of_1024)
{
	static const struct measure good[] = {{"0", 0}, {"4096", 4096},
	    {"1B", 1}, {"64kB", 65536}, {"64KiB", 65536}, {"16MB", 16777216},
	    {"1GB", 1073741824}, {"3 GiB", 3221225472}, {"1TB", 1099511627776},
	    {"1024tib", (int64_t)1 << 50}};
	static const char *const bad[] = {
	    "", "-1", "MB", "1PB", "1.5GB", "9223372036854775807kB"};
	int64_t v = 77;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(str_to_bytes(good[i].text, &v), 0);
		assert_int_equal(v, good[i].value);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(str_to_bytes(bad[i], &v), -1);
}

TEST(booleans_have_four_spellings)
{
	static const char *const yes[] = {"on", "true", "yes", "1", "ON"};
	static const char *const no[] = {"off", "false", "no", "0", "False"};
	bool v;

	for (size_t i = 0; i < COUNT(yes); i++) {
		v = false;
		assert_int_equal(str_to_bool(yes[i], &v), 0);
		assert_true(v);
	}
	for (size_t i = 0; i < COUNT(no); i++) {
		v = true;
		assert_int_equal(str_to_bool(no[i], &v), 0);
		assert_false(v);
	}
	assert_int_equal(str_to_bool("", &v), -1);
	assert_int_equal(str_to_bool("maybe", &v), -1);
	assert_int_equal(str_to_bool("2", &v), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
	    cmocka_unit_test(cleaning_leaves_good_characters_alone),
	    cmocka_unit_test(cut_keeps_whole_characters),
	    cmocka_unit_test(copy_fits_and_ends),
	    cmocka_unit_test(whole_numbers_are_taken_whole_or_not_at_all),
	    cmocka_unit_test(times_are_milliseconds),
	    cmocka_unit_test(sizes_are_powers_of_1024),
	    cmocka_unit_test(booleans_have_four_spellings),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
