/* SPDX-License-Identifier: MIT */
#include "worker/notice.h"

#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "worker/notice_http.h"
#include "worker/notice_slack.h"
#include "worker/notice_sns.h"
#include "worker/notice_webhook.h"

/* A notice out of JSON with single quotes, to be freed with notice_free. */
static struct notice notice_of(const char *text)
{
	char *json = strdup(text);
	struct notice n;
	json_t *body;
	struct err e;

	for (char *c = json; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	body = json_parse_object(json, strlen(json), &e);
	assert_non_null(body);
	notice_open(&n, body);
	json_decref(body);
	free(json);
	return n;
}

static const char *text_at(const json_t *message, size_t block)
{
	return json_str(
	    json_object_get(
		json_array_get(json_object_get(message, "blocks"), block),
		"text"),
	    "text", "");
}

static void assert_title(const char *json, const char *expected)
{
	struct notice n = notice_of(json);
	struct buf b;

	buf_init(&b, 4096);
	notice_title(&n, &b);
	assert_string_equal(b.data, expected);
	buf_free(&b);
	notice_free(&n);
}

TEST(a_title_is_one_line)
{
	assert_title(
	    "{'report_name': 'a', 'event': 'COMPLETED'}", "Report a completed");
	assert_title(
	    "{'report_name': 'a', 'event': 'COMPLETED', 'run': {'row_count': "
	    "1}}",
	    "Report a completed: 1 row");
	assert_title("{'report_name': 'a', 'run': {'row_count': 1234567}}",
	    "Report a completed: 1,234,567 rows");
	assert_title("{'report_name': 'a', 'run': {'row_count': 999}}",
	    "Report a completed: 999 rows");
	assert_title("{'report_name': 'a', 'event': 'FAILED', 'run': "
		     "{'error_stage': 'prep'}}",
	    "Report a failed at prep");
}

static void assert_hint(const char *json, const char *part)
{
	struct notice n = notice_of(json);
	struct buf b;

	buf_init(&b, 4096);
	notice_hint(&n, &b);
	assert_has(b.data, part, __FILE__, __LINE__);
	assert_has(b.data, "`reportctl retry 7`.", __FILE__, __LINE__);
	buf_free(&b);
	notice_free(&n);
}

TEST(a_hint_says_what_to_mend)
{
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'prep', "
		    "'error_sqlstate': '42P01'}}",
	    "Correct prep_sql");
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'export', "
		    "'error_sqlstate': '22012'}}",
	    "Correct export_sql");
	assert_hint(
	    "{'config_id': 7, 'run': {'error_sqlstate': '42501'}}", "Grant");
	assert_hint("{'config_id': 7}", "reportctl status 7");
}

TEST(what_is_not_there_is_null_in_json)
{
	struct notice n = notice_of("{'notification_id': 3, 'key': 'k'}");
	json_t *v = notice_json(&n), *run = json_object_get(v, "run");

	assert_non_null(v);
	assert_true(json_is_null(json_object_get(run, "rows")));
	assert_true(json_is_null(json_object_get(run, "started_at")));
	assert_true(json_is_null(json_object_get(v, "error")));
	assert_int_equal(json_array_size(json_object_get(run, "outputs")), 0);
	json_decref(v);
	notice_free(&n);
}

TEST(some_of_many_outputs_are_listed)
{
	struct notice n = notice_of(
	    "{'run': {'output_url': 'u1', 'output_count': 1000, 'outputs': "
	    "[{'url': 'u1'}, {'url': 'u2'}]}}");
	json_t *v = notice_json(&n), *run = json_object_get(v, "run");
	json_t *message = slack_message(&n);

	assert_int_equal(json_array_size(json_object_get(run, "outputs")), 2);
	assert_int_equal(json_int(run, "output_count", 0), 1000);
	assert_string_equal(text_at(message, 2), "`u1`\n`u2`\nand 998 more");
	json_decref(message);
	json_decref(v);
	notice_free(&n);
}

/* By Python's hmac module. */
TEST(a_webhook_is_signed_with_its_time)
{
	char to[WEBHOOK_SIGNATURE];

	webhook_signature("sesame", 1700000000, "{\"a\":1}", 7, to);
	assert_string_equal(to, "sha256=961ee441db69fca5ccc174d9488a77f3"
				"c0397cd3ce633bd80dbc6e3320242468");
	webhook_signature("", 0, "", 0, to);
	assert_int_equal(strlen(to), WEBHOOK_SIGNATURE - 1);
}

TEST(retry_after_has_two_forms)
{
	int64_t now = 1700000000; /* Tue, 14 Nov 2023 22:13:20 GMT */

	assert_int_equal(notice_retry_after("", now), 0);
	assert_int_equal(notice_retry_after("120", now), 120000);
	assert_int_equal(notice_retry_after("-5", now), 0);
	assert_int_equal(notice_retry_after("soon", now), 0);
	assert_int_equal(notice_retry_after("99999999999", now), 86400000);
	assert_int_equal(
	    notice_retry_after("Tue, 14 Nov 2023 22:13:30 GMT", now), 10000);
	assert_int_equal(
	    notice_retry_after("Tue, 14 Nov 2023 22:13:10 GMT", now), 0);
	assert_int_equal(
	    notice_retry_after("Tue, 14 Nov 2023 22:13:30 GMT x", now), 0);
}

TEST(hosts_are_found_where_they_are)
{
	static const struct {
		const char *url, *host; /* NULL: refused */
	} table[] = {{"https://a.example.org/x", "a.example.org"},
	    {"https://a.example.org", "a.example.org"},
	    {"https://a.example.org:8443?x=y", "a.example.org"},
	    {"https://[fd00::1]:80/x", "fd00::1"}, {"https://a@b/x", NULL},
	    {"https://a\\@b/x", NULL}, {"https:///x", NULL},
	    {"https://:80/", NULL}, {"x", NULL}, {"https://[::1/x", NULL},
	    {"https://a b/", NULL}, {"https://a#@b/", "a"}};
	char host[64];

	for (size_t i = 0; i < COUNT(table); i++) {
		int rc = notice_host(table[i].url, host, sizeof(host));

		assert_int_equal(rc, table[i].host ? 0 : -1);
		if (rc == 0)
			assert_string_equal(host, table[i].host);
	}
}

TEST(a_subject_is_ascii_of_at_most_100_characters)
{
	char to[SNS_SUBJECT];
	struct notice n = notice_of("{'report_name': 'ü 中 x'}");

	sns_subject(&n, to);
	assert_string_equal(to, "Report ? ? x completed");
	notice_free(&n);
	n = notice_of("{'report_name': "
		      "'0123456789012345678901234567890123456789"
		      "0123456789012345678901234567890123456789"
		      "0123456789012345678901234567890123456789'}");
	sns_subject(&n, to);
	assert_int_equal(strlen(to), 100);
	notice_free(&n);
}

TEST(slack_text_is_escaped_and_cut_at_a_character)
{
	struct buf b;
	struct notice n;
	json_t *v;

	buf_init(&b, 1 << 20);
	buf_str(&b, "{'report_name': 'a&b', 'event': 'FAILED', 'run': "
		    "{'error_message': '<!channel> `x` ");
	for (int i = 0; i < 2000; i++)
		buf_str(&b, "ä&");
	buf_str(&b, "'}}");
	n = notice_of(b.data);
	v = slack_message(&n);
	assert_non_null(v);
	assert_string_equal(json_str(v, "text", ""), "Report a&amp;b failed");
	assert_string_equal(text_at(v, 0), "Report a&b failed");
	assert_has(text_at(v, 2), "&lt;!channel&gt; 'x' ", __FILE__, __LINE__);
	assert_has(text_at(v, 2), "…```", __FILE__, __LINE__);
	assert_true(strlen(text_at(v, 2)) < 3000);
	json_decref(v);
	notice_free(&n);
	buf_free(&b);
}

TEST(slack_links_what_the_web_has)
{
	struct notice n =
	    notice_of("{'report_name': 'a', 'run': {'output_url': "
		      "'https://x.org/?a=1&b=2'}}");
	json_t *v = slack_message(&n);

	assert_string_equal(text_at(v, 2), "<https://x.org/?a=1&amp;b=2>");
	json_decref(v);
	notice_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_title_is_one_line),
	    cmocka_unit_test(a_hint_says_what_to_mend),
	    cmocka_unit_test(what_is_not_there_is_null_in_json),
	    cmocka_unit_test(some_of_many_outputs_are_listed),
	    cmocka_unit_test(a_webhook_is_signed_with_its_time),
	    cmocka_unit_test(retry_after_has_two_forms),
	    cmocka_unit_test(hosts_are_found_where_they_are),
	    cmocka_unit_test(a_subject_is_ascii_of_at_most_100_characters),
	    cmocka_unit_test(slack_text_is_escaped_and_cut_at_a_character),
	    cmocka_unit_test(slack_links_what_the_web_has),
	};

	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
