/* SPDX-License-Identifier: MIT */
#include "net/mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "net/mail/mime_header.h"

/* An attachment in memory; reading it fails after `fail_at` bytes. */
struct file {
	const char *data;
	size_t done, fail_at;
};

static int file_read(void *arg, char *to, size_t len, struct err *e)
{
	struct file *f = arg;

	if (f->done + len > f->fail_at)
		return err_set(e, ERR_TRANSIENT, "the disk is gone");
	memcpy(to, f->data + f->done, len);
	f->done += len;
	return 0;
}

static const struct mime_address ann = {NULL, (char *)"ann@example.com"};
static const struct mime_address reports = {
    (char *)"Reports", (char *)"reports@example.com"};

static struct mime_mail a_mail(void)
{
	return (struct mime_mail){.from = &reports,
	    .to = &ann,
	    .to_count = 1,
	    .subject = "Sales",
	    .message_id = "reportd.1.x@example.com",
	    .date = 1780000000,
	    .plain = "Hello\n",
	    .html = "<p>Hello</p>\n"};
}

/* Reads a whole mail in pieces of `size` bytes; the caller frees it. */
static char *whole(const struct mime_mail *mail, size_t size)
{
	struct err e;
	struct mime *m = mime_open(mail, &e);
	char *piece = mem_alloc(size);
	struct buf all;
	ssize_t n;

	assert_non_null(m);
	buf_init(&all, 64 << 20);
	while ((n = mime_read(m, piece, size, &e)) > 0)
		buf_add(&all, piece, (size_t)n);
	assert_int_equal(n, 0);
	assert_int_equal(all.len, mime_size(m));
	mime_free(m);
	free(piece);
	return all.data;
}

/* Checks that every line is short, ASCII, ends with CRLF and does not begin
 * with a dot. */
static void assert_sound(const char *mail)
{
	for (const char *line = mail; *line != '\0';) {
		size_t n = strcspn(line, "\r\n");

		assert_true(n <= 78);
		assert_true(line[0] != '.');
		assert_memory_equal(line + n, "\r\n", 2);
		for (size_t i = 0; i < n; i++)
			assert_true(line[i] == '\t' ||
				    (line[i] >= ' ' && line[i] <= '~'));
		line += n + 2;
	}
}

TEST(a_small_mail_reads_as_it_should)
{
	struct mime_mail mail = a_mail();
	char *text = whole(&mail, 1000);

	assert_string_equal(text,
	    "Date: Thu, 28 May 2026 20:26:40 +0000\r\n"
	    "From: Reports <reports@example.com>\r\n"
	    "To: ann@example.com\r\n"
	    "Subject: Sales\r\n"
	    "Message-ID: <reportd.1.x@example.com>\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "X-Auto-Response-Suppress: All\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative; "
	    "boundary=\"=_reportd-bodies\"\r\n\r\n"
	    "--=_reportd-bodies\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "Hello\r\n\r\n"
	    "--=_reportd-bodies\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<p>Hello</p>\r\n\r\n"
	    "--=_reportd-bodies--\r\n");
	free(text);
}

TEST(any_size_of_pieces_gives_the_same_bytes)
{
	static const size_t sizes[] = {1, 7, 57, 78, 100, 4096, 65536};
	char data[40000];
	char *first = NULL;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct file files[] = {
		    {data, 0, SIZE_MAX}, {data, 0, SIZE_MAX}, {data, 0, 0}};
		struct mime_attachment attachments[] = {
		    {"a.bin", "application/octet-stream", sizeof(data),
			file_read, &files[0]},
		    {"b.bin", "application/octet-stream", 57 * 512, file_read,
			&files[1]},
		    {"empty", "text/csv", 0, file_read, &files[2]}};
		struct mime_mail mail = a_mail();
		char *text;

		mail.attachments = attachments;
		mail.attachment_count = 3;
		text = whole(&mail, sizes[i]);
		assert_sound(text);
		if (first == NULL)
			first = mem_strdup(text);
		assert_string_equal(text, first);
		free(text);
	}
	free(first);
}

TEST(an_attachment_that_fails_fails_the_mail)
{
	char data[100] = "x";
	struct file file = {data, 0, 99};
	struct mime_attachment a = {"a", "text/csv", 100, file_read, &file};
	struct mime_mail mail = a_mail();
	struct mime *m;
	char to[4096];
	struct err e;
	ssize_t n;

	mail.attachments = &a;
	mail.attachment_count = 1;
	m = mime_open(&mail, &e);
	while ((n = mime_read(m, to, sizeof(to), &e)) > 0)
		;
	assert_int_equal(n, -1);
	assert_err(&e, "the disk is gone");
	mime_free(m);
}

TEST(line_breaks_and_controls_are_refused_in_headers)
{
	static const char *const bad[] = {"a\r\nBcc: eve@example.com", "a\nb",
	    "a\rb", "\r\n\r\nbody", "a\tb", "a\x7F", "a\x1B[0m", "caf\xE9"};
	struct mime_address address;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct file file = {"", 0, 0};
		struct mime_attachment a = {
		    bad[i], "text/csv", 0, file_read, &file};
		struct mime_mail mail = a_mail();

		mail.subject = bad[i];
		assert_null(mime_open(&mail, &e));
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, "the subject ");

		mail = a_mail();
		mail.attachments = &a;
		mail.attachment_count = 1;
		assert_null(mime_open(&mail, &e));
		assert_err_has(&e, "the name of an attached file ");

		mail = a_mail();
		mail.message_id = bad[i];
		assert_null(mime_open(&mail, &e));
		assert_int_equal(mime_address_parse(bad[i], &address, &e), -1);
	}
	assert_int_equal(
	    mime_address_parse("a@b.org\r\nRCPT TO:<eve@b.org>", &address, &e),
	    -1);
	assert_err_has(&e, "a mail address holds a line break");
	assert_int_equal(
	    mime_address_parse("Eve\nX: <a@b.org>", &address, &e), -1);
}

TEST(addresses_are_taken_apart)
{
	static const struct {
		const char *text, *name, *mailbox;
	} good[] = {{"a@b.org", NULL, "a@b.org"},
	    {" a@b.org ", NULL, "a@b.org"},
	    {"Reports <a@b.org>", "Reports", "a@b.org"},
	    {"<a@b.org>", "", "a@b.org"},
	    {"\"Reports, \\\"EMEA\\\" <x>\" <a+x@b-c.org>",
		"Reports, \"EMEA\" <x>", "a+x@b-c.org"},
	    {"J\xC3\xBCrgen <a@localhost>", "J\xC3\xBCrgen", "a@localhost"},
	    {"a.b.c@x.y.z", NULL, "a.b.c@x.y.z"}};
	static const char *const bad[] = {"", "a", "@", "a@", "@b.org", "a b@c",
	    "a@b c", "a@b..c", "a@.b", "a@b.", "a@-b", "a@b-", "a@b,c@d",
	    "<a@b.org", "a@b.org> x", "A <a@b.org> x", "a@b@c", "a\"b@c.org",
	    "j\xC3\xBCrgen@b.org", "a@b\xC3\xBC.org", "a@[1.2.3.4]", "a@b.org>",
	    "a<b@c.org", "(x)a@b.org"};
	struct mime_address a;
	struct err e;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(mime_address_parse(good[i].text, &a, &e), 0);
		assert_string_equal(a.mailbox, good[i].mailbox);
		if (good[i].name != NULL)
			assert_string_equal(a.name, good[i].name);
		else
			assert_null(a.name);
		mime_address_free(&a);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (mime_address_parse(bad[i], &a, &e) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.kind, ERR_PERMANENT);
	}
	assert_int_equal(mime_address_parse("a@b\xC3\xBC.org", &a, &e), -1);
	assert_err_has(&e, "xn--");
}

static void assert_header(
    const char *name, const char *text, const char *expected)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	mime_header_text(&b, name, text);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

TEST(plain_texts_stay_readable_and_are_folded)
{
	assert_header("Subject", "Report sales completed: 1,234 rows",
	    "Subject: Report sales completed: 1,234 rows\r\n");
	assert_header("Subject",
	    "one two three four five six seven eight nine ten eleven twelve "
	    "thirteen fourteen",
	    "Subject: one two three four five six seven eight nine ten eleven "
	    "twelve\r\n thirteen fourteen\r\n");
}

TEST(other_texts_become_encoded_words)
{
	assert_header(
	    "Subject", "caf\xC3\xA9", "Subject: =?UTF-8?B?Y2Fmw6k=?=\r\n");
	/* A text that looks like an encoded word, and spaces that folding would
	 * lose. */
	assert_header("Subject", "=?UTF-8?B?QQ==?=",
	    "Subject: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=\r\n");
	assert_header("Subject", "a  b", "Subject: =?UTF-8?B?YSAgYg==?=\r\n");
	assert_header("Subject", " a", "Subject: =?UTF-8?B?IGE=?=\r\n");
	assert_header("Subject", "", "Subject:\r\n");
}

TEST(no_character_is_cut_between_encoded_words)
{
	struct buf text, b;

	for (size_t pad = 0; pad < 4; pad++) {
		buf_init(&text, 10000);
		buf_init(&b, 100000);
		for (size_t i = 0; i < pad; i++)
			buf_char(&text, 'x');
		for (int i = 0; i < 100; i++)
			buf_str(&text, "\xF0\x9F\x93\x88");
		mime_header_text(&b, "Subject", text.data);
		for (char *line = strtok(b.data, "\r\n"); line != NULL;
		     line = strtok(NULL, "\r\n")) {
			char *word = strstr(line, "?B?");

			assert_true(strlen(line) <= 76);
			/* The characters have 4 bytes, so base64 ends with ==
			 * where a word's length is not a multiple of 3. */
			assert_non_null(word);
			/* a whole number of base64 groups before ?= */
			assert_true(strlen(word) % 4 == 1);
		}
		buf_free(&b);
		buf_free(&text);
	}
}

static void assert_file_name(const char *name, const char *expected)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	mime_header_parameter(
	    &b, "Content-Disposition", "attachment", "filename", name);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

static void assert_fallback(const char *name, const char *expected)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	mime_header_fallback(&b, "Content-Type", "text/csv", "name", name);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

TEST(file_names_follow_rfc_2231)
{
	assert_file_name("sales.csv",
	    "Content-Disposition: attachment;\r\n filename=\"sales.csv\"\r\n");
	assert_file_name("a \"b\" \\.csv",
	    "Content-Disposition: attachment;\r\n "
	    "filename=\"a \\\"b\\\" \\\\.csv\"\r\n");
	assert_file_name("\xE2\x82\xAC rates.csv",
	    "Content-Disposition: attachment;\r\n "
	    "filename*=UTF-8''%E2%82%AC%20rates.csv\r\n");
	assert_file_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.csv",
	    "Content-Disposition: attachment;\r\n "
	    "filename*0*=UTF-8''"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;\r\n "
	    "filename*1*="
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;\r\n "
	    "filename*2*=a.csv\r\n");
}

TEST(no_character_is_cut_between_sections_of_a_name)
{
	struct buf text, b;

	for (size_t pad = 0; pad < 12; pad++) {
		buf_init(&text, 10000);
		buf_init(&b, 100000);
		for (size_t i = 0; i < pad; i++)
			buf_char(&text, 'x');
		for (int i = 0; i < 50; i++)
			buf_str(&text, "\xF0\x9F\x93\x88");
		mime_header_parameter(&b, "D", "a", "f", text.data);
		assert_sound(b.data);
		for (char *line = strtok(b.data + 6, "\r\n"); line != NULL;
		     line = strtok(NULL, "\r\n")) {
			char *value = strchr(line, '=') + 1;
			size_t n = strcspn(value, ";");

			assert_true(n >= 12);
			assert_memory_equal(value + n - 12, "%F0%9F%93%88", 12);
		}
		buf_free(&b);
		buf_free(&text);
	}
}

TEST(old_programs_get_a_name_in_ascii)
{
	assert_fallback("\xC3\x9C"
			"bersicht \xE2\x82\xAC.csv",
	    "Content-Type: text/csv;\r\n name=\"_bersicht _.csv\"\r\n");
	assert_fallback("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aaaaaaaaaaaaaaaaaaaaa.csv.gz",
	    "Content-Type: text/csv;\r\n "
	    "name=\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "gz"
	    "\"\r\n");
}

TEST(bodies_are_quoted_where_they_must_be)
{
	struct mime_mail mail = a_mail();
	char *text;

	mail.plain = ".dot\nFrom here\ntrail \ntab\t\n=\ncaf\xC3\xA9\na\rb";
	text = whole(&mail, 4096);
	assert_sound(text);
	assert_non_null(strstr(text,
	    "\r\n=2Edot\r\n=46rom here\r\ntrail=20\r\ntab=09\r\n=3D\r\n"
	    "caf=C3=A9\r\na=0Db\r\n"));
	free(text);
}

TEST(long_lines_get_soft_breaks)
{
	struct mime_mail mail = a_mail();
	char line[501] = "";
	char *text;

	memset(line, '.', 500);
	mail.plain = line;
	text = whole(&mail, 4096);
	assert_sound(text);
	free(text);
}

TEST(without_any_recipient_to_show_it_says_so)
{
	struct mime_mail mail = a_mail();
	char *text;

	mail.to_count = 0;
	text = whole(&mail, 4096);
	assert_non_null(strstr(text, "\r\nTo: undisclosed-recipients:;\r\n"));
	free(text);
}

TEST(names_of_people_are_quoted_or_encoded)
{
	static const struct mime_address list[] = {
	    {(char *)"Ann Lee", (char *)"a@b.org"},
	    {(char *)"Lee, \"Ann\"", (char *)"a@b.org"},
	    {(char *)"J\xC3\xBCrgen", (char *)"a@b.org"},
	    {(char *)"", (char *)"a@b.org"}};
	struct buf b;

	buf_init(&b, 10000);
	mime_header_addresses(&b, "To", list, 4);
	assert_string_equal(b.data,
	    "To: Ann Lee <a@b.org>, \"Lee, \\\"Ann\\\"\" <a@b.org>, "
	    "=?UTF-8?B?SsO8cmdlbg==?=\r\n <a@b.org>, a@b.org\r\n");
	buf_free(&b);
}

TEST(encoded_sizes_are_exact)
{
	assert_int_equal(mime_encoded(0), 0);
	assert_int_equal(mime_encoded(1), 6);
	assert_int_equal(mime_encoded(57), 78);
	assert_int_equal(mime_encoded(58), 84);
	assert_int_equal(mime_encoded(5 << 20), 7174470);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_small_mail_reads_as_it_should),
	    cmocka_unit_test(any_size_of_pieces_gives_the_same_bytes),
	    cmocka_unit_test(an_attachment_that_fails_fails_the_mail),
	    cmocka_unit_test(line_breaks_and_controls_are_refused_in_headers),
	    cmocka_unit_test(addresses_are_taken_apart),
	    cmocka_unit_test(plain_texts_stay_readable_and_are_folded),
	    cmocka_unit_test(other_texts_become_encoded_words),
	    cmocka_unit_test(no_character_is_cut_between_encoded_words),
	    cmocka_unit_test(file_names_follow_rfc_2231),
	    cmocka_unit_test(no_character_is_cut_between_sections_of_a_name),
	    cmocka_unit_test(old_programs_get_a_name_in_ascii),
	    cmocka_unit_test(bodies_are_quoted_where_they_must_be),
	    cmocka_unit_test(long_lines_get_soft_breaks),
	    cmocka_unit_test(without_any_recipient_to_show_it_says_so),
	    cmocka_unit_test(names_of_people_are_quoted_or_encoded),
	    cmocka_unit_test(encoded_sizes_are_exact),
	};

	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
