/* SPDX-License-Identifier: MIT */
#include "net/aws/credentials.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helper.h"
#include "web.h"

/* A container endpoint that issues keys; the pages of one path are its
 * successive answers. */
#define NOW 1700000000
#define HOUR 3600
static time_t now;

time_t __wrap_time(time_t *t);
time_t __wrap_time(time_t *t)
{
	if (t != NULL)
		*t = now;
	return now;
}

#define ANSWER(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define KEYS(id, ends)                                                      \
	ANSWER("{\"AccessKeyId\": \"" id "\", \"SecretAccessKey\": \"s-" id \
	       "\", \"Token\": \"t-" id "\", \"Expiration\": \"" ends "\"}")

/* NOW is 2023-11-14T22:13:20Z. */
static const struct web_page pages[] = {
    {"/hour", KEYS("A", "2023-11-14T23:13:20Z"), .cut = true, .times = 1},
    {"/hour", KEYS("B", "2023-11-15T00:13:20Z"), .cut = true, .times = 1},
    {.path = "/hour",
	.reply = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"},
    {"/ends", KEYS("A", "2023-11-14T23:13:20Z"), .cut = true, .times = 1},
    {.path = "/ends",
	.reply = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"},
    {"/ever", ANSWER("{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\"}"),
	.cut = true, .times = 1},
    {"/ever", ANSWER("{\"AccessKeyId\": \"B\", \"SecretAccessKey\": \"s\"}"),
	.cut = true},
    /* The endpoint's clock is an hour ahead. */
    {"/ahead",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n"
	"Date: Tue, 14 Nov 2023 23:13:20 GMT\r\n\r\n"
	"{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", "
	"\"Expiration\": \"2023-11-15T00:13:20Z\"}",
	.cut = true, .times = 1},
    {"/ahead", KEYS("B", "2023-11-15T01:13:20Z"), .cut = true},
    {"/odd", ANSWER("not a JSON object s3cret"), .cut = true, .times = 1},
    {"/odd", ANSWER("{\"Code\": \"Failed\", \"Message\": \"no role\"}"),
	.cut = true, .times = 1},
    {"/odd", ANSWER("{\"AccessKeyId\": \"A\"}"), .cut = true},
    {.path = NULL},
};
static struct web web;
static struct http *http;

static int start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	web_start(&web, pages);
	http = http_open();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	http_close(http);
	web_stop(&web);
	return 0;
}

static struct credentials *from(const char *path)
{
	char url[100];

	now = NOW;
	snprintf(url, sizeof(url), "%s%s", web.url, path);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	return credentials_open(&(struct credentials_options){.http = http});
}

/* Returns the access key, or "" when there is none. */
static const char *get(struct credentials *c, int64_t *ends, struct err *e)
{
	const struct sigv4_key *key = credentials_get(c, ends, e);

	return key ? key->access_key : "";
}

TEST(keys_are_kept_and_renewed_before_they_end)
{
	struct credentials *c = from("/hour");
	struct err e;
	int64_t ends;

	assert_string_equal(get(c, &ends, &e), "A");
	assert_int_equal(ends, NOW + HOUR);
	assert_string_equal(credentials_get(c, &ends, &e)->secret_key, "s-A");
	assert_string_equal(
	    credentials_get(c, &ends, &e)->session_token, "t-A");
	/* Keys are renewed in their last quarter, or earlier by up to a quarter
	 * of it. */
	now = NOW + HOUR - 900 - 226;
	assert_string_equal(get(c, &ends, &e), "A");
	now = NOW + HOUR - 900;
	assert_string_equal(get(c, &ends, &e), "B");
	assert_int_equal(ends, NOW + 2 * HOUR);
	credentials_free(c);
}

TEST(keys_that_are_still_good_are_used_when_there_are_no_new_ones)
{
	struct credentials *c = from("/ends");
	struct err e;
	int64_t ends;

	assert_string_equal(get(c, &ends, &e), "A");
	now = NOW + HOUR - 300;
	assert_string_equal(get(c, &ends, &e), "A");
	now = NOW + HOUR - 1;
	assert_string_equal(get(c, &ends, &e), "A");
	now = NOW + HOUR + 100;
	assert_string_equal(get(c, &ends, &e), "");
	assert_err(&e, "AWS credentials: container: its endpoint: HTTP 404");
	credentials_free(c);
}

TEST(keys_that_do_not_end_are_asked_for_once_unless_refused)
{
	struct credentials *c = from("/ever");
	struct err e;
	int64_t ends = 1;

	assert_string_equal(get(c, &ends, &e), "A");
	assert_int_equal(ends, 0);
	now += 365 * 24 * HOUR;
	assert_string_equal(get(c, &ends, &e), "A");
	credentials_refuse(c);
	assert_string_equal(get(c, &ends, &e), "B");
	credentials_free(c);
}

TEST(their_end_is_by_the_clock_of_who_made_them)
{
	struct credentials *c = from("/ahead");
	struct err e;
	int64_t ends;

	assert_string_equal(get(c, &ends, &e), "A");
	assert_int_equal(ends, NOW + 2 * HOUR);
	now = NOW + HOUR - 900 - 226;
	assert_string_equal(get(c, &ends, &e), "A");
	now = NOW + HOUR - 900;
	assert_string_equal(get(c, &ends, &e), "B");
	credentials_free(c);
}

TEST(odd_answers_are_errors_that_tell_no_secret)
{
	static const char *const says[] = {"the answer is no JSON object",
	    "the answer holds no keys, but Failed: no role",
	    "the answer holds no keys, but Success: "};
	struct credentials *c = from("/odd");
	int64_t ends;

	for (size_t i = 0; i < COUNT(says); i++) {
		struct err e;

		assert_string_equal(get(c, &ends, &e), "");
		assert_int_equal(e.kind, ERR_TRANSIENT);
		assert_err_has(&e, says[i]);
		assert_null(strstr(e.text, "s3cret"));
	}
	credentials_free(c);
}

TEST(the_environment_comes_first)
{
	struct credentials *c = from("/none");
	struct err e;
	int64_t ends;

	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	assert_string_equal(get(c, &ends, &e), "");
	assert_err(&e, "AWS credentials: AWS_ACCESS_KEY_ID is set, but "
		       "AWS_SECRET_ACCESS_KEY is not");
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	assert_string_equal(get(c, &ends, &e), "E");
	assert_null(credentials_get(c, &ends, &e)->session_token);
	setenv("AWS_SESSION_TOKEN", "t", 1);
	credentials_refuse(c);
	assert_string_equal(credentials_get(c, &ends, &e)->session_token, "t");
	credentials_free(c);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unsetenv("AWS_SESSION_TOKEN");
}

TEST(the_region_is_the_first_that_somebody_says)
{
	char *dir = dir_make(), path[300], *region;
	FILE *f;

	snprintf(path, sizeof(path), "%s/config", dir);
	f = fopen(path, "w");
	fputs("[default]\nregion=a-1\n[profile p]\nregion = b-1\n", f);
	fclose(f);
	setenv("AWS_CONFIG_FILE", path, 1);
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	region = credentials_region(NULL, NULL);
	assert_string_equal(region, "a-1");
	free(region);
	region = credentials_region(NULL, "p");
	assert_string_equal(region, "b-1");
	free(region);
	assert_null(credentials_region(NULL, "none"));
	setenv("AWS_DEFAULT_REGION", "c-1", 1);
	region = credentials_region(NULL, "p");
	assert_string_equal(region, "c-1");
	free(region);
	setenv("AWS_REGION", "d-1", 1);
	region = credentials_region(NULL, "p");
	assert_string_equal(region, "d-1");
	free(region);
	region = credentials_region("e-1", "p");
	assert_string_equal(region, "e-1");
	free(region);
	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_kept_and_renewed_before_they_end),
	    cmocka_unit_test(
		keys_that_are_still_good_are_used_when_there_are_no_new_ones),
	    cmocka_unit_test(
		keys_that_do_not_end_are_asked_for_once_unless_refused),
	    cmocka_unit_test(their_end_is_by_the_clock_of_who_made_them),
	    cmocka_unit_test(odd_answers_are_errors_that_tell_no_secret),
	    cmocka_unit_test(the_environment_comes_first),
	    cmocka_unit_test(the_region_is_the_first_that_somebody_says),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
