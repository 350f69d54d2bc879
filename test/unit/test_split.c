/* SPDX-License-Identifier: MIT */
#include "input/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "place/https/scheme.h"
#include "settings/urls.h"

static int add_line(void *arg, const char *text, size_t len, struct err *e)
{
	struct buf *lines = arg;

	(void)e;
	buf_add(lines, text, len);
	buf_char(lines, '\n');
	return 0;
}

/* Feeds the document in two pieces, from memory of exactly their size. Returns
 * the rest; NULL with *e. */
static json_t *split_at(
    struct split *s, const char *text, size_t len, size_t at, struct err *e)
{
	char *one = mem_alloc(at + 1), *two = mem_alloc(len - at + 1);
	json_t *rest = NULL;

	memcpy(one, text, at);
	memcpy(two, text + at, len - at);
	if (split_feed(s, one, at, e) == 0 &&
	    split_feed(s, two, len - at, e) == 0)
		rest = split_end(s, e);
	free(one);
	free(two);
	return rest;
}

static void expect(
    const char *text, const char *items, const char *lines, const char *rest)
{
	size_t len = strlen(text);

	for (size_t at = 0; at <= len; at++) {
		struct buf out;
		struct split *s;
		struct err e = {.text = ""};
		json_t *left;
		char *dump;

		buf_init(&out, 1 << 20);
		s = split_open(items, add_line, &out);
		left = split_at(s, text, len, at, &e);
		assert_string_equal(e.text, "");
		assert_non_null(left);
		dump = json_dumps(left, JSON_COMPACT);
		assert_string_equal(dump, rest);
		assert_string_equal(out.len ? out.data : "", lines);
		free(dump);
		json_decref(left);
		split_free(s);
		buf_free(&out);
	}
}

TEST(elements_are_parted_from_the_rest_wherever_pieces_end)
{
	expect("{\"a\":[{\"x\":1},{\"y\":[\"]\",{}]}],\"n\":\"u\"}", "/a",
	    "{\"x\":1}\n{\"y\":[\"]\",{}]}\n", "{\"a\":[],\"n\":\"u\"}");
	expect(" [ { \"x\" : \"a,]\\\"\\\\\" } \n, {\n} ] ", "",
	    "{ \"x\" : \"a,]\\\"\\\\\" }\n{ }\n", "[]");
	expect("{\"a\":{\"a\":[{}]}}", "/a/a", "{}\n", "{\"a\":{\"a\":[]}}");
	expect("{\"b\":{\"a\":[true]},\"a\":[{}]}", "/a", "{}\n",
	    "{\"b\":{\"a\":[true]},\"a\":[]}");
	expect("{\"b\":[{\"a\":[{}]}],\"\\u0061\":[]}", "/a", "",
	    "{\"b\":[{\"a\":[{}]}],\"a\":[]}");
	expect("{\"x\":\"a\",\"a\":[{\"h\":\"\\ud800\"}]}", "/a",
	    "{\"h\":\"\\ufffd\"}\n", "{\"x\":\"a\",\"a\":[]}");
}

TEST(numbers_stay_as_they_are)
{
	expect("[{\"n\":1.10,\"m\":123456789012345678901234567890}]", "",
	    "{\"n\":1.10,\"m\":123456789012345678901234567890}\n", "[]");
}

static void refused(const char *text, const char *items)
{
	size_t len = strlen(text);

	for (size_t at = 0; at <= len; at++) {
		struct buf out;
		struct split *s;
		struct err e = {.text = ""};

		buf_init(&out, 1 << 20);
		s = split_open(items, add_line, &out);
		assert_null(split_at(s, text, len, at, &e));
		assert_string_not_equal(e.text, "");
		split_free(s);
		buf_free(&out);
	}
}

TEST(what_is_no_json_is_refused_wherever_pieces_end)
{
	static const char *const wrong[] = {"", "{}", "{\"a\":1}", "{\"a\":[{}",
	    "{\"a\":[{}]", "{\"a\":[{}]]", "{\"a\":[,{}]}", "{\"a\":[{},]}",
	    "{\"a\":[{}{}]}", "{\"a\":[{}],\"a\":[]}", "{\"a\":[1]}",
	    "{\"a\":[{]}]}", "{\"a\":[{\"x\":tru}]}", "{\"a\":[]}}",
	    "{\"a\":[]} x", "[{\"a\":[{}]}]", "{\"a\" [{}]}",
	    "{\"a\":[{\"x\":\"\xff\"}]}"};

	for (size_t i = 0; i < COUNT(wrong); i++)
		refused(wrong[i], "/a");
}

TEST(an_element_has_a_longest_length)
{
	char *piece = mem_alloc(1 << 20);
	struct split *s;
	struct buf out;
	struct err e = {.text = ""};
	int rc = 0;

	memset(piece, 'x', 1 << 20);
	buf_init(&out, 1 << 20);
	s = split_open("", add_line, &out);
	assert_int_equal(split_feed(s, "[{\"x\":\"", 7, &e), 0);
	for (int i = 0; i < 17 && rc == 0; i++)
		rc = split_feed(s, piece, 1 << 20, &e);
	assert_int_equal(rc, -1);
	assert_non_null(strstr(e.text, "16 MB"));
	split_free(s);
	buf_free(&out);
	free(piece);
}

TEST(a_pointer_leads_through_objects)
{
	json_t *v = json_loads("{\"a/b\":{\"~\":5},\"l\":[1]}", 0, NULL);

	assert_int_equal(json_integer_value(split_find(v, "/a~1b/~0")), 5);
	assert_ptr_equal(split_find(v, ""), v);
	assert_null(split_find(v, "/l/0"));
	assert_null(split_find(v, "/none"));
	json_decref(v);
}

TEST(a_url_has_one_meaning)
{
	static const char *const wrong[] = {"http://a.org/", "https://a.org",
	    "https:///x", "https://A.org/", "https://u@a.org/",
	    "https://a.org/..", "https://a.org/x/./y", "https://a.org//x",
	    "https://a.org/%2e%2E/x", "https://a.org/x%2Fy",
	    "https://a.org/x%5cy", "https://a.org/x\\y", "https://a.org/#x",
	    "https://a.org/ x", "https://a.org/\n", "https://a.org?x/",
	    "https://.org/"};
	struct err e;

	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(https_check(wrong[i], &e), -1);
	assert_int_equal(https_check("https://a.org/x?q=../%2e", &e), 0);
	assert_int_equal(https_check("https://[::1]:8443/x", &e), 0);
}

static void count(void *arg, const char *header)
{
	strcat(arg, header);
	strcat(arg, ";");
}

TEST(a_list_of_urls_holds_what_lies_below)
{
	const char *list = "https://a.org/x/, https://b.org:8443/";
	const char *headers = "https://a.org/x/=A: 1=2,https://a.org/=B: c d";
	char got[100] = "";
	struct err e;

	assert_int_equal(urls_check(list, &e), 0);
	assert_int_equal(urls_check_headers(headers, &e), 0);
	assert_true(urls_hold(list, "https://a.org/x/y"));
	assert_false(urls_hold(list, "https://a.org/xy"));
	assert_false(urls_hold(list, "https://b.org/"));
	assert_false(urls_hold(NULL, "https://b.org/"));
	urls_headers(headers, "https://a.org/x/y", count, got);
	assert_string_equal(got, "A: 1=2;B: c d;");
	got[0] = '\0';
	urls_headers(headers, "https://a.org.evil/", count, got);
	assert_string_equal(got, "");
	assert_int_equal(urls_check("https://a.org", &e), -1);
	assert_int_equal(urls_check("https://u@a.org/", &e), -1);
	assert_int_equal(urls_check_headers("https://a.org/=x", &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		elements_are_parted_from_the_rest_wherever_pieces_end),
	    cmocka_unit_test(numbers_stay_as_they_are),
	    cmocka_unit_test(what_is_no_json_is_refused_wherever_pieces_end),
	    cmocka_unit_test(an_element_has_a_longest_length),
	    cmocka_unit_test(a_pointer_leads_through_objects),
	    cmocka_unit_test(a_url_has_one_meaning),
	    cmocka_unit_test(a_list_of_urls_holds_what_lies_below),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
