/* SPDX-License-Identifier: MIT */
#include "http/head.h"

#include <string.h>

#include "helper.h"

static char bytes[HEAD_MAX + 8];

static int read_head(const char *text, struct head *h)
{
	size_t len = strlen(text);

	memcpy(bytes, text, len);
	return head_read(bytes, len, h);
}

#define REST "Host: a\r\n\r\n"

TEST(a_request_is_read)
{
	struct head h;

	assert_int_equal(
	    read_head("POST /a%20b/c?x=1&y HTTP/1.1\r\nhost:  a \t\r\n"
		      "Content-Length: 12\r\nAuthorization: Bearer t\r\n"
		      "Expect: 100-Continue\r\nX-Other: any\xff\r\n\r\nbody",
		&h),
	    1);
	assert_int_equal(h.method, METHOD_POST);
	assert_string_equal(h.path, "/a b/c");
	assert_string_equal(h.query, "x=1&y");
	assert_string_equal(h.host, "a");
	assert_string_equal(h.authorization, "Bearer t");
	assert_int_equal(h.length, 12);
	assert_true(h.keep_alive && h.expects);
	assert_string_equal(bytes + h.size, "body");
}

TEST(every_part_of_a_head_asks_for_more)
{
	static const char whole[] = "GET / HTTP/1.1\r\n" REST;
	struct head h;

	for (size_t n = 0; n + 1 < sizeof(whole); n++) {
		memcpy(bytes, whole, n);
		assert_int_equal(head_read(bytes, n, &h), 0);
		assert_memory_equal(bytes, whole, n);
	}
	assert_int_equal(read_head(whole, &h), 1);
}

TEST(a_connection_ends_as_the_client_says)
{
	struct head h;

	assert_int_equal(read_head("GET / HTTP/1.0\r\n" REST, &h), 1);
	assert_false(h.keep_alive);
	assert_int_equal(
	    read_head("GET / HTTP/1.1\r\nConnection: TE, Close\r\n" REST, &h),
	    1);
	assert_false(h.keep_alive);
	assert_int_equal(
	    read_head("GET / HTTP/1.1\r\nConnection: closed\r\n" REST, &h), 1);
	assert_true(h.keep_alive);
}

TEST(what_could_be_read_in_two_ways_is_refused)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
	    {"GET / HTTP/1.1\r\n\r\n", 400},
	    {"\r\nGET / HTTP/1.1\r\n" REST, 400},
	    {"GET / HTTP/1.1\nHost: a\n\n", 400},
	    {"GET / HTTP/1.1\r\nHost: a\r\rX: b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n: a\r\n" REST, 400},
	    {"GET / HTTP/1.1\r\nHost: a\r\n" REST, 400},
	    {"GET / HTTP/1.1 \r\n" REST, 505},
	    {"GET / HTTP/1.10\r\n" REST, 505},
	    {"GET / HTTP/3\r\n" REST, 505},
	    {"GET /\r\n" REST, 400},
	    {"GET  / HTTP/1.1\r\n" REST, 400},
	    {"GET\t/ HTTP/1.1\r\n" REST, 400},
	    {"GET * HTTP/1.1\r\n" REST, 400},
	    {"GET /#a HTTP/1.1\r\n" REST, 400},
	    {"GET /%0a HTTP/1.1\r\n" REST, 400},
	    {"GET /%c0%af HTTP/1.1\r\n" REST, 400},
	    {"TRACE / HTTP/1.1\r\n" REST, 501},
	    {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: "
	     "2\r\n" REST,
		400},
	    {"POST / HTTP/1.1\r\nContent-Length: 1 1\r\n" REST, 400},
	    {"POST / HTTP/1.1\r\nContent-Length: \r\n" REST, 400},
	    {"POST / HTTP/1.1\r\nContent-Length: 9999999999999999\r\n" REST,
		413},
	    {"POST / HTTP/1.1\r\nTransfer-Encoding: \x0b"
	     "chunked\r\n" REST,
		400},
	    {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" REST, 501},
	    {"POST / HTTP/1.1\r\nExpect: magic\r\n" REST, 417},
	    {"GET / HTTP/1.1\r\nContent-Length: 3\r\n" REST, 400},
	};
	struct head h;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(read_head(bad[i].text, &h), -1);
		assert_int_equal(h.status, bad[i].status);
		assert_non_null(h.why);
	}
}

TEST(a_head_that_does_not_end_is_refused)
{
	struct head h;

	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(head_read(bytes, HEAD_MAX - 1, &h), 0);
	assert_int_equal(head_read(bytes, HEAD_MAX, &h), -1);
	assert_int_equal(h.status, 431);
}

TEST(a_query_is_taken_pair_by_pair)
{
	char text[] = "a=1&&b=x%20y+z&c&=d&e=f=g&%c3%a4=%e2%82%ac";
	static const char *const pairs[][2] = {{"a", "1"}, {"b", "x y z"},
	    {"c", ""}, {"", "d"}, {"e", "f=g"}, {"\u00e4", "\u20ac"}};
	char bad[] = "a=%zz";
	char *query = text, *name, *value;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		assert_int_equal(head_next_pair(&query, &name, &value), 1);
		assert_string_equal(name, pairs[i][0]);
		assert_string_equal(value, pairs[i][1]);
	}
	assert_int_equal(head_next_pair(&query, &name, &value), 0);
	query = bad;
	assert_int_equal(head_next_pair(&query, &name, &value), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_read),
	    cmocka_unit_test(every_part_of_a_head_asks_for_more),
	    cmocka_unit_test(a_connection_ends_as_the_client_says),
	    cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
	    cmocka_unit_test(a_head_that_does_not_end_is_refused),
	    cmocka_unit_test(a_query_is_taken_pair_by_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
