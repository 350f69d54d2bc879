/* SPDX-License-Identifier: MIT */
#include "encode/text/json_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

struct part {
	const char *name;
	const struct column *columns;
	int count;
	const struct value *values;
	int rows;
};
#define PART(n, c, v)                                                \
	{                                                            \
		.name = (n), .columns = (c), .count = (int)COUNT(c), \
		.values = (v), .rows = (int)(COUNT(v) / COUNT(c))    \
	}

static int add_part(struct encoder *enc, const struct part *p, struct err *e)
{
	struct schema schema = {
	    (struct column *)(uintptr_t)p->columns, p->count};
	struct section section = {p->name, &schema};

	if (encoder_begin(enc, &section, e) != 0)
		return -1;
	for (int row = 0; row < p->rows; row++) {
		struct batch b = {p->values + row * p->count, 1};

		if (encoder_rows(enc, &b, e) != 0)
			return -1;
	}
	return encoder_end(enc, e);
}

static int encode(const struct encoder_type *type, const char *options,
    const struct part *parts, int count, struct fake *f, struct err *e)
{
	json_t *o =
	    options ? json_parse_object(options, strlen(options), e) : NULL;
	struct sink *sink = fake_open(f);
	struct encoder *enc = encoder_open(type,
	    &(struct encoder_options){
		.options = o, .sink = sink, .expected_sections = count},
	    e);
	int rc = enc ? 0 : -1;

	for (int i = 0; rc == 0 && i < count; i++)
		rc = add_part(enc, &parts[i], e);
	if (rc == 0)
		rc = encoder_finish(enc, e);
	encoder_free(enc);
	sink_free(sink);
	json_decref(o);
	return rc;
}

static void assert_parts(const struct encoder_type *type, const char *options,
    const struct part *parts, int count, const char *expected)
{
	struct err e = {.text = ""};
	struct fake f;
	json_t *back;

	fake_init(&f);
	if (encode(type, options, parts, count, &f, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(f.bytes.data, expected);
	if (type == &encoder_json) {
		back = json_loadb(
		    f.bytes.data, f.bytes.len, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(back);
		json_decref(back);
	}
	fake_free(&f);
}

static void refuse(const struct encoder_type *type, const char *options,
    const struct part *parts, int count, const char *message)
{
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	assert_int_equal(encode(type, options, parts, count, &f, &e), -1);
	assert_err_has(&e, message);
	fake_free(&f);
}

/* Checks the text of one value in a line of JSONL. */
static void assert_value(const char *options, const struct column *column,
    const struct value *v, const char *expected)
{
	struct part p = {NULL, column, 1, v, 1};
	char *line = mem_printf("{\"x\":%s}\n", expected);

	assert_parts(&encoder_jsonl, options, &p, 1, line);
	free(line);
}

struct text_case {
	const char *in, *out;
};
static void assert_values(const char *options, enum column_kind kind,
    const struct text_case *cases, size_t count)
{
	struct column column = {.name = (char *)(uintptr_t) "x", .kind = kind};

	for (size_t i = 0; i < count; i++) {
		struct value v = {cases[i].in, (int32_t)strlen(cases[i].in)};

		assert_value(options, &column, &v, cases[i].out);
	}
}
#define VALUES(options, kind, ...)                                     \
	do {                                                           \
		static const struct text_case cases[] = {__VA_ARGS__}; \
		assert_values(options, kind, cases, COUNT(cases));     \
	} while (0)

static const struct column mixed[] = {
    COLUMN("id", INTEGER), COLUMN("name", TEXT), COLUMN("price", DECIMAL)};
static const struct value mixed_values[] = {
    CELL("1"), CELL("a \"b\""), CELL("1.50"), CELL("-2"), NIL, CELL("NaN")};
static const struct part two[] = {PART(NULL, mixed, mixed_values)};
static const struct part none[] = {{NULL, mixed, 3, NULL, 0}};

TEST(a_row_is_an_object)
{
	assert_parts(&encoder_jsonl, NULL, two, 1,
	    "{\"id\":1,\"name\":\"a \\\"b\\\"\",\"price\":1.50}\n"
	    "{\"id\":-2,\"name\":null,\"price\":\"NaN\"}\n");
	assert_parts(&encoder_json, NULL, two, 1,
	    "[\n{\"id\":1,\"name\":\"a \\\"b\\\"\",\"price\":1.50},\n"
	    "{\"id\":-2,\"name\":null,\"price\":\"NaN\"}\n]\n");
	assert_parts(&encoder_jsonl, NULL, none, 1, "");
	assert_parts(&encoder_json, NULL, none, 1, "[\n]\n");
}

TEST(a_row_may_be_an_array)
{
	static const char arrays[] = "{\"shape\": \"arrays\"}";

	assert_parts(&encoder_jsonl, arrays, two, 1,
	    "[\"id\",\"name\",\"price\"]\n[1,\"a \\\"b\\\"\",1.50]\n"
	    "[-2,null,\"NaN\"]\n");
	assert_parts(&encoder_json, arrays, two, 1,
	    "{\"columns\":[\"id\",\"name\",\"price\"],\"rows\":[\n"
	    "[1,\"a \\\"b\\\"\",1.50],\n[-2,null,\"NaN\"]\n]}\n");
	assert_parts(&encoder_json, arrays, none, 1,
	    "{\"columns\":[\"id\",\"name\",\"price\"],\"rows\":[\n]}\n");
}

static const struct column one[] = {COLUMN("x", INTEGER)};
static const struct value seven[] = {CELL("7")};

TEST(sections_are_members_by_name)
{
	static const struct part parts[] = {PART("a \"q\"", one, seven),
	    PART(NULL, one, seven), {"none", one, 1, NULL, 0}};

	assert_parts(&encoder_json, NULL, parts, 3,
	    "{\n\"a \\\"q\\\"\":[\n{\"x\":7}\n],\n"
	    "\"result_2\":[\n{\"x\":7}\n],\n\"none\":[\n]\n}\n");
	/* A single section is the array itself, whatever its name. */
	assert_parts(&encoder_json, NULL, parts, 1, "[\n{\"x\":7}\n]\n");
}

TEST(sections_of_one_name_are_refused)
{
	static const struct part parts[] = {
	    PART("a", one, seven), PART("a", one, seven)};

	refuse(&encoder_json, NULL, parts, 2, "two sections are named \"a\"");
	refuse(&encoder_jsonl, NULL, parts, 2, "of one query only");
}

TEST(columns_of_one_name_are_refused_in_objects)
{
	static const struct column twice[] = {
	    COLUMN("x", INTEGER), COLUMN("x", TEXT)};
	static const struct value values[] = {CELL("1"), CELL("2")};
	static const struct part part[] = {PART(NULL, twice, values)};

	refuse(&encoder_jsonl, NULL, part, 1, "two columns are named \"x\"");
	refuse(&encoder_json, "{\"columns\": {\"id\": {\"label\": \"name\"}}}",
	    two, 1, "two columns are named \"name\"");
	assert_parts(&encoder_jsonl, "{\"shape\": \"arrays\"}", part, 1,
	    "[\"x\",\"x\"]\n[1,\"2\"]\n");
}

TEST(columns_may_have_labels)
{
	assert_parts(&encoder_jsonl,
	    "{\"columns\": {\"x\": {\"label\": \"\xC3\xA9 \\\" \\n\"}}}",
	    &(struct part)PART(NULL, one, seven), 1,
	    "{\"\xC3\xA9 \\\" \\n\":7}\n");
}

TEST(numbers_keep_their_digits)
{
	VALUES(NULL, KIND_INTEGER, {"0", "0"}, {"-1", "-1"},
	    {"9223372036854775807", "9223372036854775807"},
	    {"-9223372036854775808", "-9223372036854775808"});
	VALUES(NULL, KIND_DECIMAL, {"0.00", "0.00"}, {"-0.10", "-0.10"},
	    {"123456789012345678901234567890.123456789",
		"123456789012345678901234567890.123456789"},
	    {"NaN", "\"NaN\""}, {"Infinity", "\"Infinity\""},
	    {"-Infinity", "\"-Infinity\""});
	VALUES(NULL, KIND_FLOAT, {"1e-07", "1e-07"},
	    {"1.7976931348623157e+308", "1.7976931348623157e+308"},
	    {"-0", "-0"}, {"NaN", "\"NaN\""}, {"-Infinity", "\"-Infinity\""});
	VALUES("{\"not_finite\": \"null\"}", KIND_FLOAT, {"NaN", "null"},
	    {"-Infinity", "null"}, {"-1.5", "-1.5"});
}

TEST(big_integers_may_be_strings)
{
	static const char option[] = "{\"big_integers\": \"string\"}";

	VALUES(option, KIND_INTEGER, {"9007199254740991", "9007199254740991"},
	    {"9007199254740992", "\"9007199254740992\""},
	    {"-9007199254740991", "-9007199254740991"},
	    {"-9007199254740992", "\"-9007199254740992\""},
	    {"9223372036854775807", "\"9223372036854775807\""},
	    {"999999999999999", "999999999999999"});
	VALUES(option, KIND_DECIMAL,
	    {"90071992547409920", "\"90071992547409920\""},
	    {"90071992547409920.5", "90071992547409920.5"}, {"1", "1"});
	VALUES(option, KIND_FLOAT, {"1e+20", "1e+20"},
	    {"90071992547409920", "90071992547409920"});
	VALUES("{\"decimals\": \"string\"}", KIND_DECIMAL, {"1", "\"1\""},
	    {"1.50", "\"1.50\""}, {"NaN", "\"NaN\""});
	VALUES("{\"decimals\": \"string\"}", KIND_INTEGER, {"1", "1"});
}

TEST(text_is_escaped_where_it_must)
{
	VALUES(NULL, KIND_TEXT, {"", "\"\""}, {"a/b", "\"a/b\""},
	    {"\"", "\"\\\"\""}, {"\\", "\"\\\\\""},
	    {"1234567\"9", "\"1234567\\\"9\""},
	    {"12345678\\", "\"12345678\\\\\""},
	    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
	    {"\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\""},
	    {"\xC3\xA9 \xE2\x80\xA8 \xF0\x9F\x99\x82",
		"\"\xC3\xA9 \xE2\x80\xA8 \xF0\x9F\x99\x82\""});
	VALUES(NULL, KIND_UUID, {"a-b", "\"a-b\""});
	VALUES(NULL, KIND_OTHER, {"(1,\"x\")", "\"(1,\\\"x\\\")\""});
}

/* The character stands at every place in the eight bytes that are read at once,
 * and at the ends of the pieces of long texts. */
TEST(text_of_any_length_reads_back)
{
	static const size_t lengths[] = {1, 7, 8, 9, 16, 10913, 10914, 10915,
	    10922, 65535, 65536, 65537, 300000, 1048576};
	static const char fill[] = "abc\xC3\xA9\"\\\x01 <>&";

	for (size_t i = 0; i < COUNT(lengths); i++) {
		for (size_t start = 0; start < sizeof(fill) - 1; start++) {
			char *text = mem_alloc(lengths[i] + 1);
			struct value v = {text, (int32_t)lengths[i]};
			struct part p = {NULL, one, 1, &v, 1};
			struct column c = COLUMN("x", TEXT);
			struct err e = {.text = ""};
			struct fake f;
			json_t *back;

			p.columns = &c;
			for (size_t n = 0; n < lengths[i]; n++)
				text[n] =
				    fill[(start + n) % (sizeof(fill) - 1)];
			/* The text must not begin or end inside of a
			 * character. */
			if (text[0] == '\xA9')
				text[0] = '.';
			if (text[lengths[i] - 1] == '\xC3')
				text[lengths[i] - 1] = '.';
			fake_init(&f);
			assert_int_equal(
			    encode(&encoder_jsonl, NULL, &p, 1, &f, &e), 0);
			back = json_loadb(f.bytes.data, f.bytes.len, 0, NULL);
			assert_non_null(back);
			assert_int_equal(
			    json_string_length(json_object_get(back, "x")),
			    lengths[i]);
			assert_memory_equal(
			    json_string_value(json_object_get(back, "x")), text,
			    lengths[i]);
			json_decref(back);
			fake_free(&f);
			free(text);
		}
	}
}

TEST(json_is_embedded_in_one_line)
{
	VALUES(NULL, KIND_JSON, {"{\"a\": [1, null]}", "{\"a\": [1, null]}"},
	    {"1.000", "1.000"}, {"\"a\\nb\"", "\"a\\nb\""},
	    {"{\n\t\"a\":\r\n1\n}", "{ \t\"a\":  1 }"}, {"\n1\n", " 1 "},
	    {"\"null\"", "\"null\""}, {"null", "null"});
}

TEST(booleans_and_moments)
{
	VALUES(NULL, KIND_BOOLEAN, {"t", "true"}, {"f", "false"});
	VALUES(NULL, KIND_DATE, {"2026-03-01", "\"2026-03-01\""},
	    {"0044-03-15 BC", "\"0044-03-15 BC\""},
	    {"infinity", "\"infinity\""});
	VALUES(NULL, KIND_TIME, {"24:00:00", "\"24:00:00\""});
	VALUES(NULL, KIND_TIMETZ, {"09:30:00+01", "\"09:30:00+01:00\""});
	VALUES(NULL, KIND_TIMESTAMP,
	    {"2026-03-01 09:30:00", "\"2026-03-01T09:30:00\""},
	    {"0044-03-15 12:00:00 BC", "\"0044-03-15 12:00:00 BC\""},
	    {"-infinity", "\"-infinity\""});
	VALUES(NULL, KIND_TIMESTAMPTZ,
	    {"2026-03-01 09:30:00.5+05:30", "\"2026-03-01T09:30:00.5+05:30\""},
	    {"infinity", "\"infinity\""});
	VALUES(NULL, KIND_INTERVAL, {"1 day 02:00:00", "\"P1DT2H\""},
	    {"infinity", "\"infinity\""});
	VALUES("{\"intervals\": \"text\"}", KIND_INTERVAL,
	    {"1 day 02:00:00", "\"1 day 02:00:00\""});
}

/* Test vectors of RFC 4648, section 10. */
TEST(bytes_are_base64_or_hexadecimal)
{
	VALUES(NULL, KIND_BYTES, {"\\x", "\"\""}, {"\\x66", "\"Zg==\""},
	    {"\\x666f", "\"Zm8=\""}, {"\\x666f6f", "\"Zm9v\""},
	    {"\\x666f6f62", "\"Zm9vYg==\""}, {"\\x666f6f6261", "\"Zm9vYmE=\""},
	    {"\\x666f6f626172", "\"Zm9vYmFy\""},
	    {"\\xfffefdfbefff", "\"//79++//\""}, {"\\xFFAB00", "\"/6sA\""});
	VALUES("{\"bytes\": \"hex\"}", KIND_BYTES, {"\\x", "\"\""},
	    {"\\x00ff", "\"00ff\""});
}

static void assert_array(
    enum column_kind element, const char *in, const char *out)
{
	struct column c = {.name = (char *)(uintptr_t) "x",
	    .kind = KIND_ARRAY,
	    .element = element};
	struct value v = {in, (int32_t)strlen(in)};

	assert_value(NULL, &c, &v, out);
}

TEST(arrays_are_arrays_of_their_kind)
{
	static const struct column column[] = {
	    {.name = (char *)(uintptr_t) "x", .kind = KIND_ARRAY}};
	static const struct value wrong[] = {CELL("{1")}, nil[] = {NIL};

	assert_array(KIND_INTEGER, "{}", "[]");
	assert_array(KIND_INTEGER, "{1,NULL,3}", "[1,null,3]");
	assert_array(KIND_INTEGER, "[2:3]={7,8}", "[7,8]");
	assert_array(KIND_INTEGER, "{{1,2},{3,4}}", "[[1,2],[3,4]]");
	assert_array(KIND_TEXT, "{a,\"b \\\"\",NULL,\"NULL\"}",
	    "[\"a\",\"b \\\"\",null,\"NULL\"]");
	assert_array(KIND_DECIMAL, "{1.50,NaN}", "[1.50,\"NaN\"]");
	assert_array(KIND_BOOLEAN, "{t,f}", "[true,false]");
	assert_array(KIND_JSON, "{\"{\\\"a\\\": 1}\",2}", "[{\"a\": 1},2]");
	assert_array(KIND_TIMESTAMPTZ, "{\"2026-03-01 09:30:00+01\"}",
	    "[\"2026-03-01T09:30:00+01:00\"]");
	assert_array(
	    KIND_INTERVAL, "{01:00:00,\"1 day\"}", "[\"PT1H\",\"P1D\"]");
	assert_array(KIND_BYTES, "{\"\\\\x666f6f\"}", "[\"Zm9v\"]");
	assert_value(NULL, column, nil, "null");
	refuse(&encoder_jsonl, NULL, &(struct part)PART(NULL, column, wrong), 1,
	    "column \"x\": not an array of PostgreSQL: {1");
}

TEST(rows_without_columns_are_empty)
{
	static const struct part part[] = {{NULL, NULL, 0, NULL, 2}};

	assert_parts(&encoder_jsonl, NULL, part, 1, "{}\n{}\n");
	assert_parts(&encoder_json, "{\"shape\": \"arrays\"}", part, 1,
	    "{\"columns\":[],\"rows\":[\n[],\n[]\n]}\n");
}

TEST(a_write_that_fails_at_any_byte_is_passed_on)
{
	static const char *const options[] = {
	    NULL, "{\"shape\": \"arrays\", \"big_integers\": \"string\"}"};
	static const struct part parts[] = {
	    PART("a", mixed, mixed_values), PART("b", mixed, mixed_values)};

	for (size_t i = 0; i < COUNT(options); i++) {
		struct err e = {.text = ""};
		struct fake f;
		size_t size;

		fake_init(&f);
		assert_int_equal(
		    encode(&encoder_json, options[i], parts, 2, &f, &e), 0);
		size = f.bytes.len;
		fake_free(&f);
		for (size_t n = 0; n < size; n++) {
			fake_init(&f);
			f.fail_at = n;
			assert_int_equal(
			    encode(&encoder_json, options[i], parts, 2, &f, &e),
			    -1);
			assert_err(&e, FAKE_ERROR);
			fake_free(&f);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_is_an_object),
	    cmocka_unit_test(a_row_may_be_an_array),
	    cmocka_unit_test(sections_are_members_by_name),
	    cmocka_unit_test(sections_of_one_name_are_refused),
	    cmocka_unit_test(columns_of_one_name_are_refused_in_objects),
	    cmocka_unit_test(columns_may_have_labels),
	    cmocka_unit_test(numbers_keep_their_digits),
	    cmocka_unit_test(big_integers_may_be_strings),
	    cmocka_unit_test(text_is_escaped_where_it_must),
	    cmocka_unit_test(text_of_any_length_reads_back),
	    cmocka_unit_test(json_is_embedded_in_one_line),
	    cmocka_unit_test(booleans_and_moments),
	    cmocka_unit_test(bytes_are_base64_or_hexadecimal),
	    cmocka_unit_test(arrays_are_arrays_of_their_kind),
	    cmocka_unit_test(rows_without_columns_are_empty),
	    cmocka_unit_test(a_write_that_fails_at_any_byte_is_passed_on),
	};

	return cmocka_run_group_tests_name("json_rows", tests, NULL, NULL);
}
