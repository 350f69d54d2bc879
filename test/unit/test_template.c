/* SPDX-License-Identifier: MIT */
#include "place/scheme.h"
#include "place/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

static const struct template_value values[] = {{"report_name", "sales"},
    {"config_id", "42"}, {"run_id", "7"}, {"ext", "csv"},
    {"scheduled_for", "2026-03-01T05:06:07+02:00"}, {"slash", "a/b\\c"},
    {"up", ".."}, {"dot", "."}, {"climb", "../../etc"}, {"empty", ""},
    {"null", NULL}, {"bell", "a\ab"}, {"del", "a\x7F"}, {"newline", "a\nb"},
    {"brace", "{run_id}%Y"}, {"letters", "\xC3\xA9t\xC3\xA9 \xE6\x97\xA5"},
    {"turned", "a\u202Efdp\u200B\U000E0041.x"},
    {"joined", "\u0645\u06CC\u200C\u062E"}, {"name", "short"}, {"net", ".NET"},
    {"url", "file:///etc/passwd"}, {NULL, NULL}};

/* Sunday, 1 March 2026, 05:06:07 at +02:00. */
static const struct tm when = {.tm_year = 126,
    .tm_mon = 2,
    .tm_mday = 1,
    .tm_hour = 5,
    .tm_min = 6,
    .tm_sec = 7,
    .tm_yday = 59,
    .tm_gmtoff = 7200};

static char *path_below(const char *root, const char *template, struct err *e)
{
	return template_path(&(struct template_options){.root = root,
				 .template = template,
				 .values = values,
				 .time = &when},
	    e);
}

static void assert_path(const char *template, const char *expected)
{
	struct err e = {.text = ""};
	char *path = path_below("/srv/out", template, &e);

	assert_err(&e, "");
	assert_string_equal(path, expected);
	free(path);
}

static void assert_refused(const char *template, const char *why)
{
	struct err e = {.text = "accepted"};
	char *path = path_below("/srv/out", template, &e);

	assert_err_has(&e, why);
	assert_null(path);
	assert_int_equal(e.kind, ERR_PERMANENT);
}

TEST(what_nobody_sees_is_an_underscore_in_a_name)
{
	assert_path("{turned}.csv", "/srv/out/a_fdp__.x.csv");
	/* Persian parts letters by such a sign. */
	assert_path("{joined}", "/srv/out/\u0645\u06CC\u200C\u062E");
	assert_path("x\u200C\u062E.csv", "/srv/out/x\u200C\u062E.csv");
	assert_refused("a\u202Efdp.csv",
	    "output_path \"a<U+202E>fdp.csv\" holds the invisible character "
	    "U+202E; take it out");
	assert_refused("{name}/\uFEFFx", "invisible character U+FEFF");
}

TEST(names_are_replaced_by_values)
{
	assert_path("plain.csv", "/srv/out/plain.csv");
	assert_path("{report_name}/{config_id}_{run_id}.{ext}",
	    "/srv/out/sales/42_7.csv");
	assert_path("{scheduled_for}", "/srv/out/2026-03-01T05:06:07+02:00");
	assert_path("{name}{report_name}", "/srv/out/shortsales");
	assert_path("{letters}", "/srv/out/\xC3\xA9t\xC3\xA9 \xE6\x97\xA5");
	/* A value is not expanded as a template. */
	assert_path("{brace}", "/srv/out/{run_id}%Y");
}

TEST(codes_are_replaced_by_the_time)
{
	assert_path("%Y/%m/%d/%H%M%S.csv", "/srv/out/2026/03/01/050607.csv");
	assert_path("%j-%y-%b-%B-%a-%A-%u-%V-%G",
	    "/srv/out/060-26-Mar-March-Sun-Sunday-7-09-2026");
	assert_path("%FT%T%z", "/srv/out/2026-03-01T05:06:07+0200");
	assert_path("%s", "/srv/out/1772334367");
	assert_path("100%%", "/srv/out/100%");
}

TEST(a_slash_in_a_value_is_no_directory)
{
	assert_path("{slash}.csv", "/srv/out/a_b\\c.csv");
	assert_path("{climb}", "/srv/out/_._.._etc");
	assert_path("{url}", "/srv/out/file:___etc_passwd");
}

TEST(no_part_begins_with_a_dot)
{
	assert_path("{net}/{net}.{net}", "/srv/out/_NET/_NET..NET");
	assert_path("/srv/out/{net}", "/srv/out/_NET");
	assert_path("a.b/c..d", "/srv/out/a.b/c..d");
	assert_path("s3://bucket/{net}/.x", "s3://bucket/.NET/.x");
	assert_refused(".aws/credentials", "\".aws/credentials\" begins");
	assert_refused("a/.{net}", "\"..NET\" begins with a dot");
	assert_refused(".", "begins with a dot");
	assert_refused("z/.", "begins with a dot");
	assert_refused("/srv/out/a//.x", "\".x\" begins with a dot");
}

TEST(nothing_climbs_out_of_the_root)
{
	static const char *const templates[] = {"../x", "a/../../x", "..",
	    "a/..", "a/../b", "/srv/out/../x", "file:///srv/out/../x", "{up}/x",
	    "{up}", "a/{up}/b", "{dot}{dot}/x", "x/{dot}.", ".{dot}/x",
	    "{dot}"};

	for (size_t i = 0; i < COUNT(templates); i++) {
		struct err e;
		char *path = path_below("/srv/out", templates[i], &e);

		assert_null(path);
		assert_int_equal(e.kind, ERR_PERMANENT);
	}
	assert_refused("a/../b", "climbs out with ..");
}

TEST(absolute_paths_lie_below_the_root)
{
	assert_path("/srv/out/a/b.csv", "/srv/out/a/b.csv");
	assert_path("file:///srv/out/a.csv", "/srv/out/a.csv");
	assert_path("/srv/out//a.csv", "/srv/out/a.csv");
	assert_refused("/etc/passwd", "lies outside of output_root");
	assert_refused("/srv/outside/x", "lies outside of output_root");
	assert_refused("/srv/out", "lies outside of output_root");
	assert_refused("/srv/ou", "lies outside of output_root");
	assert_refused("//srv/out/x", "lies outside of output_root");
	assert_refused("file:///etc/passwd", "lies outside of output_root");
}

TEST(objects_of_s3_have_a_bucket_that_stands_there)
{
	assert_path("s3://bucket/x.csv", "s3://bucket/x.csv");
	assert_path("s3://bucket/{report_name}/%Y/{slash} {letters}",
	    "s3://bucket/sales/2026/a_b\\c \xC3\xA9t\xC3\xA9 \xE6\x97\xA5");
	assert_refused("s3://{report_name}/x", "the bucket must stand there");
	assert_refused("s3://bucket%Y/x", "the bucket must stand there");
	assert_refused("s3://bu/x", "is not a bucket's name");
	assert_refused("s3://bucket//x", "is empty");
	assert_refused("s3://bucket/a/../x", "\"..\"");
	assert_refused("s3://bucket/.{dot}/x", "would leave");
	assert_refused("s3://bucket/", "names no object");
	assert_refused("s3://bucket/{bell}", "control character");
	assert_refused("s3://bucket/a\tb", "control character");
}

TEST(where_there_is_no_root_there_are_no_files)
{
	struct err e = {.text = ""};
	char *path = path_below("", "s3://bucket/x", &e);

	assert_string_equal(path, "s3://bucket/x");
	free(path);
	assert_null(path_below("", "x.csv", &e));
	assert_err_has(&e, "output_root is missing");
}

TEST(other_places_are_not_taken_for_names_of_files)
{
	assert_refused("mailto:a@b.org", "notify_on_completion");
	assert_refused("file://srv/out/x.csv", "file://");
}

TEST(the_roots_own_form_does_not_matter)
{
	static const struct {
		const char *root, *template, *path;
	} cases[] = {
	    {"/srv/out/", "x", "/srv/out/x"},
	    {"/srv/out///", "/srv/out/x", "/srv/out/x"},
	    {"/", "/x", "/x"},
	    {"/srv/.out", "/srv/.out/x", "/srv/.out/x"},
	    {"/srv/.out", "x", "/srv/.out/x"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {.text = ""};
		char *path = path_below(cases[i].root, cases[i].template, &e);

		assert_err(&e, "");
		assert_string_equal(path, cases[i].path);
		free(path);
	}
}

TEST(a_root_may_have_a_dot_in_its_own_path)
{
	struct err e = {.text = ""};
	char *path = path_below("/srv/.out", "/srv/.out/a.csv", &e);

	assert_err(&e, "");
	assert_string_equal(path, "/srv/.out/a.csv");
	free(path);
}

static int check_grant(const char *prefixes, const char *place, struct err *e)
{
	json_t *list = json_loads(prefixes, JSON_DECODE_ANY, NULL);
	int rc = template_check_grant("/srv/out", place, list, e);

	json_decref(list);
	return rc;
}

TEST(grants_match_whole_segments)
{
	static const struct {
		const char *prefixes, *place;
		int rc;
	} cases[] = {
	    {"null", "/srv/out/x", 0},
	    {"[\"finance/\"]", "/srv/out/finance/a.csv", 0},
	    {"[\"finance\"]", "/srv/out/finance/b/a.csv", 0},
	    {"[\"finance\"]", "/srv/out//finance//a.csv", 0},
	    {"[\"finance/q\"]", "/srv/out/finance/q1.csv", -1},
	    {"[\"finance\"]", "/srv/out/finance2/a.csv", -1},
	    {"[\"finance/\"]", "/srv/out/hr/finance/a.csv", -1},
	    {"[\"finance/q1.csv\"]", "/srv/out/finance/q1.csv", 0},
	    {"[\"hr\", \"finance/2026\"]", "/srv/out/finance/2026/a", 0},
	    {"[\"hr\", \"finance/2026\"]", "/srv/out/finance/a", -1},
	    {"[\"/srv/out/hr\"]", "/srv/out/hr/a", 0},
	    {"[\"file:///srv/out/hr\"]", "/srv/out/hr/a", 0},
	    {"[\"/\"]", "/srv/out/hr/a", 0},
	    {"[\"/\"]", "s3://bucket/a", -1},
	    {"[\"s3://bucket/r/\"]", "s3://bucket/r/a", 0},
	    {"[\"s3://bucket/r\"]", "s3://bucket/r/a", 0},
	    {"[\"s3://bucket/r\"]", "s3://bucket/r2/a", -1},
	    {"[\"s3://bucket/\"]", "s3://bucket2/a", -1},
	    {"[\"s3://buck\"]", "s3://bucket/a", -1},
	    {"[\"s3://bucket/r/\"]", "/srv/out/s3:/bucket/r/a", -1},
	    {"[\"s3:/bucket/r/\"]", "s3://bucket/r/a", -1},
	    {"[]", "/srv/out/a", -1},
	    {"[\"\"]", "/srv/out/a", -1},
	    {"[null, 1]", "/srv/out/a", -1},
	    {"\"finance/\"", "/srv/out/finance/a", -1},
	    {"{}", "/srv/out/a", -1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {.text = ""};

		if (check_grant(cases[i].prefixes, cases[i].place, &e) !=
		    cases[i].rc)
			fail_msg("%s of %s: %s", cases[i].place,
			    cases[i].prefixes, e.text);
	}
}

TEST(no_name_leads_a_default_path_to_what_others_are_granted)
{
	static const struct {
		const char *template, *place, *own, *others;
		int rc;
	} cases[] = {
	    {"{report_name}/x", "/srv/out/hr/x", "[]", "[\"hr/\"]", -1},
	    {"{report_name}/x", "/srv/out/hr/x", "[\"hr/\"]", "[\"hr/\"]", 0},
	    {"{report_name}/x", "/srv/out/hr2/x", "[]", "[\"hr/\"]", 0},
	    {"{report_name}/x", "/srv/out/hr/x", "[]", "[\"hr/deep/\"]", 0},
	    {"{report_name}/x", "/srv/out/hr/x", "null", "[\"hr/\"]", 0},
	    {"{report_name}/x", "/srv/out/hr/x", "[]", "null", 0},
	    /* The template itself leads into the others' folder, not a value in
	     * it. */
	    {"{report_name}/x", "/srv/out/hr/x", "[]", "[\"/\"]", 0},
	    {"hr/{report_name}", "/srv/out/hr/x", "[]", "[\"hr/\"]", 0},
	    {"hr/{report_name}/x", "/srv/out/hr/pay/x", "[]", "[\"hr/pay/\"]",
		-1},
	    {"a{report_name}/x", "/srv/out/ax/x", "[]", "[\"ax/\"]", -1},
	    {"{report_name}/x", "/srv/out/a/x", "[]", "[\"a/\"]", -1},
	    {"{report_name}/x", "/srv/out/b/x", "[]", "[\"b/\"]", -1},
	    {"{partition}/x", "/srv/out/hr/x", "[]", "[\"hr/\"]", -1},
	    {"s3://b-1/{report_name}/x", "s3://b-1/hr/x", "[]",
		"[\"s3://b-1/hr/\"]", -1},
	    {"s3://b-1/{report_name}/x", "s3://b-1/hr/x", "[]",
		"[\"s3://b-1/\"]", 0},
	    {"/srv/out/{report_name}/x", "/srv/out/hr/x", "[]",
		"[\"file:///srv/out/hr/\"]", -1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {.text = ""};
		json_t *own = json_loads(cases[i].own, JSON_DECODE_ANY, NULL);
		json_t *others =
		    json_loads(cases[i].others, JSON_DECODE_ANY, NULL);

		if (template_check_default("/srv/out", cases[i].template,
			cases[i].place, own, others, &e) != cases[i].rc)
			fail_msg("%s of %s, others %s: %s", cases[i].place,
			    cases[i].template, cases[i].others, e.text);
		json_decref(own);
		json_decref(others);
	}
}

TEST(what_is_not_granted_is_said_with_its_mend)
{
	struct err e = {.text = ""};

	check_grant("[\"hr/\", \"s3://b/\"]", "/srv/out/x.csv", &e);
	assert_err(&e,
	    "output_path \"/srv/out/x.csv\" lies in no place that the report's "
	    "owner may write to (\"hr/\", \"s3://b/\"); write below one of "
	    "them, or have an operator grant it with reportd.grant_path");
	assert_int_equal(e.kind, ERR_PERMANENT);
	check_grant("[]", "/srv/out/x.csv", &e);
	assert_err_has(&e, "(none is granted)");
}

TEST(a_template_is_a_file)
{
	assert_refused("", "names no file");
	assert_refused("a/", "names no file");
	assert_refused("/srv/out/", "names no file");
}

TEST(control_characters_are_refused)
{
	assert_refused("{bell}", "\"{bell}\" holds a control character");
	assert_refused("{del}", "\"{del}\" holds a control character");
	assert_refused("{newline}", "\"{newline}\" holds a control character");
	assert_refused("a\nb", "output_path holds a control character");
	assert_refused("a\x7F", "output_path holds a control character");
}

TEST(mistakes_in_a_template_are_said)
{
	assert_refused("{nosuch}.csv", "unknown name \"{nosuch}\"; known are");
	assert_refused("{}.csv", "unknown name \"{}\"");
	assert_refused("{report}.csv", "unknown name \"{report}\"");
	assert_refused("{report_name_}.csv", "unknown name");
	assert_refused("{report_name", "a brace without its partner");
	assert_refused("report_name}", "a brace without its partner");
	assert_refused("{report_name}}", "a brace without its partner");
	assert_refused("{empty}.csv", "\"{empty}\" is empty");
	assert_refused("{null}.csv", "\"{null}\" is empty");
	assert_refused("%q.csv", "unknown code \"%q\"");
	assert_refused("%-d.csv", "unknown code \"%-\"");
	assert_refused("x%", "unknown code");
}

TEST(a_local_path_does_not_look_like_another_address)
{
	assert_refused("MAILTO:a@b", "takes no mailto: address");
	assert_refused("1a://x", "unknown scheme \"1a://\"");
	assert_refused("{report_name}://x", "unknown scheme");
	assert_refused("x:/y", "two slashes belong after \"x:\"");
	assert_refused("S3:x", "two slashes belong after \"S3:\"");
	assert_refused("file:x", "two slashes belong after \"file:\"");
}

TEST(a_root_is_asked_for_where_it_is_needed)
{
	struct err e;

	assert_int_equal(template_check_root("{report_name}", NULL, &e), -1);
	assert_err(&e,
	    "[reportd] output_root is missing; write for example output_root "
	    "= /var/lib/reportd/output, or begin output as in "
	    "s3://bucket/key");
	assert_int_equal(template_check_root("file:///a/b", NULL, &e), -1);
	assert_int_equal(template_check_root("stdout:", NULL, &e), -1);
	assert_int_equal(template_check_root("{report_name}", "/o", &e), 0);
	assert_int_equal(template_check_root("s3://abc/{owner}", NULL, &e), 0);
}

TEST(a_path_that_is_too_long_is_refused)
{
	char *long_name = mem_zalloc(5001);

	memset(long_name, 'x', 5000);
	assert_refused(long_name, "output_path is longer than 4096 bytes");
	free(long_name);
}

TEST(urls_escape_what_would_end_them)
{
	static const struct {
		const char *path, *url;
	} cases[] = {
	    {"/srv/out/a.csv", "file:///srv/out/a.csv"},
	    {"/a b/50%/c#1?.csv", "file:///a%20b/50%25/c%231%3F.csv"},
	    {"/\"<>", "file:///%22%3C%3E"},
	    {"/\xC3\xA9", "file:///\xC3\xA9"},
	    {"s3://abc/a b/50%25#", "s3://abc/a%20b/50%2525%23"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *url = place_url(cases[i].path), *path;

		assert_string_equal(url, cases[i].url);
		path = place_of_url(url);
		assert_string_equal(path, cases[i].path);
		free(path);
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nobody_sees_is_an_underscore_in_a_name),
	    cmocka_unit_test(names_are_replaced_by_values),
	    cmocka_unit_test(codes_are_replaced_by_the_time),
	    cmocka_unit_test(a_slash_in_a_value_is_no_directory),
	    cmocka_unit_test(no_part_begins_with_a_dot),
	    cmocka_unit_test(nothing_climbs_out_of_the_root),
	    cmocka_unit_test(absolute_paths_lie_below_the_root),
	    cmocka_unit_test(objects_of_s3_have_a_bucket_that_stands_there),
	    cmocka_unit_test(where_there_is_no_root_there_are_no_files),
	    cmocka_unit_test(other_places_are_not_taken_for_names_of_files),
	    cmocka_unit_test(the_roots_own_form_does_not_matter),
	    cmocka_unit_test(a_root_may_have_a_dot_in_its_own_path),
	    cmocka_unit_test(grants_match_whole_segments),
	    cmocka_unit_test(what_is_not_granted_is_said_with_its_mend),
	    cmocka_unit_test(
		no_name_leads_a_default_path_to_what_others_are_granted),
	    cmocka_unit_test(a_template_is_a_file),
	    cmocka_unit_test(control_characters_are_refused),
	    cmocka_unit_test(mistakes_in_a_template_are_said),
	    cmocka_unit_test(a_local_path_does_not_look_like_another_address),
	    cmocka_unit_test(a_root_is_asked_for_where_it_is_needed),
	    cmocka_unit_test(a_path_that_is_too_long_is_refused),
	    cmocka_unit_test(urls_escape_what_would_end_them),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
