/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "helper.h"

TEST(set_fills_kind_and_text_and_forgets_the_sqlstate)
{
	struct err e = {.sqlstate = "42601"};

	assert_int_equal(
	    err_set(&e, ERR_TIMEOUT, "%s took %d s", "prep", 7), -1);
	assert_int_equal(e.kind, ERR_TIMEOUT);
	assert_err(&e, "prep took 7 s");
	assert_string_equal(e.sqlstate, "");
}

TEST(wrap_reads_outward_and_keeps_kind_and_sqlstate)
{
	struct err e;

	err_set(&e, ERR_PERMANENT, "relation \"%s\" does not exist", "x");
	str_copy(e.sqlstate, sizeof(e.sqlstate), "42P01");
	assert_int_equal(err_wrap(&e, "export"), -1);
	assert_int_equal(err_wrap(&e, "report %d", 42), -1);
	assert_err(&e, "report 42: export: relation \"x\" does not exist");
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_string_equal(e.sqlstate, "42P01");
}

TEST(errno_is_named_and_decides_the_kind)
{
	static const struct {
		int number;
		enum err_kind kind;
	} cases[] = {
	    {ENOSPC, ERR_TRANSIENT},
	    {EIO, ERR_TRANSIENT},
	    {EDQUOT, ERR_TRANSIENT},
	    {EACCES, ERR_PERMANENT},
	    {EROFS, ERR_PERMANENT},
	    {ENAMETOOLONG, ERR_PERMANENT},
	    {ENOTDIR, ERR_PERMANENT},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {.sqlstate = "XX000"};

		assert_int_equal(
		    err_errno(&e, cases[i].number, "writing %s", "a.csv"), -1);
		assert_int_equal(e.kind, cases[i].kind);
		assert_err_has(&e, "writing a.csv: ");
		assert_err_has(&e, strerror(cases[i].number));
		assert_string_equal(e.sqlstate, "");
	}
}

/* Makes n bytes of two-byte characters after `lead` single-byte ones. */
static char *accents(size_t lead, size_t n)
{
	char *s = mem_zalloc(lead + n + 1);

	memset(s, 'a', lead);
	for (size_t i = 0; i + 1 < n; i += 2)
		memcpy(s + lead + i, "\xC3\xA9", 2);
	return s;
}

TEST(long_text_is_cut_at_a_character)
{
	/* The limit falls between two characters for one lead, inside one for
	 * the other. */
	for (size_t lead = 0; lead < 2; lead++) {
		char *s = accents(lead, 4000);
		struct err e;

		err_set(&e, ERR_TRANSIENT, "%s", s);
		assert_true(str_is_utf8(e.text, strlen(e.text)));
		assert_in_range(
		    strlen(e.text), sizeof(e.text) - 8, sizeof(e.text) - 1);
		err_wrap(&e, "x");
		assert_true(str_is_utf8(e.text, strlen(e.text)));
		assert_in_range(
		    strlen(e.text), sizeof(e.text) - 8, sizeof(e.text) - 1);
		free(s);
	}
}

TEST(a_long_name_does_not_hide_the_reason)
{
	char *s = accents(0, 4000);
	struct err e;

	err_errno(&e, ENOSPC, "writing %s", s);
	assert_err_has(&e, strerror(ENOSPC));
	assert_true(str_is_utf8(e.text, strlen(e.text)));
	free(s);
}

/* A SQL_ASCII database may send any bytes; the queue accepts only UTF-8. */
TEST(text_that_is_no_utf8_becomes_utf8)
{
	struct err e;

	err_set(&e, ERR_PERMANENT, "invalid input: \"%s\"", "caf\xE9 \xFF");
	assert_err(&e, "invalid input: \"caf? ?\"");
	err_wrap(&e, "re\xC3");
	assert_err(&e, "re?: invalid input: \"caf? ?\"");
}

TEST(characters_that_deceive_are_seen)
{
	struct err e;
	char *long_text = mem_zalloc(3000);

	err_set(&e, ERR_PERMANENT, "report \"%s\"", "x\xE2\x80\xAEvsc");
	assert_string_equal(e.text, "report \"x<U+202E>vsc\"");
	err_wrap(&e, "a\xE2\x80\x8B");
	assert_string_equal(e.text, "a<U+200B>: report \"x<U+202E>vsc\"");
	for (int i = 0; i < 900; i++)
		strcat(long_text, "\xE2\x80\xAE");
	err_set(&e, ERR_PERMANENT, "%s", long_text);
	assert_true(strlen(e.text) < sizeof(e.text));
	assert_string_equal(e.text + strlen(e.text) - 8, "<U+202E>");
	free(long_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(set_fills_kind_and_text_and_forgets_the_sqlstate),
	    cmocka_unit_test(characters_that_deceive_are_seen),
	    cmocka_unit_test(wrap_reads_outward_and_keeps_kind_and_sqlstate),
	    cmocka_unit_test(errno_is_named_and_decides_the_kind),
	    cmocka_unit_test(long_text_is_cut_at_a_character),
	    cmocka_unit_test(a_long_name_does_not_hide_the_reason),
	    cmocka_unit_test(text_that_is_no_utf8_becomes_utf8),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
