/* SPDX-License-Identifier: MIT */
#include "encode/text/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/option.h"
#include "helper.h"

static json_t *parse(const char *options)
{
	struct err e;
	json_t *o =
	    options ? json_parse_object(options, strlen(options), &e) : NULL;

	assert_true(options == NULL || o != NULL);
	return o;
}

struct table {
	const char *options; /* JSON, NULL: none */
	const struct column *columns;
	int count;
	const struct value *values;
	int rows;
};
#define COLUMNS(c) .columns = (c), .count = (int)COUNT(c)
#define VALUES(v, n) .values = (v), .rows = (n)

/* Encodes the table into f, with this many rows per batch. */
static int encode(
    const struct table *t, int rows_a_batch, struct fake *f, struct err *e)
{
	struct schema schema = {
	    (struct column *)(uintptr_t)t->columns, t->count};
	json_t *options = parse(t->options);
	struct sink *sink = fake_open(f);
	struct encoder *enc = encoder_open(&encoder_csv,
	    &(struct encoder_options){.options = options, .sink = sink}, e);
	const struct value *v = t->values;
	int rc = -1;

	if (enc == NULL ||
	    encoder_begin(enc, &(struct section){.schema = &schema}, e) != 0)
		goto out;
	for (int row = 0; row < t->rows; row += rows_a_batch) {
		struct batch b = {v, t->rows - row < rows_a_batch
					 ? t->rows - row
					 : rows_a_batch};

		if (encoder_rows(enc, &b, e) != 0)
			goto out;
		if (v != NULL)
			v += b.rows * t->count;
	}
	if (encoder_end(enc, e) == 0)
		rc = encoder_finish(enc, e);
out:
	encoder_free(enc);
	json_decref(options);
	sink_free(sink);
	return rc;
}

static void assert_csv(const struct table *t, const char *expected)
{
	for (int rows_a_batch = 1; rows_a_batch < 3; rows_a_batch++) {
		struct err e = {.text = ""};
		struct fake f;
		int rc;

		fake_init(&f);
		rc = encode(t, rows_a_batch, &f, &e);
		assert_err(&e, "");
		assert_int_equal(rc, 0);
		assert_string_equal(f.bytes.data, expected);
		assert_int_equal(f.bytes.len, strlen(expected));
		assert_int_equal(f.finished, 0);
		fake_free(&f);
	}
}

static const struct column one_text[] = {COLUMN("t", TEXT)};
static const struct column mixed[] = {
    COLUMN("id", INTEGER),
    COLUMN("name", TEXT),
    COLUMN("price", DECIMAL),
};
static const struct value mixed_values[] = {
    CELL("1"),
    CELL("plain"),
    CELL("1.50"),
    CELL("-2"),
    CELL("with, comma"),
    NIL,
    NIL,
    CELL("say \"hi\""),
    CELL("-0.5"),
};
#define MIXED COLUMNS(mixed), VALUES(mixed_values, 3)

TEST(defaults_are_those_of_copy)
{
	assert_csv(&(struct table){MIXED},
	    "id,name,price\n1,plain,1.50\n-2,\"with, comma\",\n"
	    ",\"say \"\"hi\"\"\",-0.5\n");
	assert_csv(&(struct table){.options = "{}", MIXED},
	    "id,name,price\n1,plain,1.50\n-2,\"with, comma\",\n"
	    ",\"say \"\"hi\"\"\",-0.5\n");
}

TEST(no_rows_leave_the_header)
{
	assert_csv(&(struct table){COLUMNS(mixed)}, "id,name,price\n");
	assert_csv(
	    &(struct table){.options = "{\"header\": false}", COLUMNS(mixed)},
	    "");
}

TEST(fields_are_quoted_when_they_must_be)
{
	static const struct value v[] = {CELL("plain"), CELL(" padded "),
	    CELL("a,b"), CELL("a\"b"), CELL("a\nb"), CELL("a\rb"), CELL("\""),
	    CELL("tab\there"), CELL("semi;colon"), CELL("it's"),
	    CELL("back\\slash"), CELL("\xE2\x82\xAC"), CELL("\"quoted\""),
	    CELL("#")};

	assert_csv(&(struct table){COLUMNS(one_text), VALUES(v, (int)COUNT(v))},
	    "t\nplain\n padded \n\"a,b\"\n\"a\"\"b\"\n\"a\nb\"\n\"a\rb\"\n"
	    "\"\"\"\"\ntab\there\nsemi;colon\nit's\nback\\slash\n"
	    "\xE2\x82\xAC\n\"\"\"quoted\"\"\"\n#\n");
}

TEST(null_and_the_empty_string_differ)
{
	static const struct value v[] = {NIL, CELL("")};

	assert_csv(
	    &(struct table){COLUMNS(one_text), VALUES(v, 2)}, "t\n\n\"\"\n");
}

TEST(a_value_that_reads_like_null_is_quoted)
{
	static const struct value v[] = {
	    NIL, CELL("NULL"), CELL("null"), CELL("NULLS"), CELL("")};

	assert_csv(&(struct table){.options = "{\"null\": \"NULL\"}",
		       COLUMNS(one_text),
		       VALUES(v, 5)},
	    "t\nNULL\n\"NULL\"\nnull\nNULLS\n\n");
}

/* COPY FROM would read \. alone on a line as the end of its input. */
TEST(the_end_marker_is_quoted_where_it_stands_alone)
{
	static const struct column two[] = {
	    COLUMN("a", TEXT), COLUMN("\\.", TEXT)};
	static const struct column one[] = {COLUMN("\\.", TEXT)};
	static const struct value v[] = {
	    CELL("\\."), CELL("\\.x"), CELL("\\\\."), CELL(".")};

	assert_csv(&(struct table){COLUMNS(one), VALUES(v, 4)},
	    "\"\\.\"\n\"\\.\"\n\\.x\n\\\\.\n.\n");
	assert_csv(&(struct table){COLUMNS(two), VALUES(v, 2)},
	    "a,\\.\n\\.,\\.x\n\\\\.,.\n");
}

TEST(column_names_are_quoted_like_values)
{
	static const struct column odd[] = {COLUMN("a,b", TEXT),
	    COLUMN("say \"x\"", TEXT), COLUMN("", TEXT),
	    COLUMN("two\nlines", TEXT), COLUMN("?column?", TEXT)};

	assert_csv(&(struct table){COLUMNS(odd)},
	    "\"a,b\",\"say \"\"x\"\"\",\"\",\"two\nlines\",?column?\n");
	assert_csv(
	    &(struct table){.options = "{\"quote\": \"all\"}", COLUMNS(mixed)},
	    "id,name,price\n");
}

TEST(any_single_byte_can_delimit)
{
	static const struct value v[] = {
	    CELL("a,b"), CELL("a;b"), CELL("a\tb"), CELL("a|b"), CELL("a b")};
	static const struct column five[] = {COLUMN("a", TEXT),
	    COLUMN("b", TEXT), COLUMN("c", TEXT), COLUMN("d", TEXT),
	    COLUMN("e e", TEXT)};

	assert_csv(&(struct table){.options = "{\"delimiter\": \";\"}",
		       COLUMNS(five),
		       VALUES(v, 1)},
	    "a;b;c;d;e e\na,b;\"a;b\";a\tb;a|b;a b\n");
	assert_csv(&(struct table){.options = "{\"delimiter\": \"\\t\"}",
		       COLUMNS(five),
		       VALUES(v, 1)},
	    "a\tb\tc\td\te e\na,b\ta;b\t\"a\tb\"\ta|b\ta b\n");
	assert_csv(&(struct table){.options = "{\"delimiter\": \" \"}",
		       COLUMNS(five),
		       VALUES(v, 1)},
	    "a b c d \"e e\"\na,b a;b a\tb a|b \"a b\"\n");
}

TEST(all_quotes_all_but_null)
{
	assert_csv(&(struct table){.options = "{\"quote\": \"all\"}", MIXED},
	    "id,name,price\n\"1\",\"plain\",\"1.50\"\n"
	    "\"-2\",\"with, comma\",\n,\"say \"\"hi\"\"\",\"-0.5\"\n");
}

TEST(nonnumeric_leaves_numbers_bare)
{
	static const struct column kinds[] = {
	    COLUMN("i", INTEGER),
	    COLUMN("d", DECIMAL),
	    COLUMN("f", FLOAT),
	    COLUMN("b", BOOLEAN),
	    COLUMN("t", TIMESTAMPTZ),
	    COLUMN("o", OTHER),
	};
	static const struct value v[] = {CELL("1"), CELL("1.0"), CELL("1e+20"),
	    CELL("t"), CELL("2026-01-01 00:00:00+00"), NIL};

	assert_csv(&(struct table){.options = "{\"quote\": \"nonnumeric\"}",
		       COLUMNS(kinds),
		       VALUES(v, 1)},
	    "i,d,f,b,t,o\n1,1.0,1e+20,\"t\",\"2026-01-01 00:00:00+00\",\n");
}

TEST(lines_may_end_in_crlf)
{
	static const struct value v[] = {CELL("a\nb"), CELL("c")};

	assert_csv(&(struct table){.options = "{\"line_ending\": \"crlf\"}",
		       COLUMNS(one_text),
		       VALUES(v, 2)},
	    "t\r\n\"a\nb\"\r\nc\r\n");
}

TEST(a_byte_order_mark_comes_first)
{
	static const struct value v[] = {CELL("x")};

	assert_csv(
	    &(struct table){
		.options = "{\"bom\": true}", COLUMNS(one_text), VALUES(v, 1)},
	    "\xEF\xBB\xBFt\nx\n");
	assert_csv(
	    &(struct table){.options = "{\"bom\": true, \"header\": false}",
		COLUMNS(one_text)},
	    "\xEF\xBB\xBF");
}

TEST(another_encoding_is_written_in_its_bytes)
{
	static const struct column c[] = {COLUMN("pr\xC3\xA9nom", TEXT)};
	static const struct value v[] = {CELL("caf\xC3\xA9"), CELL("x")};

	assert_csv(&(struct table){.options = "{\"encoding\": \"LATIN1\"}",
		       COLUMNS(c),
		       VALUES(v, 2)},
	    "pr\xE9nom\ncaf\xE9\nx\n");
	assert_csv(&(struct table){.options = "{\"encoding\": \"utf-8\"}",
		       COLUMNS(c),
		       VALUES(v, 1)},
	    "pr\xC3\xA9nom\ncaf\xC3\xA9\n");
}

TEST(a_character_that_the_encoding_lacks_is_an_error)
{
	static const struct value v[] = {CELL("fine"), CELL("5 \xE2\x82\xAC")};
	struct table t = {.options = "{\"encoding\": \"LATIN1\"}",
	    COLUMNS(one_text),
	    VALUES(v, 2)};
	struct fake f;
	struct err e;

	fake_init(&f);
	assert_int_equal(encode(&t, 1, &f, &e), -1);
	assert_err(&e,
	    "character U+20AC (\xE2\x82\xAC) does not exist in encoding "
	    "LATIN1; export as UTF8 or replace it in the query");
	assert_int_equal(e.kind, ERR_PERMANENT);
	fake_free(&f);
}

#define LONG_NUMBER \
	"12345678901234567890123456789012345678901234567890123456789012345678"

TEST(decimal_comma_changes_numbers_only)
{
	static const struct value v[] = {CELL("1.5"), CELL("1.5"), CELL("-.5"),
	    CELL("10"), CELL("a.b.c"), CELL("1.5e-07"), NIL, NIL, CELL("NaN"),
	    CELL("1"), CELL(""), CELL(LONG_NUMBER ".25")};
	static const struct column c[] = {
	    COLUMN("a.b", FLOAT),
	    COLUMN("t", TEXT),
	    COLUMN("n", DECIMAL),
	};

	assert_csv(
	    &(struct table){
		.options = "{\"decimal_comma\": true, \"delimiter\": \";\"}",
		COLUMNS(c),
		VALUES(v, 4)},
	    "a.b;t;n\n1,5;1.5;-,5\n10;a.b.c;1,5e-07\n;;NaN\n1;\"\";" LONG_NUMBER
	    ",25\n");
}

TEST(formula_guard_changes_names_and_text_only)
{
	static const struct value v[] = {CELL("=1+2"), CELL("-1"), CELL("+1"),
	    CELL("-2"), CELL("@x"), CELL("-3.5"), CELL("\tx"), NIL, CELL("\rx"),
	    NIL, CELL("=a,\"b\""), NIL, CELL("a=b"), NIL, CELL(""), NIL, NIL,
	    NIL};
	static const struct column c[] = {
	    COLUMN("=t", TEXT), COLUMN("n", INTEGER)};

	assert_csv(&(struct table){.options = "{\"formula_guard\": true}",
		       COLUMNS(c),
		       VALUES(v, 9)},
	    "'=t,n\n'=1+2,-1\n'+1,-2\n'@x,-3.5\n'\tx,\n\"'\rx\",\n"
	    "\"'=a,\"\"b\"\"\",\na=b,\n\"\",\n,\n");
	assert_csv(&(struct table){.options = "{\"formula_guard\": true, "
					      "\"quote\": \"all\"}",
		       COLUMNS(c),
		       VALUES(v, 1)},
	    "'=t,n\n\"'=1+2\",\"-1\"\n");
	assert_csv(&(struct table){.options = "{\"formula_guard\": true, "
					      "\"null\": \"'=1+2\"}",
		       COLUMNS(c),
		       VALUES(v, 1)},
	    "'=t,n\n\"'=1+2\",-1\n");
	assert_csv(
	    &(struct table){COLUMNS(c), VALUES(v, 1)}, "=t,n\n=1+2,-1\n");
}

TEST(no_columns_give_empty_lines)
{
	assert_csv(&(struct table){.rows = 3}, "\n\n\n\n");
	assert_csv(&(struct table){.options = "{\"header\": false}", .rows = 2},
	    "\n\n");
}

/* PostgreSQL allows 1664 columns in a result. */
TEST(wide_rows_are_whole)
{
	static struct column c[1664];
	static struct value v[2 * 1664];
	struct table t = {
	    .options = "{\"header\": false}", COLUMNS(c), VALUES(v, 2)};
	struct buf expected;

	buf_init(&expected, 1 << 20);
	for (int i = 0; i < 2 * 1664; i++) {
		c[i % 1664].name = (char *)(uintptr_t) "c";
		v[i] = (struct value)CELL("a\"");
		buf_printf(&expected, "%s\"a\"\"\"%s", i % 1664 ? "," : "",
		    i % 1664 == 1663 ? "\n" : "");
	}
	assert_csv(&t, expected.data);
	buf_free(&expected);
}

TEST(huge_cells_are_whole)
{
	enum { SIZE = 10 << 20 };
	char *cell = mem_zalloc(SIZE + 1);
	struct value v[] = {
	    CELL("before"), {cell, SIZE}, {cell, SIZE}, CELL("after")};
	struct table t = {COLUMNS(one_text), VALUES(v, 4)};
	struct buf expected;
	struct fake f;
	struct err e;

	memset(cell, 'x', SIZE);
	cell[SIZE / 2] = '"';
	buf_init(&expected, 64 << 20);
	buf_str(&expected, "t\nbefore\n");
	for (int i = 0; i < 2; i++) {
		buf_char(&expected, '"');
		buf_add(&expected, cell, SIZE / 2 + 1);
		buf_add(&expected, cell + SIZE / 2, SIZE - SIZE / 2);
		buf_str(&expected, "\"\n");
	}
	buf_str(&expected, "after\n");
	fake_init(&f);
	assert_int_equal(encode(&t, 1, &f, &e), 0);
	assert_int_equal(f.bytes.len, expected.len);
	assert_memory_equal(f.bytes.data, expected.data, expected.len);
	fake_free(&f);
	buf_free(&expected);
	free(cell);
}

TEST(many_rows_reach_the_sink_in_large_pieces)
{
	struct value v[] = {CELL("0123456789")};
	struct schema schema = {(struct column *)(uintptr_t)one_text, 1};
	struct batch b = {v, 1};
	struct encoder *enc;
	struct sink *sink;
	struct fake f;
	struct err e;

	fake_init(&f);
	sink = fake_open(&f);
	enc = encoder_open(
	    &encoder_csv, &(struct encoder_options){.sink = sink}, &e);
	assert_int_equal(
	    encoder_begin(enc, &(struct section){.schema = &schema}, &e), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(encoder_rows(enc, &b, &e), 0);
	/* Most of the output has left the encoder before its end. */
	assert_in_range(f.bytes.len, 700000, 1100002);
	assert_int_equal(encoder_end(enc, &e), 0);
	assert_int_equal(encoder_finish(enc, &e), 0);
	assert_int_equal(f.bytes.len, 1100002);
	assert_in_range(f.writes, 2, 20);
	encoder_free(enc);
	sink_free(sink);
	fake_free(&f);
}

TEST(a_second_result_is_refused)
{
	struct schema schema = {(struct column *)(uintptr_t)one_text, 1};
	struct encoder *enc;
	struct sink *sink;
	struct fake f;
	struct err e;

	fake_init(&f);
	sink = fake_open(&f);
	enc = encoder_open(
	    &encoder_csv, &(struct encoder_options){.sink = sink}, &e);
	assert_int_equal(
	    encoder_begin(enc, &(struct section){.schema = &schema}, &e), 0);
	assert_int_equal(encoder_end(enc, &e), 0);
	assert_int_equal(
	    encoder_begin(enc, &(struct section){.schema = &schema}, &e), -1);
	assert_err(&e, "a CSV file holds the result of one query only");
	encoder_free(enc);
	sink_free(sink);
	fake_free(&f);
}

#define DELIMITER                                                            \
	"output_options: \"delimiter\" must be one character, no quote and " \
	"no line break"
#define NULL_STRING                                                           \
	"output_options: \"null\" must not hold the delimiter, a quote or a " \
	"line break"

TEST(dialects_that_cannot_be_read_back_are_refused)
{
	static const struct {
		const char *options, *error;
	} cases[] = {
	    {"{\"delimiter\": \"\"}", DELIMITER},
	    {"{\"delimiter\": \"\\\"\"}", DELIMITER},
	    {"{\"delimiter\": \"\\n\"}", DELIMITER},
	    {"{\"delimiter\": \"\\r\"}", DELIMITER},
	    {"{\"delimiter\": \"||\"}", DELIMITER},
	    {"{\"delimiter\": \"\xC2\xA7\"}", DELIMITER},
	    {"{\"null\": \"a,b\"}", NULL_STRING},
	    {"{\"null\": \"\\\"\"}", NULL_STRING},
	    {"{\"null\": \"a\\nb\"}", NULL_STRING},
	    {"{\"null\": \"a\\rb\"}", NULL_STRING},
	    {"{\"null\": \";\", \"delimiter\": \";\"}", NULL_STRING},
	    {"{\"decimal_comma\": true}",
		"output_options: \"decimal_comma\" needs another delimiter, "
		"such as \";\""},
	    {"{\"bom\": true, \"encoding\": \"LATIN1\"}",
		"output_options: \"bom\" belongs to UTF8, not to LATIN1"},
	    {"{\"encoding\": \"KLINGON\"}",
		"output_options: encoding \"KLINGON\" cannot be written; "
		"known: UTF8, SQL_ASCII, LATIN1, LATIN2, LATIN3, LATIN4, "
		"LATIN5, "
		"LATIN6, LATIN7, LATIN8, LATIN9, LATIN10, ISO_8859_5, "
		"ISO_8859_6, "
		"ISO_8859_7, ISO_8859_8, KOI8R, KOI8U, WIN866, WIN874, "
		"WIN1250, "
		"WIN1251, WIN1252, WIN1253, WIN1254, WIN1256, WIN1257, EUC_CN, "
		"GBK, "
		"WIN1255, WIN1258, SJIS, EUC_JP, EUC_JIS_2004, SHIFT_JIS_2004, "
		"BIG5, EUC_TW, EUC_KR, UHC, JOHAB, GB18030"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct table t = {
		    .options = cases[i].options, COLUMNS(one_text)};
		struct fake f;
		struct err e = {.text = "accepted"};

		fake_init(&f);
		encode(&t, 1, &f, &e);
		assert_err(&e, cases[i].error);
		assert_int_equal(e.kind, ERR_PERMANENT);
		fake_free(&f);
	}
}

TEST(unknown_options_and_values_name_the_known_ones)
{
	static const struct {
		const char *options, *error;
	} cases[] = {
	    {"{\"delimeter\": \";\"}",
		"output_options: CSV has no option \"delimeter\"; known: "
		"delimiter, header, quote, null, line_ending, bom, encoding, "
		"decimal_comma, formula_guard, columns, sections, max_rows, "
		"skip_if_empty, snapshot, compress, unload, s3, file"},
	    {"{\"quote\": \"some\"}",
		"output_options: \"quote\" must be one of "
		"minimal|all|nonnumeric"},
	    {"{\"quote\": \"minimal|all\"}",
		"output_options: \"quote\" must be one of "
		"minimal|all|nonnumeric"},
	    {"{\"quote\": \"\"}", "output_options: \"quote\" must be one of "
				  "minimal|all|nonnumeric"},
	    {"{\"line_ending\": \"cr\"}",
		"output_options: \"line_ending\" must be one of lf|crlf"},
	    {"{\"header\": \"yes\"}",
		"output_options: \"header\" must be a boolean"},
	    {"{\"header\": null}",
		"output_options: \"header\" must be a boolean"},
	    {"{\"null\": false}", "output_options: \"null\" must be a string"},
	    {"{\"delimiter\": 1}",
		"output_options: \"delimiter\" must be a string"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *o = json_loads(cases[i].options, 0, NULL);
		struct err e = {.text = "accepted"};

		assert_int_equal(export_check_options(&encoder_csv, o, &e), -1);
		assert_err(&e, cases[i].error);
		assert_int_equal(e.kind, ERR_PERMANENT);
		json_decref(o);
	}
}

/* A NULL `expected` means that no CSV form describes the file. */
static void assert_form(const char *options, const struct csv_form *expected)
{
	json_t *o = parse(options);
	struct csv_form form;
	bool told = encoder_csv.form(o, &form);

	assert_int_equal(told, expected != NULL);
	if (told) {
		assert_int_equal(form.delimiter, expected->delimiter);
		assert_string_equal(form.null, expected->null);
		assert_string_equal(form.encoding, expected->encoding);
		assert_int_equal(form.header, expected->header);
		assert_int_equal(form.quote_all, expected->quote_all);
		assert_string_equal(form.before, expected->before);
	}
	json_decref(o);
}

TEST(a_plain_file_tells_its_form)
{
	assert_form(
	    NULL, &(struct csv_form){',', "", "UTF8", true, false, "", false});
	assert_form("{\"header\": false, \"delimiter\": \"\\t\"}",
	    &(struct csv_form){'\t', "", "UTF8", false, false, "", false});
	assert_form("{\"null\": \"it's \\\\N\", \"quote\": \"all\"}",
	    &(struct csv_form){',', "it's \\N", "UTF8", true, true, "", false});
	assert_form("{\"bom\": true}", &(struct csv_form){',', "", "UTF8", true,
					   false, "\xEF\xBB\xBF", false});
	assert_form("{\"encoding\": \"LATIN1\"}",
	    &(struct csv_form){',', "", "LATIN1", true, false, "", false});
}

TEST(no_form_describes_other_files)
{
	assert_form("{\"line_ending\": \"crlf\"}", NULL);
	assert_form("{\"quote\": \"nonnumeric\"}", NULL);
	assert_form("{\"formula_guard\": true}", NULL);
	assert_form("{\"decimal_comma\": true, \"delimiter\": \";\"}", NULL);
	/* Wrong options have no form; the encoder refuses them. */
	assert_form("{\"delimiter\": \"||\"}", NULL);
}

TEST(formats_are_found_by_name_in_any_case)
{
	assert_ptr_equal(encoder_type_named("CSV"), &encoder_csv);
	assert_ptr_equal(encoder_type_named("csv"), &encoder_csv);
	assert_null(encoder_type_named("CSVX"));
	assert_null(encoder_type_named(""));
	for (int i = 0; encoder_type_at(i) != NULL; i++)
		assert_ptr_equal(encoder_type_named(encoder_type_at(i)->name),
		    encoder_type_at(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_copy),
	    cmocka_unit_test(no_rows_leave_the_header),
	    cmocka_unit_test(fields_are_quoted_when_they_must_be),
	    cmocka_unit_test(null_and_the_empty_string_differ),
	    cmocka_unit_test(a_value_that_reads_like_null_is_quoted),
	    cmocka_unit_test(the_end_marker_is_quoted_where_it_stands_alone),
	    cmocka_unit_test(column_names_are_quoted_like_values),
	    cmocka_unit_test(any_single_byte_can_delimit),
	    cmocka_unit_test(all_quotes_all_but_null),
	    cmocka_unit_test(nonnumeric_leaves_numbers_bare),
	    cmocka_unit_test(lines_may_end_in_crlf),
	    cmocka_unit_test(a_byte_order_mark_comes_first),
	    cmocka_unit_test(another_encoding_is_written_in_its_bytes),
	    cmocka_unit_test(a_character_that_the_encoding_lacks_is_an_error),
	    cmocka_unit_test(decimal_comma_changes_numbers_only),
	    cmocka_unit_test(formula_guard_changes_names_and_text_only),
	    cmocka_unit_test(no_columns_give_empty_lines),
	    cmocka_unit_test(wide_rows_are_whole),
	    cmocka_unit_test(huge_cells_are_whole),
	    cmocka_unit_test(many_rows_reach_the_sink_in_large_pieces),
	    cmocka_unit_test(a_second_result_is_refused),
	    cmocka_unit_test(dialects_that_cannot_be_read_back_are_refused),
	    cmocka_unit_test(unknown_options_and_values_name_the_known_ones),
	    cmocka_unit_test(a_plain_file_tells_its_form),
	    cmocka_unit_test(no_form_describes_other_files),
	    cmocka_unit_test(formats_are_found_by_name_in_any_case),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
