/* SPDX-License-Identifier: MIT */
#include "place/glob.h"

#include <string.h>

#include "helper.h"

TEST(stars_stay_in_their_part)
{
	assert_true(glob_matches("/in/*.csv", "/in/a.csv"));
	assert_true(glob_matches("/in/*.csv", "/in/.csv"));
	assert_false(glob_matches("/in/*.csv", "/in/x/a.csv"));
	assert_false(glob_matches("/in/*.csv", "/in/a.csv.gz"));
	assert_false(glob_matches("/in/*", "/in/a/b"));
	assert_true(glob_matches("/in/*/*", "/in/a/b"));
	assert_true(glob_matches("a*b*c", "aXbYbZc"));
	assert_false(glob_matches("a*b*c", "aXbY/bZc"));
	assert_true(glob_matches("[a]{b}\\", "[a]{b}\\"));
}

TEST(two_stars_cross_folders)
{
	assert_true(glob_matches("/in/**.csv", "/in/x/y/a.csv"));
	assert_true(glob_matches("/in/**/a.csv", "/in/x/y/a.csv"));
	assert_true(glob_matches("/in/**/x*y/b", "/in/x1/a/xzy/b"));
	assert_false(glob_matches("/in/**/x*y/b", "/in/x1/a/xz/y/b"));
	assert_true(glob_matches("**", "anything/at/all"));
	assert_true(glob_matches("***b", "a/b"));
	assert_true(glob_matches("a?c", "abc"));
	assert_false(glob_matches("a?c", "a/c"));
	assert_false(glob_matches("a?", "a"));
	assert_true(glob_matches("/?.csv", "/\xC3\xA9.csv"));
	assert_true(glob_matches("/*?.csv", "/\xC3\xA9.csv"));
}

/* Patterns that need many attempts in a naive search. */
TEST(a_hostile_pattern_ends_soon)
{
	char path[1025], pattern[1025];

	memset(path, 'a', 1024);
	path[1024] = '\0';
	for (size_t i = 0; i < 1024; i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + 1022, "*b", 3);
	assert_false(glob_matches(pattern, path));
	for (size_t i = 0; i + 3 < 1024; i += 3)
		memcpy(pattern + i, "**a", 3);
	memcpy(pattern + 1020, "**b", 4);
	assert_false(glob_matches(pattern, path));
}

TEST(folders_that_may_hold_matches)
{
	assert_true(glob_enters("/in/day=*/*.csv", "/in/day=1"));
	assert_false(glob_enters("/in/day=*/*.csv", "/in/other"));
	assert_false(glob_enters("/in/day=*/*.csv", "/in/day=1/x"));
	assert_false(glob_enters("/in/*.csv", "/in/x"));
	assert_true(glob_enters("/in/**.csv", "/in/x/y"));
	assert_true(glob_enters("/in/**/z/*.csv", "/in/x/y"));
}

TEST(parts_of_patterns)
{
	assert_int_equal(glob_literal("s3://b/in/day=*/x"), 14);
	assert_int_equal(glob_folder("s3://b/in/day=*/x"), 10);
	assert_int_equal(glob_folder("s3://b/in/a.csv"), 10);
	assert_true(glob_is_flat("s3://b/in/day=*"));
	assert_false(glob_is_flat("s3://b/in/day=*/x"));
	assert_false(glob_is_flat("s3://b/in/**"));
}

TEST(names_of_files_that_are_being_written)
{
	assert_true(glob_is_partial("/in/.a.csv"));
	assert_true(glob_is_partial("in/a.csv.TMP"));
	assert_true(glob_is_partial("a.part"));
	assert_true(glob_is_partial("a.filepart"));
	assert_true(glob_is_partial("in/a.csv.crdownload"));
	assert_true(glob_is_partial("in/folder/"));
	assert_false(glob_is_partial("/in/.hidden/a.csv"));
	assert_false(glob_is_partial("in/a.partly"));
	assert_false(glob_is_partial("tmp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stars_stay_in_their_part),
	    cmocka_unit_test(two_stars_cross_folders),
	    cmocka_unit_test(a_hostile_pattern_ends_soon),
	    cmocka_unit_test(folders_that_may_hold_matches),
	    cmocka_unit_test(parts_of_patterns),
	    cmocka_unit_test(names_of_files_that_are_being_written),
	};

	return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
