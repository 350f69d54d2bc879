/* SPDX-License-Identifier: MIT */
#include "net/aws/aws.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "helper.h"
#include "net/aws/aws_error.h"
#include "net/aws/aws_redirect.h"
#include "net/aws/endpoint.h"
#include "web.h"

#define FAILS(status, length, body) \
	"HTTP/1.1 " status "\r\nContent-Length: " length "\r\n\r\n" body

#define KEYS(id)              \
	FAILS("200 OK", "46", \
	    "{\"AccessKeyId\": \"" id "\", \"SecretAccessKey\": \"s\"}  ")

static const struct web_page pages[] = {
    {.path = "/fine", .reply = FAILS("200 OK", "2", "ok")},
    {.path = "/slow", .reply = FAILS("200 OK", "2", "ok"), .wait_ms = 300},
    {.path = "/twice", .reply = FAILS("500 Oh", "0", ""), .times = 2},
    {.path = "/twice", .reply = FAILS("200 OK", "2", "ok")},
    {.path = "/down", .reply = FAILS("500 Oh", "0", "")},
    {.path = "/keys", .reply = KEYS("A"), .times = 1},
    {.path = "/keys", .reply = KEYS("B"), .times = 1},
    {.path = "/keys", .reply = KEYS("C")},
    {.path = "/expired",
	.reply =
	    FAILS("400 Bad", "40", "<Error><Code>ExpiredToken</Code></Error>"),
	.wait_ms = 100,
	.times = 4},
    {.path = "/expired", .reply = FAILS("200 OK", "2", "ok")},
    {.path = "/gone", .reply = FAILS("404 Not Found", "0", "")},
    {.path = NULL},
};
static struct web web;

static struct http *http;
static struct credentials *credentials;
static struct aws *aws;

static int start(void **state)
{
	struct err e;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret-key", 1);
	web_start(&web, pages);
	http = http_open();
	credentials =
	    credentials_open(&(struct credentials_options){.http = http});
	aws = aws_open(&(struct aws_options){.http = http,
			   .credentials = credentials,
			   .service = "s3",
			   .region = "eu-west-1",
			   .endpoint = web.url},
	    &e);
	return aws == NULL;
}

static int stop(void **state)
{
	(void)state;
	aws_close(aws);
	credentials_free(credentials);
	http_close(http);
	web_stop(&web);
	return 0;
}

/* ---- calls ---- */

TEST(calls_go_side_by_side_each_with_its_own_repeats)
{
	static const char *const paths[] = {
	    "/fine", "/twice", "/slow", "/slow", "/gone", "/slow"};
	struct aws_call *calls[COUNT(paths)];
	struct err e;

	for (size_t i = 0; i < COUNT(paths); i++)
		calls[i] = aws_start(aws,
		    &(struct aws_request){.method = "GET", .path = paths[i]});
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct aws_answer answer;
		int rc;

		while (!aws_done(calls[i]))
			assert_int_equal(aws_step(aws, 1000, &e), 0);
		rc = aws_take(calls[i], &answer, &e);
		if (strcmp(paths[i], "/gone") == 0) {
			assert_int_equal(rc, -1);
			assert_int_equal(answer.http.status, 404);
			assert_int_equal(e.kind, ERR_PERMANENT);
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(answer.http.body.data, "ok");
		}
		aws_answer_free(&answer);
	}
}

/* Four parallel calls learn that the keys have expired; new keys are fetched
 * only once. */
TEST(keys_that_ended_are_replaced_once_for_all_calls)
{
	char url[100];
	struct credentials *own;
	struct aws_call *calls[4];
	struct aws *a;
	struct err e;
	int64_t ends;

	unsetenv("AWS_ACCESS_KEY_ID");
	snprintf(url, sizeof(url), "%s/keys", web.url);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	own = credentials_open(&(struct credentials_options){.http = http});
	a = aws_open(&(struct aws_options){.http = http,
			 .credentials = own,
			 .service = "s3",
			 .region = "eu-west-1",
			 .endpoint = web.url},
	    &e);
	for (size_t i = 0; i < COUNT(calls); i++)
		calls[i] = aws_start(a,
		    &(struct aws_request){.method = "GET", .path = "/expired"});
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct aws_answer answer;

		while (!aws_done(calls[i]))
			assert_int_equal(aws_step(a, 1000, &e), 0);
		assert_int_equal(aws_take(calls[i], &answer, &e), 0);
		aws_answer_free(&answer);
	}
	assert_string_equal(credentials_get(own, &ends, &e)->access_key, "B");
	aws_close(a);
	credentials_free(own);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
}

/* A caller that waits for one call does not spin because another call is
 * done. */
TEST(a_call_that_is_done_does_not_end_the_waits_of_others)
{
	struct aws_call *fine = aws_start(
	    aws, &(struct aws_request){.method = "GET", .path = "/fine"});
	struct aws_call *slow = aws_start(
	    aws, &(struct aws_request){.method = "GET", .path = "/slow"});
	struct err e;
	int steps = 0;

	while (!aws_done(slow)) {
		assert_int_equal(aws_step(aws, 1000, &e), 0);
		steps++;
	}
	assert_true(aws_done(fine));
	assert_true(steps < 8);
	aws_drop(fine);
	aws_drop(slow);
}

TEST(no_try_begins_after_the_deadline)
{
	struct aws_answer answer;
	struct err e;
	int64_t begun = clock_boot_ms();

	assert_int_equal(aws_send(aws,
			     &(struct aws_request){.method = "GET",
				 .path = "/down",
				 .deadline_ms = begun + 50},
			     &answer, &e),
	    -1);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_true(clock_boot_ms() - begun < 1000);
	aws_answer_free(&answer);
	assert_int_equal(
	    aws_send(aws,
		&(struct aws_request){
		    .method = "GET", .path = "/slow", .deadline_ms = begun + 1},
		&answer, &e),
	    -1);
	assert_err_has(&e, "s3 GET /slow: ");
	aws_answer_free(&answer);
}

TEST(clients_without_a_region_or_with_a_wrong_endpoint_are_none)
{
	struct aws_options o = {.http = http,
	    .credentials = credentials,
	    .service = "sns",
	    .region = "eu-west-1"};
	struct aws *a;
	struct err e;

	a = aws_open(&o, &e);
	assert_string_equal(aws_host(a), "sns.eu-west-1.amazonaws.com");
	aws_close(a);
	o.endpoint = "http://h:8080/";
	a = aws_open(&o, &e);
	assert_string_equal(aws_host(a), "h:8080");
	aws_close(a);
	o.endpoint = "h:8080";
	assert_null(aws_open(&o, &e));
	assert_err(
	    &e, "sns: endpoint h:8080 must begin with https:// or http://");
	o.endpoint = "https://u:p@h";
	assert_null(aws_open(&o, &e));
	o.endpoint = "https://h/path";
	assert_null(aws_open(&o, &e));
	assert_err_has(&e, "and nothing more");
	o.region = NULL;
	assert_null(aws_open(&o, &e));
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "no AWS region");
}

TEST(each_partition_has_its_domain)
{
	static const char *const list[][2] = {
	    {"eu-west-1", "https://sts.eu-west-1.amazonaws.com"},
	    {"us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"},
	    {"cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"},
	    {"us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov"},
	};

	for (size_t i = 0; i < COUNT(list); i++) {
		char *url = endpoint_of("sts", list[i][0]);

		assert_string_equal(url, list[i][1]);
		free(url);
	}
}

/* ---- the content of answers ---- */

struct said {
	int status;
	const char *headers, *body;
	const char *code, *message, *request_id;
	bool throttled, server, expired;
};

static const struct said answers[] = {
    {403, "",
	"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>"
	"<Message>a &amp; b &#228;</Message><RequestId>r1</RequestId>"
	"</Error>",
	"AccessDenied", "a & b \xc3\xa4", "r1", false, false, false},
    {400, "x-amzn-RequestId: r2\r\n",
	"<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type>"
	"<Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
	"</ErrorResponse>",
	"Throttling", "Rate exceeded", "r2", true, false, false},
    {400, "",
	"{\"__type\":\"com.amazonaws.x#ExpiredTokenException\","
	"\"message\":\"m\"}",
	"ExpiredTokenException", "m", "", false, false, true},
    {400, "", " {\"__type\":\"Busy\",\"Message\":\"M\"}", "Busy", "M", "",
	false, false, false},
    {400, "x-amzn-ErrorType: Gone:http://internal/\r\n", "{}", "Gone", "", "",
	false, false, false},
    {503, "x-amz-request-id: r3\r\n", "", "", "", "r3", true, true, false},
    {500, "", "<html>oh</html>", "", "", "", false, true, false},
    {501, "", "not <xml", "", "", "", false, false, false},
    {400, "", "<Error><Code>RequestTimeout</Code></Error>", "RequestTimeout",
	"", "", false, true, false},
    {400, "", "<Error><Code>Broken</Code", "", "", "", false, false, false},
    {400, "", "{\"__type\":", "", "", "", false, false, false},
    {429, "", "", "", "", "", true, false, false},
};

TEST(errors_are_read_in_all_their_forms)
{
	for (size_t i = 0; i < COUNT(answers); i++) {
		const struct said *s = &answers[i];
		struct aws_answer a = {.http.status = s->status};
		struct aws_failure f;

		buf_init(&a.http.body, 10000);
		buf_init(&a.http.headers, 10000);
		buf_printf(&a.http.headers, "HTTP/1.1 %d\r\n%s", s->status,
		    s->headers);
		buf_str(&a.http.body, s->body);
		aws_error_read(&a, &f);
		assert_string_equal(a.code, s->code);
		assert_string_equal(f.message, s->message);
		assert_string_equal(a.request_id, s->request_id);
		assert_int_equal(aws_error_throttled(&a), s->throttled);
		assert_int_equal(aws_error_server(&a), s->server);
		assert_int_equal(aws_error_expired(&a), s->expired);
		aws_failure_free(&f);
		aws_answer_free(&a);
	}
}

TEST(an_answer_may_ask_for_time)
{
	static const struct {
		const char *text;
		int64_t ms;
	} list[] = {{"3", 3000}, {"0", 0}, {"-5", 0}, {"soon", 0},
	    {"Fri, 24 May 2013 00:00:10 GMT", 10000},
	    {"Fri, 24 May 2013 00:00:00 GMT", 0}, {"999999999", 86400000}};

	for (size_t i = 0; i < COUNT(list); i++) {
		struct aws_answer a = {0};

		buf_init(&a.http.headers, 1000);
		buf_printf(&a.http.headers, "HTTP/1.1 503 x\r\nRetry-After: %s",
		    list[i].text);
		assert_int_equal(
		    aws_error_retry_after(&a, 1369353600), list[i].ms);
		aws_answer_free(&a);
	}
}

TEST(text_is_found_in_xml)
{
	static const char xml[] =
	    "<a:R xmlns:a='x'><Key>1 &lt; 2</Key><a:Id>7</a:Id>"
	    "<Deep><x>p</x>q</Deep><Key>2</Key><Empty/></a:R>";
	static const char *const list[][2] = {
	    {"Key", "1 < 2"}, {"Id", "7"}, {"Deep", "pq"}, {"Empty", ""}};

	for (size_t i = 0; i < COUNT(list); i++) {
		char *text = aws_xml_text(xml, sizeof(xml) - 1, list[i][0]);

		assert_string_equal(text, list[i][1]);
		free(text);
	}
	assert_null(aws_xml_text(xml, sizeof(xml) - 1, "None"));
	assert_null(aws_xml_text("<Key>cut", 8, "Key"));
	assert_null(aws_xml_text(NULL, 0, "Key"));
}

TEST(an_error_is_one_whatever_the_status)
{
	static const char error[] =
	    "<Error><Code>InternalError</Code><Message>m</Message></Error>";
	static const char fine[] = "<Result><ETag>x</ETag></Result>";
	char code[64], *text = aws_xml_error(error, sizeof(error) - 1, code);

	assert_string_equal(text, "m");
	assert_string_equal(code, "InternalError");
	free(text);
	assert_null(aws_xml_error(fine, sizeof(fine) - 1, code));
	assert_string_equal(code, "");
}

struct redirect_case {
	const char *scheme, *endpoint, *host, *path;
	const char *location, *region; /* NULL: the answer has none */
	int rc;
	const char *to_host, *to_path, *to_region;
};

#define EU "s3.eu-west-1.amazonaws.com"
#define US "s3.us-west-2.amazonaws.com"

static const struct redirect_case redirects[] = {
    /* A new bucket in another region. */
    {"https://", EU, "b." EU, "/a b/k.csv", "https://b." US "/a%20b/k.csv",
	NULL, 1, "b." US, "/a b/k.csv", "us-west-2"},
    {"https://", EU, "b." EU, "/k",
	"https://b.s3-ap-south-1.amazonaws.com/k?uploads", "ap-south-1", 1,
	"b.s3-ap-south-1.amazonaws.com", "/k", "ap-south-1"},
    {"https://", EU, EU, "/b.c/k", "https://s3-us-west-2.amazonaws.com/b.c/k",
	NULL, 1, "s3-us-west-2.amazonaws.com", "/b.c/k", "us-west-2"},
    {"https://", EU, EU, "/b/k", "https://b." US "/k", NULL, 1, "b." US, "/k",
	"us-west-2"},
    {"https://", EU, "b." EU, "/k", "https://b.s3.amazonaws.com/k", NULL, 1,
	"b.s3.amazonaws.com", "/k", NULL},
    /* The answer names only the bucket's region. */
    {"https://", EU, "b." EU, "/k", NULL, "us-west-2", 1, "b." US, "/k",
	"us-west-2"},
    {"https://", EU, EU, "/b/k", NULL, "cn-north-1", 1,
	"s3.cn-north-1.amazonaws.com.cn", "/b/k", "cn-north-1"},
    {"https://", EU, EU, "/b/k", NULL, "eu-west-1", 0, NULL, NULL, NULL},
    {"https://", EU, EU, "/b/k", NULL, "x.evil.org/", 0, NULL, NULL, NULL},
    {"https://", EU, EU, "/b/k", NULL, NULL, 0, NULL, NULL, NULL},
    /* Other machines in AWS's domain, and hosts outside of it. */
    {"https://", EU, "b." EU, "/k", "https://evil.org/k", NULL, -1, NULL, NULL,
	NULL},
    {"https://", EU, "b." EU, "/k", "https://c." US "/k", NULL, -1, NULL, NULL,
	NULL},
    {"https://", EU, "b." EU, "/k",
	"https://ec2-1-2-3-4.compute-1.amazonaws.com/k", NULL, -1, NULL, NULL,
	NULL},
    {"https://", EU, "b." EU, "/k", "https://b.evilamazonaws.com/k", NULL, -1,
	NULL, NULL, NULL},
    {"https://", EU, "b." EU, "/k", "https://b." US ".evil.org/k", NULL, -1,
	NULL, NULL, NULL},
    {"https://", EU, "b." EU, "/k", "https://b." US "@evil.org/k", NULL, -1,
	NULL, NULL, NULL},
    {"https://", EU, "b." EU, "/k", "http://b." US "/k", NULL, -1, NULL, NULL,
	NULL},
    {"https://", EU, "b." EU, "/k",
	"https://b.s3.cn-north-1.amazonaws.com.cn/k", NULL, -1, NULL, NULL,
	NULL},
    {"https://", EU, "b." EU, "/k", "/k", NULL, -1, NULL, NULL, NULL},
    {"https://", EU, "b." EU, "/k", "ftp://b." US "/k", NULL, -1, NULL, NULL,
	NULL},
    /* An endpoint that is not AWS. */
    {"http://", "10.0.0.1:9000", "10.0.0.1:9000", "/b/k",
	"http://10.0.0.1:9000/b/k", NULL, 1, "10.0.0.1:9000", "/b/k", NULL},
    {"http://", "10.0.0.1:9000", "10.0.0.1:9000", "/b/k",
	"http://10.0.0.2:9000/b/k", NULL, -1, NULL, NULL, NULL},
    {"http://", "10.0.0.1:9000", "10.0.0.1:9000", "/b/k",
	"http://10.0.0.1:22/b/k", NULL, -1, NULL, NULL, NULL},
    {"https://", "s3.corp", "b.s3.corp", "/k", "https://S3.corp/b/k", NULL, 1,
	"S3.corp", "/b/k", NULL},
    {"https://", "s3.corp", "s3.corp", "/b/k", "https://b.s3.corp/k", "here", 1,
	"b.s3.corp", "/k", "here"},
    {"https://", "s3.corp", "s3.corp", "/b/k", "https://nos3.corp/k", NULL, -1,
	NULL, NULL, NULL},
    {"https://", "s3.corp", "s3.corp", "/b/k", "https://b." US "/k", NULL, -1,
	NULL, NULL, NULL},
};

static void assert_same(const char *text, const char *other)
{
	if (other == NULL)
		assert_null(text);
	else
		assert_string_equal(text, other);
}

static void add_header(struct buf *to, const char *name, const char *value)
{
	if (value != NULL)
		buf_printf(to, "%s: %s\r\n", name, value);
}

TEST(redirects_stay_within_the_service)
{
	static const int statuses[] = {301, 307, 308};
	struct err e;

	for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++) {
		const struct redirect_case *one = &redirects[i];
		struct aws_answer answer = {.http.status = statuses[i % 3]};
		struct aws_place from = {one->scheme, one->endpoint, one->host,
		    one->path, "eu-west-1"};
		struct aws_redirect to;

		buf_init(&answer.http.headers, 4096);
		add_header(&answer.http.headers, "Location", one->location);
		add_header(
		    &answer.http.headers, "x-amz-bucket-region", one->region);
		print_message("%s\n", one->location ? one->location : "none");
		assert_int_equal(
		    aws_redirect_read(&answer, &from, &to, &e), one->rc);
		assert_same(to.host, one->to_host);
		assert_same(to.path, one->to_path);
		assert_same(to.region, one->to_region);
		if (one->rc < 0)
			assert_err_has(&e, "not the same service");
		aws_redirect_free(&to);
		answer.http.status = 302;
		assert_int_equal(aws_redirect_read(&answer, &from, &to, &e), 0);
		buf_free(&answer.http.headers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(calls_go_side_by_side_each_with_its_own_repeats),
	    cmocka_unit_test(
		a_call_that_is_done_does_not_end_the_waits_of_others),
	    cmocka_unit_test(keys_that_ended_are_replaced_once_for_all_calls),
	    cmocka_unit_test(no_try_begins_after_the_deadline),
	    cmocka_unit_test(
		clients_without_a_region_or_with_a_wrong_endpoint_are_none),
	    cmocka_unit_test(each_partition_has_its_domain),
	    cmocka_unit_test(errors_are_read_in_all_their_forms),
	    cmocka_unit_test(an_answer_may_ask_for_time),
	    cmocka_unit_test(text_is_found_in_xml),
	    cmocka_unit_test(an_error_is_one_whatever_the_status),
	    cmocka_unit_test(redirects_stay_within_the_service),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
