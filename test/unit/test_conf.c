/* SPDX-License-Identifier: MIT */
#include "base/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

/* Notes each key as one line: `section|key|value|file:line`. */
static int note(void *arg, const struct conf_item *i, struct err *e)
{
	if (strcmp(i->key, "refuse") == 0)
		return err_set(e, ERR_PERMANENT, "refused");
	buf_printf(arg, "%s|%s|%s|%s:%d\n", i->section, i->key, i->value,
	    i->file, i->line);
	return 0;
}

/* Reads text; returns 0 with the notes in *seen, or -1 with *e filled. */
static int read_text(const char *text, struct buf *seen, struct err *e)
{
	FILE *f = tmpfile();
	int rc;

	assert_non_null(f);
	fputs(text, f);
	rewind(f);
	buf_init(seen, 1 << 20);
	buf_str(seen, "");
	rc = conf_read(f, "x.conf", note, seen, e);
	fclose(f);
	return rc;
}

static void assert_reads(const char *text, const char *expected)
{
	struct buf seen;
	struct err e = {.text = ""};
	int rc = read_text(text, &seen, &e);

	assert_err(&e, "");
	assert_int_equal(rc, 0);
	assert_string_equal(seen.data, expected);
	buf_free(&seen);
}

static void assert_refuses(const char *text, const char *expected)
{
	struct buf seen;
	struct err e = {.text = ""};
	int rc = read_text(text, &seen, &e);

	buf_free(&seen);
	assert_int_equal(rc, -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, expected);
}

TEST(keys_come_with_their_section_and_line)
{
	assert_reads("# first\n[a]\nx = 1\n\n  ; note\n[b.c]\n  y=two words \n",
	    "a|x|1|x.conf:3\nb.c|y|two words|x.conf:7\n");
	assert_reads("", "");
	assert_reads("no = section\n", "|no|section|x.conf:1\n");
	assert_reads("[a]\r\nx = 1\r\n", "a|x|1|x.conf:2\n");
	assert_reads("\xEF\xBB\xBF[a]\nx = 1", "a|x|1|x.conf:2\n");
}

TEST(a_value_reaches_to_the_end_of_its_line)
{
	assert_reads("[a]\nx = host=h password='a;b # c' = [d]\n",
	    "a|x|host=h password='a;b # c' = [d]|x.conf:2\n");
	assert_reads("[a]\nx =\n", "a|x||x.conf:2\n");
	/* There are no continuation lines: an indented line is a key. */
	assert_reads(
	    "[a]\nx = 1\n  y = 2\n", "a|x|1|x.conf:2\na|y|2|x.conf:3\n");
}

TEST(mistakes_are_refused_with_their_line)
{
	assert_refuses("[a]\nx = 1\nnonsense\n", "x.conf:3: expected");
	assert_refuses("[a\nx = 1\n", "x.conf:1: expected");
	assert_refuses("[a]\nx = 1\nrefuse = 2\ny = 3\n", "x.conf:3: refused");
}

TEST(a_key_that_stands_twice_is_refused)
{
	assert_refuses("[a]\nx = 1\n[b]\nx = 2\n[a]\ny = 1\nx = 1\n",
	    "x.conf:7: x of [a] is set a second time, after line 2");
	assert_refuses("[source.a]\nx = 1\nx = 1\n", "[source.a]");
	assert_reads("[a]\nx = 1\n[b]\nx = 2\n[a]\nX = 3\n",
	    "a|x|1|x.conf:2\nb|x|2|x.conf:4\na|X|3|x.conf:6\n");
}

TEST(reading_stops_at_the_first_mistake)
{
	struct buf seen;
	struct err e;

	assert_int_equal(
	    read_text("[a]\nx=1\nrefuse=\ny=2\n[b\n", &seen, &e), -1);
	assert_string_equal(seen.data, "a|x|1|x.conf:2\n");
	assert_err(&e, "x.conf:3: refused");
	buf_free(&seen);
}

TEST(long_names_are_refused_not_cut)
{
	char name[64], text[256];

	for (int len = 47; len < 52; len++) {
		memset(name, 'n', sizeof(name));
		name[len] = '\0';
		snprintf(text, sizeof(text), "[%s]\n%s = 1\n", name, name);
		if (len <= 48) {
			char expected[256];

			snprintf(expected, sizeof(expected),
			    "%s|%s|1|x.conf:2\n", name, name);
			assert_reads(text, expected);
			continue;
		}
		assert_refuses(text, "x.conf:2: the name \"nnn");
		assert_refuses(text, "is longer than 48 bytes");
	}
}

TEST(long_lines_are_taken_whole_or_refused)
{
	char *text = mem_zalloc(200000);

	strcpy(text, "[a]\nx = ");
	memset(text + 8, 'v', 60000);
	for (int i = 0; i < 2; i++) {
		struct buf seen;
		struct err e;
		int rc = read_text(text, &seen, &e);

		if (i == 0) {
			assert_int_equal(rc, 0);
			assert_int_equal(
			    seen.len, strlen("a|x||x.conf:2\n") + 60000);
		} else {
			assert_int_equal(rc, -1);
			assert_err_has(&e, "x.conf:2: the line is longer");
		}
		buf_free(&seen);
		memset(text + 8, 'v', 180000);
	}
	free(text);
}

TEST(the_environment_is_expanded)
{
	setenv("CONF_TEST_A", "alpha", 1);
	setenv("CONF_TEST_EMPTY", "", 1);
	assert_reads("[a]\nx = <${CONF_TEST_A}-${CONF_TEST_A}>\n",
	    "a|x|<alpha-alpha>|x.conf:2\n");
	assert_reads("[a]\nx = a${CONF_TEST_EMPTY}b\n", "a|x|ab|x.conf:2\n");
	assert_reads("[a]\nx = $${CONF_TEST_A} $$ $ $x 5$\n",
	    "a|x|${CONF_TEST_A} $ $ $x 5$|x.conf:2\n");
	assert_reads(
	    "[a]\nx = ${CONF_TEST_A\n", "a|x|${CONF_TEST_A|x.conf:2\n");
	/* The value of a variable is not expanded again. */
	setenv("CONF_TEST_A", "${CONF_TEST_EMPTY}", 1);
	assert_reads(
	    "[a]\nx = ${CONF_TEST_A}\n", "a|x|${CONF_TEST_EMPTY}|x.conf:2\n");
}

TEST(an_unset_variable_is_a_mistake)
{
	unsetenv("CONF_TEST_B");
	assert_refuses("[a]\ny = 1\nx = ${CONF_TEST_B}\n",
	    "x.conf:3: the environment has no variable \"CONF_TEST_B\"");
	assert_refuses("[a]\nx = ${}\n", "no variable \"\"");
}

TEST(an_expansion_that_is_too_long_is_refused)
{
	char *big = mem_zalloc(100001), *text = mem_zalloc(1000);

	memset(big, 'x', 100000);
	setenv("CONF_TEST_BIG", big, 1);
	strcpy(text, "[a]\nx = ");
	for (int i = 0; i < 5; i++)
		strcat(text, "${CONF_TEST_BIG}");
	assert_refuses(text, "x.conf:2: the value is longer than");
	unsetenv("CONF_TEST_BIG");
	free(big);
	free(text);
}

/* A directory opens like a file, but cannot be read. */
TEST(a_file_that_cannot_be_read_is_no_empty_file)
{
	FILE *f = fopen("/", "re");
	struct buf seen;
	struct err e;

	assert_non_null(f);
	buf_init(&seen, 100);
	assert_int_equal(conf_read(f, "x.conf", note, &seen, &e), -1);
	assert_err_has(&e, "x.conf");
	assert_err_has(&e, "Is a directory");
	buf_free(&seen);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_come_with_their_section_and_line),
	    cmocka_unit_test(a_value_reaches_to_the_end_of_its_line),
	    cmocka_unit_test(mistakes_are_refused_with_their_line),
	    cmocka_unit_test(reading_stops_at_the_first_mistake),
	    cmocka_unit_test(a_key_that_stands_twice_is_refused),
	    cmocka_unit_test(long_names_are_refused_not_cut),
	    cmocka_unit_test(long_lines_are_taken_whole_or_refused),
	    cmocka_unit_test(the_environment_is_expanded),
	    cmocka_unit_test(an_unset_variable_is_a_mistake),
	    cmocka_unit_test(an_expansion_that_is_too_long_is_refused),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_no_empty_file),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
