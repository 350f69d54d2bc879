/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "helper.h"

/* Standard error, redirected to a file in memory. */
static int caught, real;

static int catch_stderr(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	caught = memfd_create("stderr", MFD_CLOEXEC);
	real = dup(STDERR_FILENO);
	dup2(caught, STDERR_FILENO);
	return 0;
}

static int restore_stderr(void **state)
{
	(void)state;
	dup2(real, STDERR_FILENO);
	close(real);
	close(caught);
	return 0;
}

/* Returns the text written since the last call; the caller frees it. */
static char *taken(void)
{
	struct stat st;
	char *text;

	fstat(caught, &st);
	text = mem_zalloc((size_t)st.st_size + 1);
	assert_true(pread(caught, text, (size_t)st.st_size, 0) == st.st_size);
	assert_return_code(ftruncate(caught, 0), 0);
	lseek(caught, 0, SEEK_SET);
	return text;
}

static const struct log text_log = {.level = LVL_INFO};
static const struct log json_log = {
    .level = LVL_DEBUG, .format = LOG_FORMAT_JSON};

/* Checks a line's text, and the form of its time. */
static void assert_text(const char *expected)
{
	static const char time_form[] = "0000-00-00T00:00:00.000000Z ";
	char *got = taken();

	for (size_t i = 0; time_form[i] != '\0'; i++) {
		if (time_form[i] == '0')
			assert_in_range(got[i], '0', '9');
		else
			assert_int_equal(got[i], time_form[i]);
	}
	assert_string_equal(got + strlen(time_form), expected);
	free(got);
}

/* Returns the line as JSON, which the caller frees with json_decref. */
static json_t *taken_json(void)
{
	char *got = taken();
	struct err e;
	json_t *object = json_parse_object(got, strlen(got), &e);

	assert_non_null(object);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
	free(got);
	return object;
}

TEST(text_is_time_level_message_fields)
{
	LOG(&text_log, LVL_INFO, L_MSG("run finished"), L_INT("run", 7),
	    L_STR("report", "sales"));
	assert_text("info \"run finished\" run=7 report=sales\n");
}

TEST(numbers_keep_their_sign_and_size)
{
	LOG(&text_log, LVL_WARN, L_MSG("n"), L_INT("a", INT64_MIN),
	    L_INT("b", INT64_MAX), L_INT("c", 0));
	assert_text("warn \"n\" a=-9223372036854775808 b=9223372036854775807 "
		    "c=0\n");
}

TEST(text_quotes_what_would_break_the_line)
{
	LOG(&text_log, LVL_ERROR, L_MSG("say \"no\""), L_STR("a", "two words"),
	    L_STR("b", ""), L_STR("c", "x=y"), L_STR("d", "back\\slash"),
	    L_STR("e", "one\ntwo\r\t\x7F"), L_STR("f", "\xC3\xA9t\xC3\xA9"));
	assert_text(
	    "error \"say \\\"no\\\"\" a=\"two words\" b=\"\" "
	    "c=\"x=y\" d=\"back\\\\slash\" "
	    "e=\"one\\ntwo\\u000d\\u0009\\u007f\" f=\xC3\xA9t\xC3\xA9\n");
}

/* U+202E reverses the text after it, U+200B splits a word invisibly, some
 * programs read U+0085 as a line break, and U+E0041 is an invisible letter. */
TEST(characters_that_deceive_are_escaped)
{
	json_t *object;

	LOG(&text_log, LVL_INFO, L_MSG("m\xE2\x80\xAE"),
	    L_STR("a", "x\xE2\x80\xAEvsc"),
	    L_STR("b", "s\xE2\x80\x8B"
		       "ales"),
	    L_STR("c", "\xC2\x85"), L_STR("d", "\xF3\xA0\x81\x81"),
	    L_STR("e", "\xE2\x81\xA6\xEF\xBB\xBF"));
	assert_text("info \"m\\u202e\" a=\"x\\u202evsc\" b=\"s\\u200bales\" "
		    "c=\"\\u0085\" d=\"\\udb40\\udc41\" "
		    "e=\"\\u2066\\ufeff\"\n");
	LOG(&json_log, LVL_INFO, L_MSG("m"), L_STR("a", "\xF3\xA0\x81\x81"));
	object = taken_json();
	assert_string_equal(json_str(object, "a", ""), "\xF3\xA0\x81\x81");
	json_decref(object);
}

TEST(a_null_string_is_an_empty_one)
{
	const char *nothing = NULL;

	LOG(&text_log, LVL_INFO, L_MSG("m"), L_STR("a", nothing));
	assert_text("info \"m\" a=\"\"\n");
}

TEST(lines_below_the_level_are_dropped)
{
	struct log log = text_log;
	char *got;

	for (log.level = LVL_DEBUG; log.level <= LVL_ERROR; log.level++) {
		for (enum log_level l = LVL_DEBUG; l <= LVL_ERROR; l++)
			LOG(&log, l, L_MSG("x"));
		got = taken();
		for (int i = 0; i < 4; i++) {
			static const char *const names[] = {
			    " debug ", " info ", " warn ", " error "};

			assert_int_equal(
			    strstr(got, names[i]) != NULL, i >= (int)log.level);
		}
		free(got);
	}
}

TEST(json_is_one_object_a_line)
{
	json_t *o;

	LOG(&json_log, LVL_DEBUG, L_MSG("claimed"), L_INT("run", -7),
	    L_STR("report", "a \"b\" \\ c\n\x01"));
	o = taken_json();
	assert_string_equal(json_str(o, "level", ""), "debug");
	assert_string_equal(json_str(o, "msg", ""), "claimed");
	assert_int_equal(json_int(o, "run", 0), -7);
	assert_string_equal(json_str(o, "report", ""), "a \"b\" \\ c\n\x01");
	assert_int_equal(strlen(json_str(o, "time", "")), 27);
	json_decref(o);
}

TEST(json_stays_json_whatever_the_bytes)
{
	json_t *o;

	LOG(&json_log, LVL_INFO, L_MSG("m"), L_STR("bad", "caf\xE9"),
	    L_STR("good", "caf\xC3\xA9"));
	o = taken_json();
	assert_string_equal(json_str(o, "bad", ""), "caf?");
	assert_string_equal(json_str(o, "good", ""), "caf\xC3\xA9");
	json_decref(o);
}

TEST(a_huge_field_is_cut_and_the_line_stays_whole)
{
	char *huge = mem_zalloc(200001);
	json_t *o;
	char *got;

	memset(huge, 1, 200000);
	LOG(&json_log, LVL_INFO, L_MSG("m"), L_STR("sql", huge),
	    L_STR("more", huge), L_INT("run", 7));
	o = taken_json();
	assert_int_equal(json_int(o, "run", 0), 7);
	assert_int_equal(json_str(o, "sql", "")[0], 1);
	json_decref(o);
	LOG(&text_log, LVL_INFO, L_MSG("m"), L_STR("sql", huge),
	    L_INT("run", 7));
	got = taken();
	assert_string_equal(got + strlen(got) - 7, " run=7\n");
	free(got);
	free(huge);
}

/* The entries that the journal was sent; it takes none while `taking` is false. */
static char entry[1024];
static size_t entry_len;
static bool taking;

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags,
    const struct sockaddr *to, socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags,
    const struct sockaddr *to, socklen_t to_len)
{
	(void)fd, (void)flags, (void)to, (void)to_len;
	if (!taking || len > sizeof(entry))
		return -1;
	memcpy(entry, data, len);
	entry_len = len;
	return (ssize_t)len;
}

TEST(the_journal_gets_fields)
{
	static const char expected[] =
	    "PRIORITY=3\nSYSLOG_IDENTIFIER=reportd\n"
	    "MESSAGE\n\31\0\0\0\0\0\0\0\"broken\" run=7 sql=\"a\\nb\"\n"
	    "REPORTD_RUN=7\n"
	    "REPORTD_SQL\n\3\0\0\0\0\0\0\0a\nb\n";
	struct stat st;
	char *stream, *got;

	fstat(STDERR_FILENO, &st);
	stream = mem_printf("%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	taking = true;
	LOG(&text_log, LVL_ERROR, L_MSG("broken"), L_INT("run", 7),
	    L_STR("sql", "a\nb"));
	taking = false;
	got = taken();
	assert_string_equal(got, "");
	assert_int_equal(entry_len, sizeof(expected) - 1);
	assert_memory_equal(entry, expected, entry_len);
	free(got);
	free(stream);
}

TEST(a_journal_that_takes_no_fields_gets_a_priority)
{
	struct stat st;
	char *stream, *got;

	fstat(STDERR_FILENO, &st);
	stream = mem_printf("%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	LOG(&text_log, LVL_ERROR, L_MSG("broken"), L_INT("run", 7));
	got = taken();
	assert_string_equal(got, "<3>\"broken\" run=7\n");
	free(got);
	/* JOURNAL_STREAM is stale: standard error was redirected afterwards. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	LOG(&text_log, LVL_ERROR, L_MSG("broken"));
	assert_text("error \"broken\"\n");
	free(stream);
}

TEST(syslog_leaves_standard_error_alone)
{
	const struct log log = {.level = LVL_WARN, .target = LOG_TARGET_SYSLOG};
	char *got;

	LOG(&log, LVL_DEBUG, L_MSG("not even there"));
	got = taken();
	assert_string_equal(got, "");
	free(got);
}

TEST(levels_have_names)
{
	static const struct {
		const char *name;
		enum log_level level;
	} cases[] = {{"debug", LVL_DEBUG}, {"info", LVL_INFO},
	    {"warn", LVL_WARN}, {"warning", LVL_WARN}, {"WARNING", LVL_WARN},
	    {"error", LVL_ERROR}, {"Error", LVL_ERROR}};
	enum log_level l;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(log_level_parse(cases[i].name, &l), 0);
		assert_int_equal(l, cases[i].level);
	}
	assert_int_equal(log_level_parse("", &l), -1);
	assert_int_equal(log_level_parse("loud", &l), -1);
}

#define caught_test(f) \
	cmocka_unit_test_setup_teardown(f, catch_stderr, restore_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    caught_test(text_is_time_level_message_fields),
	    caught_test(numbers_keep_their_sign_and_size),
	    caught_test(text_quotes_what_would_break_the_line),
	    caught_test(characters_that_deceive_are_escaped),
	    caught_test(a_null_string_is_an_empty_one),
	    caught_test(lines_below_the_level_are_dropped),
	    caught_test(json_is_one_object_a_line),
	    caught_test(json_stays_json_whatever_the_bytes),
	    caught_test(a_huge_field_is_cut_and_the_line_stays_whole),
	    caught_test(the_journal_gets_fields),
	    caught_test(a_journal_that_takes_no_fields_gets_a_priority),
	    caught_test(syslog_leaves_standard_error_alone),
	    cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
