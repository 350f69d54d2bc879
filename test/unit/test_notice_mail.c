/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "notice/mail_text.h"
#include "notice/mail_url.h"
#include "notice/words.h"

TEST(a_url_is_taken_apart)
{
	struct mail_url m;
	struct err e;

	assert_int_equal(
	    mail_url_parse("MAILTO:a@b.org,%20c%2Bd@e.org?CC=f@g.org,h@i.org&"
			   "bcc=j@k.org&subject=100%25%20of%20%C3%BC&"
			   "body=one%0D%0Atwo%0Dthree&report=link&to=l@m.org",
		&m, &e),
	    0);
	assert_int_equal(m.to_count, 3);
	assert_string_equal(m.to[0].mailbox, "a@b.org");
	assert_string_equal(m.to[1].mailbox, "c+d@e.org");
	assert_string_equal(m.to[2].mailbox, "l@m.org");
	assert_int_equal(m.cc_count, 2);
	assert_string_equal(m.cc[1].mailbox, "h@i.org");
	assert_string_equal(m.subject, "100% of \xC3\xBC");
	assert_string_equal(m.body, "one\ntwo\nthree");
	assert_int_equal(m.report, MAIL_LINK);
	mail_url_free(&m);
}

TEST(what_is_left_out_has_a_default)
{
	static const char *const urls[] = {"mailto:a@b.org", "mailto:a@b.org?",
	    "mailto:?to=a@b.org", "mailto:?&&to=a@b.org&", "mailto:,a@b.org,"};
	struct mail_url m;
	struct err e;

	for (size_t i = 0; i < COUNT(urls); i++) {
		assert_int_equal(mail_url_parse(urls[i], &m, &e), 0);
		assert_int_equal(m.to_count, 1);
		assert_int_equal(m.cc_count, 0);
		assert_null(m.subject);
		assert_null(m.body);
		assert_int_equal(m.report, MAIL_ATTACH);
		mail_url_free(&m);
	}
	assert_int_equal(mail_url_parse("mailto:?bcc=a@b.org", &m, &e), 0);
	assert_int_equal(m.to_count, 0);
	mail_url_free(&m);
}

TEST(a_wrong_url_is_told)
{
	static const struct {
		const char *url, *why;
	} bad[] = {{"https://a.org", "does not begin with mailto:"},
	    {"mailto:a", "no mail address"},
	    {"mailto:a@b.org?cc=c", "no mail address"},
	    {"mailto:a@b.org?subject=100%", "%25"},
	    {"mailto:a@b.org?subject=%4", "%25"},
	    {"mailto:a@b.org?subject=%zz", "%25"},
	    {"mailto:a@b.org?subject=a%00b", "%25"}, {"mailto:%a@b.org", "%25"},
	    {"mailto:a@b.org?report=all", "report=all is unknown"},
	    {"mailto:a@b.org?report", "report= is unknown"},
	    {"mailto:a@b.org?priority=1", "unknown field \"priority\""},
	    {"mailto:a@b.org?=x", "unknown field \"\""},
	    {"mailto:a@b.org%0D%0ABcc:c@d.org", "line break"},
	    {"mailto:J%C3%BCrgen@b.org", "ASCII"},
	    {"mailto:Ann%20%3Ca@b.org", "write it as"}};
	struct mail_url m;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(mail_url_parse(bad[i].url, &m, &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, bad[i].why);
	}
}

/* Makes a notice as the outbox passes it on. */
static struct notice a_notice(const char *event)
{
	struct notice n;
	json_t *body = json_pack("{ss sI sI ss ss ss s{si si si ss ss ss ss}}",
	    "event", event, "run_id", (json_int_t)42, "config_id",
	    (json_int_t)7, "report_name", "sales & more", "time_zone",
	    "Europe/Berlin", "scheduled_for", "2026-01-31T06:00:00", "run",
	    "attempt", 2, "row_count", 1234567, "byte_count", 23456789,
	    "output_url", "file:///out/sales.csv", "error_stage", "export",
	    "error_sqlstate", "42703", "error_message",
	    "no such column\nLINE 1: x");

	notice_open(&n, body);
	json_decref(body);
	return n;
}

static void assert_expands(
    const char *what, const char *template, const char *expected)
{
	struct notice n = a_notice("COMPLETED");
	struct buf b;
	struct err e;

	buf_init(&b, 10000);
	assert_int_equal(mail_text_expand(&n, what, template, &b, &e), 0);
	assert_string_equal(b.data, expected);
	buf_free(&b);
	notice_free(&n);
}

TEST(names_in_templates_become_values)
{
	struct notice n = a_notice("COMPLETED");
	struct buf b;
	struct err e;

	assert_expands("subject", "", "");
	assert_expands("subject", "{report_name}: {rows}, {status} {run_id}",
	    "sales & more: 1234567, COMPLETED 42");
	assert_expands("subject", "a { b", "a { b");
	assert_expands("subject", "a } b", "a } b");
	assert_expands("subject", "{hint}{remark}{report_type}", "");
	/* A subject is one line, whatever text the server sent. */
	assert_expands(
	    "subject", "{error_message}", "no such column LINE 1: x");
	assert_expands(
	    "body", "a\n{error_message}", "a\nno such column\nLINE 1: x");
	buf_init(&b, 10000);
	assert_int_equal(mail_text_expand(&n, "subject", "{row}", &b, &e), -1);
	assert_err_has(&e, "mailto: subject: unknown name \"{row}\"");
	buf_free(&b);
	notice_free(&n);
}

static void set_remark(struct notice *n, const char *remark)
{
	n->remark = remark;
	free(n->shown_remark);
	n->shown_remark = strdup(remark);
}

static void assert_plain(const struct notice *n, const char *expected)
{
	struct mail_text t;

	mail_text_init(&t);
	mail_text_open(&t, n);
	mail_text_close(&t, n, true);
	assert_string_equal(t.plain.data, expected);
	assert_null(strstr(t.html.data, "sales & more"));
	mail_text_free(&t);
}

TEST(a_mail_says_what_a_person_would)
{
	struct notice good = a_notice("COMPLETED"), bad = a_notice("FAILED");

	set_remark(&good, "2 rows were left out");
	assert_plain(&good,
	    "sales & more is ready: 1,234,567 rows.\n\n"
	    "For Saturday, 31 January 2026, 06:00 (Europe/Berlin).\n\n"
	    "Note: 2 rows were left out\n\n"
	    "Report 7, run 42, saved as /out/sales.csv\n");
	bad.next_run = "2026-02-01T06:00:00";
	assert_plain(&bad,
	    "sales & more failed.\n\n"
	    "For Saturday, 31 January 2026, 06:00 (Europe/Berlin).\n\n"
	    "Its export failed:\n\n"
	    "    no such column\n    LINE 1: x\n\n"
	    "It was tried 2 times and is not tried again by itself. Its next "
	    "regular time is Sunday, 1 February 2026, 06:00 (Europe/Berlin)."
	    "\n\n"
	    "What to do: Correct export_sql of the report, then run it again "
	    "with `reportctl retry 7`.\n\n"
	    "Report 7, run 42, SQLSTATE 42703\n");
	good.rows = 0;
	good.output_url = "";
	set_remark(&good, "no rows: no output was made");
	assert_plain(&good,
	    "There was no data for sales & more.\n\n"
	    "For Saturday, 31 January 2026, 06:00 (Europe/Berlin).\n\n"
	    "Report 7, run 42\n");
	notice_free(&good);
	notice_free(&bad);
}

TEST(a_command_is_code_in_html_and_a_text_from_elsewhere_is_not)
{
	struct notice bad = a_notice("FAILED");
	struct mail_text t;

	free(bad.shown_error);
	bad.shown_error = strdup("export: no `x`");
	mail_text_init(&t);
	mail_text_open(&t, &bad);
	assert_non_null(
	    strstr(t.html.data, "with <code>reportctl retry 7</code>.</p>\n"));
	assert_non_null(strstr(t.html.data, "no `x`"));
	bad.error_sqlstate = "";
	bad.error_stage = "fetch";
	bad.input_count = 2;
	mail_text_open(&t, &bad);
	assert_non_null(
	    strstr(t.html.data, "<code>&quot;batch&quot;: 1</code> in inputs"));
	mail_text_free(&t);
	notice_free(&bad);
}

TEST(a_report_is_put_into_what_is_said)
{
	struct mail_text t;
	char *html;

	mail_text_init(&t);
	mail_text_say(&t, "It is <here>.");
	html = mail_text_document(
	    &t, "<html><BODY class=\"x\">\n<table></table></BODY></html>");
	assert_non_null(strstr(html, "<html><BODY class=\"x\">\n<div"));
	assert_non_null(strstr(html, "It is &lt;here&gt;."));
	assert_non_null(strstr(html, "<hr>\n\n<table></table></BODY></html>"));
	free(html);
	html = mail_text_document(&t, "<table></table>");
	assert_non_null(strstr(html, "<table></table></body>\n</html>"));
	free(html);
	mail_text_free(&t);
}

TEST(numbers_are_for_people)
{
	static const struct {
		int64_t n;
		const char *bytes, *count;
	} cases[] = {{0, "0 bytes", "0"}, {1, "1 byte", "1"},
	    {999, "999 bytes", "999"}, {1000, "1000 bytes", "1,000"},
	    {1024, "1.0 kB", "1,024"}, {1023999, "1.0 MB", "1,023,999"},
	    {7 << 20, "7.0 MB", "7,340,032"},
	    {INT64_C(5) << 40, "5.0 TB", "5,497,558,138,880"}};
	char text[32];

	for (size_t i = 0; i < COUNT(cases); i++) {
		mail_text_bytes(text, cases[i].n);
		assert_string_equal(text, cases[i].bytes);
		notice_count(text, cases[i].n);
		assert_string_equal(text, cases[i].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_is_taken_apart),
	    cmocka_unit_test(what_is_left_out_has_a_default),
	    cmocka_unit_test(a_wrong_url_is_told),
	    cmocka_unit_test(names_in_templates_become_values),
	    cmocka_unit_test(a_mail_says_what_a_person_would),
	    cmocka_unit_test(
		a_command_is_code_in_html_and_a_text_from_elsewhere_is_not),
	    cmocka_unit_test(a_report_is_put_into_what_is_said),
	    cmocka_unit_test(numbers_are_for_people),
	};

	return cmocka_run_group_tests_name("notice_mail", tests, NULL, NULL);
}
