/* SPDX-License-Identifier: MIT */
#include "encode/text/json_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "helper.h"

/* Checks a text in memory of exactly its size, so that valgrind notices a read
 * past its end. Returns the number of mended surrogate halves, or -1; *back is
 * the text afterwards, which the caller frees. */
static int64_t checked(
    const char *data, size_t len, char **back, struct json_seen *seen)
{
	char *copy = mem_alloc(len ? len : 1);
	struct value v = {copy, (int32_t)len};
	struct err e = {.text = ""};
	int64_t halves = -1;

	memcpy(copy, data, len);
	*back = NULL;
	if (json_check(&v, seen, &e) == 0) {
		*back = mem_zalloc(len + 1);
		json_mend(&v, *back);
		halves = (int64_t)seen->halves;
	}
	free(copy);
	return halves;
}

static void assert_checked(const char *text, int64_t halves, const char *mended)
{
	struct json_seen seen;
	char *back;

	assert_int_equal(checked(text, strlen(text), &back, &seen), halves);
	if (back != NULL)
		assert_string_equal(back, mended);
	free(back);
}

TEST(json_stays_as_it_is)
{
	static const char *const texts[] = {"null", " true ", "-0", "1.50",
	    "1e400", "-1.5E+07", "\"\"", "\"a\\u00e9\\n\\\"\\\\\\/\"", "[]",
	    "{}", "[ ]", "{ }", "[1, [2, {}], \"x\"]",
	    "{\"a\": {\"b\": [null]}, \"a\": 1}", "\"\\u0000\"",
	    "\"\\ud83d\\uDE00\"", "\"\\ufffe\"", "[{},{},[[],[]]]"};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_checked(texts[i], 0, texts[i]);
}

TEST(what_is_no_json_is_refused)
{
	static const char *const texts[] = {"", " ", "x", "nul", "nulll", "01",
	    "-", "1.", ".5", "1e", "+1", "NaN", "'a'", "\"", "\"a", "\"\\",
	    "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\x01\"", "[",
	    "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{\"a\":1]", "{",
	    "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",
	    "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "1 2", "{} {}", "[]]",
	    "<script>", "1</script>"};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_checked(texts[i], -1, NULL);
}

TEST(half_a_surrogate_pair_is_mended)
{
	assert_checked("\"\\ud800\"", 1, "\"\\ufffd\"");
	assert_checked(
	    "{\"\\uDFFF\": \"a\\uD83Db\"}", 2, "{\"\\ufffd\": \"a\\ufffdb\"}");
	assert_checked(
	    "\"\\ud800\\ud83d\\ude00\"", 1, "\"\\ufffd\\ud83d\\ude00\"");
	assert_checked(
	    "\"\\ud800\\n\\udc00\\ud800\"", 3, "\"\\ufffd\\n\\ufffd\\ufffd\"");
	assert_checked("\"\\\\ud800\"", 0, "\"\\\\ud800\"");
}

TEST(line_breaks_are_seen)
{
	struct json_seen seen;
	char *back;

	assert_int_equal(checked("[1,\n2]", 6, &back, &seen), 0);
	assert_true(seen.breaks);
	free(back);
	assert_int_equal(checked("[\"\\n\"]", 6, &back, &seen), 0);
	assert_false(seen.breaks);
	free(back);
}

TEST(nesting_has_an_end)
{
	struct err e = {.text = ""};
	struct json_seen seen;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int depth = JSON_DEPTH_MAX; depth < JSON_DEPTH_MAX + 2; depth++) {
		bool fits = depth == JSON_DEPTH_MAX;

		buf_clear(&b);
		for (int i = 0; i < depth; i++)
			buf_str(&b, i % 2 ? "{\"a\": " : "[");
		buf_str(&b, "1");
		for (int i = depth; i-- > 0;)
			buf_str(&b, i % 2 ? "}" : "]");
		assert_int_equal(
		    json_check(
			&(struct value){b.data, (int32_t)b.len}, &seen, &e),
		    fits ? 0 : -1);
	}
	assert_err_has(&e, "more than 500 levels");
	buf_free(&b);
}

/* A random generator that gives the same texts on every machine. */
static unsigned int next(unsigned int *state)
{
	return (*state = *state * 1103515245 + 12345) >> 16;
}

/* Says whether jansson reads the text: it is strict except for numbers out of
 * its range. */
static bool jansson_reads(const char *text, size_t len)
{
	json_error_t error;
	json_t *json = json_loadb(text, len,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);

	json_decref(json);
	return json != NULL ||
	       json_error_code(&error) == json_error_numeric_overflow;
}

TEST(another_reader_agrees_on_texts_with_faults)
{
	static const char sound[] =
	    "{\"a\": [1, -2.5e3, \"x\\ud83d\\ude00\\n\"], \"b\": {\"c\": null, "
	    "\"d\": [true, false, {}]}, \"e\\u00e9\": \"\\\\\"}";
	static const char bytes[] =
	    "{}[]\",:\\ 0123456789eE+-.unltrfasd\n\t\x01";
	unsigned int seed = 1;
	int good = 0;

	for (int i = 0; i < 200000; i++) {
		char text[sizeof(sound)], *back;
		size_t len = sizeof(sound) - 1;
		struct json_seen seen;
		int64_t halves;

		memcpy(text, sound, sizeof(sound));
		for (unsigned int n = next(&seed) % 3; n-- > 0;)
			text[next(&seed) % len] =
			    bytes[next(&seed) % (sizeof(bytes) - 1)];
		if (next(&seed) % 8 == 0)
			len = next(&seed) % len;
		halves = checked(text, len, &back, &seen);
		if (halves >= 0)
			assert_true(jansson_reads(back, len));
		else
			assert_false(jansson_reads(text, len));
		good += halves >= 0;
		free(back);
	}
	assert_in_range(good, 20000, 180000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_stays_as_it_is),
	    cmocka_unit_test(what_is_no_json_is_refused),
	    cmocka_unit_test(half_a_surrogate_pair_is_mended),
	    cmocka_unit_test(line_breaks_are_seen),
	    cmocka_unit_test(nesting_has_an_end),
	    cmocka_unit_test(another_reader_agrees_on_texts_with_faults),
	};

	return cmocka_run_group_tests_name("json_check", tests, NULL, NULL);
}
