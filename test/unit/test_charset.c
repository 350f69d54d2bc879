/* SPDX-License-Identifier: MIT */
#include "encode/text/charset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "helper.h"

/* Writes data to f in the encoding; returns 0, or -1 with *e filled. */
static int convert(const char *encoding, const char *data, size_t len,
    struct fake *f, struct err *e)
{
	struct charset *c = charset_open(encoding, e);
	struct sink *sink = fake_open(f);
	int rc = c ? charset_write(c, data, len, sink, e) : -1;

	charset_close(c);
	sink_free(sink);
	return rc;
}

TEST(encodings_are_named_as_postgresql_does)
{
	static const struct {
		const char *encoding, *in, *out;
	} cases[] = {
	    {"LATIN1", "caf\xC3\xA9", "caf\xE9"},
	    {"latin1", "caf\xC3\xA9", "caf\xE9"},
	    {"LATIN9", "5 \xE2\x82\xAC", "5 \xA4"},
	    {"WIN1252", "5 \xE2\x82\xAC", "5 \x80"},
	    {"WIN1251", "\xD0\x96", "\xC6"},
	    {"WIN866", "\xD0\x96", "\x86"},
	    {"ISO_8859_5", "\xD0\x96", "\xB6"},
	    {"KOI8R", "\xD0\x96", "\xF6"},
	    {"LATIN5", "\xC4\x9E", "\xD0"},
	    {"EUC_JP", "\xE6\x97\xA5", "\xC6\xFC"},
	    {"SJIS", "\xE6\x97\xA5", "\x93\xFA"},
	    {"BIG5", "\xE6\x97\xA5", "\xA4\xE9"},
	    {"GBK", "\xE6\x97\xA5", "\xC8\xD5"},
	    {"UHC", "\xEA\xB0\x80", "\xB0\xA1"},
	    {"SQL_ASCII", "caf\xC3\xA9 \xFF", "caf\xC3\xA9 \xFF"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {.text = ""};
		struct fake f;

		fake_init(&f);
		convert(cases[i].encoding, cases[i].in, strlen(cases[i].in), &f,
		    &e);
		assert_err(&e, "");
		assert_string_equal(f.bytes.data, cases[i].out);
		fake_free(&f);
	}
}

TEST(case_and_punctuation_of_a_name_do_not_count)
{
	static const char *const utf8[] = {
	    "UTF8", "utf8", "UTF-8", "Utf_8", "unicode"};
	static const char *const latin1[] = {"Latin-1", "latin_1", "LATIN 1"};

	for (size_t i = 0; i < COUNT(utf8); i++)
		assert_true(charset_is_utf8(utf8[i]));
	assert_false(charset_is_utf8("UTF"));
	assert_false(charset_is_utf8("UTF88"));
	assert_false(charset_is_utf8("LATIN1"));
	assert_true(charset_is_raw("sql-ascii"));
	assert_false(charset_is_raw("ASCII"));
	for (size_t i = 0; i < COUNT(latin1); i++) {
		struct err e = {.text = ""};
		struct fake f;

		fake_init(&f);
		convert(latin1[i], "caf\xC3\xA9", 5, &f, &e);
		assert_err(&e, "");
		assert_string_equal(f.bytes.data, "caf\xE9");
		fake_free(&f);
	}
}

/* The table "PostgreSQL Character Sets" of PostgreSQL's manual, without
 * MULE_INTERNAL, which no other program knows. */
TEST(every_encoding_of_postgresql_is_known)
{
	static const char *const names[] = {"BIG5", "EUC_CN", "EUC_JP",
	    "EUC_JIS_2004", "EUC_KR", "EUC_TW", "GB18030", "GBK", "ISO_8859_5",
	    "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "JOHAB", "KOI8R", "KOI8U",
	    "LATIN1", "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6",
	    "LATIN7", "LATIN8", "LATIN9", "LATIN10", "SJIS", "SHIFT_JIS_2004",
	    "SQL_ASCII", "UHC", "UTF8", "WIN866", "WIN874", "WIN1250",
	    "WIN1251", "WIN1252", "WIN1253", "WIN1254", "WIN1255", "WIN1256",
	    "WIN1257", "WIN1258"};

	for (size_t i = 0; i < COUNT(names); i++) {
		struct err e = {.text = ""};
		struct fake f;

		fake_init(&f);
		convert(names[i], "plain", 5, &f, &e);
		assert_err(&e, "");
		assert_string_equal(f.bytes.data, "plain");
		fake_free(&f);
	}
}

TEST(unknown_encodings_are_refused)
{
	static const char *const names[] = {
	    "KLINGON", "", "LATIN1//TRANSLIT", "LATIN1//IGNORE", "//"};

	for (size_t i = 0; i < COUNT(names); i++) {
		struct err e = {.text = "accepted"};

		assert_null(charset_open(names[i], &e));
		assert_err_has(&e, "encoding \"");
		assert_err_has(&e, "cannot be written; known: UTF8, ");
		assert_int_equal(e.kind, ERR_PERMANENT);
	}
}

TEST(a_missing_character_is_named)
{
	static const struct {
		const char *encoding, *in, *named;
	} cases[] = {
	    {"LATIN1", "a\xE2\x82\xAC", "U+20AC (\xE2\x82\xAC)"},
	    {"LATIN1", "\xC5\x81x", "U+0141 (\xC5\x81)"},
	    {"WIN1252", "\xF0\x9F\x98\x80", "U+1F600 (\xF0\x9F\x98\x80)"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e;
		struct fake f;

		fake_init(&f);
		assert_int_equal(convert(cases[i].encoding, cases[i].in,
				     strlen(cases[i].in), &f, &e),
		    -1);
		assert_err_has(&e, cases[i].named);
		assert_err_has(&e, cases[i].encoding);
		assert_int_equal(e.kind, ERR_PERMANENT);
		fake_free(&f);
	}
}

TEST(bytes_that_are_no_utf8_are_an_error)
{
	static const char *const bad[] = {
	    "a\xFF", "a\xE9 b", "a\xC3", "a\xE2\x82", "\xF0\x9F"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e;
		struct fake f;

		fake_init(&f);
		assert_int_equal(
		    convert("LATIN1", bad[i], strlen(bad[i]), &f, &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_true(str_is_utf8(e.text, strlen(e.text)));
		assert_err_has(&e, "not valid UTF-8");
		fake_free(&f);
	}
}

/* The text is longer than charset_write's buffers, with a character at each
 * edge. */
TEST(long_texts_are_converted_whole)
{
	enum { CHARACTERS = 150000 };
	char *in = mem_zalloc(1 + 2 * CHARACTERS);

	for (int shift = 0; shift < 2; shift++) {
		struct err e = {.text = ""};
		struct fake f;

		in[0] = 'a';
		for (int i = 0; i < CHARACTERS; i++)
			memcpy(in + shift + 2 * i, "\xC3\xA9", 2);
		fake_init(&f);
		convert("LATIN1", in, (size_t)shift + 2 * CHARACTERS, &f, &e);
		assert_err(&e, "");
		assert_int_equal(f.bytes.len, shift + CHARACTERS);
		for (int i = shift; i < CHARACTERS; i++)
			assert_true(f.bytes.data[i] == '\xE9');
		fake_free(&f);
		/* Each U+0080 becomes four bytes, the largest growth. */
		fake_init(&f);
		convert("GB18030", "\xC2\x80\xC2\x80", 4, &f, &e);
		assert_err(&e, "");
		assert_int_equal(f.bytes.len, 8);
		fake_free(&f);
	}
	free(in);
}

TEST(a_failing_sink_stops_it)
{
	static const char *const encodings[] = {"LATIN1", "SQL_ASCII"};

	for (size_t i = 0; i < COUNT(encodings); i++) {
		struct fake f;
		struct err e;

		fake_init(&f);
		f.fail_at = 2;
		assert_int_equal(convert(encodings[i], "abc", 3, &f, &e), -1);
		assert_err(&e, FAKE_ERROR);
		fake_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encodings_are_named_as_postgresql_does),
	    cmocka_unit_test(case_and_punctuation_of_a_name_do_not_count),
	    cmocka_unit_test(every_encoding_of_postgresql_is_known),
	    cmocka_unit_test(unknown_encodings_are_refused),
	    cmocka_unit_test(a_missing_character_is_named),
	    cmocka_unit_test(bytes_that_are_no_utf8_are_an_error),
	    cmocka_unit_test(long_texts_are_converted_whole),
	    cmocka_unit_test(a_failing_sink_stops_it),
	};

	return cmocka_run_group_tests_name("charset", tests, NULL, NULL);
}
