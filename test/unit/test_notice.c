/* SPDX-License-Identifier: MIT */
#include "notice/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "notice/http.h"
#include "notice/json.h"
#include "notice/slack.h"
#include "notice/sns.h"
#include "notice/webhook.h"
#include "notice/words.h"

/* Makes a notice from JSON with single quotes; the caller frees it with
 * notice_free. */
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

/* Appends the elements of a block, or of a part of one, of rich text: `code`,
 * <link>, and "> " before a quotation. */
static void add_rich(struct buf *b, const json_t *block)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(block, "elements"), i, one)
	{
		const char *type = json_str(one, "type", "");
		bool code = json_is_true(
		    json_object_get(json_object_get(one, "style"), "code"));

		if (strcmp(type, "text") == 0)
			buf_printf(b, "%s%s%s", code ? "`" : "",
			    json_str(one, "text", ""), code ? "`" : "");
		else if (strcmp(type, "link") == 0)
			buf_printf(b, "<%s>", json_str(one, "url", ""));
		else if (i > 0)
			buf_char(b, '\n');
		if (strcmp(type, "rich_text_quote") == 0)
			buf_str(b, "> ");
		add_rich(b, one);
	}
}

/* Checks a block of rich text, of which `text` is the beginning. */
static void assert_rich(const json_t *message, size_t block, const char *text)
{
	const json_t *one =
	    json_array_get(json_object_get(message, "blocks"), block);
	struct buf b;

	assert_string_equal(json_str(one, "type", ""), "rich_text");
	buf_init(&b, 1 << 20);
	add_rich(&b, one);
	b.data[strlen(text) < b.len ? strlen(text) : b.len] = '\0';
	assert_string_equal(b.data, text);
	buf_free(&b);
}

static void assert_words(void (*words)(const struct notice *, struct buf *),
    const char *json, const char *expected)
{
	struct notice n = notice_of(json);
	struct buf b;

	buf_init(&b, 4096);
	buf_str(&b, "");
	words(&n, &b);
	assert_string_equal(b.data, expected);
	buf_free(&b);
	notice_free(&n);
}

TEST(a_subject_names_the_report_its_time_and_the_result)
{
	static const char at[] = "2026-03-01T05:06:07";
	static const struct {
		const char *json, *subject;
	} table[] = {
	    {"'run': {'row_count': 1}", "a, 1 March 2026, 05:06: 1 row"},
	    {"'run': {'row_count': 1234567, 'output_url': 'u'}",
		"a, 1 March 2026, 05:06: 1,234,567 rows"},
	    {"'run': {'row_count': 0}", "a, 1 March 2026, 05:06: no data"},
	    {"'run': {}", "a, 1 March 2026, 05:06"},
	    {"'event': 'FAILED', 'run': {'row_count': 3}",
		"Failed: a, 1 March 2026, 05:06"},
	};
	char json[256];

	for (size_t i = 0; i < COUNT(table); i++) {
		snprintf(json, sizeof(json),
		    "{'report_name': 'a', 'scheduled_for': '%s', %s}", at,
		    table[i].json);
		assert_words(notice_subject, json, table[i].subject);
	}
	assert_words(notice_subject, "{'report_name': 'a'}", "a");
}

TEST(a_headline_is_a_sentence)
{
	assert_words(notice_headline, "{'report_name': 'a'}", "a is done.");
	assert_words(notice_headline,
	    "{'report_name': 'a', 'run': {'row_count': 999}}",
	    "a is ready: 999 rows.");
	assert_words(notice_headline,
	    "{'report_name': 'a', 'run': {'row_count': 0, 'output_url': 'u'}}",
	    "a is ready, but empty: there was no data.");
	assert_words(notice_headline,
	    "{'report_name': 'a', 'run': {'row_count': 0}}",
	    "There was no data for a.");
	assert_words(notice_headline, "{'report_name': 'a', 'event': 'FAILED'}",
	    "a failed.");
}

TEST(files_that_a_run_took_are_named)
{
	assert_words(notice_inputs, "{'run': {}}", "");
	assert_words(notice_inputs,
	    "{'run': {'input_count': 1, 'inputs': [{'url': 's3://b/a.csv'}]}}",
	    "It took s3://b/a.csv.");
	assert_words(notice_inputs,
	    "{'run': {'input_count': 120, 'inputs': [{'url': 'a'}, {'url': "
	    "'b'}, {'url': 'c'}, {'url': 'd'}, {'url': 'e'}, {'url': 'f'}]}}",
	    "It took 120 files: a, b, c, d, e and 115 more.");
}

TEST(a_failure_says_what_comes_next)
{
	assert_words(notice_next, "{'run': {'attempt': 1}}",
	    "It is not tried again by itself.");
	assert_words(notice_next,
	    "{'run': {'attempt': 4}, 'next_run': '2026-12-24T18:00:00', "
	    "'time_zone': 'Asia/Tokyo'}",
	    "It was tried 4 times and is not tried again by itself. Its next "
	    "regular time is Thursday, 24 December 2026, 18:00 (Asia/Tokyo).");
}

TEST(an_error_is_told_without_the_name_of_its_stage)
{
	static const struct {
		const char *stage, *message, *told;
	} table[] = {{"export", "export: no such column", "no such column"},
	    {"export", "exporter: x", "exporter: x"}, {"prep", "x", "x"},
	    {"", ": x", ": x"}};

	for (size_t i = 0; i < COUNT(table); i++)
		assert_string_equal(
		    notice_error(&(struct notice){.error_stage = table[i].stage,
			.shown_error = (char *)(uintptr_t)table[i].message}),
		    table[i].told);
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
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'copy', "
		    "'error_sqlstate': '22P02'}}",
	    "Correct the file that the error names, ");
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'copy', "
		    "'error_sqlstate': '42703'}}",
	    "Correct inputs of the report, or its table,");
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'load', "
		    "'error_sqlstate': '23505'}}",
	    "Correct the rows, or the rules of the table,");
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'result', "
		    "'error_sqlstate': '42703'}}",
	    "Correct result_sql of the report,");
	assert_hint("{'config_id': 7, 'run': {'error_stage': 'copy', "
		    "'input_count': 2}}",
	    "Its 2 files failed together; with `\"batch\": 1`");
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
	assert_rich(message, 1, "Saved as `u1`\n`u2`\nand 998 more");
	json_decref(message);
	json_decref(v);
	notice_free(&n);
}

/* Expected signature: by Python's hmac module. */
TEST(a_webhook_is_signed_with_its_time)
{
	char to[WEBHOOK_SIGNATURE];

	struct buf body;

	buf_init(&body, 64);
	buf_str(&body, "{\"a\":1}");
	webhook_signature(
	    "sesame", 1700000000, "https://a.example/x?y", &body, to);
	/* printf '1700000000\nhttps://a.example/x?y\n{"a":1}' |
	 * openssl dgst -sha256 -hmac sesame */
	assert_string_equal(to, "sha256=e980ac7f8db85e5028b497acde5a74a4"
				"191f348bd194939b08f125a3fcc7b72c");
	buf_clear(&body);
	webhook_signature("", 0, "", &body, to);
	assert_int_equal(strlen(to), WEBHOOK_SIGNATURE - 1);
	buf_free(&body);
}

TEST(hosts_are_found_where_they_are)
{
	static const struct {
		const char *url, *host; /* host NULL: the URL is refused */
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
	assert_string_equal(to, "? ? x");
	notice_free(&n);
	n = notice_of("{'report_name': "
		      "'0123456789012345678901234567890123456789"
		      "0123456789012345678901234567890123456789"
		      "0123456789012345678901234567890123456789'}");
	sns_subject(&n, to);
	assert_int_equal(strlen(to), 100);
	assert_string_equal(to + 94, "456...");
	notice_free(&n);
}

TEST(a_subject_does_not_begin_with_a_space)
{
	char to[SNS_SUBJECT];
	struct notice n = notice_of("{'report_name': '  a b'}");

	sns_subject(&n, to);
	assert_string_equal(to, "a b");
	notice_free(&n);
}

TEST(slack_text_is_as_it_was_and_cut_at_a_character)
{
	struct buf b;
	struct notice n;
	json_t *v;
	char *dump;

	buf_init(&b, 1 << 20);
	buf_str(&b, "{'report_name': 'a&b', 'event': 'FAILED', 'run': "
		    "{'error_message': '<!channel> `x` _new_ *b* ~c~ ");
	for (int i = 0; i < 2000; i++)
		buf_str(&b, "ä&");
	buf_str(&b, "'}}");
	n = notice_of(b.data);
	v = slack_message(&n);
	assert_non_null(v);
	assert_string_equal(json_str(v, "text", ""), "a&amp;b failed.");
	assert_string_equal(text_at(v, 0), "a&b failed.");
	assert_rich(v, 1, "It failed:\n> <!channel> `x` _new_ *b* ~c~ ä&ä&");
	dump = json_dumps(v, 0);
	assert_has(dump, "…\"}]}", __FILE__, __LINE__);
	assert_null(strstr(dump, "mrkdwn"));
	assert_true(strlen(dump) < 3000);
	free(dump);
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

	assert_rich(v, 1, "Saved as <https://x.org/?a=1&b=2>");
	json_decref(v);
	notice_free(&n);
}

TEST(slack_names_a_file_by_its_path)
{
	struct notice n =
	    notice_of("{'report_name': 'a', 'scheduled_for': "
		      "'2026-03-01T05:06:07', 'run': {'remark': 'cut _x_', "
		      "'output_url': 'file:///srv/a%20b.csv'}}");
	json_t *v = slack_message(&n);

	assert_rich(v, 1, "For Sunday, 1 March 2026, 05:06 (UTC)\ncut _x_");
	assert_rich(v, 2, "Saved as `/srv/a b.csv`");
	json_decref(v);
	notice_free(&n);
}

/* Slack answers HTTP 400 to a message that is longer than its limits. */
TEST(slack_gets_little_of_a_long_remark_and_of_long_names)
{
	struct notice n;
	struct buf b;
	json_t *v;
	char *dump;

	buf_init(&b, 1 << 20);
	buf_str(&b, "{'report_name': 'a', 'run': {'remark': '");
	for (int i = 0; i < 4000; i++)
		buf_char(&b, 'r');
	buf_str(&b, "', 'input_count': 2, 'inputs': [{'url': 'file:///");
	for (int i = 0; i < 4000; i++)
		buf_char(&b, 'i');
	buf_str(&b, "'}, {'url': 'file:///x'}], 'output_url': 'file:///");
	for (int i = 0; i < 4000; i++)
		buf_char(&b, 'o');
	buf_str(&b, "'}}");
	n = notice_of(b.data);
	v = slack_message(&n);
	dump = json_dumps(v, 0);
	assert_true(strlen(dump) < 4000);
	free(dump);
	json_decref(v);
	notice_free(&n);
	buf_free(&b);
}

TEST(slack_quotes_a_text_of_many_lines_within_its_limits)
{
	struct notice n = notice_of("{'report_name': 'a', 'event': 'FAILED'}");
	char message[2048] = "one\ntwo\n";
	json_t *v;

	memset(message + 8, '\n', sizeof(message) - 9);
	free(n.shown_error);
	n.shown_error = strdup(message);
	v = slack_message(&n);
	assert_rich(v, 1,
	    "It failed:\n> one\ntwo\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
	    "  ");
	json_decref(v);
	notice_free(&n);
}

TEST(the_advice_to_slack_has_its_command_as_code)
{
	struct notice n = notice_of(
	    "{'report_name': 'a', 'event': 'FAILED', 'config_id': 7, 'run': "
	    "{'error_message': 'x', 'error_sqlstate': '42703'}}");
	json_t *v = slack_message(&n);

	assert_rich(v, 1,
	    "It failed:\n> x\nIt is not tried again by itself.\nCorrect the "
	    "report, then run it again with `reportctl retry 7`.");
	json_decref(v);
	notice_free(&n);
}

/* Servers other than Slack show "text" alone, and read it as Markdown. */
TEST(a_summary_tells_nobody_and_is_no_link)
{
	struct notice n = notice_of(
	    "{'report_name': '@all [x](https://x.org)', 'event': 'FAILED'}");
	json_t *v = slack_message(&n);

	assert_string_equal(json_str(v, "text", ""),
	    "@\u200Ball [x]\u200B(https://x.org) failed.");
	json_decref(v);
	notice_free(&n);
}

TEST(what_a_terminal_obeys_is_seen_in_what_people_read)
{
	struct notice n =
	    notice_of("{'event': 'FAILED', 'run': {'error_message': "
		      "'a\\u001b[31m\\u0007\\tb\\r\\nc\\rd\\u007f'}}");

	assert_string_equal(
	    notice_error(&n), "a<U+001B>[31m<U+0007>\tb\nc<U+000D>d<U+007F>");
	notice_free(&n);
}

TEST(a_name_that_deceives_is_seen_in_what_people_read)
{
	struct notice n =
	    notice_of("{'report_name': "
		      "'a\\u202eb\\u200bc\\u200d\\u0646\\u200c'}");
	struct buf to;

	buf_init(&to, 1000);
	notice_subject(&n, &to);
	assert_string_equal(
	    to.data, "a<U+202E>b<U+200B>c\xE2\x80\x8D\xD9\x86\xE2\x80\x8C");
	buf_free(&to);
	notice_free(&n);
}

TEST(json_is_the_same_with_escapes_for_what_nobody_sees)
{
	static const char text[] =
	    "{\"a\u200C\":[\"\u202Ex\u00FC\U000E0041\u200B\",1.5]}";
	json_t *v = json_loads(text, 0, NULL), *again;
	char *dumped = notice_dump(v);

	assert_string_equal(dumped,
	    "{\"a\u200C\":[\"\\u202ex\u00FC\\udb40\\udc41\\u200b\",1.5]}");
	again = json_loads(dumped, 0, NULL);
	assert_true(json_equal(v, again));
	json_decref(v);
	json_decref(again);
	free(dumped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_subject_names_the_report_its_time_and_the_result),
	    cmocka_unit_test(a_headline_is_a_sentence),
	    cmocka_unit_test(files_that_a_run_took_are_named),
	    cmocka_unit_test(a_name_that_deceives_is_seen_in_what_people_read),
	    cmocka_unit_test(
		json_is_the_same_with_escapes_for_what_nobody_sees),
	    cmocka_unit_test(a_failure_says_what_comes_next),
	    cmocka_unit_test(an_error_is_told_without_the_name_of_its_stage),
	    cmocka_unit_test(slack_names_a_file_by_its_path),
	    cmocka_unit_test(
		slack_quotes_a_text_of_many_lines_within_its_limits),
	    cmocka_unit_test(
		slack_gets_little_of_a_long_remark_and_of_long_names),
	    cmocka_unit_test(the_advice_to_slack_has_its_command_as_code),
	    cmocka_unit_test(a_summary_tells_nobody_and_is_no_link),
	    cmocka_unit_test(what_a_terminal_obeys_is_seen_in_what_people_read),
	    cmocka_unit_test(a_subject_does_not_begin_with_a_space),
	    cmocka_unit_test(a_hint_says_what_to_mend),
	    cmocka_unit_test(what_is_not_there_is_null_in_json),
	    cmocka_unit_test(some_of_many_outputs_are_listed),
	    cmocka_unit_test(a_webhook_is_signed_with_its_time),
	    cmocka_unit_test(hosts_are_found_where_they_are),
	    cmocka_unit_test(a_subject_is_ascii_of_at_most_100_characters),
	    cmocka_unit_test(slack_text_is_as_it_was_and_cut_at_a_character),
	    cmocka_unit_test(slack_links_what_the_web_has),
	};

	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
